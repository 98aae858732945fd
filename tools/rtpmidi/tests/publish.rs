//! `broadcast --publish`: a media server on gst-rtsp-server to which the program sends a channel (RTSP RECORD).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_rtsp_server::prelude::*;
use gst_rtsp_server::{RTSPMediaFactory, RTSPServer, RTSPTransportMode};
use kit::{Folder, Objects, PATIENCE, Program, argument};

const SONG: [(u16, &[u8]); 5] = [
    (0, &[0xC0, 40]),
    (500, &[0x90, 60, 100]),
    (500, &[0x80, 60, 64]),
    (500, &[0x92, 62, 100]),
    (500, &[0x82, 62, 64]),
];

/// A server that takes what is published as `/mount`.
struct MediaServer {
    main: glib::MainLoop,
    thread: Option<JoinHandle<()>>,
    server: RTSPServer,
    port: u16,
    /// The messages that come, and the parameters of the stream they are in.
    messages: Receiver<Vec<u8>>,
    /// How often somebody has said TEARDOWN. A connection that is only closed is none of that.
    farewells: Arc<AtomicU32>,
}

impl MediaServer {
    fn start(port: u16) -> Self {
        gst::init().unwrap();
        gstrtpmidi::plugin_register_static().unwrap();
        let context = glib::MainContext::new();
        let main = glib::MainLoop::new(Some(&context), false);
        let server = RTSPServer::new();
        server.set_address("127.0.0.1");
        server.set_service(&port.to_string());
        let factory = RTSPMediaFactory::new();
        factory.set_launch("( rtpmididepay name=depay0 ! fakesink sync=false async=false )");
        factory.set_transport_mode(RTSPTransportMode::RECORD);
        factory.set_latency(50);
        let (heard, messages) = channel();
        factory.connect_media_constructed(move |_, media| listen(media, &heard));
        server.mount_points().unwrap().add_factory("/mount", factory);
        let farewells = Arc::new(AtomicU32::new(0));
        let said = farewells.clone();
        server.connect_client_connected(move |_, client| {
            let said = said.clone();
            client.connect_teardown_request(move |_, _| {
                said.fetch_add(1, Ordering::Relaxed);
            });
        });
        server.attach(Some(&context)).unwrap();
        let port = u16::try_from(server.bound_port()).unwrap();
        let running = main.clone();
        let thread = std::thread::spawn(move || running.run());
        Self { main, thread: Some(thread), server, port, messages, farewells }
    }

    fn url(&self) -> String {
        format!("rtsp://127.0.0.1:{}/mount", self.port)
    }

    /// How many have published here and not gone.
    fn publishers(&self) -> usize {
        self.server.session_pool().map_or(0, |sessions| sessions.n_sessions() as usize)
    }

    /// How often somebody has said TEARDOWN.
    fn farewells(&self) -> u32 {
        self.farewells.load(Ordering::Relaxed)
    }

    /// The messages up to this one.
    fn until(&self, last: &[u8]) -> Vec<Vec<u8>> {
        let mut heard: Vec<Vec<u8>> = Vec::new();
        while heard.last().is_none_or(|message| message != last) {
            heard.push(self.messages.recv_timeout(PATIENCE).unwrap());
        }
        heard
    }
}

fn listen(media: &gst_rtsp_server::RTSPMedia, heard: &Sender<Vec<u8>>) {
    let heard = heard.clone();
    let depay = media.element().downcast::<gst::Bin>().unwrap().by_name("depay0").unwrap();
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    depay.static_pad("src").unwrap().add_probe(kinds, move |_, info| {
        let take = |buffer: &gst::BufferRef| drop(heard.send(buffer.map_readable().unwrap().to_vec()));
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => take(buffer),
            Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(take),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

impl Drop for MediaServer {
    fn drop(&mut self) {
        self.main.quit();
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn what_is_published_is_the_channel() {
    let folder = Folder::new("publish");
    let server = MediaServer::start(0);
    let song = folder.write("song.mid", &kit::song(&SONG));
    let program = Program::start(&["broadcast", argument(&song), "--publish", &server.url(), "--json"]);
    let messages: Vec<Vec<u8>> = SONG.iter().map(|(_, message)| message.to_vec()).collect();
    assert_eq!(server.until(&[0x82, 62, 64]), messages);
    let ended = program.finish();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ended.objects("published")[0]["url"], server.url());
    assert_eq!(server.farewells(), 1, "TEARDOWN is said once");
}

#[test]
fn a_channel_that_is_over_leaves_the_media_server_while_its_files_are_still_served() {
    let folder = Folder::new("publish-over");
    let media = MediaServer::start(0);
    let song = folder.write("song.mid", &kit::song(&SONG));
    let arguments = ["broadcast", argument(&song), "--publish", &media.url(), "--rtsp", "127.0.0.1:0", "--json"];
    let mut program = Program::start_with_open_stdout(&arguments);
    let objects = Objects::of(&mut program);
    media.until(&[0x82, 62, 64]);
    assert_eq!(media.publishers(), 1);
    let began = Instant::now();
    while media.publishers() > 0 {
        assert!(began.elapsed() < PATIENCE, "it stays");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(media.farewells(), 1, "TEARDOWN is said, and not only the connection closed");
    assert!(program.is_running(), "the files are served");
    drop(objects);
    program.interrupted();
}

#[test]
fn a_place_that_cannot_be_is_refused_without_its_password() {
    for place in ["rtsp://anna:secret@host:port/x", "http://anna:secret@host/x", "jazz=rtsp://anna:secret@/x"] {
        let ended = Program::start(&["broadcast", "x.mid", "--publish", place]).finish();
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.starts_with("error: invalid value for '--publish': "), "{ended:?}");
        assert!(!ended.stderr.contains("secret"), "{ended:?}");
    }
}

#[test]
fn a_server_that_comes_up_later_is_set_by_the_first_packet() {
    let folder = Folder::new("publish-late");
    let port = kit::free_port();
    let url = format!("rtsp://127.0.0.1:{port}/mount");
    let song = folder.write("song.mid", &kit::song(&[(0, &[0xC0, 40]), (16000, &[0x90, 1, 1])]));
    let mut program = Program::start_with_open_stdout(&["broadcast", argument(&song), "--publish", &url, "--json"]);
    let objects = Objects::of(&mut program);
    objects.wait_for("the broadcast", PATIENCE, |object| object["type"] == "progress");
    let server = MediaServer::start(port);
    assert_eq!(server.until(&[0xC0, 40]), [[0xC0, 40]]);
    objects.wait_for("the word of it", PATIENCE, |object| object["type"] == "published" && object["url"] == url);
    let ended = program.interrupted();
    assert_eq!(ended.code, Some(0));
    let warning = format!("warning: {url}: ");
    assert!(ended.stderr.starts_with(&warning) && ended.stderr.lines().count() == 1, "{ended:?}");
}
