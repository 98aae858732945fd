//! Whatever is wrong is said in one line, with a hint where one helps, and ends with exit code 1; nothing panics.

mod kit;

use std::fs;
use std::net::UdpSocket;
use std::time::Duration;

use kit::{Folder, Program, argument, description, free_port, song};

fn broadcast(file: &str) -> kit::Ended {
    let to = format!("udp://127.0.0.1:{}", free_port());
    Program::start(&["broadcast", file, "--to", &to]).finish()
}

fn listen(folder: &Folder, text: &str, more: &[&str]) -> kit::Ended {
    let sdp = folder.write("x.sdp", text.as_bytes());
    Program::start(&[&["listen", argument(&sdp)], more].concat()).finish()
}

#[test]
fn files_that_are_no_music_are_refused_before_anything_is_sent() {
    let folder = Folder::new("no-music");
    let good = folder.write("good.mid", &song(&[(0, &[0x90, 60, 100]), (1, &[0x80, 60, 0])]));
    let whole = fs::read(&good).unwrap();
    for (name, octets, words) in [
        (
            "text.mid",
            &b"Twinkle, twinkle, little star,\nhow I wonder what you are\n"[..],
            "text.mid: not a Standard MIDI File but text",
        ),
        ("short.mid", &whole[..whole.len() - 5], "short.mid: track 0, octet "),
        ("empty.mid", b"", "empty.mid: not a Standard MIDI File but an empty file"),
        ("header.mid", &whole[..9], "header.mid: the header needs 14 octets"),
    ] {
        let bad = folder.write(name, octets);
        let port = free_port();
        let wire = UdpSocket::bind(("127.0.0.1", port)).unwrap();
        wire.set_nonblocking(true).unwrap();
        let sdp = folder.path("never.sdp");
        let to = format!("udp://127.0.0.1:{port}");
        let files = [argument(&good), argument(&bad)];
        let ended = Program::start(&["broadcast", files[0], files[1], "--to", &to, "--sdp", argument(&sdp)]).finish();
        ended.failed_with(words);
        assert!(wire.recv(&mut [0; 2000]).is_err(), "{name}: something was sent");
        assert!(!sdp.exists(), "{name}: a description was written");
    }
}

#[test]
fn missing_files_and_empty_folders_are_named() {
    let folder = Folder::new("missing");
    broadcast(argument(&folder.path("none.mid"))).failed_with("none.mid: No such file");
    let empty = folder.path("empty");
    fs::create_dir(&empty).unwrap();
    broadcast(argument(&empty)).failed_with("empty has no Standard MIDI Files in it");
}

#[test]
fn damaged_files_can_be_played_on_request() {
    let folder = Folder::new("lenient");
    let whole = song(&[(0, &[0x90, 60, 100]), (10, &[0x80, 60, 0])]);
    let file = folder.write("short.mid", &whole[..whole.len() - 4]);
    let to = format!("udp://127.0.0.1:{}", free_port());
    let ended = Program::start(&["broadcast", argument(&file), "--to", &to, "--lenient", "--json"]).finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("warning: ") && ended.stderr.contains("track 0, octet "), "{ended:?}");
    assert_eq!(ended.summary()["events"], 2);
}

#[test]
fn descriptions_of_something_else_are_refused() {
    let folder = Folder::new("description");
    let good = description(free_port());
    listen(&folder, &good.replace("rtp-midi/44100", "opus/48000/2"), &[])
        .failed_with("no rtp-midi stream, but m=audio ");
    listen(&folder, "dear diary", &[]).failed_with("line 1: a session description starts with v=0");
    listen(&folder, "", &[]).failed_with("a session description starts with v=0");
    listen(&folder, &good.replace("/44100", ""), &[]).failed_with("a=rtpmap:96 names no clock rate");
    listen(&folder, &good.replace("anchor", "now-and-then"), &[]).failed_with("j_update=now-and-then");
    listen(&folder, &good, &["--start", "5"]).failed_with("--start is for files on an RTSP server");
    Program::start(&["listen", "/nonexistent/x.sdp"]).finish().failed_with("cannot read /nonexistent/x.sdp");
}

#[test]
fn a_port_in_use_is_named() {
    let folder = Folder::new("port");
    for offset in [0, 1] {
        let port = free_port();
        let taken = UdpSocket::bind(("127.0.0.1", port + offset)).unwrap();
        let ended = listen(&folder, &description(port), &["--timeout", "30"]);
        ended.failed_with(&format!("UDP port {} on 127.0.0.1 is in use", port + offset));
        assert!(ended.stderr.contains("\nhint: "), "{ended:?}");
        drop(taken);
    }
}

#[test]
fn outputs_that_cannot_be_written_are_named() {
    let folder = Folder::new("outputs");
    let text = description(free_port());
    listen(&folder, &text, &["--smf", "/nonexistent/x.mid"]).failed_with("cannot write /nonexistent/x.mid");
    listen(&folder, &text, &["--wav", "/nonexistent/x.wav"]).failed_with("cannot write /nonexistent/x.wav");
    let wav = folder.path("x.wav");
    let missing = listen(&folder, &text, &["--wav", argument(&wav), "--soundfont", "/nonexistent/x.sf2"]);
    missing.failed_with("cannot read soundfont /nonexistent/x.sf2");
    assert!(missing.stderr.contains("timgm6mb-soundfont"), "{missing:?}");
    let sdp = argument(&folder.path("x.sdp")).to_owned();
    listen(&folder, &text, &["--wav", argument(&wav), "--soundfont", &sdp]).failed_with("x.sdp is not a soundfont");
}

#[test]
fn garbage_is_no_stream() {
    let folder = Folder::new("garbage");
    let port = free_port();
    let sdp = folder.write("x.sdp", description(port).as_bytes());
    let mut listener = Program::start(&["listen", argument(&sdp), "--timeout", "2"]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut random = 1_u32;
    while listener.is_running() {
        for length in [0, 1, 11, 12, 13, 40, 1400] {
            let mut datagram: Vec<u8> = (0..length)
                .map(|_| {
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (random >> 24) as u8
                })
                .collect();
            // Version 1, so that chance makes no RTP of it.
            if let Some(first) = datagram.first_mut() {
                *first = *first & 0x3F | 0x40;
            }
            // Before the listener has bound its sockets, and after it has closed them, nobody takes it.
            let _ = socket.send_to(&datagram, ("127.0.0.1", port));
            let _ = socket.send_to(&datagram, ("127.0.0.1", port + 1));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = listener.finish();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains(&format!("error: nothing came to UDP port {port} of 127.0.0.1\nhint: ")),
        "{ended:?}"
    );
    assert!(!ended.stderr.contains("panic"), "{ended:?}");
}

#[test]
fn malformed_rtp_midi_is_survived() {
    let folder = Folder::new("malformed");
    let port = free_port();
    let sdp = folder.write("x.sdp", description(port).as_bytes());
    let mut listener = Program::start(&["listen", argument(&sdp), "--timeout", "2", "--json"]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (mut random, mut sequence) = (7_u32, 0_u16);
    let started = std::time::Instant::now();
    while listener.is_running() {
        if started.elapsed() < Duration::from_secs(3) {
            let mut packet = vec![0x80, 96];
            packet.extend(sequence.to_be_bytes());
            packet.extend((u32::from(sequence) * 441).to_be_bytes());
            packet.extend([1, 2, 3, 4]);
            for _ in 0..sequence % 60 {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                packet.push((random >> 24) as u8);
            }
            let _ = socket.send_to(&packet, ("127.0.0.1", port));
            sequence = sequence.wrapping_add(1 + u16::from(random % 5 == 0));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let ended = listener.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary = ended.summary();
    assert!(summary["packets"].as_u64().unwrap() > 50, "{summary}");
    assert_eq!(summary["hanging_notes"], 0);
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for arguments in [
        &["broadcast", "x.mid"][..],
        &["broadcast", "x.mid", "--to", "127.0.0.1:5004"],
        &["broadcast", "x.mid", "--to", "udp://127.0.0.1:5004", "--speed", "0"],
        &["broadcast", "--to", "udp://127.0.0.1:5004"],
        &["listen"],
        &["listen", "x.sdp", "--loss", "150"],
        &["listen", "x.sdp", "--loss", "80:2"],
        &["listen", "x.sdp", "--delay", "200"],
        &["frobnicate"],
    ] {
        let ended = Program::start(arguments).finish();
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("error: "), "{ended:?}");
    }
}
