//! Metrics of a bridge that runs, over real HTTP, and clients that mean no good.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use kit::{Folder, Objects, PATIENCE, Program, argument};

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
