//! Where a session is announced (section 3).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The group in which a session is announced that uses the multicast address `session`.
///
/// Scopes of IPv4 are those of RFC 2365: the highest address of 239.255.0.0/16 (local), which also serves the parts of
/// 239.0.0.0/8 that are not assigned, as is usual in audio networks, and of 239.192.0.0/14 (an organization); all else
/// is global. In IPv6 the scope is part of the address.
pub fn group(session: IpAddr) -> IpAddr {
    match session {
        IpAddr::V4(address) => IpAddr::V4(match address.octets() {
            [239, 192..=195, ..] => Ipv4Addr::new(239, 195, 255, 255),
            [239, ..] => Ipv4Addr::new(239, 255, 255, 255),
            _ => Ipv4Addr::new(224, 2, 127, 254),
        }),
        IpAddr::V6(address) => {
            let scope = if address.is_multicast() { address.segments()[0] & 0x000F } else { GLOBAL };
            IpAddr::V6(Ipv6Addr::new(0xFF00 | scope, 0, 0, 0, 0, 0, 2, 0x7FFE))
        }
    }
}

const GLOBAL: u16 = 0xE;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_have_the_scope_of_their_session() {
        for (session, expected) in [
            ("224.2.128.1", "224.2.127.254"),
            ("232.1.2.3", "224.2.127.254"),
            ("239.255.0.7", "239.255.255.255"),
            ("239.69.1.2", "239.255.255.255"),
            ("239.193.4.5", "239.195.255.255"),
            ("ff02::1234:5678", "ff02::2:7ffe"),
            ("ff3e::8000:1", "ff0e::2:7ffe"),
            ("2001:db8::1", "ff0e::2:7ffe"),
        ] {
            assert_eq!(group(session.parse().unwrap()).to_string(), expected, "{session}");
        }
    }
}
