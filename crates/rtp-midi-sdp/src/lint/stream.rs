//! One RTP MIDI stream as the linter sees it: its rtpmap and its parameters, each with its place (RFC 6295, 6, D).

use rtp_midi::{Config, Format, Journal};

use super::description::{Attribute, Line, attributes};
use super::piece::Piece;
use crate::Parameters;

/// A payload type that carries RTP MIDI.
pub(super) struct Stream<'a> {
    pub(super) format: Format,
    pub(super) payload_type: Piece<'a>,
    /// The rtpmap behind the payload type: `rtp-midi/44100/1`.
    pub(super) encoding: Piece<'a>,
    /// The clock rate where it is a number above 0.
    pub(super) clock_rate: Option<u32>,
    /// Its fmtp lines.
    pub(super) lines: Vec<Piece<'a>>,
    /// The parameters of all of them, in order.
    pub(super) parameters: Vec<Parameter<'a>>,
    /// What the parameters say to the protocol, unless one of them has a value that it cannot have.
    pub(super) config: Option<Config>,
}

/// One `name=value`.
#[derive(Clone, Copy)]
pub(super) struct Parameter<'a> {
    /// Everything between two semicolons.
    pub(super) whole: Piece<'a>,
    pub(super) name: Piece<'a>,
    /// Without blanks around it; empty for a name that stands alone.
    pub(super) value: Piece<'a>,
    /// Which of the stream's fmtp lines it stands on.
    pub(super) line: usize,
}

impl<'a> Stream<'a> {
    /// The RTP MIDI streams that the lines of a media have. `is_reliable`: nothing gets lost on the way, so that there
    /// is no journal by default.
    pub(super) fn read_all(lines: &[Line<'a>], is_reliable: bool) -> Vec<Self> {
        let rtpmaps = attributes(lines, "rtpmap").filter_map(|attribute| mapped(&attribute));
        rtpmaps.filter_map(|(payload_type, encoding)| Self::read(lines, is_reliable, payload_type, encoding)).collect()
    }

    fn read(lines: &[Line<'a>], is_reliable: bool, payload_type: Piece<'a>, encoding: Piece<'a>) -> Option<Self> {
        let all = attributes(lines, "fmtp").filter_map(|attribute| mapped(&attribute));
        let fmtp = all.filter(|(number, _)| number.text == payload_type.text).map(|(_, text)| text);
        let lines: Vec<Piece<'a>> = fmtp.collect();
        let parameters: Vec<_> =
            lines.iter().enumerate().flat_map(|(line, text)| Parameter::read_all(line, *text)).collect();
        let mut parts = encoding.split(|c| c == '/');
        let name = parts.next()?.trim();
        let clock_rate = parts.next().and_then(|rate| rate.trim().text.parse().ok()).filter(|rate| *rate > 0);
        let is_midi = |parameter: &Parameter<'_>| {
            parameter.name.is("mode") && parameter.value.is("rtp-midi") || parameter.is_of_rtp_midi()
        };
        let format = if name.is("rtp-midi") {
            Format::Native
        } else if name.is("mpeg4-generic") && parameters.iter().any(is_midi) {
            Format::Mpeg4Generic
        } else {
            return None;
        };
        let config = clock_rate.and_then(|rate| values(&parameters).config(rate, format).ok()).map(|mut config| {
            if is_reliable && !parameters.iter().any(|parameter| parameter.name.is("j_sec")) {
                config.journal = Journal::None;
            }
            config
        });
        Some(Self { format, payload_type, encoding, clock_rate, lines, parameters, config })
    }

    /// The parameters of this name, in order.
    pub(super) fn all<'s>(&'s self, name: &'s str) -> impl DoubleEndedIterator<Item = &'s Parameter<'a>> {
        self.parameters.iter().filter(move |parameter| parameter.name.is(name))
    }

    /// The parameter of this name that counts: the last one.
    pub(super) fn parameter(&self, name: &str) -> Option<&Parameter<'a>> {
        self.parameters.iter().rev().find(|parameter| parameter.name.is(name))
    }

    pub(super) fn is_mpeg4(&self) -> bool {
        self.format == Format::Mpeg4Generic
    }

    /// Where something is missing: behind the last parameter, or else the rtpmap.
    pub(super) fn end(&self) -> Piece<'a> {
        self.lines.last().unwrap_or(&self.encoding).trim().end()
    }
}

impl<'a> Parameter<'a> {
    fn read_all(line: usize, text: Piece<'a>) -> impl Iterator<Item = Self> {
        text.parameters().filter_map(move |whole| {
            let (name, value) = whole.split_once('=').unwrap_or((whole, whole.trim().end()));
            let (name, value) = (name.trim(), value.trim());
            (!name.text.is_empty()).then_some(Self { whole, name, value, line })
        })
    }

    /// Whether it is one of the four of RFC 3640 (6.2).
    pub(super) fn is_of_mpeg4(&self) -> bool {
        self.name.is_one_of(&["streamtype", "mode", "profile-level-id", "config"])
    }

    /// Whether only RTP MIDI has parameters of this name.
    fn is_of_rtp_midi(&self) -> bool {
        !self.is_of_mpeg4() && self.name.is_one_of(&crate::NAMES)
    }

    /// Whether it is one of C.1.
    pub(super) fn is_command_selection(&self) -> bool {
        self.name.is_one_of(&["cm_used", "cm_unused"])
    }

    /// Whether it is one of C.2.3, or was meant to be.
    pub(super) fn is_chapter_selection(&self) -> bool {
        self.name.is_one_of(&["ch_never", "ch_default", "ch_anchor", "cm_default"])
    }
}

/// The parameters as readers have them.
fn values(parameters: &[Parameter<'_>]) -> Parameters {
    let value = |Parameter { name, value, .. }: &Parameter<'_>| crate::Parameter {
        name: name.text.to_owned(),
        value: value.text.to_owned(),
    };
    parameters.iter().map(value).collect()
}

/// The payload type of an rtpmap or fmtp attribute, and what stands behind it.
pub(super) fn mapped<'a>(attribute: &Attribute<'a>) -> Option<(Piece<'a>, Piece<'a>)> {
    let value = attribute.value.trim();
    let at = value.text.find(char::is_whitespace)?;
    Some((value.part(0..at), value.part(at..value.text.len()).trim()))
}
