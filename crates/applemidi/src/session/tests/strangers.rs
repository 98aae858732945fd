//! Who may take part, and what those can do who do not.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

#[test]
fn a_goodbye_needs_no_token_but_the_right_address() {
    let mut network = Network::open();
    let goodbye = Packet::Goodbye(Party { token: 0, ssrc: 10, name: b"" }).octets();
    for forger in [address(66, 5004), address(1, 6004), address(1, 5003)] {
        network.deliver(forger, address(2, 5004), &goodbye);
        assert_eq!(network.states(1), [State::Open], "{forger}");
    }
    network.deliver(address(1, 5004), address(2, 5004), &goodbye);
    assert!(network.states(1).is_empty());
}

#[test]
fn somebody_is_asked_and_decides() {
    let mut network = Network::new(vec![end(1, 10, |_| ()), end(2, 20, |config| config.admission = Admission::Ask)]);
    for (decision, last) in [
        (Input::Reject as fn(ParticipantId) -> Input<'static>, Change::Closed(Reason::Refused)),
        (Input::Admit, Change::Listening),
    ] {
        network.handle(0, Input::Invite(address(2, 5004)));
        network.run(2 * SECOND, |_| true);
        assert_eq!(network.changes(1).last(), Some(&Change::Asks));
        let id = network.only(1);
        network.handle(1, decision(id));
        network.run(2 * SECOND, |_| true);
        assert_eq!(network.changes(0).last(), Some(&last));
    }
}

#[test]
fn who_is_too_many_is_refused_and_who_never_comes_is_forgotten() {
    let configure = |config: &mut Config| (config.participants, config.arriving) = (1, 4);
    let mut network = Network::new(vec![end(1, 10, |_| ()), end(2, 20, configure), end(3, 30, |_| ())]);
    for host in 100..150 {
        network.deliver(address(host, 5004), address(2, 5004), &invitation(1, host.into()));
    }
    assert_eq!(network.states(1), [State::HalfOpen; 4]);
    network.handle(0, Input::Invite(address(2, 5004)));
    network.run(SECOND, |_| true);
    network.handle(2, Input::Invite(address(2, 5004)));
    network.run(40 * SECOND, |_| true);
    assert_eq!((network.states(0), network.states(2)), (vec![State::Open], vec![]));
    assert_eq!(network.changes(2).last(), Some(&Change::Closed(Reason::Refused)));
    assert_eq!(network.states(1), [State::Open]);
}

#[test]
fn a_flood_of_invitations_is_refused_in_moderation() {
    let refuse = |config: &mut Config| config.admission = Admission::List(Vec::new());
    let mut network = Network::new(vec![end(2, 20, refuse)]);
    for seconds in 1..=3 {
        for number in 0..5_000 {
            let from = address(50 + (number % 100) as u8, 5004);
            network.deliver(from, address(2, 5004), &invitation(number, number + 100));
        }
        assert_eq!((network.sent.len(), network.states(0).len()), (10 * seconds, 0));
        network.run(SECOND, |_| true);
    }
}

#[test]
fn a_storm_of_questions_is_answered_in_moderation() {
    let mut network = Network::open();
    let ask = Packet::Clock(Clock { ssrc: 10, step: Step::Ask, times: [1, 0, 0] }).octets();
    let before = network.sent.len();
    for _ in 0..10_000 {
        network.deliver(address(1, 5005), address(2, 5005), &ask);
    }
    assert!(network.sent.len() - before <= 20, "{}", network.sent.len() - before);
}

/// Something that anybody can send: to which port, from where, what.
fn forgery() -> impl Strategy<Value = (Port, SocketAddr, Vec<u8>)> {
    let commands = prop::sample::select(vec![*b"IN", *b"OK", *b"NO", *b"BY", *b"CK", *b"RS", *b"RL"]);
    let small = 0_u8..4;
    let party = (commands, small.clone(), 0_u8..40, 0_usize..80).prop_map(|(command, token, ssrc, name)| {
        let head = [&[0xFF, 0xFF][..], &command, &[0, 0, 0, 2, 0, 0, 0, token, 0, 0, 0, ssrc]].concat();
        [head, vec![b'x'; name], vec![0; usize::from(name % 2 == 0)]].concat()
    });
    let clock = (small, 0_u8..40, any::<u64>()).prop_map(|(step, ssrc, time)| {
        let times = time.to_be_bytes().repeat(3);
        [&[0xFF, 0xFF, b'C', b'K', 0, 0, 0, ssrc, step, 0, 0, 0][..], &times].concat()
    });
    let any = prop::collection::vec(any::<u8>(), 0..64);
    let ports = prop::sample::select(vec![Port::Control, Port::Data]);
    let from = (50_u8..54, 5004_u16..5006).prop_map(|(host, port)| address(host, port));
    (ports, from, prop_oneof![party, clock, any])
}

proptest! {
    /// Nobody can make a session send more, or more often, to an address than has come from there; and nobody disturbs
    /// others.
    #[test]
    fn strangers_are_sent_no_more_than_comes_from_them(
        forgeries in prop::collection::vec((forgery(), 0_u64..3000), 1..200),
    ) {
        let mut network = Network::open();
        let before = network.sent.len();
        let mut balance: HashMap<SocketAddr, (i64, i64)> = HashMap::new();
        for ((port, from, octets), wait) in forgeries {
            let to = address(2, 5004 + u16::from(port == Port::Data));
            let (datagrams, sum) = balance.entry(from).or_default();
            (*datagrams, *sum) = (*datagrams + 1, *sum + octets.len() as i64);
            network.deliver(from, to, &octets);
            network.run(Duration::from_millis(wait), |_| true);
        }
        network.run(300 * SECOND, |_| true);
        prop_assert_eq!(network.states(0), [State::Open]);
        for (to, octets) in network.sent[before..].iter().filter(|(to, _)| to.ip() >= address(50, 0).ip()) {
            let (datagrams, sum) = balance.entry(*to).or_default();
            (*datagrams, *sum) = (*datagrams - 1, *sum - *octets as i64);
            prop_assert!(*datagrams >= 0 && *sum >= 0, "{to}: {datagrams} datagrams, {sum} octets");
        }
    }
}
