//! `rtpmidi bridge top`: what a bridge does, on a screen that keeps up with it.
//!
//! ```text
//!  keys ──▶ Model ── orders ──▶ a thread ──▶ the bridge
//!             │ ◀── statuses ──────┘
//!             └──▶ screen
//! ```

mod lines;
mod model;
mod screen;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use super::client;
use super::place::Place;
use crate::cmd::bridge::request::Request;
use crate::cmd::bridge::status::Status;
use crate::failure::{Failure, Result};
use crate::signals::{self, Wish};
use model::{Act, Model};

/// Watch the ports, connections and sessions of a bridge that runs, and steer them.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TopArgs {
    #[command(flatten)]
    place: Place,

    /// Look at the bridge this often
    #[arg(long, default_value = "1", value_parser = crate::time::interval, value_name = "SECONDS")]
    interval: Duration,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi bridge top
  ssh -t stage rtpmidi bridge top

Keys: Tab goes from list to list, the arrows choose a line, s sorts. With a connection chosen, m mutes it or lets it
through again, and d ends it. p ends all notes everywhere. q ends the screen, and nothing else.";

/// What comes of asking.
enum Told {
    Status(Box<Status>),
    /// An order is obeyed.
    Done,
    /// The bridge refuses.
    Refused(String),
    /// It is not there, or does not answer.
    Gone(String),
}

/// The screen looks at keys and news this often.
const BEAT: Duration = Duration::from_millis(50);

/// Shows it until a key or a signal ends it.
pub(crate) fn run(args: &TopArgs) -> Result<()> {
    if !io::stdout().is_terminal() {
        return Err(Failure::new("rtpmidi bridge top needs a terminal, and stdout is none").hint(
            "rtpmidi bridge status shows the same once, with --json for programs; with ssh -t it has a terminal",
        ));
    }
    // Where there is no bridge this says so, before there is a screen.
    let status = super::orders::status_of(&args.place)?;
    let is_over = Arc::new(AtomicBool::new(false));
    let end = is_over.clone();
    signals::catch(move |wish| end.store(wish == Wish::End, Ordering::Relaxed))?;
    let ((orders, ordered), (tell, told)) = (channel(), channel());
    let (place, interval) = (args.place.clone(), args.interval);
    let ask = move || ask(&place, interval, &ordered, &tell);
    let failed = |error: io::Error| Failure::new(format!("cannot show a screen: {error}"));
    std::thread::Builder::new().name("asker".to_owned()).spawn(ask).map_err(failed)?;
    let mut terminal = ratatui::try_init().map_err(failed)?;
    let shown = show(&mut terminal, Model::new(status, Instant::now()), &orders, &told, &is_over);
    ratatui::try_restore().map_err(failed)?;
    shown.map_err(failed)
}

/// Looks at the bridge again and again, and passes on what is ordered.
fn ask(place: &Place, interval: Duration, orders: &Receiver<Request>, tell: &Sender<Told>) {
    let words = |failure: &Failure| failure.message().to_owned();
    loop {
        let told = match orders.recv_timeout(interval) {
            Ok(request) => {
                Some(client::ask(place, &request).map_or_else(|it| Told::Refused(words(&it)), |_| Told::Done))
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let status = super::orders::status_of(place);
        let status = status.map_or_else(|it| Told::Gone(words(&it)), |status| Told::Status(Box::new(status)));
        for told in told.into_iter().chain([status]) {
            if tell.send(told).is_err() {
                return;
            }
        }
    }
}

fn show(
    terminal: &mut DefaultTerminal,
    mut model: Model,
    orders: &Sender<Request>,
    told: &Receiver<Told>,
    is_over: &AtomicBool,
) -> io::Result<()> {
    let mut is_stale = true;
    while !is_over.load(Ordering::Relaxed) {
        for told in told.try_iter() {
            is_stale = true;
            match told {
                Told::Status(status) => model.take(*status, Instant::now()),
                Told::Done => model.say(""),
                Told::Refused(words) => model.say(&words),
                Told::Gone(words) => model.lose(&words),
            }
        }
        if is_stale {
            terminal.draw(|frame| screen::draw(frame, &mut model))?;
        }
        is_stale = event::poll(BEAT)?;
        if is_stale
            && let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
        {
            match model.press(key) {
                Some(Act::End) => return Ok(()),
                // The thread that takes it goes on as long as the screen.
                Some(Act::Order(request)) => drop(orders.send(request)),
                None => {}
            }
        }
    }
    Ok(())
}
