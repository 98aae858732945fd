//! The pipeline of a listener, from the first connection to the end of its files:
//!
//! ```text
//! link ─▶ receiver ─▶ tee ─▶ outputs
//! ```
//!
//! The receiver comes and goes with the connection, the outputs stay. Several streams of one name space have a receiver
//! each, and meet in front of the tee.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;
use rtp_midi::midi::Sounding;
use rtp_midi_metadata::Piece;

use super::merge::Merger;
use super::outputs::{Attached, Outputs};
use super::overture::Overture;
use super::receiver::{Plan, Receiver, Stats};
use crate::elements::{self, make};
use crate::failure::{Failure, Result};
use crate::intake::{Entrance, Link, Packet, Source};
use crate::lock::lock;
use crate::report::{ListenSummary, Listening, Progress, bits_per_second};

/// The running listener.
pub(super) struct Reception {
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    /// Where the messages of all receivers go.
    sink: gst::Pad,
    /// One for each stream.
    receivers: Vec<Receiver>,
    /// Where several streams meet.
    merger: Option<Merger>,
    plan: Plan,
    entrance: Arc<Entrance>,
    /// What earlier receivers came to.
    past: Stats,
    music: Arc<Mutex<Music>>,
    attached: Attached,
    /// Nobody reads what is printed any more.
    gone: Arc<AtomicBool>,
    /// When it was stopped, or when instruments had not got all yet or a file grew.
    stopped: Option<Instant>,
    /// How far it had grown then.
    written: u64,
    /// When, and after how many octets, progress was told last.
    told: (Instant, u64),
}

/// What came out of the receivers.
#[derive(Default)]
struct Music {
    events: u64,
    sounding: Sounding,
}

/// How long messages may take from one element to the next when the machine is busy.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// How long nothing may happen to files after the end, when instruments have all that has come.
const FAREWELL: Duration = Duration::from_secs(10);

impl Reception {
    /// Starts a pipeline without a receiver. Reports leave by `entrance`.
    pub(super) fn start(entrance: Arc<Entrance>, plan: Plan, outputs: &Outputs<'_>) -> Result<Self> {
        let pipeline = gst::Pipeline::new();
        let bus = pipeline.bus().ok_or_else(|| Failure::new("the pipeline has no bus"))?;
        let tee = make("tee")?;
        elements::add(&pipeline, &[&tee])?;
        let sink = elements::pad(&tee, "sink")?;
        let (gone, music) = (Arc::default(), Arc::<Mutex<Music>>::default());
        if let Some(schedule) = &plan.schedule {
            schedule.rule(&pipeline);
        }
        let attached = outputs.attach(&pipeline, &tee, &gone)?;
        let heard = music.clone();
        elements::for_each_buffer(&sink, move |buffer| {
            if let Ok(message) = buffer.map_readable() {
                let mut music = lock(&heard);
                music.events += 1;
                music.sounding.observe(&message);
            }
        });
        let (receivers, merger, past, stopped) = (Vec::new(), None, Stats::default(), None);
        let told = (Instant::now(), 0);
        Ok(Self {
            pipeline,
            bus,
            sink,
            receivers,
            merger,
            plan,
            entrance,
            past,
            music,
            attached,
            gone,
            stopped,
            written: 0,
            told,
        })
    }

    /// Begins to receive the streams that `link` has found; what is returned takes their packets, by the number of each.
    pub(super) fn connect(
        &mut self,
        source: &Source,
        link: &Link,
    ) -> Result<impl Fn(usize, Packet<'_>) + Clone + Send + Sync + use<>> {
        self.disconnect();
        if !source.others.is_empty() {
            self.merger = Some(Merger::join(&self.pipeline, &self.sink)?);
        }
        for (number, stream) in source.streams().enumerate() {
            let receiver = Receiver::new(stream, number, self.entrance.clone(), &self.plan)?;
            let lane = self.merger.as_ref().map(|merger| merger.lane(number)).transpose()?;
            receiver.join(&self.pipeline, lane.as_ref().unwrap_or(&self.sink))?;
            self.receivers.push(receiver);
        }
        if self.pipeline.current_state() != gst::State::Playing {
            self.change(gst::State::Paused)?;
            // Instruments take time to load, in which packets have come: their time is not before the start.
            self.pipeline.set_start_time(gst::ClockTime::try_from(link.waiting()).ok());
            self.change(gst::State::Playing)?;
        }
        let inlets: Vec<_> = self.receivers.iter().map(Receiver::inlet).collect();
        Ok(move |number: usize, packet: Packet<'_>| {
            if let Some(inlet) = inlets.get(number) {
                inlet(packet);
            }
        })
    }

    fn change(&self, state: gst::State) -> Result<()> {
        self.pipeline.set_state(state).map(drop).map_err(|_| elements::why(&self.bus))
    }

    /// The connection is no more: what sounds is ended, and the outputs go on in silence.
    pub(super) fn disconnect(&mut self) {
        for receiver in self.receivers.drain(..) {
            receiver.leave(&self.pipeline);
            self.past = self.past + receiver.stats();
        }
        if let Some(merger) = self.merger.take() {
            merger.leave(&self.pipeline);
        }
    }

    /// Handles what has happened, after waiting for it for at most `patience`. True when everything is over.
    /// `warn` is told what does not end it.
    pub(super) fn turn(&mut self, patience: gst::ClockTime, warn: impl Fn(&str)) -> Result<bool> {
        let message = self.bus.timed_pop(patience);
        match message.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Eos(_)) => return Ok(true),
            Some(gst::MessageView::Error(error)) => return Err(elements::failure(error)),
            Some(gst::MessageView::Warning(warning)) => warn(&describe(warning)),
            Some(gst::MessageView::Latency(_)) => {
                // Failing means that an element is coming or going, which asks again.
                let _ = self.pipeline.recalculate_latency();
            }
            _ => {}
        }
        if let Some(trouble) = self.plan.schedule.as_ref().and_then(|schedule| schedule.trouble()) {
            warn(&trouble);
        }
        self.receivers.iter().for_each(Receiver::adapt);
        // What is due by now has come, if it comes at all.
        let depth = self.depth().unwrap_or_default();
        let delay = gst::ClockTime::from_mseconds(depth.into()) + PATIENCE;
        let heard = self.pipeline.current_running_time().and_then(|now| now.checked_sub(delay));
        if let (Some(heard), None) = (heard, self.stopped) {
            self.receivers.iter().for_each(|receiver| receiver.captions().turn(heard));
        }
        if let (Some(heard), Some(recording)) = (heard, &self.attached.recording) {
            recording.turn(heard.into()).iter().for_each(|words| warn(words));
        }
        let written = self.attached.written.load(Ordering::Relaxed);
        if self.is_stopped() && (self.left().is_some() || self.written != written) {
            (self.stopped, self.written) = (Some(Instant::now()), written);
        }
        match self.stopped {
            Some(stopped) if stopped.elapsed() > FAREWELL => Err(Failure::new("the recording does not end")),
            _ => Ok(false),
        }
    }

    /// The piece that has begun, once, and how many seconds it takes.
    pub(super) fn piece(&self) -> Option<(Piece, Option<f64>)> {
        self.receivers.iter().find_map(|receiver| receiver.captions().piece())
    }

    /// When it has been stopped: how long instruments still take for what has come, if they do.
    pub(super) fn left(&self) -> Option<Duration> {
        self.attached.outlet.as_ref().filter(|_| self.is_stopped())?.left()
    }

    /// Whether it has been stopped.
    pub(super) const fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// Whether nobody reads what is printed any more.
    pub(super) fn is_unread(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    /// Takes leave, ends the notes that sound, and completes the files. Once is enough.
    pub(super) fn stop(&mut self) {
        if self.stopped.is_some() {
            return;
        }
        self.stopped = Some(Instant::now());
        self.attached.overtures.iter().for_each(Overture::end);
        for (number, receiver) in self.receivers.iter().enumerate() {
            // Otherwise the sender would wait for reports for a while, for whose sake it keeps its journal.
            receiver.goodbye().iter().for_each(|goodbye| self.entrance.report(number, goodbye));
            receiver.end();
        }
        if self.receivers.is_empty() {
            self.sink.send_event(gst::event::Eos::new());
        }
    }

    /// Where the music is.
    pub(super) fn progress(&mut self, link: &Link) -> Progress {
        let tally = self.entrance.tally();
        let (before, octets_before) = std::mem::replace(&mut self.told, (Instant::now(), tally.octets));
        let stats = self.stats();
        let jitter = |(number, receiver): (usize, &Receiver)| receiver.jitter(self.entrance.ssrc(number)?);
        let jitter = self.receivers.iter().enumerate().filter_map(jitter).max_by(f64::total_cmp);
        let source = link.source();
        let told = self.receivers.iter().find_map(|receiver| receiver.captions().title());
        Progress {
            position: link.position().as_secs_f64(),
            duration: source.and_then(|source| source.length.seconds()),
            packets: tally.packets,
            lost: Some(stats.lost),
            repaired: Some(stats.repaired),
            bit_rate: bits_per_second(tally.octets - octets_before, before.elapsed()),
            title: told.or_else(|| source.map(|source| source.title.clone())),
            listening: Some(Listening { state: link.state(), jitter, depth: self.depth(), left: self.left() }),
            ..Progress::default()
        }
    }

    /// Stops everything and says what it came to.
    pub(super) fn end(self) -> ListenSummary {
        let stats = self.stats();
        let (tally, music) = (self.entrance.tally(), lock(&self.music));
        ListenSummary {
            duration: tally.duration.as_secs_f64(),
            packets: tally.packets,
            lost_packets: stats.lost,
            dropped_on_purpose: tally.dropped,
            foreign_datagrams: tally.foreign,
            events: music.events,
            commands_repaired: stats.repaired,
            notes_silenced: stats.silenced,
            hanging_notes: music.sounding.notes().into(),
            octets: tally.octets,
        }
    }

    fn stats(&self) -> Stats {
        self.receivers.iter().fold(self.past, |sum, receiver| sum + receiver.stats())
    }

    /// Milliseconds that packets wait.
    fn depth(&self) -> Option<u32> {
        self.receivers.iter().map(Receiver::depth).max()
    }
}

impl Drop for Reception {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// What a warning means to the listener.
fn describe(warning: &gst::message::Warning) -> String {
    let words = elements::warning(warning);
    // Without a device it goes on, and does not say so.
    let is_device = warning.src().is_some_and(|source| source.name().starts_with("autoaudiosink"));
    if is_device { format!("{words}: no sound device, playing silently") } else { words }
}
