//! The configuration of a bridge: written, checked, obeyed, and refused before anything begins.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::time::Instant;

use kit::{Folder, Objects, PATIENCE, Program, argument};

#[test]
fn a_configuration_is_written_once_and_makes_sense() {
    let folder = Folder::new("config-init");
    let file = folder.path("deep/bridge.toml");
    let init = |more: &[&str]| Program::start(&[&["bridge", "init", argument(&file)], more].concat()).finish();
    assert_eq!(init(&[]).code, Some(0));
    let written = std::fs::read_to_string(&file).unwrap();
    let shown = Program::start(&["bridge", "init", "-"]).finish();
    assert_eq!((shown.code, shown.stdout), (Some(0), written));
    std::fs::write(&file, "name = 'Mine'\n").unwrap();
    init(&[]).failed_with("is there already");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "name = 'Mine'\n", "it is as it was");
    assert_eq!(init(&["--force"]).code, Some(0));
    let checked = Program::start(&["bridge", "check", argument(&file)]).finish();
    assert!(checked.code == Some(0) && checked.stderr.contains("bridge.toml makes sense"), "{checked:?}");
}

#[test]
fn a_fault_has_its_place_and_what_was_meant() {
    let folder = Folder::new("config-check");
    let file = folder.write("bridge.toml", b"name = 'Studio'\n\nparticipant = 3\n");
    let checked = Program::start(&["bridge", "check", argument(&file)]).finish();
    checked.failed_with("bridge.toml:3:1: there is no key participant");
    assert!(checked.stderr.contains("hint: it may be participants"), "{checked:?}");
    let json = Program::start(&["bridge", "check", argument(&file), "--json"]).finish();
    let fault = json.objects("diagnostic").remove(0);
    assert_eq!(
        (&fault["line"], &fault["column"], &fault["fix"]),
        (&3.into(), &1.into(), &"it may be participants".into())
    );
    let missing = Program::start(&["bridge", "check", argument(&folder.path("none.toml"))]).finish();
    assert!(missing.code == Some(2) && missing.stderr.starts_with("error: cannot read "), "{missing:?}");
    let running = Program::start(&["bridge", "--config", argument(&file), "--no-alsa", "--no-mdns", "--port", "0"]);
    running.finish().failed_with("bridge.toml:3:1: there is no key participant");
}

#[test]
fn a_fault_that_comes_later_changes_nothing_of_a_bridge_that_runs() {
    let folder = Folder::new("config-reload");
    let file = folder.write("bridge.toml", b"name = 'Studio'\nport = 0\nmdns = false\nalsa = false\n");
    let socket = folder.path("bridge.sock");
    let arguments = ["bridge", "--json", "--config", argument(&file), "--control", argument(&socket)];
    let mut running = Program::start_with_open_stdout(&arguments);
    let _lines = Objects::of(&mut running);
    kit::wait_for(&socket);
    let reload = || Program::start(&["bridge", "reload", "--control", argument(&socket)]).finish();
    let same = reload();
    assert_eq!((same.code, same.stderr.as_str()), (Some(0), ""));
    folder.write("bridge.toml", b"name = \n");
    reload().failed_with("all stays as it was");
    let status = Program::start(&["bridge", "status", "--control", argument(&socket)]).finish();
    assert!(status.code == Some(0) && status.stdout.starts_with("Studio  "), "{status:?}");
    assert_eq!(running.interrupted().code, Some(0));
}

#[test]
fn connections_settings_and_recordings_count_at_once() {
    let folder = Folder::new("config-sections");
    let base = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().min(65_000);
    let head =
        format!("port = 0\nmdns = false\nalsa = false\n[[ipmidi]]\nports = 2\ninterface = 'lo'\nbase-port = {base}\n");
    let sections = "[[connection]]\nfrom = '\"ipMIDI 1\"'\nto = '\"ipMIDI 2\"'\nwithout = ['clock']\ntranspose = 12\n\
                    [[settings]]\nport = 'ipMIDI 2'\npace = 'din'\n\
                    [[recording]]\nfrom = 'ipMIDI 1'\npath = 'take.mid'\n";
    let file = folder.write("bridge.toml", format!("{head}{sections}").as_bytes());
    let socket = folder.path("bridge.sock");
    let arguments = ["bridge", "--json", "--config", argument(&file), "--control", argument(&socket)];
    let mut running = Program::start_with_open_stdout(&arguments);
    let _lines = Objects::of(&mut running);
    kit::wait_for(&socket);
    let ask =
        |order: &[&str]| Program::start(&[&["bridge"], order, &["--control", argument(&socket)]].concat()).finish();
    let waits_for = |is_so: &dyn Fn(&serde_json::Value) -> bool| {
        let started = Instant::now();
        loop {
            let status: serde_json::Value = serde_json::from_str(&ask(&["status", "--json"]).stdout).unwrap();
            if is_so(&status) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{status}");
        }
    };
    let port = |status: &serde_json::Value, name: &str| {
        status["ports"].as_array().unwrap().iter().find(|port| port["name"] == name).cloned().unwrap_or_default()
    };
    let filter = |status: &serde_json::Value| {
        let connections = status["connections"].as_array().unwrap();
        let one = connections.iter().find(|it| it["from"] == "ipMIDI 1" && it["to"] == "ipMIDI 2");
        one.map(|connection| connection["filter"].clone())
    };
    let said = serde_json::json!({"without": ["clock"], "channels": [], "transpose": 12});
    waits_for(&|status| {
        filter(status) == Some(said.clone())
            && port(status, "ipMIDI 2")["pace"]["octets_per_second"] == 3125
            && port(status, "record:take.mid")["transport"] == "file"
    });
    folder.write("bridge.toml", head.as_bytes());
    let reloaded = ask(&["reload"]);
    assert_eq!((reloaded.code, reloaded.stderr.as_str()), (Some(0), ""));
    waits_for(&|status| {
        filter(status) == Some(serde_json::Value::Null)
            && port(status, "ipMIDI 2")["pace"].is_null()
            && port(status, "record:take.mid").is_null()
    });
    assert_eq!(running.interrupted().code, Some(0));
}

#[test]
fn what_counts_later_is_named_and_each_fault_is_told_again() {
    const FIXED: &str = "port = 0\nmdns = false\nalsa = false\n";
    let folder = Folder::new("config-later");
    let file = folder.write("bridge.toml", format!("name = 'Studio'\n{FIXED}").as_bytes());
    let socket = folder.path("bridge.sock");
    let arguments = ["bridge", "--json", "--config", argument(&file), "--control", argument(&socket)];
    let mut running = Program::start_with_open_stdout(&arguments);
    let _lines = Objects::of(&mut running);
    kit::wait_for(&socket);
    let ask =
        |order: &[&str]| Program::start(&[&["bridge"], order, &["--control", argument(&socket)]].concat()).finish();
    let waits_for = |words: &str| {
        let started = Instant::now();
        while !ask(&["status"]).stdout.trim_end().ends_with(words) {
            assert!(started.elapsed() < PATIENCE, "{words}: {:?}", ask(&["status"]));
        }
    };
    for _ in 0..2 {
        folder.write("bridge.toml", b"name = \n");
        running.signal("HUP");
        waits_for("all stays as it was");
        folder.write("bridge.toml", format!("name = 'Other'\nparticipants = 3\n{FIXED}").as_bytes());
        let later = ask(&["reload"]);
        let words = "name, participants: other than before, which counts when the bridge is started again";
        assert_eq!((later.code, later.stderr), (Some(0), format!("warning: {words}\n")));
        waits_for(words);
    }
    let ended = running.interrupted();
    assert_eq!((ended.code, ended.stderr.matches("all stays as it was").count()), (Some(0), 2), "{ended:?}");
}

#[test]
fn whatever_can_count_at_once_does_and_all_else_is_named() {
    let folder = Folder::new("config-all-keys");
    let peers = "peers = ['127.0.0.1:9', '127.0.0.1:7']\n";
    let file = folder
        .write("bridge.toml", format!("name = 'Studio'\nport = 0\nmdns = false\nalsa = false\n{peers}").as_bytes());
    let socket = folder.path("bridge.sock");
    let arguments = ["bridge", "--json", "--config", argument(&file), "--control", argument(&socket)];
    let mut running = Program::start_with_open_stdout(&arguments);
    let _lines = Objects::of(&mut running);
    kit::wait_for(&socket);
    let ask =
        |order: &[&str]| Program::start(&[&["bridge"], order, &["--control", argument(&socket)]].concat()).finish();
    // Every key is another one.
    let text = "name = 'Other'\nport = 5010\nparticipants = 3\nmdns = true\ninterface = 'lo'\nalsa = true\n\
                jack = true\nmetrics = 9104\nadmit = ['everyone']\nimport = ['x']\nignore = ['y']\n\
                export = ['.hw']\nrules = [\"'127.0.0.1:9' --> '127.0.0.1:7'\"]\n\
                peers = ['127.0.0.1:9', '127.0.0.1:7', '127.0.0.1:11']\n\
                [[ipmidi]]\nports = 1\n[[rtp]]\nname = 'Hall'\nplay = 'udp://127.0.0.1:5004'\n\
                [[session]]\nname = 'Organ'\n\
                [[connection]]\nfrom = \"'127.0.0.1:7'\"\nto = \"'127.0.0.1:9'\"\ntranspose = 12\n\
                [[settings]]\nport = '127.0.0.1:7'\npace = 'din'\n\
                [[recording]]\nfrom = '127.0.0.1:9'\npath = 'take.mid'\n";
    folder.write("bridge.toml", text.as_bytes());
    let reloaded = ask(&["reload"]);
    let later = "name, port, participants, mdns, interface, alsa, jack, ipmidi, rtp, session, metrics";
    let words = format!("warning: {later}: other than before, which counts when the bridge is started again\n");
    assert_eq!((reloaded.code, reloaded.stderr), (Some(0), words));
    // All keys that the configuration can have are either among these or count by now.
    let documented =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md")).unwrap();
    let named: Vec<&str> = later.split(", ").collect();
    assert!(documented.contains(&format!("`{}`", named.join("`, `"))), "the page names them in this order");
    let began = Instant::now();
    loop {
        let status: serde_json::Value = serde_json::from_str(&ask(&["status", "--json"]).stdout).unwrap();
        let connection = |from: &str, to: &str| {
            let all = status["connections"].as_array().unwrap();
            all.iter().find(|it| it["from"] == from && it["to"] == to).cloned().unwrap_or_default()
        };
        let port = |name: &str| {
            status["ports"].as_array().unwrap().iter().find(|port| port["name"] == name).cloned().unwrap_or_default()
        };
        if connection("127.0.0.1:9", "127.0.0.1:7")["origin"]["rule"].is_string()
            && connection("127.0.0.1:7", "127.0.0.1:9")["filter"]["transpose"] == 12
            && port("127.0.0.1:7")["pace"]["octets_per_second"] == 3125
            && port("record:take.mid")["transport"] == "file"
            && port("127.0.0.1:11")["transport"] == "applemidi"
        {
            assert_eq!(status["name"], "Studio");
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{status}");
    }
    assert_eq!(running.interrupted().code, Some(0));
}

#[test]
fn who_is_called_changes_while_sessions_go_on() {
    let folder = Folder::new("config-peers");
    let (socket, file) = (folder.path("bridge.sock"), folder.path("bridge.toml"));
    let write = |peers: &[&String]| {
        let text = format!("name = 'Studio'\nport = 0\nmdns = false\nalsa = false\npeers = {peers:?}\n");
        folder.write("bridge.toml", text.as_bytes());
    };
    let hosts = ["one", "two"].map(|name| {
        let mut host = Program::start_with_open_stdout(&["host", "--name", name, "--port", "0", "--no-mdns", "--json"]);
        let lines = Objects::of(&mut host);
        let open = lines.wait_for("it does not open", PATIENCE, |object| object["type"] == "open");
        (format!("127.0.0.1:{}", open["port"]), host, lines)
    });
    let [(one, _, first), (two, _, second)] = &hosts;
    write(&[one]);
    let mut running = Program::start_with_open_stdout(&[
        "bridge",
        "--json",
        "--config",
        argument(&file),
        "--control",
        argument(&socket),
    ]);
    let lines = Objects::of(&mut running);
    let becomes = |name: &str, state: &str| {
        lines.wait_for(&format!("{name} is never {state}"), PATIENCE, |object| {
            object["type"] == "peer" && object["name"] == name && object["state"] == state
        });
    };
    let reload = || {
        let ended = Program::start(&["bridge", "reload", "--control", argument(&socket)]).finish();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    };
    becomes(one, "open");
    write(&[one, two]);
    reload();
    becomes(two, "open");
    write(&[two]);
    reload();
    becomes(one, "away");
    let is_gone = |object: &serde_json::Value| object["change"].as_str().is_some_and(|words| words.contains("left"));
    first.wait_for("he does not see it go", PATIENCE, is_gone);
    assert!(!second.has(is_gone), "the other session ends, too");
    assert_eq!(running.interrupted().code, Some(0));
}

#[test]
fn a_bridge_is_as_its_file_says_and_as_the_command_line_says_before_that() {
    let folder = Folder::new("config-run");
    // Where a user has it.
    let place = folder.path("config/rtpmidi/bridge.toml");
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(&place, "name = 'From the file'\nport = 0\nmdns = false\nalsa = false\n").unwrap();
    for (arguments, name) in [(&[][..], "From the file"), (&["--name", "From the line"], "From the line")] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rtpmidi"));
        command.args(["bridge", "--json", "--control", argument(&folder.path("bridge.sock"))]).args(arguments);
        let mut running = Program::of(command.env("XDG_CONFIG_HOME", folder.path("config")));
        let lines = Objects::of(&mut running);
        let open = lines.wait_for("it does not open", PATIENCE, |object| object["type"] == "open");
        assert_eq!(open["name"], name);
        assert_ne!(open["port"], 5004);
        assert_eq!(running.interrupted().code, Some(0));
    }
}
