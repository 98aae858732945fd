//! The flow of `smfparse`: pads, the task that pushes, seeks and queries.

use std::sync::{LazyLock, Mutex};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use smf_timeline::Song;

use super::intake::{Intake, Refusal};
use super::player::{Item, Player, Seek};
use super::settings::{self, Settings};
use super::{CAT, report};
use crate::lock::lock;

/// `None` leaves this end of the segment as it is, or without limit.
type MaybeTime = Option<gst::ClockTime>;

/// The private part of [`super::SmfParse`].
#[derive(Debug)]
pub struct SmfParse {
    sink: gst::Pad,
    src: gst::Pad,
    settings: Mutex<Settings>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    intake: Intake,
    /// Exists once the whole file has been read.
    player: Option<Player>,
    segment: gst::FormattedSegment<gst::ClockTime>,
    seqnum: gst::Seqnum,
    /// The stream time at which upstream was last asked whether the end is wanted.
    asked_at: gst::ClockTime,
}

impl Default for State {
    fn default() -> Self {
        let (intake, player) = (Intake::default(), None);
        let (segment, seqnum) = (gst::FormattedSegment::new(), gst::Seqnum::next());
        Self { intake, player, segment, seqnum, asked_at: gst::ClockTime::ZERO }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for SmfParse {
    const NAME: &'static str = "GstSmfParse";
    type Type = super::SmfParse;
    type ParentType = gst::Element;

    fn with_class(klass: &Self::Class) -> Self {
        let template = |name| klass.pad_template(name).expect("pad_templates() lists this name");
        let sink = gst::Pad::builder_from_template(&template("sink"))
            .activate_function(|pad, parent| {
                Self::catch_panic_pad_function(parent, || Err(panicked()), |this| this.sink_activate(pad))
            })
            .activatemode_function(|_, parent, mode, active| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(panicked()),
                    |this| {
                        this.sink_activatemode(mode, active);
                        Ok(())
                    },
                )
            })
            .chain_function(|_, parent, buffer| {
                Self::catch_panic_pad_function(parent, || Err(gst::FlowError::Error), |this| this.sink_chain(&buffer))
            })
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |this| this.sink_event(pad, event))
            })
            .build();
        let src = gst::Pad::builder_from_template(&template("src"))
            .activatemode_function(|pad, _, _, active| if active { Ok(()) } else { Ok(pad.stop_task()?) })
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |this| this.src_event(pad, event))
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |this| this.src_query(pad, query))
            })
            .build();
        Self { sink, src, settings: Mutex::default(), state: Mutex::default() }
    }
}

impl ObjectImpl for SmfParse {
    fn properties() -> &'static [glib::ParamSpec] {
        settings::properties()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        lock(&self.settings).get(pspec.name()).unwrap_or_else(|| pspec.default_value().clone())
    }

    fn constructed(&self) {
        self.parent_constructed();
        for pad in [&self.sink, &self.src] {
            self.obj().add_pad(pad).expect("a new element has no pads of these names");
        }
    }
}

impl GstObjectImpl for SmfParse {}

impl ElementImpl for SmfParse {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Standard MIDI File parser",
                "Codec/Demuxer/Audio",
                "Reads a Standard MIDI File and gives its MIDI messages their times",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let files = ["audio/midi", "audio/riff-midi"].map(gst::Structure::new_empty);
            let events = gst::Caps::new_empty_simple("audio/x-midi-event");
            [("sink", gst::PadDirection::Sink, files.into_iter().collect()), ("src", gst::PadDirection::Src, events)]
                .into_iter()
                .filter_map(|(name, direction, caps)| {
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
                })
                .collect()
        });
        &TEMPLATES
    }

    fn change_state(&self, change: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        let success = self.parent_change_state(change)?;
        if change == gst::StateChange::PausedToReady {
            *lock(&self.state) = State::default();
        }
        Ok(success)
    }
}

impl SmfParse {
    /// Pulls where upstream allows it, since a whole file is read at once then.
    fn sink_activate(&self, pad: &gst::Pad) -> Result<(), gst::LoggableError> {
        let mut query = gst::query::Scheduling::new();
        let pull = pad.peer_query(&mut query)
            && query.has_scheduling_mode_with_flags(gst::PadMode::Pull, gst::SchedulingFlags::SEEKABLE);
        let mode = if pull { gst::PadMode::Pull } else { gst::PadMode::Push };
        gst::debug!(CAT, imp = self, "activating in mode {mode:?}");
        Ok(pad.activate_mode(mode, true)?)
    }

    fn sink_activatemode(&self, mode: gst::PadMode, active: bool) {
        if active && mode == gst::PadMode::Pull {
            self.start_task();
        }
    }

    fn sink_chain(&self, buffer: &gst::BufferRef) -> Result<gst::FlowSuccess, gst::FlowError> {
        let max_size = lock(&self.settings).max_size;
        let pushed = {
            let mut state = lock(&self.state);
            if state.player.is_some() {
                return Err(gst::FlowError::Eos);
            }
            state.intake.push(buffer, max_size)
        };
        pushed.map(|()| gst::FlowSuccess::Ok).map_err(|refusal| self.refuse(refusal))
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        use gst::EventView;
        match event.view() {
            EventView::Eos(_) => {
                let octets = std::mem::take(&mut lock(&self.state).intake).finish();
                if self.load(&octets).is_ok() {
                    self.start_task();
                } else {
                    self.src.push_event(gst::event::Eos::new());
                }
                true
            }
            EventView::FlushStop(_) => {
                lock(&self.state).intake = Intake::default();
                true
            }
            // These are about the octets of the file; the source pad has its own.
            EventView::FlushStart(_)
            | EventView::StreamStart(_)
            | EventView::Caps(_)
            | EventView::Segment(_)
            | EventView::Tag(_)
            | EventView::Toc(_)
            | EventView::Gap(_) => true,
            _ => gst::Pad::event_default(pad, Some(&*self.obj()), event),
        }
    }

    fn src_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Seek(seek) => self.seek(seek),
            _ => gst::Pad::event_default(pad, Some(&*self.obj()), event),
        }
    }

    fn src_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        use gst::QueryViewMut;
        let times = lock(&self.state).player.as_ref().map(|player| (player.position(), player.duration()));
        match (query.view_mut(), times) {
            (QueryViewMut::Position(query), Some((position, _))) if query.format() == gst::Format::Time => {
                query.set(position);
                true
            }
            (QueryViewMut::Duration(query), times) if query.format() == gst::Format::Time => {
                if let Some((_, duration)) = times {
                    query.set(duration);
                }
                times.is_some()
            }
            (QueryViewMut::Seeking(query), times) => {
                let seekable = query.format() == gst::Format::Time;
                if seekable {
                    query.set(true, gst::ClockTime::ZERO, times.map(|(_, duration)| duration));
                }
                seekable
            }
            (QueryViewMut::Segment(query), _) => {
                let segment = self.segment();
                let at = |time: Option<gst::ClockTime>| time.and_then(|time| segment.to_stream_time(time));
                query.set(segment.rate(), at(segment.start()), at(segment.stop()));
                true
            }
            (_, _) => gst::Pad::query_default(pad, Some(&*self.obj()), query),
        }
    }

    fn segment(&self) -> gst::FormattedSegment<gst::ClockTime> {
        let state = lock(&self.state);
        state.player.as_ref().map_or(&state.segment, Player::segment).clone()
    }

    fn seek(&self, event: &gst::event::Seek) -> bool {
        let (rate, flags, start_type, start, stop_type, stop) = event.get();
        let (Some(start), Some(stop), true) = (time(start), time(stop), rate > 0.0) else {
            gst::info!(CAT, imp = self, "cannot seek like this: {event:?}");
            return false;
        };
        // A seek that leads nowhere leaves everything as it is.
        let mut segment = self.segment();
        segment.set_duration(lock(&self.state).player.as_ref().map(Player::duration));
        let leads_somewhere = ends_behind_its_start(&segment, (start_type, start), (stop_type, stop))
            && segment.clone().do_seek(rate, flags, start_type, start, stop_type, stop).is_some();
        if !leads_somewhere {
            gst::info!(CAT, imp = self, "cannot seek there: {event:?}");
            return false;
        }
        let flush = flags.contains(gst::SeekFlags::FLUSH);
        if flush {
            self.src.push_event(gst::event::FlushStart::builder().seqnum(event.seqnum()).build());
        }
        // Fails only where there is no task yet, which is as good.
        let _ = self.src.pause_task();
        let _streaming = self.src.stream_lock();
        if flush {
            self.src.push_event(gst::event::FlushStop::builder(true).seqnum(event.seqnum()).build());
        }
        let mut segment = self.segment();
        let mut state = lock(&self.state);
        segment.set_duration(state.player.as_ref().map(Player::duration));
        let moved = segment.do_seek(rate, flags, start_type, start, stop_type, stop).is_some();
        let mut first = None;
        if moved {
            state.seqnum = event.seqnum();
            if let Some(player) = state.player.as_mut() {
                player.seek(segment, event.seqnum(), if flush { Seek::Flush } else { Seek::Continue });
                first = flush.then(|| player.next());
            } else {
                state.segment = segment;
            }
        }
        let ready = state.player.is_some() || self.sink.mode() == gst::PadMode::Pull;
        drop(state);
        // When a flushing seek returns, downstream has its segment: an RTSP server looks for it there at once.
        if let Some(Item::Event(segment)) = first {
            self.src.push_event(segment);
        }
        if ready {
            self.start_task();
        }
        moved
    }

    fn start_task(&self) {
        let this = self.downgrade();
        let started = self.src.start_task(move || {
            if let Some(this) = this.upgrade() {
                this.run();
            }
        });
        if started.is_err() {
            gst::warning!(CAT, imp = self, "cannot start the streaming task");
        }
    }

    /// One turn of the streaming task.
    fn run(&self) {
        if self.end_is_wanted() {
            lock(&self.state).player.iter_mut().for_each(Player::stop);
        }
        let next = lock(&self.state).player.as_mut().map(Player::next);
        let flow = match next {
            None => self.pull(),
            Some(Item::Buffer(buffer) | Item::Release(buffer)) => {
                gst::trace!(CAT, imp = self, "{buffer:?}");
                self.src.push(buffer).map(|_| ())
            }
            Some(Item::Event(event)) => {
                self.src.push_event(event);
                Ok(())
            }
            Some(Item::End) => {
                self.end();
                Err(gst::FlowError::Flushing)
            }
        };
        if let Err(flow) = flow {
            // What fails downstream while a seek flushes it, such as an agreement on caps, does so because of that.
            let flushing = self.src.pad_flags().contains(gst::PadFlags::FLUSHING);
            self.pause(if flushing { gst::FlowError::Flushing } else { flow });
        }
    }

    /// Whether upstream has been told to end (`gst-launch-1.0 -e`): a file that is in memory is pulled no more, so it
    /// has to be asked, now and then.
    fn end_is_wanted(&self) -> bool {
        if self.sink.mode() != gst::PadMode::Pull {
            return false;
        }
        let mut state = lock(&self.state);
        let Some(position) = state.player.as_ref().map(Player::position) else { return false };
        if position.absdiff(state.asked_at) < ASK_EVERY {
            return false;
        }
        state.asked_at = position;
        drop(state);
        matches!(self.sink.pull_range(0, 1), Err(gst::FlowError::Eos))
    }

    fn pull(&self) -> Result<(), gst::FlowError> {
        let max_size = lock(&self.settings).max_size;
        let octets = Intake::pull(&self.sink, max_size).map_err(|refusal| self.refuse(refusal))?;
        self.load(&octets).map_err(|_| {
            self.src.push_event(gst::event::Eos::new());
            gst::FlowError::Flushing
        })
    }

    /// Reads the file and begins its stream; an error has been posted when this fails.
    fn load(&self, octets: &[u8]) -> Result<(), smf_timeline::Error> {
        let settings = *lock(&self.settings);
        let read = if settings.lenient {
            Song::salvage(octets, settings.sequence)
        } else {
            Song::read(octets, settings.sequence).map(|song| (song, Vec::new()))
        };
        let (song, defects) = read.inspect_err(|error| {
            std::thread::sleep(UNTIL_HEARD);
            report::song(&self.obj(), error);
        })?;
        report::defects(&self.obj(), &defects);
        gst::info!(CAT, imp = self, "format {}, {} tracks, {} events", song.format(), song.tracks(), song.len());
        self.push_start();
        let mut state = lock(&self.state);
        state.player = Some(Player::new(song, state.segment.clone(), state.seqnum));
        Ok(())
    }

    fn push_start(&self) {
        let group = self.sink.sticky_event::<gst::event::StreamStart>(0).and_then(|event| event.group_id());
        let id = self.src.create_stream_id(&*self.obj(), Some("midi"));
        let start = gst::event::StreamStart::builder(&id)
            .flags(gst::StreamFlags::SPARSE)
            .group_id(group.unwrap_or_else(gst::GroupId::next));
        self.src.push_event(start.build());
        self.src.push_event(gst::event::Caps::new(&gst::Caps::new_empty_simple("audio/x-midi-event")));
    }

    /// The end of the segment.
    fn end(&self) {
        let segment = self.segment();
        let seqnum = lock(&self.state).seqnum;
        if segment.flags().contains(gst::SegmentFlags::SEGMENT) {
            let position = segment.position();
            let message = gst::message::SegmentDone::builder(position).src(&*self.obj()).seqnum(seqnum).build();
            // Fails only without a bus, where nobody waits for it.
            let _ = self.obj().post_message(message);
            self.src.push_event(gst::event::SegmentDone::builder(position).seqnum(seqnum).build());
        } else {
            self.src.push_event(gst::event::Eos::builder().seqnum(seqnum).build());
        }
    }

    /// Stops pushing; a flush or a seek starts it again.
    fn pause(&self, flow: gst::FlowError) {
        gst::debug!(CAT, imp = self, "pausing: {flow:?}");
        // Fails only while the pad is shut down, which ends the task as well.
        let _ = self.src.pause_task();
        match flow {
            gst::FlowError::Flushing => return,
            gst::FlowError::Eos => {}
            _ => gst::element_imp_error!(
                self,
                gst::StreamError::Failed,
                ("the MIDI messages cannot be pushed on"),
                ["streaming stopped, reason {flow:?}"]
            ),
        }
        let seqnum = lock(&self.state).seqnum;
        self.src.push_event(gst::event::Eos::builder().seqnum(seqnum).build());
    }

    /// The flow that ends streaming for this refusal; what the user must know has been posted.
    fn refuse(&self, refusal: Refusal) -> gst::FlowError {
        match refusal {
            Refusal::Flow(flow) => flow,
            Refusal::TooLarge => {
                report::too_large(&self.obj(), lock(&self.settings).max_size);
                self.src.push_event(gst::event::Eos::new());
                gst::FlowError::Flushing
            }
        }
    }
}

/// How long a bad file is kept secret: `gst-launch-1.0` hangs on an error that comes before its main loop runs, and a
/// file is read sooner than that.
const UNTIL_HEARD: std::time::Duration = std::time::Duration::from_millis(150);

/// The stream time after which upstream is asked again whether the end is wanted.
const ASK_EVERY: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// One end of a seek, if it is a time, given or not.
fn time(value: gst::GenericFormattedValue) -> Option<MaybeTime> {
    match value {
        gst::GenericFormattedValue::Time(time) => Some(time),
        _ => None,
    }
}

/// Whether a seek leaves something between its start and its stop. GStreamer takes one that does not for a mistake of the
/// element's.
fn ends_behind_its_start(
    segment: &gst::FormattedSegment<gst::ClockTime>,
    (start_type, start): (gst::SeekType, MaybeTime),
    (stop_type, stop): (gst::SeekType, MaybeTime),
) -> bool {
    let place = |kind, time: MaybeTime, before: MaybeTime| match kind {
        gst::SeekType::Set => time,
        // Counted backwards, it is a negative number.
        gst::SeekType::End => segment.duration().zip(time).map(|(end, time)| {
            let place = end.nseconds().cast_signed().saturating_add(time.nseconds().cast_signed());
            gst::ClockTime::from_nseconds(place.max(0).cast_unsigned())
        }),
        gst::SeekType::None => before,
    };
    let stop = place(stop_type, stop, segment.stop());
    stop.is_none_or(|stop| place(start_type, start, segment.start()).is_none_or(|start| start <= stop))
}

fn panicked() -> gst::LoggableError {
    gst::loggable_error!(CAT, "an earlier panic stopped this element")
}
