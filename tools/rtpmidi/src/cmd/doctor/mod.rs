//! `rtpmidi doctor`: what stands in the way of music on this machine, and between it and a peer.
//!
//! ```text
//! links ─▶ interfaces, ipv6, multicast ─▶ firewall   mdns   clock   rights   cores   sound   wifi   buffers   elements
//!   all of them ──Finding──▶ report ◀──Finding── peer: at ─▶ call ─▶ trips
//! ```

mod buffers;
mod clock;
mod cores;
mod elements;
mod finding;
mod firewall;
mod interfaces;
mod ipv6;
mod link;
mod mdns;
mod multicast;
mod peer;
mod report;
mod rights;
mod sound;
mod wifi;

use std::time::Duration;

use crate::failure::Result;
use crate::interface::Interface;
use crate::interrupt::Interrupt;
use crate::report::Audience;
use crate::time;
use finding::Finding;
use link::Link;
use report::Report;

/// Find out what stands in the way of music: on this machine, and on the way to a peer.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A peer to hold a short AppleMIDI session with: a host by name or number, with its control port if that is not
    /// 5004, or the name under which a session is announced
    #[arg(value_name = "HOST[:PORT]|NAME")]
    peer: Option<String>,

    /// How long to listen for who answers multicast DNS
    #[arg(long, default_value = "3", value_parser = time::parse, value_name = "SECONDS")]
    wait: Duration,

    /// How long to measure round trips to the peer, eight of them a second
    #[arg(long = "for", default_value = "5", value_parser = time::parse, value_name = "SECONDS")]
    duration: Duration,

    /// The network interface to look at [default: all but loopback]
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,

    /// Print findings, round trips and the summary as JSON, one object per line
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi doctor                         (this machine)
  rtpmidi doctor 192.0.2.7               (and the way there)
  rtpmidi doctor \"Mike's Mac\" --for 30

Nothing is changed: below each finding stands the command that would mend it. The exit code is 0 when nothing is found
but warnings, 1 when something keeps music from flowing.";

/// Looks at everything, one thing after the other.
pub(crate) fn run(args: &Args) -> Result<()> {
    if let Some(name) = &args.interface {
        Interface::find(name)?;
    }
    let interrupt = Interrupt::catch()?;
    let mut report = Report::new(args.json);
    let links: Vec<Link> = Link::all()?.into_iter().filter(|link| link.is_wanted(args.interface.as_deref())).collect();
    let checks: [&dyn Fn() -> Vec<Finding>; 12] = [
        &|| interfaces::check(&links),
        &|| wifi::check(&links),
        &|| ipv6::check(&links),
        &|| multicast::check(&links),
        &|| firewall::check(&links),
        &|| mdns::check(args.interface.as_deref(), args.wait, &interrupt),
        &clock::check,
        &rights::check,
        &cores::check,
        &sound::check,
        &buffers::check,
        &elements::check,
    ];
    for check in checks {
        for finding in check() {
            if interrupt.asked() || report.tell(&finding)? == Audience::Gone {
                return report.finish();
            }
        }
    }
    if let Some(name) = args.peer.as_deref() {
        let way = peer::Way { name, interface: args.interface.as_deref(), wait: args.wait, duration: args.duration };
        peer::examine(&way, &interrupt, &mut report)?;
    }
    report.finish()
}
