//! The logs of Chapter C (A.3.2, A.3.3).

use crate::error::Result;
use crate::journal::octets::{array, take};
use crate::journal::window::S;
use crate::midi::U7;

/// The chapter as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chapter<'a> {
    pub(crate) s: S,
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
    pub(crate) fn decode(octets: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let ([header], rest) = array(octets)?;
        let (logs, rest) = take(rest, 2 * (usize::from(header & 0x7F) + 1))?;
        Ok((Self { s: S::read(header), logs }, rest))
    }

    /// The coded commands, oldest first. Neighbouring logs of one number describe one command.
    pub(crate) fn groups(&self) -> impl Iterator<Item = Group> + Clone + use<'a> {
        let mut logs = self.logs;
        std::iter::from_fn(move || {
            let [first, ..] = *logs else { return None };
            let controller = U7::masked(first);
            let mut group = Group { s: S::Unchanged, controller, value: None, toggle: None, count: None };
            while let [number, tool, rest @ ..] = logs {
                if U7::masked(*number) != controller {
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

    /// The place of a controller in the list, and its group.
    pub(crate) fn find(&self, controller: u8) -> Option<(usize, Group)> {
        self.groups().enumerate().find(|(_, group)| group.controller.get() == controller)
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
        let (chapter, rest) = Chapter::decode(&octets).unwrap();
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
        let (chapter, _) = Chapter::decode(&octets).unwrap();
        assert_eq!(chapter.groups().collect::<Vec<_>>(), [group]);
    }

    #[test]
    fn a_list_cut_short_is_an_error() {
        assert!(Chapter::decode(&[0x01, 7, 100, 10]).is_err());
        assert!(Chapter::decode(&[]).is_err());
    }
}
