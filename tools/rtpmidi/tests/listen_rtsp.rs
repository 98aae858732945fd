//! `listen rtsp://…`: what is heard, what comes back when a server does, and why a server gives nothing.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod rtsp_client;
mod rtsp_server;

use std::cell::RefCell;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::Instant;

use kit::{Ended, Folder, Objects, PATIENCE, Program, argument};
use rtsp_client::{Server, certificate};
use rtsp_server::Handmade;
use serde_json::Value;

/// A program, a volume and two notes.
const SONG: [(u16, &[u8]); 6] = [
    (0, &[0xC0, 40]),
    (0, &[0xB0, 7, 100]),
    (100, &[0x90, 60, 100]),
    (400, &[0x80, 60, 64]),
    (500, &[0x90, 62, 100]),
    (250, &[0x80, 62, 64]),
];

/// The same program and volume, and notes without an end.
fn endless() -> Vec<(u16, &'static [u8])> {
    const NOTES: [[u8; 3]; 100] = {
        let mut notes = [[0x90, 0, 100]; 100];
        let mut key = 0;
        while key < 100 {
            notes[key][1] = key as u8 + 20;
            key += 1;
        }
        notes
    };
    SONG[..2].iter().copied().chain(NOTES.iter().map(|note| (200, &note[..]))).collect()
}

fn is_note(object: &Value) -> bool {
    object["octets"].as_str().is_some_and(|octets| octets.starts_with("90 "))
}

fn listen(url: &str, options: &[&str]) -> Program {
    Program::start(&[&["listen", url, "--json", "--print"], options].concat())
}

/// The octets of the messages that were printed.
fn messages(ended: &Ended) -> Vec<String> {
    ended.objects("event").iter().map(|event| event["octets"].as_str().unwrap().to_owned()).collect()
}

fn heard(song: &[(u16, &[u8])]) -> Vec<String> {
    let words = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(" ");
    song.iter().map(|(_, message)| words(message)).collect()
}

fn seconds(wav: &Path) -> f64 {
    (fs::metadata(wav).unwrap().len() - 44) as f64 / 4.0 / 44_100.0
}

#[test]
fn a_file_is_heard_to_its_end_by_udp_and_in_the_connection() {
    let folder = Folder::new("listen-file");
    let server = Server::start(&folder, "song.mid", &SONG, &[]);
    let url = server.url("/files/song.mid");
    let listeners = ["udp", "tcp", "auto"].map(|way| listen(&url, &["--rtsp-transport", way]));
    for listener in listeners {
        let ended = listener.finish();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
        assert_eq!(messages(&ended), heard(&SONG));
        let summary = ended.summary();
        assert_eq!((&summary["hanging_notes"], &summary["lost_packets"]), (&0.into(), &0.into()), "{summary}");
    }
}

#[test]
fn a_file_is_heard_from_the_time_at_which_it_is_to_start() {
    let folder = Folder::new("listen-start");
    let server = Server::start(&folder, "song.mid", &SONG, &[]);
    let ended = listen(&server.url("/files/song.mid"), &["--start", "1.5"]).finish();
    let heard = heard(&SONG);
    assert_eq!(messages(&ended).last(), heard.last(), "{ended:?}");
    assert!(messages(&ended).contains(&heard[0]), "the program is set: {ended:?}");
    assert!(!messages(&ended).contains(&heard[2]), "the first note is over: {ended:?}");
}

#[test]
fn what_is_lost_comes_back_in_the_same_recording() {
    for way in ["udp", "tcp"] {
        let folder = Folder::new(&format!("listen-again-{way}"));
        let (wav, smf) = (folder.path("x.wav"), folder.path("x.mid"));
        let server = Server::start(&folder, "song.mid", &endless(), &[]);
        let (url, address) = (server.url("/live"), server.address.clone());
        let files = ["--wav", argument(&wav), "--smf", argument(&smf), "--rtsp-transport", way];
        let mut listener =
            Program::start_with_open_stdout(&[&["listen", &url, "--json", "--print"], &files[..]].concat());
        let objects = Objects::of(&mut listener);
        let wait = |what: &str, wanted: &dyn Fn(&Value) -> bool| objects.wait_for(what, PATIENCE, wanted);
        wait("a note", &is_note);
        server.kill();
        wait("its end", &|object| object["octets"].as_str().is_some_and(|octets| octets.starts_with("80 ")));
        let gone = Instant::now();
        let resting = wait("word of it", &|object| object["state"] == "reconnecting");
        assert!(resting["retry_in_s"].as_f64().is_some_and(|wait| wait <= 36.0), "{resting}");
        let _server = Server::start_at(&address, &folder, "song.mid", &endless(), &[]);
        // The first packet sets what was set before, whatever comes first.
        let missing = RefCell::new(vec!["c0 28", "b0 07 64"]);
        wait("program and volume", &|object| {
            missing.borrow_mut().retain(|octets| object["octets"] != *octets);
            missing.borrow().is_empty()
        });
        wait("a note again", &is_note);
        let away = gone.elapsed().as_secs_f64();
        wait("that it plays", &|object| object["state"] == "playing");
        listener.interrupt();
        let summary = wait("the summary", &|object| object["type"] == "summary");
        assert_eq!(summary["hanging_notes"], 0, "{summary}");
        assert_eq!(listener.finish().code, Some(0));
        assert!(seconds(&wav) > away - 1.0, "{} s, of which {away} in silence", seconds(&wav));
        assert!(smf_timeline::Song::read(&fs::read(&smf).unwrap(), 0).is_ok());
    }
}

#[test]
fn a_server_that_is_not_there_yet_is_waited_for_if_that_is_wanted() {
    let folder = Folder::new("listen-early");
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let url = format!("rtsp://{address}/files/song.mid");
    listen(&url, &[]).finish().failed_with("cannot connect to TCP port");
    let mut listener = Program::start_with_open_stdout(&["listen", &url, "--json", "--print", "--reconnect", "always"]);
    let objects = Objects::of(&mut listener);
    let _server = Server::start_at(&address, &folder, "song.mid", &SONG, &[]);
    let summary = objects.wait_for("the end", PATIENCE, |object| object["type"] == "summary");
    assert_eq!(summary["events"], SONG.len(), "{summary}");
    assert_eq!(listener.finish().code, Some(0));
}

#[test]
fn without_another_attempt_the_loss_of_the_server_is_an_error_and_the_recording_complete() {
    let folder = Folder::new("listen-once");
    let smf = folder.path("x.mid");
    let server = Server::start(&folder, "song.mid", &endless(), &[]);
    let arguments =
        ["listen", &server.url("/live"), "--json", "--print", "--smf", argument(&smf), "--reconnect", "never"];
    let mut listener = Program::start_with_open_stdout(&arguments);
    let objects = Objects::of(&mut listener);
    objects.wait_for("a note", PATIENCE, is_note);
    server.kill();
    let summary = objects.wait_for("the summary", PATIENCE, |object| object["type"] == "summary");
    assert_eq!(summary["hanging_notes"], 0, "{summary}");
    listener.finish().failed_with("the server has ended the connection");
    assert!(smf_timeline::Song::read(&fs::read(&smf).unwrap(), 0).is_ok());
}

#[test]
fn over_tls_a_name_and_a_password_are_shown_to_the_server_alone() {
    let folder = Folder::new("listen-tls");
    let (both, authority) = certificate(&folder);
    let users = folder.write("users", b"anna:do:re\n");
    let options = ["--rtsp-users", argument(&users), "--rtsp-certificate", argument(&both)];
    let server = Server::start(&folder, "song.mid", &SONG, &options);
    let url = server.url("/files/song.mid");
    let with = |login: &str| url.replace("://", &format!("://{login}@"));
    let trusted = ["--tls-ca", argument(&authority)];
    let by_file = listen(&url, &[&trusted[..], &["--rtsp-login", argument(&users)]].concat());
    let by_url = listen(&with("anna:do%3Are"), &["--insecure"]);
    for ended in [by_file.finish(), by_url.finish()] {
        assert_eq!((ended.code, messages(&ended)), (Some(0), heard(&SONG)), "{ended:?}");
        assert!(!ended.stderr.contains("do") && !ended.stdout.contains("do%3Are"), "{ended:?}");
    }
    listen(&with("anna:mi"), &trusted).finish().failed_with("the server does not take this name and password");
    listen(&url, &trusted).finish().failed_with("the server wants a name and a password");
    listen(&with("anna:do:re"), &[]).finish().failed_with("is signed by nobody who is trusted");
    listen(&with("anna"), &trusted).finish().failed_with("no password for anna");
}

#[test]
fn what_gives_no_stream_says_why() {
    let folder = Folder::new("listen-nothing");
    let server = Server::start(&folder, "song.mid", &SONG, &[]);
    listen(&server.url("/nothing"), &[]).finish().failed_with("/nothing: the server has no such stream");

    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rtsp://{}/x", web.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut client in web.incoming().map_while(Result::ok) {
            let _ = client.read(&mut [0; 1000]);
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    listen(&url, &[]).finish().failed_with("what answers there is no RTSP server");

    let opus = Handmade::start("a=rtpmap:96 opus/48000/2\r\n");
    listen(&opus.url(), &[]).finish().failed_with("no rtp-midi stream, but m=audio 0: opus/48000/2");
    let wrong = Handmade::start("a=rtpmap:96 rtp-midi/44100\r\na=fmtp:96 j_update=sometimes\r\n");
    listen(&wrong.url(), &[]).finish().failed_with("j_update=sometimes is not a value of j_update");

    let wrong = listen("rtsp://anna:secret@:1/", &[]).finish();
    assert_eq!((wrong.code, wrong.stderr.contains("secret")), (Some(2), false), "{wrong:?}");
}

#[test]
fn the_server_is_told_when_its_listener_leaves() {
    let server = Handmade::start("a=rtpmap:96 rtp-midi/44100\r\na=fmtp:96 j_sec=none\r\n");
    let ended = listen(&server.url(), &["--rtsp-transport", "tcp"]).finish();
    assert_eq!((ended.code, messages(&ended)), (Some(0), vec!["90 3c 78".to_owned(), "80 3c 40".to_owned()]));
    assert_eq!(server.asked(), ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]);
}

/// How loud a stream of a server is with these parameters.
fn loudness(name: &str, encoding: &str, fmtp: &str, options: &[&str]) -> (Ended, Option<u16>) {
    let folder = Folder::new(name);
    let wav = folder.path("x.wav");
    let server = Handmade::start(&format!("a=rtpmap:96 {encoding}/44100\r\na=fmtp:96 j_sec=none; {fmtp}\r\n"));
    let ended =
        listen(&server.url(), &[&["--rtsp-transport", "tcp", "--wav", argument(&wav)], options].concat()).finish();
    let octets = fs::read(&wav).ok();
    let samples = |octets: Vec<u8>| {
        let samples = octets[44..].chunks_exact(2).map(|sample| i16::from_le_bytes([sample[0], sample[1]]));
        samples.map(i16::unsigned_abs).max()
    };
    (ended, octets.and_then(samples))
}

#[test]
fn general_midi_of_a_server_is_heard() {
    let fmtp = "streamtype=5; mode=rtp-midi; profile-level-id=12; config=7A0A0000000000";
    let (ended, loud) = loudness("listen-gm", "mpeg4-generic", fmtp, &[]);
    assert!(loud.is_some_and(|loudest| loudest > 500), "{ended:?}");
}

#[test]
fn of_the_renderers_of_a_server_the_first_that_can_be_done_plays() {
    let list = "multimode=one; render=synthetic; subrender=theremin; render=synthetic; chanmask=1000000000000000";
    let (ended, loud) = loudness("listen-list", "rtp-midi", list, &[]);
    assert!(loud.is_some_and(|loudest| loudest > 500), "{ended:?}");
    let (ended, silent) = loudness("listen-mask", "rtp-midi", &list.replace("mask=1", "mask=0"), &[]);
    assert!(silent.is_some_and(|loudest| loudest < 500), "{ended:?}");
}

#[test]
fn a_renderer_of_a_server_that_nobody_knows_is_refused() {
    let server = Handmade::start("a=rtpmap:96 rtp-midi/44100\r\na=fmtp:96 render=synthetic; subrender=theremin\r\n");
    let refused = Program::start(&["listen", &server.url(), "--play"]).finish();
    refused.failed_with("/x: no sound: subrender=theremin is not known");
}
