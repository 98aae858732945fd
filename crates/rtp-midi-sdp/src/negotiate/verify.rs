//! An answer against its offer: each rule that it breaks, by number, or what both ends have agreed on.

use super::agreement::{Agreement, Line, answerable, chosen};
use super::repeated;
use crate::{Connection, Media, Session, Setup, Stream, Violation};

/// What offer and answer come to, or the rules that the answer breaks.
pub fn verify(offered: &Session, answered: &Session) -> Result<Agreement, Vec<Violation>> {
    let mut found = Vec::new();
    if offered.media.len() != answered.media.len() {
        let (wanted, got) = (offered.media.len(), answered.media.len());
        found.push(Violation::whole("RFC 3264 6", format!("has {got} media lines for {wanted} of the offer")));
    }
    let mut lines = Vec::new();
    for (index, (offered, answered)) in offered.media.iter().zip(&answered.media).enumerate() {
        if answered.is_refused() {
            continue;
        }
        let wrong = line_violations(offered, answered);
        found.extend(wrong.into_iter().map(|(requirement, what)| Violation::of(requirement, index, what)));
        let pairs = pairs(offered, answered);
        for (offered_stream, stream) in &pairs {
            let wrong = repeated::violations((offered, offered_stream), (answered, stream));
            found.extend(wrong.into_iter().map(|(requirement, what)| Violation::of(requirement, index, what)));
        }
        if !pairs.is_empty() {
            lines.push((index, offered, answered, pairs));
        }
    }
    let inherited = offered.relation_violations();
    found.extend(answered.relation_violations().into_iter().filter(|violation| !inherited.contains(violation)));
    if !found.is_empty() {
        return Err(found);
    }
    let agreed = lines.into_iter().map(|(index, offered, answered, pairs)| {
        Line::between(index, offered, answered, &pairs)
            .map_err(|error| vec![Violation::of("SC-02", index, error.to_string())])
    });
    Ok(Agreement { lines: agreed.collect::<Result<_, _>>()? })
}

/// The streams of an answer with those of the offer: by payload type, else by what they are.
fn pairs<'a>(offered: &'a Media, answered: &'a Media) -> Vec<(&'a Stream, &'a Stream)> {
    let is_alike = |one: &Stream, other: &Stream| (one.format, one.clock_rate) == (other.format, other.clock_rate);
    let by_number = |stream: &Stream| {
        offered.streams.iter().find(|one| one.payload_type == stream.payload_type && is_alike(one, stream))
    };
    let taken: Vec<u8> = answered.streams.iter().filter_map(by_number).map(|one| one.payload_type).collect();
    let mut free = offered.streams.iter().filter(|one| !taken.contains(&one.payload_type)).collect::<Vec<_>>();
    let mut pairs = Vec::new();
    for stream in &answered.streams {
        let by_kind = || {
            let same = |one: &&Stream| is_alike(one, stream) && one.musicport() == stream.musicport();
            free.iter().position(same).map(|index| free.remove(index))
        };
        if let Some(one) = by_number(stream).or_else(by_kind) {
            pairs.push((one, stream));
        }
    }
    pairs
}

type Wrong = (&'static str, String);

fn line_violations(offered: &Media, answered: &Media) -> Vec<Wrong> {
    let (way, ours) = (&offered.transport, &answered.transport);
    let mut found: Vec<Wrong> = Vec::new();
    let mut wrong = |requirement, what: String| found.push((requirement, what));
    if offered.is_refused() {
        wrong("RFC 3264 8.2", "has a port though the line is switched off by the offer".to_owned());
    }
    if !offered.kind.eq_ignore_ascii_case(&answered.kind) || way.protocol != ours.protocol {
        wrong(
            "RFC 3264 6",
            format!(
                "is {} {} instead of {} {}",
                answered.kind,
                ours.protocol.token(),
                offered.kind,
                way.protocol.token()
            ),
        );
    }
    if pairs(offered, answered).len() < answered.streams.len().max(1) {
        wrong("RFC 3264 6.1", "has an RTP MIDI stream that is not offered, or none".to_owned());
    }
    let most = answerable(offered);
    if way.is_multicast() {
        if answered.direction != most || (&way.address, way.port) != (&ours.address, ours.port) {
            wrong("RFC 3264 6.2", "has another direction, group or port than the offer for a group".to_owned());
        }
    } else if answered.direction.and(most) != answered.direction {
        let (is, of) = (answered.direction.attribute(), offered.direction.attribute());
        wrong("RFC 3264 6.1", format!("is {is} where the offer is {of}"));
    }
    if offered.mid != answered.mid {
        wrong("RFC 5888 9.1", "has another a=mid than the offer".to_owned());
    }
    if ours.is_muxed() && !way.is_muxed() {
        wrong("RFC 5761 5.1.1", "has a=rtcp-mux, which is not offered".to_owned());
    }
    found.extend(connection_violation(offered, answered));
    found.extend(key_violation(offered, answered));
    found
}

/// Over TCP one end opens the connections and the other accepts them (RFC 4145; RFC 4571, section 4).
fn connection_violation(offered: &Media, answered: &Media) -> Option<Wrong> {
    let (way, ours) = (&offered.transport, &answered.transport);
    if !ours.protocol.is_reliable() {
        return None;
    }
    let fits = matches!(
        (way.setup.unwrap_or(Setup::Active), ours.setup?),
        (Setup::Active, Setup::Passive)
            | (Setup::Passive, Setup::Active)
            | (Setup::ActPass, Setup::Active | Setup::Passive)
            | (_, Setup::HoldConn)
    );
    let is_new = way.connection.unwrap_or(Connection::New) == Connection::New;
    let continues = is_new && ours.connection == Some(Connection::Existing);
    (!fits || continues).then(|| ("F-08", "a=setup or a=connection do not fit those of the offer".to_owned()))
}

/// One key, under a tag and of a suite of the offer (RFC 4568, 5.1.2).
fn key_violation(offered: &Media, answered: &Media) -> Option<Wrong> {
    let (way, ours) = (&offered.transport, &answered.transport);
    if !ours.protocol.has_crypto() {
        return None;
    }
    let fits = match (&ours.crypto[..], chosen(way, ours)) {
        ([taken], Some(of)) => taken.suite == of.suite,
        _ => false,
    };
    (!fits).then(|| ("RFC 4568 5.1.2", "a=crypto is not one of the offer".to_owned()))
}
