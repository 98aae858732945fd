//! The journal section of a payload (RFC 6295 section 5, figures 8 and 10).
//!
//! ```text
//!  0                   1                   2
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |S|Y|A|H|TOTCHAN|   Checkpoint Packet Seqnum    |   then the system journal if Y = 1,
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+   then TOTCHAN + 1 channel journals if A = 1
//! |S|D|V|Q|F|X|      LENGTH       |                   the header of a system journal
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use super::channel;
use super::octets::array;
use super::system;
use super::window::S;
use crate::error::Result;

/// The journal section as read; channel journals are read one by one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Section<'a> {
    pub(crate) s: S,
    /// The low sixteen bits of the checkpoint packet's sequence number.
    pub(crate) checkpoint: u16,
    /// H: a channel journal codes several commands of a controller, or may in other packets.
    pub(crate) enhanced: bool,
    /// The octets of the system journal.
    pub(super) system: Option<&'a [u8]>,
    channels: u8,
    octets: &'a [u8],
}

pub(super) const HEADER: usize = 3;
const Y: u8 = 0x40;
const A: u8 = 0x20;
const H: u8 = 0x10;

impl<'a> Section<'a> {
    /// Reads the header and finds the system journal.
    pub(crate) fn decode(octets: &'a [u8]) -> Result<Self> {
        let ([flags, high, low], mut rest) = array(octets)?;
        let mut system = None;
        if flags & Y != 0 {
            let (journal, behind) = system::Journal::split(rest)?;
            (system, rest) = (Some(journal), behind);
        }
        Ok(Self {
            s: S::read(flags),
            checkpoint: u16::from_be_bytes([high, low]),
            enhanced: flags & H != 0,
            system,
            channels: if flags & A == 0 { 0 } else { (flags & 0x0F) + 1 },
            octets: rest,
        })
    }

    /// The system journal.
    pub(crate) fn system(&self) -> Option<Result<system::Journal<'a>>> {
        self.system.map(system::Journal::decode)
    }

    /// The channel journals. Where one cannot be read the next is found by LENGTH; where that is wrong nothing follows.
    pub(crate) fn channels(&self) -> impl Iterator<Item = Result<channel::Journal<'a>>> + use<'a> {
        self.split_channels().map(|octets| channel::Journal::decode(octets?))
    }

    /// The octets of the channel journals.
    pub(super) fn split_channels(&self) -> impl Iterator<Item = Result<&'a [u8]>> + use<'a> {
        let mut rest = Some(self.octets);
        (0..self.channels).map_while(move |_| {
            let split = channel::Journal::split(rest?);
            rest = split.ok().map(|(_, behind)| behind);
            Some(split.map(|(octets, _)| octets))
        })
    }
}

/// Writes the header in front of what has been appended since `start`, where [`HEADER`] octets were left for it.
pub(super) fn encode_header(s: S, enhanced: bool, system: bool, channels: u8, checkpoint: u16, out: &mut [u8]) {
    let channels = match channels {
        0 => 0,
        channels => A | (channels - 1),
    };
    let flags = channels | if system { Y } else { 0 } | if enhanced { H } else { 0 };
    let [high, low] = checkpoint.to_be_bytes();
    out[..HEADER].copy_from_slice(&[s.bit() | flags, high, low]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn an_empty_journal_is_three_octets() {
        let section = Section::decode(&[0x80, 0x12, 0x34]).unwrap();
        assert_eq!((section.s, section.checkpoint, section.channels().count()), (S::Unchanged, 0x1234, 0));
        assert_eq!(Section::decode(&[0x8F, 0x12, 0x34]).unwrap().channels().count(), 0, "TOTCHAN without A");
        assert_eq!(Section::decode(&[0x80, 0x12]), Err(Error::Truncated { needed: 3, found: 2 }));
    }

    #[test]
    fn the_system_journal_is_found_by_its_length() {
        let octets = [0x60, 0x12, 0x34, 0x20, 0x03, 0x02, 0x00, 0x05, 0x10, 0x12, 0x34];
        let section = Section::decode(&octets).unwrap();
        assert!(section.system().is_some_and(|system| system.is_ok()));
        assert_eq!(section.channels().flatten().count(), 1);
        assert_eq!(Section::decode(&[0x40, 0, 0, 0x20, 0x01]), Err(Error::Length { found: 1, least: 2 }));
    }

    #[test]
    fn a_channel_journal_that_cannot_be_read_does_not_hide_the_next() {
        // Chapter N with LOW 5 and HIGH 3, then Chapter W.
        let octets = [0x21, 0x12, 0x34, 0x00, 0x05, 0x08, 0x80, 0x53, 0x08, 0x05, 0x10, 0x12, 0x34];
        let channels: Vec<_> = Section::decode(&octets).unwrap().channels().map(|c| c.is_ok()).collect();
        assert_eq!(channels, [false, true]);
        let cut = Section::decode(&octets[..6]).unwrap();
        assert_eq!(cut.channels().map(|c| c.is_ok()).collect::<Vec<_>>(), [false]);
    }
}
