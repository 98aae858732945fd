//! Finds the `rtpsession` elements that a pad's data passes through, to listen to their RTCP.

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

/// Most pads on one path: far more than any pipeline has, and an end to a loop.
const DEEPEST: usize = 64;

/// The nearest `rtpsession` on every path that leads away from `pad`, through bins, queues and tees.
pub(crate) fn beyond(pad: &gst::Pad) -> Vec<gst::Element> {
    let mut found = Vec::new();
    walk(pad, DEEPEST, &mut found);
    found
}

fn walk(pad: &gst::Pad, depth: usize, found: &mut Vec<gst::Element>) {
    let Some(peer) = pad.peer() else { return };
    // A pad without parent has no iterator of internal links, which the bindings take for granted.
    let Some(parent) = peer.parent() else { return };
    if let Ok(element) = parent.downcast::<gst::Element>()
        && element.factory().is_some_and(|factory| factory.name() == "rtpsession")
    {
        if !found.contains(&element) {
            found.push(element);
        }
        return;
    }
    if depth > 0 {
        let mut links = peer.iterate_internal_links();
        while let Ok(Some(pad)) = links.next() {
            walk(&pad, depth - 1, found);
        }
    }
}

/// What the session knows about the source `ssrc` (the `stats` of its `RTPSource`).
pub(crate) fn source_stats(session: &gst::Element, ssrc: u32) -> Option<gst::Structure> {
    session
        .property::<glib::Object>("internal-session")
        .emit_by_name::<Option<glib::Object>>("get-source-by-ssrc", &[&ssrc])
        .map(|source| source.property("stats"))
}

/// A handler for signals of `rtpsession` whose arguments are the session and an SSRC. It does not keep `element`.
pub(crate) fn handler<T: ObjectImpl>(
    element: &T,
    handle: impl Fn(&T, &gst::Element, u32) + Send + Sync + 'static,
) -> impl Fn(&[glib::Value]) -> Option<glib::Value> + Send + Sync + 'static
where
    T::Type: Send + Sync,
{
    let element = element.obj().downgrade();
    move |arguments| {
        let element = element.upgrade()?;
        let element = element.imp();
        let session = arguments.first()?.get::<gst::Element>().ok()?;
        handle(element, &session, arguments.get(1)?.get().ok()?);
        None
    }
}

/// Signal handlers on `rtpsession` elements, removed when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Connections(Vec<(glib::WeakRef<gst::Element>, Vec<glib::SignalHandlerId>)>);

impl Connections {
    /// Connects to the sessions beyond `pad` that are new; `connect` says which handlers.
    pub(crate) fn update(&mut self, pad: &gst::Pad, connect: impl Fn(&gst::Element) -> Vec<glib::SignalHandlerId>) {
        self.0.retain(|(session, _)| session.upgrade().is_some());
        for session in beyond(pad) {
            if !self.0.iter().any(|(known, _)| known.upgrade().as_ref() == Some(&session)) {
                self.0.push((session.downgrade(), connect(&session)));
            }
        }
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        for (session, handlers) in self.0.drain(..) {
            if let Some(session) = session.upgrade() {
                for handler in handlers {
                    session.disconnect(handler);
                }
            }
        }
    }
}
