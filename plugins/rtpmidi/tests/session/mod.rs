//! Sessions of real pipelines on loopback: `rtpbin` at each end, RTP and RTCP over UDP, and nobody in between who helps.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;
use rtp_midi::payload::Payload;

/// Longer than anything here takes on a slow machine, and shorter than the watchdog's patience.
const PATIENCE: Duration = Duration::from_secs(25);

/// A pipeline with an `rtpbin` named `bin`, whose session reports twenty times a second, and not every five seconds.
pub fn launch(description: &str) -> gst::Pipeline {
    let pipeline: gst::Pipeline = gst::parse::launch(description).unwrap().downcast().unwrap();
    let session = element(&pipeline, "bin").emit_by_name::<gst::glib::Object>("get-internal-session", &[&0_u32]);
    session.set_property("rtcp-min-interval", 50_000_000_u64);
    pipeline
}

pub fn element(pipeline: &gst::Pipeline, name: &str) -> gst::Element {
    pipeline.by_name(name).unwrap()
}

/// Plays a pipeline, and says on which ports its `udpsrc` elements listen.
pub fn listen(pipeline: &gst::Pipeline, names: &[&str]) -> Vec<i32> {
    pipeline.set_state(gst::State::Playing).unwrap();
    pipeline.state(gst::ClockTime::from_seconds(10)).0.unwrap();
    names.iter().map(|name| element(pipeline, name).property("port")).collect()
}

/// Pushes a message into the `appsrc` of a pipeline.
pub fn push(pipeline: &gst::Pipeline, octets: &[u8]) {
    let buffer = gst::Buffer::from_slice(octets.to_vec());
    let pushed = element(pipeline, "src").emit_by_name::<gst::FlowReturn>("push-buffer", &[&buffer]);
    assert_eq!(pushed, gst::FlowReturn::Ok);
}

/// A number in the `stats` of the element `name`.
pub fn stat(pipeline: &gst::Pipeline, name: &str, field: &str) -> u64 {
    element(pipeline, name).property::<gst::Structure>("stats").get(field).unwrap_or_default()
}

/// A receiver of this session; at `depay` come its notes.
pub const RECEIVE: &str = "
    rtpbin name=bin latency=10
    udpsrc name=rtp address=127.0.0.1 port=0
        caps=\"application/x-rtp,media=audio,encoding-name=RTP-MIDI,clock-rate=44100,payload=96\" ! bin.recv_rtp_sink_0
    udpsrc name=rtcp address=127.0.0.1 port=0 ! bin.recv_rtcp_sink_0
    bin.send_rtcp_src_0 ! udpsink name=report host=127.0.0.1 port=1 sync=false async=false
    bin. ! rtpmididepay name=depay ! fakesink name=out sync=false async=false";

/// The second way of a receiver that plays back: music of its own.
pub const PLAY_BACK: &str = "
    appsrc name=src is-live=true do-timestamp=true format=time caps=audio/x-midi-event
    ! rtpmidipay pt=97 ! bin.send_rtp_sink_0  bin.send_rtp_src_0 ! fakesink sync=false async=false";

/// The sending end: `appsrc ! rtpmidipay ! rtpbin`, to any number of receivers.
pub struct Conductor {
    pub pipeline: gst::Pipeline,
    reports: i32,
    /// Octets of each packet's journal.
    journals: Arc<Mutex<Vec<usize>>>,
    steps: u8,
}

impl Conductor {
    /// A sender that plays to nobody yet.
    pub fn start() -> Self {
        let pipeline = launch(
            "rtpbin name=bin
             appsrc name=src is-live=true do-timestamp=true format=time caps=audio/x-midi-event
             ! rtpmidipay name=pay ! bin.send_rtp_sink_0
             bin.send_rtp_src_0 ! multiudpsink name=rtp sync=false async=false
             bin.send_rtcp_src_0 ! multiudpsink name=rtcp sync=false async=false
             udpsrc name=reports address=127.0.0.1 port=0 ! bin.recv_rtcp_sink_0",
        );
        let reports = listen(&pipeline, &["reports"])[0];
        let journals = Arc::<Mutex<Vec<usize>>>::default();
        let sizes = journals.clone();
        let pad = element(&pipeline, "pay").static_pad("src").unwrap();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let packet = info.buffer().unwrap().map_readable().unwrap();
            let payload = Payload::decode(&packet[12..]).unwrap();
            sizes.lock().unwrap().push(payload.journal.map_or(0, <[u8]>::len));
            gst::PadProbeReturn::Ok
        });
        Self { pipeline, reports, journals, steps: 0 }
    }

    /// Plays one note and moves one controller of sixty, so that the journal has ever more to tell.
    pub fn play(&mut self) {
        let (key, controller) = (self.steps % 128, self.steps % 60);
        self.steps = self.steps.wrapping_add(1);
        let (channel, number) = (controller / 20, 12 + controller % 20);
        for message in [[0x90, key, 100], [0xB0 | channel, number, key], [0x80, key, 64]] {
            push(&self.pipeline, &message);
        }
        std::thread::sleep(Duration::from_millis(5));
    }

    /// Plays until something is as it should be.
    pub fn play_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            let stats: gst::Structure = element(&self.pipeline, "pay").property("stats");
            assert!(began.elapsed() < PATIENCE, "{what}: never; {stats}");
            self.play();
        }
    }

    /// A number of the payloader's.
    pub fn stat(&self, field: &str) -> u64 {
        stat(&self.pipeline, "pay", field)
    }

    /// Receivers that report.
    pub fn reporters(&self) -> u64 {
        self.stat("reporters")
    }

    /// Packets from the checkpoint on.
    pub fn distance(&self) -> u64 {
        self.stat("checkpoint-distance")
    }

    /// Octets of the latest journal.
    pub fn journal(&self) -> usize {
        self.journals.lock().unwrap().last().copied().unwrap_or_default()
    }

    /// Sends RTP and RTCP to a receiver, too.
    pub fn admit(&self, receiver: &Receiver) {
        self.tell("rtp", "add", receiver.rtp);
        self.tell("rtcp", "add", receiver.rtcp);
        receiver.report_to(self.reports);
    }

    /// Adds a receiver's port to one of the two sinks, or takes it away.
    pub fn tell(&self, sink: &str, action: &str, port: i32) {
        element(&self.pipeline, sink).emit_by_name::<()>(action, &[&"127.0.0.1", &port]);
    }

    /// Where receiver reports go to.
    pub fn reports(&self) -> i32 {
        self.reports
    }
}

impl Drop for Conductor {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// A receiving end: `rtpbin ! rtpmididepay`.
pub struct Receiver {
    pub pipeline: gst::Pipeline,
    pub rtp: i32,
    pub rtcp: i32,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    reported: Arc<Mutex<u32>>,
}

impl Receiver {
    /// A receiver that waits for packets. `more` comes first in its pipeline, so that what it links is taken when the
    /// depayloader looks for a pad.
    pub fn start(more: &str) -> Self {
        let pipeline = launch(&format!("{more} {RECEIVE}"));
        let (heard, reported) = (Arc::<Mutex<Vec<Vec<u8>>>>::default(), Arc::<Mutex<u32>>::default());
        let messages = heard.clone();
        let pad = element(&pipeline, "out").static_pad("sink").unwrap();
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
            let mut messages = messages.lock().unwrap();
            let mut take = |buffer: &gst::BufferRef| messages.push(buffer.map_readable().unwrap().to_vec());
            match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => take(buffer),
                Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(&mut take),
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
        let reports = reported.clone();
        let pad = element(&pipeline, "report").static_pad("sink").unwrap();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            *reports.lock().unwrap() += 1;
            gst::PadProbeReturn::Ok
        });
        let ports = listen(&pipeline, &["rtp", "rtcp"]);
        Self { pipeline, rtp: ports[0], rtcp: ports[1], heard, reported }
    }

    /// Sends reports to this port.
    pub fn report_to(&self, port: i32) {
        element(&self.pipeline, "report").set_property("port", port);
    }

    /// Whether this message has come.
    pub fn has_heard(&self, message: &[u8]) -> bool {
        self.heard.lock().unwrap().iter().any(|heard| heard == message)
    }

    /// RTCP packets that it has sent.
    pub fn reported(&self) -> u32 {
        *self.reported.lock().unwrap()
    }

    /// Notes that sound.
    pub fn sounding(&self) -> u64 {
        stat(&self.pipeline, "depay", "sounding")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
