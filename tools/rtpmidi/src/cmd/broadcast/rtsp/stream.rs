//! The bin that gives out a stream of packets. gst-rtsp-server asks a payloader for its payload type, and where there is
//! none the bin.

use gst::glib;
use gst::glib::Object;

glib::wrapper! {
    /// The bin; all our streams have one payload type.
    pub(super) struct Stream(ObjectSubclass<imp::Stream>) @extends gst::Bin, gst::Element, gst::Object;
}

impl Stream {
    /// An empty one, under the name by which gst-rtsp-server finds it.
    pub(super) fn new() -> Self {
        Object::builder().property("name", "pay0").build()
    }
}

mod imp {
    use std::sync::LazyLock;

    use gst::glib;
    use gst::prelude::*;
    use gst::subclass::prelude::*;

    use crate::description::PAYLOAD_TYPE;

    #[derive(Debug, Default)]
    pub(in crate::cmd::broadcast::rtsp) struct Stream;

    #[glib::object_subclass]
    impl ObjectSubclass for Stream {
        const NAME: &'static str = "RtpMidiRtspStream";
        type Type = super::Stream;
        type ParentType = gst::Bin;
    }

    impl ObjectImpl for Stream {
        fn properties() -> &'static [glib::ParamSpec] {
            static PROPERTIES: LazyLock<[glib::ParamSpec; 1]> =
                LazyLock::new(|| [glib::ParamSpecUInt::builder("pt").read_only().build()]);
            &*PROPERTIES
        }

        fn property(&self, _id: usize, _pspec: &glib::ParamSpec) -> glib::Value {
            u32::from(PAYLOAD_TYPE).to_value()
        }
    }

    impl GstObjectImpl for Stream {}
    impl ElementImpl for Stream {}
    impl BinImpl for Stream {}
}
