//! What RTCP comes in. gst-rtsp-server takes it from anybody; a report with the SSRC of the stream itself makes it say
//! goodbye to all listeners, and each SSRC that it has not heard of costs memory.
//!
//! ```text
//!         rtpbin ┌──────────────────────────────┐
//! clients ──┬───▶│ (srtpdec) ──┬──▶ rtpsession  │
//!           │    └─────────────┼────────────────┘
//!   from a client?      who speaks, and for whom?
//! ```

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_rtsp_server::gio::{InetSocketAddress, prelude::*};
use gst_rtsp_server::gst_net::NetAddressMeta;
use rtcp_types::{Compound, Packet, SdesChunk};

use super::door::Door;
use crate::elements;
use crate::lock::lock;

/// Stands in front of the RTP sessions of one stream.
#[derive(Clone)]
pub(super) struct Gate {
    door: Door,
    speakers: Arc<Mutex<HashMap<IpAddr, Speakers>>>,
}

/// What shows that a report is that of a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Proof {
    /// Where it comes from.
    Address,
    /// That, and the client's key for the source that speaks.
    Key,
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

    /// Stands in front of the sessions that this `rtpbin` will have, and of what opens sealed reports for them.
    pub(super) fn guard(&self, rtpbin: &gst::Element, proof: Proof) {
        let Some(rtpbin) = rtpbin.downcast_ref::<gst::Bin>() else { return };
        let gate = self.clone();
        rtpbin.connect_pad_added(move |rtpbin, pad| {
            if pad.name().starts_with("recv_rtcp_sink_") {
                gate.count_connections(rtpbin);
                let gate = gate.clone();
                elements::keep(pad, move |packet| gate.admits_sender(packet, Instant::now()));
            }
        });
        let gate = self.clone();
        rtpbin.connect_element_added(move |_, element| {
            if element.factory().is_some_and(|factory| factory.name() == "rtpsession") {
                let gate = gate.clone();
                element.connect_pad_added(move |session, pad| gate.stand_before(session, pad, proof));
            }
        });
    }

    fn stand_before(&self, session: &gst::Element, pad: &gst::Pad, proof: Proof) {
        if pad.name() == "recv_rtcp_sink" {
            let (gate, session) = (self.clone(), session.downgrade());
            elements::keep(pad, move |packet| {
                let Some(session) = session.upgrade() else { return false };
                gate.admits(packet, proof, |speaker| is_internal(&session, speaker), Instant::now())
            });
        }
    }

    /// Whether a packet comes from where a client is, and not too often: before anything is made of it.
    fn admits_sender(&self, packet: &gst::BufferRef, now: Instant) -> bool {
        let Some(peer) = sender(packet) else { return false };
        let clients = self.door.inside(peer.ip());
        clients > 0 && self.with_speakers(peer.ip(), now, |speakers| speakers.count(clients, now))
    }

    /// Whether a report is let in. `is_ours` tells whether an SSRC is that of the stream.
    fn admits(&self, packet: &gst::BufferRef, proof: Proof, is_ours: impl Fn(u32) -> bool, now: Instant) -> bool {
        let Some(peer) = sender(packet) else { return false };
        let clients = self.door.inside(peer.ip());
        let Ok(octets) = packet.map_readable() else { return false };
        let Some(speaker) = speaker(&octets).filter(|speaker| clients > 0 && !is_ours(*speaker)) else {
            return false;
        };
        if proof == Proof::Key && !self.door.has_key(peer.ip(), speaker) {
            return false;
        }
        self.with_speakers(peer.ip(), now, |speakers| speakers.admit(speaker, clients, now))
    }

    /// Takes note of what comes inside connections, admitted or not: it was read. gst-rtsp-server puts it in front of
    /// `rtpbin` by sources of applications, and what comes by UDP by others.
    fn count_connections(&self, rtpbin: &gst::Bin) {
        let Some(pipeline) = rtpbin.parent().and_then(|parent| parent.downcast::<gst::Bin>().ok()) else { return };
        let door = self.door.clone();
        pipeline.connect_element_added(move |_, element| {
            let is_connection = element.factory().is_some_and(|factory| factory.name() == "appsrc");
            if let Some(pad) = element.static_pad("src").filter(|_| is_connection) {
                let door = door.clone();
                elements::for_each_buffer(&pad, move |packet| {
                    if let Some(peer) = sender(packet) {
                        // Its length and its channel stand in front of it.
                        door.read(peer, packet.size() + 4);
                    }
                });
            }
        });
    }

    fn with_speakers<T>(&self, address: IpAddr, now: Instant, look: impl FnOnce(&mut Speakers) -> T) -> T {
        let mut speakers = lock(&self.speakers);
        if !speakers.contains_key(&address) {
            speakers.retain(|address, _| self.door.inside(*address) > 0);
        }
        look(speakers.entry(address).or_insert_with(|| Speakers { sources: Vec::new(), packets: (0, now) }))
    }
}

impl Speakers {
    /// Counts a packet; whether there may be so many.
    fn count(&mut self, clients: u32, now: Instant) -> bool {
        if now.saturating_duration_since(self.packets.1) >= Duration::from_secs(1) {
            self.packets = (0, now);
        }
        self.packets.0 = self.packets.0.saturating_add(1);
        self.packets.0 <= clients.saturating_mul(PACKETS)
    }

    fn admit(&mut self, speaker: u32, clients: u32, now: Instant) -> bool {
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

/// Who speaks in a compound packet, where it is one source and it speaks of itself.
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

/// Whether a source of an `rtpsession` is on our side.
fn is_internal(session: &gst::Element, ssrc: u32) -> bool {
    let session: glib::Object = session.property("internal-session");
    let source: Option<glib::Object> = session.emit_by_name("get-source-by-ssrc", &[&ssrc]);
    let stats = source.map(|source| source.property::<gst::Structure>("stats"));
    stats.is_some_and(|stats| stats.get("internal") == Ok(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::Limits;

    /// A receiver report of this source, and what else it says.
    fn report(source: u32, more: &[u8]) -> Vec<u8> {
        [&[0x80, 201, 0, 1][..], &source.to_be_bytes(), more].concat()
    }

    fn goodbye(sources: &[u32]) -> Vec<u8> {
        let octets = sources.iter().flat_map(|source| source.to_be_bytes());
        [0x80 | sources.len() as u8, 203, 0, sources.len() as u8].into_iter().chain(octets).collect()
    }

    fn packet(octets: &[u8], from: [u8; 4]) -> gst::Buffer {
        gst::init().unwrap();
        let mut packet = gst::Buffer::from_slice(octets.to_vec());
        let address = gst_rtsp_server::gio::InetAddress::from(IpAddr::from(from));
        NetAddressMeta::add(packet.make_mut(), &InetSocketAddress::new(&address, 5005));
        packet
    }

    /// A gate behind a door through which one has come from 127.0.0.1 and two from 127.0.0.2.
    fn gate() -> Gate {
        let door = Door::new(Limits { clients: 9, per_address: 9 });
        for (id, host) in [(1, 1), (2, 2), (3, 2)] {
            door.enter(id, SocketAddr::new([127, 0, 0, host].into(), 1000 + id as u16), None, Instant::now());
        }
        Gate::new(door)
    }

    /// Whether a packet gets to the session of a stream whose source is 7.
    fn passes(gate: &Gate, packet: &gst::BufferRef, now: Instant) -> bool {
        gate.admits_sender(packet, now) && gate.admits(packet, Proof::Address, |speaker| speaker == 7, now)
    }

    #[test]
    fn a_report_counts_from_the_address_of_a_client_and_in_the_name_of_one_source_which_is_not_ours() {
        let (gate, now) = (gate(), Instant::now());
        let admits = |octets: &[u8], host: u8| passes(&gate, &packet(octets, [127, 0, 0, host]), now);
        assert!(admits(&report(1, &[]), 1));
        assert!(admits(&report(1, &goodbye(&[1])), 1));
        assert!(!admits(&report(1, &[]), 3), "nobody has come from there");
        assert!(!admits(&report(7, &[]), 1), "in the name of the stream");
        for others in [&[7][..], &[1, 2]] {
            assert!(!admits(&report(1, &goodbye(others)), 1), "goodbye of {others:?}");
        }
        for damaged in [&[][..], &[0x80], &report(1, &[0x80]), &goodbye(&[]), &[0x80, 201, 0, 9, 0, 0, 0, 1]] {
            assert!(!admits(damaged, 1), "{damaged:02X?}");
        }
        let nameless = gst::Buffer::from_slice(report(1, &[]));
        assert!(!passes(&gate, &nameless, now), "from nowhere");
    }

    #[test]
    fn an_address_has_places_for_sources_by_its_clients_and_silence_gives_them_away() {
        let (gate, start) = (gate(), Instant::now());
        let mut second = 0;
        let mut admits = |source: u32, host: u8| {
            // One packet a second is never too many.
            second += 1;
            passes(&gate, &packet(&report(source, &[]), [127, 0, 0, host]), start + Duration::from_secs(second))
        };
        assert_eq!([1, 2, 3, 4, 1].map(|source| admits(source, 1)), [true, true, true, false, true]);
        assert_eq!((1..=7).filter(|source| admits(*source, 2)).count(), 6);
        for _ in 0..30 {
            assert!(admits(1, 1));
        }
        assert_eq!([4, 5, 6, 1].map(|source| admits(source, 1)), [true, true, false, true], "2 and 3 have gone");
    }

    #[test]
    fn an_address_speaks_so_often_in_a_second() {
        let (gate, start) = (gate(), Instant::now());
        let count = |host: u8, at: Instant| {
            (0..100).filter(|_| passes(&gate, &packet(&report(1, &[]), [127, 0, 0, host]), at)).count()
        };
        assert_eq!([count(1, start), count(2, start)], [25, 50]);
        assert_eq!([count(1, start), count(1, start + Duration::from_secs(1))], [0, 25]);
    }

    #[test]
    fn addresses_whose_clients_have_gone_are_forgotten() {
        let (gate, now) = (gate(), Instant::now());
        assert!(passes(&gate, &packet(&report(1, &[]), [127, 0, 0, 1]), now));
        gate.door.leave(1);
        assert!(!passes(&gate, &packet(&report(1, &[]), [127, 0, 0, 1]), now));
        assert!(passes(&gate, &packet(&report(1, &[]), [127, 0, 0, 2]), now));
        assert_eq!(lock(&gate.speakers).keys().collect::<Vec<_>>(), [&IpAddr::from([127, 0, 0, 2])]);
    }
}
