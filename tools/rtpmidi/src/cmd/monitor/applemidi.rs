//! The exchange packets of Apple's session protocol, as far as a monitor looks at them.

use std::fmt;

/// One exchange packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Exchange {
    /// `IN`, `OK`, `NO`, `BY`, `CK`, `RS` or `RL`.
    pub(super) command: &'static str,
    pub(super) ssrc: u32,
    pub(super) detail: Detail,
}

/// What stands in it beside the sender.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Detail {
    /// IN, OK, NO, BY.
    Invitation { token: u32, name: Option<String> },
    /// CK: which of three, and the times so far in units of 100 microseconds.
    Clock { count: u8, times: [u64; 3] },
    /// RS: the sequence number received, which some write into the upper half and some into the lower one.
    Feedback { number: u32 },
    /// RL.
    Limit { value: u32 },
}

impl Exchange {
    /// Reads an exchange packet; `None` when these octets are none.
    pub(super) fn parse(octets: &[u8]) -> Option<Self> {
        let rest = octets.strip_prefix(&[0xFF, 0xFF])?;
        let (name, rest) = rest.split_first_chunk::<2>()?;
        match name {
            b"IN" => Self::invitation("IN", rest),
            b"OK" => Self::invitation("OK", rest),
            b"NO" => Self::invitation("NO", rest),
            b"BY" => Self::invitation("BY", rest),
            b"CK" => {
                let (ssrc, rest) = word(rest)?;
                let (&[count, _, _, _], rest) = rest.split_first_chunk()?;
                let mut times = [0; 3];
                let mut left = rest;
                for time in &mut times {
                    let (octets, behind) = left.split_first_chunk()?;
                    (*time, left) = (u64::from_be_bytes(*octets), behind);
                }
                Some(Self { command: "CK", ssrc, detail: Detail::Clock { count, times } })
            }
            b"RS" => {
                let (ssrc, rest) = word(rest)?;
                let (number, _) = word(rest)?;
                Some(Self { command: "RS", ssrc, detail: Detail::Feedback { number } })
            }
            b"RL" => {
                let (ssrc, rest) = word(rest)?;
                let (value, _) = word(rest)?;
                Some(Self { command: "RL", ssrc, detail: Detail::Limit { value } })
            }
            _ => None,
        }
    }

    fn invitation(command: &'static str, octets: &[u8]) -> Option<Self> {
        let (version, rest) = word(octets)?;
        let (token, rest) = word(rest)?;
        let (ssrc, name) = word(rest)?;
        let name = name.split(|octet| *octet == 0).next().filter(|name| !name.is_empty());
        let name = name.map(|name| String::from_utf8_lossy(name).into_owned());
        (version == 2).then_some(Self { command, ssrc, detail: Detail::Invitation { token, name } })
    }
}

/// `IN ssrc 47d81096, token 26333473, name "Mike's Mac"`
impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ssrc {:08x}", self.command, self.ssrc)?;
        match &self.detail {
            Detail::Invitation { token, name } => {
                write!(f, ", token {token:08x}")?;
                match name {
                    Some(name) => write!(f, ", name {name:?}"),
                    None => Ok(()),
                }
            }
            Detail::Clock { count, times } => {
                write!(f, ", CK{count}")?;
                for time in times.iter().take(usize::from(*count) + 1) {
                    write!(f, " {:.4}", *time as f64 / 10_000.0)?;
                }
                Ok(())
            }
            Detail::Feedback { number } => {
                let halves = (number >> 16, number & 0xFFFF);
                write!(f, ", has received up to {}", if halves.0 == 0 { halves.1 } else { halves.0 })
            }
            Detail::Limit { value } => write!(f, ", bit rate limit {value}"),
        }
    }
}

fn word(octets: &[u8]) -> Option<(u32, &[u8])> {
    octets.split_first_chunk().map(|(word, rest)| (u32::from_be_bytes(*word), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(hex: &str) -> Option<String> {
        let octets: Vec<u8> =
            (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
        Exchange::parse(&octets).map(|exchange| exchange.to_string())
    }

    #[test]
    fn captured_exchange_packets_read_as_what_they_are() {
        for (octets, words) in [
            (
                "ffff494e000000026633347347d810964d696b65e2809973204d616300",
                "IN ssrc 47d81096, token 66333473, name \"Mike’s Mac\"",
            ),
            ("ffff4259000000020000000047d81096", "BY ssrc 47d81096, token 00000000"),
            (
                "ffff434b47d8109602000000000000004400227e00000dfaad1e5c820000000044002288",
                "CK ssrc 47d81096, CK2 114085.9518 1537029743.3218 114085.9528",
            ),
            ("ffff525347d8109642990000", "RS ssrc 47d81096, has received up to 17049"),
            ("ffff525347d8109600004299", "RS ssrc 47d81096, has received up to 17049"),
        ] {
            assert_eq!(parse(octets).as_deref(), Some(words));
        }
    }

    #[test]
    fn other_octets_are_no_exchange() {
        for octets in
            ["", "ffff", "ffff494e", "ffff494e000000036633347347d81096", "80610000", "ffff434b47d81096", "ffff5858"]
        {
            assert_eq!(parse(octets), None, "{octets}");
        }
    }
}
