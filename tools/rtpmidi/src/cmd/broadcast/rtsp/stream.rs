//! The bin that gives out a stream of packets. gst-rtsp-server asks a payloader for its payload type, and where there is
//! none the bin.

use gst::glib;
use gst::glib::Object;

glib::wrapper! {
    /// The bin.
    pub(super) struct Stream(ObjectSubclass<imp::Stream>) @extends gst::Bin, gst::Element, gst::Object;
}

impl Stream {
    /// An empty one for packets of this payload type, under the name by which gst-rtsp-server finds it.
    pub(super) fn new(payload_type: u8) -> Self {
        Object::builder().property("name", "pay0").property("pt", u32::from(payload_type)).build()
    }
}

mod imp {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use gst::glib;
    use gst::prelude::*;
    use gst::subclass::prelude::*;

    #[derive(Debug, Default)]
    pub(in crate::cmd::broadcast::rtsp) struct Stream {
        payload_type: AtomicU32,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Stream {
        const NAME: &'static str = "RtpMidiRtspStream";
        type Type = super::Stream;
        type ParentType = gst::Bin;
    }

    impl ObjectImpl for Stream {
        fn properties() -> &'static [glib::ParamSpec] {
            static PROPERTIES: LazyLock<[glib::ParamSpec; 1]> =
                LazyLock::new(|| [glib::ParamSpecUInt::builder("pt").construct_only().build()]);
            &*PROPERTIES
        }

        fn set_property(&self, _id: usize, value: &glib::Value, _pspec: &glib::ParamSpec) {
            self.payload_type.store(value.get().unwrap_or_default(), Ordering::Relaxed);
        }

        fn property(&self, _id: usize, _pspec: &glib::ParamSpec) -> glib::Value {
            self.payload_type.load(Ordering::Relaxed).to_value()
        }
    }

    impl GstObjectImpl for Stream {}
    impl ElementImpl for Stream {}
    impl BinImpl for Stream {}
}
