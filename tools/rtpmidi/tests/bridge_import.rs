//! `rtpmidi bridge init --import-ini`: configurations of rtpmidid become ours, and a bridge runs with them.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::io::Write;

use kit::{Folder, Objects, PATIENCE, Program, argument};

/// All sections and keys that rtpmidid has, and some that it has not.
const EVERYTHING: &str = "\
[general]
alsa_name=studio ports
control=/run/rtpmidid/control.sock
log_level=debug
colour=green
[rtpmidi_announce]
name=Studio \"A\"   # a comment
port=5024
[rtpmidi_announce]
name={{hostname}} too
port=5026
[rtpmidi_discover]
enabled=true
name_negative_regex=^stage:5004/
name_positive_regex=(Peak|Able/ton)
[alsa_announce]
name=Network
[connect_to]
hostname=192.0.2.7
port=5006
name=DeepMind12D
local_udp_port=5010
[connect_to]
hostname=organ.local
[alsa_hw_auto_export]
type=hardware
name_positive_regex=Piano|Organ
name_negative_regex=(System|Timer)
[rawmidi]
device=/dev/snd/midiC4D0
name=Old
hostname=raspberrypi.local
remote_udp_port=5008
[pacing]
speed=1
";

fn import(folder: &Folder, ini: &str, more: &[&str]) -> kit::Ended {
    let file = folder.write("default.ini", ini.as_bytes());
    Program::start(&[&["bridge", "init", "--import-ini", argument(&file)], more].concat()).finish()
}

#[test]
fn every_key_becomes_one_of_ours_or_a_comment() {
    let folder = Folder::new("import-all");
    let shown = import(&folder, EVERYTHING, &[]);
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""), "{shown:?}");
    let lines: Vec<&str> = shown.stdout.lines().collect();
    for line in [
        "name = 'Studio \"A\"'",
        "port = 5024",
        "# alsa_name=studio ports: the client of ALSA is called like the session",
        "# line 5: rtpmidid has no key colour in [general]",
        "import = ['/(Peak|Able\\/ton)/']",
        "ignore = ['/^stage:5004\\//']",
        "# the port Network of ALSA is called Network Export here",
        "export = [\".hw /Piano|Organ/\"]",
        "peers = [\"192.0.2.7:5006\", \"organ.local\", \"raspberrypi.local:5008\"]",
        "[[session]]",
        "port = 5026",
        "[[rawmidi]]",
        "device = \"/dev/snd/midiC4D0\"",
        "# rtpmidid has no section [pacing]",
    ] {
        assert!(lines.contains(&line), "{line}: {}", shown.stdout);
    }
    let keys =
        EVERYTHING.lines().filter_map(|line| line.split_once('=')).map(|(_, value)| value.split('#').next().unwrap());
    for value in keys.filter(|value| !["true", "{{hostname}} too", "1", "hardware", "green"].contains(value)) {
        let ours = [value.trim().to_owned(), value.trim().replace('/', "\\/")];
        assert!(ours.iter().any(|value| shown.stdout.contains(value)), "{value} is lost: {}", shown.stdout);
    }
    let checked = folder.write("bridge.toml", shown.stdout.as_bytes());
    let checked = Program::start(&["bridge", "check", argument(&checked)]).finish();
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

#[test]
fn a_bridge_runs_with_what_was_imported() {
    let folder = Folder::new("import-run");
    let file = folder.path("bridge.toml");
    let ini = "[rtpmidi_announce]\nname=Studio\nport=0\n[rtpmidi_discover]\nenabled=false\n[connect_to]\nhostname=127.0.0.1\nport=9\n";
    let written = import(&folder, ini, &[argument(&file)]);
    assert_eq!(written.code, Some(0), "{written:?}");
    import(&folder, ini, &[argument(&file)]).failed_with("is there already");
    let socket = folder.path("bridge.sock");
    let mut running = Program::start_with_open_stdout(&[
        "bridge",
        "--json",
        "--no-mdns",
        "--no-alsa",
        "--config",
        argument(&file),
        "--control",
        argument(&socket),
    ]);
    let lines = Objects::of(&mut running);
    let open = lines.wait_for("it does not open", PATIENCE, |object| object["type"] == "open");
    assert_eq!(open["name"], "Studio");
    lines.wait_for("nobody is called", PATIENCE, |object| {
        object["name"] == "127.0.0.1:9" && object["state"] == "called"
    });
    assert_eq!(running.interrupted().code, Some(0));
}

#[test]
fn raw_devices_are_joined_with_what_they_were_joined_with() {
    let folder = Folder::new("import-rawmidi");
    let (_organ, _stdin, heard, peer) = kit::host("Organ", &["--print"]);
    let (host, port) = peer.split_once(':').unwrap();
    let own = kit::free_port();
    let fifos = ["one", "other"].map(|name| folder.path(name));
    let [one, other] = fifos.each_ref().map(|path| argument(path));
    assert!(std::process::Command::new("mkfifo").args([one, other]).status().unwrap().success());
    let ini = format!(
        "[rtpmidi_announce]\nport=0\n[rtpmidi_discover]\nenabled=false\n\
         [rawmidi]\ndevice={one}\nname=O'Neill (1)\nhostname={host}\nremote_udp_port={port}\nlocal_udp_port=5999\n\
         [rawmidi]\ndevice={other}\nlocal_udp_port={own}\nhostname=0.0.0.0\n[rawmidi]\ndevice=midi1\n"
    );
    let file = folder.path("bridge.toml");
    assert_eq!(import(&folder, &ini, &[argument(&file)]).code, Some(0));
    let written = std::fs::read_to_string(&file).unwrap();
    for words in
        ["# local_udp_port=5999: the bridge has one port", "# [rawmidi] device=midi1: a device is a path such as"]
    {
        assert!(written.contains(words), "{written}");
    }
    // A FIFO has one way, which rtpmidid was not told.
    let written = written.replace("device = ", "direction = \"in\"\ndevice = ");
    folder.write("bridge.toml", format!("alsa = false\nmdns = false\n{written}").as_bytes());
    let socket = folder.path("bridge.sock");
    let arguments = ["bridge", "--config", argument(&file), "--control", argument(&socket)];
    let bridge = Program::start(&arguments);
    kit::wait_for(&socket);
    let mut guest = Program::start_with_open_stdout(&[
        "join",
        &format!("127.0.0.1:{own}"),
        "--name",
        "Guest",
        "--no-mdns",
        "--json",
        "--print",
    ]);
    let joined = Objects::of(&mut guest);
    for (path, lines, octets) in [(one, &heard, [0x90, 60, 100]), (other, &joined, [0x91, 61, 100])] {
        let mut keys = std::fs::File::options().write(true).open(path).unwrap();
        let words = octets.map(|octet| format!("{octet:02x}")).join(" ");
        let began = std::time::Instant::now();
        // Until the session is open, and the rule has been followed.
        while !lines.has(|object| object["octets"] == words) {
            assert!(began.elapsed() < PATIENCE, "{words} is not heard");
            keys.write_all(&octets).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    }
    guest.interrupted();
    assert_eq!(bridge.interrupted().code, Some(0));
}

#[test]
fn a_line_that_is_no_ini_has_its_place() {
    let folder = Folder::new("import-nonsense");
    for (ini, words) in [
        ("[general\n", "default.ini:1: a section ends with ]: [general"),
        ("\nname=x\n", "default.ini:2: a key before the first section"),
        ("[general]\nnonsense # x\n", "default.ini:2: neither a section nor a key: nonsense"),
    ] {
        import(&folder, ini, &[]).failed_with(words);
    }
    let missing = Program::start(&["bridge", "init", "--import-ini", "/nowhere/default.ini"]).finish();
    missing.failed_with("cannot read /nowhere/default.ini");
}
