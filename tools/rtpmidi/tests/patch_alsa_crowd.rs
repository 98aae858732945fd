//! A new port among a thousand of a real ALSA sequencer, with five hundred rules. In a machine with a time of its own, so
//! that what it takes says nothing of this one: a thousand instructions are a microsecond.

#![cfg(feature = "alsa")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
#[path = "../../../tests/vm/kit.rs"]
mod vm;

use std::ffi::CString;
use std::time::{Duration, Instant};

use alsa::seq::{Addr, Connect, EventType, PortCap, PortSubscribe, PortType};
use alsa::{Direction, Seq};
use kit::{Folder, Objects, Program, argument};

#[test]
fn a_crowd_at_a_real_sequencer() {
    if std::env::var_os("RTPMIDI_THOROUGH").is_none() {
        eprintln!("skipped: RTPMIDI_THOROUGH is not set");
        return;
    }
    vm::run_the_ignored_tests_in_virtual_time();
}

/// Longer than anything takes in a machine that is twenty times slower.
const PATIENCE: Duration = Duration::from_mins(2);

/// The new ports, behind those that come before all has been read that the program needs.
const NEW: std::ops::Range<i32> = 10..100;

fn client(name: &str) -> Seq {
    let client = Seq::open(None, None, false).unwrap();
    client.set_client_name(&CString::new(name).unwrap()).unwrap();
    client
}

fn port(client: &Seq, name: &str, capabilities: PortCap) -> i32 {
    client.create_simple_port(&CString::new(name).unwrap(), capabilities, PortType::MIDI_GENERIC).unwrap()
}

/// Hears of all connections that come about.
struct Watcher(Seq);

impl Watcher {
    fn new() -> Self {
        let announcements = Addr::system_announce();
        let watcher = Seq::open(None, Some(Direction::Capture), false).unwrap();
        let own = port(&watcher, "all", PortCap::WRITE | PortCap::NO_EXPORT);
        let subscription = PortSubscribe::empty().unwrap();
        subscription.set_sender(announcements);
        subscription.set_dest(Addr { client: watcher.client_id().unwrap(), port: own });
        watcher.subscribe_port(&subscription).unwrap();
        Self(watcher)
    }

    /// Waits until a port is connected to another one.
    fn connection_of(&self, sender: Addr) {
        let mut input = self.0.input();
        loop {
            let event = input.event_input().unwrap();
            let is_connection = event.get_type() == EventType::PortSubscribed;
            if is_connection && event.get_data::<Connect>().is_some_and(|connection| connection.sender == sender) {
                return;
            }
        }
    }
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_new_port_among_a_thousand_is_patched_within_five_milliseconds_by_one_of_five_hundred_rules() {
    let (read, write) = (PortCap::READ | PortCap::SUBS_READ, PortCap::WRITE | PortCap::SUBS_WRITE);
    let clients: Vec<Seq> = (0..10).map(|number| client(&format!("client {number}"))).collect();
    for number in 0..1000 {
        let capabilities = if number / 10 % 2 == 0 { read } else { write };
        port(&clients[number % 10], &format!("port {}", number / 10), capabilities);
    }
    let folder = Folder::new("patch-alsa-crowd");
    let file = folder.write("many.rules", kit::five_hundred_rules().as_bytes());
    let busy = vm::Busy::start();
    let mut program = Program::start_with_open_stdout(&["patch", "--no-jack", "--json", "--rules", argument(&file)]);
    let lines = Objects::of(&mut program);
    lines.wait_for("the sequencer", PATIENCE, |object| object["type"] == "server" && object["state"] == "reached");
    let (watcher, new) = (Watcher::new(), client("new"));
    let address = |port| Addr { client: new.client_id().unwrap(), port };
    watcher.connection_of(address(port(&new, "port 0", read)));
    vm::read_the_files_of(program.id());
    vm::read_the_files_of(std::process::id());
    drop(busy);
    let patch = |number: i32| {
        // Time leaps here, and what is to be done at leisure is done.
        std::thread::sleep(Duration::from_secs(2));
        let began = Instant::now();
        watcher.connection_of(address(port(&new, &format!("port {number}"), read)));
        began.elapsed().as_micros()
    };
    let mut times: Vec<_> = NEW.map(patch).collect();
    times.sort_unstable();
    let (middle, most) = (times[times.len() / 2], times[times.len() - 1]);
    println!("microseconds until a new port is patched: median {middle}, most {most}");
    assert!(cfg!(debug_assertions) || times.iter().all(|time| *time < 5000), "{times:?}");
}
