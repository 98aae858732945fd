//! Streams of one MIDI name space become one, as where cables meet (RFC 6295, C.5):
//!
//! ```text
//!  receiver ─▶┌────────┐
//!             │ funnel │─▶ tee
//!  receiver ─▶└────────┘
//! ```
//!
//! A message is whole in each buffer. What lasts longer is a transaction: a parameter is selected, and set by controllers
//! that come later. Another stream may select another one in between; then the first is selected again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use gst::prelude::*;

use crate::elements::{self, with};
use crate::failure::Result;
use crate::lock::lock;

/// Where the streams meet.
pub(super) struct Merger {
    funnel: gst::Element,
    state: Arc<Mutex<State>>,
}

/// What has come out so far.
#[derive(Default)]
struct State {
    /// The latest time: none goes back behind it, from whichever stream.
    last: gst::ClockTime,
    transactions: Transactions,
}

impl Merger {
    /// Puts it in front of `sink`.
    pub(super) fn join(pipeline: &gst::Pipeline, sink: &gst::Pad) -> Result<Self> {
        // One stream comes out, which begins once.
        let funnel = with("funnel", &[("forward-sticky-events", &false)])?;
        elements::add(pipeline, &[&funnel])?;
        elements::link(&elements::pad(&funnel, "src")?, sink)?;
        elements::follow(&funnel)?;
        Ok(Self { funnel, state: Arc::default() })
    }

    /// Takes it out again, when no stream comes any more.
    pub(super) fn leave(&self, pipeline: &gst::Pipeline) {
        // Neither fails for an element that is there and is not used again.
        let _ = self.funnel.set_state(gst::State::Null);
        let _ = pipeline.remove(&self.funnel);
    }

    /// Where the messages of a stream go, which has this number.
    pub(super) fn lane(&self, lane: usize) -> Result<gst::Pad> {
        let sink = elements::pad(&self.funnel, "sink_%u")?;
        let (state, is_sending) = (self.state.clone(), AtomicBool::new(false));
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST | gst::PadProbeType::EVENT_DOWNSTREAM;
        sink.add_probe(kinds, move |pad, info| {
            let messages: Vec<gst::Buffer> = match &info.data {
                // What is sent below comes by here again, in the same thread.
                Some(gst::PadProbeData::Buffer(_) | gst::PadProbeData::BufferList(_))
                    if is_sending.load(Ordering::Relaxed) =>
                {
                    return gst::PadProbeReturn::Ok;
                }
                Some(gst::PadProbeData::Buffer(buffer)) => vec![buffer.clone()],
                Some(gst::PadProbeData::BufferList(list)) => list.iter_owned().collect(),
                Some(gst::PadProbeData::Event(event)) => return pass(&mut lock(&state), event),
                _ => return gst::PadProbeReturn::Ok,
            };
            // Until they have gone out, no other stream may come between what is selected and what is set.
            let mut state = lock(&state);
            let messages = state.take(lane, messages);
            is_sending.store(true, Ordering::Relaxed);
            // A pad that refuses has been stopped.
            let _ = pad.chain_list(messages);
            is_sending.store(false, Ordering::Relaxed);
            gst::PadProbeReturn::Handled
        });
        Ok(sink)
    }
}

/// Silence of one stream up to a time is none of the others that have come further.
fn pass(state: &mut State, event: &gst::Event) -> gst::PadProbeReturn {
    if let gst::EventView::Gap(gap) = event.view() {
        let (at, _) = gap.get();
        if at < state.last {
            return gst::PadProbeReturn::Handled;
        }
        state.last = at;
    }
    gst::PadProbeReturn::Ok
}

impl State {
    /// The messages of a stream as they go out.
    fn take(&mut self, lane: usize, messages: Vec<gst::Buffer>) -> gst::BufferList {
        let mut out = gst::BufferList::new();
        for mut message in messages {
            let at = message.pts().map_or(self.last, |at| at.max(self.last));
            self.last = at;
            let before = message.map_readable().map_or_else(|_| Vec::new(), |it| self.transactions.take(lane, &it));
            let before = before.into_iter().map(gst::Buffer::from_slice);
            let list = out.make_mut();
            for mut it in before {
                it.make_mut().set_pts(at);
                list.add(it);
            }
            message.make_mut().set_pts(at);
            list.add(message);
        }
        out
    }
}

/// Which parameters are selected, by which stream, on each channel.
#[derive(Default)]
struct Transactions([Channel; 16]);

#[derive(Default)]
struct Channel {
    /// The stream whose parameter is selected where everything comes out.
    owner: Option<usize>,
    /// What each stream has selected for itself.
    selected: Vec<Option<Parameter>>,
}

/// A registered or non-registered parameter, as far as it has been said which.
#[derive(Clone, Copy)]
struct Parameter {
    /// The controllers that select it, the coarse one first.
    controllers: [u8; 2],
    numbers: [Option<u8>; 2],
}

/// The controllers that select registered parameters, and the others.
const RPN: [u8; 2] = [101, 100];
const NRPN: [u8; 2] = [99, 98];

/// No parameter at all.
const NULL: Parameter = Parameter { controllers: RPN, numbers: [Some(127), Some(127)] };

impl Transactions {
    /// Takes note of the next message of a stream; returns what has to come before it.
    fn take(&mut self, lane: usize, message: &[u8]) -> Vec<[u8; 3]> {
        match *message {
            [status @ 0xB0..=0xBF, controller, value] => {
                self.0[usize::from(status & 0x0F)].control(lane, [status, controller, value])
            }
            // System Reset, and what switches General MIDI on or off.
            [0xFF] | [0xF0, 0x7E, _, 9, _, 0xF7] => {
                self.0.iter_mut().for_each(|channel| channel.reset(lane));
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}

impl Channel {
    fn control(&mut self, lane: usize, [status, controller, value]: [u8; 3]) -> Vec<[u8; 3]> {
        let controllers = if RPN.contains(&controller) { RPN } else { NRPN };
        match controller {
            // Data entry, and steps.
            6 | 38 | 96 | 97 => self.claim(lane, status),
            98..=101 => {
                let before = self.claim(lane, status);
                let selected = self.of(lane);
                let same = selected.filter(|parameter| parameter.controllers == controllers);
                let mut numbers = same.map_or([None; 2], |parameter| parameter.numbers);
                numbers[usize::from(controller != controllers[0])] = Some(value);
                *selected = Some(Parameter { controllers, numbers });
                before
            }
            // Reset All Controllers selects nothing (RP-015).
            121 => {
                self.reset(lane);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// What selects the stream's parameter, if another stream has selected one since.
    fn claim(&mut self, lane: usize, status: u8) -> Vec<[u8; 3]> {
        let before = self.owner.replace(lane);
        let parameter = match *self.of(lane) {
            _ if before == Some(lane) => return Vec::new(),
            None if before.is_none() => return Vec::new(),
            selected => selected.unwrap_or(NULL),
        };
        let words = parameter.controllers.into_iter().zip(parameter.numbers);
        words.filter_map(|(controller, number)| Some([status, controller, number?])).collect()
    }

    fn reset(&mut self, lane: usize) {
        self.owner = None;
        *self.of(lane) = None;
    }

    fn of(&mut self, lane: usize) -> &mut Option<Parameter> {
        if self.selected.len() <= lane {
            self.selected.resize(lane + 1, None);
        }
        &mut self.selected[lane]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of messages, each of a stream.
    fn merged(messages: &[(usize, [u8; 3])]) -> Vec<[u8; 3]> {
        let mut transactions = Transactions::default();
        let all = messages.iter().map(|(lane, message)| [transactions.take(*lane, message), vec![*message]].concat());
        all.flatten().collect()
    }

    const RANGE: [[u8; 3]; 2] = [[0xB0, 101, 0], [0xB0, 100, 0]];
    const TUNING: [[u8; 3]; 2] = [[0xB0, 101, 0], [0xB0, 100, 1]];
    const SET: [u8; 3] = [0xB0, 6, 12];

    #[test]
    fn one_stream_alone_stays_as_it_is() {
        let messages = [RANGE[0], RANGE[1], SET, [0xB0, 38, 1], TUNING[0], TUNING[1], SET, [0xB0, 121, 0], SET];
        assert_eq!(merged(&messages.map(|message| (1, message))), messages);
    }

    #[test]
    fn a_parameter_is_selected_again_when_another_stream_has_selected_another_one() {
        let mixed = [(0, RANGE[0]), (0, RANGE[1]), (1, TUNING[0]), (1, TUNING[1]), (0, SET), (1, SET), (1, SET)];
        let null = [[0xB0, 101, 127], [0xB0, 100, 127]];
        let expected = [&RANGE[..], &null, &TUNING, &RANGE, &[SET], &TUNING, &[SET, SET]].concat();
        assert_eq!(merged(&mixed), expected);
    }

    #[test]
    fn a_selection_that_another_stream_interrupts_is_begun_again() {
        let nrpn = [[0xB0, 99, 5], [0xB0, 98, 6]];
        let mixed = [(0, RANGE[0]), (1, nrpn[0]), (1, nrpn[1]), (0, RANGE[1]), (0, SET)];
        let null = [[0xB0, 101, 127], [0xB0, 100, 127]];
        assert_eq!(merged(&mixed), [&RANGE[..1], &null, &nrpn, &RANGE[..1], &RANGE[1..], &[SET]].concat());
    }

    #[test]
    fn what_selects_nothing_sets_nothing_that_another_has_selected() {
        let null = [[0xB0, 101, 127], [0xB0, 100, 127]];
        let mixed = [(0, RANGE[0]), (0, RANGE[1]), (1, SET), (0, SET)];
        assert_eq!(merged(&mixed), [&RANGE[..], &null, &[SET], &RANGE, &[SET]].concat());
    }

    #[test]
    fn channels_are_apart_and_a_reset_is_for_all() {
        let other = [[0xB1, 101, 0], [0xB1, 100, 2], [0xB1, 6, 1]];
        let mixed =
            [(0, RANGE[0]), (0, RANGE[1]), (1, other[0]), (1, other[1]), (1, other[2]), (0, SET), (1, [0xB0, 121, 0])];
        let reset = [&RANGE[..], &other, &[SET, [0xB0, 121, 0]]].concat();
        assert_eq!(merged(&mixed), reset);
        assert_eq!(merged(&[&mixed[..], &[(0, SET)]].concat()), [&reset[..], &RANGE, &[SET]].concat());
    }

    #[test]
    fn time_does_not_go_back() {
        gst::init().unwrap();
        let mut state = State::default();
        let mut times = Vec::new();
        for (lane, at) in [(0, 10), (1, 8), (1, 12), (0, 11)] {
            let mut message = gst::Buffer::from_slice([0x90, 60, 1]);
            message.make_mut().set_pts(gst::ClockTime::from_mseconds(at));
            let out = state.take(lane, vec![message]);
            times.extend(out.iter().map(|message| message.pts().unwrap().mseconds()));
        }
        assert_eq!(times, [10, 10, 12, 12]);
        let gap = |at| gst::event::Gap::builder(gst::ClockTime::from_mseconds(at)).build();
        assert_eq!(pass(&mut state, &gap(11)), gst::PadProbeReturn::Handled);
        assert_eq!(pass(&mut state, &gap(13)), gst::PadProbeReturn::Ok);
    }
}
