//! The logs of Chapter C (A.3.2, A.3.3).

use crate::error::Result;
use crate::journal::octets::{array, take};
use crate::journal::window::S;
use crate::midi::U7;

/// The chapter as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chapter<'a> {
    pub(crate) s: S,
    /// H of the channel journal: several commands of a number may be coded (A.3.3).
    pub(crate) enhanced: bool,
    logs: &'a [u8],
}

/// The logs of one command: one, or several with different tools.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Group {
    pub(crate) s: S,
    pub(crate) controller: U7,
    /// The value tool's VALUE.
    pub(crate) value: Option<U7>,
    /// The toggle tool's ALT.
    pub(crate) toggle: Option<u8>,
    /// The count tool's ALT.
    pub(crate) count: Option<u8>,
}

impl<'a> Chapter<'a> {
    pub(crate) fn decode(octets: &'a [u8], enhanced: bool) -> Result<(Self, &'a [u8])> {
        let ([header], rest) = array(octets)?;
        let (logs, rest) = take(rest, 2 * (usize::from(header & 0x7F) + 1))?;
        Ok((Self { s: S::read(header), enhanced, logs }, rest))
    }

    /// The coded commands, oldest first. Neighbouring logs of one number describe one command; with enhanced coding a
    /// log that is out of the order count, value, toggle, or there twice, begins the next one.
    pub(crate) fn groups(&self) -> impl Iterator<Item = Group> + Clone + use<'a> {
        let (mut logs, enhanced) = (self.logs, self.enhanced);
        std::iter::from_fn(move || {
            let [first, ..] = *logs else { return None };
            let controller = U7::masked(first);
            let mut group = Group { s: S::Unchanged, controller, value: None, toggle: None, count: None };
            while let [number, tool, rest @ ..] = logs {
                let follows = match tool >> 6 {
                    0b00 | 0b01 => group.value.is_none() && group.toggle.is_none(),
                    0b10 => group.toggle.is_none(),
                    _ => group.len() == 0,
                };
                if U7::masked(*number) != controller || (enhanced && !follows) {
                    break;
                }
                group.s = group.s.and(S::read(*number));
                match tool >> 6 {
                    0b00 | 0b01 => group.value = Some(U7::masked(*tool)),
                    0b10 => group.toggle = Some(tool & 0x3F),
                    _ => group.count = Some(tool & 0x3F),
                }
                logs = rest;
            }
            Some(group)
        })
    }

    /// The place of a controller's latest command in the list, and its group.
    pub(crate) fn find(&self, controller: u8) -> Option<(usize, Group)> {
        self.groups().enumerate().filter(|(_, group)| group.controller.get() == controller).last()
    }
}

impl Group {
    /// How many logs the group takes.
    pub(super) const fn len(&self) -> usize {
        self.count.is_some() as usize + self.value.is_some() as usize + self.toggle.is_some() as usize
    }

    /// Appends the logs in the order count, value, toggle (A.3.3).
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let number = self.s.bit() | self.controller.get();
        if let Some(count) = self.count {
            out.extend([number, 0xC0 | count & 0x3F]);
        }
        if let Some(value) = self.value {
            out.extend([number, value.get()]);
        }
        if let Some(toggle) = self.toggle {
            out.extend([number, 0x80 | toggle & 0x3F]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_tools_read_as_in_figure_a_3() {
        let octets = [0x02, 0x07, 0x64, 0x40, 0x83, 0x7B, 0xC1];
        let (chapter, rest) = Chapter::decode(&octets, false).unwrap();
        assert!(rest.is_empty());
        let groups: Vec<_> = chapter.groups().map(|g| (g.controller.get(), g.value, g.toggle, g.count)).collect();
        let value = U7::new(100);
        assert_eq!(groups, [(7, value, None, None), (64, None, Some(3), None), (123, None, None, Some(1))]);
    }

    #[test]
    fn several_tools_of_a_number_are_one_command() {
        let group =
            Group { s: S::Changed, controller: U7::masked(64), value: U7::new(80), toggle: Some(5), count: None };
        let mut octets = vec![1];
        group.encode(&mut octets);
        assert_eq!(octets, [1, 64, 80, 64, 0x85]);
        let (chapter, _) = Chapter::decode(&octets, false).unwrap();
        assert_eq!(chapter.groups().collect::<Vec<_>>(), [group]);
    }

    #[test]
    fn with_enhanced_coding_a_tool_that_is_there_or_out_of_order_begins_the_next_command() {
        let octets = [0x07, 0x10, 0xC5, 0x10, 1, 0x10, 2, 7, 90, 0x10, 3, 0x10, 0x81, 0x10, 4, 0x10, 0xC9];
        let (chapter, _) = Chapter::decode(&octets, true).unwrap();
        let groups: Vec<_> =
            chapter.groups().map(|g| (g.controller.get(), g.count, g.value.map(U7::get), g.toggle)).collect();
        let expected = [
            (16, Some(5), Some(1), None),
            (16, None, Some(2), None),
            (7, None, Some(90), None),
            (16, None, Some(3), Some(1)),
            (16, None, Some(4), None),
            (16, Some(9), None, None),
        ];
        assert_eq!(groups, expected);
        let (chapter, _) = Chapter::decode(&octets, false).unwrap();
        assert_eq!(chapter.groups().count(), 3);
    }

    #[test]
    fn a_list_cut_short_is_an_error() {
        assert!(Chapter::decode(&[0x01, 7, 100, 10], false).is_err());
        assert!(Chapter::decode(&[], false).is_err());
    }
}
