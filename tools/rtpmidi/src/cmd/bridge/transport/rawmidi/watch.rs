//! Watches for what becomes of the node of a device that cannot be opened: it comes, another one gets it, its rights change.

use std::ffi::{CStr, OsStr, OsString};
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Result;

/// The folders in which something may become of it.
pub(super) struct Watch {
    inotify: OwnedFd,
    /// The number of each, and the name that counts there.
    names: Vec<(i32, OsString)>,
}

/// Links behind each other that are followed.
const LINKS: usize = 8;

/// Octets of what is read at once.
const ROOM: usize = 4096;

impl Watch {
    /// Watches for what becomes of a path from now on.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let inotify = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        // Who has closed it leaves it to us.
        let wanted = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ATTRIB | WatchFlags::CLOSE;
        let wanted = wanted | WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR;
        let mut names = Vec::new();
        for (folder, name) in places(path) {
            names.push((add_watch(&inotify, &folder, wanted)?, name));
        }
        Ok(Self { inotify, names })
    }

    /// Whether something has become of it since this was asked last.
    pub(super) fn has_changed(&self) -> bool {
        let mut room = [MaybeUninit::uninit(); ROOM];
        let mut events = Reader::new(&self.inotify, &mut room);
        let mut has_changed = false;
        while let Ok(event) = events.next() {
            // What is told of a folder itself has no name.
            let is_its = |name: &CStr| {
                let name = OsStr::from_bytes(name.to_bytes());
                self.names.iter().any(|(number, wanted)| *number == event.wd() && wanted == name)
            };
            let is_lost = event.events().intersects(ReadFlags::QUEUE_OVERFLOW);
            has_changed |= is_lost || event.file_name().is_none_or(is_its);
        }
        has_changed
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// Where a path begins to be missing, and the same of what it is a link to: folders that are there, and what is to come
/// in each.
fn places(path: &Path) -> Vec<(PathBuf, OsString)> {
    let (mut places, mut path) = (Vec::new(), path.to_owned());
    for _ in 0..LINKS {
        let missing = path.ancestors().find(|path| path.parent().is_none_or(Path::is_dir));
        if let Some((folder, name)) = missing.and_then(|it| Some((it.parent()?, it.file_name()?))) {
            places.push((folder.to_owned(), name.to_owned()));
        }
        match (fs::read_link(&path), path.parent()) {
            (Ok(target), Some(folder)) => path = folder.join(target),
            _ => break,
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_node_is_seen_to_come_where_it_is_and_where_links_lead() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("by-id/piano"), folder.path().join("snd/midi"));
        let watch = Watch::open(&link).unwrap();
        assert!(!watch.has_changed());
        fs::write(folder.path().join("other"), "").unwrap();
        assert!(!watch.has_changed(), "that is another one");
        fs::create_dir(folder.path().join("by-id")).unwrap();
        assert!(watch.has_changed(), "its folder has come");
        let watch = Watch::open(&link).unwrap();
        symlink("../snd/midi", &link).unwrap();
        assert!(watch.has_changed(), "the link has come");
        let watch = Watch::open(&link).unwrap();
        fs::create_dir(folder.path().join("snd")).unwrap();
        assert!(watch.has_changed(), "the folder has come in which it will be");
        let watch = Watch::open(&link).unwrap();
        fs::write(&target, "").unwrap();
        assert!(watch.has_changed() && !watch.has_changed());
        fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(watch.has_changed(), "its rights are others");
    }

    #[test]
    fn a_path_that_leads_nowhere_is_no_trouble() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("round");
        symlink("round", &link).unwrap();
        assert!(!Watch::open(&link).unwrap().has_changed());
        assert!(places(Path::new("/")).is_empty());
    }
}
