//! Clients of `broadcast --rtsp` that mean ill, or fail: others hear every packet, and the server stays small.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod rtsp_client;

use std::io::Write;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kit::{Folder, PATIENCE, free_port};
use rtsp_client::{Client, Server};
use socket2::{Domain, Socket, Type};

/// Music of a minute, with a packet every 50 ms.
fn music() -> Vec<(u16, [u8; 3])> {
    (0..1200).map(|note| (25, [0x90, 30 + (note % 60) as u8, (note % 2) as u8 * 100])).collect()
}

fn start(folder: &Folder, options: &[&str]) -> Server {
    let music = music();
    let music: Vec<(u16, &[u8])> = music.iter().map(|(ticks, message)| (*ticks, &message[..])).collect();
    Server::start(folder, "song.mid", &music, &[&["--loop"], options].concat())
}

/// A listener that behaves, in a thread of its own.
struct Witness {
    done: Arc<AtomicBool>,
    listener: JoinHandle<Client>,
}

impl Witness {
    fn of(server: &Server) -> Self {
        let usher = Usher::of(server);
        let mut client = Client::play(server, "/live");
        client.next();
        drop(usher);
        let done = Arc::new(AtomicBool::new(false));
        let is_done = done.clone();
        let listener = std::thread::spawn(move || {
            while !is_done.load(Ordering::SeqCst) {
                client.next();
            }
            client
        });
        Self { done, listener }
    }

    /// Says what has come: each packet, in order, and no goodbye. Returns the client, which still listens.
    fn testify(self) -> Client {
        self.done.store(true, Ordering::SeqCst);
        let mut client = self.listener.join().expect("the witness has been served to the end");
        let so_far = client.sequences.len();
        while client.sequences.len() < so_far + 20 {
            client.next();
        }
        let gap = client.sequences.windows(2).find(|pair| pair[1] != pair[0].wrapping_add(1));
        assert_eq!((gap, client.goodbyes), (None, 0));
        client
    }
}

/// A listener before all others. The first one of a channel is asked to wait with a packet that is as old as its SETUP, and
/// on a slow machine misses what comes up to its PLAY.
struct Usher {
    _client: Client,
    _socket: UdpSocket,
}

impl Usher {
    fn of(server: &Server) -> Self {
        let (port, socket) = udp("127.0.0.1");
        let client = Client::play_over(server, "/live", &format!("RTP/AVP;unicast;client_port={port}-{}", port + 1));
        for _ in 0..3 {
            socket.recv(&mut [0; 2048]).unwrap();
        }
        Self { _client: client, _socket: socket }
    }
}

/// Whether a server still answers who comes.
fn serves(server: &Server) {
    let mut client = Client::play(server, "/files/song.mid");
    assert!(client.until(&[0x90, 31, 100]).len() >= 2);
}

#[test]
fn headers_without_end_are_not_kept() {
    let folder = Folder::new("hostile-headers");
    let server = start(&folder, &[]);
    let witness = Witness::of(&server);
    let (before, _) = server.costs();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let mut client = TcpStream::connect(&server.address).unwrap();
            scope.spawn(move || {
                client.write_all(b"OPTIONS rtsp://localhost/live RTSP/1.0\r\n").unwrap();
                // Half a minute of this was 400 MiB.
                let began = Instant::now();
                while client.write_all(&b"A:b\r\n".repeat(1000)).is_ok() {
                    assert!(began.elapsed() < PATIENCE, "headers are read for ever");
                }
            });
        }
    });
    let (after, _) = server.costs();
    assert!(after < before + 64 * 1024, "{before} kB before, {after} kB after");
    witness.testify();
    serves(&server);
}

#[test]
fn reports_by_udp_are_no_excuse_for_headers_without_end() {
    let folder = Folder::new("hostile-excuse");
    let server = start(&folder, &[]);
    let witness = Witness::of(&server);
    let (port, udp) = udp("127.0.0.1");
    // The connection has the number of the port that reports come from.
    let connection = connect_from(([127, 0, 0, 1], port), &server.address);
    let mut client = connection.try_clone().unwrap();
    let mut listener = Client::on(connection, &server);
    listener.request("DESCRIBE", "/live", "Accept: application/sdp\r\n");
    let transport = format!("Transport: RTP/AVP;unicast;client_port={port}-{}\r\n", port + 1);
    listener.request("SETUP", "/live/stream=0", &transport);
    listener.request("PLAY", "/live", "");
    let to: u16 = listener.transport("server_port").split_once('-').unwrap().1.parse().unwrap();
    let application = [&[0x80, 204, 0x20, 0x01, 0, 0, 0, 1][..], b"TEST", &vec![0; 0x2000 * 4 - 4]].concat();
    let report = [&[0x80, 201, 0, 1, 0, 0, 0, 1][..], &application].concat();
    let began = Instant::now();
    client.write_all(b"OPTIONS rtsp://localhost/live RTSP/1.0\r\n").unwrap();
    while client.write_all(&b"A:b\r\n".repeat(1000)).is_ok() {
        udp.send_to(&report, ("127.0.0.1", to)).unwrap();
        assert!(began.elapsed() < PATIENCE, "headers are read for ever");
        // As often as reports count.
        std::thread::sleep(Duration::from_millis(50));
    }
    witness.testify();
}

#[test]
fn reports_in_the_connection_are_read_whatever_they_say() {
    let folder = Folder::new("hostile-chatty");
    let server = start(&folder, &[]);
    let mut client = Client::play(&server, "/live");
    // More than may come without making a request complete, and in the name of too many.
    for source in 0..2000_u32 {
        let report = [&b"$\x01\0\x20"[..], &[0x80, 201, 0, 1], &source.to_be_bytes(), &[0x80, 204, 0, 5], &[0; 20]];
        assert!(client.send(&report.concat()), "it is let go");
        if source % 20 == 0 {
            client.next();
        }
    }
    let before = client.packets.len();
    client.wait_for(|client| client.packets.len() > before + 50);
}

#[test]
fn octets_of_all_kinds_disturb_nobody() {
    let folder = Folder::new("hostile-octets");
    let server = start(&folder, &["--rtsp-clients-per-address", "100"]);
    let witness = Witness::of(&server);
    let (_, before) = server.costs();
    let long = "a".repeat(70_000);
    let noise: Vec<u8> = (0..3000_u32).map(|octet| (octet.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let kinds: [Vec<u8>; 10] = [
        noise.clone(),
        [b"$\x07\xFF\xFF", &noise[..]].concat(),
        [b"$\x01\x00\x04ab", &noise[..]].concat(),
        format!("DESCRIBE rtsp://{long} RTSP/1.0\r\nCSeq: 1\r\n\r\n").into_bytes(),
        format!("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: {long}\r\n\r\n").into_bytes(),
        b"SET_PARAMETER * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 999999999999\r\n\r\n".to_vec(),
        b"GET /live HTTP/1.0\r\nx-sessioncookie: 1\r\n\r\n".to_vec(),
        b"POST /live HTTP/1.0\r\nx-sessioncookie: 1\r\n\r\n".to_vec(),
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n".to_vec(),
        b"SETUP * RTSP/2.0\r\n\r\n\r\n\r\n".to_vec(),
    ];
    for octets in kinds.iter().cycle().take(50) {
        let mut connection = TcpStream::connect(&server.address).unwrap();
        // The server may have enough before it has all.
        let _ = connection.write_all(octets);
    }
    witness.testify();
    let began = Instant::now();
    while server.costs().1 > before {
        assert!(began.elapsed() < PATIENCE, "connections stay that have been closed");
        std::thread::sleep(Duration::from_millis(10));
    }
    serves(&server);
}

#[test]
fn requests_are_answered_as_they_deserve() {
    let folder = Folder::new("hostile-requests");
    let server = start(&folder, &[]);
    let witness = Witness::of(&server);
    for (range, headers, status) in [
        ("npt=-", "", 400),
        ("x", "", 400),
        ("", "Speed: 1e30\r\n", 451),
        ("", "Speed: nan\r\n", 451),
        ("", "Scale: -1\r\n", 451),
        ("", "Scale: 2\r\n", 200),
        ("npt=10-", "", 200),
    ] {
        let mut client = Client::play(&server, "/files/song.mid");
        client.request("PAUSE", "/files/song.mid", "");
        let range = if range.is_empty() { String::new() } else { format!("Range: {range}\r\n") };
        let answer = client.ask("PLAY", "/files/song.mid", &format!("{range}{headers}"));
        assert_eq!(answer.0, status, "{range}{headers}");
    }
    for range in ["npt=1e300-", "npt=nan-", "npt=30-10", "clock=99999999T999999Z-", "smpte=99:99:99-", "npt=-5-"] {
        let mut client = Client::play(&server, "/files/song.mid");
        client.request("PAUSE", "/files/song.mid", "");
        // Whatever it is told.
        client.ask("PLAY", "/files/song.mid", &format!("Range: {range}\r\n"));
    }
    for transport in [
        "RTP/AVP;multicast",
        "RTP/AVP;multicast;destination=239.1.2.3;port=7000-7001;ttl=255",
        "RTP/AVP;unicast;client_port=70000-99999",
        "RTP/AVP/TCP;unicast;interleaved=1000-1001",
        "RTP/AVP/TCP;unicast;interleaved=-7-300",
        "RTP/AVP;unicast;mode=record;client_port=9000-9001",
        "nonsense",
    ] {
        let mut client = Client::new(&server);
        let answer = client.ask("SETUP", "/live/stream=0", &format!("Transport: {transport}\r\n"));
        assert_eq!(answer.0, 461, "{transport}");
    }
    witness.testify();
    serves(&server);
}

#[test]
fn a_stream_that_plays_is_paused_before_it_is_wound() {
    let folder = Folder::new("hostile-wind");
    let server = start(&folder, &[]);
    let mut client = Client::play(&server, "/files/song.mid");
    assert_eq!(client.ask("PLAY", "/files/song.mid", "Range: npt=30-\r\n").0, 455);
    for round in 0..20 {
        client.request("PAUSE", "/files/song.mid", "");
        client.request("PLAY", "/files/song.mid", &format!("Range: npt={}-\r\n", (round * 17) % 59));
    }
}

#[test]
fn a_session_has_one_stream() {
    let folder = Folder::new("hostile-streams");
    let server = start(&folder, &[]);
    let mut client = Client::play(&server, "/files/song.mid");
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=2-3\r\n";
    for path in ["/native/files/song.mid", "/live", "/native/live"] {
        assert_eq!(client.ask("SETUP", &format!("{path}/stream=0"), transport).0, 453, "{path}");
    }
    assert_eq!(client.ask("SETUP", "/files/song.mid/stream=0", transport).0, 200, "the one it has");
}

#[test]
fn thousands_of_connections_from_one_address_leave_room_for_others() {
    let folder = Folder::new("hostile-crowd");
    let server = start(&folder, &["--rtsp-clients-per-address", "10"]);
    let witness = Witness::of(&server);
    let (_, before) = server.costs();
    let (done, came) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let (address, done, came) = (&server.address, &done, &came);
        scope.spawn(move || {
            let mut crowd = Vec::new();
            while !done.load(Ordering::SeqCst) {
                crowd.extend(TcpStream::connect(address));
                crowd.drain(..crowd.len().saturating_sub(300));
                came.fetch_add(1, Ordering::SeqCst);
            }
        });
        let began = Instant::now();
        while came.load(Ordering::SeqCst) < 300 {
            assert!(began.elapsed() < PATIENCE, "nobody comes");
            std::thread::sleep(Duration::from_millis(1));
        }
        for _ in 0..5 {
            let mut other = Client::on(connect_from(([127, 0, 0, 2], 0), &server.address), &server);
            other.request("DESCRIBE", "/live", "Accept: application/sdp\r\n");
            let (_, descriptors) = server.costs();
            assert!(descriptors < before + 60, "{before} descriptors before, {descriptors} now");
        }
        done.store(true, Ordering::SeqCst);
    });
    witness.testify();
}

#[test]
fn who_asks_without_end_is_let_go() {
    let folder = Folder::new("hostile-eager");
    let server = start(&folder, &[]);
    let witness = Witness::of(&server);
    let mut client = Client::new(&server);
    let began = Instant::now();
    while client.send(&b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".repeat(100)) {
        assert!(began.elapsed() < PATIENCE, "it is answered for ever");
    }
    witness.testify();
}

#[test]
fn who_does_not_read_holds_nobody_up() {
    let folder = Folder::new("hostile-half-open");
    let panel = [&[0xF0][..], &vec![0x55; 1000], &[0xF7]].concat();
    let event = [&[0xF0, 0x87, 0x69][..], &panel[1..]].concat();
    let music: Vec<(u16, &[u8])> = (0..1000).map(|_| (10, &event[..])).collect();
    let server = Server::start(&folder, "song.mid", &music, &["--loop", "--ch-never", "X"]);
    let usher = Usher::of(&server);
    let (port, udp) = udp("127.0.0.1");
    let listener = Client::play_over(&server, "/live", &format!("RTP/AVP;unicast;client_port={port}-{}", port + 1));
    // The only one over TCP: gst-rtsp-server would wait for it, with all others.
    let mut deaf = Client::play(&server, "/live");
    let (mut sequences, mut packet) = (Vec::new(), [0; 2048]);
    while sequences.len() < 400 {
        let length = udp.recv(&mut packet).unwrap();
        assert!(length > 12);
        sequences.push(u16::from_be_bytes([packet[2], packet[3]]));
    }
    let gap = sequences.windows(2).find(|pair| pair[1] != pair[0].wrapping_add(1));
    assert_eq!(gap, None);
    // It is let go with what is on its way.
    assert!(deaf.rest().len() < 4 << 20);
    drop((listener, usher));
}

#[test]
fn packets_go_to_the_client_and_end_with_its_connection() {
    let folder = Folder::new("hostile-destination");
    let server = start(&folder, &[]);
    let (port, own) = udp("127.0.0.1");
    let other = UdpSocket::bind(("127.0.0.2", port)).unwrap();
    other.set_nonblocking(true).unwrap();
    let transport = format!("RTP/AVP;unicast;destination=127.0.0.2;client_port={port}-{}", port + 1);
    let client = Client::play_over(&server, "/live", &transport);
    let mut packet = [0; 2048];
    for _ in 0..10 {
        own.recv(&mut packet).unwrap();
    }
    assert!(other.recv(&mut packet).is_err(), "a packet goes to somebody who has not asked for it");
    // Gone without a word.
    drop(client);
    own.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let began = Instant::now();
    while own.recv(&mut packet).is_ok() {
        assert!(began.elapsed() < PATIENCE, "packets go on");
    }
}

#[test]
fn who_comes_by_udp_after_others_by_tcp_is_answered() {
    let folder = Folder::new("hostile-both");
    let server = start(&folder, &[]);
    let witness = Witness::of(&server);
    let (port, udp) = udp("127.0.0.1");
    let _client = Client::play_over(&server, "/live", &format!("RTP/AVP;unicast;client_port={port}-{}", port + 1));
    udp.recv(&mut [0; 2048]).unwrap();
    witness.testify();
}

#[test]
fn reports_of_others_and_in_the_name_of_the_stream_change_nothing() {
    let folder = Folder::new("hostile-reports");
    let server = start(&folder, &[]);
    let witness = Witness::of(&server);
    let (port, udp) = udp("127.0.0.1");
    let listener = Client::play_over(&server, "/live", &format!("RTP/AVP;unicast;client_port={port}-{}", port + 1));
    let stream = u32::from_str_radix(listener.transport("ssrc"), 16).unwrap();
    let reports: u16 = listener.transport("server_port").split_once('-').unwrap().1.parse().unwrap();
    let (before, _) = server.costs();
    let strangers = ["127.0.0.1:0", "127.0.0.2:0"].map(|address| UdpSocket::bind(address).unwrap());
    let report = |speaker: u32, gone: &[u32]| {
        let mut packet = vec![0x80, 201, 0, 1];
        packet.extend(speaker.to_be_bytes());
        packet.extend([0x80 | gone.len() as u8, 203, 0, gone.len() as u8]);
        packet.extend(gone.iter().flat_map(|source| source.to_be_bytes()));
        packet
    };
    for stranger in &strangers {
        // As the stream: gst-rtsp-server would take it for a collision, and say goodbye to all.
        stranger.send_to(&report(stream, &[stream]), ("127.0.0.1", reports)).unwrap();
        // In the name of others.
        stranger.send_to(&report(1, &[stream, 2, 3]), ("127.0.0.1", reports)).unwrap();
        for source in 0..20_000 {
            stranger.send_to(&report(source, &[source]), ("127.0.0.1", reports)).unwrap();
        }
    }
    udp.recv(&mut [0; 2048]).unwrap();
    let (after, _) = server.costs();
    assert!(after < before + 16 * 1024, "{before} kB before, {after} kB after");
    let mut witness = witness.testify();
    // The goodbye would come with one of the next reports of the server.
    let reports = witness.reports;
    while witness.reports < reports + 2 {
        witness.next();
    }
    assert_eq!(witness.goodbyes, 0);
}

/// A socket at an even port of this address, and that port; the one above is free.
fn udp(address: &str) -> (u16, UdpSocket) {
    let port = free_port();
    let socket = UdpSocket::bind((address, port)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    (port, socket)
}

/// A connection from this address of this machine.
fn connect_from(address: ([u8; 4], u16), server: &str) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(address).into()).unwrap();
    socket.connect(&server.parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.into()
}
