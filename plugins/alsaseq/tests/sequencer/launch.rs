//! The command lines of the documents in `gst-launch-1.0`, with the tools of ALSA at the other ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use smf_timeline::{Body, Song};

use crate::kit::{Tool, until};
use crate::source::file;

/// The folder of what is built.
fn built() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_path_buf()
}

/// A tool of GStreamer that has our plugins beside those of the system, and takes these words.
fn tool(name: &str, words: &str) -> Command {
    let mut command = Command::new(name);
    command.args(words.split_whitespace());
    command.env("GST_PLUGIN_PATH", built().join("alsaseq-plugins"));
    command.env("GST_REGISTRY", built().join("alsaseq-registry.bin"));
    command
}

/// Lets GStreamer look at all plugins, which takes minutes in the machine and is remembered.
pub(crate) fn prepare() {
    // A folder with nothing else in it, since GStreamer looks at every file it finds there.
    let folder = built().join("alsaseq-plugins");
    fs::create_dir_all(&folder).unwrap();
    for name in ["libgstalsaseq.so", "libgstrtpmidi.so"] {
        // It leads there already if the test has run before.
        let _ = std::os::unix::fs::symlink(built().join("deps").join(name), folder.join(name));
    }
    let output = tool("gst-inspect-1.0", "alsaseqsrc").output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// `gst-launch-1.0`, running.
fn launch(words: &str) -> Tool {
    Tool::start(&mut tool("gst-launch-1.0", words))
}

/// Waits until there is a client of this name, whose ports so many others hear.
fn wait_for(client: &str, hearers: usize) {
    until(client, || {
        let output = Command::new("aconnect").arg("-l").output().unwrap();
        let list = String::from_utf8(output.stdout).unwrap();
        let (_, own) = list.split_once(&format!(": '{client}' "))?;
        let ports = own.split("\nclient ").next()?.split("Connecting To: ").skip(1);
        let count: usize = ports.map(|port| port.lines().next().map_or(0, |line| line.split(", ").count())).sum();
        (count == hearers).then_some(())
    });
}

fn play(to: &str, song: &Path) {
    assert!(Command::new("aplaymidi").args(["-p", to]).arg(song).status().unwrap().success());
}

const MUSIC: [(u8, &[u8]); 5] = [
    (0, &[0xC0, 5]),
    (50, &[0x90, 60, 100]),
    (50, &[0xF0, 0x7D, 1, 2, 3, 0xF7]),
    (50, &[0xE0, 0, 80]),
    (50, &[0x80, 60, 64]),
];

/// What `aseqdump` says of it.
const WORDS: [&str; 5] = ["Program change", "Note on", "F0 7D 01 02 03 F7", "Pitch bend", "Note off"];

fn song() -> PathBuf {
    let path = std::env::temp_dir().join("launch.mid");
    fs::write(&path, file(&MUSIC)).unwrap();
    path
}

/// Whether the recording has the music.
fn recorded(path: &Path) -> bool {
    let song = Song::read(&fs::read(path).unwrap(), 0).unwrap();
    let messages = song.events().filter_map(|event| match event.body {
        Body::Message(octets) => Some(octets),
        Body::Meta(_) => None,
    });
    messages.eq(MUSIC.map(|(_, octets)| octets))
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn what_aplaymidi_plays_is_recorded() {
    let take = std::env::temp_dir().join("take.mid");
    let recorder =
        launch(&format!("-e alsaseqsrc client-name=Recorder ! smfmux ! filesink location={}", take.display()));
    wait_for("Recorder", 0);
    play("Recorder:in", &song());
    recorder.interrupt();
    assert!(recorded(&take));
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn aseqdump_shows_what_is_in_a_file() {
    let dump = Tool::start(&mut Command::new("aseqdump"));
    wait_for("aseqdump", 0);
    let line = format!("filesrc location={} ! smfparse ! alsaseqsink ports=aseqdump:0", song().display());
    let output = tool("gst-launch-1.0", &line).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    dump.says(WORDS[4]);
    let said = dump.interrupt();
    assert!(WORDS.iter().all(|words| said.contains(words)), "{said}");
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_network_between_two_pipelines_is_heard_by_arecordmidi_and_aseqdump() {
    let take = std::env::temp_dir().join("network.mid");
    // In a machine that is busy with other things, a note may come late.
    let listener = launch(
        "-e udpsrc port=5004 caps=application/x-rtp,media=audio,encoding-name=RTP-MIDI,clock-rate=44100,payload=96 \
         ! rtpjitterbuffer latency=20 ! rtpmididepay late-notes=60000000000 ! alsaseqsink client-name=Network",
    );
    let sender = launch("-e alsaseqsrc client-name=Keys ! rtpmidipay ! udpsink host=127.0.0.1 port=5004");
    wait_for("Network", 0);
    wait_for("Keys", 0);
    let recorder = Tool::start(Command::new("arecordmidi").args(["-p", "Network:out"]).arg(&take));
    let dump = Tool::start(Command::new("aseqdump").args(["-p", "Network:out"]));
    wait_for("Network", 2);
    play("Keys:in", &song());
    dump.says(WORDS[4]);
    sender.interrupt();
    listener.interrupt();
    recorder.interrupt();
    let said = dump.interrupt();
    assert!(WORDS.iter().all(|words| said.contains(words)), "{said}");
    assert!(recorded(&take));
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn the_device_monitor_lists_ports_of_both_directions() {
    for class in ["Source/Midi", "Sink/Midi"] {
        let output = tool("gst-device-monitor-1.0", class).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        for words in ["Midi Through Port-0", "alsaseq.address = 14:0", class] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
}
