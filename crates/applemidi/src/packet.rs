//! The packets of the session protocol, which share their two ports with RTP:
//!
//! ```text
//!  IN OK NO BY   FF FF | command | version 2  | token | SSRC | name, NUL
//!  CK            FF FF | command | SSRC | count, 3 octets unused | three times of 8 octets
//!  RS            FF FF | command | SSRC | sequence number, in the upper half
//!  RL            FF FF | command | SSRC | bits a second
//! ```
//!
//! All numbers are big-endian; times count 100 microseconds. Apple has never published a document: this is what its
//! implementations send, and what others are seen to send instead.

use crate::error::{Error, Result};

/// One packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packet<'a> {
    /// `IN`: would you take part?
    Invitation(Party<'a>),
    /// `OK`: yes.
    Acceptance(Party<'a>),
    /// `NO`: no, or not any more.
    Refusal(Party<'a>),
    /// `BY`: I leave.
    Goodbye(Party<'a>),
    /// `CK`: one of three steps that compare two clocks.
    Clock(Clock),
    /// `RS`: what has been received.
    Feedback {
        /// Who has received it.
        ssrc: u32,
        /// Up to where.
        received: Received,
    },
    /// `RL`: what the path can take.
    Limit {
        /// Who asks for it.
        ssrc: u32,
        /// Bits a second.
        rate: u32,
    },
}

/// Who speaks in an invitation, or in what answers one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Party<'a> {
    /// Chosen by whoever invites, and repeated in what answers. Some leave 0 in `BY`, some have another one for each
    /// port.
    pub token: u32,
    /// The sender of this packet.
    pub ssrc: u32,
    /// What the sender calls itself: UTF-8 as a rule, without the NUL at its end; often empty, always so in `BY`.
    pub name: &'a [u8],
}

/// A step in the comparison of two clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    /// The sender of this packet.
    pub ssrc: u32,
    /// Which step.
    pub step: Step,
    /// The times of the steps so far; what stands in the others has no meaning.
    pub times: [u64; 3],
}

/// Who has put a time into a [`Clock`] last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Step {
    /// `CK0`: whoever asks.
    Ask = 0,
    /// `CK1`: the other one.
    Answer = 1,
    /// `CK2`: whoever has asked, when the answer came.
    Conclude = 2,
}

/// The sequence number in `RS`. Apple puts it into the upper half, with anything in the lower one; some others put it
/// into the lower half.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received(pub u32);

/// Octets before the name.
const PARTY: usize = 16;
/// Octets of `CK`.
const CLOCK: usize = 36;
/// Octets of `RS` and `RL`.
const NUMBER: usize = 12;

/// The only version there is.
const VERSION: u32 = 2;

impl<'a> Packet<'a> {
    /// Whether these octets are of the session protocol, and not RTP: its version would be 3.
    pub const fn is(octets: &[u8]) -> bool {
        matches!(octets, [0xFF, 0xFF, ..])
    }

    /// Reads a packet. What stands behind its end does not matter.
    ///
    /// # Errors
    /// When it is another protocol, version or command, or ends too early.
    pub fn decode(octets: &'a [u8]) -> Result<Self> {
        let rest = octets.strip_prefix(&[0xFF, 0xFF]).ok_or(Error::Foreign)?;
        let (command, _) = rest.split_first_chunk::<2>().ok_or(Error::Truncated { needed: 4, found: octets.len() })?;
        match command {
            b"IN" => party(octets).map(Self::Invitation),
            b"OK" => party(octets).map(Self::Acceptance),
            b"NO" => party(octets).map(Self::Refusal),
            b"BY" => party(octets).map(Self::Goodbye),
            b"CK" => clock(octets),
            b"RS" => numbers(octets).map(|(ssrc, number)| Self::Feedback { ssrc, received: Received(number) }),
            b"RL" => numbers(octets).map(|(ssrc, rate)| Self::Limit { ssrc, rate }),
            _ => Err(Error::Command { found: *command }),
        }
    }

    /// Writes the packet behind what `out` has.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend([0xFF, 0xFF]);
        out.extend(self.command());
        match self {
            Self::Invitation(party) | Self::Acceptance(party) | Self::Refusal(party) | Self::Goodbye(party) => {
                for word in [VERSION, party.token, party.ssrc] {
                    out.extend(word.to_be_bytes());
                }
                if !party.name.is_empty() {
                    out.extend(party.name);
                    out.push(0);
                }
            }
            Self::Clock(clock) => {
                out.extend(clock.ssrc.to_be_bytes());
                out.extend([clock.step as u8, 0, 0, 0]);
                let known = clock.step as usize + 1;
                for (index, time) in clock.times.iter().enumerate() {
                    out.extend(if index < known { *time } else { 0 }.to_be_bytes());
                }
            }
            Self::Feedback { ssrc, received: Received(number) } | Self::Limit { ssrc, rate: number } => {
                out.extend(ssrc.to_be_bytes());
                out.extend(number.to_be_bytes());
            }
        }
    }

    /// The octets of the packet.
    pub fn octets(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        self.encode(&mut octets);
        octets
    }

    /// The two letters of the command.
    pub const fn command(&self) -> [u8; 2] {
        match self {
            Self::Invitation(_) => *b"IN",
            Self::Acceptance(_) => *b"OK",
            Self::Refusal(_) => *b"NO",
            Self::Goodbye(_) => *b"BY",
            Self::Clock(_) => *b"CK",
            Self::Feedback { .. } => *b"RS",
            Self::Limit { .. } => *b"RL",
        }
    }

    /// Who sends it.
    pub const fn ssrc(&self) -> u32 {
        match self {
            Self::Invitation(party) | Self::Acceptance(party) | Self::Refusal(party) | Self::Goodbye(party) => {
                party.ssrc
            }
            Self::Clock(clock) => clock.ssrc,
            Self::Feedback { ssrc, .. } | Self::Limit { ssrc, .. } => *ssrc,
        }
    }
}

impl Received {
    /// As Apple writes it.
    pub const fn new(sequence: u16) -> Self {
        Self((sequence as u32) << 16)
    }

    /// The sequence number: of the two that it may be, the first one for which `is_sent` holds. `None` when neither
    /// can be, as it is of packets to come.
    pub fn sequence(self, is_sent: impl Fn(u16) -> bool) -> Option<u16> {
        let (upper, lower) = ((self.0 >> 16) as u16, self.0 as u16);
        // Who writes into the lower half leaves the upper one 0.
        let halves = if upper == 0 { [lower, upper] } else { [upper, lower] };
        halves.into_iter().find(|sequence| is_sent(*sequence))
    }
}

impl Step {
    const fn of(count: u8) -> Option<Self> {
        match count {
            0 => Some(Self::Ask),
            1 => Some(Self::Answer),
            2 => Some(Self::Conclude),
            _ => None,
        }
    }
}

fn party(octets: &[u8]) -> Result<Party<'_>> {
    let Some((&[_, _, _, _, v0, v1, v2, v3, t0, t1, t2, t3, s0, s1, s2, s3], name)) =
        octets.split_first_chunk::<PARTY>()
    else {
        return Err(Error::Truncated { needed: PARTY, found: octets.len() });
    };
    let version = u32::from_be_bytes([v0, v1, v2, v3]);
    if version != VERSION {
        return Err(Error::Version { found: version });
    }
    let name = name.split(|octet| *octet == 0).next().unwrap_or_default();
    Ok(Party { token: u32::from_be_bytes([t0, t1, t2, t3]), ssrc: u32::from_be_bytes([s0, s1, s2, s3]), name })
}

fn clock(octets: &[u8]) -> Result<Packet<'_>> {
    let truncated = Error::Truncated { needed: CLOCK, found: octets.len() };
    let (head, times) = octets.split_first_chunk::<NUMBER>().ok_or(truncated)?;
    let (times, _) = times.split_first_chunk::<24>().ok_or(truncated)?;
    let &[_, _, _, _, s0, s1, s2, s3, count, ..] = head;
    let step = Step::of(count).ok_or(Error::Step { found: count })?;
    let (&[a, b, c], _) = times.as_chunks::<8>() else { return Err(truncated) };
    let times = [a, b, c].map(u64::from_be_bytes);
    Ok(Packet::Clock(Clock { ssrc: u32::from_be_bytes([s0, s1, s2, s3]), step, times }))
}

fn numbers(octets: &[u8]) -> Result<(u32, u32)> {
    match octets.first_chunk::<NUMBER>() {
        Some(&[_, _, _, _, s0, s1, s2, s3, n0, n1, n2, n3]) => {
            Ok((u32::from_be_bytes([s0, s1, s2, s3]), u32::from_be_bytes([n0, n1, n2, n3])))
        }
        None => Err(Error::Truncated { needed: NUMBER, found: octets.len() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn octets(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    }

    const MIKE: Party<'static> = Party { token: 0x6633_3473, ssrc: 0x47D8_1096, name: "Mike’s Mac".as_bytes() };

    /// Packets that Macs have sent.
    const CAPTURED: &[(&str, Packet<'static>)] = &[
        ("ffff494e000000026633347347d810964d696b65e2809973204d616300", Packet::Invitation(MIKE)),
        ("ffff4259000000020000000047d81096", Packet::Goodbye(Party { token: 0, ssrc: 0x47D8_1096, name: b"" })),
        (
            "ffff434bec64f15d02000000000000000124941100000000001d1e5f0000000001249427",
            Packet::Clock(Clock {
                ssrc: 0xEC64_F15D,
                step: Step::Conclude,
                times: [0x0124_9411, 0x001D_1E5F, 0x0124_9427],
            }),
        ),
        ("ffff5253ec64f15d4bbd0000", Packet::Feedback { ssrc: 0xEC64_F15D, received: Received::new(0x4BBD) }),
        ("ffff524c0000000100007a12", Packet::Limit { ssrc: 1, rate: 31_250 }),
    ];

    #[test]
    fn octets_and_values_go_both_ways() {
        for (hex, packet) in CAPTURED {
            let octets = octets(hex);
            assert_eq!(Packet::decode(&octets), Ok(*packet), "{hex}");
            assert_eq!(packet.octets(), octets);
        }
    }

    #[test]
    fn what_apple_leaves_in_unused_octets_does_not_matter() {
        let ask = octets("ffff434b54a19e8400312f8c00000000001d5e4c01000000f3d13ed4642000d80a8f2003");
        let Ok(Packet::Clock(clock)) = Packet::decode(&ask) else { panic!("CK0 is not read") };
        assert_eq!((clock.step, clock.times[0]), (Step::Ask, 0x001D_5E4C));
        assert_eq!(
            Packet::Clock(clock).octets(),
            octets("ffff434b54a19e840000000000000000001d5e4c00000000000000000000000000000000")
        );
    }

    #[test]
    fn what_is_none_has_a_reason() {
        for (hex, error) in [
            ("", Error::Foreign),
            ("80610001", Error::Foreign),
            ("ffff", Error::Truncated { needed: 4, found: 2 }),
            ("ffff494e00000002", Error::Truncated { needed: 16, found: 8 }),
            ("ffff494e000000036633347347d81096", Error::Version { found: 3 }),
            ("ffff434b47d81096", Error::Truncated { needed: 36, found: 8 }),
            ("ffff434b47d810960300000000000000000000000000000000000000000000000000000000", Error::Step { found: 3 }),
            ("ffff525347d810", Error::Truncated { needed: 12, found: 7 }),
            ("ffff5858", Error::Command { found: *b"XX" }),
        ] {
            assert_eq!(Packet::decode(&octets(hex)), Err(error), "{hex}");
        }
    }

    #[test]
    fn feedback_is_read_from_the_half_that_can_be_meant() {
        let is_sent = |sequence: u16| (100..200).contains(&sequence);
        for (number, sequence) in [
            (0x0096_0000, Some(150)),
            (0x0000_0096, Some(150)),
            (0x0096_FFFF, Some(150)),
            (0xFFFF_FFFF, None),
            (0x00C8_0063, None),
        ] {
            assert_eq!(Received(number).sequence(is_sent), sequence, "{number:08x}");
        }
    }

    proptest! {
        #[test]
        fn no_octets_are_too_strange(octets in proptest::collection::vec(any::<u8>(), 0..80), known in 0_usize..7) {
            let commands = [b"IN", b"OK", b"NO", b"BY", b"CK", b"RS", b"RL"];
            let octets: Vec<u8> = [0xFF, 0xFF].into_iter().chain(*commands[known]).chain(octets).collect();
            if let Ok(packet) = Packet::decode(&octets) {
                let out = packet.octets();
                let again = Packet::decode(&out).unwrap();
                // Times that have no meaning are not kept.
                prop_assert_eq!((again.command(), again.ssrc()), (packet.command(), packet.ssrc()));
                prop_assert!(out.len() <= octets.len() + 1);
            }
        }
    }
}
