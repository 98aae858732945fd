//! A live channel: packets of a broadcast here or elsewhere, so that everybody hears the same moment.
//!
//! The journal of each packet has all of the stream so far (`j_update=anchor`), which sets a late listener as the others
//! are with the first packet that it gets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use gst::glib;
use gst::prelude::*;
use gst_app::{AppLeakyType, AppSrc};
use gst_rtsp_server::RTSPMedia;
use gst_rtsp_server::prelude::*;
use rtp_midi_sdp::{Clocks, Stream};

use super::factory::{Factory, Sharing};
use super::form::Form;
use super::media::Words;
use super::reports::Reports;
use crate::caps;
use crate::elements;
use crate::lock::lock;

/// Hands packets to all listeners of a channel.
#[derive(Clone, Default)]
pub(crate) struct Live {
    outlets: Arc<Mutex<Vec<Outlet>>>,
    /// Where the RTCP of a sender elsewhere goes; none if the sender is here.
    reports: Option<Reports>,
    /// Streams that are kept ready.
    kept: Arc<Mutex<Vec<glib::WeakRef<RTSPMedia>>>>,
}

/// Where packets go into a pipeline of gst-rtsp-server. There is one for all listeners of a form.
struct Outlet {
    /// What the packets are to be, if they come in the other form.
    form: Option<Form>,
    source: glib::WeakRef<AppSrc>,
    /// Packets that have left the source since the pipeline plays.
    passed: Arc<AtomicU64>,
}

/// Packets that wait at most while a listener that has asked for the channel has not yet said PLAY: the oldest go.
const WAITING: u64 = 32;

/// Packets that wait at most when they have begun to flow, while the machine has no time to send them: those of half a
/// minute. Listeners get them late, and lose none.
const DELAYED: u64 = 1024;

impl Live {
    /// A channel that has the packets of a broadcast, where they leave the payloader.
    pub(crate) fn on(packets: &gst::Pad) -> Self {
        let live = Self::default();
        let ends = live.clone();
        packets.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if info.event().is_some_and(|event| event.type_() == gst::EventType::Eos) {
                ends.end();
            }
            gst::PadProbeReturn::Ok
        });
        let (takes, pad) = (live.clone(), packets.downgrade());
        elements::for_each_buffer(packets, move |packet| {
            let ahead = pad.upgrade().and_then(|pad| ahead(&pad, packet.pts())).unwrap_or_default();
            if let Ok(packet) = packet.map_readable() {
                takes.push(&packet, ahead);
            }
        });
        live
    }

    /// A channel that has packets of a sender elsewhere, and its RTCP.
    pub(crate) fn relayed() -> Self {
        Self { reports: Some(Reports::default()), ..Self::default() }
    }

    /// Sends a packet to everybody, when this much time has passed.
    pub(crate) fn push(&self, packet: &[u8], ahead: gst::ClockTime) {
        lock(&self.outlets).retain(|outlet| outlet.push(packet, ahead));
    }

    /// Sends RTCP of the sender to everybody.
    pub(crate) fn report(&self, compound: &[u8]) {
        if let Some(reports) = &self.reports {
            reports.send(compound);
        }
    }

    /// Says that nothing more comes.
    pub(crate) fn end(&self) {
        lock(&self.outlets).iter().for_each(Outlet::end);
        let kept = std::mem::take(&mut *lock(&self.kept));
        for media in kept.iter().filter_map(glib::WeakRef::upgrade) {
            // Nobody has it ready any more but who still listens, and counts for himself.
            let _ = media.unprepare();
        }
    }

    /// A source of the packets in this form; `stream` is what is pushed.
    pub(super) fn source(&self, stream: &Stream, form: Form) -> AppSrc {
        let described = form.of(stream);
        let source = AppSrc::builder()
            .caps(&caps::of(&described))
            .is_live(true)
            .format(gst::Format::Time)
            .max_buffers(WAITING)
            .leaky_type(AppLeakyType::Downstream)
            .build();
        let form = (described.format != stream.format).then_some(form);
        let passed = Arc::new(AtomicU64::new(0));
        if let Some(pad) = source.static_pad("src") {
            let passed = passed.clone();
            elements::for_each_buffer(&pad, move |_| {
                passed.fetch_add(1, Ordering::Relaxed);
            });
        }
        lock(&self.outlets).push(Outlet { form, source: source.downgrade(), passed });
        source
    }

    /// A factory of the channel for each form; `stream` is what is pushed.
    pub(super) fn factories(&self, title: &str, stream: &Stream, clocks: &Clocks) -> [(Form, Factory); 2] {
        Form::ALL.map(|form| {
            let (live, pushed) = (self.clone(), stream.clone());
            let make = move || Ok(vec![live.source(&pushed, form).upcast()]);
            let stream = form.of(stream);
            let (title, clocks) = (title.to_owned(), clocks.clone());
            let words = Words { title, stream, clocks, reports: self.reports.clone(), length: None };
            let factory = Factory::new(Sharing::All, words, make);
            let kept = self.kept.clone();
            factory.connect_media_configure(move |_, media| stay(media, &kept));
            (form, factory)
        })
    }
}

/// Keeps a stream ready when its last listener has left: one that comes while it is taken down would be turned away.
fn stay(media: &RTSPMedia, kept: &Arc<Mutex<Vec<glib::WeakRef<RTSPMedia>>>>) {
    let kept = kept.clone();
    media.connect_prepared(move |media| {
        // It is ready, so that this only counts.
        if media.prepare(None).is_ok() {
            lock(&kept).push(media.downgrade());
        }
    });
}

impl Outlet {
    /// Sends a packet on; false when nobody is there any more.
    fn push(&self, packet: &[u8], ahead: gst::ClockTime) -> bool {
        let Some(source) = self.source.upgrade() else { return false };
        // Without listeners the pipeline pauses: the next one is to hear what is played then.
        if source.current_state() != gst::State::Playing {
            self.passed.store(0, Ordering::Relaxed);
            return true;
        }
        // The first one that leaves may be held up behind the source; when a second one follows, they flow.
        let flows = self.passed.load(Ordering::Relaxed) > 1;
        source.set_max_buffers(if flows { DELAYED } else { WAITING });
        let mut packet = packet.to_vec();
        self.form.into_iter().for_each(|form| form.mark(&mut packet));
        let mut packet = gst::Buffer::from_slice(packet);
        packet.make_mut().set_pts(source.current_running_time().map(|now| now + ahead));
        // A source that is being stopped refuses.
        let _ = source.push_buffer(packet);
        true
    }

    /// Says that nothing more comes.
    fn end(&self) {
        // A source that has been stopped knows.
        let _ = self.source.upgrade().map(|source| source.end_of_stream());
    }
}

/// The time until a packet of the payloader is to leave. It comes out as soon as it is full or what follows is known,
/// and a sink behind it would wait for its time and the latency. So do the sinks of the server, or each packet would be
/// early by another part of `--ptime`.
fn ahead(pad: &gst::Pad, pts: Option<gst::ClockTime>) -> Option<gst::ClockTime> {
    let now = pad.parent_element()?.current_running_time()?;
    let mut query = gst::query::Latency::new();
    let latency = if pad.query(&mut query) { query.result().1 } else { gst::ClockTime::ZERO };
    let at = elements::segment(pad)?.to_running_time(pts)? + latency;
    at.checked_sub(now)
}
