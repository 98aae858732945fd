//! Patterns of jack-matchmaker connect the same ports with ours as with jack-matchmaker itself, which is run beside it: at
//! JACK, and at PipeWire.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod studio;

use std::path::PathBuf;
use std::process::Command;

use kit::{Folder, Program, argument};
use studio::{Server, Studio};

#[test]
#[ignore = "the other tests run it as a process of its own"]
fn clients_of_a_studio() {
    studio::clients();
}

/// What its documentation shows, each with what becomes of it.
struct Scenario {
    patterns: &'static [&'static str],
    exact: bool,
    /// Whether the patterns stand in a file, and not on the command line.
    in_file: bool,
    connected_before: &'static [(&'static str, &'static str)],
    expected: &'static [&'static str],
}

const PLAIN: Scenario = Scenario { patterns: &[], exact: false, in_file: false, connected_before: &[], expected: &[] };

const SCENARIOS: [Scenario; 9] = [
    Scenario {
        patterns: &["fluidsynth:l_01", "system:playback_1", "fluidsynth:r_01", "system:playback_2"],
        exact: true,
        expected: &["fluidsynth:l_01 > system:playback_1", "fluidsynth:r_01 > system:playback_2"],
        ..PLAIN
    },
    Scenario {
        patterns: &[r"fluidsynth:l_\d+", "system:playback_[13]", r"fluidsynth:r_\d+", "system:playback_[24]"],
        expected: &[
            "fluidsynth:l_01 > system:playback_1",
            "fluidsynth:l_01 > system:playback_3",
            "fluidsynth:r_01 > system:playback_2",
            "fluidsynth:r_01 > system:playback_4",
        ],
        ..PLAIN
    },
    // At jackd the ports have these names as aliases. PipeWire tells nobody of aliases; there they are called so.
    Scenario {
        patterns: &[r"system:midi_capture_(?P<num>\d+)$", "mydaw:midi_in_track_{num}"],
        expected: &[
            "keys:one > mydaw:midi_in_track_1",
            "keys:one > mydaw:midi_in_track_12",
            "keys:two > mydaw:midi_in_track_2",
        ],
        ..PLAIN
    },
    // What is connected to the speakers goes to the recorder as well, and does so when the recorder comes later.
    Scenario {
        patterns: &[r"system:playback_(?P<num>\d+)$", "ffmpeg:input_{num}"],
        connected_before: &[("fluidsynth:l_01", "system:playback_1"), ("fluidsynth:r_01", "system:playback_2")],
        expected: &[
            "fluidsynth:l_01 > ffmpeg:input_1",
            "fluidsynth:l_01 > system:playback_1",
            "fluidsynth:r_01 > ffmpeg:input_2",
            "fluidsynth:r_01 > system:playback_2",
        ],
        ..PLAIN
    },
    Scenario {
        patterns: &["fluidsynth:l_01", r"/myfx:in_l\d*/"],
        exact: true,
        expected: &["fluidsynth:l_01 > myfx:in_l", "fluidsynth:l_01 > myfx:in_l2"],
        ..PLAIN
    },
    Scenario {
        patterns: &[r"mysynth:out_(?P<channel>[lr])_\d+$", "myfx:in_{channel}$"],
        expected: &["mysynth:out_l_1 > myfx:in_l", "mysynth:out_l_2 > myfx:in_l", "mysynth:out_r_1 > myfx:in_r"],
        ..PLAIN
    },
    Scenario {
        patterns: &[
            ".*:out(put)?_(1|l)$",
            "    system:playback_1",
            "# and the other one",
            ".*:Out L",
            "\tsystem:playback_3",
        ],
        in_file: true,
        expected: &["player:Out L > system:playback_3", "player:output_l > system:playback_1"],
        ..PLAIN
    },
    // Brackets in a name need backslashes, as every colon behind the first is one of the name.
    Scenario {
        patterns: &[r"Midi-Bridge:.*: Port \(capture\)", "mydaw:midi_in_track_1$"],
        expected: &["Midi-Bridge:Launchpad Open: Port (capture) > mydaw:midi_in_track_1"],
        ..PLAIN
    },
    // By metadata, which PipeWire has not without a session manager.
    Scenario {
        patterns: &["keys:Left hand$", "mydaw:midi_in_track_2"],
        expected: &["keys:two > mydaw:midi_in_track_2"],
        ..PLAIN
    },
];

/// Ports that are there, to which jackd adds its own, and those that come while the program runs.
fn before(server: &Server, is_jackd: bool) -> Studio {
    let mut studio = server.studio();
    if !is_jackd {
        studio.ports("system", &["<playback_1~", "<playback_2~", "<playback_3~", "<playback_4~"]);
        studio.ports("system", &[">midi_capture_1", ">midi_capture_2"]);
    }
    studio.ports("fluidsynth", &[">l_01~", ">r_01~"]);
    studio.ports("mysynth", &[">out_l_1~", ">out_l_2~", ">out_r_1~"]);
    studio.ports("keys", &[">one", ">two", ">three"]);
    if is_jackd {
        studio.tell(&["alias", "keys:one", "system:midi_capture_1"]);
        studio.tell(&["alias", "keys:two", "system:midi_capture_2"]);
        studio.tell(&["pretty", "keys:two", "Left hand"]);
    }
    studio
}

fn later(studio: &mut Studio) {
    studio.ports("myfx", &["<in_l~", "<in_l2~", "<in_r~"]);
    studio.ports("ffmpeg", &["<input_1~", "<input_2~"]);
    studio.ports("mydaw", &["<midi_in_track_1", "<midi_in_track_2", "<midi_in_track_12"]);
    studio.ports("player", &[">output_l~", ">Out L~", ">put_1~"]);
    studio.ports("Midi-Bridge", &[">Launchpad Open: Port (capture)"]);
}

/// A pair of ports that comes last, and shows that all that came before has been looked at.
const LAST: [&str; 2] = ["last:out", "last:in"];

fn play(server: &Server, is_jackd: bool, scenario: &Scenario, program: impl Fn(&[&str]) -> Command) {
    let mut studio = before(server, is_jackd);
    for (from, to) in scenario.connected_before {
        studio.connect(from, to);
    }
    let patterns: Vec<_> = scenario.patterns.iter().copied().chain(LAST).collect();
    let _running = Program::start_by(&mut program(&patterns));
    later(&mut studio);
    let names = |pair: &&str| {
        let own = [("keys:one", "system:midi_capture_1"), ("keys:two", "system:midi_capture_2")];
        own.iter().filter(|_| !is_jackd).fold((*pair).to_owned(), |pair, (from, to)| pair.replace(from, to))
    };
    let mut expected: Vec<_> = scenario.expected.iter().map(names).collect();
    studio.wait_for(&expected);
    studio.ports("last", &[">out", "<in"]);
    expected.push("last:out > last:in".to_owned());
    studio.wait_for(&expected);
}

fn compare(server: &Server, is_jackd: bool, folder: &Folder) {
    let file = folder.path("patterns.txt");
    for scenario in &SCENARIOS[..SCENARIOS.len() - usize::from(!is_jackd)] {
        play(server, is_jackd, scenario, |patterns| {
            let mut ours = server.command(env!("CARGO_BIN_EXE_rtpmidi"));
            ours.args(["patch", "--no-alsa"]).args(scenario.exact.then_some("--exact"));
            if scenario.in_file {
                std::fs::write(&file, patterns.join("\n")).unwrap();
                ours.args(["--rules", argument(&file)]);
            } else {
                ours.args(patterns.chunks(2).flat_map(|pair| ["--pair", pair[0], pair[1]]));
            }
            ours
        });
        let Some(peer) = peer() else { continue };
        play(server, is_jackd, scenario, |patterns| {
            let mut theirs = server.command("python3");
            theirs.env("PYTHONPATH", &peer).args(["-m", "jackmatchmaker"]).args(scenario.exact.then_some("-e"));
            if scenario.in_file {
                theirs.args(["-p", argument(&file)]);
            } else {
                theirs.args(patterns);
            }
            theirs
        });
    }
}

/// The folder of jack-matchmaker, if it is there.
fn peer() -> Option<PathBuf> {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_rtpmidi"));
    let folder = program.ancestors().nth(2).unwrap().join("peers/jack-matchmaker");
    if !folder.exists() {
        eprintln!("skipped: no jack-matchmaker in {}; cargo xtask interop gets it", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn at_jack() {
    let Some(server) = Server::jackd() else { return };
    compare(&server, true, &Folder::new("matchmaker-jack"));
}

#[test]
fn at_pipewire() {
    let folder = Folder::new("pipewire");
    let Some(server) = Server::pipewire(&folder) else { return };
    compare(&server, false, &folder);
}
