//! The instruments: the soundfont that was asked for, or one that a package has installed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use gstrtpmidi::midirender::find_soundfont;
use tempfile::{NamedTempFile, TempPath};

use crate::failure::{Failure, Result};

const HINT: &str = "apt install timgm6mb-soundfont (Debian, Ubuntu), or name one with --soundfont";

/// A soundfont to render with.
#[derive(Debug)]
pub(super) enum Soundfont {
    /// In the file system.
    Installed(PathBuf),
    /// Brought by the description; goes away with this value.
    Brought(TempPath),
}

impl Soundfont {
    /// The file.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Installed(path) => path,
            Self::Brought(path) => path,
        }
    }

    /// Keeps a soundfont for `FluidSynth`, which reads files only.
    pub(super) fn keep(octets: &[u8]) -> Result<Self> {
        let unkept = |error| Failure::new(format!("cannot keep the soundfont of the description: {error}"));
        let mut file = NamedTempFile::with_prefix("rtpmidi-").map_err(unkept)?;
        file.write_all(octets).map_err(unkept)?;
        Ok(Self::Brought(file.into_temp_path()))
    }
}

/// The soundfont that was asked for, or else the one that is installed.
///
/// It must start like one: `FluidSynth` only logs that it cannot load a file, and plays silence.
pub(super) fn find(asked: Option<&Path>) -> Result<Soundfont> {
    let path = match asked {
        Some(path) => path.to_owned(),
        None => find_soundfont().ok_or_else(|| Failure::new("no soundfont is installed").hint(HINT))?,
    };
    match File::open(&path).and_then(starts_like_a_soundfont) {
        Ok(true) => Ok(Soundfont::Installed(path)),
        Ok(false) => Err(Failure::new(format!("{} is not a soundfont", path.display())).hint(HINT)),
        Err(error) => Err(Failure::new(format!("cannot read soundfont {}: {error}", path.display())).hint(HINT)),
    }
}

/// A RIFF file of the form `sfbk` (`SoundFont` Technical Specification 2.04, section 4) or `DLS ` (Downloadable Sounds
/// Level 2.2, 2.14), which `FluidSynth` can read with libinstpatch.
pub(super) fn starts_like_a_soundfont(file: impl Read) -> io::Result<bool> {
    let mut start = Vec::new();
    file.take(12).read_to_end(&mut start)?;
    Ok(start.starts_with(b"RIFF") && (start.ends_with(b"sfbk") || start.ends_with(b"DLS ")))
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
    fn a_soundfont_that_is_brought_goes_away_again() {
        let soundfont = Soundfont::keep(b"RIFF\x04\0\0\0sfbkLIST").unwrap();
        let path = soundfont.path().to_owned();
        assert!(path.is_file());
        drop(soundfont);
        assert!(!path.exists());
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
