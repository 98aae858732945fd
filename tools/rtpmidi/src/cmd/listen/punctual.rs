//! No note begins long after its time where the music is heard: what was held up by a stalled network, or came while
//! instruments were loaded, is not made up for in a heap. Files have it all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gst::prelude::*;

use crate::elements;

/// How late a note may be heard: a machine that is too slow for a moment plays all.
const LATEST: gst::ClockTime = gst::ClockTime::from_mseconds(500);

/// Lets NoteOns through `pad` only up to [`LATEST`] behind the time at which they are to be heard, and all else however
/// late.
pub(super) fn keep(pad: &gst::Pad) {
    let latency = Arc::new(AtomicU64::new(0));
    let told = latency.clone();
    pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
        if let Some(gst::EventView::Latency(event)) = info.event().map(|event| event.view()) {
            told.store(event.latency().nseconds(), Ordering::Relaxed);
        }
        gst::PadProbeReturn::Ok
    });
    let weak = pad.downgrade();
    elements::keep(pad, move |message| {
        let latency = gst::ClockTime::from_nseconds(latency.load(Ordering::Relaxed));
        let late = || {
            let pad = weak.upgrade()?;
            let (segment, now) = (elements::segment(&pad)?, pad.parent_element()?.current_running_time()?);
            Some(segment.to_running_time(message.pts())? + latency + LATEST < now)
        };
        !begins_note(message) || late() != Some(true)
    });
}

fn begins_note(message: &gst::BufferRef) -> bool {
    message.map_readable().is_ok_and(|octets| matches!(octets.as_slice(), [0x90..=0x9F, _, velocity] if *velocity > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elements::{chain, make, with};

    #[test]
    fn only_notes_that_begin_too_late_are_left_out() {
        gst::init().unwrap();
        let pipeline = gst::Pipeline::new();
        let source: gst_app::AppSrc = with("appsrc", &[("is-live", &true)]).unwrap().downcast().unwrap();
        source.set_format(gst::Format::Time);
        let (queue, sink) = (make("queue").unwrap(), with("appsink", &[("sync", &false)]).unwrap());
        chain(&pipeline, &[source.upcast_ref(), &queue, &sink]).unwrap();
        keep(&elements::pad(&queue, "src").unwrap());
        pipeline.set_state(gst::State::Paused).unwrap();
        pipeline.set_start_time(gst::ClockTime::from_seconds(60));
        pipeline.set_state(gst::State::Playing).unwrap();
        let (late, now) = (gst::ClockTime::SECOND, gst::ClockTime::from_seconds(600));
        let messages: [(gst::ClockTime, &[u8], bool); 5] = [
            (late, &[0xC0, 5], true),
            (late, &[0x93, 60, 100], false),
            (late, &[0x93, 60, 0], true),
            (late, &[0x83, 60, 64], true),
            (now, &[0x93, 62, 100], true),
        ];
        for (time, octets, _) in messages {
            let mut buffer = gst::Buffer::from_slice(octets.to_vec());
            buffer.get_mut().unwrap().set_pts(time);
            source.push_buffer(buffer).unwrap();
        }
        source.end_of_stream().unwrap();
        let sink: gst_app::AppSink = sink.downcast().unwrap();
        let heard = std::iter::from_fn(|| sink.pull_sample().ok());
        let heard: Vec<Vec<u8>> =
            heard.map(|sample| sample.buffer().unwrap().map_readable().unwrap().to_vec()).collect();
        let expected: Vec<&[u8]> = messages.iter().filter(|(.., is_heard)| *is_heard).map(|it| it.1).collect();
        assert_eq!(heard, expected);
        pipeline.set_state(gst::State::Null).unwrap();
    }
}
