//! `rtpmidi devices`: what can be listened to.

use std::time::{Duration, Instant};

use rtp_midi_sdp::{Media, Stream};
use serde_json::{Value, json};

use crate::description::printable;
use crate::failure::Result;
use crate::interface::Interface;
use crate::interrupt::Interrupt;
use crate::report::{Audience, data};
use crate::sap::{Announced, Browser, Heard};
use crate::time;

/// List the streams that are announced to the network (SAP).
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// How long to listen for announcements; most senders repeat them every few seconds, some every few minutes
    #[arg(long, default_value = "8", value_parser = time::parse, value_name = "SECONDS")]
    wait: Duration,

    /// The network interface to listen on [default: where the route to multicast groups leads]
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,

    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi devices --wait 20
  rtpmidi listen sap:TITLE --play      (with a title of the list)

Each line has a title, where the stream goes, how it is coded, and who announces it.";

/// How long it waits for something to be heard before it looks at the clock again.
const HEARTBEAT: Duration = Duration::from_millis(100);

/// Lists what is heard until the time is over.
pub(crate) fn run(args: &Args) -> Result<()> {
    let interface = args.interface.as_deref().map(Interface::find).transpose()?;
    let (browser, interrupt, started) = (Browser::open(interface.as_ref())?, Interrupt::catch()?, Instant::now());
    let mut count = 0;
    while started.elapsed() < args.wait && !interrupt.asked() {
        let line = match browser.next(HEARTBEAT) {
            Some(Heard::Announced(announced)) => {
                count += 1;
                if args.json { object(&announced) } else { words(&announced) }
            }
            Some(Heard::Gone { title }) if args.json => json!({"type": "gone", "title": title}).to_string(),
            Some(Heard::Gone { title }) => printable(&format!("{title}  is over")),
            None => continue,
        };
        if data(&line)? == Audience::Gone {
            return Ok(());
        }
    }
    if count == 0 && !args.json {
        eprintln!("nothing is announced here");
    }
    Ok(())
}

/// `Canon  239.255.1.2 port 5004  rtp-midi/44100  j_update=anchor  from 192.0.2.1`
fn words(Announced { session, from, .. }: &Announced) -> String {
    let mut line = vec![session.title.clone()];
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
    json!({"type": "session", "title": session.title, "from": from.to_string(), "streams": streams}).to_string()
}
