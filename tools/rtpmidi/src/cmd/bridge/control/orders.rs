//! `rtpmidi bridge status`, `connect` and so on: what is said to a bridge that runs.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::client;
use super::place::Place;
use super::top::{self, TopArgs};
use super::words;
use crate::cmd::bridge::passage::{Channels, KindName, Passage};
use crate::cmd::bridge::request::Request;
use crate::cmd::bridge::settings::{Pace, PortSettings, Segment, Span, Wait};
use crate::cmd::bridge::status::Status;
use crate::cmd::listen::length;
use crate::description::printable;
use crate::failure::{Failure, Result};
use crate::report::data;

/// What is said.
#[derive(clap::Subcommand)]
pub(crate) enum Order {
    Status(StatusArgs),
    Top(TopArgs),
    Connect(ConnectArgs),
    Disconnect(DisconnectArgs),
    Mute(MuteArgs),
    Forget(ForgetArgs),
    Port(PortArgs),
    Record(RecordArgs),
    Panic(PanicArgs),
    Reload(ReloadArgs),
}

/// Show the ports, connections and peers of a bridge that runs.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  rtpmidi bridge status\n  rtpmidi bridge status --json | jq .peers")]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    place: Place,

    /// Print it as one JSON object
    #[arg(long)]
    json: bool,
}

/// Connect two ports of a bridge that runs.
#[derive(clap::Args)]
#[command(after_help = CONNECTING)]
pub(crate) struct ConnectArgs {
    #[command(flatten)]
    ports: Ports,

    /// Keep messages of this kind back: notes, poly-aftertouch, controllers, programs, channel-aftertouch, pitch-wheel,
    /// sysex, time-code, transport, clock, active-sense, other. Repeat it for several
    #[arg(long, value_name = "KIND")]
    without: Vec<KindName>,

    /// Let these channels through and no others, as they are or as another one: 1, 1-8, 1=10, *=1. Repeat it for several
    #[arg(long, value_name = "CHANNELS")]
    channel: Vec<Channels>,

    /// Move notes up by so many half tones, or down; those that no key has are left out
    #[arg(long, value_name = "HALF TONES", allow_negative_numbers = true)]
    transpose: Option<i8>,

    /// Let everything through as it is again
    #[arg(long, conflicts_with_all = ["without", "channel", "transpose"])]
    everything: bool,
}

const CONNECTING: &str = "\
Example:
  rtpmidi bridge connect Piano Organ     (names as status shows them)
  rtpmidi bridge connect Piano Drums --without clock --without active-sense --channel 1=10 --transpose -12
  rtpmidi bridge connect Piano Drums --everything

What is said of a connection that is there already counts from now on; without any of it all stays as it is.";

/// End a connection of a bridge that runs.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  rtpmidi bridge disconnect Piano Organ")]
pub(crate) struct DisconnectArgs {
    #[command(flatten)]
    ports: Ports,
}

/// Let nothing through a connection of a bridge that runs, until it is let through again.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  rtpmidi bridge mute Piano Organ\n  rtpmidi bridge mute Piano Organ --off")]
pub(crate) struct MuteArgs {
    #[command(flatten)]
    ports: Ports,

    /// Let music through again
    #[arg(long)]
    off: bool,
}

/// Say how fast a port may be played to, and how much later than played it is heard.
#[derive(clap::Args)]
#[command(after_help = SAYING)]
pub(crate) struct PortArgs {
    /// The port
    name: String,

    /// How fast it may be played to: din (31,250 baud), octets a second, or off
    #[arg(long)]
    pace: Option<Pace>,

    /// Data octets of a System Exclusive behind which there is a rest
    #[arg(long, value_name = "OCTETS")]
    segment: Option<Segment>,

    /// How long that rest is
    #[arg(long, value_name = "TIME")]
    gap: Option<Span>,

    /// How much later than played it is heard, so that the network's hesitation is not: a time, auto (as much as it needs),
    /// or off
    #[arg(long, value_name = "TIME")]
    delay: Option<Wait>,

    #[command(flatten)]
    place: Place,
}

const SAYING: &str = "\
Example:
  rtpmidi bridge port 'alsa:Old Synth' --pace din --segment 128 --gap '20 ms'
  rtpmidi bridge port Piano --delay '10 ms'
  rtpmidi bridge port Piano --pace off --delay off

What is not said stays as it is.";

/// Record what comes from a port, or goes through a connection, until the bridge ends or is told to stop.
#[derive(clap::Args)]
#[command(after_help = RECORDING)]
pub(crate) struct RecordArgs {
    /// The port that plays
    from: String,

    /// The port that is played to, where only what goes through the connection is recorded
    to: Option<String>,

    /// Where to: a Standard MIDI File (.mid), or a folder with a file for every hour
    #[arg(long = "to", value_name = "FILE.mid|FOLDER", required_unless_present = "stop")]
    target: Option<PathBuf>,

    /// Begin a new file in the folder this often, counted from midnight [default: 1h]
    #[arg(long, value_parser = length, value_name = "TIME")]
    every: Option<Duration>,

    /// End all recordings of that
    #[arg(long, conflicts_with_all = ["target", "every"])]
    stop: bool,

    #[command(flatten)]
    place: Place,
}

const RECORDING: &str = "\
Example:
  rtpmidi bridge record Piano --to piano.mid
  rtpmidi bridge record Piano Organ --to /srv/music --every 30m
  rtpmidi bridge record Piano --stop

A file is whole all the time, whatever becomes of the bridge. None that is there is written over: another name has a number.";

/// Take away the port of somebody who is gone for good, and all its connections.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  rtpmidi bridge forget Piano     (a name as status shows it)")]
pub(crate) struct ForgetArgs {
    /// The port, behind which nobody is any more
    port: String,

    #[command(flatten)]
    place: Place,
}

/// End all notes at all ports of a bridge that runs.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  rtpmidi bridge panic")]
pub(crate) struct PanicArgs {
    #[command(flatten)]
    place: Place,
}

/// Let a bridge that runs read its configuration and its rules again, as SIGHUP does.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  rtpmidi bridge reload\n\nWhat makes no sense changes nothing, and is told.")]
pub(crate) struct ReloadArgs {
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args)]
struct Ports {
    /// The port that plays
    from: String,

    /// The port that is played to
    to: String,

    #[command(flatten)]
    place: Place,
}

impl ConnectArgs {
    /// What is to get through, if anything is said of it.
    fn filter(&self) -> Option<Passage> {
        let (without, channels) = (self.without.clone(), self.channel.clone());
        let passage = Passage { without, channels, transpose: self.transpose.unwrap_or(0) };
        (self.everything || self.transpose.is_some() || passage != Passage::default()).then_some(passage)
    }
}

impl RecordArgs {
    fn request(&self) -> Result<Request> {
        let absolute = |path: &PathBuf| {
            let path = std::path::absolute(path)
                .map_err(|error| Failure::new(format!("cannot record to {}: {error}", path.display())))?;
            path.into_os_string().into_string().map_err(|path| Failure::new(format!("{} is no text", path.display())))
        };
        let path = self.target.as_ref().map(absolute).transpose()?;
        let every_s = self.every.map(|every| every.as_secs() as u32);
        Ok(Request::Record { from: self.from.clone(), to: self.to.clone(), path, every_s })
    }
}

/// Says it, and tells what comes of it.
pub(crate) fn run(order: &Order) -> Result<()> {
    let of = |ports: &Ports| (ports.from.clone(), ports.to.clone());
    let (place, request) = match order {
        Order::Status(args) => return status(args),
        Order::Top(args) => return top::run(args),
        Order::Connect(args) => {
            let (from, to) = of(&args.ports);
            (&args.ports.place, Request::Connect { from, to, filter: args.filter() })
        }
        Order::Record(args) => (&args.place, args.request()?),
        Order::Port(args) => {
            let PortArgs { name, pace, segment, gap, delay, place } = args;
            let settings = PortSettings { pace: *pace, segment: *segment, gap: *gap, delay: *delay };
            (place, Request::Port { name: name.clone(), settings })
        }
        Order::Disconnect(DisconnectArgs { ports }) => {
            let (from, to) = of(ports);
            (&ports.place, Request::Disconnect { from, to })
        }
        Order::Mute(MuteArgs { ports, off }) => {
            let (from, to) = of(ports);
            (&ports.place, Request::Mute { from, to, muted: !off })
        }
        Order::Forget(ForgetArgs { port, place }) => (place, Request::Forget { port: port.clone() }),
        Order::Panic(PanicArgs { place }) => (place, Request::Panic),
        Order::Reload(ReloadArgs { place }) => (place, Request::Reload),
    };
    let answer = client::ask(place, &request)?;
    if let Some(name) = answer.as_str().filter(|_| matches!(order, Order::Record(RecordArgs { stop: false, .. }))) {
        // Who reads no longer has read enough.
        data(&printable(name)).map(drop)?;
    }
    // Who reads the configuration again is told what is to be known of it.
    for words in answer.as_array().into_iter().flatten().filter_map(Value::as_str) {
        eprintln!("warning: {}", printable(words));
    }
    Ok(())
}

fn status(args: &StatusArgs) -> Result<()> {
    let value = client::ask(&args.place, &Request::Status)?;
    let text = if args.json { value.to_string() } else { words::of(&read(value)?) };
    // Who reads no longer has read enough.
    data(&text).map(drop)
}

/// How all stands at a bridge.
pub(super) fn status_of(place: &Place) -> Result<Status> {
    read(client::ask(place, &Request::Status)?)
}

fn read(value: Value) -> Result<Status> {
    serde_json::from_value(value).map_err(|error| {
        Failure::new(format!("the bridge answers what cannot be read: {error}"))
            .hint("it may be of another version: rtpmidi bridge status --json shows it as it is")
    })
}
