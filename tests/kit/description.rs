//! Descriptions of streams on this machine, as the text that a listener gets.

use std::net::{IpAddr, Ipv4Addr};

use rtp_midi_sdp::{Direction, Media, Session, Stream, Transport};

/// UDP to this port.
pub fn localhost(port: u16) -> Transport {
    Transport::udp(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// A session of one stream.
pub fn print(stream: &Stream, transport: Transport) -> String {
    let media = Media::new(transport, Direction::ReceiveOnly, vec![stream.clone()]);
    Session { media: vec![media], ..Session::new("A test") }.print()
}
