//! What an inspection is made of: fields with a name, a value, a place, and fields inside.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// One field of a payload, or a group of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field<'a> {
    /// The display-filter name that Wireshark has for it, such as `rtpmidi.cj_chapter_p_program`. What Wireshark has no
    /// name for, groups above all, is named in the same manner; see the [module's list](super#names).
    pub name: &'static str,
    /// Wireshark's label, or words for a group.
    pub label: Cow<'static, str>,
    /// What the octets say.
    pub value: Value<'a>,
    /// The octets of the payload that hold it. A flag has those of the word it is a bit of.
    pub octets: Range<usize>,
    /// What is inside, in the order of the octets.
    pub children: Vec<Field<'a>>,
}

/// The value of a [`Field`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A group has no value of its own.
    Group,
    /// A bit.
    Flag(bool),
    /// A number of up to 32 bits.
    Number {
        /// The number.
        value: u32,
        /// How it is best shown.
        form: Form,
    },
    /// Octets as they stand in the payload.
    Octets(&'a [u8]),
}

/// How a number is best shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Form {
    /// `100`
    Decimal,
    /// `2 (1)`: a count of which the octets hold one less.
    OneMore,
    /// `0x64`, with two digits for each octet.
    Hexadecimal {
        /// How many digits.
        digits: u8,
    },
    /// `C4 (60)`
    Note,
    /// `Channel 1 (0x0)`
    Channel,
    /// `Note On (0x9)`: a status octet, or its upper half.
    Status,
    /// `0x0d (52 53 55)`: one bit a note, the most significant one for the first.
    Released {
        /// The note of the most significant bit.
        first: u8,
    },
}

impl Field<'_> {
    /// This field and all inside it with their depths, each before what is inside it.
    pub fn walk(&self) -> impl Iterator<Item = (usize, &Self)> {
        let mut ahead = vec![(0, self)];
        std::iter::from_fn(move || {
            let (depth, field) = ahead.pop()?;
            ahead.extend(field.children.iter().rev().map(|child| (depth + 1, child)));
            Some((depth, field))
        })
    }

    /// This field or the first inside it that has this name.
    pub fn find(&self, name: &str) -> Option<&Self> {
        self.walk().map(|(_, field)| field).find(|field| field.name == name)
    }

    /// The number, or the bit as 0 or 1.
    pub const fn number(&self) -> Option<u32> {
        match self.value {
            Value::Flag(set) => Some(set as u32),
            Value::Number { value, .. } => Some(value),
            Value::Group | Value::Octets(_) => None,
        }
    }

    /// Whether it says that the packet before this one changed something: an S bit that is 0, the B bit of Chapter N
    /// among them.
    pub(super) fn says_changed(&self) -> bool {
        let is_s = self.name.ends_with("_sflag") || self.name == "rtpmidi.cj_chapter_n_bflag";
        is_s && self.value == Value::Flag(false)
    }
}

/// `label: value`, without what is inside.
impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)?;
        if self.value == Value::Group { Ok(()) } else { write!(f, ": {}", self.value) }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Group => Ok(()),
            Self::Flag(set) => write!(f, "{}", u8::from(set)),
            Self::Number { value, form } => form.print(value, f),
            Self::Octets(octets) => {
                for (index, octet) in octets.iter().enumerate() {
                    write!(f, "{}{octet:02x}", if index == 0 { "" } else { " " })?;
                }
                Ok(())
            }
        }
    }
}

impl Form {
    fn print(self, value: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal => write!(f, "{value}"),
            Self::OneMore => write!(f, "{} ({value})", value + 1),
            Self::Hexadecimal { digits } => write!(f, "{value:#0width$x}", width = usize::from(digits) + 2),
            Self::Note => write!(f, "{} ({value})", note_name(value as u8)),
            Self::Channel => write!(f, "Channel {} ({value:#x})", value + 1),
            Self::Status => write!(f, "{} ({value:#x})", status_name(value as u8)),
            Self::Released { first } => {
                write!(f, "{value:#04x} (")?;
                let notes = (0..8_u8).filter(|bit| value & 0x80 >> bit != 0);
                for (index, bit) in notes.enumerate() {
                    write!(f, "{}{}", if index == 0 { "" } else { " " }, note_name(first + bit))?;
                }
                f.write_str(")")
            }
        }
    }
}

/// The name of a note as Wireshark and most sequencers have it: note 60 is C4.
pub fn note_name(note: u8) -> String {
    const NAMES: [&str; 12] = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
    format!("{}{}", NAMES[usize::from(note % 12)], i16::from(note / 12) - 1)
}

/// What a status octet, or the upper half of one, begins.
pub(super) const fn status_name(status: u8) -> &'static str {
    match status {
        0x8 => "Note Off",
        0x9 => "Note On",
        0xA => "Polyphonic Key Pressure",
        0xB => "Control Change",
        0xC => "Program Change",
        0xD => "Channel Pressure",
        0xE => "Pitch Bend Change",
        0xF0 => "System Exclusive",
        0xF1 => "MTC Quarter Frame",
        0xF2 => "Song Position Pointer",
        0xF3 => "Song Select",
        0xF4 => "Undefined F4",
        0xF5 => "Undefined F5",
        0xF6 => "Tune Request",
        0xF7 => "End of System Exclusive",
        0xF8 => "Timing Clock",
        0xF9 => "Undefined F9",
        0xFA => "Start",
        0xFB => "Continue",
        0xFC => "Stop",
        0xFD => "Undefined FD",
        0xFE => "Active Sensing",
        0xFF => "System Reset",
        _ => "Data",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(value: u32, form: Form) -> String {
        Value::Number { value, form }.to_string()
    }

    #[test]
    fn every_form_prints_as_documented() {
        assert_eq!(print(100, Form::Decimal), "100");
        assert_eq!(print(1, Form::OneMore), "2 (1)");
        assert_eq!(print(0x64, Form::Hexadecimal { digits: 4 }), "0x0064");
        assert_eq!((print(60, Form::Note), print(0, Form::Note)), ("C4 (60)".to_owned(), "C-1 (0)".to_owned()));
        assert_eq!(print(0, Form::Channel), "Channel 1 (0x0)");
        assert_eq!(print(9, Form::Status), "Note On (0x9)");
        assert_eq!(print(0x0D, Form::Released { first: 48 }), "0x0d (E3 F3 G3)");
        assert_eq!(Value::Octets(&[1, 0x80]).to_string(), "01 80");
    }

    #[test]
    fn a_walk_meets_each_field_before_what_is_inside_it() {
        let field = |name, children| Field { name, label: name.into(), value: Value::Group, octets: 0..0, children };
        let tree = field("a", vec![field("b", vec![field("c", vec![])]), field("d", vec![])]);
        let met: Vec<_> = tree.walk().map(|(depth, field)| (depth, field.name)).collect();
        assert_eq!(met, [(0, "a"), (1, "b"), (2, "c"), (1, "d")]);
        assert!(tree.find("c").is_some() && tree.find("e").is_none());
    }
}
