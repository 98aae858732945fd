//! Who is slow to say PLAY of a live channel begins with what is played then: with the packet that the answer names, with
//! no gap behind it, and set by it as everybody else is.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod rtsp_client;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use gst::prelude::*;
use kit::{Folder, PATIENCE, argument};
use rtsp_client::{Client, Server, certificate};

/// Longer than any number of packets that a server may be thought to keep for whoever comes.
const HESITATION: Duration = Duration::from_secs(4);

/// The setting that each packet repeats, and a note every 24 ms, of which each second one only ends.
fn start(folder: &Folder, options: &[&str]) -> Server {
    let notes = (0..240).map(|note| (12, vec![0x90, 30 + note % 60, (note + 1) % 2 * 100]));
    let music: Vec<_> = [(0, vec![0xB0, 7, 90]), (0, vec![0xC0, 40])].into_iter().chain(notes).collect();
    let music: Vec<(u16, &[u8])> = music.iter().map(|(delta, message)| (*delta, &message[..])).collect();
    Server::start(folder, "song.mid", &music, &[&["--loop"], options].concat())
}

/// A client that has said SETUP, and where it gets packets that do not come in the connection.
struct Tuner {
    client: Client,
    socket: Option<UdpSocket>,
}

impl Tuner {
    fn new(server: &Server, path: &str, profile: &str, protocol: &str) -> Self {
        let mut client = Client::new(server);
        client.request("DESCRIBE", path, "Accept: application/sdp\r\n");
        let socket = (protocol == "udp").then(|| UdpSocket::bind("127.0.0.1:0").unwrap());
        let transport = match &socket {
            Some(socket) => {
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                let port = socket.local_addr().unwrap().port();
                // Reports go to a port where nobody needs them.
                format!("Transport: {profile};unicast;client_port={port}-{}\r\n", kit::free_port())
            }
            None => format!("Transport: {profile}/TCP;unicast;interleaved=0-1\r\n"),
        };
        client.request("SETUP", &format!("{path}/stream=0"), &transport);
        Self { client, socket }
    }

    /// The next packet, and when it came.
    fn next(&mut self) -> (Instant, Vec<u8>) {
        let packet = if let Some(socket) = &self.socket {
            let mut packet = vec![0; 2000];
            let length = socket.recv(&mut packet).unwrap();
            packet.truncate(length);
            packet
        } else {
            let known = self.client.packets.len();
            self.client.wait_for(|client| client.packets.len() > known);
            self.client.packets[known].clone()
        };
        (Instant::now(), packet)
    }

    /// Says PLAY, and listens to some packets.
    fn play(&mut self, path: &str) {
        self.client.request("PLAY", path, "Range: npt=0-\r\n");
        let named = self.client.rtp_info.clone();
        let packets: Vec<_> = (0..25).map(|_| self.next()).collect();
        let sequence = |packet: &[u8]| u16::from_be_bytes([packet[2], packet[3]]);
        let timestamp = |packet: &[u8]| u32::from_be_bytes(packet[4..8].try_into().unwrap());
        let first = sequence(&packets[0].1);
        assert!(named.ends_with(&format!("/stream=0;seq={first}")), "{named}, but {first} comes first");
        let sequences: Vec<u16> = packets.iter().map(|(_, packet)| sequence(packet)).collect();
        let expected: Vec<u16> = (0..25).map(|number| first.wrapping_add(number)).collect();
        assert_eq!(sequences, expected);
        // Packets come at their time: one that had waited would be seconds older than those behind it say.
        let ((came, early), (went, late)) = (&packets[0], packets.last().unwrap());
        let music = f64::from(timestamp(late).wrapping_sub(timestamp(early))) / 44_100.0;
        let taken = (*went - *came).as_secs_f64();
        assert!(music - taken < HESITATION.as_secs_f64() / 2.0, "{music} s of music in {taken} s");
    }
}

/// One that hesitates alone, one that does so while others play, and one that is quick.
fn tune_in(server: &Server, profile: &str) {
    for path in ["/live", "/native/live"] {
        let mut slow: Vec<_> = ["udp", "tcp"].map(|protocol| Tuner::new(server, path, profile, protocol)).into();
        // The first one is alone, the second one has company.
        for tuner in &mut slow {
            std::thread::sleep(HESITATION);
            tuner.play(path);
        }
        for protocol in ["tcp", "udp"] {
            Tuner::new(server, path, profile, protocol).play(path);
        }
    }
}

#[test]
fn a_listener_begins_with_the_packet_that_the_answer_names_however_late_it_says_play() {
    let folder = Folder::new("tuning-in");
    tune_in(&start(&folder, &[]), "RTP/AVP");
}

#[test]
fn so_does_one_whose_packets_are_sealed() {
    let folder = Folder::new("tuning-in-sealed");
    let (both, _) = certificate(&folder);
    tune_in(&start(&folder, &["--srtp", "--rtsp-certificate", argument(&both)]), "RTP/SAVP");
}

#[test]
fn the_stock_client_that_was_slow_is_set_before_the_first_note_and_misses_nothing() {
    let folder = Folder::new("tuning-in-stock");
    let server = start(&folder, &[]);
    gst::init().unwrap();
    gstrtpmidi::plugin_register_static().unwrap();
    for protocol in ["udp", "tcp"] {
        let launch = format!(
            "rtspsrc name=source location={} protocols={protocol} latency=50 ! rtpmididepay name=depay ! fakesink",
            server.url("/live")
        );
        let pipeline: gst::Pipeline = gst::parse::launch(&launch).unwrap().downcast().unwrap();
        let depay = pipeline.by_name("depay").unwrap();
        let (heard, messages) = std::sync::mpsc::channel();
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
        // It says PLAY when it plays.
        pipeline.set_state(gst::State::Paused).unwrap();
        std::thread::sleep(HESITATION);
        pipeline.set_state(gst::State::Playing).unwrap();
        let heard: Vec<Vec<u8>> = (0..22).map(|_| messages.recv_timeout(PATIENCE).unwrap()).collect();
        let mut set: Vec<_> = heard[..2].iter().map(|message| message[..2].to_vec()).collect();
        set.sort();
        assert_eq!(set, [vec![0xB0, 7], vec![0xC0, 40]], "{protocol}: {heard:02X?}");
        let notes: Vec<u8> = heard.iter().filter(|message| message[0] == 0x90).map(|message| message[1]).collect();
        // Two may be of the journal, which has notes to be played that have begun within a tenth of a second.
        let before = |note: u8| (notes[2] + 60 - note) % 60;
        assert!(before(notes[0]) <= 4 && before(notes[1]) < before(notes[0]), "{protocol}: {notes:?}");
        assert!(notes[2..].windows(2).all(|pair| pair[1] == 30 + (pair[0] - 29) % 60), "{protocol}: {notes:?}");
        pipeline.set_state(gst::State::Null).unwrap();
    }
}
