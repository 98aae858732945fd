//! Where the packets of a live channel go into a pipeline of gst-rtsp-server, which all listeners of a form share.
//!
//! ```text
//!  Live ─▶ appsrc ─▶ rtpbin ─▶ (held by the server until somebody plays) ─▶ fence ─▶ listeners
//! ```
//!
//! The server wants a packet before it describes a stream, and keeps it until the first listener says PLAY, however long
//! that takes. It is stale then; so the fence drops it, and whoever says PLAY begins with the packet that comes next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_app::{AppLeakyType, AppSrc};
use rtp_midi_sdp::Stream;

use super::drain::Drain;
use super::form::Form;
use crate::caps;
use crate::elements;
use crate::rtp;

/// The way into one pipeline.
pub(super) struct Outlet {
    /// What the packets are to be, if they come in the other form.
    form: Option<Form>,
    source: glib::WeakRef<AppSrc>,
    /// Packets that have left the source since the pipeline plays.
    passed: Arc<AtomicU64>,
    audience: Audience,
    /// The latest packet, handed on or not.
    latest: Option<Place>,
    fence: Fence,
    held: Option<Held>,
    drain: Drain,
}

/// Packets that wait while somebody is let in.
struct Held {
    since: Instant,
    /// With the times at which they were due.
    packets: Vec<(Instant, Vec<u8>)>,
}

/// Who is behind an outlet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Audience {
    /// Clients of the server, none of whom has said PLAY yet.
    Expected,
    /// Clients of the server.
    Present,
    /// A server elsewhere, that takes packets when it is ready.
    Elsewhere,
}

/// Where a packet is in its stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    ssrc: u32,
    sequence: u16,
}

/// Lets no packet through that is older than the first one that a listener is to have.
#[derive(Clone, Debug)]
pub(super) struct Fence(Arc<AtomicU32>);

/// Packets that wait at most for a server elsewhere that has not taken any yet: the oldest go.
const WAITING: u64 = 32;

/// Packets that wait at most when they have begun to flow, while the machine has no time to send them: those of half a
/// minute. Listeners get them late, and lose none.
const DELAYED: u64 = 1024;

/// Letting somebody in takes no longer than that, or has failed in a way that nobody was told of.
const ENTRY: Duration = Duration::from_secs(2);

impl Outlet {
    /// An outlet in this form, and the source that it goes out by; `stream` is what is pushed.
    pub(super) fn new(stream: &Stream, form: Form, audience: Audience) -> (Self, AppSrc) {
        let described = form.of(stream);
        let source = AppSrc::builder()
            .caps(&caps::of(&described))
            .is_live(true)
            .format(gst::Format::Time)
            .max_buffers(WAITING)
            .leaky_type(AppLeakyType::Downstream)
            .build();
        let passed = Arc::new(AtomicU64::new(0));
        if let Some(pad) = source.static_pad("src") {
            let passed = passed.clone();
            elements::for_each_buffer(&pad, move |_| {
                passed.fetch_add(1, Ordering::Relaxed);
            });
        }
        let form = (described.format != stream.format).then_some(form);
        let outlet = Self {
            form,
            source: source.downgrade(),
            passed,
            audience,
            latest: None,
            fence: Fence::default(),
            held: None,
            drain: Drain::default(),
        };
        (outlet, source)
    }

    /// Whether it leads into this bin.
    pub(super) fn is_in(&self, bin: &gst::Element) -> bool {
        self.source.upgrade().is_some_and(|source| source.has_as_ancestor(bin))
    }

    /// What keeps stale packets from the listeners behind it.
    pub(super) fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Sends a packet on that was due then; false when nobody is there any more.
    pub(super) fn push(&mut self, packet: &[u8], at: Instant) -> bool {
        let Some(source) = self.source.upgrade() else { return false };
        self.latest = Place::of(packet)
            .filter(|place| !self.latest.is_some_and(|latest| place.is_before(latest)))
            .or(self.latest);
        match &mut self.held {
            Some(held) if held.since.elapsed() < ENTRY => held.packets.push((at, packet.to_vec())),
            Some(_) => {
                self.release();
                self.hand_on(&source, packet, at);
            }
            None => self.hand_on(&source, packet, at),
        }
        true
    }

    /// Lets packets wait from now on; returns the sequence number of the next one.
    pub(super) fn hold(&mut self) -> Option<u16> {
        self.held.get_or_insert_with(|| Held { since: Instant::now(), packets: Vec::new() });
        let next = self.latest?.sequence.wrapping_add(1);
        if self.audience == Audience::Expected {
            self.fence.raise(next);
        }
        Some(next)
    }

    /// Somebody listens now.
    pub(super) fn admit(&mut self) {
        if self.audience == Audience::Expected {
            self.audience = Audience::Present;
        }
        self.release();
    }

    /// Lets packets go that were [held](Self::hold).
    pub(super) fn release(&mut self) {
        let (Some(held), Some(source)) = (self.held.take(), self.source.upgrade()) else { return };
        for (at, packet) in held.packets {
            self.hand_on(&source, &packet, at);
        }
    }

    /// Says that nothing more comes.
    pub(super) fn end(&mut self) {
        self.release();
        // A source that has been stopped knows.
        let _ = self.source.upgrade().map(|source| source.end_of_stream());
    }

    /// The number of the latest packet and how to wait for it, where all of them are on their way.
    pub(super) fn on_its_way(&self) -> Option<(u16, Drain)> {
        let latest = self.latest.filter(|_| self.audience == Audience::Present)?;
        Some((latest.sequence, self.drain.clone()))
    }

    fn hand_on(&self, source: &AppSrc, packet: &[u8], at: Instant) {
        // Without listeners the pipeline pauses: the next one is to hear what is played then.
        if source.current_state() != gst::State::Playing {
            self.passed.store(0, Ordering::Relaxed);
            return;
        }
        let passed = self.passed.load(Ordering::Relaxed);
        source.set_max_buffers(match self.audience {
            // One is wanted for a description, and that one waits behind the source.
            Audience::Expected if passed > 0 => return,
            Audience::Expected => 1,
            // The first one that leaves may be held up behind the source; when a second one follows, they flow.
            Audience::Elsewhere if passed < 2 => WAITING,
            Audience::Elsewhere | Audience::Present => DELAYED,
        });
        let mut packet = packet.to_vec();
        self.form.into_iter().for_each(|form| form.mark(&mut packet));
        let mut packet = gst::Buffer::from_slice(packet);
        packet.make_mut().set_pts(running_time(source, at));
        // A source that is being stopped refuses.
        let _ = source.push_buffer(packet);
    }
}

/// The running time of this moment, which is hardly past.
fn running_time(source: &AppSrc, at: Instant) -> Option<gst::ClockTime> {
    let late = gst::ClockTime::try_from(at.elapsed()).unwrap_or_default();
    source.current_running_time().map(|now| now.saturating_sub(late))
}

impl Place {
    fn of(packet: &[u8]) -> Option<Self> {
        let (header, sequence) = (rtp::Header::parse(packet)?, rtp::sequence(packet)?);
        Some(Self { ssrc: header.ssrc, sequence })
    }

    /// Whether it is that of a packet that comes twice, or late.
    const fn is_before(self, latest: Self) -> bool {
        self.ssrc == latest.ssrc && latest.sequence.wrapping_sub(self.sequence) < LATE
    }
}

/// So far behind the latest one a packet is late, and not the first of a sender that begins anew.
const LATE: u16 = 1000;

impl Fence {
    /// One that lets everything pass.
    const DOWN: u32 = u32::MAX;

    /// Keeps back all packets before this one.
    fn raise(&self, first: u16) {
        self.0.store(u32::from(first), Ordering::Relaxed);
    }

    /// Whether a packet may pass, RTP or RTCP.
    pub(super) fn admits(&self, packet: &gst::BufferRef) -> bool {
        let Ok(first) = u16::try_from(self.0.load(Ordering::Relaxed)) else { return true };
        let mut head = [0; 4];
        if packet.copy_to_slice(0, &mut head).is_err() || matches!(head[1], 200..=207) {
            return true;
        }
        let is_stale = u16::from_be_bytes([head[2], head[3]]).wrapping_sub(first) > u16::MAX / 2;
        if !is_stale {
            self.0.store(Self::DOWN, Ordering::Relaxed);
        }
        !is_stale
    }
}

impl Default for Fence {
    fn default() -> Self {
        Self(Arc::new(AtomicU32::new(Self::DOWN)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_keeps_stale_packets_back_until_the_first_one_comes() {
        gst::init().unwrap();
        let fence = Fence::default();
        let admits = |octets: [u8; 4]| fence.admits(gst::Buffer::from_slice(octets).as_ref());
        assert!(admits([0x80, 0x60, 0xFF, 0xF0]));
        fence.raise(2);
        assert!(!admits([0x80, 0x60, 0xFF, 0xF0]) && !admits([0x80, 0xE0, 0, 1]));
        assert!(admits([0x80, 200, 0, 1]), "reports pass");
        assert!(admits([0x80, 0x60, 0, 2]));
        assert!(admits([0x80, 0x60, 0, 1]), "who listens has what comes late");
    }

    #[test]
    fn what_comes_late_or_twice_is_not_the_latest() {
        let place = |ssrc, sequence| Place { ssrc, sequence };
        assert!(place(1, 7).is_before(place(1, 7)) && place(1, 65_535).is_before(place(1, 3)));
        assert!(!place(1, 8).is_before(place(1, 7)) && !place(2, 6).is_before(place(1, 7)));
        assert!(!place(1, 6).is_before(place(1, 30_000)), "a sender that begins anew");
    }
}
