//! What a programme of files does without, and the programme whose journals do not fit.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::net::UdpSocket;
use std::path::Path;

use kit::{Ended, Folder, Program, argument, free_port, song, wait_for};

/// Notes with programs and volumes, and release velocities that nobody set.
fn plain() -> Vec<u8> {
    let mut messages: Vec<(u16, Vec<u8>)> = vec![(0, vec![0xC0, 19]), (0, vec![0xB0, 7, 100])];
    for key in 40..80 {
        messages.push((0, vec![0x90, key, 100]));
        messages.push((50, vec![0x80, key, 0]));
    }
    of(&messages)
}

/// Every channel sets these controllers.
fn controllers(first: u8, numbers: std::ops::Range<u8>) -> Vec<u8> {
    let mut messages: Vec<(u16, Vec<u8>)> = vec![(500, vec![0x90, 60, 100]), (500, vec![0x80, 60, 64])];
    for channel in first..16 {
        messages.extend(numbers.clone().map(|number| (1, vec![0xB0 | channel, number, 1])));
    }
    of(&messages)
}

fn of(messages: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let borrowed: Vec<(u16, &[u8])> = messages.iter().map(|(delta, message)| (*delta, &message[..])).collect();
    song(&borrowed)
}

/// Broadcasts `files` to nobody, fast.
fn broadcast(files: &[&Path], options: &[&str]) -> Ended {
    let to = format!("udp://127.0.0.1:{}", free_port());
    let mut arguments = vec!["broadcast"];
    arguments.extend(files.iter().map(|file| argument(file)));
    arguments.extend(["--to", &to, "--json"]);
    if !options.contains(&"--speed") {
        arguments.extend(["--speed", "50"]);
    }
    Program::start(&[&arguments, options].concat()).finish()
}

/// The fmtp line that a broadcast of `file` writes.
fn fmtp(folder: &Folder, file: &Path, options: &[&str]) -> String {
    let sdp = folder.path("x.sdp");
    let ended = broadcast(&[file], &[&["--sdp", argument(&sdp)], options].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let text = std::fs::read_to_string(sdp).unwrap();
    text.lines().find_map(|line| line.strip_prefix("a=fmtp:96 ")).expect("there is an fmtp line").to_owned()
}

#[test]
fn the_description_tells_the_bit_rate_that_is_taken_at_most() {
    let folder = Folder::new("description-rate");
    let (file, sdp) = (folder.write("x.mid", &plain()), folder.path("x.sdp"));
    let summary = broadcast(&[&file], &["--sdp", argument(&sdp), "--speed", "1"]).summary();
    let number = |name: &str| summary[name].as_f64().unwrap();
    let headers = 28.0 * number("packets");
    let mean = 8.0 * (number("octets") + headers) / number("duration_s") / 1000.0;
    let text = std::fs::read_to_string(sdp).unwrap();
    let most: f64 = text.lines().find_map(|line| line.strip_prefix("b=AS:")).unwrap().parse().unwrap();
    assert!(most > mean && most < 3.0 * mean, "{most} and {mean}: {summary}");
}

#[test]
fn the_description_says_what_the_files_do_without() {
    let folder = Folder::new("description-scan");
    let file = folder.write("x.mid", &plain());
    let scanned = "cm_unused=ABFGHMQTVWX; j_sec=recj; j_update=anchor; ch_never=ADEFMQTVWX; rtp_ptime=441";
    assert_eq!(fmtp(&folder, &file, &[]), scanned);
    assert_eq!(fmtp(&folder, &file, &["--no-scan"]), "j_sec=recj; j_update=anchor; rtp_ptime=441");
    let chosen = fmtp(&folder, &file, &["--no-scan", "--ch-never", "C7", "--ch-never", "3W", "--cm-unused", "X"]);
    assert_eq!(chosen, "cm_unused=X; j_sec=recj; j_update=anchor; ch_never=C7; ch_never=3W; rtp_ptime=441");
    let again = fmtp(&folder, &file, &["--cm-used", "X", "--ch-never", "P", "--ch-anchor", "3P", "--ch-default", "X"]);
    let behind_the_scan = "; cm_used=X; j_sec=recj; j_update=anchor; ch_never=ADEFMQTVWX; ch_never=P; ch_anchor=3P; \
                           ch_default=X; rtp_ptime=441";
    assert_eq!(again, format!("cm_unused=ABFGHMQTVWX{behind_the_scan}"));
}

#[test]
fn each_file_says_which_channels_matter_and_none_of_it_stays_in_the_journal() {
    let folder = Folder::new("mip");
    let reset: &[u8] = &[0xF0, 0x05, 0x7E, 0x7F, 9, 1, 0xF7];
    let own: &[u8] = &[0xF0, 0x07, 0x7F, 0x7F, 0x0B, 1, 2, 9, 0xF7];
    let [on, off]: [&[u8]; 2] = [&[0x90, 60, 1], &[0x80, 60, 64]];
    let drum: [&[u8]; 2] = [&[0x99, 36, 1], &[0x89, 36, 64]];
    let without = song(&[(0, reset), (0, on), (100, drum[0]), (100, drum[1]), (0, off)]);
    let with_its_own = song(&[(0, own), (0, on), (100, off)]);
    let files = [folder.write("a.mid", &without), folder.write("b.mid", &with_its_own)];
    let (port, sdp) = (free_port(), folder.path("x.sdp"));
    let listened = folder.write("y.sdp", kit::description(port).as_bytes());
    let listener = Program::start(&["listen", argument(&listened), "--print", "--json"]);
    kit::wait_for_listener(port + 1);
    let to = format!("udp://127.0.0.1:{port}");
    let files = files.each_ref().map(|file| argument(file));
    let sent = ["broadcast", files[0], files[1], "--to", &to, "--sdp", argument(&sdp), "--mip", "--json"];
    let sent = Program::start(&sent).finish();
    assert_eq!(sent.code, Some(0), "{sent:?}");
    let heard = listener.finish();
    let octets = |object: &serde_json::Value| object["octets"].as_str().unwrap().to_owned();
    let heard: Vec<String> = heard.objects("event").iter().map(octets).collect();
    let expected =
        ["f0 7e 7f 09 01 f7", "f0 7f 7f 0b 01 09 01 00 02 f7", "90 3c 01", "99 24 01", "89 24 40", "80 3c 40"];
    assert_eq!(heard[..6], expected);
    assert_eq!(heard[6..], ["f0 7f 7f 0b 01 02 09 f7", "90 3c 01", "80 3c 40"]);
    let text = std::fs::read_to_string(&sdp).unwrap();
    assert!(text.contains("; ch_never=__7F_00-7F_0B_01__; "), "{text}");
    let alone = Program::start(&["broadcast", "-", "--to", &to, "--mip"]).finish();
    assert!(alone.stderr.contains("--mip is for files, and there are none"), "{alone:?}");
}

#[test]
fn release_velocities_that_nobody_set_cost_nothing() {
    let folder = Folder::new("releases");
    let file = folder.write("x.mid", &plain());
    let journal = |options: &[&str]| broadcast(&[&file], options).summary()["journal_octets"].as_u64().unwrap();
    let (with, without) = (journal(&["--no-scan"]), journal(&[]));
    assert!(without * 2 < with, "{without} octets of {with}");
}

#[test]
fn a_listener_obeys_what_the_broadcast_announces() {
    let folder = Folder::new("obeys");
    let file = folder.write("x.mid", &plain());
    let (sdp, port) = (folder.path("x.sdp"), free_port());
    let to = format!("udp://127.0.0.1:{port}");
    let sender = Program::start(&["broadcast", argument(&file), "--to", &to, "--sdp", argument(&sdp), "--loop"]);
    wait_for(&sdp);
    let listener = Program::start(&["listen", argument(&sdp), "--loss", "30", "--print", "--json"]);
    std::thread::sleep(std::time::Duration::from_secs(3));
    sender.interrupt();
    assert_eq!(sender.finish().code, Some(0));
    let heard = listener.finish();
    let summary = heard.summary();
    assert!(summary["commands_repaired"].as_u64().unwrap() > 3, "{summary}");
    assert_eq!(summary["hanging_notes"], 0, "{summary}");
    let events = heard.objects("event");
    for setting in ["c0 13", "b0 07 64"] {
        assert!(events.iter().any(|event| event["octets"] == setting), "{setting}, which was set before it came");
    }
}

#[test]
fn a_programme_too_long_for_the_mtu_is_refused_with_what_would_help() {
    let folder = Folder::new("mtu");
    let files = [folder.write("a.mid", &plain()), folder.write("b.mid", &controllers(0, 10..63))];
    let files = [&*files[0], &*files[1]];
    let port = free_port();
    let wire = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    wire.set_nonblocking(true).unwrap();
    let (to, sdp) = (format!("udp://127.0.0.1:{port}"), folder.path("x.sdp"));
    let mut arguments = vec!["broadcast", argument(files[0]), argument(files[1]), "--to", &to, "--speed", "50"];
    arguments.extend(["--sdp", argument(&sdp)]);
    let refused = Program::start(&arguments).finish();
    refused.failed_with("b.mid at 0:03: a packet of 14");
    refused.failed_with("octets is longer than --mtu 1400; Chapter C of channel ");
    assert!(wire.recv(&mut [0; 2000]).is_err() && !sdp.exists(), "nothing is sent or written");

    let hint = refused.stderr.lines().find_map(|line| line.strip_prefix("hint: it fits with ")).unwrap().to_owned();
    assert!(hint.contains("--ch-never C (") && hint.contains("--cm-unused C ("), "{hint}");
    let mtu = hint.split("--mtu ").nth(1).and_then(|rest| rest.split(' ').next()).expect("an MTU that does it");
    for options in [["--ch-never", "C"], ["--cm-unused", "C"], ["--mtu", mtu], ["--journal", "none"]] {
        let ended = broadcast(&files, &options);
        assert_eq!(ended.code, Some(0), "{options:?}: {ended:?}");
    }
}

#[test]
fn a_channel_with_more_than_length_can_say_is_refused() {
    let folder = Folder::new("length");
    let mut messages = Vec::new();
    for number in 0..300_u16 {
        let (high, low) = ((number >> 7) as u8, (number & 0x7F) as u8);
        for (controller, value) in [(99, high), (98, low), (6, 1), (38, 2)] {
            messages.push((2, vec![0xB4, controller, value]));
        }
    }
    let file = folder.write("x.mid", &of(&messages));
    let refused = broadcast(&[&file], &["--mtu", "9000"]);
    refused.failed_with("x.mid at 0:0");
    refused.failed_with("the journal of channel 5 has no room for all of its Chapter M");
    assert!(refused.stderr.contains("--ch-never M (") && !refused.stderr.contains("--mtu "), "{refused:?}");
    for options in [["--ch-never", "M"], ["--cm-unused", "M"]] {
        assert_eq!(broadcast(&[&file], &options).code, Some(0), "{options:?}");
    }
}

#[test]
fn a_long_system_exclusive_has_to_do_without_the_journal() {
    let folder = Folder::new("dump");
    // Behind F0 files write how many octets follow: 3008.
    let dump = [&[0xF0, 0x97, 0x40, 0x7D][..], &[1; 3006], &[0xF7]].concat();
    let file = folder.write("x.mid", &of(&[(0, dump), (10, vec![0x90, 60, 1]), (10, vec![0x80, 60, 0])]));
    let refused = broadcast(&[&file], &[]);
    refused.failed_with("the journal of the system has no room for all of its Chapter X");
    for options in [["--ch-never", "X513-4294967295"], ["--cm-unused", "X513-4294967295"]] {
        assert!(refused.stderr.contains(&format!("{} (", options.join(" "))), "{refused:?}");
        assert_eq!(broadcast(&[&file], &options).code, Some(0), "{options:?}");
    }
}
