//! SDP parameters in caps: strings under their SDP names.

/// The number that the parameter `name` has, if it is one.
pub(crate) fn number(caps: &gst::StructureRef, name: &str) -> Option<u32> {
    caps.get::<&str>(name).ok()?.parse().ok()
}
