//! The pieces one after the other without gaps: one that plays, and others that wait for their turn.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gst::prelude::*;
use gst_app::AppSrc;

use super::mip;
use super::now_playing::NowPlaying;
use super::piece::{Piece, Reading};
use super::rotation::Rotation;
use crate::elements;
use crate::failure::{Failure, Result};
use crate::lock::lock;

/// How the pieces are played.
#[derive(Clone, Copy, Debug)]
pub(super) struct Play {
    /// Time in the first piece at which to begin.
    pub(super) start: Duration,
    /// Silence between two pieces.
    pub(super) gap: Duration,
    pub(super) speed: f64,
    pub(super) reading: Reading,
    /// Whether files may come when none is left.
    pub(super) watched: bool,
}

/// Puts the pieces in front of `concat`, each at the running time at which the one before it ends. `concat` by itself
/// would take the last message for the end, and the silence behind it away.
pub(super) struct Feed {
    pipeline: gst::Pipeline,
    concat: gst::Element,
    rotation: Rotation,
    play: Play,
    /// How many pieces have been put in front, rounds counted, and the running time at which the last of them ends.
    begun: u64,
    end: Duration,
    now_playing: NowPlaying,
    branches: VecDeque<Branch>,
    end_of_all: Arc<Mutex<EndOfAll>>,
    /// Files that could not be played when their turn came, since this was asked last.
    left_out: Vec<PathBuf>,
}

/// Whether the end of what stands in front is the end of the music.
#[derive(Default)]
struct EndOfAll {
    /// No further piece follows.
    complete: bool,
    /// The end of what stood in front has come by and was none.
    passed: bool,
}

/// The elements of one piece.
struct Branch {
    elements: [gst::Element; 2],
    pad: gst::Pad,
    ended: Arc<AtomicBool>,
}

/// Pieces in front of `concat` at a time: short ones must not run out while the main loop sleeps.
const AHEAD: usize = 3;

impl Feed {
    /// A feed whose music comes out of [`Feed::element`].
    pub(super) fn new(
        pipeline: &gst::Pipeline,
        rotation: Rotation,
        play: Play,
        now_playing: NowPlaying,
    ) -> Result<Self> {
        let concat = elements::with("concat", &[("adjust-base", &false)])?;
        elements::add(pipeline, &[&concat])?;
        let end_of_all = Arc::new(Mutex::new(EndOfAll::default()));
        let ends = end_of_all.clone();
        // The end of the last piece in front is the end of the music only if nothing follows.
        elements::pad(&concat, "src")?.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            let mut ends = lock(&ends);
            match info.event().map(|event| event.type_()) {
                Some(gst::EventType::Eos) if !ends.complete => {
                    ends.passed = true;
                    return gst::PadProbeReturn::Handled;
                }
                Some(gst::EventType::StreamStart) => ends.passed = false,
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
        let (pipeline, branches, left_out) = (pipeline.clone(), VecDeque::new(), Vec::new());
        let (begun, end) = (0, Duration::ZERO);
        Ok(Self { pipeline, concat, rotation, play, begun, end, now_playing, branches, end_of_all, left_out })
    }

    /// The element that the music comes out of.
    pub(super) const fn element(&self) -> &gst::Element {
        &self.concat
    }

    /// Puts pieces in the place of those that have ended. To be called at the start, and now and then; `warn` is told of
    /// files that cannot be played any more.
    pub(super) fn turn(&mut self, warn: &impl Fn(&str)) -> Result<()> {
        while self.branches.front().is_some_and(|branch| branch.ended.load(Ordering::SeqCst)) && self.branches.len() > 1
        {
            if let Some(branch) = self.branches.pop_front() {
                branch.take_away(&self.pipeline, &self.concat);
            }
        }
        while self.branches.len() < AHEAD
            && let Some((piece, octets)) = self.next(warn)?
        {
            let branch = self.put(&piece, octets)?;
            self.branches.push_back(branch);
        }
        if self.rotation.is_complete() {
            self.complete()?;
        }
        Ok(())
    }

    /// Nothing follows what stands in front. If its end has come by already, this is the end of the music.
    fn complete(&self) -> Result<()> {
        let has_passed = {
            let mut ends = lock(&self.end_of_all);
            ends.complete = true;
            // A piece that was put behind an end has not yet begun.
            let is_over = self.branches.iter().all(|branch| branch.ended.load(Ordering::SeqCst));
            is_over && std::mem::take(&mut ends.passed)
        };
        if has_passed {
            // Past the pad that took the other end for the end.
            elements::pad(&self.concat, "src")?.peer().map(|next| next.send_event(gst::event::Eos::new()));
        }
        Ok(())
    }

    /// Files that could not be played when their turn came, since the last call.
    pub(super) fn left_out(&mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.left_out)
    }

    /// A piece has come.
    pub(super) fn insert(&mut self, piece: Arc<Piece>) {
        self.rotation.insert(piece);
    }

    /// A file has gone. What stands in front already is played.
    pub(super) fn remove(&mut self, path: &Path) {
        self.rotation.remove(path);
    }

    /// The next piece that is there, with its octets.
    fn next(&mut self, warn: &impl Fn(&str)) -> Result<Option<(Arc<Piece>, Vec<u8>)>> {
        while let Some(piece) = self.rotation.next() {
            match piece.octets() {
                Ok(octets) => return Ok(Some((piece, octets))),
                Err(failure) => {
                    self.rotation.remove(&piece.path);
                    self.left_out.push(piece.path.clone());
                    if self.rotation.is_empty() && !self.play.watched {
                        return Err(failure);
                    }
                    warn(&format!("warning: {}; it is left out", failure.message()));
                }
            }
        }
        Ok(None)
    }

    fn put(&mut self, piece: &Piece, octets: Vec<u8>) -> Result<Branch> {
        let lenient = self.play.reading == Reading::Lenient;
        let (file, parse) = (source(octets, &piece.path)?, elements::with("smfparse", &[("lenient", &lenient)])?);
        let (music, pad) = (elements::pad(&parse, "src")?, elements::pad(&self.concat, "sink_%u")?);
        let ended = Arc::new(AtomicBool::new(false));
        let (start, gap) =
            if self.begun == 0 { (self.play.start, Duration::ZERO) } else { (Duration::ZERO, self.play.gap) };
        // Where there was none for a while, it begins now.
        let now = self.pipeline.current_running_time().unwrap_or_default();
        let begin = (self.end + gap).max(now.into());
        watch(&music, start, self.play.speed, ended.clone());
        music.set_offset(begin.as_nanos() as i64);
        self.now_playing.queue(self.begun, piece, &music);
        if let Some(message) = &piece.mip {
            mip::put(&music, message);
        }
        self.begun += 1;
        self.end = begin + piece.duration.saturating_sub(start).div_f64(self.play.speed);
        elements::chain(&self.pipeline, &[&file, &parse])?;
        elements::link(&music, &pad)?;
        for element in [&parse, &file] {
            elements::follow(element)?;
        }
        Ok(Branch { elements: [file, parse], pad, ended })
    }
}

/// A source of what was checked, whatever becomes of the file.
fn source(octets: Vec<u8>, path: &Path) -> Result<gst::Element> {
    let source = AppSrc::builder().format(gst::Format::Bytes).build();
    let refused = |_| Failure::new(format!("{} cannot be played", path.display()));
    source.push_buffer(gst::Buffer::from_slice(octets)).map_err(refused)?;
    source.end_of_stream().map_err(refused)?;
    Ok(source.upcast())
}

impl Branch {
    fn take_away(self, pipeline: &gst::Pipeline, concat: &gst::Element) {
        for element in &self.elements {
            // Going to NULL cannot fail for elements that only hold a file; what is left is freed with the pipeline.
            let _ = element.set_state(gst::State::Null);
            let _ = pipeline.remove(element);
        }
        concat.release_request_pad(&self.pad);
    }
}

/// Notes the end of a piece, and when it begins makes it begin at `start` and play at `speed`.
///
/// The parser takes a seek at any time; before it has made its first segment it needs no flush, which downstream would
/// see. Running time, and with it RTP time, passes at `speed`.
fn watch(pad: &gst::Pad, start: Duration, speed: f64, ended: Arc<AtomicBool>) {
    let start = gst::ClockTime::from_nseconds(start.as_nanos() as u64);
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        match info.event().map(|event| event.type_()) {
            Some(gst::EventType::StreamStart) => {
                let (flags, set, keep) = (gst::SeekFlags::empty(), gst::SeekType::Set, gst::SeekType::None);
                pad.send_event(gst::event::Seek::new(speed, flags, set, start, keep, gst::ClockTime::NONE));
            }
            Some(gst::EventType::Eos) => ended.store(true, Ordering::SeqCst),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::broadcast::piece::Place;
    use crate::cmd::broadcast::rotation::Order;

    #[test]
    fn what_has_ended_already_is_the_end_when_the_rest_cannot_be_played() {
        elements::start().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let piece = |number: usize| {
            let path = folder.path().join(format!("{number}.mid"));
            std::fs::write(&path, b"MThd\0\0\0\x06\0\0\0\x01\x01\xE0MTrk\0\0\0\x04\0\xFF\x2F\0").unwrap();
            let place = Place { line: number, ..Place::default() };
            let (piece, _) = Piece::read(path, place, None, Reading::Strict, &mut |_| ()).unwrap();
            Arc::new(piece)
        };
        let pieces: Vec<Arc<Piece>> = (0..=AHEAD).map(piece).collect();
        let last = pieces[AHEAD].path.clone();
        let pipeline = gst::Pipeline::new();
        let play =
            Play { start: Duration::ZERO, gap: Duration::ZERO, speed: 1.0, reading: Reading::Strict, watched: false };
        let rotation = Rotation::new(pieces, Order::Given, false);
        let mut feed = Feed::new(&pipeline, rotation, play, NowPlaying::default()).unwrap();
        let sink = elements::make("fakesink").unwrap();
        elements::add(&pipeline, &[&sink]).unwrap();
        elements::link(&elements::pad(feed.element(), "src").unwrap(), &elements::pad(&sink, "sink").unwrap()).unwrap();
        feed.turn(&|_| ()).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let began = std::time::Instant::now();
        while !lock(&feed.end_of_all).passed {
            assert!(began.elapsed() < Duration::from_mins(1), "the pieces in front do not end");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::fs::remove_file(&last).unwrap();
        feed.turn(&|_| ()).unwrap();
        assert_eq!(feed.left_out(), [last]);
        let ends = [gst::MessageType::Eos, gst::MessageType::Error];
        let end = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &ends).unwrap();
        assert_eq!(end.type_(), gst::MessageType::Eos, "{end:?}");
        pipeline.set_state(gst::State::Null).unwrap();
    }
}
