//! AppleMIDI sessions of the real program with itself: hosted, joined, announced, recorded.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use kit::{Folder, Objects, PATIENCE, Program, argument, in_a_network, objects};

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
fn what_makes_no_sense_is_refused_with_its_reason() {
    let folder = Folder::new("session-wrong");
    let wrong = Program::start(&["host", "--admit", "friends"]).finish();
    assert!(wrong.code == Some(2) && wrong.stderr.contains("it is neighbours, everyone, or a network"), "{wrong:?}");
    let (host, _heard, address) = host(&[]);
    let line = format!("printf '90 3c 64\\nnonsense\\n' | rtpmidi join {address} --no-mdns --stdin hex");
    let nonsense = Program::shell(&line, &folder).finish();
    assert!(nonsense.stderr.contains("error: stdin, line 2: nonsense are no octets"), "{nonsense:?}");
    assert_eq!(nonsense.code, Some(1));
    let port = address.rsplit_once(':').unwrap().1;
    Program::start(&["host", "--no-mdns", "--port", port]).finish().failed_with("cannot listen on UDP ports");
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
