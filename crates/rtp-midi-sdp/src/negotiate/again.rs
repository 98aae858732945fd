//! Offers in a session that runs: what is easy may change, what journals are built on may not (RFC 3264, section 8;
//! RFC 6295, C and C.2).

use std::collections::BTreeMap;

use rtp_midi::{Config, Journal};

use super::answer::{Answer, answer};
use super::capabilities::Capabilities;
use super::reason::{Reason, Refusal, Refused};
use crate::{Connection, Direction, Media, Session, Stream, Transport, Violation};

/// What a new offer changes of a line; `None` leaves it as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// The direction: [`Direction::Inactive`] is a rest.
    pub direction: Option<Direction>,
    /// `rtp_ptime` of all its streams.
    pub ptime: Option<u32>,
    /// `rtp_maxptime` of all its streams.
    pub max_ptime: Option<u32>,
    /// `guardtime` of all its streams.
    pub guardtime: Option<u32>,
    /// Whether the line ends.
    pub ends: bool,
}

/// The next offer of an end whose latest description was `ours`, be it an offer or an answer; `changes` by line, counted
/// from 0. Until it is answered, and if it is refused, the old agreement stays in force.
pub fn offer_again(ours: &Session, changes: &BTreeMap<usize, Changes>) -> Session {
    let mut session = ours.clone();
    if let Some(origin) = &mut session.origin {
        origin.version = origin.version.wrapping_add(1);
    }
    for (index, line) in session.media.iter_mut().enumerate() {
        if line.transport.connection.is_some() {
            line.transport.connection = Some(Connection::Existing);
        }
        if let Some(changes) = changes.get(&index) {
            changes.apply(line);
        }
    }
    session
}

/// Answers an offer in a session that runs. `theirs` and `ours` are the latest descriptions of the two ends. An offer
/// that changes what cannot change is refused whole, and the session goes on as before.
pub fn answer_again(
    theirs: &Session,
    ours: &Session,
    offered: &Session,
    capabilities: &Capabilities,
) -> Result<Answer, Refusal> {
    let mut capabilities = capabilities.clone();
    if let Some(origin) = &ours.origin {
        capabilities.party.origin = origin.clone();
        capabilities.party.origin.version = origin.version.wrapping_add(1);
    }
    let violations = changed(theirs, offered);
    if violations.is_empty() {
        return answer(offered, &capabilities);
    }
    let refused =
        |violation: Violation| Refused { media: violation.media, payload_type: None, reason: Reason::Rule(violation) };
    Err(Refusal { refused: violations.into_iter().map(refused).collect(), session: None })
}

impl Changes {
    fn apply(&self, line: &mut Media) {
        if self.ends {
            line.transport = Transport {
                protocol: line.transport.protocol.clone(),
                address: line.transport.address.clone(),
                ..Transport::to_port(0)
            };
        }
        line.direction = self.direction.unwrap_or(line.direction);
        let times = [("rtp_ptime", self.ptime), ("rtp_maxptime", self.max_ptime), ("guardtime", self.guardtime)];
        for stream in &mut line.streams {
            let mut changed = crate::Parameters::new();
            for (name, ticks) in times.iter().filter_map(|(name, ticks)| Some((name, (*ticks)?))) {
                changed.push(name, ticks);
            }
            stream.parameters = changed.or(&stream.parameters);
        }
    }
}

/// What an offer changes of a description before it that cannot change.
fn changed(before: &Session, offered: &Session) -> Vec<Violation> {
    let mut found = Vec::new();
    if offered.media.len() < before.media.len() {
        found.push(Violation::whole("RFC 3264 8", "has fewer media lines than before"));
    }
    if let (Some(old), Some(new)) = (&before.origin, &offered.origin) {
        let is_same = (&old.user, old.id, &old.address) == (&new.user, new.id, &new.address);
        if !is_same {
            found.push(Violation::whole("RFC 3264 8", "o= names another session"));
        } else if old.version == new.version && before != offered {
            found.push(Violation::whole("RFC 3264 8", "something has changed, but not the version in o="));
        }
    }
    for (index, (old, new)) in before.media.iter().zip(&offered.media).enumerate() {
        if old.is_usable() && new.is_usable() {
            found.extend(changed_line(index, old, new));
        }
    }
    found
}

fn changed_line(index: usize, old: &Media, new: &Media) -> Vec<Violation> {
    let pairs = new.streams.iter().filter_map(|stream| {
        let old = old.streams.iter().find(|old| old.payload_type == stream.payload_type)?;
        Some((old, stream))
    });
    let described = |media: &Media, stream: &Stream| stream.config(&media.transport);
    pairs
        .filter_map(|(was, is)| {
            let (requirement, what) = match (described(old, was), described(new, is)) {
                (Ok(was_config), Ok(is_config)) => changed_stream((was, &was_config), (is, &is_config))?,
                // What nobody can read is refused by the answer itself.
                _ => return None,
            };
            Some(Violation::of(requirement, index, format!("changes {what} of a stream that runs")))
        })
        .collect()
}

fn changed_stream(was: (&Stream, &Config), is: (&Stream, &Config)) -> Option<(&'static str, &'static str)> {
    let ((was, before), (is, after)) = (was, is);
    Some(if (was.format, was.clock_rate) != (is.format, is.clock_rate) {
        ("RFC 3264 8.3.2", "the encoding")
    } else if (before.journal == Journal::None) != (after.journal == Journal::None) {
        ("SC.2-01", "j_sec")
    } else if before.journal != after.journal {
        ("SC.2-02", "j_update")
    } else if !before.chapters.says_the_same_as(&after.chapters) {
        ("SC.2-02", "the chapters")
    } else if !(before.commands.beyond(&after.commands).is_empty()
        && after.commands.beyond(&before.commands).is_empty())
    {
        ("SC-03", "the command types")
    } else if before.timing != after.timing {
        ("SC-03", "the meaning of timestamps")
    } else if was.musicport() != is.musicport() {
        ("SC-03", "musicport")
    } else {
        return None;
    })
}
