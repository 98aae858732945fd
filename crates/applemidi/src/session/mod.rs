//! A session: this end, and everybody who takes part.
//!
//! ```text
//!  datagrams, time, wishes ──▶ handle ──▶ transition table ──▶ poll ──▶ datagrams, changes, when to come back
//!                                              │
//!                                            roster
//! ```

mod invitation;
mod messages;
mod roster;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::admission::Admission;
use crate::packet::{Clock, Packet, Party, Received};
use crate::participant::{Participant, ParticipantId, Role};
use crate::timers::Allowance;
use crate::transition::{Action, Event, State};
use invitation::shorter;
pub(crate) use messages::Path;
pub use messages::{Change, Config, Input, Output, Port, Reason};
use roster::Roster;

/// A session. `R` draws numbers that nobody can guess.
#[derive(Debug)]
pub struct Session<R> {
    config: Config,
    random: R,
    roster: Roster,
    outputs: VecDeque<Output>,
    refusals: Allowance,
}

impl<R: FnMut() -> u32> Session<R> {
    /// A session without participants.
    pub fn new(config: Config, random: R) -> Self {
        let (roster, refusals) = (Roster::new(config.timers), Allowance::new(config.timers.refusals));
        Self { config, random, roster, outputs: VecDeque::new(), refusals }
    }

    /// Tells the session something. `at` is local time, counted from any start, and only rises.
    pub fn handle(&mut self, at: Duration, input: Input<'_>) {
        match input {
            Input::Datagram { port, from, to, octets } => {
                self.datagram(at, Path { port, here: to, there: from }, octets);
            }
            Input::Time => {}
            Input::Invite(control) => self.invite(at, control),
            Input::Admit(id) => self.step(at, id, Event::Admission),
            Input::Reject(id) => self.step(at, id, Event::Rejection),
            // Who may be somebody else is told nothing that it has not asked for.
            Input::Received(id, sequence) if self.roster.get(id).is_some_and(Participant::is_listening) => {
                self.roster.touch(id, |participant| participant.feedback.observe(at, sequence));
            }
            Input::Received(..) => {}
            Input::Leave(id) => self.step(at, id, Event::Departure),
            Input::Close => {
                let all: Vec<_> = self.roster.iter().map(|(id, _)| id).collect();
                for id in all {
                    self.step(at, id, Event::Departure);
                }
            }
        }
        self.run_timers(at);
    }

    /// What is to be done; to be asked until there is nothing but to wait.
    pub fn poll(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| Output::Wait(self.roster.due().map(|(due, _)| due)))
    }

    /// Somebody who takes part, or is on the way.
    pub fn participant(&self, id: ParticipantId) -> Option<&Participant> {
        self.roster.get(id)
    }

    /// Those who have their control port there, or say so.
    pub fn at(&self, control: SocketAddr) -> impl Iterator<Item = ParticipantId> {
        self.roster.at(control)
    }

    /// Everybody.
    pub fn participants(&self) -> impl Iterator<Item = (ParticipantId, &Participant)> {
        self.roster.iter()
    }

    /// Whose invitations are accepted from now on.
    pub fn set_admission(&mut self, admission: Admission) {
        self.config.admission = admission;
    }

    /// Our SSRC.
    pub const fn ssrc(&self) -> u32 {
        self.config.ssrc
    }

    fn datagram(&mut self, at: Duration, path: Path, octets: &[u8]) {
        let Path { port, here, there: from } = path;
        if !Packet::is(octets) {
            let music = rtp_ssrc(octets).filter(|_| port == Port::Data);
            let speaker = music.and_then(|ssrc| self.roster.speaker(from, ssrc));
            let speaker = speaker.filter(|id| self.roster[*id].state == State::Open && self.roster[*id].data == from);
            if let Some(id) = speaker {
                self.roster.reached(id, here);
                self.outputs.push_back(Output::Music(id));
            }
            return;
        }
        let Ok(packet) = Packet::decode(octets) else { return };
        let speaker = self.roster.speaker(from, packet.ssrc());
        if let Some(id) = speaker {
            self.roster.reached(id, here);
        }
        let is_open = |id: &ParticipantId| self.roster[*id].state == State::Open;
        match packet {
            Packet::Invitation(party) => self.invited(at, path, speaker, &shorter(party, octets.len())),
            Packet::Acceptance(party) => self.accepted(at, path, &party),
            Packet::Refusal(party) => {
                if let Some(id) = self.who_answers(path, &party).or(speaker) {
                    self.step(at, id, Event::Refusal);
                }
            }
            Packet::Goodbye(_) => {
                if let Some(id) = speaker {
                    self.step(at, id, Event::Goodbye);
                }
            }
            Packet::Clock(clock) => {
                if let Some(id) = speaker.filter(is_open) {
                    self.compare(at, id, path, &clock);
                }
            }
            Packet::Feedback { received, .. } => {
                let told = speaker.filter(is_open).map(|id| Output::Change(id, Change::Feedback(received)));
                self.outputs.extend(told);
            }
            Packet::Limit { rate, .. } => {
                self.outputs.extend(speaker.filter(is_open).map(|id| Output::Change(id, Change::Limit(rate))));
            }
        }
    }

    /// Takes a comparison of clocks further.
    fn compare(&mut self, at: Duration, id: ParticipantId, path: Path, clock: &Clock) {
        let (ssrc, timers) = (self.config.ssrc, self.config.timers);
        let (mut reply, mut changes, mut is_new) = (None, Vec::new(), false);
        self.roster.touch(id, |participant| {
            let was_listening = participant.is_listening();
            let (answer, round) = participant.clock.take(at, clock, ssrc, &timers);
            reply = answer;
            if let Some(round) = round {
                if participant.clock.estimate.observe(round) {
                    changes.push(Change::ClockSet);
                }
                // Whoever has shown that it is there is asked as well.
                if participant.clock.due.is_none() {
                    participant.clock.begin(at, &timers);
                }
            }
            participant.deadline = Some(at + timers.expiry);
            is_new = participant.is_listening() && !was_listening;
        });
        if is_new {
            self.listen(id);
        }
        if let Some(reply) = reply {
            self.send(path, Packet::Clock(reply).octets());
        }
        self.outputs.extend(changes.into_iter().map(|change| Output::Change(id, change)));
    }

    /// Takes a participant to its next state when nobody has said anything that must be looked at.
    fn step(&mut self, at: Duration, id: ParticipantId, event: Event) {
        self.step_with(at, id, event, None);
    }

    /// Takes a participant to its next state; `said` is the invitation or answer that does it.
    fn step_with(&mut self, at: Duration, id: ParticipantId, event: Event, said: Option<&Party<'_>>) {
        let Some(participant) = self.roster.get(id) else { return };
        let Participant { state: before, role, token: ours, .. } = *participant;
        let (is_verified, [control, data]) = (participant.clock.is_verified, PORTS.map(|port| participant.path(port)));
        let (after, action) = before.on(event);
        self.roster.set_state(id, after);
        let said = said.copied().unwrap_or(Party { token: ours, ssrc: 0, name: b"" });
        match action {
            Action::Nothing => {}
            Action::InviteControl => self.insist(at, id, Port::Control),
            Action::InviteData if after == State::Open => self.send_invitation(Port::Data, id),
            Action::InviteData => self.insist(at, id, Port::Data),
            Action::AcceptControl => self.accept(control, &said),
            Action::AcceptData => self.accept(data, &said),
            Action::Refuse => self.refuse(at, control, ours),
            // Nobody is told who may never have been there: it has had as much as it has sent.
            Action::SayGoodbye if role == Role::Inviting && !is_verified => {}
            Action::SayGoodbye => {
                let goodbye = Party { token: ours, ssrc: self.config.ssrc, name: b"" };
                self.send(control, Packet::Goodbye(goodbye).octets());
            }
        }
        if event == Event::Reacceptance && before != after {
            self.outputs.push_back(Output::Change(id, Change::Restarted));
        }
        match (before, after) {
            (State::Closed | State::Open, State::Open) => {}
            (_, State::Open) => self.open(at, id),
            (State::Asked | State::Open, State::HalfOpen) => self.wait(id, at + self.config.timers.half_open),
            (_, State::Closed) => self.remove(id, Reason::of(event)),
            _ => {}
        }
    }

    fn open(&mut self, at: Duration, id: ParticipantId) {
        let timers = self.config.timers;
        self.wait(id, at + timers.expiry);
        self.outputs.push_back(Output::Change(id, Change::Opened));
        // Whoever has invited us asks first: it may not be where it says it is. Whoever has answered us is.
        if self.roster[id].role == Role::Invited {
            self.roster.touch(id, |participant| {
                participant.clock.is_verified = true;
                participant.clock.begin(at, &timers);
            });
            self.listen(id);
        }
    }

    /// A participant has shown that it is where it says. Whoever else was taken to be there, by invitations that have
    /// crossed, is the same one; but what we have asked it is followed up, since it may have begun anew for that.
    fn listen(&mut self, id: ParticipantId) {
        let is_other = |other: &ParticipantId| *other != id && !self.roster[*other].is_asked();
        let others: Vec<_> = self.roster.at(self.roster[id].control).filter(is_other).collect();
        for other in others {
            self.remove(other, Reason::Crossed);
        }
        self.outputs.push_back(Output::Change(id, Change::Listening));
    }

    fn remove(&mut self, id: ParticipantId, reason: Reason) {
        self.roster.remove(id);
        self.outputs.push_back(Output::Change(id, Change::Closed(reason)));
    }

    /// Gives a participant until then.
    fn wait(&mut self, id: ParticipantId, deadline: Duration) {
        self.roster.touch(id, |participant| participant.deadline = Some(deadline));
    }

    fn run_timers(&mut self, at: Duration) {
        while let Some((due, id)) = self.roster.due().filter(|(due, _)| *due <= at) {
            if self.roster[id].deadline == Some(due) {
                let event = self.overdue(id);
                self.step(at, id, event);
                continue;
            }
            let (ssrc, timers) = (self.config.ssrc, self.config.timers);
            let was_missed = self.roster[id].is_missed();
            let (mut question, mut news) = (None, None);
            self.roster.touch(id, |participant| {
                if participant.clock.due.is_some_and(|due| due <= at) {
                    question = Some(participant.clock.ask(at, ssrc, &timers));
                }
                news = participant.feedback.tell(at, timers.feedback);
            });
            let role = self.roster[id].role;
            let [control, data] = PORTS.map(|port| self.roster[id].path(port));
            let is_missed = self.roster[id].is_missed();
            self.outputs.extend((is_missed && !was_missed).then_some(Output::Change(id, Change::Missed)));
            if is_missed && question.is_some() && role == Role::Invited {
                // If it has started anew, it knows nothing of us, and takes this for an invitation.
                self.send_invitation(Port::Control, id);
            }
            if let Some(question) = question {
                self.send(data, Packet::Clock(question).octets());
            }
            if let Some(sequence) = news {
                self.send(control, Packet::Feedback { ssrc, received: Received::new(sequence) }.octets());
            }
        }
    }

    /// What it means that the time of a participant is over.
    fn overdue(&self, id: ParticipantId) -> Event {
        let participant = &self.roster[id];
        let is_last = participant.invitations >= self.config.timers.invitation.len();
        match participant.state {
            State::InvitingControl | State::InvitingData if is_last => Event::Exhaustion,
            State::InvitingControl | State::InvitingData => Event::Retry,
            _ => Event::Expiry,
        }
    }

    fn send(&mut self, path: Path, octets: Vec<u8>) {
        let Path { port, here, there } = path;
        self.outputs.push_back(Output::Send { port, from: here, to: there, octets });
    }
}

/// Both.
const PORTS: [Port; 2] = [Port::Control, Port::Data];

/// The SSRC of an RTP packet (RFC 3550, 5.1); `None` if it is none.
fn rtp_ssrc(octets: &[u8]) -> Option<u32> {
    match octets {
        [first, _, _, _, _, _, _, _, a, b, c, d, ..] if first >> 6 == 2 => Some(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => None,
    }
}
