//! Two ends of ours: over loopback, and through a network that does its worst.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use applemidi_io::{Change, Config, Host, Reason};
use kit::{Ear, Link, State, Weather};
use rtp_midi::midi::Command;

/// Music that sets and strikes all over the channels, the same for the same seed.
fn music(messages: u32, seed: u32) -> Vec<Vec<u8>> {
    let mut random = seed;
    let mut draw = move |below: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((random >> 16) % below) as u8
    };
    let message = |_| {
        let channel = draw(4);
        match draw(8) {
            0..=2 => vec![0x90 | channel, 40 + draw(40), 1 + draw(127)],
            3..=5 => vec![0x80 | channel, 40 + draw(40), 64],
            6 => vec![0xB0 | channel, [1, 7, 10, 11, 64, 91][usize::from(draw(6))], draw(128)],
            _ => [vec![0xC0 | channel, draw(128)], vec![0xE0 | channel, draw(128), draw(128)]][usize::from(draw(2))]
                .clone(),
        }
    };
    (0..messages).map(message).collect()
}

fn connect(host: &Host, weather: Weather, seed: u64) -> (Ear, Link, Ear) {
    let (one, other) = (Ear::open(host, "One", 0), Ear::open(host, "Other", 0));
    let link = Link::to(other.address(), weather, seed);
    one.end.invite(link.address());
    one.wait_for_listeners(1);
    other.wait_for_listeners(1);
    (one, link, other)
}

#[test]
fn music_goes_both_ways_whole_and_in_order() {
    let host = Host::start().unwrap();
    let (one, other) = (Ear::open(&host, "One", 0), Ear::open(&host, "Other", 0));
    one.end.invite(other.address());
    one.wait_for_listeners(1);
    other.wait_for_listeners(1);
    for (from, to, seed) in [(&one, &other, 1), (&other, &one, 2)] {
        let mut messages = music(500, seed);
        messages.push([&[0xF0][..], &[0x33; 20], &[0xF7]].concat());
        messages.extend([vec![0xF8], vec![0xFE], vec![0xF2, 1, 2]]);
        from.end.play(&messages.concat());
        to.wait("not all has come", |heard| heard.messages.len() >= messages.len());
        to.look(|heard| assert_eq!(heard.messages, messages));
    }
    let stats = one.end.stats();
    assert_eq!(
        (stats.len(), stats[0].name.as_str(), stats[0].received.lost),
        (1, "Oth", 0),
        "cut to the length of ours"
    );
}

#[test]
fn a_long_system_exclusive_comes_in_segments_that_join() {
    let host = Host::start().unwrap();
    let (one, _link, other) = connect(&host, Weather::default(), 1);
    let octets: Vec<u8> = (0..20_000_u32).map(|index| (index % 128) as u8).collect();
    one.end.play(&[&[0xF0][..], &octets, &[0xF7]].concat());
    other.wait("it does not end", |heard| heard.messages.last().is_some_and(|last| last.ends_with(&[0xF7])));
    let joined: Vec<u8> =
        other.look(|heard| heard.messages.iter().flat_map(|segment| segment[1..segment.len() - 1].to_vec()).collect());
    assert_eq!(joined, octets);
}

#[test]
fn behind_any_loss_both_ends_are_equal_and_nothing_hangs() {
    let weathers = [
        Weather { lost: 1, burst: 1, doubled: 0, ..Weather::default() },
        Weather { lost: 5, burst: 10, doubled: 30, ..Weather::default() },
        Weather { lost: 20, burst: 1, doubled: 5, jitter: Duration::from_millis(20), ..Weather::default() },
        Weather { lost: 13, burst: 3, doubled: 5, jitter: Duration::from_millis(200), ..Weather::default() },
        Weather { lost: 40, burst: 1, doubled: 5, jitter: Duration::from_millis(200), ..Weather::default() },
    ];
    std::thread::scope(|scope| {
        for (weather, seed) in weathers.into_iter().zip(1..) {
            scope.spawn(move || ends_are_equal_behind(weather, seed));
        }
    });
}

#[test]
fn notes_that_overtake_each_other_are_all_heard_once() {
    let host = Host::start().unwrap();
    let weather = Weather { jitter: Duration::from_millis(50), doubled: 20, ..Weather::default() };
    let (one, _link, other) = connect(&host, weather, 7);
    for note in 0..60 {
        one.end.play(&[0x90, note, 100]);
        std::thread::sleep(Duration::from_millis(3));
    }
    other.wait("a note is lost", |heard| heard.messages.len() == 60);
    let order: Vec<u8> = other.look(|heard| heard.messages.iter().map(|message| message[1]).collect());
    assert!(!order.is_sorted(), "none has overtaken another one");
    assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 60);
}

/// Music through this weather leaves both ends equal, and nothing hangs.
fn ends_are_equal_behind(weather: Weather, seed: u32) {
    let host = Host::start().unwrap();
    let (one, link, other) = connect(&host, weather, seed.into());
    let messages = music(400, seed);
    for some in messages.chunks(4) {
        one.end.play(&some.concat());
        std::thread::sleep(Duration::from_millis(3));
    }
    let sent = State::after(&messages);
    // Each packet, guard packets among them, brings what the ones before it lacked.
    let settles = |what: &str, is_so: &dyn Fn(&State) -> bool| {
        let started = std::time::Instant::now();
        while !is_so(&other.state()) {
            assert!(started.elapsed() < kit::PATIENCE, "{what}, loss {}: {:?} {sent:?}", weather.lost, other.state());
            one.end.play(&[0xFE]);
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    settles("not repaired", &|state| state.is_repaired(&sent));
    one.end.play(&[0x90, 127, 1]);
    (0..4).for_each(|channel| one.end.play(&[0xB0 | channel, 123, 0]));
    settles("notes hang", &|state| state.notes() == 0);
    drop(link);
}

#[test]
fn who_leaves_lets_go_what_it_has_left_sounding_at_both_ends() {
    let host = Host::start().unwrap();
    let (one, _link, other) = connect(&host, Weather::default(), 1);
    one.end.play(&[0x90, 60, 100, 0xB0, 64, 127]);
    other.end.play(&[0x95, 70, 100]);
    one.wait("no note has come", |heard| !heard.messages.is_empty());
    other.wait("no note has come", |heard| heard.messages.len() == 2);
    assert_eq!((one.state().notes(), other.state().notes()), (1, 1));
    let who = other.end.stats()[0].participant;
    other.end.leave(who);
    for ear in [&one, &other] {
        ear.wait("it does not end", |heard| matches!(heard.changes.last(), Some(Change::Closed(_))));
        assert_eq!(ear.state().notes(), 0);
    }
    other.look(|heard| assert!(heard.messages.contains(&vec![0xB0, 64, 0])));
}

#[test]
fn what_is_sent_at_once_keeps_the_times_at_which_it_should_be_heard() {
    let host = Host::start().unwrap();
    let (one, _link, other) = connect(&host, Weather::default(), 1);
    let now = Instant::now();
    let times = [0, 20, 50].map(Duration::from_millis);
    for time in times {
        one.end.play_at(&[0x90, 60, 100], now + time);
    }
    other.wait("not all have come", |heard| heard.messages.len() == times.len());
    let played: Vec<Instant> = other.look(|heard| heard.played.iter().copied().collect::<Option<_>>()).unwrap();
    let first = played[0];
    for (played, time) in played.iter().zip(times) {
        let heard = played.duration_since(first);
        assert!(heard.abs_diff(time) < Duration::from_millis(1), "{heard:?} and not {time:?}");
    }
}

#[test]
fn a_listener_that_panics_costs_its_own_session_only() {
    let host = Host::start().unwrap();
    let (one, link, other) = connect(&host, Weather::default(), 1);
    let config = kit::config("Bad");
    let bad = host.open(&config, |event| {
        assert!(!matches!(event, applemidi_io::Event::Midi { .. }), "on purpose");
    });
    let bad = bad.unwrap();
    other.end.invite((std::net::Ipv4Addr::LOCALHOST, bad.port()).into());
    other.wait_for_listeners(2);
    bad.play(&[0x91, 40, 100]);
    other.wait("no note has come", |heard| heard.messages.len() == 1);
    other.end.play(&[0x90, 60, 100]);
    other.wait("it has not gone", |heard| heard.changes.contains(&Change::Closed(Reason::Goodbye)));
    assert_eq!(other.state().notes(), 0);
    one.wait("the other session is disturbed", |heard| heard.messages.len() == 1);
    drop(link);
}

#[test]
fn a_thread_of_the_application_that_panics_lets_go_what_its_session_has_left_sounding() {
    let host = Host::start().unwrap();
    let (one, _link, other) = connect(&host, Weather::default(), 1);
    other.end.play(&[0x95, 70, 100]);
    one.wait("no note has come", |heard| heard.messages.len() == 1);
    let end = other.end;
    let thread = std::thread::spawn(move || {
        end.play(&[0x90, 60, 100]);
        panic!("on purpose");
    });
    assert!(thread.join().is_err());
    one.wait("it has not gone", |heard| heard.changes.contains(&Change::Closed(Reason::Goodbye)));
    assert_eq!(one.state().notes(), 0);
}

#[test]
fn a_peer_that_is_missed_is_silenced_and_goes_on_when_it_is_back() {
    let host = Host::start().unwrap();
    let (one, link, other) = connect(&host, Weather::default(), 1);
    one.end.play(&[0x90, 60, 100]);
    other.wait("no note has come", |heard| heard.messages.len() == 1);
    link.cut(true);
    other.wait("it is not missed", |heard| heard.changes.contains(&Change::Missed));
    assert_eq!(other.state().notes(), 0);
    one.end.play(&[0xB0, 7, 33]);
    link.cut(false);
    one.end.play(&[0x90, 62, 100]);
    other.wait("it is not repaired", |heard| heard.messages.contains(&vec![0xB0, 7, 33]));
    assert_eq!(other.state().notes(), 1);
}

#[test]
fn a_peer_that_sets_its_clock_stays_in_its_session_and_is_heard_at_its_time() {
    const HOUR: u64 = 36_000_000;
    let host = Host::start().unwrap();
    let (one, link, other) = connect(&host, Weather::default(), 1);
    for (ticks, note) in [(0, 60), (HOUR, 61), (0, 62)] {
        link.set_clock(ticks);
        other.wait("it is not noticed", |heard| {
            heard.changes.iter().filter(|change| **change == Change::ClockSet).count() == usize::from(note - 60)
        });
        let sent = Instant::now();
        one.end.play(&[0x90, note, 100, 0x80, note, 64]);
        other.wait("no note has come", |heard| heard.messages.len() == 2 * usize::from(note - 59));
        let played = other.look(|heard| heard.played.last().copied().unwrap());
        // A clock that is not followed would be wrong by an hour.
        let error = played.map(|played| played.max(sent).duration_since(played.min(sent)));
        assert!(error.is_none_or(|error| error < Duration::from_mins(10)), "{note}: {error:?}");
    }
    other.look(|heard| {
        let notes: Vec<u8> = heard.messages.iter().map(|message| message[1]).collect();
        assert_eq!(notes, [60, 60, 61, 61, 62, 62]);
        assert!(!heard.changes.iter().any(|change| matches!(change, Change::Closed(_))), "{:?}", heard.changes);
    });
}

#[test]
fn a_cut_that_outlasts_everybodys_patience_is_silent_and_ends_in_a_new_session() {
    let host = Host::start().unwrap();
    let (one, other) = (Ear::open(&host, "One", 0), Ear::open(&host, "Other", 0));
    let link = Link::to(other.address(), Weather::default(), 1);
    one.end.call(&link.address().to_string());
    one.wait_for_listeners(1);
    other.wait_for_listeners(1);
    for (from, to) in [(&one, &other), (&other, &one)] {
        from.end.play(&[0x90, 60, 100]);
        to.wait("no note has come", |heard| heard.messages.len() == 1);
    }
    link.cut(true);
    for ear in [&one, &other] {
        ear.wait("it has not gone", |heard| heard.changes.contains(&Change::Closed(Reason::Expired)));
        assert_eq!((ear.state().notes(), ear.end.stats().len()), (0, 0));
    }
    link.cut(false);
    one.wait_for_listeners(2);
    other.wait_for_listeners(2);
    for (from, to) in [(&one, &other), (&other, &one)] {
        from.end.play(&[0x90, 61, 100]);
        to.wait("it is not heard again", |heard| heard.messages.contains(&vec![0x90, 61, 100]));
        assert_eq!(to.end.stats().len(), 1);
    }
}

#[test]
fn whoever_is_called_at_its_second_address_is_heard_from_there() {
    let host = Host::start().unwrap();
    let one = Ear::open(&host, "One", 0);
    let other = Ear::with(&host, &Config { address: None, ..kit::config("Other") });
    let second = SocketAddr::from(([127, 0, 0, 7], other.end.port()));
    one.end.invite(second);
    one.wait_for_listeners(1);
    other.wait_for_listeners(1);
    for (from, to) in [(&one, &other), (&other, &one)] {
        from.end.play(&[0x90, 60, 100]);
        to.wait("no note has come", |heard| heard.messages.len() == 1);
    }
    assert_eq!(one.end.stats()[0].control, second);
    // By itself it asks for the clock and confirms music, and leaves in the end.
    let is_confirmed = |heard: &kit::Heard| heard.changes.iter().any(|change| matches!(change, Change::Feedback(_)));
    one.wait("nothing is confirmed", is_confirmed);
    other.end.leave(other.end.stats()[0].participant);
    one.wait("it has not left", |heard| heard.changes.contains(&Change::Closed(Reason::Goodbye)));
}

#[test]
fn a_peer_that_is_called_is_called_until_it_comes_back() {
    let host = Host::start().unwrap();
    let one = Ear::open(&host, "One", 0);
    let other = Ear::open(&host, "Other", 0);
    let (link, port) = (Link::to(other.address(), Weather::default(), 1), other.end.port());
    let call = one.end.call(&link.address().to_string());
    one.wait_for_listeners(1);
    other.wait_for_listeners(1);
    other.end.play(&[0x90, 60, 100]);
    one.wait("no note has come", |heard| heard.messages.len() == 1);

    // It is killed: nobody says goodbye, and what comes next knows nothing of it.
    link.cut(true);
    drop(other);
    one.wait("it has not gone", |heard| heard.changes.contains(&Change::Closed(Reason::Expired)));
    assert_eq!(one.state().notes(), 0);
    link.cut(false);
    let other = Ear::open(&host, "Other", port);
    one.wait_for_listeners(2);
    other.wait_for_listeners(1);
    other.end.play(&[0x90, 61, 100]);
    one.wait("it is not heard again", |heard| heard.messages.contains(&vec![0x90, 61, 100]));

    one.end.hang_up(call);
    one.wait("it has not been parted from", |heard| heard.changes.contains(&Change::Closed(Reason::Left)));
    assert_eq!(one.state().notes(), 0);
}

#[test]
fn two_ends_that_call_each_other_are_in_one_session() {
    let host = Host::start().unwrap();
    let (one, other) = (Ear::open(&host, "One", 0), Ear::open(&host, "Other", 0));
    let calls = [(&one, &other), (&other, &one)].map(|(from, to)| from.end.call(&to.address().to_string()));
    one.wait_for_listeners(1);
    other.wait_for_listeners(1);
    // Whoever is called twice is there once.
    let again = one.end.call(&other.address().to_string());
    for ear in [&one, &other] {
        ear.wait_for("somebody is there twice", || ear.end.stats().len() == 1);
    }
    for (from, to) in [(&one, &other), (&other, &one)] {
        from.end.play(&[0x90, 60, 100]);
        to.wait("no note comes", |heard| !heard.messages.is_empty());
    }
    for ear in [&one, &other] {
        assert_eq!(ear.end.stats().len(), 1);
        ear.look(|heard| assert_eq!(heard.messages, [[0x90, 60, 100]]));
    }
    one.end.hang_up(again);
    one.end.hang_up(calls[0]);
    other.wait("it has not gone", |heard| matches!(heard.changes.last(), Some(Change::Closed(Reason::Goodbye))));
}

#[test]
fn one_of_several_is_played_to_alone_and_who_was_called_is_known() {
    let host = Host::start().unwrap();
    let ends = ["One", "Other", "Third"].map(|name| Ear::open(&host, name, 0));
    let calls = [&ends[1], &ends[2]].map(|ear| ends[0].end.call(&ear.address().to_string()));
    ends[0].wait_for_listeners(2);
    let stats = ends[0].end.stats();
    let called = |call| stats.iter().find(|stats| stats.call == Some(call)).unwrap().participant;
    let (note, _) = Command::decode(&[0x90, 60, 100]).unwrap();
    ends[0].end.play_to(called(calls[1]), &note, std::time::Instant::now());
    ends[2].wait("no note comes", |heard| heard.messages == [[0x90, 60, 100]]);
    ends[0].end.play(&[0xC0, 5]);
    ends[1].wait("no program comes", |heard| !heard.messages.is_empty());
    ends[1].look(|heard| assert_eq!(heard.messages, [[0xC0, 5]]));
}
