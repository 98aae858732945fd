//! Where the octets of a checkpoint go: patched into place, or kept until the end.

use gst::prelude::*;
use smf_timeline::Checkpoint;

/// The way to downstream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Output {
    /// Downstream can seek, so that the file is valid after every checkpoint.
    Patched,
    /// It cannot: the file goes out whole at the end.
    AtEnd,
}

impl Output {
    /// Asks downstream of `pad`.
    pub(super) fn of(pad: &gst::Pad) -> Self {
        let mut query = gst::query::Seeking::new(gst::Format::Bytes);
        if pad.peer_query(&mut query) && query.result().0 { Self::Patched } else { Self::AtEnd }
    }

    /// Pushes the octets of `checkpoint`: first those behind all others, then the header that counts them.
    ///
    /// The last segment event makes a sink write out what it has buffered.
    pub(super) fn push(self, pad: &gst::Pad, checkpoint: Checkpoint) -> Result<gst::FlowSuccess, gst::FlowError> {
        let Checkpoint { offset, octets, header } = checkpoint;
        let end = offset + octets.len() as u64;
        match self {
            Self::AtEnd => {
                segment(pad, 0);
                pad.push(buffer(0, [&header, octets.as_slice()].concat()))
            }
            Self::Patched => {
                let (at, octets) = if offset == header.len() as u64 {
                    (0, [&header, octets.as_slice()].concat())
                } else {
                    (offset, octets)
                };
                segment(pad, at);
                pad.push(buffer(at, octets))?;
                segment(pad, 0);
                let flow = pad.push(buffer(0, header.to_vec()))?;
                segment(pad, end);
                Ok(flow)
            }
        }
    }
}

fn segment(pad: &gst::Pad, start: u64) {
    let mut segment = gst::FormattedSegment::<gst::format::Bytes>::new();
    segment.set_start(gst::format::Bytes::from_u64(start));
    segment.set_position(gst::format::Bytes::from_u64(start));
    segment.set_time(gst::format::Bytes::from_u64(start));
    pad.push_event(gst::event::Segment::new(&segment));
}

fn buffer(offset: u64, octets: Vec<u8>) -> gst::Buffer {
    let end = offset + octets.len() as u64;
    let mut buffer = gst::Buffer::from_mut_slice(octets);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_offset(offset);
        buffer.set_offset_end(end);
    }
    buffer
}
