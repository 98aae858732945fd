//! Copies of fetched objects that a `cid` names (RFC 6295, C.6.3): where it stands behind a URL, what is there does not
//! change, and a copy will do.
//!
//! A copy is one of its `cid` and its URL: a `cid` alone is a word that anybody may use for anything.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rtp_midi_sdp::render::Url;

use crate::folders;
use crate::replace::{Readers, replace};

/// A folder with copies.
pub(super) struct Cache {
    folder: PathBuf,
}

/// Copies that are kept, and their octets; the one that was used longest ago makes room.
const MOST: usize = 32;
const MOST_OCTETS: u64 = 1 << 30;

impl Cache {
    /// The folder of this user, if there is a place for it.
    pub(super) fn of_user() -> Option<Self> {
        Some(Self { folder: folders::cache()?.join("rtpmidi/instruments") })
    }

    /// The object, from here or else by `fetch`.
    pub(super) fn get(
        &self,
        id: &str,
        url: &Url,
        fetch: impl FnOnce() -> Result<Vec<u8>, String>,
    ) -> Result<Vec<u8>, String> {
        let label = format!("{id}\n{url}\n");
        let path = self.folder.join(format!("{:016x}", number(&label)));
        if let Some(octets) = fs::read(&path).ok().and_then(|copy| Some(copy.strip_prefix(label.as_bytes())?.to_vec()))
        {
            touch(&path);
            return Ok(octets);
        }
        let octets = fetch()?;
        // Without a copy it is fetched again the next time.
        let _ = fs::create_dir_all(&self.folder);
        if replace(&path, [label.as_bytes(), &octets].concat(), Readers::Usual).is_ok() {
            // One too many does no harm.
            let _ = self.make_room(MOST_OCTETS);
        }
        Ok(octets)
    }

    fn make_room(&self, octets: u64) -> std::io::Result<()> {
        let mut copies: Vec<(SystemTime, PathBuf, u64)> = fs::read_dir(&self.folder)?
            .filter_map(Result::ok)
            .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
            .filter_map(|(path, metadata)| Some((metadata.modified().ok()?, path, metadata.len())))
            .collect();
        copies.sort_by(|one, other| other.cmp(one));
        let mut sum = 0u64;
        let fits = |copy: &&(SystemTime, PathBuf, u64)| {
            sum = sum.saturating_add(copy.2);
            sum <= octets
        };
        let kept = copies.iter().take(MOST).take_while(fits).count();
        copies[kept..].iter().try_for_each(|(_, path, _)| fs::remove_file(path))
    }
}

/// It was used now.
fn touch(path: &Path) {
    // It would go a little too early.
    let _ = fs::File::options().append(true).open(path).and_then(|file| file.set_modified(SystemTime::now()));
}

/// A number for a name of a file (FNV-1a). Two labels may have the same: the file says whose it is.
fn number(label: &str) -> u64 {
    label.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_copy_is_of_its_cid_and_its_url() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache { folder: folder.path().join("a/b") };
        let asked = Cell::new(0);
        let get = |id: &str, url: &str| {
            let url = Url::new(url).unwrap();
            cache.get(id, &url, || {
                asked.set(asked.get() + 1);
                Ok(format!("{url}\n{}", asked.get()).into_bytes())
            })
        };
        let first = get("x", "http://a/").unwrap();
        assert_eq!(get("x", "http://a/").unwrap(), first);
        assert_ne!(get("x", "http://b/").unwrap(), first, "another server says that it is x");
        assert_ne!(get("y", "http://a/").unwrap(), first);
        assert_eq!(asked.get(), 3);
        // A file that is not what its name says.
        for entry in fs::read_dir(folder.path().join("a/b")).unwrap() {
            fs::write(entry.unwrap().path(), b"x").unwrap();
        }
        assert_eq!(get("x", "http://a/").unwrap(), b"http://a/\n4");
    }

    #[test]
    fn what_cannot_be_fetched_is_not_kept_and_old_copies_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache { folder: folder.path().to_owned() };
        let url = Url::new("http://a/").unwrap();
        assert_eq!(cache.get("x", &url, || Err("no".to_owned())), Err("no".to_owned()));
        for number in 0..=MOST {
            assert_eq!(cache.get(&number.to_string(), &url, || Ok(vec![1])), Ok(vec![1]));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), MOST);
    }

    #[test]
    fn copies_have_so_many_octets_together_and_the_latest_stay() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache { folder: folder.path().to_owned() };
        for (second, name) in [(3, "c"), (1, "a"), (2, "b")] {
            let path = folder.path().join(name);
            fs::write(&path, [0; 10]).unwrap();
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(second);
            fs::File::options().append(true).open(path).unwrap().set_modified(at).unwrap();
        }
        cache.make_room(29).unwrap();
        let is_kept = ["a", "b", "c"].map(|name| folder.path().join(name).exists());
        assert_eq!(is_kept, [false, true, true]);
    }
}
