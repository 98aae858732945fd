//! What is played: the files that paths stand for, read and checked before anything is sent.

use std::fs;
use std::path::{Path, PathBuf};

use smf_timeline::Song;

use super::m3u;
use super::piece::{Piece, Place, Reading, unreadable};
use crate::failure::{Failure, Result};

/// A file that is named, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) place: Place,
    title: Option<String>,
    /// The playlist that names it, and the line.
    named_in: Option<(PathBuf, usize)>,
}

/// Reads all files; folders stand for the files in them, and playlists for those they name. `scan` is shown each song,
/// `warn` is told of each defect that lenient reading passes.
pub(super) fn read(
    paths: &[PathBuf],
    reading: Reading,
    mut scan: impl FnMut(&Song),
    mut warn: impl FnMut(String),
) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    for (source, path) in paths.iter().enumerate() {
        for entry in expand(path, source)? {
            let (piece, song) = entry.read(reading, &mut warn)?;
            scan(&song);
            pieces.push(piece);
        }
    }
    Ok(pieces)
}

impl Entry {
    /// Reads and checks the file.
    pub(super) fn read(self, reading: Reading, warn: &mut impl FnMut(String)) -> Result<(Piece, Song)> {
        let piece = Piece::read(self.path, self.place, self.title, reading, warn);
        piece.map_err(|failure| match &self.named_in {
            Some((playlist, line)) => failure.within(&at(playlist, *line)),
            None => failure,
        })
    }
}

/// The file itself, the Standard MIDI Files in a folder in the order of their names, or what a playlist names.
fn expand(path: &Path, source: usize) -> Result<Vec<Entry>> {
    if !m3u::is_playlist(path) || path.is_dir() {
        return files(path, source, 0);
    }
    let octets = fs::read(path).map_err(|error| unreadable(path, &error))?;
    let listed = m3u::parse(&octets, path.parent().unwrap_or(Path::new("")));
    let listed = listed.map_err(|m3u::Error { line, reason }| Failure::new(reason).within(&at(path, line)))?;
    let mut entries = Vec::new();
    for m3u::Entry { line, path: name, title } in listed {
        if m3u::is_playlist(&name) {
            return Err(Failure::new("a playlist in a playlist is not played").within(&at(path, line)));
        }
        let named = files(&name, source, line).map_err(|failure| failure.within(&at(path, line)))?;
        let named_in = Some((path.to_owned(), line));
        entries.extend(named.into_iter().map(|file| Entry {
            title: title.clone(),
            named_in: named_in.clone(),
            ..file
        }));
    }
    if entries.is_empty() {
        return Err(Failure::new(format!("playlist {} names no files", path.display())));
    }
    Ok(entries)
}

fn at(playlist: &Path, line: usize) -> String {
    format!("{}, line {line}", playlist.display())
}

/// The file itself, or those in a folder, of which there must be one.
fn files(path: &Path, source: usize, line: usize) -> Result<Vec<Entry>> {
    if !path.is_dir() {
        return Ok(vec![Entry::new(path.to_owned(), source, line)]);
    }
    let entries = folder(path, source, line)?;
    if entries.is_empty() {
        return Err(Failure::new(format!("folder {} has no Standard MIDI Files in it", path.display()))
            .hint("files named *.mid, *.midi or *.smf are played"));
    }
    Ok(entries)
}

/// The Standard MIDI Files in a folder, in the order of their names.
pub(super) fn folder(path: &Path, source: usize, line: usize) -> Result<Vec<Entry>> {
    let entries = fs::read_dir(path).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let mut files: Vec<PathBuf> = entries
        .map_err(|error| unreadable(path, &error))?
        .into_iter()
        .map(|entry| entry.path())
        .filter(|file| has_known_suffix(file) && file.is_file())
        .collect();
    files.sort();
    Ok(files.into_iter().map(|file| Entry::new(file, source, line)).collect())
}

impl Entry {
    fn new(path: PathBuf, source: usize, line: usize) -> Self {
        Self { place: Place { source, line, path: path.clone() }, path, title: None, named_in: None }
    }
}

fn has_known_suffix(file: &Path) -> bool {
    let suffix = file.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
    ["mid", "midi", "smf"].iter().any(|known| suffix.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
    fn a_playlist_stands_for_what_it_names() {
        let folder = Folder::new("m3u");
        for name in ["b.mid", "sub/a.mid", "sub/c.mid"] {
            fs::create_dir_all(folder.0.join("sub")).unwrap();
            folder.file(name, &song(name.as_bytes()));
        }
        let titles = |text: &str| {
            let pieces = strictly(&folder.file("x.M3U8", text.as_bytes()))?;
            Ok::<_, Failure>(pieces.into_iter().map(|piece| piece.title).collect::<Vec<_>>())
        };
        assert_eq!(
            titles("#EXTINF:2,First\nsub/c.mid\nb.mid\nsub").unwrap(),
            ["First", "b.mid", "sub/a.mid", "sub/c.mid"]
        );
        for (text, words) in [
            ("b.mid\nnone.mid\n", "x.M3U8, line 2: cannot read "),
            ("# nothing\n", "x.M3U8 names no files"),
            ("x.m3u", "x.M3U8, line 1: a playlist in a playlist"),
            ("\nhttp://a/b", "x.M3U8, line 2: http://a/b is not a file"),
        ] {
            let said = titles(text).unwrap_err().to_string();
            assert!(said.contains(words), "{said}");
        }
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
