//! Many listeners of the RTSP server at once, of the project's load generator. What they come to is counted here;
//! `cargo xtask load` measures.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod rtsp_client;

use clap::Parser;
use kit::Folder;
use rtsp_client::Server;
use serde_json::{Value, json};

/// Listeners that come at once; with more than 50 a goodbye may be late (RFC 3550, 6.3.7).
const CROWD: &str = "40";

/// Plays so many listeners to this stream for some seconds.
fn play(server: &Server, path: &str, options: &[&str]) -> Value {
    let url = server.url(path);
    let arguments = [&["load", &url, "--rate", "10000", "--sample", "5"], options].concat();
    rtpmidi_load::run(&rtpmidi_load::Options::parse_from(arguments)).unwrap()
}

/// A server with room for them, and three seconds of music in which a chord is held down all along.
fn serve(folder: &Folder, options: &[&str]) -> Server {
    let mut song: Vec<(u16, &[u8])> = vec![(0, &[0xC0, 40]), (0, &[0x90, 60, 100]), (0, &[0x90, 64, 100])];
    for _ in 0..30 {
        song.extend([(40_u16, &[0x91, 70, 90][..]), (10, &[0x81, 70, 64][..])]);
    }
    let options = [&["--rtsp-clients", CROWD, "--rtsp-clients-per-address", CROWD], options].concat();
    Server::start(folder, "song.mid", &song, &options)
}

/// Asserts that all of them heard all of it, and left.
fn assert_heard(summary: &Value) {
    assert_eq!(summary["failures"], json!({}), "{summary:#}");
    assert_eq!(summary["hearing"].to_string(), CROWD, "{summary:#}");
    assert_eq!(summary["left"].to_string(), CROWD, "{summary:#}");
    let packets = &summary["packets"];
    // What this machine's kernel drops where nobody reads in time is no fault of the server's.
    assert_eq!(packets["lost_otherwise"], 0, "{summary:#}");
    assert_eq!([&packets["duplicates"], &packets["strange"]], [0, 0], "{summary:#}");
    // Ten for each at the least.
    assert!(packets["received"].as_u64() > Some(400), "{summary:#}");
    assert_eq!(summary["sample"]["malformed"], 0, "{summary:#}");
}

#[test]
fn all_who_come_at_once_hear_the_same_and_lose_nothing() {
    let folder = Folder::new("crowd-live");
    let server = serve(&folder, &["--loop"]);
    for transport in [&[][..], &["--interleaved"]] {
        let summary = play(&server, "/live", &[&["--listeners", CROWD, "--seconds", "3"], transport].concat());
        assert_heard(&summary);
        assert!(summary["sample"]["compared"].as_u64() > Some(0), "{summary:#}");
        assert_eq!(summary["sample"]["differences"], 0, "{summary:#}");
    }
}

#[test]
fn a_crowd_hears_the_end_and_no_note_hangs() {
    let folder = Folder::new("crowd-end");
    let server = serve(&folder, &[]);
    let summary = play(&server, "/live", &["--listeners", CROWD, "--seconds", "6"]);
    assert_heard(&summary);
    assert_eq!(summary["rtcp"]["goodbyes"].to_string(), CROWD, "{summary:#}");
    assert_eq!(summary["sample"]["hanging_notes"], 0, "{summary:#}");
}

#[test]
fn each_of_a_crowd_may_have_a_file_of_its_own() {
    let folder = Folder::new("crowd-files");
    let server = serve(&folder, &["--loop"]);
    assert_heard(&play(&server, "/files/song.mid", &["--listeners", CROWD, "--seconds", "2"]));
}
