//! What the journal of systemd gets: words with priorities, where stderr is the journal and nowhere else.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use kit::Folder;

#[test]
fn an_error_has_its_priority_in_the_journal_and_none_elsewhere() {
    let folder = Folder::new("journal");
    for is_journal in [true, false] {
        let path = folder.path(&format!("stderr-{is_journal}"));
        let stderr = File::create(&path).unwrap();
        let it = stderr.metadata().unwrap();
        // As the manager names it; the number of another file says that stderr was led elsewhere.
        let stream = format!("{}:{}", it.dev(), it.ino() + u64::from(!is_journal));
        let mut command = Command::new(env!("CARGO_BIN_EXE_rtpmidi"));
        command.args(["bridge", "--config", "/nowhere/bridge.toml"]).env("JOURNAL_STREAM", stream).stderr(stderr);
        assert_eq!(command.status().unwrap().code(), Some(1));
        let said = std::fs::read_to_string(&path).unwrap();
        let start = if is_journal { "<3>error: cannot read " } else { "error: cannot read " };
        assert!(said.starts_with(start), "{said}");
    }
}
