//! The program as an RTSP server, and a client that has its packets in the RTSP connection (RFC 2326, 10.12).

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write, copy};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rtp_midi::inspect::inspect;

use crate::kit::{Ended, Folder, Objects, PATIENCE, Program, argument, song};

/// The program, serving.
pub(crate) struct Server {
    program: Program,
    /// Read by nobody else, lest the program take its reader for gone.
    pub(crate) objects: Objects,
    /// With its colon.
    scheme: String,
    pub(crate) address: String,
}

impl Server {
    /// Serves a song under this name.
    pub(crate) fn start(folder: &Folder, name: &str, messages: &[(u16, &[u8])], options: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", folder, name, messages, options)
    }

    /// The same at this address.
    pub(crate) fn start_at(
        address: &str,
        folder: &Folder,
        name: &str,
        messages: &[(u16, &[u8])],
        options: &[&str],
    ) -> Self {
        let file = folder.write(name, &song(messages));
        let arguments = [&["broadcast", argument(&file), "--rtsp", address, "--json"], options].concat();
        Self::of(Program::start_with_open_stdout(&arguments))
    }

    /// A program that serves, with `--json`.
    pub(crate) fn of(mut program: Program) -> Self {
        let objects = Objects::of(&mut program);
        let serving = objects.wait_for("the server", PATIENCE, |object| object["type"] == "serving");
        let url = serving["urls"][0].as_str().unwrap();
        let [scheme, address] = [0, 2].map(|part| url.split('/').nth(part).unwrap().to_owned());
        Self { program, objects, scheme, address }
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) {
        self.program.interrupt();
    }

    /// Kibibytes of memory that it has, and open descriptors.
    pub(crate) fn costs(&self) -> (u64, usize) {
        let process = format!("/proc/{}", self.program.id());
        let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let memory = memory.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        (memory, std::fs::read_dir(format!("{process}/fd")).unwrap().count())
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(self) {
        self.program.kill();
    }

    /// Waits for the end.
    pub(crate) fn end(self) -> Ended {
        self.program.finish()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}//{}{path}", self.scheme, self.address)
    }
}

/// A certificate of this machine with its private key, and the same certificate for those who are to trust it.
pub(crate) fn certificate(folder: &Folder) -> (PathBuf, PathBuf) {
    let line = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key -out cert && cat cert key";
    let made = Program::shell(line, folder).finish();
    (folder.write("both.pem", made.stdout.as_bytes()), folder.path("cert"))
}

/// A client of one stream.
pub(crate) struct Client {
    connection: BufReader<TcpStream>,
    server: String,
    number: u32,
    session: String,
    /// What the server has made of the last `Transport`.
    transport: String,
    /// What it has said of the packets to come (`RTP-Info`).
    pub(crate) rtp_info: String,
    messages: VecDeque<Vec<u8>>,
    /// Sequence numbers of the packets.
    pub(crate) sequences: Vec<u16>,
    /// RTCP packets, and how many of them said goodbye.
    pub(crate) reports: u32,
    pub(crate) goodbyes: u32,
    /// RTP and RTCP as they came.
    pub(crate) packets: Vec<Vec<u8>>,
    pub(crate) rtcp: Vec<Vec<u8>>,
}

impl Client {
    pub(crate) fn new(server: &Server) -> Self {
        let is_secure = server.scheme == "rtsps:";
        Self::on(if is_secure { tls(server) } else { TcpStream::connect(&server.address).unwrap() }, server)
    }

    /// A client on a connection that is there.
    pub(crate) fn on(connection: TcpStream, server: &Server) -> Self {
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            connection: BufReader::new(connection),
            server: server.address.clone(),
            number: 0,
            session: String::new(),
            transport: String::new(),
            rtp_info: String::new(),
            messages: VecDeque::new(),
            sequences: Vec::new(),
            reports: 0,
            goodbyes: 0,
            packets: Vec::new(),
            rtcp: Vec::new(),
        }
    }

    /// A client to which the stream at this path is played.
    pub(crate) fn play(server: &Server, path: &str) -> Self {
        Self::play_over(server, path, "RTP/AVP/TCP;unicast;interleaved=0-1")
    }

    /// The same over this transport.
    pub(crate) fn play_over(server: &Server, path: &str, transport: &str) -> Self {
        let mut client = Self::new(server);
        client.request("DESCRIBE", path, "Accept: application/sdp\r\n");
        client.request("SETUP", &format!("{path}/stream=0"), &format!("Transport: {transport}\r\n"));
        client.request("PLAY", path, "Range: npt=0-\r\n");
        client
    }

    /// A parameter of the transport, as the server has answered.
    pub(crate) fn transport(&self, name: &str) -> &str {
        let mut parameters = self.transport.split(';').filter_map(|parameter| parameter.split_once('='));
        parameters.find(|(key, _)| *key == name).unwrap_or_else(|| panic!("no {name} in {}", self.transport)).1
    }

    /// Sends a request, which succeeds; returns the body of the response.
    pub(crate) fn request(&mut self, method: &str, path: &str, headers: &str) -> String {
        let (status, body) = self.ask(method, path, headers);
        assert_eq!(status, 200, "{method} {path}: {body}");
        body
    }

    /// Sends a request; returns status and body of the response.
    pub(crate) fn ask(&mut self, method: &str, path: &str, headers: &str) -> (u16, String) {
        self.number += 1;
        let mut request =
            format!("{method} rtsp://{}{path} RTSP/1.0\r\nCSeq: {}\r\n{headers}", self.server, self.number);
        if !self.session.is_empty() {
            request.push_str("Session: ");
            request.push_str(&self.session);
            request.push_str("\r\n");
        }
        self.connection.get_mut().write_all((request + "\r\n").as_bytes()).unwrap();
        while self.packet(b'R') {}
        let mut line = String::new();
        self.connection.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut length = 0;
        loop {
            line.clear();
            self.connection.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name {
                "Content-Length" => length = value.parse().unwrap(),
                "Transport" => value.clone_into(&mut self.transport),
                "RTP-Info" => value.clone_into(&mut self.rtp_info),
                "Session" => self.session = value.split(';').next().unwrap().to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.connection.read_exact(&mut body).unwrap();
        (status, String::from_utf8(body).unwrap())
    }

    /// Goes on as one who has no session.
    pub(crate) fn forget_session(&mut self) {
        self.session.clear();
    }

    /// Takes a packet, unless what comes next begins with `end`.
    fn packet(&mut self, end: u8) -> bool {
        let next = self.connection.fill_buf().unwrap()[0];
        if next == end {
            return false;
        }
        let mut head = [0; 4];
        self.connection.read_exact(&mut head).unwrap();
        assert_eq!(head[0], b'$');
        let mut packet = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
        self.connection.read_exact(&mut packet).unwrap();
        if head[1] == 1 {
            self.reports += 1;
            self.goodbyes += packet_types(&packet).filter(|kind| *kind == 203).count() as u32;
            self.rtcp.push(packet);
        } else {
            self.sequences.push(u16::from_be_bytes([packet[2], packet[3]]));
            let payload = &packet[12..];
            for command in inspect(payload, 0).commands {
                let mut octets = Vec::new();
                command.timed.command.encode(&mut octets);
                self.messages.push_back(octets);
            }
            self.packets.push(packet);
        }
        true
    }

    /// Takes what comes next, a packet of music or a report.
    pub(crate) fn next(&mut self) {
        assert!(self.packet(0));
        self.messages.clear();
    }

    /// Sends octets as they are; false when the server has closed the connection.
    pub(crate) fn send(&mut self, octets: &[u8]) -> bool {
        self.connection.get_mut().write_all(octets).is_ok()
    }

    /// Reads up to the end of the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut octets = Vec::new();
        let mut buffer = [0; 4096];
        // A connection that is closed while there is something to read breaks.
        while let Ok(length @ 1..) = self.connection.read(&mut buffer) {
            octets.extend(&buffer[..length]);
        }
        octets
    }

    /// The messages up to this one.
    pub(crate) fn until(&mut self, last: &[u8]) -> Vec<Vec<u8>> {
        let mut heard: Vec<Vec<u8>> = Vec::new();
        while heard.last().is_none_or(|message| message != last) {
            match self.messages.pop_front() {
                Some(message) => heard.push(message),
                None => assert!(self.packet(0)),
            }
        }
        heard
    }

    /// Takes packets until there is one such as this among them.
    pub(crate) fn wait_for(&mut self, is_there: impl Fn(&Self) -> bool) {
        while !is_there(self) {
            assert!(self.packet(0));
        }
    }

    /// The messages that came, where no more come for a second.
    pub(crate) fn quiet(&mut self) -> Vec<Vec<u8>> {
        self.connection.get_mut().set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        while self.connection.fill_buf().is_ok() {
            self.packet(0);
        }
        self.connection.get_mut().set_read_timeout(Some(PATIENCE)).unwrap();
        self.messages.drain(..).collect()
    }
}

/// A connection to a server over TLS, as `openssl` makes it.
fn tls(server: &Server) -> TcpStream {
    let mut openssl = Command::new("openssl");
    openssl.args(["s_client", "-quiet", "-connect", &server.address]).stderr(Stdio::null());
    let mut openssl = openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut secret, mut opened) = (openssl.stdin.take().unwrap(), openssl.stdout.take().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut from, _) = listener.accept().unwrap();
    let mut to = from.try_clone().unwrap();
    // As `dyn`, so that nothing is spliced: where that waits for the network, nobody else gets at the pipe.
    std::thread::spawn(move || {
        let _ = copy(&mut opened as &mut dyn Read, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    std::thread::spawn(move || {
        // It ends with the client, or with the server.
        let _ = copy(&mut from as &mut dyn Read, &mut secret);
        let _ = openssl.kill();
        let _ = openssl.wait();
    });
    client
}

/// The types of the packets in a compound.
fn packet_types(mut compound: &[u8]) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let [_, kind, high, low, ..] = *compound else { return None };
        let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        compound = &compound[length.min(compound.len())..];
        Some(kind)
    })
}
