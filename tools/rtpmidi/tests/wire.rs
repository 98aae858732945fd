//! What a broadcast puts on the wire, as a plain socket sees it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use kit::{Folder, PATIENCE, Program, argument, free_port, song};

/// An RTP packet and when it came.
struct Packet {
    at: Instant,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    payload: Vec<u8>,
}

/// Both sockets of a listener that only looks on.
struct Wire {
    port: u16,
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

impl Wire {
    fn open() -> Self {
        let port = free_port();
        let socket = |port| {
            let socket = UdpSocket::bind(("127.0.0.1", port)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
        };
        Self { port, rtp: socket(port), rtcp: socket(port + 1) }
    }

    fn to(&self) -> String {
        format!("udp://127.0.0.1:{}", self.port)
    }

    fn packet(&self) -> Packet {
        let mut octets = [0; 2000];
        let length = self.rtp.recv(&mut octets).expect("a packet comes");
        let number = |at: usize| u32::from_be_bytes(octets[at..at + 4].try_into().unwrap());
        assert_eq!((octets[0], octets[1] & 0x7F), (0x80, 96));
        Packet {
            at: Instant::now(),
            sequence: number(0) as u16,
            timestamp: number(4),
            ssrc: number(8),
            payload: octets[12..length].to_vec(),
        }
    }

    /// All packets until RTCP says BYE.
    fn packets_until_bye(&self) -> Vec<Packet> {
        self.rtp.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        self.rtcp.set_nonblocking(true).unwrap();
        let started = Instant::now();
        let mut packets = Vec::new();
        let mut octets = [0; 2000];
        loop {
            if self.rtp.peek(&mut octets).is_ok() {
                packets.push(self.packet());
            } else if self.rtcp.recv(&mut octets).is_ok_and(|length| says_bye(&octets[..length])) {
                return packets;
            }
            assert!(started.elapsed() < PATIENCE, "no BYE");
        }
    }
}

/// Whether a compound RTCP packet has a BYE in it.
fn says_bye(mut compound: &[u8]) -> bool {
    while let &[_, kind, high, low, ..] = compound {
        let length = 4 * (usize::from(high) << 8 | usize::from(low)) + 4;
        if kind == 203 {
            return true;
        }
        compound = compound.get(length..).unwrap_or_default();
    }
    false
}

/// Whether the MIDI list of a packet has this message in it, uncompressed by running status or at its start.
fn has(packet: &Packet, message: &[u8]) -> bool {
    packet.payload.windows(message.len()).any(|window| window == message)
}

/// A note of half a second, and another half second of nothing.
fn one_note(key: u8) -> Vec<u8> {
    song(&[(0, &[0x90, key, 100]), (250, &[0x80, key, 64]), (250, &[0xB0, 7, 100])])
}

#[test]
fn files_follow_each_other_as_one_stream() {
    let folder = Folder::new("follow");
    let files = [60, 62, 64, 65, 67].map(|key| folder.write(&format!("{key}.mid"), &one_note(key)));
    let wire = Wire::open();
    let mut arguments = vec!["broadcast"];
    arguments.extend(files.iter().map(|file| argument(file)));
    let to = wire.to();
    arguments.extend(["--to", &to, "--speed", "4", "--ptime", "0", "--journal", "none", "--json"]);
    let program = Program::start(&arguments);
    let packets = wire.packets_until_bye();
    let ended = program.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");

    for pair in packets.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert_eq!(pair[1].ssrc, pair[0].ssrc);
        assert!(pair[1].timestamp.wrapping_sub(pair[0].timestamp) < 1 << 31, "time does not go back");
    }
    // Each file lasts a second, played in a quarter of one: 11025 ticks.
    let starts: Vec<&Packet> = [60, 62, 64, 65, 67]
        .map(|key| packets.iter().find(|packet| has(packet, &[0x90, key, 100])).expect("each note is sent"))
        .to_vec();
    for pair in starts.windows(2) {
        let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!(ticks.abs_diff(11_025) <= 2, "{ticks} ticks between files");
    }
    let seconds = starts[4].at.duration_since(starts[0].at).as_secs_f64();
    assert!(seconds > 0.9, "four files of 0.25 s took {seconds} s");
    let summary = ended.summary();
    assert_eq!(summary["events"], 15);
    assert_eq!(summary["packets"], packets.len());
    let octets: usize = packets.iter().map(|packet| packet.payload.len() + 12).sum();
    assert_eq!(summary["octets"], octets);
    assert_eq!(summary["journal_octets"], 0);
}

#[test]
fn what_a_file_leaves_down_is_let_go_before_the_next() {
    let folder = Folder::new("leaves");
    // The parser ends notes; the pedal is for the program to lift.
    let careless = song(&[(0, &[0xB2, 64, 127]), (0, &[0x92, 60, 100]), (250, &[0x92, 62, 100])]);
    let files = [folder.write("1.mid", &careless), folder.write("2.mid", &one_note(72))];
    let wire = Wire::open();
    let program = Program::start(&[
        "broadcast",
        argument(&files[0]),
        argument(&files[1]),
        "--to",
        &wire.to(),
        "--journal",
        "none",
        "--ptime",
        "0",
    ]);
    let packets = wire.packets_until_bye();
    assert_eq!(program.finish().code, Some(0));
    let place = |message: &[u8]| packets.iter().position(|packet| has(packet, message)).expect("it is sent");
    let next = place(&[0x90, 72, 100]);
    for release in [[0xB2, 64, 0], [0x82, 60, 64], [0x82, 62, 64]] {
        assert!(place(&release) < next, "{release:02x?}");
    }
}

#[test]
fn a_loop_plays_until_ctrl_c() {
    let folder = Folder::new("loop");
    let file = folder.write("x.mid", &one_note(60));
    let wire = Wire::open();
    let program = Program::start(&[
        "broadcast",
        argument(&file),
        "--to",
        &wire.to(),
        "--speed",
        "10",
        "--loop",
        "--journal",
        "none",
    ]);
    let mut rounds = 0;
    while rounds < 5 {
        rounds += u32::from(has(&wire.packet(), &[0x90, 60, 100]));
    }
    program.interrupt();
    let packets = wire.packets_until_bye();
    let ended = program.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(packets.len() > 1, "guard packets, and perhaps what sounded");
    wire.rtp.set_nonblocking(true).unwrap();
    assert!(wire.rtp.recv(&mut [0; 2000]).is_err(), "nothing follows the BYE, though another round waits");
}

#[test]
fn ctrl_c_ends_the_notes_that_sound() {
    let folder = Folder::new("ctrl-c");
    // The note and the pedal would last for 30 seconds.
    let hour = [(0, &[0x93, 60, 100][..]), (0, &[0xB3, 64, 127]), (15_000, &[0x83, 60, 64]), (0, &[0xB3, 64, 0])];
    let file = folder.write("x.mid", &song(&hour));
    let wire = Wire::open();
    let program = Program::start(&["broadcast", argument(&file), "--to", &wire.to(), "--journal", "none", "--json"]);
    assert!(has(&wire.packet(), &[0x93, 60, 100]));
    let pressed = Instant::now();
    program.interrupt();
    let packets = wire.packets_until_bye();
    assert!(packets.iter().any(|packet| has(packet, &[0xB3, 64, 0])), "the pedal goes up");
    assert!(packets.iter().any(|packet| has(packet, &[0x83, 60, 64])), "the note ends");
    let ended = program.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(pressed.elapsed() < Duration::from_secs(15), "nobody waits for the end of the music");
    assert_eq!(ended.summary()["events"], 4);
}

#[test]
fn a_later_start_restores_what_was_before_it() {
    let folder = Folder::new("start");
    let early = song(&[
        (0, &[0xC0, 19]),
        (0, &[0x90, 60, 100]),
        (250, &[0x80, 60, 64]),
        (250, &[0x90, 72, 90]),
        (250, &[0x80, 72, 64]),
    ]);
    let file = folder.write("x.mid", &early);
    let wire = Wire::open();
    let program = Program::start(&["broadcast", argument(&file), "--to", &wire.to(), "--start", "0.9", "--json"]);
    let packets = wire.packets_until_bye();
    assert_eq!(program.finish().code, Some(0));
    assert!(has(&packets[0], &[0xC0, 19]), "the program is there");
    assert!(packets.iter().any(|packet| has(packet, &[72, 90])));
    assert!(!packets.iter().any(|packet| has(packet, &[60, 100])), "what is over is not played");

    let late = Program::start(&["broadcast", argument(&file), "--to", &wire.to(), "--start", "5"]).finish();
    late.failed_with("x.mid ends at 0:01, before the --start");
}

#[test]
fn the_description_is_there_before_the_first_packet() {
    let folder = Folder::new("description");
    let file = folder.write("x.mid", &one_note(60));
    let sdp = folder.path("x.sdp");
    let wire = Wire::open();
    let program = Program::start(&[
        "broadcast",
        argument(&file),
        "--to",
        &wire.to(),
        "--sdp",
        argument(&sdp),
        "--guardtime",
        "500",
        "--speed",
        "10",
    ]);
    wire.packet();
    let text = std::fs::read_to_string(&sdp).expect("the description is there");
    for line in [
        "s=Test\r\n".to_owned(),
        "c=IN IP4 127.0.0.1\r\n".to_owned(),
        format!("m=audio {} RTP/AVP 96\r\n", wire.port),
        "a=rtpmap:96 rtp-midi/44100\r\n".to_owned(),
        "a=fmtp:96 cm_unused=ABFGHMPQTVWX; j_sec=recj; j_update=anchor; ch_never=ADEFMPQTVWX; rtp_ptime=441; \
         guardtime=22050\r\n"
            .to_owned(),
        "a=recvonly\r\n".to_owned(),
    ] {
        assert!(text.contains(&line), "{line:?} is missing in {text}");
    }
    assert_eq!(program.finish().code, Some(0));
}

#[test]
fn a_journal_is_in_every_packet_unless_there_is_none() {
    let folder = Folder::new("journal");
    let file = folder.write("x.mid", &one_note(60));
    for (policy, journal) in [("anchor", true), ("closed-loop", true), ("open-loop", true), ("none", false)] {
        let wire = Wire::open();
        let program = Program::start(&[
            "broadcast",
            argument(&file),
            "--to",
            &wire.to(),
            "--journal",
            policy,
            "--speed",
            "8",
            "--json",
        ]);
        let packets = wire.packets_until_bye();
        assert!(packets.iter().all(|packet| (packet.payload[0] & 0x40 != 0) == journal), "{policy}");
        let summary = program.finish().summary();
        assert_eq!(summary["journal_octets"].as_u64().unwrap() > 0, journal, "{policy}");
        let (all, without) = (&summary["bit_rate"], &summary["bit_rate_without_journal"]);
        assert_eq!(all.as_f64() > without.as_f64(), journal, "{policy}: {all} {without}");
    }
}
