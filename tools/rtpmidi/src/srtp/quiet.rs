//! Complaints of GStreamer about itself, which say nothing to who reads stderr.

use std::sync::Once;

use gst::glib;

/// With each packet that is not genuine `srtpdec` (1.22) gives back a buffer that it has not got: strangers could fill
/// stderr. gst-rtsp-server (1.22) begins to take sealed reports before it says that they are such.
const KNOWN: [&str; 2] = [
    "gst_mini_object_unref: assertion 'mini_object != NULL' failed",
    "Sticky event misordering, got 'segment' before 'caps'",
];

/// Keeps what is known from being printed.
pub(crate) fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let levels = glib::LogLevels::LEVEL_CRITICAL | glib::LogLevels::LEVEL_WARNING;
        glib::log_set_handler(Some("GStreamer"), levels, false, false, |domain, level, words| {
            if !KNOWN.iter().any(|known| words.ends_with(known)) {
                glib::log_default_handler(domain, level, Some(words));
            }
        });
    });
}
