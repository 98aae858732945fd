//! AppleMIDI sessions of the real program with itself: hosted, joined, announced, recorded.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use kit::{Folder, Objects, PATIENCE, Program, argument, free_port, in_a_network, objects, song};

/// A session on loopback, and where it is.
fn host(arguments: &[&str]) -> (Program, Objects, String) {
    let fixed = ["host", "--name", "Studio", "--port", "0", "--no-mdns", "--json", "--print"];
    let mut program = Program::start_with_open_stdout(&[&fixed, arguments].concat());
    let lines = Objects::of(&mut program);
    let open = lines.wait_for("the session is not open", PATIENCE, |object| object["type"] == "open");
    (program, lines, format!("127.0.0.1:{}", open["port"]))
}

#[test]
fn notes_from_stdin_are_printed_and_recorded_at_the_other_end() {
    let folder = Folder::new("session-stdin");
    let take = folder.path("take.mid");
    let (host, heard, address) = host(&["--smf", argument(&take)]);
    let line = format!("printf '90 3c 64\\nb0 07 50\\n' | rtpmidi join {address} --no-mdns --stdin hex --json");
    let joined = Program::shell(&line, &folder).finish();
    assert_eq!(joined.code, Some(0), "{joined:?}");
    assert_eq!(joined.objects("participant")[1]["change"], "takes part");
    for octets in ["90 3c 64", "b0 07 50", "80 3c 40"] {
        let event = heard.wait_for(octets, PATIENCE, |object| object["octets"] == octets);
        assert!(!event["from"].as_str().unwrap().is_empty(), "{event}");
    }
    heard.wait_for("it has not left", PATIENCE, |object| object["change"] == "has left");
    host.interrupt();
    let summary = heard.wait_for("no summary", PATIENCE, |object| object["type"] == "summary");
    assert_eq!(
        (&summary["events"], &summary["hanging_notes"]),
        (&3.into(), &0.into()),
        "the note ends with the session"
    );
    assert_eq!(host.finish().code, Some(0));
    let song = smf_timeline::Song::read(&std::fs::read(take).unwrap(), 0).unwrap();
    let messages = song.events().filter(|event| matches!(event.body, smf_timeline::Body::Message(_)));
    assert_eq!(messages.count(), 3);
}

#[test]
fn a_file_is_heard_from_its_first_message_by_a_peer_that_comes_late() {
    let folder = Folder::new("session-play");
    let song = folder.write("song.mid", &song(&[(0, &[0xC0, 5]), (0, &[0x90, 60, 100]), (50, &[0x80, 60, 64])]));
    let port = free_port();
    let to = format!("127.0.0.1:{port}");
    let mut player = Program::start_with_open_stdout(&["join", &to, "--no-mdns", "--json", "--play", argument(&song)]);
    let told = Objects::of(&mut player);
    told.wait_for("nobody is invited", PATIENCE, |object| object["change"] == "is invited");
    // Nobody was there; now somebody is.
    let mut host =
        Program::start_with_open_stdout(&["host", "--port", &port.to_string(), "--no-mdns", "--json", "--print"]);
    let heard = Objects::of(&mut host);
    let octets = |_| heard.wait_for("a message", PATIENCE, |object| object["type"] == "event")["octets"].clone();
    assert_eq!((0..3).map(octets).collect::<Vec<_>>(), ["c0 05", "90 3c 64", "80 3c 40"]);
    assert_eq!(player.finish().code, Some(0), "it ends with the file");
}

#[test]
fn who_is_not_admitted_is_told_and_gives_up_in_time() {
    let folder = Folder::new("session-refused");
    let (host, _heard, address) = host(&["--admit", "192.0.2.0/24"]);
    let line = format!("rtpmidi join {address} --no-mdns --timeout 2 --json");
    let joined = Program::shell(&line, &folder).finish();
    joined.failed_with("nobody takes part");
    assert!(joined.objects("participant").iter().any(|change| change["change"] == "has refused"), "{joined:?}");
    assert_eq!(host.interrupted().code, Some(0));
}

#[test]
fn a_session_that_is_killed_is_joined_again_when_it_is_back() {
    let folder = Folder::new("session-killed");
    let (first, _heard, address) = host(&[]);
    let mut join = Program::start_with_open_stdout(&["join", &address, "--no-mdns", "--json", "--print"]);
    let lines = Objects::of(&mut join);
    lines.wait_for("not open", PATIENCE, |object| object["change"] == "takes part");
    first.kill();
    let port = address.rsplit_once(':').unwrap().1;
    let script = format!("sleep 1; echo 90 3c 64; sleep 5) | rtpmidi host --port {port} --no-mdns --stdin hex");
    let again = Program::shell(&format!("({script}"), &folder);
    // It is missed after a while, and invited anew.
    lines.wait_for("it is not missed", PATIENCE, |object| object["change"] == "does not answer");
    lines.wait_for("it is not heard again", PATIENCE, |object| object["octets"] == "90 3c 64");
    again.kill();
    join.kill();
}

#[test]
fn all_of_stdin_is_played_before_the_session_ends() {
    let folder = Folder::new("session-tail");
    let (host, heard, address) = host(&[]);
    let music: Vec<u8> =
        (0..16).flat_map(|channel| (0..100).flat_map(move |controller| [0xB0 | channel, controller, 1])).collect();
    folder.write("music.raw", &music);
    let line = format!("rtpmidi join {address} --no-mdns --stdin raw <music.raw");
    assert_eq!(Program::shell(&line, &folder).finish().code, Some(0));
    heard.wait_for("the end is lost", PATIENCE, |object| object["octets"] == "bf 63 01");
    heard.wait_for("it has not left", PATIENCE, |object| object["change"] == "has left");
    host.interrupt();
    let summary = heard.wait_for("no summary", PATIENCE, |object| object["type"] == "summary");
    assert_eq!(summary["events"], 1600);
    assert_eq!(host.finish().code, Some(0));
}

#[test]
fn a_note_ends_whose_end_is_lost_since_nobody_reads_what_is_printed() {
    let (folder, port) = (Folder::new("session-unread"), free_port());
    folder.write("clocks.raw", &[0xF8; 4000]);
    let arguments = ["host", "--name", "Reader", "--port", &port.to_string(), "--no-mdns", "--print", "--json"];
    let mut host = Program::start_with_open_stdout(&arguments);
    // More than waits, and no faster than the network takes it.
    let clocks = "for _ in $(seq 60); do cat clocks.raw; sleep 0.02; done";
    let music = format!(r"{{ printf '\220\074\144'; {clocks}; printf '\200\074\001'; }}");
    let line = format!("{music} | rtpmidi join 127.0.0.1:{port} --no-mdns --stdin raw");
    assert_eq!(Program::shell(&line, &folder).finish().code, Some(0));
    let printed = Objects::of(&mut host);
    printed.wait_for("no note begins", PATIENCE, |object| object["octets"] == "90 3c 64");
    // What has ended it is lost, and made up.
    let made_up = printed.wait_for("the note does not end", PATIENCE, |object| object["octets"] == "80 3c 40");
    assert_eq!(made_up["from"], "Reader");
    let ended = host.interrupted();
    assert!(ended.stderr.contains("warning: music came faster than it could be passed on, and was lost"), "{ended:?}");
}

#[test]
fn one_of_two_with_the_same_name_may_leave_and_status_is_told_while_music_plays() {
    let folder = Folder::new("session-namesakes");
    let (mut host, heard, address) = host(&["--timeout", "3", "--status", "0.2"]);
    let beats = "while echo f8; do sleep 0.005; done";
    let line = format!("{beats} | rtpmidi join {address} --no-mdns --name Twin --stdin hex");
    let stays = Program::shell(&line, &folder);
    heard.wait_for("it is not told of", PATIENCE, |object| object["type"] == "status" && object["received"] != 0);
    let line = format!("echo 90 3c 64 | rtpmidi join {address} --no-mdns --name Twin --stdin hex");
    assert_eq!(Program::shell(&line, &folder).finish().code, Some(0));
    heard.wait_for("it has not left", PATIENCE, |object| object["change"] == "has left");
    let left = std::time::Instant::now();
    while left.elapsed() < std::time::Duration::from_secs(4) {
        heard.wait_for("the beat stops", PATIENCE, |object| object["octets"] == "f8");
    }
    assert!(host.is_running(), "somebody takes part");
    stays.kill();
    assert_eq!(host.interrupted().code, Some(0));
}

#[test]
fn what_makes_no_sense_is_refused_with_its_reason() {
    let folder = Folder::new("session-wrong");
    let wrong = Program::start(&["host", "--admit", "friends"]).finish();
    assert!(
        wrong.code == Some(2) && wrong.stderr.contains("it is neighbours, everyone, ask, or a network"),
        "{wrong:?}"
    );
    let (host, _heard, address) = host(&[]);
    let line = format!("printf '90 3c 64\\nnonsense\\n' | rtpmidi join {address} --no-mdns --stdin hex");
    let nonsense = Program::shell(&line, &folder).finish();
    assert!(nonsense.stderr.contains("error: stdin, line 2: nonsense are no octets"), "{nonsense:?}");
    assert_eq!(nonsense.code, Some(1));
    let port = address.rsplit_once(':').unwrap().1;
    Program::start(&["host", "--no-mdns", "--port", port]).finish().failed_with("cannot listen on UDP ports");
    let high = Program::start(&["host", "--port", "65535"]).finish();
    assert!(high.code == Some(2) && high.stderr.contains("65535 is not in"), "{high:?}");
    assert_eq!(host.interrupted().code, Some(0));
}

#[test]
fn a_session_is_found_by_its_name() {
    let folder = Folder::new("session-mdns");
    let script = r#"
        ip address add 10.77.0.1/24 dev here
        ip route replace 224.0.0.0/4 dev here
        "$1" join "Grand Piano. No. 1" --interface here --timeout 60 --json --print >join.json &
        join=$!
        "$1" devices --interface here --wait 60 --json >devices.json &
        devices=$!
        sleep 1
        (echo 90 3c 64; sleep 2) | "$1" host --name "Grand Piano. No. 1" --interface here --stdin hex --json >host.json
        for _ in $(seq 100); do grep -q "has left" join.json && break; sleep 0.2; done
        kill -INT $join $devices
        wait $join && wait $devices
    "#;
    if in_a_network(script, &folder.path("")) {
        let joined = objects(&folder.path("join.json"));
        let event = joined.iter().find(|object| object["octets"] == "90 3c 64").unwrap();
        assert_eq!(event["from"], "Grand Piano. No. 1");
        assert_eq!(joined.last().unwrap()["hanging_notes"], 0);
        let listed = objects(&folder.path("devices.json"));
        let peer = listed.iter().find(|object| object["name"] == "Grand Piano. No. 1").unwrap();
        assert!(peer["addresses"][0].as_str().unwrap().starts_with("10.77.0.1:"), "{peer}");
    }
}
