//! The music with one participant: an RTP MIDI stream each way, without IO.
//!
//! What goes out has a recovery journal that reaches back to what the participant has confirmed (closed loop); what
//! comes in is repaired by the journal that it brings, if it brings one. Times are the RTP timestamps of the session:
//! ticks of 100 microseconds.

use std::collections::VecDeque;

use applemidi::Received as Confirmed;
use rtp_midi::midi::{Command, Segment, Sounding, System};
use rtp_midi::{
    Config, Event, Inclusion, Letters, Numbers, Outcome, Received, Receiver, ReceiverStats, Refusal, Selection, Sender,
    SenderStats,
};
use rtp_types::{RtpPacket, RtpPacketBuilder};

/// RTP timestamps in a second.
pub(crate) const CLOCK_RATE: u32 = 10_000;

/// What Apple's senders use, and most others expect.
const PAYLOAD_TYPE: u8 = 97;

/// Octets of a packet: what peers with small buffers can take.
const MTU: usize = 1200;

/// Octets of messages that may wait until the journal has room for them.
const MOST_WAITING: usize = 1 << 18;

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
    /// What we have left sounding at the participant.
    sounding: Sounding,
    payload: Vec<u8>,
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
    pub(crate) fn new(ssrc: u32, first: u16, now: u32) -> Self {
        let config = config();
        let mut sender = Sender::new(config.clone(), first);
        sender.reporter_joined(REPORTER);
        let mut stream = Self {
            ssrc,
            sender,
            receiver: Receiver::new(config),
            waiting: VecDeque::new(),
            waiting_octets: 0,
            sounding: Sounding::default(),
            payload: Vec::new(),
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
        let mut octets = Vec::new();
        command.encode(&mut octets);
        self.sounding.observe(&octets);
        if self.waiting.is_empty() && self.put(now, command, send) {
            return;
        }
        self.waiting_octets += octets.len();
        self.waiting.push_back(octets);
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
        if self.sender.due().is_some_and(|due| !is_before(now, due)) {
            self.send_packet(now, send);
        }
    }

    /// The RTP time at which [`run`](Self::run) has something to do.
    pub(crate) fn due(&self) -> Option<u32> {
        self.sender.due()
    }

    /// The participant has received so much; what it cannot have received says nothing.
    pub(crate) fn confirm(&mut self, now: u32, confirmed: Confirmed, send: &mut dyn FnMut(&[u8])) {
        let next = self.sender.next_sequence();
        let is_sent = |sequence: u16| sequence != next && next.wrapping_sub(sequence) < u16::MAX / 2;
        if let Some(sequence) = confirmed.sequence(is_sent) {
            self.sender.acknowledge(REPORTER, sequence.into());
            self.resume(now, send);
        }
    }

    /// Takes a datagram from the participant; `out` is given repairs and commands in the order of execution.
    pub(crate) fn receive(&mut self, datagram: &[u8], out: impl FnMut(Event<'_>)) -> Arrival {
        let Ok(packet) = RtpPacket::parse(datagram) else { return Arrival::Foreign };
        // What RFC 3550 leaves to be agreed on; peers differ, but none has one of the fixed types.
        if packet.payload_type() < 96 {
            return Arrival::Foreign;
        }
        let (sequence, timestamp) = (packet.sequence_number(), packet.timestamp());
        match self.receiver.receive(Received { sequence, timestamp, payload: packet.payload() }, out) {
            Outcome::Malformed(_) => Arrival::Foreign,
            Outcome::Late => Arrival::Late,
            _ => Arrival::Taken(sequence),
        }
    }

    /// The participant is not heard any more: ends what it has left sounding.
    pub(crate) fn silence(&mut self, out: impl FnMut(Event<'_>)) {
        self.receiver.silence(0, out);
    }

    /// We go: ends what we have left sounding at the participant.
    pub(crate) fn let_go(&mut self, now: u32, send: &mut dyn FnMut(&[u8])) {
        self.waiting.clear();
        self.sender.press_on();
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
        let packet = self.sender.packet(now, &mut self.payload);
        // The marker bit stays 0: some peers drop packets that have it.
        let builder = RtpPacketBuilder::new()
            .payload_type(PAYLOAD_TYPE)
            .sequence_number(packet.sequence)
            .timestamp(packet.timestamp)
            .ssrc(self.ssrc)
            .payload(self.payload.as_slice());
        if let Ok(octets) = builder.write_vec() {
            send(&octets);
        }
    }
}

/// Long System Exclusives stay out of the journal: each further piece would wait until the one before it has been
/// confirmed. Macs journal none at all.
fn config() -> Config {
    let mut config = Config { mtu: MTU, ..Config::new(CLOCK_RATE) };
    let fields = Numbers::new([LONG_SYSEX..=u32::MAX]);
    let long = Selection::Types { channels: Numbers::default(), letters: Letters::of("X"), fields };
    config.chapters.assign(Inclusion::Never, &long);
    config
}

/// Octets from which on a System Exclusive is long.
const LONG_SYSEX: u32 = 256;

/// Whether RTP time `a` is before `b`.
const fn is_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) > u32::MAX / 2
}
