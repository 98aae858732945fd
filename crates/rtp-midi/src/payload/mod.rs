//! The RTP payload: MIDI command section and journal section (RFC 6295 sections 2.2 and 3).
//!
//! ```text
//!  0                   1
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |B|J|Z|P|LEN... |  MIDI list ...    B = 1: LEN has twelve bits
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

mod delta;
mod list;
mod short;

pub(crate) use delta::{decode as decode_delta, length as delta_length};
pub use list::{Reader, Timed, Writer};

use crate::error::{Error, Result};

/// A payload taken apart; nothing inside is looked at yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Payload<'a> {
    /// The octets of the MIDI list.
    pub list: &'a [u8],
    /// Z: the list begins with a delta time.
    pub delta_zero: bool,
    /// P: the source gave the first channel command without a status octet.
    pub phantom: bool,
    /// J: the octets of the journal section.
    pub journal: Option<&'a [u8]>,
    /// Octets behind the list although J is 0.
    pub trailing: usize,
}

const B: u8 = 0x80;
const J: u8 = 0x40;
const Z: u8 = 0x20;
const P: u8 = 0x10;

impl<'a> Payload<'a> {
    /// Reads the header and finds the two sections.
    pub fn decode(octets: &'a [u8]) -> Result<Self> {
        let &flags = octets.first().ok_or(Error::Truncated { needed: 1, found: 0 })?;
        let (length, header) = if flags & B == 0 {
            (usize::from(flags & 0x0F), 1)
        } else {
            let &low = octets.get(1).ok_or(Error::Truncated { needed: 2, found: 1 })?;
            (usize::from(flags & 0x0F) << 8 | usize::from(low), 2)
        };
        let (list, rest) = octets[header..]
            .split_at_checked(length)
            .ok_or(Error::Truncated { needed: header + length, found: octets.len() })?;
        let journalled = flags & J != 0;
        Ok(Self {
            list,
            delta_zero: flags & Z != 0,
            phantom: flags & P != 0,
            journal: journalled.then_some(rest),
            trailing: if journalled { 0 } else { rest.len() },
        })
    }

    /// The list's commands; `timestamp` is the RTP timestamp of the packet.
    pub fn commands(&self, timestamp: u32) -> Reader<'a> {
        Reader::new(self.list, timestamp, self.delta_zero)
    }
}

/// Appends the MIDI command section of `list`; a journal section is to follow when `journalled`.
pub(crate) fn encode(list: &Writer, journalled: bool, out: &mut Vec<u8>) {
    let length = list.octets().len();
    let flags = if journalled { J } else { 0 } | if list.phantom() { P } else { 0 };
    if length < 16 {
        out.push(flags | length as u8);
    } else {
        out.extend([B | flags | (length >> 8) as u8, length as u8]);
    }
    out.extend_from_slice(list.octets());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::midi::{Command, Status};

    #[test]
    fn both_header_forms_are_read() {
        let payload = Payload::decode(&[0x43, 0x90, 0x3C, 0x40, 0x80, 0x12, 0x34]).unwrap();
        assert_eq!((payload.list, payload.journal), (&[0x90, 0x3C, 0x40][..], Some(&[0x80, 0x12, 0x34][..])));
        let long = Payload::decode(&[0x80, 0x03, 0x90, 0x3C, 0x40]).unwrap();
        assert_eq!((long.list, long.journal), (&[0x90, 0x3C, 0x40][..], None));
    }

    #[test]
    fn a_list_of_sixteen_octets_takes_the_long_header() {
        for (length, header) in [(15, vec![0x0F]), (16, vec![0x80, 0x10]), (4095, vec![0x8F, 0xFF])] {
            let data = vec![1; length - 2];
            let mut list = Writer::default();
            assert!(list.push(0, Command::sysex(&data), Status::Given, Writer::MAX));
            let mut octets = Vec::new();
            encode(&list, false, &mut octets);
            assert_eq!(octets[..header.len()], header[..]);
            assert_eq!(Payload::decode(&octets).unwrap().list.len(), length);
        }
    }

    #[test]
    fn a_list_longer_than_the_payload_is_an_error_and_octets_behind_it_are_counted() {
        assert_eq!(Payload::decode(&[0x05, 0x90, 0x3C]), Err(Error::Truncated { needed: 6, found: 3 }));
        assert_eq!(Payload::decode(&[0x80]), Err(Error::Truncated { needed: 2, found: 1 }));
        assert_eq!(Payload::decode(&[0x01, 0xF8, 1, 2]).unwrap().trailing, 2);
    }
}
