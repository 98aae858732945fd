//! What RTCP comes in. gst-rtsp-server takes it from anybody; a report with the SSRC of the stream itself makes it say
//! goodbye to all listeners, and each SSRC that it has not heard of costs memory.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_rtsp_server::gio::{InetSocketAddress, prelude::*};
use gst_rtsp_server::gst_net::NetAddressMeta;
use rtcp_types::{Compound, Packet, SdesChunk};

use super::door::Door;

/// Stands in front of the RTP sessions of one stream.
#[derive(Clone)]
pub(super) struct Gate {
    door: Door,
    speakers: Arc<Mutex<HashMap<IpAddr, Speakers>>>,
}

/// Who has spoken from one address.
struct Speakers {
    /// Each SSRC, and when it was heard last.
    sources: Vec<(u32, Instant)>,
    /// Packets in this second, and when it began.
    packets: (u32, Instant),
}

/// SSRCs at a time for each client of an address: a listener has one, and another when it begins anew.
const SOURCES: u32 = 3;

/// Packets in a second for each client of an address.
const PACKETS: u32 = 25;

/// An SSRC that has been silent for so long gives its place away.
const SILENCE: Duration = Duration::from_secs(30);

impl Gate {
    pub(super) fn new(door: Door) -> Self {
        Self { door, speakers: Arc::default() }
    }

    /// Stands in front of the pads for RTCP that this `rtpbin` will have.
    pub(super) fn guard(&self, rtpbin: &gst::Element) {
        let gate = self.clone();
        rtpbin.connect_pad_added(move |rtpbin, pad| {
            let Some(session) = pad.name().strip_prefix("recv_rtcp_sink_").and_then(|number| number.parse().ok())
            else {
                return;
            };
            let (gate, rtpbin) = (gate.clone(), rtpbin.downgrade());
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                let ours = rtpbin.upgrade().map(|rtpbin| internal_ssrc(&rtpbin, session));
                match info.buffer() {
                    Some(packet) if !gate.admits(packet, ours, Instant::now()) => gst::PadProbeReturn::Drop,
                    _ => gst::PadProbeReturn::Ok,
                }
            });
        });
    }

    fn admits(&self, packet: &gst::BufferRef, ours: Option<u32>, now: Instant) -> bool {
        let Some(peer) = sender(packet) else { return false };
        let clients = self.door.inside(peer.ip());
        let Ok(octets) = packet.map_readable() else { return false };
        let Some(speaker) = speaker(&octets).filter(|speaker| clients > 0 && Some(*speaker) != ours) else {
            return false;
        };
        let mut speakers = self.speakers.lock().unwrap_or_else(PoisonError::into_inner);
        if !speakers.contains_key(&peer.ip()) {
            speakers.retain(|address, _| self.door.inside(*address) > 0);
        }
        let here = speakers.entry(peer.ip()).or_insert_with(|| Speakers { sources: Vec::new(), packets: (0, now) });
        let is_in = here.admit(speaker, clients, now);
        drop(speakers);
        if is_in {
            // Its length stands in front of it where it came inside the RTSP connection.
            self.door.read(peer, octets.len() + 4);
        }
        is_in
    }
}

impl Speakers {
    fn admit(&mut self, speaker: u32, clients: u32, now: Instant) -> bool {
        if now.saturating_duration_since(self.packets.1) >= Duration::from_secs(1) {
            self.packets = (0, now);
        }
        self.packets.0 = self.packets.0.saturating_add(1);
        if self.packets.0 > clients.saturating_mul(PACKETS) {
            return false;
        }
        if let Some((_, heard)) = self.sources.iter_mut().find(|(source, _)| *source == speaker) {
            *heard = now;
            return true;
        }
        self.sources.retain(|(_, heard)| now.saturating_duration_since(*heard) < SILENCE);
        let has_room = self.sources.len() < clients.saturating_mul(SOURCES) as usize;
        if has_room {
            self.sources.push((speaker, now));
        }
        has_room
    }
}

/// Who speaks in a compound packet, where it is one source and it speaks of itself; of SRTCP only the beginning can be
/// read, and the rest is authentic when it has been decrypted.
fn speaker(octets: &[u8]) -> Option<u32> {
    let mut speakers = Vec::new();
    for packet in Compound::parse(octets).ok()? {
        match packet.ok()? {
            Packet::Sr(report) => speakers.push(report.ssrc()),
            Packet::Rr(report) => speakers.push(report.ssrc()),
            Packet::Sdes(description) => speakers.extend(description.chunks().map(SdesChunk::ssrc)),
            Packet::Bye(bye) => speakers.extend(bye.ssrcs()),
            Packet::App(app) => speakers.push(app.ssrc()),
            Packet::TransportFeedback(feedback) => speakers.push(feedback.sender_ssrc()),
            Packet::PayloadFeedback(feedback) => speakers.push(feedback.sender_ssrc()),
            Packet::Xr(_) | Packet::Unknown(_) => {}
        }
    }
    let first = *speakers.first()?;
    speakers.iter().all(|speaker| *speaker == first).then_some(first)
}

/// Where a packet came from.
fn sender(packet: &gst::BufferRef) -> Option<SocketAddr> {
    let address = packet.meta::<NetAddressMeta>()?.addr().downcast::<InetSocketAddress>().ok()?;
    let host: IpAddr = address.address().to_str().parse().ok()?;
    Some(SocketAddr::new(host.to_canonical(), address.port()))
}

/// The SSRC of our side of a session.
fn internal_ssrc(rtpbin: &gst::Element, session: u32) -> u32 {
    let session: glib::Object = rtpbin.emit_by_name("get-internal-session", &[&session]);
    session.property("internal-ssrc")
}
