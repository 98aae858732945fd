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
use rtp_midi_sdp::{Clocks, Protocol, Stream};

use crate::elements;
use crate::failure::{Failure, Result};
use crate::intake::{Event, Link, Place, Plan, Source, State, Streams};
use crate::interface::Interface;
use crate::interrupt::Interrupt;
use crate::report::{Audience, Listening, Progress, RelaySummary, Reporter, bits_per_second};
use crate::serve::{Live, LiveChannel, Server};
use crate::srtp::{self, Key, Suite};
pub(crate) use options::Args;
use passage::Passage;

/// A server, and what it has.
struct Edge {
    server: Server,
    /// The key of the source's packets that the user gave, and whether clients' connections are encrypted.
    key: Option<Key>,
    is_private: bool,
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
    /// What its timestamps follow.
    clocks: Clocks,
    /// How its packets came to the edge.
    protocol: Protocol,
    /// By what they are sealed for clients.
    suite: Option<Suite>,
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
    let key = args.srtp_key.as_deref().map(|path| srtp::read_key(path, args.srtp_suite)).transpose()?;
    let plan = Plan {
        interface,
        rtcp_interval: REPORTS,
        loss: None,
        key: key.clone(),
        start: Duration::ZERO,
        rtsp,
        streams: Streams::First,
    };
    let place = Place::parse(&args.source)?;
    if let Place::Rtsp(url) = &place
        && url.is_secure()
        && !args.server.is_private()
    {
        return Err(in_clear(&place.to_string()));
    }
    let mut link = Link::new(&place, plan)?;
    let server = Server::of_relayed(args.rtsp, &args.server)?;
    let is_private = args.server.is_private();
    let (on_air, connections, is_over, told) = (None, 0, false, (Instant::now(), 0));
    let mut edge = Edge { server, key, is_private, on_air, connections, is_over, told };
    reporter.say(&format!("relaying {place}"));
    while !interrupt.asked() {
        match link.turn()? {
            Some(Event::Found) => edge.connect(&mut link, &reporter)?,
            Some(Event::Lost(why)) => reporter.warn(&format!("warning: {}", lost(&why, &link))),
            Some(Event::Other(title)) => reporter.say(&format!("announced is {title}")),
            // A server that is not asked again has nothing more to say.
            Some(Event::Ended) if matches!(place, Place::Rtsp(_)) => break,
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
        let (protocol, suite, lost) = (source.transport.protocol.clone(), self.suite(&source), self.lost());
        let described = (&source.stream, &source.clocks, &protocol, suite);
        let is_as_before =
            self.on_air.as_ref().is_some_and(|it| (&it.stream, &it.clocks, &it.protocol, it.suite) == described);
        if !is_as_before {
            if let Err(failure) = self.suits(&source, reporter) {
                if self.on_air.is_none() {
                    return Err(failure);
                }
                // Its packets stay where they are; when nothing comes of it, the source is looked at again.
                reporter.warn(&format!("warning: {}", failure.message()));
                return Ok(());
            }
            if let Some(before) = self.on_air.take() {
                reporter.warn("warning: the stream is another one now, and its listeners have to connect again");
                before.passage.end();
            }
            let live = Live::relayed();
            let Source { title, stream, clocks, .. } = source;
            let channel = LiveChannel {
                name: None,
                title: &title,
                live: &live,
                stream: stream.clone(),
                clocks: clocks.clone(),
                prompter: None,
            };
            self.server.put_live(&channel, suite);
            let passage = Passage::to(live, lost);
            self.on_air = Some(OnAir { title, stream, clocks, protocol, suite, passage });
            let urls: Vec<String> = self.server.urls().collect();
            let object = serde_json::json!({ "type": "serving", "urls": urls });
            let _ = reporter.tell(&format!("serving {}", urls.join("\nserving ")), &object)?;
        }
        self.connections += 1;
        let Some(passage) = self.on_air.as_ref().map(|it| it.passage.clone()) else { return Ok(()) };
        link.start(move |_, packet| passage.take(packet))
    }

    /// By what packets are sealed that came sealed: by what the source has them sealed, if that is known and RTSP has a word
    /// for it.
    fn suite(&self, source: &Source) -> Option<Suite> {
        let known = || {
            let key = self.key.clone().or_else(|| source.transport.crypto.iter().find_map(Key::of));
            key.map(|key| key.suite()).filter(|suite| suite.is_for_rtsp())
        };
        source.transport.protocol.has_crypto().then(|| known().unwrap_or_default())
    }

    /// Whether listeners who come and go can be served with a stream.
    fn suits(&self, source: &Source, reporter: &Reporter) -> Result<()> {
        if source.transport.protocol.has_crypto() && !self.is_private {
            return Err(in_clear(&source.title));
        }
        match source.config.journal {
            Journal::Recovery(Policy::ClosedLoop) => Err(Failure::new(format!(
                "the journal of {} follows the reports of its receivers, and an edge has its own",
                source.title
            ))
            .hint("rtpmidi broadcast --journal anchor has one that anybody can use")),
            Journal::None => {
                let words = "the stream has no journal: what is lost stays lost, and who comes late knows nothing";
                reporter.warn(&format!("warning: {words}"));
                Ok(())
            }
            Journal::Recovery(Policy::Anchor | Policy::OpenLoop) => Ok(()),
        }
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
            listening: Some(Listening { state: link.state(), jitter: None, depth: None, left: None }),
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

fn in_clear(what: &str) -> Failure {
    Failure::new(format!("{what} is encrypted, and an edge would give it out in clear"))
        .hint("--rtsp-certificate FILE serves it over TLS")
}
