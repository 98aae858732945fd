//! Titles, lyrics and markers that the sender tells in RTCP (`docs/metadata.md`), put into the music where they are due.
//!
//! ```text
//!  rtpbin ── APP packets ──▶ Listener ── due ──▶ smf-meta events between the messages behind rtpmididepay
//!                               ▲
//!             RTP time ─────────┘ of the packets in front of it
//! ```

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gstrtpmidi::smf_meta;
use rtp_midi_metadata::{Listener, NAME, News, Piece, Report, ticks_after};
use smf_timeline::{Meta, TextKind};

use crate::elements;
use crate::failure::Result;
use crate::lock::lock;
use crate::rtp::Header;

/// Hears what is told, and tells it in time.
#[derive(Clone)]
pub(super) struct Captions {
    state: Arc<Mutex<State>>,
    music: gst::Pad,
}

struct State {
    clock_rate: u32,
    /// What the latest packet of RTCP said, and its source, until that source is heard.
    report: Option<(u32, Report)>,
    stream: Option<Stream>,
    /// The piece that is played, and whether the user has not been told yet.
    piece: Option<Piece>,
    is_new: bool,
}

/// The source that is heard.
struct Stream {
    ssrc: u32,
    /// The RTP timestamp of a running time.
    moment: (u32, gst::ClockTime),
    listener: Listener,
}

impl Captions {
    /// Puts texts into the music that comes out of `depay`, a stream whose clock ticks so often in a second and whose
    /// session `rtpbin` has.
    pub(super) fn attach(rtpbin: &gst::Element, depay: &gst::Element, clock_rate: u32) -> Result<Self> {
        let state = State { clock_rate, report: None, stream: None, piece: None, is_new: false };
        let captions = Self { state: Arc::new(Mutex::new(state)), music: elements::pad(depay, "src")? };
        if let Some(session) = elements::session(rtpbin) {
            let state = captions.state.clone();
            session.connect("on-app-rtcp", false, move |values| {
                if let Some((ssrc, report)) = read(values) {
                    lock(&state).hear(ssrc, report);
                }
                None
            });
        }
        let (state, packets) = (captions.state.clone(), elements::pad(depay, "sink")?);
        let pad = packets.downgrade();
        elements::for_each_buffer(&packets, move |packet| {
            let header = packet.map_readable().ok().and_then(|octets| Header::parse(&octets));
            let time = || elements::segment(&pad.upgrade()?)?.to_running_time(packet.pts());
            if let (Some(header), Some(time)) = (header, time()) {
                lock(&state).observe(header, time);
            }
        });
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST | gst::PadProbeType::EVENT_DOWNSTREAM;
        let state = captions.state.clone();
        captions.music.add_probe(kinds, move |pad, info| {
            let time = match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => buffer.pts(),
                Some(gst::PadProbeData::BufferList(list)) => list.get(0).and_then(gst::BufferRef::pts),
                Some(gst::PadProbeData::Event(event)) => match event.view() {
                    gst::EventView::Gap(gap) => Some(gap.get().0),
                    _ => None,
                },
                _ => None,
            };
            let segment = time.and_then(|_| elements::segment(pad));
            if let Some(now) = segment.and_then(|segment| segment.to_running_time(time)) {
                put(pad, &state, now);
            }
            gst::PadProbeReturn::Ok
        });
        Ok(captions)
    }

    /// Puts in what is due while no music comes: all of it up to the running time `now` has come. To be called now and
    /// then.
    pub(super) fn turn(&self, now: gst::ClockTime) {
        put(&self.music, &self.state, now);
    }

    /// The piece that has begun, once, and how many seconds it takes.
    pub(super) fn piece(&self) -> Option<(Piece, Option<f64>)> {
        let mut state = lock(&self.state);
        let piece = std::mem::take(&mut state.is_new).then(|| state.piece.clone()).flatten()?;
        let duration = piece.duration.map(|duration| f64::from(duration) / f64::from(state.clock_rate));
        Some((piece, duration))
    }

    /// What is being played.
    pub(super) fn title(&self) -> Option<String> {
        lock(&self.state).piece.as_ref().map(|piece| piece.title.clone()).filter(|title| !title.is_empty())
    }
}

impl State {
    fn hear(&mut self, ssrc: u32, report: Report) {
        match &mut self.stream {
            Some(stream) if stream.ssrc == ssrc => stream.listener.hear(report),
            // It may be that of the source that comes next; from anybody else it is worth nothing.
            _ => self.report = Some((ssrc, report)),
        }
    }

    fn observe(&mut self, header: Header, time: gst::ClockTime) {
        let moment = (header.timestamp, time);
        match &mut self.stream {
            Some(stream) if stream.ssrc == header.ssrc => stream.moment = moment,
            stream => {
                let mut listener = Listener::new(self.clock_rate);
                if let Some((_, report)) = self.report.take_if(|(ssrc, _)| *ssrc == header.ssrc) {
                    listener.hear(report);
                }
                *stream = Some(Stream { ssrc: header.ssrc, moment, listener });
            }
        }
    }

    /// What is due at the running time `now`, as meta events with their running times.
    fn due(&mut self, now: gst::ClockTime) -> Vec<(gst::ClockTime, u8, String)> {
        let Some(stream) = &mut self.stream else { return Vec::new() };
        let (rate, (timestamp, time)) = (u64::from(self.clock_rate), stream.moment);
        let ticks = |time: gst::ClockTime| (u128::from(time.nseconds()) * u128::from(rate) / 1_000_000_000) as u32;
        let now_ticks = if now >= time {
            timestamp.wrapping_add(ticks(now - time))
        } else {
            timestamp.wrapping_sub(ticks(time - now))
        };
        let mut due = Vec::new();
        for news in stream.listener.due(now_ticks) {
            match news {
                News::Piece(piece) => {
                    // An earlier start is not in what is heard.
                    for (kind, text) in [(TextKind::TrackName, &piece.title), (TextKind::Copyright, &piece.copyright)] {
                        let kind = Meta::Text(kind, &[]).kind();
                        due.extend((!text.is_empty()).then(|| (now, kind, text.clone())));
                    }
                    (self.piece, self.is_new) = (Some(piece), true);
                }
                News::Text(text) => {
                    let late = u64::from(ticks_after(now_ticks, text.timestamp).unsigned_abs());
                    let late = gst::ClockTime::from_nseconds(late * 1_000_000_000 / rate);
                    due.push((now.saturating_sub(late), text.kind.octet(), text.text));
                }
            }
        }
        due
    }
}

/// Pushes what is due. Behind the first packet it may take a moment until there is a segment for it to lie in.
fn put(pad: &gst::Pad, state: &Mutex<State>, now: gst::ClockTime) {
    let Some(segment) = elements::segment(pad) else { return };
    let due = lock(state).due(now);
    for (time, kind, text) in due {
        let time = segment.position_from_running_time(time).unwrap_or_default();
        // A pad that refuses is being stopped.
        pad.push_event(smf_meta::meta(time, 0, &Meta::decode(kind, text.as_bytes())));
    }
}

/// The packet in the arguments of the signal: session, subtype, SSRC, name, contents.
fn read(values: &[gst::glib::Value]) -> Option<(u32, Report)> {
    let [_, subtype, ssrc, name, contents] = values else { return None };
    let (subtype, ssrc) = (subtype.get::<u32>().ok()?, ssrc.get::<u32>().ok()?);
    if name.get::<&str>().ok()?.as_bytes() != NAME {
        return None;
    }
    let contents = contents.get::<Option<gst::Buffer>>().ok()?;
    let contents = contents.as_ref().map(|contents| contents.map_readable()).transpose().ok()?;
    // What cannot be read is told nobody.
    let report = Report::decode_contents(subtype as u8, contents.as_deref().unwrap_or_default()).ok()?;
    Some((ssrc, report))
}
