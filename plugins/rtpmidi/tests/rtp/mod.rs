//! What the tests of the payload elements share: harnesses, packets taken apart, a watchdog.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Once;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use gst::prelude::*;
use gst_check::Harness;
use gst_rtp::RTPBuffer;
use gst_rtp::prelude::*;
use rtp_midi::payload::Payload;

/// A sequence number near the wrap, so that every test crosses it or could.
pub const FIRST: u16 = 65_534;
pub const OFFSET: u32 = u32::MAX - 1000;
pub const RATE: u64 = 44_100;

/// Registers the elements, and ends the process when the test hangs.
pub fn start() -> Sender<()> {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        gst::init().unwrap();
        gstrtpmidi::plugin_register_static().unwrap();
    });
    let (alive, watch) = channel::<()>();
    let name = std::thread::current().name().unwrap_or("test").to_owned();
    std::thread::spawn(move || {
        if watch.recv_timeout(Duration::from_secs(30)) == Err(RecvTimeoutError::Timeout) {
            eprintln!("{name} hangs");
            std::process::abort();
        }
    });
    alive
}

pub const fn ms(milliseconds: u64) -> gst::ClockTime {
    gst::ClockTime::from_mseconds(milliseconds)
}

pub fn buffer(at: gst::ClockTime, octets: &[u8]) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(octets.to_vec());
    buffer.get_mut().unwrap().set_pts(at);
    buffer
}

/// A payloader between harness pads, not live, with known offsets.
pub fn pay(properties: &[(&str, &str)]) -> Harness {
    pay_to(properties, None)
}

pub fn pay_to(properties: &[(&str, &str)], downstream: Option<&str>) -> Harness {
    let pay = gst::ElementFactory::make("rtpmidipay")
        .property("seqnum-offset", i32::from(FIRST))
        .property("timestamp-offset", OFFSET)
        .property("ssrc", 0x5353_5243_u32)
        .build()
        .unwrap();
    for (name, value) in properties {
        pay.set_property_from_str(name, value);
    }
    let mut harness = Harness::with_element(&pay, Some("sink"), Some("src"));
    harness.set_live(false);
    if let Some(caps) = downstream {
        harness.set_sink_caps_str(caps);
    }
    harness.set_src_caps_str("audio/x-midi-event");
    harness
}

/// A depayloader between harness pads.
pub fn depay(properties: &[(&str, &str)], caps: &str) -> Harness {
    let depay = gst::ElementFactory::make("rtpmididepay").build().unwrap();
    for (name, value) in properties {
        depay.set_property_from_str(name, value);
    }
    let mut harness = Harness::with_element(&depay, Some("sink"), Some("src"));
    harness.set_src_caps_str(caps);
    harness
}

pub const RTP_CAPS: &str = "application/x-rtp,media=audio,encoding-name=RTP-MIDI,clock-rate=44100,payload=96";

/// An RTP packet taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    pub pts: Option<gst::ClockTime>,
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub ssrc: u32,
    pub size: usize,
    pub journal: Option<usize>,
    /// RTP time of each command since the offset, and its octets.
    pub commands: Vec<(u32, Vec<u8>)>,
    /// Ticks from the timestamp to the end of the list.
    pub reach: u32,
}

impl Packet {
    pub fn octets(&self) -> Vec<&[u8]> {
        self.commands.iter().map(|(_, octets)| &octets[..]).collect()
    }

    pub fn ms(&self) -> u64 {
        self.pts.unwrap().mseconds()
    }
}

pub fn packet(buffer: &gst::Buffer) -> Packet {
    let rtp = RTPBuffer::from_buffer_readable(buffer).unwrap();
    let payload = Payload::decode(rtp.payload().unwrap()).unwrap();
    let mut list = payload.commands(rtp.timestamp());
    let commands = list.by_ref().map(|timed| {
        let timed = timed.unwrap();
        let mut octets = Vec::new();
        timed.command.encode(&mut octets);
        (timed.time.wrapping_sub(OFFSET), octets)
    });
    let commands = commands.collect();
    Packet {
        pts: buffer.pts(),
        sequence: rtp.seq(),
        timestamp: rtp.timestamp(),
        marker: rtp.is_marker(),
        ssrc: rtp.ssrc(),
        size: buffer.size(),
        journal: payload.journal.map(<[u8]>::len),
        commands,
        reach: list.time().wrapping_sub(rtp.timestamp()),
    }
}

/// Lets the clock come to what the element waits for, and the element do it; returns the packet that it sends.
pub fn crank(harness: &mut Harness) -> Packet {
    harness.crank_single_clock_wait().unwrap();
    packet(&harness.pull().unwrap())
}

/// All packets that a harness holds.
pub fn packets(harness: &mut Harness) -> Vec<Packet> {
    std::iter::from_fn(|| harness.try_pull()).map(|buffer| packet(&buffer)).collect()
}

/// All messages that a harness holds.
pub fn messages(harness: &mut Harness) -> Vec<(gst::ClockTime, Vec<u8>)> {
    std::iter::from_fn(|| harness.try_pull())
        .map(|buffer| {
            assert_eq!(buffer.dts(), buffer.pts());
            (buffer.pts().unwrap(), buffer.map_readable().unwrap().to_vec())
        })
        .collect()
}

pub fn octets(messages: &[(gst::ClockTime, Vec<u8>)]) -> Vec<&[u8]> {
    messages.iter().map(|(_, octets)| &octets[..]).collect()
}

/// A number in an element's `stats`.
pub fn stat(harness: &Harness, name: &str) -> u64 {
    harness.element().unwrap().property::<gst::Structure>("stats").get(name).unwrap()
}

/// What `pay` has sent so far, to be pushed into a depayloader.
pub fn sent(pay: &mut Harness) -> Vec<gst::Buffer> {
    std::iter::from_fn(|| pay.try_pull()).collect()
}

/// A packet of our own making.
pub fn rtp_packet(sequence: u16, timestamp: u32, ssrc: u32, payload: &[u8]) -> gst::Buffer {
    let mut buffer = gst::Buffer::new_rtp_with_sizes(payload.len() as u32, 0, 0).unwrap();
    {
        let mut rtp = RTPBuffer::from_buffer_writable(buffer.get_mut().unwrap()).unwrap();
        rtp.set_seq(sequence);
        rtp.set_timestamp(timestamp);
        rtp.set_ssrc(ssrc);
        rtp.set_payload_type(96);
        rtp.payload_mut().unwrap().copy_from_slice(payload);
    }
    buffer
}

/// Runs a pipeline with an element `sink` to its end; returns the buffers that came to the sink.
pub fn run(pipeline: &str) -> Vec<(gst::ClockTime, Vec<u8>)> {
    let pipeline = gst::parse::launch(pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
    let sink = pipeline.by_name("sink").unwrap();
    let (send, arrived) = std::sync::mpsc::channel();
    sink.static_pad("sink").unwrap().add_probe(
        gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST,
        move |_, info| {
            let mut take = |buffer: &gst::BufferRef| {
                let pts = buffer.pts().unwrap_or_default();
                send.send((pts, buffer.map_readable().unwrap().to_vec())).unwrap();
            };
            match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => take(buffer),
                Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(&mut take),
                _ => {}
            }
            gst::PadProbeReturn::Ok
        },
    );
    pipeline.set_state(gst::State::Playing).unwrap();
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(20), &end).unwrap();
    assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
    pipeline.set_state(gst::State::Null).unwrap();
    arrived.try_iter().collect()
}
