//! What a session description says of its stream, as far as it is the same however packets come.

use std::path::Path;

use rtp_midi::Config;
use rtp_midi_sdp::render::{Render, Renderers};
use rtp_midi_sdp::{Clocks, Media, Protocol, Session, Stream, Transport};

use super::Streams;
use crate::caps;
use crate::description;
use crate::failure::{Failure, Result};

/// The first RTP MIDI stream of a description, and what belongs to it.
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
    /// Streams of other sessions with the same MIDI name space (RFC 6295, C.5): all are heard as one.
    pub(crate) others: Vec<Self>,
}

/// The most streams that are heard as one: there are 16 channels, and each stream takes sockets and threads.
const MOST: usize = 16;

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
        let read = |(media, stream)| Self::of(&session, media, stream, name)?.map_err(wrong);
        let mut source = read((media, stream))?;
        let related = related(&session, media, stream, name)?;
        source.others = related.into_iter().map(read).collect::<Result<_>>()?;
        // One of them says for all by what they are rendered.
        let names_one = |it: &&Self| it.renderers.list.iter().any(|one| one.render != Render::Unknown);
        let renderers = source.streams().find(names_one).map(|one| one.renderers.clone());
        source.renderers = renderers.unwrap_or(source.renderers);
        Ok(source)
    }

    /// One stream of a session, which stands in this line; a failure if it cannot be received, an error if it is wrong.
    fn of(
        session: &Session,
        media: &Media,
        stream: &Stream,
        name: &str,
    ) -> Result<std::result::Result<Self, rtp_midi_sdp::Error>> {
        let (transport, stream, clocks) = (media.transport.clone(), stream.clone(), media.clocks.clone());
        if !matches!(transport.protocol, Protocol::Avp | Protocol::Avpf | Protocol::Savp | Protocol::Savpf) {
            let protocol = transport.protocol.token();
            return Err(Failure::new(format!("{name}: rtp-midi over {protocol}, which cannot be received"))
                .hint("RTP/AVP and RTP/SAVP can be"));
        }
        let line = session.media.iter().position(|line| std::ptr::eq(line, media)).unwrap_or_default();
        let mut attributes = media.attributes.iter().chain(&session.attributes);
        let range = attributes.find(|attribute| attribute.name.eq_ignore_ascii_case("range"));
        let length = range.and_then(|range| range.value.as_deref()).map_or(Length::Live, Length::of);
        let (title, others) = (session.title.clone(), Vec::new());
        let parameters = stream.config(&transport).and_then(|config| Ok((config, stream.renderers()?)));
        Ok(parameters.map(|(config, renderers)| Self {
            title,
            transport,
            stream,
            config,
            clocks,
            line,
            renderers,
            length,
            others,
        }))
    }

    /// All streams that are heard as one, this one first.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }

    /// Without the other streams, if only the first is wanted.
    pub(super) fn wanted(mut self, streams: Streams) -> Self {
        if streams == Streams::First {
            self.others.clear();
        }
        self
    }

    /// The caps of the stream. The depayloader gets the whole fmtp line besides.
    pub(crate) fn caps(&self) -> gst::Caps {
        caps::of(&self.stream)
    }
}

/// The streams in other lines that have the name space of this one, and are received.
fn related<'a>(
    session: &'a Session,
    media: &Media,
    stream: &Stream,
    name: &str,
) -> Result<Vec<(&'a Media, &'a Stream)>> {
    let Some(musicport) = stream.musicport() else { return Ok(Vec::new()) };
    let received = |line: &&Media| !std::ptr::eq(*line, media) && line.is_usable() && line.direction.receives();
    let of_the_space =
        |line: &'a Media| Some((line, line.streams.iter().find(|stream| stream.musicport() == Some(musicport))?));
    let related: Vec<_> = session.media.iter().filter(received).filter_map(of_the_space).collect();
    // A missing `a=group` refuses nothing: relays drop it.
    let violation = session.relation_violations().into_iter().find(|violation| violation.requirement != "SC.5-07");
    match violation.filter(|_| !related.is_empty()) {
        Some(violation) => Err(Failure::new(format!("{name}: {violation}"))
            .hint("rtpmidi sdp check says what is wrong with a description")),
        None if related.len() >= MOST => {
            Err(Failure::new(format!("{name}: more than {MOST} streams have musicport={musicport}")))
        }
        None => Ok(related),
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

    /// The two streams of one name space that the RFC prints (C.5).
    const TWO: &str = "v=0\ns=x\na=group:FID 1 2\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 96\n\
        a=rtpmap:96 mpeg4-generic/44100\na=mid:1\n\
        a=fmtp:96 streamtype=5; mode=rtp-midi; profile-level-id=12; config=\"\"; musicport=12\n\
        m=audio 5006 RTP/AVP 96\na=rtpmap:96 mpeg4-generic/44100\na=mid:2\n\
        a=fmtp:96 streamtype=5; mode=rtp-midi; profile-level-id=12; \
        config=7A0A0000001A4D546864000000060000000100604D54726B0000000600FF2F000; musicport=12\n";

    fn ports(text: &str) -> Vec<u16> {
        let source = Source::parse(text.as_bytes(), "x.sdp").unwrap();
        source.streams().map(|stream| stream.transport.port).collect()
    }

    #[test]
    fn streams_of_one_name_space_are_heard_as_one_and_the_renderer_of_either_is_that_of_all() {
        assert_eq!(ports(TWO), [5004, 5006]);
        assert_eq!(ports(&TWO.replace("a=group:FID 1 2\n", "")), [5004, 5006]);
        let source = Source::parse(TWO.as_bytes(), "x.sdp").unwrap();
        assert_eq!((source.renderers.list.len(), source.others[0].line), (1, 1));
        assert_eq!(source.wanted(Streams::First).streams().count(), 1);
    }

    #[test]
    fn what_is_another_name_space_is_left_out() {
        let second = TWO.rfind("musicport=12").unwrap();
        for other in ["", "musicport=13"] {
            assert_eq!(ports(&format!("{}{other}\n", &TWO[..second])), [5004], "{other}");
        }
        let silent = TWO.replace("a=mid:2\n", "a=mid:2\na=sendonly\n");
        assert_eq!(ports(&silent), [5004]);
    }

    #[test]
    fn a_name_space_that_is_split_badly_is_refused() {
        let native = TWO.rfind("mpeg4-generic").unwrap();
        let mixed = format!("{}rtp-midi/44100\na=mid:2\na=fmtp:96 musicport=12\n", &TWO[..native]);
        let words = words(&mixed);
        assert!(words.contains("x.sdp: media line 2: mixes rtp-midi and mpeg4-generic"), "{words}");
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
