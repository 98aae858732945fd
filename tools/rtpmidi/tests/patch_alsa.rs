//! `rtpmidi patch` at a real ALSA sequencer, with the tools of others as its ports.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
#[path = "../../../tests/vm/kit.rs"]
mod vm;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kit::{Folder, Objects, Program, argument};

#[test]
fn ports_of_a_real_sequencer_are_patched() {
    vm::run_the_ignored_tests();
}

/// Longer than anything takes in a machine that is twenty times slower.
const PATIENCE: Duration = Duration::from_mins(2);

/// What happens to connections sooner after ports have come is nobody's doing.
const INFANCY: Duration = Duration::from_secs(2);

/// The connections of which somebody has told, as rules.
#[track_caller]
fn until(expected: &[&str]) {
    let started = Instant::now();
    loop {
        let listed = Program::start(&["patch", "list", "--no-jack", "-c"]).finish().stdout;
        let mut connections: Vec<_> = listed.lines().collect();
        connections.sort_unstable();
        if connections == expected {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "connected: {connections:#?}\nexpected: {expected:#?}");
    }
}

fn aconnect(arguments: &[&str]) {
    assert!(Command::new("aconnect").args(arguments).status().unwrap().success(), "{arguments:?}");
}

/// `aseqdump` with a port that others may write to; it ends with this value.
struct Dump(Child);

impl Dump {
    fn start() -> Self {
        Self(Command::new("aseqdump").stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Dump {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn patch(arguments: &[&str]) -> (Program, Objects) {
    let mut program = Program::start_with_open_stdout(&[&["patch", "--no-jack", "--json"], arguments].concat());
    let objects = Objects::of(&mut program);
    objects.wait_for("the sequencer", PATIENCE, |object| object["type"] == "server" && object["state"] == "reached");
    (program, objects)
}

const THROUGH_TO_DUMP: &str = r#""Midi Through":"Midi Through Port-0" --> "aseqdump":"aseqdump""#;
const VIRTUAL_TO_THROUGH: &str = r#""Virtual Raw MIDI 1-0":"VirMIDI 1-0" --> "Midi Through":"Midi Through Port-0""#;
const THROUGH_TO_VIRTUAL: &str = r#""Midi Through":"Midi Through Port-0" --> "Virtual Raw MIDI 1-0":"VirMIDI 1-0""#;

#[test]
#[ignore = "needs an ALSA sequencer"]
fn ports_are_listed_with_what_they_are() {
    let listed = Program::start(&["patch", "list", "--no-jack", "-oi"]).finish().stdout;
    for line in ["# outputs", "# inputs", "Midi Through:Midi Through Port-0  (ALSA 14:0, system, midi)"] {
        assert!(listed.lines().any(|found| found == line), "{listed}");
    }
    assert!(!listed.contains("System") && !listed.contains("rtpmidi"), "{listed}");
    let ended = Program::start(&["patch", "list", "--json", "virmidi"]).finish();
    assert_eq!(ended.objects("port")[0]["client_number"], 20, "{ended:?}");
    assert!(ended.stderr.contains("warning: "), "JACK is not there: {ended:?}");
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn programs_are_connected_when_they_come_and_when_they_come_again() {
    let (program, _objects) = patch(&["--rule", "midi through --> aseqdump", "--rule", "virtual --> midi through:=0"]);
    until(&[VIRTUAL_TO_THROUGH]);
    for _ in 0..2 {
        let dump = Dump::start();
        until(&[THROUGH_TO_DUMP, VIRTUAL_TO_THROUGH]);
        drop(dump);
        until(&[VIRTUAL_TO_THROUGH]);
    }
    let ended = program.interrupted();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    aconnect(&["-x"]);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn music_goes_through_what_rules_connect_and_forbidden_connections_end() {
    let folder = Folder::new("patch-alsa");
    let file = folder.write("a.rules", b"midi through --> virtual\nvirtual -/-> midi through\n");
    let (_program, objects) = patch(&["--rules", argument(&file)]);
    until(&[THROUGH_TO_VIRTUAL]);
    aconnect(&["20:0", "14:0"]);
    objects.wait_for("an end", PATIENCE, |object| object["type"] == "disconnected" && object["line"] == 2);
    until(&[THROUGH_TO_VIRTUAL]);
    // What is played to one port comes out of the device of the other: the same each time, whenever that is opened.
    let song = folder.write("a.mid", &kit::song(&[(0, &[0xB0, 7, 100])]));
    let device = ["/dev/snd/midiC1D0", "/dev/snd/midiC0D0"].into_iter().find(|path| Path::new(path).exists()).unwrap();
    let mut heard = Command::new("head").args(["-c", "3", device]).stdout(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    // It hears nothing before it has opened the device.
    while heard.try_wait().unwrap().is_none() {
        assert!(Command::new("aplaymidi").args(["-p", "14:0"]).arg(&song).status().unwrap().success());
        assert!(started.elapsed() < PATIENCE, "nothing is heard");
    }
    let output = heard.wait_with_output().unwrap();
    assert_eq!(output.stdout, [0xB0, 7, 100]);
    aconnect(&["-x"]);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn without_jack_and_without_its_library_alsa_is_patched_all_the_same() {
    const PATCH: &str = "exec $0 patch --json --rule 'midi through --> virtual'";
    let run = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script, env!("CARGO_BIN_EXE_rtpmidi")]);
        let mut program = Program::of(command.env("JACK_DEFAULT_SERVER", "rtpmidi-nobody"));
        let objects = Objects::of(&mut program);
        let jack = objects.wait_for("JACK", PATIENCE, |object| object["server"] == "JACK");
        until(&[THROUGH_TO_VIRTUAL]);
        assert_eq!(program.interrupted().code, Some(0));
        aconnect(&["-x"]);
        (jack["state"].as_str().unwrap().to_owned(), jack["reason"].as_str().unwrap().to_owned())
    };
    assert_eq!(run(PATCH), ("awaited".to_owned(), "no JACK server is running".to_owned()));
    let hidden = format!(
        "for file in $(ldconfig -p | sed -n 's/.*libjack.so.0 .*=> //p'); do mount --bind /dev/null $file; done; {PATCH}"
    );
    let reason = "JACK's library is missing: libjack.so.0 cannot be loaded".to_owned();
    assert_eq!(run(&hidden), ("missing".to_owned(), reason));
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_port_that_somebody_has_for_himself_is_tried_told_of_and_not_learnt() {
    let folder = Folder::new("patch-alsa-exclusive");
    let state = folder.path("state");
    let _dump = Dump::start();
    let has_it = || Command::new("aconnect").args(["-e", "20:0", "aseqdump:0"]).status().unwrap().success();
    let started = Instant::now();
    while !has_it() {
        assert!(started.elapsed() < PATIENCE, "there is no aseqdump");
    }
    let arguments = ["--learn", "--state", argument(&state), "--rule", "midi through --> aseqdump"];
    let (program, objects) = patch(&arguments);
    let refused = objects.wait_for("a refusal", PATIENCE, |object| object["type"] == "refused");
    assert_eq!(refused["reason"], "another program has one of the ports for itself");
    // What comes and goes lets it look at all connections again.
    drop(Dump::start());
    std::thread::sleep(INFANCY);
    assert!(!objects.has(|object| object["type"] == "refused" || object["type"] == "connected"));
    assert_eq!(program.interrupted().code, Some(0));
    assert!(!state.exists(), "{:?}", std::fs::read_to_string(&state));
    aconnect(&["-x"]);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_client_that_changes_its_name_is_another_one() {
    let seq = alsa::Seq::open(None, None, true).unwrap();
    seq.set_client_name(c"Before").unwrap();
    let readable = alsa::seq::PortCap::READ | alsa::seq::PortCap::SUBS_READ;
    seq.create_simple_port(c"out", readable, alsa::seq::PortType::APPLICATION).unwrap();
    let (_program, _objects) = patch(&["--rule", "before --> virtual", "--rule", "after --> midi through"]);
    until(&[r#""Before":"out" --> "Virtual Raw MIDI 1-0":"VirMIDI 1-0""#]);
    seq.set_client_name(c"After").unwrap();
    until(&[
        r#""After":"out" --> "Midi Through":"Midi Through Port-0""#,
        r#""After":"out" --> "Virtual Raw MIDI 1-0":"VirMIDI 1-0""#,
    ]);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn devices_that_are_plugged_in_again_are_connected_as_rules_and_hands_had_them() {
    let folder = Folder::new("patch-alsa-replug");
    let state = folder.path("state");
    let (_program, objects) = patch(&["--learn", "--state", argument(&state), "--rule", "midi through --> virtual"]);
    until(&[THROUGH_TO_VIRTUAL]);
    std::thread::sleep(INFANCY);
    aconnect(&["20:0", "14:0"]);
    objects.wait_for("learnt", PATIENCE, |object| object["type"] == "learnt");
    let driver = Path::new("/sys/bus/platform/drivers/snd_virmidi");
    for _ in 0..2 {
        std::fs::write(driver.join("unbind"), "snd_virmidi.0").unwrap();
        until(&[]);
        std::fs::write(driver.join("bind"), "snd_virmidi.0").unwrap();
        until(&[THROUGH_TO_VIRTUAL, VIRTUAL_TO_THROUGH]);
    }
    aconnect(&["-x"]);
}

/// Takes modules of the kernel out, or puts them in.
fn modules(act: &str, names: &[&str]) {
    for name in names {
        let mut command = Command::new(format!("/sbin/{act}"));
        match act {
            "rmmod" => command.arg(name),
            _ => command.arg(format!("/run/modules/{name}.ko")),
        };
        command
            .args((act == "insmod" && *name == "snd-virmidi").then_some(["index=1", "midi_devs=1"]).iter().flatten());
        assert!(command.status().unwrap().success(), "{act} {name}");
    }
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_sequencer_that_is_loaded_later_is_waited_for() {
    const MODULES: [&str; 5] = ["snd-seq", "snd-seq-midi-event", "snd-seq-dummy", "snd-seq-virmidi", "snd-virmidi"];
    modules(
        "rmmod",
        &["snd-virmidi", "snd-seq-virmidi", "snd-seq-dummy", "snd-seq-midi", "snd-seq-midi-event", "snd-seq"],
    );
    let arguments = ["patch", "--no-jack", "--json", "--retry", "0.3", "--rule", "midi through --> virtual"];
    let mut program = Program::start_with_open_stdout(&arguments);
    let objects = Objects::of(&mut program);
    let awaited = objects.wait_for("no sequencer", PATIENCE, |object| object["state"] == "awaited");
    assert_eq!(awaited["reason"], "there is no ALSA sequencer: /dev/snd/seq is missing");
    modules("insmod", &MODULES);
    objects.wait_for("the sequencer", PATIENCE, |object| object["state"] == "reached");
    until(&[THROUGH_TO_VIRTUAL]);
    // Who uses it keeps it from being taken out.
    assert!(!Command::new("/sbin/rmmod").arg("snd-seq").stderr(Stdio::null()).status().unwrap().success());
    assert_eq!(program.interrupted().code, Some(0));
    aconnect(&["-x"]);
    modules("insmod", &["snd-seq-midi"]);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn what_is_connected_by_hand_comes_back() {
    let folder = Folder::new("patch-alsa-learn");
    let state = folder.path("state/patch.rules");
    let arguments = ["--learn", "--state", argument(&state)];
    let (program, objects) = patch(&arguments);
    std::thread::sleep(INFANCY);
    aconnect(&["14:0", "20:0"]);
    objects.wait_for("learnt", PATIENCE, |object| object["type"] == "learnt" && object["by_hand"] == "connected");
    program.kill();
    aconnect(&["-x"]);
    until(&[]);
    let (program, objects) = patch(&arguments);
    until(&[THROUGH_TO_VIRTUAL]);
    std::thread::sleep(INFANCY);
    aconnect(&["-d", "14:0", "20:0"]);
    objects.wait_for("forgotten", PATIENCE, |object| object["type"] == "learnt" && object["by_hand"] == "disconnected");
    program.kill();
    let (_program, _objects) = patch(&arguments);
    until(&[]);
}
