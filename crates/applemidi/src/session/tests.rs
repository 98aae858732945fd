//! Sessions in simulated time, over a network that loses, delays and forges.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::packet::Step;
use crate::transition::State;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

type Ends = Vec<End>;

/// One end: where it is, what it is, what has become of its participants.
struct End {
    control: SocketAddr,
    session: Session<Box<dyn FnMut() -> u32>>,
    changes: Vec<(Duration, ParticipantId, Change)>,
}

/// Ends, and datagrams between them that take a millisecond.
struct Network {
    now: Duration,
    ends: Ends,
    under_way: Vec<(Duration, SocketAddr, SocketAddr, Vec<u8>)>,
    /// Where to, and how long, all that has ever been sent.
    sent: Vec<(SocketAddr, usize)>,
}

fn address(host: u8, port: u16) -> SocketAddr {
    ([192, 0, 2, host], port).into()
}

fn end(host: u8, ssrc: u32, configure: impl FnOnce(&mut Config)) -> End {
    let mut config = Config::new(&format!("Host {host}"), ssrc);
    config.admission = Admission::Everyone;
    configure(&mut config);
    let mut number = u32::from(host).wrapping_mul(0x9E37_79B9);
    let random: Box<dyn FnMut() -> u32> = Box::new(move || {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        number
    });
    End { control: address(host, 5004), session: Session::new(config, random), changes: Vec::new() }
}

impl Network {
    fn new(ends: Ends) -> Self {
        Self { now: SECOND, ends, under_way: Vec::new(), sent: Vec::new() }
    }

    fn pair() -> Self {
        Self::new(vec![end(1, 10, |_| ()), end(2, 20, |_| ())])
    }

    fn handle(&mut self, end: usize, input: Input<'_>) {
        self.ends[end].session.handle(self.now, input);
        self.drain(end);
    }

    fn drain(&mut self, index: usize) {
        let end = &mut self.ends[index];
        loop {
            match end.session.poll() {
                Output::Send { port, to, octets } => {
                    let from = SocketAddr::new(end.control.ip(), end.control.port() + u16::from(port == Port::Data));
                    self.sent.push((to, octets.len()));
                    self.under_way.push((self.now + MS, from, to, octets));
                }
                Output::Change(id, change) => end.changes.push((self.now, id, change)),
                Output::Music(_) => {}
                Output::Wait(_) => return,
            }
        }
    }

    /// Lets so much time pass; `passes` says of each datagram whether it does.
    fn run(&mut self, time: Duration, mut passes: impl FnMut(&[u8]) -> bool) {
        let end = self.now + time;
        loop {
            let datagrams = self.under_way.iter().map(|(at, ..)| *at);
            let timers = self.ends.iter().filter_map(|end| end.session.roster.due().map(|(due, _)| due));
            let Some(next) = datagrams.chain(timers).min().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            let (arrived, rest) = std::mem::take(&mut self.under_way).into_iter().partition(|(at, ..)| *at <= self.now);
            self.under_way = rest;
            let arrived: Vec<(Duration, SocketAddr, SocketAddr, Vec<u8>)> = arrived;
            for (_, from, to, octets) in arrived.into_iter().filter(|(.., octets)| passes(octets)) {
                self.deliver(from, to, &octets);
            }
            (0..self.ends.len()).for_each(|index| self.handle(index, Input::Time));
        }
        self.now = end;
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, octets: &[u8]) {
        let is_meant = |end: &End| end.control.ip() == to.ip() && [0, 1].contains(&(to.port() - end.control.port()));
        if let Some(index) = self.ends.iter().position(is_meant) {
            let port = if to.port() == self.ends[index].control.port() { Port::Control } else { Port::Data };
            self.handle(index, Input::Datagram { port, from, octets });
        }
    }

    fn states(&self, end: usize) -> Vec<State> {
        self.ends[end].session.participants().map(|(_, participant)| participant.state()).collect()
    }

    fn only(&self, end: usize) -> ParticipantId {
        let mut all = self.ends[end].session.participants();
        let (id, _) = all.next().unwrap();
        assert!(all.next().is_none());
        id
    }

    fn changes(&self, end: usize) -> Vec<Change> {
        self.ends[end].changes.iter().map(|(.., change)| *change).collect()
    }

    /// Two ends, the first of which has invited the second.
    fn open() -> Self {
        let mut network = Self::pair();
        network.handle(0, Input::Invite(address(2, 5004)));
        network.run(3 * SECOND, |_| true);
        assert_eq!((network.states(0), network.states(1)), (vec![State::Open], vec![State::Open]));
        network
    }
}

fn invitation(token: u32, ssrc: u32) -> Vec<u8> {
    Packet::Invitation(Party { token, ssrc, name: b"Somebody" }).octets()
}

#[test]
fn two_ends_agree_on_both_ports_and_compare_their_clocks() {
    let network = Network::open();
    assert_eq!(network.changes(0), [Change::Invited, Change::Opened, Change::Listening]);
    assert_eq!(network.changes(1), [Change::Opened, Change::Listening]);
    for (end, name) in [(0, "Host 2"), (1, "Host 1")] {
        let participant = network.ends[end].session.participant(network.only(end)).unwrap();
        assert_eq!((participant.name(), participant.is_listening()), (name, true));
        assert_eq!(participant.clock().latency(), Some(MS));
    }
}

#[test]
fn clocks_are_compared_fast_at_first_and_every_ten_seconds_then() {
    let mut network = Network::open();
    let before = network.sent.len();
    network.run(60 * SECOND, |_| true);
    // Both ends ask; each comparison has three packets.
    assert!((network.sent.len() - before).abs_diff(2 * 3 * 6) <= 6, "{}", network.sent.len() - before);
    assert_eq!(network.states(0), [State::Open]);
}

#[test]
fn an_end_that_nobody_hears_is_gone_after_ninety_seconds() {
    let mut network = Network::open();
    let cut = network.now;
    network.run(120 * SECOND, |_| false);
    for end in 0..2 {
        let (at, _, change) = *network.ends[end].changes.last().unwrap();
        assert_eq!(change, Change::Closed(Reason::Expired));
        let passed = at.saturating_sub(cut);
        assert!(passed.abs_diff(89 * SECOND) <= 2 * SECOND, "{passed:?}");
    }
    assert!(network.states(0).is_empty());
}

#[test]
fn an_end_that_answers_no_more_is_missed_within_fifteen_seconds_and_may_come_back() {
    let mut network = Network::open();
    network.run(15 * SECOND, |_| false);
    for end in 0..2 {
        assert_eq!(network.changes(end).last(), Some(&Change::Missed));
    }
    network.run(120 * SECOND, |_| true);
    assert_eq!((network.states(0), network.states(1)), (vec![State::Open], vec![State::Open]));
    let missed = network.changes(0).into_iter().filter(|change| *change == Change::Missed);
    assert_eq!(missed.count(), 1);
}

#[test]
fn an_invitation_that_nobody_answers_is_repeated_and_given_up() {
    let mut network = Network::pair();
    network.handle(0, Input::Invite(address(9, 5004)));
    network.run(60 * SECOND, |_| true);
    assert_eq!(network.changes(0), [Change::Invited, Change::Closed(Reason::Unanswered)]);
    // Twelve invitations and a goodbye.
    assert_eq!(network.sent.len(), 13);
}

#[test]
fn a_lost_answer_does_not_matter() {
    let mut network = Network::pair();
    network.handle(0, Input::Invite(address(2, 5004)));
    let mut lost = 0;
    network.run(8 * SECOND, |octets| {
        lost += u32::from(octets[2] == b'O');
        octets[2] != b'O' || ![1, 3].contains(&lost)
    });
    assert_eq!((network.states(0), network.states(1)), (vec![State::Open], vec![State::Open]));
    assert_eq!(network.changes(1), [Change::Opened, Change::Listening]);
}

#[test]
fn who_leaves_says_goodbye() {
    let mut network = Network::open();
    network.handle(1, Input::Close);
    network.run(SECOND, |_| true);
    assert_eq!(network.changes(0).last(), Some(&Change::Closed(Reason::Goodbye)));
    assert_eq!(network.changes(1).last(), Some(&Change::Closed(Reason::Left)));
}

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
fn invitations_that_cross_make_one_session() {
    let mut network = Network::pair();
    network.handle(0, Input::Invite(address(2, 5004)));
    network.handle(1, Input::Invite(address(1, 5004)));
    network.run(5 * SECOND, |_| true);
    assert_eq!((network.states(0), network.states(1)), (vec![State::Open], vec![State::Open]));
    assert!(network.changes(1).contains(&Change::Closed(Reason::Crossed)));
}

#[test]
fn a_peer_that_starts_anew_under_its_old_name_is_taken_back() {
    let mut network = Network::open();
    network.ends[0] = end(1, 10, |_| ());
    network.handle(0, Input::Invite(address(2, 5004)));
    // Another token than before.
    network.run(SECOND, |_| true);
    assert_eq!((network.states(0), network.states(1)), (vec![State::Open], vec![State::Open]));
}

#[test]
fn a_peer_that_was_killed_and_is_back_is_invited_anew_within_half_a_minute() {
    for ssrc in [20, 21] {
        let mut network = Network::open();
        network.ends[1] = end(2, ssrc, |_| ());
        network.run(30 * SECOND, |_| true);
        assert_eq!((network.states(0), network.states(1)), (vec![State::Open], vec![State::Open]), "{ssrc}");
        let participant = network.ends[0].session.participant(network.only(0)).unwrap();
        assert_eq!((participant.ssrc(), participant.is_listening()), (Some(ssrc), true));
        assert!(network.changes(0).contains(&Change::Missed));
        // Who has the source that it had before cannot be told from one that has not been away.
        assert_eq!(network.changes(0).contains(&Change::Restarted), ssrc == 21);
    }
}

#[test]
fn another_token_restarts_and_the_same_one_does_not() {
    let mut network = Network::open();
    let token = network.ends[1].session.participant(network.only(1)).unwrap().token;
    network.deliver(address(1, 5004), address(2, 5004), &invitation(token, 10));
    assert_eq!(network.states(1), [State::Open]);
    network.deliver(address(1, 5004), address(2, 5004), &invitation(token ^ 1, 10));
    assert_eq!(network.states(1), [State::HalfOpen]);
    assert_eq!(network.changes(1).last(), Some(&Change::Restarted));
}

#[test]
fn a_peer_may_have_another_source_and_token_on_its_data_port() {
    let mut network = Network::pair();
    let (control, data) = (address(7, 9000), address(7, 9001));
    network.deliver(control, address(2, 5004), &invitation(1, 70));
    network.deliver(data, address(2, 5005), &invitation(1, 71));
    assert_eq!(network.states(1), [State::Open]);
    network.deliver(control, address(2, 5004), &invitation(1, 70));
    assert_eq!(network.states(1), [State::Open]);
    let answers: Vec<_> = network.under_way.iter().map(|(_, _, to, _)| *to).collect();
    assert_eq!(answers, [control, data, control]);

    let other = (address(8, 9000), address(8, 9001));
    network.deliver(other.0, address(2, 5004), &invitation(1, 80));
    network.deliver(other.1, address(2, 5005), &invitation(2, 80));
    assert_eq!(network.states(1), [State::Open, State::Open]);
}

#[test]
fn music_counts_from_where_the_participant_is() {
    let mut network = Network::open();
    let rtp = [0x80, 0x61, 0, 1, 0, 0, 0, 0, 0, 0, 0, 10, 0];
    let music = |network: &mut Network, from, octets: &[u8]| {
        let input = Input::Datagram { port: Port::Data, from, octets };
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
fn a_storm_of_questions_is_answered_in_moderation() {
    let mut network = Network::open();
    let ask = Packet::Clock(Clock { ssrc: 10, step: Step::Ask, times: [1, 0, 0] }).octets();
    let before = network.sent.len();
    for _ in 0..10_000 {
        network.deliver(address(1, 5005), address(2, 5005), &ask);
    }
    assert!(network.sent.len() - before <= 20, "{}", network.sent.len() - before);
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
