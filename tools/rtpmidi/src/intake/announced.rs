//! Waits for a stream to be announced: `sap:TITLE`.

use std::time::{Duration, Instant};

use super::source::Source;
use crate::failure::{Failure, Result};
use crate::interface::Interface;
use crate::interrupt::Interrupt;
use crate::report::Reporter;
use crate::sap::{Announced, Browser, Heard};

/// How long it waits for something to be heard before it looks at the clock again.
const HEARTBEAT: Duration = Duration::from_millis(100);

/// The stream that is announced under `title`, whatever the case of its letters; `None` when the user does not want to
/// wait any more.
pub(crate) fn find(
    title: &str,
    patience: Option<Duration>,
    interface: Option<&Interface>,
    interrupt: &Interrupt,
    reporter: &Reporter,
) -> Result<Option<Source>> {
    let (browser, started) = (Browser::open(interface)?, Instant::now());
    reporter.say(&format!("waiting for {title} to be announced"));
    let mut others: Vec<String> = Vec::new();
    while !interrupt.asked() {
        if patience.is_some_and(|patience| started.elapsed() >= patience) {
            let failure = Failure::new(format!("nobody announces {title}"));
            return Err(match others.as_slice() {
                [] => failure.hint("nothing else is announced here either: does the network carry multicast?"),
                others => failure.hint(format!("announced are: {}", others.join(", "))),
            });
        }
        let Some(Heard::Announced(announced)) = browser.next(HEARTBEAT) else { continue };
        let Announced { text, session, .. } = *announced;
        if session.title.to_lowercase() == title.to_lowercase() {
            return Source::parse(text.as_bytes(), &format!("the announcement of {}", session.title)).map(Some);
        }
        if !others.contains(&session.title) {
            reporter.say(&format!("announced is {}", session.title));
            others.push(session.title);
        }
    }
    Ok(None)
}
