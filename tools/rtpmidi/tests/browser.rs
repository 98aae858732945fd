//! The example for browsers: a page in Chromium gets a broadcast from Janus over a data channel, and shows its notes.
//!
//! Chromium and Janus are large: where they are missing this is skipped, unless `RTPMIDI_BROWSER` demands it, as
//! `cargo xtask test --browser` does.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use kit::{Folder, PATIENCE, Program, argument};
use serde_json::{Value, json};

/// Where the page and its modules are.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/browser");

/// Where the mountpoint of the example gets its packets.
const MOUNTPOINT: u16 = 5004;

/// Set where the test runs in a network of its own: browsers and Janus do not speak WebRTC over loopback.
const INSIDE: &str = "RTPMIDI_TEST_INSIDE";

/// The address of the network.
const HOST: &str = "10.9.9.1";

#[test]
fn a_page_in_chromium_shows_the_notes_of_a_broadcast_and_lets_none_hang_behind_losses() {
    let folder = Folder::new(if is_inside() { "browser-inside" } else { "browser" });
    if is_inside() {
        return shows_the_notes(&folder);
    }
    let missing: Vec<_> =
        ["janus", "chromium", "chromedriver"].into_iter().filter(|name| !is_installed(name)).collect();
    if !missing.is_empty() {
        assert!(std::env::var_os("RTPMIDI_BROWSER").is_none(), "missing: {missing:?}");
        eprintln!("skipped: no {} here (cargo xtask test --browser)", missing.join(", "));
        return;
    }
    let test = std::env::current_exe().unwrap();
    let script = format!("ip address add {HOST}/24 dev here; exec env {INSIDE}=1 '{}'", test.display());
    kit::in_a_network(&script, &folder.path(""));
}

fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

fn is_installed(program: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap().status.success()
}

fn shows_the_notes(folder: &Folder) {
    let janus = Path::new(PAGE).join("janus");
    let _janus = Program::shell(&format!("exec janus --configs-folder='{}'", janus.display()), folder);
    let page = format!("http://{HOST}:{}/index.html", serve());
    let browser = Browser::start(folder);
    let song = folder.write("song.mid", &kit::song(&messages()));

    browser.open(&page);
    let first = broadcast(&song, MOUNTPOINT);
    assert_eq!(browser.shown_until_the_last(), played());
    first.kill();

    browser.open(&page);
    let mut broadcast = broadcast(&song, lossy());
    let (shown, played) = (browser.shown_until_the_last(), played());
    assert_eq!(browser.sounding(), 1, "the last note: none before it hangs");
    assert!(broadcast.is_running(), "it is the journal that has let them go, and not the end");
    assert!(shown.len() < played.len() && shown.iter().all(|note| played.contains(note)), "{shown:?}");
}

/// On each of three channels, with the chapters that stand before that of notes in a journal: notes, two at a time. In
/// the end a single one.
fn messages() -> Vec<(u16, &'static [u8])> {
    let mut messages: Vec<(u16, &'static [u8])> = Vec::new();
    let mut put = |delta, message: &[u8]| messages.push((delta, message.to_vec().leak()));
    for channel in 0..3 {
        for message in [
            &[0xC0 | channel, 5][..],
            &[0xB0 | channel, 7, 90],
            &[0xB0 | channel, 101, 0],
            &[0xB0 | channel, 100, 0],
            &[0xB0 | channel, 6, 12],
            &[0xE0 | channel, 0, 70],
        ] {
            put(0, message);
        }
    }
    for note in 30..48 {
        for channel in 0..3 {
            put(10, &[0x90 | channel, note, 100]);
            put(10, &[0x90 | channel, note + 1, 100]);
            put(10, &[0x80 | channel, note, 64]);
            put(10, &[0x80 | channel, note + 1, 64]);
        }
    }
    put(500, &[0x90, 100, 100]);
    put(4000, &[0x80, 100, 64]);
    messages
}

/// The last note as the page writes it.
const LAST: &str = "1:100";

/// All notes as the page writes them.
fn played() -> Vec<String> {
    let strikes = messages().into_iter().filter(|(_, message)| message[0] >> 4 == 9);
    strikes.map(|(_, message)| format!("{}:{}", (message[0] & 15) + 1, message[1])).collect()
}

fn broadcast(song: &Path, port: u16) -> Program {
    let to = format!("udp://127.0.0.1:{port}");
    Program::start(&["broadcast", argument(song), "--to", &to, "--guardtime", "100"])
}

/// A port whose datagrams go to the mountpoint, but for three of ten in a row.
fn lossy() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut datagram = [0; 2048];
        for number in 0.. {
            let length = socket.recv(&mut datagram).unwrap();
            if !(3..6).contains(&(number % 10)) {
                socket.send_to(&datagram[..length], ("127.0.0.1", MOUNTPOINT)).unwrap();
            }
        }
    });
    port
}

/// Serves the page; says at which port.
fn serve() -> u16 {
    let listener = TcpListener::bind((HOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut request = BufReader::new(connection);
            let mut line = String::new();
            while request.read_line(&mut line).unwrap() > 2 {}
            let name = line.split(' ').nth(1).unwrap().split('?').next().unwrap().trim_start_matches('/').to_owned();
            let body = fs::read(Path::new(PAGE).join(&name)).unwrap_or_default();
            let is_script = Path::new(&name).extension().is_some_and(|suffix| suffix == "js");
            let kind = if is_script { "text/javascript" } else { "text/html" };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
            let _ = request.get_mut().write_all(&[(head + "Connection: close\r\n\r\n").as_bytes(), &body].concat());
        }
    });
    port
}

/// Chromium, steered over the protocol of `WebDriver`, as drivers of all browsers are.
struct Browser {
    _driver: Program,
    session: String,
}

const DRIVER: &str = "http://127.0.0.1:9515";

impl Browser {
    fn start(folder: &Folder) -> Self {
        let driver = Program::shell("exec chromedriver --port=9515", folder);
        let profile = format!("--user-data-dir={}", folder.path("profile").display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &profile,
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}}});
        let started = Instant::now();
        loop {
            match post(&format!("{DRIVER}/session"), &wanted) {
                Ok(answer) => {
                    let session = format!("{DRIVER}/session/{}", answer["sessionId"].as_str().unwrap());
                    return Self { _driver: driver, session };
                }
                Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Opens the page, and waits until it listens.
    fn open(&self, page: &str) {
        post(&format!("{}/url", self.session), &json!({ "url": page })).unwrap();
        let started = Instant::now();
        loop {
            let state = self.ask("document.getElementById('state').textContent");
            if state == "listening" {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{state}");
            // Janus may not have been up yet.
            if state.as_str().is_some_and(|state| state.starts_with("no Janus")) {
                post(&format!("{}/refresh", self.session), &json!({})).unwrap();
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The notes that the page has shown, in order, as `CHANNEL:NOTE`, when the last one is there.
    fn shown_until_the_last(&self) -> Vec<String> {
        let started = Instant::now();
        loop {
            let shown = self.ask("[...document.querySelectorAll('#latest li')].map((note) => note.textContent)");
            let shown: Vec<String> = serde_json::from_value(shown).unwrap();
            if shown.last().is_some_and(|last| last == LAST) {
                return shown;
            }
            assert!(started.elapsed() < PATIENCE, "{shown:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// How many notes it shows as sounding.
    fn sounding(&self) -> u64 {
        self.ask("document.querySelectorAll('#channels i').length").as_u64().unwrap()
    }

    fn ask(&self, expression: &str) -> Value {
        let script = json!({"script": format!("return {expression}"), "args": []});
        post(&format!("{}/execute/sync", self.session), &script).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium is the driver's child, and ends with its session.
        let _ = ureq::delete(&self.session).call();
    }
}

fn post(url: &str, body: &Value) -> Result<Value, String> {
    let response = ureq::post(url).content_type("application/json").send(&body.to_string());
    let text =
        response.and_then(|mut response| response.body_mut().read_to_string()).map_err(|error| error.to_string())?;
    let mut answer: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok(answer["value"].take())
}
