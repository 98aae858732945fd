//! A stream that is announced to the network: `sap:TITLE`.

use std::time::Duration;

use rtp_midi_sdp::Host;

use super::destination::Destination;
use super::source::Source;
use super::{Plan, Streams};
use crate::failure::{Failure, Result};
use crate::sap::{Announced, Browser, Heard};
use crate::srtp::Key;

/// Looks for announcements under one title.
pub(super) struct Search {
    title: String,
    browser: Browser,
    key: Option<Key>,
    streams: Streams,
    /// The latest one.
    found: Option<Found>,
    /// Titles of others, of which the first ones have been told.
    others: Vec<String>,
    told: usize,
}

/// A stream that is announced.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Found {
    pub(super) source: Source,
    pub(super) destinations: Vec<Destination>,
}

/// How many other titles are remembered. Anybody can announce anything.
const OTHERS: usize = 20;

/// Announcements that are read before something else gets its turn.
const AT_ONCE: usize = 64;

/// Whether an address of the stream is a name, which a stranger could have us ask a server of his for.
fn names_hosts(source: &Source) -> bool {
    source.streams().map(|stream| &stream.transport).any(|transport| {
        let senders = transport.sources.iter().flat_map(|filter| &filter.sources);
        transport.address.iter().map(|address| &address.host).chain(senders).any(|host| matches!(host, Host::Name(_)))
    })
}

impl Search {
    /// Begins to listen for announcements of `title`, whatever the case of its letters. Its packets may be sealed by the
    /// key of the plan, which nobody announces.
    pub(super) fn new(title: &str, plan: &Plan) -> Result<Self> {
        let browser = Browser::open(plan.interface.as_ref())?;
        let (title, key, streams) = (title.to_owned(), plan.key.clone(), plan.streams);
        Ok(Self { title, browser, key, streams, found: None, others: Vec::new(), told: 0 })
    }

    /// What has been announced last under the title. What cannot be received is an error, once.
    pub(super) fn found(&mut self) -> Result<Option<&Found>> {
        for _ in 0..AT_ONCE {
            let Some(heard) = self.browser.next(Duration::ZERO) else { break };
            let Heard::Announced(announced) = heard else { continue };
            let Announced { text, session, .. } = *announced;
            if session.title.to_lowercase() == self.title.to_lowercase() {
                let name = format!("the announcement of {}", session.title);
                let source = Source::parse(text.as_bytes(), &name)?.wanted(self.streams);
                if names_hosts(&source) {
                    return Err(Failure::new(format!("{name} has a name for an address"))
                        .hint("no name is looked up because somebody announces it"));
                }
                let destinations = Destination::each(&source, &name, self.key.as_ref())?;
                self.found = Some(Found { source, destinations });
            } else if !self.others.contains(&session.title) && self.others.len() < OTHERS {
                self.others.push(session.title);
            }
        }
        Ok(self.found.as_ref())
    }

    /// The title of another stream that is announced, once.
    pub(super) fn other(&mut self) -> Option<String> {
        let title = self.others.get(self.told)?;
        self.told += 1;
        Some(title.clone())
    }

    /// Why nothing was found.
    pub(super) fn nothing(&self) -> Failure {
        let failure = Failure::new(format!("nobody announces {}", self.title));
        match self.others.as_slice() {
            [] => failure.hint("nothing else is announced here either: does the network carry multicast?"),
            others => failure.hint(format!("announced are: {}", others.join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_that_would_have_a_name_looked_up_is_known() {
        for (address, filter, is_so) in [
            ("239.1.2.3/4", "", false),
            ("239.1.2.3/4", "a=source-filter: incl IN IP4 * 192.0.2.1\n", false),
            ("radio.example.net", "", true),
            ("239.1.2.3/4", "a=source-filter: incl IN IP4 * radio.example.net\n", true),
        ] {
            let head = format!("v=0\ns=x\nm=audio 5004 RTP/AVP 96\nc=IN IP4 {address}\n");
            let text = format!("{head}a=rtpmap:96 rtp-midi/44100\n{filter}");
            let source = Source::parse(text.as_bytes(), "x").unwrap();
            assert_eq!(names_hosts(&source), is_so, "{text}");
        }
    }
}
