//! Captures for the tests of `rtpmidi monitor`: UDP datagrams in pcap and pcapng files.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::net::{Ipv4Addr, SocketAddrV4};

use rtp_midi::midi::Command;
use rtp_midi::{Config, Sender};

/// A datagram between two ports of 10.0.0.1 and 10.0.0.2, a tenth of a second behind the one before.
#[derive(Clone)]
pub(crate) struct Datagram {
    pub(crate) from: SocketAddrV4,
    pub(crate) to: SocketAddrV4,
    pub(crate) octets: Vec<u8>,
}

pub(crate) fn datagram(from: u16, to: u16, octets: &[u8]) -> Datagram {
    let address = |last, port| SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, last), port);
    Datagram { from: address(1, from), to: address(2, to), octets: octets.to_vec() }
}

impl Datagram {
    /// In IP and UDP, without checksums.
    pub(crate) fn packet(&self) -> Vec<u8> {
        let length = self.octets.len() + 28;
        let mut packet = vec![0x45, 0];
        packet.extend((length as u16).to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
        packet.extend(self.from.ip().octets());
        packet.extend(self.to.ip().octets());
        for half in [self.from.port(), self.to.port(), length as u16 - 20, 0] {
            packet.extend(half.to_be_bytes());
        }
        packet.extend(&self.octets);
        packet
    }
}

/// A pcap file of raw IP.
pub(crate) fn pcap(datagrams: &[Datagram]) -> Vec<u8> {
    pcap_of(101, datagrams.iter().map(Datagram::packet))
}

/// A pcap file of frames of a link type.
pub(crate) fn pcap_of(link: u32, frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut file: Vec<u8> =
        [0xA1B2_C3D4, 2 << 16 | 4, 0, 0, 65_535, link].into_iter().flat_map(u32::to_be_bytes).collect();
    for (index, frame) in frames.into_iter().enumerate() {
        let (tenths, length) = (index as u32, frame.len() as u32);
        let header = [1_700_000_000 + tenths / 10, tenths % 10 * 100_000, length, length];
        file.extend(header.into_iter().flat_map(u32::to_be_bytes));
        file.extend(frame);
    }
    file
}

/// A pcapng file, little endian, of two interfaces: one of Ethernet without any frames, one of raw IP whose time has
/// units of a nanosecond.
pub(crate) fn pcapng(datagrams: &[Datagram]) -> Vec<u8> {
    let mut file = block(0x0A0D_0D0A, &[0x4D, 0x3C, 0x2B, 0x1A, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    file.extend(block(1, &[1, 0, 0, 0, 0, 0, 1, 0]));
    file.extend(block(1, &[101, 0, 0, 0, 0, 0, 1, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]));
    for (tenths, datagram) in (0_u64..).zip(datagrams) {
        let (packet, time) = (datagram.packet(), 1_700_000_000_000_000_000 + tenths * 100_000_000);
        let length = packet.len() as u32;
        let words = [1, (time >> 32) as u32, time as u32, length, length];
        let mut body: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        body.extend(packet);
        file.extend(block(6, &body));
    }
    file
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = body.len().next_multiple_of(4) - body.len();
    let length = (12 + body.len() + padding) as u32;
    let mut block = [kind.to_le_bytes(), length.to_le_bytes()].concat();
    block.extend(body);
    block.extend(&[0; 3][..padding]);
    block.extend(length.to_le_bytes());
    block
}

/// An RTP packet.
pub(crate) fn rtp(payload_type: u8, sequence: u16, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 100).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

/// RTP packets of one of our senders, one for each command, with payload type 97 and numbers from 10 on.
pub(crate) fn stream(ssrc: u32, commands: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut sender = Sender::new(Config::new(44_100), 10);
    let packets = commands.iter().enumerate().map(|(index, octets)| {
        let time = 1000 + 100 * index as u32;
        sender.queue(time, Command::decode(octets).unwrap().0).unwrap();
        let mut payload = Vec::new();
        let sequence = sender.packet(time, &mut payload).sequence;
        rtp(97, sequence, ssrc, &payload)
    });
    packets.collect()
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|index| u8::from_str_radix(&text[index..index + 2], 16).unwrap()).collect()
}
