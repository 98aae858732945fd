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
        Session { origin: Some(party.origin.clone()), tool: party.tool.clone(), ..Session::new(&party.title) }
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
            match stream::answered(offered, &line.transport, &transport, direction, self.capabilities) {
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
