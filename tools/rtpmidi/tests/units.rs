//! The unit of a service of the system, judged by systemd.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::process::{Command, Output};

use kit::{Folder, argument};

/// Exposure of the service, in tenths, that is not to be exceeded: 100 is as exposed as can be.
const EXPOSURE: &str = "20";

/// What systemd says of the unit, with the program in the place of `rtpmidi`; nothing, with a message, where there is no
/// systemd.
fn analyze(folder: &Folder, arguments: &[&str]) -> Option<Output> {
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/system/rtpmidi-bridge.service");
    let text = std::fs::read_to_string(unit).unwrap();
    let program = format!("ExecStart={} ", env!("CARGO_BIN_EXE_rtpmidi"));
    let file = folder.write("rtpmidi-test.service", text.replace("ExecStart=rtpmidi ", &program).as_bytes());
    let analyzed = Command::new("systemd-analyze").args(arguments).arg(argument(&file)).output();
    if analyzed.is_err() {
        eprintln!("skipped: no systemd-analyze here");
    }
    analyzed.ok()
}

#[test]
fn the_unit_makes_sense() {
    let folder = Folder::new("units-verify");
    let Some(output) = analyze(&folder, &["verify", "--man=no"]) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    // Units of this machine are none of ours.
    assert!(output.status.success() && !said.contains("rtpmidi-test.service"), "{said}");
}

#[test]
fn the_service_is_hardly_exposed() {
    let folder = Folder::new("units-security");
    let Some(output) = analyze(&folder, &["security", "--offline=yes", "--no-pager", "--threshold", EXPOSURE]) else {
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
