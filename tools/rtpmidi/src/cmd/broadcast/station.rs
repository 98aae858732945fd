//! The pipeline of a broadcast:
//!
//! ```text
//!            ┌─ smfparse ◀─ filesrc             ┌────────┐─ send_rtp_src ──▶ multiudpsink  HOST:PORT …
//!  concat ◀──┼─ smfparse ◀─ filesrc             │        │
//!    │       └─ …                               │ rtpbin │─ send_rtcp_src ─▶ multiudpsink  HOST:PORT+1 …
//!    └─▶ clocksync ─▶ (tap) rtpmidipay ────────▶│        │                      │ one socket
//!                                               └────────┘◀─ recv_rtcp_sink ─ udpsrc
//! ```
//!
//! A live source stands in the place of `concat` and `clocksync`. `clocksync` makes the music of files live: what is behind
//! it happens now, so that the payloader keeps time by the clock and the notes that sound can be ended at any moment.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;
use rtp_midi::{Config, Journal};
use rtp_midi_sdp::{Clocks, Parameters};

use super::feed::{Feed, Play};
use super::input::{Input, Intake};
use super::metadata::Prompter;
use super::name::Name;
use super::network::{Ear, Way};
use super::now_playing::NowPlaying;
use super::piece::Piece;
use super::programme::{self, Pace};
use super::rotation::Rotation;
use super::tap::Tap;
use crate::description::PAYLOAD_TYPE;
use crate::elements;
use crate::failure::{Failure, Result};
use crate::interface::Interface;
use crate::lock::lock;
use crate::report::{BroadcastSummary, Coverage, Progress, bits_per_second};
use crate::srtp::{self, Key};
use crate::sync::Lockstep;

/// What to play, where to, and in what packets.
pub(super) struct Plan<'a> {
    pub(super) channel: Option<&'a Name>,
    pub(super) title: &'a str,
    pub(super) music: &'a Music,
    /// All of one family.
    pub(super) to: &'a [SocketAddr],
    pub(super) ttl: u8,
    /// Where packets to groups leave.
    pub(super) interface: Option<&'a Interface>,
    pub(super) config: &'a Config,
    pub(super) pace: Pace,
    /// Least time between two RTCP packets.
    pub(super) rtcp_interval: Duration,
    /// The clock that listeners share.
    pub(super) lockstep: Option<&'a Lockstep>,
    /// By which all packets are sealed.
    pub(super) key: Option<&'a Key>,
}

/// Where messages come from.
#[derive(Clone)]
pub(super) enum Music {
    /// Files that have been read and checked, and the seconds that all of them take; `None` when they have no end.
    Files {
        rotation: Rotation,
        play: Play,
        duration: Option<f64>,
    },
    Live(Input),
}

/// What stands in front of the payloader.
enum Front {
    Feed(Box<Feed>),
    Live(Intake),
}

/// The running broadcast.
pub(super) struct Station {
    channel: Option<Name>,
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    front: Front,
    now_playing: NowPlaying,
    prompter: Prompter,
    tap: Tap,
    pay: gst::Element,
    /// Hears listeners, where packets go to some directly.
    ear: Option<Ear>,
    sent: Arc<Mutex<Sent>>,
    has_journal: bool,
    lockstep: Option<Lockstep>,
    /// Seconds the whole broadcast takes; `None` when it has no end.
    duration: Option<f64>,
    stopped: bool,
    /// The latest warning.
    warned: Option<String>,
    /// When progress was told last, and what had been sent then.
    told: (Instant, Sent),
    /// How many reported when the music was not over yet. Behind its end they take their leave.
    receivers: u64,
}

/// What has left the payloader.
#[derive(Clone, Copy, Default)]
struct Sent {
    packets: u64,
    octets: u64,
    journal_octets: u64,
    /// Running time of the first and the last packet.
    first: Option<gst::ClockTime>,
    last: Option<gst::ClockTime>,
}

/// How long the last packets and the BYE may take after the end of the music.
const FAREWELL: Duration = Duration::from_secs(5);

impl Station {
    /// Builds the pipeline; nothing is sent yet.
    pub(super) fn build(plan: &Plan<'_>) -> Result<Self> {
        let pipeline = gst::Pipeline::new();
        let bus = pipeline.bus().ok_or_else(|| Failure::new("the pipeline has no bus"))?;
        let now_playing = NowPlaying::default();
        let pay = payloader(plan)?;
        let front = Front::build(&pipeline, &pay, plan.music, &now_playing)?;
        let prompter = Prompter::at(&pay, plan.title, now_playing.clone(), plan.rtcp_interval)?;
        let mut ear = None;
        if plan.to.is_empty() {
            // The packets of the end have their times here as well.
            // It is on time like a sink of the network: one that waited longer would hold up the next packet, which
            // listeners by RTSP get in front of it.
            let on_time: [(&str, &dyn ToValue); 3] =
                [("async", &false), ("sync", &true), ("processing-deadline", &0_u64)];
            let nowhere = elements::with("fakesink", &on_time)?;
            elements::add(&pipeline, &[&nowhere])?;
            elements::link(&elements::pad(&pay, "src")?, &elements::pad(&nowhere, "sink")?)?;
        } else {
            let Plan { to, ttl, interface, rtcp_interval, key, lockstep, .. } = *plan;
            let way = Way { to, ttl, interface, rtcp_interval, key, lockstep };
            ear = Some(way.connect(&pipeline, &pay, &prompter)?);
        }

        let sent = Arc::new(Mutex::new(Sent::default()));
        count(&elements::pad(&pay, "src")?, sent.clone());
        let music = elements::pad(&pay, "sink")?;
        now_playing.watch(&music);
        let tap = Tap::on(music);
        Ok(Self {
            channel: plan.channel.cloned(),
            pipeline,
            bus,
            front,
            now_playing,
            prompter,
            tap,
            pay,
            ear,
            sent,
            has_journal: plan.config.journal != Journal::None,
            lockstep: plan.lockstep.cloned(),
            duration: match plan.music {
                Music::Files { duration, .. } => *duration,
                Music::Live(_) => None,
            },
            stopped: false,
            warned: None,
            told: (Instant::now(), Sent::default()),
            receivers: 0,
        })
    }

    /// What its timestamps follow.
    pub(super) fn clocks(&self) -> Clocks {
        self.lockstep.as_ref().map(Lockstep::clocks).unwrap_or_default()
    }

    /// Who tells listeners what is played.
    pub(super) const fn prompter(&self) -> &Prompter {
        &self.prompter
    }

    /// What is heard now.
    pub(super) fn title(&self) -> Option<String> {
        self.now_playing.title()
    }

    /// Files that could not be played when their turn came, since the last call.
    pub(super) fn left_out(&mut self) -> Vec<PathBuf> {
        match &mut self.front {
            Front::Feed(feed) => feed.left_out(),
            Front::Live(_) => Vec::new(),
        }
    }

    /// Where packets leave the payloader.
    pub(super) fn packets(&self) -> Result<gst::Pad> {
        elements::pad(&self.pay, "src")
    }

    /// Starts the music. `warn` is told of files that cannot be played any more.
    pub(super) fn play(&mut self, warn: impl Fn(&str)) -> Result<()> {
        if let Front::Feed(feed) = &mut self.front {
            feed.turn(&warn)?;
        }
        self.told = (Instant::now(), Sent::default());
        if let Some(lockstep) = &self.lockstep {
            lockstep.start(&self.pipeline, &self.pay);
        }
        self.pipeline.set_state(gst::State::Playing).map_err(|_| elements::why(&self.bus))?;
        if let Front::Live(intake) = &self.front {
            intake.start()?;
        }
        Ok(())
    }

    /// Handles what has happened, after waiting for it for at most `patience`. True when the broadcast is over.
    /// `warn` is told what does not end it, once: a network that takes no packet would say so for each.
    pub(super) fn turn(&mut self, patience: gst::ClockTime, warn: impl Fn(&str)) -> Result<bool> {
        let mut message = self.bus.timed_pop(patience);
        while let Some(happened) = message {
            match happened.view() {
                gst::MessageView::Eos(_) => return Ok(true),
                // The feed is refused then, and says so.
                gst::MessageView::Error(error) if !self.stopped => return Err(elements::failure(error)),
                gst::MessageView::Warning(warning) => {
                    let words = elements::warning(warning);
                    if self.warned.as_ref() != Some(&words) {
                        warn(&words);
                        self.warned = Some(words);
                    }
                }
                gst::MessageView::Element(message) => {
                    if let Some(words) = self.front.news(message.structure()) {
                        warn(&words);
                    }
                }
                gst::MessageView::Latency(_) => {
                    // Failing means that an element is leaving: the pipeline asks again when it is gone.
                    let _ = self.pipeline.recalculate_latency();
                }
                _ => {}
            }
            message = self.bus.pop();
        }
        if let (false, Front::Feed(feed)) = (self.stopped, &mut self.front) {
            feed.turn(&warn)?;
        }
        if let Some(words) = self.front.news(None) {
            warn(&words);
        }
        self.prompter.turn();
        if self.tap.ended().is_none() {
            self.receivers = Stats::of(&self.pay).receivers;
        }
        Ok(self.tap.ended().is_some_and(|ended| ended.elapsed() > FAREWELL))
    }

    /// Ends the notes that sound and then the stream, which takes as long as the guard packets. Once is enough.
    pub(super) fn stop(&mut self) {
        if !std::mem::replace(&mut self.stopped, true) {
            let (tap, now) = (self.tap.clone(), self.pipeline.current_running_time());
            // The sink keeps it waiting for the time of each packet.
            std::thread::spawn(move || tap.end(now));
        }
    }

    /// A piece has come into the programme.
    pub(super) fn insert(&mut self, piece: Arc<Piece>) {
        if let Front::Feed(feed) = &mut self.front {
            feed.insert(piece);
        }
    }

    /// A file has gone from the programme.
    pub(super) fn remove(&mut self, path: &Path) {
        if let Front::Feed(feed) = &mut self.front {
            feed.remove(path);
        }
    }

    /// Where the broadcast is.
    pub(super) fn progress(&mut self) -> Progress {
        let stats = Stats::of(&self.pay);
        let sent = Sent { journal_octets: stats.journal_octets, ..*lock(&self.sent) };
        let (before, told) = std::mem::replace(&mut self.told, (Instant::now(), sent));
        let in_journals = sent.journal_octets.saturating_sub(told.journal_octets);
        let position = self.pipeline.current_running_time().unwrap_or_default().seconds_f64();
        Progress {
            channel: self.channel.as_ref().map(Name::to_string),
            title: self.title(),
            position: self.duration.map_or(position, |duration| position.min(duration)),
            duration: self.duration,
            packets: sent.packets,
            lost: None,
            repaired: None,
            coverage: self.has_journal.then(|| Coverage {
                receivers: stats.receivers,
                packets: stats.checkpoint_distance,
                octets: mean(in_journals, sent.packets - told.packets),
            }),
            bit_rate: bits_per_second(sent.octets - told.octets, before.elapsed()),
            listening: None,
            clients: None,
        }
    }

    /// Stops everything and says what it came to.
    pub(super) fn end(self) -> BroadcastSummary {
        let stats = Stats::of(&self.pay);
        let events = self.tap.events();
        let sent = *lock(&self.sent);
        BroadcastSummary {
            channel: self.channel.as_ref().map(Name::to_string),
            duration: sent.last.unwrap_or_default().saturating_sub(sent.first.unwrap_or_default()).seconds_f64(),
            packets: sent.packets,
            events,
            octets: sent.octets,
            journal_octets: stats.journal_octets,
            receivers: self.receivers,
            checkpoint_distance: stats.checkpoint_distance,
            refused_reports: self.ear.as_ref().map_or(0, Ear::refused),
        }
    }
}

impl Front {
    /// Puts it in front of the payloader.
    fn build(pipeline: &gst::Pipeline, pay: &gst::Element, music: &Music, now_playing: &NowPlaying) -> Result<Self> {
        match music {
            Music::Files { rotation, play, .. } => {
                let feed = Feed::new(pipeline, rotation.clone(), *play, now_playing.clone())?;
                let clocksync = elements::make("clocksync")?;
                elements::chain(pipeline, &[&clocksync, pay])?;
                elements::link(&elements::pad(feed.element(), "src")?, &elements::pad(&clocksync, "sink")?)?;
                Ok(Self::Feed(Box::new(feed)))
            }
            Music::Live(input) => {
                let intake = input.intake()?;
                // What is behind a live source may take its time.
                let queue = elements::with("queue", &[("max-size-time", &0_u64)])?;
                elements::chain(pipeline, &[intake.element(), &queue, pay])?;
                Ok(Self::Live(intake))
            }
        }
    }

    /// What people should know of a live source.
    fn news(&mut self, message: Option<&gst::StructureRef>) -> Option<String> {
        match self {
            Self::Live(intake) => intake.news(message),
            Self::Feed(_) => None,
        }
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn payloader(plan: &Plan<'_>) -> Result<gst::Element> {
    let ptime = i64::from(plan.pace.ptime) * 1_000_000;
    let guardtime = u64::from(plan.pace.guardtime.unwrap_or(0)) * 1_000_000;
    let fresh = u64::from(plan.config.fresh) * 1_000_000_000 / u64::from(plan.config.clock_rate);
    // Unless numbers are to begin low, they are random (RFC 3550, 5.1).
    let first = plan.key.map_or(-1, |_| srtp::first_sequence());
    elements::with(
        "rtpmidipay",
        &[
            ("pt", &u32::from(PAYLOAD_TYPE)),
            ("mtu", &(plan.config.mtu as u32)),
            ("fmtp", &Parameters::of(plan.config).to_string()),
            ("min-ptime", &ptime),
            ("ptime-multiple", &programme::ptime_multiple(plan.config)),
            ("guardtime", &guardtime),
            ("fresh", &fresh),
            ("seqnum-offset", &first),
            ("ssrc-per-cycle", &plan.key.is_some()),
        ],
    )
}

fn count(pad: &gst::Pad, sent: Arc<Mutex<Sent>>) {
    let weak = pad.downgrade();
    elements::for_each_buffer(pad, move |packet| {
        // The sink waits for the running time of the packet, which may be some way ahead.
        let segment = weak.upgrade().as_ref().and_then(elements::segment);
        let at = segment.and_then(|segment| segment.to_running_time(packet.pts()));
        let mut sent = lock(&sent);
        sent.packets += 1;
        sent.octets += packet.size() as u64;
        sent.first = sent.first.or(at);
        sent.last = at.or(sent.last);
    });
}

/// The numbers that only the payloader knows.
struct Stats {
    journal_octets: u64,
    receivers: u64,
    checkpoint_distance: u64,
}

impl Stats {
    fn of(pay: &gst::Element) -> Self {
        let stats: gst::Structure = pay.property("stats");
        let number = |name| stats.get::<u64>(name).unwrap_or_default();
        Self {
            journal_octets: number("journal-octets"),
            receivers: number("reporters"),
            checkpoint_distance: number("checkpoint-distance"),
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "no stream has 2^53 octets")]
fn mean(octets: u64, packets: u64) -> f64 {
    octets as f64 / packets.max(1) as f64
}
