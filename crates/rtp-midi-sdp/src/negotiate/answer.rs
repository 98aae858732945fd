//! An answer to an offer: one media line for each of the offer, accepted or refused (RFC 3264, section 6).

use super::agreement::{Agreement, Line, answerable};
use super::capabilities::Capabilities;
use super::reason::{Reason, Refusal, Refused};
use super::{stream, way};
use crate::{Direction, Error, Group, Media, Session, Stream};

/// An answer that accepts something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The description to be sent.
    pub session: Session,
    /// What both ends have agreed on.
    pub agreement: Agreement,
    /// What of the offer is refused, and why.
    pub refused: Vec<Refused>,
}

/// Answers an offer as far as we can. Refused as a whole is an offer of which nothing is left, one with a journal that is
/// unknown (C.2.1, C.2.2), and one that is no offer.
pub fn answer(offered: &Session, capabilities: &Capabilities) -> Result<Answer, Refusal> {
    let answering = Answering { offered, capabilities };
    let refuse = |refused| Err(Refusal { refused, session: Some(Box::new(answering.nothing())) });
    if let Some(unknown) = unknown_journal(offered) {
        return refuse(vec![unknown]);
    }
    let (mut session, mut lines, mut refused) = (answering.head(), Vec::new(), answering.broken_relations());
    for (index, line) in offered.media.iter().enumerate() {
        let is_broken = refused.iter().any(|refused| refused.media == Some(index));
        let answered = if is_broken || line.is_refused() { None } else { answering.line(index, line, &mut refused) };
        session.media.push(match answered {
            Some((media, agreed)) => {
                lines.push(agreed);
                media
            }
            None => answering.no_line(line),
        });
    }
    if lines.is_empty() {
        return refuse(refused);
    }
    session.groups = groups(offered, &session);
    Ok(Answer { session, agreement: Agreement { lines }, refused })
}

/// The first stream with a journal that nobody here knows.
fn unknown_journal(offered: &Session) -> Option<Refused> {
    let lines = offered.media.iter().enumerate().filter(|(_, line)| line.is_usable());
    let mut streams = lines.flat_map(|(media, line)| line.streams.iter().map(move |stream| (media, line, stream)));
    streams.find_map(|(media, line, stream)| {
        let error = stream.config(&line.transport).err()?;
        let is_journal = matches!(error, Error::Value { name: "j_sec" | "j_update", .. });
        is_journal.then(|| Refused::stream(media, stream.payload_type, Reason::Parameter(error)))
    })
}

struct Answering<'a> {
    offered: &'a Session,
    capabilities: &'a Capabilities,
}

impl Answering<'_> {
    /// The answer without media lines.
    fn head(&self) -> Session {
        let party = &self.capabilities.party;
        Session {
            origin: Some(party.origin.clone()),
            tool: party.tool.clone(),
            times: self.offered.times.clone(),
            ..Session::new(&party.title)
        }
    }

    /// The answer that refuses all.
    fn nothing(&self) -> Session {
        Session { media: self.offered.media.iter().map(|line| self.no_line(line)).collect(), ..self.head() }
    }

    fn no_line(&self, line: &Media) -> Media {
        let numbers = line.streams.iter().map(|stream| stream.payload_type.to_string());
        let others = numbers.chain(line.others.iter().cloned()).collect();
        let transport = way::refused(&line.transport, self.capabilities);
        let kind = line.kind.clone();
        Media { kind, mid: line.mid.clone(), others, ..Media::new(transport, Direction::default(), Vec::new()) }
    }

    /// Lines that break a rule of C.5 which one must not accept. Groups are for producers: without one all can still be
    /// understood.
    fn broken_relations(&self) -> Vec<Refused> {
        let violations = self.offered.relation_violations().into_iter();
        let accepted = |requirement| matches!(requirement, "SC.5-07" | "SC.5-15");
        violations
            .filter(|violation| !accepted(violation.requirement))
            .map(|violation| Refused { media: violation.media, payload_type: None, reason: Reason::Rule(violation) })
            .collect()
    }

    /// The line and what it comes to, or why not.
    fn line(&self, index: usize, line: &Media, refused: &mut Vec<Refused>) -> Option<(Media, Line)> {
        match self.accept(index, line, refused) {
            Ok(accepted) => Some(accepted),
            Err(Some(reason)) => {
                refused.push(Refused::line(index, reason));
                None
            }
            Err(None) => None,
        }
    }

    /// `Err(None)` where every stream has a reason of its own.
    fn accept(&self, index: usize, line: &Media, refused: &mut Vec<Refused>) -> Result<(Media, Line), Option<Reason>> {
        if line.streams.is_empty() {
            return Err(Some(Reason::NotMidi(line.summary())));
        }
        let direction = self.direction(line)?;
        let transport = way::answered(&line.transport, self.capabilities, index)?;
        let mut pairs: Vec<(&Stream, Stream)> = Vec::new();
        for offered in &line.streams {
            match stream::answered(offered, &line.transport, direction, self.capabilities) {
                Ok(stream) => pairs.push((offered, stream)),
                Err(reason) => refused.push(Refused::stream(index, offered.payload_type, reason)),
            }
        }
        if pairs.is_empty() {
            return Err(None);
        }
        let streams = pairs.iter().map(|(_, stream)| stream.clone()).collect();
        let media = Media { mid: line.mid.clone(), ..Media::new(transport, direction, streams) };
        let pairs: Vec<(&Stream, &Stream)> = pairs.iter().map(|(offered, stream)| (*offered, stream)).collect();
        let agreed = Line::between(index, line, &media, &pairs).map_err(Reason::Parameter)?;
        Ok((media, agreed))
    }

    /// The direction of the answer: what is left of the other side's view of the offer (RFC 3264, 6.1), and in a group
    /// all of the offer's (6.2).
    fn direction(&self, line: &Media) -> Result<Direction, Reason> {
        let capable = Direction::of(self.capabilities.sends.is_some(), self.capabilities.takes.is_some());
        let most = answerable(line);
        let direction = most.and(capable);
        let is_whole = !line.transport.is_multicast() || direction == most;
        if most == Direction::Inactive || (direction != Direction::Inactive && is_whole) {
            Ok(direction)
        } else {
            Err(Reason::Direction(line.direction))
        }
    }
}

/// The groups of streams that share name spaces, without lines that are refused (RFC 5888, 9.2).
fn groups(offered: &Session, answered: &Session) -> Vec<Group> {
    let accepted: Vec<&String> =
        answered.media.iter().filter(|line| !line.is_refused()).filter_map(|line| line.mid.as_ref()).collect();
    let kept = |group: &Group| {
        let mids: Vec<String> = group.mids.iter().filter(|mid| accepted.contains(mid)).cloned().collect();
        let is_shared = group.semantics.eq_ignore_ascii_case("FID") && !mids.is_empty();
        is_shared.then(|| Group { semantics: group.semantics.clone(), mids })
    };
    offered.groups.iter().filter_map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answered, end, native, refused, sent};
    use super::super::{End, Pairing, offer, verify};
    use super::*;
    use rtp_midi::Format;

    /// Two lines of MIDI and one of audio between them, with two payload types in the first.
    const MIXED: &str = "v=0\r\no=- 7 1 IN IP4 192.0.2.7\r\ns=x\r\nt=0 0\r\nc=IN IP4 192.0.2.7\r\n\
        a=group:FID a b\r\na=group:LS a v\r\nm=audio 5004 RTP/AVP 96 97 0\r\na=mid:a\r\na=rtpmap:96 rtp-midi/8000\r\n\
        a=rtpmap:97 rtp-midi/48000\r\nm=audio 5006 RTP/AVP 98\r\na=mid:v\r\na=rtpmap:98 opus/48000/2\r\n\
        m=audio 5008 RTP/AVP 96\r\na=mid:b\r\na=sendonly\r\na=rtpmap:96 rtp-midi/44100\r\n";

    fn mixed() -> Session {
        Session::parse(MIXED.as_bytes()).unwrap()
    }

    #[test]
    fn an_answer_has_one_line_for_each_of_the_offer() {
        let answer = answer(&mixed(), &end(2)).unwrap();
        let session = sent(&answer.session);
        let lines: Vec<(u16, Direction, Option<&str>)> =
            session.media.iter().map(|line| (line.transport.port, line.direction, line.mid.as_deref())).collect();
        let (both, from) = (Direction::SendReceive, Direction::ReceiveOnly);
        assert_eq!(lines, [(5200, both, Some("a")), (0, both, Some("v")), (5204, from, Some("b"))]);
        assert_eq!(session.groups, [Group { semantics: "FID".to_owned(), mids: vec!["a".to_owned(), "b".to_owned()] }]);
        let reasons: Vec<String> = answer.refused.iter().map(ToString::to_string).collect();
        assert_eq!(
            reasons,
            [
                "media line 1, payload type 96: a clock rate of 8000 Hz is not taken here",
                "media line 2: no RTP MIDI: m=audio 5006: opus/48000/2",
            ]
        );
        assert_eq!(verify(&mixed(), &session), Ok(answer.agreement));
    }

    #[test]
    fn an_answer_is_of_the_time_of_its_offer() {
        let offered = Session::parse(MIXED.replace("t=0 0", "t=5 7").as_bytes()).unwrap();
        let text = answer(&offered, &end(2)).unwrap().session.print();
        assert!(text.contains("\r\nt=5 7\r\n"), "{text}");
    }

    #[test]
    fn payload_types_keep_their_numbers_and_those_refused_are_left_out() {
        let answer = answer(&mixed(), &end(2)).unwrap();
        let numbers: Vec<u8> = answer.session.media[0].streams.iter().map(|stream| stream.payload_type).collect();
        assert_eq!(numbers, [97]);
        assert!(answer.session.media[0].others.is_empty());
        assert_eq!(answer.session.media[1].others, ["98"]);
        let flows: Vec<(End, u8)> =
            answer.agreement.lines[0].flows.iter().map(|flow| (flow.sender, flow.payload_type)).collect();
        assert_eq!(flows, [(End::Offerer, 97), (End::Answerer, 97)]);
    }

    #[test]
    fn a_line_that_the_offer_switches_off_stays_off() {
        let mut offered = mixed();
        offered.media[2].transport.port = 0;
        let answer = answer(&offered, &end(2)).unwrap();
        assert!(answer.session.media[2].is_refused());
        assert!(answer.refused.iter().all(|refused| refused.media != Some(2)), "that is no refusal of ours");
        let mut nothing = offered;
        nothing.media.iter_mut().for_each(|line| line.transport.port = 0);
        assert_eq!(super::answer(&nothing, &end(2)).unwrap_err().refused, []);
    }

    #[test]
    fn directions_are_seen_from_the_other_side() {
        use Direction::{Inactive, ReceiveOnly, SendOnly, SendReceive};
        let of = |offered, sends: bool, takes: bool| {
            let (mut session, mut capabilities) = (native(""), end(2));
            session.media[0].direction = offered;
            capabilities.sends = capabilities.sends.filter(|_| sends);
            capabilities.takes = capabilities.takes.filter(|_| takes);
            answer(&session, &capabilities).ok().map(|answer| {
                let flows = answer.agreement.lines[0].flows.iter().map(|flow| flow.sender).collect::<Vec<_>>();
                (answer.session.media[0].direction, flows)
            })
        };
        let (offerer, answerer) = (End::Offerer, End::Answerer);
        assert_eq!(of(SendReceive, true, true), Some((SendReceive, vec![offerer, answerer])));
        assert_eq!(of(SendReceive, true, false), Some((SendOnly, vec![answerer])));
        assert_eq!(of(SendOnly, true, true), Some((ReceiveOnly, vec![offerer])));
        assert_eq!(of(ReceiveOnly, true, true), Some((SendOnly, vec![answerer])));
        assert_eq!(of(Inactive, true, true), Some((Inactive, vec![])));
        assert_eq!((of(SendOnly, true, false), of(ReceiveOnly, false, true)), (None, None));
        assert_eq!(of(SendReceive, false, false), None);
    }

    #[test]
    fn journals_that_are_unknown_refuse_the_whole_description() {
        for (parameters, rule) in [("j_sec=foo", "SC.2.1-05"), ("j_update=foo", "SC.2.2-03")] {
            let mut offered = mixed();
            offered.media.push(native(parameters).media.remove(0));
            let reasons = refused(&offered, &end(2));
            assert!(reasons.len() == 1 && reasons[0].ends_with(&format!("[{rule}]")), "{reasons:?}");
        }
    }

    #[test]
    fn relations_that_cannot_work_are_refused_and_a_missing_group_is_not() {
        let relation = |second: &str| {
            let mut offered = native("musicport=1");
            let mut line = native("musicport=1").media.remove(0);
            line.streams[0].parameters = crate::Parameters::parse(second);
            line.streams[0].format = if second.contains("mode") { Format::Mpeg4Generic } else { Format::Native };
            offered.media.push(line);
            offered
        };
        assert!(answer(&relation("musicport=1"), &end(2)).unwrap().refused.is_empty());
        let mixed = relation("streamtype=5; mode=rtp-midi; profile-level-id=12; config=\"\"; musicport=1");
        let answer = answer(&mixed, &end(2)).unwrap();
        let reasons: Vec<String> = answer.refused.iter().map(ToString::to_string).collect();
        assert_eq!(reasons, ["media line 2: mixes rtp-midi and mpeg4-generic in one musicport relationship [SC.5-08]"]);
    }

    #[test]
    fn both_kinds_of_streams_in_both_directions_are_answered() {
        let mut first = end(1);
        assert!(answered(&first, &end(2)).unwrap().session.media.len() == 1);
        first.pairing = Pairing::Virtual(3);
        let answer = answered(&first, &end(2)).unwrap();
        assert_eq!(answer.session.media.len(), 2);
        assert!(answer.session.media.iter().all(|line| line.streams[0].musicport() == Some(3)));
    }

    #[test]
    fn an_end_without_streams_offers_none() {
        let mut silent = end(1);
        (silent.sends, silent.takes) = (None, None);
        let offered = offer(&silent).unwrap();
        assert!(offered.media.is_empty() && answer(&offered, &end(2)).is_err());
    }
}
