//! What turns the packets of one connection into messages:
//!
//! ```text
//!      ┌ bin ──────────────────────────────────────┐
//! link ┼─ RTP ──▶ appsrc ─▶┌────────┐─▶ funnel ─────┼─▶ rtpmididepay ─▶
//!      ┼─ RTCP ─▶ appsrc ─▶│ rtpbin │               │
//!      ┼◀─ receiver reports └────────┘               │
//!      └────────────────────────────────────────────┘
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gst::prelude::*;

use super::captions::Captions;
use super::depth::{Depth, Gauge};
use crate::elements::{self, make, with};
use crate::failure::{Failure, Result};
use crate::intake::{Entrance, Packet, Source};
use crate::lock::lock;
use crate::rtp::goodbye;
use crate::sync::Schedule;

/// One receiver. It is not used again for another connection, whose stream is described anew.
pub(super) struct Receiver {
    bin: gst::Bin,
    session: gst::Element,
    depay: gst::Element,
    captions: Captions,
    rtp: gst_app::AppSrc,
    rtcp: gst_app::AppSrc,
    clock_rate: u32,
    gauge: Arc<Mutex<Gauge>>,
    schedule: Option<Arc<Schedule>>,
}

/// How to receive.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// For how long late packets are waited for.
    pub(super) depth: Depth,
    /// When messages are played, if others play them at the same moment.
    pub(super) schedule: Option<Arc<Schedule>>,
    /// Least time between two RTCP packets.
    pub(super) rtcp_interval: Duration,
}

/// The numbers that only the depayloader knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Stats {
    pub(super) lost: u64,
    pub(super) repaired: u64,
    pub(super) silenced: u64,
}

/// How late a note may come: those who play leave out what is too late for them.
const EVER: gst::ClockTime = gst::ClockTime::from_seconds(3600);

impl Receiver {
    /// A receiver of the stream `source`, which has this number. Reports leave by `entrance`.
    pub(super) fn new(source: &Source, number: usize, entrance: Arc<Entrance>, plan: &Plan) -> Result<Self> {
        let bin = gst::Bin::new();
        let gauge = Gauge::new(&source.config, plan.depth);
        let session = with("rtpbin", &[("latency", &gauge.depth()), ("do-lost", &true)])?;
        if let Some(schedule) = &plan.schedule {
            schedule.follow(&source.clocks, source.stream.clock_rate);
            schedule.time_packets(&session);
        }
        let parameters = source.stream.parameters.to_string();
        let (funnel, depay) = (make("funnel")?, with("rtpmididepay", &[("fmtp", &parameters)])?);
        depay.set_property("late-notes", EVER.nseconds());
        let (rtp, rtcp) = (packets(&source.caps())?, packets(&gst::Caps::new_empty_simple("application/x-rtcp"))?);
        let reports = make("appsink")?;
        // The reports never end, and the pipeline must not wait for them.
        reports.unset_element_flags(gst::ElementFlags::SINK);
        elements::add(&bin, &[&session, rtp.upcast_ref(), rtcp.upcast_ref(), &reports, &funnel])?;
        connect(&session, &rtp, "recv_rtp_sink_0")?;
        connect(&session, &rtcp, "recv_rtcp_sink_0")?;
        elements::link(&elements::pad(&session, "send_rtcp_src_0")?, &elements::pad(&reports, "sink")?)?;
        end_without_packets(&session, &rtp, &depay);
        hear_from_the_first_packet(&session);
        expect_no_rhythm(&session);
        elements::report_every(&session, plan.rtcp_interval);
        gather(&session, &funnel);
        send_reports(&reports, entrance, number)?;
        let captions = Captions::attach(&session, &depay, source.stream.clock_rate)?;
        let out = gst::GhostPad::with_target(&elements::pad(&funnel, "src")?);
        let out = out.map_err(|error| elements::unbuilt(&error))?;
        let (gauge, schedule) = (Arc::new(Mutex::new(gauge)), plan.schedule.clone());
        tell_latency(out.upcast_ref(), gauge.clone());
        bin.add_pad(&out).map_err(|error| elements::unbuilt(&error))?;
        Ok(Self { bin, session, depay, captions, rtp, rtcp, clock_rate: source.stream.clock_rate, gauge, schedule })
    }

    /// Puts it into `pipeline`, in front of `sink`.
    pub(super) fn join(&self, pipeline: &gst::Pipeline, sink: &gst::Pad) -> Result<()> {
        elements::chain(pipeline, &[self.bin.upcast_ref(), &self.depay])?;
        elements::link(&elements::pad(&self.depay, "src")?, sink)?;
        elements::follow(&self.depay)?;
        elements::follow(self.bin.upcast_ref())
    }

    /// Takes it out again. What sounds is ended: the depayloader does so when it stops and those behind it do not.
    pub(super) fn leave(&self, pipeline: &gst::Pipeline) {
        for element in [&self.depay, self.bin.upcast_ref()] {
            // Neither fails for an element that is there and is not used again.
            let _ = element.set_state(gst::State::Null);
            let _ = pipeline.remove(element);
        }
    }

    /// What the sender says beside its music.
    pub(super) const fn captions(&self) -> &Captions {
        &self.captions
    }

    /// Takes packets.
    pub(super) fn inlet(&self) -> impl Fn(Packet<'_>) + Clone + Send + Sync + use<> {
        let (rtp, rtcp) = (self.rtp.clone(), self.rtcp.clone());
        let (gauge, schedule) = (self.gauge.clone(), self.schedule.clone());
        move |packet| {
            let (source, octets, at) = match packet {
                Packet::Rtp { octets, age } => {
                    let age = gst::ClockTime::try_from(age).unwrap_or_default();
                    let at = rtp.current_running_time().map(|now| now.saturating_sub(age));
                    if let Some(at) = at {
                        lock(&gauge).arrive(at, octets);
                    }
                    (&rtp, octets, at)
                }
                Packet::Rtcp(octets) => {
                    if let Some(schedule) = &schedule {
                        schedule.learn(octets);
                    }
                    (&rtcp, octets, None)
                }
            };
            let mut packet = gst::Buffer::from_slice(octets.to_vec());
            if let Some(packet) = packet.get_mut() {
                packet.set_pts(at);
                packet.set_dts(at);
            }
            // It is refused when the pipeline stops; then nobody wants it.
            let _ = source.push_buffer(packet);
        }
    }

    /// Lets packets wait longer or shorter, as has been measured. To be called now and then.
    pub(super) fn adapt(&self) {
        if let Some(depth) = lock(&self.gauge).changed() {
            self.session.set_property("latency", depth);
        }
    }

    /// Milliseconds that packets wait.
    pub(super) fn depth(&self) -> u32 {
        lock(&self.gauge).depth()
    }

    /// Ends the stream behind the packets that have come, those that still wait for others among them.
    pub(super) fn end(&self) {
        let _ = self.rtp.end_of_stream();
    }

    /// What tells the sender that it is listened to no more.
    pub(super) fn goodbye(&self) -> Option<Vec<u8>> {
        Some(goodbye(elements::session(&self.session)?.property("internal-ssrc")))
    }

    /// Losses and repairs so far.
    pub(super) fn stats(&self) -> Stats {
        let stats: gst::Structure = self.depay.property("stats");
        let number = |name| stats.get::<u64>(name).unwrap_or_default();
        Stats { lost: number("lost"), repaired: number("repaired"), silenced: number("silenced") }
    }

    /// How much the packets of the source `ssrc` vary in the time they take, in seconds (RFC 3550, 6.4.1).
    pub(super) fn jitter(&self, ssrc: u32) -> Option<f64> {
        let session = elements::session(&self.session)?;
        let source: Option<gst::glib::Object> = session.emit_by_name("get-source-by-ssrc", &[&ssrc]);
        let ticks = source?.property::<gst::Structure>("stats").get::<u32>("jitter").ok()?;
        Some(f64::from(ticks) / f64::from(self.clock_rate))
    }
}

impl std::ops::Add for Stats {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            lost: self.lost + other.lost,
            repaired: self.repaired + other.repaired,
            silenced: self.silenced + other.silenced,
        }
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

/// Where no packet has come, there is no way through `rtpbin` for the end of the stream: it goes round it. A first packet
/// may wait for long before it comes out, but has come all the same.
fn end_without_packets(session: &gst::Element, rtp: &gst_app::AppSrc, depay: &gst::Element) {
    let has_come = Arc::new(AtomicBool::new(false));
    let comes = has_come.clone();
    for_each_jitter_buffer(session, move |pad| {
        let comes = comes.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            comes.store(true, Ordering::Relaxed);
            gst::PadProbeReturn::Remove
        });
    });
    let (Some(packets), Some(music)) = (rtp.static_pad("src"), depay.static_pad("sink")) else { return };
    packets.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let is_end = info.event().is_some_and(|event| event.type_() == gst::EventType::Eos);
        if is_end && !has_come.load(Ordering::Relaxed) {
            music.send_event(gst::event::Eos::new());
        }
        gst::PadProbeReturn::Ok
    });
}

/// Calls `work` with the pad by which packets come to each jitter buffer that there will be.
fn for_each_jitter_buffer(session: &gst::Element, work: impl Fn(&gst::Pad) + Send + Sync + 'static) {
    session.connect("new-jitterbuffer", false, move |values| {
        work(&values.get(1)?.get::<gst::Element>().ok()?.static_pad("sink")?);
        None
    });
}

/// Without this, a sender counts only from two packets in a row on, and with losses that may take long.
fn hear_from_the_first_packet(session: &gst::Element) {
    if let Some(session) = elements::session(session) {
        session.set_property("probation", 0_u32);
    }
}

/// A jitter buffer takes packets to come evenly, and waits for a missing one as long as they were apart before: behind a
/// rest, a second for one in the middle of a run. Only packets of one moment teach it better, so it gets each twice, and
/// drops the second.
fn expect_no_rhythm(session: &gst::Element) {
    for_each_jitter_buffer(session, |pad| {
        let (is_copy, packets) = (AtomicBool::new(false), gst::PadProbeType::BUFFER);
        pad.add_probe(packets, move |pad, info| {
            if !is_copy.swap(true, Ordering::Relaxed) {
                if let Some(packet) = info.buffer() {
                    // What ends the stream does so for the packet itself as well.
                    let _ = pad.chain(packet.clone());
                }
                is_copy.store(false, Ordering::Relaxed);
            }
            gst::PadProbeReturn::Ok
        });
    });
}

/// Says how long packets wait before there are any, since the first message is to be played no sooner than the others.
fn tell_latency(pad: &gst::Pad, gauge: Arc<Mutex<Gauge>>) {
    pad.add_probe(gst::PadProbeType::QUERY_UPSTREAM, move |_, info| {
        let Some(gst::QueryViewMut::Latency(latency)) = info.query_mut().map(|query| query.view_mut()) else {
            return gst::PadProbeReturn::Ok;
        };
        latency.set(true, gst::ClockTime::from_mseconds(lock(&gauge).depth().into()), gst::ClockTime::NONE);
        gst::PadProbeReturn::Handled
    });
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
fn send_reports(sink: &gst::Element, entrance: Arc<Entrance>, number: usize) -> Result<()> {
    let sink = sink.downcast_ref::<gst_app::AppSink>().ok_or_else(|| Failure::new("appsink is none"))?;
    sink.set_property("sync", false);
    sink.set_property("async", false);
    sink.set_callbacks(
        gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                if let Some(Ok(report)) = sample.buffer().map(gst::BufferRef::map_readable) {
                    entrance.report(number, &report);
                }
                Ok(gst::FlowSuccess::Ok)
            })
            .build(),
    );
    Ok(())
}
