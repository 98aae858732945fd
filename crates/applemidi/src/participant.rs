//! One participant, as this end sees it.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::clock::{Estimate, Round};
use crate::packet::{Clock, Step};
use crate::session::{Path, Port};
use crate::timers::{Allowance, TICK, Timers};
use crate::transition::State;

/// A participant in a session, for as long as it lasts; never given to another one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ParticipantId(pub(crate) u32);

/// Who has invited whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It has been invited by us.
    Invited,
    /// It has invited us.
    Inviting,
}

/// A participant.
#[derive(Clone, Debug)]
pub struct Participant {
    pub(crate) role: Role,
    pub(crate) state: State,
    /// That of the invitation on the control port.
    pub(crate) token: u32,
    pub(crate) ssrc: Option<u32>,
    /// Some have another one on their data port.
    pub(crate) data_ssrc: Option<u32>,
    pub(crate) name: String,
    pub(crate) control: SocketAddr,
    pub(crate) data: SocketAddr,
    /// The address of ours that it has reached last.
    pub(crate) reached: Option<IpAddr>,
    pub(crate) clock: Clocks,
    pub(crate) invitations: usize,
    /// When the state has lasted long enough; in [`State::Open`], when it counts as gone.
    pub(crate) deadline: Option<Duration>,
    pub(crate) feedback: Feedback,
}

/// The comparisons of clocks with one participant.
#[derive(Clone, Debug)]
pub(crate) struct Clocks {
    pub(crate) estimate: Estimate,
    /// What is added to our time towards this participant. It cannot be guessed, so that whoever repeats our time has
    /// really heard it.
    offset: u64,
    /// Whether the participant is where it says it is: it has repeated our time.
    pub(crate) is_verified: bool,
    /// When we ask next.
    pub(crate) due: Option<Duration>,
    /// When the session opened, and how many times of the table at its start have passed.
    opened: (Duration, usize),
    /// Our latest questions that have no answer yet, oldest first: some are asked faster than answers can come.
    asked: VecDeque<Duration>,
    /// How many have waited in vain for so long that another one was asked, one after the other.
    unanswered: u32,
    /// Our latest answer.
    answered: Option<(u64, Duration)>,
    pub(crate) answers: Allowance,
    comparisons: Comparisons,
}

/// The comparisons of clocks that we have begun with a participant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Comparisons {
    /// Our questions.
    pub asked: u64,
    /// Those that have been answered; the latest one may still be.
    pub answered: u64,
    /// The latest round trip.
    pub trip: Option<Duration>,
}

/// What has been received from a participant and is to be told to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Feedback {
    received: u16,
    /// Since when it has not been told.
    news: Option<Duration>,
}

/// Questions without an answer, after which nobody seems to be there.
const MISSED: u32 = 3;

/// Questions whose answers are waited for at the same time.
const QUESTIONS: usize = 8;

impl Participant {
    /// Who has invited whom.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// How far it has come.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Its SSRC, once it is known.
    pub const fn ssrc(&self) -> Option<u32> {
        self.ssrc
    }

    /// What it calls itself; empty as long as that is not known.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its control port is.
    pub const fn control(&self) -> SocketAddr {
        self.control
    }

    /// Where its data port is: where RTP goes to, and comes from.
    pub const fn data(&self) -> SocketAddr {
        self.data
    }

    /// The address of ours under which it knows us; any will do if there is none. Of one that does not answer the address
    /// is in doubt, as it may be of no more use: by turns it is tried and none.
    pub fn known_as(&self) -> Option<IpAddr> {
        self.reached.filter(|_| !self.is_missed() || self.clock.unanswered % 2 == 1)
    }

    /// The way to one of its ports.
    pub(crate) fn path(&self, port: Port) -> Path {
        let there = if port == Port::Control { self.control } else { self.data };
        Path { port, here: self.known_as(), there }
    }

    /// Whether music may be sent to it: the session is open, and the participant is where it says it is. Nobody can
    /// thus send our music to somebody else.
    pub fn is_listening(&self) -> bool {
        self.state == State::Open && self.clock.is_verified
    }

    /// Whether it is being invited.
    pub(crate) const fn is_asked(&self) -> bool {
        matches!(self.state, State::InvitingControl | State::InvitingData)
    }

    /// Whether inviting it once more would be of no use: it is being invited, or is there for sure.
    pub fn is_expected(&self) -> bool {
        self.is_asked() || self.is_listening()
    }

    /// Whether it leaves questions without an answer, as one does that is not there any more.
    pub fn is_missed(&self) -> bool {
        self.clock.is_missed()
    }

    /// What is known of its clock.
    pub const fn clock(&self) -> &Estimate {
        &self.clock.estimate
    }

    /// The comparisons of clocks that we have begun with it.
    pub const fn comparisons(&self) -> Comparisons {
        self.clock.comparisons
    }

    /// The time that it is told when ours is `at`, in ticks of 100 microseconds. RTP timestamps are its lower half.
    pub fn ticks(&self, at: Duration) -> u64 {
        self.clock.ticks(at)
    }

    /// When something is due.
    pub(crate) fn due(&self, timers: &Timers) -> Option<Duration> {
        [self.deadline, self.clock.due, self.feedback.due(timers.feedback)].into_iter().flatten().min()
    }
}

impl Clocks {
    pub(crate) fn new(offset: u32, timers: &Timers) -> Self {
        Self {
            estimate: Estimate::default(),
            // No count of ticks since anything that people remember comes near the upper end.
            offset: u64::from(offset) << 8,
            is_verified: false,
            due: None,
            opened: (Duration::ZERO, 0),
            asked: VecDeque::new(),
            unanswered: 0,
            answered: None,
            answers: Allowance::new(timers.clock_answers),
            comparisons: Comparisons::default(),
        }
    }

    fn ticks(&self, at: Duration) -> u64 {
        self.offset.wrapping_add((at.as_nanos() / TICK.as_nanos()) as u64)
    }

    /// Begins to ask, by the table.
    pub(crate) fn begin(&mut self, at: Duration, timers: &Timers) {
        self.opened = (at, 0);
        self.due = timers.clock_start.first().map(|first| at + *first).or(Some(at));
    }

    /// The question that is due.
    pub(crate) fn ask(&mut self, at: Duration, ssrc: u32, timers: &Timers) -> Clock {
        let (opened, passed) = (self.opened.0, self.opened.1 + 1);
        self.opened.1 = passed;
        let has_waited = |before: &Duration| at.saturating_sub(*before) >= timers.clock_again;
        self.unanswered += u32::from(self.asked.back().is_some_and(has_waited));
        let next = timers.clock_start.get(passed).map(|next| opened + *next);
        self.due = Some(next.unwrap_or(at + timers.clock_again));
        self.question(at, ssrc)
    }

    fn question(&mut self, at: Duration, ssrc: u32) -> Clock {
        if self.asked.len() == QUESTIONS {
            self.asked.pop_front();
        }
        self.asked.push_back(at);
        self.comparisons.asked += 1;
        Clock { ssrc, step: Step::Ask, times: [self.ticks(at), 0, 0] }
    }

    /// Whether more questions are without an answer than may be, and the participant has been there.
    pub(crate) fn is_missed(&self) -> bool {
        self.is_verified && self.unanswered >= MISSED
    }

    /// Takes a comparison further, as far as there is an allowance for it: what is to be sent, and what has been
    /// learnt.
    pub(crate) fn take(
        &mut self,
        at: Duration,
        clock: &Clock,
        ssrc: u32,
        timers: &Timers,
    ) -> (Option<Clock>, Option<Round>) {
        let [t0, t1, t2] = clock.times;
        match clock.step {
            Step::Ask => {
                if !self.answers.take(at) {
                    return (None, None);
                }
                self.answered = Some((t0, at));
                (Some(Clock { ssrc, step: Step::Answer, times: [t0, self.ticks(at), 0] }), None)
            }
            Step::Answer => {
                let Some(index) = self.asked.iter().position(|asked| self.ticks(*asked) == t0) else {
                    // Some begin with an answer that nobody has asked for. They are asked, a datagram for a datagram.
                    let is_beginning = !self.is_verified && self.due.is_none() && self.answers.take(at);
                    return (is_beginning.then(|| self.question(at, ssrc)), None);
                };
                let asked = self.asked[index];
                // An answer to an earlier one would tell less.
                self.asked.drain(..=index);
                self.unanswered = 0;
                if self.opened.1 >= timers.clock_start.len() && self.asked.is_empty() {
                    self.due = Some(asked + timers.clock);
                }
                self.is_verified = true;
                self.comparisons.answered += 1;
                self.comparisons.trip = Some(at.saturating_sub(asked));
                let conclusion = Clock { ssrc, step: Step::Conclude, times: [t0, t1, self.ticks(at)] };
                (Some(conclusion), Some(Round::asked(asked, t1, at)))
            }
            Step::Conclude => {
                let is_ours = |(first, second): &(u64, Duration)| (*first, self.ticks(*second)) == (t0, t1);
                let Some((_, answered)) = self.answered.filter(is_ours) else { return (None, None) };
                self.answered = None;
                self.is_verified = true;
                (None, Some(Round::answered(t0, answered, t2)))
            }
        }
    }
}

impl Feedback {
    /// Takes note of the latest packet.
    pub(crate) fn observe(&mut self, at: Duration, sequence: u16) {
        self.received = sequence;
        self.news.get_or_insert(at);
    }

    /// When the next one is due, if there is anything to tell.
    fn due(&self, interval: Duration) -> Option<Duration> {
        self.news.map(|news| news + interval)
    }

    /// What is to be told now.
    pub(crate) fn tell(&mut self, at: Duration, interval: Duration) -> Option<u16> {
        self.due(interval).filter(|due| *due <= at)?;
        self.news = None;
        Some(self.received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_begins_with_an_answer_that_nobody_asked_for_is_asked_once_for_each_and_then_known() {
        let timers = Timers::default();
        let (mut clocks, at) = (Clocks::new(7, &timers), Duration::from_secs(1));
        let answer = |asked: u64| Clock { ssrc: 90, step: Step::Answer, times: [asked, 1, 0] };
        let (question, round) = clocks.take(at, &answer(0), 10, &timers);
        let question = question.unwrap();
        assert_eq!((question.step, question.times[0], round), (Step::Ask, clocks.ticks(at), None));
        assert_eq!((clocks.is_verified, clocks.due), (false, None), "nothing more is sent");
        let (conclusion, round) = clocks.take(at, &answer(question.times[0]), 10, &timers);
        assert_eq!(conclusion.unwrap().step, Step::Conclude);
        assert!(clocks.is_verified && round.is_some());
        assert_eq!(clocks.take(at, &answer(0), 10, &timers), (None, None), "it is known");
    }
}
