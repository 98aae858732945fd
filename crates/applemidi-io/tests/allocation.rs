//! Nothing is allocated for a packet while a session goes on.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use applemidi_io::{Admission, Change, Config, End, Event, Host};

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and the memory is the system allocator's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// What an end has heard: messages, and participants that may be played to.
#[derive(Default)]
struct Heard {
    messages: AtomicU64,
    listening: AtomicU64,
}

fn open(host: &Host) -> (End, Arc<Heard>) {
    let heard = Arc::<Heard>::default();
    let of_listener = heard.clone();
    let config = Config { port: 0, admission: Admission::Everyone, ..Config::new("End") };
    let listener = move |event: Event<'_>| match event {
        Event::Midi { .. } => drop(of_listener.messages.fetch_add(1, Ordering::SeqCst)),
        Event::Change { change: Change::Listening, .. } => drop(of_listener.listening.fetch_add(1, Ordering::SeqCst)),
        _ => {}
    };
    (host.open(&config, listener).unwrap(), heard)
}

#[track_caller]
fn wait(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_micros(100));
    }
}

#[test]
fn the_steady_state_allocates_nothing_for_a_packet() {
    const PACKETS: u64 = 1000;
    let host = Host::start().unwrap();
    let [(one, here), (other, there)] = [open(&host), open(&host)];
    one.call(&format!("127.0.0.1:{}", other.port()));
    for heard in [&here, &there] {
        wait("nobody listens", || heard.listening.load(Ordering::SeqCst) == 1);
    }
    let play = |packets: u64| {
        for _ in 0..packets / 2 {
            let before = there.messages.load(Ordering::SeqCst);
            one.play(&[0x90, 60, 100]);
            one.play(&[0x80, 60, 64]);
            wait("it does not come", || there.messages.load(Ordering::SeqCst) == before + 2);
        }
    };
    play(200);
    let (before, started) = (ALLOCATIONS.load(Ordering::SeqCst), Instant::now());
    play(PACKETS);
    let allocations = ALLOCATIONS.load(Ordering::SeqCst) - before;
    // Feedback and comparisons of clocks, a few each second, may allocate.
    let most = 50 + 50 * started.elapsed().as_secs();
    assert!(allocations < most, "{allocations} for {PACKETS} packets, {most} may be");
}
