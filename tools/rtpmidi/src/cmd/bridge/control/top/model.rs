//! What the screen shows, and what keys do to it. No terminal.

use std::time::Instant;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::lines::{self, Counts, LATENCIES, Latencies, Line, List};
use crate::cmd::bridge::request::Request;
use crate::cmd::bridge::status::{PeerState, Status};
use crate::description::printable;

/// All that is shown.
pub(super) struct Model {
    pub(super) status: Status,
    at: Instant,
    counts: Counts,
    /// How many messages there were at the look before this, and how many seconds earlier that was.
    before: Option<(Counts, f64)>,
    latencies: Latencies,
    pub(super) focus: List,
    pub(super) order: Order,
    /// The line that is chosen in each list.
    chosen: [usize; 3],
    /// What is to be done if somebody says yes.
    question: Option<(String, Request)>,
    /// What the bridge said last, if it was not what was wished for.
    said: String,
    /// Why it cannot be asked now.
    trouble: Option<String>,
}

/// In which order lines stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// As the bridge tells of them.
    Coming,
    Name,
    /// Who has most messages stands first.
    Rate,
}

/// What a key asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Act {
    End,
    Order(Request),
}

impl Model {
    pub(super) fn new(status: Status, at: Instant) -> Self {
        let counts = lines::counts(&status);
        let mut model = Self {
            status,
            at,
            counts,
            before: None,
            latencies: Latencies::new(),
            focus: List::Peers,
            order: Order::Coming,
            chosen: [0; 3],
            question: None,
            said: String::new(),
            trouble: None,
        };
        model.note_latencies();
        model
    }

    /// Takes what the bridge tells.
    pub(super) fn take(&mut self, status: Status, at: Instant) {
        let seconds = at.saturating_duration_since(self.at).as_secs_f64();
        let counts = std::mem::replace(&mut self.counts, lines::counts(&status));
        self.before = Some((counts, seconds));
        (self.status, self.at, self.trouble) = (status, at, None);
        self.note_latencies();
    }

    /// Shows what the bridge says.
    pub(super) fn say(&mut self, words: &str) {
        self.said = printable(words);
    }

    /// The bridge cannot be asked; what is shown is as it was.
    pub(super) fn lose(&mut self, words: &str) {
        self.trouble = Some(printable(words));
    }

    /// What stands in the last line: a question, what the bridge has said, or the keys.
    pub(super) fn footer(&self) -> String {
        match (&self.trouble, &self.question) {
            (Some(trouble), _) => trouble.clone(),
            (None, Some((question, _))) => format!("{question} y: yes, any other key: no"),
            (None, None) if !self.said.is_empty() => self.said.clone(),
            (None, None) => "q end  Tab list  ↑↓ choose  s sort  m mute  d disconnect  p panic".to_owned(),
        }
    }

    /// The lines of a list in the order in which they stand.
    pub(super) fn lines(&self, list: List) -> Vec<Line> {
        let mut lines = lines::of(list, &self.status, &self.latencies, |of| self.rates(of));
        match self.order {
            Order::Coming => {}
            Order::Name => lines.sort_by(|one, other| one.of.cmp(&other.of)),
            Order::Rate => lines.sort_by(|one, other| other.rate.total_cmp(&one.rate)),
        }
        lines
    }

    /// The line that is chosen in a list of so many.
    pub(super) fn chosen(&self, list: List, lines: usize) -> Option<usize> {
        let last = lines.checked_sub(1)?;
        Some(self.chosen[list as usize].min(last))
    }

    /// Does what a key is for.
    pub(super) fn press(&mut self, key: KeyEvent) -> Option<Act> {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Some(Act::End);
        }
        self.said.clear();
        if let Some((_, request)) = self.question.take() {
            return (key.code == KeyCode::Char('y')).then_some(Act::Order(request));
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Some(Act::End),
            KeyCode::Tab | KeyCode::Right => self.turn(1),
            KeyCode::BackTab | KeyCode::Left => self.turn(2),
            KeyCode::Down | KeyCode::Char('j') => self.choose(1),
            KeyCode::Up | KeyCode::Char('k') => self.choose(-1),
            KeyCode::PageDown => self.choose(10),
            KeyCode::PageUp => self.choose(-10),
            KeyCode::Char('s') => {
                self.order = match self.order {
                    Order::Coming => Order::Name,
                    Order::Name => Order::Rate,
                    Order::Rate => Order::Coming,
                };
            }
            KeyCode::Char('m') => return self.mute(),
            KeyCode::Char('d') => {
                if let Some((from, to)) = self.connection() {
                    let question = printable(&format!("Disconnect {from} and {to}?"));
                    self.question = Some((question, Request::Disconnect { from, to }));
                }
            }
            KeyCode::Char('p') => self.question = Some(("End all notes everywhere?".to_owned(), Request::Panic)),
            _ => {}
        }
        None
    }

    fn turn(&mut self, steps: usize) {
        self.focus = List::ALL[(self.focus as usize + steps) % List::ALL.len()];
    }

    fn choose(&mut self, steps: isize) {
        let lines = self.lines(self.focus).len();
        if let Some(chosen) = self.chosen(self.focus, lines) {
            self.chosen[self.focus as usize] = chosen.saturating_add_signed(steps).min(lines - 1);
        }
    }

    fn mute(&mut self) -> Option<Act> {
        let (from, to) = self.connection()?;
        let muted = !self.status.connections.iter().find(|it| (&it.from, &it.to) == (&from, &to))?.muted;
        Some(Act::Order(Request::Mute { from, to, muted }))
    }

    /// The ports of the connection that is chosen; without one it is said how to choose one.
    fn connection(&mut self) -> Option<(String, String)> {
        let mut lines = self.lines(List::Connections);
        let chosen = self.chosen(List::Connections, lines.len()).filter(|_| self.focus == List::Connections);
        if chosen.is_none() {
            self.say("choose a connection first: Tab goes to their list");
        }
        chosen.map(|chosen| lines.swap_remove(chosen).of)
    }

    /// Messages a second, each way.
    fn rates(&self, of: &(List, String, String)) -> (f64, f64) {
        let Some((before, seconds)) = self.before.as_ref().filter(|(_, seconds)| *seconds > 0.0) else {
            return (0.0, 0.0);
        };
        let (Some(now), Some(before)) = (self.counts.get(of), before.get(of)) else { return (0.0, 0.0) };
        // Counts of a peer begin anew with each session.
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        (rate(now.0, before.0), rate(now.1, before.1))
    }

    fn note_latencies(&mut self) {
        let open = self.status.peers.iter().filter(|peer| peer.state == PeerState::Open);
        let mut next = Latencies::new();
        for peer in open {
            let mut seen = self.latencies.remove(&peer.name).unwrap_or_default();
            seen.extend(peer.latency_ms.filter(|latency| latency.is_finite()));
            seen.drain(..seen.len().saturating_sub(LATENCIES));
            next.insert(peer.name.clone(), seen);
        }
        self.latencies = next;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cmd::bridge::passage::Passage;
    use crate::cmd::bridge::status::{
        ConnectionStatus, DelayStatus, Direction, Origin, PaceStatus, PeerStatus, PortState, PortStatus, Transport,
    };
    use std::time::Duration;

    /// A bridge with two peers and a connection, through which so many messages have gone.
    pub(in super::super) fn status(messages: u64) -> Status {
        let peer = |name: &str, state, latency_ms| PeerStatus {
            name: name.to_owned(),
            addresses: Vec::new(),
            state,
            since_s: 1.0,
            latency_ms,
            deviation_ms: latency_ms,
            drift_ppm: 0.0,
            lost: 3,
            repairs: 2,
            notes_begun: 0,
            notes_ended: 0,
            messages_in: messages,
            messages_out: 0,
        };
        let connection = ConnectionStatus {
            from: "Piano\u{1b}".to_owned(),
            to: "Organ".to_owned(),
            origin: Origin::Hand,
            filter: Some(Passage { transpose: -12, ..Passage::default() }),
            muted: false,
            loop_ms: None,
            messages,
        };
        let port = PortStatus {
            name: "Organ".to_owned(),
            transport: Transport::Applemidi,
            direction: Direction::Both,
            address: None,
            state: PortState::Away,
            messages_in: 0,
            messages_out: 0,
            dropped: 0,
            pace: Some(PaceStatus { octets_per_second: 3125, segment: Some(64), gap_ms: 20.0, waiting: 4 }),
            delay: Some(DelayStatus { ms: 10.0, auto: true, waiting: 5, late: 6 }),
        };
        Status {
            name: "Studio".to_owned(),
            port: Some(5004),
            uptime_s: 83.0,
            peers: vec![peer("Piano\u{1b}", PeerState::Open, Some(0.5)), peer("Organ", PeerState::Away, None)],
            connections: vec![connection],
            ports: vec![port],
            warnings: vec!["no ports of ALSA".to_owned()],
            ..Status::default()
        }
    }

    fn press(model: &mut Model, keys: &str) -> Option<Act> {
        let mut act = None;
        for key in keys.chars() {
            let code = if key == '\t' { KeyCode::Tab } else { KeyCode::Char(key) };
            act = model.press(KeyEvent::from(code));
        }
        act
    }

    #[test]
    fn rates_are_those_between_two_looks_and_none_where_counts_begin_anew() {
        let now = Instant::now();
        let rates = |model: &Model| [List::Peers, List::Connections].map(|list| model.lines(list)[0].rate.to_string());
        let mut model = Model::new(status(10), now);
        assert_eq!(rates(&model), ["0", "0"]);
        model.take(status(30), now + Duration::from_secs(2));
        assert_eq!(rates(&model), ["10", "10"]);
        model.take(status(0), now + Duration::from_secs(3));
        assert_eq!(rates(&model), ["0", "0"]);
    }

    #[test]
    fn a_connection_is_muted_at_once_and_disconnected_when_somebody_says_yes() {
        let mut model = Model::new(status(0), Instant::now());
        assert_eq!(press(&mut model, "m"), None);
        assert!(model.footer().contains("choose a connection first"));
        let (from, to) = ("Piano\u{1b}".to_owned(), "Organ".to_owned());
        let mute = Request::Mute { from: from.clone(), to: to.clone(), muted: true };
        assert_eq!(press(&mut model, "\tm"), Some(Act::Order(mute)));
        assert_eq!(press(&mut model, "d"), None);
        assert!(model.footer().starts_with("Disconnect Piano\u{FFFD} and Organ?"), "{}", model.footer());
        assert_eq!(press(&mut model, "n"), None);
        assert_eq!(press(&mut model, "dy"), Some(Act::Order(Request::Disconnect { from, to })));
        assert_eq!(press(&mut model, "y"), None);
    }

    #[test]
    fn a_panic_is_asked_about_and_the_end_is_not() {
        let mut model = Model::new(status(0), Instant::now());
        assert_eq!((press(&mut model, "p"), press(&mut model, "q")), (None, None));
        assert_eq!(press(&mut model, "py"), Some(Act::Order(Request::Panic)));
        assert_eq!(press(&mut model, "q"), Some(Act::End));
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        press(&mut model, "p");
        assert_eq!(model.press(interrupt), Some(Act::End));
    }

    #[test]
    fn lines_stand_in_the_order_that_is_wished_for_and_the_choice_stays_among_them() {
        let mut model = Model::new(status(0), Instant::now());
        let first = |model: &Model| model.lines(List::Peers)[0].of.0.clone();
        assert_eq!(first(&model), "Piano\u{1b}");
        press(&mut model, "s");
        assert_eq!(first(&model), "Organ");
        press(&mut model, "jjjj");
        assert_eq!(model.chosen(List::Peers, 2), Some(1));
        press(&mut model, "k");
        assert_eq!((model.chosen(List::Peers, 2), model.chosen(List::Peers, 0)), (Some(0), None));
    }
}
