//! What is heard of participants who take part, and told to them.

use std::net::IpAddr;

use super::*;

#[test]
fn music_counts_from_where_the_participant_is() {
    let mut network = Network::open();
    let rtp = [0x80, 0x61, 0, 1, 0, 0, 0, 0, 0, 0, 0, 10, 0];
    let music = |network: &mut Network, from, octets: &[u8]| {
        let input = Input::Datagram { port: Port::Data, from, to: None, octets };
        network.ends[1].session.handle(network.now, input);
        matches!(network.ends[1].session.poll(), Output::Music(_))
    };
    assert!(music(&mut network, address(1, 5005), &rtp));
    assert!(!music(&mut network, address(1, 5004), &rtp));
    assert!(!music(&mut network, address(3, 5005), &rtp));
    assert!(!music(&mut network, address(1, 5005), &[&rtp[..11], &[11, 0]].concat()));
    assert!(!music(&mut network, address(1, 5005), &rtp[..11]));
}

#[test]
fn feedback_follows_music_within_a_second_and_goes_to_the_control_port() {
    let mut network = Network::open();
    let id = network.only(1);
    for sequence in 5..50 {
        network.handle(1, Input::Received(id, sequence));
        network.run(100 * MS, |_| true);
    }
    network.run(2 * SECOND, |_| true);
    let told: Vec<_> = network.changes(0).into_iter().filter(|change| matches!(change, Change::Feedback(_))).collect();
    assert_eq!(told.len(), 5);
    assert_eq!(told.last(), Some(&Change::Feedback(Received::new(49))));
}

#[test]
fn our_questions_and_their_answers_are_counted() {
    let often = |config: &mut Config| {
        config.timers.clock_start = &[Duration::ZERO];
        (config.timers.clock, config.timers.clock_again) = (100 * MS, 500 * MS);
    };
    let mut network = Network::new(vec![end(1, 10, often), end(2, 20, |_| ())]);
    network.handle(0, Input::Invite(address(2, 5004)));
    network.run(1050 * MS, |_| true);
    let id = network.only(0);
    let counted = |network: &Network| network.ends[0].session.participant(id).unwrap().comparisons();
    let before = counted(&network);
    assert_eq!((before.answered, before.trip), (before.asked, Some(2 * MS)));
    assert!(before.asked >= 10, "{before:?}");
    // Questions get lost for a while.
    let mut lost = 0;
    network.run(1050 * MS, |octets| {
        lost += u64::from(octets.starts_with(b"\xFF\xFFCK\0\0\0\x0A\0"));
        !octets.starts_with(b"\xFF\xFFCK")
    });
    network.run(500 * MS, |_| true);
    let after = counted(&network);
    assert!(lost >= 2, "{lost}");
    assert_eq!(after.asked - after.answered, lost, "{after:?}");
}

#[test]
fn a_peer_that_sets_its_clock_is_noticed() {
    let mut network = Network::pair();
    let (control, data) = (address(7, 9000), address(7, 9001));
    network.deliver(control, address(2, 5004), &invitation(1, 70));
    network.deliver(data, address(2, 5005), &invitation(1, 70));
    let mut compare = |start: u64| {
        let ask = Clock { ssrc: 70, step: Step::Ask, times: [start, 0, 0] };
        network.ends[1].session.handle(
            network.now,
            Input::Datagram { port: Port::Data, from: data, to: None, octets: &Packet::Clock(ask).octets() },
        );
        let answer = loop {
            match network.ends[1].session.poll() {
                Output::Send { octets, .. } if octets.starts_with(b"\xFF\xFFCK") => break octets,
                Output::Wait(_) => panic!("no answer"),
                _ => {}
            }
        };
        let Ok(Packet::Clock(Clock { times: [_, answered, _], .. })) = Packet::decode(&answer) else { panic!() };
        let conclude = Clock { ssrc: 70, step: Step::Conclude, times: [start, answered, start + 20] };
        network.deliver(data, address(2, 5005), &Packet::Clock(conclude).octets());
        network.now += 10 * SECOND;
        network.changes(1).into_iter().filter(|change| *change == Change::ClockSet).count()
    };
    assert_eq!([compare(1_000_000), compare(1_100_000), compare(1_200_000)], [0, 0, 0]);
    // An hour ahead, and back to a second ago.
    assert_eq!([compare(37_300_000), compare(37_400_000), compare(1_490_000)], [1, 1, 2]);
}

#[test]
fn whoever_has_reached_us_at_one_of_our_addresses_hears_us_from_there() {
    let mut end = end(2, 20, |config| config.admission = Admission::Local { networks: Vec::new(), known: Vec::new() });
    let (here, session, mut now) = (address(9, 0).ip(), &mut end.session, SECOND);
    let mut tell = |now: Duration, port: Port, from: SocketAddr, octets: &[u8]| {
        session.handle(now, Input::Datagram { port, from, to: Some(here), octets });
        let sent = std::iter::from_fn(|| match session.poll() {
            Output::Wait(_) => None,
            output => Some(output),
        });
        let sent = sent.filter_map(|output| match output {
            Output::Send { from, octets, .. } => Some((from, octets)),
            _ => None,
        });
        sent.collect::<Vec<_>>()
    };
    let told = |sent: &[(Option<IpAddr>, Vec<u8>)], command: &[u8]| {
        sent.iter().filter(|(_, octets)| octets[2..4] == *command).map(|(from, _)| *from).collect::<Vec<_>>()
    };
    // A stranger is refused from there, and a friend accepted.
    assert_eq!(told(&tell(now, Port::Control, address(1, 5004), &invitation(1, 70)), b"NO"), [Some(here)]);
    let friend = [5004, 5005].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    assert_eq!(told(&tell(now, Port::Control, friend[0], &invitation(1, 70)), b"OK"), [Some(here)]);
    assert_eq!(told(&tell(now, Port::Data, friend[1], &invitation(1, 70)), b"OK"), [Some(here)]);
    let ask = Packet::Clock(Clock { ssrc: 70, step: Step::Ask, times: [1, 0, 0] }).octets();
    let answer = tell(now, Port::Data, friend[1], &ask);
    assert_eq!(told(&answer, b"CK"), [Some(here)]);
    let Ok(Packet::Clock(Clock { times: [_, answered, _], .. })) = Packet::decode(&answer[0].1) else { panic!() };
    let conclude = Packet::Clock(Clock { ssrc: 70, step: Step::Conclude, times: [1, answered, 20] }).octets();
    assert_eq!(told(&tell(now, Port::Data, friend[1], &conclude), b"CK"), [Some(here)]);
    // It answers no more: the address may be the reason.
    let mut asked = Vec::new();
    for _ in 0..40 {
        now += SECOND;
        asked.extend(told(&tell(now, Port::Data, address(66, 1), b""), b"CK"));
    }
    assert_eq!(asked[asked.len() - 4..], [Some(here), None, Some(here), None]);
}

#[test]
fn what_macs_have_said_to_each_other_is_understood() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/apple-mac-to-mac.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let (mut exchange, mut music) = (0, 0);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, hex) = line.rsplit_once(' ').unwrap();
        let octets: Vec<u8> =
            (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
        if Packet::is(&octets) {
            assert!(Packet::decode(&octets).is_ok(), "{line}");
            exchange += 1;
        } else {
            assert!(rtp_ssrc(&octets).is_some(), "{line}");
            music += 1;
        }
    }
    assert!(exchange > 20 && music > 20, "{exchange} {music}");
}
