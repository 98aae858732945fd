//! A session in simulated time: one sender, listeners who come and go, reports that get lost or come late.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rtp_midi::midi::{Command, End, Part, Segment};
use rtp_midi::{Commands, Config, Journal, Policy, Sender};

use crate::composer::{Composer, Octets, Style};
use crate::device::Pieces;
use crate::listener::{Demand, Listener, Sent, Tally};
use crate::network::Weather;
use crate::random::Random;

/// A session, the same for the same plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) journal: Journal,
    pub(crate) style: Style,
    pub(crate) weather: Weather,
    pub(crate) packets: usize,
    pub(crate) mtu: usize,
    /// Whether listeners report.
    pub(crate) reports: bool,
    /// Listeners from the start; as many more come later, and some leave.
    pub(crate) listeners: usize,
    /// One packet in so many has its device compared.
    pub(crate) judged: usize,
}

impl Plan {
    fn config(&self) -> Config {
        let mut config = Config { commands: Commands::all(), mtu: self.mtu, ..Config::new(1000) };
        config.set_journal(self.journal);
        config
    }
}

/// Packets between two reports of a listener.
const REPORT_EVERY: usize = 20;
/// Packets behind which a report may come.
const REPORT_DELAY: u64 = 30;
/// Reports lost, of a hundred.
const REPORT_LOSS: u64 = 30;
/// Packets behind which a listener without reports counts as gone.
const TIMEOUT: usize = 300;
/// Packets behind which a sender that refuses a command will refuse it for ever.
const PATIENCE: usize = 5000;

struct Session {
    plan: Plan,
    random: Random,
    sender: Sender,
    /// The sequence number of its first packet.
    first: u16,
    composer: Composer,
    time: u32,
    /// Commands that wait for a packet.
    pending: VecDeque<Octets>,
    /// Segments of the System Exclusive on its way, and the whole of it.
    segments: VecDeque<(Part, Vec<u8>)>,
    exclusive: Option<Octets>,
    /// The commands of each packet; a System Exclusive stands with the packet that ends it.
    log: Vec<Vec<Octets>>,
    listeners: Vec<(u32, Listener)>,
    /// Reports under way: the packet behind which they arrive, reporter, highest packet.
    mail: Vec<(usize, u32, usize)>,
    /// Listeners who are told everything, and the packet that they have to report for that to end.
    told: BTreeMap<u32, usize>,
    /// Listeners who have reported.
    known: BTreeSet<u32>,
    /// Listeners who have left, and when the sender is told.
    gone: Vec<(usize, u32)>,
    /// Commands and segments that waited behind the latest packet, and for how many packets they have.
    waiting: (usize, usize),
    refused: usize,
    tally: Tally,
}

/// Plays a session to its end.
pub(crate) fn play(plan: Plan) -> Result<Tally, String> {
    let mut session = Session::new(plan);
    for _ in 0..plan.packets {
        session.compose();
        session.packet()?;
        session.come_and_go()?;
    }
    let end = session.composer.end();
    session.pending.extend(end);
    session.finish()
}

impl Session {
    fn new(plan: Plan) -> Self {
        let config = plan.config();
        let mut random = Random::new(!plan.seed);
        // Most sessions cross the end of the sixteen bits.
        let first = 65_535 - random.below(plan.packets as u64).min(65_535) as u16;
        let listeners = (0..plan.listeners)
            .map(|id| {
                let mut listener = Listener::new(config.clone(), random.below(1 << 40), plan.weather, &[]);
                // As long as nobody has reported everything is told.
                listener.complete_from = Some(0);
                (id as u32, listener)
            })
            .collect();
        Self {
            plan,
            sender: Sender::new(config, first),
            first,
            random,
            composer: Composer::new(plan.seed, plan.style),
            time: 0,
            pending: VecDeque::new(),
            segments: VecDeque::new(),
            exclusive: None,
            log: Vec::new(),
            listeners,
            mail: Vec::new(),
            told: BTreeMap::new(),
            known: BTreeSet::new(),
            gone: Vec::new(),
            waiting: (0, 0),
            refused: 0,
            tally: Tally::default(),
        }
    }

    /// Queues commands for the next packet, until it is full or the sender refuses them.
    fn compose(&mut self) {
        self.time += self.random.below(40) as u32;
        if self.random.below(200) == 0 {
            self.time += 2000;
        }
        self.log.push(Vec::new());
        let mut gestures = self.random.below(4);
        loop {
            if self.pending.is_empty() && self.segments.is_empty() {
                if gestures == 0 {
                    return;
                }
                gestures -= 1;
                self.pending.extend(self.composer.gesture());
            }
            if !self.queue_next() {
                return;
            }
        }
    }

    /// Queues the command or segment whose turn it is; says whether the packet takes more.
    fn queue_next(&mut self) -> bool {
        if self.segments.is_empty()
            && let Some(octets) = self.pending.front()
            && octets[0] == 0xF0
        {
            self.cut(&octets.clone());
            self.pending.pop_front();
        }
        if !self.segments.is_empty() {
            return self.queue_segment();
        }
        let Some(octets) = self.pending.pop_front() else { return true };
        let queued = self.queue(&octets);
        if queued {
            self.told(octets);
        } else {
            self.pending.push_front(octets);
        }
        queued
    }

    fn queue_segment(&mut self) -> bool {
        if self.random.happens(10) && self.queue(&[0xF8]) {
            self.told(vec![0xF8]);
        }
        let Some((part, data)) = self.segments.pop_front() else { return true };
        if self.sender.queue(self.time, Command::from(Segment { part, data: &data })).is_err() {
            self.segments.push_front((part, data));
            return false;
        }
        if self.segments.is_empty()
            && let Some(exclusive) = self.exclusive.take()
        {
            self.told(exclusive);
        }
        // One segment a packet, so that losses tell them apart.
        !matches!(part, Part::First | Part::Middle)
    }

    fn queue(&mut self, octets: &[u8]) -> bool {
        let (command, _) = Command::decode(octets).unwrap();
        self.sender.queue(self.time, command).is_ok()
    }

    fn told(&mut self, octets: Octets) {
        self.log.last_mut().unwrap().push(octets);
    }

    /// Cuts a System Exclusive into segments that packets hold; some are cut smaller, end without F7 or are called off.
    fn cut(&mut self, octets: &[u8]) {
        let data = &octets[1..octets.len() - 1];
        let end = if self.random.happens(5) { End::Dropped } else { End::Eox };
        let room = self.sender.segment_size();
        let most = if self.random.happens(20) { 1 + self.random.below(40) as usize } else { room };
        // Only so many pieces, lest long ones take for ever.
        let most = most.max(data.len() / 300).min(room);
        let whole = Segment { part: Part::Whole(end), data };
        self.segments = whole.split(most).map(|segment| (segment.part, segment.data.to_vec())).collect();
        self.exclusive = Some(octets.to_vec());
        if self.segments.len() > 1 && self.random.happens(5) {
            self.segments.pop_back();
            self.segments.push_back((Part::Cancel, Vec::new()));
            self.exclusive = None;
        }
    }

    /// Sends the packet under construction to all listeners, and the reports on their way to the sender.
    fn packet(&mut self) -> Result<(), String> {
        let waiting = (self.pending.len(), self.segments.len());
        self.refused = if waiting != (0, 0) && waiting == self.waiting { self.refused + 1 } else { 0 };
        self.waiting = waiting;
        if self.refused > PATIENCE {
            return Err("the sender refuses commands for ever".to_owned());
        }
        let mut payload = Vec::new();
        let packet = self.sender.packet(self.time, &mut payload);
        let number = self.log.len() - 1;
        self.fits(number, payload.len())?;
        let sent = Sent { number, sequence: packet.sequence, timestamp: packet.timestamp, payload: payload.into() };
        let demand = self.demand(number);
        for (_, listener) in &mut self.listeners {
            for arrived in listener.network.send(sent.clone()) {
                listener.hear(&arrived, &self.log, demand)?;
            }
        }
        if self.plan.reports {
            self.report(number);
        }
        Ok(())
    }

    /// No packet is larger than allowed as long as somebody reports, since commands can wait for reports then; what a
    /// late listener is told of the past cannot.
    fn fits(&self, number: usize, payload: usize) -> Result<(), String> {
        let closed_loop = self.plan.journal == Journal::Recovery(Policy::ClosedLoop);
        let limited = closed_loop && self.sender.stats().reporters > 0 && self.told.is_empty();
        if limited && 12 + payload > self.plan.mtu {
            return Err(format!("packet {number} has {} octets", 12 + payload));
        }
        Ok(())
    }

    fn demand(&self, number: usize) -> Demand {
        match self.plan.journal {
            Journal::Recovery(_) if number.is_multiple_of(self.plan.judged) => Demand::Equal,
            _ => Demand::Safe,
        }
    }

    /// Listeners write reports, and those that have been under way for long enough arrive, in any order.
    fn report(&mut self, number: usize) {
        for (id, listener) in &self.listeners {
            let due = (number + 7 * *id as usize).is_multiple_of(REPORT_EVERY);
            if let Some(highest) = listener.heard.filter(|_| due)
                && !self.random.happens(REPORT_LOSS)
            {
                self.mail.push((number + self.random.below(REPORT_DELAY) as usize, *id, highest));
            }
        }
        let (arrived, under_way) = self.mail.drain(..).partition(|(at, ..)| *at <= number);
        self.mail = under_way;
        let arrived: Vec<(usize, u32, usize)> = arrived;
        let closed_loop = self.plan.journal == Journal::Recovery(Policy::ClosedLoop);
        for (_, id, highest) in arrived {
            self.sender.acknowledge(id, u32::from(self.first.wrapping_add(highest as u16)));
            if self.known.is_empty() || self.told.get(&id).is_some_and(|last| *last <= highest) {
                self.told.remove(&id);
            } else if !self.known.contains(&id) {
                self.told.insert(id, number + 1);
            }
            for (other, listener) in &mut self.listeners {
                if *other == id {
                    listener.complete_from = listener.complete_from.or(Some(number + 1));
                    self.known.insert(id);
                } else if closed_loop && !self.known.contains(other) {
                    // The checkpoint may leave behind whom the sender does not know.
                    (listener.complete_from, listener.complete, listener.pieces) = (None, false, Pieces::Lasting);
                }
            }
        }
    }

    /// Now and then somebody comes late, or leaves without a word.
    fn come_and_go(&mut self) -> Result<(), String> {
        let number = self.log.len();
        let most = 2 * self.plan.listeners;
        if self.listeners.len() < most && self.random.below(400) == 0 {
            let seed = self.random.below(1 << 40);
            let mut listener = Listener::new(self.plan.config(), seed, self.plan.weather, &self.log);
            // Only a closed loop has to hear of a listener to tell it all.
            let hears = self.plan.journal == Journal::Recovery(Policy::ClosedLoop) && self.plan.reports;
            listener.complete_from = (!hears).then_some(0);
            let is_anchored = self.plan.journal == Journal::Recovery(Policy::Anchor);
            listener.pieces = if is_anchored { Pieces::All } else { Pieces::Lasting };
            self.listeners.push((number as u32, listener));
        }
        if self.listeners.len() > 1 && self.random.below(600) == 0 {
            let (id, mut listener) =
                self.listeners.swap_remove(self.random.below(self.listeners.len() as u64) as usize);
            listener.leave()?;
            self.tally += listener.tally;
            self.gone.push((number + TIMEOUT, id));
        }
        let sender = &mut self.sender;
        self.mail.retain(|(_, id, _)| self.gone.iter().all(|(_, gone)| gone != id));
        self.gone.retain(|(at, id)| {
            if *at <= number {
                sender.reporter_left(*id);
                self.told.remove(id);
            }
            *at > number
        });
        Ok(())
    }

    /// Sends what waits, then packets without commands until each listener has had one of them.
    fn finish(mut self) -> Result<Tally, String> {
        while !self.pending.is_empty() || !self.segments.is_empty() {
            self.time += 20;
            self.log.push(Vec::new());
            while (!self.pending.is_empty() || !self.segments.is_empty()) && self.queue_next() {}
            self.packet()?;
        }
        let last = self.log.len();
        for _ in 0..PATIENCE {
            self.time += 100;
            self.log.push(Vec::new());
            self.packet()?;
            if self.listeners.iter().all(|(_, listener)| listener.heard.is_some_and(|packet| packet >= last)) {
                break;
            }
        }
        for (_, mut listener) in std::mem::take(&mut self.listeners) {
            listener.finish()?;
            self.tally += listener.tally;
        }
        Ok(Tally { stalls: self.sender.stats().stalls, ..self.tally })
    }
}
