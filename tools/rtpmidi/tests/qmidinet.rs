//! QmidiNet itself, between our elements: what we play to its first port goes through it, through JACK or the ALSA
//! sequencer, and comes from its second port back to us.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
#[path = "../../../plugins/ipmidi/tests/kit/mod.rs"]
mod players;
#[path = "../../../tests/vm/kit.rs"]
mod vm;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kit::{Folder, argument, in_a_network, wait_for_listener};
use players::{INPUT, OUTPUT, PATIENCE, Player};
use socket2::SockRef;

/// QmidiNet, and the server that its ports belong to.
struct QmidiNet(Vec<Child>);

/// Whose ports QmidiNet has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ports {
    Jack,
    Alsa,
}

#[test]
fn qmidinet_with_jack_hears_us_and_is_heard() {
    if !all_are_there(&["qmidinet", "jackd", "jack_connect"]) {
        return;
    }
    // A server finds others by what lies in this folder.
    let script = format!(
        r#"unshare -m sh -c 'mount -t tmpfs none /dev/shm && exec "$@"' sh {} --ignored --nocapture"#,
        argument(&std::env::current_exe().unwrap())
    );
    in_a_network(&script, &Folder::new("qmidinet-jack").path(""));
}

#[test]
fn qmidinet_with_the_alsa_sequencer_hears_us_and_is_heard() {
    if all_are_there(&["qmidinet", "aconnect"]) {
        vm::run_the_ignored_tests();
    }
}

#[test]
#[ignore = "the others start it, in a network and in a machine of its own"]
fn what_is_played_goes_through_qmidinet_and_comes_back() {
    let ports = if std::env::var_os("RTPMIDI_VM").is_some() { Ports::Alsa } else { Ports::Jack };
    let folder = Folder::new("qmidinet");
    let _qmidinet = QmidiNet::start(ports, &folder);
    let source = Player::start(&format!("ipmidisrc port=2 interface=lo ! {OUTPUT}"));
    let sink = Player::start(&format!("{INPUT} ! ipmidisink interface=lo"));

    let long = [&[0xF0, 0x7D][..], &[1; 600], &[0xF7]].concat();
    let messages: [&[u8]; 10] = [
        &[0xC0, 5],
        &[0xB0, 7, 100],
        &[0xE3, 1, 2],
        &[0xD4, 9],
        &[0xF2, 1, 2],
        &[0xF8],
        &[0xF1, 0x23],
        &[0xF6],
        &[0xF0, 0x7D, 1, 2, 3, 0xF7],
        &long,
    ];
    for message in messages {
        sink.play(&[message]);
        source.hears(&[message]);
    }
    let chord: [&[u8]; 4] = [&[0x90, 60, 100], &[0x90, 64, 100], &[0x90, 67, 100], &[0x91, 36, 100]];
    sink.play(&chord);
    assert_eq!(heard(&source, 4), chord);

    // JACK's ports hand on what is in a datagram as one event, so it comes back as it is.
    let other = on_loopback();
    other.send_to(&[0x92, 5, 5, 6, 6], FIRST).unwrap();
    assert_eq!(heard(&source, 2), [[0x92, 5, 5], [0x92, 6, 6]]);
    if ports == Ports::Alsa {
        // It has no room for this one in one piece.
        let dump = [&[0xF0][..], &(0..3000).map(|number| number as u8 & 0x7F).collect::<Vec<_>>(), &[0xF7]].concat();
        sink.play(&[&dump]);
        source.hears(&[&dump]);
    }
    drop(sink);
    let let_go: [&[u8]; 4] = [&[0x80, 60, 64], &[0x80, 64, 64], &[0x80, 67, 64], &[0x81, 36, 64]];
    assert_eq!(heard(&source, 4), let_go);
}

/// Where its first port listens.
const FIRST: (Ipv4Addr, u16) = (Ipv4Addr::new(225, 0, 0, 37), 21_928);

/// The next messages, in no order: JACK does not keep that of one moment.
fn heard(source: &Player, count: usize) -> Vec<Vec<u8>> {
    let mut heard: Vec<Vec<u8>> = source.heard(count).into_iter().map(|(_, octets)| octets).collect();
    heard.sort();
    heard
}

/// A socket whose groups are on loopback.
fn on_loopback() -> UdpSocket {
    let socket = UdpSocket::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))).unwrap();
    SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    socket
}

fn all_are_there(programs: &[&str]) -> bool {
    let is_missing =
        |program: &&&str| !Command::new("which").arg(program).output().is_ok_and(|output| output.status.success());
    let missing = programs.iter().find(is_missing);
    if let Some(program) = missing {
        eprintln!("skipped: {program} is not installed");
    }
    missing.is_none()
}

impl QmidiNet {
    /// Starts it with two ports, and connects what comes out of the first with the second.
    fn start(ports: Ports, folder: &Folder) -> Self {
        let mut started = Self(Vec::new());
        let (alsa, jack) = match ports {
            Ports::Jack => {
                started.spawn(folder, "jackd", &["--no-realtime", "-d", "dummy", "-r", "48000", "-p", "256"]);
                until("no JACK server", || Self::run(folder, "jack_lsp", &[]));
                ("no", "yes")
            }
            Ports::Alsa => ("yes", "no"),
        };
        started.spawn(folder, "qmidinet", &["-g", "-n", "2", "-i", "lo", "-a", alsa, "-j", jack]);
        until("no ports", || match ports {
            Ports::Jack => Self::run(folder, "jack_connect", &["QmidiNet:out_1", "QmidiNet:in_2"]),
            Ports::Alsa => Self::run(folder, "aconnect", &["QmidiNet:0", "QmidiNet:1"]),
        });
        wait_for_listener(FIRST.1);
        started
    }

    fn spawn(&mut self, folder: &Folder, program: &str, arguments: &[&str]) {
        self.0.push(Self::command(folder, program, arguments).spawn().unwrap());
    }

    fn run(folder: &Folder, program: &str, arguments: &[&str]) -> bool {
        Self::command(folder, program, arguments).stderr(Stdio::null()).status().unwrap().success()
    }

    /// A program that finds no settings and no other one of its kind.
    fn command(folder: &Folder, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        for home in ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"] {
            command.env(home, folder.path(""));
        }
        command
            .env("QT_QPA_PLATFORM", "offscreen")
            .env("JACK_NO_START_SERVER", "1")
            .env("JACK_NO_AUDIO_RESERVATION", "1");
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

impl Drop for QmidiNet {
    fn drop(&mut self) {
        for mut child in self.0.drain(..).rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn until(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
