//! Going through octets and noting down the fields they hold, until something is wrong.

use std::borrow::Cow;
use std::ops::Range;

use super::field::{Field, Form, Value};
use crate::error::{self, Error};

/// What is wrong, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Defect {
    /// Octets of the payload in front of what is wrong.
    pub at: usize,
    /// What is wrong.
    pub error: Error,
}

/// A place in a payload, the end of the structure it is in, and the fields met so far.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    payload: &'a [u8],
    at: usize,
    end: usize,
    fields: Vec<Field<'a>>,
}

/// One field of a word: which bits it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    name: &'static str,
    label: &'static str,
    mask: u32,
    /// `None` for a flag.
    form: Option<Form>,
}

/// A flag of a word.
pub(super) const fn flag(name: &'static str, label: &'static str, mask: u32) -> Spec {
    Spec { name, label, mask, form: None }
}

/// A number of a word.
pub(super) const fn number(name: &'static str, label: &'static str, mask: u32) -> Spec {
    formed(name, label, mask, Form::Decimal)
}

/// A number of an octet that is shown in hexadecimal.
pub(super) const fn hexadecimal(name: &'static str, label: &'static str, mask: u32) -> Spec {
    formed(name, label, mask, Form::Hexadecimal { digits: if mask > 0xFF { 4 } else { 2 } })
}

/// A number of a word that is shown in this form.
pub(super) const fn formed(name: &'static str, label: &'static str, mask: u32, form: Form) -> Spec {
    Spec { name, label, mask, form: Some(form) }
}

impl<'a> Walk<'a> {
    pub(super) const fn new(payload: &'a [u8]) -> Self {
        Self { payload, at: 0, end: payload.len(), fields: Vec::new() }
    }

    /// The fields met.
    pub(super) fn into_fields(self) -> Vec<Field<'a>> {
        self.fields
    }

    /// Octets of the payload in front of this place.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// The octets from here to the end of the structure.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.payload.get(self.at..self.end).unwrap_or_default()
    }

    /// What is wrong here.
    pub(super) const fn defect(&self, error: Error) -> Defect {
        Defect { at: self.at, error }
    }

    /// Says of an error of a decoder that it is here.
    pub(super) fn here<T>(&self, result: error::Result<T>) -> Result<T, Defect> {
        result.map_err(|error| self.defect(error))
    }

    /// The next octet, which stays where it is.
    pub(super) fn peek(&self) -> Result<u8, Defect> {
        self.rest().first().copied().ok_or(self.defect(Error::Truncated { needed: 1, found: 0 }))
    }

    /// Goes over `length` octets.
    fn take(&mut self, length: usize) -> Result<Range<usize>, Defect> {
        let found = self.rest().len();
        if found < length {
            return Err(self.defect(Error::Truncated { needed: length, found }));
        }
        let start = self.at;
        self.at += length;
        Ok(start..self.at)
    }

    /// Notes a field down.
    pub(super) fn push(&mut self, name: &'static str, label: &'static str, value: Value<'a>, octets: Range<usize>) {
        self.fields.push(Field { name, label: label.into(), value, octets, children: Vec::new() });
    }

    /// Reads a word of one to four octets and notes its fields down; returns the word.
    pub(super) fn word(&mut self, width: usize, specs: &[Spec]) -> Result<u32, Defect> {
        let octets = self.take(width)?;
        let word = self.payload[octets.clone()].iter().fold(0, |word, octet| word << 8 | u32::from(*octet));
        for spec in specs {
            let value = (word & spec.mask) >> spec.mask.trailing_zeros();
            let value = match spec.form {
                None => Value::Flag(value != 0),
                Some(form) => Value::Number { value, form },
            };
            self.push(spec.name, spec.label, value, octets.clone());
        }
        Ok(word)
    }

    /// Notes the next `length` octets down as a number that is no plain word.
    pub(super) fn computed(
        &mut self,
        name: &'static str,
        label: &'static str,
        value: Value<'a>,
        length: usize,
    ) -> Result<(), Defect> {
        let octets = self.take(length)?;
        self.push(name, label, value, octets);
        Ok(())
    }

    /// Reads octets that are one field.
    pub(super) fn octets(&mut self, name: &'static str, label: &'static str, length: usize) -> Result<(), Defect> {
        let octets = self.take(length)?;
        let payload = self.payload;
        self.push(name, label, Value::Octets(&payload[octets.clone()]), octets);
        Ok(())
    }

    /// Notes down the octets to the end of the structure, if any, as such that nothing is known of.
    pub(super) fn unknown(&mut self) {
        let length = self.rest().len();
        if length > 0 {
            let at = self.at..self.end;
            self.push("rtpmidi.unknown_data", "Unknown Data", Value::Octets(self.rest()), at);
            self.at = self.end;
        }
    }

    /// Notes down a group of what `inside` meets, with all it met before a defect.
    pub(super) fn group<T>(
        &mut self,
        name: &'static str,
        label: impl Into<Cow<'static, str>>,
        inside: impl FnOnce(&mut Self) -> Result<T, Defect>,
    ) -> Result<T, Defect> {
        self.valued(name, label, Value::Group, inside)
    }

    /// Notes down a field with a value that is made of what `inside` meets.
    pub(super) fn valued<T>(
        &mut self,
        name: &'static str,
        label: impl Into<Cow<'static, str>>,
        value: Value<'a>,
        inside: impl FnOnce(&mut Self) -> Result<T, Defect>,
    ) -> Result<T, Defect> {
        let (start, outside) = (self.at, std::mem::take(&mut self.fields));
        let result = inside(self);
        let children = std::mem::replace(&mut self.fields, outside);
        self.fields.push(Field { name, label: label.into(), value, octets: start..self.at, children });
        result
    }

    /// Reads a word that is a field itself and has fields; returns the word.
    pub(super) fn whole(
        &mut self,
        name: &'static str,
        label: &'static str,
        width: usize,
        specs: &[Spec],
    ) -> Result<u32, Defect> {
        let value = self.rest().iter().take(width).fold(0, |word, octet| word << 8 | u32::from(*octet));
        let form = Form::Hexadecimal { digits: 2 * width as u8 };
        self.valued(name, label, Value::Number { value, form }, |walk| walk.word(width, specs))
    }

    /// Goes through the next `length` octets as a structure of its own, or through as many as there are. What is left
    /// of it is noted down as unknown.
    pub(super) fn within<T>(&mut self, length: usize, inside: impl FnOnce(&mut Self) -> T) -> T {
        let outside = self.end;
        self.end = outside.min(self.at.saturating_add(length));
        let result = inside(self);
        self.unknown();
        self.end = outside;
        result
    }

    /// The latest field met.
    pub(super) fn last(&self) -> Option<&Field<'a>> {
        self.fields.last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_not_there_is_an_error_with_its_place() {
        let mut walk = Walk::new(&[0xF1, 0x02, 0x03]);
        let word = walk.word(2, &[flag("s", "S", 0x8000), number("n", "N", 0x0FF0)]);
        assert_eq!(word, Ok(0xF102));
        let error = Error::Truncated { needed: 2, found: 1 };
        assert_eq!(walk.group("g", "G", |walk| walk.word(2, &[])), Err(Defect { at: 2, error }));
        let met: Vec<_> = walk.into_fields().into_iter().map(|field| (field.name, field.number())).collect();
        assert_eq!(met, [("s", Some(1)), ("n", Some(0x10)), ("g", None)]);
    }

    #[test]
    fn a_structure_ends_where_its_length_says() {
        let mut walk = Walk::new(&[1, 2, 3]);
        assert_eq!(walk.within(2, |walk| walk.rest()), [1, 2]);
        assert_eq!(walk.rest(), [3]);
        assert_eq!(walk.within(9, |walk| walk.rest()), [3]);
        assert!(walk.rest().is_empty());
        let met: Vec<_> = walk.into_fields().into_iter().map(|field| (field.name, field.octets)).collect();
        assert_eq!(met, [("rtpmidi.unknown_data", 0..2), ("rtpmidi.unknown_data", 2..3)]);
    }
}
