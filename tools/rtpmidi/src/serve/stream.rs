//! The bin that gives out a stream of packets. gst-rtsp-server asks a payloader for its payload type and for the place
//! it is at, and where there is none the bin.

use gst::glib::Object;
use gst::glib::{self, subclass::prelude::*};
use gst::prelude::*;

use crate::elements;
use crate::rtp::HEADER;

glib::wrapper! {
    /// The bin.
    pub(super) struct Stream(ObjectSubclass<imp::Stream>) @extends gst::Bin, gst::Element, gst::Object;
}

/// What PLAY answers of a stream that runs (RTP-Info): its latest packet. Without it a listener that comes after the
/// first one, and before the network has had a packet, would be turned away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    sequence: u16,
    timestamp: u32,
    at: Option<gst::ClockTime>,
    /// Of the RTP clock.
    rate: u32,
}

impl Stream {
    /// An empty one for packets of this payload type, under the name by which gst-rtsp-server finds it.
    pub(super) fn new(payload_type: u8) -> Self {
        Object::builder().property("name", "pay0").property("pt", u32::from(payload_type)).build()
    }

    /// Takes note of the packets that leave this pad.
    pub(super) fn follow(&self, pad: &gst::GhostPad) {
        let (stream, weak) = (self.downgrade(), pad.downgrade());
        elements::for_each_buffer(pad.upcast_ref(), move |packet| {
            let (Some(stream), Some(pad)) = (stream.upgrade(), weak.upgrade()) else { return };
            let at = elements::segment(pad.upcast_ref()).and_then(|segment| segment.to_running_time(packet.pts()));
            let rate = pad.current_caps().and_then(|caps| caps.structure(0)?.get::<i32>("clock-rate").ok());
            stream.imp().go_to(Place::of(packet, at, rate.unwrap_or_default() as u32));
        });
    }
}

impl Place {
    /// That of an RTP packet (RFC 3550, 5.1).
    fn of(packet: &gst::BufferRef, at: Option<gst::ClockTime>, rate: u32) -> Option<Self> {
        let mut header = [0; HEADER];
        packet.copy_to_slice(0, &mut header).ok()?;
        let [_, _, high, low, a, b, c, d, ..] = header;
        let (sequence, timestamp) = (u16::from_be_bytes([high, low]), u32::from_be_bytes([a, b, c, d]));
        Some(Self { sequence, timestamp, at, rate })
    }
}

mod imp {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{LazyLock, Mutex};

    use gst::glib;
    use gst::prelude::*;
    use gst::subclass::prelude::*;

    use super::Place;
    use crate::lock::lock;

    #[derive(Debug, Default)]
    pub(in crate::serve) struct Stream {
        payload_type: AtomicU32,
        place: Mutex<Option<Place>>,
    }

    impl Stream {
        pub(super) fn go_to(&self, place: Option<Place>) {
            *lock(&self.place) = place;
        }

        /// In the words of a payloader's statistics.
        fn stats(&self) -> Option<gst::Structure> {
            let place = (*lock(&self.place))?;
            let stats = gst::Structure::builder("application/x-rtp-payload-stats")
                .field("seqnum-offset", u32::from(place.sequence))
                .field("timestamp", place.timestamp)
                .field("running-time", place.at)
                .field("clock-rate", place.rate);
            Some(stats.build())
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Stream {
        const NAME: &'static str = "RtpMidiRtspStream";
        type Type = super::Stream;
        type ParentType = gst::Bin;
    }

    impl ObjectImpl for Stream {
        fn properties() -> &'static [glib::ParamSpec] {
            static PROPERTIES: LazyLock<[glib::ParamSpec; 2]> = LazyLock::new(|| {
                [
                    glib::ParamSpecUInt::builder("pt").construct().build(),
                    glib::ParamSpecBoxed::builder::<gst::Structure>("stats").read_only().build(),
                ]
            });
            &*PROPERTIES
        }

        fn set_property(&self, _id: usize, value: &glib::Value, _pspec: &glib::ParamSpec) {
            self.payload_type.store(value.get().unwrap_or_default(), Ordering::Relaxed);
        }

        fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
            match pspec.name() {
                "pt" => self.payload_type.load(Ordering::Relaxed).to_value(),
                _ => self.stats().to_value(),
            }
        }
    }

    impl GstObjectImpl for Stream {}
    impl ElementImpl for Stream {}
    impl BinImpl for Stream {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_at_its_latest_packet() {
        gst::init().unwrap();
        let (identity, stream) = (elements::make("identity").unwrap(), Stream::new(96));
        stream.add(&identity).unwrap();
        let pad = gst::GhostPad::with_target(&elements::pad(&identity, "src").unwrap()).unwrap();
        stream.follow(&pad);
        stream.add_pad(&pad).unwrap();
        stream.set_state(gst::State::Playing).unwrap();
        let stats = || stream.property::<Option<gst::Structure>>("stats");
        assert_eq!(stats(), None, "before the first packet");

        let sink = elements::pad(&identity, "sink").unwrap();
        sink.send_event(gst::event::StreamStart::new("x"));
        let caps = gst::Caps::builder("application/x-rtp").field("clock-rate", 44_100).build();
        sink.send_event(gst::event::Caps::new(&caps));
        sink.send_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        for octets in [[0x80, 0x60, 1, 2, 3, 4, 5, 6, 0, 0, 0, 7], [0x80, 0x60, 1, 3, 0xF3, 4, 5, 6, 0, 0, 0, 7]] {
            let mut packet = gst::Buffer::from_slice(octets);
            packet.make_mut().set_pts(gst::ClockTime::SECOND);
            // Nobody takes it further.
            assert_eq!(sink.chain(packet), Err(gst::FlowError::NotLinked));
        }
        let stats = stats().unwrap();
        assert_eq!(stats.get("seqnum-offset"), Ok(0x0103_u32));
        assert_eq!(stats.get("timestamp"), Ok(0xF304_0506_u32));
        assert_eq!(stats.get("clock-rate"), Ok(44_100_u32));
        assert_eq!(stats.get("running-time"), Ok(gst::ClockTime::SECOND));
        stream.set_state(gst::State::Null).unwrap();
    }
}
