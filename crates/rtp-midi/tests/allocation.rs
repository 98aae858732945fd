//! Nothing is allocated for a packet once sender and receiver have seen what there is to see.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use rtp_midi::midi::Command;
use rtp_midi::{
    Chapters, Config, Inclusion, Journal, Latency, Letters, LineRate, Numbers, Octet, Playout, Policy, Received,
    Receiver, Selection, Sender, Source, Timing,
};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Fails only while the thread ends, where nobody counts.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
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

/// A bar of music with every kind of channel command and some of the system's.
const BAR: &[&[&[u8]]] = &[
    &[&[0x90, 60, 90], &[0x91, 64, 90], &[0xB0, 1, 30], &[0xE0, 0, 70], &[0xF8]],
    &[&[0x80, 60, 32], &[0xA1, 64, 9], &[0xD0, 50], &[0xF8], &[0xFE]],
    &[&[0xB0, 101, 0], &[0xB0, 100, 0], &[0xB0, 6, 2], &[0x81, 64, 64], &[0xF8]],
    &[&[0xB0, 0, 1], &[0xB0, 32, 2], &[0xC0, 5], &[0xB1, 64, 127], &[0xB1, 64, 0], &[0xF1, 0x03]],
];

fn allocations_of_a_bar(policy: Policy, chapters: &Chapters) -> u64 {
    let config = Config { journal: Journal::Recovery(policy), chapters: chapters.clone(), ..Config::new(44_100) };
    let (mut sender, mut receiver) = (Sender::new(config.clone(), 1), Receiver::new(config));
    let mut payload = Vec::with_capacity(4096);
    let mut time = 0;
    let mut bar = |sender: &mut Sender, receiver: &mut Receiver| {
        for commands in BAR {
            time += 100_000;
            for octets in *commands {
                sender.queue(time, Command::decode(octets).unwrap().0).unwrap();
            }
            payload.clear();
            let packet = sender.packet(time, &mut payload);
            let received = Received { sequence: packet.sequence, timestamp: packet.timestamp, payload: &payload };
            receiver.receive(received, |event| {
                std::hint::black_box(event.command);
            });
            sender.acknowledge(1, u32::from(packet.sequence));
        }
    };
    // System Exclusives stay in the journals of an anchored stream.
    for data in [&[0x7E, 0x7F, 9, 1][..], &[0x41, 0x10, 0x42]] {
        sender.queue(0, Command::sysex(data)).unwrap();
    }
    (0..50).for_each(|_| bar(&mut sender, &mut receiver));
    let before = ALLOCATIONS.get();
    (0..50).for_each(|_| bar(&mut sender, &mut receiver));
    ALLOCATIONS.get() - before
}

#[test]
fn the_steady_state_allocates_nothing() {
    let plain = Chapters::default();
    assert_eq!(allocations_of_a_bar(Policy::ClosedLoop, &plain), 0);
    assert_eq!(allocations_of_a_bar(Policy::Anchor, &plain), 0);
    // Enhanced coding of CC 1 and 64.
    let (channels, letters, fields) =
        (Numbers::default(), Letters::of("C"), Numbers::new([128 + 1..=128 + 1, 128 + 64..=128 + 64]));
    let mut enhanced = Chapters::default();
    enhanced.assign(Inclusion::Default, &Selection::Types { channels, letters, fields });
    assert_eq!(allocations_of_a_bar(Policy::ClosedLoop, &enhanced), 0);
    assert_eq!(allocations_of_a_bar(Policy::Anchor, &enhanced), 0);
}

#[test]
fn a_playout_allocates_nothing_once_it_has_seen_its_depth() {
    let config = Config::new(44_100);
    let (mut sender, mut playout) = (Sender::new(config.clone(), 1), Playout::new(config, Latency::Fixed(50_000_000)));
    let mut payload = Vec::with_capacity(4096);
    let mut now = 0;
    let mut bar = || {
        for commands in BAR {
            now += 10_000_000;
            let time = (now / 10_000_000 * 441) as u32;
            for (octets, behind) in commands.iter().zip((0..).step_by(100)) {
                sender.queue(time + behind, Command::decode(octets).unwrap().0).unwrap();
            }
            payload.clear();
            let packet = sender.packet(time, &mut payload);
            let received = Received { sequence: packet.sequence, timestamp: packet.timestamp, payload: &payload };
            playout.receive(now, 7, received);
            playout.receive(now, 7, received);
            playout.play(now, |cue| {
                std::hint::black_box(cue.event.command);
            });
            sender.acknowledge(1, u32::from(packet.sequence));
        }
    };
    (0..100).for_each(|_| bar());
    let before = ALLOCATIONS.get();
    (0..50).for_each(|_| bar());
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert!(playout.stats().duplicates > 0 && playout.stats().waiting > 2);
}

#[test]
fn a_source_allocates_nothing_once_it_has_seen_its_longest_command() {
    let line = LineRate::DIN;
    for timing in [
        Timing::Async { octet: Some(Octet::First), line },
        Timing::Buffer { octet: Some(Octet::Last), line, period: None },
    ] {
        let mut source = Source::new(timing, 44_100, 256);
        let mut second = || {
            source.push(0, &[0x90, 60, 0xF8, 100, 62, 100, 0xF0, 1, 2, 0xFE, 3, 0xF7, 0xC0, 5], |_, _| {});
            source.examine(0, |_, _| {});
        };
        second();
        let before = ALLOCATIONS.get();
        (0..50).for_each(|_| second());
        assert_eq!(ALLOCATIONS.get() - before, 0);
    }
}
