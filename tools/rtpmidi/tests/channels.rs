//! Several live channels in one process: each has its own music, description and destinations.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod rtsp_client;

use std::fs;

use kit::{Folder, PATIENCE, Program, argument, free_port, song};
use rtsp_client::{Client, Server};

/// One note, struck four times a second.
fn drone(program: u8, key: u8) -> Vec<(u16, Vec<u8>)> {
    let mut messages = vec![(0, vec![0xC0, program])];
    for _ in 0..40 {
        messages.push((0, vec![0x90, key, 100]));
        messages.push((125, vec![0x80, key, 64]));
    }
    messages
}

fn file(messages: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let borrowed: Vec<(u16, &[u8])> = messages.iter().map(|(delta, message)| (*delta, &message[..])).collect();
    song(&borrowed)
}

#[test]
fn each_channel_is_heard_and_described_for_itself() {
    let folder = Folder::new("channels");
    let wheel = [drone(5, 70), vec![(0, vec![0xE0, 0, 70])]].concat();
    let jazz = format!("Late Jazz={}", argument(&folder.write("wheel.mid", &file(&wheel))));
    let first = [vec![(0, vec![0xB0, 7, 1])], drone(40, 60)].concat();
    let first: Vec<(u16, &[u8])> = first.iter().map(|(delta, message)| (*delta, &message[..])).collect();
    let server = Server::start(&folder, "main.mid", &first, &["--channel", &jazz, "--loop"]);
    for (path, title, key, unused) in [
        ("/live", "Test", 60, "ABFGHMQTVWX"),
        ("/live/Late%20Jazz", "Late Jazz", 70, "ABCFGHMQTVX"),
        ("/native/live/Late%20Jazz", "Late Jazz", 70, "ABCFGHMQTVX"),
    ] {
        let description = Client::new(&server).request("DESCRIBE", path, "Accept: application/sdp\r\n");
        assert!(description.contains(&format!("s={title}\r\n")), "{path}: {description}");
        assert!(description.contains(&format!("cm_unused={unused};")), "{path}: {description}");
        let heard = Client::play(&server, path).until(&[0x80, key, 64]);
        let mut notes = heard.iter().filter(|message| matches!(message[0], 0x80 | 0x90));
        assert!(notes.all(|message| message[1] == key), "{path}: {heard:02X?}");
    }
    // The files of both are there from the start, and nothing else is.
    for (path, status) in [
        ("/files/main.mid", 200),
        ("/files/wheel.mid", 200),
        ("/native/files/wheel.mid", 200),
        ("/live/jazz", 404),
        ("/live/Late", 404),
    ] {
        assert_eq!(Client::new(&server).ask("DESCRIBE", path, "").0, status, "{path}");
    }
}

#[test]
fn each_channel_goes_to_its_own_destinations_and_has_its_own_summary() {
    let folder = Folder::new("channels-to");
    let low = folder.write("low.mid", &file(&drone(1, 40)[..9]));
    let high = folder.write("high.mid", &file(&drone(2, 80)[..33]));
    let ports = [free_port(), free_port(), free_port()];
    let to = |channel: &str, port: u16| format!("{channel}udp://127.0.0.1:{port}");
    let to = [to("high=", ports[0]), to("", ports[1]), to("high=", ports[2])];
    let channel = format!("high={}", argument(&high));
    let sdp = [0, 1, 2].map(|number| folder.path(&format!("{number}.sdp")));
    let mut arguments = vec!["broadcast", argument(&low), "--channel", &channel, "--json"];
    for (to, sdp) in to.iter().zip(&sdp) {
        arguments.extend(["--to", to, "--sdp", argument(sdp)]);
    }
    let ended = Program::start(&arguments).finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let titles = sdp.map(|sdp| {
        let text = fs::read_to_string(sdp).unwrap();
        let line = |start: &str| text.lines().find_map(|line| line.strip_prefix(start)).unwrap().to_owned();
        (line("s="), line("m=audio ").split(' ').next().unwrap().parse::<u16>().unwrap())
    });
    assert_eq!(titles, [("high".into(), ports[0]), ("Test".into(), ports[1]), ("high".into(), ports[2])]);
    let summaries = ended.objects("summary");
    let events: Vec<_> = summaries.iter().map(|it| (it["channel"].as_str(), it["events"].as_u64())).collect();
    assert_eq!(events, [(None, Some(9)), (Some("high"), Some(33))]);
    let progress = ended.objects("progress");
    assert!(progress.iter().any(|it| it["channel"] == "high" && it["title"] == "Test"), "{progress:?}");
}

#[test]
fn the_channel_that_ends_first_leaves_the_other_on_the_air() {
    let folder = Folder::new("channels-end");
    let short: [(u16, &[u8]); 2] = [(0, &[0x90, 60, 100]), (10, &[0x80, 60, 64])];
    let long = [vec![(0, vec![0xC0, 1])], vec![(16_000, vec![0xC0, 2]); 3]].concat();
    let long = format!("long={}", argument(&folder.write("long.mid", &file(&long))));
    let server = Server::start(&folder, "short.mid", &short, &["--channel", &long]);
    let started = std::time::Instant::now();
    let mut client = Client::new(&server);
    while client.ask("DESCRIBE", "/live", "").0 != 404 {
        assert!(started.elapsed() < PATIENCE, "the channel does not end");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    client.request("DESCRIBE", "/live/long", "");
}

#[test]
fn the_channel_that_fails_ends_its_notes_and_leaves_the_other_on_the_air() {
    let folder = Folder::new("channels-fail");
    let path = folder.write("short.mid", &file(&drone(1, 40)[..3]));
    let other = [vec![(0, vec![0xC0, 2])], vec![(200, vec![0x91, 80, 100]); 100]].concat();
    let (short, other) = (
        format!("short={}", argument(&path)),
        format!("other={}", argument(&folder.write("other.mid", &file(&other)))),
    );
    let arguments =
        ["broadcast", "--channel", &short, "--channel", &other, "--loop", "--rtsp", "127.0.0.1:0", "--json"];
    let server = Server::of(Program::start_with_open_stdout(&arguments));
    let (mut failing, mut well) = (Client::play(&server, "/live/short"), Client::play(&server, "/live/other"));
    fs::write(&path, "this is no music any more").unwrap();
    failing.wait_for(|client| client.goodbyes == 1);
    assert_eq!(Client::new(&server).ask("DESCRIBE", "/live/short", "").0, 404);
    let before = well.packets.len();
    well.wait_for(|client| client.packets.len() > before + 10);
    assert_eq!(well.goodbyes, 0);
    server.interrupt();
    well.until(&[0x81, 80, 64]);
    well.wait_for(|client| client.goodbyes == 1);
    let ended = server.end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told: Vec<&str> = ended.stderr.lines().collect();
    let (warning, error) = (told[0].starts_with("warning: short: "), told[1].starts_with("error: "));
    assert!(warning && error && told.iter().all(|line| line.contains("has changed since it was checked")), "{ended:?}");
}

#[test]
fn a_server_whose_words_nobody_reads_ends() {
    let folder = Folder::new("channels-unread");
    let path = folder.write("x.mid", &file(&drone(1, 40)));
    let mut program =
        Program::start_with_open_stdout(&["broadcast", argument(&path), "--loop", "--rtsp", "127.0.0.1:0", "--json"]);
    let mut first = kit::lines(program.stdout());
    kit::wait_for_line(&mut first, |line| line.contains("serving"));
    drop(first);
    assert_eq!(program.finish().code, Some(0));
}

#[test]
fn channels_that_cannot_be_are_refused() {
    let folder = Folder::new("channels-refused");
    let file = folder.write("x.mid", &file(&drone(1, 60)));
    let a = format!("a={}", argument(&file));
    let to = format!("udp://127.0.0.1:{}", free_port());
    let to_b = format!("b={to}");
    for (options, words) in [
        (vec!["--channel", &a, "--channel", &a, "--rtsp", "127.0.0.1:0"], "two channels are called a"),
        (vec![argument(&file), "--channel", &a, "--to", &to], "channel a goes nowhere"),
        (vec!["--channel", &a, "--rtsp", "127.0.0.1:0", "--to", &to], "for files without a channel"),
        (vec!["--channel", &a, "--rtsp", "127.0.0.1:0", "--to", &to_b], "for a channel that is not there"),
        (vec!["--channel", "a=/nonexistent.mid", "--rtsp", "127.0.0.1:0"], "cannot read /nonexistent.mid"),
        (vec!["rtsp://u:secret@host/live", "--rtsp", "127.0.0.1:0"], "a broadcast plays files, and no URL of an RTSP"),
    ] {
        Program::start(&[&["broadcast"][..], &options].concat()).finish().failed_with(words);
    }
    let ended = Program::start(&["broadcast", "--channel", "a/b=x.mid", "--rtsp", "127.0.0.1:0"]).finish();
    assert!(ended.code == Some(2) && ended.stderr.contains("cannot be a name in a URL"), "{ended:?}");
}
