//! Where the socket of a bridge is, and that it is the only one there.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::claim::{beside, claim};
use crate::failure::{Failure, Result};
use crate::folders;

/// Where a bridge is asked.
#[derive(Clone, PartialEq, Eq, Debug, clap::Args)]
pub(crate) struct Place {
    /// The Unix socket at which a bridge is asked [default: rtpmidi/bridge.sock in the user's runtime folder, or in /run]
    #[arg(long = "control", value_name = "PATH")]
    path: Option<PathBuf>,
}

/// The socket, while it is there.
#[derive(Debug)]
pub(super) struct Seat {
    path: PathBuf,
    /// Held as long as this lives, so that no other bridge takes the place; it goes with the process, however that ends.
    _lock: File,
}

/// Who may speak to the bridge: its user and its group.
const MODE: u32 = 0o660;

/// Where it is in the folder of a user or of the system.
const USUAL: &str = "rtpmidi/bridge.sock";

/// Where that of the system is.
const OF_SYSTEM: &str = "/run/rtpmidi/bridge.sock";

impl Place {
    /// Whether somebody has named it.
    pub(crate) const fn is_named(&self) -> bool {
        self.path.is_some()
    }

    pub(super) fn path(&self) -> PathBuf {
        let usual = || folders::runtime().map_or_else(|| PathBuf::from(OF_SYSTEM), |folder| folder.join(USUAL));
        self.path.clone().unwrap_or_else(usual)
    }

    /// Listens there. What a bridge has left behind that was killed is replaced.
    pub(super) fn take(&self) -> Result<(UnixListener, Seat)> {
        let path = self.path();
        let failed = |error: io::Error| cannot_listen(&path, &error);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
            DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(failed)?;
        }
        let Some(lock) = claim(&path).map_err(failed)? else {
            return Err(Failure::new(format!("another bridge listens at {}", path.display()))
                .hint("--control PATH gives this one a place of its own"));
        };
        // It has its rights before it has its name.
        let new = beside(&path, "new");
        let _ = fs::remove_file(&new);
        let listener = UnixListener::bind(&new).map_err(failed)?;
        fs::set_permissions(&new, Permissions::from_mode(MODE))
            .and_then(|()| fs::rename(&new, &path))
            .map_err(failed)?;
        Ok((listener, Seat { path, _lock: lock }))
    }

    /// Speaks to the bridge that listens there; where nobody has named one, and this user has none, to that of the system.
    pub(super) fn connect(&self) -> Result<UnixStream> {
        let own = self.path();
        let first = UnixStream::connect(&own).map_err(|error| (own, error));
        let answer = first.or_else(|first| match UnixStream::connect(OF_SYSTEM) {
            _ if self.is_named() || first.1.kind() == io::ErrorKind::PermissionDenied => Err(first),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err((PathBuf::from(OF_SYSTEM), error)),
            Err(_) => Err(first),
            Ok(stream) => Ok(stream),
        });
        answer.map_err(|(path, error)| {
            let failure = Failure::new(format!("no bridge can be asked at {}: {error}", path.display()));
            match error.kind() {
                io::ErrorKind::PermissionDenied => failure.hint("only its own user and group may; try sudo"),
                _ => failure.hint("rtpmidi bridge starts one; --control PATH asks one that listens elsewhere"),
            }
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Nobody else can have put one there.
        let _ = fs::remove_file(&self.path);
    }
}

fn cannot_listen(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot listen at {}: {error}", path.display()))
        .hint("--control PATH names a place where this user may make files")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(folder: &tempfile::TempDir) -> Place {
        Place { path: Some(folder.path().join("deep/bridge.sock")) }
    }

    #[test]
    fn one_bridge_has_a_place_and_the_next_one_gets_it_however_the_first_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(&folder);
        let (_listener, seat) = place.take().unwrap();
        let mode = fs::metadata(place.path()).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, MODE);
        place.connect().unwrap();
        let second = place.take().unwrap_err().to_string();
        assert!(second.starts_with("error: another bridge listens at "), "{second}");
        drop(seat);
        assert!(!place.path().exists());
        // One that was killed leaves its socket.
        let (listener, seat) = place.take().unwrap();
        drop(listener);
        let lock = File::open(beside(&place.path(), "lock")).unwrap();
        drop(seat);
        fs::write(place.path(), "left behind").unwrap();
        let (_listener, _seat) = place.take().unwrap();
        place.connect().unwrap();
        drop(lock);
    }

    #[test]
    fn where_nobody_listens_it_is_said_how_to_begin() {
        let folder = tempfile::tempdir().unwrap();
        let failure = place(&folder).connect().unwrap_err().to_string();
        assert!(
            failure.contains("no bridge can be asked at ") && failure.contains("rtpmidi bridge starts one"),
            "{failure}"
        );
    }
}
