//! Writes files so that a reader finds either all of one or the file that was there before, also after a power cut.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::failure::{Failure, Result};

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Readers {
    /// Whoever may read what this user makes.
    Usual,
    /// Its owner alone, whatever rights the file before it had: it holds a secret.
    Owner,
}

/// Writes `octets` to the file `path`, by another file that takes its place.
pub(crate) fn replace(path: &Path, octets: impl AsRef<[u8]>, readers: Readers) -> Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let mode = match readers {
        Readers::Usual => 0o666,
        Readers::Owner => 0o600,
    };
    // One that was left behind may have other rights.
    let _ = fs::remove_file(&temporary);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)
        .and_then(|mut file| file.write_all(octets.as_ref()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        Failure::new(format!("cannot write {}: {error}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sdp");
        fs::write(&path, "old").unwrap();
        replace(&path, "new", Readers::Usual).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_file(&path).unwrap();
        folder.close().unwrap();
        let failure = replace(&path, "new", Readers::Usual).unwrap_err().to_string();
        assert!(failure.starts_with("error: cannot write "), "{failure}");
    }

    #[test]
    fn a_secret_takes_the_place_of_a_file_that_others_may_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sdp");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        replace(&path, "new", Readers::Owner).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode, fs::read_to_string(&path).unwrap()), (0o600, "new".to_owned()));
    }
}
