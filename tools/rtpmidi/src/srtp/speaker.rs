//! A source of sealed packets for tests.

use gst::prelude::*;

use super::key::Key;
use super::sealer::encoder;
use super::way::Way;
use crate::elements;

/// Whoever has a key.
pub(super) struct Speaker(gst::Element, Way);

impl Speaker {
    pub(super) fn new(key: &Key) -> Self {
        let srtpenc = encoder(key).unwrap();
        let way = Way::through(&srtpenc, "rtp_sink_0", "rtp_src_0").unwrap();
        elements::run(&srtpenc).unwrap();
        way.begin("application/x-rtp");
        Self(srtpenc, way)
    }

    pub(super) fn says(&self, ssrc: u8, sequence: u16) -> Vec<u8> {
        self.1.send(&plain(ssrc, sequence)).unwrap()
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        let _ = self.0.set_state(gst::State::Null);
    }
}

/// The packet in what it says.
pub(super) fn plain(ssrc: u8, sequence: u16) -> Vec<u8> {
    let [high, low] = sequence.to_be_bytes();
    vec![0x80, 96, high, low, 0, 0, 0, 0, 0, 0, 0, ssrc, 3, 0x90, 60, 100]
}

/// How many records an `srtpdec` keeps.
pub(super) fn records(srtpdec: &gst::Element) -> usize {
    let stats: gst::Structure = srtpdec.property("stats");
    stats.get::<gst::ArrayRef<'_>>("streams").unwrap().len()
}
