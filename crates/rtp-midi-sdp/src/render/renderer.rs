//! `render`, `subrender` and `smf_info`: one renderer with all that belongs to it (RFC 6295, C.6.2 and C.6.4.1).

use std::fmt;

use super::{ChannelMask, Data, StandardMidiFile, Token};
use crate::Parameters;
use crate::audio_specific_config::{AudioSpecificConfig, Fault};

/// One renderer of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Renderer {
    /// What it does, broadly.
    pub render: Render,
    /// What it is, exactly; `None` for the default of the kind of stream.
    pub subrender: Option<Token>,
    /// The parameters that the registration of `subrender` defines: those whose names begin with it and `_`.
    pub extras: Parameters,
    /// Initialization data and Standard MIDI Files, in order.
    pub data: Vec<Data>,
    /// What the Standard MIDI Files are for, those inside the objects as well.
    pub smf_info: SmfInfo,
    /// The voice channels that it hears; all where nothing is said.
    pub chanmask: Option<ChannelMask>,
}

/// The broad sense of a renderer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Render {
    /// Of unspecified nature: what a native stream has by default.
    Unknown,
    /// Makes sound, or light, or other actions: what an mpeg4-generic stream has by default.
    Synthetic,
    /// Gives the commands to applications. Native streams only.
    Api,
    /// Discards the stream. In an answer: a renderer that was refused or is not needed.
    Null,
    /// Registered by others, and not known here.
    Other(Token),
}

/// What Standard MIDI Files are for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum SmfInfo {
    /// Nothing: they are discarded.
    #[default]
    Ignore,
    /// They tell who the renderer is, and are not played.
    Identity,
    /// They are played from the moment the description is accepted, merged with the stream.
    SdpStart,
    /// Registered by others, and not known here.
    Other(Token),
}

impl Renderer {
    /// A renderer with nothing else said.
    pub const fn new(render: Render) -> Self {
        Self {
            render,
            subrender: None,
            extras: Parameters::new(),
            data: Vec::new(),
            smf_info: SmfInfo::Ignore,
            chanmask: None,
        }
    }

    /// The default renderer of an mpeg4-generic stream, with this description of it.
    pub fn mpeg4(config: &AudioSpecificConfig) -> Self {
        Self { data: vec![Data::asc(config)], ..Self::new(Render::Synthetic) }
    }

    /// The first `AudioSpecificConfig` whose octets are here.
    pub fn audio_specific_config(&self) -> Option<Result<AudioSpecificConfig, Fault>> {
        self.data.iter().find_map(Data::audio_specific_config)
    }

    /// The Standard MIDI Files that [`SmfInfo`] is about, in the order in which they go to the name spaces of the
    /// renderer: the first to the first, the second to the second. None if they are to be ignored.
    pub fn files(&self) -> Result<Vec<StandardMidiFile<'_>>, Fault> {
        if self.smf_info == SmfInfo::Ignore {
            return Ok(Vec::new());
        }
        self.data.iter().map(Data::files).collect::<Result<Vec<_>, _>>().map(|files| files.concat())
    }
}

impl From<Token> for Render {
    /// What a word means, without regard to case.
    fn from(token: Token) -> Self {
        match token.as_str().to_ascii_lowercase().as_str() {
            "unknown" => Self::Unknown,
            "synthetic" => Self::Synthetic,
            "api" => Self::Api,
            "null" => Self::Null,
            _ => Self::Other(token),
        }
    }
}

impl fmt::Display for Render {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Synthetic => "synthetic",
            Self::Api => "api",
            Self::Null => "null",
            Self::Other(token) => token.as_str(),
        })
    }
}

impl From<Token> for SmfInfo {
    /// What a word means, without regard to case.
    fn from(token: Token) -> Self {
        match token.as_str().to_ascii_lowercase().as_str() {
            "ignore" => Self::Ignore,
            "identity" => Self::Identity,
            "sdp_start" => Self::SdpStart,
            _ => Self::Other(token),
        }
    }
}

impl fmt::Display for SmfInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ignore => "ignore",
            Self::Identity => "identity",
            Self::SdpStart => "sdp_start",
            Self::Other(token) => token.as_str(),
        })
    }
}
