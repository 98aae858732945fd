//! Sessions in simulated time, over a network that loses, delays and forges.

mod hearing;
mod strangers;
mod ways;

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

/// Ends, and datagrams between them that take a time, a millisecond as a rule.
struct Network {
    now: Duration,
    delay: Duration,
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
        Self { now: SECOND, delay: MS, ends, under_way: Vec::new(), sent: Vec::new() }
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
                Output::Send { port, to, octets, .. } => {
                    let from = SocketAddr::new(end.control.ip(), end.control.port() + u16::from(port == Port::Data));
                    self.sent.push((to, octets.len()));
                    self.under_way.push((self.now + self.delay, from, to, octets));
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
            self.handle(index, Input::Datagram { port, from, to: None, octets });
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
