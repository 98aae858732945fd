//! The exchange packets of Apple's session protocol, in words.

use std::fmt;

use applemidi::{Packet, Party, Received};

/// One exchange packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Exchange {
    /// `IN`, `OK`, `NO`, `BY`, `CK`, `RS` or `RL`.
    pub(super) command: String,
    pub(super) ssrc: u32,
    words: String,
}

impl Exchange {
    /// Reads an exchange packet; `None` when these octets are none.
    pub(super) fn parse(octets: &[u8]) -> Option<Self> {
        let packet = Packet::decode(octets).ok()?;
        let command = packet.command().escape_ascii().to_string();
        let words = format!("{command} ssrc {:08x}, {}", packet.ssrc(), words(&packet));
        Some(Self { command, ssrc: packet.ssrc(), words })
    }
}

/// `IN ssrc 47d81096, token 26333473, name "Mike's Mac"`
impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// What stands in it beside the sender.
fn words(packet: &Packet<'_>) -> String {
    match packet {
        Packet::Invitation(party) | Packet::Acceptance(party) | Packet::Refusal(party) | Packet::Goodbye(party) => {
            let Party { token, name, .. } = party;
            let name =
                if name.is_empty() { String::new() } else { format!(", name {:?}", String::from_utf8_lossy(name)) };
            format!("token {token:08x}{name}")
        }
        Packet::Clock(clock) => {
            let step = clock.step as usize;
            let times = clock.times.iter().take(step + 1).map(|time| format!(" {:.4}", *time as f64 / 10_000.0));
            format!("CK{step}{}", times.collect::<String>())
        }
        // Nobody knows here what has been sent: most write 0 into the half that does not count.
        Packet::Feedback { received, .. } => {
            let Received(number) = received;
            format!("has received up to {}", received.sequence(|half| half != 0 || *number == 0).unwrap_or_default())
        }
        Packet::Limit { rate, .. } => format!("bit rate limit {rate}"),
    }
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
