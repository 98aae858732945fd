//! Who may report to a broadcast. A report moves the journal of a closed loop and a BYE ends one, so that both count
//! only from where they can come: from a host that the stream goes to, and from the address that this SSRC has.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::rtp;

/// Lets RTCP of listeners pass, each datagram of one.
#[derive(Clone, Debug)]
pub(super) struct Reports {
    /// Where listeners are, once for each of them; none where a group has them anywhere.
    hosts: Option<Vec<IpAddr>>,
    reporters: HashMap<u32, Reporter>,
    refused: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Reporter {
    address: SocketAddr,
    heard: Duration,
}

/// As many as the payloader remembers.
const MOST: usize = 4096;

/// SSRCs of one host beyond the streams that it gets: programs that were started anew have others.
const MOST_OF_A_HOST: usize = 64;

/// How long an SSRC belongs to an address that is silent.
const FAITHFUL_FOR: Duration = Duration::from_mins(1);

impl Reports {
    /// For a stream to these addresses.
    pub(super) fn to(destinations: &[SocketAddr]) -> Self {
        let is_for_anybody = destinations.iter().any(|to| to.ip().is_multicast());
        let hosts = (!is_for_anybody).then(|| destinations.iter().map(|to| to.ip().to_canonical()).collect());
        Self { hosts, reporters: HashMap::new(), refused: 0 }
    }

    /// Whether a datagram passes that came from this address; `at` is a time that only rises, `ours` our SSRC.
    pub(super) fn admits(&mut self, at: Duration, from: SocketAddr, datagram: &[u8], ours: u32) -> bool {
        let reporter = rtp::reporter(datagram).filter(|reporter| *reporter != ours);
        let admitted =
            reporter.is_some_and(|reporter| self.knows(at, from, reporter) || self.meets(at, from, reporter));
        match reporter.filter(|_| admitted) {
            Some(reporter) if rtp::says_goodbye(datagram, reporter) => drop(self.reporters.remove(&reporter)),
            Some(_) => {}
            None => self.refused += 1,
        }
        admitted
    }

    /// Datagrams that did not pass, those among them that could not be opened.
    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }

    /// Counts a datagram that could not be opened.
    pub(super) fn refuse(&mut self) {
        self.refused += 1;
    }

    /// Whether listeners may be there.
    pub(super) fn expects(&self, host: IpAddr) -> bool {
        self.hosts.as_ref().is_none_or(|hosts| hosts.contains(&host.to_canonical()))
    }

    fn knows(&mut self, at: Duration, from: SocketAddr, reporter: u32) -> bool {
        let known = self.reporters.get_mut(&reporter).filter(|known| known.address == from);
        known.map(|known| known.heard = at).is_some()
    }

    /// Whether somebody new has room.
    fn meets(&mut self, at: Duration, from: SocketAddr, reporter: u32) -> bool {
        let is_over = |known: &Reporter| at.saturating_sub(known.heard) > FAITHFUL_FOR;
        if !self.expects(from.ip()) || self.reporters.get(&reporter).is_some_and(|known| !is_over(known)) {
            return false;
        }
        self.reporters.retain(|_, known| !is_over(known));
        let of_this_host = self.reporters.values().filter(|known| known.address.ip() == from.ip()).count();
        let has_room = self.reporters.len() < MOST && of_this_host < MOST_OF_A_HOST + self.streams_to(from.ip());
        if has_room {
            self.reporters.insert(reporter, Reporter { address: from, heard: at });
        }
        has_room
    }

    fn streams_to(&self, host: IpAddr) -> usize {
        self.hosts.iter().flatten().filter(|to| **to == host.to_canonical()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const OURS: u32 = 0x1111;

    fn report(ssrc: u32) -> Vec<u8> {
        rtp::goodbye(ssrc)[..8].to_vec()
    }

    fn from(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn to(text: &str) -> Reports {
        Reports::to(&[from(text)])
    }

    #[test]
    fn only_the_host_that_the_stream_goes_to_reports() {
        let mut reports = to("10.0.0.1:5004");
        assert!(reports.admits(SECOND, from("10.0.0.1:5005"), &report(1), OURS));
        assert!(!reports.admits(SECOND, from("10.0.0.2:5005"), &report(2), OURS));
        assert!(to("239.1.2.3:5004").admits(SECOND, from("10.0.0.2:5005"), &report(2), OURS), "a group is anywhere");
        assert!(to("[::1]:5004").admits(SECOND, from("[::1]:5005"), &report(2), OURS));
        assert_eq!(reports.refused(), 1);
    }

    #[test]
    fn an_ssrc_belongs_to_the_address_that_it_came_from_first() {
        let mut reports = to("10.0.0.1:5004");
        let (mine, other) = (from("10.0.0.1:5005"), from("10.0.0.1:6005"));
        assert!(reports.admits(SECOND, mine, &report(1), OURS));
        assert!(!reports.admits(SECOND, other, &report(1), OURS));
        assert!(!reports.admits(SECOND, other, &rtp::goodbye(1), OURS), "nor does its BYE count");
        assert!(reports.admits(2 * SECOND, mine, &rtp::goodbye(1), OURS));
        assert!(reports.admits(3 * SECOND, other, &report(1), OURS), "the first one has left");
        assert!(!reports.admits(4 * SECOND, mine, &report(1), OURS));
        assert!(reports.admits(80 * SECOND, mine, &report(1), OURS), "the other one is silent for long");
    }

    #[test]
    fn nobody_speaks_for_others_or_for_us() {
        let mut reports = to("10.0.0.1:5004");
        let mine = from("10.0.0.1:5005");
        for forged in [
            report(OURS),
            [report(1), rtp::goodbye(2)[8..].to_vec()].concat(),
            [report(1), report(2)].concat(),
            [report(1), vec![0x82, 203, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]].concat(),
            [report(1), vec![0x82, 202, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]].concat(),
            b"garbage".to_vec(),
        ] {
            assert!(!reports.admits(SECOND, mine, &forged, OURS), "{forged:?}");
        }
    }

    #[test]
    fn a_flood_of_ssrcs_finds_no_room() {
        let mut reports = to("239.1.2.3:5004");
        for ssrc in 0..10_000 {
            reports.admits(SECOND, from("10.0.0.9:5005"), &report(ssrc), OURS);
        }
        assert_eq!(reports.reporters.len(), MOST_OF_A_HOST);
        assert!(reports.admits(SECOND, from("10.0.0.1:5005"), &report(77_777), OURS), "others have theirs");
        for host in 0..100_u8 {
            for ssrc in 0..100 {
                let ssrc = 100_000 + 100 * u32::from(host) + ssrc;
                reports.admits(SECOND, (IpAddr::from([10, 1, 0, host]), 5005).into(), &report(ssrc), OURS);
            }
        }
        assert_eq!(reports.reporters.len(), MOST);
        assert!(reports.admits(SECOND, from("10.0.0.1:5005"), &report(77_777), OURS), "who is in stays in");
        assert!(reports.admits(90 * SECOND, from("10.9.0.1:5005"), &report(88_888), OURS), "and the flood runs off");
    }
}
