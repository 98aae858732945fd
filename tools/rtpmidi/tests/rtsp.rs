//! `broadcast --rtsp`, and clients of two kinds: `rtspsrc`, and one made by hand that sees each packet.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod rtsp_client;

use gst::prelude::*;
use kit::Folder;
use rtp_midi::payload::Payload;
use rtp_midi::{Format, Journal, Policy, Timing};
use rtp_midi_sdp::Session;
use rtp_midi_sdp::lint::{Application, lint_for};
use rtsp_client::{Client, Server};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Programs, a volume and a wheel that are set long before a note; and one note that sounds long.
const SONG: [(u16, &[u8]); 9] = [
    (0, &[0xC0, 40]),
    (0, &[0xB0, 7, 100]),
    (0, &[0x90, 60, 100]),
    (500, &[0x80, 60, 64]),
    (0, &[0xC0, 41]),
    (0, &[0xE0, 0, 70]),
    (9500, &[0x90, 62, 100]),
    (500, &[0x80, 62, 64]),
    (500, &[0x90, 64, 1]),
];

/// `rtspsrc` with our depayloader, playing.
struct Listener {
    pipeline: gst::Pipeline,
    messages: Receiver<Vec<u8>>,
}

impl Listener {
    fn new(url: &str, protocol: &str) -> Self {
        Self::with_sink(url, protocol, "fakesink sync=true")
    }

    fn with_sink(url: &str, protocol: &str, sink: &str) -> Self {
        gst::init().unwrap();
        gstrtpmidi::plugin_register_static().unwrap();
        let launch =
            format!("rtspsrc location={url} protocols={protocol} latency=50 ! rtpmididepay name=depay ! {sink}");
        let pipeline: gst::Pipeline = gst::parse::launch(&launch).unwrap().downcast().unwrap();
        let (heard, messages) = channel();
        let pad = pipeline.by_name("depay").unwrap().static_pad("src").unwrap();
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
            let take = |buffer: &gst::BufferRef| drop(heard.send(buffer.map_readable().unwrap().to_vec()));
            match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => take(buffer),
                Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(take),
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        Self { pipeline, messages }
    }

    /// Goes into this state.
    fn reach(&self, state: gst::State) {
        self.pipeline.set_state(state).unwrap();
        let (changed, current, _) = self.pipeline.state(gst::ClockTime::from_seconds(60));
        assert_eq!((changed.is_ok(), current), (true, state));
    }

    /// What is heard up to this message.
    fn until(&self, last: &[u8]) -> Vec<Vec<u8>> {
        let mut heard = Vec::new();
        while heard.last().is_none_or(|message| message != last) {
            let next = self.messages.recv_timeout(kit::PATIENCE);
            heard.push(next.unwrap_or_else(|_| panic!("{last:02X?} never comes, but {heard:02X?}")));
        }
        heard
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn a_file_is_heard_from_its_start_over_udp_and_tcp() {
    let folder = Folder::new("rtsp-file");
    let server = Server::start(&folder, "Long song.mid", &SONG, &[]);
    for form in ["", "/native"] {
        for protocol in ["udp", "tcp"] {
            let listener = Listener::new(&server.url(&format!("{form}/files/Long%20song.mid")), protocol);
            let heard = listener.until(&[0x80, 60, 64]);
            assert_eq!(heard, SONG[..4].iter().map(|(_, message)| message.to_vec()).collect::<Vec<_>>(), "{protocol}");
        }
    }
}

#[test]
fn a_stock_client_knows_how_long_a_file_is_and_that_it_can_be_wound() {
    let folder = Folder::new("rtsp-length");
    let server = Server::start(&folder, "song.mid", &SONG, &[]);
    let sink = "midirender ! fakesink sync=true";
    let listener = Listener::with_sink(&server.url("/files/song.mid"), "udp", sink);
    listener.until(&[0x90, 60, 100]);
    let length = listener.pipeline.query_duration::<gst::ClockTime>().map(gst::ClockTime::mseconds);
    // 11,000 ticks, 500 a second.
    assert_eq!(length, Some(22_000));
    let mut query = gst::query::Seeking::new(gst::Format::Time);
    assert!(listener.pipeline.query(&mut query) && query.result().0);
}

#[test]
fn behind_a_seek_what_is_set_there_comes_before_the_first_note() {
    let folder = Folder::new("rtsp-seek");
    let server = Server::start(&folder, "song.mid", &SONG, &[]);
    for protocol in ["udp", "tcp"] {
        let listener = Listener::new(&server.url("/files/song.mid"), protocol);
        listener.until(&[0x90, 60, 100]);
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
        listener.pipeline.seek_simple(flags, gst::ClockTime::from_mseconds(19_500)).unwrap();
        let heard = listener.until(&[0x90, 62, 100]);
        for set in [&[0xC0, 41][..], &[0xB0, 7, 100], &[0xE0, 0, 70]] {
            assert!(heard.iter().any(|message| message == set), "{set:02X?} is not in {heard:02X?}");
        }
        let program = heard.iter().rfind(|message| message[0] == 0xC0);
        assert_eq!(program, Some(&vec![0xC0, 41]), "{heard:02X?}");
    }
}

#[test]
fn a_stock_client_that_has_paused_is_wound_and_plays_on_from_there() {
    let folder = Folder::new("rtsp-paused-seek");
    let server = Server::start(&folder, "song.mid", &SONG, &[]);
    let wind = |listener: &Listener, to| {
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
        listener.pipeline.seek_simple(flags, gst::ClockTime::from_mseconds(to)).unwrap();
    };
    // One that wants a message before it plays, and one that does not.
    let sinks = ["fakesink sync=true", "fakesink sync=true async=false"];
    for (protocol, sink) in ["udp", "tcp"].into_iter().flat_map(|protocol| sinks.map(|sink| (protocol, sink))) {
        let listener = Listener::with_sink(&server.url("/files/song.mid"), protocol, sink);
        listener.until(&[0x90, 60, 100]);
        for _ in 0..2 {
            listener.reach(gst::State::Paused);
            wind(&listener, 19_500);
            listener.reach(gst::State::Playing);
            let heard = listener.until(&[0x90, 62, 100]);
            assert!(heard.iter().any(|message| *message == [0xC0, 41]), "{protocol}: {heard:02X?}");
            listener.reach(gst::State::Paused);
            wind(&listener, 0);
            listener.reach(gst::State::Playing);
            listener.until(&[0x80, 60, 64]);
        }
    }
}

#[test]
fn what_players_with_few_voices_may_leave_out_is_said_at_the_start_of_a_file_and_behind_each_seek() {
    let folder = Folder::new("rtsp-mip");
    let server = Server::start(&folder, "song.mid", &SONG, &["--mip"]);
    let mip = [0xF0, 0x7F, 0x7F, 0x0B, 0x01, 0, 1, 0xF7];
    let listener = Listener::new(&server.url("/files/song.mid"), "tcp");
    assert_eq!(listener.until(&[0x90, 60, 100])[0], mip);
    listener.pipeline.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::from_mseconds(19_500)).unwrap();
    let heard = listener.until(&[0x90, 62, 100]);
    let at = |wanted: &[u8]| heard.iter().position(|message| message == wanted);
    assert!(at(&mip).is_some() && at(&mip) < at(&[0xC0, 41]), "{heard:02X?}");
}

#[test]
fn each_client_has_a_position_of_its_own() {
    let folder = Folder::new("rtsp-positions");
    let server = Server::start(&folder, "song.mid", &SONG, &[]);
    let first = Listener::new(&server.url("/files/song.mid"), "tcp");
    first.until(&[0x80, 60, 64]);
    let second = Listener::new(&server.url("/files/song.mid"), "tcp");
    assert_eq!(second.until(&[0x80, 60, 64]).len(), 4, "from the start");
}

#[test]
fn a_pause_ends_the_notes_that_sound_and_the_music_goes_on_behind_it() {
    let folder = Folder::new("rtsp-pause");
    let song: [(u16, &[u8]); 5] = [
        (0, &[0xB0, 64, 127]),
        (0, &[0x90, 60, 100]),
        (1500, &[0x90, 62, 100]),
        (500, &[0x80, 62, 64]),
        (500, &[0xC0, 1]),
    ];
    let server = Server::start(&folder, "song.mid", &song, &[]);
    let mut client = Client::play(&server, "/native/files/song.mid");
    assert_eq!(client.until(&[0x90, 60, 100]).len(), 2);
    client.request("PAUSE", "/native/files/song.mid", "");
    let heard = client.quiet();
    assert_eq!(heard, [vec![0xB0, 64, 0], vec![0x80, 60, 64]]);
    client.request("PLAY", "/native/files/song.mid", "");
    assert_eq!(client.until(&[0x90, 62, 100]), [vec![0xB0, 64, 127], vec![0x90, 62, 100]]);
}

#[test]
fn a_server_that_ends_leaves_no_note_behind() {
    let folder = Folder::new("rtsp-end");
    let song: [(u16, &[u8]); 2] = [(0, &[0x90, 60, 100]), (10000, &[0x80, 60, 64])];
    let server = Server::start(&folder, "song.mid", &song, &[]);
    let _live = Client::play(&server, "/live");
    let mut client = Client::play(&server, "/files/song.mid");
    client.until(&[0x90, 60, 100]);
    server.interrupt();
    client.until(&[0x80, 60, 64]);
    let ended = server.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn who_joins_late_is_set_as_the_others_by_the_first_packet() {
    let folder = Folder::new("rtsp-late");
    let song: [(u16, &[u8]); 7] = [
        (0, &[0xC0, 40]),
        (0, &[0xB1, 10, 20]),
        (0, &[0xE2, 0, 70]),
        (0, &[0x90, 60, 100]),
        (10, &[0x80, 60, 64]),
        (3000, &[0x90, 62, 100]),
        (5000, &[0x80, 62, 64]),
    ];
    let server = Server::start(&folder, "song.mid", &song, &["--start", "0:01"]);
    for form in ["", "/native"] {
        for protocol in ["udp", "tcp"] {
            let listener = Listener::new(&server.url(&format!("{form}/live")), protocol);
            let mut heard: Vec<_> =
                (0..3).map(|_| listener.messages.recv_timeout(Duration::from_secs(5)).unwrap()).collect();
            heard.sort();
            assert_eq!(heard, [vec![0xB1, 10, 20], vec![0xC0, 40], vec![0xE2, 0, 70]], "{protocol}");
        }
    }
}

#[test]
fn everybody_hears_the_same_moment_of_the_live_channel() {
    let folder = Folder::new("rtsp-live");
    let notes: Vec<[u8; 3]> = (20..100).map(|note| [0x90, note, 100]).collect();
    let song: Vec<(u16, &[u8])> = notes.iter().map(|note| (100, &note[..])).collect();
    let server = Server::start(&folder, "song.mid", &song, &[]);
    let early = Listener::new(&server.url("/live"), "udp");
    early.messages.recv_timeout(kit::PATIENCE).unwrap();
    let late = Listener::new(&server.url("/native/live"), "tcp");
    let moments = [&early, &late].map(|listener| {
        listener.until(&[0x90, 99, 100]);
        Instant::now()
    });
    assert!(moments[1] - moments[0] < Duration::from_secs(2), "{moments:?}");
    assert_eq!(Client::new(&server).ask("DESCRIBE", "/nothing", "").0, 404);
}

#[test]
fn the_description_is_the_reference_session_of_content_streaming() {
    let folder = Folder::new("rtsp-sdp");
    let server = Server::start(&folder, "song.mid", &SONG, &["--ptime", "50"]);
    for path in ["/live", "/files/song.mid", "/native/live", "/native/files/song.mid"] {
        let text = Client::new(&server).request("DESCRIBE", path, "Accept: application/sdp\r\n");
        let session = Session::parse(text.as_bytes()).unwrap();
        assert_eq!(session.title, "Test");
        let (media, stream) = session.first_stream().unwrap();
        let is_native = path.starts_with("/native");
        assert_eq!(stream.format, if is_native { Format::Native } else { Format::Mpeg4Generic }, "{text}");
        let config = stream.config(&media.transport).unwrap();
        assert_eq!(config.journal, Journal::Recovery(Policy::Anchor), "{text}");
        assert_eq!(config.timing, Timing::default(), "{text}");
        assert_eq!((config.ptime, config.max_ptime), (Some(2205), Some(2205)), "{text}");
        assert_eq!(stream.parameters.last("cm_unused"), Some("ABFGHMQTVX"), "{text}");
        assert!(!media.transport.is_multicast() && !text.contains("smf_info"), "{text}");
        if !is_native {
            assert_eq!(lint_for(&text, Some(Application::ContentStreaming)), [], "{text}");
        }
    }
}

#[test]
fn packets_are_of_the_length_that_is_described() {
    let folder = Folder::new("rtsp-even");
    // Chords that are broken in various ways, from 1 to 100 ms apart.
    let song: Vec<(u16, [u8; 3])> = (0..60).map(|n| (n * n % 67 * 3 / 2 + 1, [0x90, 30 + n as u8, 100])).collect();
    let song: Vec<(u16, &[u8])> = song.iter().map(|(ticks, message)| (*ticks, &message[..])).collect();
    let server = Server::start(&folder, "song.mid", &song, &["--ptime", "50", "--loop"]);
    let last = [0x90, 89, 100];
    let (mut file, mut live) = (Client::play(&server, "/files/song.mid"), Client::play(&server, "/live"));
    file.until(&last);
    live.until(&last);
    // From the beginning of the next round on.
    live.packets.clear();
    live.until(&last);
    for client in [file, live] {
        let mut lengths: Vec<u32> = client.packets.iter().filter_map(|packet| media_time(&packet[12..])).collect();
        // The last one ends with its file, behind which another may begin at once.
        lengths.pop();
        assert!(lengths.len() > 10 && lengths.iter().all(|length| *length == 2205), "{lengths:?}");
    }
}

/// Ticks that a packet with messages spans.
fn media_time(payload: &[u8]) -> Option<u32> {
    let mut list = Payload::decode(payload).unwrap().commands(0);
    list.by_ref().count().gt(&0).then(|| list.time())
}

#[test]
fn a_journal_with_which_nobody_could_come_late_is_refused() {
    let folder = Folder::new("rtsp-journal");
    let song = folder.write("song.mid", &kit::song(&SONG));
    let arguments = ["broadcast", kit::argument(&song), "--rtsp", "127.0.0.1:0", "--journal", "closed-loop"];
    kit::Program::start(&arguments).finish().failed_with("--rtsp needs --journal anchor");
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_is_written() {
    let folder = Folder::new("rtsp-port");
    let (song, sdp) = (folder.write("song.mid", &kit::song(&SONG)), folder.path("x.sdp"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let to = format!("udp://127.0.0.1:{}", kit::free_port());
    let arguments = ["broadcast", kit::argument(&song), "--to", &to, "--rtsp", &address, "--sdp", kit::argument(&sdp)];
    kit::Program::start(&arguments).finish().failed_with("cannot listen on 127.0.0.1:");
    assert!(!sdp.exists());
}
