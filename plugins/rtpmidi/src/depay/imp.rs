//! The flow of `rtpmididepay`: packets, events and clock times go to the [`Unpacker`], messages to the base class.

use std::sync::{LazyLock, Mutex};

use gst::glib;
use gst::glib::translate::ToGlibPtr;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_rtp::prelude::*;
use gst_rtp::subclass::prelude::*;
use rtp_midi::{Config, Outcome, Received};
use rtp_midi_sdp::Parameters;

use super::losses::Losses;
use super::settings::{self, Settings};
use super::unpacker::{Incoming, Unpacker};
use super::upstream::Upstream;
use super::{CAT, stats};
use crate::alarm::Alarm;
use crate::lock::lock;
use crate::rtpsession::Connections;
use crate::{base_stats, fmtp, sparse};

/// The private part of [`super::RtpMidiDepay`].
#[derive(Debug, Default)]
pub struct RtpMidiDepay {
    settings: Mutex<Settings>,
    fmtp: Mutex<Parameters>,
    pub(super) state: Mutex<State>,
    pub(super) alarm: Mutex<Option<Alarm>>,
    pub(super) connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Exists once there are caps.
    pub(super) unpacker: Option<Unpacker>,
    losses: Losses,
    /// How long packets may still come, now that the source of the latest has said BYE.
    pub(super) bye: Option<gst::ClockTime>,
    /// Running time at which the source counts as gone.
    pub(super) until: Option<gst::ClockTime>,
    /// Upstream as far as it is known.
    pub(super) upstream: Option<Upstream>,
    /// What the pipeline has said its latency is.
    pub(super) latency: gst::ClockTime,
    /// Whether it has played and pauses now.
    pub(super) paused: bool,
    /// Where the latest seek went.
    pub(super) wound_to: Option<gst::ClockTime>,
}

#[glib::object_subclass]
impl ObjectSubclass for RtpMidiDepay {
    const NAME: &'static str = "GstRtpMidiDepay";
    type Type = super::RtpMidiDepay;
    type ParentType = gst_rtp::RTPBaseDepayload;
}

impl ObjectImpl for RtpMidiDepay {
    fn properties() -> &'static [glib::ParamSpec] {
        settings::properties()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        match pspec.name() {
            "fmtp" => *lock(&self.fmtp) = fmtp::from_value(value),
            name => lock(&self.settings).set(name, value),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => self.stats().to_value(),
            "fmtp" => fmtp::to_value(&self.parameters(self.obj().sink_pad().current_caps().as_ref())),
            name => lock(&self.settings).get(name).unwrap_or_else(|| pspec.default_value().clone()),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        self.watch_downstream();
    }
}

impl GstObjectImpl for RtpMidiDepay {}

impl ElementImpl for RtpMidiDepay {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "RTP MIDI depayloader",
                "Codec/Depayloader/Network/RTP",
                "Takes MIDI messages out of RTP packets and repairs what lost packets did (RFC 6295)",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| crate::templates::pair(gst::PadDirection::Src, gst::PadDirection::Sink));
        &TEMPLATES
    }

    fn change_state(&self, transition: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        let mut alarm = None;
        match transition {
            gst::StateChange::ReadyToPaused => *lock(&self.state) = State::default(),
            gst::StateChange::PlayingToPaused => self.with_alarm(Alarm::pause),
            gst::StateChange::PausedToPlaying => lock(&self.state).paused = false,
            gst::StateChange::PausedToReady => {
                lock(&self.state).paused = false;
                *lock(&self.connections) = Connections::default();
                alarm = lock(&self.alarm).take();
                if self.is_downstream_playing() {
                    let obj = self.obj();
                    let _turn = obj.sink_pad().stream_lock();
                    self.silence();
                }
            }
            _ => {}
        }
        let result = self.parent_change_state(transition)?;
        match transition {
            gst::StateChange::PausedToPlaying => {
                lock(&self.state).upstream = None;
                self.with_alarm(|alarm| alarm.play(&*self.obj()));
            }
            gst::StateChange::PlayingToPaused => {
                lock(&self.state).paused = true;
                self.show_place();
            }
            gst::StateChange::PausedToReady => {
                // Only now, with inactive pads, is its thread sure to come back from a push.
                drop(alarm);
            }
            _ => {}
        }
        Ok(result)
    }
}

impl RTPBaseDepayloadImpl for RtpMidiDepay {
    fn set_caps(&self, caps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let config = self.config(caps)?;
        let obj = self.obj();
        set_clock_rate(&obj, config.clock_rate);
        if lock(&self.state).unpacker.as_ref().is_none_or(|unpacker| *unpacker.config() != config) {
            self.silence();
            let unpacker = Unpacker::new(config, lock(&self.settings).sysex_limit as usize);
            lock(&self.state).unpacker = Some(unpacker);
        }
        let caps = gst::Caps::new_empty_simple("audio/x-midi-event");
        if obj.src_pad().push_event(gst::event::Caps::new(&caps)) {
            Ok(())
        } else {
            Err(gst::loggable_error!(CAT, "downstream does not take {caps}"))
        }
    }

    fn handle_event(&self, event: gst::Event) -> bool {
        use gst::EventView;
        let event = sparse::mark(event);
        let is_flushed = event.type_() == gst::EventType::FlushStop;
        match event.view() {
            EventView::Eos(_) => {
                // A recording ends as its sender ended it; a live stream is cut off here.
                self.end(if self.upstream().live { Unpacker::silence } else { Unpacker::finish });
                let now = self.running_time();
                let message = lock(&self.state).losses.rest(now);
                self.post(message);
            }
            EventView::FlushStop(_) => {
                if let Some(unpacker) = &mut lock(&self.state).unpacker {
                    unpacker.flush();
                }
            }
            // Until the first message there is no segment for it to lie in.
            EventView::Gap(_) if !self.has_segment() => return true,
            _ => {}
        }
        let is_taken = self.parent_handle_event(event);
        if is_flushed && lock(&self.state).paused {
            self.show_place();
        }
        is_taken
    }

    fn process_rtp_packet(&self, packet: &gst_rtp::RTPBuffer<gst_rtp::rtp_buffer::Readable>) -> Option<gst::Buffer> {
        let obj = self.obj();
        let payload = packet.payload().unwrap_or_default();
        let rtp = Received { sequence: packet.seq(), timestamp: packet.timestamp(), payload };
        let settings = *lock(&self.settings);
        let upstream = self.upstream();
        let pts = packet.buffer().pts();
        let earliest = pts.and_then(|_| self.earliest(upstream, settings.late_notes));
        let incoming = Incoming { ssrc: packet.ssrc(), pts, earliest, rtp };

        let mut guard = lock(&self.state);
        let state = &mut *guard;
        let unpacker = state.unpacker.as_mut()?;
        let another = unpacker.ssrc() != Some(incoming.ssrc);
        let taken = unpacker.packet(incoming);
        gst::trace!(CAT, imp = self, "packet {}: {taken:?}", incoming.rtp.sequence);
        state.bye = state.bye.filter(|_| !another);
        let patience = state.bye.or(settings.timeout).or_else(|| upstream.patience(unpacker.config()));
        state.until = patience.and_then(|patience| Some(obj.current_running_time()? + patience));
        let until = state.until;
        if let Outcome::Repaired { lost, commands } = taken.outcome {
            state.losses.add(lost, commands, taken.uncovered, incoming.rtp.sequence);
        }
        let lossy = !state.losses.is_empty();
        let mut messages = unpacker.take();
        let now = unpacker.now();
        drop(guard);

        if another {
            self.find_sessions();
        }
        self.tell_of_end(&taken, incoming.ssrc);
        if until.is_some() {
            self.ring_at(until);
        }
        if lossy {
            let now = self.running_time();
            let message = lock(&self.state).losses.due(now);
            self.post(message);
        }
        if messages.is_empty() && self.has_segment() {
            // Nobody downstream has to wait for a stream that is silent.
            obj.src_pad().push_event(gst::event::Gap::builder(now).build());
        }
        if messages.len() <= 1 {
            return messages.pop();
        }
        // The base class keeps the result for the one who pushed the packet.
        let _ = obj.push_list(messages.into_iter().collect::<gst::BufferList>());
        None
    }
}

impl RtpMidiDepay {
    pub(super) fn with_alarm(&self, work: impl FnOnce(&Alarm)) {
        if let Some(alarm) = &*lock(&self.alarm) {
            work(alarm);
        }
    }

    /// Ends all that sounds. The caller has the sink pad's stream lock.
    pub(super) fn silence(&self) {
        self.end(Unpacker::silence);
    }

    /// Sends what `end` gives. The caller has the sink pad's stream lock.
    fn end(&self, end: impl FnOnce(&mut Unpacker)) {
        let messages = match &mut lock(&self.state).unpacker {
            Some(unpacker) => {
                end(unpacker);
                unpacker.take()
            }
            None => Vec::new(),
        };
        if !messages.is_empty()
            && let Err(error) = self.obj().push_list(messages.into_iter().collect::<gst::BufferList>())
        {
            gst::debug!(CAT, imp = self, "silence not sent: {error}");
        }
    }

    /// Whether somebody can still hear what this element sends while it stops.
    fn is_downstream_playing(&self) -> bool {
        let peer = self.obj().src_pad().peer();
        peer.and_then(|pad| pad.parent_element()).is_some_and(|next| next.current_state() == gst::State::Playing)
    }

    pub(super) fn has_segment(&self) -> bool {
        self.obj().src_pad().sticky_event::<gst::event::Segment>(0).is_some()
    }

    /// The running time that the stream has come to.
    fn running_time(&self) -> gst::ClockTime {
        let now = lock(&self.state).unpacker.as_ref().map_or(gst::ClockTime::ZERO, Unpacker::now);
        let event = self.obj().sink_pad().sticky_event::<gst::event::Segment>(0);
        event.and_then(|event| event.segment().downcast_ref::<gst::ClockTime>()?.to_running_time(now)).unwrap_or(now)
    }

    pub(super) fn post(&self, message: Option<gst::Structure>) {
        if let Some(message) = message {
            let obj = self.obj();
            // Without a bus there is nobody to tell.
            let _ = obj.post_message(gst::message::Element::builder(message).src(&*obj).build());
        }
    }

    /// The parameters of the stream: those of the property and, of what they do not speak, those of the caps, which
    /// have neither order nor repetitions.
    fn parameters(&self, caps: Option<&gst::Caps>) -> Parameters {
        let caps = caps.and_then(|caps| caps.structure(0));
        lock(&self.fmtp).or(&caps.map(fmtp::in_caps).unwrap_or_default())
    }

    fn config(&self, caps: &gst::Caps) -> Result<Config, gst::LoggableError> {
        let media = caps.structure(0).and_then(fmtp::media);
        let (clock_rate, format) = media.ok_or_else(|| gst::loggable_error!(CAT, "no clock-rate in {caps}"))?;
        let config = self.parameters(Some(caps)).config(clock_rate, format).map_err(|error| {
            gst::element_imp_error!(self, gst::StreamError::Format, ("A parameter of the stream is wrong: {error}"));
            gst::loggable_error!(CAT, "{error}")
        })?;
        // Caps do not say whether the sender knows of this receiver.
        Ok(Config { multicast: true, ..config })
    }

    fn stats(&self) -> gst::Structure {
        let base = base_stats::of(&*self.obj(), gst_rtp::RTPBaseDepayload::static_type());
        let mut stats = base.unwrap_or_else(|| gst::Structure::new_empty("application/x-rtp-depayload-stats"));
        if let Some(unpacker) = &lock(&self.state).unpacker {
            stats::fill(&mut stats, unpacker);
        }
        stats
    }
}

/// Tells the base class the clock rate, which it needs for the segment of RTSP streams; there is no function for it.
fn set_clock_rate(depay: &super::RtpMidiDepay, clock_rate: u32) {
    let base: *mut gst_rtp::ffi::GstRTPBaseDepayload = depay.upcast_ref::<gst_rtp::RTPBaseDepayload>().to_glib_none().0;
    // SAFETY: `base` points to a live instance, and this is its public field; subclasses write it where this is called,
    // in `set_caps`, under the stream lock.
    unsafe { (*base).clock_rate = clock_rate }
}
