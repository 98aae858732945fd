//! The pieces one after the other without gaps: one that plays, and others that wait for their turn.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gst::prelude::*;

use super::now_playing::NowPlaying;
use super::playlist::{Piece, Reading};
use crate::elements;
use crate::failure::Result;

/// How the pieces are played.
#[derive(Clone, Copy, Debug)]
pub(super) struct Play {
    /// Whether the first piece follows the last one.
    pub(super) repeat: bool,
    /// Time in the first piece at which to begin.
    pub(super) start: Duration,
    pub(super) speed: f64,
    pub(super) reading: Reading,
}

/// Puts the pieces in front of `concat`, which lines them up in running time.
pub(super) struct Feed {
    pipeline: gst::Pipeline,
    concat: gst::Element,
    pieces: Vec<Piece>,
    play: Play,
    /// How many pieces have been put in front, rounds counted.
    begun: usize,
    now_playing: NowPlaying,
    branches: VecDeque<Branch>,
    /// Whether no further piece follows those in front.
    complete: Arc<AtomicBool>,
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
    /// A feed with the first pieces, whose music comes out of [`Feed::element`].
    pub(super) fn new(pipeline: &gst::Pipeline, pieces: &[Piece], play: Play, now_playing: NowPlaying) -> Result<Self> {
        let concat = elements::make("concat")?;
        elements::add(pipeline, &[&concat])?;
        let complete = Arc::new(AtomicBool::new(false));
        let last = complete.clone();
        // The end of the last piece in front is the end of the music only if nothing follows.
        elements::pad(&concat, "src")?.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            match info.event().map(|event| event.type_()) {
                Some(gst::EventType::Eos) if !last.load(Ordering::SeqCst) => gst::PadProbeReturn::Drop,
                _ => gst::PadProbeReturn::Ok,
            }
        });
        let (pipeline, pieces) = (pipeline.clone(), pieces.to_vec());
        let branches = VecDeque::new();
        let mut feed = Self { pipeline, concat, pieces, play, begun: 0, now_playing, branches, complete };
        feed.fill()?;
        Ok(feed)
    }

    /// The element that the music comes out of.
    pub(super) const fn element(&self) -> &gst::Element {
        &self.concat
    }

    /// Takes away pieces that have ended, and puts others in their place. To be called now and then.
    pub(super) fn turn(&mut self) -> Result<()> {
        while self.branches.front().is_some_and(|branch| branch.ended.load(Ordering::SeqCst)) && self.branches.len() > 1
        {
            if let Some(branch) = self.branches.pop_front() {
                branch.take_away(&self.pipeline, &self.concat);
            }
        }
        self.fill()
    }

    fn fill(&mut self) -> Result<()> {
        while self.branches.len() < AHEAD && (self.play.repeat || self.begun < self.pieces.len()) {
            let piece = &self.pieces[self.begun % self.pieces.len()];
            let start = if self.begun == 0 { self.play.start } else { Duration::ZERO };
            let (index, now_playing) = (self.begun as u64, &self.now_playing);
            let queue = |pad: &gst::Pad| now_playing.queue(index, piece, pad);
            let branch = Branch::put(&self.pipeline, &self.concat, &piece.path, start, &self.play, queue)?;
            self.branches.push_back(branch);
            self.begun += 1;
        }
        let complete = !self.play.repeat && self.begun == self.pieces.len();
        self.complete.store(complete, Ordering::SeqCst);
        Ok(())
    }
}

impl Branch {
    fn put(
        pipeline: &gst::Pipeline,
        concat: &gst::Element,
        path: &Path,
        start: Duration,
        play: &Play,
        queue: impl FnOnce(&gst::Pad),
    ) -> Result<Self> {
        let file = elements::with("filesrc", &[("location", &path)])?;
        let parse = elements::with("smfparse", &[("lenient", &(play.reading == Reading::Lenient))])?;
        let pad = elements::pad(concat, "sink_%u")?;
        let ended = Arc::new(AtomicBool::new(false));
        let music = elements::pad(&parse, "src")?;
        watch(&music, start, play.speed, ended.clone());
        queue(&music);
        elements::chain(pipeline, &[&file, &parse])?;
        elements::link(&music, &pad)?;
        for element in [&parse, &file] {
            elements::follow(element)?;
        }
        Ok(Self { elements: [file, parse], pad, ended })
    }

    fn take_away(self, pipeline: &gst::Pipeline, concat: &gst::Element) {
        for element in &self.elements {
            // Going to NULL cannot fail for elements that only read a file; what is left is freed with the pipeline.
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
