//! Chapter Q: the sequencer, its song position and whether it runs (RFC 6295, B.3).
//!
//! ```text
//!  0                   1                   2
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |S|N|D|C|T| TOP |            CLOCK              |  then TIMETOOLS (24) if T = 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use crate::error::Result;
use crate::journal::octets::array;
use crate::journal::window::{S, Seq, Stamp, View};
use crate::midi::{System, U14};

/// The chapter as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chapter {
    s: S,
    state: State,
}

/// Where the sequencer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct State {
    /// N.
    running: bool,
    /// D: the position has been played.
    played: bool,
    /// In MIDI clocks, 24 a quarter note, mod 2^19.
    position: u32,
    /// The latest of Start and Continue was Continue; a chapter tells it at the start of the song only.
    continued: bool,
}

/// The state, and the packet that changed it last.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    state: State,
    at: Seq,
}

const N: u8 = 0x40;
const D: u8 = 0x20;
const C: u8 = 0x10;
const T: u8 = 0x08;

const POSITIONS: u32 = 1 << 19;
/// A sixteenth note, the unit of a Song Position Pointer.
const SIXTEENTH: u32 = 6;
/// Clocks that a receiver makes up for one by one: two bars in 4/4.
const MOST_CLOCKS: u32 = 192;

impl Chapter {
    pub(crate) fn decode(octets: &[u8]) -> Result<(Self, &[u8])> {
        let ([flags], mut rest) = array(octets)?;
        let mut position = u32::from(flags & 0x07) << 16;
        if flags & C == 0 {
            position = 0;
        } else {
            let ([high, low], behind) = array(rest)?;
            position |= u32::from(high) << 8 | u32::from(low);
            rest = behind;
        }
        if flags & T != 0 {
            let ([high, middle, low], behind) = array(rest)?;
            let time = u32::from_be_bytes([0, high, middle, low]);
            position = (position + clocks_in(time)) % POSITIONS;
            rest = behind;
        }
        let (running, played) = (flags & N != 0, flags & D != 0);
        let state =
            State { running, played, position, continued: running && !played && position == 0 && flags & C != 0 };
        Ok((Self { s: S::read(flags), state }, rest))
    }
}

#[cfg(test)]
impl Chapter {
    /// As the test data spells it, for positions of sixteen bits.
    pub(crate) fn describe(&self) -> String {
        let bit = u8::from;
        let State { running, played, position, .. } = self.state;
        let s = bit(self.s == S::Unchanged);
        format!(" | Q:S{s} N{} D{} C1 T0 TOP0 CLOCK{position}", bit(running), bit(played))
    }
}

/// TIMETOOLS are for sequencers that know no clocks, and so tell no tempo: it is 120 quarter notes a minute, as in a
/// Standard MIDI File that says nothing.
const fn clocks_in(milliseconds: u32) -> u32 {
    milliseconds * 6 / 125
}

impl State {
    fn after(self, system: &System<'_>) -> Self {
        match *system {
            System::Start => Self { running: true, ..Self::default() },
            System::Continue => Self { running: true, continued: true, ..self },
            System::Stop => Self { running: false, ..self },
            System::SongPosition(position) => {
                Self { position: SIXTEENTH * u32::from(position.get()), played: false, ..self }
            }
            System::Clock if self.running && self.played => Self { position: (self.position + 1) % POSITIONS, ..self },
            System::Clock if self.running => Self { played: true, ..self },
            _ => self,
        }
    }

    /// What matters to whoever follows.
    fn place(self) -> (bool, bool, u32) {
        (self.running, self.played, self.position)
    }

    /// Whether the start of the song must be coded as one that Continue begins (B.3).
    fn begins_by_continue(self) -> bool {
        self.running && !self.played && self.position == 0 && self.continued
    }

    /// Clocks since the start of the song.
    fn clocks(self) -> u32 {
        self.position + u32::from(self.played)
    }
}

impl History {
    pub(crate) fn observe(&mut self, system: &System<'_>, stamp: Stamp) {
        let state = self.state.after(system);
        let coded = |state: State| (state.place(), state.begins_by_continue());
        if coded(state) != coded(self.state) {
            self.at = stamp.packet;
        }
        self.state = state;
    }

    pub(crate) fn encode(&self, view: &View, out: &mut Vec<u8>) -> Option<S> {
        if self.at < view.since || self.at == Seq::NEVER {
            return None;
        }
        let (running, played, position) = self.state.place();
        let s = view.s(self.at);
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        let coded = position > 0 || self.state.begins_by_continue();
        out.push(s.bit() | bit(running, N) | bit(played, D) | bit(coded, C) | (position >> 16) as u8 & 0x07);
        if coded {
            out.extend([(position >> 8) as u8, position as u8]);
        }
        Some(s)
    }

    /// Appends the commands that bring a sequencer in this state to that of `theirs`.
    pub(crate) fn repair(&self, theirs: &Chapter, out: &mut Vec<System<'static>>) {
        let (ours, theirs) = (self.state, theirs.state);
        if ours.place() == theirs.place() {
            return;
        }
        let clocks = |count: u32| std::iter::repeat_n(System::Clock, count as usize);
        let missed = theirs.clocks().wrapping_sub(ours.clocks());
        if ours.running && theirs.running && theirs.played && (1..=MOST_CLOCKS).contains(&missed) {
            out.extend(clocks(missed));
            return;
        }
        if ours.running {
            out.push(System::Stop);
        }
        let here = (ours.position, ours.played) == (theirs.position, theirs.played);
        if theirs.running && theirs.position == 0 && !theirs.continued {
            out.push(System::Start);
            out.extend(clocks(theirs.clocks()));
            return;
        }
        if !here {
            out.push(System::SongPosition(U14::masked((theirs.position / SIXTEENTH) as u16)));
        }
        let clocked = if here || !theirs.played { 0 } else { theirs.position % SIXTEENTH + 1 };
        if theirs.running || clocked > 0 {
            out.push(System::Continue);
            out.extend(clocks(clocked));
        }
        if !theirs.running && clocked > 0 {
            out.push(System::Stop);
        }
    }

    /// Whether anything has been heard of it.
    pub(crate) fn is_known(&self) -> bool {
        self.at != Seq::NEVER
    }

    pub(crate) fn adopt(&mut self, theirs: &Chapter) {
        self.state = theirs.state;
    }

    #[cfg(test)]
    pub(crate) fn state(&self) -> (bool, bool, u32) {
        self.state.place()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::testing::VIEW;
    use proptest::prelude::*;

    fn position(value: u16) -> System<'static> {
        System::SongPosition(U14::masked(value))
    }

    fn history(commands: &[System<'_>]) -> History {
        let mut history = History::default();
        for system in commands {
            history.observe(system, Stamp { packet: VIEW.previous, time: 0 });
        }
        history
    }

    fn encode(commands: &[System<'_>]) -> Vec<u8> {
        let mut out = Vec::new();
        history(commands).encode(&VIEW, &mut out);
        out
    }

    use System::{Clock, Continue, Start, Stop};

    #[test]
    fn the_state_is_coded_as_in_the_text() {
        assert_eq!(encode(&[Start, Clock, Clock, Clock, Clock, Clock, Clock, Clock]), [0x70, 0x00, 0x06]);
        assert_eq!(encode(&[Start]), [0x40]);
        assert_eq!(encode(&[Start, Clock]), [0x60]);
        assert_eq!(encode(&[Start, Stop]), [0x00]);
        assert_eq!(encode(&[position(16)]), [0x10, 0x00, 96]);
        assert_eq!(encode(&[Start, Clock, Stop, position(0), Continue]), [0x50, 0x00, 0x00]);
        assert_eq!(encode(&[Start, Clock, position(0)]), [0x40], "the latest was Start");
        assert_eq!(encode(&[position(16383), Continue]), [0x51, 0x7F, 0xFA]);
    }

    #[test]
    fn clocks_of_a_stopped_sequencer_change_nothing() {
        assert_eq!(encode(&[Clock, Clock]), []);
    }

    #[test]
    fn time_tools_move_the_position_at_120_quarter_notes_a_minute() {
        let position = |octets: &[u8]| {
            let (chapter, rest) = Chapter::decode(octets).unwrap();
            (chapter.state.position, rest == [0xEE])
        };
        assert_eq!(position(&[0x48, 0x00, 0x03, 0xE8, 0xEE]), (48, true));
        assert_eq!(position(&[0x58, 0x00, 96, 0x00, 0x07, 0xD0, 0xEE]), (96 + 96, true));
        assert_eq!(
            position(&[0x5F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xEE]),
            ((POSITIONS - 1 + 805_306) % POSITIONS, true)
        );
        assert!(Chapter::decode(&[0x08, 1, 2]).is_err());
    }

    #[test]
    fn missed_clocks_are_made_up_for_one_by_one() {
        let ours = history(&[Start, Clock]);
        let mut octets = Vec::new();
        history(&[Start, Clock, Clock, Clock]).encode(&VIEW, &mut octets);
        let mut repairs = Vec::new();
        ours.repair(&Chapter::decode(&octets).unwrap().0, &mut repairs);
        assert_eq!(repairs, [Clock, Clock]);
    }

    fn any_system() -> impl Strategy<Value = System<'static>> {
        prop_oneof![
            8 => Just(Clock),
            1 => Just(Start),
            1 => Just(Continue),
            1 => Just(Stop),
            1 => (0..200_u16).prop_map(position),
        ]
    }

    proptest! {
        #[test]
        fn a_repaired_sequencer_is_where_the_sender_is(
            known in prop::collection::vec(any_system(), 0..30),
            lost in prop::collection::vec(any_system(), 1..30),
        ) {
            let mut ours = history(&known);
            let theirs = history(&[known.clone(), lost].concat());
            let mut octets = Vec::new();
            if theirs.encode(&VIEW, &mut octets).is_some() {
                let (chapter, rest) = Chapter::decode(&octets).unwrap();
                prop_assert!(rest.is_empty());
                let mut repairs = Vec::new();
                ours.repair(&chapter, &mut repairs);
                for system in &repairs {
                    ours.observe(system, Stamp { packet: VIEW.previous, time: 0 });
                }
            }
            prop_assert_eq!(ours.state(), theirs.state());
        }
    }
}
