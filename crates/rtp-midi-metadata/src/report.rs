//! The packet.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |V=2|P|VERSION=1|  PT=APP=204   |            length             |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                       SSRC of the stream                      |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |      'M'      |      'I'      |      'D'      |      'T'      |
//! +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
//! |     KIND      |    LENGTH     |   LENGTH octets of value ...  |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |     KIND      |    LENGTH     |   ...      zero octets to the |
//! |                                   end of a word of four       |
//! ```

use crate::error::{Error, Result};
use crate::text::{Kind, Text, shorten};
use crate::{NAME, VERSION};

/// What one packet tells.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// The piece that is played, and those that follow it soon.
    pub pieces: Vec<Piece>,
    /// Texts in the order of their times.
    pub texts: Vec<Text>,
}

/// A piece of music.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Piece {
    /// Tells it from the pieces before and behind it: each has the number above the last one's.
    pub serial: u16,
    /// The RTP timestamp of its start.
    pub start: u32,
    /// How long it takes, in ticks of the RTP clock, if that is known.
    pub duration: Option<u32>,
    /// Its title; empty if it has none.
    pub title: String,
    /// Its copyright notice; empty if it has none.
    pub copyright: String,
}

/// The packet type of APP (RFC 3550, 12.1).
const APP: u8 = 204;

/// Octets in front of the items.
const HEADER: usize = 12;

/// Kinds of items that are no texts.
const END: u8 = 0;
const PIECE: u8 = 0x80;
const TITLE: u8 = 0x81;
const COPYRIGHT: u8 = 0x82;

impl Piece {
    /// Octets of UTF-8 that are sent of a title or a copyright notice at most.
    pub const LONGEST: usize = 80;

    pub(crate) fn octets(&self) -> usize {
        let text = |text: &str| if text.is_empty() { 0 } else { 2 + shorten(text, Self::LONGEST).len() };
        2 + 10 + text(&self.title) + text(&self.copyright)
    }
}

impl Text {
    pub(crate) fn octets(&self) -> usize {
        2 + 4 + shorten(&self.text, Self::LONGEST).len()
    }
}

impl Report {
    /// The longest packet that [`Report::encode`] makes; what does not fit is left out from the end.
    pub const LONGEST: usize = 1024;

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.texts.is_empty()
    }

    /// The APP packet of the source `ssrc`.
    pub fn encode(&self, ssrc: u32) -> Vec<u8> {
        let mut packet = vec![0x80 | VERSION, APP, 0, 0];
        packet.extend(ssrc.to_be_bytes());
        packet.extend(NAME);
        for piece in &self.pieces {
            if packet.len() + piece.octets() <= Self::LONGEST {
                piece.encode(&mut packet);
            }
        }
        for text in &self.texts {
            if packet.len() + text.octets() <= Self::LONGEST {
                item(
                    &mut packet,
                    text.kind.octet(),
                    &[&text.timestamp.to_be_bytes(), short(&text.text, Text::LONGEST)],
                );
            }
        }
        packet.resize(packet.len().next_multiple_of(4), 0);
        let words = (packet.len() / 4 - 1) as u16;
        packet[2..4].copy_from_slice(&words.to_be_bytes());
        packet
    }

    /// Reads one APP packet: the source that it is of, and what it tells.
    ///
    /// Items of unknown kinds are passed over, as are titles without a piece in front of them, and octets that a later
    /// version adds to the end of an item. What is no UTF-8 in a text becomes U+FFFD.
    pub fn decode(packet: &[u8]) -> Result<(u32, Self)> {
        let Some((&[first, kind, high, low, a, b, c, d, ref name @ ..], rest)) = packet.split_first_chunk::<HEADER>()
        else {
            return Err(Error::Truncated { needed: HEADER, found: packet.len() });
        };
        if first >> 6 != 2 || kind != APP || *name != NAME {
            return Err(Error::Another);
        }
        let length = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        let truncated = Error::Truncated { needed: length.max(HEADER), found: packet.len() };
        let contents = length.checked_sub(HEADER).and_then(|length| rest.get(..length)).ok_or(truncated)?;
        let padding = if first & 0x20 == 0 { 0 } else { contents.last().copied().unwrap_or(0).into() };
        let contents = contents.len().checked_sub(padding).map(|length| &contents[..length]).ok_or(truncated)?;
        Ok((u32::from_be_bytes([a, b, c, d]), Self::decode_contents(first & 0x1F, contents)?))
    }

    /// Reads what stands behind the name in a packet of this `subtype`, for whoever has had the rest read by an RTP
    /// library.
    pub fn decode_contents(subtype: u8, mut contents: &[u8]) -> Result<Self> {
        if subtype != VERSION {
            return Err(Error::Version { found: subtype });
        }
        let mut report = Self::default();
        while let &[kind, ref rest @ ..] = contents
            && kind != END
        {
            let (value, rest) =
                rest.split_first().and_then(|(length, rest)| rest.split_at_checked((*length).into())).ok_or(
                    Error::Truncated { needed: 2 + usize::from(*rest.first().unwrap_or(&0)), found: contents.len() },
                )?;
            report.take(kind, value)?;
            contents = rest;
        }
        Ok(report)
    }

    fn take(&mut self, kind: u8, value: &[u8]) -> Result<()> {
        let truncated = |needed| Error::Truncated { needed, found: value.len() };
        match (kind, self.pieces.last_mut()) {
            (PIECE, _) => {
                let (serial, value) = value.split_first_chunk().ok_or(truncated(10))?;
                let (start, value) = value.split_first_chunk().ok_or(truncated(10))?;
                let duration = u32::from_be_bytes(*value.first_chunk().ok_or(truncated(10))?);
                self.pieces.push(Piece {
                    serial: u16::from_be_bytes(*serial),
                    start: u32::from_be_bytes(*start),
                    duration: Some(duration).filter(|duration| *duration > 0),
                    ..Piece::default()
                });
            }
            (TITLE, Some(piece)) => piece.title = read(value),
            (COPYRIGHT, Some(piece)) => piece.copyright = read(value),
            _ => {
                if let Some(kind) = Kind::from_octet(kind) {
                    let (timestamp, text) = value.split_first_chunk().ok_or(truncated(4))?;
                    self.texts.push(Text { kind, timestamp: u32::from_be_bytes(*timestamp), text: read(text) });
                }
            }
        }
        Ok(())
    }
}

impl Piece {
    fn encode(&self, packet: &mut Vec<u8>) {
        let duration = self.duration.unwrap_or(0).to_be_bytes();
        item(packet, PIECE, &[&self.serial.to_be_bytes(), &self.start.to_be_bytes(), &duration]);
        for (kind, text) in [(TITLE, &self.title), (COPYRIGHT, &self.copyright)] {
            if !text.is_empty() {
                item(packet, kind, &[short(text, Self::LONGEST)]);
            }
        }
    }
}

/// An item; its parts are together no longer than 255 octets.
fn item(packet: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    packet.extend([kind, length as u8]);
    for part in parts {
        packet.extend_from_slice(part);
    }
}

fn short(text: &str, octets: usize) -> &[u8] {
    shorten(text, octets).as_bytes()
}

fn read(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canon() -> (Report, &'static [u8]) {
        let piece = Piece {
            serial: 0x0102,
            start: 0x0304_0506,
            duration: Some(44_100),
            title: "Canon".to_owned(),
            copyright: String::new(),
        };
        let lyric = Text { kind: Kind::Lyric, timestamp: 0x0708_090A, text: "é".to_owned() };
        let octets = b"\x81\xCC\0\x09\x11\x22\x33\x44MIDT\
            \x80\x0A\x01\x02\x03\x04\x05\x06\0\0\xAC\x44\
            \x81\x05Canon\
            \x05\x06\x07\x08\x09\x0A\xC3\xA9\0";
        (Report { pieces: vec![piece], texts: vec![lyric] }, octets)
    }

    #[test]
    fn a_report_is_these_octets() {
        let (report, octets) = canon();
        assert_eq!(report.encode(0x1122_3344), octets);
        assert_eq!(Report::decode(octets), Ok((0x1122_3344, report.clone())));
        assert_eq!(Report::decode_contents(VERSION, &octets[HEADER..]), Ok(report));
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over() {
        let (mut report, _) = canon();
        let unknown = [0x7F, 1, 9];
        let title_of_nothing = [TITLE, 1, b'x'];
        let longer = [PIECE, 11, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 99];
        let lyric = [5, 4, 0, 0, 0, 3];
        let contents = [&unknown[..], &title_of_nothing, &longer, &lyric, &[0, 5, 6]].concat();
        report.pieces = vec![Piece { serial: 1, start: 2, ..Piece::default() }];
        report.texts = vec![Text { kind: Kind::Lyric, timestamp: 3, text: String::new() }];
        assert_eq!(Report::decode_contents(VERSION, &contents), Ok(report));
        assert_eq!(Report::decode_contents(2, &contents), Err(Error::Version { found: 2 }));
    }

    #[test]
    fn packets_that_end_early_or_are_others_are_refused() {
        let (_, octets) = canon();
        for end in 0..octets.len() {
            let error = Report::decode(&octets[..end]).unwrap_err();
            assert!(matches!(error, Error::Truncated { found, .. } if found == end), "{end}: {error}");
        }
        for (at, octet) in [(0, 0x41), (1, 203), (8, b'm')] {
            let mut another = octets.to_vec();
            another[at] = octet;
            assert_eq!(Report::decode(&another), Err(Error::Another));
        }
        for value in [&[5, 3, 0, 0, 0][..], &[PIECE, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[5, 9, 0], &[5]] {
            assert!(matches!(Report::decode_contents(VERSION, value), Err(Error::Truncated { .. })), "{value:?}");
        }
    }

    #[test]
    fn padding_is_no_item() {
        let padded = b"\xA1\xCC\0\x03\0\0\0\x01MIDT\x01\0\0\x04";
        assert_eq!(Report::decode(padded), Ok((1, Report::default())));
        let too_much = b"\xA1\xCC\0\x03\0\0\0\x01MIDT\x01\0\0\x05";
        assert!(Report::decode(too_much).is_err());
    }
}
