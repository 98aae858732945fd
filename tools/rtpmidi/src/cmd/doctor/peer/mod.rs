//! The way to a peer: where it is, whether it lets us in, how long datagrams take there and back, and how many get lost.

mod call;
mod place;
mod trips;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::finding::Finding;
use super::report::Report;
use crate::failure::Result;
use crate::interrupt::Interrupt;
use crate::report::Audience;
use call::{Answer, Caller};

const CHECK: &str = "peer";

/// Octets of IP and UDP in front of a packet.
const HEADERS: u32 = 48;

/// The longest RTP packet that sessions send unless they are told otherwise.
const PACKET: u32 = 1200;

/// Whom to look at, and for how long.
pub(super) struct Way<'a> {
    pub(super) name: &'a str,
    pub(super) interface: Option<&'a str>,
    /// How long its name is looked for.
    pub(super) wait: Duration,
    /// How long round trips are measured.
    pub(super) duration: Duration,
}

/// Finds the peer, holds a session with it, and tells what that was like.
pub(super) fn examine(way: &Way<'_>, interrupt: &Interrupt, report: &mut Report) -> Result<()> {
    let mut findings = Vec::new();
    let reached = reach(way, interrupt, &mut findings)?;
    for finding in findings {
        if report.tell(&finding)? == Audience::Gone {
            return Ok(());
        }
    }
    let Some((caller, address)) = reached else { return Ok(()) };
    let measured = caller.measure(way.duration, interrupt);
    for finding in measured.judge(way.name, address) {
        if report.tell(&finding)? == Audience::Gone {
            return Ok(());
        }
    }
    if measured.is_empty() {
        return Ok(());
    }
    // Who reads no longer has read enough.
    report.show(|| measured.to_string(), || measured.object(way.name, address)).map(drop)
}

/// Takes part in a session of the peer, at the first of its addresses that lets us.
fn reach(way: &Way<'_>, interrupt: &Interrupt, findings: &mut Vec<Finding>) -> Result<Option<(Caller, SocketAddr)>> {
    let addresses = match place::find(way.name, way.interface, way.wait, interrupt) {
        Ok(addresses) => addresses,
        Err(finding) => {
            findings.push(finding);
            return Ok(None);
        }
    };
    let caller = Caller::open()?;
    let mut refusals = Vec::new();
    for address in addresses {
        let (source, octets) = match place::route(address) {
            Ok(route) => route,
            Err(error) => {
                let what = format!("there is no way to {address}: {error}");
                refusals.push(Finding::failure(CHECK, what, format!("ip route get {}", address.ip())));
                continue;
            }
        };
        match caller.invite(address, interrupt) {
            Answer::TakesPart(name) => {
                let name = if name.is_empty() { way.name } else { &name };
                findings.push(Finding::ok(CHECK, format!("{name} at {address} lets us take part")));
                findings.push(size(way.name, source, octets));
                return Ok(Some((caller, address)));
            }
            Answer::Refuses => refusals.push(Finding::failure(
                CHECK,
                format!("{} at {address} refuses: it lets others in only, or is full", way.name),
                format!("rtpmidi host --admit {source}   (there; a Mac has a directory of who may connect)"),
            )),
            Answer::Silent => refusals.push(Finding::failure(
                CHECK,
                format!("{} does not answer at {address}, or not at the port above", way.name),
                format!(
                    "ss -ulpn   (there: is a session open on {0} and {1}? Then its firewall: ufw allow {0}:{1}/udp)",
                    address.port(),
                    address.port().saturating_add(1)
                ),
            )),
        }
    }
    findings.append(&mut refusals);
    Ok(None)
}

/// How large packets may be on the way, as far as this machine knows.
fn size(name: &str, source: IpAddr, octets: Option<u32>) -> Finding {
    match octets {
        Some(octets) if octets < PACKET + HEADERS => Finding::warning(
            CHECK,
            format!("the way from {source} takes packets of {octets} octets only: longer ones are cut, or lost"),
            format!("rtpmidi join {name:?} --mtu {}", octets.saturating_sub(HEADERS)),
        ),
        Some(octets) => {
            Finding::ok(CHECK, format!("packets of {octets} octets leave from {source}, as far as this machine knows"))
        }
        None => Finding::ok(CHECK, format!("packets leave from {source}; how long they may be is not known")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_way_names_the_packets_that_fit() {
        let source = IpAddr::from([192, 0, 2, 1]);
        assert!(size("Piano", source, Some(1500)).to_string().starts_with("ok "));
        assert!(size("Piano", source, Some(1000)).to_string().ends_with("rtpmidi join \"Piano\" --mtu 952"));
        assert!(size("Piano", source, None).to_string().contains("not known"));
    }
}
