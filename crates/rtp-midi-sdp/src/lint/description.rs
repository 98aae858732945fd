//! A description as the linter sees it: lines, media and their RTP MIDI streams, each with its place (RFC 8866).

use super::piece::Piece;
use super::stream::Stream;
use crate::{Direction, Protocol, Session, Violation};

/// The whole text.
pub(super) struct Description<'a> {
    /// All lines, in order.
    pub(super) lines: Vec<Line<'a>>,
    /// The lines in front of the first `m=`.
    pub(super) session: Vec<Line<'a>>,
    pub(super) media: Vec<Media<'a>>,
    /// The end of the first line that has no carriage return.
    pub(super) bare_line_end: Option<Piece<'a>>,
    /// What readers make of it, if they can.
    pub(super) parsed: Option<Session>,
    /// The rules of C.5 that it breaks then.
    pub(super) violations: Vec<Violation>,
}

/// One line.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) whole: Piece<'a>,
    /// The letter in front of `=`, or none if the line is not of that form.
    pub(super) letter: Option<char>,
    /// What stands behind `=`, else all.
    pub(super) value: Piece<'a>,
}

/// `a=name:value`.
#[derive(Clone, Copy)]
pub(super) struct Attribute<'a> {
    pub(super) name: Piece<'a>,
    /// Empty behind the name where there is none.
    pub(super) value: Piece<'a>,
}

/// An `m=` line and what belongs to it.
pub(super) struct Media<'a> {
    /// Its number in the description, from 0.
    pub(super) index: usize,
    /// The `m=` line.
    pub(super) line: Line<'a>,
    /// The kind of media, the port, the protocol; empty pieces where they are missing.
    pub(super) kind: Piece<'a>,
    pub(super) port: Piece<'a>,
    pub(super) protocol: Piece<'a>,
    /// The payload types.
    pub(super) formats: Vec<Piece<'a>>,
    /// The lines behind the `m=` line.
    pub(super) lines: Vec<Line<'a>>,
    /// As said here, or for the whole session.
    pub(super) direction: Direction,
    /// The `c=` line for it.
    pub(super) connection: Option<Line<'a>>,
    /// The RTP MIDI streams.
    pub(super) streams: Vec<Stream<'a>>,
}

impl<'a> Description<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let at = |(index, text)| Piece { text, line: index + 1, column: 1 };
        let is_bare = |line: &Piece<'_>| !line.text.ends_with('\r');
        let ended = text.matches('\n').count();
        let bare_line_end = text.split('\n').enumerate().take(ended).map(at).find(is_bare).map(Piece::end);
        let whole = text.trim_end().split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let lines: Vec<_> = whole.enumerate().map(at).map(Line::read).collect();
        let first_media = lines.iter().position(Line::is_media).unwrap_or(lines.len());
        let session = lines[..first_media].to_vec();
        let sections = lines[first_media..].chunk_by(|_, next| !next.is_media());
        let media = sections.enumerate().map(|(index, lines)| Media::read(index, lines, &session)).collect();
        let parsed = Session::parse(text.as_bytes()).ok();
        let violations = parsed.as_ref().map(Session::relation_violations).unwrap_or_default();
        Self { lines, session, media, bare_line_end, parsed, violations }
    }

    /// The RTP MIDI streams with the media that they belong to.
    pub(super) fn streams(&self) -> impl Iterator<Item = (&Media<'a>, &Stream<'a>)> {
        self.media.iter().flat_map(|media| media.streams.iter().map(move |stream| (media, stream)))
    }

    /// The media that have RTP MIDI streams.
    pub(super) fn midi(&self) -> impl Iterator<Item = &Media<'a>> {
        self.media.iter().filter(|media| !media.streams.is_empty())
    }

    /// Where something is missing from the session's part.
    pub(super) fn session_end(&self) -> Piece<'a> {
        let last = self.session.last().or(self.lines.first());
        last.map_or(Piece { text: "", line: 1, column: 1 }, |line| line.whole.end())
    }
}

impl<'a> Line<'a> {
    fn read(whole: Piece<'a>) -> Self {
        let mut characters = whole.text.chars();
        match (characters.next(), characters.next()) {
            (Some(letter), Some('=')) if letter.is_ascii() => {
                Self { whole, letter: Some(letter), value: whole.part(2..whole.text.len()) }
            }
            _ => Self { whole, letter: None, value: whole },
        }
    }

    pub(super) fn is(&self, letter: char) -> bool {
        self.letter == Some(letter)
    }

    fn is_media(&self) -> bool {
        self.is('m')
    }

    /// The attribute that an `a=` line has.
    pub(super) fn attribute(&self) -> Option<Attribute<'a>> {
        let line = self.is('a').then_some(self.value)?;
        let (name, value) = line.split_once(':').unwrap_or((line, line.end()));
        Some(Attribute { name: name.trim(), value })
    }
}

impl<'a> Media<'a> {
    fn read(index: usize, lines: &[Line<'a>], session: &[Line<'a>]) -> Self {
        let (line, lines) = (lines[0], &lines[1..]);
        let mut words = line.value.words();
        let mut word = || words.next().unwrap_or_else(|| line.value.end());
        let (kind, port, protocol) = (word(), word(), word());
        let connection = |lines: &[Line<'a>]| lines.iter().find(|line| line.is('c')).copied();
        Self {
            index,
            line,
            kind,
            port,
            protocol,
            formats: words.collect(),
            lines: lines.to_vec(),
            direction: direction(lines).or_else(|| direction(session)).unwrap_or_default(),
            connection: connection(lines).or_else(|| connection(session)),
            streams: Stream::read_all(lines, Protocol::from_token(protocol.text).is_reliable()),
        }
    }

    /// The attributes of this name.
    pub(super) fn attributes(&self, name: &str) -> impl Iterator<Item = Attribute<'a>> {
        attributes(&self.lines, name)
    }

    /// Whether it goes over TCP (RFC 4571).
    pub(super) fn is_tcp(&self) -> bool {
        self.protocol.text.to_ascii_uppercase().contains("TCP")
    }

    /// Whether packets go to a group.
    pub(super) fn is_multicast(&self) -> bool {
        let address = self.connection.and_then(|line| line.value.words().nth(2)?.split(|c| c == '/').next());
        address.and_then(|address| address.text.parse().ok()).is_some_and(|ip: std::net::IpAddr| ip.is_multicast())
    }
}

/// The attributes of this name.
pub(super) fn attributes<'a>(lines: &[Line<'a>], name: &str) -> impl Iterator<Item = Attribute<'a>> {
    lines.iter().filter_map(Line::attribute).filter(move |attribute| attribute.name.is(name))
}

/// The number of the `b=` line of this kind.
pub(super) fn bandwidth<'a>(lines: &[Line<'a>], kind: &str) -> Option<Piece<'a>> {
    let limits = lines.iter().filter(|line| line.is('b')).filter_map(|line| line.value.split_once(':'));
    limits.filter(|(name, _)| name.is(kind)).map(|(_, value)| value).next()
}

fn direction(lines: &[Line<'_>]) -> Option<Direction> {
    lines.iter().filter_map(Line::attribute).find_map(|attribute| Direction::from_attribute(attribute.name.text))
}
