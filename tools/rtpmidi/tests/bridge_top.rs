//! `rtpmidi bridge top` in a real terminal: what it shows, its keys, another size, and its end.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kit::{Folder, Objects, PATIENCE, Program, argument};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use vt100::Parser;

/// A program at a terminal of its own.
struct Terminal {
    child: Child,
    master: File,
    screen: Arc<Mutex<Parser>>,
}

impl Terminal {
    /// The program with these arguments, at a terminal of 100 columns and 24 rows.
    fn start(arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        resize(&master, 24, 100);
        let noctty = rustix::fs::OFlags::NOCTTY.bits() as i32;
        let slave = File::options().read(true).write(true).custom_flags(noctty).open(name.to_str().unwrap()).unwrap();
        let end = || Stdio::from(slave.try_clone().unwrap());
        // With a session of its own the terminal tells it of another size.
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", env!("CARGO_BIN_EXE_rtpmidi")]).args(arguments);
        let child = command.env("TERM", "xterm-256color").stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let [rows, columns] = [24, 100].map(|size| NonZero::new(size).unwrap());
        let screen = Arc::new(Mutex::new(Parser::new(rows, columns, 0)));
        let master = File::from(master);
        let (mut from, to) = (master.try_clone().unwrap(), screen.clone());
        std::thread::spawn(move || {
            let mut octets = [0; 4096];
            while let Ok(length @ 1..) = from.read(&mut octets) {
                to.lock().unwrap().process(&octets[..length]);
            }
        });
        Self { child, master, screen }
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    fn waits_for(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let began = Instant::now();
        while !wanted(&self.text()) {
            assert!(began.elapsed() < PATIENCE, "{what}:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    fn end(mut self) -> (Option<i32>, bool) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        };
        let is_back = || !self.screen.lock().unwrap().screen().alternate_screen();
        while !is_back() && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        (status.code(), is_back())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn resize(master: &impl rustix::fd::AsFd, rows: u16, columns: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(master, size).unwrap();
}

/// A bridge on loopback with two ports that nobody is behind, connected by hand.
fn bridge(socket: &Path) -> (Program, Objects) {
    let mut program = Program::start_with_open_stdout(&[
        "bridge",
        "--name",
        "Studio",
        "--port",
        "0",
        "--no-mdns",
        "--no-alsa",
        "--json",
        "--peer",
        "127.0.0.1:9",
        "--peer",
        "127.0.0.1:7",
        "--control",
        argument(socket),
    ]);
    let lines = Objects::of(&mut program);
    kit::wait_for(socket);
    let ports = ["127.0.0.1:9", "127.0.0.1:7", "--control", argument(socket)];
    let connected = Program::start(&[&["bridge", "connect"], &ports[..]].concat()).finish();
    assert_eq!(connected.code, Some(0), "{connected:?}");
    (program, lines)
}

#[test]
fn the_screen_shows_what_is_there_obeys_keys_and_leaves_the_terminal_as_it_was() {
    let folder = Folder::new("top");
    let socket = folder.path("bridge.sock");
    let (_running, _lines) = bridge(&socket);
    let said = |order: &[&str]| {
        let ended = Program::start(&[&["bridge"], order, &["--control", argument(&socket)]].concat()).finish();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    };
    said(&["connect", "127.0.0.1:9", "127.0.0.1:7", "--transpose", "-12"]);
    said(&["port", "127.0.0.1:7", "--pace", "din", "--delay", "10 ms"]);
    let mut top = Terminal::start(&["bridge", "top", "--interval", "0.1", "--control", argument(&socket)]);
    top.waits_for("it shows nothing", |text| {
        let words = ["Studio  ports ", "2 sessions", "1 connection", "-12 half tones", "2 ports", "3125/s, +10.0 ms"];
        words.iter().all(|words| text.contains(words)) && text.contains("q end")
    });
    top.press("\tm");
    top.waits_for("the connection is not muted", |text| text.contains("muted"));
    top.press("m");
    top.waits_for("it stays muted", |text| !text.contains("muted"));
    // Half its height has room for one list.
    resize(&top.master, 10, 60);
    let [rows, columns] = [10, 60].map(|size| NonZero::new(size).unwrap());
    top.screen.lock().unwrap().screen_mut().set_size(rows, columns);
    top.waits_for("it does not see the new size", |text| text.contains("1 connection") && !text.contains("sessions"));
    top.press("p");
    top.waits_for("it does not ask", |text| text.contains("End all notes everywhere? y: yes"));
    top.press("n");
    top.waits_for("it still asks", |text| text.contains("q end"));
    top.press("dy");
    top.waits_for("the connection stays", |text| text.contains("0 connections"));
    top.press("q");
    assert_eq!(top.end(), (Some(0), true));
}

#[test]
fn a_bridge_that_ends_is_told_of_and_waited_for_and_a_signal_ends_the_screen() {
    let folder = Folder::new("top-gone");
    let socket = folder.path("bridge.sock");
    let (running, _lines) = bridge(&socket);
    let mut top = Terminal::start(&["bridge", "top", "--interval", "0.1", "--control", argument(&socket)]);
    top.waits_for("it shows nothing", |text| text.contains("2 sessions"));
    assert_eq!(running.interrupted().code, Some(0));
    top.waits_for("it does not say so", |text| text.contains("no bridge can be asked at "));
    let (_again, _lines) = bridge(&socket);
    top.waits_for("it does not come back", |text| text.contains("q end"));
    top.press("\u{3}");
    assert_eq!(top.end(), (Some(0), true));
}

#[test]
fn without_a_terminal_or_a_bridge_it_says_what_to_do() {
    let folder = Folder::new("top-none");
    let socket = folder.path("bridge.sock");
    let piped = Program::start(&["bridge", "top", "--control", argument(&socket)]).finish();
    piped.failed_with("needs a terminal");
    assert!(piped.stderr.contains("hint: rtpmidi bridge status shows the same"), "{piped:?}");
    let top = Terminal::start(&["bridge", "top", "--control", argument(&socket)]);
    top.waits_for("it does not say so", |text| text.contains("no bridge can be asked at "));
    assert_eq!(top.end().0, Some(1));
}
