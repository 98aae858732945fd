//! One participant, as this end sees it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::clock::{Estimate, Round};
use crate::packet::{Clock, Step};
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
    /// Our latest question that has no answer yet.
    asked: Option<Duration>,
    /// How many have had none, one after the other.
    unanswered: u32,
    /// Our latest answer.
    answered: Option<(u64, Duration)>,
    pub(crate) answers: Allowance,
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

    /// Whether music may be sent to it: the session is open, and the participant is where it says it is. Nobody can
    /// thus send our music to somebody else.
    pub fn is_listening(&self) -> bool {
        self.state == State::Open && self.clock.is_verified
    }

    /// What is known of its clock.
    pub const fn clock(&self) -> &Estimate {
        &self.clock.estimate
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
            asked: None,
            unanswered: 0,
            answered: None,
            answers: Allowance::new(timers.clock_answers),
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
        self.unanswered += u32::from(self.asked.replace(at).is_some());
        let next = timers.clock_start.get(passed).map(|next| opened + *next);
        self.due = Some(next.unwrap_or(at + timers.clock_again));
        Clock { ssrc, step: Step::Ask, times: [self.ticks(at), 0, 0] }
    }

    /// Questions more than may be without an answer, if the participant has been there.
    pub(crate) fn missed(&self) -> Option<u32> {
        self.unanswered.checked_sub(MISSED).filter(|_| self.is_verified)
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
                let Some(asked) = self.asked.filter(|asked| self.ticks(*asked) == t0) else { return (None, None) };
                (self.asked, self.unanswered) = (None, 0);
                if self.opened.1 >= timers.clock_start.len() {
                    self.due = Some(asked + timers.clock);
                }
                self.is_verified = true;
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
