//! `rtpmidi monitor`: what is on the wire, packet by packet, and why.
//!
//! ```text
//!  source (capture, interface, sockets) ─▶ finder ─▶ stream ─▶ line, tree, json
//!   frames → UDP datagrams                 RTP MIDI?  loss, repairs, notes
//! ```

mod announcement;
mod applemidi;
mod candidates;
mod capture;
mod filter;
mod finder;
mod frame;
mod interface;
mod json;
mod line;
mod rtcp;
mod source;
mod stream;
mod summary;
mod words;

use std::collections::HashMap;
use std::time::Duration;

use rtp_midi::inspect::{Inspection, inspect};
use rtp_types::RtpPacket;
use serde_json::Value;

use crate::failure::Result;
use crate::interrupt::Interrupt;
use crate::report::{Audience, Reporter, data};
use filter::Filter;
use finder::{Finder, How, Key, Kind};
use frame::{Datagram, Skipped};
use source::{Event, Place, Source};
use stream::{Findings, Stream};
use summary::MonitorSummary;

/// Show RTP MIDI packets, live or from a capture: commands, journal, and why they carry what they do.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A capture (pcap or pcapng; - reads it from stdin), or an address or group to listen on
    #[arg(value_name = "FILE|udp://HOST:PORT", required_unless_present = "interface", conflicts_with = "interface")]
    place: Option<Place>,

    /// Listen to all that passes a network interface
    #[arg(long, value_name = "IF")]
    interface: Option<String>,

    /// Show every field, as a tree
    #[arg(long)]
    tree: bool,

    /// Print JSON, one object per line
    #[arg(long, conflicts_with = "tree")]
    json: bool,

    /// The UDP port of RTP MIDI, where it is not found by itself
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,

    /// The RTP payload type of RTP MIDI, where it is not found by itself
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=127), value_name = "TYPE")]
    pt: Option<u8>,

    #[command(flatten)]
    filter: Filter,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi monitor concert.pcap
  rtpmidi monitor concert.pcap --tree --stream 47d81096
  rtpmidi monitor udp://239.1.2.3:5004 --loss
  sudo tcpdump -i eth0 -w - udp | rtpmidi monitor - --json

Streams are found by AppleMIDI sessions, by session descriptions (SAP, SIP), or by their form. The monitor ends with
the capture, or with Ctrl-C, and says on stderr what it came to.";

/// Streams that are followed at a time; each has a receiver.
const MOST_STREAMS: usize = 256;

/// Watches until the end.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut source = match (&args.interface, &args.place) {
        (Some(name), _) => Source::interface(name)?,
        (None, Some(Place::Address(destination))) => Source::listen(destination)?,
        (None, Some(Place::File(path))) => Source::capture(path)?,
        (None, None) => unreachable!("clap asks for one of them"),
    };
    let interrupt = Interrupt::catch()?;
    let mut monitor = Monitor::new(args);
    // What has been seen is summed up whatever ends it.
    let watched = monitor.watch(&mut source, &interrupt);
    monitor.finish(source.damage()).and(watched)
}

/// A packet of a stream with all that is known of it.
struct Packet<'a> {
    datagram: &'a Datagram,
    /// Seconds since the first datagram.
    time: f64,
    header: &'a RtpPacket<'a>,
    found: &'a Inspection<'a>,
    findings: &'a Findings,
}

/// What has been seen so far.
struct Monitor<'a> {
    args: &'a Args,
    reporter: Reporter,
    finder: Finder,
    streams: HashMap<Key, Stream>,
    /// In the order in which they appeared.
    order: Vec<Key>,
    skipped: Skipped,
    unfollowed: u64,
    began: Option<Duration>,
    shown: u64,
    audience: Audience,
}

impl<'a> Monitor<'a> {
    fn new(args: &'a Args) -> Self {
        // Of a listening address all is of the stream, unless it is something else that finds it.
        let port = args.port.or(match &args.place {
            Some(Place::Address(destination)) => Some(destination.port()),
            _ => None,
        });
        Self {
            args,
            reporter: Reporter::new(args.json),
            finder: Finder::new(port, args.pt),
            streams: HashMap::new(),
            order: Vec::new(),
            skipped: Skipped::default(),
            unfollowed: 0,
            began: None,
            shown: 0,
            audience: Audience::Listening,
        }
    }

    fn is_done(&self) -> bool {
        self.audience == Audience::Gone || self.args.filter.count.is_some_and(|count| self.shown >= count)
    }

    /// Takes packets until nobody wants more.
    fn watch(&mut self, source: &mut Source, interrupt: &Interrupt) -> Result<()> {
        while !self.is_done() && !interrupt.asked() {
            match source.next()? {
                Event::Datagram(datagram) => self.take(&datagram)?,
                Event::Skipped(skip) => self.skipped.count(skip),
                Event::Nothing => {}
                Event::End => break,
            }
        }
        Ok(())
    }

    fn take(&mut self, datagram: &Datagram) -> Result<()> {
        let time = self.time(datagram);
        match self.finder.take(datagram) {
            Kind::Stream(how) => self.packet(datagram, &how),
            Kind::Found(kept) => kept.iter().try_for_each(|datagram| self.packet(datagram, &How::Form)),
            Kind::Broken(error) => {
                if self.args.filter.wants_besides(&[], true) {
                    let line = line::besides(datagram, time, &format!("!! {error}"));
                    self.show(&line, || json::broken(datagram, time, &error))?;
                }
                Ok(())
            }
            Kind::Rtcp => {
                let read = rtcp::read(&datagram.octets);
                let wrong = read.error.as_ref().map_or_else(String::new, |error| format!("  !! {error}"));
                if self.args.filter.wants_besides(&read.sources, read.error.is_some()) {
                    let words = format!("RTCP {}{wrong}", read.words.join("; "));
                    let line = line::besides(datagram, time, &words);
                    self.show(&line, || json::rtcp(datagram, time, &read.words, read.error.as_deref()))?;
                }
                Ok(())
            }
            Kind::Exchange(exchange) => {
                if self.args.filter.wants_besides(&[exchange.ssrc], false) {
                    let line = line::besides(datagram, time, &format!("AppleMIDI {exchange}"));
                    self.show(&line, || json::exchange(datagram, time, &exchange))?;
                }
                Ok(())
            }
            Kind::Announcement(announcement) => {
                if self.args.filter.wants_besides(&[], false) {
                    let words = announcement.to_string();
                    let line = line::besides(datagram, time, &words);
                    self.show(&line, || json::announcement(datagram, time, &words))?;
                }
                Ok(())
            }
            Kind::Kept | Kind::Foreign => Ok(()),
        }
    }

    /// Ends with the packets that were kept, and the summary.
    fn finish(mut self, damage: Option<&str>) -> Result<()> {
        if !self.is_done() {
            for datagram in self.finder.finish() {
                self.packet(&datagram, &How::Form)?;
            }
        }
        if let Some(damage) = damage {
            self.reporter.warn(&format!("warning: {damage}"));
        }
        let totals = |key: &Key| self.streams.get(key).map(|stream| (*key, stream.totals));
        let summary = MonitorSummary {
            streams: self.order.iter().filter_map(totals).collect(),
            skipped: self.skipped,
            foreign: self.finder.foreign(),
            unfollowed: self.unfollowed,
        };
        self.reporter.finish(&summary)
    }

    /// Takes a packet of a stream and shows it if it is wanted.
    fn packet(&mut self, datagram: &Datagram, how: &How) -> Result<()> {
        let Ok(header) = RtpPacket::parse(&datagram.octets) else { return Ok(()) };
        let key = (datagram.from, datagram.to, header.ssrc());
        if !self.streams.contains_key(&key) && !self.meet(key, how, datagram.at)? {
            return Ok(());
        }
        let Some(stream) = self.streams.get_mut(&key) else { return Ok(()) };
        let found = inspect(header.payload(), header.timestamp());
        let findings = stream.take(datagram.at, &header, &found);
        if !self.args.filter.wants(&findings, header.ssrc()) {
            return Ok(());
        }
        let time = self.time(datagram);
        let packet = Packet { datagram, time, header: &header, found: &found, findings: &findings };
        let text = if self.args.tree { line::tree(&packet) } else { line::line(&packet) };
        self.show(&text, || json::packet(&packet))
    }

    /// A stream appears. False when there are too many.
    fn meet(&mut self, key: Key, how: &How, at: Duration) -> Result<bool> {
        if self.streams.len() >= MOST_STREAMS {
            if self.unfollowed == 0 {
                self.reporter.warn(&format!(
                    "warning: more than {MOST_STREAMS} streams: further ones are not shown; choose with --port or --pt"
                ));
            }
            self.unfollowed += 1;
            return Ok(false);
        }
        self.streams.insert(key, Stream::new(how, at));
        self.order.push(key);
        if self.args.filter.stream.is_some_and(|wanted| wanted != key.2) {
            return Ok(true);
        }
        self.reporter.say(&format!("{:08x} is a stream from {} to {}, {how}", key.2, key.0, key.1));
        if self.args.json {
            self.audience = data(&json::stream(&key, how).to_string())?;
        }
        Ok(true)
    }

    fn show(&mut self, text: &str, object: impl FnOnce() -> Value) -> Result<()> {
        if self.is_done() {
            return Ok(());
        }
        self.audience = if self.args.json { data(&object().to_string())? } else { data(text)? };
        self.shown += 1;
        Ok(())
    }

    /// Seconds since the first datagram.
    fn time(&mut self, datagram: &Datagram) -> f64 {
        let began = *self.began.get_or_insert(datagram.at);
        // A capture of several interfaces may step back in time.
        match datagram.at.checked_sub(began) {
            Some(later) => later.as_secs_f64(),
            None => -began.abs_diff(datagram.at).as_secs_f64(),
        }
    }
}
