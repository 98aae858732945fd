//! Commands in, RTP payloads out.

mod ahead;
mod room;

use core::fmt;

use crate::config::{Config, Format, Journal, RTP_HEADER};
use crate::guard::Guard;
use crate::journal::{Checkpoint, History, Room, Seq, Sizes, Stamp};
use crate::midi::{Command, Segment, Status};
use crate::payload::{self, Reader, Writer};
use crate::subset::{self, Subset, Verdict};
use ahead::Ahead;
use room::Wait;

/// The sending end of one stream.
///
/// [`queue`](Self::queue) commands, then take the [`packet`](Self::packet). Whoever owns the clock asks
/// [`due`](Self::due) when the next packet without commands must go out.
#[derive(Clone, Debug)]
pub struct Sender {
    config: Config,
    subset: Subset,
    list: Writer,
    history: History,
    checkpoint: Option<Checkpoint>,
    next: Seq,
    /// The time that the packets so far cover: none may begin before it (section 3.1).
    covered: Option<u32>,
    /// The packet of the latest command.
    active: Seq,
    /// Most octets of the journal of the packet under construction.
    journal_most: usize,
    /// The latest journal.
    journal: Sizes,
    /// What the journals to come have room for; known while commands may have to wait.
    room: Room,
    /// Whether all this is known to the octet.
    measured: bool,
    wait: Wait,
    ahead: Ahead,
    guard: Guard,
    stats: SenderStats,
}

/// What goes into the RTP header of a payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet {
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp in RTP clock ticks.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// Octets of the payload that are journal.
    pub journal: usize,
}

/// Why a command was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The packet under construction has no room for the command: take the packet, then queue the command again.
    ///
    /// A System Exclusive that fits no packet must be cut with [`Sender::split`].
    Full,
    /// The journals of the packets to come have no room for the command until a receiver reports that it has got
    /// earlier ones (C.2.2.2). Queue the command again when a report has come or, with a time that has gone on, when a
    /// packet is due; packets without commands go out meanwhile.
    Stalled,
}

/// What a sender has done so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct SenderStats {
    /// Packets.
    pub packets: u64,
    /// Packets without commands among them.
    pub guard_packets: u64,
    /// Commands, of which each segment of a System Exclusive counts as one.
    pub commands: u64,
    /// Commands that the stream does not carry (`cm_unused`), and that were kept out; counted in the same way.
    pub unused: u64,
    /// Octets of MIDI command sections.
    pub list_octets: u64,
    /// Octets of journal sections.
    pub journal_octets: u64,
    /// Channel and system journals that left something out because LENGTH could not say more.
    pub journal_cuts: u64,
    /// Packets longer than the MTU, because of their journal.
    pub oversized: u64,
    /// Times that commands had to wait for reports.
    pub stalls: u64,
    /// Packets whose journal could not list all commands of controllers with enhanced coding (A.3.3).
    pub short_lists: u64,
    /// Receivers that report.
    pub reporters: usize,
    /// Packets from the checkpoint to the latest packet.
    pub checkpoint_distance: u32,
}

/// Milliseconds between packets while commands wait.
const STALL: u32 = 1000;

impl Sender {
    /// A sender whose first packet has the sequence number `first`; it should be random (RFC 3550, 5.1).
    pub fn new(config: Config, first: u16) -> Self {
        let next = Seq::first(first);
        let checkpoint = match config.journal {
            Journal::None => None,
            Journal::Recovery(policy) => Some(Checkpoint::new(policy, next)),
        };
        Self {
            subset: Subset::of_sender(config.commands.clone()),
            list: Writer::new(config.status_octets),
            history: History::of_sender(&config),
            journal_most: if checkpoint.is_some() { Sizes::default().total() } else { 0 },
            checkpoint,
            next,
            covered: None,
            active: Seq::NEVER,
            journal: Sizes::default(),
            room: Room::default(),
            measured: true,
            wait: Wait::Unheard,
            ahead: Ahead::default(),
            guard: Guard::new(config.guardtime, |ms| config.ticks(ms)),
            stats: SenderStats::default(),
            config,
        }
    }

    /// Adds a command to the packet under construction; `time` is its RTP timestamp.
    ///
    /// A time before that of an earlier command is taken as equal to it. A command that the stream does not carry
    /// ([`Config::commands`]) is kept out and counted.
    pub fn queue(&mut self, time: u32, command: Command<'_>) -> Result<(), Refusal> {
        self.queue_from(time, command, Status::Given)
    }

    /// The same for a command whose source used running status (the P bit, section 3.2).
    pub fn queue_running(&mut self, time: u32, command: Command<'_>) -> Result<(), Refusal> {
        self.queue_from(time, command, Status::Running)
    }

    fn queue_from(&mut self, time: u32, command: Command<'_>, source: Status) -> Result<(), Refusal> {
        let time = match self.covered {
            Some(covered) if self.list.is_empty() && is_before(time, covered) => covered,
            _ => time,
        };
        if let Command::Channel(channel, voice) = command
            && self.has_way(channel, voice)
            && self.list.push_voice(time, channel, voice, source, self.list_limit(self.journal_most))
        {
            self.stats.commands += 1;
            return Ok(());
        }
        self.queue_with_care(time, command, source)
    }

    /// Where a command may be kept out, or have to wait, or not fit.
    #[inline(never)]
    fn queue_with_care(&mut self, time: u32, command: Command<'_>, source: Status) -> Result<(), Refusal> {
        let free = self.subset.is_free(&command);
        let verdict = if free { Verdict::In } else { self.subset.judge(&command) };
        if verdict != Verdict::Out {
            self.put(time, if verdict == Verdict::Cancel { &subset::CANCEL } else { &command }, source)?;
        }
        if !free {
            self.subset.observe(&command, verdict);
            self.stats.unused += u64::from(verdict != Verdict::In);
        }
        Ok(())
    }

    /// Cuts a whole System Exclusive into segments that packets have room for, to be queued one behind the other; into
    /// none if the stream does not carry it.
    pub fn split<'a>(&mut self, whole: Segment<'a>) -> impl Iterator<Item = Segment<'a>> + use<'a> {
        let admitted = self.subset.admits(&whole);
        self.stats.unused += u64::from(!admitted);
        let most = self.segment_size();
        admitted.then_some(whole).into_iter().flat_map(move |whole| whole.split(most))
    }

    #[inline]
    fn put(&mut self, time: u32, command: &Command<'_>, source: Status) -> Result<(), Refusal> {
        let empty = self.list.is_empty();
        if !empty && self.config.max_ptime.is_some_and(|most| self.spans_more_than(most, time)) {
            return Err(Refusal::Full);
        }
        loop {
            if self.wait.is_possible() {
                self.admit(time, command)?;
            }
            let limit = if empty { Writer::MAX } else { self.list_limit(self.journal_most) };
            if self.list.push(time, *command, source, limit) {
                self.stats.commands += 1;
                if self.wait == Wait::Stalled {
                    self.wait = Wait::Heard;
                }
                return Ok(());
            }
            if self.measured {
                return Err(Refusal::Full);
            }
            self.measure(time);
        }
    }

    /// Whether the list with a command at `time` would span more than `most` ticks.
    fn spans_more_than(&self, most: u32, time: u32) -> bool {
        let (first, _) = self.list.span();
        time.wrapping_sub(first) > most && !is_before(time, first)
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Declares that nothing comes before the RTP time `until`, with which the packet under construction ends (section
    /// 3.1); says whether there was room for that. Only [`packet`](Self::packet) may follow.
    pub fn pad(&mut self, until: u32) -> bool {
        let fits = self.config.max_ptime.is_none_or(|most| !self.spans_more_than(most, until));
        fits && self.list.pad(until, self.list_limit(self.journal_most))
    }

    /// Ends the packet under construction and appends its payload to `out`.
    ///
    /// With nothing queued this is a guard or keep-alive packet at the RTP time `now`; else its timestamp is the time
    /// of its first command.
    pub fn packet(&mut self, now: u32, out: &mut Vec<u8>) -> Packet {
        let start = out.len();
        let (timestamp, last) = match (self.list.is_empty(), self.covered) {
            (false, _) => self.list.span(),
            (true, Some(covered)) if is_before(now, covered) => (covered, covered),
            (true, _) => (now, now),
        };
        payload::encode(&self.list, self.checkpoint.is_some(), out);
        let journal_start = out.len();
        let active = !self.list.is_empty();
        if let Some(view) = self.view(timestamp) {
            let ahead = self.ahead.take(&view, self.covered, out);
            let written = ahead.unwrap_or_else(|| self.history.encode(&view, out));
            self.stats.journal_cuts += u64::from(written.cut);
            self.stats.short_lists += u64::from(written.short);
            self.stats.checkpoint_distance = self.next.0 - view.checkpoint.0;
            // The journal of this packet knows nothing of its commands, that of the next one does (A.1).
            let mut list = Reader::new(self.list.octets(), timestamp, false);
            while let Some(Ok(timed)) = list.next() {
                self.history.observe(&timed.command, Stamp { packet: self.next, time: timed.time });
            }
            self.journal_written(written.sizes);
        }
        let journal = out.len() - journal_start;
        let packet = Packet {
            sequence: self.next.low(),
            timestamp,
            marker: active || self.config.format == Format::Mpeg4Generic,
            journal,
        };
        self.stats.packets += 1;
        self.stats.oversized += u64::from(out.len() - start + RTP_HEADER > self.config.mtu);
        self.stats.guard_packets += u64::from(!active);
        self.stats.list_octets += (journal_start - start) as u64;
        self.stats.journal_octets += journal as u64;
        if active {
            self.active = self.next;
        }
        self.guard.sent(timestamp, active.then_some(last));
        self.covered = Some(last);
        self.next = self.next.next();
        self.list.clear();
        self.subset.end_packet();
        self.begin_waiting();
        packet
    }

    /// Does now what the next packet would do later: whoever has just sent one has more time than who is about to.
    ///
    /// The packet is the same. It goes out sooner, unless it comes while a note is fresh or behind a report.
    pub fn prepare(&mut self) {
        if let Some(covered) = self.covered {
            self.measured = false;
            self.measure(covered.wrapping_add(self.config.fresh).wrapping_add(1));
        }
    }

    /// The RTP time at which a packet must go out although nothing is queued: a guard packet or a keep-alive, or one
    /// that makes receivers report while commands wait.
    pub fn due(&self) -> Option<u32> {
        let stall =
            self.covered.filter(|_| self.is_stalled()).map(|covered| covered.wrapping_add(self.config.ticks(STALL)));
        match (self.guard.due(), stall) {
            (Some(guard), Some(stall)) if is_before(stall, guard) => Some(stall),
            (guard, stall) => guard.or(stall),
        }
    }

    /// The RTP time of the next guard packet of the schedule behind the last command, keep-alives aside: at the end of
    /// a stream those that are left may be sent at once.
    pub fn guard_due(&self) -> Option<u32> {
        self.guard.guard_due()
    }

    /// The sequence number of the packet under construction.
    pub fn next_sequence(&self) -> u16 {
        self.next.low()
    }

    /// Takes the extended highest sequence number of an RTCP receiver report from `reporter` (closed loop, C.2.2.2).
    ///
    /// Only the low sixteen bits count: a receiver that came late has seen fewer cycles.
    pub fn acknowledge(&mut self, reporter: u32, highest: u32) {
        let sent = self.next.before();
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.acknowledge(reporter, sent.latest(highest as u16), sent, self.covered.unwrap_or_default());
            if checkpoint.is_acknowledged(self.active) {
                self.guard.finish();
            }
        }
        self.reports_changed();
    }

    /// A receiver is known to be there, though no report of it has come: the journal keeps what it may need from the
    /// latest packet on (C.2.2.2).
    pub fn reporter_joined(&mut self, reporter: u32) {
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.reporter_joined(reporter, self.next.before(), self.covered.unwrap_or_default());
        }
        self.reports_changed();
    }

    /// A receiver said goodbye or timed out.
    pub fn reporter_left(&mut self, reporter: u32) {
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.reporter_left(reporter);
        }
        self.reports_changed();
    }

    /// The stream goes on under another SSRC, which to receivers is another stream: those that have reported are gone,
    /// and the journals tell whoever comes now all that lasts.
    pub fn renamed(&mut self) {
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.forget();
        }
        self.reports_changed();
    }

    /// What has been done so far.
    pub fn stats(&self) -> SenderStats {
        let reporters = self.checkpoint.as_ref().map_or(0, Checkpoint::reporters);
        SenderStats { reporters, ..self.stats }
    }

    /// Notes that sound at the receivers, as far as commands have been taken into packets.
    pub fn sounding(&self) -> usize {
        self.history.sounding()
    }

    #[cfg(test)]
    pub(crate) fn history(&self) -> &History {
        &self.history
    }
}

/// Whether RTP time `a` is before `b`.
fn is_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) > u32::MAX / 2
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "no room in the packet under construction",
            Self::Stalled => "the journal is full until a receiver reports",
        })
    }
}

impl std::error::Error for Refusal {}
