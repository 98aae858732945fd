//! The music with one participant: an RTP MIDI stream each way, without IO.
//!
//! What goes out has a recovery journal that reaches back to what the participant has confirmed (closed loop); what
//! comes in is repaired by the journal that it brings, if it brings one. Times are the RTP timestamps of the session:
//! ticks of 100 microseconds.

use std::collections::VecDeque;

use applemidi::Received as Confirmed;
use rtp_midi::midi::{Command, Segment, Sounding, System};
use rtp_midi::{
    Config, Event, Inclusion, Journal, Letters, Numbers, Outcome, Policy, Received, Receiver, ReceiverStats, Refusal,
    Selection, Sender, SenderStats, StatusOctets,
};
use rtp_types::{RtpPacket, RtpPacketBuilder};

/// RTP timestamps in a second.
pub(crate) const CLOCK_RATE: u32 = 10_000;

/// What Apple's senders use, and most others expect.
const PAYLOAD_TYPE: u8 = 97;

/// Octets of a packet: what passes every network, and what most peers have room for.
pub(crate) const MTU: usize = 1200;

/// Octets of messages that may wait until the journal has room for them.
const MOST_WAITING: usize = 1 << 18;

/// Between two packets to one who has not confirmed the latest commands. Feedback follows music within a second.
const INSIST: u32 = 3 * CLOCK_RATE;

/// The only one who reports.
const REPORTER: u32 = 0;

/// Both streams.
#[derive(Debug)]
pub(crate) struct Stream {
    ssrc: u32,
    sender: Sender,
    receiver: Receiver,
    waiting: VecDeque<Vec<u8>>,
    waiting_octets: usize,
    unconfirmed: Unconfirmed,
    /// What we have left sounding at the participant.
    sounding: Sounding,
    /// What is written again and again: a command, a payload, a packet.
    command: Vec<u8>,
    payload: Vec<u8>,
    packet: Vec<u8>,
}

/// Commands that nobody has confirmed. Where a network was cut off for longer than guard packets come, only another
/// packet tells a participant that a note has ended.
#[derive(Clone, Copy, Debug, Default)]
struct Unconfirmed {
    /// The latest packet that has commands, until it is confirmed.
    latest: Option<u16>,
    /// Whether the participant confirms at all.
    is_possible: bool,
    /// When another packet goes out, if none does before.
    due: Option<u32>,
}

impl Unconfirmed {
    fn sent(&mut self, now: u32, sequence: u16, has_commands: bool) {
        if has_commands {
            self.latest = Some(sequence);
        }
        self.due = self.latest.filter(|_| self.is_possible).map(|_| now.wrapping_add(INSIST));
    }

    fn confirm(&mut self, sequence: u16) {
        self.is_possible = true;
        if self.latest.is_none_or(|latest| sequence.wrapping_sub(latest) <= u16::MAX / 2) {
            (self.latest, self.due) = (None, None);
        }
    }
}

/// A packet that has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Arrival {
    /// It counts as received, with all before it that will ever come.
    Taken(u16),
    /// It is too late, or there already.
    Late,
    /// It is no RTP MIDI.
    Foreign,
}

impl Stream {
    /// A stream that begins at the RTP time `now`; the first packet has the sequence number `first`.
    pub(crate) fn new(format: &Config, ssrc: u32, first: u16, now: u32) -> Self {
        // What comes may have a journal, whether or not what goes out has one.
        let theirs = Config { journal: Journal::Recovery(Policy::ClosedLoop), ..format.clone() };
        let mut sender = Sender::new(format.clone(), first);
        sender.reporter_joined(REPORTER);
        let mut stream = Self {
            ssrc,
            sender,
            receiver: Receiver::new(theirs),
            waiting: VecDeque::new(),
            waiting_octets: 0,
            unconfirmed: Unconfirmed::default(),
            sounding: Sounding::default(),
            command: Vec::new(),
            payload: Vec::new(),
            packet: Vec::new(),
        };
        stream.resume(now, &mut |_: &[u8]| ());
        stream
    }

    /// Takes a command for the participant; `send` is given the packets that are full.
    pub(crate) fn queue(&mut self, now: u32, command: &Command<'_>, send: &mut dyn FnMut(&[u8])) {
        match command {
            Command::System(System::SysEx(whole)) if whole.is_whole() => {
                let segments: Vec<Segment<'_>> = self.sender.split(*whole).collect();
                for segment in segments {
                    self.queue_or_wait(now, &segment.into(), send);
                }
            }
            command => self.queue_or_wait(now, command, send),
        }
    }

    fn queue_or_wait(&mut self, now: u32, command: &Command<'_>, send: &mut dyn FnMut(&[u8])) {
        self.command.clear();
        command.encode(&mut self.command);
        self.sounding.observe(&self.command);
        if self.waiting.is_empty() && self.put(now, command, send) {
            return;
        }
        self.waiting_octets += self.command.len();
        self.waiting.push_back(self.command.clone());
        if self.waiting_octets > MOST_WAITING {
            self.sender.press_on();
            self.resume(now, send);
        }
    }

    /// Sends what has been queued.
    pub(crate) fn flush(&mut self, now: u32, send: &mut dyn FnMut(&[u8])) {
        if !self.sender.is_empty() {
            self.send_packet(now, send);
        }
    }

    /// Sends what is due at the RTP time `now` although nothing is queued, such as a guard packet.
    pub(crate) fn run(&mut self, now: u32, send: &mut dyn FnMut(&[u8])) {
        self.resume(now, send);
        if self.due().is_some_and(|due| !is_before(now, due)) {
            self.send_packet(now, send);
        }
    }

    /// The RTP time at which [`run`](Self::run) has something to do.
    pub(crate) fn due(&self) -> Option<u32> {
        self.sender.due().or(self.unconfirmed.due)
    }

    /// The participant has received so much; what it cannot have received says nothing.
    pub(crate) fn confirm(&mut self, now: u32, confirmed: Confirmed, send: &mut dyn FnMut(&[u8])) {
        let (next, stats) = (self.sender.next_sequence(), self.sender.stats());
        // What the journal does not reach back to is no news: of the two halves it may be the one that means nothing.
        let reach = u64::from(stats.checkpoint_distance) + 1;
        let reach = reach.min(stats.packets).min(u64::from(u16::MAX / 2));
        let is_sent = |sequence: u16| (1..=reach).contains(&u64::from(next.wrapping_sub(sequence)));
        if let Some(sequence) = confirmed.sequence(is_sent) {
            self.unconfirmed.confirm(sequence);
            self.sender.acknowledge(REPORTER, sequence.into());
            self.resume(now, send);
            self.sender.prepare();
        }
    }

    /// Takes a datagram from the participant; `out` is given repairs and commands in the order of execution. Nothing waits
    /// for what it has overtaken: whoever plays music with others has no time.
    pub(crate) fn receive(&mut self, datagram: &[u8], mut out: impl FnMut(Event<'_>)) -> Arrival {
        let Ok(packet) = RtpPacket::parse(datagram) else { return Arrival::Foreign };
        // What RFC 3550 leaves to be agreed on; peers differ, but none has one of the fixed types.
        if packet.payload_type() < 96 {
            return Arrival::Foreign;
        }
        let (sequence, timestamp) = (packet.sequence_number(), packet.timestamp());
        let received = Received { sequence, timestamp, payload: packet.payload() };
        match self.receiver.receive(received, &mut out) {
            Outcome::Malformed(_) => Arrival::Foreign,
            Outcome::Late => {
                self.receiver.overtaken(received, out);
                Arrival::Late
            }
            _ => Arrival::Taken(sequence),
        }
    }

    /// The participant is not heard any more: ends what it has left sounding. What comes from it next may have other
    /// numbers, where it or we have moved meanwhile; what was lost its journal tells, as it reaches back to what we have
    /// confirmed.
    pub(crate) fn silence(&mut self, out: impl FnMut(Event<'_>)) {
        self.receiver.silence(0, out);
        self.receiver.reset();
    }

    /// We go: ends what we have left sounding at the participant.
    pub(crate) fn let_go(&mut self, now: u32, send: &mut dyn FnMut(&[u8])) {
        self.sender.press_on();
        self.resume(now, send);
        for message in self.sounding.release() {
            if let Ok((command, _)) = Command::decode(&message) {
                self.put(now, &command, send);
            }
        }
        self.flush(now, send);
        self.sounding = Sounding::default();
    }

    pub(crate) fn stats(&self) -> (SenderStats, ReceiverStats) {
        (self.sender.stats(), self.receiver.stats())
    }

    /// Queues what waits, as far as there is room, and sends it.
    fn resume(&mut self, now: u32, send: &mut dyn FnMut(&[u8])) {
        while let Some(octets) = self.waiting.pop_front() {
            let is_taken = Command::decode(&octets).is_ok_and(|(command, _)| self.put(now, &command, send));
            if !is_taken {
                self.waiting.push_front(octets);
                break;
            }
            self.waiting_octets -= octets.len();
        }
        self.flush(now, send);
    }

    /// Queues a command; false when the journal has no room for it yet.
    fn put(&mut self, now: u32, command: &Command<'_>, send: &mut dyn FnMut(&[u8])) -> bool {
        loop {
            match self.sender.queue(now, *command) {
                Ok(()) => return true,
                Err(Refusal::Full) if !self.sender.is_empty() => self.send_packet(now, send),
                Err(Refusal::Full | Refusal::Stalled) => return false,
            }
        }
    }

    fn send_packet(&mut self, now: u32, send: &mut dyn FnMut(&[u8])) {
        self.payload.clear();
        let has_commands = !self.sender.is_empty();
        let packet = self.sender.packet(now, &mut self.payload);
        self.unconfirmed.sent(now, packet.sequence, has_commands);
        // The marker bit stays 0: some peers drop packets that have it.
        let builder = RtpPacketBuilder::new()
            .payload_type(PAYLOAD_TYPE)
            .sequence_number(packet.sequence)
            .timestamp(packet.timestamp)
            .ssrc(self.ssrc)
            .payload(self.payload.as_slice());
        self.packet.clear();
        if builder.write_into_vec(&mut self.packet).is_ok() {
            send(&self.packet);
        }
        self.sender.prepare();
    }
}

/// How music is packed: with a recovery journal or without, with these status octets, in packets of so many octets at
/// most.
///
/// Long System Exclusives stay out of the journal: each further piece would wait until the one before it has been
/// confirmed. Macs journal none at all.
pub(crate) fn format(journal: bool, status_octets: StatusOctets, mtu: usize) -> Config {
    let mut config = Config { status_octets, mtu: mtu.clamp(SHORTEST, LONGEST), ..Config::new(CLOCK_RATE) };
    if !journal {
        config.set_journal(Journal::None);
    }
    let fields = Numbers::new([LONG_SYSEX..=u32::MAX]);
    let long = Selection::Types { channels: Numbers::default(), letters: Letters::of("X"), fields };
    config.chapters.assign(Inclusion::Never, &long);
    config
}

/// Octets that a packet may have at least: room for messages beside a journal.
const SHORTEST: usize = 200;

/// Octets of a datagram.
const LONGEST: usize = 65_507;

/// Octets from which on a System Exclusive is long.
const LONG_SYSEX: u32 = 256;

/// Whether RTP time `a` is before `b`.
const fn is_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) > u32::MAX / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp_midi::midi::Parser;

    const NOTE: &[u8] = &[0x90, 60, 100];

    /// A stream whose first packet has the number `first`, and which has sent so many.
    fn stream(first: u16, packets: u32) -> Stream {
        let mut stream = Stream::new(&format(true, StatusOctets::All, MTU), 1, first, 0);
        for now in 0..packets {
            let (command, _) = Command::decode(NOTE).unwrap();
            stream.queue(now, &command, &mut |_| ());
            stream.flush(now, &mut |_| ());
        }
        stream
    }

    #[test]
    fn what_is_confirmed_in_either_half_leaves_the_journal() {
        for first in [0_u16, 1, 20, 97, 30_000, 60_000] {
            for shift in [16, 0] {
                let mut stream = stream(first, 20);
                let last = stream.sender.next_sequence().wrapping_sub(1);
                stream.confirm(20, Confirmed(u32::from(last) << shift), &mut |_| ());
                let (command, _) = Command::decode(NOTE).unwrap();
                stream.queue(21, &command, &mut |_| ());
                stream.flush(21, &mut |_| ());
                assert_eq!(stream.stats().0.checkpoint_distance, 0, "{first} {shift}");
            }
        }
    }

    #[test]
    fn what_nobody_confirms_is_told_again_and_again() {
        let (mut stream, mut other, mut heard) =
            (stream(0, 1), Stream::new(&format(true, StatusOctets::All, MTU), 2, 0, 0), 0);
        stream.confirm(1, Confirmed::new(0), &mut |_| ());
        let play = |stream: &mut Stream, octets, now, send: &mut dyn FnMut(&[u8])| {
            stream.queue(now, &Command::decode(octets).unwrap().0, send);
            stream.flush(now, send);
        };
        play(&mut stream, NOTE, 1, &mut |octets| {
            other.receive(octets, |_| heard += 1);
        });
        play(&mut stream, &[0x80, 60, 64], 2, &mut |_| ());
        // A minute later the network is back.
        let (mut now, minute, mut lost) = (2, 60 * CLOCK_RATE, 0);
        while now < minute {
            now = stream.due().unwrap();
            stream.run(now, &mut |_| lost += 1);
        }
        assert!((20..40).contains(&lost), "{lost}");
        now = stream.due().unwrap();
        stream.run(now, &mut |octets| {
            other.receive(octets, |_| heard += 1);
        });
        assert_eq!(heard, 2);
        let last = stream.sender.next_sequence().wrapping_sub(1);
        stream.confirm(now, Confirmed::new(last), &mut |_| ());
        assert_eq!(stream.due(), None);
    }

    #[test]
    fn what_waits_for_room_goes_out_before_we_go() {
        let (mut stream, mut parser) = (Stream::new(&format(true, StatusOctets::All, MTU), 1, 0, 0), Parser::new(1000));
        let (mut other, mut heard) = (Stream::new(&format(true, StatusOctets::All, MTU), 2, 0, 0), 0);
        let mut send = |octets: &[u8]| {
            other.receive(octets, |_| heard += 1);
        };
        for (channel, controller) in (0..16).flat_map(|channel| (0..100).map(move |controller| (channel, controller))) {
            parser.push(&[0xB0 | channel, controller, 1], |command, _| stream.queue(0, &command, &mut send));
        }
        stream.flush(0, &mut send);
        assert!(!stream.waiting.is_empty(), "nothing waits");
        stream.let_go(1, &mut send);
        assert!(stream.waiting.is_empty());
        assert_eq!(heard, 1600);
    }
}
