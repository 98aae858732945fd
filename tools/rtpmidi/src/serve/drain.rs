//! Waits until sinks have sent what they have taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use gst::prelude::*;

/// Waits on behalf of those who tune in to one pipeline.
#[derive(Clone, Default)]
pub(super) struct Drain {
    is_under_way: Arc<AtomicBool>,
}

impl Drain {
    /// Waits until these sinks of a pipeline have sent what they have taken, or until then.
    ///
    /// A sink for connections has sent it when the server has taken it from there. A listener that reads nothing can put
    /// that off for long, so it is asked aside, and nobody asks meanwhile.
    pub(super) fn wait(&self, pipeline: &gst::Bin, sinks: Vec<gst::Element>, until: Instant) {
        if self.is_under_way.swap(true, Ordering::SeqCst) {
            return;
        }
        let (is_under_way, (done, all)) = (self.is_under_way.clone(), mpsc::channel::<()>());
        pipeline.call_async(move |_| {
            for pad in sinks.iter().filter_map(|sink| sink.static_pad("sink")) {
                // Comes in line behind packets. Not every sink has an answer.
                let _ = pad.query(&mut gst::query::Drain::new());
            }
            is_under_way.store(false, Ordering::SeqCst);
            drop(done);
        });
        // It ends with an error in any case: that nobody has an answer to give any more, or that there is no time.
        let _ = all.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}
