//! Keeps a seek from holding up the server: packets that wait for their turn on a TCP connection survive it.
//!
//! gst-rtsp-server notes that its `appsink` has a packet, and takes it later, with the lock of the stream held. When a
//! seek has thrown the packet away meanwhile it waits for another one, which the lock may keep from coming. Then the
//! client's next request never ends, nor those of all others whose connections the same thread serves.

use gst::prelude::*;
use gst_app::AppSink;
use gst_app::gst_base::ffi::GstBaseSinkClass;

/// Has every `appsink` that will be added to this bin keep its packets through a flush.
pub(super) fn keep_packets(bin: &gst::Bin) {
    bin.connect_element_added(|_, element| {
        if let (Some(sink), Some(pad)) = (element.downcast_ref::<AppSink>(), element.static_pad("sink")) {
            keep(sink, &pad);
        }
    });
}

fn keep(sink: &AppSink, pad: &gst::Pad) {
    let sink = sink.downgrade();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::EVENT_FLUSH, move |pad, probe| {
        let (Some(sink), Some(event)) = (sink.upgrade(), probe.event()) else { return gst::PadProbeReturn::Ok };
        if event.type_() != gst::EventType::FlushStop {
            return gst::PadProbeReturn::Ok;
        }
        // Nothing is added now: the flush holds the lock of those who would.
        let waiting: Vec<_> = std::iter::from_fn(|| sink.try_pull_sample(gst::ClockTime::ZERO)).collect();
        if waiting.is_empty() {
            return gst::PadProbeReturn::Ok;
        }
        // It comes here once more, and finds nothing that waits.
        pad.send_event(event.clone());
        waiting.iter().filter_map(|sample| sample.buffer_owned()).for_each(|packet| put(&sink, &packet));
        gst::PadProbeReturn::Handled
    });
}

/// Adds a packet to those that wait. By the sink's pad it would have to wait for the stream to play.
fn put(sink: &AppSink, packet: &gst::Buffer) {
    // SAFETY: an `appsink` is a base sink, and its class has that of one at its start; the buffer outlives the call.
    unsafe {
        let class: *const GstBaseSinkClass = std::ptr::from_ref(sink.class()).cast();
        if let Some(render) = (*class).render {
            render(sink.as_ptr().cast(), packet.as_mut_ptr());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_that_wait_survive_a_flush_and_are_taken_once() {
        gst::init().unwrap();
        let pipeline = gst::Pipeline::new();
        keep_packets(pipeline.upcast_ref());
        let sink = AppSink::builder().sync(false).async_(false).build();
        pipeline.add(&sink).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let pad = sink.static_pad("sink").unwrap();
        let begin = || {
            pad.send_event(gst::event::StreamStart::new("packets"));
            pad.send_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        };
        begin();
        for octet in [1, 2] {
            pad.chain(gst::Buffer::from_slice([octet])).unwrap();
        }
        pad.send_event(gst::event::FlushStart::new());
        pad.send_event(gst::event::FlushStop::new(true));
        begin();
        pad.chain(gst::Buffer::from_slice([3])).unwrap();
        let take =
            || sink.try_pull_sample(gst::ClockTime::ZERO).map(|it| it.buffer().unwrap().map_readable().unwrap()[0]);
        assert_eq!([take(), take(), take(), take()], [Some(1), Some(2), Some(3), None]);
        pipeline.set_state(gst::State::Null).unwrap();
    }
}
