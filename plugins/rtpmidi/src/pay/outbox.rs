//! Packets on their way from the packer to the source pad, in one allocation that is used again.

use rtp_midi::Packet;

/// Packets in the order in which they are to be pushed.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    octets: Vec<u8>,
    packets: Vec<Ready>,
}

#[derive(Debug)]
struct Ready {
    pts: Option<gst::ClockTime>,
    marker: bool,
    sequence: u16,
    end: usize,
}

/// One packet without its RTP header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Outgoing<'a> {
    pub(super) pts: Option<gst::ClockTime>,
    pub(super) marker: bool,
    pub(super) sequence: u16,
    pub(super) payload: &'a [u8],
}

impl Outbox {
    /// Adds the packet whose payload `write` appends.
    pub(super) fn push(&mut self, pts: Option<gst::ClockTime>, write: impl FnOnce(&mut Vec<u8>) -> Packet) -> Packet {
        let packet = write(&mut self.octets);
        let Packet { marker, sequence, .. } = packet;
        self.packets.push(Ready { pts, marker, sequence, end: self.octets.len() });
        packet
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Outgoing<'_>> {
        let mut start = 0;
        self.packets.iter().map(move |packet| {
            let payload = &self.octets[std::mem::replace(&mut start, packet.end)..packet.end];
            Outgoing { pts: packet.pts, marker: packet.marker, sequence: packet.sequence, payload }
        })
    }

    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.packets.clear();
    }
}
