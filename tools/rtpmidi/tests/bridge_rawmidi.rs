//! A bridge with devices that carry the octets of MIDI: terminals of the system stand for them, with the test at the other
//! end, and FIFOs; sessions hear them and play to them.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use kit::{Folder, Objects, PATIENCE, Program, argument, host};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::tcgetattr;
use serde_json::Value;

/// A device, and this end of its cable.
struct Cable(File);

impl Cable {
    /// Plugs one in, at a place that is a link to it as udev makes them.
    fn plug(place: &Path) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        symlink(name.to_str().unwrap(), place).unwrap();
        Self(File::from(master))
    }

    fn play(&mut self, octets: &[u8]) {
        self.0.write_all(octets).unwrap();
    }

    /// The next octets, which are these.
    fn hears(&mut self, octets: &[u8]) {
        let mut heard = Vec::new();
        while heard.len() < octets.len() {
            let mut piece = vec![0; octets.len() - heard.len()];
            let length = self.read(&mut piece).unwrap();
            heard.extend_from_slice(&piece[..length]);
        }
        assert_eq!(heard, octets);
    }

    /// Waits for octets, not for ever.
    fn read(&mut self, octets: &mut [u8]) -> std::io::Result<usize> {
        let patience = Timespec::try_from(PATIENCE).unwrap();
        let there = poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&patience)).unwrap();
        assert_eq!(there, 1, "nothing comes");
        self.0.read(octets)
    }
}

/// A bridge, and what it tells.
struct Bridge {
    program: Program,
    told: Objects,
    socket: PathBuf,
}

impl Bridge {
    /// With this configuration, the head of which is written.
    fn start(folder: &Folder, config: &str) -> Self {
        let config = format!("name = 'Studio'\nport = 0\nmdns = false\nalsa = false\n{config}");
        let (file, socket) = (folder.write("bridge.toml", config.as_bytes()), folder.path("bridge.sock"));
        let arguments = ["bridge", "--json", "--config", argument(&file), "--control", argument(&socket)];
        let mut program = Program::start_with_open_stdout(&arguments);
        let told = Objects::of(&mut program);
        kit::wait_for(&socket);
        Self { program, told, socket }
    }

    fn tells(&self, name: &str, change: &str) {
        let is_it = |it: &Value| it["type"] == "rawmidi" && it["name"] == name && it["change"] == change;
        self.told.wait_for(&format!("{name} {change}"), PATIENCE, is_it);
    }

    /// Waits until the peers are there and as much is connected.
    fn has(&self, peers: usize, connections: usize) {
        let began = Instant::now();
        loop {
            let status = self.status();
            let open = status["peers"].as_array().unwrap().iter().filter(|peer| peer["state"] == "open").count();
            if (open, status["connections"].as_array().unwrap().len()) == (peers, connections) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{status}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.obeys("status", &["--json"])).unwrap()
    }

    fn obeys(&self, order: &str, arguments: &[&str]) -> String {
        let all = [&["bridge", order], arguments, &["--control", argument(&self.socket)]].concat();
        let ended = Program::start(&all).finish();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    }

    /// What the status says of a port.
    fn port(&self, name: &str) -> Value {
        self.status()["ports"].as_array().unwrap().iter().find(|port| port["name"] == name).unwrap().clone()
    }
}

fn hears(lines: &Objects, octets: &str) {
    lines.wait_for(octets, PATIENCE, |object| object["octets"] == octets);
}

#[test]
fn a_device_and_a_session_play_to_each_other_whatever_octets_come() {
    let folder = Folder::new("rawmidi-session");
    let (_synth, mut typed, heard, peer) = host("Synth", &["--print", "--stdin", "hex"]);
    let place = folder.path("piano");
    let mut cable = Cable::plug(&place);
    let config = format!(
        "peers = ['{peer}']\nrules = [\"Piano <-> '{peer}'\"]\n[[rawmidi]]\nname = 'Piano'\ndevice = '{}'\nbaud = 31250\n",
        place.display()
    );
    let bridge = Bridge::start(&folder, &config);
    bridge.tells("Piano", "there");
    // Both ends of such a cable have one speed.
    assert_eq!(tcgetattr(&cable.0).unwrap().output_speed(), 31_250);
    bridge.has(1, 2);
    // What belongs to nothing; running status with a clock inside; a System Exclusive with what a terminal would take for
    // keys; one that another status ends.
    cable.play(&[0x12, 0x34, 0x90, 60, 100, 62, 0xF8, 101, 0xF0, 3, 4, 10, 13, 17, 19, 0xF7, 0xF0, 9, 0xC0, 5]);
    for octets in ["90 3c 64", "f8", "90 3e 65", "f0 03 04 0a 0d 11 13 f7", "c0 05"] {
        hears(&heard, octets);
    }
    let long: Vec<u8> = [&[0xF0][..], &vec![0x55; 20_000], &[0xF7]].concat();
    cable.play(&long);
    heard
        .wait_for("the long one", PATIENCE, |it| it["octets"].as_str().is_some_and(|it| it.starts_with("f0 55 55 55")));
    for line in ["90 40 50", "f0 0a 0d 03 04 7f f7", "c1 07"] {
        writeln!(typed, "{line}").unwrap();
    }
    cable.hears(&[0x90, 0x40, 0x50, 0xF0, 10, 13, 3, 4, 0x7F, 0xF7, 0xC1, 7]);
    let port = bridge.port("Piano");
    assert_eq!((&port["transport"], &port["direction"]), (&"rawmidi".into(), &"both".into()));
    assert_eq!((&port["address"], &port["state"]), (&place.display().to_string().into(), &"there".into()));
    assert!(port["messages_in"].as_u64() >= Some(6) && port["messages_out"] == 3, "{port}");
    // It is recorded, paced and muted as any other port.
    bridge.obeys("port", &["Piano", "--pace", "din"]);
    assert_eq!(bridge.port("Piano")["pace"]["octets_per_second"], 3125);
    bridge.obeys("mute", &["Piano", &peer]);
    let before = bridge.port("Piano")["messages_in"].as_u64();
    cable.play(&[0xC0, 33]);
    while bridge.port("Piano")["messages_in"].as_u64() == before {
        std::thread::sleep(Duration::from_millis(5));
    }
    bridge.obeys("mute", &["Piano", &peer, "--off"]);
    cable.play(&[0xC0, 34]);
    heard.wait_for("it is muted for ever", PATIENCE, |it| {
        assert_ne!(it["octets"], "c0 21");
        it["octets"] == "c0 22"
    });
    // What sounds there ends with the bridge.
    let ended = bridge.program.interrupted();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    cable.hears(&[0x80, 0x40, 0x40]);
}

#[test]
fn a_device_that_goes_leaves_nothing_sounding_and_is_opened_again_when_it_is_back() {
    let folder = Folder::new("rawmidi-returns");
    let (_synth, mut typed, heard, peer) = host("Synth", &["--print", "--stdin", "hex"]);
    let place = folder.path("snd/piano");
    let config = format!(
        "peers = ['{peer}']\nrules = [\"Piano <-> '{peer}'\"]\n[[rawmidi]]\nname = 'Piano'\ndevice = '{}'\n",
        place.display()
    );
    let bridge = Bridge::start(&folder, &config);
    bridge.tells("Piano", "away");
    bridge.has(1, 2);
    assert_eq!(bridge.port("Piano")["state"], "away");
    fs::create_dir(folder.path("snd")).unwrap();
    for round in 0..3_u8 {
        let mut cable = Cable::plug(&place);
        bridge.tells("Piano", "there");
        cable.play(&[0x90, 60 + round, 100, 0xF0, 1, 2]);
        hears(&heard, &format!("90 {:x} 64", 60 + round));
        // What was played to it while it was away is not heard now.
        writeln!(typed, "b0 01 {round:02x}").unwrap();
        cable.hears(&[0xB0, 1, round]);
        fs::remove_file(&place).unwrap();
        drop(cable);
        hears(&heard, &format!("80 {:x} 40", 60 + round));
        bridge.tells("Piano", "away");
        assert_eq!(bridge.port("Piano")["state"], "away");
        writeln!(typed, "b0 02 02").unwrap();
        while bridge.port("Piano")["messages_out"] != 2 * (round + 1) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let ended = bridge.program.interrupted();
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.stderr.contains(&format!("warning: Piano: there is no {} (it is opened when it comes", place.display()))
    );
}

/// Messages of three octets, which are more than may wait for a device.
const MANY: usize = 200_000;

fn message(place: usize) -> [u8; 3] {
    [0xA0 | (place % 16) as u8, (place / 16 % 128) as u8, (place / 16 / 128 % 128) as u8]
}

#[test]
fn a_device_that_takes_nothing_holds_up_nobody_and_is_let_go_of_all_that_sounds_when_it_does() {
    let folder = Folder::new("rawmidi-slow");
    let (_synth, _typed, heard, peer) = host("Synth", &["--print"]);
    let (slow, keys, flood) = (folder.path("slow"), folder.path("keys"), folder.path("flood"));
    let (mut cable, mut played) = (Cable::plug(&slow), Cable::plug(&keys));
    assert!(Command::new("mkfifo").arg(&flood).status().unwrap().success());
    let devices: String =
        [("Slow", &slow, "direction = 'out'"), ("Keys", &keys, ""), ("Flood", &flood, "direction = 'in'")]
            .map(|(name, place, more)| {
                format!("[[rawmidi]]\nname = '{name}'\ndevice = '{}'\n{more}\n", place.display())
            })
            .concat();
    let rules = format!("rules = ['Flood --> Slow', \"Keys --> '{peer}'\"]\n");
    let bridge = Bridge::start(&folder, &format!("peers = ['{peer}']\n{rules}{devices}"));
    for name in ["Slow", "Keys", "Flood"] {
        while bridge.port(name)["state"] != "there" {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    bridge.has(1, 2);
    let mut flood = File::options().write(true).open(&flood).unwrap();
    flood.write_all(&[0x90, 60, 100]).unwrap();
    cable.hears(&[0x90, 60, 100]);
    // No two messages are alike, as those of a loop are.
    for place in 0..MANY {
        flood.write_all(&message(place)).unwrap();
    }
    flood.write_all(&[0x80, 60, 64]).unwrap();
    while bridge.port("Flood")["messages_in"].as_u64().unwrap() < MANY as u64 + 2 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let port = bridge.port("Slow");
    assert!(port["dropped"].as_u64().unwrap() > 10_000 && port["direction"] == "out", "{port}");
    let began = Instant::now();
    played.play(&[0x90, 72, 100]);
    hears(&heard, "90 48 64");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // It takes again: behind what waited the note ends, whose own end has found no room.
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    while !all.ends_with(&[0x80, 60, 64]) {
        let length = cable.read(&mut piece).unwrap();
        all.extend_from_slice(&piece[..length]);
    }
    assert!(
        all.len() > 1 << 19 && all[..all.len() - 3].chunks(3).zip(0..).all(|(it, at)| it == message(at)),
        "{}",
        all.len()
    );
    flood.write_all(&[0x90, 61, 100]).unwrap();
    cable.hears(&[0x90, 61, 100]);
    assert_eq!(bridge.program.interrupted().code, Some(0));
}

#[test]
fn who_may_not_open_a_device_is_told_what_to_do_and_it_is_opened_when_he_may() {
    let folder = Folder::new("rawmidi-rights");
    let (open, device, group) = (fs::Permissions::from_mode, folder.path("line"), group_of(&folder));
    fs::set_permissions(folder.path(""), open(0o777)).unwrap();
    assert!(Command::new("mkfifo").args(["-m", "0", argument(&device)]).status().unwrap().success());
    let section = format!("[[rawmidi]]\nname = 'Line'\ndevice = '{}'\ndirection = 'in'\n", device.display());
    let config = format!("name = 'Studio'\nport = 0\nmdns = false\nalsa = false\n{section}");
    let (file, socket) = (folder.write("bridge.toml", config.as_bytes()), folder.path("bridge.sock"));
    // Root may open everything.
    let ordinary = |arguments: &[&str]| {
        let program = env!("CARGO_BIN_EXE_rtpmidi");
        let mut command = Command::new(if rustix::process::geteuid().is_root() { "setpriv" } else { program });
        if rustix::process::geteuid().is_root() {
            command.args(["--reuid", "65534", "--clear-groups", program]);
        }
        command.args(arguments);
        command
    };
    let checked = Program::start_by(&mut ordinary(&["bridge", "check", argument(&file)])).finish();
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let words = format!("warning: Line: no permission for {}", device.display());
    assert!(checked.stderr.contains(&words) && checked.stderr.contains(&group), "{checked:?} {group}");
    let arguments = ["bridge", "--json", "--config", argument(&file), "--control", argument(&socket)];
    let mut program = Program::of(&mut ordinary(&arguments));
    let told = Objects::of(&mut program);
    let is = |change| move |it: &Value| it["type"] == "rawmidi" && it["change"] == change;
    told.wait_for("it is opened", PATIENCE, is("away"));
    fs::set_permissions(&device, open(0o666)).unwrap();
    told.wait_for("it is not opened", PATIENCE, is("there"));
    let ended = program.interrupted();
    assert!(ended.code == Some(0) && ended.stderr.contains(&words), "{ended:?}");
}

/// What stands in a hint about a file that one makes: the group that it has, unless that is root's.
fn group_of(folder: &Folder) -> String {
    let stat = Command::new("stat").args(["-c", "%G", argument(&folder.path(""))]).output().unwrap();
    let name = String::from_utf8(stat.stdout).unwrap().trim().to_owned();
    if name == "root" { "belongs to root".to_owned() } else { format!("usermod -aG {name} ") }
}

#[test]
fn what_is_no_device_is_told_by_check_and_never_opened() {
    let folder = Folder::new("rawmidi-check");
    folder.write("file", b"");
    assert!(Command::new("mkfifo").arg(folder.path("fifo")).status().unwrap().success());
    let section = |name: &str| format!("[[rawmidi]]\ndevice = '{}'\n", folder.path(name).display());
    let file = folder.write("bridge.toml", ["file", "fifo", "none"].map(section).concat().as_bytes());
    let checked = Program::start(&["bridge", "check", argument(&file), "--json"]).finish();
    let told = checked.objects("device");
    for (object, words) in told.iter().zip(["is no device", "is a FIFO, which has one way", "there is no "]) {
        assert!(object["message"].as_str().unwrap().contains(words), "{object}");
    }
    assert_eq!((checked.code, told.len()), (Some(0), 3), "{checked:?}");
}

#[test]
fn devices_come_and_go_with_the_configuration_and_others_stay() {
    let folder = Folder::new("rawmidi-reload");
    let (one, other) = (folder.path("one"), folder.path("other"));
    let (mut first, mut second) = (Cable::plug(&one), Cable::plug(&other));
    let section = |name: &str, place: &Path| format!("[[rawmidi]]\nname = '{name}'\ndevice = '{}'\n", place.display());
    let head = "name = 'Studio'\nport = 0\nmdns = false\nalsa = false\nrules = ['One <-> Other']\n";
    let bridge = Bridge::start(&folder, &format!("rules = ['One <-> Other']\n{}", section("One", &one)));
    bridge.tells("One", "there");
    let both = format!("{head}{}{}", section("One", &one), section("Other", &other));
    folder.write("bridge.toml", both.as_bytes());
    bridge.obeys("reload", &[]);
    bridge.tells("Other", "there");
    bridge.has(0, 2);
    first.play(&[0x90, 60, 100]);
    second.hears(&[0x90, 60, 100]);
    second.play(&[0x91, 61, 100]);
    first.hears(&[0x91, 61, 100]);
    folder.write("bridge.toml", format!("{head}{}", section("One", &one)).as_bytes());
    bridge.obeys("reload", &[]);
    // What each has left sounding at the other one ends.
    first.hears(&[0x81, 61, 0x40]);
    second.hears(&[0x80, 60, 0x40]);
    assert_eq!(second.read(&mut [0; 8]).map_err(|error| error.raw_os_error()), Err(Some(5)), "it is still open");
    assert_eq!(bridge.port("One")["state"], "there");
    assert_eq!(bridge.program.interrupted().code, Some(0));
}

#[test]
fn what_is_played_to_a_fifo_is_read_by_whoever_opens_it() {
    let folder = Folder::new("rawmidi-fifo");
    let (keys, pipe) = (folder.path("keys"), folder.path("pipe"));
    let mut cable = Cable::plug(&keys);
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let config = format!(
        "rules = ['Keys --> Pipe']\n[[rawmidi]]\nname = 'Keys'\ndevice = '{}'\n\
         [[rawmidi]]\nname = 'Pipe'\ndevice = '{}'\ndirection = 'out'\n",
        keys.display(),
        pipe.display()
    );
    let bridge = Bridge::start(&folder, &config);
    bridge.tells("Pipe", "away");
    let mut reader = File::options().read(true).custom_flags(nonblocking).open(&pipe).unwrap();
    bridge.tells("Pipe", "there");
    bridge.has(0, 1);
    cable.play(&[0x90, 60, 100]);
    let mut heard = [0; 3];
    while reader.read(&mut heard).unwrap_or(0) == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(heard, [0x90, 60, 100]);
    drop(reader);
    bridge.tells("Pipe", "away");
    assert_eq!(bridge.program.interrupted().code, Some(0));
}
