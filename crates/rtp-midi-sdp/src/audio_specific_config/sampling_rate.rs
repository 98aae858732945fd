//! FREQIDX: how many samples of sound a renderer makes per second (RFC 6295, figure E.4).

use super::Fault;
use super::bits::{Bits, Reader};

/// A sampling rate as it is coded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SamplingRate {
    /// One of [`LISTED`].
    Listed(u32),
    /// The escape value: the RTP clock rate counts. MPEG-4 has the number in 24 bits behind it, figure E.3 has not.
    Escape(Option<u32>),
}

impl SamplingRate {
    /// The rate that matches an RTP clock.
    pub(super) fn of(clock_rate: u32) -> Self {
        if LISTED.contains(&clock_rate) {
            Self::Listed(clock_rate)
        } else {
            Self::Escape(Some(clock_rate).filter(|rate| *rate < 1 << NUMBER))
        }
    }

    /// Samples per second of a stream with this RTP clock.
    pub(super) const fn hertz(self, clock_rate: u32) -> u32 {
        match self {
            Self::Listed(rate) => rate,
            Self::Escape(_) => clock_rate,
        }
    }

    pub(super) fn encode(self, bits: &mut Bits) {
        let index = match self {
            Self::Listed(rate) => LISTED.iter().position(|listed| *listed == rate),
            Self::Escape(_) => None,
        };
        bits.push(index.map_or(ESCAPE, |index| index as u32), 4);
        if let Self::Escape(Some(rate)) = self {
            bits.push(rate, NUMBER);
        }
    }

    /// What may be meant, with a reader of what follows: behind an escape value a number, or none.
    pub(super) fn decode<'a>(reader: &mut Reader<'a>) -> Result<(Self, Option<(Self, Reader<'a>)>), Fault> {
        let index = reader.take(4)?;
        if index == ESCAPE {
            let mut behind = reader.clone();
            let number = behind.take(NUMBER).ok().map(|rate| (Self::Escape(Some(rate)), behind));
            return Ok((Self::Escape(None), number));
        }
        let listed = LISTED.get(index as usize).ok_or(Fault::SamplingRate { index: index as u8 })?;
        Ok((Self::Listed(*listed), None))
    }
}

const LISTED: [u32; 12] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000];

const ESCAPE: u32 = 15;

/// Bits of a rate behind the escape value.
const NUMBER: u32 = 24;
