//! The requirements on descriptions seen from outside (RFC 6295, sections 6 and 11, appendices C and D).

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use rtp_midi::{Config, Format, Journal, Policy};
use rtp_midi_sdp::{Error, Session};

/// A description with this media line and these attributes behind it.
fn parse(media: &str, attributes: &[&str]) -> Result<Session, Error> {
    let head = format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=x\r\nt=0 0\r\nc=IN IP4 192.0.2.94\r\nm={media}\r\n");
    let attributes = attributes.iter().map(|attribute| format!("a={attribute}\r\n"));
    Session::parse((head + &attributes.collect::<String>()).as_bytes())
}

fn configs(session: &Session) -> Vec<Config> {
    session.streams().map(|(media, stream)| stream.config(&media.transport).unwrap()).collect()
}

fn midi(fmtp: &str) -> Session {
    parse("audio 5004 RTP/AVP 96", &["rtpmap:96 rtp-midi/44100", fmtp]).unwrap()
}

#[test]
fn each_payload_type_of_a_media_line_has_its_own_parameters() {
    let both =
        ["rtpmap:96 rtp-midi/44100", "rtpmap:97 rtp-midi/48000", "fmtp:97 j_sec=none", "fmtp:96 j_update=anchor"];
    let session = parse("audio 5004 RTP/AVP 96 97", &both).unwrap();
    let journals: Vec<_> = configs(&session).iter().map(|config| config.journal).collect();
    assert_eq!(journals, [Journal::Recovery(Policy::Anchor), Journal::None]);
    assert_eq!(configs(&session).iter().map(|config| config.clock_rate).collect::<Vec<_>>(), [44_100, 48_000]);
}

#[test]
fn an_audio_specific_config_is_no_stream() {
    let session = parse("audio 5004 RTP/AVP 96", &["rtpmap:96 asc/44100"]).unwrap();
    let refused = session.first_stream();
    assert!(matches!(refused, Err(Error::NoMidi { .. })), "{refused:?}");
}

#[test]
fn all_parameters_of_a_payload_type_are_printed_on_one_line() {
    let fmtp = "fmtp:96 streamtype=5; mode=rtp-midi; profile-level-id=12; config=\"\"; j_update=anchor";
    let session = parse("audio 5004 RTP/AVP 96", &["rtpmap:96 mpeg4-generic/44100", fmtp]).unwrap();
    assert_eq!(session.first_stream().unwrap().1.format, Format::Mpeg4Generic);
    let text = session.print();
    assert_eq!(text.matches("a=fmtp:").count(), 1, "{text}");
    assert!(text.contains(&format!("a={fmtp}\r\n")), "no blank before the payload type: {text}");
}

#[test]
fn blanks_before_the_payload_type_are_read() {
    assert_eq!(midi("fmtp: 96 j_update=anchor"), midi("fmtp:96 j_update=anchor"));
}

#[test]
fn any_guardtime_of_32_bits_is_taken() {
    for (text, ticks) in [("1", 1), ("44100", 44_100), ("4294967295", u32::MAX)] {
        let session = midi(&format!("fmtp:96 guardtime={text}"));
        assert_eq!(configs(&session)[0].guardtime, Some(ticks));
    }
}

#[test]
fn ptime_and_maxptime_are_neither_used_nor_written() {
    let with = parse("audio 5004 RTP/AVP 96", &["rtpmap:96 rtp-midi/44100", "ptime:20", "maxptime:40"]).unwrap();
    assert_eq!(with, parse("audio 5004 RTP/AVP 96", &["rtpmap:96 rtp-midi/44100"]).unwrap());
    assert!(!with.print().contains("ptime"));
}

#[test]
fn a_stream_that_says_nothing_runs_in_both_directions_with_a_closed_loop() {
    let session = parse("audio 5004 RTP/AVP 96", &["rtpmap:96 rtp-midi/44100"]).unwrap();
    assert_eq!(session.media[0].direction, rtp_midi_sdp::Direction::SendReceive);
    let config = &configs(&session)[0];
    assert_eq!((config.journal, config.guardtime), (Journal::Recovery(Policy::ClosedLoop), None));
}
