//! Whose turn it is at a destination: a System Exclusive is not mixed with what others play meanwhile.

use std::collections::VecDeque;
use std::time::Duration;

use rtp_midi::midi::{Command, Part, Segment, System};

/// How long a System Exclusive may pause before others have their turn.
const PATIENCE: Duration = Duration::from_secs(1);

/// Most octets that wait for the end of a System Exclusive.
const WAITING: usize = 1 << 16;

/// Calls off a System Exclusive.
pub(crate) const CANCEL: Command<'_> = Command::System(System::SysEx(Segment { part: Part::Cancel, data: &[] }));

/// The commands for one destination, in an order in which they make sense there.
///
/// `S` names a source. While one of them is inside a System Exclusive, what others play waits, but for Real-Time
/// messages, which may stand anywhere.
#[derive(Clone, Debug)]
pub(crate) struct Turn<S> {
    open: Option<Open<S>>,
    waiting: VecDeque<(S, Vec<u8>)>,
    octets: usize,
}

/// A System Exclusive that has begun and not ended.
#[derive(Clone, Copy, Debug)]
struct Open<S> {
    of: S,
    latest: Duration,
}

impl<S> Default for Turn<S> {
    fn default() -> Self {
        Self { open: None, waiting: VecDeque::new(), octets: 0 }
    }
}

impl<S: Copy + Eq> Turn<S> {
    /// A source plays a command. `out` gets what the destination gets now.
    pub(crate) fn play(&mut self, at: Duration, source: S, command: Command<'_>, out: &mut impl FnMut(Command<'_>)) {
        let is_real_time = matches!(command, Command::System(system) if system.is_real_time());
        if is_real_time || self.has(source) {
            self.give(at, source, command, out);
            if self.open.is_none() {
                self.next(at, out);
            }
            return;
        }
        let mut octets = Vec::new();
        command.encode(&mut octets);
        self.octets += octets.len();
        self.waiting.push_back((source, octets));
        if self.octets > WAITING {
            self.cancel(at, out);
        }
    }

    /// A source plays no more: what it has begun is called off, and others have their turn.
    pub(crate) fn leave(&mut self, at: Duration, source: S, out: &mut impl FnMut(Command<'_>)) {
        if self.open.is_some_and(|open| open.of == source) {
            self.cancel(at, out);
        } else if self.waiting.iter().any(|(of, _)| *of == source) {
            self.play(at, source, CANCEL, out);
        }
    }

    /// When [`Turn::wake`] has something to do.
    pub(crate) fn due(&self) -> Option<Duration> {
        let open = self.open.as_ref().filter(|_| !self.waiting.is_empty())?;
        Some(open.latest + PATIENCE)
    }

    /// Others have waited long enough.
    pub(crate) fn wake(&mut self, at: Duration, out: &mut impl FnMut(Command<'_>)) {
        if self.due().is_some_and(|due| due <= at) {
            self.cancel(at, out);
        }
    }

    /// Whether a source may play: nobody else is inside a System Exclusive, and nothing of its own waits.
    fn has(&self, source: S) -> bool {
        self.open.is_none_or(|open| open.of == source) && (self.open.is_some() || self.waiting.is_empty())
    }

    fn give(&mut self, at: Duration, source: S, command: Command<'_>, out: &mut impl FnMut(Command<'_>)) {
        match command {
            Command::System(system) if system.is_real_time() => {}
            Command::System(System::SysEx(Segment { part: Part::First, .. })) => {
                self.call_off(out);
                self.open = Some(Open { of: source, latest: at });
            }
            Command::System(System::SysEx(Segment { part: Part::Middle, .. })) => match &mut self.open {
                Some(open) => open.latest = at,
                // Its beginning has been called off.
                None => return,
            },
            Command::System(System::SysEx(Segment { part: Part::Last(_) | Part::Cancel, .. })) => {
                if self.open.take().is_none() {
                    return;
                }
            }
            _ => self.call_off(out),
        }
        out(command);
    }

    /// Whoever begins anew inside a System Exclusive has not ended it.
    fn call_off(&mut self, out: &mut impl FnMut(Command<'_>)) {
        if self.open.take().is_some() {
            out(CANCEL);
        }
    }

    fn cancel(&mut self, at: Duration, out: &mut impl FnMut(Command<'_>)) {
        self.call_off(out);
        self.next(at, out);
    }

    /// Gives what has waited, as far as another System Exclusive does not make it wait again.
    fn next(&mut self, at: Duration, out: &mut impl FnMut(Command<'_>)) {
        let mut index = 0;
        while let Some((source, _)) = self.waiting.get(index) {
            if self.open.is_some_and(|open| open.of != *source) {
                index += 1;
                continue;
            }
            let Some((source, octets)) = self.waiting.remove(index) else { break };
            self.octets -= octets.len();
            if let Ok((command, _)) = Command::decode(&octets) {
                self.give(at, source, command, out);
            }
            if self.open.is_none() {
                index = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &[u8] = &[0xF0, 1, 0xF0];
    const MIDDLE: &[u8] = &[0xF7, 2, 0xF0];
    const LAST: &[u8] = &[0xF7, 3, 0xF7];
    const CANCEL: &[u8] = &[0xF7, 0xF4];
    const NOTE: &[u8] = &[0x90, 60, 1];
    const OFF: &[u8] = &[0x80, 60, 1];

    /// What a destination gets when sources play these at these seconds.
    fn after(played: &[(u64, char, &[u8])]) -> Vec<Vec<u8>> {
        let (mut turn, mut heard) = (Turn::default(), Vec::new());
        for (at, source, octets) in played {
            let at = Duration::from_secs(*at);
            let mut out = |command: Command<'_>| {
                heard.push(Vec::new());
                command.encode(heard.last_mut().unwrap());
            };
            turn.wake(at, &mut out);
            turn.play(at, *source, Command::decode(octets).unwrap().0, &mut out);
        }
        heard
    }

    #[test]
    fn what_others_play_waits_for_the_end_of_a_system_exclusive() {
        let heard = after(&[(0, 'a', FIRST), (0, 'b', NOTE), (0, 'a', MIDDLE), (0, 'b', OFF), (0, 'a', LAST)]);
        assert_eq!(heard, [FIRST, MIDDLE, LAST, NOTE, OFF]);
    }

    #[test]
    fn real_time_messages_do_not_wait() {
        let heard = after(&[(0, 'a', FIRST), (0, 'b', &[0xF8]), (0, 'a', &[0xFE]), (0, 'a', LAST)]);
        assert_eq!(heard, [FIRST, &[0xF8], &[0xFE], LAST]);
    }

    #[test]
    fn two_system_exclusives_come_one_after_the_other() {
        let heard =
            after(&[(0, 'a', FIRST), (0, 'b', FIRST), (0, 'c', NOTE), (0, 'b', LAST), (0, 'a', LAST), (0, 'c', OFF)]);
        assert_eq!(heard, [FIRST, LAST, FIRST, LAST, NOTE, OFF]);
    }

    #[test]
    fn whoever_does_not_go_on_is_called_off() {
        let heard = after(&[(0, 'a', FIRST), (0, 'b', NOTE), (1, 'b', OFF), (1, 'a', MIDDLE), (1, 'a', LAST)]);
        assert_eq!(heard, [FIRST, CANCEL, NOTE, OFF]);
        let heard = after(&[(0, 'a', FIRST), (5, 'a', LAST)]);
        assert_eq!(heard, [FIRST, LAST], "nobody waited");
        let heard = after(&[(0, 'a', FIRST), (0, 'a', NOTE), (0, 'a', LAST)]);
        assert_eq!(heard, [FIRST, CANCEL, NOTE]);
    }

    #[test]
    fn whoever_leaves_is_called_off() {
        let (mut turn, mut heard) = (Turn::default(), Vec::new());
        let mut out = |command: Command<'_>| command.encode(&mut heard);
        turn.play(Duration::ZERO, 'a', Command::decode(FIRST).unwrap().0, &mut out);
        turn.play(Duration::ZERO, 'b', Command::decode(NOTE).unwrap().0, &mut out);
        turn.leave(Duration::ZERO, 'b', &mut out);
        turn.leave(Duration::ZERO, 'a', &mut out);
        assert_eq!(heard, [FIRST, CANCEL, NOTE].concat());
    }

    #[test]
    fn who_leaves_with_a_system_exclusive_that_waits_does_not_hold_up_anybody() {
        let (mut turn, mut heard) = (Turn::default(), Vec::new());
        let mut out = |command: Command<'_>| command.encode(&mut heard);
        for (source, octets) in [('a', FIRST), ('b', FIRST), ('c', NOTE)] {
            turn.play(Duration::ZERO, source, Command::decode(octets).unwrap().0, &mut out);
        }
        turn.leave(Duration::ZERO, 'b', &mut out);
        turn.leave(Duration::ZERO, 'a', &mut out);
        assert_eq!(heard, [FIRST, CANCEL, FIRST, CANCEL, NOTE].concat());
    }

    #[test]
    fn who_holds_up_too_much_is_called_off() {
        let mut played = vec![(0, 'a', FIRST)];
        played.extend(std::iter::repeat_n((0, 'b', NOTE), WAITING / NOTE.len() + 1));
        let heard = after(&played);
        assert_eq!(heard[..3], [FIRST, CANCEL, NOTE]);
        assert_eq!(heard.len(), played.len() + 1);
    }
}
