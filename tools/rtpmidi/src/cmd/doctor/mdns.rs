//! Multicast DNS: whether anybody answers, and which AppleMIDI sessions are announced.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use applemidi_io::{Neighbourhood, NoNeighbourhood, Peer, multicast_dns};
use mdns_sd::{Receiver, ServiceDaemon, ServiceEvent};

use super::finding::Finding;
use crate::interrupt::Interrupt;
use crate::report::plural;

const CHECK: &str = "mdns";

/// The name that all kinds of services are found under (RFC 6763, 9).
const KINDS: &str = "_services._dns-sd._udp.local.";

/// Kinds that are counted; a large network has a few dozen.
const MOST: usize = 1000;

/// Sessions that are named.
const NAMED: usize = 8;

/// How often it is looked whether somebody presses Ctrl-C.
const HEARTBEAT: Duration = Duration::from_millis(50);

/// Asks who is there, and listens for so long.
pub(super) fn check(interface: Option<&str>, wait: Duration, interrupt: &Interrupt) -> Vec<Finding> {
    let opened = Neighbourhood::open(interface, |_| ()).and_then(|sessions| Ok((sessions, Kinds::ask(interface)?)));
    let (sessions, mut kinds) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let mend = "ss -ulpn 'sport = :5353'   (names the program that keeps the port to itself)";
            return vec![Finding::failure(CHECK, error.to_string(), mend)];
        }
    };
    let began = Instant::now();
    while began.elapsed() < wait && !interrupt.asked() {
        kinds.listen(HEARTBEAT);
    }
    judge(&kinds.heard, &sessions.peers())
}

fn judge(kinds: &BTreeSet<String>, sessions: &[Peer]) -> Vec<Finding> {
    if kinds.is_empty() && sessions.is_empty() {
        let mend = "rtpmidi host   (on another machine, then try again; Wi-Fi that isolates its clients, and switches that \
                    snoop on IGMP, keep multicast back)";
        return vec![Finding::warning(
            CHECK,
            "nobody answers: there is nobody, or the network lets no multicast pass",
            mend,
        )];
    }
    let mut findings = Vec::new();
    if !kinds.is_empty() {
        findings
            .push(Finding::ok(CHECK, format!("somebody answers: {} of services", plural(kinds.len() as u64, "kind"))));
    }
    let names: Vec<&str> = sessions.iter().take(NAMED).map(|peer| peer.name.as_str()).collect();
    findings.push(Finding::ok(
        CHECK,
        match sessions.len() {
            0 => "nobody announces an AppleMIDI session".to_owned(),
            count if count > NAMED => format!("{count} AppleMIDI sessions: {}, …", names.join(", ")),
            count => format!("{}: {}", plural(count as u64, "AppleMIDI session"), names.join(", ")),
        },
    ));
    findings
}

/// The kinds of services that are announced here.
struct Kinds {
    daemon: ServiceDaemon,
    events: Receiver<ServiceEvent>,
    heard: BTreeSet<String>,
}

impl Kinds {
    fn ask(interface: Option<&str>) -> Result<Self, NoNeighbourhood> {
        let daemon = multicast_dns(interface)?;
        let events = daemon.browse(KINDS)?;
        Ok(Self { daemon, events, heard: BTreeSet::new() })
    }

    fn listen(&mut self, patience: Duration) {
        if let Ok(ServiceEvent::ServiceFound(_, kind)) = self.events.recv_timeout(patience)
            && self.heard.len() < MOST
        {
            self.heard.insert(kind);
        }
    }
}

impl Drop for Kinds {
    fn drop(&mut self) {
        // It says no goodbye, as it has announced nothing.
        let _ = self.daemon.shutdown();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::doctor::finding::text;

    fn peer(name: &str) -> Peer {
        Peer { name: name.to_owned(), host: "x.local.".to_owned(), addresses: vec![([192, 0, 2, 7], 5004).into()] }
    }

    #[test]
    fn silence_is_told_from_a_network_without_music() {
        let words = |kinds: &[&str], sessions: &[Peer]| {
            let kinds = kinds.iter().map(ToString::to_string).collect();
            text(&judge(&kinds, sessions))
        };
        assert!(words(&[], &[]).contains("nobody answers"));
        let printer = words(&["_ipp._tcp.local."], &[]);
        assert!(
            printer.contains("somebody answers: 1 kind of services") && printer.contains("nobody announces an"),
            "{printer}"
        );
        let piano = words(&[], &[peer("Piano")]);
        assert!(piano.contains("1 AppleMIDI session: Piano") && !piano.contains("somebody"), "{piano}");
        let many: Vec<Peer> = (0..20).map(|number| peer(&format!("P{number}"))).collect();
        assert!(words(&[], &many).contains("20 AppleMIDI sessions: P0, P1"), "few are named");
    }
}
