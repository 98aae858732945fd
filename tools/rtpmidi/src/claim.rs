//! Files that one process at a time has: each has a lock beside it, which goes with the process, however that ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Claims the file `path` for as long as what it returns lives; nothing if another process has it.
pub(crate) fn claim(path: &Path) -> io::Result<Option<File>> {
    let lock = File::options().create(true).truncate(false).write(true).open(beside(path, "lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The path with something behind its name.
pub(crate) fn beside(path: &Path, what: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".");
    beside.push(what);
    beside.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_claimed_once_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let claimed = claim(&path).unwrap();
        assert!(claimed.is_some() && claim(&path).unwrap().is_none());
        drop(claimed);
        assert!(claim(&path).unwrap().is_some());
        assert!(claim(&folder.path().join("none/x")).is_err());
    }
}
