//! The file of what is remembered: one bridge has it, a thread writes it, and a damaged one is set aside.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use super::record::Record;
use crate::claim::{beside, claim};
use crate::cmd::bridge::errand::{Errand, PATIENCE};
use crate::failure::{Failure, Result};
use crate::replace::{Readers, replace};

/// Writes what it is given, one after the other; all is written when it has been dropped, unless the disk hangs.
#[derive(Debug)]
pub(super) struct Keeper {
    texts: Option<Sender<String>>,
    writing: Errand,
    /// Held as long as this lives, so that no other bridge writes there.
    _lock: File,
}

/// Octets of a file. All that is remembered, with names that are as long as can be, takes less.
const LONGEST: u64 = 1 << 26;

impl Keeper {
    /// Reads what is there, and writes there from then on. Returns what a person should know besides; `complain` is told
    /// what cannot be written.
    pub(super) fn open(path: &Path, complain: impl Fn(&str) + Send + 'static) -> Result<(Self, Record, Vec<String>)> {
        let failed = |error: std::io::Error| Failure::new(format!("cannot use {}: {error}", path.display()));
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let busy = || Failure::new(format!("another bridge remembers in {}", path.display()));
        let lock = claim(path).map_err(failed)?.ok_or_else(busy)?;
        sweep(path);
        let (record, warnings) = read(path)?;
        let (texts, given) = channel();
        let to = path.to_owned();
        let writing = Errand::start("memory", move || write(&to, &given, complain)).map_err(failed)?;
        Ok((Self { texts: Some(texts), writing, _lock: lock }, record, warnings))
    }

    /// Has a text written in place of the one before.
    pub(super) fn keep(&self, text: String) {
        // The thread takes them as long as there is somebody to give them.
        let _ = self.texts.as_ref().map(|texts| texts.send(text));
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.texts.take());
        // A file that is not written by then stays as it was.
        let _is_written = self.writing.is_done_by(Instant::now() + PATIENCE);
    }
}

/// Writes the latest text until there will be no more. A fault is told once, until something can be written again.
fn write(path: &Path, texts: &Receiver<String>, complain: impl Fn(&str)) {
    let mut has_failed = false;
    while let Ok(text) = texts.recv() {
        let text = texts.try_iter().last().unwrap_or(text);
        match replace(path, text, Readers::Usual) {
            Ok(()) => has_failed = false,
            Err(failure) if !has_failed => {
                complain(failure.message());
                has_failed = true;
            }
            Err(_) => {}
        }
    }
}

/// What a file says; nothing if there is none. One that makes no sense is set aside, and told of.
fn read(path: &Path) -> Result<(Record, Vec<String>)> {
    let failed = |error: std::io::Error| Failure::new(format!("cannot read {}: {error}", path.display()));
    if !path.try_exists().map_err(failed)? {
        return Ok((Record::default(), Vec::new()));
    }
    let mut octets = Vec::new();
    File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut octets)).map_err(failed)?;
    match Record::parse(&octets) {
        Ok(record) => Ok((record, Vec::new())),
        Err(reason) => {
            let aside = beside(path, "damaged");
            fs::rename(path, &aside).map_err(failed)?;
            let (path, aside) = (path.display(), aside.display());
            let words = format!(
                "{path} cannot be understood ({reason}): it is now {aside}, and nothing is remembered of before"
            );
            Ok((Record::default(), vec![words]))
        }
    }
}

/// Takes away what bridges have left half written that were killed.
fn sweep(path: &Path) {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_ours = |path: &PathBuf| {
        let other = path.file_name().and_then(|name| name.to_str()).and_then(|other| other.strip_prefix(name));
        let number = other.and_then(|other| other.strip_prefix('.')?.strip_suffix(".tmp"));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|octet| octet.is_ascii_digit()))
    };
    let all = fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    for path in all.filter(is_ours) {
        // What cannot be taken away is in nobody's way.
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{Will, Wills};
    use super::*;
    use crate::cmd::bridge::bay::Sayings;

    /// What is there, and what a person should know.
    fn open(path: &Path) -> (Keeper, Record, Vec<String>) {
        Keeper::open(path, |_| {}).unwrap()
    }

    fn record(from: &str) -> Record {
        let will = Will { made: true, ..Will::default() };
        let wills = Wills::from([((from.to_owned(), "to".to_owned()), will)]);
        Record::new(Vec::new(), &wills, &Sayings::new())
    }

    #[test]
    fn what_was_given_last_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/bridge.json");
        let (keeper, before, warnings) = open(&path);
        assert_eq!((before, warnings), (Record::default(), Vec::new()));
        let second = Keeper::open(&path, |_| {}).unwrap_err().to_string();
        assert!(second.starts_with("error: another bridge remembers in "), "{second}");
        for from in ["a", "b", "c"] {
            keeper.keep(record(from).to_string());
        }
        drop(keeper);
        assert_eq!(open(&path).1, record("c"));
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_what_was_left_half_written_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bridge.json");
        let half = [beside(&path, "17.tmp"), beside(&path, "x.tmp")];
        fs::write(&half[0], "{").unwrap();
        fs::write(&half[1], "{").unwrap();
        fs::write(&path, "{\"version\":1").unwrap();
        let (keeper, before, warnings) = open(&path);
        assert_eq!(before, Record::default());
        assert!(warnings[0].contains("cannot be understood (EOF"), "{warnings:?}");
        assert_eq!(fs::read_to_string(beside(&path, "damaged")).unwrap(), "{\"version\":1");
        assert_eq!(half.map(|half| half.exists()), [false, true]);
        keeper.keep(record("a").to_string());
        drop(keeper);
        assert!(open(&path).2.is_empty());
    }

    #[test]
    fn what_cannot_be_written_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bridge.json");
        let (tell, told) = channel();
        let (keeper, ..) = Keeper::open(&path, move |words| tell.send(words.to_owned()).unwrap()).unwrap();
        // Nothing takes the place of a folder.
        fs::create_dir(&path).unwrap();
        for from in ["a", "b"] {
            keeper.keep(record(from).to_string());
        }
        drop(keeper);
        let told: Vec<_> = told.iter().collect();
        assert!(told.len() == 1 && told[0].starts_with("cannot write "), "{told:?}");
    }
}
