//! Keys of sealed streams (SRTP): the server's own, which descriptions tell, and those with which clients seal their
//! reports (MIKEY, RFC 4567). gst-rtsp-server keeps keys of clients as long as there is the stream, of any number of
//! sources, and one in place of another's.

use std::sync::Mutex;

use gst::glib;
use gst::prelude::*;
use gst_rtsp_server::RTSPStream;
use gst_rtsp_server::prelude::*;

use crate::lock::lock;
use crate::srtp::{self, Key, Offered, Suite};

/// Seals the packets of a stream, and opens the reports of its clients.
#[derive(Debug)]
pub(super) struct Seal {
    suite: Suite,
    /// What opens reports.
    decoder: Mutex<glib::WeakRef<gst::Element>>,
}

impl Seal {
    pub(super) fn new(suite: Suite) -> Self {
        srtp::quiet();
        Self { suite, decoder: Mutex::default() }
    }

    /// Takes note of an element of the stream's `rtpbin`.
    pub(super) fn meet(&self, element: &gst::Element) {
        match element.factory().map(|factory| factory.name()).as_deref() {
            // Its own random numbers are none that a key can be made of: whoever has seen enough of them knows the next.
            Some("srtpenc") => {
                element.set_property("random-key", false);
                match Key::draw(self.suite) {
                    Ok(key) => srtp::equip(element, &key),
                    Err(failure) => {
                        gst::element_error!(element, gst::ResourceError::Read, ("{}", failure.message()));
                    }
                }
            }
            Some("srtpdec") => *lock(&self.decoder) = element.downgrade(),
            _ => {}
        }
    }

    /// What a client's key is for.
    pub(super) fn claim(&self, offered: Offered, stream: &RTSPStream) -> Claim {
        Claim { ssrc: offered.ssrc, stream: stream.downgrade(), decoder: lock(&self.decoder).clone() }
    }
}

/// What a key is for: a source, whose reports it seals, of a stream.
#[derive(Debug)]
pub(super) struct Claim {
    ssrc: u32,
    stream: glib::WeakRef<RTSPStream>,
    decoder: glib::WeakRef<gst::Element>,
}

/// The key of a client; nobody has it any more when this is dropped.
#[derive(Debug)]
pub(super) struct Held(Claim);

impl Held {
    /// The key for this, which gst-rtsp-server is about to take.
    pub(super) const fn of(claim: Claim) -> Self {
        Self(claim)
    }

    /// Whether it is for the same source of the same stream.
    pub(super) fn is_for(&self, claim: &Claim) -> bool {
        self.0.ssrc == claim.ssrc && self.0.stream == claim.stream
    }

    /// Whether it seals the reports of this source.
    pub(super) const fn seals(&self, ssrc: u32) -> bool {
        self.0.ssrc == ssrc
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Self(Claim { ssrc, stream, decoder }) = self;
        if let Some(stream) = stream.upgrade() {
            // It is none that could be refused.
            let _ = stream.update_crypto(*ssrc, None);
        }
        if let Some(decoder) = decoder.upgrade() {
            decoder.emit_by_name::<()>("remove-key", &[ssrc]);
        }
    }
}
