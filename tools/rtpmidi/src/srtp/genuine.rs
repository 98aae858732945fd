//! Sources whose packets could be opened. `srtpdec` keeps a record of every SSRC that it meets, before it knows whether the
//! packet is genuine; here only those stay whose packets are.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use gst::glib;
use gst::prelude::*;

use super::quiet::quiet;
use super::word;
use crate::lock::lock;

/// The sources of one `srtpdec`.
#[derive(Debug)]
pub(super) struct Genuine {
    srtpdec: glib::WeakRef<gst::Element>,
    /// The SSRCs that have been heard, the latest one last.
    ssrcs: VecDeque<u32>,
    most: usize,
}

impl Genuine {
    /// Those of this element, up to `most` at a time.
    pub(super) fn of(srtpdec: &gst::Element, most: usize) -> Self {
        Self { srtpdec: srtpdec.downgrade(), ssrcs: VecDeque::new(), most }
    }

    /// A packet of this source was genuine.
    pub(super) fn opened(&mut self, ssrc: u32) {
        if self.ssrcs.back() == Some(&ssrc) {
            return;
        }
        self.ssrcs.retain(|known| *known != ssrc);
        self.ssrcs.push_back(ssrc);
        if self.ssrcs.len() > self.most
            && let Some(oldest) = self.ssrcs.pop_front()
        {
            self.forget(oldest);
        }
    }

    /// A packet that says it is of this source was not.
    pub(super) fn failed(&self, ssrc: u32) {
        if !self.ssrcs.contains(&ssrc) {
            self.forget(ssrc);
        }
    }

    fn forget(&self, ssrc: u32) {
        if let Some(srtpdec) = self.srtpdec.upgrade() {
            srtpdec.emit_by_name::<()>("remove-key", &[&ssrc]);
        }
    }
}

/// Keeps the records of an `srtpdec` in a pipeline to those of `most` genuine sources, and of the latest one that is not.
pub(crate) fn forget_strangers(srtpdec: &gst::Element, most: usize) {
    quiet();
    let genuine = Arc::new(Mutex::new(Genuine::of(srtpdec, most)));
    for (kind, at) in [("rtp", 8), ("rtcp", 4)] {
        let [sink, source] = ["sink", "src"].map(|end| srtpdec.static_pad(&format!("{kind}_{end}")));
        let (Some(sink), Some(source)) = (sink, source) else { continue };
        // What goes in comes out at once, or not at all.
        let inside = Arc::<Mutex<Option<u32>>>::default();
        let (at_sink, of_all) = (inside.clone(), genuine.clone());
        sink.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let packet = info.buffer().and_then(|buffer| buffer.map_readable().ok());
            let ssrc = packet.and_then(|packet| word(&packet, at));
            let before = std::mem::replace(&mut *lock(&at_sink), ssrc);
            if let Some(ssrc) = before {
                lock(&of_all).failed(ssrc);
            }
            gst::PadProbeReturn::Ok
        });
        let genuine = genuine.clone();
        source.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            if let Some(ssrc) = lock(&inside).take() {
                lock(&genuine).opened(ssrc);
            }
            gst::PadProbeReturn::Ok
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elements;
    use crate::srtp::speaker::{Speaker, records};
    use crate::srtp::way::Way;
    use crate::srtp::{Key, Suite};

    #[test]
    fn in_a_pipeline_too_forged_sources_leave_no_trace_and_of_genuine_ones_the_latest_stay() {
        elements::start().unwrap();
        let [key, other] = [0; 2].map(|_| Key::draw(Suite::default()).unwrap());
        let caps = key.caps();
        let srtpdec = elements::make("srtpdec").unwrap();
        srtpdec.connect("request-key", false, move |_| Some(caps.to_value()));
        forget_strangers(&srtpdec, 4);
        let way = Way::through(&srtpdec, "rtp_sink", "rtp_src").unwrap();
        elements::run(&srtpdec).unwrap();
        way.begin("application/x-srtp");
        let (speaker, forger) = (Speaker::new(&key), Speaker::new(&other));
        assert!(way.send(&speaker.says(200, 1)).is_some());
        for ssrc in 0..100 {
            assert!(way.send(&forger.says(ssrc, 1)).is_none());
        }
        assert!(records(&srtpdec) <= 2, "the last forged one is known until the next packet");
        for ssrc in 0..100 {
            assert!(way.send(&speaker.says(ssrc, 2)).is_some());
        }
        assert_eq!(records(&srtpdec), 4);
        srtpdec.set_state(gst::State::Null).unwrap();
    }
}
