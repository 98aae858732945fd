//! What may stand in a capabilities file. What is left out is as the profile has it.

use std::num::NonZeroU32;
use std::time::Duration;

use rtp_midi::{Format, Journal, LineRate, Policy, Timing};
use rtp_midi_sdp::audio_specific_config::ObjectType;
use rtp_midi_sdp::negotiate::RtcpUse;
use rtp_midi_sdp::render::Render;
use rtp_midi_sdp::{Crypto, Parameters, Protocol, Setup};
use serde::Deserialize;

use crate::cmd::sdp::new::FormatOption;

/// The whole file.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    pub(super) profile: Profile,
    pub(super) title: Option<String>,
    pub(super) address: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) payload_type: Option<PayloadType>,
    pub(super) transport: Transport,
    pub(super) stream: Stream,
    pub(super) accept: Accept,
    pub(super) render: Rendering,
}

#[derive(Clone, Copy, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Profile {
    #[default]
    Open,
    Nmp,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Transport {
    pub(super) protocols: Option<Vec<ProtocolName>>,
    pub(super) multicast: Option<bool>,
    pub(super) rtcp: Option<Rtcp>,
    pub(super) setup: Option<SetupName>,
    pub(super) crypto: Option<Vec<KeyText>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Stream {
    pub(super) direction: DirectionName,
    pub(super) format: Option<FormatOption>,
    pub(super) clock_rate: Option<NonZeroU32>,
    pub(super) fmtp: Fmtp,
    pub(super) fmtp_taken: Option<Fmtp>,
    pub(super) musicport: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Accept {
    pub(super) formats: Option<Vec<FormatOption>>,
    pub(super) clock_rates: Option<Vec<NonZeroU32>>,
    pub(super) journals: Option<Vec<JournalName>>,
    pub(super) lossless: Option<bool>,
    pub(super) enhanced_controllers: Option<bool>,
    pub(super) timestamps: Option<Vec<TimestampName>>,
    pub(super) filters: Option<bool>,
    pub(super) packet_time_ms: Option<Milliseconds>,
    pub(super) guardtime_ms: Option<Milliseconds>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Rendering {
    pub(super) offer: Option<String>,
    pub(super) has: Option<Vec<RendererName>>,
    pub(super) play_files: Option<bool>,
    pub(super) chanmask: Option<bool>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u8")]
pub(super) struct PayloadType(pub(super) u8);

#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct ProtocolName(pub(super) Protocol);

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Rtcp {
    Separate,
    Muxed,
    None,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct SetupName(pub(super) Setup);

/// `a=crypto`, or a key that is still to be drawn.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum KeyText {
    New,
    Given(Crypto),
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub(super) enum DirectionName {
    #[default]
    SendRecv,
    SendOnly,
    RecvOnly,
}

/// Parameters whose values have been read once.
#[derive(Clone, Deserialize, Default)]
#[serde(try_from = "String")]
pub(super) struct Fmtp(pub(super) Parameters);

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum JournalName {
    ClosedLoop,
    Anchor,
    OpenLoop,
    None,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TimestampName {
    Comex,
    Async,
    Buffer,
}

/// From and to, which may be for ever.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "Vec<u64>")]
pub(super) struct Milliseconds(pub(super) Duration, pub(super) Duration);

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RendererName {
    Unknown,
    Synthetic,
    Api,
    GeneralMidi,
    Dls,
    StructuredAudio,
}

impl TryFrom<u8> for PayloadType {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        if number < 128 { Ok(Self(number)) } else { Err("a payload type is 0 to 127") }
    }
}

impl TryFrom<String> for ProtocolName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match Protocol::from_token(&text) {
            Protocol::Other(_) => Err("a protocol is RTP/AVP, RTP/AVPF, RTP/SAVP, RTP/SAVPF or TCP/RTP/AVP"),
            known => Ok(Self(known)),
        }
    }
}

impl TryFrom<String> for SetupName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Setup::parse(&text).map(Self).ok_or("setup is active, passive or actpass")
    }
}

impl TryFrom<String> for KeyText {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "new" {
            return Ok(Self::New);
        }
        let given = Crypto::parse(&text).map(Self::Given);
        given.ok_or("a key is new, or like 1 AES_CM_128_HMAC_SHA1_80 inline:…")
    }
}

impl TryFrom<String> for Fmtp {
    type Error = rtp_midi_sdp::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parameters = Parameters::parse(&text);
        parameters.config(crate::description::CLOCK_RATE, Format::Native)?;
        Ok(Self(parameters))
    }
}

impl TryFrom<Vec<u64>> for Milliseconds {
    type Error = &'static str;

    fn try_from(limits: Vec<u64>) -> Result<Self, Self::Error> {
        match limits[..] {
            [from] => Ok(Self(Duration::from_millis(from), Duration::MAX)),
            [from, to] if from <= to => Ok(Self(Duration::from_millis(from), Duration::from_millis(to))),
            _ => Err("limits are [from], or [from, to], the first number the lower one"),
        }
    }
}

impl From<Rtcp> for RtcpUse {
    fn from(rtcp: Rtcp) -> Self {
        match rtcp {
            Rtcp::Separate => Self::Separate,
            Rtcp::Muxed => Self::Muxed,
            Rtcp::None => Self::None,
        }
    }
}

impl From<JournalName> for Journal {
    fn from(journal: JournalName) -> Self {
        match journal {
            JournalName::ClosedLoop => Self::Recovery(Policy::ClosedLoop),
            JournalName::Anchor => Self::Recovery(Policy::Anchor),
            JournalName::OpenLoop => Self::Recovery(Policy::OpenLoop),
            JournalName::None => Self::None,
        }
    }
}

impl From<TimestampName> for Timing {
    fn from(timestamps: TimestampName) -> Self {
        match timestamps {
            TimestampName::Comex => Self::Comex,
            TimestampName::Async => Self::Async { octet: None, line: LineRate::DIN },
            TimestampName::Buffer => Self::Buffer { octet: None, line: LineRate::DIN, period: None },
        }
    }
}

impl RendererName {
    /// A renderer of its own choice, or one that MPEG-4 describes.
    pub(super) const fn kind(self) -> Result<Render, ObjectType> {
        match self {
            Self::Unknown => Ok(Render::Unknown),
            Self::Synthetic => Ok(Render::Synthetic),
            Self::Api => Ok(Render::Api),
            Self::GeneralMidi => Err(ObjectType::GeneralMidi),
            Self::Dls => Err(ObjectType::Wavetable),
            Self::StructuredAudio => Err(ObjectType::StructuredAudio),
        }
    }
}
