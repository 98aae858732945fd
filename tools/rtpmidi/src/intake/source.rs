//! What a session description says of its stream, as far as it is the same however packets come.

use std::path::Path;

use rtp_midi::Config;
use rtp_midi_sdp::render::Renderers;
use rtp_midi_sdp::{Clocks, Protocol, Session, Stream, Transport};

use crate::caps;
use crate::description;
use crate::failure::{Failure, Result};

/// The first RTP MIDI stream of a description.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Source {
    pub(crate) title: String,
    pub(crate) transport: Transport,
    pub(crate) stream: Stream,
    /// What the stream's parameters come to.
    pub(crate) config: Config,
    /// What its timestamps follow.
    pub(crate) clocks: Clocks,
    /// Which of the media lines it is, from 0.
    pub(super) line: usize,
    /// What is to become of the stream.
    pub(crate) renderers: Renderers,
    pub(crate) length: Length,
}

/// How much there is of a stream (`a=range`, RFC 2326, C.1.5).
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Length {
    /// It is heard while it is made.
    Live,
    /// It can be heard from any time on; so many seconds, if that is known.
    Stored(Option<f64>),
}

impl Source {
    /// Reads the description in the file `path`, or from stdin for `-`.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = description::read(path)?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads a description; `name` stands in errors.
    pub(super) fn parse(text: &[u8], name: &str) -> Result<Self> {
        let wrong = |error: rtp_midi_sdp::Error| {
            let hint = match &error {
                rtp_midi_sdp::Error::NoMidi { .. } => "a stream that can be played has a=rtpmap:96 rtp-midi/44100",
                _ => "rtpmidi broadcast --sdp FILE writes a description that works",
            };
            Failure::new(format!("{name}: {error}")).hint(hint)
        };
        let session = Session::parse(text).map_err(wrong)?;
        let (media, stream) = session.first_stream().map_err(wrong)?;
        let (transport, stream, clocks) = (media.transport.clone(), stream.clone(), media.clocks.clone());
        let config = stream.config(&transport).map_err(wrong)?;
        let renderers = stream.renderers().map_err(wrong)?;
        if !matches!(transport.protocol, Protocol::Avp | Protocol::Avpf | Protocol::Savp | Protocol::Savpf) {
            let protocol = transport.protocol.token();
            return Err(Failure::new(format!("{name}: rtp-midi over {protocol}, which cannot be received"))
                .hint("RTP/AVP and RTP/SAVP can be"));
        }
        let line = session.media.iter().position(|line| std::ptr::eq(line, media)).unwrap_or_default();
        let mut attributes = media.attributes.iter().chain(&session.attributes);
        let range = attributes.find(|attribute| attribute.name.eq_ignore_ascii_case("range"));
        let length = range.and_then(|range| range.value.as_deref()).map_or(Length::Live, Length::of);
        Ok(Self { title: session.title, transport, stream, config, clocks, line, renderers, length })
    }

    /// The caps of the stream. The depayloader gets the whole fmtp line besides.
    pub(crate) fn caps(&self) -> gst::Caps {
        caps::of(&self.stream)
    }
}

impl Length {
    /// What a range says: `npt=0-12.5`, `npt=0-`, or `npt=now-`, which is live, as are times of day.
    fn of(range: &str) -> Self {
        let ends = range.trim().strip_prefix("npt=").and_then(|range| range.split_once('-'));
        let number = |text: &str| text.trim().parse::<f64>().ok();
        match ends.map(|(start, end)| (number(start), number(end))) {
            Some((Some(start), end)) => {
                let seconds = end.map(|end| end - start);
                Self::Stored(seconds.filter(|seconds| seconds.is_finite() && *seconds > 0.0))
            }
            Some((None, _)) | None => Self::Live,
        }
    }

    /// The seconds, if they are known.
    pub(crate) const fn seconds(self) -> Option<f64> {
        match self {
            Self::Live => None,
            Self::Stored(seconds) => seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANON: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Canon\r\nt=0 0\r\nm=audio 5004 RTP/AVP 97\r\n\
        c=IN IP4 127.0.0.1\r\na=rtpmap:97 rtp-midi/48000\r\na=fmtp:97 ch_never=N; J_Update=anchor; ch_never=1N\r\n";

    fn words(text: &str) -> String {
        Source::parse(text.as_bytes(), "x.sdp").unwrap_err().to_string()
    }

    #[test]
    fn a_description_tells_where_and_what() {
        let source = Source::parse(CANON.as_bytes(), "x.sdp").unwrap();
        assert_eq!(source.title, "Canon");
        assert_eq!((source.line, source.length), (0, Length::Live));
    }

    #[test]
    fn another_codec_is_named() {
        let words = words(&CANON.replace("rtp-midi/48000", "opus/48000/2"));
        assert!(
            words.starts_with("error: x.sdp: no rtp-midi stream, but m=audio 5004: opus/48000/2\nhint: "),
            "{words}"
        );
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        assert!(words("dear diary").contains("line 1: a session description starts with v=0"));
        assert!(words(&CANON.replace("anchor", "sometimes")).contains("j_update=sometimes is not a value"));
    }

    #[test]
    fn the_midi_line_of_several_is_found_and_its_length_read() {
        let opus = "t=0 0\r\na=range:npt=0-12.5\r\nm=audio 5002 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n";
        let source = Source::parse(CANON.replace("t=0 0\r\n", opus).as_bytes(), "x.sdp").unwrap();
        assert_eq!((source.line, source.length), (1, Length::Stored(Some(12.5))));
        for (range, length) in [
            ("npt=now-", Length::Live),
            ("clock=19961108T142300Z-", Length::Live),
            ("npt=0-", Length::Stored(None)),
            ("npt=5-5", Length::Stored(None)),
            ("npt=10.5-inf", Length::Stored(None)),
        ] {
            assert_eq!(Length::of(range), length, "{range}");
        }
    }
}
