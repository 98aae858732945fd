//! Gathers messages into packets: what goes into one, and when it and the guard packets are due.

use rtp_midi::midi::{Command, Found, Intake, System};
use rtp_midi::{Config, Refusal, Sender, SenderStats, Timing};

use super::moment::{Moment, Moments};
use super::outbox::Outbox;
use super::stream::Stream;
use super::waiting::Waiting;

/// How much time the members of one upstream buffer list may span in a packet, where `max-ptime` does not say.
const LIST_SPAN: gst::ClockTime = gst::ClockTime::from_mseconds(10);

/// How long before its time a message may come from an element that waits for it.
const EARLY: gst::ClockTime = gst::ClockTime::from_mseconds(1);

/// Octets of messages that may wait for reports of receivers; then the journals grow beyond their limits instead.
const MOST_WAITING: usize = 1 << 18;

/// When packets end, from the properties, the caps, and what upstream is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Pace {
    /// Whether upstream is live, so that the pipeline clock and not the buffers say what time it is.
    pub(super) live: bool,
    /// How long a packet waits for more messages.
    pub(super) hold: gst::ClockTime,
    /// How much time one packet may span.
    pub(super) span: Option<gst::ClockTime>,
    /// What downstream lets one packet span, whatever else says more.
    pub(super) most: Option<gst::ClockTime>,
    /// Of what the time is a multiple that a packet spans, void time at its end included; zero for any.
    pub(super) multiple: gst::ClockTime,
}

/// What the packer has seen and the [`Sender`] has not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Commands that the stream does not carry.
    pub(super) unused: u64,
    /// Undefined ones among them (`F4`, `F5`, `F9`, `FD`).
    pub(super) undefined: u64,
    /// Buffers, or ends of them, that are no MIDI message.
    pub(super) stray: u64,
}

/// The state of one stream between caps and packets.
#[derive(Debug)]
pub(super) struct Packer {
    pub(super) moments: Moments,
    pub(super) pace: Pace,
    pub(super) counts: Counts,
    stream: Stream,
    sender: Sender,
    past: SenderStats,
    intake: Intake,
    waiting: Waiting,
    /// The packet that the sender builds: its first moment, and RTP time of its last.
    building: Option<(Moment, u64)>,
    /// RTP time of the latest packet.
    sent: Option<u64>,
    /// RTP time before which nothing comes any more: packets have said so.
    void: u64,
    /// How far the clock was ahead of RTP time when the latest messages left; those behind them keep that distance,
    /// lest it look like jitter, or like the time of messages still to come. To be measured when it is `None`.
    lag: Option<gst::ClockTime>,
    /// RTP time of the latest message, where `tsmode` has changed it.
    stamped: u64,
    /// Whether the start of the segment has a packet.
    opened: bool,
    /// Members of an upstream buffer list that are still to come.
    members: usize,
}

impl Packer {
    pub(super) fn new(stream: Stream, moments: Moments, sysex_limit: usize) -> Self {
        Self {
            moments,
            pace: Pace::default(),
            counts: Counts::default(),
            sender: Sender::new(stream.config.clone(), stream.first_sequence),
            past: SenderStats::default(),
            stream,
            intake: Intake::new(sysex_limit),
            waiting: Waiting::default(),
            building: None,
            sent: None,
            void: 0,
            lag: None,
            stamped: 0,
            opened: false,
            members: 0,
        }
    }

    /// Goes on under new caps. Another clock or journal is a new stream, whose receivers know nothing. Under another
    /// SSRC the stream goes on, and its journals tell them what was before.
    pub(super) fn renegotiate(&mut self, stream: Stream, stream_time: bool) {
        if stream == self.stream {
            return;
        }
        if stream == (Stream { ssrc: stream.ssrc, ..self.stream.clone() }) {
            self.stream = stream;
            self.sender.renamed();
            return;
        }
        let moved = stream.first_sequence != self.stream.first_sequence;
        let sequence = if moved { stream.first_sequence } else { self.sender.next_sequence() };
        self.moments.set_rate(stream.config.clock_rate, stream_time);
        self.stream = stream;
        self.restart(sequence);
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    pub(super) fn sender(&self) -> &Sender {
        &self.sender
    }

    pub(super) fn sender_mut(&mut self) -> &mut Sender {
        &mut self.sender
    }

    /// Whether messages wait.
    pub(super) fn waits(&self) -> bool {
        self.waiting.first().is_some()
    }

    /// How many commands were kept out, without undefined ones.
    pub(super) fn unused(&self) -> u64 {
        self.counts.unused - self.counts.undefined + self.past.unused + self.sender.stats().unused
    }

    /// Whether a journal was too long for its packet or for its LENGTH.
    pub(super) fn is_too_long(&self) -> bool {
        let stats = self.sender.stats();
        stats.oversized + stats.journal_cuts > 0
    }

    /// What senders did that this one has replaced.
    pub(super) fn past(&self) -> &SenderStats {
        &self.past
    }

    /// A buffer list with `members` buffers comes; they go into one packet if they fit.
    pub(super) fn expect_list(&mut self, members: usize) {
        self.members = members;
    }

    /// Drops what waits: the data flow was flushed. Its time begins anew, and with it that of the sender.
    pub(super) fn flush(&mut self) {
        self.restart(self.sender.next_sequence());
        self.waiting.clear();
        self.intake.reset();
        self.moments.flush();
        self.members = 0;
    }

    /// Takes a buffer; packets that are complete go to `outbox`.
    pub(super) fn take(&mut self, pts: Option<gst::ClockTime>, octets: &[u8], outbox: &mut Outbox) -> Found {
        let moment = self.moments.of(pts);
        let moment = if moment.ticks < self.void { self.moments.nearest(self.void) } else { moment };
        if self.waiting.first().is_some_and(|first| self.is_beyond(first, moment)) {
            self.send_waiting(moment.ticks, outbox);
        }
        if !self.pace.live {
            self.open(moment, outbox);
            self.send_guards_before(moment, outbox);
        }
        let (waiting, counts, commands) = (&mut self.waiting, &mut self.counts, &self.stream.config.commands);
        let before = waiting.messages.len();
        let found = self.intake.take(octets, |command| {
            // What never leaves does not begin a packet either.
            if commands.has(&command) == Some(false) {
                counts.unused += 1;
                counts.undefined += u64::from(is_undefined(&command));
            } else {
                waiting.push(moment, command);
            }
        });
        self.stamp(before, outbox);
        self.counts.stray += u64::from(found == Found::Stray);
        self.members = self.members.saturating_sub(1);
        let full = self.waiting.octets.len() >= self.stream.config.mtu;
        if full || (self.pace.live && self.members == 0 && self.pace.hold.is_zero()) {
            self.send_waiting(0, outbox);
        }
        found
    }

    /// Stream time has come to `pts` without a message (not live).
    pub(super) fn pass(&mut self, pts: gst::ClockTime, outbox: &mut Outbox) {
        let Some(moment) = self.moments.at(Some(pts)) else { return };
        if self.waiting.first().is_some_and(|first| self.is_beyond(first, moment)) {
            self.send_waiting(moment.ticks, outbox);
        }
        self.send_guards_before(moment, outbox);
    }

    /// There is no message at `pts` (live). Who promises a packet in each `guardtime` sends the first one then, and not
    /// with the first message.
    pub(super) fn begin(&mut self, pts: gst::ClockTime, outbox: &mut Outbox) {
        let nothing_came = self.sent.is_none() && !self.waits() && self.stream.config.guardtime.is_some();
        if let Some(moment) = self.moments.at(Some(pts)).filter(|_| nothing_came) {
            self.send_guard(moment.ticks, outbox);
        }
    }

    /// The running time at which [`Packer::ring`] has something to do, seen from running time `now`.
    pub(super) fn wake(&mut self, now: gst::ClockTime) -> Option<gst::ClockTime> {
        let Some(first) = self.waiting.first().filter(|_| !self.sender.is_stalled()) else {
            let lag = self.lag(now);
            return self.due().map(|due| self.moments.time(due) + lag);
        };
        // The rest of a list comes at once, or something upstream has dropped it.
        let hold = if self.members > 0 { self.pace.hold.max(LIST_SPAN) } else { self.pace.hold };
        // A message whose time is still to come waits no longer than one of now, but for what has been declared void.
        let time = self.moments.time(first.ticks);
        let since = if first.ticks == self.void || time <= now + EARLY { time } else { now };
        let until = *self.waiting.until.get_or_insert(since + hold);
        let lag = self.lag(now);
        Some(self.keep_alive().map_or(until, |due| until.min(self.moments.time(due) + lag)))
    }

    /// The clock shows running time `now` (live).
    pub(super) fn ring(&mut self, now: gst::ClockTime, outbox: &mut Outbox) {
        if self.sender.is_stalled() {
            self.send_waiting(0, outbox);
        }
        if self.wake(now).is_some_and(|at| at <= now) {
            if self.waits() && !self.sender.is_stalled() {
                self.members = 0;
                self.send_waiting(self.moments.ticks(now), outbox);
            } else if let Some(due) = self.due() {
                // Packets that a stall has held up are not made up for one by one.
                let now = now.saturating_sub(self.lag(now));
                self.send_guard(due.max(self.moments.ticks(now)), outbox);
            }
        }
    }

    /// Nothing more comes in this segment: sends what waits.
    pub(super) fn finish(&mut self, outbox: &mut Outbox) {
        // The next segment may begin at once.
        self.send_waiting(0, outbox);
        if self.waiting.first().is_some() {
            self.sender.press_on();
            self.send_waiting(0, outbox);
        }
        self.members = 0;
    }

    /// The stream ends: sends what waits and what is left of the guard schedule, so that the last NoteOff survives.
    pub(super) fn end(&mut self, outbox: &mut Outbox) {
        self.send_waiting(u64::MAX, outbox);
        self.finish(outbox);
        self.intake.reset();
        while let Some((sent, guard)) = self.sent.zip(self.sender.guard_due()) {
            // A recording keeps guardtime to its end; live it is the guard packets that matter.
            let due = if self.pace.live { guard } else { self.sender.due().unwrap_or(guard) };
            self.send_guard(self.extend(sent, due), outbox);
        }
        self.sent = None;
    }

    fn restart(&mut self, sequence: u16) {
        let now = self.sender.stats();
        self.past.packets += now.packets;
        self.past.guard_packets += now.guard_packets;
        self.past.commands += now.commands;
        self.past.unused += now.unused;
        self.past.list_octets += now.list_octets;
        self.past.journal_octets += now.journal_octets;
        self.past.journal_cuts += now.journal_cuts;
        self.past.short_lists += now.short_lists;
        self.past.oversized += now.oversized;
        self.past.stalls += now.stalls;
        self.sender = Sender::new(self.stream.config.clone(), sequence);
        self.building = None;
        (self.sent, self.void, self.lag, self.stamped) = (None, 0, None, 0);
    }

    /// Begins an offline stream with an empty packet at the segment's start when the music begins later:
    /// RTP timestamps have a random offset, and a recording of the packets would lose the silence.
    fn open(&mut self, moment: Moment, outbox: &mut Outbox) {
        if !std::mem::replace(&mut self.opened, true)
            && let Some(first) = self.moments.first()
            && first.ticks < moment.ticks
        {
            self.send_guard(first.ticks, outbox);
        }
    }

    /// RTP time at which the next guard packet is due, unless a packet with messages is to come first.
    fn due(&self) -> Option<u64> {
        let sent = self.sent.filter(|_| self.waiting.first().is_none() || self.sender.is_stalled())?;
        Some(self.extend(sent, self.sender.due()?))
    }

    fn lag(&mut self, now: gst::ClockTime) -> gst::ClockTime {
        let sent = self.moments.time(self.sent.unwrap_or_default());
        *self.lag.get_or_insert(now.saturating_sub(sent))
    }

    /// RTP time at which `guardtime` asks for a packet, whether or not one has waited long enough.
    fn keep_alive(&self) -> Option<u64> {
        self.sent.zip(self.stream.config.guardtime).map(|(sent, guardtime)| sent.saturating_add(guardtime.into()))
    }

    /// The RTP time, counted from the start, of a timestamp near that of `sent`.
    fn extend(&self, sent: u64, timestamp: u32) -> u64 {
        sent.saturating_add_signed(i64::from(timestamp.wrapping_sub(self.timestamp(sent)) as i32))
    }

    fn send_guards_before(&mut self, moment: Moment, outbox: &mut Outbox) {
        while let Some(due) = self.due().filter(|&due| due < moment.ticks) {
            self.send_guard(due, outbox);
        }
    }

    fn send_guard(&mut self, ticks: u64, outbox: &mut Outbox) {
        let moment = self.moments.nearest(ticks.max(self.void));
        self.moments.reach(moment);
        self.building = Some((moment, moment.ticks));
        self.seal(outbox);
    }

    /// Whether a message of `moment` is too late for the packet that begins at `first`.
    fn is_beyond(&self, first: Moment, moment: Moment) -> bool {
        let list = if self.members > 0 { LIST_SPAN } else { gst::ClockTime::ZERO };
        let span = self.pace.span.unwrap_or(self.pace.hold.max(list));
        let most = self.stream.config.max_ptime.map_or(u64::MAX, u64::from);
        let most = self.pace.most.map_or(most, |time| most.min(self.moments.ticks(time)));
        let due = self.keep_alive().unwrap_or(u64::MAX);
        moment.ticks.saturating_sub(first.ticks) > self.moments.ticks(span).min(most) || moment.ticks > due
    }

    /// Gives the messages that wait, from number `first` on, the times that `tsmode` wants.
    fn stamp(&mut self, first: usize, outbox: &mut Outbox) {
        let Config { timing, clock_rate, .. } = self.stream.config;
        if timing == Timing::Comex || first == self.waiting.messages.len() {
            return;
        }
        let arrived = self.waiting.split_off(first);
        for (moment, length, command) in arrived.iter() {
            let ticks = timing.stamp(moment.ticks, length as u32, clock_rate);
            let moment = self.moments.nearest(ticks.max(self.stamped).max(self.void));
            self.stamped = moment.ticks;
            if self.waiting.first().is_some_and(|first| self.is_beyond(first, moment)) {
                self.send_waiting(moment.ticks, outbox);
            }
            self.waiting.push(moment, command);
        }
    }

    /// Sends what waits, or as much as the journals have room for. Nothing else comes before the RTP time `until`.
    fn send_waiting(&mut self, until: u64, outbox: &mut Outbox) {
        if self.waiting.first().is_none() {
            return;
        }
        if self.sender.is_stalled() && self.waiting.octets.len() > MOST_WAITING {
            self.sender.press_on();
        }
        let mut waiting = std::mem::take(&mut self.waiting);
        let mut left = Waiting::default();
        let mut queued = false;
        for (moment, _, command) in waiting.iter() {
            let mut put = |packer: &mut Self, command| {
                if left.first().is_none() && packer.queue(moment, command, outbox) {
                    queued = true;
                } else {
                    left.push(moment, command);
                }
            };
            match command {
                Command::System(System::SysEx(whole)) if whole.is_whole() => {
                    self.sender.split(whole).for_each(|piece| put(self, piece.into()));
                }
                command => put(self, command),
            }
            if !queued && left.first().is_some() {
                break;
            }
        }
        if !queued && left.first().is_some() {
            // Nothing has room yet: all waits as it is.
            self.waiting = waiting;
            return;
        }
        if left.first().is_none() {
            self.pad(until);
        }
        self.seal(outbox);
        self.lag = None;
        if left.first().is_none() {
            waiting.clear();
            left = waiting;
        }
        self.waiting = left;
    }

    /// Says whether the command is dealt with, rather than to be queued again when receivers have reported.
    fn queue(&mut self, moment: Moment, command: Command<'_>, outbox: &mut Outbox) -> bool {
        // Packets without commands may have gone out while this one waited.
        let passed = self.sent.filter(|sent| self.building.is_none() && *sent > moment.ticks);
        let moment = passed.map_or(moment, |sent| self.moments.nearest(sent));
        let time = self.timestamp(moment.ticks);
        let mut result = self.sender.queue(time, command);
        if result == Err(Refusal::Full) {
            self.seal(outbox);
            result = self.sender.queue(time, command);
        }
        match result {
            Ok(()) if self.sender.is_empty() => {}
            Ok(()) => {
                let (first, _) = self.building.unwrap_or((moment, 0));
                self.building = Some((first, moment.ticks));
            }
            Err(Refusal::Full) => self.counts.stray += 1,
            Err(Refusal::Stalled) => return false,
        }
        true
    }

    /// Lets the packet under construction span one of the times that packets span, if that ends before `until`.
    fn pad(&mut self, until: u64) {
        let multiple = self.moments.ticks(self.pace.multiple);
        let Some((first, last)) = self.building.filter(|_| multiple > 0) else { return };
        let span = last.saturating_sub(first.ticks).max(1).next_multiple_of(multiple);
        let most = self.pace.most.map_or(u64::MAX, |time| self.moments.ticks(time));
        let end = first.ticks.saturating_add(span);
        if span <= most && end <= until && self.sender.pad(self.timestamp(end)) {
            self.void = end;
        }
    }

    /// Ends the packet under construction.
    fn seal(&mut self, outbox: &mut Outbox) {
        let Some((first, last)) = self.building.take() else { return };
        let now = self.timestamp(last);
        let packet = outbox.push(first.pts, |octets| self.sender.packet(now, octets));
        debug_assert_eq!(packet.timestamp, self.timestamp(first.ticks), "the base class derives this from the PTS");
        self.sent = Some(last);
    }

    fn timestamp(&self, ticks: u64) -> u32 {
        self.stream.timestamp_offset.wrapping_add(ticks as u32)
    }
}

fn is_undefined(command: &Command<'_>) -> bool {
    matches!(command, Command::System(System::F4(_) | System::F5(_) | System::F9 | System::FD))
}
