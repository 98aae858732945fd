//! What is played: the files in order, read and checked before anything is sent.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use smf_timeline::{Body, Meta, Song, TextKind, decode_text};

use super::metadata::Libretto;
use crate::failure::{Failure, Result};

/// A file that can be played.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Piece {
    pub(super) path: PathBuf,
    /// The name that the file gives itself, or its file name.
    pub(super) title: String,
    pub(super) duration: Duration,
    /// What it says beside its notes.
    pub(super) libretto: Arc<Libretto>,
}

/// How strictly files are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reading {
    /// The first defect is an error.
    Strict,
    /// What can be read is played.
    Lenient,
}

/// Reads all files; folders stand for the files in them. `scan` is shown each song, `warn` is told of each defect that
/// lenient reading passes.
pub(super) fn read(
    paths: &[PathBuf],
    reading: Reading,
    mut scan: impl FnMut(&Song),
    mut warn: impl FnMut(String),
) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    for path in paths {
        for path in expand(path)? {
            let song = read_one(&path, reading, &mut warn)?;
            scan(&song);
            let title = title(&song).unwrap_or_else(|| file_name(&path));
            let libretto = Arc::new(Libretto::of(&song, &title));
            pieces.push(Piece { path, title, duration: Duration::from_nanos(song.duration()), libretto });
        }
    }
    Ok(pieces)
}

impl Piece {
    /// Reads the song again; defects that lenient reading passes have been told of.
    pub(super) fn song(&self, reading: Reading) -> Result<Song> {
        read_one(&self.path, reading, &mut |_| ())
    }
}

/// The file itself, or the Standard MIDI Files in a folder in the order of their names.
fn expand(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let mut files: Vec<PathBuf> = entries
        .map_err(|error| unreadable(path, &error))?
        .into_iter()
        .map(|entry| entry.path())
        .filter(|file| file.is_file() && has_known_suffix(file))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Failure::new(format!("folder {} has no Standard MIDI Files in it", path.display()))
            .hint("files named *.mid, *.midi or *.smf are played"));
    }
    Ok(files)
}

fn has_known_suffix(file: &Path) -> bool {
    let suffix = file.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
    ["mid", "midi", "smf"].iter().any(|known| suffix.eq_ignore_ascii_case(known))
}

fn read_one(path: &Path, reading: Reading, warn: &mut impl FnMut(String)) -> Result<Song> {
    let octets = fs::read(path).map_err(|error| unreadable(path, &error))?;
    match (Song::read(&octets, 0), reading) {
        (Ok(song), _) => Ok(song),
        (Err(error), Reading::Strict) => {
            let failure = Failure::new(format!("{}: {error}", path.display()));
            Err(match Song::salvage(&octets, 0) {
                Ok(_) => failure.hint("--lenient plays what can be read of it"),
                Err(worse) => worse.hint().map_or(failure.clone(), |hint| failure.hint(hint)),
            })
        }
        (Err(_), Reading::Lenient) => {
            let (song, defects) =
                Song::salvage(&octets, 0).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
            for defect in &defects {
                warn(format!("warning: {}: {defect}", path.display()));
            }
            Ok(song)
        }
    }
}

/// The name of the sequence: the track name in the first track.
fn title(song: &Song) -> Option<String> {
    let text = song.events().find_map(|event| match event.body {
        Body::Meta(Meta::Text(TextKind::TrackName, text)) if event.track == 0 => Some(text),
        _ => None,
    })?;
    let title = decode_text(text).trim().to_owned();
    (!title.is_empty()).then_some(title)
}

fn file_name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that goes away with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("rtpmidi-playlist-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, octets: &[u8]) -> PathBuf {
            let path = self.0.join(name);
            fs::write(&path, octets).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// One track at 120 beats a minute, 96 ticks a beat: two seconds.
    fn song(name: &[u8]) -> Vec<u8> {
        let mut track = vec![0, 0xFF, 3, name.len() as u8];
        track.extend(name);
        track.extend([0, 0x90, 60, 100, 0x83, 0x00, 0x80, 60, 0, 0, 0xFF, 0x2F, 0]);
        let mut file = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk".to_vec();
        file.extend((track.len() as u32).to_be_bytes());
        file.extend(track);
        file
    }

    fn strictly(path: &Path) -> Result<Vec<Piece>> {
        read(&[path.to_owned()], Reading::Strict, |_| (), |warning| panic!("{warning}"))
    }

    #[test]
    fn a_file_tells_its_title_and_duration() {
        let folder = Folder::new("title");
        let named = strictly(&folder.file("x.mid", &song(b" Canon "))).unwrap();
        assert_eq!((named[0].title.as_str(), named[0].duration), ("Canon", Duration::from_secs(2)));
        assert_eq!(strictly(&folder.file("Duet in G.mid", &song(b""))).unwrap()[0].title, "Duet in G");
        for name in ["Träumerei".as_bytes(), b"Tr\xE4umerei"] {
            assert_eq!(strictly(&folder.file("x.mid", &song(name))).unwrap()[0].title, "Träumerei");
        }
    }

    #[test]
    fn a_folder_stands_for_its_files_in_order() {
        let folder = Folder::new("folder");
        for name in ["b.MID", "a.smf", "c.midi"] {
            folder.file(name, &song(name.as_bytes()));
        }
        folder.file("notes.txt", b"not music");
        let titles: Vec<_> = strictly(&folder.0).unwrap().into_iter().map(|piece| piece.title).collect();
        assert_eq!(titles, ["a.smf", "b.MID", "c.midi"]);
    }

    #[test]
    fn an_empty_folder_is_named() {
        let folder = Folder::new("empty");
        let words = strictly(&folder.0).unwrap_err().to_string();
        assert!(words.contains("has no Standard MIDI Files in it\nhint: "), "{words}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let words = strictly(Path::new("/nonexistent/song.mid")).unwrap_err().to_string();
        assert!(words.starts_with("error: cannot read /nonexistent/song.mid: "), "{words}");
    }

    #[test]
    fn text_is_called_text() {
        let folder = Folder::new("text");
        let words = strictly(&folder.file("x.mid", b"Twinkle, twinkle, little star\n")).unwrap_err().to_string();
        assert!(words.contains("x.mid: not a Standard MIDI File but text\nhint: "), "{words}");
    }

    #[test]
    fn a_truncated_file_is_an_error_unless_lenient() {
        let folder = Folder::new("truncated");
        let whole = song(b"Canon");
        let path = folder.file("x.mid", &whole[..whole.len() - 6]);
        let words = strictly(&path).unwrap_err().to_string();
        assert!(words.contains("track 0, octet "), "{words}");
        assert!(words.ends_with("--lenient plays what can be read of it"), "{words}");

        let mut warnings = Vec::new();
        let pieces = read(&[path], Reading::Lenient, |_| (), |warning| warnings.push(warning)).unwrap();
        assert_eq!(pieces[0].title, "Canon");
        assert!(warnings[0].starts_with("warning: "), "{warnings:?}");
    }
}
