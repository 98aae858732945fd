//! What lies on the way of a pad's data: through bins, queues and tees.

use gst::prelude::*;

/// Most pads on one path: far more than any pipeline has, and an end to a loop.
const DEEPEST: usize = 64;

/// The nearest `rtpsession` on every path that leads away from `pad`.
pub(crate) fn sessions(pad: &gst::Pad) -> Vec<gst::Element> {
    let mut found = Vec::new();
    walk(pad, DEEPEST, &mut |element| {
        let is_session = is_made_by(element, &["rtpsession"]);
        if is_session && !found.contains(element) {
            found.push(element.clone());
        }
        is_session
    });
    found
}

/// Whether the data goes into TCP connections and nowhere else.
pub(crate) fn is_reliable(pad: &gst::Pad) -> bool {
    let (mut ends, mut reliable) = (0, 0);
    walk(pad, DEEPEST, &mut |element| {
        let is_end = !element.is::<gst::Bin>() && element.num_src_pads() == 0;
        ends += u32::from(is_end);
        reliable += u32::from(is_end && is_made_by(element, &["tcpserversink", "tcpclientsink"]));
        is_end
    });
    ends > 0 && ends == reliable
}

fn is_made_by(element: &gst::Element, factories: &[&str]) -> bool {
    element.factory().is_some_and(|factory| factories.contains(&factory.name().as_str()))
}

/// Calls `visit` with each element on the way from `pad`, and follows it no further where that returns true.
fn walk(pad: &gst::Pad, depth: usize, visit: &mut dyn FnMut(&gst::Element) -> bool) {
    let Some(peer) = pad.peer() else { return };
    // A pad without parent has no iterator of internal links, which the bindings take for granted.
    let Some(parent) = peer.parent() else { return };
    if parent.downcast::<gst::Element>().is_ok_and(|element| visit(&element)) {
        return;
    }
    if depth > 0 {
        let mut links = peer.iterate_internal_links();
        while let Ok(Some(pad)) = links.next() {
            walk(&pad, depth - 1, visit);
        }
    }
}
