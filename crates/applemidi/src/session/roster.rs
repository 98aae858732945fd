//! Everybody who takes part, found by whatever a datagram tells, and in the order of what is due.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::ops::Index;
use std::time::Duration;

use crate::packet::Party;
use crate::participant::{Clocks, Feedback, Participant, ParticipantId, Role};
use crate::session::messages::Port;
use crate::timers::Timers;
use crate::transition::State;

/// The participants.
#[derive(Debug)]
pub(super) struct Roster {
    timers: Timers,
    participants: BTreeMap<ParticipantId, Participant>,
    /// By where they speak from, and as whom.
    routes: HashMap<(SocketAddr, u32), ParticipantId>,
    /// Those that we have invited, by token.
    tokens: HashMap<u32, ParticipantId>,
    /// Those that have not answered our invitation, by their control port.
    called: HashMap<SocketAddr, ParticipantId>,
    /// All, by their control port.
    by_control: BTreeSet<(SocketAddr, ParticipantId)>,
    /// Those that have invited us and are not open, the oldest first.
    arriving: BTreeSet<ParticipantId>,
    open: usize,
    due: BTreeSet<(Duration, ParticipantId)>,
    next: u32,
}

/// Octets of a name that are sent or kept.
pub(super) const LONGEST_NAME: usize = 63;

impl Roster {
    pub(super) fn new(timers: Timers) -> Self {
        Self {
            timers,
            participants: BTreeMap::new(),
            routes: HashMap::new(),
            tokens: HashMap::new(),
            called: HashMap::new(),
            by_control: BTreeSet::new(),
            arriving: BTreeSet::new(),
            open: 0,
            due: BTreeSet::new(),
            next: 0,
        }
    }

    pub(super) fn get(&self, id: ParticipantId) -> Option<&Participant> {
        self.participants.get(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ParticipantId, &Participant)> {
        self.participants.iter().map(|(id, participant)| (*id, participant))
    }

    /// Whoever speaks from there as this source.
    pub(super) fn speaker(&self, from: SocketAddr, ssrc: u32) -> Option<ParticipantId> {
        self.routes.get(&(from, ssrc)).copied()
    }

    /// Whoever we have invited with this token.
    pub(super) fn invited(&self, token: u32) -> Option<ParticipantId> {
        self.tokens.get(&token).copied()
    }

    /// Whoever we have invited at this control port without an answer so far.
    pub(super) fn called(&self, control: SocketAddr) -> Option<ParticipantId> {
        self.called.get(&control).copied()
    }

    /// Those whose control port is there.
    pub(super) fn at(&self, control: SocketAddr) -> impl Iterator<Item = ParticipantId> {
        self.by_control.range((control, ParticipantId(0))..=(control, ParticipantId(u32::MAX))).map(|(_, id)| *id)
    }

    /// Those on their way into the session, the oldest first.
    pub(super) fn arriving(&self) -> impl DoubleEndedIterator<Item = ParticipantId> + ExactSizeIterator {
        self.arriving.iter().copied()
    }

    /// How many are open.
    pub(super) const fn open(&self) -> usize {
        self.open
    }

    /// What is due first.
    pub(super) fn due(&self) -> Option<(Duration, ParticipantId)> {
        self.due.first().copied()
    }

    /// A participant that has invited us, or is invited by us, at this control port.
    pub(super) fn add(&mut self, state: State, token: u32, control: SocketAddr, clock_offset: u32) -> ParticipantId {
        let id = ParticipantId(self.next);
        self.next = self.next.wrapping_add(1);
        let role = if state == State::InvitingControl { Role::Invited } else { Role::Inviting };
        if role == Role::Invited {
            self.tokens.insert(token, id);
            self.called.insert(control, id);
        } else {
            self.arriving.insert(id);
        }
        let mut data = control;
        data.set_port(control.port().wrapping_add(1));
        let participant = Participant {
            role,
            state,
            token,
            ssrc: None,
            data_ssrc: None,
            name: String::new(),
            control,
            data,
            reached: None,
            clock: Clocks::new(clock_offset, &self.timers),
            invitations: 0,
            deadline: None,
            feedback: Feedback::default(),
        };
        self.participants.insert(id, participant);
        self.by_control.insert((control, id));
        id
    }

    /// Takes note of how a participant calls itself on a port.
    pub(super) fn learn(&mut self, id: ParticipantId, port: Port, party: &Party<'_>) {
        let Some(participant) = self.participants.get_mut(&id) else { return };
        if participant.name.is_empty() {
            let name = &party.name[..party.name.len().min(LONGEST_NAME)];
            participant.name = String::from_utf8_lossy(name).into_owned();
        }
        if port == Port::Control {
            participant.ssrc = Some(party.ssrc);
        } else {
            participant.data_ssrc = Some(party.ssrc);
        }
        if self.called.get(&participant.control) == Some(&id) {
            self.called.remove(&participant.control);
        }
        self.routes.extend(participant.routes().map(|route| (route, id)));
    }

    /// A participant has reached us at this address of ours.
    pub(super) fn reached(&mut self, id: ParticipantId, address: Option<IpAddr>) {
        if let Some(participant) = self.participants.get_mut(&id).filter(|_| address.is_some()) {
            participant.reached = address;
        }
    }

    /// The data port turns out to be there.
    pub(super) fn set_data(&mut self, id: ParticipantId, data: SocketAddr) {
        if let Some(participant) = self.participants.get_mut(&id) {
            let before: Vec<_> = participant.routes().collect();
            participant.data = data;
            for route in before {
                self.routes.remove(&route);
            }
            self.routes.extend(participant.routes().map(|route| (route, id)));
        }
    }

    /// The peer has started anew: nothing that was known of it counts, but where it is.
    pub(super) fn restart(&mut self, id: ParticipantId, clock_offset: u32) {
        let clock = Clocks::new(clock_offset, &self.timers);
        self.touch(id, |participant| (participant.clock, participant.feedback) = (clock, Feedback::default()));
        if let Some(participant) = self.participants.get_mut(&id) {
            for route in participant.routes() {
                self.routes.remove(&route);
            }
            (participant.ssrc, participant.data_ssrc) = (None, None);
            participant.name.clear();
        }
    }

    /// The peer has invited us, where it was us before.
    pub(super) fn invited_by(&mut self, id: ParticipantId, token: u32) {
        if let Some(participant) = self.participants.get_mut(&id) {
            participant.role = Role::Inviting;
            self.tokens.remove(&participant.token);
            participant.token = token;
        }
    }

    pub(super) fn set_state(&mut self, id: ParticipantId, state: State) {
        let Some(participant) = self.participants.get_mut(&id) else { return };
        let before = std::mem::replace(&mut participant.state, state);
        match (before == State::Open, state == State::Open) {
            (false, true) => self.open += 1,
            (true, false) => self.open -= 1,
            _ => {}
        }
        if matches!(state, State::Asked | State::HalfOpen) {
            self.arriving.insert(id);
        } else {
            self.arriving.remove(&id);
        }
    }

    pub(super) fn remove(&mut self, id: ParticipantId) {
        self.set_state(id, State::Closed);
        let Some(participant) = self.participants.remove(&id) else { return };
        self.by_control.remove(&(participant.control, id));
        if let Some(due) = participant.due(&self.timers) {
            self.due.remove(&(due, id));
        }
        if participant.role == Role::Invited {
            self.tokens.remove(&participant.token);
        }
        if self.called.get(&participant.control) == Some(&id) {
            self.called.remove(&participant.control);
        }
        for route in participant.routes() {
            if self.routes.get(&route) == Some(&id) {
                self.routes.remove(&route);
            }
        }
    }

    /// Changes a participant, and when it is due.
    pub(super) fn touch(&mut self, id: ParticipantId, change: impl FnOnce(&mut Participant)) {
        let Some(participant) = self.participants.get_mut(&id) else { return };
        let before = participant.due(&self.timers);
        change(participant);
        let after = participant.due(&self.timers);
        if before != after {
            if let Some(before) = before {
                self.due.remove(&(before, id));
            }
            self.due.extend(after.map(|due| (due, id)));
        }
    }
}

impl Participant {
    /// From where it speaks, and as whom.
    fn routes(&self) -> impl Iterator<Item = (SocketAddr, u32)> + use<> {
        let (control, data) = (self.control, self.data);
        let on_control = self.ssrc.map(|ssrc| (control, ssrc));
        // Before it has come to its data port, nobody knows where that is.
        let is_there = self.data_ssrc.is_some();
        let on_data = [self.ssrc, self.data_ssrc].map(|ssrc| ssrc.filter(|_| is_there).map(|ssrc| (data, ssrc)));
        on_control.into_iter().chain(on_data.into_iter().flatten())
    }
}

/// The participant with an identity that has come out of the roster itself.
impl Index<ParticipantId> for Roster {
    type Output = Participant;

    fn index(&self, id: ParticipantId) -> &Participant {
        &self.participants[&id]
    }
}
