//! Files with keys, which only their owner may read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::key::Key;
use super::suite::Suite;
use crate::failure::{Failure, Result};
use crate::replace::{Readers, replace};

/// Longer files are no keys.
const LONGEST: u64 = 1024;

/// The rights of everybody but the owner.
const OTHERS: u32 = 0o077;

/// The key in the file `path`; its length tells the suite where none is asked for.
pub(crate) fn read_key(path: &Path, suite: Option<Suite>) -> Result<Key> {
    read(path, suite)?.ok_or_else(|| {
        Failure::new(format!("there is no key {}", path.display()))
            .hint("rtpmidi broadcast --srtp --srtp-key FILE makes one; take it to the listener in a safe way")
    })
}

/// The key in the file `path`, or a new one that is then in it.
pub(crate) fn make_key(path: &Path, suite: Option<Suite>) -> Result<Key> {
    if let Some(key) = read(path, suite)? {
        return Ok(key);
    }
    let key = Key::draw(suite.unwrap_or_default())?;
    replace(path, format!("{}\n", key.base64()), Readers::Owner)?;
    Ok(key)
}

fn read(path: &Path, suite: Option<Suite>) -> Result<Option<Key>> {
    let unreadable = |error| Failure::new(format!("cannot read {}: {error}", path.display()));
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(unreadable)?,
    };
    if file.metadata().map_err(unreadable)?.mode() & OTHERS != 0 {
        let failure = Failure::new(format!("others may read the key in {}", path.display()));
        return Err(failure.hint(format!("chmod 600 {}, and take another key if they have", path.display())));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(unreadable)?;
    Key::parse(&text, suite).map(Some).map_err(|words| Failure::new(format!("{}: {words}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(read_key(&path, None).unwrap_err().to_string().contains("there is no key"));
        let key = make_key(&path, Some(Suite::Aes256Gcm)).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!((make_key(&path, None), read_key(&path, None)), (Ok(key.clone()), Ok(key)));
        let failure = read_key(&path, Some(Suite::default())).unwrap_err().to_string();
        assert!(failure.contains("30 for AES_CM_128_HMAC_SHA1_80"), "{failure}");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        make_key(&path, None).unwrap();
        for rights in [0o640, 0o604, 0o620] {
            allow(&path, rights);
            let failure = make_key(&path, None).unwrap_err().to_string();
            assert!(failure.contains("others may read the key in") && failure.contains("hint: chmod 600"), "{failure}");
        }
    }
}
