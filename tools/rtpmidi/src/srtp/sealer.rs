//! Seals packets: `srtpenc` in a pipeline, or as a function for single RTCP packets.

use gst::prelude::*;

use super::key::Key;
use super::way::Way;
use crate::elements;
use crate::failure::Result;

/// An `srtpenc` with this key.
pub(crate) fn encoder(key: &Key) -> Result<gst::Element> {
    let srtpenc = elements::make("srtpenc")?;
    equip(&srtpenc, key);
    Ok(srtpenc)
}

/// Gives an `srtpenc` that is there a key.
pub(crate) fn equip(srtpenc: &gst::Element, key: &Key) {
    let suite = key.suite();
    srtpenc.set_property("key", key.buffer());
    for (property, value) in [
        ("rtp-cipher", suite.cipher()),
        ("rtp-auth", suite.authentication()),
        ("rtcp-cipher", suite.cipher()),
        ("rtcp-auth", suite.rtcp_authentication()),
    ] {
        srtpenc.set_property_from_str(property, value);
    }
}

/// Seals RTCP packets with a key.
#[derive(Debug)]
pub(crate) struct Sealer {
    srtpenc: gst::Element,
    rtcp: Way,
}

impl Sealer {
    pub(crate) fn new(key: &Key) -> Result<Self> {
        let srtpenc = encoder(key)?;
        let rtcp = Way::through(&srtpenc, "rtcp_sink_0", "rtcp_src_0")?;
        elements::run(&srtpenc)?;
        rtcp.begin("application/x-rtcp");
        Ok(Self { srtpenc, rtcp })
    }

    /// The SRTCP packet of an RTCP packet; `None` for what is none.
    pub(crate) fn rtcp(&self, packet: &[u8]) -> Option<Vec<u8>> {
        self.rtcp.send(packet)
    }
}

impl Drop for Sealer {
    fn drop(&mut self) {
        let _ = self.srtpenc.set_state(gst::State::Null);
    }
}
