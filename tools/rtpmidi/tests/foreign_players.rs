//! What players that know nothing of us make of `broadcast --rtsp`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod rtsp_client;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kit::{Folder, PATIENCE, Program, in_a_network};
use rtsp_client::Server;

/// A program and a volume, then twelve notes in three seconds, of which never two sound at once.
fn scale() -> Vec<(u16, &'static [u8])> {
    const NOTES: [[[u8; 3]; 2]; 12] = {
        let mut notes = [[[0x90, 0, 100], [0x80, 0, 64]]; 12];
        let mut note = 0;
        while note < 12 {
            notes[note][0][1] = 60 + note as u8;
            notes[note][1][1] = 60 + note as u8;
            note += 1;
        }
        notes
    };
    let notes = NOTES.iter().flat_map(|[on, off]| [(25, &on[..]), (100, &off[..])]);
    [(0, &[0xC0, 40][..]), (0, &[0xB0, 7, 100])].into_iter().chain(notes).collect()
}

/// An audio sink.
const WAV: &str = "audioconvert ! audio/x-raw,format=S16LE ! wavenc ! filesink location=x.wav";

fn is_loud(wav: &Path) -> bool {
    let octets = fs::read(wav).unwrap_or_default();
    let samples = octets.chunks_exact(2).map(|sample| i16::from_le_bytes([sample[0], sample[1]]));
    let header = 22;
    samples.skip(header).any(|sample| sample.unsigned_abs() > 500)
}

/// Whether a command succeeds; says that the test is skipped when not.
fn is_here(command: &str, package: &str) -> bool {
    let mut shell = Command::new("sh");
    let status = shell.args(["-c", command]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let here = status.unwrap().success();
    if !here {
        eprintln!("skipped: the package {package} is missing");
    }
    here
}

fn can_be_heard() -> bool {
    is_here("gst-inspect-1.0 --exists fluiddec", "gstreamer1.0-plugins-bad")
        && is_here("test -e /usr/share/sounds/sf2/TimGM6mb.sf2", "timgm6mb-soundfont")
}

/// Whether a pipeline of `gst-launch-1.0` heard its source to the end. Behind that `rtspsrc` asks for a pause and at once
/// interrupts itself, and where that hits the request it says that the connection has ended.
fn reached_the_end(ended: &kit::Ended) -> bool {
    let is_interrupted = ended.stderr.contains("gst_rtspsrc_pause ()") && ended.stderr.matches("ERROR").count() <= 2;
    ended.stdout.contains("Got EOS from element ") && (ended.code == Some(0) || is_interrupted)
}

#[test]
fn playbin_finds_our_renderer_and_plays_a_file_to_its_end() {
    if !can_be_heard() {
        return;
    }
    let folder = Folder::new("foreign-playbin");
    let server = Server::start(&folder, "song.mid", &scale(), &["--loop"]);
    let url = server.url("/files/song.mid");
    let played = Program::shell(&format!("gst-launch-1.0 -v playbin uri={url} audio-sink='{WAV}'"), &folder).finish();
    assert!(reached_the_end(&played), "{played:?}");
    assert!(played.stdout.contains("GstMidiRender:"), "{played:?}");
    assert!(is_loud(&folder.path("x.wav")));
}

#[test]
fn gst_play_is_heard_on_the_live_channel() {
    if !can_be_heard() || !is_here("gst-play-1.0 --version", "gstreamer1.0-plugins-base-apps") {
        return;
    }
    let folder = Folder::new("foreign-gst-play");
    let server = Server::start(&folder, "song.mid", &scale(), &["--loop"]);
    let url = server.url("/live");
    let line = format!("exec gst-play-1.0 --no-interactive --audiosink='{WAV}' {url}");
    let mut player = Program::shell(&line, &folder);
    let started = Instant::now();
    while !is_loud(&folder.path("x.wav")) {
        assert!(player.is_running(), "{:?}", player.finish());
        assert!(started.elapsed() < PATIENCE, "nothing is heard");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_recording_that_gst_launch_makes_has_the_notes_of_the_file() {
    let folder = Folder::new("foreign-recording");
    let server = Server::start(&folder, "song.mid", &scale(), &["--loop"]);
    let recorders = ["", "/native"].map(|form| {
        let (url, name) = (server.url(&format!("{form}/files/song.mid")), format!("{}.mid", form.len()));
        let line = format!("gst-launch-1.0 rtspsrc location={url} ! rtpmididepay ! smfmux ! filesink location={name}");
        (Program::shell(&line, &folder), name)
    });
    let sent: Vec<Vec<u8>> = scale().iter().map(|(_, octets)| octets.to_vec()).collect();
    for (recorder, name) in recorders {
        let recorded = recorder.finish();
        assert!(reached_the_end(&recorded), "{recorded:?}");
        assert_eq!(kit::messages(&folder.path(&name)), sent);
    }
}

/// Plays the file with `command`, while another listens, who hears all of it; what the player said.
fn beside_a_listener(name: &str, command: &str) -> kit::Ended {
    let folder = Folder::new(name);
    let server = Server::start(&folder, "song.mid", &scale(), &["--loop"]);
    let url = server.url("/files/song.mid");
    let listener = Program::start(&["listen", &url, "--json", "--print"]);
    let player = Program::shell(&format!("timeout 30 {command} 2>&1").replace("URL", &url), &folder).finish();
    let listener = listener.finish();
    assert_eq!((listener.code, listener.stderr.as_str()), (Some(0), ""), "{listener:?}");
    assert_eq!(listener.objects("event").len(), scale().len(), "{listener:?}");
    assert_eq!(listener.summary()["lost_packets"], 0, "{listener:?}");
    player
}

#[test]
fn ffmpeg_finds_no_decoder_and_disturbs_nobody() {
    if is_here("ffmpeg -version", "ffmpeg") {
        let refused = beside_a_listener("foreign-ffmpeg", "ffmpeg -nostdin -i URL -f null -");
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stdout.contains("Error while opening decoder"), "{refused:?}");
    }
}

#[test]
fn vlc_cannot_open_it_and_disturbs_nobody() {
    if is_here("command -v vlc", "vlc-bin")
        && is_here("unshare -U --map-user=1000 true", "util-linux, with user namespaces,")
    {
        // It does not run as root.
        let vlc = "unshare -U --map-user=1000 vlc -I dummy --aout dummy URL vlc://quit";
        let refused = beside_a_listener("foreign-vlc", vlc);
        assert_eq!(refused.code, Some(0), "{refused:?}");
        assert!(refused.stdout.contains("unable to open"), "{refused:?}");
    }
}

#[test]
fn tshark_follows_a_session_and_reads_its_packets() {
    const SCRIPT: &str = r#"
        export GST_PLUGIN_PATH="$2/plugins" GST_REGISTRY="$2/registry.bin"
        tshark -i lo -q -w x.pcap 2>tshark.err & tshark=$!
        until grep -q 'Capture started' tshark.err; do
            kill -0 $tshark || exit 0
            sleep 0.05
        done
        "$1" broadcast song.mid --rtsp 127.0.0.1:8554 --loop --json >server.txt & server=$!
        until grep -q serving server.txt; do sleep 0.05; done
        for protocol in udp tcp; do
            gst-launch-1.0 rtspsrc location=rtsp://127.0.0.1:8554/files/song.mid protocols=$protocol latency=50 \
                ! rtpmididepay ! fakesink >/dev/null & clients="${clients-} $!"
        done
        # At the end `rtspsrc` may interrupt itself, and complain: what has been read tells whether all came.
        for client in $clients; do wait $client || true; done
        kill $server
        wait $server || true
        kill -INT $tshark
        wait $tshark
        fields() { tshark -n -r x.pcap -d rtp.pt==96,rtpmidi -T fields "$@" 2>>tshark.err; }
        fields -Y rtsp.method -e rtsp.method >methods.txt
        # The client opens the way for datagrams with some of random octets, which read like anything.
        port=$(fields -Y 'rtsp.transport contains "server_port="' -e rtsp.transport \
            | sed 's/.*server_port=\([0-9]*\).*/\1/')
        fields -Y "rtpmidi && udp.srcport == $port" -e rtpmidi.note >udp.txt
        fields -Y 'rtpmidi && tcp' -e rtpmidi.note >tcp.txt
        fields -Y "_ws.malformed && (tcp || udp.srcport == $port || udp.srcport == $((port + 1)))" \
            -e frame.number >malformed.txt
    "#;
    if !is_here("tshark --version", "tshark") {
        return;
    }
    let folder = Folder::new("foreign-tshark");
    folder.write("song.mid", &kit::song(&scale()));
    kit::plugins(&folder);
    if !in_a_network(SCRIPT, &folder.path("")) {
        return;
    }
    let Ok(methods) = fs::read_to_string(folder.path("methods.txt")) else {
        eprintln!("skipped: {}", fs::read_to_string(folder.path("tshark.err")).unwrap());
        return;
    };
    for method in ["DESCRIBE", "SETUP", "PLAY"] {
        assert_eq!(methods.lines().filter(|line| *line == method).count(), 2, "{methods}");
    }
    let notes: Vec<u8> = (60..72).flat_map(|note| [note, note]).collect();
    for protocol in ["udp.txt", "tcp.txt"] {
        let text = fs::read_to_string(folder.path(protocol)).unwrap();
        let read: Vec<u8> =
            text.split_whitespace().flat_map(|line| line.split(',')).map(|n| n.parse().unwrap()).collect();
        assert_eq!(read, notes, "{protocol}");
    }
    assert_eq!(fs::read_to_string(folder.path("malformed.txt")).unwrap(), "");
}
