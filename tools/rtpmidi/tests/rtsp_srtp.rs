//! `broadcast --rtsp … --srtp`: packets are sealed, keys go over TLS, and who has none is neither served nor heard.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod rtsp_client;

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gst::glib;
use kit::{Ended, Folder, Objects, PATIENCE, Program, argument, free_port};
use rtsp_client::{Client, Server, certificate};
use serde_json::Value;

/// A setting, and a note each twentieth of a second.
fn music() -> Vec<(u16, Vec<u8>)> {
    let notes = (0..200).map(|note| (25, vec![0x90, 30 + note % 60, (note + 1) % 2 * 100]));
    [(0, vec![0xB0, 7, 90])].into_iter().chain(notes).collect()
}

/// A server whose packets are sealed, and the certificate by which it is known.
fn start(folder: &Folder, options: &[&str]) -> (Server, PathBuf) {
    let (both, authority) = certificate(folder);
    let music = music();
    let music: Vec<(u16, &[u8])> = music.iter().map(|(delta, message)| (*delta, &message[..])).collect();
    let private = ["--loop", "--srtp", "--rtsp-certificate", argument(&both)];
    (Server::start(folder, "song.mid", &music, &[&private, options].concat()), authority)
}

fn listen(url: &str, authority: &Path, options: &[&str]) -> (Program, Objects) {
    let arguments = ["listen", url, "--tls-ca", argument(authority), "--json", "--print"];
    let mut program = Program::start_with_open_stdout(&[&arguments, options].concat());
    let objects = Objects::of(&mut program);
    (program, objects)
}

/// Presses Ctrl-C when so many notes were heard; what the listener says at last.
fn after_notes(notes: usize, (program, objects): (Program, Objects)) -> (Value, Ended) {
    for _ in 0..notes {
        objects.wait_for("a note", PATIENCE, |object| {
            object["octets"].as_str().is_some_and(|octets| octets.starts_with("90"))
        });
    }
    program.interrupt();
    let summary = objects.wait_for("the summary", PATIENCE, |object| object["type"] == "summary");
    (summary, program.finish())
}

/// Whether the stock client makes out sealed packets of a stream.
fn hears(server: &Server, path: &str, protocol: &str, folder: &Folder) -> Ended {
    let source = format!("rtspsrc location={} tls-validation-flags=0 protocols={protocol}", server.url(path));
    let line = format!("timeout 20 gst-launch-1.0 {source} ! rtpmididepay ! fakesink num-buffers=8");
    Program::shell(&line, folder).finish()
}

#[test]
fn the_stock_client_plays_a_sealed_channel_and_a_sealed_file_by_udp_and_in_the_connection() {
    let folder = Folder::new("rtsp-srtp-stock");
    let (server, _) = start(&folder, &[]);
    for protocol in ["udp", "tcp"] {
        for path in ["/live", "/native/files/song.mid"] {
            let ended = hears(&server, path, protocol, &folder);
            assert!(ended.stdout.contains("Got EOS"), "{path} {protocol}: {ended:?}");
        }
    }
    server.interrupt();
    assert_eq!(server.end().stderr, "");
}

#[test]
fn each_suite_that_rtsp_can_tell_is_spoken() {
    for suite in ["AES_256_CM_HMAC_SHA1_80", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"] {
        let folder = Folder::new("rtsp-srtp-suite");
        let (server, authority) = start(&folder, &["--srtp-suite", suite]);
        let (heard, ended) = after_notes(5, listen(&server.url("/live"), &authority, &[]));
        assert_eq!((&heard["lost_packets"], ended.code), (&0.into(), Some(0)), "{suite}: {heard} {ended:?}");
    }
}

#[test]
fn what_is_lost_of_sealed_packets_is_repaired() {
    let folder = Folder::new("rtsp-srtp-listen");
    let (server, authority) = start(&folder, &[]);
    for (path, options) in
        [("/live", &[][..]), ("/files/song.mid", &["--loss", "20"]), ("/live", &["--rtsp-transport", "tcp"])]
    {
        let (heard, ended) = after_notes(30, listen(&server.url(path), &authority, options));
        assert_eq!((&heard["hanging_notes"], ended.code), (&0.into(), Some(0)), "{heard} {ended:?}");
        let is_lossy = options.contains(&"--loss");
        assert_eq!(heard["lost_packets"] == 0, !is_lossy, "{heard}");
        assert_eq!(ended.stderr, "", "{path}");
    }
}

#[test]
fn a_file_is_wound_under_its_seal() {
    let folder = Folder::new("rtsp-srtp-wound");
    let (server, authority) = start(&folder, &[]);
    let url = server.url("/files/song.mid");
    let listener = listen(&url, &authority, &["--start", "3"]);
    let is =
        |octets: &'static str| move |object: &Value| object["octets"].as_str().is_some_and(|it| it.starts_with(octets));
    listener.1.wait_for("the setting, in front of the first note of the new place", PATIENCE, is("b0 07 5a"));
    let first = listener.1.wait_for("a note", PATIENCE, is("90"));
    assert!(first["octets"].as_str() > Some("90 3a"), "{first}");
    assert_eq!(after_notes(5, listener).1.code, Some(0));
}

/// A key of thirty octets for reports of one source.
fn key(ssrc: u32) -> String {
    key_management(ssrc, &[&[0, 0x20, 0, 30][..], &[9; 30]].concat())
}

/// A message about one source (RFC 3830): a header, a policy of no words, and keys.
fn key_management(ssrc: u32, keys: &[u8]) -> String {
    let mut message = vec![1, 0, 10, 0, 0, 0, 0, 7, 1, 0, 0];
    message.extend(ssrc.to_be_bytes());
    message.extend([0; 4]);
    message.extend([1, 0, 0, 0, 0]);
    message.extend([0, 0, 0, keys.len() as u8]);
    message.extend(keys);
    message.push(0);
    format!("KeyMgmt: prot=mikey; uri=\"x\"; data=\"{}\"\r\n", glib::base64_encode(&message))
}

/// Asks for the channel by UDP, with these headers.
fn set_up(client: &mut Client, port: u16, headers: &str) -> u16 {
    let transport = format!("Transport: RTP/SAVP;unicast;client_port={port}-{}\r\n{headers}", port + 1);
    client.ask("SETUP", "/live/stream=0", &transport).0
}

#[test]
fn the_packets_are_sealed_and_nobody_has_them_in_clear() {
    let folder = Folder::new("rtsp-srtp-clear");
    let (server, _) = start(&folder, &[]);
    let mut client = Client::new(&server);
    let description = client.request("DESCRIBE", "/live", "Accept: application/sdp\r\n");
    assert!(description.contains("\r\nm=audio 0 RTP/SAVP 96\r\n"), "{description}");
    assert!(description.contains("\r\na=key-mgmt:mikey "), "{description}");
    for plain in ["RTP/AVP;unicast;client_port=9000-9001", "RTP/AVP/TCP;unicast;interleaved=0-1"] {
        assert_eq!(client.ask("SETUP", "/live/stream=0", &format!("Transport: {plain}\r\n")).0, 461);
    }
    let port = free_port();
    let socket = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(set_up(&mut client, port, &key(77)), 200);
    client.request("PLAY", "/live", "");
    let mut octets = [0; 2000];
    let in_clear = (0..20).filter(|_| {
        let length = socket.recv(&mut octets).unwrap();
        octets[12..length].windows(3).any(|three| matches!(three, [0x90, 30..90, 100]))
    });
    // Now and then octets that mean nothing look as a note does.
    assert!(in_clear.count() < 5);
}

#[test]
fn a_client_has_one_key_of_its_own_and_not_another_ones() {
    let folder = Folder::new("rtsp-srtp-keys");
    let (server, _) = start(&folder, &[]);
    let [mut first, mut second] = [0; 2].map(|_| Client::new(&server));
    let (one, other) = (free_port(), free_port());
    for wrong in [
        key(1).replace("mikey", "other"),
        key(1).replace("data=\"AQ", "data=\"Ag"),
        "KeyMgmt: prot=mikey; data=\"\"\r\n".to_owned(),
        key_management(1, &[]),
        key_management(1, &[0, 0x20, 0, 1, 9]),
        format!("{}, {}", key(1).trim_end(), key(2).trim_start_matches("KeyMgmt: ")),
    ] {
        assert_eq!(set_up(&mut first, one, &wrong), 463, "{wrong}");
    }
    assert_eq!(set_up(&mut first, one, &key(1)), 200);
    assert_eq!(set_up(&mut second, other, &key(1)), 463, "it is somebody else's");
    assert_eq!(set_up(&mut second, other, &key(2)), 200);
    drop(first);
    let left = Instant::now();
    let mut third = Client::new(&server);
    while set_up(&mut third, one, &key(1)) != 200 {
        assert!(left.elapsed() < PATIENCE, "the key of who has left is kept");
        std::thread::sleep(Duration::from_millis(50));
    }
    // Packets that are not sealed have no use for a key, and gst-rtsp-server would read it all the same.
    let plain = Folder::new("rtsp-srtp-no-key");
    let server = Server::start(&plain, "song.mid", &[(0, &[0x90, 60, 100]), (15_000, &[0x80, 60, 64])], &[]);
    for headers in [key(3), key_management(3, &[])] {
        let headers = format!("Transport: RTP/AVP;unicast;client_port={other}-{}\r\n{headers}", other + 1);
        assert_eq!(Client::new(&server).ask("SETUP", "/live/stream=0", &headers).0, 463);
    }
}

/// RTCP of this source without a seal: a report, and a goodbye.
fn goodbye(ssrc: u32) -> Vec<u8> {
    let mut octets = Vec::new();
    for head in [[0x80, 201, 0, 1], [0x81, 203, 0, 1]] {
        octets.extend(head);
        octets.extend(ssrc.to_be_bytes());
    }
    octets
}

#[test]
fn sealed_reports_count_and_others_do_not() {
    let folder = Folder::new("rtsp-srtp-reports");
    let (both, authority) = certificate(&folder);
    let music = music();
    let music: Vec<(u16, &[u8])> = music.iter().map(|(delta, message)| (*delta, &message[..])).collect();
    folder.write("song.mid", &kit::song(&music));
    // gst-rtsp-server tells who is heard in its log alone.
    let line = format!(
        "GST_DEBUG=rtspstream:4,srtpdec:4 GST_DEBUG_FILE=log GST_DEBUG_NO_COLOR=1 exec rtpmidi broadcast song.mid --loop \
         --rtsp 127.0.0.1:0 --srtp --rtsp-certificate {} --json >said",
        argument(&both)
    );
    let server = Program::shell(&line, &folder);
    let started = Instant::now();
    let text = |name: &str| fs::read_to_string(folder.path(name)).unwrap_or_default();
    let until = |what: &str, is_there: &dyn Fn() -> bool| {
        while !is_there() {
            assert!(started.elapsed() < PATIENCE, "{what}: {}", text("log"));
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    until("the server", &|| text("said").contains("serving"));
    let url = text("said").split('"').find(|word| word.ends_with("/live")).unwrap().to_owned();
    let listener = listen(&url, &authority, &["--rtcp-interval", "0.2"]);
    let heard = || text("log").matches("on_ssrc_active").count();
    until("reports", &|| heard() >= 2);
    assert!(text("log").contains("adding 127.0.0.1:"), "sealed packets come by UDP: {}", text("log"));
    // Its port for reports is one of the odd ones.
    let forger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let ports = fs::read_to_string("/proc/net/udp").unwrap();
    let of_servers = ports.lines().filter_map(|line| u16::from_str_radix(line.split(':').nth(2)?.get(..4)?, 16).ok());
    for port in of_servers.filter(|port| port % 2 == 1) {
        for ssrc in 0..20 {
            let _ = forger.send_to(&goodbye(ssrc), ("127.0.0.1", port));
        }
    }
    let before = heard();
    until("more reports", &|| heard() >= before + 2);
    assert!(!text("log").contains("on_bye_ssrc"), "{}", text("log"));
    let (summary, ended) = after_notes(2, listener);
    assert_eq!((&summary["lost_packets"], ended.code), (&0.into(), Some(0)), "{summary}");
    server.interrupt();
    assert_eq!(server.finish().code, Some(0));
}

/// An edge of this source, and the certificate by which it is known.
fn edge(folder: &Folder, source: &str, options: &[&str]) -> (Server, PathBuf) {
    let (both, authority) = certificate(folder);
    let relay = ["relay", source, "--rtsp", "127.0.0.1:0", "--rtsp-certificate", argument(&both), "--json"];
    (Server::of(Program::start_with_open_stdout(&[&relay, options].concat())), authority)
}

/// Asserts that a channel is sealed, and that its music and what the sender says beside it are heard.
fn assert_heard((server, authority): &(Server, PathBuf)) {
    let description = Client::new(server).request("DESCRIBE", "/live", "Accept: application/sdp\r\n");
    assert!(description.contains("\r\nm=audio 0 RTP/SAVP 96\r\n"), "{description}");
    for (path, transport) in [("/live", "udp"), ("/native/live", "tcp")] {
        let listener = listen(&server.url(path), authority, &["--rtsp-transport", transport]);
        listener.1.wait_for("the title", PATIENCE, |object| object["type"] == "title");
        let (heard, ended) = after_notes(5, listener);
        assert_eq!((&heard["hanging_notes"], ended.code), (&0.into(), Some(0)), "{path}: {heard} {ended:?}");
    }
}

#[test]
fn an_edge_opens_what_a_server_has_sealed_and_seals_it_by_keys_of_its_own() {
    let [folder, beside] = ["rtsp-srtp-origin", "rtsp-srtp-edge"].map(Folder::new);
    let (server, authority) = start(&folder, &[]);
    let edge = edge(&beside, &server.url("/live"), &["--tls-ca", argument(&authority)]);
    assert_heard(&edge);
    edge.0.interrupt();
    assert_eq!(edge.0.end().stderr, "");
}

#[test]
fn an_edge_opens_what_is_sealed_by_the_key_of_a_description_or_a_file() {
    let folder = Folder::new("rtsp-srtp-group");
    let music = music();
    let music: Vec<(u16, &[u8])> = music.iter().map(|(delta, message)| (*delta, &message[..])).collect();
    let song = folder.write("song.mid", &kit::song(&music));
    let (port, key, sdp) = (free_port(), folder.path("group.key"), folder.path("x.sdp"));
    let to = format!("udp://127.0.0.1:{port}");
    let sender = ["broadcast", argument(&song), "--to", &to, "--sdp", argument(&sdp), "--loop", "--srtp"];
    let suite = ["--srtp-key", argument(&key), "--srtp-suite", "AES_256_CM_HMAC_SHA1_80", "--rtcp-interval", "0.3"];
    let sender = Program::start(&[&sender[..], &suite].concat());
    kit::wait_for(&sdp);
    let described = fs::read_to_string(&sdp).unwrap();
    let told: String =
        described.lines().filter(|line| !line.starts_with("a=crypto:")).flat_map(|it| [it, "\r\n"]).collect();
    let untold = folder.write("y.sdp", told.as_bytes());
    Program::start(&["relay", argument(&untold), "--rtsp", "127.0.0.1:0", "--json"])
        .finish()
        .failed_with("y.sdp: the stream is encrypted, and the description has no key");
    Program::start(&["relay", argument(&sdp), "--rtsp", "127.0.0.1:0", "--json"])
        .finish()
        .failed_with("Test is encrypted, and an edge would give it out in clear");
    for (source, options) in [(&sdp, &[][..]), (&untold, &["--srtp-key", argument(&key)])] {
        let edge = edge(&folder, argument(source), options);
        assert_heard(&edge);
        edge.0.interrupt();
        assert_eq!(edge.0.end().code, Some(0));
    }
    sender.interrupted();
}

#[test]
fn keys_are_not_told_in_clear() {
    let folder = Folder::new("rtsp-srtp-refused");
    let song = folder.write("song.mid", &kit::song(&[(0, &[0x90, 60, 100])]));
    let (both, _) = certificate(&folder);
    let broadcast = |more: &[&str]| {
        Program::start(&[&["broadcast", argument(&song), "--rtsp", "127.0.0.1:0", "--srtp"], more].concat()).finish()
    };
    broadcast(&[]).failed_with("with --srtp, --rtsp would tell the key in clear");
    let private = ["--rtsp-certificate", argument(&both)];
    broadcast(&[&private[..], &["--srtp-suite", "AES_CM_128_HMAC_SHA1_32"]].concat())
        .failed_with("RTSP has no word for a suite whose tags are shorter in RTP than in RTCP");
    broadcast(&[&private[..], &["--srtp-key", "key"]].concat())
        .failed_with("--srtp-key is for what goes --to somewhere");
}
