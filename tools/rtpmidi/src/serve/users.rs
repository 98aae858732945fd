//! Those who may listen: names and passwords from a file.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, Result};

/// Names with passwords, not empty.
#[derive(Clone)]
pub(super) struct Users(Vec<(String, String)>);

impl Users {
    /// Reads a file with `NAME:PASSWORD` in each line; empty lines and those that begin with `#` say nothing.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
        Self::parse(&text).map_err(|why| Failure::new(format!("{}: {why}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut users = Vec::new();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            match line.split_once(':') {
                Some((name, password)) if !name.is_empty() && !password.is_empty() => {
                    users.push((name.to_owned(), password.to_owned()));
                }
                // What stands there may be a password, and is not repeated.
                _ => return Err(format!("line {number} is not NAME:PASSWORD")),
            }
        }
        if users.is_empty() { Err("nobody is named".to_owned()) } else { Ok(Self(users)) }
    }

    /// Each name with its password.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, (String, String)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_stand_one_to_a_line() {
        let users = Users::parse("# who may listen\nanna:do:re\n\nbert:mi\n").unwrap();
        assert_eq!(users.0, [("anna".to_owned(), "do:re".to_owned()), ("bert".to_owned(), "mi".to_owned())]);
        for (text, why) in [
            ("", "nobody is named"),
            ("anna:x\nsecret\n", "line 2 is not NAME:PASSWORD"),
            (":x", "line 1 is not NAME:PASSWORD"),
            ("anna:", "line 1 is not NAME:PASSWORD"),
        ] {
            assert_eq!(Users::parse(text).err().as_deref(), Some(why));
        }
    }
}
