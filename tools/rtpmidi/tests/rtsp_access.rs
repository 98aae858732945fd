//! Who may listen to `broadcast --rtsp`, and how many.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod rtsp_client;

use std::time::{Duration, Instant};

use kit::{Folder, PATIENCE, Program, argument};
use rtsp_client::{Client, Server, certificate};

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
    let began = Instant::now();
    let mut client = Client::play(&server, "/files/song.mid");
    client.forget_session();
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=2-3\r\n";
    for _ in 0..50 {
        assert_eq!(client.ask("SETUP", "/native/files/song.mid/stream=0", transport).0, 453);
    }
    // Who asks a thousand times in a second is let go.
    let request = format!("SETUP {}/stream=0 RTSP/1.0\r\nCSeq: 1\r\n{transport}\r\n", server.url("/live"));
    client.send(request.repeat(1000).as_bytes());
    let answers = String::from_utf8_lossy(&client.rest()).into_owned();
    // A machine that has no time for a hundred in a second answers them all. The session ends after a minute, since
    // nothing of this keeps it, and makes room for one.
    let ended = usize::from(began.elapsed() >= Duration::from_mins(1));
    assert!(answers.matches("RTSP/1.0 200").count() <= ended, "{answers}");
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
    assert!(hears(&server, "protocols=tcp user-id=anna user-pw=do:re", &folder));
    assert!(!hears(&server, "protocols=tcp user-id=anna user-pw=do", &folder));
}

#[test]
fn over_tls_nothing_goes_in_clear() {
    let folder = Folder::new("rtsp-tls");
    let (certificate, _) = certificate(&folder);
    let server = Server::start(&folder, "song.mid", &SONG, &["--rtsp-certificate", argument(&certificate)]);
    assert!(server.url("/live").starts_with("rtsps://"));
    for protocol in ["udp+tcp", "tcp"] {
        assert!(hears(&server, &format!("tls-validation-flags=0 protocols={protocol}"), &folder), "{protocol}");
    }
    assert!(!hears(&server, "tls-validation-flags=0 protocols=udp", &folder));
}

#[test]
fn a_file_that_is_no_certificate_is_named() {
    let folder = Folder::new("rtsp-no-certificate");
    let song = folder.write("song.mid", &kit::song(&SONG));
    let arguments = ["broadcast", argument(&song), "--rtsp", "127.0.0.1:0", "--rtsp-certificate", argument(&song)];
    Program::start(&arguments).finish().failed_with("song.mid: ");
}

/// Whether `rtspsrc` with these properties gets a packet.
fn hears(server: &Server, properties: &str, folder: &Folder) -> bool {
    let source = format!("rtspsrc location={} {properties}", server.url("/files/song.mid"));
    let line = format!("timeout 20 gst-launch-1.0 {source} ! fakesink num-buffers=1");
    // Not by the exit code: when it ends, this client may ask for a pause behind its own TEARDOWN, and fail.
    let ended = Program::shell(&line, folder).finish();
    println!("{ended:?}");
    ended.stdout.contains("Got EOS")
}
