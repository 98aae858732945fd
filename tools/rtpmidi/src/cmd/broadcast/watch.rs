//! Folders that are watched: which files come, change and go.
//!
//! A folder is looked at once a second. That finds what network folders do not tell of, needs no kernel's limits, and a
//! file that is being written has to be looked at by the clock in any case.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::playlist::{self, Entry};

/// The watched folders of a channel.
pub(super) struct Watch {
    /// Each with its place among the sources of the channel.
    folders: Vec<(usize, PathBuf)>,
    files: HashMap<PathBuf, Seen>,
    looked: Option<Instant>,
}

/// What has happened to a file.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Change {
    /// It has not changed for a while, and can be tried; one that is no music after the `last` time never was.
    Ready { entry: Entry, last: bool },
    /// It has gone, or is being written anew.
    Gone(PathBuf),
}

/// What is known of a file.
struct Seen {
    length: u64,
    modified: Option<SystemTime>,
    /// Since when it has been like this.
    since: Instant,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It may be half of what it is to become.
    New,
    Taken,
    Refused,
}

/// How often folders are looked at, and how long a file stays as it is before it is tried.
const LOOK: Duration = Duration::from_secs(1);

/// How long a file that is no music may stay as it is: whoever writes it may have paused.
const PATIENCE: Duration = Duration::from_secs(10);

impl Watch {
    /// Watches those of a channel's sources that are folders, of which these `files` are known.
    pub(super) fn new<'a>(sources: &[PathBuf], files: impl Iterator<Item = &'a Path>, now: Instant) -> Self {
        let folders = sources.iter().cloned().enumerate().filter(|(_, path)| path.is_dir()).collect();
        let seen = |path: &Path| Some((path.to_owned(), Seen { state: State::Taken, ..Seen::now(path, now)? }));
        Self { folders, files: files.filter_map(seen).collect(), looked: None }
    }

    /// What has changed, as often as that is looked for.
    pub(super) fn turn(&mut self, now: Instant) -> Option<Vec<Change>> {
        if self.looked.is_some_and(|looked| now.saturating_duration_since(looked) < LOOK) {
            return None;
        }
        self.looked = Some(now);
        let mut changes = Vec::new();
        for (source, folder) in &self.folders {
            // A folder that cannot be read just now has lost nothing yet.
            let Ok(entries) = playlist::folder(folder, *source, 0) else { continue };
            let files = &mut self.files;
            let gone =
                |path: &PathBuf| path.parent() == Some(folder) && entries.iter().all(|entry| entry.path != **path);
            for path in files.keys().filter(|path| gone(path)).cloned().collect::<Vec<_>>() {
                let was_taken = files.remove(&path).is_some_and(|seen| seen.state == State::Taken);
                changes.extend(was_taken.then_some(Change::Gone(path)));
            }
            changes.extend(entries.into_iter().filter_map(|entry| look_at(files, entry, now)));
        }
        Some(changes)
    }

    /// The file as it was at the time `tried` is for the programme, or is not. False if it is another one since, or none.
    pub(super) fn settle(&mut self, path: &Path, is_taken: bool, tried: Instant) -> bool {
        let Some(seen) = self.files.get_mut(path).filter(|seen| seen.since <= tried) else { return false };
        seen.state = if is_taken { State::Taken } else { State::Refused };
        true
    }

    /// The file could not be played when its turn came: if it is there, it is as good as new.
    pub(super) fn forget(&mut self, path: &Path) {
        self.files.remove(path);
    }
}

fn look_at(files: &mut HashMap<PathBuf, Seen>, entry: Entry, now: Instant) -> Option<Change> {
    let fresh = Seen::now(&entry.path, now)?;
    let Some(seen) = files.get_mut(&entry.path) else {
        files.insert(entry.path.clone(), fresh);
        return None;
    };
    if (seen.length, seen.modified) != (fresh.length, fresh.modified) {
        let was_taken = std::mem::replace(seen, fresh).state == State::Taken;
        return was_taken.then_some(Change::Gone(entry.path));
    }
    let waited = now.saturating_duration_since(seen.since);
    (seen.state == State::New && waited >= LOOK).then_some(Change::Ready { entry, last: waited >= PATIENCE })
}

impl Seen {
    /// A file as it is at `now`; none that has just gone.
    fn now(path: &Path, now: Instant) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let (length, modified) = (metadata.len(), metadata.modified().ok());
        Some(Self { length, modified, since: now, state: State::New })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the changes of each second are, in words.
    fn seconds(watch: &mut Watch, now: &mut Instant, count: u64) -> Vec<String> {
        let mut words = Vec::new();
        for _ in 0..count {
            *now += LOOK;
            words.extend(watch.turn(*now).unwrap().iter().map(|change| match change {
                Change::Ready { entry, last } => {
                    format!("{} {last}", entry.path.file_name().unwrap().to_string_lossy())
                }
                Change::Gone(path) => format!("-{}", path.file_name().unwrap().to_string_lossy()),
            }));
        }
        words
    }

    #[test]
    fn a_file_is_tried_when_it_has_stayed_as_it_is_and_told_of_when_it_goes() {
        let folder = tempfile::tempdir().unwrap();
        let (known, new) = (folder.path().join("a.mid"), folder.path().join("b.mid"));
        fs::write(&known, "a").unwrap();
        let mut now = Instant::now();
        let mut watch = Watch::new(&[folder.path().to_owned()], [known.as_path()].into_iter(), now);
        assert_eq!(seconds(&mut watch, &mut now, 3), [""; 0], "nothing happens");
        for written in ["b", "bb", "bbb"] {
            fs::write(&new, written).unwrap();
            assert_eq!(seconds(&mut watch, &mut now, 1), [""; 0], "it is being written");
        }
        assert_eq!(seconds(&mut watch, &mut now, 2), ["b.mid false", "b.mid false"], "until it is settled");
        assert_eq!(seconds(&mut watch, &mut now, 10).last().unwrap(), "b.mid true");
        assert!(watch.settle(&new, true, now));
        assert_eq!(watch.turn(now), None, "folders are looked at once a second");
        assert_eq!(seconds(&mut watch, &mut now, 3), [""; 0]);
        let before = now;
        fs::write(&new, "another").unwrap();
        fs::remove_file(&known).unwrap();
        assert_eq!(seconds(&mut watch, &mut now, 2), ["-a.mid", "-b.mid", "b.mid false"]);
        assert!(!watch.settle(&new, true, before), "another one was tried");
        assert!(watch.settle(&new, false, now));
        fs::remove_file(&new).unwrap();
        assert_eq!(seconds(&mut watch, &mut now, 3), [""; 0], "what was refused is not missed");
        assert!(!watch.settle(&new, true, now), "it has gone");
    }

    #[test]
    fn a_file_that_could_not_be_played_is_tried_again_though_it_has_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.mid");
        fs::write(&file, "a").unwrap();
        let mut now = Instant::now();
        let mut watch = Watch::new(&[folder.path().to_owned()], [file.as_path()].into_iter(), now);
        assert_eq!(seconds(&mut watch, &mut now, 2), [""; 0]);
        watch.forget(&file);
        assert_eq!(seconds(&mut watch, &mut now, 2), ["a.mid false"]);
    }
}
