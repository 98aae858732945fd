//! One stream between packets and messages: what a packet, a flush, or the end of the source means.

use rtp_midi::{Config, Outcome, Received, Receiver};

use super::messages::Messages;
use super::timeline::Timeline;

/// The state of a stream.
#[derive(Debug)]
pub(super) struct Unpacker {
    config: Config,
    receiver: Receiver,
    timeline: Timeline,
    messages: Messages,
    ssrc: Option<u32>,
    /// What sounds is to be silenced before the next message; right after a flush nothing can be sent.
    silence_first: bool,
    pub(super) counts: Counts,
}

/// What only the element knows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// NoteOns that came too late and were dropped.
    pub(super) late_notes: u64,
    /// Times another source took over.
    pub(super) ssrc_changes: u64,
    /// Times no packet came for so long that the source counted as gone.
    pub(super) timeouts: u64,
}

/// What a packet told of the stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) outcome: Outcome,
    /// The source before, if this is another one.
    pub(super) other: Option<u32>,
    /// Whether the journal did not tell of all that was lost.
    pub(super) uncovered: bool,
}

/// A packet as the base class hands it on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming<'a> {
    pub(super) ssrc: u32,
    pub(super) pts: Option<gst::ClockTime>,
    /// Notes that would begin before this are too late.
    pub(super) earliest: Option<gst::ClockTime>,
    pub(super) rtp: Received<'a>,
}

impl Unpacker {
    pub(super) fn new(config: Config, sysex_limit: usize) -> Self {
        Self {
            receiver: Receiver::new(config.clone()),
            timeline: Timeline::new(config.clock_rate),
            config,
            messages: Messages::new(sysex_limit),
            ssrc: None,
            silence_first: false,
            counts: Counts::default(),
        }
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// The messages since the last call.
    pub(super) fn take(&mut self) -> Vec<gst::Buffer> {
        self.messages.take()
    }

    /// The synchronization source of the latest packet.
    pub(super) fn ssrc(&self) -> Option<u32> {
        self.ssrc
    }

    /// The time that the stream has come to.
    pub(super) fn now(&self) -> gst::ClockTime {
        self.timeline.now()
    }

    /// Takes a packet; repairs and messages wait for [`Unpacker::take`].
    pub(super) fn packet(&mut self, packet: Incoming<'_>) -> Taken {
        let other = self.ssrc.replace(packet.ssrc).filter(|ssrc| *ssrc != packet.ssrc);
        if other.is_some() {
            self.counts.ssrc_changes += 1;
            self.timeline.restart();
        }
        self.timeline.packet(packet.pts, packet.rtp.timestamp);
        if std::mem::take(&mut self.silence_first) || other.is_some() {
            self.silence();
            self.receiver.reset();
        }
        let before = self.receiver.stats().uncovered;
        let (timeline, messages, late) = (&mut self.timeline, &mut self.messages, &mut self.counts.late_notes);
        let outcome = self.receiver.receive(packet.rtp, |event| {
            let pts = timeline.message(event.time);
            if packet.earliest.is_some_and(|earliest| pts < earliest) && event.command.begins_note() {
                *late += 1;
            } else {
                messages.push(pts, event.command);
            }
        });
        Taken { outcome, other, uncovered: self.receiver.stats().uncovered > before }
    }

    /// The clock has come to `pts` without a packet.
    pub(super) fn pass(&mut self, pts: gst::ClockTime) {
        self.timeline.pass(pts);
    }

    /// Ends all that sounds, at the time that the stream has come to.
    pub(super) fn silence(&mut self) {
        let (now, messages) = (self.timeline.now(), &mut self.messages);
        messages.reset();
        self.receiver.silence(self.timeline.rtp(), |event| messages.push(now, event.command));
    }

    /// Ends the notes at the end of the stream, and leaves all else as the sender left it.
    pub(super) fn finish(&mut self) {
        let (now, messages) = (self.timeline.now(), &mut self.messages);
        messages.reset();
        self.receiver.finish(self.timeline.rtp(), |event| messages.push(now, event.command));
    }

    /// Goes on after a flush.
    pub(super) fn flush(&mut self) {
        self.timeline = Timeline::new(self.config.clock_rate);
        self.silence_first = true;
    }
}
