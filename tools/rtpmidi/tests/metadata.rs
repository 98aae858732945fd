//! Titles, lyrics and markers: from a file to those who listen, to what they record, and to who only looks.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod starved;

use std::fs;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kit::{Ended, Folder, Objects, PATIENCE, Program, argument, free_port, in_a_network, objects, song, wait_for};
use serde_json::Value;
use smf_timeline::{Body, Meta, Song, TextKind};
use starved::Starved;

/// A note, a lyric and a marker every half second for eight seconds.
fn verse() -> Vec<u8> {
    let mut messages: Vec<(u16, Vec<u8>)> = vec![(0, b"\xFF\x02\x03(c)".to_vec())];
    for index in 0..16_u8 {
        messages.push((if index == 0 { 0 } else { 150 }, [b"\xFF\x05\x03la", &[b'a' + index][..]].concat()));
        messages.push((0, vec![0x90, 60 + index, 100]));
        messages.push((100, vec![0x80, 60 + index, 64]));
        messages.push((0, vec![0xFF, 6, 1, b'A' + index]));
    }
    let messages: Vec<(u16, &[u8])> = messages.iter().map(|(ticks, octets)| (*ticks, &octets[..])).collect();
    song(&messages)
}

/// Passes datagrams on from one pair of ports to another, and drops two of eleven: another rhythm than that of the packets,
/// of which it would otherwise drop those with the notes and no others.
struct Lossy {
    stop: Arc<AtomicBool>,
    /// When each packet went on, in seconds behind the first, less what lies between the two by RTP time.
    late: Arc<Mutex<Vec<f64>>>,
}

impl Lossy {
    fn between(from: u16, to: u16) -> Self {
        let lossy = Self { stop: Arc::default(), late: Arc::default() };
        for offset in [0, 1] {
            let (socket, stop) = (UdpSocket::bind(("127.0.0.1", from + offset)).unwrap(), lossy.stop.clone());
            socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            let late = lossy.late.clone();
            std::thread::spawn(move || {
                let (mut datagram, mut count, mut first) = ([0; 2000], 0, None);
                while !stop.load(Ordering::Relaxed) {
                    let Ok(length) = socket.recv(&mut datagram) else { continue };
                    count += 1;
                    if [2, 7].contains(&(count % 11)) {
                        continue;
                    }
                    // Nobody may be there yet.
                    let _ = socket.send_to(&datagram[..length], ("127.0.0.1", to + offset));
                    if offset == 0 {
                        let time = u32::from_be_bytes(datagram[4..8].try_into().unwrap());
                        let (began, start) = *first.get_or_insert((Instant::now(), time));
                        let due = f64::from(time.wrapping_sub(start).cast_signed()) / 44_100.0;
                        late.lock().unwrap().push(began.elapsed().as_secs_f64() - due);
                    }
                }
            });
        }
        lossy
    }

    /// Seconds by which packets have not come in time, of which a listener cannot know.
    fn held_up(&self) -> f64 {
        let late = self.late.lock().unwrap();
        let (least, most) = (late.iter().copied().reduce(f64::min), late.iter().copied().reduce(f64::max));
        most.unwrap_or_default() - least.unwrap_or_default()
    }
}

impl Drop for Lossy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The texts of this kind that a listener has printed: time and text.
fn texts(objects: &[Value], kind: &str) -> Vec<(f64, String)> {
    let of_kind = objects.iter().filter(|object| object["type"] == kind);
    of_kind.map(|object| (object["time_s"].as_f64().unwrap(), object["text"].as_str().unwrap().to_owned())).collect()
}

/// Asserts that the lyrics are the last ones of the verse, none left out, half a second apart, but for what the way to the
/// listener held up.
fn assert_sung(lyrics: &[(f64, String)], least: usize, held_up: f64) {
    assert!(lyrics.len() >= least, "{lyrics:?}");
    let expected: Vec<String> = (b'a'..=b'p').map(|letter| format!("la{}", char::from(letter))).collect();
    let sung: Vec<&String> = lyrics.iter().map(|(_, text)| text).collect();
    assert_eq!(sung, expected[16 - lyrics.len()..].iter().collect::<Vec<_>>());
    for pair in lyrics.windows(2) {
        assert!((pair[1].0 - pair[0].0 - 0.5).abs() < 0.1 + held_up, "held up by {held_up} s: {lyrics:?}");
    }
}

#[test]
fn who_joins_late_has_the_title_and_every_text_in_time_in_spite_of_losses_and_records_them() {
    let folder = Folder::new("metadata-late");
    let (file, sdp, ours, theirs) = (folder.write("x.mid", &verse()), folder.path("x.sdp"), free_port(), free_port());
    let (smf, archive) = (folder.path("again.mid"), folder.path("archive"));
    let network = Lossy::between(ours, theirs);
    let to = format!("udp://127.0.0.1:{ours}");
    let sender =
        ["broadcast", argument(&file), "--to", &to, "--rtcp-interval", "0.3", "--json", "--sdp", argument(&sdp)];
    let mut sender = Program::start_with_open_stdout(&sender);
    let starved = Starved::watch(sender.id());
    wait_for(&sdp);
    let sent = Objects::of(&mut sender);
    sent.wait_for("the music", PATIENCE, |object| object["position_s"].as_f64() >= Some(1.0));
    let listened = folder.write("y.sdp", kit::description(theirs).as_bytes());
    let outputs = ["--smf", argument(&smf), "--record", argument(&archive), "--record-every", "2s"];
    let listener = ["listen", argument(&listened), "--json", "--print", "--timeout", "5"];
    let heard = Program::start(&[&listener[..], &outputs].concat()).finish();
    assert_eq!(heard.code, Some(0), "{heard:?}");

    let titles = heard.objects("title");
    assert_eq!(titles.len(), 1, "{titles:?}");
    assert_eq!((&titles[0]["title"], &titles[0]["copyright"]), (&"Test".into(), &"(c)".into()));
    let lines: Vec<Value> = heard.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // What the machine has kept from running may be late, and nothing else.
    let (held_up, excuse) = (network.held_up(), starved.most());
    assert!(held_up < 0.05 + excuse, "packets are {held_up} s late, where {excuse} s are the machine's");
    assert_sung(&texts(&lines, "lyric"), 8, held_up);
    assert!(texts(&lines, "marker").len() >= 8);
    assert_with_their_notes(&heard, held_up);

    let recorded = fs::read(&smf).unwrap();
    assert_sung(&lyrics(&recorded), 8, held_up);
    let song = Song::read(&recorded, 0).unwrap();
    let named = |event: smf_timeline::Event<'_>| event.body == Body::Meta(Meta::Text(TextKind::TrackName, b"Test"));
    assert!(song.events().any(named));

    let mut files: Vec<_> = fs::read_dir(&archive).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 3, "{files:?}");
    let sung: usize = files.iter().map(|path| lyrics(&fs::read(path).unwrap()).len()).sum();
    assert_eq!(sung, texts(&lines, "lyric").len());
}

/// Each lyric stands where its note is, as far as that was struck and not lost.
fn assert_with_their_notes(heard: &Ended, held_up: f64) {
    let note = |object: &Value| {
        let octets = object["octets"].as_str().unwrap();
        let key = octets.strip_prefix("90 ").and_then(|rest| u8::from_str_radix(&rest[..2], 16).ok())?;
        Some((object["time_s"].as_f64().unwrap(), key))
    };
    let notes: Vec<(f64, u8)> = heard.objects("event").iter().filter_map(note).collect();
    let lyrics = texts(&heard.objects("lyric"), "lyric");
    let key = |text: &str| 60 + text.as_bytes()[2] - b'a';
    let both = |(time, text): &(f64, String)| Some((*time, notes.iter().find(|(_, note)| *note == key(text))?.0));
    let pairs: Vec<(f64, f64)> = lyrics.iter().filter_map(both).collect();
    assert!(pairs.len() >= 5, "{lyrics:?} {notes:?}");
    // A note that was lost may be played a little later, when the next packet tells of it.
    let in_step = -0.05 - held_up..0.2 + held_up;
    assert!(pairs.iter().all(|(lyric, note)| in_step.contains(&(note - lyric))), "held up by {held_up} s: {pairs:?}");
}

/// The lyrics of a file, with their times.
fn lyrics(file: &[u8]) -> Vec<(f64, String)> {
    let song = Song::read(file, 0).unwrap();
    let lyric = |event: smf_timeline::Event<'_>| match event.body {
        Body::Meta(Meta::Text(TextKind::Lyric, text)) => {
            Some((event.time as f64 / 1e9, String::from_utf8_lossy(text).into_owned()))
        }
        _ => None,
    };
    song.events().filter_map(lyric).collect()
}

#[test]
fn clients_of_the_server_are_told_where_each_of_them_is() {
    let folder = Folder::new("metadata-rtsp");
    let file = folder.write("x.mid", &verse());
    let server = ["broadcast", argument(&file), "--rtsp", "127.0.0.1:0", "--json", "--loop"];
    let mut server = Program::start_with_open_stdout(&server);
    let told = Objects::of(&mut server);
    let serving = told.wait_for("the server", PATIENCE, |object| object["type"] == "serving");
    for url in serving["urls"].as_array().unwrap() {
        let mut listener = Program::start_with_open_stdout(&["listen", url.as_str().unwrap(), "--json"]);
        let heard = Objects::of(&mut listener);
        let title = heard.wait_for("the title", PATIENCE, |object| object["type"] == "title");
        assert_eq!(title["title"], "Test", "{url}");
        heard.wait_for("a lyric", PATIENCE, |object| object["type"] == "lyric");
        heard.wait_for("a marker", PATIENCE, |object| object["type"] == "marker");
    }
}

#[test]
fn what_is_being_played_is_announced() {
    let folder = Folder::new("metadata-devices");
    let second = song(&[(0, &[0x90, 60, 100]), (1000, &[0x80, 60, 64])]);
    let mut first = second.clone();
    let title = first.windows(4).position(|octets| octets == b"Test").unwrap();
    first[title] = b'B';
    folder.write("a.mid", &first);
    let path = folder.write("b.mid", &second);
    let script = r#"
        "$1" devices --wait 60 --json >devices.json &
        devices=$!
        sleep 1
        "$1" broadcast --channel radio=. --to radio=udp://239.255.1.2:5004 --sap --sap-interval 0.2 --json >sender.json
        kill -INT $devices
        wait $devices
    "#;
    if in_a_network(script, path.parent().unwrap()) {
        let listed = objects(&folder.path("devices.json"));
        let sessions = listed.iter().filter(|it| it["type"] == "session");
        // The first announcement may come before the music.
        let playing: Vec<&str> = sessions.filter_map(|it| it["information"].as_str()).collect();
        assert_eq!(playing, ["Best", "Test"], "{listed:?}");
        assert!(listed.iter().all(|it| it["title"] == "radio"), "{listed:?}");
        assert_eq!(listed.iter().filter(|it| it["type"] == "gone").count(), 1, "{listed:?}");
    }
}
