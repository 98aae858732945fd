//! Real pipelines in real sessions over loopback.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
#[allow(dead_code, reason = "the tests of the sessions themselves use more of it")]
#[path = "../../../crates/applemidi-io/tests/kit/mod.rs"]
mod network;

use std::net::UdpSocket;
use std::time::Duration;

use gst::prelude::*;
use kit::peer::Peer;
use kit::{INPUT, ON_LOOPBACK, OUTPUT, PATIENT, Player};
use network::{Link, Weather};

const MS: Duration = Duration::from_millis(1);

/// Two pipelines with both ways each, in session.
fn pair(name: &str) -> (Player, Player) {
    let host = Player::both(name, "");
    let guest = Player::both(&format!("{name}-guest"), &format!("peers={}", host.address()));
    host.wait_for_listeners(1);
    guest.wait_for_listeners(1);
    (host, guest)
}

#[test]
fn notes_system_exclusives_and_clocks_go_both_ways() {
    let (host, guest) = pair("both-ways");
    let dump = [&[0xF0, 0x7D][..], &[1; 2000], &[0xF7]].concat();
    let messages: [&[u8]; 8] =
        [&[0xC0, 5], &[0xB0, 7, 100], &[0x90, 60, 100], &dump, &[0xF8], &[0xF2, 1, 2], &[0x80, 60, 64], &[0xE1, 3, 4]];
    for (from, to) in [(&host, &guest), (&guest, &host)] {
        from.play(&messages);
        to.hears(&messages);
    }
}

#[test]
fn source_and_sink_of_a_session_share_one_end_and_release_it_with_the_last() {
    let (host, guest) = pair("shared");
    let name = guest.stats().get::<gst::Array>("participants").unwrap();
    assert_eq!((name.len(), host.listeners()), (1, 1), "both elements are one participant");
    let port = host.address().port();
    assert!(UdpSocket::bind(("127.0.0.1", port)).is_err());
    let source = host.element("midi");
    host.pipeline.remove(&source).unwrap();
    source.set_state(gst::State::Null).unwrap();
    host.play(&[&[0x90, 60, 1]]);
    guest.hears(&[&[0x90, 60, 1]]);
    drop(host);
    guest.hears(&[&[0x80, 60, 64]]);
    assert_eq!(guest.wait_for_change("left").get::<&str>("reason"), Ok("goodbye"));
    UdpSocket::bind(("127.0.0.1", port)).unwrap();
}

#[test]
fn a_participant_is_told_of_when_it_comes_and_when_it_goes() {
    let host = Player::both("told", "");
    let guest = Player::both("told-guest", &format!("peers={}", host.address()));
    let joined = host.wait_for_change("joined");
    assert_eq!(joined.get::<&str>("name"), Ok("told-guest"));
    assert_eq!(joined.get::<&str>("session-name"), Ok("told"));
    assert!(joined.get::<&str>("control").unwrap().starts_with("127.0.0.1:"));
    guest.wait_for_listeners(1);
    guest.play(&[&[0x90, 60, 100], &[0xB0, 64, 127]]);
    host.hears(&[&[0x90, 60, 100], &[0xB0, 64, 127]]);
    drop(guest);
    host.hears(&[&[0xB0, 64, 0], &[0x80, 60, 64]]);
    assert_eq!(host.wait_for_change("left").get::<&str>("reason"), Ok("goodbye"));
}

#[test]
fn whoever_is_there_twice_for_a_while_has_joined_once_and_not_left() {
    let host = Player::both("double", "");
    let peer = Peer::new(host.address());
    // As two ends are that call each other at different times, of which the first is given up.
    for ssrc in [1, 2] {
        peer.invite(ssrc);
    }
    peer.compare(2);
    host.wait_for_listeners(1);
    peer.leave(2);
    // Source and sink tell of it.
    for change in ["joined", "joined", "left", "left"] {
        let told = host.next_change();
        assert_eq!(told.get::<&str>("change"), Ok(change), "{told}");
        assert!(change == "joined" || told.get::<&str>("reason") == Ok("goodbye"), "{told}");
    }
}

#[test]
fn packets_are_as_the_properties_have_them() {
    const CHORD: [&[u8]; 2] = [&[0x90, 60, 100], &[0x90, 64, 100]];
    let full: &[u8] = &[0x90, 60, 100, 0, 0x90, 64, 100];
    let running: &[u8] = &[0x90, 60, 100, 0, 64, 100];
    let dump = [&[0xF0, 0x7D][..], &[1; 900], &[0xF7]].concat();
    for (number, (properties, chord, has_journal, most)) in [
        ("", full, true, 1200),
        ("running-status=true", running, true, 1200),
        ("journal=none", full, false, 1200),
        ("journal=none mtu=200 running-status=true", running, false, 200),
    ]
    .into_iter()
    .enumerate()
    {
        let host = Player::both(&format!("packets-{number}"), properties);
        let peer = Peer::new(host.address());
        peer.invite(1);
        peer.compare(1);
        host.wait_for_listeners(1);
        host.play_together(&CHORD);
        // B and Z are 0, and P: both notes are of the first one's time, and its status octet is its own.
        let (payload, _) = peer.music();
        assert_eq!((payload[0] & 0xBF, &payload[1..=chord.len()]), (chord.len() as u8, chord), "{properties}");
        host.play(&[&dump]);
        let (payload, length) = peer.music();
        assert_eq!(payload[0] & 0x40 != 0, has_journal, "{properties}");
        assert!((most - 100..=most).contains(&length) == (most == 200) && length <= most, "{properties}: {length}");
    }
}

#[test]
fn timestamps_keep_the_senders_spacing_whatever_the_network_does() {
    let host = Player::start(&format!("{INPUT} ! applemidisink name=midi session-name=jitter {ON_LOOPBACK}"));
    // On a busy machine notes follow each other more closely, and would overtake each other.
    let weather = Weather { jitter: 20 * MS, in_order: true, ..Weather::default() };
    let link = Link::to(host.address(), weather, 3);
    let source = |name: &str, mode: &str, to: std::net::SocketAddr| {
        let session = format!("session-name=jitter-{name} {ON_LOOPBACK} peers={to}");
        Player::start(&format!("applemidisrc name=midi {session} mode={mode} {PATIENT} ! {OUTPUT}"))
    };
    // What the sender has written, which a busy machine may have kept from being punctual.
    let witness = source("witness", "timestamp", host.address());
    host.wait_for_listeners(1);
    for mode in ["timestamp", "arrival"] {
        let guest = source(mode, mode, link.address());
        host.wait_for_listeners(2);
        // Behind the comparisons of clocks at the start.
        let notes: Vec<_> = (0..30).map(|number| (MS * (2000 + 30 * number), [0x90, number as u8, 1])).collect();
        host.play_at(&notes);
        let [written, heard] = [&witness, &guest].map(|player| spacings(&player.heard(notes.len())));
        println!("{mode}: {heard:?}");
        let off = heard.iter().zip(&written).map(|(heard, written)| heard.abs_diff(*written)).max().unwrap();
        match mode {
            "timestamp" => assert!(off <= 3, "{heard:?}, written {written:?}"),
            _ => assert!(off > 3, "the network does nothing: {heard:?}"),
        }
        drop(guest);
        host.wait_for_listeners(1);
    }
}

/// Milliseconds from each message to the next.
fn spacings(messages: &[kit::player::Timed]) -> Vec<u64> {
    messages.windows(2).map(|pair| (pair[1].0 - pair[0].0).mseconds()).collect()
}

#[test]
fn a_pause_lets_go_what_sounds_and_keeps_what_lasts() {
    let (host, guest) = pair("pause");
    host.play(&[&[0x90, 60, 100]]);
    guest.hears(&[&[0x90, 60, 100]]);
    // The sender pauses: nothing sounds on at the listener.
    host.pipeline.set_state(gst::State::Paused).unwrap();
    guest.hears(&[&[0x80, 60, 64]]);
    host.pipeline.set_state(gst::State::Playing).unwrap();

    host.play(&[&[0x90, 61, 100]]);
    guest.hears(&[&[0x90, 61, 100]]);
    // The listener pauses: it hears of what lasts when it goes on, and of no note that began meanwhile.
    guest.pipeline.set_state(gst::State::Paused).unwrap();
    host.play(&[&[0xB0, 7, 1], &[0xB0, 7, 2], &[0x90, 62, 100]]);
    // The note comes last, and with it all has come.
    let waits =
        || guest.stats().get::<u64>("waiting").unwrap() == 1 && guest.stats().get::<u64>("dropped").unwrap() == 1;
    let started = std::time::Instant::now();
    while !waits() {
        assert!(started.elapsed() < kit::PATIENCE, "{:?}", guest.stats());
        std::thread::sleep(MS);
    }
    guest.pipeline.set_state(gst::State::Playing).unwrap();
    guest.hears(&[&[0x80, 61, 64], &[0xB0, 7, 2]]);
    host.play(&[&[0x90, 63, 100]]);
    guest.hears(&[&[0x90, 63, 100]]);
}

#[test]
fn the_end_of_a_stream_lets_go_what_sounds() {
    let (host, guest) = pair("end");
    host.play(&[&[0x90, 60, 100], &[0x91, 61, 100]]);
    guest.hears(&[&[0x90, 60, 100], &[0x91, 61, 100]]);
    // Of the listener: behind what it has heard.
    assert!(guest.element("midi").send_event(gst::event::Eos::new()));
    guest.hears(&[&[0x80, 60, 64], &[0x81, 61, 64]]);
    assert_eq!(guest.next(), None);
    // Of the sender.
    let (host, guest) = pair("end-again");
    host.play(&[&[0x90, 60, 100]]);
    guest.hears(&[&[0x90, 60, 100]]);
    host.element("in").downcast::<gst_app::AppSrc>().unwrap().end_of_stream().unwrap();
    guest.hears(&[&[0x80, 60, 64]]);
}

#[test]
fn a_source_that_is_stopped_alone_lets_go_what_sounds() {
    let (host, guest) = pair("alone");
    host.play(&[&[0x90, 60, 100]]);
    guest.hears(&[&[0x90, 60, 100]]);
    guest.wait_until_it_plays();
    guest.element("midi").set_state(gst::State::Ready).unwrap();
    guest.hears(&[&[0x80, 60, 64]]);
}

#[test]
fn a_port_that_is_taken_is_refused_with_what_to_do() {
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let source = format!("applemidisrc session-name=taken {ON_LOOPBACK} port={port} ! fakesink");
    let words = Player::new(&source).refused();
    assert!(words.starts_with(&format!("Cannot listen on UDP ports {port} and {}: ", port + 1)), "{words}");
    assert!(words.contains(&format!("ss -ulpn 'sport = :{port}'")) && words.contains("port=0 takes any"), "{words}");
}

#[test]
fn what_elements_of_a_session_cannot_agree_on_is_refused() {
    for (one, other, words) in [
        ("port=5010", "port=5012", "port of session agree: another element of the session wants it otherwise"),
        ("", "admission=list admitted=me", "admitted of session agree: me: no network such as 192.0.2.0/24"),
        ("address=lo", "", "address of session agree: it is no IP address of this machine"),
    ] {
        let both = format!(
            "applemidisrc session-name=agree announce=false {one} ! fakesink \
             appsrc ! applemidisink session-name=agree {other}"
        );
        assert_eq!(Player::new(&both).refused(), words);
    }
    let first = Player::both("agreed", "");
    let later = Player::new(&format!("applemidisrc session-name=agreed port={} ! fakesink", first.address().port()));
    assert_eq!(later.refused(), "port of session agreed: the session is open already, with another value");
    let other = Player::start(&format!("applemidisrc name=midi session-name=agreed ! {OUTPUT}"));
    assert_eq!(other.address(), first.address());
}

#[test]
fn who_says_nothing_or_the_same_may_join_a_session_however_it_was_opened() {
    let first = format!("{INPUT} ! applemidisink name=first session-name=open {ON_LOOPBACK}");
    let host = Player::start(&format!("{first}  applemidisrc name=midi session-name=open ! {OUTPUT}"));
    // Who has said how it was to be leaves.
    let first = host.element("first");
    host.pipeline.remove(&first).unwrap();
    first.set_state(gst::State::Null).unwrap();
    for same in ["", "port=0 participants=64 journal=closed-loop mtu=1200 running-status=false", ON_LOOPBACK] {
        let source = format!("applemidisrc name=midi session-name=open {same} ! {OUTPUT}");
        assert_eq!(Player::start(&source).address(), host.address());
    }
    for (property, value) in [("admission", "known"), ("port", "9"), ("mtu", "1400"), ("journal", "none")] {
        let other = Player::new(&format!("applemidisrc session-name=open {property}={value} ! fakesink"));
        assert_eq!(
            other.refused(),
            format!("{property} of session open: the session is open already, with another value")
        );
    }
}

#[test]
fn a_source_tells_how_late_it_may_be() {
    for (properties, latency) in [("", 20), ("latency=5000000", 5), ("mode=arrival", 0)] {
        let source = format!("applemidisrc session-name=late {ON_LOOPBACK} {properties} ! fakesink sync=true");
        let player = Player::start(&source);
        player.pipeline.state(gst::ClockTime::from_seconds(kit::PATIENCE.as_secs())).0.unwrap();
        let mut query = gst::query::Latency::new();
        assert!(player.pipeline.query(&mut query));
        let (is_live, least, _) = query.result();
        // The sink adds its own time.
        let sink: gst::ClockTime =
            player.pipeline.iterate_sinks().next().unwrap().unwrap().property("processing-deadline");
        assert_eq!((is_live, least), (true, gst::ClockTime::from_mseconds(latency) + sink), "{properties}");
    }
}
