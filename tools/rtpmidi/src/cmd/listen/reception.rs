//! The pipeline of a listener:
//!
//! ```text
//!  RTP socket ──(wire)─▶ appsrc ─▶┌────────┐─▶ funnel ─▶ rtpmididepay ─▶ tee ─▶ outputs
//! RTCP socket ──(wire)─▶ appsrc ─▶│ rtpbin │
//!      ▲                          └────────┘─▶ appsink ─┐
//!      └────────────────────────────────────────────────┘ receiver reports
//! ```
//!
//! The sockets are our own, because only one sender is to be heard, and `udpsrc` does not look who sends.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gst::prelude::*;

use super::Silence;
use super::outputs::Outputs;
use super::overture::Overture;
use super::source::Source;
use super::wire::Wire;
use crate::elements::{self, make, with};
use crate::failure::{Failure, Result};
use crate::interface::Interface;
use crate::loss::Channel;
use crate::report::{ListenSummary, Progress, bits_per_second};
use crate::rtp::{goodbye, is_rtcp};
use crate::sockets::{self, Membership, Reader};
use crate::sounding::Sounding;

/// The running listener.
pub(super) struct Reception {
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    session: gst::Element,
    depay: gst::Element,
    rtp: gst_app::AppSrc,
    rtcp_socket: UdpSocket,
    readers: Vec<Reader>,
    wire: Arc<Mutex<Wire>>,
    music: Arc<Mutex<Music>>,
    overture: Option<Overture>,
    /// Nobody reads what is printed any more.
    gone: Arc<AtomicBool>,
    started: Instant,
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
    /// Where a group is joined.
    pub(super) interface: Option<Interface>,
    /// What is lost on purpose.
    pub(super) loss: Option<Channel>,
}

/// What came out of the depayloader.
#[derive(Default)]
struct Music {
    events: u64,
    sounding: Sounding,
}

/// How long packets that have arrived and files may take after the end.
const FAREWELL: Duration = Duration::from_secs(10);

/// How long packets may still come behind a goodbye, which takes another way through the network.
const STRAGGLERS: Duration = Duration::from_millis(200);

impl Reception {
    /// Opens the sockets and starts the pipeline.
    pub(super) fn start(source: &Source, plan: Plan, outputs: &Outputs<'_>) -> Result<Self> {
        let membership = Membership { interface: plan.interface, sources: source.wanted() };
        let rtp_socket = sockets::open(source.rtp(), &membership)?;
        let shared = source.rtp() == source.rtcp();
        let rtcp_socket = if shared { clone(&rtp_socket) } else { sockets::open(source.rtcp(), &membership) }?;
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

        let wire = Arc::new(Mutex::new(Wire::new(&source.stream, source.senders.clone(), plan.loss)));
        send_reports(&reports, clone(&rtcp_socket)?, wire.clone())?;
        let started = Instant::now();
        let mut reception = Self {
            pipeline,
            bus,
            session,
            depay,
            rtp: rtp.clone(),
            rtcp_socket: clone(&rtcp_socket)?,
            readers: Vec::new(),
            wire: wire.clone(),
            music,
            overture,
            gone,
            started,
            stopped: None,
            told: (started, 0),
        };
        if reception.pipeline.set_state(gst::State::Playing).is_err() {
            return Err(elements::why(&reception.bus));
        }
        let take_rtcp = {
            let wire = wire.clone();
            move |from: SocketAddr, datagram: &[u8]| {
                if lock(&wire).rtcp(started.elapsed(), from, datagram) {
                    push(&rtcp, datagram);
                }
            }
        };
        let mut take_shared = shared.then(|| take_rtcp.clone());
        reception.readers.push(Reader::start("rtp", rtp_socket, move |from, datagram| match &mut take_shared {
            Some(take_rtcp) if is_rtcp(datagram) => take_rtcp(from, datagram),
            _ => {
                if lock(&wire).rtp(started.elapsed(), from, datagram) {
                    push(&rtp, datagram);
                }
            }
        })?);
        if !shared {
            reception.readers.push(Reader::start("rtcp", rtcp_socket, take_rtcp)?);
        }
        Ok(reception)
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
        let left = lock(&self.wire).left_for(self.started.elapsed());
        if self.gone.load(Ordering::SeqCst) || left.is_some_and(|time| time >= STRAGGLERS) {
            self.stop();
        }
        match self.stopped {
            Some(stopped) if stopped.elapsed() > FAREWELL => Err(Failure::new("the recording does not end")),
            _ => Ok(false),
        }
    }

    /// How long nothing has come; `None` when nothing is waited for.
    pub(super) fn silence(&self) -> Option<Silence> {
        if self.stopped.is_some() {
            return None;
        }
        let now = self.started.elapsed();
        Some(match lock(&self.wire).silent_for(now) {
            Some(silence) => Silence::AfterLast(silence),
            None => Silence::BeforeFirst(now),
        })
    }

    /// Whether the sender has been heard at all.
    pub(super) fn was_heard(&self) -> bool {
        lock(&self.wire).first().is_some()
    }

    /// Takes leave, ends the notes that sound, and completes the files. Once is enough.
    pub(super) fn stop(&mut self) {
        if self.stopped.is_some() {
            return;
        }
        self.stopped = Some(Instant::now());
        self.readers.clear();
        self.overture.iter().for_each(Overture::end);
        self.say_goodbye();
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
        let (position, packets, octets) = {
            let wire = lock(&self.wire);
            let position = wire.first().map_or(Duration::ZERO, |first| self.started.elapsed().saturating_sub(first));
            (position, wire.packets(), wire.octets())
        };
        let (before, octets_before) = std::mem::replace(&mut self.told, (Instant::now(), octets));
        let stats = Stats::of(&self.depay);
        Progress {
            position: position.as_secs_f64(),
            duration: None,
            packets,
            lost: Some(stats.lost),
            repaired: Some(stats.repaired),
            coverage: None,
            bit_rate: bits_per_second(octets - octets_before, before.elapsed()),
        }
    }

    /// Stops everything and says what it came to.
    pub(super) fn end(self) -> ListenSummary {
        let stats = Stats::of(&self.depay);
        let (wire, music) = (lock(&self.wire), lock(&self.music));
        ListenSummary {
            duration: wire.duration().as_secs_f64(),
            packets: wire.packets(),
            lost_packets: stats.lost,
            dropped_on_purpose: wire.dropped(),
            foreign_datagrams: wire.foreign(),
            events: music.events,
            commands_repaired: stats.repaired,
            notes_silenced: stats.silenced,
            hanging_notes: music.sounding.notes().into(),
            octets: wire.octets(),
        }
    }

    /// Tells the sender that nobody needs its journal any more; otherwise it would wait for reports for a while.
    fn say_goodbye(&self) {
        let Some(to) = lock(&self.wire).reports_to() else { return };
        if let Some(session) = elements::session(&self.session) {
            // A lost BYE costs the sender some octets.
            let _ = self.rtcp_socket.send_to(&goodbye(session.property("internal-ssrc")), to);
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

fn push(source: &gst_app::AppSrc, datagram: &[u8]) {
    // It is refused when the pipeline stops; then nobody wants it.
    let _ = source.push_buffer(gst::Buffer::from_slice(datagram.to_vec()));
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

/// Sends what the session reports to where the sender's reports come from.
fn send_reports(sink: &gst::Element, socket: UdpSocket, wire: Arc<Mutex<Wire>>) -> Result<()> {
    let sink = sink.downcast_ref::<gst_app::AppSink>().ok_or_else(|| Failure::new("appsink is none"))?;
    sink.set_property("sync", false);
    sink.set_property("async", false);
    sink.set_callbacks(
        gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let to = lock(&wire).reports_to();
                if let (Some(to), Some(Ok(report))) = (to, sample.buffer().map(gst::BufferRef::map_readable)) {
                    // The next report says the same and more.
                    let _ = socket.send_to(&report, to);
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

fn clone(socket: &UdpSocket) -> Result<UdpSocket> {
    socket.try_clone().map_err(|error| Failure::new(format!("no UDP socket: {error}")))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
