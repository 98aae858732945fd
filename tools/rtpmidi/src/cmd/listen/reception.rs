//! The pipeline of a listener:
//!
//! ```text
//!        ┌─ RTP ──▶ appsrc ─▶┌────────┐─▶ funnel ─▶ rtpmididepay ─▶ tee ─▶ outputs
//! intake ┼─ RTCP ─▶ appsrc ─▶│ rtpbin │
//!        └◀─ receiver reports └────────┘
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gst::prelude::*;

use super::outputs::Outputs;
use super::overture::Overture;
use crate::elements::{self, make, with};
use crate::failure::{Failure, Result};
use crate::intake::{Entrance, Packet, Source};
use crate::report::{ListenSummary, Progress, bits_per_second};
use crate::rtp::goodbye;
use rtp_midi::midi::Sounding;

/// The running listener.
pub(super) struct Reception {
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    session: gst::Element,
    depay: gst::Element,
    rtp: gst_app::AppSrc,
    rtcp: gst_app::AppSrc,
    entrance: Arc<Entrance>,
    music: Arc<Mutex<Music>>,
    overture: Option<Overture>,
    /// Nobody reads what is printed any more.
    gone: Arc<AtomicBool>,
    stopped: Option<Instant>,
    /// When, and after how many octets, progress was told last.
    told: (Instant, u64),
}

/// How to receive.
pub(super) struct Plan {
    /// Milliseconds for which late packets are waited for.
    pub(super) latency: u32,
    /// Least time between two RTCP packets.
    pub(super) rtcp_interval: Duration,
}

/// What came out of the depayloader.
#[derive(Default)]
struct Music {
    events: u64,
    sounding: Sounding,
}

/// How long packets that have arrived and files may take after the end.
const FAREWELL: Duration = Duration::from_secs(10);

impl Reception {
    /// Starts the pipeline for packets of `source`, which [`Self::inlet`] takes. Reports leave by `entrance`.
    pub(super) fn start(source: &Source, entrance: Arc<Entrance>, plan: &Plan, outputs: &Outputs<'_>) -> Result<Self> {
        let pipeline = gst::Pipeline::new();
        let bus = pipeline.bus().ok_or_else(|| Failure::new("the pipeline has no bus"))?;
        let session = with("rtpbin", &[("latency", &plan.latency), ("do-lost", &true)])?;
        let parameters = source.stream.parameters.to_string();
        let (funnel, depay, tee) = (make("funnel")?, with("rtpmididepay", &[("fmtp", &parameters)])?, make("tee")?);
        let (rtp, rtcp) = (packets(&source.caps())?, packets(&gst::Caps::new_empty_simple("application/x-rtcp"))?);
        let reports = make("appsink")?;
        // The reports never end, and the pipeline must not wait for them.
        reports.unset_element_flags(gst::ElementFlags::SINK);
        elements::add(&pipeline, &[&session, rtp.upcast_ref(), rtcp.upcast_ref(), &reports])?;
        elements::chain(&pipeline, &[&funnel, &depay, &tee])?;
        connect(&session, &rtp, "recv_rtp_sink_0")?;
        connect(&session, &rtcp, "recv_rtcp_sink_0")?;
        elements::link(&elements::pad(&session, "send_rtcp_src_0")?, &elements::pad(&reports, "sink")?)?;
        hear_from_the_first_packet(&session);
        elements::report_every(&session, plan.rtcp_interval);
        gather(&session, &funnel);

        let (gone, music) = (Arc::default(), Arc::<Mutex<Music>>::default());
        let overture = outputs.attach(&pipeline, &tee, &gone)?;
        let heard = music.clone();
        elements::for_each_buffer(&elements::pad(&depay, "src")?, move |buffer| {
            if let Ok(message) = buffer.map_readable() {
                let mut music = lock(&heard);
                music.events += 1;
                music.sounding.observe(&message);
            }
        });

        send_reports(&reports, entrance.clone())?;
        if pipeline.set_state(gst::State::Playing).is_err() {
            return Err(elements::why(&bus));
        }
        let told = (Instant::now(), 0);
        Ok(Self { pipeline, bus, session, depay, rtp, rtcp, entrance, music, overture, gone, stopped: None, told })
    }

    /// Takes packets.
    pub(super) fn inlet(&self) -> impl Fn(Packet<'_>) + Clone + Send + 'static {
        let (rtp, rtcp) = (self.rtp.clone(), self.rtcp.clone());
        move |packet| {
            let (source, octets) = match packet {
                Packet::Rtp(octets) => (&rtp, octets),
                Packet::Rtcp(octets) => (&rtcp, octets),
            };
            // It is refused when the pipeline stops; then nobody wants it.
            let _ = source.push_buffer(gst::Buffer::from_slice(octets.to_vec()));
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
        match self.stopped {
            Some(stopped) if stopped.elapsed() > FAREWELL => Err(Failure::new("the recording does not end")),
            _ => Ok(false),
        }
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
        if let Some(session) = elements::session(&self.session) {
            // Otherwise the sender would wait for reports for a while, for whose sake it keeps its journal.
            self.entrance.report(&goodbye(session.property("internal-ssrc")));
        }
        let funnel_is_fed = self.session.src_pads().iter().any(|pad| pad.name().starts_with("recv_rtp_src_"));
        if funnel_is_fed {
            // Behind the packets that wait for others.
            let _ = self.rtp.end_of_stream();
        } else if let Some(pad) = self.depay.static_pad("sink") {
            pad.send_event(gst::event::Eos::new());
        }
    }

    /// Where the music is.
    pub(super) fn progress(&mut self) -> Progress {
        let tally = self.entrance.tally();
        let (before, octets_before) = std::mem::replace(&mut self.told, (Instant::now(), tally.octets));
        let stats = Stats::of(&self.depay);
        Progress {
            position: self.entrance.position().as_secs_f64(),
            packets: tally.packets,
            lost: Some(stats.lost),
            repaired: Some(stats.repaired),
            bit_rate: bits_per_second(tally.octets - octets_before, before.elapsed()),
            ..Progress::default()
        }
    }

    /// Stops everything and says what it came to.
    pub(super) fn end(self) -> ListenSummary {
        let stats = Stats::of(&self.depay);
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
}

impl Drop for Reception {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// The numbers that only the depayloader knows.
#[derive(Clone, Copy, Debug, Default)]
struct Stats {
    lost: u64,
    repaired: u64,
    silenced: u64,
}

impl Stats {
    fn of(depay: &gst::Element) -> Self {
        let stats: gst::Structure = depay.property("stats");
        let number = |name| stats.get::<u64>(name).unwrap_or_default();
        Self { lost: number("lost"), repaired: number("repaired"), silenced: number("silenced") }
    }
}

/// A source of packets that come now.
fn packets(caps: &gst::Caps) -> Result<gst_app::AppSrc> {
    let source = with("appsrc", &[("caps", caps), ("is-live", &true), ("do-timestamp", &true)])?;
    source.set_property("format", gst::Format::Time);
    source.downcast().map_err(|_| Failure::new("the GStreamer element appsrc is none"))
}

fn connect(session: &gst::Element, source: &gst_app::AppSrc, name: &str) -> Result<()> {
    elements::link(&elements::pad(source.upcast_ref(), "src")?, &elements::pad(session, name)?)
}

/// Without this, a sender counts only from two packets in a row on, and with losses that may take long.
fn hear_from_the_first_packet(session: &gst::Element) {
    if let Some(session) = elements::session(session) {
        session.set_property("probation", 0_u32);
    }
}

/// Brings every SSRC that appears to the one depayloader, which handles the change.
fn gather(session: &gst::Element, funnel: &gst::Element) {
    let funnel = funnel.downgrade();
    session.connect_pad_added(move |_, pad| {
        if let Some(funnel) = funnel.upgrade().filter(|_| pad.name().starts_with("recv_rtp_src_"))
            && let Some(sink) = funnel.request_pad_simple("sink_%u")
            && let Err(error) = pad.link(&sink)
        {
            gst::warning!(gst::CAT_DEFAULT, "{} cannot be heard: {error}", pad.name());
        }
    });
}

/// Sends what the session reports.
fn send_reports(sink: &gst::Element, entrance: Arc<Entrance>) -> Result<()> {
    let sink = sink.downcast_ref::<gst_app::AppSink>().ok_or_else(|| Failure::new("appsink is none"))?;
    sink.set_property("sync", false);
    sink.set_property("async", false);
    sink.set_callbacks(
        gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                if let Some(Ok(report)) = sample.buffer().map(gst::BufferRef::map_readable) {
                    entrance.report(&report);
                }
                Ok(gst::FlowSuccess::Ok)
            })
            .build(),
    );
    Ok(())
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
