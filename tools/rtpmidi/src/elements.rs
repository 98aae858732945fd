//! GStreamer: starting it, making elements, and saying which package has a missing one.

use std::time::Duration;

use gst::glib;
use gst::prelude::*;

use crate::failure::{Failure, Result};

/// Starts GStreamer with our own elements in it.
pub(crate) fn start() -> Result<()> {
    gst::init().map_err(|error| Failure::new(format!("GStreamer does not start: {error}")))?;
    gstrtpmidi::plugin_register_static()
        .and_then(|()| gstapplemidi::plugin_register_static())
        .and_then(|()| gstipmidi::plugin_register_static())
        .and_then(|()| crate::alsa::register())
        .map_err(|error| Failure::new(format!("the rtpmidi elements cannot be registered: {error}")))
}

/// Makes an element of the type `factory`.
pub(crate) fn make(factory: &str) -> Result<gst::Element> {
    with(factory, &[])
}

/// Makes an element and sets its properties.
pub(crate) fn with(factory: &str, properties: &[(&str, &dyn ToValue)]) -> Result<gst::Element> {
    let mut builder = gst::ElementFactory::make(factory);
    for (name, value) in properties {
        builder = builder.property(name, value.to_value());
    }
    builder.build().map_err(|_| missing(factory))
}

/// Makes a queue without limits.
pub(crate) fn queue() -> Result<gst::Element> {
    with("queue", &[("max-size-buffers", &0_u32), ("max-size-bytes", &0_u32), ("max-size-time", &0_u64)])
}

/// Adds `elements` to `pipeline`.
pub(crate) fn add(pipeline: &impl IsA<gst::Bin>, elements: &[&gst::Element]) -> Result<()> {
    pipeline.add_many(elements).map_err(|error| unbuilt(&error))
}

/// Adds `elements` to `pipeline` and links them in a row.
pub(crate) fn chain(pipeline: &impl IsA<gst::Bin>, elements: &[&gst::Element]) -> Result<()> {
    add(pipeline, elements)?;
    gst::Element::link_many(elements).map_err(|error| unbuilt(&error))
}

/// A pad that the element's documentation promises, always or on request.
pub(crate) fn pad(element: &gst::Element, name: &str) -> Result<gst::Pad> {
    element
        .static_pad(name)
        .or_else(|| element.request_pad_simple(name))
        .ok_or_else(|| Failure::new(format!("element {} has no pad {name}", element.name())))
}

/// Links two pads.
pub(crate) fn link(from: &gst::Pad, to: &gst::Pad) -> Result<()> {
    from.link(to).map(|_| ()).map_err(|error| unbuilt(&error))
}

/// Lets an element that joins a pipeline catch up with it.
pub(crate) fn follow(element: &gst::Element) -> Result<()> {
    element.sync_state_with_parent().map_err(|_| Failure::new(format!("element {} does not start", element.name())))
}

/// Lets an element run that is in no pipeline.
pub(crate) fn run(element: &gst::Element) -> Result<()> {
    let started = element.set_state(gst::State::Playing);
    started.map(drop).map_err(|_| Failure::new(format!("element {} does not start", element.name())))
}

/// Calls `take` with each buffer that goes through `pad`, alone or in a list.
pub(crate) fn for_each_buffer(pad: &gst::Pad, take: impl Fn(&gst::BufferRef) + Send + Sync + 'static) {
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => take(buffer),
            Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(&take),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// Lets only those buffers through `pad` that are `wanted`, alone or in a list. The others are not dropped by GStreamer,
/// which complains of a buffer that the bindings have let go already, but here.
pub(crate) fn keep(pad: &gst::Pad, wanted: impl Fn(&gst::BufferRef) -> bool + Send + Sync + 'static) {
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) if !wanted(buffer) => return gst::PadProbeReturn::Handled,
            Some(gst::PadProbeData::BufferList(list)) => {
                *list = list.iter_owned().filter(|buffer| wanted(buffer)).collect();
                if list.is_empty() {
                    return gst::PadProbeReturn::Handled;
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// The RTP session of an `rtpbin` that has one.
pub(crate) fn session(rtpbin: &gst::Element) -> Option<glib::Object> {
    rtpbin.emit_by_name("get-internal-session", &[&0_u32])
}

/// Lets the session of an `rtpbin` report at most so often, in RTCP.
pub(crate) fn report_every(rtpbin: &gst::Element, interval: Duration) {
    if let Some(session) = session(rtpbin) {
        session.set_property("rtcp-min-interval", interval.as_nanos() as u64);
    }
}

/// The segment that `pad` is in.
pub(crate) fn segment(pad: &gst::Pad) -> Option<gst::FormattedSegment<gst::ClockTime>> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    event.segment().clone().downcast().ok()
}

/// What an error message of the bus says, in one line.
pub(crate) fn failure(error: &gst::message::Error) -> Failure {
    let element = error.src().map_or_else(|| "the pipeline".into(), GstObjectExt::name);
    Failure::new(format!("{element}: {}", words(&error.error())))
}

/// Why a pipeline did not start, as its bus knows.
pub(crate) fn why(bus: &gst::Bus) -> Failure {
    let message = bus.pop_filtered(&[gst::MessageType::Error]);
    match message.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Error(error)) => failure(error),
        _ => Failure::new("the pipeline does not start"),
    }
}

/// What a warning of the bus says, in one line.
pub(crate) fn warning(warning: &gst::message::Warning) -> String {
    format!("warning: {}", words(&warning.error()))
}

/// What an error says, in one line.
pub(crate) fn words(error: &glib::Error) -> String {
    error.message().trim_end_matches('.').to_owned()
}

/// Why a pipeline cannot be built.
pub(crate) fn unbuilt(error: &dyn std::error::Error) -> Failure {
    Failure::new(format!("the pipeline cannot be built: {error}"))
}

fn missing(factory: &str) -> Failure {
    let failure = Failure::new(format!("the GStreamer element {factory} is missing"));
    match package(factory) {
        Some(package) => failure.hint(format!("apt install {package} (Debian, Ubuntu)")),
        None => failure,
    }
}

/// Whether GStreamer has an element of the type `factory`.
pub(crate) fn is_there(factory: &str) -> bool {
    gst::ElementFactory::find(factory).is_some()
}

/// The Debian package that has an element the program uses.
pub(crate) fn package(factory: &str) -> Option<&'static str> {
    Some(match factory {
        "appsrc" | "appsink" | "audioconvert" | "audioresample" => "gstreamer1.0-plugins-base",
        "rtpbin" | "udpsrc" | "multiudpsink" | "wavenc" | "autoaudiosink" => "gstreamer1.0-plugins-good",
        "rtspclientsink" => "gstreamer1.0-rtsp",
        "fluiddec" | "midirender" => "gstreamer1.0-plugins-bad timgm6mb-soundfont",
        "srtpenc" | "srtpdec" => "gstreamer1.0-plugins-bad",
        "filesrc" | "filesink" | "fakesink" | "concat" | "capsfilter" | "clocksync" | "tee" | "queue" => {
            "libgstreamer1.0-0"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_element_names_its_package() {
        assert_eq!(
            missing("rtpbin").to_string(),
            "error: the GStreamer element rtpbin is missing\nhint: apt install gstreamer1.0-plugins-good (Debian, Ubuntu)"
        );
    }
}
