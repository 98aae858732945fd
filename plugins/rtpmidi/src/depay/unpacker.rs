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
}

/// A packet as the base class hands it on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming<'a> {
    pub(super) ssrc: u32,
    pub(super) pts: Option<gst::ClockTime>,
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

    /// Commands that were dropped because MIDI does not define them.
    pub(super) fn undefined(&self) -> u64 {
        self.messages.undefined
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
    pub(super) fn packet(&mut self, packet: Incoming<'_>) -> Outcome {
        let another = self.ssrc.replace(packet.ssrc).is_some_and(|ssrc| ssrc != packet.ssrc);
        if another {
            self.timeline.restart();
        }
        self.timeline.packet(packet.pts, packet.rtp.timestamp);
        if std::mem::take(&mut self.silence_first) || another {
            self.silence();
            self.receiver.reset();
        }
        let (timeline, messages) = (&mut self.timeline, &mut self.messages);
        self.receiver.receive(packet.rtp, |event| messages.push(timeline.message(event.time), event.command))
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
