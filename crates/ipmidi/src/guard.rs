//! Own datagrams that come back, as loopback devices and looped multicast bring them.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

/// Milliseconds after which a datagram does not come back any more.
const WINDOW: u64 = 1000;

/// Most datagrams that are remembered.
const REMEMBERED: usize = 4096;

/// Knows datagrams that this host's own socket has sent.
///
/// Those come from the port of that socket and from an address of this host. Where the addresses are not all known,
/// one from that port counts as own if the same octets were sent within the last second, and each that was sent counts
/// once: another host may use the same port, and play the same note.
#[derive(Clone, Debug)]
pub struct LoopGuard {
    port: u16,
    addresses: Vec<IpAddr>,
    sent: VecDeque<(u64, u64)>,
}

impl LoopGuard {
    /// A guard for a socket that sends from `port`, on a host with these addresses.
    pub fn new(port: u16, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Self { port, addresses: addresses.into_iter().collect(), sent: VecDeque::new() }
    }

    /// Takes note of a datagram that was sent at `at`, in milliseconds.
    pub fn sent(&mut self, at: u64, datagram: &[u8]) {
        self.forget(at);
        if self.sent.len() == REMEMBERED {
            self.sent.pop_front();
        }
        self.sent.push_back((at, digest(datagram)));
    }

    /// Whether a datagram that came at `at` is one of our own.
    pub fn is_own(&mut self, at: u64, from: SocketAddr, datagram: &[u8]) -> bool {
        if from.port() != self.port {
            return false;
        }
        if self.addresses.contains(&from.ip().to_canonical()) {
            return true;
        }
        self.forget(at);
        let digest = digest(datagram);
        let sent = self.sent.iter().position(|(_, sent)| *sent == digest);
        sent.and_then(|index| self.sent.remove(index)).is_some()
    }

    fn forget(&mut self, at: u64) {
        while self.sent.front().is_some_and(|(sent, _)| at.saturating_sub(*sent) > WINDOW) {
            self.sent.pop_front();
        }
    }
}

fn digest(datagram: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    datagram.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: [u8; 3] = [0x90, 60, 100];

    fn from(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_comes_from_our_port_and_address_is_our_own() {
        let mut guard = LoopGuard::new(40_000, ["192.0.2.1".parse().unwrap()]);
        assert!(guard.is_own(0, from("192.0.2.1:40000"), &NOTE));
        assert!(guard.is_own(0, from("[::ffff:192.0.2.1]:40000"), &NOTE));
        assert!(!guard.is_own(0, from("192.0.2.1:40001"), &NOTE));
        assert!(!guard.is_own(0, from("192.0.2.2:40000"), &NOTE));
    }

    #[test]
    fn from_an_unknown_address_only_what_was_sent_lately_and_once() {
        let mut guard = LoopGuard::new(40_000, []);
        let there = from("192.0.2.1:40000");
        guard.sent(0, &NOTE);
        assert!(!guard.is_own(5, there, &[0x80, 60, 64]));
        assert!(guard.is_own(5, there, &NOTE));
        assert!(!guard.is_own(6, there, &NOTE));
        guard.sent(10, &NOTE);
        assert!(!guard.is_own(2000, there, &NOTE));
    }

    #[test]
    fn memory_is_bounded() {
        let mut guard = LoopGuard::new(40_000, []);
        (0..2 * REMEMBERED).for_each(|_| guard.sent(0, &NOTE));
        assert_eq!(guard.sent.len(), REMEMBERED);
    }
}
