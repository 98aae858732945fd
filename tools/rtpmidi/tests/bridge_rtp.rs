//! A bridge between plain RTP MIDI streams: a broadcast that comes with losses is heard, and sent on to a listener who
//! loses some of that as well.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use kit::{
    Folder, Objects, PATIENCE, Program, argument, description, free_port, in_a_network, messages, objects, song,
    wait_for_listener,
};

/// Every so many datagrams one is lost.
const LOSS: u32 = 5;

/// Carries datagrams from one port of loopback to another until it is dropped, and loses some.
struct Link(Arc<AtomicBool>, Arc<AtomicU32>);

impl Link {
    fn open(to: u16) -> (Self, u16) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let (from, link) = (socket.local_addr().unwrap().port(), Self(Arc::default(), Arc::default()));
        let (ended, lost) = (link.0.clone(), link.1.clone());
        std::thread::spawn(move || {
            let (mut datagram, mut count) = ([0; 2000], 0);
            while !ended.load(Ordering::Relaxed) {
                let Ok(length) = socket.recv(&mut datagram) else { continue };
                count += 1;
                if count % LOSS == 0 {
                    lost.fetch_add(1, Ordering::Relaxed);
                } else {
                    socket.send_to(&datagram[..length], ("127.0.0.1", to)).unwrap();
                }
            }
        });
        (link, from)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Ten seconds of two channels, with programs and controllers.
fn music() -> Vec<u8> {
    let mut all = vec![(0, vec![0xC0, 19]), (0, vec![0xC1, 32]), (0, vec![0xB1, 10, 40])];
    for step in 0..50_u8 {
        let (channel, key) = (step % 2, 40 + step);
        all.push((0, vec![0xB0 | channel, 11, step]));
        all.push((0, vec![0x90 | channel, key, 100]));
        all.push((48, vec![0x80 | channel, key, 64]));
        all.push((48, vec![0xE0 | channel, 0, step]));
    }
    all.push((96, vec![0xC5, 77]));
    let borrowed: Vec<(u16, &[u8])> = all.iter().map(|(delta, message)| (*delta, &message[..])).collect();
    song(&borrowed)
}

#[test]
fn a_broadcast_is_heard_and_sent_on_and_nothing_hangs_though_packets_get_lost_on_both_ways() {
    let folder = Folder::new("bridge-rtp");
    let (heard, sent) = (free_port(), free_port());
    folder.write("radio.sdp", description(heard).as_bytes());
    // Somebody who takes part in a session tells when the last message is there.
    let fixed = ["host", "--name", "Synth", "--port", "0", "--no-mdns", "--json", "--print"];
    let (mut synth, _stdin) = Program::start_with_open_stdin(&fixed);
    let played = Objects::of(&mut synth);
    let open = played.wait_for("the session is not open", PATIENCE, |object| object["type"] == "open");
    let peer = format!("127.0.0.1:{}", open["port"]);
    let config = format!(
        "name = 'Studio'\nport = 0\nmdns = false\nalsa = false\npeers = ['{peer}']\n\
         rules = ['Radio --> Stage', \"Radio --> '{peer}'\"]\n\
         [[rtp]]\nname = 'Radio'\nhear = 'radio.sdp'\n\
         [[rtp]]\nname = 'Stage'\nplay = 'udp://127.0.0.1:{sent}'\nsdp = 'stage.sdp'\n"
    );
    let (file, socket) = (folder.write("bridge.toml", config.as_bytes()), folder.path("bridge.sock"));
    let arguments = ["bridge", "--json", "--config", argument(&file), "--control", argument(&socket)];
    let mut bridge = Program::start_with_open_stdout(&arguments);
    let told = Objects::of(&mut bridge);
    kit::wait_for(&folder.path("stage.sdp"));
    let described = std::fs::read_to_string(folder.path("stage.sdp")).unwrap();
    assert!(described.contains("s=Stage\r\n") && described.contains(&format!("m=audio {sent} RTP/AVP 96\r\n")));
    told.wait_for("it is not joined", PATIENCE, |object| object["type"] == "peer" && object["state"] == "open");
    let (recording, stage) = (folder.path("recording.mid"), folder.path("stage.sdp"));
    let listen = ["listen", argument(&stage), "--smf", argument(&recording), "--json", "--loss", "10"];
    let listener = Program::start(&[&listen[..], &["--rtcp-interval", "0.5"]].concat());
    wait_for_listener(sent + 1);

    let (link, through) = Link::open(heard);
    let (song, to) = (folder.write("music.mid", &music()), format!("udp://127.0.0.1:{through}"));
    let broadcast =
        Program::start(&["broadcast", argument(&song), "--to", &to, "--journal", "anchor", "--speed", "3"]).finish();
    assert_eq!(broadcast.code, Some(0), "{broadcast:?}");
    played.wait_for("the end is not heard", PATIENCE, |object| object["octets"] == "c5 4d");
    let ended = bridge.interrupted();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));

    let listened = listener.finish().summary();
    assert_eq!(listened["hanging_notes"], 0, "{listened}");
    assert!(link.1.load(Ordering::Relaxed) > 0 && listened["dropped_on_purpose"] != 0, "nothing is lost");
    let there = messages(&recording);
    for message in [[0xC0, 19], [0xC1, 32], [0xC5, 77]] {
        assert!(there.iter().any(|it| *it == message), "{message:?} is not there: {there:02x?}");
    }
    for channel in [0, 1] {
        let last = there.iter().rev().find(|it| it[..2] == [0xB0 | channel, 11]).unwrap();
        assert_eq!(last[2], 48 + channel);
    }
}

#[test]
fn an_encrypted_broadcast_is_heard_with_the_key_of_its_description_and_gets_reports() {
    let folder = Folder::new("bridge-srtp");
    let (to, sdp) = (format!("udp://127.0.0.1:{}", free_port()), folder.path("radio.sdp"));
    let (_synth, _stdin, played, peer) = kit::host("Synth", &["--print"]);
    let file = folder.write("music.mid", &music());
    let broadcast = ["broadcast", argument(&file), "--to", &to, "--sdp", argument(&sdp), "--srtp", "--loop", "--json"];
    let closed = ["--journal", "closed-loop", "--rtcp-interval", "0.5"];
    let mut sender = Program::start_with_open_stdout(&[&broadcast[..], &closed].concat());
    let said = Objects::of(&mut sender);
    kit::wait_for(&sdp);
    assert!(std::fs::read_to_string(&sdp).unwrap().contains("a=crypto:1 "));
    let config = format!(
        "name = 'Studio'\nport = 0\nmdns = false\nalsa = false\npeers = ['{peer}']\n\
         rules = [\"Radio --> '{peer}'\"]\n[[rtp]]\nname = 'Radio'\nhear = 'radio.sdp'\n"
    );
    let (file, socket) = (folder.write("bridge.toml", config.as_bytes()), folder.path("bridge.sock"));
    let arguments = ["bridge", "--json", "--config", argument(&file), "--control", argument(&socket)];
    let bridge = Program::start(&arguments);
    played.wait_for("no music", PATIENCE, |object| object["octets"].as_str().is_some_and(|it| it.starts_with("90 ")));
    said.wait_for("no report arrives", PATIENCE, |object| object["receivers"] == 1);
    let ended = bridge.interrupted();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    sender.interrupted();
}

#[test]
fn what_goes_to_a_group_is_announced_if_that_is_wished_for() {
    let folder = Folder::new("bridge-sap");
    let rtp = "[[rtp]]\nname = 'Hall'\nplay = 'udp://239.255.1.2:5004'\nannounce = true\n";
    folder.write("bridge.toml", format!("port = 0\nmdns = false\nalsa = false\n{rtp}").as_bytes());
    let script = r#"
        "$1" devices --wait 60 --json >devices.json &
        devices=$!
        sleep 1
        "$1" bridge --config bridge.toml --control bridge.sock --json >bridge.json &
        bridge=$!
        until grep -q '"Hall"' devices.json; do sleep 0.05; done
        kill -INT $bridge
        wait $bridge
        until grep -q '"gone"' devices.json; do sleep 0.05; done
        kill -INT $devices
        wait $devices
    "#;
    if !in_a_network(script, &folder.path("")) {
        return;
    }
    let listed = objects(&folder.path("devices.json"));
    assert_eq!((&listed[0]["type"], &listed[0]["title"]), (&"session".into(), &"Hall".into()));
    assert_eq!(listed[0]["streams"][0]["address"], "239.255.1.2");
}

#[test]
fn what_goes_to_one_host_cannot_be_announced() {
    let folder = Folder::new("bridge-sap-host");
    let rtp = "[[rtp]]\nname = 'Hall'\nplay = 'udp://127.0.0.1:5004'\nannounce = true\n";
    let file = folder.write("bridge.toml", format!("port = 0\nmdns = false\nalsa = false\n{rtp}").as_bytes());
    let socket = folder.path("bridge.sock");
    let ended = Program::start(&["bridge", "--config", argument(&file), "--control", argument(&socket)]).finish();
    ended.failed_with("Hall is announced, and 127.0.0.1:5004 is no group");
}
