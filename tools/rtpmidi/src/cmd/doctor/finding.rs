//! What a check has found, and the command that mends it.

use std::fmt;

use serde_json::{Value, json};

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Level {
    /// As it should be, or nobody's concern.
    Ok,
    /// Music flows, and something of it may be late, lost or missing.
    Warning,
    /// Some music does not flow at all.
    Failure,
}

/// A finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Finding {
    check: &'static str,
    level: Level,
    what: String,
    /// A command for a shell, perhaps with a remark in brackets.
    mend: Option<String>,
}

impl Finding {
    /// All is well with what `check` looks at.
    pub(super) fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, what: what.into(), mend: None }
    }

    /// Something could be better, as it is with this command.
    pub(super) fn warning(check: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, level: Level::Warning, what: what.into(), mend: Some(mend.into()) }
    }

    /// Something does not work, unless this command is given.
    pub(super) fn failure(check: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, level: Level::Failure, what: what.into(), mend: Some(mend.into()) }
    }

    pub(super) const fn level(&self) -> Level {
        self.level
    }

    /// The same for who reads JSON.
    pub(super) fn object(&self) -> Value {
        let Self { check, level, what, mend } = self;
        json!({"type": "finding", "check": check, "level": level.word(), "what": what, "mend": mend})
    }
}

impl Level {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// One line, and the command below it.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8} {:<11} {}", self.level.word(), self.check, self.what)?;
        match &self.mend {
            Some(mend) => write!(f, "\n{:21}{mend}", ""),
            None => Ok(()),
        }
    }
}

/// Findings as they stand on a terminal.
#[cfg(test)]
pub(super) fn text(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_stands_below_what_it_mends() {
        let finding = Finding::warning("wifi", "wlan0 saves power", "iw dev wlan0 set power_save off");
        assert_eq!(
            finding.to_string(),
            "warning  wifi        wlan0 saves power\n                     iw dev wlan0 set power_save off"
        );
        assert_eq!(finding.object()["mend"], "iw dev wlan0 set power_save off");
        assert_eq!(Finding::ok("clock", "it is synchronized").object()["mend"], Value::Null);
    }
}
