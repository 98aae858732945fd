//! Puts what is told into the RTCP of a session: the packet of `docs/metadata.md`, and the words of SDES (RFC 3550, 6.5)
//! that any RTP program shows.

use gst::glib;
use gst::prelude::*;

use rtp_midi_metadata::shorten;

use super::prompter::Prompter;
use crate::description::TOOL;
use crate::elements;
use crate::lock::lock;
use crate::rtp;

/// Octets of an SDES item at most.
const LONGEST: usize = 255;

impl Prompter {
    /// Tells all this in the reports of `rtpbin`, whose one session has the stream.
    pub(crate) fn speak(&self, rtpbin: &gst::Element) {
        let Some(session) = elements::session(rtpbin) else { return };
        let mut told = lock(&self.told);
        told.bins.retain(|rtpbin| rtpbin.upgrade().is_some());
        if told.bins.iter().any(|known| known.upgrade().as_ref() == Some(rtpbin)) {
            return;
        }
        told.bins.push(rtpbin.downgrade());
        self.describe(rtpbin, told.title.as_deref());
        let prompter = self.clone();
        session.connect("on-sending-rtcp", false, move |values| {
            if let (Some((ssrc, report)), Some(compound)) = (prompter.report(), values.get(1)) {
                append(compound, ssrc, &report.encode(ssrc));
            }
            // Whether the report may be left out is not for us to say.
            Some(false.to_value())
        });
    }

    /// Tells a new title where there is one. To be called now and then.
    pub(crate) fn turn(&self) {
        let (title, mut told) = (self.title(), lock(&self.told));
        if title != told.title {
            for rtpbin in told.bins.iter().filter_map(glib::WeakRef::upgrade) {
                self.describe(&rtpbin, title.as_deref());
            }
            told.title = title;
        }
    }

    /// Writes title and name into the description of the source.
    fn describe(&self, rtpbin: &gst::Element, title: Option<&str>) {
        let Ok(mut sdes) = rtpbin.property_value("sdes").get::<gst::Structure>() else { return };
        let short = |text: &str| shorten(&text.replace(char::is_control, " "), LONGEST).to_owned();
        sdes.set("tool", TOOL);
        sdes.set("name", short(&self.name));
        match title {
            Some(title) => sdes.set("note", short(title)),
            None => sdes.remove_field("note"),
        }
        rtpbin.set_property("sdes", sdes);
    }
}

/// Appends `packet` to a compound packet of the source `ssrc` that is no goodbye, which has to be the last.
fn append(compound: &glib::Value, ssrc: u32, packet: &[u8]) {
    let Ok(buffer) = compound.get::<&gst::BufferRef>() else { return };
    let is_ours = buffer.map_readable().is_ok_and(|octets| {
        rtp::is_rtcp(&octets) && octets[4..8] == ssrc.to_be_bytes() && !rtp::says_goodbye(&octets, ssrc)
    });
    let buffer = buffer.as_ptr().cast_mut();
    // SAFETY: the buffer lives as long as the value that has it. The session emits the signal so that packets are added
    // to its buffer; nobody else has it, as is asked first, and the shared reference is not used any more.
    unsafe {
        if is_ours && gst::ffi::gst_mini_object_is_writable(buffer.cast()) != 0 {
            gst::BufferRef::from_mut_ptr(buffer).append_memory(gst::Memory::from_slice(packet.to_vec()));
        }
    }
}
