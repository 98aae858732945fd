//! The chunks of a file: RIFF wrapping, header, tracks.

use crate::error::{Error, Found, Result};
use crate::tempo::Division;

/// What the file says about itself, and where its tracks are.
#[derive(Debug)]
pub(crate) struct Layout<'a> {
    pub(crate) format: u16,
    pub(crate) division: Division,
    pub(crate) declared: u16,
    pub(crate) tracks: Vec<Chunk<'a>>,
    /// Octets from the start of the file to a second header, if there is one; no track behind it is listed.
    pub(crate) second_header: Option<usize>,
}

/// A chunk; `octets` is shorter than `length` when the file ends inside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) id: [u8; 4],
    pub(crate) start: usize,
    pub(crate) length: u32,
    pub(crate) octets: &'a [u8],
}

impl<'a> Layout<'a> {
    /// Reads the header and finds the tracks; chunks of other kinds are stepped over.
    pub(crate) fn read(file: &'a [u8]) -> Result<Self> {
        let smf = unwrap_riff(file)?;
        if smf.octets.len() < 14 {
            return Err(Error::TruncatedHeader { octets: smf.octets.len() });
        }
        let mut chunks = Chunks { octets: smf.octets, start: smf.start, riff: false };
        let header = chunks.next().ok_or(Error::TruncatedHeader { octets: smf.octets.len() })?;
        let &[f0, f1, n0, n1, d0, d1, ..] = header.octets else {
            return Err(Error::HeaderLength { length: header.length });
        };
        let format = u16::from_be_bytes([f0, f1]);
        if format > 2 {
            return Err(Error::Format { format });
        }
        let division = Division::decode([d0, d1]).ok_or(Error::Division { division: u16::from_be_bytes([d0, d1]) })?;
        let mut layout =
            Self { format, division, declared: u16::from_be_bytes([n0, n1]), tracks: Vec::new(), second_header: None };
        for chunk in chunks {
            match &chunk.id {
                b"MTrk" => layout.tracks.push(chunk),
                b"MThd" => {
                    layout.second_header = Some(chunk.start - 8);
                    break;
                }
                _ => {}
            }
        }
        // Tracks are numbered with 16 bits, as the header counts them.
        layout.tracks.truncate(usize::from(u16::MAX));
        Ok(layout)
    }
}

/// The SMF inside an RMID file, or the file itself.
fn unwrap_riff(file: &[u8]) -> Result<Chunk<'_>> {
    let not_smf = Error::NotSmf { found: look_at(file) };
    let whole = Chunk { id: *b"RIFF", start: 0, length: 0, octets: file };
    let smf = match file {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'R', b'M', b'I', b'D', inside @ ..] => {
            let mut chunks = Chunks { octets: inside, start: 12, riff: true };
            chunks.find(|chunk| &chunk.id == b"data").ok_or(not_smf)?
        }
        _ => whole,
    };
    if smf.octets.starts_with(b"MThd") { Ok(smf) } else { Err(not_smf) }
}

/// Walks over chunks; RIFF counts in little endian and pads to even lengths.
struct Chunks<'a> {
    octets: &'a [u8],
    start: usize,
    riff: bool,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let (&[i0, i1, i2, i3, l0, l1, l2, l3], behind) = self.octets.split_first_chunk::<8>()?;
        let length = [l0, l1, l2, l3];
        let length = if self.riff { u32::from_le_bytes(length) } else { u32::from_be_bytes(length) };
        let there = usize::try_from(length).unwrap_or(usize::MAX).min(behind.len());
        let (octets, rest) = behind.split_at(there);
        let start = self.start + 8;
        let pad = usize::from(self.riff && there % 2 == 1).min(rest.len());
        self.octets = &rest[pad..];
        self.start = start + there + pad;
        Some(Chunk { id: [i0, i1, i2, i3], start, length, octets })
    }
}

/// Names what is no Standard MIDI File by its first octets.
fn look_at(file: &[u8]) -> Found {
    match file {
        [] => Found::Empty,
        [b'R', b'I', b'F', b'F', _, _, _, _, form @ ..] if form.starts_with(b"WAVE") => Found::Wave,
        [b'R', b'I', b'F', b'F', _, _, _, _, form @ ..] if form.starts_with(b"sfbk") => Found::SoundFont,
        [b'R', b'I', b'F', b'F', ..] => Found::Riff,
        [b'S', b'M', b'F', b'2', b'C', ..] => Found::MidiClip,
        [0x1F, 0x8B, ..] | [b'P', b'K', 3, 4, ..] => Found::Compressed,
        [b'I', b'D', b'3', ..]
        | [0xFF, 0xE0..=0xFF, ..]
        | [b'O', b'g', b'g', b'S', ..]
        | [b'f', b'L', b'a', b'C', ..] => Found::Audio,
        _ if file.iter().take(512).all(|&octet| octet >= 0x20 || octet.is_ascii_whitespace()) => Found::Text,
        _ => Found::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [u8; 14] = *b"MThd\0\0\0\x06\0\x01\0\x02\x01\xE0";

    fn file(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn other_files_are_named() {
        let cases: [(&[u8], Found); 8] = [
            (b"", Found::Empty),
            (b"<html>\n", Found::Text),
            (b"RIFF\0\0\0\0WAVEfmt ", Found::Wave),
            (b"RIFF\0\0\0\0sfbkLIST", Found::SoundFont),
            (b"RIFF\0\0\0\0RMIDjunk\0\0\0\0", Found::Riff),
            (b"SMF2CLIP", Found::MidiClip),
            (b"OggS\0", Found::Audio),
            (b"\x7FELF\0", Found::Unknown),
        ];
        for (octets, found) in cases {
            assert_eq!(Layout::read(octets).unwrap_err(), Error::NotSmf { found });
        }
    }

    #[test]
    fn a_header_without_time_is_refused_before_any_event_is_read() {
        for division in [[0, 0], [0x80, 0], [0x80, 4], [0xE7, 0]] {
            let octets = file(&[&HEADER[..12], &division]);
            let division = u16::from_be_bytes(division);
            assert_eq!(Layout::read(&octets).unwrap_err(), Error::Division { division });
        }
        assert_eq!(Layout::read(&HEADER[..13]).unwrap_err(), Error::TruncatedHeader { octets: 13 });
        assert_eq!(Layout::read(b"MThd\0\0\0\x04\0\0\0\x01\0\x60").unwrap_err(), Error::HeaderLength { length: 4 });
    }

    #[test]
    fn unknown_chunks_and_a_longer_header_are_stepped_over() {
        let octets = file(&[b"MThd\0\0\0\x08\0\x01\0\x02\x01\xE0??", b"XFIH\0\0\0\x01?", b"MTrk\0\0\0\x02ab", b"!"]);
        let layout = Layout::read(&octets).unwrap();
        assert_eq!(layout.tracks.len(), 1);
        assert_eq!((layout.tracks[0].start, layout.tracks[0].octets), (33, &b"ab"[..]));
    }

    #[test]
    fn offsets_in_a_riff_file_count_from_its_start() {
        let smf = file(&[&HEADER, b"MTrk\0\0\0\x09abc"]);
        let riff = file(&[b"RIFF\0\0\0\0RMIDINFO\x01\0\0\0?\0data", &[smf.len() as u8, 0, 0, 0], &smf]);
        let track = Layout::read(&riff).unwrap().tracks[0];
        assert_eq!((&riff[track.start..], track.length), (&b"abc"[..], 9));
    }
}
