//! Metrics of a bridge that runs, over real HTTP, and clients that mean no good.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kit::{Folder, Objects, PATIENCE, Program, argument, free_port};
use serde_json::Value;

/// A bridge on loopback, and where its metrics are.
fn bridge(folder: &Folder, arguments: &[&str]) -> (Program, Objects, SocketAddr) {
    let socket = folder.path("bridge.sock");
    let fixed =
        ["bridge", "--name", "The \"Studio\"", "--port", "0", "--no-mdns", "--no-alsa", "--json", "--metrics", "0"];
    let mut program =
        Program::start_with_open_stdout(&[&fixed[..], &["--control", argument(&socket)], arguments].concat());
    let lines = Objects::of(&mut program);
    let told = lines.wait_for("it has no metrics", PATIENCE, |object| object["type"] == "metrics");
    let address = told["address"].as_str().unwrap().parse().unwrap();
    (program, lines, address)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What a request is answered by; nothing if it is hung up on.
fn ask(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect(address);
    // One that is hung up on may notice when it asks.
    let _ = stream.write_all(request);
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

const WELL: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: bridge\r\nAccept: text/plain\r\n\r\n";

#[test]
fn a_scraper_gets_all_that_the_status_shows() {
    let folder = Folder::new("metrics");
    let (running, _lines, address) = bridge(&folder, &["--peer", "127.0.0.1:9"]);
    assert!(address.ip().is_loopback());
    let answer = ask(address, WELL);
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("text/plain; version=0.0.4"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", text.len())), "{head}");
    for line in [
        "# TYPE rtpmidi_bridge_port_received_messages_total counter",
        r#"rtpmidi_bridge_info{name="The \"Studio\""} 1"#,
        r#"rtpmidi_bridge_port_up{port="127.0.0.1:9",transport="applemidi"} 0"#,
        r#"rtpmidi_bridge_peer_up{peer="127.0.0.1:9"} 0"#,
    ] {
        assert!(text.lines().any(|it| it == line), "{line}: {text}");
    }
    assert!(text.lines().any(|line| line.starts_with("rtpmidi_bridge_uptime_seconds ")), "{text}");
    assert_eq!(running.interrupted().code, Some(0));
}

/// Carries datagrams between a participant and a bridge, by two ports of its own, but for music that is to be lost.
struct Link {
    /// So many datagrams of music are lost yet.
    losing: Arc<AtomicU32>,
    ended: Arc<AtomicBool>,
    port: u16,
}

impl Link {
    fn open(to: u16) -> Self {
        let (losing, ended) = (Arc::<AtomicU32>::default(), Arc::<AtomicBool>::default());
        let port = free_port();
        for offset in [0, 1] {
            let socket = UdpSocket::bind(("127.0.0.1", port + offset)).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            let (losing, ended) = (losing.clone(), ended.clone());
            std::thread::spawn(move || {
                let (mut datagram, mut near) = ([0; 2000], None);
                while !ended.load(Ordering::Relaxed) {
                    let Ok((length, from)) = socket.recv_from(&mut datagram) else { continue };
                    let comes_back = from.port() == to + offset;
                    // Music is all that does not begin with FF FF.
                    let is_music = !comes_back && datagram[0] != 0xFF;
                    if is_music && losing.load(Ordering::Relaxed) > 0 {
                        losing.fetch_sub(1, Ordering::Relaxed);
                        continue;
                    }
                    near = if comes_back { near } else { Some(from) };
                    let to = if comes_back { near.unwrap() } else { ([127, 0, 0, 1], to + offset).into() };
                    socket.send_to(&datagram[..length], to).unwrap();
                }
            });
        }
        Self { losing, ended, port }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

#[test]
fn notes_that_the_journal_saves_are_counted() {
    let folder = Folder::new("metrics-saved");
    let (running, lines, address) = bridge(&folder, &["--admit", "127.0.0.1"]);
    let ask_bridge = |order: &[&str]| {
        Program::start(&[order, &["--control", argument(&folder.path("bridge.sock"))]].concat()).finish()
    };
    let status: Value = serde_json::from_str(&ask_bridge(&["bridge", "status", "--json"]).stdout).unwrap();
    let link = Link::open(status["port"].as_u64().unwrap() as u16);
    let at = format!("127.0.0.1:{}", link.port);
    let join = ["join", &at, "--name", "Keys", "--no-mdns", "--json", "--stdin", "hex"];
    let (_keys, mut typed) = Program::start_with_open_stdin(&join);
    lines.wait_for("he does not join", PATIENCE, |it| it["type"] == "peer" && it["state"] == "open");
    let mut play = |line: &str| writeln!(typed, "{line}").unwrap();
    // The metric of the peer, as soon as it is such as this.
    let becomes = |metric: &str, wanted: &dyn Fn(u32) -> bool| {
        let (began, label) = (Instant::now(), "{peer=\"Keys\"} ");
        loop {
            let answer = ask(address, WELL);
            let line = format!("rtpmidi_bridge_{metric}{label}");
            let value = answer.lines().find_map(|it| it.strip_prefix(&line)).map(|value| value.parse().unwrap());
            if let Some(value) = value.filter(|value| wanted(*value)) {
                return value;
            }
            assert!(began.elapsed() < PATIENCE, "{metric}: {answer}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    play("90 3c 64");
    becomes("peer_received_messages_total", &|count| count == 1);
    assert_eq!(becomes("peer_repaired_notes_ended_total", &|_| true), 0);
    // The end of this note is lost. What comes next tells of it.
    let lose_one = || link.losing.store(1, Ordering::Relaxed);
    lose_one();
    play("80 3c 40");
    let began = Instant::now();
    while link.losing.load(Ordering::Relaxed) > 0 {
        assert!(began.elapsed() < PATIENCE, "it is not lost");
        std::thread::sleep(Duration::from_millis(1));
    }
    play("b0 07 64");
    assert_eq!(becomes("peer_repaired_notes_ended_total", &|count| count > 0), 1);
    assert_eq!(becomes("peer_repaired_notes_begun_total", &|_| true), 0);
    // A beginning is made up for where the next packet comes at once.
    for value in 0..100 {
        lose_one();
        play("91 40 64");
        std::thread::sleep(Duration::from_millis(2));
        play(&format!("b1 07 {value:02x}"));
        play("81 40 40");
        std::thread::sleep(Duration::from_millis(50));
        if becomes("peer_repaired_notes_begun_total", &|_| true) > 0 {
            break;
        }
    }
    assert!(becomes("peer_repaired_notes_begun_total", &|_| true) > 0);
    assert!(becomes("peer_lost_packets_total", &|_| true) >= 2);
    let status = ask_bridge(&["bridge", "status"]);
    assert!(status.stdout.contains(" notes saved  "), "{status:?}");
    assert_eq!(running.interrupted().code, Some(0));
}

#[test]
fn who_asks_for_something_else_is_answered_so() {
    let folder = Folder::new("metrics-other");
    let (_running, _lines, address) = bridge(&folder, &[]);
    for (request, status) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "405 Method Not Allowed"),
        (b"GET /metrics\r\n\r\n", "400 Bad Request"),
        (b"\x16\x03\x01\x02\0\x01\0\x01\xFC\x03\x03", "400 Bad Request"),
        (b"GET /metrics HTTP/1.1\r\nA\0B: x\r\n\r\n", "400 Bad Request"),
    ] {
        let answer = ask(address, request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request:?} {answer}");
    }
    let long = [&b"GET /metrics HTTP/1.1\r\nX: "[..], &[b'x'; 8192 - 26]].concat();
    assert!(ask(address, &long).starts_with("HTTP/1.1 400 "), "an endless head");
    let lines = [&b"GET /metrics HTTP/1.1\r\n"[..], &b"A: b\r\n".repeat(200), b"\r\n"].concat();
    assert!(ask(address, &lines).starts_with("HTTP/1.1 400 "), "a head of too many lines");
    assert!(ask(address, WELL).starts_with("HTTP/1.1 200 "), "and who asks well is served");
}

#[test]
fn a_crowd_that_says_nothing_is_hung_up_on() {
    let folder = Folder::new("metrics-crowd");
    let (_running, _lines, address) = bridge(&folder, &[]);
    // Each says a little, and no more.
    let mut crowd: Vec<TcpStream> = (0..32).map(|_| connect(address)).collect();
    for one in &mut crowd {
        let _ = one.write_all(b"GET /metrics");
    }
    // All of them are hung up on: most at once, and the few that had a place when their time is over.
    for mut one in crowd {
        let mut answer = Vec::new();
        let _ = one.read_to_end(&mut answer);
        assert_eq!(answer, b"");
    }
    let answer = ask(address, WELL);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn a_place_that_is_taken_ends_the_start() {
    let folder = Folder::new("metrics-taken");
    let (_running, _lines, address) = bridge(&folder, &[]);
    let socket = folder.path("second.sock");
    let taken = address.to_string();
    let second =
        ["bridge", "--port", "0", "--no-mdns", "--no-alsa", "--control", argument(&socket), "--metrics", &taken];
    Program::start(&second).finish().failed_with("no metrics at 127.0.0.1:");
}
