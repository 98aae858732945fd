//! The last place before the payloader: counts what is sent, and lets go what a file leaves sounding.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gst::prelude::*;

use crate::elements;
use crate::sounding::Sounding;

/// Watches the sink pad of the payloader.
#[derive(Clone)]
pub(super) struct Tap {
    pad: gst::Pad,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    sounding: Sounding,
    events: u64,
    /// A file has ended; the next one begins with its first message.
    between: bool,
    ended: Option<Instant>,
}

impl Tap {
    /// Starts watching. What sounds at the end of a file is released when the next one begins or the stream ends.
    pub(super) fn on(pad: gst::Pad) -> Self {
        let tap = Self { pad, state: Arc::default() };
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST | gst::PadProbeType::EVENT_DOWNSTREAM;
        let state = tap.state.clone();
        tap.pad.add_probe(kinds, move |pad, info| {
            match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => begin(pad, &state, buffer.pts()),
                Some(gst::PadProbeData::BufferList(list)) => {
                    begin(pad, &state, list.get(0).and_then(gst::BufferRef::pts));
                }
                Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::StreamStart => {
                    lock(&state).between = true;
                }
                Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
                    release(pad, &state, None);
                    lock(&state).ended = Some(Instant::now());
                }
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
        let state = tap.state.clone();
        elements::for_each_buffer(&tap.pad, move |buffer| lock(&state).take(buffer));
        tap
    }

    /// MIDI messages that went by.
    pub(super) fn events(&self) -> u64 {
        lock(&self.state).events
    }

    /// When the stream ended.
    pub(super) fn ended(&self) -> Option<Instant> {
        lock(&self.state).ended
    }

    /// Ends the stream now, from any thread: releases what sounds at the running time `now`, then nothing more.
    pub(super) fn end(&self, now: Option<gst::ClockTime>) {
        // While the lock is held no other thread passes. Afterwards none may: EOS does not stop the next file, whose
        // STREAM-START opens the pad again.
        let _lock = self.pad.stream_lock();
        let segment = elements::segment(&self.pad);
        let pts = segment.zip(now).and_then(|(segment, now)| segment.position_from_running_time(now));
        release(&self.pad, &self.state, pts);
        self.pad.send_event(gst::event::Eos::new());
        self.pad.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, |_, _| gst::PadProbeReturn::Ok);
    }
}

impl State {
    fn take(&mut self, buffer: &gst::BufferRef) {
        if let Ok(map) = buffer.map_readable() {
            self.events += 1;
            self.sounding.observe(&map);
        }
    }
}

/// The next message is of `pts`: before the first one of a file, lets go what the file before it left.
fn begin(pad: &gst::Pad, state: &Mutex<State>, pts: Option<gst::ClockTime>) {
    let between = std::mem::take(&mut lock(state).between);
    if between {
        release(pad, state, pts);
    }
}

/// Sends `NoteOff` for what sounds, through the pad itself, so that it is counted as well.
fn release(pad: &gst::Pad, state: &Mutex<State>, pts: Option<gst::ClockTime>) {
    let messages = lock(state).sounding.release();
    for message in messages {
        let mut buffer = gst::Buffer::from_slice(message);
        buffer.make_mut().set_pts(pts);
        // A pad that refuses has been stopped: nobody hears the notes any more.
        let _ = pad.chain(buffer);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
