//! What clients may ask for.

use std::ffi::CStr;
use std::ptr;

use gst::glib::translate::{ToGlibPtr, from_glib_none};
use gst::prelude::*;
use gst_rtsp_server::gst_rtsp::ffi::{self as rtsp, GstRTSPHeaderField};
use gst_rtsp_server::gst_rtsp::{RTSPStatusCode, rtsp_message::RTSPMessage};
use gst_rtsp_server::prelude::*;
use gst_rtsp_server::{
    RTSPClient, RTSPContext, RTSPFilterResult, RTSPMedia, RTSPSession, RTSPSessionMedia, RTSPStream, ffi,
};

use super::keys::Claim;
use super::media::Media;
use crate::srtp::Offered;

/// A client has one session, and that one stream: each is a pipeline of its own.
pub(super) fn judge_setup(client: &RTSPClient, context: &RTSPContext) -> RTSPStatusCode {
    let may = match context.session() {
        None => client.session_filter(None).is_empty(),
        Some(session) => {
            // SAFETY: the context is that of the request, and is read.
            let wanted = unsafe { (*context.to_glib_none().0).media };
            let is_wanted = |stream: &RTSPSessionMedia| stream.media().is_some_and(|media| media.as_ptr() == wanted);
            let streams = session.filter(None);
            streams.is_empty() || streams.iter().any(is_wanted)
        }
    };
    if may { RTSPStatusCode::Ok } else { RTSPStatusCode::NotEnoughBandwidth }
}

/// How fast music may be asked for.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.1..=10.0;

/// A stream of the client's own is paused before it is wound, as RFC 2326 has it (10.5): while it plays, a seek may hold
/// up a thread of gst-rtsp-server for ever, which waits for a packet that the seek has thrown away.
pub(super) fn judge_play(context: &RTSPContext) -> RTSPStatusCode {
    let speeds = [rtsp::GST_RTSP_HDR_SPEED, rtsp::GST_RTSP_HDR_SCALE];
    let headers = speeds.into_iter().filter_map(|field| header(context.request()?, field));
    if headers.into_iter().any(|value| !value.trim().parse().is_ok_and(|speed: f64| SPEEDS.contains(&speed))) {
        return RTSPStatusCode::ParameterNotUnderstood;
    }
    if context.session().is_some_and(plays_alone) {
        return RTSPStatusCode::MethodNotValidInThisState;
    }
    RTSPStatusCode::Ok
}

/// Whether a stream is being played that nobody else listens to.
fn plays_alone(session: &RTSPSession) -> bool {
    let mut plays = false;
    session.filter(Some(&mut |_, stream: &RTSPSessionMedia| {
        // SAFETY: the stream is alive.
        let state = unsafe { ffi::gst_rtsp_session_media_get_rtsp_state(stream.as_ptr()) };
        plays |= state == rtsp::GST_RTSP_STATE_PLAYING && stream.media().is_some_and(|media| !media.is_shared());
        RTSPFilterResult::Keep
    }));
    plays
}

/// What the key is for that a client brings in SETUP, if it does; whatever else it brings in its place is refused (RFC 4567, 4.4).
pub(super) fn key(context: &RTSPContext) -> Result<Option<Claim>, RTSPStatusCode> {
    let request = context.request().ok_or(RTSPStatusCode::BadRequest)?;
    let Some(header) = header(request, rtsp::GST_RTSP_HDR_KEYMGMT) else { return Ok(None) };
    // SAFETY: the context is that of the request; both are alive, and null is looked for in both.
    let (media, stream): (Option<RTSPMedia>, Option<RTSPStream>) = unsafe {
        let context = context.to_glib_none().0;
        (from_glib_none((*context).media), from_glib_none((*context).stream))
    };
    let claim = || {
        let media = media?.downcast::<Media>().ok()?;
        Some(media.seal()?.claim(Offered::parse(&header)?, &stream?))
    };
    claim().map(Some).ok_or(RTSPStatusCode::KeyManagementFailure)
}

/// The first header of this name.
fn header(request: &RTSPMessage, field: GstRTSPHeaderField) -> Option<String> {
    let mut value = ptr::null_mut();
    // SAFETY: the request is alive; what is found in it lives as long, and is copied.
    unsafe {
        let found = rtsp::gst_rtsp_message_get_header(request.to_glib_none().0, field, &raw mut value, 0);
        (found == rtsp::GST_RTSP_OK && !value.is_null()).then(|| CStr::from_ptr(value).to_string_lossy().into_owned())
    }
}
