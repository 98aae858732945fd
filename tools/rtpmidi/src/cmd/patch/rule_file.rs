//! The rule file, as it is changed: looked at once a second, and read when it has stayed as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// A file that may change.
pub(super) struct RuleFile {
    path: PathBuf,
    /// As it was read.
    read: Option<State>,
    /// As it was seen last.
    seen: Option<State>,
    next: Instant,
}

/// Length, and when it was written.
type State = (u64, SystemTime);

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(1);

impl RuleFile {
    /// Watches a file that will be read now, or that may come; none for stdin, which does not change.
    pub(super) fn watch(path: PathBuf) -> Option<Self> {
        let state = state(&path);
        let next = Instant::now() + LOOK;
        (path.as_os_str() != "-").then_some(Self { path, read: state, seen: state, next })
    }

    /// When it has to be looked at.
    pub(super) const fn deadline(&self) -> Instant {
        self.next
    }

    /// Whether it is to be read again. A file that is gone is not: whoever replaces it has taken it away first.
    pub(super) fn has_changed(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        self.next = now + LOOK;
        let state = state(&self.path);
        let is_steady = state.is_some() && state == self.seen;
        self.seen = state;
        let has_changed = is_steady && state != self.read;
        if has_changed {
            self.read = state;
        }
        has_changed
    }
}

fn state(path: &Path) -> Option<State> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_when_it_has_stayed_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.rules");
        fs::write(&path, "a --> b").unwrap();
        let mut file = RuleFile::watch(path.clone()).unwrap();
        let mut now = Instant::now();
        let mut look = |file: &mut RuleFile| {
            now += LOOK;
            file.has_changed(now)
        };
        assert!(!look(&mut file), "nothing has changed");
        fs::write(&path, "a --> bc").unwrap();
        assert!(!look(&mut file), "it may be half of what it is to become");
        assert!(look(&mut file));
        assert!(!look(&mut file), "it has been read");
        fs::remove_file(&path).unwrap();
        assert!(!look(&mut file) && !look(&mut file), "it may come back");
        fs::write(&path, "c --> d --> e").unwrap();
        assert!(!look(&mut file) && look(&mut file));
    }

    #[test]
    fn a_file_that_comes_later_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.rules");
        let (mut file, now) = (RuleFile::watch(path.clone()).unwrap(), Instant::now() + LOOK);
        assert!(!file.has_changed(now));
        fs::write(&path, "a --> b").unwrap();
        assert!(!file.has_changed(now + LOOK) && file.has_changed(now + 2 * LOOK));
    }
}
