//! What `--profile` stands for: the parameters of a kind of stream. A flag has the last word on what it speaks of.

use clap::ValueEnum;
use rtp_midi::Format;
use rtp_midi_sdp::{Direction, Parameters};

/// `--profile`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Profile {
    /// Music for listeners who come at any time (RFC 6295, C.7.1): General MIDI, a journal of the whole stream, packets
    /// of 10 ms, and one a second in rests
    Broadcast,
    /// Musicians who play together (RFC 6295, C.7.2): both directions, General MIDI, a journal as long as needed, packets
    /// that never wait, and no commands of sequencers
    Nmp,
    /// Nothing but what a description needs (RFC 6295, 6.1): MIDI, and each end knows what to do with it
    #[default]
    Minimal,
    /// The stream inside an Apple network session: payload type 97, a clock of 10 kHz, a journal as long as needed
    ApplemidiLike,
}

impl Profile {
    pub(super) const fn format(self) -> Format {
        match self {
            Self::Broadcast | Self::Nmp => Format::Mpeg4Generic,
            Self::Minimal | Self::ApplemidiLike => Format::Native,
        }
    }

    pub(super) const fn direction(self) -> Direction {
        match self {
            Self::Broadcast => Direction::ReceiveOnly,
            Self::Nmp | Self::Minimal | Self::ApplemidiLike => Direction::SendReceive,
        }
    }

    pub(super) const fn clock_rate(self) -> u32 {
        match self {
            Self::ApplemidiLike => 10_000,
            Self::Broadcast | Self::Nmp | Self::Minimal => crate::description::CLOCK_RATE,
        }
    }

    pub(super) const fn payload_type(self) -> u8 {
        match self {
            Self::ApplemidiLike => 97,
            Self::Broadcast | Self::Nmp | Self::Minimal => crate::description::PAYLOAD_TYPE,
        }
    }

    /// Whether it asks for General MIDI where the format can say so.
    pub(super) const fn general_midi(self) -> bool {
        matches!(self, Self::Broadcast | Self::Nmp)
    }

    /// The parameters, but for those that belong to the format and its instruments.
    pub(super) fn parameters(self, clock_rate: u32) -> Parameters {
        match self {
            Self::Broadcast => Parameters::parse(&format!(
                "j_sec=recj; j_update=anchor; rtp_ptime={0}; rtp_maxptime={0}; guardtime={1}",
                clock_rate / 100,
                clock_rate
            )),
            // Musicians send notes, controllers and short System Exclusives; no clock, no songs, no time code.
            Self::Nmp => Parameters::parse(&format!(
                "cm_unused=BFGHJKQVXYZ; cm_used=X0-16; j_sec=recj; j_update=closed-loop; ch_never=BDFGHJKQVXYZ; \
                 ch_default=X0-16; rtp_ptime=0; rtp_maxptime=0; guardtime={clock_rate}"
            )),
            Self::Minimal => Parameters::new(),
            Self::ApplemidiLike => Parameters::parse("j_sec=recj; j_update=closed-loop"),
        }
    }
}
