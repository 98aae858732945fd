//! Which chapters the journal has, and from when on: `ch_never`, `ch_default` and `ch_anchor` (RFC 6295, C.2.3).

use super::selection::{Class, Letters, Numbers, Selection};
use crate::midi::{Channel, U7};

/// Under which rule a chapter, or a part of one, stands in the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Inclusion {
    /// `ch_never`: it does not.
    Never,
    /// `ch_default`: as the sending policy has it.
    #[default]
    Default,
    /// `ch_anchor`: all of it since the first packet, whatever the policy.
    Anchor,
}

impl Inclusion {
    /// The rule for what two rules speak of: one that is left out by either is left out.
    pub(crate) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::Anchor, _) | (_, Self::Anchor) => Self::Anchor,
            _ => Self::Default,
        }
    }

    /// A fact as far as journals tell it.
    #[cfg(test)]
    pub(crate) fn codes<T>(self, fact: Option<T>) -> Option<T> {
        fact.filter(|_| self != Self::Never)
    }
}

/// The rules for every chapter. Assignments are applied in their order: a later one takes back what it overlaps.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Chapters {
    channels: Box<[ChannelChapters; 16]>,
    pub(crate) system: SystemChapters,
    assignments: Vec<(Inclusion, Selection)>,
}

/// The chapters of one channel.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct ChannelChapters {
    pub(crate) program: Inclusion,
    pub(crate) control: Split,
    /// Controllers with enhanced coding (A.3.3), one bit a number.
    pub(crate) enhanced: u128,
    pub(crate) parameter: Parameters,
    pub(crate) wheel: Inclusion,
    pub(crate) note: Split,
    /// Chapter E, logs with V = 0.
    pub(crate) counts: Inclusion,
    /// Chapter E, logs with V = 1.
    pub(crate) releases: Inclusion,
    pub(crate) channel_aftertouch: Inclusion,
    pub(crate) poly_aftertouch: Split,
}

/// The system chapters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct SystemChapters {
    pub(crate) reset: Inclusion,
    pub(crate) tune_request: Inclusion,
    pub(crate) song: Inclusion,
    /// F4 and F5: the VALUE and the COUNT of each.
    pub(crate) common: [Fields; 2],
    /// F9 and FD.
    pub(crate) real_time: [Inclusion; 2],
    pub(crate) active_sense: Inclusion,
    pub(crate) sequencer: Inclusion,
    pub(crate) time_code: Inclusion,
    pub(crate) sysex: SysEx,
}

/// The two fields of a log of F4 or F5.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Fields {
    pub(crate) value: Inclusion,
    pub(crate) count: Inclusion,
}

/// Rules for 128 controllers or notes; one bit a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Split {
    pub(crate) never: u128,
    pub(crate) anchor: u128,
}

/// Rules for parameters: RPN 0 to 16383, NRPN from 16384 on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Parameters {
    rules: Vec<(Numbers, Inclusion)>,
    /// Those whose transactions are counted.
    counted: Option<Numbers>,
}

/// Rules for System Exclusives.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct SysEx(Vec<(Which, Inclusion)>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Which {
    Lengths(Numbers),
    Class(Class),
}

impl Chapters {
    /// Applies an assignment to `ch_never`, `ch_default` or `ch_anchor`.
    pub fn assign(&mut self, inclusion: Inclusion, selection: &Selection) {
        self.assignments.push((inclusion, selection.clone()));
        match selection {
            Selection::SysEx(class) => self.system.sysex.0.push((Which::Class(class.clone()), inclusion)),
            Selection::Types { channels, letters, fields } => {
                for channel in channels.channels() {
                    self.channels[channel].assign(inclusion, *letters, fields);
                }
                self.system.assign(inclusion, channels, *letters, fields);
            }
        }
    }

    /// The assignments so far, in their order.
    pub fn assignments(&self) -> &[(Inclusion, Selection)] {
        &self.assignments
    }

    /// Whether a controller's coding is enhanced on any channel (the H bit of the journal header).
    pub fn is_enhanced(&self) -> bool {
        self.channels.iter().any(|channel| channel.enhanced != 0)
    }

    /// Has the transactions of these parameters counted on all channels (A.4.2.2).
    pub(crate) fn count_parameters(&mut self, counted: Option<&Numbers>) {
        for channel in &mut *self.channels {
            channel.parameter.counted = counted.cloned();
        }
    }

    pub(crate) fn channel(&self, channel: Channel) -> &ChannelChapters {
        &self.channels[usize::from(channel)]
    }
}

impl ChannelChapters {
    fn assign(&mut self, inclusion: Inclusion, letters: Letters, fields: &Numbers) {
        let has = |letter| letters.contains(letter);
        for (letter, chapter) in
            [(b'P', &mut self.program), (b'W', &mut self.wheel), (b'T', &mut self.channel_aftertouch)]
        {
            if has(letter) {
                *chapter = inclusion;
            }
        }
        if has(b'E') {
            for (digit, logs) in [&mut self.counts, &mut self.releases].into_iter().enumerate() {
                if fields.contains(digit as u32) {
                    *logs = inclusion;
                }
            }
        }
        if has(b'C') {
            let normal = fields.mask(0);
            let enhanced = if fields.is_all() { 0 } else { fields.mask(128) };
            self.control.assign(inclusion, normal | enhanced);
            // What is never coded is coded in no way.
            let coded = if inclusion == Inclusion::Never { 0 } else { enhanced };
            self.enhanced = (self.enhanced & !(normal | enhanced)) | coded;
        }
        if has(b'M') {
            self.parameter.rules.push((fields.clone(), inclusion));
        }
        for (letter, split) in [(b'N', &mut self.note), (b'A', &mut self.poly_aftertouch)] {
            if has(letter) {
                split.assign(inclusion, fields.mask(0));
            }
        }
    }

    /// Whether Chapter E is as the sending policy has it.
    pub(crate) fn codes_extras_by_default(&self) -> bool {
        self.counts == Inclusion::Default && self.releases == Inclusion::Default && self.note.is_default()
    }

    /// Whether Chapter P may speak for the CC 0 and 32 of Chapter C: both tell of the same packets.
    pub(crate) const fn leaves_bank_select(&self) -> bool {
        const BANK_SELECT: u128 = 1 << 32 | 1;
        let rules = match self.program {
            Inclusion::Never => return false,
            Inclusion::Default => self.control.never | self.control.anchor,
            Inclusion::Anchor => !self.control.anchor,
        };
        (rules | self.enhanced) & BANK_SELECT == 0
    }

    /// Whether something is coded whatever the policy.
    pub(crate) fn anchors(&self) -> bool {
        let whole = [self.program, self.wheel, self.counts, self.releases, self.channel_aftertouch];
        whole.contains(&Inclusion::Anchor)
            || self.control.anchor | self.note.anchor | self.poly_aftertouch.anchor != 0
            || self.parameter.rules.iter().any(|(_, inclusion)| *inclusion == Inclusion::Anchor)
    }
}

impl ChannelChapters {
    /// The same, with nothing coded whatever the policy.
    pub(crate) fn without_anchors(&self) -> Self {
        let mut chapters = self.clone();
        let whole = [
            &mut chapters.program,
            &mut chapters.wheel,
            &mut chapters.counts,
            &mut chapters.releases,
            &mut chapters.channel_aftertouch,
        ];
        let parameters = chapters.parameter.rules.iter_mut().map(|(_, inclusion)| inclusion);
        for inclusion in whole.into_iter().chain(parameters).filter(|inclusion| **inclusion == Inclusion::Anchor) {
            *inclusion = Inclusion::Default;
        }
        for split in [&mut chapters.control, &mut chapters.note, &mut chapters.poly_aftertouch] {
            split.anchor = 0;
        }
        chapters
    }
}

impl SystemChapters {
    /// Whether something is coded whatever the policy.
    pub(crate) fn anchors(&self) -> bool {
        let whole = [self.reset, self.tune_request, self.song, self.active_sense, self.sequencer, self.time_code];
        let common = self.common.iter().flat_map(|fields| [fields.value, fields.count]);
        whole.into_iter().chain(common).chain(self.real_time).any(|chapter| chapter == Inclusion::Anchor)
            || self.sysex.anchors()
    }

    fn assign(&mut self, inclusion: Inclusion, digits: &Numbers, letters: Letters, fields: &Numbers) {
        let simple = [
            (b'B', &mut self.reset),
            (b'G', &mut self.tune_request),
            (b'H', &mut self.song),
            (b'V', &mut self.active_sense),
            (b'F', &mut self.time_code),
        ];
        for (letter, chapter) in simple {
            // D stands for all that is in Chapter D.
            if letters.contains(letter) || (letters.contains(b'D') && matches!(letter, b'B' | b'G' | b'H')) {
                *chapter = inclusion;
            }
        }
        let has = |letter| letters.contains(letter) || letters.contains(b'D');
        for (letter, log) in [b'J', b'K'].into_iter().zip(&mut self.common) {
            for (digit, field) in [(1, &mut log.value), (2, &mut log.count)] {
                if has(letter) && digits.contains(digit) {
                    *field = inclusion;
                }
            }
        }
        for (letter, log) in [b'Y', b'Z'].into_iter().zip(&mut self.real_time) {
            if has(letter) && digits.contains(1) {
                *log = inclusion;
            }
        }
        // The digit 1 speaks of the TIME field, which is never sent.
        if letters.contains(b'Q') && digits.contains(0) {
            self.sequencer = inclusion;
        }
        if letters.contains(b'X') {
            self.sysex.0.push((Which::Lengths(fields.clone()), inclusion));
        }
    }
}

impl Split {
    fn assign(&mut self, inclusion: Inclusion, numbers: u128) {
        (self.never, self.anchor) = (self.never & !numbers, self.anchor & !numbers);
        match inclusion {
            Inclusion::Never => self.never |= numbers,
            Inclusion::Default => {}
            Inclusion::Anchor => self.anchor |= numbers,
        }
    }

    /// The rule for one controller or note.
    pub(crate) const fn of(&self, number: U7) -> Inclusion {
        let bit = 1 << number.get();
        match (self.never & bit != 0, self.anchor & bit != 0) {
            (true, _) => Inclusion::Never,
            (_, true) => Inclusion::Anchor,
            _ => Inclusion::Default,
        }
    }

    /// Whether no number has a rule of its own.
    pub(crate) const fn is_default(&self) -> bool {
        self.never | self.anchor == 0
    }
}

impl Parameters {
    /// The rule for one parameter.
    pub(crate) fn of(&self, number: u16) -> Inclusion {
        let rule = self.rules.iter().rev().find(|(numbers, _)| numbers.contains(u32::from(number)));
        rule.map_or(Inclusion::Default, |(_, inclusion)| *inclusion)
    }

    /// Whether the transactions of a parameter are counted (A.4.2.2).
    pub(crate) fn counts(&self, number: u16) -> bool {
        self.counted.as_ref().is_some_and(|counted| counted.contains(u32::from(number)))
    }

    /// Whether no parameter has a rule of its own.
    pub(crate) const fn is_default(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether no parameter may be coded.
    pub(crate) fn is_never(&self) -> bool {
        let mut latest = self.rules.iter().rev();
        latest
            .find(|(numbers, inclusion)| numbers.is_all() || *inclusion != Inclusion::Never)
            .is_some_and(|(_, inclusion)| *inclusion == Inclusion::Never)
    }
}

impl SysEx {
    /// The rule for a command of `length` data octets, of which `data` are the first, as far as it has come.
    pub(crate) fn of(&self, length: usize, data: &[u8]) -> Inclusion {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let fits = |which: &Which| match which {
            Which::Lengths(lengths) => lengths.contains(length),
            Which::Class(class) => class.has(data) == Some(true),
        };
        let rule = self.0.iter().rev().find(|(which, _)| fits(which));
        rule.map_or(Inclusion::Default, |(_, inclusion)| *inclusion)
    }

    /// Whether some commands are coded whatever the policy.
    pub(crate) fn anchors(&self) -> bool {
        self.0.iter().any(|(_, inclusion)| *inclusion == Inclusion::Anchor)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{all, types};
    use super::*;
    use Inclusion::{Anchor, Default, Never};

    fn only(number: u32) -> Numbers {
        Numbers::new([number..=number])
    }

    fn channel(chapters: &Chapters, number: u8) -> &ChannelChapters {
        chapters.channel(Channel::masked(number))
    }

    #[test]
    fn a_later_assignment_takes_back_what_it_overlaps() {
        let mut chapters = Chapters::default();
        chapters.assign(Never, &all("CW"));
        chapters.assign(Anchor, &types(Numbers::default(), "C", Numbers::new([7..=7, 64..=64])));
        chapters.assign(Default, &types(only(3), "W", Numbers::default()));
        let control = |number| channel(&chapters, 0).control.of(U7::masked(number));
        assert_eq!([control(7), control(8), control(64)], [Anchor, Never, Anchor]);
        assert_eq!((channel(&chapters, 0).wheel, channel(&chapters, 3).wheel), (Never, Default));
        assert!(channel(&chapters, 3).anchors() && !Chapters::default().channels[0].anchors());
    }

    #[test]
    fn controllers_from_128_on_are_enhanced() {
        let mut chapters = Chapters::default();
        chapters.assign(Default, &types(only(3), "C", only(135)));
        assert_eq!((channel(&chapters, 3).enhanced, channel(&chapters, 2).enhanced), (1 << 7, 0));
        assert!(chapters.is_enhanced());
        chapters.assign(Default, &types(only(3), "C", only(7)));
        assert!(!chapters.is_enhanced());
        chapters.assign(Anchor, &all("C"));
        assert!(!chapters.is_enhanced() && channel(&chapters, 3).control.anchor == u128::MAX);
        chapters.assign(Never, &types(only(3), "C", only(135)));
        assert!(!chapters.is_enhanced() && channel(&chapters, 3).control.never == 1 << 7);
    }

    #[test]
    fn chapter_e_has_two_kinds_of_logs() {
        let mut chapters = Chapters::default();
        chapters.assign(Never, &types(Numbers::default(), "E", only(1)));
        assert_eq!((channel(&chapters, 5).counts, channel(&chapters, 5).releases), (Default, Never));
    }

    #[test]
    fn parameters_and_system_exclusives_go_by_their_latest_rule() {
        let mut chapters = Chapters::default();
        chapters.assign(Never, &all("MX"));
        chapters.assign(Anchor, &types(Numbers::default(), "M", Numbers::new([0..=2])));
        chapters.assign(Default, &types(Numbers::default(), "X", Numbers::new([0..=255])));
        chapters.assign(Anchor, &Selection::SysEx(Class::new([1 << 0x7E])));
        let parameter = |number| channel(&chapters, 0).parameter.of(number);
        assert_eq!([parameter(2), parameter(3)], [Anchor, Never]);
        let sysex = &chapters.system.sysex;
        assert_eq!([sysex.of(256, &[1]), sysex.of(255, &[1]), sysex.of(2, &[0x7E, 1])], [Never, Default, Anchor]);
        assert!(sysex.anchors());
    }

    #[test]
    fn d_stands_for_all_of_chapter_d_and_digits_for_its_fields() {
        let mut chapters = Chapters::default();
        chapters.assign(Never, &all("D"));
        let system = &chapters.system;
        assert_eq!(
            (system.reset, system.song, system.common[1].count, system.real_time[0]),
            (Never, Never, Never, Never)
        );
        assert_eq!((system.active_sense, system.time_code), (Default, Default));
        chapters.assign(Default, &types(only(1), "K", Numbers::default()));
        assert_eq!((chapters.system.common[1].value, chapters.system.common[1].count), (Default, Never));
        chapters.assign(Never, &types(only(1), "Q", Numbers::default()));
        assert_eq!(chapters.system.sequencer, Default);
    }
}
