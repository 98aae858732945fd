//! Where there is no ALSA sequencer, or not for this user, what needs one says so, and the rest works.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
#[path = "../../../tests/vm/kit.rs"]
mod vm;

use std::fs::{self, Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use kit::{Ended, Folder, Program, argument, description, free_port, lines, song, wait_for_line, wait_for_listener};

#[test]
fn a_sequencer_that_is_closed_to_this_user() {
    vm::run_the_ignored_tests();
}

const SEQUENCER: &str = "/dev/snd/seq";

/// All that takes ports of the sequencer; `$1` is a description, and `$2` is where a broadcast goes.
const COMMANDS: [&str; 6] = [
    "listen $1 --alsa",
    "listen $1 --alsa=14:0",
    "host --no-mdns --port 0 --alsa=14:0",
    "join 127.0.0.1:5004 --no-mdns --alsa",
    "broadcast alsa: --to $2",
    "broadcast --channel a=alsa:14:0 --rtsp 127.0.0.1:0",
];

/// That each command ends with this error and hint.
fn refuses(run: impl Fn(&[&str]) -> Ended, error: &str, hint: &str) {
    let folder = Folder::new("alsa-refused");
    let sdp = folder.write("x.sdp", description(free_port()).as_bytes());
    let url = format!("udp://127.0.0.1:{}", free_port());
    for command in COMMANDS {
        let words = command.split(' ').map(|word| match word {
            "$1" => argument(&sdp),
            "$2" => &url,
            word => word,
        });
        let ended = run(&words.collect::<Vec<_>>());
        ended.failed_with(error);
        assert!(ended.stderr.contains(hint), "{command}: {}", ended.stderr);
    }
}

#[test]
fn a_machine_without_a_sequencer_says_so_and_what_to_do() {
    if Path::new(SEQUENCER).exists() {
        eprintln!("skipped: this machine has an ALSA sequencer");
        return;
    }
    let run = |words: &[&str]| Program::start(words).finish();
    refuses(run, "there is no ALSA sequencer: /dev/snd/seq is missing", "hint: modprobe snd-seq");
}

/// The program as a user who may nothing, but keep in `folder` what GStreamer has found out about its plugins.
fn as_nobody(words: &[&str], folder: &Folder) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_rtpmidi")]).args(words);
    command.env("GST_REGISTRY", folder.path("registry.bin"));
    command
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_user_who_may_not_is_told_what_to_do_and_the_rest_works() {
    set_permissions(SEQUENCER, Permissions::from_mode(0o600)).unwrap();
    let folder = Folder::new("alsa-forbidden");
    set_permissions(folder.path(""), Permissions::from_mode(0o777)).unwrap();
    // Without what it has found out already, it looks at its plugins anew, which takes minutes in the machine.
    let known =
        std::env::home_dir().and_then(|home| fs::read(home.join(".cache/gstreamer-1.0/registry.x86_64.bin")).ok());
    folder.write("registry.bin", &known.unwrap_or_default());
    set_permissions(folder.path("registry.bin"), Permissions::from_mode(0o666)).unwrap();
    let run = |words: &[&str]| Program::start_by(&mut as_nobody(words, &folder)).finish();
    refuses(run, "the ALSA sequencer is closed to this user: no permission for /dev/snd/seq", "group audio");

    let port = free_port();
    let sdp = folder.write("x.sdp", description(port).as_bytes());
    let song = folder.write("song.mid", &song(&[(500, &[0x90, 60, 100]), (100, &[0x80, 60, 64])]));
    let mut listener = Program::of(&mut as_nobody(&["listen", argument(&sdp), "--print"], &folder));
    let mut heard = lines(listener.stdout());
    wait_for_listener(port);
    let url = format!("udp://127.0.0.1:{port}");
    assert_eq!(run(&["broadcast", argument(&song), "--to", &url]).code, Some(0));
    wait_for_line(&mut heard, |line| line.contains("note off"));
    set_permissions(SEQUENCER, Permissions::from_mode(0o666)).unwrap();
}
