//! What these tests share: pipelines that are watched, another client of the sequencer, and waiting.

use std::ffi::CString;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use alsa::Direction;
use alsa::seq::{Addr, EvCtrl, Event, EventType, PortCap, PortSubscribe, PortType, Seq};
use gst::prelude::*;

use crate::vm;

/// Longer than anything takes here, where everything is slow.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until `done` gives something.
pub(crate) fn until<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: never");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A pipeline whose messages are noted at the pad in front of, or behind, the element `name`.
pub(crate) struct Played {
    pub(crate) pipeline: gst::Pipeline,
    heard: Arc<Mutex<Vec<Message>>>,
}

/// A message, and its running time.
pub(crate) type Message = (gst::ClockTime, Vec<u8>);

impl Played {
    /// Plays what `gst-launch-1.0` would; the element called `it` is watched.
    pub(crate) fn new(line: &str) -> Self {
        let played = Self::paused(line);
        played.pipeline.set_state(gst::State::Playing).unwrap();
        played
    }

    /// The same, not playing yet.
    pub(crate) fn paused(line: &str) -> Self {
        gst::init().unwrap();
        gstalsaseq::plugin_register_static().unwrap();
        let pipeline = gst::parse::launch(line).unwrap().downcast::<gst::Pipeline>().unwrap();
        let it = pipeline.by_name("it").unwrap();
        let pad = it.static_pad("src").or_else(|| it.static_pad("sink")).unwrap();
        let heard = Arc::<Mutex<Vec<Message>>>::default();
        let notes = heard.clone();
        let note = move |buffer: &gst::BufferRef| {
            let octets = buffer.map_readable().unwrap().to_vec();
            notes.lock().unwrap().push((buffer.pts().unwrap_or_default(), octets));
        };
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
            match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => note(buffer),
                Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(&note),
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
        Self { pipeline, heard }
    }

    pub(crate) fn it(&self) -> gst::Element {
        self.pipeline.by_name("it").unwrap()
    }

    /// Where the port of the element is, which is there as soon as the pipeline is paused.
    pub(crate) fn address(&self) -> Addr {
        until("a port", || self.it().property::<Option<String>>("address")).parse().unwrap()
    }

    pub(crate) fn heard(&self) -> Vec<Message> {
        self.heard.lock().unwrap().clone()
    }

    /// The octets of what has been heard.
    pub(crate) fn octets(&self) -> Vec<Vec<u8>> {
        self.heard().into_iter().map(|(_, octets)| octets).collect()
    }

    /// Waits until so many messages have been heard.
    pub(crate) fn hears(&self, count: usize) -> Vec<Vec<u8>> {
        until(&format!("{count} messages"), || {
            let octets = self.octets();
            (octets.len() >= count).then_some(octets)
        })
    }

    pub(crate) fn stat(&self, name: &str) -> u64 {
        self.it().property::<gst::Structure>("stats").get(name).unwrap()
    }

    /// Waits for a message of the bus.
    pub(crate) fn told(&self, kind: gst::MessageType) -> gst::Message {
        let bus = self.pipeline.bus().unwrap();
        let patience = gst::ClockTime::from_seconds(PATIENCE.as_secs());
        let message = bus.timed_pop_filtered(patience, &[kind, gst::MessageType::Error]).expect("a message");
        assert_eq!(message.type_(), kind, "{message:?}");
        message
    }

    /// Waits for a warning, and returns its words.
    pub(crate) fn warns(&self) -> String {
        let message = self.told(gst::MessageType::Warning);
        let gst::MessageView::Warning(warning) = message.view() else { panic!("{message:?}") };
        warning.error().message().to_owned()
    }

    pub(crate) fn stop(&self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Gives buffers to the source of the pipeline: milliseconds and octets.
pub(crate) fn push(played: &Played, messages: &[(u64, &[u8])]) {
    let source = played.pipeline.by_name("source").unwrap();
    for (ms, octets) in messages {
        let mut buffer = gst::Buffer::from_mut_slice(octets.to_vec());
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(*ms));
        assert_eq!(source.emit_by_name::<gst::FlowReturn>("push-buffer", &[&buffer]), gst::FlowReturn::Ok);
    }
}

/// Another client, with a port to write from and to read at.
pub(crate) struct Other {
    pub(crate) seq: Seq,
    pub(crate) address: Addr,
}

impl Other {
    pub(crate) fn new(name: &str) -> Self {
        let seq = Seq::open(None, None, true).unwrap();
        seq.set_client_name(&CString::new(name).unwrap()).unwrap();
        let all = PortCap::READ | PortCap::WRITE | PortCap::SUBS_READ | PortCap::SUBS_WRITE;
        let port = seq.create_simple_port(c"port", all, PortType::MIDI_GENERIC | PortType::APPLICATION).unwrap();
        seq.set_client_pool_input(2000).unwrap();
        let address = Addr { client: seq.client_id().unwrap(), port };
        Self { seq, address }
    }

    pub(crate) fn connect(&self, sender: Addr, dest: Addr) {
        let subscription = PortSubscribe::empty().unwrap();
        subscription.set_sender(sender);
        subscription.set_dest(dest);
        self.seq.subscribe_port(&subscription).unwrap();
    }

    /// Plays an event now to all that are connected.
    pub(crate) fn play(&self, mut event: Event<'_>) {
        event.set_source(self.address.port);
        event.set_subs();
        event.set_direct();
        self.seq.event_output_direct(&mut event).unwrap();
    }

    /// Plays so many events at once.
    pub(crate) fn floods(&self, count: u32) {
        let control = EvCtrl { channel: 0, param: 7, value: 1 };
        for _ in 0..count {
            let mut event = Event::new(EventType::Controller, &control);
            event.set_source(self.address.port);
            event.set_subs();
            event.set_direct();
            // The sequencer tells a sender as well when a receiver has no room.
            let _ = self.seq.event_output_direct(&mut event);
        }
    }

    /// Waits for an event, which `wanted` makes something of.
    pub(crate) fn hears<T>(&self, what: &str, mut wanted: impl FnMut(&Event<'_>) -> Option<T>) -> T {
        let mut input = self.seq.input();
        until(what, || {
            while let Ok(event) = input.event_input() {
                if let Some(value) = wanted(&event) {
                    return Some(value);
                }
            }
            None
        })
    }

    /// Whether it is connected with `port`, to which it writes (playback) or from which it reads.
    pub(crate) fn is_connected(&self, port: Addr, direction: Direction) -> bool {
        use alsa::seq::{PortSubscribeIter, QuerySubsType};
        let kind = if direction == Direction::Playback { QuerySubsType::READ } else { QuerySubsType::WRITE };
        let others = PortSubscribeIter::new(&self.seq, self.address, kind);
        others
            .into_iter()
            .any(|it| if direction == Direction::Playback { it.get_dest() == port } else { it.get_sender() == port })
    }
}

/// A program that is ended when dropped, and what it has printed so far.
pub(crate) struct Tool {
    child: Child,
    said: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Tool {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let said = Arc::<Mutex<String>>::default();
        let (lines, all) = (BufReader::new(child.stdout.take().unwrap()).lines(), said.clone());
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *all.lock().unwrap() += &(line + "\n");
            }
        });
        Self { child, said, reader: Some(reader) }
    }

    /// Waits until it has printed these words: an interruption may come before it has read what it was sent.
    pub(crate) fn says(&self, words: &str) {
        until(words, || self.said.lock().unwrap().contains(words).then_some(()));
    }

    /// Ends it as Ctrl-C does, when it has read what it was sent, and returns what it has printed.
    pub(crate) fn interrupt(mut self) -> String {
        vm::wait_until_all_is_read(self.child.id());
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        self.reader.take().unwrap().join().unwrap();
        self.child.wait().unwrap();
        std::mem::take(&mut self.said.lock().unwrap())
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address as tools take it.
pub(crate) fn text(address: Addr) -> String {
    format!("{}:{}", address.client, address.port)
}
