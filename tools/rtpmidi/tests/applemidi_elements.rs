//! `applemidisrc`, `applemidisink` and their device provider beside the real program.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
#[path = "../../../plugins/applemidi/tests/kit/mod.rs"]
mod players;

use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kit::{
    Folder, Objects, PATIENCE, Program, argument, description, documented, free_port, in_a_network, lines, messages,
    plugins, wait_for_line, wait_for_listener,
};
use players::{INPUT, ON_LOOPBACK, OUTPUT, PATIENT, Player};

#[test]
fn source_and_sink_are_one_participant_of_a_hosted_session() {
    let arguments = ["host", "--name", "Studio", "--port", "0", "--no-mdns", "--json", "--print", "--stdin", "hex"];
    let (mut host, mut keyboard) = Program::start_with_open_stdin(&arguments);
    let lines = Objects::of(&mut host);
    let open = lines.wait_for("the session is not open", PATIENCE, |object| object["type"] == "open");
    let session = format!("session-name=Duo {ON_LOOPBACK}");
    let player = Player::start(&format!(
        "{INPUT} ! applemidisink {session} peers=127.0.0.1:{}  applemidisrc name=midi session-name=Duo {PATIENT} ! {OUTPUT}",
        open["port"]
    ));
    lines.wait_for("nobody takes part", PATIENCE, |object| object["change"] == "takes part");
    player.wait_for_listeners(1);
    player.play(&[&[0x90, 60, 100]]);
    lines.wait_for("no note comes", PATIENCE, |object| object["octets"] == "90 3c 64");
    keyboard.write_all(b"90 40 64\n").unwrap();
    player.hears(&[&[0x90, 0x40, 100]]);
    drop(player);
    // The next change is that it leaves: it has not taken part a second time.
    let next = lines.wait_for("it has not left", PATIENCE, |object| object["type"] == "participant");
    assert_eq!(next["change"], "has left");
    drop(keyboard);
    assert_eq!(host.finish().code, Some(0));
}

#[test]
fn a_peer_that_is_killed_leaves_no_note_and_the_application_is_told() {
    let source = format!("applemidisrc name=midi session-name=Killed {ON_LOOPBACK} {PATIENT}");
    let player = Player::start(&format!("{source} ! {OUTPUT}"));
    let to = player.address().to_string();
    let (peer, mut keyboard) = Program::start_with_open_stdin(&["join", &to, "--no-mdns", "--stdin", "hex"]);
    player.wait_for_change("joined");
    keyboard.write_all(b"90 3c 64\nb0 40 7f\n").unwrap();
    player.hears(&[&[0x90, 60, 100], &[0xB0, 64, 127]]);
    peer.kill();
    player.hears(&[&[0x80, 60, 64], &[0xB0, 64, 0]]);
    player.wait_for_change("silent");
}

#[test]
fn the_documented_command_records_what_a_peer_plays_that_finds_it_by_name() {
    let folder = Folder::new("launch");
    let script = format!(
        r#"
        ip address add 10.77.0.1/24 dev here
        ip route replace 224.0.0.0/4 dev here
        export GST_PLUGIN_PATH={} GST_REGISTRY=registry.bin
        {} >launch.txt &
        launch=$!
        (echo "90 3c 64"; echo "b0 07 50"; sleep 1) | "$1" join Studio --interface here --stdin hex --timeout 60
        for _ in $(seq 100); do grep -q "change=(string)left" launch.txt && break; sleep 0.2; done
        kill -INT $launch
        wait $launch
        "#,
        argument(&plugins(&folder)),
        documented("applemidisrc", "gst-launch-1.0 -e -m applemidisrc session-name=Studio")
    );
    if in_a_network(&script, &folder.path("")) {
        assert_eq!(messages(&folder.path("take.mid")), [[0x90, 60, 100], [0xB0, 7, 0x50], [0x80, 60, 64]]);
        let told = fs::read_to_string(folder.path("launch.txt")).unwrap();
        assert!(told.contains("change=(string)joined"), "{told}");
    }
}

#[test]
fn the_device_monitor_sees_a_session_come_and_go_and_makes_elements_for_it() {
    let folder = Folder::new("monitor");
    let script = format!(
        r#"
        ip address add 10.77.0.1/24 dev here
        ip route replace 224.0.0.0/4 dev here
        export GST_PLUGIN_PATH={} GST_REGISTRY=registry.bin
        wait_for() {{ for _ in $(seq 150); do grep -q "$1" "$2" && return; sleep 0.2; done; cat "$2"; exit 1; }}
        {} >monitor.txt 2>&1 &
        monitor=$!
        "$1" host --name "Piano, grand" --interface here --print --json >host.json &
        host=$!
        wait_for "gst-launch-1.0 applemidisrc" monitor.txt
        # What it prints is a command, whose element plays with the session.
        element=$(grep -o "applemidisrc .* ! \.\.\." monitor.txt | head -1 | sed 's/ ! \.\.\.//')
        eval exec gst-launch-1.0 $element ! fakesink >launch.txt 2>&1 &
        launch=$!
        wait_for "takes part" host.json
        kill -INT $launch $host
        wait $launch $host
        wait_for "Device removed" monitor.txt
        kill $monitor
        "#,
        argument(&plugins(&folder)),
        documented("applemidisrc", "gst-device-monitor-1.0 -f")
    );
    if in_a_network(&script, &folder.path("")) {
        let told = fs::read_to_string(folder.path("monitor.txt")).unwrap();
        assert!(told.contains("name  : Piano, grand") && told.contains("10.77.0.1:"), "{told}");
    }
}

#[test]
fn an_element_that_joins_later_finds_its_peer_by_name() {
    // The test itself runs in a network of its own.
    const INSIDE: &str = "RTPMIDI_TEST_IN_A_NETWORK";
    if std::env::var_os(INSIDE).is_none() {
        let (folder, test) = (Folder::new("later-name"), std::env::current_exe().unwrap());
        let script = format!(
            r"
            ip address add 10.77.0.1/24 dev here
            ip route replace 224.0.0.0/4 dev here
            {INSIDE}= {} --exact an_element_that_joins_later_finds_its_peer_by_name
            ",
            argument(&test)
        );
        in_a_network(&script, &folder.path(""));
        return;
    }
    let host = Program::start(&["host", "--name", "Organ, great", "--port", "0", "--interface", "here"]);
    let quiet = "announce=false interface=here admission=list";
    let _first = Player::start(&format!("applemidisrc session-name=Later {quiet} ! fakesink"));
    let later = format!(r#"applemidisrc name=midi session-name=Later peers="Organ\\, great" ! {OUTPUT}"#);
    Player::start(&later).wait_for_listeners(1);
    host.kill();
}

#[test]
fn a_broadcast_of_a_session_is_heard_and_outlives_who_plays() {
    let (folder, port) = (Folder::new("broadcast-session"), free_port());
    let sdp = folder.write("x.sdp", description(port).as_bytes());
    let mut listener = Program::start_with_open_stdout(&["listen", argument(&sdp), "--print"]);
    let mut heard = lines(listener.stdout());
    wait_for_listener(port + 1);
    let fixed = ["host", "--no-mdns", "--json", "--stdin", "hex"];
    let (mut host, mut keyboard) = Program::start_with_open_stdin(&[&fixed[..], &["--port", "0"]].concat());
    let open = Objects::of(&mut host).wait_for("not open", PATIENCE, |object| object["type"] == "open");
    let session = open["port"].to_string();
    let (source, to) = (format!("applemidi:127.0.0.1:{session}"), format!("udp://127.0.0.1:{port}"));
    let broadcast = Program::start(&["broadcast", &source, "--to", &to]);
    // A broadcast that takes part and does not play yet hears of no note.
    let is_heard = AtomicBool::default();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_heard.load(Ordering::SeqCst) {
                keyboard.write_all(b"c0 05\n90 3c 64\n").unwrap();
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        wait_for_line(&mut heard, |line| line.contains("note on   C4"));
        is_heard.store(true, Ordering::SeqCst);
    });
    host.kill();
    // It is missed after a while, and called until it is back.
    wait_for_line(&mut heard, |line| line.contains("note off  C4"));
    let (again, mut keyboard) = Program::start_with_open_stdin(&[&fixed[..], &["--port", &session]].concat());
    keyboard.write_all(b"90 3e 64\n").unwrap();
    wait_for_line(&mut heard, |line| line.contains("note on   D4"));
    let ended = broadcast.interrupted();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for words in ["takes part", "warning: 127.0.0.1:", " does not answer; what it left sounding has ended"] {
        assert!(ended.stderr.contains(words), "no {words} in {ended:?}");
    }
    wait_for_line(&mut heard, |line| line.contains("note off  D4"));
    again.kill();
    listener.kill();
}

#[test]
fn a_broadcast_of_no_session_says_how_they_are_named() {
    let to = format!("udp://127.0.0.1:{}", free_port());
    let ended = Program::start(&["broadcast", "applemidi:", "--to", &to]).finish();
    ended.failed_with("applemidi: is followed by a session");
    assert!(ended.stderr.contains("hint: applemidi:NAME or applemidi:HOST[:PORT]"), "{ended:?}");
}
