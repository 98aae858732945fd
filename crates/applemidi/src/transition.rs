//! What a participant's state becomes when something happens: the whole table.
//!
//! ```text
//!     Invite                                     IN (somebody must decide)
//!       │                                          │
//!       ▼                  OK                      ▼
//!  InvitingControl ───────────────┐              Asked
//!       │                         │                │ admitted        IN (admitted at once)
//!       │ refused, exhausted      ▼                ▼                   │
//!       │                   InvitingData        HalfOpen ◀─────────────┘
//!       │                         │                │
//!       │                         │ OK on the      │ IN on the        IN, other token
//!       │                         │ data port      │ data port      ┌───────────────┐
//!       │                         ▼                ▼                │               │
//!       │                         └────▶ Open ◀────┘ ◀──────────────┘ (to HalfOpen) ┘
//!       │                                  │
//!       ▼                                  ▼ BY, NO, expiry, departure
//!     Closed ◀─────────────────────────────┘ (and from every other state)
//! ```
//!
//! `docs/applemidi.md` has the table in words, and a test holds the two together.

use std::fmt;

/// How far a participant has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum State {
    /// We have sent `IN` to its control port.
    InvitingControl,
    /// It has accepted there; we have sent `IN` to its data port.
    InvitingData,
    /// It has invited us, and somebody has to decide.
    Asked,
    /// We have accepted on the control port; it has not come to the data port.
    HalfOpen,
    /// Music may pass.
    Open,
    /// It takes part no more.
    Closed,
}

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Event {
    /// `IN` on the control port.
    ControlInvitation,
    /// `IN` on the data port.
    DataInvitation,
    /// `IN` on the control port with another token: the peer has started anew.
    Reinvitation,
    /// `OK` on the control port.
    ControlAcceptance,
    /// `OK` on the control port from another source than before: the peer has started anew, and answers a question
    /// whether it is still there.
    Reacceptance,
    /// `OK` on the data port.
    DataAcceptance,
    /// `NO` on either.
    Refusal,
    /// `BY` on either.
    Goodbye,
    /// Somebody has decided for it.
    Admission,
    /// Somebody has decided against it.
    Rejection,
    /// An invitation has waited for its answer for long enough.
    Retry,
    /// That was the last one.
    Exhaustion,
    /// It has taken too long, or not been heard for too long.
    Expiry,
    /// We leave.
    Departure,
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Send `IN` to the control port.
    InviteControl,
    /// Send `IN` to the data port.
    InviteData,
    /// Send `OK` on the control port.
    AcceptControl,
    /// Send `OK` on the data port.
    AcceptData,
    /// Send `NO`.
    Refuse,
    /// Send `BY`.
    SayGoodbye,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::InvitingControl, Self::InvitingData, Self::Asked, Self::HalfOpen, Self::Open, Self::Closed];

    /// The state behind `event`, and what is to be done.
    pub const fn on(self, event: Event) -> (Self, Action) {
        use Action::{AcceptControl, AcceptData, InviteControl, InviteData, Nothing, Refuse, SayGoodbye};
        use State::{Asked, Closed, HalfOpen, InvitingControl, InvitingData, Open};
        match (self, event) {
            (Closed, _) => (Closed, Nothing),

            // We invite. Whoever is missed is asked again, and may have forgotten us.
            (InvitingControl, Event::Retry) => (InvitingControl, InviteControl),
            (InvitingControl, Event::ControlAcceptance) => (InvitingData, InviteData),
            (Open, Event::ControlAcceptance) => (Open, InviteData),
            (Open, Event::Reacceptance) => (InvitingData, InviteData),
            (InvitingData, Event::Retry) => (InvitingData, InviteData),
            (InvitingData, Event::DataAcceptance) => (Open, Nothing),
            (InvitingControl | InvitingData, Event::Exhaustion) => (Closed, SayGoodbye),

            // We are invited. Whoever asks again has not had our answer, or is still to wait for it.
            (Asked, Event::Admission) => (HalfOpen, AcceptControl),
            (Asked, Event::Rejection) => (Closed, Refuse),
            (HalfOpen | Open, Event::ControlInvitation) => (self, AcceptControl),
            (HalfOpen | Open, Event::DataInvitation) => (Open, AcceptData),
            (HalfOpen | Open, Event::Reinvitation) => (HalfOpen, AcceptControl),

            // The end.
            (InvitingControl | InvitingData | Open, Event::Refusal) => (Closed, Nothing),
            (_, Event::Goodbye) => (Closed, Nothing),
            // Who has not come to the data port may never have been there.
            (Asked | HalfOpen, Event::Expiry) => (Closed, Nothing),
            (Open, Event::Expiry) => (Closed, SayGoodbye),
            (Asked, Event::Departure) => (Closed, Refuse),
            (InvitingControl | InvitingData | HalfOpen | Open, Event::Departure) => (Closed, SayGoodbye),

            // What has been overtaken, comes twice, or is somebody else's.
            (state, _) => (state, Nothing),
        }
    }
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::ControlInvitation,
        Self::DataInvitation,
        Self::Reinvitation,
        Self::ControlAcceptance,
        Self::Reacceptance,
        Self::DataAcceptance,
        Self::Refusal,
        Self::Goodbye,
        Self::Admission,
        Self::Rejection,
        Self::Retry,
        Self::Exhaustion,
        Self::Expiry,
        Self::Departure,
    ];
}

/// The name in the table.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The name in the table.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row for each event: the state behind it and what is done, for each state; `.` where nothing changes.
    fn table() -> String {
        let cell = |state: State, event| match state.on(event) {
            (next, Action::Nothing) if next == state => ".".to_owned(),
            (next, Action::Nothing) => next.to_string(),
            (next, action) if next == state => format!("{action:?}"),
            (next, action) => format!("{next}, {action:?}"),
        };
        let row = |event: Event| {
            let cells = State::ALL.map(|state| cell(state, event));
            format!("| {event} | {} |\n", cells.join(" | "))
        };
        let head = State::ALL.map(|state| state.to_string()).join(" | ");
        format!("| | {head} |\n|---|---|---|---|---|---|---|\n{}", Event::ALL.map(row).concat())
    }

    /// One line for each two states between which there is a way, with the events that lead there.
    fn graph() -> String {
        let pairs = State::ALL.into_iter().flat_map(|from| State::ALL.map(|to| (from, to)));
        let line = |(from, to): (State, State)| {
            let leads = |event: &Event| from != to && from.on(*event).0 == to;
            let events: Vec<_> = Event::ALL.into_iter().filter(leads).map(|event| event.to_string()).collect();
            (!events.is_empty()).then(|| format!("    {from} --> {to}: {}\n", events.join(", ")))
        };
        pairs.filter_map(line).collect()
    }

    #[test]
    fn the_page_has_the_graph_and_the_table_as_they_are() {
        let page = include_str!("../../../docs/applemidi.md");
        for part in [graph(), table()] {
            assert!(page.contains(&part), "docs/applemidi.md lacks this:\n{part}");
        }
    }

    #[test]
    fn music_passes_only_when_both_ports_have_been_agreed_on() {
        for (state, event) in State::ALL.into_iter().flat_map(|state| Event::ALL.map(|event| (state, event))) {
            let (next, _) = state.on(event);
            if next == State::Open && state != State::Open {
                let way = (state, event);
                assert!(
                    way == (State::InvitingData, Event::DataAcceptance)
                        || way == (State::HalfOpen, Event::DataInvitation),
                    "{state} {event}"
                );
            }
        }
    }

    #[test]
    fn who_has_left_stays_away() {
        for event in Event::ALL {
            assert_eq!(State::Closed.on(event), (State::Closed, Action::Nothing), "{event}");
        }
    }

    #[test]
    fn every_state_ends_when_we_leave() {
        for state in State::ALL {
            assert_eq!(state.on(Event::Departure).0, State::Closed, "{state}");
        }
    }
}
