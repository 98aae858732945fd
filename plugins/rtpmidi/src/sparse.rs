//! Marks a stream as sparse: MIDI may be silent for any time, and nobody downstream should wait for it.

/// `event` with the SPARSE flag when it starts a stream; otherwise `event` itself.
pub(crate) fn mark(event: gst::Event) -> gst::Event {
    let gst::EventView::StreamStart(start) = event.view() else { return event };
    let mut marked = gst::event::StreamStart::builder(start.stream_id())
        .flags(start.stream_flags() | gst::StreamFlags::SPARSE)
        .seqnum(event.seqnum())
        .running_time_offset(event.running_time_offset())
        .group_id_if_some(start.group_id());
    if let Some(stream) = start.stream() {
        marked = marked.stream(stream);
    }
    marked.build()
}
