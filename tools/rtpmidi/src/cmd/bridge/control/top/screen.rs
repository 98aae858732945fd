//! The screen: a line about the bridge, the lists, and a line of keys. Where there is little room one list has it all.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line as Text;
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row, Table, TableState};

use super::lines::{Line, List};
use super::model::{Model, Order};
use crate::description::printable;
use crate::report::plural;
use crate::time::minutes;

/// Rows in which there is room for all lists.
const ROOMY: u16 = 14;

/// Rows of a list that has no lines.
const EMPTY: u16 = 2;

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, model: &mut Model) {
    let rows = [Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)];
    let [head, middle, foot] = Layout::vertical(rows).areas(frame.area());
    let bold = Style::new().add_modifier(Modifier::BOLD);
    frame.render_widget(Paragraph::new(Text::styled(header(model), bold)), head);
    frame.render_widget(Paragraph::new(Text::styled(model.footer(), Style::new().add_modifier(Modifier::DIM))), foot);
    if frame.area().height < ROOMY {
        let lines = model.lines(model.focus);
        return list(frame, middle, model, model.focus, &lines);
    }
    let lines = List::ALL.map(|list| model.lines(list));
    // A list has room for its lines, and more of it if others need less.
    let rows = lines.each_ref().map(|lines| match lines.len() {
        0 => Constraint::Length(EMPTY),
        lines => Constraint::Fill(u16::try_from(lines.clamp(3, 24)).unwrap_or(24)),
    });
    let areas: [Rect; 3] = Layout::vertical(rows).areas(middle);
    for ((kind, area), lines) in List::ALL.into_iter().zip(areas).zip(&lines) {
        list(frame, area, model, kind, lines);
    }
}

fn header(model: &Model) -> String {
    let status = &model.status;
    let port = status.port.map(|port| format!("  ports {port} and {}", port + 1)).unwrap_or_default();
    let warnings = match status.warnings.last() {
        Some(last) => format!("  {}, the last: {last}", plural(status.warnings.len() as u64, "warning")),
        None => String::new(),
    };
    printable(&format!("{}{port}  up {}{warnings}", status.name, minutes(status.uptime_s)).replace('\n', " "))
}

fn list(frame: &mut Frame<'_>, area: Rect, model: &Model, list: List, lines: &[Line]) {
    let is_focus = model.focus == list;
    let order = match model.order {
        Order::Coming => "",
        Order::Name => ", by name",
        Order::Rate => ", by messages",
    };
    let title = format!(" {}{order} ", plural(lines.len() as u64, list.thing()));
    let style = if is_focus { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
    let columns = list.columns();
    let is_empty = |column: usize| column > 0 && lines.iter().all(|line| line.cells[column].is_empty());
    let width = |(column, (_, width)): (usize, &(&str, u16))| match width {
        0 if is_empty(column) => Constraint::Length(0),
        0 => Constraint::Fill(1),
        width => Constraint::Length(*width),
    };
    let header = Row::new(columns.iter().map(|(name, _)| Cell::from(*name)));
    let rows = lines.iter().map(|line| Row::new(line.cells.iter().map(|cell| Cell::from(&cell[..]))));
    let table = Table::new(rows, columns.iter().enumerate().map(width))
        .header(header.style(Style::new().add_modifier(Modifier::UNDERLINED)))
        .block(Block::new().borders(Borders::TOP).title(Text::styled(title, style)))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    // What is chosen shows where keys go.
    let chosen = model.chosen(list, lines.len()).filter(|_| is_focus);
    frame.render_stateful_widget(table, area, &mut TableState::new().with_selected(chosen));
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::status;
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use std::time::Instant;

    /// What stands on a screen of this size.
    fn screen(model: &mut Model, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, model)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn all_that_is_told_is_there_and_names_steer_no_terminal() {
        let mut model = Model::new(status(7), Instant::now());
        let text = screen(&mut model, 160, 30);
        for words in [
            "Studio  ports 5004 and 5005  up 1:23  1 warning, the last: no ports of ALSA",
            "2 sessions",
            "0.50 ± 0.50 ms",
            "Piano\u{FFFD}",
            "takes part",
            "1 connection",
            "hand",
            "-12 half tones",
            "1 port",
            "3125/s, 20 ms per 64, 4 wait, +10.0 ms auto, 6 late",
            "q end",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_small_screen_has_the_list_that_keys_go_to_and_none_is_too_small() {
        let mut model = Model::new(status(7), Instant::now());
        let text = screen(&mut model, 60, 8);
        assert!(text.contains("2 sessions") && !text.contains("connection"), "{text}");
        for (width, height) in [(1, 1), (3, 2), (20, 4), (300, 100)] {
            screen(&mut model, width, height);
        }
    }
}
