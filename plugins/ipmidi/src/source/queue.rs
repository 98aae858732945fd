//! What a source has heard and not passed on yet.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use crate::lock::lock;

/// The queue between the thread that hears and that of the stream.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a wish of its own, and they go together in any way")]
struct State {
    messages: VecDeque<(Vec<u8>, Instant)>,
    octets: usize,
    plays: bool,
    is_silenced: bool,
    is_overrun: bool,
    is_interrupted: bool,
    is_ended: bool,
    dropped: u64,
}

/// What is next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// A message, and when it came.
    Message(Vec<u8>, Instant),
    /// What sounds shall end: it has been heard before a pause.
    Silence,
    /// What sounds shall end, since messages have been dropped.
    Overrun,
    /// Nobody shall wait for the next one now.
    Interrupted,
    /// Nothing follows.
    End,
}

/// Most messages that wait.
const MESSAGES: usize = 4096;

/// Most octets that wait.
const OCTETS: usize = 1 << 22;

impl Queue {
    /// Takes a message that came at `at`. What comes while nothing plays is not heard.
    pub(super) fn put(&self, octets: &[u8], at: Instant) {
        let mut state = lock(&self.state);
        if !state.plays {
            return;
        }
        if state.messages.len() >= MESSAGES || state.octets + octets.len() > OCTETS {
            state.is_overrun = true;
            state.dropped += 1;
            return;
        }
        state.octets += octets.len();
        state.messages.push_back((octets.to_vec(), at));
        self.changed.notify_all();
    }

    /// Waits for what is next.
    pub(super) fn next(&self) -> Next {
        let mut state = lock(&self.state);
        loop {
            if state.is_interrupted {
                return Next::Interrupted;
            }
            if let Some(next) = state.next() {
                return next;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets nobody wait, or lets them wait again.
    pub(super) fn interrupt(&self, interrupt: bool) {
        lock(&self.state).is_interrupted = interrupt;
        self.changed.notify_all();
    }

    /// Hears from now on; or no more, and what sounds ends when it goes on.
    pub(super) fn play(&self, plays: bool) {
        let mut state = lock(&self.state);
        state.plays = plays;
        if !plays {
            state.is_silenced = true;
            state.messages.clear();
            state.octets = 0;
        }
        self.changed.notify_all();
    }

    /// Ends what sounds.
    pub(super) fn silence(&self) {
        lock(&self.state).is_silenced = true;
        self.changed.notify_all();
    }

    /// Nothing follows what is there.
    pub(super) fn end(&self) {
        lock(&self.state).is_ended = true;
        self.changed.notify_all();
    }

    /// Begins anew, and does not hear yet.
    pub(super) fn clear(&self) {
        let mut state = lock(&self.state);
        *state = State { is_interrupted: state.is_interrupted, ..State::default() };
    }

    /// Messages that have been dropped.
    pub(super) fn dropped(&self) -> u64 {
        lock(&self.state).dropped
    }
}

impl State {
    /// What is next, if there is anything: not in a pause, since it would be thrown away if the stream stopped.
    fn next(&mut self) -> Option<Next> {
        if !self.plays {
            return None;
        }
        if std::mem::take(&mut self.is_silenced) {
            return Some(Next::Silence);
        }
        if let Some((octets, at)) = self.messages.pop_front() {
            self.octets -= octets.len();
            return Some(Next::Message(octets, at));
        }
        // Behind what could be kept.
        if std::mem::take(&mut self.is_overrun) {
            return Some(Next::Overrun);
        }
        self.is_ended.then_some(Next::End)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_heard_before_the_start_and_in_a_pause() {
        let (queue, now) = (Queue::default(), Instant::now());
        queue.put(&[1], now);
        queue.play(true);
        queue.put(&[2], now);
        queue.put(&[3], now);
        assert_eq!(queue.next(), Next::Message(vec![2], now));
        queue.play(false);
        queue.put(&[4], now);
        queue.play(true);
        queue.put(&[5], now);
        assert_eq!([queue.next(), queue.next()], [Next::Silence, Next::Message(vec![5], now)]);
        queue.play(false);
        assert_eq!(lock(&queue.state).next(), None);
        queue.interrupt(true);
        assert_eq!(queue.next(), Next::Interrupted);
    }

    #[test]
    fn who_does_not_take_what_comes_costs_no_memory_without_end_and_is_told() {
        let (queue, now) = (Queue::default(), Instant::now());
        queue.play(true);
        for _ in 0..2 * MESSAGES {
            queue.put(&[0xF8], now);
        }
        assert_eq!(queue.dropped(), MESSAGES as u64);
        queue.end();
        let messages = std::iter::from_fn(|| Some(queue.next()).filter(|next| matches!(next, Next::Message(..))));
        // What is not a message, and ends the count, tells of those that were dropped.
        assert_eq!(messages.count(), MESSAGES);
        assert_eq!(queue.next(), Next::End);
    }

    #[test]
    fn what_was_dropped_is_told_behind_what_was_kept() {
        let (queue, now) = (Queue::default(), Instant::now());
        queue.play(true);
        queue.put(&[0xFA], now);
        queue.put(&vec![0; OCTETS], now);
        assert_eq!([queue.next(), queue.next()], [Next::Message(vec![0xFA], now), Next::Overrun]);
    }
}
