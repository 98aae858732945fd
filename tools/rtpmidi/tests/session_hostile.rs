//! A hosted AppleMIDI session among enemies: floods, forgeries and nonsense reach the real program, while somebody plays.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use kit::{Objects, PATIENCE, Program};

/// Somebody with a control and a data port who counts what he sends and gets.
struct Enemy {
    control: UdpSocket,
    data: UdpSocket,
    sent: Balance,
    heard: Balance,
}

#[derive(Default, Debug)]
struct Balance {
    datagrams: u64,
    octets: u64,
}

impl Balance {
    fn count(&mut self, octets: usize) {
        self.datagrams += 1;
        self.octets += octets as u64;
    }
}

impl Enemy {
    fn new() -> Self {
        let socket = || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        };
        Self { control: socket(), data: socket(), sent: Balance::default(), heard: Balance::default() }
    }

    fn send(&mut self, to: SocketAddr, octets: &[u8], is_data: bool) {
        let (socket, port) = if is_data { (&self.data, to.port() + 1) } else { (&self.control, to.port()) };
        if socket.send_to(octets, (to.ip(), port)).is_ok() {
            self.sent.count(octets.len());
        }
    }

    /// Counts what has come, and returns the last of it.
    fn hear(&mut self) -> Option<Vec<u8>> {
        let (mut octets, mut last) = ([0; 2048], None);
        for socket in [&self.control, &self.data] {
            while let Ok(length) = socket.recv(&mut octets) {
                self.heard.count(length);
                last = Some(octets[..length].to_vec());
            }
        }
        last
    }

    /// Has had no more than it has sent.
    fn is_even(&mut self) {
        self.hear();
        let is_even = self.heard.datagrams <= self.sent.datagrams && self.heard.octets <= self.sent.octets;
        assert!(is_even, "sent {:?}, got {:?}", self.sent, self.heard);
    }
}

/// Numbers that look like chance, the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn octets(&mut self, length: u64) -> Vec<u8> {
        (0..length).map(|_| self.below(256) as u8).collect()
    }
}

fn party(command: &[u8; 2], token: u32, ssrc: u32, name: &[u8]) -> Vec<u8> {
    [&[0xFF, 0xFF], &command[..], &2_u32.to_be_bytes(), &token.to_be_bytes(), &ssrc.to_be_bytes(), name].concat()
}

fn numbers(command: &[u8; 2], ssrc: u32, number: u32) -> Vec<u8> {
    [&[0xFF, 0xFF], &command[..], &ssrc.to_be_bytes(), &number.to_be_bytes()].concat()
}

fn clock(ssrc: u32, step: u8, times: &[u8]) -> Vec<u8> {
    [&[0xFF, 0xFF, b'C', b'K'], &ssrc.to_be_bytes()[..], &[step, 0, 0, 0], times].concat()
}

/// Something that nobody wants.
fn nuisance(chance: &mut Chance, friend: u32) -> Vec<u8> {
    let ssrc = [friend, 7, chance.below(1 << 32) as u32][chance.below(3) as usize];
    let token = chance.below(5) as u32;
    let mut octets = match chance.below(10) {
        0 | 1 => {
            let length = [0, 10, 63, 1200][chance.below(4) as usize];
            let name = chance.octets(length);
            party(b"IN", token, ssrc, &name)
        }
        2 => party(b"BY", token, ssrc, b""),
        3 => party(b"OK", token, ssrc, b"Yes\0"),
        4 => party(b"NO", token, ssrc, b""),
        5 => {
            let times = chance.octets(24);
            clock(ssrc, chance.below(4) as u8, &times)
        }
        6 => numbers(b"RS", ssrc, chance.below(1 << 32) as u32),
        7 => numbers(b"RL", ssrc, 0),
        8 => {
            let payload = chance.octets(60);
            [&[0x80, 0x61][..], &chance.octets(6), &ssrc.to_be_bytes(), &payload].concat()
        }
        _ => {
            let length = chance.below(80);
            chance.octets(length)
        }
    };
    // Each third one is damaged.
    if chance.below(3) == 0 && !octets.is_empty() {
        let at = chance.below(octets.len() as u64) as usize;
        octets[at] ^= 1 << chance.below(8);
        octets.truncate(octets.len() - chance.below(octets.len() as u64) as usize / 2);
    }
    octets
}

/// Memory of a process, in octets.
fn resident(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

/// The program hosts, and a friend joins who plays lines from stdin.
fn session(arguments: &[&str]) -> (Program, Objects, SocketAddr, Program, std::process::ChildStdin) {
    let fixed = ["host", "--port", "0", "--no-mdns", "--json", "--print", "--admit", "everyone"];
    let mut host = Program::start_with_open_stdout(&[&fixed, arguments].concat());
    let heard = Objects::of(&mut host);
    let open = heard.wait_for("the session is not open", PATIENCE, |object| object["type"] == "open");
    let address: SocketAddr = format!("127.0.0.1:{}", open["port"]).parse().unwrap();
    let arguments = ["join", &address.to_string(), "--no-mdns", "--name", "Friend", "--stdin", "hex", "--json"];
    let (friend, stdin) = Program::start_with_open_stdin(&arguments);
    heard.wait_for("the friend does not come", PATIENCE, |object| object["change"] == "takes part");
    (host, heard, address, friend, stdin)
}

#[test]
fn floods_and_forgeries_disturb_nobody_and_are_answered_with_no_more_than_they_are() {
    const EACH: u32 = 300;
    let (host, heard, address, friend, mut stdin) = session(&["--participants", "3"]);
    let (mut chance, mut enemies) = (Chance(1), (0..40).map(|_| Enemy::new()).collect::<Vec<_>>());
    let mut memory = Vec::new();
    for round in 0..4_u8 {
        writeln!(stdin, "90 {:02x} 64", 60 + round).unwrap();
        for _ in 0..EACH {
            for enemy in &mut enemies {
                let (octets, is_data) = (nuisance(&mut chance, 1), chance.below(2) == 0);
                enemy.send(address, &octets, is_data);
            }
            // So that the kernel does not drop all of it before it is looked at.
            std::thread::sleep(Duration::from_micros(500));
        }
        writeln!(stdin, "80 {:02x} 40", 60 + round).unwrap();
        let end = format!("80 {:02x}", 60 + round);
        heard.wait_for("the friend is disturbed", PATIENCE, |object| {
            assert_ne!((&object["name"], &object["change"]), (&"Friend".into(), &"does not answer".into()));
            object["octets"].as_str().is_some_and(|octets| octets.starts_with(&end))
        });
        enemies.iter_mut().for_each(Enemy::is_even);
        memory.push(resident(host.id()));
    }
    assert!(memory[3] < memory[0] + (4 << 20), "{memory:?}");
    drop(stdin);
    assert_eq!(friend.finish().code, Some(0));
    host.interrupt();
    let summary = heard.wait_for("no summary", PATIENCE, |object| object["type"] == "summary");
    assert_eq!(summary["hanging_notes"], 0);
    assert_eq!(host.finish().code, Some(0));
}

#[test]
fn whoever_takes_part_and_means_ill_harms_himself_only() {
    let (host, heard, address, friend, mut stdin) = session(&[]);
    let (mut enemy, ssrc) = (Enemy::new(), 0x0BAD_0BAD);
    for is_data in [false, true] {
        enemy.send(address, &party(b"IN", 1, ssrc, b"Enemy\0"), is_data);
        let started = Instant::now();
        while enemy.hear().is_none_or(|octets| octets[2..4] != *b"OK") {
            assert!(started.elapsed() < PATIENCE, "no answer");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    heard.wait_for("it does not take part", PATIENCE, |object| object["name"] == "Enemy");
    // A storm of questions is answered in moderation.
    let (before, began) = (enemy.heard.datagrams, Instant::now());
    for _ in 0..2000 {
        enemy.send(address, &clock(ssrc, 0, &[0; 24]), true);
        std::thread::sleep(Duration::from_micros(100));
    }
    std::thread::sleep(Duration::from_millis(100));
    enemy.hear();
    let (answers, most) = (enemy.heard.datagrams - before, 20 + 10 * (began.elapsed().as_secs() + 1));
    assert!((1..=most).contains(&answers), "{answers} answers, and {most} may be");
    // Feedback for what was never sent, music that is none, and farewells in the name of others.
    let mut chance = Chance(2);
    for _ in 0..1000 {
        enemy.send(address, &numbers(b"RS", ssrc, chance.below(1 << 32) as u32), false);
        let payload = chance.octets(100);
        enemy.send(address, &[&[0x80, 0x61][..], &chance.octets(6), &ssrc.to_be_bytes(), &payload].concat(), true);
        enemy.send(address, &party(b"BY", 1, chance.below(1 << 32) as u32, b""), false);
    }
    writeln!(stdin, "90 3c 64").unwrap();
    heard.wait_for("the friend is not heard", PATIENCE, |object| {
        object["octets"] == "90 3c 64" && object["from"] == "Friend"
    });
    enemy.is_even();
    drop(stdin);
    assert_eq!(friend.finish().code, Some(0));
    host.interrupt();
    let summary = heard.wait_for("no summary", PATIENCE, |object| object["type"] == "summary");
    assert_eq!(summary["hanging_notes"], 0);
    assert_eq!(host.finish().code, Some(0));
}
