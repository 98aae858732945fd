//! Finds the instruments: a soundfont that a package has installed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// Where packages put soundfonts.
const FOLDERS: [&str; 3] = ["/usr/share/sounds/sf2", "/usr/share/sounds/sf3", "/usr/share/soundfonts"];

/// What the system's administrator chose comes first, then what covers General MIDI for certain.
const PREFERRED: [&str; 5] = ["default-GM.sf2", "default-GM.sf3", "default.sf2", "TimGM6mb.sf2", "FluidR3_GM.sf2"];

const HINT: &str = "apt install timgm6mb-soundfont (Debian, Ubuntu), or name one with --soundfont";

/// The soundfont that was asked for, or else one that is installed.
pub(super) fn find(asked: Option<&Path>) -> Result<PathBuf> {
    match asked {
        Some(path) => check(path),
        None => installed(&FOLDERS.map(Path::new)).ok_or_else(|| Failure::new("no soundfont is installed").hint(HINT)),
    }
}

/// A file that starts like a soundfont; `FluidSynth` itself only logs that it cannot load one, and plays silence.
fn check(path: &Path) -> Result<PathBuf> {
    let mut start = [0; 12];
    let read = fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut start));
    match read {
        Ok(()) if &start[..4] == b"RIFF" && &start[8..] == b"sfbk" => Ok(path.to_owned()),
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(Failure::new(format!("cannot read soundfont {}: {error}", path.display())).hint(HINT))
        }
        _ => Err(Failure::new(format!("{} is not a soundfont", path.display())).hint(HINT)),
    }
}

fn installed(folders: &[&Path]) -> Option<PathBuf> {
    let preferred = PREFERRED.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let mut others: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .map(|file| file.path())
        .collect();
    others.sort();
    preferred.chain(others).find(|path| check(path).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_soundfont_is_named() {
        let failure = find(Some(Path::new("/nonexistent/x.sf2"))).unwrap_err().to_string();
        assert!(failure.starts_with("error: cannot read soundfont /nonexistent/x.sf2: "), "{failure}");
        assert!(failure.contains("timgm6mb-soundfont"), "{failure}");
        let this = find(Some(Path::new("Cargo.toml")));
        assert_eq!(this.unwrap_err().to_string().lines().next(), Some("error: Cargo.toml is not a soundfont"));
    }

    #[test]
    fn the_preferred_one_comes_before_others() {
        let folder = std::env::temp_dir().join(format!("rtpmidi-soundfont-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert_eq!(installed(&[&folder]), None);
        for name in ["a.sf2", "TimGM6mb.sf2"] {
            fs::write(folder.join(name), b"RIFF\0\0\0\0sfbk").unwrap();
        }
        fs::write(folder.join("default-GM.sf2"), b"broken").unwrap();
        assert_eq!(installed(&[&folder]), Some(folder.join("TimGM6mb.sf2")));
        fs::remove_file(folder.join("TimGM6mb.sf2")).unwrap();
        assert_eq!(installed(&[&folder]), Some(folder.join("a.sf2")));
        fs::remove_dir_all(&folder).unwrap();
    }
}
