//! The instruments: the soundfont that was asked for, or one that a package has installed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use gstrtpmidi::midirender::find_soundfont;

use crate::failure::{Failure, Result};

const HINT: &str = "apt install timgm6mb-soundfont (Debian, Ubuntu), or name one with --soundfont";

/// The soundfont to render with.
///
/// It must start like one: `FluidSynth` only logs that it cannot load a file, and plays silence.
pub(super) fn find(asked: Option<&Path>) -> Result<PathBuf> {
    let path = match asked {
        Some(path) => path.to_owned(),
        None => find_soundfont().ok_or_else(|| Failure::new("no soundfont is installed").hint(HINT))?,
    };
    match starts_like_a_soundfont(&path) {
        Ok(true) => Ok(path),
        Ok(false) => Err(Failure::new(format!("{} is not a soundfont", path.display())).hint(HINT)),
        Err(error) => Err(Failure::new(format!("cannot read soundfont {}: {error}", path.display())).hint(HINT)),
    }
}

/// A RIFF file of the form `sfbk` (`SoundFont` Technical Specification 2.04, section 4).
fn starts_like_a_soundfont(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(12).read_to_end(&mut start)?;
    Ok(start.starts_with(b"RIFF") && start.ends_with(b"sfbk"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_soundfont_is_named() {
        let missing = find(Some(Path::new("/nonexistent/x.sf2"))).unwrap_err().to_string();
        assert!(missing.starts_with("error: cannot read soundfont /nonexistent/x.sf2: "), "{missing}");
        assert!(missing.contains("timgm6mb-soundfont"), "{missing}");
        let other = find(Some(Path::new("Cargo.toml"))).unwrap_err().to_string();
        assert!(other.starts_with("error: Cargo.toml is not a soundfont\n"), "{other}");
    }

    #[test]
    fn twelve_octets_tell_a_soundfont() {
        let path = std::env::temp_dir().join(format!("rtpmidi-soundfont-{}", std::process::id()));
        for (octets, is_one) in
            [(&b"RIFF\x04\0\0\0sfbkLIST"[..], true), (b"RIFF\x04\0\0\0WAVEfmt ", false), (b"RIFF", false)]
        {
            std::fs::write(&path, octets).unwrap();
            assert_eq!(find(Some(&path)).is_ok(), is_one, "{octets:?}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
