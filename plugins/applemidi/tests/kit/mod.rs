//! Pipelines in sessions over loopback: what is pushed into them, and what comes out.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod peer;
#[path = "../../../../tests/kit/player.rs"]
pub(crate) mod player;

use std::sync::Once;
use std::time::{Duration, Instant};

use gst::prelude::*;

pub(crate) use player::{INPUT, OUTPUT, PATIENCE, Player};

/// What every session of a test has: it is on loopback, and not announced.
pub(crate) const ON_LOOPBACK: &str = "address=127.0.0.1 announce=false admission=everyone";

/// What a source has besides whose notes are waited for: however busy the machine is, none is too late to be heard.
pub(crate) const PATIENT: &str = "late-notes=10000000000";

/// Loads GStreamer and the plugin under test.
fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstapplemidi::plugin_register_static().unwrap();
    });
}

impl Player {
    /// Both ways of the session `name`, with more properties.
    pub(crate) fn both(name: &str, properties: &str) -> Self {
        let sink = format!("applemidisink session-name={name} {ON_LOOPBACK} {properties}");
        let source = format!("applemidisrc name=midi session-name={name} {PATIENT}");
        Self::start(&format!("{INPUT} ! {sink}  {source} ! {OUTPUT}"))
    }

    /// Where others invite this session.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        let port: u32 = self.stats().get("port").unwrap();
        ([127, 0, 0, 1], port as u16).into()
    }

    /// How many of the participants listen.
    pub(crate) fn listeners(&self) -> usize {
        let stats = self.stats();
        let Ok(participants) = stats.get::<gst::Array>("participants") else { return 0 };
        let listens =
            |value: &&gst::glib::SendValue| value.get::<gst::Structure>().unwrap().get::<bool>("listening").unwrap();
        participants.iter().filter(listens).count()
    }

    /// Waits until somebody listens.
    #[track_caller]
    pub(crate) fn wait_for_listeners(&self, count: usize) {
        let started = Instant::now();
        while self.listeners() != count {
            assert!(started.elapsed() < PATIENCE, "not {count} listeners: {:?}", self.stats());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Plays messages that have the same time, in one list.
    pub(crate) fn play_together(&self, messages: &[&[u8]]) {
        let source: gst_app::AppSrc = self.element("in").downcast().unwrap();
        let now = source.current_running_time();
        let buffer = |octets: &&[u8]| {
            let mut buffer = gst::Buffer::from_mut_slice(octets.to_vec());
            buffer.get_mut().unwrap().set_pts(now);
            buffer
        };
        source.push_buffer_list(messages.iter().map(buffer).collect::<gst::BufferList>()).unwrap();
    }

    /// Waits for what is said of a participant: its fields `name`, `change` and `reason`.
    #[track_caller]
    pub(crate) fn wait_for_change(&self, change: &str) -> gst::Structure {
        loop {
            let structure = self.next_change();
            if structure.get::<&str>("change") == Ok(change) {
                return structure;
            }
        }
    }

    /// The next that is said of a participant.
    #[track_caller]
    pub(crate) fn next_change(&self) -> gst::Structure {
        let (bus, started) = (self.pipeline.bus().unwrap(), Instant::now());
        loop {
            let left = PATIENCE.saturating_sub(started.elapsed()).as_nanos() as u64;
            let message = bus.timed_pop_filtered(gst::ClockTime::from_nseconds(left), &[gst::MessageType::Element]);
            let message = message.expect("nothing is said of a participant");
            let structure = message.structure().unwrap();
            if structure.name() == gstapplemidi::PARTICIPANT {
                return structure.to_owned();
            }
        }
    }
}
