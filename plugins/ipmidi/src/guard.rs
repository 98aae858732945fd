//! What the sinks of this process have sent: their own sources do not hear it, or it would go round for ever.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::Instant;

use ipmidi::LoopGuard;

use crate::lock::lock;

/// The guard of a socket that sends, for as long as this lasts.
#[derive(Debug)]
pub(crate) struct Guarded(Arc<Mutex<LoopGuard>>);

static GUARDS: Mutex<Vec<Weak<Mutex<LoopGuard>>>> = Mutex::new(Vec::new());

impl Guarded {
    /// Has all sources of this process ask this guard.
    pub(crate) fn new(guard: LoopGuard) -> Self {
        let guard = Arc::new(Mutex::new(guard));
        let mut guards = lock(&GUARDS);
        guards.retain(|guard| guard.strong_count() > 0);
        guards.push(Arc::downgrade(&guard));
        Self(guard)
    }

    /// A datagram is about to be sent.
    pub(crate) fn sends(&self, datagram: &[u8]) {
        lock(&self.0).sent(now(), datagram);
    }
}

/// Whether a datagram that has come now is one that a sink of this process has sent.
pub(crate) fn is_own(from: SocketAddr, datagram: &[u8]) -> bool {
    let guards: Vec<_> = lock(&GUARDS).iter().filter_map(Weak::upgrade).collect();
    guards.iter().any(|guard| lock(guard).is_own(now(), from, datagram))
}

/// Milliseconds since this process began to count them.
pub(crate) fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_millis() as u64
}
