//! A stream that is announced to the network: `sap:TITLE`.

use std::time::Duration;

use super::destination::Destination;
use super::source::Source;
use crate::failure::{Failure, Result};
use crate::interface::Interface;
use crate::sap::{Announced, Browser, Heard};
use crate::srtp::Key;

/// Looks for announcements under one title.
pub(super) struct Search {
    title: String,
    browser: Browser,
    key: Option<Key>,
    /// The latest one.
    found: Option<Found>,
    /// Titles of others, of which the first ones have been told.
    others: Vec<String>,
    told: usize,
}

/// A stream that is announced.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Found {
    pub(super) source: Source,
    pub(super) destination: Destination,
}

/// How many other titles are remembered. Anybody can announce anything.
const OTHERS: usize = 20;

impl Search {
    /// Begins to listen for announcements of `title`, whatever the case of its letters. Its packets may be sealed by
    /// `key`, which nobody announces.
    pub(super) fn new(title: &str, interface: Option<&Interface>, key: Option<Key>) -> Result<Self> {
        let browser = Browser::open(interface)?;
        Ok(Self { title: title.to_owned(), browser, key, found: None, others: Vec::new(), told: 0 })
    }

    /// What has been announced last under the title. What cannot be received is an error, once.
    pub(super) fn found(&mut self) -> Result<Option<&Found>> {
        while let Some(heard) = self.browser.next(Duration::ZERO) {
            let Heard::Announced(announced) = heard else { continue };
            let Announced { text, session, .. } = *announced;
            if session.title.to_lowercase() == self.title.to_lowercase() {
                let name = format!("the announcement of {}", session.title);
                let source = Source::parse(text.as_bytes(), &name)?;
                let destination = Destination::of(&source, &name, self.key.as_ref())?;
                self.found = Some(Found { source, destination });
            } else if !self.others.contains(&session.title) && self.others.len() < OTHERS {
                self.others.push(session.title);
            }
        }
        Ok(self.found.as_ref())
    }

    /// The title of another stream that is announced, once.
    pub(super) fn other(&mut self) -> Option<String> {
        let title = self.others.get(self.told)?;
        self.told += 1;
        Some(title.clone())
    }

    /// Why nothing was found.
    pub(super) fn nothing(&self) -> Failure {
        let failure = Failure::new(format!("nobody announces {}", self.title));
        match self.others.as_slice() {
            [] => failure.hint("nothing else is announced here either: does the network carry multicast?"),
            others => failure.hint(format!("announced are: {}", others.join(", "))),
        }
    }
}
