//! `chanmask`: the voice channels that a renderer ignores (RFC 6295, C.6.4.3).

use std::fmt;

use rtp_midi::midi::Channel;

/// For each name space of an ordered relationship, or for the one of a stream, the channels that are heard.
/// System commands always are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelMask {
    first: u16,
    further: Vec<u16>,
}

impl ChannelMask {
    /// A mask for one name space: bit 0 stands for channel 0.
    pub const fn new(channels: u16) -> Self {
        Self { first: channels, further: Vec::new() }
    }

    /// The same with one more name space behind the others.
    #[must_use]
    pub fn and(mut self, channels: u16) -> Self {
        self.further.push(channels);
        self
    }

    /// Parses digits 0 and 1, 16 for each name space, channel 0 first.
    pub fn parse(text: &str) -> Option<Self> {
        let (spaces, []) = text.as_bytes().as_chunks::<CHANNELS>() else { return None };
        let mut spaces = spaces.iter().map(channels);
        let first = Self::new(spaces.next()??);
        spaces.try_fold(first, |mask, channels| Some(mask.and(channels?)))
    }

    /// For how many name spaces it speaks.
    pub const fn name_spaces(&self) -> usize {
        1 + self.further.len()
    }

    /// Whether voice commands on this channel of this name space, counted from 0, are heard. Those of further name
    /// spaces are.
    pub fn hears(&self, name_space: usize, channel: Channel) -> bool {
        self.spaces().nth(name_space).is_none_or(|channels| channels >> channel.get() & 1 == 1)
    }

    /// Whether it hides nothing.
    pub fn is_all(&self) -> bool {
        self.spaces().all(|channels| channels == u16::MAX)
    }

    fn spaces(&self) -> impl Iterator<Item = u16> {
        std::iter::once(self.first).chain(self.further.iter().copied())
    }
}

impl fmt::Display for ChannelMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spaces().try_for_each(|channels| write!(f, "{:0CHANNELS$b}", channels.reverse_bits()))
    }
}

/// Channels of a name space.
const CHANNELS: usize = 16;

fn channels(digits: &[u8; CHANNELS]) -> Option<u16> {
    digits.iter().rev().try_fold(0, |channels, digit| match digit {
        b'0' => Some(channels << 1),
        b'1' => Some(channels << 1 | 1),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_digit_is_that_of_channel_0() {
        let mask = ChannelMask::parse("0111111111111110").unwrap();
        let heard: Vec<u8> = (0..16).filter(|channel| mask.hears(0, Channel::masked(*channel))).collect();
        assert_eq!(heard, (1..15).collect::<Vec<u8>>());
        assert!(!mask.is_all() && ChannelMask::parse("1111111111111111").unwrap().is_all());
    }

    #[test]
    fn name_spaces_of_an_ordered_relationship_have_sixteen_digits_each() {
        let mask = ChannelMask::parse("00000000000000001111111111111111").unwrap();
        assert_eq!(mask.name_spaces(), 2);
        let hears = |name_space| mask.hears(name_space, Channel::masked(9));
        assert_eq!([0, 1, 2].map(hears), [false, true, true]);
    }

    #[test]
    fn other_lengths_and_digits_are_no_mask() {
        for wrong in ["", "1", "111111111111111", "11111111111111111", "111111111111111x", "FFFF", "11111111é1111111"]
        {
            assert_eq!(ChannelMask::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_parsed(first: u16, further: Vec<u16>) {
            let mask = further.into_iter().fold(ChannelMask::new(first), ChannelMask::and);
            prop_assert_eq!(ChannelMask::parse(&mask.to_string()), Some(mask));
        }
    }
}
