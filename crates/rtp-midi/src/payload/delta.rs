//! Delta times: one to four octets of seven bits, most significant first (section 3.1, figure 4).

use super::short::Short;
use crate::error::{Error, Result};

/// The largest delta time, 2^28 - 1 RTP clock ticks.
pub(crate) const MAX: u32 = 0x0FFF_FFFF;

/// A delta time as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Delta {
    /// RTP clock ticks.
    pub(crate) ticks: u32,
    /// The sender used five octets, as some do when their time runs backwards; the value is then 0.
    pub(crate) clamped: bool,
}

/// Reads a delta time; returns it and the octets behind it.
#[inline]
pub(crate) fn decode(octets: &[u8]) -> Result<(Delta, &[u8])> {
    let mut ticks: u32 = 0;
    for (index, &octet) in octets.iter().enumerate().take(5) {
        if index == 4 {
            if octet & 0x80 != 0 {
                break;
            }
            return Ok((Delta { ticks: 0, clamped: true }, &octets[5..]));
        }
        ticks = ticks << 7 | u32::from(octet & 0x7F);
        if octet & 0x80 == 0 {
            return Ok((Delta { ticks, clamped: false }, &octets[index + 1..]));
        }
    }
    Err(Error::Truncated { needed: octets.len().min(4) + 1, found: octets.len() })
}

/// Appends a delta time in its shortest form; times above [`MAX`] are cut to it.
#[inline]
pub(super) fn encode(ticks: u32, out: &mut Short) {
    if ticks <= 0x7F {
        return out.push(ticks as u8);
    }
    let ticks = ticks.min(MAX);
    if ticks >= 1 << 21 {
        out.push(0x80 | (ticks >> 21) as u8);
    }
    if ticks >= 1 << 14 {
        out.push(0x80 | (ticks >> 14) as u8);
    }
    out.push(0x80 | (ticks >> 7) as u8);
    out.push(ticks as u8 & 0x7F);
}

/// How many octets [`encode`] writes.
pub(crate) fn length(ticks: u32) -> usize {
    match ticks {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x1F_FFFF => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn zero_has_four_encodings() {
        for octets in [&[0x00][..], &[0x80, 0x00], &[0x80, 0x80, 0x00], &[0x80, 0x80, 0x80, 0x00]] {
            assert_eq!(decode(octets), Ok((Delta { ticks: 0, clamped: false }, &[][..])));
        }
    }

    #[test]
    fn a_fifth_octet_is_clamped_and_a_sixth_is_not_looked_for() {
        assert_eq!(decode(&[0x8F, 0xFF, 0xFF, 0xFF, 0x00, 9]), Ok((Delta { ticks: 0, clamped: true }, &[9][..])));
        assert!(decode(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x00]).is_err());
        assert!(decode(&[0x80]).is_err());
        assert!(decode(&[]).is_err());
    }

    proptest! {
        #[test]
        fn any_delta_reads_as_written(ticks in 0..=MAX) {
            let (mut short, mut octets) = (Short::default(), Vec::new());
            encode(ticks, &mut short);
            short.append_to(&mut octets);
            prop_assert_eq!(octets.len(), length(ticks));
            prop_assert_eq!(decode(&octets), Ok((Delta { ticks, clamped: false }, &[][..])));
        }
    }
}
