//! The properties of `rtpmidipay`.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

use rtp_midi_sdp::Parameters;

use crate::{downstream, fmtp, limits};

/// How the stream is protected against the loss of packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstRtpMidiPayJournal")]
pub enum JournalMode {
    /// `j_sec=none`.
    #[enum_value(name = "No journal: a lost packet is lost", nick = "none")]
    None,
    /// `j_update=closed-loop`.
    #[enum_value(
        name = "Journal back to what all receivers reported to have, or all of the stream",
        nick = "closed-loop"
    )]
    ClosedLoop,
    /// `j_update=anchor`.
    #[enum_value(name = "Journal of all of the stream, so that anyone may join at any time", nick = "anchor")]
    Anchor,
    /// `j_update=open-loop`.
    #[enum_value(
        name = "Journal of the notes of the latest packets and of all settings, without reports of receivers",
        nick = "open-loop"
    )]
    OpenLoop,
    /// The default of RFC 6295 (C.2.1) for what carries the packets.
    #[default]
    #[enum_value(name = "closed-loop, or none where TCP alone carries the packets", nick = "auto")]
    Auto,
}

/// Where reports of receivers come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstRtpMidiPayRtcpFeedback")]
pub enum RtcpFeedback {
    /// The `rtpsession` elements that the packets pass through.
    #[default]
    #[enum_value(name = "Listen to the rtpsession elements downstream", nick = "auto")]
    Auto,
    /// The application.
    #[enum_value(name = "Only GstRtpMidiAck events and the acknowledge signal", nick = "none")]
    None,
}

/// What becomes of commands that the stream does not carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstRtpMidiPayUnusedCommands")]
pub enum UnusedCommands {
    /// They are left out.
    #[default]
    #[enum_value(name = "Leave them out, and count them as unused", nick = "filter")]
    Filter,
    /// The stream ends with an error.
    #[enum_value(name = "End the stream with an error that names the parameters", nick = "refuse")]
    Refuse,
}

/// A note that comes later than this is a wrong note, where people play together.
const FRESH: gst::ClockTime = gst::ClockTime::from_mseconds(10);

/// Values of the properties that can be set.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) journal: JournalMode,
    pub(super) guardtime: gst::ClockTime,
    pub(super) fresh: gst::ClockTime,
    pub(super) feedback: RtcpFeedback,
    pub(super) unused_commands: UnusedCommands,
    pub(super) sysex_limit: u32,
    pub(super) ssrc_per_cycle: bool,
    /// `fmtp`.
    pub(super) fmtp: Parameters,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            journal: JournalMode::default(),
            guardtime: gst::ClockTime::ZERO,
            fresh: FRESH,
            feedback: RtcpFeedback::default(),
            unused_commands: UnusedCommands::default(),
            sysex_limit: limits::SYSEX,
            ssrc_per_cycle: false,
            fmtp: Parameters::new(),
        }
    }
}

impl Settings {
    /// The same where `journal` has been found out for what lies behind `pad`.
    pub(super) fn towards(mut self, pad: &gst::Pad) -> Self {
        if self.journal == JournalMode::Auto {
            self.journal = if downstream::is_reliable(pad) { JournalMode::None } else { JournalMode::ClosedLoop };
        }
        self
    }

    /// `guardtime` in RTP clock ticks; `None` where there is none.
    pub(super) fn guard_ticks(&self, clock_rate: u32) -> Option<u32> {
        ticks(self.guardtime, clock_rate).filter(|&ticks| ticks > 0)
    }

    /// `fresh` in RTP clock ticks.
    pub(super) fn fresh_ticks(&self, clock_rate: u32) -> u32 {
        ticks(self.fresh, clock_rate).unwrap_or(u32::MAX)
    }

    pub(super) fn set(&mut self, name: &str, value: &glib::Value) {
        const TYPED: &str = "GObject checks the type of a value before it sets a property";
        match name {
            "journal" => self.journal = value.get().expect(TYPED),
            "guardtime" => self.guardtime = gst::ClockTime::from_nseconds(value.get().expect(TYPED)),
            "fresh" => self.fresh = gst::ClockTime::from_nseconds(value.get().expect(TYPED)),
            "rtcp-feedback" => self.feedback = value.get().expect(TYPED),
            "unused-commands" => self.unused_commands = value.get().expect(TYPED),
            "sysex-limit" => self.sysex_limit = value.get().expect(TYPED),
            "ssrc-per-cycle" => self.ssrc_per_cycle = value.get().expect(TYPED),
            "fmtp" => self.fmtp = fmtp::from_value(value),
            _ => {}
        }
    }

    /// The value of one of these properties; the element itself knows the others.
    pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "journal" => self.journal.to_value(),
            "guardtime" => self.guardtime.nseconds().to_value(),
            "fresh" => self.fresh.nseconds().to_value(),
            "rtcp-feedback" => self.feedback.to_value(),
            "unused-commands" => self.unused_commands.to_value(),
            "sysex-limit" => self.sysex_limit.to_value(),
            "ssrc-per-cycle" => self.ssrc_per_cycle.to_value(),
            "fmtp" => fmtp::to_value(&self.fmtp),
            _ => return None,
        })
    }
}

/// A time in RTP clock ticks, if they are not too many.
fn ticks(time: gst::ClockTime, clock_rate: u32) -> Option<u32> {
    u32::try_from(u128::from(time.nseconds()) * u128::from(clock_rate) / 1_000_000_000).ok()
}

pub(super) fn properties() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        vec![
            glib::ParamSpecEnum::builder_with_default("journal", JournalMode::default())
                .nick("Recovery journal")
                .blurb(
                    "What packets repeat of earlier ones, so that a receiver recovers from loss (SDP: j_sec and \
                     j_update; RFC 6295, section 4). Caps downstream that carry these fields decide",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt64::builder("guardtime")
                .nick("Guard time")
                .blurb("Longest time without a packet in nanoseconds: an empty one is sent then; 0 = no limit (SDP: guardtime)")
                .maximum(i64::MAX as u64)
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt64::builder("fresh")
                .nick("Fresh notes")
                .blurb(
                    "How old in nanoseconds a lost NoteOn may be for a receiver still to play it; older ones stay silent \
                     (the Y bit; RFC 6295, A.6.2)",
                )
                .default_value(FRESH.nseconds())
                .maximum(i64::MAX as u64)
                .mutable_ready()
                .build(),
            glib::ParamSpecEnum::builder_with_default("rtcp-feedback", RtcpFeedback::default())
                .nick("RTCP feedback")
                .blurb("Where reports of what receivers have got come from; they shorten the closed-loop journal")
                .mutable_ready()
                .build(),
            glib::ParamSpecEnum::builder_with_default("unused-commands", UnusedCommands::default())
                .nick("Unused commands")
                .blurb("What becomes of commands that cm_unused keeps out of the stream; undefined ones are always left out")
                .mutable_ready()
                .build(),
            limits::sysex_property(),
            glib::ParamSpecBoolean::builder("ssrc-per-cycle")
                .nick("SSRC per cycle")
                .blurb(
                    "Whether the stream takes a new SSRC when its sequence numbers begin again at 0, so that receivers of \
                     SRTP may come at any time without a roll-over counter (RFC 3711, 3.3.1)",
                )
                .build(),
            fmtp::property(),
            glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                .nick("Statistics")
                .blurb("Statistics of the payloader: those of all RTP payloaders, then packets, commands, journal and receivers")
                .read_only()
                .build(),
        ]
    });
    &PROPERTIES
}
