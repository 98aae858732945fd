//! What happens at ports and connections of a bay.

use std::collections::BTreeMap;

use super::*;
use crate::cmd::bridge::settings::PortSettings;
use proptest::prelude::*;
use rtp_midi::midi::Sounding;

const MS: Duration = Duration::from_millis(1);

/// What is played, by name of the port.
type Played = Vec<(String, Vec<u8>)>;

fn act(bay: &mut Bay, act: impl FnOnce(&mut Bay)) -> Played {
    act(bay);
    let mut played = Vec::new();
    bay.drain(Duration::MAX, |port, command| {
        let mut octets = Vec::new();
        command.encode(&mut octets);
        played.push((port, octets));
    });
    played.into_iter().map(|(port, octets)| (bay.name(port).to_owned(), octets)).collect()
}

fn play(bay: &mut Bay, at: Duration, from: PortId, octets: &[u8]) -> Played {
    act(bay, |bay| bay.play(at, from, Command::decode(octets).unwrap().0))
}

#[test]
fn no_two_ports_have_the_same_name_and_a_name_that_is_free_again_is_given_again() {
    let mut bay = Bay::default();
    let ports = ["Piano", "Piano", "Piano 2", "\u{1b}[2J\n", ""].map(|name| bay.add(name, Transport::Applemidi));
    let names = ports.map(|port| bay.name(port).to_owned());
    assert_eq!(names, ["Piano", "Piano 2", "Piano 2 2", "\u{FFFD}[2J", "unnamed"]);
    act(&mut bay, |bay| bay.remove(MS, ports[0]));
    let again = bay.add("Piano", Transport::Alsa);
    assert_eq!(bay.name(again), "Piano");
    for (wish, name) in [("Organ", "Organ"), ("Organ", "Organ"), ("Piano 2", "Piano 2 3")] {
        bay.rename(again, wish);
        assert_eq!(bay.name(again), name);
    }
}

#[test]
fn a_peer_that_is_lost_leaves_nothing_sounding_and_its_connections_stay() {
    let mut bay = Bay::default();
    let [peer, synth] = ["peer", "synth"].map(|name| bay.add(name, Transport::Applemidi));
    assert!(bay.connect(peer, synth, Origin::Hand) && bay.is_used(synth));
    assert_eq!(play(&mut bay, MS, peer, &[0x90, 60, 1]), [("synth".to_owned(), vec![0x90, 60, 1])]);
    let ends = act(&mut bay, |bay| bay.set_state(2 * MS, peer, PortState::Away));
    assert_eq!(ends, [("synth".to_owned(), vec![0x80, 60, 64])]);
    assert_eq!(act(&mut bay, |bay| bay.set_state(3 * MS, peer, PortState::Away)), []);
    act(&mut bay, |bay| bay.set_state(4 * MS, peer, PortState::There));
    assert_eq!(play(&mut bay, 5 * MS, peer, &[0xC0, 5]).len(), 1);
    let status = &bay.ports()[0];
    assert_eq!((status.messages_in, status.messages_out, status.state), (2, 0, PortState::There));
    assert_eq!(bay.connections()[0].messages, 2);
}

#[test]
fn what_is_muted_ends_and_what_is_restored_carries() {
    let mut bay = Bay::default();
    let [from, to] = ["from", "to"].map(|name| bay.add(name, Transport::Applemidi));
    bay.connect(from, to, Origin::Own);
    assert!(!bay.is_used(from), "nobody has wished for it");
    play(&mut bay, MS, from, &[0x90, 60, 1]);
    let ends = act(&mut bay, |bay| assert!(bay.mute(2 * MS, from, to, true)));
    assert_eq!(ends.len(), 1);
    assert_eq!(play(&mut bay, 3 * MS, from, &[0x90, 61, 1]), []);
    assert!(bay.connections()[0].muted);
    act(&mut bay, |bay| assert!(bay.mute(4 * MS, from, to, false)));
    assert_eq!(play(&mut bay, 5 * MS, from, &[0x90, 62, 1]).len(), 1);
    assert!(!act(&mut bay, |bay| assert!(bay.disconnect(6 * MS, from, to))).is_empty());
    assert!(!bay.disconnect(7 * MS, from, to));
}

#[test]
fn a_panic_reaches_every_port_on_every_channel() {
    let mut bay = Bay::default();
    let [from, to] = ["from", "to"].map(|name| bay.add(name, Transport::Applemidi));
    bay.connect(from, to, Origin::Hand);
    play(&mut bay, MS, from, &[0x95, 60, 1]);
    let played = act(&mut bay, |bay| bay.panic(2 * MS));
    assert_eq!(played[0], ("to".to_owned(), vec![0x85, 60, 64]));
    for port in ["from", "to"] {
        for channel in 0..16 {
            assert!(played.contains(&(port.to_owned(), vec![0xB0 | channel, 123, 0])), "{port} {channel}");
        }
    }
}

#[test]
fn a_slow_port_gets_as_much_as_it_takes_and_all_of_it_ends_when_the_bridge_does() {
    let mut bay = Bay::default();
    bay.set_written(BTreeMap::from([("synth".to_owned(), settings(r#"{"pace": 1000}"#))]));
    let [keys, synth] = ["keys", "synth"].map(|name| bay.add(name, Transport::Applemidi));
    bay.connect(keys, synth, Origin::Hand);
    let drained = |bay: &mut Bay, at: Duration| {
        let mut count = 0;
        bay.drain(at, |_, _| count += 1);
        count
    };
    for note in 0..100 {
        bay.play(Duration::ZERO, keys, Command::decode(&[0x90, note, 1]).unwrap().0);
    }
    assert_eq!((drained(&mut bay, Duration::ZERO), bay.due()), (1, Some(3 * MS)));
    assert_eq!(drained(&mut bay, 4 * MS), 1);
    let pace = bay.ports()[1].pace.clone().unwrap();
    assert_eq!((pace.octets_per_second, pace.waiting), (1000, 98));
    bay.finish(5 * MS);
    let mut ends = 0;
    bay.drain(5 * MS, |_, command| {
        assert!(command.voice().unwrap().1.note_off().is_some());
        ends += 1;
    });
    assert_eq!((ends, bay.due()), (100, None), "what has not begun may be ended as well");
}

#[test]
fn what_was_said_of_a_port_stays_until_something_else_is_written() {
    let written = |json: &str| BTreeMap::from([("synth".to_owned(), settings(json))]);
    let mut bay = Bay::default();
    let synth = bay.add("synth", Transport::Applemidi);
    let rate = |bay: &Bay| bay.ports()[0].pace.as_ref().map(|pace| pace.octets_per_second);
    bay.set_written(written(r#"{"pace": 1000}"#));
    bay.say(synth, &settings(r#"{"pace": 2000}"#));
    bay.set_written(written(r#"{"pace": 1000}"#));
    assert_eq!(rate(&bay), Some(2000));
    bay.set_written(written(r#"{"pace": 500}"#));
    assert_eq!(rate(&bay), Some(500));
    bay.set_written(BTreeMap::new());
    assert_eq!(rate(&bay), None);
}

#[test]
fn what_has_a_delay_is_heard_in_its_time_and_not_when_its_player_is_gone() {
    let mut bay = Bay::default();
    let [peer, synth] = ["peer", "synth"].map(|name| bay.add(name, Transport::Applemidi));
    bay.connect(peer, synth, Origin::Hand);
    bay.say(peer, &settings(r#"{"delay": "10 ms"}"#));
    let hear = |bay: &mut Bay, at: u32, played: u32, note: u8| {
        let on = [0x90, note, 1];
        act(bay, |bay| bay.hear(at * MS, peer, Some(played * MS), Command::decode(&on).unwrap().0))
    };
    assert_eq!(hear(&mut bay, 104, 100, 60), []);
    assert_eq!((bay.due(), bay.ports()[0].delay.as_ref().unwrap().waiting), (Some(110 * MS), 1));
    assert_eq!(act(&mut bay, |bay| bay.wake(109 * MS)), []);
    assert_eq!(act(&mut bay, |bay| bay.wake(110 * MS)).len(), 1);
    assert_eq!(hear(&mut bay, 124, 120, 61), []);
    let ends = act(&mut bay, |bay| bay.set_state(125 * MS, peer, PortState::Away));
    assert_eq!(ends, [("synth".to_owned(), vec![0x80, 60, 64])]);
    assert_eq!(act(&mut bay, |bay| bay.wake(200 * MS)), []);
    // Without a delay it is heard at once, behind what waits.
    assert_eq!(hear(&mut bay, 204, 203, 62), []);
    bay.say(peer, &settings(r#"{"delay": "off"}"#));
    assert_eq!((bay.ports()[0].delay.clone(), hear(&mut bay, 205, 204, 63)), (None, vec![]));
    assert_eq!(act(&mut bay, |bay| bay.wake(213 * MS)).len(), 2);
    assert_eq!(hear(&mut bay, 215, 214, 64).len(), 1);
}

#[test]
fn a_filter_that_is_changed_ends_what_sounds_through_it() {
    let mut bay = Bay::default();
    let [keys, synth] = ["keys", "synth"].map(|name| bay.add(name, Transport::Applemidi));
    bay.connect(keys, synth, Origin::Hand);
    let up = |transpose| Passage { transpose, ..Passage::default() };
    assert!(!bay.set_passage(MS, synth, keys, &up(1)));
    act(&mut bay, |bay| assert!(bay.set_passage(MS, keys, synth, &up(12))));
    assert_eq!(play(&mut bay, MS, keys, &[0x90, 60, 1])[0].1, [0x90, 72, 1]);
    let ends = act(&mut bay, |bay| assert!(bay.set_passage(MS, keys, synth, &up(0))));
    assert_eq!(ends[0].1, [0x80, 72, 64]);
    assert_eq!(bay.connections()[0].filter, None);
}

/// A note that comes back from a port after so long; returns how long the loop is that is cut, and when that is.
fn note_in_a_loop(bay: &mut Bay, keys: PortId, net: PortId, trip: Duration) -> Option<Duration> {
    let mut coming: BTreeMap<Duration, Vec<u8>> = BTreeMap::new();
    for step in 1..20_000 {
        let at = step * MS;
        let mut next = act(bay, |bay| bay.wake(at));
        if step == 1 {
            next.extend(play(bay, at, keys, &[0x90, 60, 1]));
        }
        if let Some(octets) = coming.remove(&at) {
            let command = Command::decode(&octets).unwrap().0;
            next.extend(act(bay, |bay| bay.hear(at, net, None, command)));
        }
        coming.extend(next.into_iter().map(|(_, octets)| (at + trip, octets)));
        if !bay.take_cut().is_empty() {
            return Some(at);
        }
    }
    None
}

#[test]
fn a_loop_through_a_port_with_a_delay_is_cut() {
    for (delay, most) in [("40 ms", 1000), ("100 ms", 2500), ("500 ms", 10_500)] {
        let mut bay = Bay::default();
        let [keys, net] = ["keys", "net"].map(|name| bay.add(name, Transport::Applemidi));
        bay.connect(keys, net, Origin::Hand);
        bay.connect(net, net, Origin::Hand);
        bay.say(net, &settings(&format!(r#"{{"delay": "{delay}"}}"#)));
        let cut = note_in_a_loop(&mut bay, keys, net, 5 * MS);
        assert!(cut.is_some_and(|at| at < most * MS), "{delay}: {cut:?}");
    }
}

#[test]
fn what_was_said_of_a_port_is_so_again_unless_something_else_is_written_by_now() {
    let written = |json: &str| BTreeMap::from([("synth".to_owned(), settings(json))]);
    let rate = |bay: &Bay, port: usize| bay.ports()[port].pace.as_ref().map(|pace| pace.octets_per_second);
    let mut bay = Bay::default();
    bay.set_written(written(r#"{"pace": 1000}"#));
    let [synth, organ, tape] =
        [("synth", Transport::Applemidi), ("organ", Transport::Alsa), ("record:a.mid", Transport::File)]
            .map(|(name, transport)| bay.add(name, transport));
    bay.say(synth, &settings(r#"{"pace": 2000}"#));
    bay.say(synth, &settings(r#"{"delay": "10 ms"}"#));
    for port in [organ, tape] {
        bay.say(port, &settings(r#"{"pace": 500}"#));
    }
    bay.rename(organ, "harp");
    let said = bay.said().clone();
    assert_eq!(said.keys().collect::<Vec<_>>(), ["harp", "synth"], "a recording comes under its name once");

    let next = |json: &str| {
        let mut bay = Bay::default();
        bay.set_written(written(json));
        bay.set_said(said.clone());
        let _ = ["synth", "harp", "organ"].map(|name| bay.add(name, Transport::Applemidi));
        bay
    };
    let bay = next(r#"{"pace": 1000}"#);
    assert_eq!([0, 1, 2].map(|port| rate(&bay, port)), [Some(2000), Some(500), None]);
    assert_eq!(bay.ports()[0].delay.as_ref().map(|delay| delay.ms), Some(10.0));
    let bay = next(r#"{"pace": 3000}"#);
    assert_eq!([0, 1].map(|port| rate(&bay, port)), [Some(3000), Some(500)]);
    assert_eq!(bay.ports()[0].delay, None);
    assert_eq!(bay.said().keys().collect::<Vec<_>>(), ["harp"]);
}

fn settings(json: &str) -> PortSettings {
    serde_json::from_str(json).unwrap()
}

#[test]
fn a_connection_that_closes_a_loop_is_cut_and_named() {
    let mut bay = Bay::default();
    let [keys, net] = ["keys", "net"].map(|name| bay.add(name, Transport::Applemidi));
    bay.connect(keys, net, Origin::Hand);
    bay.connect(net, net, Origin::Hand);
    let mut coming = std::collections::VecDeque::from(play(&mut bay, MS, keys, &[0x90, 60, 1]));
    for step in 2..2000 {
        let at = step * MS;
        let mut next = act(&mut bay, |bay| bay.wake(at));
        if let Some((_, octets)) = coming.pop_front() {
            next.extend(play(&mut bay, at, net, &octets));
        }
        coming.extend(next);
    }
    let cut = bay.take_cut();
    assert_eq!((cut.len(), &cut[0].from[..], &cut[0].to[..]), (1, "net", "net"));
    assert_eq!(bay.take_cut(), []);
    assert!(bay.connections()[1].loop_ms.is_some());
    bay.restore(net, net);
    assert!(bay.connections()[1].loop_ms.is_none());
}

/// Something that happens to a bay of a few ports.
#[derive(Clone, Debug)]
enum Step {
    Note { from: usize, note: u8, is_on: bool },
    Connect(usize, usize),
    Disconnect(usize, usize),
    Mute(usize, usize, bool),
    Lose(usize),
    Overrun(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let port = 0..PORTS;
    prop_oneof![
        6 => (port.clone(), 0..8_u8, any::<bool>()).prop_map(|(from, note, is_on)| Step::Note { from, note, is_on }),
        2 => (port.clone(), port.clone()).prop_map(|(from, to)| Step::Connect(from, to)),
        1 => (port.clone(), port.clone()).prop_map(|(from, to)| Step::Disconnect(from, to)),
        1 => (port.clone(), port.clone(), any::<bool>()).prop_map(|(from, to, on)| Step::Mute(from, to, on)),
        1 => port.clone().prop_map(Step::Lose),
        1 => port.prop_map(Step::Overrun),
    ]
}

const PORTS: usize = 4;

proptest! {
    #[test]
    fn when_all_are_gone_nothing_sounds_anywhere(steps in proptest::collection::vec(step(), 0..120)) {
        let mut bay = Bay::default();
        let ports: [PortId; PORTS] = std::array::from_fn(|_| bay.add("port", Transport::Applemidi));
        let mut sounding: BTreeMap<PortId, Sounding> = BTreeMap::new();
        // So far apart that nothing is taken for a loop.
        let mut at = Duration::ZERO;
        for step in steps {
            at += Duration::from_secs(5);
            bay.wake(at);
            match step {
                Step::Note { from, note, is_on } => {
                    let octets = [if is_on { 0x90 } else { 0x80 }, note, 64];
                    bay.play(at, ports[from], Command::decode(&octets).unwrap().0);
                }
                Step::Connect(from, to) => assert!(bay.connect(ports[from], ports[to], Origin::Hand)),
                Step::Disconnect(from, to) => drop(bay.disconnect(at, ports[from], ports[to])),
                Step::Mute(from, to, muted) => drop(bay.mute(at, ports[from], ports[to], muted)),
                Step::Lose(port) => {
                    bay.set_state(at, ports[port], PortState::Away);
                    bay.set_state(at, ports[port], PortState::There);
                }
                Step::Overrun(port) => bay.overrun(at, ports[port]),
            }
        }
        for port in ports {
            bay.set_state(at, port, PortState::Away);
        }
        bay.drain(Duration::MAX, |port, command| {
            let mut octets = Vec::new();
            command.encode(&mut octets);
            sounding.entry(port).or_default().observe(&octets);
        });
        for (port, sounding) in sounding {
            prop_assert_eq!(sounding.notes(), 0, "{}", bay.name(port));
        }
    }
}
