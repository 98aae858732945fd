//! The logs of Chapter X (B.5.1).

use super::Meaning;
use crate::error::{Error, Result};
use crate::journal::octets::array;
use crate::journal::window::S;
use crate::midi::End;

/// The chapter as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chapter<'a> {
    octets: &'a [u8],
}

/// One command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Log<'a> {
    pub(super) s: S,
    pub(super) status: Status,
    /// C: commands so far, mod 256, this one included.
    pub(super) count: Option<u8>,
    /// Data octets of the command in front of those in the log.
    pub(super) first: usize,
    /// The last octet has its most significant bit set.
    data: &'a [u8],
}

/// How far the command had come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    Unfinished,
    Cancelled,
    Finished(End),
}

const T: u8 = 0x40;
const C: u8 = 0x20;
const F: u8 = 0x10;
const D: u8 = 0x08;
const L: u8 = 0x04;

impl<'a> Chapter<'a> {
    pub(crate) fn decode(octets: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let mut rest = octets;
        while !rest.is_empty() {
            (_, rest) = Log::decode(rest)?;
        }
        Ok((Self { octets }, rest))
    }

    /// The commands, oldest first, each with its count if the chapter tells it.
    pub(super) fn logs(&self) -> impl Iterator<Item = (Log<'a>, Option<u8>)> + use<'a> {
        let mut logs: Vec<(Log<'a>, Option<u8>)> = self.walk().map(|log| (log, log.count)).collect();
        // A log without COUNT is the command before that of the next log.
        let mut next = None;
        for (log, count) in logs.iter_mut().rev() {
            *count = log.count.or(next.map(|next: u8| next.wrapping_sub(1)));
            next = *count;
        }
        logs.into_iter()
    }

    /// The count of the last command, which is that of all commands with logs.
    pub(super) fn last_count(&self) -> Option<u8> {
        self.walk().last()?.count
    }

    fn walk(&self) -> impl Iterator<Item = Log<'a>> + use<'a> {
        let mut rest = self.octets;
        std::iter::from_fn(move || {
            let (log, behind) = Log::decode(rest).ok()?;
            rest = behind;
            Some(log)
        })
    }
}

impl<'a> Log<'a> {
    fn decode(octets: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let ([flags], mut rest) = array(octets)?;
        if flags & T != 0 {
            (_, rest) = array::<1>(rest)?;
        }
        let mut count = None;
        if flags & C != 0 {
            let ([octet], behind) = array(rest)?;
            (count, rest) = (Some(octet), behind);
        }
        let mut first = 0;
        if flags & F != 0 {
            (first, rest) = decode_first(rest)?;
        }
        let mut data: &[u8] = &[];
        if flags & D != 0 {
            let end = rest.iter().position(|octet| octet & 0x80 != 0).ok_or(Error::Unterminated)?;
            (data, rest) = rest.split_at(end + 1);
        }
        let status = match flags & 0x03 {
            0 => Status::Unfinished,
            1 => Status::Cancelled,
            2 => Status::Finished(End::Dropped),
            _ => Status::Finished(End::Eox),
        };
        Ok((Self { s: S::read(flags), status, count, first, data }, rest))
    }

    pub(super) fn data(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.data.iter().map(|octet| octet & 0x7F)
    }

    pub(super) fn is_reset_state(&self) -> bool {
        let head: Vec<u8> = self.data().take(5).collect();
        self.first == 0 && Meaning::of(&head) == Some(Meaning::ResetState)
    }

    pub(super) fn len(&self) -> usize {
        self.data.len()
    }
}

/// Appends a log.
pub(super) fn encode(s: S, status: Status, count: Option<u8>, first: usize, data: &[u8], out: &mut Vec<u8>) {
    let bit = |set: bool, bit: u8| if set { bit } else { 0 };
    let status = match status {
        Status::Unfinished => 0,
        Status::Cancelled => 1,
        Status::Finished(End::Dropped) => 2,
        Status::Finished(End::Eox) => 3,
    };
    out.push(s.bit() | bit(count.is_some(), C) | bit(first > 0, F) | bit(!data.is_empty(), D) | L | status);
    out.extend(count);
    if first > 0 {
        encode_first(first, out);
    }
    if let Some((last, others)) = data.split_last() {
        out.extend_from_slice(others);
        out.push(0x80 | last);
    }
}

/// How many octets [`encode`] writes.
pub(super) fn length(counted: bool, first: usize, data: usize) -> usize {
    let first = first.checked_ilog2().map_or(0, |bits| 1 + bits as usize / 7);
    1 + usize::from(counted) + first + data
}

/// FIRST is coded like a delta time, without its limit to four octets.
fn decode_first(octets: &[u8]) -> Result<(usize, &[u8])> {
    let mut first = 0_usize;
    for (index, octet) in octets.iter().enumerate().take(4) {
        first = first << 7 | usize::from(octet & 0x7F);
        if octet & 0x80 == 0 {
            return Ok((first, &octets[index + 1..]));
        }
    }
    Err(Error::Truncated { needed: octets.len().min(4) + 1, found: octets.len() })
}

fn encode_first(first: usize, out: &mut Vec<u8>) {
    for shift in [21, 14, 7] {
        if first >> shift > 0 {
            out.push(0x80 | (first >> shift) as u8);
        }
    }
    out.push(first as u8 & 0x7F);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(octets: &[u8]) -> Vec<(Status, Option<u8>, usize, Vec<u8>)> {
        let (chapter, _) = Chapter::decode(octets).unwrap();
        chapter.logs().map(|(log, count)| (log.status, count, log.first, log.data().collect())).collect()
    }

    #[test]
    fn derived_logs_read_as_written() {
        let gm_on = vec![0x7E, 0x7F, 0x09, 0x01];
        let finished = Status::Finished(End::Eox);
        assert_eq!(logs(&[0x0B, 0x7E, 0x7F, 0x09, 0x81]), [(finished, None, 0, gm_on)]);
        assert_eq!(logs(&[0x18, 0x02, 0x03, 0x84]), [(Status::Unfinished, None, 2, vec![3, 4])]);
        assert_eq!(logs(&[0x03]), [(finished, None, 0, vec![])]);
        assert_eq!(logs(&[0x71, 9, 7, 0x81, 0x00]), [(Status::Cancelled, Some(7), 128, vec![])]);
    }

    #[test]
    fn counts_are_told_from_behind() {
        let octets = [0x0B, 0x81, 0x2B, 9, 0x82, 0x0B, 0x83, 0x2B, 12, 0x84];
        assert_eq!(logs(&octets).iter().map(|log| log.1).collect::<Vec<_>>(), [Some(8), Some(9), Some(11), Some(12)]);
    }

    #[test]
    fn data_without_its_end_is_an_error() {
        assert_eq!(Chapter::decode(&[0x0B, 0x01, 0x02]).unwrap_err(), Error::Unterminated);
        assert!(Chapter::decode(&[0x10, 0x80]).is_err());
    }

    #[test]
    fn first_has_one_to_four_octets() {
        for first in [1, 127, 128, 16_383, 16_384, 0x0FFF_FFFF] {
            let mut octets = Vec::new();
            encode_first(first, &mut octets);
            assert_eq!(1 + octets.len(), length(false, first, 0));
            assert_eq!(decode_first(&octets), Ok((first, &[][..])));
        }
    }
}
