//! Who may listen to `broadcast --rtsp`, and how many.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod rtsp_client;

use std::time::{Duration, Instant};

use kit::{Folder, PATIENCE, argument};
use rtsp_client::{Client, Server};

const SONG: [(u16, &[u8]); 2] = [(0, &[0x90, 60, 100]), (15000, &[0x80, 60, 64])];

/// What a server answers to who asks for a description.
fn describe(server: &Server, headers: &str) -> u16 {
    Client::new(server).ask("DESCRIBE", "/files/song.mid", headers).0
}

#[test]
fn who_is_one_too_many_is_turned_away_until_somebody_leaves() {
    let folder = Folder::new("rtsp-limit");
    let server = Server::start(&folder, "song.mid", &SONG, &["--rtsp-clients-per-address", "1"]);
    let mut first = Client::play(&server, "/files/song.mid");
    first.until(&[0x90, 60, 100]);
    assert_eq!(describe(&server, ""), 503);
    drop(first);
    let left = Instant::now();
    while describe(&server, "") != 200 {
        assert!(left.elapsed() < PATIENCE, "nobody is let in any more");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_thousand_setups_make_one_session() {
    let folder = Folder::new("rtsp-setups");
    let server = Server::start(&folder, "song.mid", &SONG, &[]);
    let mut client = Client::play(&server, "/files/song.mid");
    client.forget_session();
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=2-3\r\n";
    for _ in 0..1000 {
        assert_eq!(client.ask("SETUP", "/native/files/song.mid/stream=0", transport).0, 453);
    }
    assert_eq!(describe(&server, ""), 200, "others are served");
}

#[test]
fn only_those_with_a_password_listen() {
    let folder = Folder::new("rtsp-users");
    let users = folder.write("users", b"# listeners\nanna:do:re\n");
    let server = Server::start(&folder, "song.mid", &SONG, &["--rtsp-users", argument(&users)]);
    assert_eq!(describe(&server, ""), 401);
    // anna:do:re in clear, which is not asked for.
    assert_eq!(describe(&server, "Authorization: Basic YW5uYTpkbzpyZQ==\r\n"), 401);
    let location = server.url("/files/song.mid");
    let listen = |password: &str| {
        let source = format!("rtspsrc location={location} protocols=tcp user-id=anna user-pw={password}");
        let line = format!("timeout 20 gst-launch-1.0 {source} ! fakesink num-buffers=1");
        kit::Program::shell(&line, &folder).finish()
    };
    let heard = listen("do:re");
    assert_eq!(heard.code, Some(0), "{heard:?}");
    assert_eq!(listen("do").code, Some(1));
}
