//! A live channel: packets of a broadcast here or elsewhere, so that everybody hears the same moment.
//!
//! The journal of each packet has all of the stream so far (`j_update=anchor`), which sets a late listener as the others
//! are with the first packet that it gets.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use gst::glib;
use gst::prelude::*;
use gst_app::AppSrc;
use gst_rtsp_server::RTSPMedia;
use gst_rtsp_server::prelude::*;
use rtp_midi_sdp::{Clocks, Stream};

use super::factory::{Factory, Sharing};
use super::form::Form;
use super::media::{Media, Words};
use super::outlet::{Audience, Fence, Outlet};
use super::reports::Reports;
use super::schedule::{self, Due};
use crate::elements;
use crate::failure::Result;
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

impl Live {
    /// A channel that has the packets of a broadcast, where they leave the payloader.
    pub(crate) fn on(packets: &gst::Pad) -> Result<Self> {
        let live = Self::default();
        let due = schedule::to(live.clone())?;
        let ends = due.clone();
        packets.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if info.event().is_some_and(|event| event.type_() == gst::EventType::Eos) {
                // It is heard as long as there is a sender.
                let _ = ends.send((Instant::now(), Due::End));
            }
            gst::PadProbeReturn::Ok
        });
        let pad = packets.downgrade();
        elements::for_each_buffer(packets, move |packet| {
            let ahead = pad.upgrade().and_then(|pad| ahead(&pad, packet.pts())).unwrap_or_default();
            if let Ok(packet) = packet.map_readable() {
                let _ = due.send((Instant::now() + ahead.into(), Due::Packet(packet.to_vec())));
            }
        });
        Ok(live)
    }

    /// A channel that has packets of a sender elsewhere, and its RTCP.
    pub(crate) fn relayed() -> Self {
        Self { reports: Some(Reports::default()), ..Self::default() }
    }

    /// Sends a packet to everybody that was due then.
    pub(crate) fn push(&self, packet: &[u8], at: Instant) {
        lock(&self.outlets).retain_mut(|outlet| outlet.push(packet, at));
    }

    /// Sends RTCP of the sender to everybody.
    pub(crate) fn report(&self, compound: &[u8]) {
        if let Some(reports) = &self.reports {
            reports.send(compound);
        }
    }

    /// Says that nothing more comes.
    pub(crate) fn end(&self) {
        lock(&self.outlets).iter_mut().for_each(Outlet::end);
        let kept = std::mem::take(&mut *lock(&self.kept));
        for media in kept.iter().filter_map(glib::WeakRef::upgrade) {
            // Nobody has it ready any more but who still listens, and counts for himself.
            let _ = media.unprepare();
        }
    }

    /// A source of the packets in this form for this audience; `stream` is what is pushed.
    pub(super) fn source(&self, stream: &Stream, form: Form, audience: Audience) -> AppSrc {
        let (outlet, source) = Outlet::new(stream, form, audience);
        lock(&self.outlets).push(outlet);
        source
    }

    /// Does this with the outlet into the pipeline of a stream, if there is one.
    pub(super) fn at<T>(&self, media: &RTSPMedia, act: impl FnOnce(&mut Outlet) -> T) -> Option<T> {
        let bin = media.element();
        lock(&self.outlets).iter_mut().find(|outlet| outlet.is_in(&bin)).map(act)
    }

    /// A factory of the channel for each form; `stream` is what is pushed.
    pub(super) fn factories(&self, title: &str, stream: &Stream, clocks: &Clocks) -> [(Form, Factory); 2] {
        Form::ALL.map(|form| {
            let (live, pushed) = (self.clone(), stream.clone());
            let make = move || Ok(vec![live.source(&pushed, form, Audience::Expected).upcast()]);
            let stream = form.of(stream);
            let (title, clocks) = (title.to_owned(), clocks.clone());
            let words = Words { title, stream, clocks, reports: self.reports.clone(), length: None };
            let factory = Factory::new(Sharing::All, words, make);
            let (live, kept) = (self.clone(), self.kept.clone());
            factory.connect_media_constructed(move |_, media| {
                media.downcast_ref::<Media>().into_iter().for_each(|media| media.belong(live.clone()));
                live.at(media, |outlet| fence(media, &outlet.fence()));
            });
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

/// Puts a fence behind where gst-rtsp-server holds packets up.
fn fence(media: &RTSPMedia, fence: &Fence) {
    let Some(pipeline) = media.element().parent().and_downcast::<gst::Bin>() else { return };
    let fence = fence.clone();
    pipeline.connect_element_added(move |_, element| {
        let is_tee = element.factory().is_some_and(|factory| factory.name() == "tee");
        if let Some(pad) = element.static_pad("sink").filter(|_| is_tee) {
            let fence = fence.clone();
            elements::keep(&pad, move |packet| fence.admits(packet));
        }
    });
}

/// The time until a packet of the payloader is to leave. It comes out as soon as it is full or what follows is known,
/// and a sink behind it would wait for its time and the latency. So does the channel, or each packet would be early by
/// another part of `--ptime`.
fn ahead(pad: &gst::Pad, pts: Option<gst::ClockTime>) -> Option<gst::ClockTime> {
    let now = pad.parent_element()?.current_running_time()?;
    let mut query = gst::query::Latency::new();
    let latency = if pad.query(&mut query) { query.result().1 } else { gst::ClockTime::ZERO };
    let at = elements::segment(pad)?.to_running_time(pts)? + latency;
    at.checked_sub(now)
}
