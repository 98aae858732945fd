//! A stream from gst-rtsp-server to `rtspsrc`: the description that the server writes from our caps, and what is heard.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::fs;
use std::sync::mpsc::channel;

use gst::glib;
use gst::prelude::*;
use gst_rtsp_server::prelude::*;
use gst_rtsp_server::{RTSPMediaFactory, RTSPServer};
use gst_sdp::SDPMessage;
use kit::pipeline::{self, Folder, Tap};
use kit::{smf, song};
use rtp_midi::{Config, Format, Journal, Policy};
use rtp_midi_sdp::{Parameters, Session};

/// A server on a port of its own, in a thread of its own.
struct Server {
    main: glib::MainLoop,
    port: i32,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    /// Serves `/scale`, which this pipeline makes.
    fn start(launch: &str) -> Self {
        pipeline::init();
        let context = glib::MainContext::new();
        let main = glib::MainLoop::new(Some(&context), false);
        let server = RTSPServer::new();
        server.set_address("127.0.0.1");
        server.set_service("0");
        let factory = RTSPMediaFactory::new();
        factory.set_launch(launch);
        server.mount_points().unwrap().add_factory("/scale", factory);
        let (started, port) = channel();
        let running = main.clone();
        let thread = std::thread::spawn(move || {
            context
                .with_thread_default(|| {
                    server.attach(Some(&context)).unwrap();
                    started.send(server.bound_port()).unwrap();
                    running.run();
                })
                .unwrap();
        });
        Self { main, port: port.recv().unwrap(), thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.main.quit();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Plays the scale over RTSP; returns what is heard, the server's description, and what the depayloader knows.
fn play(properties: &str, protocol: &str) -> (Vec<Vec<u8>>, String, Option<String>) {
    let folder = Folder::new("rtsp");
    fs::write(folder.path("scale.mid"), song::scale()).unwrap();
    let song = folder.path("scale.mid");
    let server = Server::start(&format!(
        "( filesrc location={} ! smfparse ! rtpmidipay name=pay0 pt=97 {properties} )",
        song.display()
    ));
    let client = pipeline::parse(&format!(
        "rtspsrc name=src location=rtsp://127.0.0.1:{}/scale protocols={protocol} latency=100 \
         ! rtpmididepay name=depay ! fakesink",
        server.port
    ));
    let (told, description) = channel();
    client.by_name("src").unwrap().connect("on-sdp", false, move |arguments| {
        told.send(arguments[1].get::<SDPMessage>().unwrap().as_text().unwrap()).unwrap();
        None
    });
    let depay = client.by_name("depay").unwrap();
    let tap = Tap::new(&depay);
    client.set_state(gst::State::Playing).unwrap();
    let heard = tap.take(smf::messages(&song::scale()).len());
    let known = depay.property("fmtp");
    client.set_state(gst::State::Null).unwrap();
    (heard, description.try_iter().next().unwrap(), known)
}

fn config(parameters: &Parameters, format: Format) -> Config {
    parameters.config(44_100, format).unwrap()
}

#[test]
fn the_description_of_the_server_is_that_of_the_payloader_and_the_stream_is_heard() {
    let line =
        "cm_unused=XA; cm_used=4A; j_update=closed-loop; ch_never=E; ch_default=C192; rtp_ptime=0; rtp_maxptime=0";
    for protocol in ["udp", "tcp"] {
        let (heard, description, known) = play(&format!("fmtp=\"{line}\""), protocol);
        assert_eq!(heard, smf::messages(&song::scale()), "over {protocol}");
        let session = Session::parse(description.as_bytes()).unwrap();
        let (_, stream) = session.first_stream().unwrap();
        assert_eq!((stream.payload_type, stream.clock_rate, stream.format), (97, 44_100, Format::Native));
        let expected = config(&Parameters::parse(line), Format::Native);
        assert_eq!(config(&stream.parameters, Format::Native), expected, "{description}");
        assert_eq!(config(&Parameters::parse(&known.unwrap()), Format::Native), expected);
    }
}

#[test]
fn a_server_whose_transport_is_not_known_yet_describes_its_journal_by_policy_alone() {
    for (properties, policy) in [("", Policy::ClosedLoop), ("journal=anchor", Policy::Anchor)] {
        let (_, description, _) = play(properties, "udp");
        assert!(["j_sec", "tsmode", "smf_info"].iter().all(|name| !description.contains(name)), "{description}");
        let session = Session::parse(description.as_bytes()).unwrap();
        let (media, stream) = session.first_stream().unwrap();
        assert!(!media.transport.is_multicast());
        let expected = Config { journal: Journal::Recovery(policy), ..Config::new(44_100) };
        assert_eq!(stream.config(&media.transport), Ok(expected));
    }
}
