//! Two ends of ours: over loopback, and through a network that does its worst.

mod kit;

use std::time::Duration;

use applemidi_io::{Change, Host, Reason};
use kit::{Ear, Link, State, Weather};

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
        Weather { lost: 20, burst: 1, doubled: 5, jitter: Duration::from_millis(20) },
        Weather { lost: 13, burst: 3, doubled: 5, jitter: Duration::from_millis(200) },
    ];
    for (weather, seed) in weathers.into_iter().zip(1..) {
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
                assert!(
                    started.elapsed() < kit::PATIENCE,
                    "{what}, loss {}: {:?} {sent:?}",
                    weather.lost,
                    other.state()
                );
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
    other.end.play(&[0x90, 60, 100]);
    other.wait("it has not gone", |heard| heard.changes.contains(&Change::Closed(Reason::Goodbye)));
    one.wait("the other session is disturbed", |heard| heard.messages.len() == 1);
    drop(link);
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
