//! What a file says beside its notes, in the time of the file.

use std::time::Duration;

use rtp_midi_metadata::{Kind, Text, shorten};
use smf_timeline::{Body, Meta, Song, TextKind, decode_text};

/// The title, and the texts in the order of their times.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Libretto {
    pub(super) title: String,
    pub(super) copyright: String,
    pub(super) duration: Duration,
    pub(super) lines: Vec<Line>,
}

/// A text and its time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// From the start of the file.
    pub(super) time: Duration,
    pub(super) kind: Kind,
    pub(super) text: String,
}

impl Libretto {
    /// What the song says; it is called `title`.
    pub(crate) fn of(song: &Song, title: &str) -> Self {
        let mut libretto =
            Self { title: title.to_owned(), duration: Duration::from_nanos(song.duration()), ..Self::default() };
        for event in song.events() {
            let Body::Meta(meta) = event.body else { continue };
            let Meta::Text(kind, octets) = meta else { continue };
            let text = decode_text(octets);
            if kind == TextKind::Copyright && libretto.copyright.is_empty() {
                text.trim().clone_into(&mut libretto.copyright);
            }
            if let Some(kind) = Kind::from_octet(meta.kind())
                && !text.is_empty()
            {
                let text = shorten(&text, Text::LONGEST).to_owned();
                libretto.lines.push(Line { time: Duration::from_nanos(event.time), kind, text });
            }
        }
        // Karaoke files have the words in one track for singers and in another one for the display.
        let lines = std::mem::take(&mut libretto.lines);
        for line in lines {
            let mut same_time = libretto.lines.iter().rev().take_while(|other| other.time == line.time);
            if same_time.all(|other| *other != line) {
                libretto.lines.push(line);
            }
        }
        libretto
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TextKind::{Copyright, Lyric, Marker, TrackName};
    use smf_timeline::Writer;

    #[test]
    fn texts_are_taken_in_order_and_what_is_no_text_of_the_music_is_left() {
        let mut writer = Writer::new(Writer::RTP_DIVISION);
        let meta = |text| Meta::Text(text, b"x\xE9");
        // As of two tracks with the same words.
        for kind in [TrackName, Copyright, Lyric, Lyric, Marker, Lyric, Marker] {
            writer.meta(0, &meta(kind)).unwrap();
        }
        writer.meta(2_000_000_000, &Meta::Text(TextKind::Cue, &[b'y'; 300])).unwrap();
        writer.meta(2_000_000_000, &Meta::Text(TextKind::Text, b"\0")).unwrap();
        let mut file = Vec::new();
        writer.checkpoint(3_000_000_000).apply(&mut file);
        let libretto = Libretto::of(&Song::read(&file, 0).unwrap(), "Canon");
        let line = |seconds, kind, text: &str| Line { time: Duration::from_secs(seconds), kind, text: text.to_owned() };
        let (title, copyright, duration) = ("Canon".to_owned(), "xé".to_owned(), Duration::from_secs(3));
        let lines = vec![line(0, Kind::Lyric, "xé"), line(0, Kind::Marker, "xé"), line(2, Kind::Cue, &"y".repeat(120))];
        assert_eq!(libretto, Libretto { title, copyright, duration, lines });
    }
}
