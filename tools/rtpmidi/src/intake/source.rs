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
    /// How many seconds there are of it (`a=range`, RFC 2326, C.1.5), where it is no live stream.
    pub(crate) duration: Option<f64>,
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
        if !matches!(transport.protocol, Protocol::Avp | Protocol::Avpf) {
            let protocol = transport.protocol.token();
            return Err(Failure::new(format!("{name}: rtp-midi over {protocol}, which cannot be received"))
                .hint("RTP/AVP can be"));
        }
        let line = session.media.iter().position(|line| std::ptr::eq(line, media)).unwrap_or_default();
        let mut attributes = media.attributes.iter().chain(&session.attributes);
        let duration = attributes.find(|attribute| attribute.name.eq_ignore_ascii_case("range"));
        let duration = duration.and_then(|range| seconds(range.value.as_deref()?));
        Ok(Self { title: session.title, transport, stream, config, clocks, line, renderers, duration })
    }

    /// The caps of the stream. The depayloader gets the whole fmtp line besides.
    pub(crate) fn caps(&self) -> gst::Caps {
        caps::of(&self.stream)
    }
}

/// How long a range in normal play time is, if it ends: `npt=0-12.5`.
fn seconds(range: &str) -> Option<f64> {
    let (start, end) = range.trim().strip_prefix("npt=")?.split_once('-')?;
    let length = end.trim().parse::<f64>().ok()? - start.trim().parse::<f64>().ok()?;
    (length.is_finite() && length > 0.0).then_some(length)
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
        assert_eq!((source.line, source.duration), (0, None));
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
        assert_eq!((source.line, source.duration), (1, Some(12.5)));
        for live in ["npt=now-", "npt=0-", "npt=5-5", "clock=19961108T142300Z-"] {
            assert_eq!(seconds(live), None, "{live}");
        }
    }
}
