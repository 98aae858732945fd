//! At which of its addresses a peer is tried, in which order.

use std::collections::VecDeque;
use std::net::SocketAddr;

/// Addresses that are tried at a time. Anybody may have many, and others may be there.
const ADDRESSES: usize = 8;

/// The addresses that are tried, IPv4 and IPv6 by turns (RFC 8305, 4): one of both may lead nowhere. Of more than are
/// tried at a time others have their turn after each failure.
pub(crate) fn by_turns(addresses: &[SocketAddr], failures: u32) -> VecDeque<SocketAddr> {
    let first = if addresses.len() > ADDRESSES { failures as usize * ADDRESSES % addresses.len() } else { 0 };
    let (before, behind) = addresses.split_at(first);
    let is_first = |address: &SocketAddr| address.is_ipv6() == behind.first().is_some_and(SocketAddr::is_ipv6);
    let (mut one, mut other): (VecDeque<_>, VecDeque<_>) = behind.iter().chain(before).copied().partition(is_first);
    let mut all = VecDeque::new();
    while all.len() < ADDRESSES.min(addresses.len()) {
        all.extend(one.pop_front());
        std::mem::swap(&mut one, &mut other);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn of_many_addresses_some_are_tried_at_a_time_and_all_in_the_end() {
        let v4 = |host: u8| SocketAddr::from(([192, 0, 2, host], 5004));
        let v6 = |host: u16| SocketAddr::from(([0x2001, 0xDB8, 0, 0, 0, 0, 0, host], 5004));
        let many: Vec<SocketAddr> = (0..10).map(v4).chain((0..3).map(v6)).collect();
        let first = by_turns(&many, 0);
        let expected = [v4(0), v6(0), v4(1), v6(1), v4(2), v6(2), v4(3), v4(4)];
        assert_eq!(first, expected);
        let tried: BTreeSet<_> = (0..8).flat_map(|failures| by_turns(&many, failures)).collect();
        assert_eq!(tried, many.into_iter().collect());
    }
}
