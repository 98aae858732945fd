//! Findings as they are told, and what they come to.

use serde_json::{Value, json};

use super::finding::{Finding, Level};
use crate::description::printable;
use crate::failure::{Failure, Result};
use crate::report::{Audience, data, plural};

/// Tells findings one by one and counts them.
pub(super) struct Report {
    is_json: bool,
    warnings: u64,
    failures: u64,
    all: u64,
}

impl Report {
    pub(super) const fn new(is_json: bool) -> Self {
        Self { is_json, warnings: 0, failures: 0, all: 0 }
    }

    /// Tells a finding on stdout.
    pub(super) fn tell(&mut self, finding: &Finding) -> Result<Audience> {
        self.all += 1;
        match finding.level() {
            Level::Ok => {}
            Level::Warning => self.warnings += 1,
            Level::Failure => self.failures += 1,
        }
        self.show(|| finding.to_string(), || finding.object())
    }

    /// Tells something that has been measured.
    pub(super) fn show(&self, words: impl FnOnce() -> String, object: impl FnOnce() -> Value) -> Result<Audience> {
        // Names come from the network.
        if self.is_json { data(&object().to_string()) } else { data(&printable(&words())) }
    }

    /// Ends with the summary; an error when something keeps music from flowing.
    pub(super) fn finish(self) -> Result<()> {
        let Self { is_json, warnings, failures, all } = self;
        if is_json {
            let object = json!({"type": "summary", "findings": all, "warnings": warnings, "failures": failures});
            // Who reads no longer has read enough.
            let _ = data(&object.to_string())?;
        }
        match failures {
            0 => Ok(()),
            failures => Err(Failure::new(format!("{} found", plural(failures, "failure")))),
        }
    }
}
