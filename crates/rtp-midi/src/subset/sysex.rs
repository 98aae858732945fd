//! System Exclusives by length and class, whole or as far as their segments have come (RFC 6295, C.1, letter X).

use super::Verdict;
use crate::config::Commands;
use crate::midi::{Part, Segment};

/// How far the command under way has come.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    now: State,
    /// What becomes of it with the segment that was asked about last.
    next: State,
    /// How many of the first octets tell all classes, and Reset State commands, apart.
    most: usize,
    /// Whether a command may be called off that turns out to be excluded.
    cancels: bool,
    /// Whether the next command is known as a whole, and may come.
    admitted: bool,
}

#[derive(Clone, Debug, Default)]
struct State {
    fate: Fate,
    head: Vec<u8>,
    length: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Fate {
    /// No command is under way.
    #[default]
    Closed,
    /// Its segments come through, since more of them are needed to tell whether they may.
    Open,
    /// It may come, whatever follows.
    Settled,
    /// It is kept out.
    Out,
}

/// The data octets of the longest Reset State command.
const RESET_STATE: usize = 4;

impl Progress {
    pub(super) fn new(class_octets: usize, cancels: bool) -> Self {
        // One more than these four, lest a longer command look like one of them.
        let most = class_octets.max(RESET_STATE + 1);
        Self { now: State::default(), next: State::default(), most, cancels, admitted: false }
    }

    pub(super) fn judge(&mut self, commands: &Commands, segment: &Segment<'_>) -> Verdict {
        let begins = matches!(segment.part, Part::Whole(_) | Part::First);
        let before = if begins { Fate::Closed } else { self.now.fate };
        self.next.head.clear();
        self.next.length = 0;
        if !begins {
            self.next.head.extend_from_slice(&self.now.head);
            self.next.length = self.now.length;
        }
        self.next.extend(segment.data, self.most);
        let complete = matches!(segment.part, Part::Whole(_) | Part::Last(_));
        let admitted = begins && self.admitted;
        let allowed = match before {
            Fate::Out => Some(false),
            Fate::Settled => Some(true),
            _ if admitted => Some(true),
            // Of a command whose beginning is not known, only what is true of all tells.
            Fate::Closed if !begins => Some(commands.has_sysex(&[], false) == Some(true)),
            Fate::Closed | Fate::Open => commands.sysex_of(&self.next.head, self.next.length, complete),
        };
        let (verdict, fate) = match (segment.part, before, allowed) {
            (Part::Cancel, Fate::Out, _) => (Verdict::Out, Fate::Closed),
            (Part::Cancel, ..) if !self.cancels => (Verdict::Out, Fate::Closed),
            (Part::Cancel, Fate::Closed, Some(false)) => (Verdict::Out, Fate::Closed),
            (Part::Cancel, ..) => (Verdict::In, Fate::Closed),
            (_, Fate::Open, Some(false)) => (Verdict::Cancel, Fate::Out),
            (_, _, Some(false)) => (Verdict::Out, Fate::Out),
            (_, _, Some(true)) => (Verdict::In, Fate::Settled),
            (_, _, None) if self.cancels => (Verdict::In, Fate::Open),
            // What could not be called off is not begun.
            (_, _, None) => (Verdict::Out, Fate::Out),
        };
        self.next.fate = if complete { Fate::Closed } else { fate };
        verdict
    }

    /// Takes note of a segment; gives the first octets of a command that it completes.
    pub(super) fn observe(&mut self, segment: &Segment<'_>) -> Option<&[u8]> {
        std::mem::swap(&mut self.now, &mut self.next);
        self.admitted = false;
        matches!(segment.part, Part::Whole(_) | Part::Last(_)).then_some(&self.now.head)
    }

    /// Whether a whole command may come; if so, its segments pass.
    pub(super) fn admits(&mut self, commands: &Commands, whole: &Segment<'_>) -> bool {
        self.admitted = commands.has_sysex(whole.data, true) == Some(true);
        self.admitted
    }
}

impl State {
    fn extend(&mut self, data: &[u8], most: usize) {
        let room = most.saturating_sub(self.head.len()).min(data.len());
        self.head.extend_from_slice(&data[..room]);
        self.length += data.len();
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Cancel, In, Out};
    use super::*;
    use crate::config::{Class, Letters, Numbers, Selection};
    use crate::midi::{Command, System};

    fn x(channels: &[u32], most: Option<u32>) -> Selection {
        let channels = Numbers::new(channels.iter().map(|digit| *digit..=*digit));
        Selection::Types { channels, letters: Letters::of("X"), fields: Numbers::new(most.map(|most| 0..=most)) }
    }

    fn only(selections: &[Selection]) -> Commands {
        let mut commands = Commands::default();
        commands.forbid(&x(&[], None));
        for selection in selections {
            commands.allow(selection);
        }
        commands
    }

    fn verdicts(commands: &Commands, segments: &[&[u8]]) -> Vec<Verdict> {
        let mut progress = Progress::new(commands.class_octets(), commands.cancels());
        let verdicts = segments.iter().map(|octets| {
            let Ok((Command::System(System::SysEx(segment)), _)) = Command::decode(octets) else {
                panic!("no segment")
            };
            let verdict = progress.judge(commands, &segment);
            assert_eq!(progress.judge(commands, &segment), verdict);
            progress.observe(&segment);
            verdict
        });
        verdicts.collect()
    }

    #[test]
    fn an_excluded_class_is_held_back_from_the_octet_on_that_tells() {
        let commands = only(&[Selection::SysEx(Class::new([1 << 0x7E, u128::MAX, 1 << 9]))]);
        assert_eq!(verdicts(&commands, &[&[0xF0, 0x43, 0xF0], &[0xF7, 1, 0xF0], &[0xF7, 0xF7]]), [Out, Out, Out]);
        assert_eq!(verdicts(&commands, &[&[0xF0, 0x7E, 0xF0], &[0xF7, 1, 9, 0xF0], &[0xF7, 1, 0xF7]]), [In, In, In]);
        assert_eq!(
            verdicts(&commands, &[&[0xF0, 0x7E, 0xF0], &[0xF7, 1, 8, 0xF0], &[0xF7, 1, 0xF0], &[0xF7, 0xF7]]),
            [In, Cancel, Out, Out]
        );
        assert_eq!(verdicts(&commands, &[&[0xF0, 0x7E, 1, 9, 1, 0xF7], &[0xF0, 0x7E, 1, 0xF7]]), [In, Out]);
    }

    #[test]
    fn what_grows_too_long_is_called_off_at_once() {
        let commands = only(&[x(&[], Some(3))]);
        assert_eq!(verdicts(&commands, &[&[0xF0, 1, 2, 0xF0], &[0xF7, 3, 0xF7]]), [In, In]);
        assert_eq!(
            verdicts(&commands, &[&[0xF0, 1, 2, 0xF0], &[0xF7, 3, 4, 0xF0], &[0xF7, 5, 0xF7], &[0xF0, 1, 0xF7]]),
            [In, Cancel, Out, In]
        );
        assert_eq!(verdicts(&commands, &[&[0xF0, 1, 2, 0xF0], &[0xF7, 3, 4, 0xF5]]), [In, Cancel]);
    }

    #[test]
    fn without_cancels_nothing_is_begun_that_may_have_to_end() {
        let commands = only(&[x(&[0], Some(3))]);
        assert_eq!(verdicts(&commands, &[&[0xF0, 1, 0xF0], &[0xF7, 2, 0xF7], &[0xF0, 1, 2, 0xF7]]), [Out, Out, In]);
        let mut all = Commands::default();
        all.allow(&x(&[0], None));
        assert_eq!(verdicts(&all, &[&[0xF0, 1, 0xF0], &[0xF7, 0xF4]]), [In, Out]);
    }

    #[test]
    fn a_command_that_is_known_as_a_whole_goes_out_in_segments() {
        let commands = only(&[x(&[0], Some(3))]);
        let mut progress = Progress::new(commands.class_octets(), false);
        let whole = |data| Segment { part: Part::Whole(crate::midi::End::Eox), data };
        assert!(!progress.admits(&commands, &whole(&[1, 2, 3, 4])));
        assert!(progress.admits(&commands, &whole(&[1, 2, 3])));
        for segment in whole(&[1, 2, 3]).split(1) {
            assert_eq!(progress.judge(&commands, &segment), In);
            progress.observe(&segment);
        }
        assert_eq!(progress.judge(&commands, &Segment { part: Part::First, data: &[1] }), Out);
    }

    #[test]
    fn a_command_that_is_called_off_is_over() {
        let commands = only(&[x(&[], Some(3))]);
        let cancelled: [&[u8]; 4] = [&[0xF0, 1, 2, 0xF0], &[0xF7, 0xF4], &[0xF0, 1, 2, 3, 0xF0], &[0xF7, 0xF7]];
        assert_eq!(verdicts(&commands, &cancelled), [In, In, In, In]);
        assert_eq!(verdicts(&commands, &[&[0xF0, 1, 2, 3, 4, 0xF0], &[0xF7, 0xF4], &[0xF7, 0xF4]]), [Out, Out, Out]);
    }
}
