//! What a source has heard and not passed on yet.
//!
//! While the source is paused, or downstream does not keep up, notes that begin and the ticks of clocks are lost; what
//! lasts is kept, the latest of its kind where that is all that counts.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use applemidi_io::ParticipantId;
use rtp_midi::midi::{Command, Reassembler, System};

use crate::lock::lock;
use crate::message::{encoded, whole};

/// The queue between the thread of the sessions and that of a source.
#[derive(Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a wish of its own, and they go together in any way")]
struct State {
    messages: VecDeque<Message>,
    octets: usize,
    /// The System Exclusives that come in pieces.
    pieces: HashMap<ParticipantId, Reassembler>,
    is_held: bool,
    /// Whether what sounds is to end before anything else.
    is_silenced: bool,
    is_interrupted: bool,
    is_ended: bool,
    /// Whether something that lasts has been dropped.
    is_overrun: bool,
    dropped: u64,
}

/// A whole message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Message {
    pub(crate) octets: Vec<u8>,
    /// When it came.
    pub(crate) arrived: Instant,
    /// When it was played, by the clock here, if that is known.
    pub(crate) played: Option<Instant>,
}

/// What is next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    Message(Message),
    /// What sounds shall end: nothing else may end it.
    Silence,
    /// Nobody shall wait for the next one now.
    Interrupted,
    /// Nothing follows.
    End,
}

/// Messages up to which all are kept.
const MESSAGES: usize = 4096;

/// Octets up to which all are kept.
const OCTETS: usize = 1 << 22;

/// Data octets of the longest System Exclusive that is put together.
const LONGEST: usize = 1 << 20;

impl Inbox {
    /// Takes a command of a participant, or a piece of a System Exclusive.
    pub(crate) fn push(&self, from: ParticipantId, octets: &[u8], arrived: Instant, played: Option<Instant>) {
        let mut state = lock(&self.state);
        let Ok((command, _)) = Command::decode(octets) else { return };
        let octets = match command {
            Command::System(System::SysEx(segment)) => {
                let pieces = state.pieces.entry(from).or_insert_with(|| Reassembler::new(LONGEST));
                let Some((data, _)) = pieces.push(segment) else { return };
                whole(data)
            }
            command => encoded(&command),
        };
        state.put(Message { octets, arrived, played });
        self.changed.notify_all();
    }

    /// Forgets what a participant has begun and not ended.
    pub(crate) fn forget(&self, participant: ParticipantId) {
        lock(&self.state).pieces.remove(&participant);
    }

    /// Waits for the next message.
    pub(crate) fn next(&self) -> Next {
        let mut state = lock(&self.state);
        loop {
            if state.is_interrupted {
                return Next::Interrupted;
            }
            if !state.is_held
                && let Some(next) = state.next()
            {
                return next;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets nobody wait, or lets them wait again.
    pub(crate) fn interrupt(&self, interrupt: bool) {
        lock(&self.state).is_interrupted = interrupt;
        self.changed.notify_all();
    }

    /// Gives nothing and keeps only what lasts from now on; or goes on, after what sounds has ended.
    pub(crate) fn hold(&self, hold: bool) {
        let mut state = lock(&self.state);
        state.is_held = hold;
        state.is_silenced |= hold;
        self.changed.notify_all();
    }

    /// Ends what sounds.
    pub(crate) fn let_go(&self) {
        lock(&self.state).is_silenced = true;
        self.changed.notify_all();
    }

    /// Nothing follows what is there.
    pub(crate) fn end(&self) {
        lock(&self.state).is_ended = true;
        self.changed.notify_all();
    }

    /// Begins anew.
    pub(crate) fn clear(&self) {
        let mut state = lock(&self.state);
        let dropped = state.dropped;
        *state = State { dropped, is_interrupted: state.is_interrupted, ..State::default() };
    }

    /// Messages that wait, and those that have been dropped.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let state = lock(&self.state);
        (state.messages.len() as u64, state.dropped)
    }
}

impl State {
    fn next(&mut self) -> Option<Next> {
        if std::mem::take(&mut self.is_silenced) {
            return Some(Next::Silence);
        }
        if let Some(message) = self.messages.pop_front() {
            self.octets -= message.octets.len();
            return Some(Next::Message(message));
        }
        // Behind what could be kept.
        if std::mem::take(&mut self.is_overrun) {
            return Some(Next::Silence);
        }
        self.is_ended.then_some(Next::End)
    }

    fn put(&mut self, message: Message) {
        let is_full = self.messages.len() >= MESSAGES || self.octets + message.octets.len() > OCTETS;
        if self.is_held || is_full {
            let kind = Kind::of(&message.octets);
            if let Kind::Value(..) = kind
                && let Some(place) = self.messages.iter().position(|other| Kind::of(&other.octets) == kind)
                && let Some(before) = self.messages.remove(place)
            {
                self.octets -= before.octets.len();
            }
            let is_crammed = self.messages.len() >= 2 * MESSAGES || self.octets + message.octets.len() > 2 * OCTETS;
            if kind == Kind::Passing || is_crammed {
                self.is_overrun |= kind != Kind::Passing;
                self.dropped += 1;
                return;
            }
        }
        self.octets += message.octets.len();
        self.messages.push_back(message);
    }
}

/// What becomes of a message that cannot be passed on in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// It makes no sense later.
    Passing,
    /// The latest is all that counts, whatever else comes between: status octet, and number where there are many.
    Value(u8, u8),
    /// It counts, in its place.
    Step,
}

impl Kind {
    fn of(octets: &[u8]) -> Self {
        match *octets {
            [status @ 0x90..=0x9F, note, 0, ..] => Self::Value(status - 0x10, note),
            [0x90..=0x9F | 0xF1 | 0xF8..=0xFE, ..] => Self::Passing,
            [status @ (0x80..=0x8F | 0xA0..=0xAF), note, ..] => Self::Value(status, note),
            // Banks and parameters are chosen step by step, and channel mode messages end what came before.
            [0xB0..=0xBF, 0 | 32 | 6 | 38 | 96..=101 | 120.., ..] => Self::Step,
            [status @ 0xB0..=0xBF, controller, ..] => Self::Value(status, controller),
            [status @ 0xD0..=0xEF, ..] => Self::Value(status, 0),
            _ => Self::Step,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(inbox: &Inbox, messages: &[&[u8]]) {
        for octets in messages {
            lock(&inbox.state).put(Message { octets: octets.to_vec(), arrived: Instant::now(), played: None });
        }
    }

    fn taken(inbox: &Inbox) -> Vec<Vec<u8>> {
        inbox.end();
        let next = || if let Next::Message(message) = inbox.next() { Some(message.octets) } else { None };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn while_it_is_held_what_lasts_is_kept_and_what_passes_is_lost() {
        let inbox = Inbox::default();
        inbox.hold(true);
        put(
            &inbox,
            &[
                &[0xB0, 0, 1],
                &[0xC0, 5],
                &[0xB0, 0, 2],
                &[0xB0, 7, 10],
                &[0x90, 60, 100],
                &[0xF8],
                &[0xE0, 1, 2],
                &[0x90, 61, 0],
                &[0xB0, 7, 20],
                &[0x80, 61, 64],
                &[0xE0, 3, 4],
            ],
        );
        let kept: [&[u8]; 6] =
            [&[0xB0, 0, 1], &[0xC0, 5], &[0xB0, 0, 2], &[0xB0, 7, 20], &[0x80, 61, 64], &[0xE0, 3, 4]];
        assert_eq!(inbox.counts(), (6, 2));
        inbox.hold(false);
        assert_eq!(inbox.next(), Next::Silence);
        assert_eq!(taken(&inbox), kept);
    }

    #[test]
    fn nobody_who_does_not_listen_costs_memory_without_end() {
        let inbox = Inbox::default();
        for number in 0..10_000_u32 {
            put(
                &inbox,
                &[&[0x90, number as u8 & 127, 1], &[0xB0, number as u8 & 63 | 64, 1], &[0xC0, 1], &[0xF0, 1, 0xF7]],
            );
        }
        let (waiting, dropped) = inbox.counts();
        assert!(waiting == 2 * MESSAGES as u64 && dropped > 10_000, "{waiting} and {dropped}");
        inbox.end();
        let next = std::iter::from_fn(|| Some(inbox.next()).filter(|next| matches!(next, Next::Message(_))));
        assert_eq!(next.count() as u64, waiting);
        // What has ended the notes may be among what has been dropped: one silence has been told.
        assert_eq!(inbox.next(), Next::End);
    }

    #[test]
    fn who_waits_is_woken() {
        let inbox = std::sync::Arc::new(Inbox::default());
        let waiting = std::thread::spawn({
            let inbox = inbox.clone();
            move || inbox.next()
        });
        inbox.interrupt(true);
        assert_eq!(waiting.join().unwrap(), Next::Interrupted);
        inbox.interrupt(false);
        inbox.end();
        assert_eq!(inbox.next(), Next::End);
    }
}
