//! A listener says PLAY of a live channel: he begins with the packet that comes next, and is told which one that is
//! (`RTP-Info`; RFC 2326, 12.33). gst-rtsp-server names the latest packet, and adds the listener when it has answered;
//! so packets wait meanwhile.
//!
//! What the timestamp of the next packet will be nobody knows yet, so the answer leaves it out, as the RFC lets it.

use std::ffi::CStr;
use std::ptr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::glib;
use gst::glib::translate::{ToGlibPtr, from_glib_none};
use gst::prelude::*;
use gst_rtsp_server::gst_rtsp::RTSPStatusCode;
use gst_rtsp_server::gst_rtsp::ffi::{self as rtsp, GstRTSPMessage};
use gst_rtsp_server::prelude::*;
use gst_rtsp_server::{RTSPClient, RTSPContext, RTSPMedia};

use super::drain::Drain;
use super::media::Media;
use super::outlet::Outlet;
use crate::lock::lock;

/// A listener who is being let in.
struct Entry {
    media: Media,
    /// The sequence number of the packet that he begins with, if there has been one before it.
    first: Option<u16>,
}

/// How long packets may be on their way to the network, which is how long all listeners wait at most.
const PASSAGE: Duration = Duration::from_millis(100);

/// Lets this client in when it says PLAY of a live channel.
pub(super) fn attend(client: &RTSPClient) {
    // Requests of a client come one after the other.
    let entry = Arc::new(Mutex::new(None));
    let begins = entry.clone();
    client.connect_pre_play_request(move |_, context| {
        *lock(&begins) = Entry::begin(context);
        RTSPStatusCode::Ok
    });
    let answers = entry.clone();
    client.connect("send-message", false, move |values| {
        let message: glib::Pointer = values.get(2)?.get().ok()?;
        let mut entry = lock(&answers);
        // SAFETY: the signal lends the message that is about to be sent, which is nobody else's meanwhile.
        let message = unsafe { message.cast::<GstRTSPMessage>().as_mut()? };
        if entry.as_ref().is_some_and(|entry| entry.answer(message) == Answer::Refused) {
            *entry = None;
        }
        None
    });
    client.connect_play_request(move |_, _| {
        if let Some(entry) = lock(&entry).take() {
            entry.at(Outlet::admit);
        }
    });
}

/// What a client is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    Admitted,
    Refused,
}

impl Entry {
    /// Holds the packets of the channel that the request is about, if it is one.
    fn begin(context: &RTSPContext) -> Option<Self> {
        // SAFETY: the context is that of the request; null is looked for.
        let media: Option<RTSPMedia> = unsafe { from_glib_none((*context.to_glib_none().0).media) };
        let media = media?.downcast::<Media>().ok()?;
        let (first, latest) = media.live()?.at(media.upcast_ref(), |outlet| (outlet.hold(), outlet.on_its_way()))?;
        if let Some((latest, drain)) = latest {
            wait_for(&media, latest, &drain);
        }
        Some(Self { media, first })
    }

    /// Says which packet comes first, if the listener is let in.
    fn answer(&self, message: &mut GstRTSPMessage) -> Answer {
        // SAFETY: what the type says is there is read.
        let is_admitted = message.type_ == rtsp::GST_RTSP_MESSAGE_RESPONSE
            && unsafe { message.type_data.response.code } == rtsp::GST_RTSP_STS_OK;
        if !is_admitted {
            return Answer::Refused;
        }
        if let Some(first) = self.first {
            name(message, first);
        }
        Answer::Admitted
    }

    fn at(&self, act: impl FnOnce(&mut Outlet)) {
        self.media.live().and_then(|live| live.at(self.media.upcast_ref(), act));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.at(Outlet::release);
    }
}

/// Names the packet that comes first in place of another one.
fn name(message: &mut GstRTSPMessage, first: u16) {
    let mut value = ptr::null_mut();
    // SAFETY: the message is alive; what is found in it is copied before it is replaced, which copies as well.
    unsafe {
        let found = rtsp::gst_rtsp_message_get_header(message, rtsp::GST_RTSP_HDR_RTP_INFO, &raw mut value, 0);
        if found != rtsp::GST_RTSP_OK || value.is_null() {
            return;
        }
        let Some(info) = renamed(&CStr::from_ptr(value).to_string_lossy(), first) else { return };
        rtsp::gst_rtsp_message_remove_header(message, rtsp::GST_RTSP_HDR_RTP_INFO, -1);
        rtsp::gst_rtsp_message_add_header(message, rtsp::GST_RTSP_HDR_RTP_INFO, info.to_glib_none().0);
    }
}

/// `RTP-Info` of one stream with this packet.
fn renamed(info: &str, first: u16) -> Option<String> {
    let (url, _) = info.split_once(";seq=")?;
    Some(format!("{url};seq={first}"))
}

/// Waits until this packet, the latest one, has been sent.
fn wait_for(media: &Media, latest: u16, drain: &Drain) {
    let Some(pipeline) = media.element().parent().and_downcast::<gst::Bin>() else { return };
    let sinks: Vec<_> = pipeline.iterate_sinks().into_iter().filter_map(Result::ok).filter(takes_rtp).collect();
    let until = Instant::now() + PASSAGE;
    while sinks.iter().filter_map(last).any(|last| last != latest) {
        if Instant::now() >= until {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    // A sink says that it has a packet before it sends it.
    drain.wait(&pipeline, sinks, until);
}

fn takes_rtp(sink: &gst::Element) -> bool {
    let caps = sink.static_pad("sink").and_then(|pad| pad.current_caps());
    caps.is_some_and(|caps| caps.structure(0).is_some_and(|it| !it.name().ends_with("rtcp")))
}

/// The sequence number of the last packet that a sink has taken, if there is one.
fn last(sink: &gst::Element) -> Option<u16> {
    let sample: Option<gst::Sample> = sink.property("last-sample");
    let mut head = [0; 4];
    sample?.buffer()?.copy_to_slice(0, &mut head).ok()?;
    Some(u16::from_be_bytes([head[2], head[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_packet_is_named_and_a_timestamp_of_another_one_is_not() {
        let info = "url=rtsp://127.0.0.1:8554/live/stream=0;seq=7;rtptime=12345";
        assert_eq!(renamed(info, 65_535).unwrap(), "url=rtsp://127.0.0.1:8554/live/stream=0;seq=65535");
        assert_eq!(renamed("url=x", 1), None);
    }
}
