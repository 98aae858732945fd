//! Says what is played and what comes, in the time of the packets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use rtp_midi_metadata::{Piece, Report, Text, ticks_after};

use crate::cmd::broadcast::now_playing::{NowPlaying, Scheduled};
use crate::description::CLOCK_RATE;
use crate::elements;
use crate::failure::Result;
use crate::lock::lock;
use crate::rtp::Header;

/// Stands at a payloader, for all sessions that have its stream.
#[derive(Clone)]
pub(crate) struct Prompter {
    /// What the stream as a whole is called.
    pub(super) name: Arc<str>,
    now_playing: NowPlaying,
    pay: glib::WeakRef<gst::Element>,
    source: Arc<Mutex<Option<Source>>>,
    pub(super) told: Arc<Mutex<Told>>,
    window: Window,
}

/// Where packets come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Source {
    ssrc: u32,
    /// The RTP timestamp of running time zero.
    zero: u32,
    /// Whether another one may hold from the next packet on.
    moved: bool,
}

/// Who has been told of which title.
#[derive(Default)]
pub(super) struct Told {
    pub(super) title: Option<String>,
    pub(super) bins: Vec<glib::WeakRef<gst::Element>>,
}

/// How far ahead of its time a text is sent, and how long it is repeated when it is over, in RTP ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Window {
    ahead: i32,
    behind: i32,
}

/// Octets of a packet at most: at the usual pace of reports 640 bits a second, when there is so much to say.
const LIMIT: usize = 400;

/// Ticks by which timestamps may differ because of rounding.
const ROUNDING: u32 = CLOCK_RATE / 50;

impl Prompter {
    /// Stands at `pay`, whose stream of this name plays `now_playing`; its sessions report at this `interval`.
    pub(crate) fn at(pay: &gst::Element, name: &str, now_playing: NowPlaying, interval: Duration) -> Result<Self> {
        let (pay, packets) = (pay.downgrade(), elements::pad(pay, "src")?);
        let (source, told, window) = (Arc::default(), Arc::default(), Window::of(interval));
        let prompter = Self { name: name.into(), now_playing, pay, source, told, window };
        let source = prompter.source.clone();
        packets.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if info.event().is_some_and(|event| event.type_() == gst::EventType::Segment) {
                lock(&source).iter_mut().for_each(|source| source.moved = true);
            }
            gst::PadProbeReturn::Ok
        });
        let (source, pad) = (prompter.source.clone(), packets.downgrade());
        elements::for_each_buffer(&packets, move |packet| {
            let running_time = || elements::segment(&pad.upgrade()?)?.to_running_time(packet.pts());
            let header = packet.map_readable().ok().and_then(|octets| Header::parse(&octets));
            if let Some(header) = header {
                Source::observe(&mut lock(&source), header, running_time);
            }
        });
        Ok(prompter)
    }

    /// The title of what is played.
    pub(super) fn title(&self) -> Option<String> {
        self.now_playing.title()
    }

    /// What to tell now, and the source of the stream; nothing before its first packet.
    pub(super) fn report(&self) -> Option<(u32, Report)> {
        let Source { ssrc, zero, .. } = (*lock(&self.source))?;
        let now = self.pay.upgrade()?.current_running_time()?;
        let timestamp = |time| zero.wrapping_add(ticks(time) as u32);
        let mut report = Report::default();
        for Scheduled { index, libretto, segment } in self.now_playing.schedule(now) {
            let start = segment.start().unwrap_or_default();
            let at = |time: Duration| {
                let time = gst::ClockTime::from_nseconds(time.as_nanos() as u64);
                segment.to_running_time_full(time).map(timestamp)
            };
            let window = self.window.around(timestamp(now.into()));
            if let Some(start) = at(Duration::ZERO).filter(|start| window.is_reached(*start)) {
                let end = at(libretto.duration);
                report.pieces.push(Piece {
                    serial: index as u16,
                    start,
                    duration: end.map(|end| end.wrapping_sub(start)),
                    title: libretto.title.clone(),
                    copyright: libretto.copyright.clone(),
                });
            }
            let lines = libretto.lines.iter().filter(|line| line.time >= start.into());
            let texts = lines.filter_map(|line| {
                let timestamp = at(line.time).filter(|timestamp| window.has(*timestamp))?;
                Some(Text { kind: line.kind, timestamp, text: line.text.clone() })
            });
            report.texts.extend(texts);
        }
        Some((ssrc, report.choose(timestamp(now.into()), LIMIT)))
    }
}

impl Source {
    fn observe(known: &mut Option<Self>, header: Header, running_time: impl FnOnce() -> Option<gst::ClockTime>) {
        let Header { ssrc, timestamp, .. } = header;
        if known.is_some_and(|source| source.ssrc == ssrc && !source.moved) {
            return;
        }
        let Some(time) = running_time() else { return };
        let zero = timestamp.wrapping_sub(ticks(time.into()) as u32);
        // Texts that have been told keep their timestamps.
        let same = known.filter(|source| ticks_after(zero, source.zero).unsigned_abs() <= ROUNDING);
        *known = Some(Self { ssrc, zero: same.map_or(zero, |source| source.zero), moved: false });
    }
}

impl Window {
    /// Two reports, each of which comes half an interval early or late, and one.
    fn of(interval: Duration) -> Self {
        let ticks = |time: Duration| ticks(gst::ClockTime::from_nseconds(time.as_nanos() as u64).into()) as i32;
        Self {
            ahead: ticks(interval.mul_f64(2.4).max(Duration::from_secs(12))),
            behind: ticks(interval.mul_f64(1.6).max(Duration::from_secs(8))),
        }
    }

    const fn around(self, now: u32) -> Around {
        Around { window: self, now }
    }
}

/// The window at a moment.
#[derive(Clone, Copy, Debug)]
struct Around {
    window: Window,
    now: u32,
}

impl Around {
    fn has(self, timestamp: u32) -> bool {
        self.is_reached(timestamp) && ticks_after(timestamp, self.now) >= -self.window.behind
    }

    const fn is_reached(self, timestamp: u32) -> bool {
        ticks_after(timestamp, self.now) <= self.window.ahead
    }
}

/// A running time in ticks of the RTP clock.
fn ticks(time: gst::Signed<gst::ClockTime>) -> i64 {
    let ticks = |time: gst::ClockTime| (u128::from(time.nseconds()) * u128::from(CLOCK_RATE) / 1_000_000_000) as i64;
    match time {
        gst::Signed::Positive(time) => ticks(time),
        gst::Signed::Negative(time) => -ticks(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_told_as_before_unless_time_has_jumped() {
        gst::init().unwrap();
        let mut source = None;
        let mut observe = |ssrc, timestamp, seconds, moved| {
            let header = Header { payload_type: 96, timestamp, ssrc };
            source = source.map(|known: Source| Source { moved: known.moved || moved, ..known });
            Source::observe(&mut source, header, || Some(gst::ClockTime::from_seconds(seconds)));
            source.map(|source| (source.ssrc, source.zero))
        };
        assert_eq!(observe(1, 100 + CLOCK_RATE, 1, false), Some((1, 100)));
        assert_eq!(observe(1, 999, 1, false), Some((1, 100)));
        assert_eq!(observe(1, 101 + 2 * CLOCK_RATE, 2, true), Some((1, 100)));
        assert_eq!(observe(1, 7 * CLOCK_RATE, 2, true), Some((1, 5 * CLOCK_RATE)));
        assert_eq!(observe(2, 8 * CLOCK_RATE, 2, false), Some((2, 6 * CLOCK_RATE)));
    }

    #[test]
    fn texts_are_told_long_enough_before_their_time() {
        let around = |seconds| Window::of(Duration::from_secs(seconds)).around(0);
        assert!(around(1).has(12 * CLOCK_RATE) && !around(1).has(13 * CLOCK_RATE));
        assert!(around(5).has(8_u32.wrapping_neg()) && !around(5).has((9 * CLOCK_RATE).wrapping_neg()));
        assert!(around(10).has(24 * CLOCK_RATE));
    }
}
