//! What the journal of systemd gets: words with priorities, where stderr is the journal and nowhere else.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use kit::{Folder, in_a_network};

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

#[test]
fn what_becomes_of_a_bridge_has_fields_in_the_journal() {
    let folder = Folder::new("journal-fields");
    std::fs::create_dir(folder.path("journal")).unwrap();
    // The journal's own socket, as programs see it.
    let socket = UnixDatagram::bind(folder.path("journal/socket")).unwrap();
    let heard = folder.path("heard");
    let reading = std::thread::spawn(move || {
        let (mut all, mut datagram) = (Vec::new(), [0; 4096]);
        while let Ok(length @ 1..) = socket.recv(&mut datagram) {
            all.push(String::from_utf8_lossy(&datagram[..length]).into_owned());
            if all.iter().any(|entry| entry.contains("RTPMIDI_STATE=called\n")) {
                std::fs::write(&heard, "").unwrap();
                break;
            }
        }
        all
    });
    let script = r#"
        : >said
        JOURNAL_STREAM=$(stat -c %d:%i said)
        export JOURNAL_STREAM
        unshare -m sh -c '
            mount -t tmpfs run /run
            mkdir -p /run/systemd/journal
            mount --bind journal /run/systemd/journal
            exec "$@" 2>said
        ' bridge "$1" bridge --name Studio --port 0 --no-mdns --no-alsa --control bridge.sock --peer 127.0.0.1:9 &
        bridge=$!
        until [ -e heard ]; do sleep 0.05; done
        kill -INT $bridge
        wait $bridge
    "#;
    if !in_a_network(script, &folder.path("")) {
        return;
    }
    let all = reading.join().unwrap();
    let entry =
        |field: &str| all.iter().find(|entry| entry.contains(field)).unwrap_or_else(|| panic!("{field} {all:?}"));
    let open = entry("RTPMIDI_TYPE=open\n");
    for field in ["MESSAGE=bridge Studio has the ports ", "RTPMIDI_NAME=Studio\n", "RTPMIDI_PORT=", "PRIORITY=6\n"] {
        assert!(open.contains(field), "{field}: {open}");
    }
    let peer = entry("RTPMIDI_TYPE=peer\n");
    for field in ["MESSAGE=127.0.0.1:9 is called\n", "RTPMIDI_NAME=127.0.0.1:9\n", "SYSLOG_IDENTIFIER=rtpmidi\n"] {
        assert!(peer.contains(field), "{field}: {peer}");
    }
    // What has fields is not told twice.
    let said = std::fs::read_to_string(folder.path("said")).unwrap();
    assert!(!said.contains("has the ports"), "{said}");
}
