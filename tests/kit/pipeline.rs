//! Pipelines of the real elements, in this process, each to its end.

use std::fs;
use std::path::PathBuf;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use gst::prelude::*;

/// What `rtpstreamdepay` must be told of the packets.
const MEDIA: &str = "media=audio,encoding-name=RTP-MIDI,clock-rate=44100,payload=96";

/// Random by default. With these, the numbers of every song wrap after a few packets and seconds.
const OFFSETS: &str = "seqnum-offset=65500 timestamp-offset=4294900000 ssrc=1";

/// Longer than any song here takes on a slow machine.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(120);

/// Loads GStreamer and the plugin.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstrtpmidi::plugin_register_static().unwrap();
    });
}

/// Cargo's folder for what is built.
pub fn target() -> PathBuf {
    built().parent().unwrap().to_path_buf()
}

/// The folder in it with the programs of this profile; the tests are below it, in `deps`.
pub fn built() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_path_buf()
}

/// A folder for the files of one test; it goes away with the value.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// An empty folder that no other test uses.
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("rtpmidi-{name}-{}-{count}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays behind does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `song` through `smfparse ! rtpmidipay` with these properties into a file of packets; or the error.
pub fn send(song: &[u8], properties: &str) -> Result<Vec<u8>, String> {
    send_as("application/x-rtp", song, properties)
}

/// The same with packets of these caps.
pub fn send_as(caps: &str, song: &[u8], properties: &str) -> Result<Vec<u8>, String> {
    let folder = Folder::new("send");
    let (from, to) = (folder.path("song.mid"), folder.path("song.rtp"));
    fs::write(&from, song).unwrap();
    let (from, to_name) = (from.display(), to.display());
    run(&parse(&format!(
        "filesrc location={from} ! smfparse ! rtpmidipay {OFFSETS} {properties} ! {caps} \
         ! rtpstreampay ! filesink location={to_name}"
    )))?;
    Ok(fs::read(&to).unwrap())
}

/// The caps that `rtpmidipay` with these properties agrees on with `downstream`, which is caps or more elements.
pub fn negotiated(properties: &str, downstream: &str) -> gst::Caps {
    let folder = Folder::new("negotiated");
    let song = folder.path("song.mid");
    fs::write(&song, crate::song::scale()).unwrap();
    let pipeline = parse(&format!(
        "filesrc location={} ! smfparse ! rtpmidipay {properties} ! {downstream} ! fakesink name=sink",
        song.display()
    ));
    let (found, caps) = std::sync::mpsc::channel();
    let pad = pipeline.by_name("sink").unwrap().static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Caps(caps)) = info.event().map(|event| event.view()) {
            found.send(caps.caps_owned()).unwrap();
        }
        gst::PadProbeReturn::Ok
    });
    run(&pipeline).unwrap();
    caps.try_iter().last().unwrap()
}

/// What came out of `rtpmididepay`.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Behind each packet that arrived, in their order.
    pub behind_packets: Vec<Vec<Vec<u8>>>,
    /// The file that `smfmux` made of it all.
    pub file: Vec<u8>,
}

/// A file of packets through `rtpmididepay ! smfmux`.
pub fn record(packets: &[u8]) -> Heard {
    record_as(MEDIA, packets, "")
}

/// The same with packets whose caps have these fields, and a depayloader with these properties.
pub fn record_as(media: &str, packets: &[u8], properties: &str) -> Heard {
    let folder = Folder::new("record");
    let (from, to) = (folder.path("song.rtp"), folder.path("again.mid"));
    fs::write(&from, packets).unwrap();
    let (from, to_name) = (from.display(), to.display());
    let pipeline = parse(&format!(
        "filesrc location={from} ! application/x-rtp-stream,{media} ! rtpstreamdepay \
         ! rtpmididepay name=depay {properties} ! smfmux ! filesink location={to_name}"
    ));
    let behind_packets = listen(&pipeline.by_name("depay").unwrap());
    run(&pipeline).unwrap();
    Heard { behind_packets: behind_packets(), file: fs::read(&to).unwrap() }
}

/// Notes what `depay` makes of each packet. It pushes from the thread that brings the packet, so that the messages
/// between two packets are those of the first.
fn listen(depay: &gst::Element) -> impl FnOnce() -> Vec<Vec<Vec<u8>>> + use<> {
    enum Passed {
        Packet,
        Message(Vec<u8>),
    }
    let (to_end, passed) = std::sync::mpsc::channel();
    let arrived = to_end.clone();
    depay.static_pad("sink").unwrap().add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        arrived.send(Passed::Packet).unwrap();
        gst::PadProbeReturn::Ok
    });
    // The end of the stream gives messages too, which belong to no packet.
    let end = to_end.clone();
    depay.static_pad("sink").unwrap().add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if info.event().is_some_and(|event| event.type_() == gst::EventType::Eos) {
            end.send(Passed::Packet).unwrap();
        }
        gst::PadProbeReturn::Ok
    });
    on_messages(depay, move |octets| to_end.send(Passed::Message(octets)).unwrap());
    move || {
        let mut packets: Vec<Vec<Vec<u8>>> = Vec::new();
        for passed in passed.try_iter() {
            match passed {
                Passed::Packet => packets.push(Vec::new()),
                Passed::Message(octets) => packets.last_mut().unwrap().push(octets),
            }
        }
        packets.pop();
        packets
    }
}

/// What `depay` gives out while its pipeline plays, one message at a time.
#[derive(Debug)]
pub struct Tap(std::sync::mpsc::Receiver<Vec<u8>>);

impl Tap {
    /// From now on.
    pub fn new(depay: &gst::Element) -> Self {
        let (send, messages) = std::sync::mpsc::channel();
        // Once the test has all it wants, nobody listens any more.
        on_messages(depay, move |octets| drop(send.send(octets)));
        Self(messages)
    }

    /// The next `count` messages; fewer where nothing comes for ten seconds.
    pub fn take(&self, count: usize) -> Vec<Vec<u8>> {
        let next = || self.0.recv_timeout(std::time::Duration::from_secs(10)).ok();
        std::iter::from_fn(next).take(count).collect()
    }
}

/// Calls `take` with each message that `depay` gives out.
fn on_messages(depay: &gst::Element, take: impl Fn(Vec<u8>) + Send + Sync + 'static) {
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    depay.static_pad("src").unwrap().add_probe(mask, move |_, info| {
        let take = |buffer: &gst::BufferRef| take(buffer.map_readable().unwrap().to_vec());
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => take(buffer),
            Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(take),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// A pipeline from its description.
pub fn parse(description: &str) -> gst::Pipeline {
    init();
    gst::parse::launch(description).unwrap().downcast().unwrap()
}

/// Plays to the end of the stream; an error is its text.
pub fn run(pipeline: &gst::Pipeline) -> Result<(), String> {
    // A state change that fails leaves its reason on the bus.
    let _ = pipeline.set_state(gst::State::Playing);
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = pipeline.bus().unwrap().timed_pop_filtered(PATIENCE, &ends).expect("it ends");
    pipeline.set_state(gst::State::Null).unwrap();
    match message.view() {
        gst::MessageView::Error(error) => Err(error.error().message().to_owned()),
        _ => Ok(()),
    }
}

/// Does `work` with every item, on all processors.
pub fn spread<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicU32::new(0);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
        let worker = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed) as usize;
                let Some(item) = items.get(index) else { return done };
                done.push((index, work(item)));
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
