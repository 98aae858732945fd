//! Offers and answers that the RFCs print, and those of this crate, seen from outside (RFC 6295, C.7.2; RFC 4696, 2).

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use rtp_midi::midi::{Channel, U7, Voice};
use rtp_midi_sdp::lint::Severity;
use rtp_midi_sdp::negotiate::{Capabilities, End, Party, answer, offer, verify};
use rtp_midi_sdp::{Direction, Host, Session, lint};

const EXAMPLES: &str = include_str!("data/rfc-examples.txt");

/// The examples of a section, in order.
fn examples(section: &str) -> Vec<Session> {
    let examples = EXAMPLES.split("# ").skip(1).filter_map(|example| example.split_once('\n'));
    let texts = examples.filter(|(name, _)| *name == section).map(|(_, text)| text);
    texts.map(|text| Session::parse(text.as_bytes()).unwrap()).collect()
}

fn second() -> Capabilities {
    Capabilities::network_performance(Party::new("Example", 2, Host::parse("192.0.2.105"), 5004))
}

fn note() -> Voice {
    Voice::NoteOff { note: U7::masked(60), velocity: U7::default() }
}

#[test]
fn the_answer_that_the_rfc_prints_follows_from_its_offer() {
    let [offered, answered] = &examples("RFC 6295, C.7.2")[..] else { panic!("an offer and an answer") };
    let agreement = verify(offered, answered).unwrap();
    let [to_first, to_second] = &agreement.lines[..] else { panic!("two streams") };
    assert_eq!((to_first.flows.len(), to_first.flows[0].sender), (1, End::Answerer));
    assert_eq!((to_second.flows.len(), to_second.flows[0].sender), (1, End::Offerer));
    assert_eq!((to_first.offerer.port, to_first.answerer.port), (16_112, 5004));
    // The answer has the last word on the timing of packets.
    assert_eq!((to_first.flows[0].config.max_ptime, to_first.flows[0].config.guardtime), (Some(882), Some(44_100)));
    assert_eq!((to_second.flows[0].config.max_ptime, to_second.flows[0].config.guardtime), (Some(0), Some(88_200)));
    for (line, channel) in [(to_first, 2), (to_second, 1)] {
        let commands = &line.flows[0].config.commands;
        assert!(Channel::all().all(|other| commands.has_voice(other, note()) == (other.get() == channel)));
    }
}

#[test]
fn a_player_answers_the_offer_that_the_rfc_prints() {
    let offered = &examples("RFC 6295, C.7.2")[0];
    let answer = answer(offered, &second()).unwrap();
    assert_eq!(answer.refused, []);
    let printed = answer.session.print();
    let received = Session::parse(printed.as_bytes()).unwrap();
    assert_eq!(verify(offered, &received), Ok(answer.agreement));
    let directions: Vec<Direction> = received.media.iter().map(|line| line.direction).collect();
    assert_eq!(directions, [Direction::SendOnly, Direction::ReceiveOnly]);
    assert!(printed.contains("a=group:FID 1 2\r\n") && !printed.contains("cm_default"), "{printed}");
    assert_eq!(printed.matches("render=synthetic; rinit=audio/asc; inline=\"egoA").count(), 2, "{printed}");
}

#[test]
fn offers_and_answers_of_players_have_no_fault() {
    for offering in [second(), second().sharing(0..=3, 4..=7), second().beside_audio(48_000)] {
        let offered = offer(&offering).unwrap();
        let answered = answer(&offered, &second()).unwrap().session;
        for description in [offered, answered] {
            let found = lint(&description.print());
            assert!(found.iter().all(|found| found.severity == Severity::Note), "{found:?}");
        }
    }
}

#[test]
fn each_end_has_payload_types_of_its_own() {
    let (first, second) = (examples("RFC 4696, 2, Fig 1").remove(0), examples("RFC 4696, 2, Fig 2").remove(0));
    let agreement = verify(&first, &second).unwrap();
    let flows: Vec<(End, u8)> = agreement.lines[0].flows.iter().map(|flow| (flow.sender, flow.payload_type)).collect();
    assert_eq!(flows, [(End::Offerer, 101), (End::Answerer, 96)]);
}

#[test]
fn an_offer_without_midi_is_refused_line_by_line() {
    let offered = examples("RFC 4571, 5, Fig 4").remove(0);
    let refusal = answer(&offered, &second()).unwrap_err();
    assert_eq!(refusal.to_string(), "the offer is refused: media line 1: no RTP MIDI: m=audio 16112: 10 11");
    let session = refusal.session.unwrap().print();
    assert!(session.contains("m=audio 0 TCP/RTP/AVP 10 11\r\n"), "{session}");
}
