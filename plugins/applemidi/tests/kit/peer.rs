//! A peer made of two bare sockets: what it is sent is looked at octet by octet.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::net::{SocketAddr, UdpSocket};

use super::PATIENCE;

/// One that invites a session on loopback.
pub(crate) struct Peer {
    /// Control and data.
    sockets: [UdpSocket; 2],
    to: [SocketAddr; 2],
}

/// What each invitation is told apart by.
const TOKEN: u32 = 7;

impl Peer {
    /// One that has not said anything to the session with this control port.
    pub(crate) fn new(control: SocketAddr) -> Self {
        let data = SocketAddr::new(control.ip(), control.port() + 1);
        let sockets = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        for socket in &sockets {
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        Self { sockets, to: [control, data] }
    }

    /// Invites the session on both ports, as this source.
    pub(crate) fn invite(&self, ssrc: u32) {
        for port in [0, 1] {
            self.send(port, &party(b"IN", ssrc, b"Peer\0"));
            self.wait(port, |octets| octets.starts_with(&[0xFF, 0xFF, b'O', b'K']));
        }
    }

    /// Compares clocks, so that it is known to be where it says.
    pub(crate) fn compare(&self, ssrc: u32) {
        let clock = |step: u8, times: &[u8]| {
            [&[0xFF, 0xFF, b'C', b'K'], &ssrc.to_be_bytes()[..], &[step, 0, 0, 0], times].concat()
        };
        self.send(1, &clock(0, &[0; 24]));
        let answer = self.wait(1, |octets| octets.starts_with(&[0xFF, 0xFF, b'C', b'K']) && octets[8] == 1);
        self.send(1, &clock(2, &answer[12..36]));
    }

    /// Leaves.
    pub(crate) fn leave(&self, ssrc: u32) {
        self.send(0, &party(b"BY", ssrc, b""));
    }

    /// The payload of the next RTP packet with a command, and the octets of the whole packet.
    pub(crate) fn music(&self) -> (Vec<u8>, usize) {
        let is_music = |octets: &[u8]| octets[0] == 0x80 && octets[12] & 0x8F != 0;
        let packet = self.wait(1, is_music);
        (packet[12..].to_vec(), packet.len())
    }

    fn send(&self, port: usize, octets: &[u8]) {
        self.sockets[port].send_to(octets, self.to[port]).unwrap();
    }

    fn wait(&self, port: usize, is_it: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut octets = [0; 2048];
        loop {
            let length = self.sockets[port].recv(&mut octets).unwrap();
            if is_it(&octets[..length]) {
                return octets[..length].to_vec();
            }
        }
    }
}

fn party(command: &[u8; 2], ssrc: u32, name: &[u8]) -> Vec<u8> {
    let [version, token, ssrc] = [2, TOKEN, ssrc].map(u32::to_be_bytes);
    [&[0xFF, 0xFF], &command[..], &version, &token, &ssrc, name].concat()
}
