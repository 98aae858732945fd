//! `rtpmidi relay`: an edge that hands a stream on as it comes, to as many RTSP clients as want it.
//!
//! ```text
//!  origin ─▶ Link ─(passage)─▶ Live ─▶ RTSP server ─▶ clients
//! ```
//!
//! Nothing is made or left out here: the packets have the journal, which sets right whatever is lost on either side of the
//! edge, and the RTCP of the sender tells the times that belong to them.

mod options;
mod passage;

use std::time::{Duration, Instant};

use rtp_midi::{Journal, Policy};
use rtp_midi_sdp::{Protocol, Stream};

use crate::cmd::broadcast::rtsp::{Live, Server};
use crate::elements;
use crate::failure::{Failure, Result};
use crate::intake::{Event, Length, Link, Place, Plan, Source, State};
use crate::interface::Interface;
use crate::interrupt::Interrupt;
use crate::report::{Audience, Listening, Progress, RelaySummary, Reporter, bits_per_second};
pub(crate) use options::Args;
use passage::Passage;

/// A server, and what it has.
struct Edge {
    server: Server,
    on_air: Option<OnAir>,
    /// How often the source was found.
    connections: u64,
    /// Whether it has been told that the sender has ended its stream.
    is_over: bool,
    /// When progress was told last, and how many octets had come then.
    told: (Instant, u64),
}

/// A stream as it is described to clients, and its way to them.
struct OnAir {
    title: String,
    stream: Stream,
    passage: Passage,
}

/// How long the main loop waits before it looks what has happened.
const HEARTBEAT: Duration = Duration::from_millis(20);

/// How often the source hears of its receiver.
const REPORTS: Duration = Duration::from_secs(5);

/// Hands on until the end.
pub(crate) fn run(args: &Args) -> Result<()> {
    let (mut reporter, interrupt) = (Reporter::new(args.json), Interrupt::catch()?);
    elements::start()?;
    let interface = args.interface.as_deref().map(Interface::find).transpose()?;
    let rtsp = args.upstream.0.clone();
    let plan = Plan { interface, rtcp_interval: REPORTS, loss: None, key: None, start: Duration::ZERO, rtsp };
    let place = Place::parse(&args.source)?;
    let mut link = Link::new(&place, plan)?;
    let server = Server::of_relayed(args.rtsp, &args.server)?;
    let mut edge = Edge { server, on_air: None, connections: 0, is_over: false, told: (Instant::now(), 0) };
    reporter.say(&format!("relaying {place}"));
    while !interrupt.asked() {
        match link.turn()? {
            Some(Event::Found) => edge.connect(&mut link, &reporter)?,
            Some(Event::Lost(why)) => reporter.warn(&format!("warning: {}", lost(&why, &link))),
            Some(Event::Other(title)) => reporter.say(&format!("announced is {title}")),
            Some(Event::Ended) if link.source().is_some_and(is_stored) => break,
            Some(Event::Ended) => edge.wait(&reporter),
            None => edge.is_over = false,
        }
        if reporter.show(Instant::now(), || edge.progress(&link))? == Audience::Gone {
            break;
        }
        std::thread::sleep(HEARTBEAT);
    }
    link.stop();
    reporter.finish(&edge.end(&link))
}

/// Whether it can be heard again from its start, and so has an end.
const fn is_stored(source: &Source) -> bool {
    matches!(source.length, Length::Stored(_))
}

/// That the source is gone, and when it is looked for.
fn lost(why: &str, link: &Link) -> String {
    match link.state() {
        State::Resting(wait) => format!("{why}; trying again in {} s", wait.as_secs_f64().ceil()),
        _ => why.to_owned(),
    }
}

impl Edge {
    /// Hands on the stream that the link has found. Who listens already goes on listening, unless it is described
    /// otherwise than before.
    fn connect(&mut self, link: &mut Link, reporter: &Reporter) -> Result<()> {
        let Some(source) = link.source().cloned() else { return Ok(()) };
        self.connections += 1;
        let is_as_before = self.on_air.as_ref().is_some_and(|it| it.stream == source.stream);
        if !is_as_before {
            suits(&source, reporter)?;
            if let Some(before) = self.on_air.take() {
                reporter.warn("warning: the stream is another one now, and its listeners have to connect again");
                before.passage.end();
            }
            let live = Live::relayed();
            self.server.put_live(&source.title, &live, &source.stream);
            let (title, stream) = (source.title, source.stream);
            self.on_air = Some(OnAir { title, stream, passage: Passage::to(live) });
            let urls: Vec<String> = self.server.urls().collect();
            let object = serde_json::json!({ "type": "serving", "urls": urls });
            let _ = reporter.tell(&format!("serving {}", urls.join("\nserving ")), &object)?;
        }
        let Some(passage) = self.on_air.as_ref().map(|it| it.passage.clone()) else { return Ok(()) };
        link.start(move |packet| passage.take(packet))
    }

    /// The sender has ended its stream, and may come back.
    fn wait(&mut self, reporter: &Reporter) {
        if !std::mem::replace(&mut self.is_over, true) {
            reporter.say("the sender has ended the stream; waiting for it to come back");
        }
    }

    fn progress(&mut self, link: &Link) -> Progress {
        let tally = link.entrance().tally();
        let (before, octets) = std::mem::replace(&mut self.told, (Instant::now(), tally.octets));
        Progress {
            title: self.on_air.as_ref().map(|it| it.title.clone()),
            position: link.entrance().position().as_secs_f64(),
            packets: tally.packets,
            lost: Some(self.lost()),
            bit_rate: bits_per_second(tally.octets - octets, before.elapsed()),
            listening: Some(Listening { state: link.state(), jitter: None, depth: None }),
            clients: Some(self.server.clients()),
            ..Progress::default()
        }
    }

    fn lost(&self) -> u64 {
        self.on_air.as_ref().map_or(0, |it| it.passage.lost())
    }

    fn end(self, link: &Link) -> RelaySummary {
        let tally = link.entrance().tally();
        RelaySummary {
            duration: tally.duration.as_secs_f64(),
            packets: tally.packets,
            lost_packets: self.lost(),
            octets: tally.octets,
            connections: self.connections,
        }
    }
}

/// Whether listeners who come and go can be served with a stream.
fn suits(source: &Source, reporter: &Reporter) -> Result<()> {
    if !matches!(source.transport.protocol, Protocol::Avp | Protocol::Avpf) {
        let failure = Failure::new(format!("{} is encrypted, and an edge would give it out in clear", source.title));
        return Err(failure.hint("an RTSP server over TLS (rtsps://) can be relayed, with --rtsp-certificate"));
    }
    match source.config.journal {
        Journal::Recovery(Policy::ClosedLoop) => Err(Failure::new(format!(
            "the journal of {} follows the reports of its receivers, and an edge has its own",
            source.title
        ))
        .hint("rtpmidi broadcast --journal anchor has one that anybody can use")),
        Journal::None => {
            reporter
                .warn("warning: the stream has no journal: what is lost stays lost, and who comes late knows nothing");
            Ok(())
        }
        Journal::Recovery(Policy::Anchor | Policy::OpenLoop) => Ok(()),
    }
}
