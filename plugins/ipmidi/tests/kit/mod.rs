//! Sockets on loopback, and pipelines with the plugin under test.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(dead_code, reason = "each test file uses its part")]

#[path = "../../../../tests/kit/player.rs"]
mod player;

use std::net::UdpSocket;
use std::sync::Once;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

pub(crate) use player::{INPUT, OUTPUT, PATIENCE, Player};

/// A socket of somebody else.
pub(crate) fn other() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// A UDP port that nobody has, or gets: it is below those that the system gives out.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(32_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if UdpSocket::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}

/// Loads GStreamer and the plugin.
fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstipmidi::plugin_register_static().unwrap();
    });
}

impl Player {
    /// Waits until a number of the statistics is this.
    #[track_caller]
    pub(crate) fn wait_for(&self, field: &str, count: u64) {
        let started = Instant::now();
        while self.stats().get::<u64>(field) != Ok(count) {
            assert!(started.elapsed() < PATIENCE, "{field} is not {count}: {:?}", self.stats());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
