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

#[cfg(test)]
mod tests {
    use super::super::testing::{end, native, player, sent};
    use super::super::{answer, offer, verify};
    use super::*;
    use crate::{Parameters, Protocol};

    /// What a new offer with these parameters leads to in a session that began with others.
    fn again(before: &str, after: &str) -> Result<String, Vec<String>> {
        let (first, second) = (native(before), end(2));
        let ours = answer(&first, &second).unwrap().session;
        let mut offered = offer_again(&first, &BTreeMap::new());
        offered.media[0].streams[0].parameters = Parameters::parse(after);
        match answer_again(&first, &ours, &sent(&offered), &second) {
            Ok(answer) => Ok(answer.session.media[0].streams[0].parameters.to_string()),
            Err(refusal) => Err(refusal.refused.iter().map(ToString::to_string).collect()),
        }
    }

    fn rule(before: &str, after: &str) -> String {
        let reasons = again(before, after).unwrap_err();
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        reasons[0].rsplit_once('[').unwrap().1.trim_end_matches(']').to_owned()
    }

    #[test]
    fn journals_stay_as_they_are() {
        assert_eq!(rule("", "j_sec=none"), "SC.2-01");
        assert_eq!(rule("", "j_update=anchor"), "SC.2-02");
        assert_eq!(rule("", "ch_never=N"), "SC.2-02");
        assert_eq!(rule("cm_unused=N", "cm_unused=N; ch_never=EN"), "SC.2-02");
        assert_eq!(rule("", "ch_default=C128"), "SC.2-02");
        assert_eq!(again("", "j_sec=recj; j_update=closed-loop"), Ok("j_sec=recj; j_update=closed-loop".to_owned()));
    }

    #[test]
    fn what_cannot_be_changed_easily_is_not_changed() {
        for after in ["cm_unused=N", "tsmode=async", "musicport=1"] {
            assert_eq!(rule("", after), "SC-03", "{after}");
        }
        let first = native("");
        let ours = answer(&first, &end(2)).unwrap().session;
        let mut faster = offer_again(&first, &BTreeMap::new());
        faster.media[0].streams[0].clock_rate = 48_000;
        let refusal = answer_again(&first, &ours, &faster, &end(2)).unwrap_err();
        assert_eq!(refusal.session, None, "the session goes on");
        assert_eq!(refusal.refused[0].reason.requirement(), Some("RFC 3264 8.3.2"));
    }

    #[test]
    fn the_timing_of_packets_changes_easily() {
        assert_eq!(again("guardtime=44100", "guardtime=22050"), Ok("guardtime=22050".to_owned()));
        let after = "rtp_ptime=0; rtp_maxptime=441; guardtime=9";
        assert_eq!(again("", after), Ok(after.to_owned()));
    }

    #[test]
    fn either_end_offers_again_and_both_know_the_same() {
        let (first, second) = (player(1), player(2));
        let offered = offer(&first).unwrap();
        let ours = answer(&offered, &second).unwrap().session;
        let rest = Changes { direction: Some(Direction::Inactive), guardtime: Some(88_200), ..Changes::default() };
        let from_second = sent(&offer_again(&ours, &[(0, rest)].into()));
        assert_eq!(from_second.origin.as_ref().unwrap().version, 2);
        let answer = answer_again(&ours, &offered, &from_second, &first).unwrap();
        assert_eq!(answer.session.origin.as_ref().unwrap().version, 2);
        assert_eq!(answer.session.media[0].direction, Direction::Inactive);
        let agreement = verify(&from_second, &sent(&answer.session)).unwrap();
        assert_eq!(agreement, answer.agreement);
        assert_eq!(agreement.lines[0].flows, [], "a rest");
        let on = Changes { direction: Some(Direction::SendReceive), ..Changes::default() };
        let resumed = offer_again(&from_second, &[(0, on)].into());
        let answer = answer_again(&from_second, &answer.session, &resumed, &first).unwrap();
        assert!(answer.agreement.lines[0].flows.iter().all(|flow| flow.config.guardtime == Some(88_200)));
    }

    #[test]
    fn a_line_ends_and_another_begins() {
        let first = native("");
        let ours = answer(&first, &end(2)).unwrap().session;
        let mut offered = offer_again(&first, &[(0, Changes { ends: true, ..Changes::default() })].into());
        assert!(offered.media[0].is_refused());
        offered.media.push(native("j_update=anchor").media.remove(0));
        let answer = answer_again(&first, &ours, &offered, &end(2)).unwrap();
        assert_eq!(answer.session.media.iter().map(Media::is_refused).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn an_offer_again_is_the_next_edition_of_the_same_session() {
        let first = native("");
        let ours = answer(&first, &end(2)).unwrap().session;
        let rules = |offered: &Session| {
            let refused = answer_again(&first, &ours, offered, &end(2)).map_err(|refusal| refusal.refused);
            refused
                .err()
                .unwrap_or_default()
                .iter()
                .filter_map(|refused| refused.reason.requirement())
                .collect::<Vec<_>>()
        };
        assert_eq!(rules(&first), Vec::<&str>::new(), "the same offer once more");
        let mut unnoticed = offer_again(&first, &[(0, Changes { guardtime: Some(9), ..Changes::default() })].into());
        unnoticed.origin.as_mut().unwrap().version = 1;
        assert_eq!(rules(&unnoticed), ["RFC 3264 8"]);
        let mut other = offer_again(&first, &BTreeMap::new());
        other.origin.as_mut().unwrap().id = 9;
        assert_eq!(rules(&other), ["RFC 3264 8"]);
        let mut fewer = offer_again(&first, &BTreeMap::new());
        fewer.media.clear();
        assert_eq!(rules(&fewer), ["RFC 3264 8"]);
    }

    #[test]
    fn a_connection_goes_on() {
        let mut first = native("");
        first.media[0].transport.protocol = Protocol::TcpAvp;
        first.media[0].transport.connection = Some(Connection::New);
        let again = offer_again(&first, &BTreeMap::new());
        assert_eq!(again.media[0].transport.connection, Some(Connection::Existing));
    }
}
