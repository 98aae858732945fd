//! The server itself: gst-rtsp-server's own sets everything up for whoever connects, and tells afterwards.

use std::ffi::CStr;
use std::net::IpAddr;

use gst::glib;
use gst::glib::translate::ToGlibPtr;
use gst_rtsp_server::subclass::prelude::*;
use gst_rtsp_server::{RTSPContext, RTSPServer, gst_rtsp};

use super::door::Door;

glib::wrapper! {
    /// The server.
    pub(super) struct Host(ObjectSubclass<imp::Host>) @extends RTSPServer;
}

impl Host {
    /// A server behind this door.
    pub(super) fn new(door: &Door) -> Self {
        let host: Self = glib::Object::new();
        door.limit(&host);
        // Set once, here, where nobody else knows the server.
        let _ = host.imp().door.set(door.clone());
        host
    }
}

/// The address of the connection that is being accepted.
fn caller() -> Option<IpAddr> {
    let text = RTSPContext::with_current_context(|context| {
        // SAFETY: the context is that of the connection, which lives as long as this call, as does the text, which is
        // copied. Null is looked for in both.
        unsafe {
            let connection = (*context.to_glib_none().0).conn;
            if connection.is_null() {
                return None;
            }
            let text = gst_rtsp::ffi::gst_rtsp_connection_get_ip(connection);
            (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
        }
    });
    text.flatten()?.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

mod imp {
    use std::sync::OnceLock;

    use gst::glib;
    use gst_rtsp_server::subclass::prelude::*;
    use gst_rtsp_server::{RTSPClient, RTSPServer};

    use super::{Door, caller};

    #[derive(Default)]
    pub(in crate::serve) struct Host {
        pub(super) door: OnceLock<Door>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Host {
        const NAME: &'static str = "RtpMidiRtspHost";
        type Type = super::Host;
        type ParentType = RTSPServer;
    }

    impl ObjectImpl for Host {}

    impl RTSPServerImpl for Host {
        fn create_client(&self) -> Option<RTSPClient> {
            let is_crowded = |door: &Door| caller().is_some_and(|address| door.is_crowded(address));
            if self.door.get().is_some_and(is_crowded) { None } else { self.parent_create_client() }
        }
    }
}
