//! Peers as devices: what applications list, and what makes elements for them.

mod provider;

use std::sync::{LazyLock, OnceLock};

use applemidi_io::Peer;
use gst::glib;
use gst::subclass::prelude::*;

use crate::audience::printable;
use crate::setup;

pub(crate) use provider::register;

/// What a device is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// To hear what the peer plays.
    Source,
    /// To play to the peer.
    Sink,
}

glib::wrapper! {
    /// A peer that can be heard, or played to.
    pub struct AppleMidiDevice(ObjectSubclass<imp::AppleMidiDevice>) @extends gst::Device, gst::Object;
}

impl AppleMidiDevice {
    /// One way of a peer.
    pub(crate) fn new(peer: &Peer, way: Way) -> Self {
        let addresses = gst::Array::new(peer.addresses.iter().map(ToString::to_string));
        let properties = gst::Structure::builder("applemidi-proplist")
            .field("device.api", "applemidi")
            .field("applemidi.name", printable(&peer.name))
            .field("applemidi.host", printable(&peer.host))
            .field("applemidi.addresses", addresses)
            .build();
        let class = match way {
            Way::Source => "Source/Midi/Network",
            Way::Sink => "Sink/Midi/Network",
        };
        let device: Self = glib::Object::builder()
            .property("display-name", printable(&peer.name))
            .property("device-class", class)
            .property("caps", gst::Caps::new_empty_simple("audio/x-midi-event"))
            .property("properties", properties)
            .build();
        // It is new, so that nobody has set it before.
        let _ = device.imp().peer.set((peer.clone(), way));
        device
    }
}

mod imp {
    use super::{LazyLock, OnceLock, Peer, Way, call, printable, setup};
    use gst::glib;
    use gst::subclass::prelude::*;

    /// The private part of [`super::AppleMidiDevice`].
    #[derive(Default)]
    pub struct AppleMidiDevice {
        pub(super) peer: OnceLock<(Peer, Way)>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for AppleMidiDevice {
        const NAME: &'static str = "GstAppleMidiDevice";
        type Type = super::AppleMidiDevice;
        type ParentType = gst::Device;
    }

    impl ObjectImpl for AppleMidiDevice {}
    impl GstObjectImpl for AppleMidiDevice {}

    impl DeviceImpl for AppleMidiDevice {
        fn create_element(&self, name: Option<&str>) -> Result<gst::Element, gst::LoggableError> {
            static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
                gst::DebugCategory::new("applemididevice", gst::DebugColorFlags::empty(), Some("AppleMIDI peers"))
            });
            let (peer, way) = self.peer.get().ok_or_else(|| gst::loggable_error!(CAT, "a device without a peer"))?;
            let factory = match way {
                Way::Source => "applemidisrc",
                Way::Sink => "applemidisink",
            };
            // A line to this peer alone: one session for both ways, which nobody else sees or joins.
            let session = format!("{} with {}", setup::machine(), printable(&peer.name));
            let element = gst::ElementFactory::make(factory)
                .name_if_some(name)
                .property("session-name", session)
                .property("peers", setup::escape_peer(&call(peer)))
                .property("announce", false)
                .property_from_str("admission", "list")
                .build();
            element.map_err(|error| gst::loggable_error!(CAT, "{error}"))
        }
    }
}

/// How a peer is called: by its name, so that it is found wherever it moves, unless a property cannot hold that.
fn call(peer: &Peer) -> String {
    let is_plain = !peer.name.chars().any(char::is_control) && peer.name.trim() == peer.name && !peer.name.is_empty();
    match peer.addresses.first() {
        Some(address) if !is_plain => address.to_string(),
        _ => peer.name.clone(),
    }
}
