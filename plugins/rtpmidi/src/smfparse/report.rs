//! What `smfparse` says on the bus: one line of error, and a hint where there is one.
//!
//! The hint stands in the debug text behind `hint: `, and in the `hint` field of the details `smf-error`.

use smf_timeline::Error;

use super::SmfParse;

/// Posts why a file is refused.
pub(super) fn song(element: &SmfParse, error: &Error) {
    let details = gst::Structure::builder("smf-error").field_if_some("hint", error.hint()).build();
    let debug = error.hint().map(|hint| format!("hint: {hint}")).unwrap_or_default();
    match error {
        Error::NotSmf { .. } => {
            gst::element_error!(element, gst::StreamError::WrongType, ("{error}"), ["{debug}"], details: details);
        }
        Error::NoSequence { .. } => {
            gst::element_error!(element, gst::LibraryError::Settings, ("{error}"), ["{debug}"], details: details);
        }
        _ => gst::element_error!(element, gst::StreamError::Decode, ("{error}"), ["{debug}"], details: details),
    }
}

/// Posts that a file is larger than `max_size` octets.
pub(super) fn too_large(element: &SmfParse, max_size: u64) {
    gst::element_error!(
        element,
        gst::StreamError::Format,
        ("the file is larger than {max_size} octets"),
        ["hint: max-size raises the limit"]
    );
}

/// Warns of what lenient reading stepped over.
pub(super) fn defects(element: &SmfParse, defects: &[Error]) {
    if let Some(first) = defects.first() {
        let count = defects.len();
        gst::element_warning!(element, gst::StreamError::Decode, ("{count} defects in the file, the first: {first}"));
    }
}
