//! The last place before the payloader: counts what is sent, and lets go what a file or a pause leaves sounding.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;

use crate::elements;
use crate::lock::lock;
use rtp_midi::midi::Sounding;

/// Watches the sink pad of the payloader.
#[derive(Clone)]
pub(crate) struct Tap {
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
    /// Waits for what sounds to be let go before a pause.
    hush: Option<Sender<()>>,
}

/// How long a pause waits for the streaming thread, which comes by four times a second.
const PATIENCE: Duration = Duration::from_millis(500);

/// Longer than any packet waits for more.
const PACKET: gst::ClockTime = gst::ClockTime::from_mseconds(1001);

impl Tap {
    /// Starts watching. What sounds at the end of a file is released when the next one begins or the stream ends.
    pub(crate) fn on(pad: gst::Pad) -> Self {
        let tap = Self { pad, state: Arc::default() };
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST | gst::PadProbeType::EVENT_DOWNSTREAM;
        let state = tap.state.clone();
        tap.pad.add_probe(kinds, move |pad, info| {
            pause(pad, &state);
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
    pub(crate) fn events(&self) -> u64 {
        lock(&self.state).events
    }

    /// When the stream ended.
    pub(crate) fn ended(&self) -> Option<Instant> {
        lock(&self.state).ended
    }

    /// To be called before the stream is paused: lets go what sounds, and returns when that has been sent. The music
    /// goes on after the pause, with the pedals as they were.
    pub(crate) fn hush(&self) {
        let (sent, done) = channel();
        {
            let mut state = lock(&self.state);
            if state.sounding == Sounding::default() {
                return;
            }
            state.hush = Some(sent);
        }
        // A stream that has stopped sends nothing any more.
        let _ = done.recv_timeout(PATIENCE);
        lock(&self.state).hush = None;
    }

    /// Ends the stream now, from any thread: releases what sounds at the running time `now`, then nothing more.
    pub(crate) fn end(&self, now: Option<gst::ClockTime>) {
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

/// Lets go what sounds if a pause is to come, and holds the music up until it has come.
///
/// The thread that streams does this itself: it alone knows that nothing else is on its way, since behind this pad it
/// waits for the time of each packet.
fn pause(pad: &gst::Pad, state: &Mutex<State>) {
    let Some(done) = lock(state).hush.take() else { return };
    let Some(pay) = pad.parent_element() else { return };
    let segment = elements::segment(pad);
    let now =
        segment.zip(pay.current_running_time()).and_then(|(segment, now)| segment.position_from_running_time(now));
    let pedals = release(pad, state, now);
    // A packet waits for more to go with it until time has passed.
    pad.send_event(gst::event::Gap::builder(now.unwrap_or_default()).duration(PACKET).build());
    drop(done);
    let asked = Instant::now();
    while pay.current_state() == gst::State::Playing && asked.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(2));
    }
    send(pad, now, pedals);
}

/// Sends `NoteOff` for what sounds, and lets the pedals up, through the pad itself, so that it is counted as well.
/// Returns what presses those pedals again.
fn release(pad: &gst::Pad, state: &Mutex<State>, pts: Option<gst::ClockTime>) -> Vec<[u8; 3]> {
    let messages = lock(state).sounding.release();
    let pedals = messages.iter().filter(|[status, ..]| status & 0xF0 == 0xB0);
    let pedals = pedals.map(|&[status, controller, _]| [status, controller, 127]).collect();
    send(pad, pts, messages);
    pedals
}

fn send(pad: &gst::Pad, pts: Option<gst::ClockTime>, messages: Vec<[u8; 3]>) {
    for message in messages {
        let mut buffer = gst::Buffer::from_slice(message);
        buffer.make_mut().set_pts(pts);
        // A pad that refuses has been stopped: nobody hears the notes any more.
        let _ = pad.chain(buffer);
    }
}
