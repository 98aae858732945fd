//! From file to file by way of everything: `aplaymidi`, a broadcast, a network that loses packets, a listener,
//! `arecordmidi`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::net::UdpSocket;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rtp_midi::payload::Payload;
use smf_timeline::{Body, Division, Song, Track, encode_file};

use crate::kit::{Folder, Program, argument, description, free_port};
use crate::random::Random;
use crate::sequencer::{Tool, address, play};
use crate::vm::{self, Busy};

/// A message, and when: nanoseconds.
pub(crate) type Timed = (u64, Vec<u8>);

/// What came of it.
pub(crate) struct Outcome {
    /// What `arecordmidi` has heard.
    pub(crate) recorded: Vec<Timed>,
    /// What the packets brought that were not lost.
    pub(crate) carried: Vec<Vec<u8>>,
    pub(crate) packets: usize,
    pub(crate) lost: usize,
}

/// Ticks in half a second of what is played: each takes a millisecond.
const PLAYED: u16 = 500;

/// The same of what is recorded, which is to be more exact than what it judges.
const RECORDED: u16 = 25_000;

/// Plays messages at their milliseconds through a network that loses so many of a hundred packets.
pub(crate) fn carry(messages: &[(u64, Vec<u8>)], loss: u64) -> Outcome {
    let folder = Folder::new("chain");
    let mut track = Track::new();
    for (millisecond, octets) in messages {
        track.message(*millisecond, octets).unwrap();
    }
    let song = folder.write("song.mid", &encode_file(0, Division::Quarter(PLAYED), &[track]));
    let (from, to, recording) = (free_port(), free_port(), folder.path("recorded.mid"));
    let sdp = folder.write("x.sdp", description(to).as_bytes());

    let busy = Busy::start();
    let network = Network::open(from, to, loss);
    let listener = Program::start(&["listen", argument(&sdp), "--alsa", "--json"]);
    let url = format!("udp://127.0.0.1:{from}");
    let broadcast = Program::start(&["broadcast", "alsa:", "--to", &url, "--guardtime", "300", "--json"]);
    address(&broadcast, "in");
    // The listener's port opens with the first packet, which comes though nobody plays.
    let recorder = Tool::recorder(&listener, RECORDED.into(), &recording);
    assert!(Command::new("aplaymidi").arg("-l").output().unwrap().status.success());
    for process in [broadcast.id(), listener.id(), recorder.id(), std::process::id()] {
        vm::read_the_files_of(process);
    }
    drop(busy);
    // Two seconds of packets tell a listener how long they take at least, and when they are to be heard; time leaps here.
    std::thread::sleep(Duration::from_secs(3));
    play(&broadcast, &song);
    // What has been read keeps time from leaping far; what is left of a System Exclusive may take its time.
    assert_eq!(broadcast.interrupted().code, Some(0));
    // It has been told goodbye.
    let listener = listener.finish();
    assert_eq!((listener.code, &listener.summary()["hanging_notes"]), (Some(0), &0.into()), "{listener:?}");
    recorder.stop();
    let Packets { all, lost, carried } = network.close();
    let recorded = Song::read(&fs::read(&recording).unwrap(), 0).unwrap();
    let message = |event: smf_timeline::Event<'_>| match event.body {
        Body::Message(octets) => Some((event.time, octets.to_vec())),
        Body::Meta(_) => None,
    };
    let recorded = recorded.events().filter_map(message).collect();
    Outcome { recorded, carried, packets: all, lost }
}

/// Carries datagrams between two pairs of ports, some of them.
struct Network {
    ended: Arc<AtomicBool>,
    rtp: JoinHandle<Packets>,
    rtcp: JoinHandle<Packets>,
}

/// The RTP packets that came.
#[derive(Default)]
struct Packets {
    all: usize,
    lost: usize,
    carried: Vec<Vec<u8>>,
}

impl Network {
    /// Carries what comes to the port `from` of the loopback address to the port `to`, less so many of a hundred packets,
    /// and all that comes to the port above to the one above.
    fn open(from: u16, to: u16, loss: u64) -> Self {
        let ended = Arc::<AtomicBool>::default();
        let start = |offset: u16, loss| {
            let socket = UdpSocket::bind(("127.0.0.1", from + offset)).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            let until = ended.clone();
            std::thread::spawn(move || {
                let (mut packets, mut random, mut octets) = (Packets::default(), Random::new(1), [0; 2000]);
                while !until.load(Ordering::SeqCst) {
                    let Ok(length) = socket.recv(&mut octets) else { continue };
                    packets.all += 1;
                    if random.happens(loss) {
                        packets.lost += 1;
                        continue;
                    }
                    socket.send_to(&octets[..length], ("127.0.0.1", to + offset)).unwrap();
                    if offset == 0 {
                        packets.carried.extend(messages(&octets[..length]));
                    }
                }
                packets
            })
        };
        Self { rtp: start(0, loss), rtcp: start(1, 0), ended }
    }

    fn close(self) -> Packets {
        self.ended.store(true, Ordering::SeqCst);
        self.rtcp.join().unwrap();
        self.rtp.join().unwrap()
    }
}

/// The messages in the list of a packet, which has neither sources nor an extension in its header.
fn messages(packet: &[u8]) -> Vec<Vec<u8>> {
    let list = Payload::decode(&packet[12..]).unwrap();
    let octets = |command: rtp_midi::midi::Command<'_>| {
        let mut octets = Vec::new();
        command.encode(&mut octets);
        octets
    };
    list.commands(0).map(|timed| octets(timed.unwrap().command)).collect()
}
