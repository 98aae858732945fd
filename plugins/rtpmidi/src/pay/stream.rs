//! The stream that the caps on the source pad describe, and the parameters that the settings ask for.

use rtp_midi::{Config, Format, Journal, Policy};
use rtp_midi_sdp::{Error, Parameters};

use super::settings::{JournalMode, Settings};
use crate::fmtp;

/// What a packet stream is, as negotiated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stream {
    pub(super) ssrc: u32,
    pub(super) first_sequence: u16,
    pub(super) timestamp_offset: u32,
    pub(super) parameters: Parameters,
    pub(super) config: Config,
}

impl Stream {
    /// Reads the caps of the source pad; what they leave open is as in `settings`. `None` for caps of something else.
    pub(super) fn from_caps(caps: &gst::CapsRef, settings: &Settings, mtu: u32) -> Option<Result<Self, Error>> {
        let caps = caps.structure(0)?;
        let (clock_rate, format) = fmtp::media(caps)?;
        let ours = settings.parameters(clock_rate, format);
        // What the caps do not have from here, downstream demands.
        let parameters = fmtp::in_caps(caps).beyond(&ours.unrepeated()).or(&ours);
        let (ssrc, timestamp_offset) = (caps.get("ssrc").ok()?, caps.get("timestamp-offset").ok()?);
        let first_sequence = caps.get::<u32>("seqnum-offset").ok()? as u16;
        Some(parameters.config(clock_rate, format).map(|config| {
            let fresh = settings.fresh_ticks(clock_rate);
            let config = Config { mtu: mtu as usize, fresh, ..config };
            Self { ssrc, first_sequence, timestamp_offset, parameters, config }
        }))
    }
}

impl Settings {
    /// What the properties ask for.
    pub(super) fn parameters(&self, clock_rate: u32, format: Format) -> Parameters {
        let guardtime = self.guard_ticks(clock_rate);
        let mut config = Config { guardtime, format, ..Config::new(clock_rate) };
        config.set_journal(self.journal.into());
        self.fmtp.or(&Parameters::of(&config))
    }
}

impl From<JournalMode> for Journal {
    fn from(mode: JournalMode) -> Self {
        match mode {
            JournalMode::None => Self::None,
            JournalMode::ClosedLoop | JournalMode::Auto => Self::Recovery(Policy::ClosedLoop),
            JournalMode::Anchor => Self::Recovery(Policy::Anchor),
            JournalMode::OpenLoop => Self::Recovery(Policy::OpenLoop),
        }
    }
}
