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
    if offered.times != answered.times {
        found.push(Violation::whole("RFC 3264 6", "has another t= than the offer"));
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
    let fits = |setup| {
        matches!(
            (way.setup.unwrap_or(Setup::Active), setup),
            (Setup::Active, Setup::Passive)
                | (Setup::Passive, Setup::Active)
                | (Setup::ActPass, Setup::Active | Setup::Passive)
                | (_, Setup::HoldConn)
        )
    };
    let fits = ours.setup.is_some_and(fits);
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

#[cfg(test)]
mod tests {
    use super::super::testing::{described, end, native, player, sent};
    use super::super::{Capabilities, Pairing, answer, offer};
    use super::*;
    use crate::{Address, Crypto, Direction, Host, Parameters, Protocol, Transport};

    /// The rules that an answer breaks when something in it is made otherwise.
    fn broken(offerer: &Capabilities, answerer: &Capabilities, change: impl FnOnce(&mut Session)) -> Vec<&'static str> {
        let offered = offer(offerer).unwrap();
        found(&offered, answer(&offered, answerer).unwrap().session, change)
    }

    fn found(offered: &Session, mut answered: Session, change: impl FnOnce(&mut Session)) -> Vec<&'static str> {
        assert!(verify(offered, &answered).is_ok());
        change(&mut answered);
        let violations = verify(offered, &sent(&answered)).unwrap_err();
        assert!(
            violations.iter().all(|violation| violation.to_string().ends_with(&format!("[{}]", violation.requirement)))
        );
        violations.iter().map(|violation| violation.requirement).collect()
    }

    /// The same with the parameters of an answer rewritten, where `offered` stands in the offer.
    fn rewritten(offered: &str, answered: &str) -> Vec<&'static str> {
        let offer = native(offered);
        let answer = answer(&offer, &end(2)).unwrap().session;
        found(&offer, answer, |session| session.media[0].streams[0].parameters = Parameters::parse(answered))
    }

    fn line(session: &mut Session) -> &mut Media {
        &mut session.media[0]
    }

    #[test]
    fn what_all_participants_see_alike_is_repeated() {
        for (offered, answered, rule) in [
            ("cm_unused=A", "", "SC-02"),
            ("", "cm_unused=A", "SC-02"),
            ("", "ch_never=V", "SC-02"),
            ("j_update=anchor", "", "SC-02"),
            ("", "j_sec=none", "SC-02"),
            ("", "j_sec=foo", "SC.2.1-05"),
            ("", "j_update=foo", "SC.2.2-03"),
            ("tsmode=async", "", "SC-02"),
            ("musicport=5", "musicport=6", "SC-02"),
            ("musicport=5", "", "SC-02"),
            ("rtp_ptime=0", "", "SC.4.1-05"),
            ("rtp_maxptime=0", "", "SC.4.1-05"),
            ("guardtime=5", "", "SC.7.2-15"),
            ("rtp_maxptime=0", "rtp_maxptime=4411", "SC.7.2-35"),
            ("guardtime=44100", "guardtime=220501", "SC.7.2-35"),
            ("", "render=unknown", "SC.7.2-26"),
            ("", "render=synthetic", "SC.6.1-06"),
        ] {
            assert_eq!(rewritten(offered, answered), [rule], "{offered} -> {answered}");
        }
    }

    #[test]
    fn the_same_in_other_words_is_the_same() {
        for (offered, answered) in [
            ("cm_unused=AX; ch_never=A", "cm_unused=A; cm_unused=X; ch_never=A"),
            ("", "j_sec=recj; j_update=closed-loop; tsmode=comex"),
            ("rtp_maxptime=0; guardtime=9", "rtp_maxptime=882; guardtime=88200; rtp_ptime=441"),
        ] {
            let offer = native(offered);
            let mut answer = answer(&offer, &end(2)).unwrap().session;
            answer.media[0].streams[0].parameters = Parameters::parse(answered);
            assert!(verify(&offer, &answer).is_ok(), "{offered} -> {answered}");
        }
    }

    #[test]
    fn an_answer_has_the_lines_of_its_offer() {
        assert_eq!(broken(&end(1), &end(2), |session| session.media.clear()), ["RFC 3264 6"]);
        let video = |session: &mut Session| {
            let line = line(session);
            (line.kind, line.streams, line.others) = ("video".to_owned(), Vec::new(), vec!["96".to_owned()]);
        };
        assert_eq!(broken(&end(1), &end(2), video), ["RFC 3264 6", "RFC 3264 6.1"]);
        assert_eq!(
            broken(&end(1), &end(2), |session| session.times.push(crate::Time { start: 1, stop: 2 })),
            ["RFC 3264 6"]
        );
        let protocol = |session: &mut Session| line(session).transport.protocol = Protocol::Avpf;
        assert_eq!(broken(&end(1), &end(2), protocol), ["RFC 3264 6"]);
        assert_eq!(broken(&end(1), &end(2), |session| line(session).mid = Some("x".to_owned())), ["RFC 5888 9.1"]);
        assert_eq!(broken(&end(1), &end(2), |session| line(session).transport.rtcp_port = 5200), ["RFC 5761 5.1.1"]);
    }

    #[test]
    fn a_line_that_is_refused_breaks_no_rule_but_cannot_be_taken_up() {
        let offered = offer(&end(1)).unwrap();
        let accepted = answer(&offered, &end(2)).unwrap().session;
        let mut refused = accepted.clone();
        line(&mut refused).transport = Transport::to_port(0);
        assert_eq!(verify(&offered, &refused).unwrap().lines, []);
        let mut off = offered;
        off.media[0].transport.port = 0;
        assert_eq!(verify(&off, &accepted).unwrap_err()[0].requirement, "RFC 3264 8.2");
    }

    #[test]
    fn directions_are_those_of_the_offer_seen_from_the_other_side() {
        let mut sends = end(1);
        sends.takes = None;
        for direction in [Direction::SendReceive, Direction::SendOnly] {
            assert_eq!(broken(&sends, &end(2), |session| line(session).direction = direction), ["RFC 3264 6.1"]);
        }
        let mut group = sends;
        group.party.address = Address { host: Host::parse("239.1.2.3"), ttl: Some(1) };
        let mut member = end(2);
        member.ways.multicast = true;
        assert_eq!(broken(&group, &member, |session| line(session).direction = Direction::SendOnly), ["RFC 3264 6.2"]);
        assert_eq!(broken(&group, &member, |session| line(session).transport.port = 7000), ["RFC 3264 6.2"]);
    }

    #[test]
    fn streams_of_an_answer_are_of_its_offer_whatever_their_numbers() {
        let renumbered = |number| {
            let offered = offer(&end(1)).unwrap();
            let mut answered = answer(&offered, &end(2)).unwrap().session;
            line(&mut answered).streams[0].payload_type = number;
            verify(&offered, &answered).unwrap().lines.remove(0)
        };
        let flows = renumbered(101).flows;
        assert_eq!([flows[0].payload_type, flows[1].payload_type], [101, 96], "each end has numbers of its own");
        assert_eq!(broken(&end(1), &end(2), |session| line(session).streams[0].clock_rate = 48_000), ["RFC 3264 6.1"]);
        assert_eq!(broken(&end(1), &end(2), |session| line(session).streams.clear()), ["RFC 3264 6.1"]);
        let twice = |session: &mut Session| {
            let other = Stream { payload_type: 97, ..line(session).streams[0].clone() };
            line(session).streams.push(other);
        };
        assert_eq!(broken(&end(1), &end(2), twice), ["RFC 3264 6.1"]);
    }

    #[test]
    fn mpeg4_parameters_are_the_same_on_both_sides() {
        let set = |name: &'static str, value: &'static str| {
            move |session: &mut Session| {
                let stream = &mut line(session).streams[0];
                let mut changed = Parameters::new();
                changed.push(name, value);
                stream.parameters = changed.or(&stream.parameters);
            }
        };
        assert_eq!(broken(&player(1), &player(2), set("profile-level-id", "13")), ["S6.2-12"]);
        let sharing = player(1).sharing(0..=0, 1..=1);
        assert_eq!(broken(&sharing, &player(2), set("profile-level-id", "13")), ["SC-02"]);
    }

    #[test]
    fn one_renderer_of_those_offered_is_left() {
        let offered = |renders: &str| {
            let fmtp = format!("fmtp:96 {renders}");
            described("RTP/AVP", &["rtpmap:96 rtp-midi/44100".to_owned(), fmtp])
        };
        let both = offered("render=api; render=synthetic");
        let mut second = end(2);
        second.abilities.renders.extend([crate::render::Render::Api, crate::render::Render::Synthetic]);
        let chosen = answer(&both, &second).unwrap().session;
        assert_eq!(chosen.media[0].streams[0].parameters.to_string(), "render=api; render=null");
        let rendered = |text: &str| {
            let text = text.to_owned();
            found(&both, chosen.clone(), |session| line(session).streams[0].parameters = Parameters::parse(&text))
        };
        assert_eq!(rendered("render=api; render=synthetic"), ["SC.7.2-25"]);
        assert_eq!(rendered("render=api; render=unknown"), ["SC.7.2-26"]);
        assert_eq!(rendered("render=null"), ["SC.6.1-06"]);
        assert_eq!(rendered("render=synthetic; render=null"), ["SC.6.1-06"]);
        assert_eq!(rendered(""), ["SC.6.1-06"]);
        let mut none = chosen.clone();
        line(&mut none).streams[0].parameters = Parameters::parse("render=null; render=null");
        assert!(verify(&both, &none).is_ok(), "a stream may go without its renderers");
    }

    #[test]
    fn connections_and_keys_fit_those_offered() {
        let mut tcp = [end(1), end(2)];
        for end in &mut tcp {
            end.ways.protocols = vec![Protocol::TcpAvp];
            for config in [&mut end.sends, &mut end.takes].into_iter().flatten() {
                config.journal = rtp_midi::Journal::None;
            }
        }
        let setup = |setup| move |session: &mut Session| line(session).transport.setup = setup;
        assert_eq!(broken(&tcp[0], &tcp[1], setup(Some(Setup::ActPass))), ["F-08"]);
        assert_eq!(broken(&tcp[0], &tcp[1], setup(None)), ["F-08"]);
        let existing = |session: &mut Session| line(session).transport.connection = Some(Connection::Existing);
        assert_eq!(broken(&tcp[0], &tcp[1], existing), ["F-08"]);

        let mut secret = [end(1), end(2)];
        for end in &mut secret {
            end.ways.protocols = vec![Protocol::Savp];
            end.ways.crypto = vec![Crypto::parse("1 AES_CM_128_HMAC_SHA1_80 inline:x").unwrap()];
        }
        let crypto =
            |change: fn(&mut Vec<Crypto>)| move |session: &mut Session| change(&mut line(session).transport.crypto);
        assert_eq!(broken(&secret[0], &secret[1], crypto(Vec::clear)), ["RFC 4568 5.1.2"]);
        assert_eq!(broken(&secret[0], &secret[1], crypto(|keys| keys[0].tag = 9)), ["RFC 4568 5.1.2"]);
        assert_eq!(
            broken(&secret[0], &secret[1], crypto(|keys| keys[0].suite = "AES_X".to_owned())),
            ["RFC 4568 5.1.2"]
        );
    }

    #[test]
    fn relations_of_the_answer_hold_as_well() {
        let mut pair = end(1);
        pair.pairing = Pairing::Virtual(1);
        assert_eq!(broken(&pair, &end(2), |session| session.groups.clear()), ["SC.5-07"]);
    }
}
