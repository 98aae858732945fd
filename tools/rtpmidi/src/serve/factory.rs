//! A media factory that makes its elements by a function: gst-rtsp-server's own takes the text of a pipeline, in which
//! names of files would have to be quoted.

use std::sync::Arc;

use gst::glib;
use gst::prelude::*;
use gst_rtsp_server::RTSPMediaFactory;
use gst_rtsp_server::gst_rtsp::{RTSPLowerTrans, RTSPProfile};
use gst_rtsp_server::prelude::*;
use gst_rtsp_server::subclass::prelude::*;

use super::access::ROLE;
use super::door::Door;
use super::gate::Gate;
use super::keys::Seal;
use super::media::{Media, Words};
use super::refill;
use super::stream::Stream;
use crate::elements;
use crate::failure::Result;
use crate::srtp::Suite;

/// Makes what stands in front of the network.
type Make = dyn Fn() -> Result<gst::Element> + Send + Sync;

/// Who has one stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sharing {
    /// Each client one of its own.
    Nobody,
    /// All clients the same.
    All,
}

glib::wrapper! {
    /// The factory.
    pub(super) struct Factory(ObjectSubclass<imp::Factory>) @extends RTSPMediaFactory;
}

impl Factory {
    /// A factory of streams of which each client has its own, or one that they `share`, with this description. `make` makes
    /// elements in a row, of which the last gives out RTP packets.
    pub(super) fn new(
        sharing: Sharing,
        words: Words,
        make: impl Fn() -> Result<Vec<gst::Element>> + Send + Sync + 'static,
    ) -> Self {
        let factory: Self = glib::Object::new();
        // Set once, here, where nobody else knows the factory.
        let payload_type = words.stream.payload_type;
        let _ = factory.imp().make.set(Arc::new(move || bin(payload_type, &make()?)));
        factory.set_shared(sharing == Sharing::All);
        let permissions = gst::Structure::builder(ROLE).field("media.factory.access", true);
        factory.add_role_from_structure(&permissions.field("media.factory.construct", true).build());
        // With multicast a client would choose where packets go.
        factory.set_protocols(RTSPLowerTrans::UDP | RTSPLowerTrans::TCP);
        factory.set_media_gtype(Media::static_type());
        factory.connect_media_constructed(move |_, media| {
            media.downcast_ref::<Media>().into_iter().for_each(|media| media.describe(words.clone()));
            media.element().parent().and_downcast().iter().for_each(refill::keep_packets);
        });
        factory
    }

    /// Seals all packets, each stream with a key of its own, which its description tells.
    pub(super) fn seal(&self, suite: Suite) {
        self.set_profiles(RTSPProfile::SAVP);
        self.connect_media_constructed(move |_, media| {
            media.downcast_ref::<Media>().into_iter().for_each(|media| media.close(Seal::new(suite)));
        });
    }

    /// Lets reports in from those only who have come through this door.
    pub(super) fn guard(&self, door: &Door) {
        let door = door.clone();
        self.connect_media_constructed(move |_, media| {
            media.downcast_ref::<Media>().into_iter().for_each(|media| media.guard(Gate::new(door.clone())));
        });
    }
}

/// A bin with the elements in a row.
fn bin(payload_type: u8, chain: &[gst::Element]) -> Result<gst::Element> {
    let outer = gst::Bin::new();
    outer.add(&row(payload_type, chain)?).map_err(|error| elements::unbuilt(&error))?;
    Ok(outer.upcast())
}

/// What takes the place of a payloader: elements in a row, of which the last gives out RTP packets. The pads at both
/// ends are its pads.
pub(super) fn row(payload_type: u8, chain: &[gst::Element]) -> Result<gst::Element> {
    let stream = Stream::new(payload_type);
    elements::chain(&stream, &chain.iter().collect::<Vec<_>>())?;
    for (end, name) in [(chain.first(), "sink"), (chain.last(), "src")] {
        if let Some(pad) = end.and_then(|end| end.static_pad(name)) {
            let pad = gst::GhostPad::with_target(&pad).map_err(|error| elements::unbuilt(&error))?;
            if name == "src" {
                stream.follow(&pad);
            }
            stream.add_pad(&pad).map_err(|error| elements::unbuilt(&error))?;
        }
    }
    Ok(stream.upcast())
}

mod imp {
    use std::sync::{Arc, OnceLock};

    use gst::glib;
    use gst_rtsp_server::RTSPMediaFactory;
    use gst_rtsp_server::gst_rtsp::RTSPUrl;
    use gst_rtsp_server::subclass::prelude::*;

    use super::Make;

    #[derive(Default)]
    pub(in crate::serve) struct Factory {
        pub(super) make: OnceLock<Arc<Make>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Factory {
        const NAME: &'static str = "RtpMidiRtspFactory";
        type Type = super::Factory;
        type ParentType = RTSPMediaFactory;
    }

    impl ObjectImpl for Factory {}

    impl RTSPMediaFactoryImpl for Factory {
        fn create_element(&self, _url: &RTSPUrl) -> Option<gst::Element> {
            // A client is told that there is no such stream; what is wrong is the same for all of them, and has been
            // found when the programme was read.
            self.make.get()?().ok()
        }
    }
}
