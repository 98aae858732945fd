//! RTP payloads in, commands out.

use crate::config::{Config, Inclusion, Journal, Policy};
use crate::error::Error;
use crate::journal::{Event, History, Loss, Origin, Section, Seq, Stamp};
use crate::midi::{Command, Voice};
use crate::payload::Payload;
use crate::sequence::{Arrival, Sequence};
use crate::struck::Struck;
use crate::subset::{Gate, Subset};

/// The receiving end of one stream, which is one SSRC.
#[derive(Clone, Debug)]
pub struct Receiver {
    config: Config,
    /// Elsewhere only while it lets commands out.
    subset: Option<Box<Subset>>,
    sequence: Sequence,
    history: History,
    struck: Struck,
    /// RTP time of the second packet of the stream.
    began: Option<u32>,
    stats: ReceiverStats,
}

/// Milliseconds after which a note that a journal calls fresh is not the one that sounds.
const RECENT: u32 = 500;

/// Milliseconds from the start in which a receiver looks for lasting state in every journal (C.2.2.2): long enough
/// for its first reports to reach the sender. In multicast it never knows that they have, and goes on for ever.
const CATCH_UP: u32 = 15_000;

/// A packet as it comes from the network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received<'a> {
    /// Sequence number of the RTP header.
    pub sequence: u16,
    /// Timestamp of the RTP header.
    pub timestamp: u32,
    /// The RTP payload.
    pub payload: &'a [u8],
}

/// What became of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The first packet of the stream; `commands` of earlier ones were made up for.
    First {
        /// Repairs given out.
        commands: u32,
    },
    /// The packet that was to come.
    InOrder,
    /// Packets before this one are missing.
    Repaired {
        /// How many.
        lost: u32,
        /// Repairs given out.
        commands: u32,
    },
    /// The sender has begun anew: what sounded has been ended.
    Restarted {
        /// Repairs given out.
        commands: u32,
    },
    /// Too late, or there already: what it says has been made up for. Nothing was given out; [`Receiver::overtaken`]
    /// gives the notes for which that came too late.
    Late,
    /// No RTP MIDI payload; the packet counts as lost.
    Malformed(Error),
}

/// What a receiver has seen and done so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ReceiverStats {
    /// Packets that were taken.
    pub packets: u64,
    /// Packets that are missing.
    pub lost: u64,
    /// Runs of missing packets.
    pub losses: u64,
    /// Packets that came late or twice.
    pub late: u64,
    /// Commands from MIDI lists.
    pub commands: u64,
    /// Commands made up from journals.
    pub repairs: u64,
    /// Notes among them that begin, though what began them got lost.
    pub notes_begun: u64,
    /// Notes among them that end, though what ended them got lost.
    pub notes_ended: u64,
    /// Commands of either kind, and ends of notes, that the stream does not carry (`cm_unused`) and that were kept back.
    pub unused: u64,
    /// Payloads that could not be read at all.
    pub malformed_payloads: u64,
    /// MIDI lists with a defect; what stood before it was used.
    pub malformed_lists: u64,
    /// Journals with a defect, where one was needed.
    pub malformed_journals: u64,
    /// Delta times of five octets, taken as 0.
    pub clamped_deltas: u64,
    /// Losses that the journal did not reach back to, or that had none that could be read.
    pub uncovered: u64,
    /// Times a sender began anew.
    pub restarts: u64,
    /// Commands given out to end what sounded, because nothing else was known.
    pub silenced: u64,
}

impl Receiver {
    /// A receiver that has heard nothing yet.
    pub fn new(config: Config) -> Self {
        Self {
            subset: Some(Box::new(Subset::of_receiver(config.commands.clone()))),
            sequence: Sequence::default(),
            history: History::of_receiver(config.chapters.clone()),
            struck: Struck::default(),
            began: None,
            stats: ReceiverStats::default(),
            config,
        }
    }

    /// Takes a packet; gives repairs, then the packet's commands, to `out` in the order of execution.
    ///
    /// Commands that the stream does not carry ([`Config::commands`]) are observed and kept back.
    pub fn receive(&mut self, packet: Received<'_>, mut out: impl FnMut(Event<'_>)) -> Outcome {
        let mut gate = self.open();
        let outcome = self.take(packet, |event| gate.pass(event, &mut out));
        self.close(gate);
        outcome
    }

    fn take(&mut self, packet: Received<'_>, mut out: impl FnMut(Event<'_>)) -> Outcome {
        let payload = match Payload::decode(packet.payload) {
            Ok(payload) => payload,
            Err(error) => {
                self.stats.malformed_payloads += 1;
                return Outcome::Malformed(error);
            }
        };
        let arrival = self.sequence.arrive(packet.sequence);
        let repairs = self.stats.repairs;
        let number = match arrival {
            Arrival::Late => {
                self.stats.late += 1;
                return Outcome::Late;
            }
            Arrival::Next(number) => {
                if let Some(Ok(journal)) = payload.journal.map(Section::decode) {
                    self.catch_up(&journal, number, packet.timestamp, &mut out);
                    self.history.align(&journal);
                }
                number
            }
            Arrival::First(number) => {
                self.recover(&payload, Seq::NEVER, number, packet.timestamp, &mut out);
                number
            }
            Arrival::Gap { heard, packet: number } => {
                self.stats.losses += 1;
                self.stats.lost += u64::from(number.0 - heard.0 - 1);
                self.recover(&payload, heard, number, packet.timestamp, &mut out);
                // What is told for the sake of those who came late seems unchanged behind a single loss.
                if let Some(Ok(journal)) = payload.journal.map(Section::decode) {
                    self.catch_up(&journal, number, packet.timestamp, &mut out);
                }
                number
            }
            Arrival::Restart(number) => {
                self.stats.restarts += 1;
                self.end_sound(packet.timestamp, |_| true, &mut out);
                self.history = History::of_receiver(self.config.chapters.clone());
                self.began = None;
                self.recover(&payload, Seq::NEVER, number, packet.timestamp, &mut out);
                number
            }
        };
        self.stats.packets += 1;
        self.execute(&payload, number, packet.timestamp, &mut out);
        let commands = (self.stats.repairs - repairs) as u32;
        match arrival {
            Arrival::First(_) => Outcome::First { commands },
            Arrival::Restart(_) => Outcome::Restarted { commands },
            Arrival::Gap { heard, .. } => Outcome::Repaired { lost: number.0 - heard.0 - 1, commands },
            Arrival::Next(_) | Arrival::Late => Outcome::InOrder,
        }
    }

    /// Takes a packet once more that was [`Outcome::Late`], as others have overtaken it: gives those notes in it to `out`
    /// that sound and were left silent, because the journal that told of them called them old (A.6.2). All else has been
    /// made up for. Returns how many.
    pub fn overtaken(&mut self, packet: Received<'_>, mut out: impl FnMut(Event<'_>)) -> u32 {
        let Ok(payload) = Payload::decode(packet.payload) else { return 0 };
        let (mut gate, mut notes) = (self.open(), 0);
        for timed in payload.commands(packet.timestamp).flatten() {
            let Command::Channel(channel, Voice::NoteOn { note, velocity }) = timed.command else { continue };
            let told = self.history.struck(channel, note, velocity).filter(|_| !self.struck.has(channel, note));
            // A note of long ago that nobody has heard is none that anybody waits for.
            if told.is_some_and(|told| told.wrapping_sub(timed.time) <= self.config.ticks(RECENT)) {
                self.struck.observe(&timed.command);
                gate.pass(Event { time: timed.time, command: timed.command, origin: Origin::Stream }, &mut out);
                notes += 1;
            }
        }
        self.close(gate);
        self.stats.commands += u64::from(notes);
        notes
    }

    /// Ends everything that sounds and lifts the pedals: when the stream is cut off, falls silent or is left
    /// (section 4).
    pub fn silence(&mut self, time: u32, mut out: impl FnMut(Event<'_>)) {
        let mut gate = self.open();
        self.end_sound(time, |_| true, &mut |event: Event<'_>| gate.pass(event, &mut out));
        self.close(gate);
    }

    /// Ends the notes whose last command was a NoteOn, leaves all else as the sender left it, and forgets the stream:
    /// where a stream comes to its own end, such as that of a recording.
    pub fn finish(&mut self, time: u32, mut out: impl FnMut(Event<'_>)) {
        let mut gate = self.open();
        self.struck.end(
            |_, _| true,
            |command| {
                self.stats.silenced += 1;
                gate.pass(Event { time, command, origin: Origin::Repair }, &mut out);
            },
        );
        self.close(gate);
        self.reset();
    }

    /// Forgets the stream: the next packet is the first of a new one. Call [`silence`](Self::silence) before.
    pub fn reset(&mut self) {
        self.sequence = Sequence::default();
        self.history = History::of_receiver(self.config.chapters.clone());
        self.began = None;
    }

    /// The number of notes that sound.
    pub fn sounding(&self) -> usize {
        self.history.sounding()
    }

    /// What has been seen and done so far.
    pub fn stats(&self) -> ReceiverStats {
        self.stats
    }

    #[cfg(test)]
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// Takes the subset to where commands go out.
    fn open(&mut self) -> Gate {
        Gate::new(self.subset.take())
    }

    fn close(&mut self, gate: Gate) {
        let (subset, kept) = gate.close();
        self.subset = subset;
        self.stats.unused += kept;
    }

    /// Makes up for the packets between `heard` and `number`.
    fn recover(&mut self, payload: &Payload<'_>, heard: Seq, number: Seq, time: u32, out: &mut impl FnMut(Event<'_>)) {
        let Some(octets) = payload.journal else {
            if heard != Seq::NEVER {
                self.stats.uncovered += 1;
                self.end_sound(time, |_| true, out);
            }
            return;
        };
        let Ok(journal) = Section::decode(octets) else {
            self.stats.malformed_journals += 1;
            self.stats.uncovered += u64::from(heard != Seq::NEVER);
            self.end_sound(time, |_| true, out);
            return;
        };
        let named = number.latest(journal.checkpoint);
        let checkpoint = match self.config.journal {
            // Sixteen bits do not name a first packet for ever, and need not: it covers everything (C.2.2.1).
            Journal::Recovery(Policy::Anchor) => Seq::NEVER,
            _ => named,
        };
        let (recent, joins) = (self.config.ticks(RECENT), heard == Seq::NEVER);
        let loss = Loss { heard, previous: number.before(), checkpoint, time, recent, joins };
        // No journal tells of what is left out of it, and what is anchored it tells in any case (C.2.3).
        if loss.is_covered() {
            self.end_sound(time, |inclusion| inclusion == Inclusion::Never, out);
        } else {
            self.stats.uncovered += 1;
            self.end_sound(time, |inclusion| inclusion != Inclusion::Anchor, out);
        }
        let (stats, struck) = (&mut self.stats, &mut self.struck);
        let malformed = self.history.repair(&journal, &loss, &mut |command| {
            stats.repairs += 1;
            if !joins {
                stats.notes_begun += u64::from(command.begins_note());
                stats.notes_ended += u64::from(command.voice().is_some_and(|(_, voice)| voice.note_off().is_some()));
            }
            struck.observe(command);
            out(Event { time, command: *command, origin: Origin::Repair });
        });
        self.stats.malformed_journals += u64::from(malformed);
        self.history.align(&journal);
        self.end_silent_notes(time, out);
    }

    /// Sends the NoteOffs that no journal tells of because an All Notes Off follows them.
    fn end_silent_notes(&mut self, time: u32, out: &mut impl FnMut(Event<'_>)) {
        self.struck.end(
            |channel, note| !self.history.sounds(channel, note),
            |command| {
                self.stats.repairs += 1;
                self.stats.notes_ended += 1;
                out(Event { time, command, origin: Origin::Repair });
            },
        );
    }

    /// Takes what only the sender's knowledge of a new receiver makes it tell.
    fn catch_up(&mut self, journal: &Section<'_>, number: Seq, time: u32, out: &mut impl FnMut(Event<'_>)) {
        let since = time.wrapping_sub(*self.began.get_or_insert(time));
        let over = !self.config.multicast && since > self.config.ticks(CATCH_UP);
        if over || self.config.journal == Journal::Recovery(Policy::Anchor) {
            return;
        }
        let (heard, checkpoint) = (Seq::NEVER, Seq::NEVER);
        let loss = Loss { heard, previous: number.before(), checkpoint, time, recent: 0, joins: true };
        let (repairs, struck) = (&mut self.stats.repairs, &mut self.struck);
        self.history.catch_up(journal, &loss, &mut |command| {
            *repairs += 1;
            struck.observe(command);
            out(Event { time, command: *command, origin: Origin::Repair });
        });
    }

    /// Gives out the packet's own commands.
    fn execute(&mut self, payload: &Payload<'_>, number: Seq, timestamp: u32, out: &mut impl FnMut(Event<'_>)) {
        let mut commands = payload.commands(timestamp);
        for timed in commands.by_ref() {
            let Ok(timed) = timed else {
                // What could not be read is missing: the next journal tells of it.
                self.stats.malformed_lists += 1;
                self.sequence.damaged();
                break;
            };
            self.stats.commands += 1;
            self.history.observe(&timed.command, Stamp { packet: number, time: timed.time });
            self.struck.observe(&timed.command);
            out(Event { time: timed.time, command: timed.command, origin: Origin::Stream });
        }
        self.stats.clamped_deltas += u64::from(commands.clamped());
    }

    /// Ends what sounds, as far as `which` rules of the journal are concerned.
    fn end_sound(&mut self, time: u32, which: impl Fn(Inclusion) -> bool, out: &mut impl FnMut(Event<'_>)) {
        let stamp = Stamp { packet: self.sequence.highest(), time };
        let (silenced, struck) = (&mut self.stats.silenced, &mut self.struck);
        self.history.silence(stamp, &which, &mut |command: &Command<'_>| {
            *silenced += 1;
            struck.observe(command);
            out(Event { time, command: *command, origin: Origin::Repair });
        });
        let chapters = &self.config.chapters;
        self.struck.end(
            |channel, note| which(chapters.channel(channel).note.of(note)),
            |command| {
                self.stats.silenced += 1;
                out(Event { time, command, origin: Origin::Repair });
            },
        );
    }
}
