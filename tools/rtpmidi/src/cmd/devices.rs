//! `rtpmidi devices`: what can be listened to.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use applemidi_io::{Neighbourhood, Peer, Sighting};
use rtp_midi_sdp::{Media, Stream};
use serde_json::{Value, json};

use crate::description::printable;
use crate::failure::Result;
use crate::interface::Interface;
use crate::interrupt::Interrupt;
use crate::report::{Audience, data};
use crate::sap::{Announced, Browser, Heard};
use crate::time;

/// List what is announced to the network: streams (SAP), and AppleMIDI sessions (multicast DNS).
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// How long to listen for announcements; most senders repeat them every few seconds, some every few minutes
    #[arg(long, default_value = "8", value_parser = time::parse, value_name = "SECONDS")]
    wait: Duration,

    /// The network interface to listen on [default: where the route to multicast groups leads; for AppleMIDI sessions all but loopback]
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,

    /// Do not look for AppleMIDI sessions
    #[arg(long)]
    no_mdns: bool,

    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi devices --wait 20
  rtpmidi listen sap:TITLE --play      (with the title of a stream)
  rtpmidi join NAME --print            (with the name of a session)

Each line of a stream has a title, what is being played in brackets, where it goes, how it is coded, and who announces
it; that of a session has a name, its host and its addresses.";

/// How long it waits for something to be heard before it looks at the clock again.
const HEARTBEAT: Duration = Duration::from_millis(100);

/// Lists what is heard until the time is over.
pub(crate) fn run(args: &Args) -> Result<()> {
    let interface = args.interface.as_deref().map(Interface::find).transpose()?;
    let (browser, interrupt, started) = (Browser::open(interface.as_ref())?, Interrupt::catch()?, Instant::now());
    let (_neighbourhood, sightings) = look_around(args);
    let mut count = 0;
    while started.elapsed() < args.wait && !interrupt.asked() {
        let streams = browser.next(HEARTBEAT).map(|heard| match heard {
            Heard::Announced(announced) if args.json => object(&announced),
            Heard::Announced(announced) => words(&announced),
            Heard::Gone { title } => gone(&title, args.json),
        });
        let sessions = sightings.try_iter().map(|sighting| match sighting {
            Sighting::Announced(peer) => session(&peer, args.json),
            Sighting::Gone(name) => gone(&name, args.json),
        });
        for line in streams.into_iter().chain(sessions) {
            count += 1;
            if data(&line)? == Audience::Gone {
                return Ok(());
            }
        }
    }
    if count == 0 && !args.json {
        eprintln!("nothing is announced here");
    }
    Ok(())
}

/// Looks for AppleMIDI sessions, unless there is no multicast DNS: streams are found all the same.
fn look_around(args: &Args) -> (Option<Neighbourhood>, Receiver<Sighting>) {
    let (sender, sightings) = channel();
    let tell = move |sighting: &Sighting| drop(sender.send(sighting.clone()));
    let open = || Neighbourhood::open(args.interface.as_deref(), tell);
    let neighbourhood = match (!args.no_mdns).then(open) {
        Some(Err(error)) => {
            eprintln!("warning: {error}");
            None
        }
        neighbourhood => neighbourhood.and_then(Result::ok),
    };
    (neighbourhood, sightings)
}

/// `Piano  AppleMIDI  192.0.2.7:5004 [fe80::1%2]:5004  on piano.local.`
fn session(peer: &Peer, json: bool) -> String {
    let addresses: Vec<String> = peer.addresses.iter().map(ToString::to_string).collect();
    if json {
        return json!({"type": "peer", "name": peer.name, "host": peer.host, "addresses": addresses}).to_string();
    }
    printable(&format!("{}  AppleMIDI  {}  on {}", peer.name, addresses.join(" "), peer.host))
}

/// What is announced no more.
fn gone(title: &str, json: bool) -> String {
    if json { json!({"type": "gone", "title": title}).to_string() } else { printable(&format!("{title}  is over")) }
}

/// `Radio  (Canon)  239.255.1.2 port 5004  rtp-midi/44100  j_update=anchor  from 192.0.2.1`
fn words(Announced { session, from, .. }: &Announced) -> String {
    let mut line = vec![session.title.clone()];
    line.extend(session.information.as_ref().map(|what| format!("({what})")));
    for (media, stream) in session.streams() {
        let host = media.transport.address.as_ref().map(|address| format!("{} ", address.host));
        line.push(format!("{}port {}", host.unwrap_or_default(), media.transport.port));
        line.push(format!("{}/{}", stream.encoding(), stream.clock_rate));
        line.extend(kilobits(media).map(|most| format!("up to {most} kbit/s")));
        line.extend(Some(stream.parameters.to_string()).filter(|parameters| !parameters.is_empty()));
    }
    line.push(format!("from {from}"));
    printable(&line.join("  "))
}

/// What the stream takes at most (`b=`), rounded up.
fn kilobits(media: &Media) -> Option<u64> {
    let limit =
        |kind: &str| media.transport.bandwidths.iter().find(|limit| limit.kind == kind).map(|limit| limit.value);
    limit("AS").or_else(|| limit("TIAS").map(|bits| bits.div_ceil(1000)))
}

fn object(Announced { session, from, .. }: &Announced) -> String {
    let stream = |(media, stream): (&Media, &Stream)| {
        json!({
            "address": media.transport.address.as_ref().map(|address| address.host.to_string()),
            "port": media.transport.port,
            "payload_type": stream.payload_type,
            "encoding": stream.encoding(),
            "clock_rate": stream.clock_rate,
            "kbit_per_s": kilobits(media),
            "parameters": stream.parameters.to_string(),
        })
    };
    let streams: Vec<Value> = session.streams().map(stream).collect();
    json!({"type": "session", "title": session.title, "information": session.information, "from": from.to_string(), "streams": streams}).to_string()
}
