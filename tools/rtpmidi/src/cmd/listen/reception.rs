//! The pipeline of a listener, from the first connection to the end of its files:
//!
//! ```text
//! link ─▶ receiver ─▶ tee ─▶ outputs
//! ```
//!
//! The receiver comes and goes with the connection, the outputs stay.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gst::prelude::*;
use rtp_midi::midi::Sounding;
use rtp_midi_metadata::Piece;

use super::outputs::Outputs;
use super::overture::Overture;
use super::receiver::{Plan, Receiver, Stats};
use super::record::Recording;
use crate::elements::{self, make};
use crate::failure::{Failure, Result};
use crate::intake::{Entrance, Link, Packet, Source};
use crate::report::{ListenSummary, Listening, Progress, bits_per_second};

/// The running listener.
pub(super) struct Reception {
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    /// Where the messages of all receivers go.
    sink: gst::Pad,
    receiver: Option<Receiver>,
    plan: Plan,
    entrance: Arc<Entrance>,
    /// What earlier receivers came to.
    past: Stats,
    music: Arc<Mutex<Music>>,
    overture: Option<Overture>,
    recording: Option<Recording>,
    /// Nobody reads what is printed any more.
    gone: Arc<AtomicBool>,
    stopped: Option<Instant>,
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

/// How long packets that have arrived and files may take after the end.
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
        let (overture, recording) = outputs.attach(&pipeline, &tee, &gone)?;
        let heard = music.clone();
        elements::for_each_buffer(&sink, move |buffer| {
            if let Ok(message) = buffer.map_readable() {
                let mut music = lock(&heard);
                music.events += 1;
                music.sounding.observe(&message);
            }
        });
        let (receiver, past, stopped, told) = (None, Stats::default(), None, (Instant::now(), 0));
        Ok(Self {
            pipeline,
            bus,
            sink,
            receiver,
            plan,
            entrance,
            past,
            music,
            overture,
            recording,
            gone,
            stopped,
            told,
        })
    }

    /// Begins to receive the stream `source`; what is returned takes its packets.
    pub(super) fn connect(&mut self, source: &Source) -> Result<impl Fn(Packet<'_>) + Clone + Send + Sync + use<>> {
        self.disconnect();
        let receiver = Receiver::new(source, self.entrance.clone(), &self.plan)?;
        receiver.join(&self.pipeline, &self.sink)?;
        if self.pipeline.set_state(gst::State::Playing).is_err() {
            return Err(elements::why(&self.bus));
        }
        let inlet = receiver.inlet();
        self.receiver = Some(receiver);
        Ok(inlet)
    }

    /// The connection is no more: what sounds is ended, and the outputs go on in silence.
    pub(super) fn disconnect(&mut self) {
        if let Some(receiver) = self.receiver.take() {
            receiver.leave(&self.pipeline);
            self.past = self.past + receiver.stats();
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
        self.receiver.iter().for_each(Receiver::adapt);
        // What is due by now has come, if it comes at all.
        let depth = self.receiver.as_ref().map_or(0, Receiver::depth);
        let delay = gst::ClockTime::from_mseconds(depth.into()) + PATIENCE;
        let heard = self.pipeline.current_running_time().and_then(|now| now.checked_sub(delay));
        if let (Some(heard), Some(receiver), None) = (heard, &self.receiver, self.stopped) {
            receiver.captions().turn(heard);
        }
        if let (Some(heard), Some(recording)) = (heard, &self.recording) {
            recording.turn(heard.into()).iter().for_each(|words| warn(words));
        }
        match self.stopped {
            Some(stopped) if stopped.elapsed() > FAREWELL => Err(Failure::new("the recording does not end")),
            _ => Ok(false),
        }
    }

    /// The piece that has begun, once, and how many seconds it takes.
    pub(super) fn piece(&self) -> Option<(Piece, Option<f64>)> {
        self.receiver.as_ref()?.captions().piece()
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
        self.overture.iter().for_each(Overture::end);
        match &self.receiver {
            Some(receiver) => {
                // Otherwise the sender would wait for reports for a while, for whose sake it keeps its journal.
                receiver.goodbye().iter().for_each(|goodbye| self.entrance.report(goodbye));
                receiver.end();
            }
            None => {
                self.sink.send_event(gst::event::Eos::new());
            }
        }
    }

    /// Where the music is.
    pub(super) fn progress(&mut self, link: &Link) -> Progress {
        let tally = self.entrance.tally();
        let (before, octets_before) = std::mem::replace(&mut self.told, (Instant::now(), tally.octets));
        let stats = self.stats();
        let jitter = self.receiver.as_ref().and_then(|receiver| receiver.jitter(self.entrance.ssrc()?));
        let source = link.source();
        let told = self.receiver.as_ref().and_then(|receiver| receiver.captions().title());
        Progress {
            position: self.entrance.position().as_secs_f64(),
            duration: source.and_then(|source| source.length.seconds()),
            packets: tally.packets,
            lost: Some(stats.lost),
            repaired: Some(stats.repaired),
            bit_rate: bits_per_second(tally.octets - octets_before, before.elapsed()),
            title: told.or_else(|| source.map(|source| source.title.clone())),
            listening: Some(Listening {
                state: link.state(),
                jitter,
                depth: self.receiver.as_ref().map(Receiver::depth),
            }),
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
        self.receiver.as_ref().map_or(self.past, |receiver| self.past + receiver.stats())
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
