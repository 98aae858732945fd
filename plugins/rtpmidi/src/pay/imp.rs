//! The flow of `rtpmidipay`: buffers, events and clock times go to the [`Packer`], packets to the base class.

use std::sync::{LazyLock, Mutex, MutexGuard};

use gst::glib;
use gst::glib::subclass::Signal;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_rtp::prelude::*;
use gst_rtp::subclass::prelude::*;
use rtp_midi::midi::Found;

use super::outbox::Outbox;
use super::packer::{Pace, Packer};
use super::settings::{self, Settings, UnusedCommands};
use super::stats;
use crate::alarm::Alarm;
use crate::lock::lock;
use crate::rtpsession::Connections;
use crate::{base_stats, fmtp, sparse};

/// The private part of [`super::RtpMidiPay`].
#[derive(Debug, Default)]
pub struct RtpMidiPay {
    settings: Mutex<Settings>,
    pub(super) state: Mutex<State>,
    pub(super) alarm: Mutex<Option<Alarm>>,
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Exists once the stream is negotiated.
    pub(super) packer: Option<Packer>,
    pub(super) segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    /// `None` when it is to be found out anew.
    pub(super) pace: Option<Pace>,
    /// `ptime` and `maxptime` in the caps of the source pad.
    pub(super) ptime: gst::ClockTime,
    pub(super) max_ptime: Option<gst::ClockTime>,
    pub(super) outbox: Outbox,
    warned: bool,
    /// Commands that the stream does not carry, as many as have been let pass.
    pub(super) unused: u64,
    /// The application has been told that journals are too long.
    pub(super) told_of_length: bool,
}

#[glib::object_subclass]
impl ObjectSubclass for RtpMidiPay {
    const NAME: &'static str = "GstRtpMidiPay";
    type Type = super::RtpMidiPay;
    type ParentType = gst_rtp::RTPBasePayload;
}

impl ObjectImpl for RtpMidiPay {
    fn properties() -> &'static [glib::ParamSpec] {
        settings::properties()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => self.stats().to_value(),
            "fmtp" if self.obj().src_pad().has_current_caps() => self
                .with_packer(|packer| packer.stream().parameters.clone())
                .map_or_else(|| fmtp::to_value(&self.settings().fmtp), |parameters| fmtp::to_value(&parameters)),
            name => self.settings().get(name).unwrap_or_else(|| pspec.default_value().clone()),
        }
    }

    fn signals() -> &'static [Signal] {
        static SIGNALS: LazyLock<Vec<Signal>> = LazyLock::new(|| {
            let numbers = |values: &[glib::Value]| {
                let pay = values.first()?.get::<super::RtpMidiPay>().ok()?;
                let numbers = values[1..].iter().filter_map(|value| value.get::<u32>().ok()).collect::<Vec<_>>();
                Some((pay, numbers))
            };
            vec![
                Signal::builder("acknowledge")
                    .param_types([u32::static_type(), u32::static_type()])
                    .action()
                    .class_handler(move |values| {
                        let (pay, numbers) = numbers(values)?;
                        pay.imp().acknowledge(*numbers.first()?, *numbers.get(1)?);
                        None
                    })
                    .build(),
                Signal::builder("reporter-left")
                    .param_types([u32::static_type()])
                    .action()
                    .class_handler(move |values| {
                        let (pay, numbers) = numbers(values)?;
                        pay.imp().reporter_left(*numbers.first()?);
                        None
                    })
                    .build(),
            ]
        });
        &SIGNALS
    }

    fn constructed(&self) {
        self.parent_constructed();
        let obj = self.obj();
        // The base class cuts lists up before it hands them on, and negotiates without telling.
        let pay = self.downgrade();
        obj.sink_pad().add_probe(gst::PadProbeType::BUFFER_LIST, move |_, info| {
            if let (Some(pay), Some(list)) = (pay.upgrade(), info.buffer_list()) {
                pay.with_packer(|packer| packer.expect_list(list.len()));
            }
            gst::PadProbeReturn::Ok
        });
        let pay = self.downgrade();
        obj.src_pad().add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if let (Some(pay), Some(event)) = (pay.upgrade(), info.event())
                && let gst::EventView::Caps(caps) = event.view()
            {
                pay.negotiated(caps.caps());
            }
            gst::PadProbeReturn::Ok
        });
        // It has no query function of its own on this pad, so the answer is completed behind the default one.
        let pay = self.downgrade();
        let answered = gst::PadProbeType::QUERY_UPSTREAM | gst::PadProbeType::PULL;
        obj.src_pad().add_probe(answered, move |_, info| {
            if let (Some(pay), Some(query)) = (pay.upgrade(), info.query_mut())
                && let gst::QueryViewMut::Latency(latency) = query.view_mut()
            {
                let (live, min, max) = latency.result();
                if live {
                    let hold = pay.hold();
                    latency.set(live, min + hold, max.map(|max| max + hold));
                }
            }
            gst::PadProbeReturn::Ok
        });
        let measure = |pay: &super::RtpMidiPay| {
            lock(&pay.imp().state).pace = None;
            pay.imp().latency_changed();
        };
        obj.connect_min_ptime_notify(measure);
        obj.connect_max_ptime_notify(measure);
        obj.connect_ptime_multiple_notify(measure);
    }
}

impl GstObjectImpl for RtpMidiPay {}

impl ElementImpl for RtpMidiPay {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "RTP MIDI payloader",
                "Codec/Payloader/Network/RTP",
                "Puts MIDI messages into RTP packets with a recovery journal (RFC 6295)",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| crate::templates::pair(gst::PadDirection::Sink, gst::PadDirection::Src));
        &TEMPLATES
    }

    fn change_state(&self, transition: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        let mut alarm = None;
        match transition {
            gst::StateChange::ReadyToPaused => *lock(&self.state) = State::default(),
            gst::StateChange::PlayingToPaused => self.with_alarm(Alarm::pause),
            gst::StateChange::PausedToReady => {
                *self.connections() = Connections::default();
                alarm = lock(&self.alarm).take();
            }
            _ => {}
        }
        let result = self.parent_change_state(transition)?;
        match transition {
            gst::StateChange::PausedToPlaying => {
                lock(&self.state).pace = None;
                self.with_alarm(|alarm| alarm.play(&*self.obj()));
                self.find_sessions();
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

impl RTPBasePayloadImpl for RtpMidiPay {
    fn set_caps(&self, _caps: &gst::Caps) -> Result<(), gst::LoggableError> {
        self.negotiate()
    }

    fn handle_buffer(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let octets = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
        let pace = self.pace();
        let mut found = Found::Message;
        let result = self.work(|packer, outbox| {
            packer.pace = pace;
            found = packer.take(buffer.pts(), &octets, outbox);
        });
        self.judge_unused(result)?;
        if found == Found::Stray && !std::mem::replace(&mut lock(&self.state).warned, true) {
            gst::element_imp_warning!(
                self,
                gst::StreamError::Decode,
                ("Input that is not one MIDI message per buffer is dropped"),
                ["first such buffer: {:02X?}", &octets[..octets.len().min(16)]]
            );
        }
        result
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        use gst::EventView;
        let event = sparse::mark(event);
        match event.view() {
            EventView::Eos(_) => self.work_or_log(Packer::end),
            EventView::Caps(_) | EventView::Segment(_) | EventView::SegmentDone(_) | EventView::StreamStart(_) => {
                self.work_or_log(Packer::finish);
            }
            EventView::Gap(gap) => {
                let (start, duration) = gap.get();
                let pace = self.pace();
                self.work_or_log(|packer, outbox| {
                    packer.pace = pace;
                    if pace.live {
                        packer.begin(start, outbox);
                    } else {
                        packer.pass(start.saturating_add(duration.unwrap_or_default()), outbox);
                    }
                });
            }
            _ => {}
        }
        if let EventView::Segment(segment) = event.view() {
            let Ok(segment) = segment.segment().clone().downcast::<gst::ClockTime>() else {
                gst::element_imp_error!(self, gst::StreamError::Format, ["MIDI needs a segment in time format"]);
                return false;
            };
            let mut state = lock(&self.state);
            if let Some(packer) = &mut state.packer {
                packer.moments.set_segment(segment.clone());
            }
            state.segment = Some(segment);
        }
        let flushed = matches!(event.view(), EventView::FlushStop(_));
        let negotiated = matches!(event.view(), EventView::Caps(_));
        let handled = self.parent_sink_event(event);
        if flushed {
            let mut state = lock(&self.state);
            state.segment = None;
            if let Some(packer) = &mut state.packer {
                packer.flush();
            }
        }
        if negotiated {
            self.find_sessions();
        }
        handled
    }

    fn src_event(&self, event: gst::Event) -> bool {
        if let gst::EventView::Reconfigure(_) = event.view() {
            self.negotiate_anew();
        }
        self.take_report(&event) || self.parent_src_event(event)
    }
}

impl RtpMidiPay {
    pub(super) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    /// Whether commands that the stream does not carry are left out, rather than an error.
    pub(super) fn filters(&self) -> bool {
        lock(&self.settings).unused_commands == UnusedCommands::Filter
    }

    pub(super) fn connections(&self) -> MutexGuard<'_, Connections> {
        lock(&self.connections)
    }

    pub(super) fn with_packer<T>(&self, work: impl FnOnce(&mut Packer) -> T) -> Option<T> {
        lock(&self.state).packer.as_mut().map(work)
    }

    pub(super) fn with_alarm(&self, work: impl FnOnce(&Alarm)) {
        if let Some(alarm) = &*lock(&self.alarm) {
            work(alarm);
        }
    }

    fn stats(&self) -> gst::Structure {
        let base = base_stats::of(&*self.obj(), gst_rtp::RTPBasePayload::static_type());
        let mut stats = base.unwrap_or_else(|| gst::Structure::new_empty("application/x-rtp-payload-stats"));
        self.with_packer(|packer| stats::fill(&mut stats, packer));
        stats
    }
}
