//! Help, manual pages and completions.

mod kit;

use kit::{Folder, Program, argument};

#[test]
fn help_of_each_subcommand_shows_an_example() {
    for subcommand in ["bridge", "broadcast", "devices", "doctor", "host", "join", "listen", "monitor", "patch"] {
        let ended = Program::start(&[subcommand, "--help"]).finish();
        assert_eq!(ended.code, Some(0));
        assert!(ended.stdout.contains(&format!("Example:\n  rtpmidi {subcommand} ")), "{}", ended.stdout);
        assert!(!ended.stdout.contains('\u{1b}'), "no colours in a pipe");
    }
    for subcommand in ["list", "check", "explain"] {
        let ended = Program::start(&["patch", subcommand, "--help"]).finish();
        assert!(ended.stdout.contains(&format!("Example:\n  rtpmidi patch {subcommand} ")), "{}", ended.stdout);
    }
    for subcommand in [
        "init",
        "check",
        "status",
        "top",
        "connect",
        "disconnect",
        "mute",
        "port",
        "record",
        "forget",
        "panic",
        "reload",
    ] {
        let ended = Program::start(&["bridge", subcommand, "--help"]).finish();
        assert!(ended.stdout.contains(&format!("Example:\n  rtpmidi bridge {subcommand}")), "{}", ended.stdout);
    }
    for subcommand in ["new", "check", "explain", "caps", "offer", "answer", "verify"] {
        let ended = Program::start(&["sdp", subcommand, "--help"]).finish();
        assert!(ended.stdout.contains(&format!("Example:\n  rtpmidi sdp {subcommand} ")), "{}", ended.stdout);
    }
}

#[test]
fn hidden_subcommands_stay_hidden() {
    let help = Program::start(&["--help"]).finish().stdout;
    assert!(help.contains("broadcast") && help.contains("listen"), "{help}");
    assert!(!help.contains("completions") && !help.contains("manual pages"), "{help}");
}

#[test]
fn each_subcommand_has_a_manual_page() {
    let folder = Folder::new("man");
    let pages = folder.path("man1");
    assert_eq!(Program::start(&["man", argument(&pages)]).finish().code, Some(0));
    for page in [
        "rtpmidi.1",
        "rtpmidi-bridge.1",
        "rtpmidi-bridge-init.1",
        "rtpmidi-bridge-status.1",
        "rtpmidi-bridge-top.1",
        "rtpmidi-broadcast.1",
        "rtpmidi-devices.1",
        "rtpmidi-doctor.1",
        "rtpmidi-host.1",
        "rtpmidi-join.1",
        "rtpmidi-listen.1",
        "rtpmidi-monitor.1",
        "rtpmidi-patch.1",
        "rtpmidi-patch-explain.1",
        "rtpmidi-sdp.1",
        "rtpmidi-sdp-check.1",
    ] {
        let text = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{page}");
    }
    let keys = std::fs::read_to_string(pages.join("rtpmidi-bridge.toml.5")).unwrap();
    assert!(keys.contains("\\fBport = 5004\\fR") && keys.contains("multicast DNS"), "{keys}");
    let failure = Program::start(&["man", "/proc/nowhere"]).finish();
    failure.failed_with("cannot write manual pages to /proc/nowhere");
}

#[test]
fn shells_get_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = Program::start(&["completions", shell]).finish();
        assert_eq!(ended.code, Some(0));
        assert!(ended.stdout.contains("broadcast") && ended.stdout.contains("loss-seed"), "{shell}");
    }
}
