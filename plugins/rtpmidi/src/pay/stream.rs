//! The stream that the caps on the source pad describe, and the caps that the settings ask for.

use rtp_midi::{Config, Format, Journal, Policy};

use super::settings::{JournalMode, Settings};
use crate::parameter::number;

/// The clock rate where downstream has no wish: that of the RFC's own examples.
const CLOCK_RATE: i32 = 44_100;

/// What a packet stream is, as negotiated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stream {
    pub(super) ssrc: u32,
    pub(super) first_sequence: u16,
    pub(super) timestamp_offset: u32,
    pub(super) config: Config,
}

impl Stream {
    /// Reads the caps of the source pad; what they leave open is as in `settings`.
    pub(super) fn from_caps(caps: &gst::CapsRef, settings: &Settings, mtu: u32) -> Option<Self> {
        let caps = caps.structure(0)?;
        let clock_rate = u32::try_from(caps.get::<i32>("clock-rate").ok()?).ok().filter(|&rate| rate > 0)?;
        let mut config = Config::new(clock_rate);
        config.mtu = mtu as usize;
        config.format = match caps.get("encoding-name") {
            Ok("MPEG4-GENERIC") => Format::Mpeg4Generic,
            _ => Format::Native,
        };
        config.journal = match (caps.get("j_sec"), caps.get("j_update")) {
            (Ok("none"), _) => Journal::None,
            (_, Ok("anchor")) => Journal::Recovery(Policy::Anchor),
            (_, Ok("open-loop")) => Journal::Recovery(Policy::OpenLoop),
            (_, Ok("closed-loop")) => Journal::Recovery(Policy::ClosedLoop),
            _ => settings.journal.into(),
        };
        config.fresh = settings.fresh_ticks(clock_rate);
        config.guardtime =
            number(caps, "guardtime").or_else(|| settings.guard_ticks(clock_rate)).filter(|&ticks| ticks > 0);
        Some(Self {
            ssrc: caps.get("ssrc").ok()?,
            first_sequence: caps.get::<u32>("seqnum-offset").ok()? as u16,
            timestamp_offset: caps.get("timestamp-offset").ok()?,
            config,
        })
    }
}

/// The media time of packets that the caps ask for, in RTP clock ticks (C.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct MediaTime {
    /// `rtp_ptime`: what is recommended.
    pub(super) wanted: Option<u32>,
    /// `rtp_maxptime`: what no packet exceeds.
    pub(super) most: Option<u32>,
}

impl MediaTime {
    pub(super) fn from_caps(caps: &gst::CapsRef) -> Self {
        let number = |name| caps.structure(0).and_then(|caps| number(caps, name));
        Self { wanted: number("rtp_ptime"), most: number("rtp_maxptime") }
    }
}

/// What downstream wants of the stream.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) encoding: &'static str,
    pub(super) clock_rate: u32,
    caps: gst::Structure,
}

/// Chooses from what `downstream` takes, which has been intersected with the pad template.
pub(super) fn choose(downstream: &gst::CapsRef) -> Option<Wanted> {
    let mut caps = downstream.structure(0)?.to_owned();
    caps.fixate_field_nearest_int("clock-rate", CLOCK_RATE);
    let clock_rate = caps.get::<i32>("clock-rate").ok().and_then(|rate| u32::try_from(rate).ok())?;
    let encoding = if caps.get("encoding-name") == Ok(MPEG4) { MPEG4 } else { NATIVE };
    Some(Wanted { encoding, clock_rate, caps })
}

/// The encoding name of `audio/rtp-midi`.
pub(super) const NATIVE: &str = "RTP-MIDI";
/// The encoding name of `audio/mpeg4-generic`, of which `mode=rtp-midi` is one kind.
pub(super) const MPEG4: &str = "MPEG4-GENERIC";

/// The SDP parameters of the stream as caps fields. Defaults of RFC 6295 and what downstream names are left out.
pub(super) fn parameters(settings: &Settings, wanted: &Wanted) -> gst::Structure {
    let mut fields = gst::Structure::new_empty("parameters");
    let mut set = |name: &str, value: &str| {
        if !wanted.caps.has_field(name) {
            fields.set(name, value);
        }
    };
    if wanted.encoding == MPEG4 {
        // Section 6.2 wants all four; the empty configuration has its quotes in SDP, whose text caps fields hold.
        set("streamtype", "5");
        set("mode", "rtp-midi");
        set("profile-level-id", "12");
        set("config", "\"\"");
    }
    // The two belong together: half of them from downstream and half from here would be neither.
    if !wanted.caps.has_field("j_sec") && !wanted.caps.has_field("j_update") {
        match settings.journal {
            JournalMode::None => set("j_sec", "none"),
            JournalMode::ClosedLoop => {}
            JournalMode::Anchor => set("j_update", "anchor"),
            JournalMode::OpenLoop => set("j_update", "open-loop"),
        }
    }
    if let Some(ticks) = settings.guard_ticks(wanted.clock_rate) {
        set("guardtime", &ticks.to_string());
    }
    fields
}

/// The format-specific parameters in `caps` as the text behind `a=fmtp:96 ` in SDP.
pub(super) fn fmtp(caps: &gst::CapsRef) -> Option<String> {
    const PARAMETERS: [&str; 9] = [
        "streamtype",
        "mode",
        "profile-level-id",
        "config",
        "j_sec",
        "j_update",
        "rtp_ptime",
        "rtp_maxptime",
        "guardtime",
    ];
    let caps = caps.structure(0)?;
    let parameters = PARAMETERS
        .iter()
        .filter_map(|name| caps.get::<&str>(*name).ok().map(|value| format!("{name}={value}")))
        .collect::<Vec<_>>();
    (!parameters.is_empty()).then(|| parameters.join("; "))
}

impl From<JournalMode> for Journal {
    fn from(mode: JournalMode) -> Self {
        match mode {
            JournalMode::None => Self::None,
            JournalMode::ClosedLoop => Self::Recovery(Policy::ClosedLoop),
            JournalMode::Anchor => Self::Recovery(Policy::Anchor),
            JournalMode::OpenLoop => Self::Recovery(Policy::OpenLoop),
        }
    }
}
