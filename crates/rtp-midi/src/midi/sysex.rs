//! System Exclusive: whole, in segments, cancelled, with a dropped `F7` (RFC 6295 section 3.2, figure 5).
//!
//! ```text
//! whole  F0 d* F7    first  F0 d+ F0    middle  F7 d+ F0    last  F7 d* F7    cancel  F7 F4
//! dropped F7: whole  F0 d* F5, last  F7 d* F5
//! ```

use crate::error::{Error, Result};

/// One System Exclusive command field: a whole command or a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment<'a> {
    /// Which piece this is.
    pub part: Part,
    /// The data octets, without any status octet.
    pub data: &'a [u8],
}

/// The place of a [`Segment`] in its System Exclusive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The whole command.
    Whole(End),
    /// The first of several segments.
    First,
    /// Neither first nor last.
    Middle,
    /// The last segment.
    Last(End),
    /// The command is called off; it has no data.
    Cancel,
}

/// How the source ended the command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// With `F7`.
    Eox,
    /// Another status octet stood where the `F7` should have been.
    Dropped,
}

impl<'a> Segment<'a> {
    /// Whether this is a complete command.
    pub const fn is_whole(&self) -> bool {
        matches!(self.part, Part::Whole(_))
    }

    /// Reads the segment behind `status` (`F0` or `F7`); returns it and the octets behind its terminator.
    pub(crate) fn decode(status: u8, octets: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let end = octets.iter().position(|octet| octet & 0x80 != 0).ok_or(Error::Unterminated)?;
        let (data, rest) = (&octets[..end], &octets[end + 1..]);
        let part = match (status, octets[end]) {
            (0xF0, 0xF7) => Part::Whole(End::Eox),
            (0xF0, 0xF5) => Part::Whole(End::Dropped),
            (0xF0, 0xF0) if end > 0 => Part::First,
            (0xF7, 0xF0) if end > 0 => Part::Middle,
            (0xF7, 0xF7) => Part::Last(End::Eox),
            (0xF7, 0xF5) => Part::Last(End::Dropped),
            (0xF7, 0xF4) if end == 0 => Part::Cancel,
            (_, octet) => {
                return Err(Error::SysExEnd { status, octet, data: end });
            }
        };
        Ok((Self { part, data }, rest))
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let (status, end) = match self.part {
            Part::Whole(End::Eox) => (0xF0, 0xF7),
            Part::Whole(End::Dropped) => (0xF0, 0xF5),
            Part::First => (0xF0, 0xF0),
            Part::Middle => (0xF7, 0xF0),
            Part::Last(End::Eox) => (0xF7, 0xF7),
            Part::Last(End::Dropped) => (0xF7, 0xF5),
            Part::Cancel => (0xF7, 0xF4),
        };
        out.push(status);
        out.extend(self.data.iter().map(|octet| octet & 0x7F));
        out.push(end);
    }

    /// Cuts the segment into segments of at most `most` data octets (at least one), in order.
    ///
    /// A whole command becomes first, middle … and last; a first segment stays open at the end.
    pub fn split(self, most: usize) -> impl Iterator<Item = Segment<'a>> {
        let most = most.max(1);
        let mut left = Some(self);
        std::iter::from_fn(move || {
            let segment = left?;
            if segment.data.len() <= most {
                left = None;
                return Some(segment);
            }
            let (data, rest) = segment.data.split_at(most);
            let (part, next) = match segment.part {
                Part::Whole(end) => (Part::First, Part::Last(end)),
                Part::First => (Part::First, Part::Middle),
                part => (Part::Middle, part),
            };
            left = Some(Segment { part: next, data: rest });
            Some(Segment { part, data })
        })
    }
}

/// Puts segments together again.
#[derive(Clone, Debug)]
pub struct Reassembler {
    data: Vec<u8>,
    state: State,
    limit: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Idle,
    Open,
    TooLong,
}

impl Reassembler {
    /// A reassembler that gives up on a command with more than `limit` data octets.
    pub const fn new(limit: usize) -> Self {
        Self { data: Vec::new(), state: State::Idle, limit }
    }

    /// Takes a segment; returns the data octets of a command that it completes, and how that ended.
    ///
    /// A cancelled, interrupted or too long command is never returned, and a segment without its beginning is ignored.
    pub fn push<'s>(&'s mut self, segment: Segment<'s>) -> Option<(&'s [u8], End)> {
        match segment.part {
            Part::Whole(end) => {
                self.forget();
                return Some((segment.data, end));
            }
            Part::First => {
                self.forget();
                self.state = State::Open;
            }
            Part::Cancel => self.forget(),
            Part::Middle | Part::Last(_) => {}
        }
        if self.state == State::Open {
            if self.data.len() + segment.data.len() > self.limit {
                self.data.clear();
                self.state = State::TooLong;
            } else {
                self.data.extend_from_slice(segment.data);
            }
        }
        let Part::Last(end) = segment.part else {
            return None;
        };
        let complete = self.state == State::Open;
        self.state = State::Idle;
        complete.then_some((&self.data[..], end))
    }

    /// Whether a command has begun and not ended.
    pub fn is_open(&self) -> bool {
        self.state != State::Idle
    }

    /// Drops what has been gathered.
    pub fn forget(&mut self) {
        self.data.clear();
        self.state = State::Idle;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::midi::{Command, System};
    use proptest::prelude::*;

    fn segments(octets: &[&'static [u8]]) -> Vec<Segment<'static>> {
        octets
            .iter()
            .map(|octets| match Command::decode(octets).unwrap() {
                (Command::System(System::SysEx(segment)), []) => segment,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn join(segments: &[Segment<'_>]) -> Vec<(Vec<u8>, End)> {
        let mut reassembler = Reassembler::new(1000);
        segments.iter().filter_map(|s| reassembler.push(*s).map(|(data, end)| (data.to_vec(), end))).collect()
    }

    #[test]
    fn the_segmentations_of_figure_6_are_one_command() {
        for octets in [
            vec![&[0xF0, 1, 2, 3, 4, 5, 6, 7, 8, 0xF7][..]],
            vec![&[0xF0, 1, 2, 3, 4, 0xF0], &[0xF7, 5, 6, 7, 8, 0xF7]],
            vec![&[0xF0, 1, 0xF0], &[0xF7, 2, 3, 4, 5, 6, 7, 8, 0xF7]],
            vec![&[0xF0, 1, 2, 0xF0], &[0xF7, 3, 4, 0xF0], &[0xF7, 5, 6, 7, 8, 0xF7]],
            vec![&[0xF0, 1, 2, 3, 4, 5, 6, 7, 0xF0], &[0xF7, 8, 0xF0], &[0xF7, 0xF7]],
        ] {
            assert_eq!(join(&segments(&octets)), [(vec![1, 2, 3, 4, 5, 6, 7, 8], End::Eox)]);
        }
    }

    #[test]
    fn a_cancelled_command_never_comes_out() {
        assert!(join(&segments(&[&[0xF0, 1, 0xF0], &[0xF7, 0xF4], &[0xF7, 2, 0xF7]])).is_empty());
    }

    #[test]
    fn a_command_over_the_limit_is_dropped_and_the_next_one_comes_out() {
        let mut reassembler = Reassembler::new(2);
        for segment in segments(&[&[0xF0, 1, 2, 0xF0], &[0xF7, 3, 0xF7]]) {
            assert_eq!(reassembler.push(segment), None);
        }
        assert_eq!(reassembler.push(Segment { part: Part::First, data: &[1] }), None);
        let last = Segment { part: Part::Last(End::Dropped), data: &[2] };
        assert_eq!(reassembler.push(last), Some((&[1, 2][..], End::Dropped)));
    }

    #[test]
    fn an_empty_first_or_middle_segment_and_a_full_cancel_are_malformed() {
        for octets in [&[0xF0, 0xF0][..], &[0xF7, 0xF0], &[0xF7, 1, 0xF4], &[0xF0, 1, 0x90]] {
            assert!(matches!(Command::decode(octets), Err(Error::SysExEnd { .. })), "{octets:02X?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_split_comes_together_again(
            data in prop::collection::vec(0..0x80_u8, 0..200),
            most in 1..50_usize,
        ) {
            let whole = Segment { part: Part::Whole(End::Eox), data: &data };
            let pieces: Vec<_> = whole.split(most).collect();
            prop_assert!(pieces.iter().all(|piece| piece.data.len() <= most));
            prop_assert_eq!(join(&pieces), vec![(data.clone(), End::Eox)]);
        }
    }
}
