//! A file that can be played: what it is called, how long it is, and its music.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use smf_timeline::{Body, Meta, Song, TextKind, decode_text};

use super::metadata::Libretto;
use crate::failure::{Failure, Result};

/// A file that has been read and checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Piece {
    pub(crate) path: PathBuf,
    /// Where it stands in the programme.
    pub(crate) place: Place,
    /// The name that a playlist gives it, or it gives itself, or its file name.
    pub(crate) title: String,
    pub(crate) duration: Duration,
    /// What it says beside its notes.
    pub(crate) libretto: Arc<Libretto>,
    /// The message that tells players with few voices what to leave out, where that is sent.
    pub(crate) mip: Option<Vec<u8>>,
    /// Of the octets that were checked.
    print: u64,
}

/// A place in a programme: which of its sources, which line of that, and which file of a folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Place {
    pub(crate) source: usize,
    pub(crate) line: usize,
    pub(crate) path: PathBuf,
}

/// How strictly files are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reading {
    /// The first defect is an error.
    Strict,
    /// What can be read is played.
    Lenient,
}

impl Piece {
    /// Reads and checks a file, which a playlist may have given a title. `warn` is told of each defect that lenient
    /// reading passes.
    pub(crate) fn read(
        path: PathBuf,
        place: Place,
        title: Option<String>,
        reading: Reading,
        warn: &mut impl FnMut(String),
    ) -> Result<(Self, Song)> {
        let octets = octets(&path)?;
        let song = song(&path, &octets, reading, warn)?;
        let title = title.or_else(|| own_title(&song)).unwrap_or_else(|| file_name(&path));
        let duration = Duration::from_nanos(song.duration());
        let libretto = Arc::new(Libretto::of(&song, &title));
        Ok((Self { path, place, title, duration, libretto, mip: None, print: print(&octets) }, song))
    }

    /// The octets of the file, if they are still those that were checked.
    pub(crate) fn octets(&self) -> Result<Vec<u8>> {
        let octets = octets(&self.path)?;
        if print(&octets) == self.print {
            Ok(octets)
        } else {
            Err(Failure::new(format!("{} has changed since it was checked", self.path.display())))
        }
    }

    /// The music again; defects that lenient reading passes have been told of.
    pub(crate) fn song(&self, reading: Reading) -> Result<Song> {
        song(&self.path, &self.octets()?, reading, &mut |_| ())
    }

    /// A piece of this name that is nowhere.
    #[cfg(test)]
    pub(crate) fn named(name: &str) -> Self {
        let place = Place { path: name.into(), ..Place::default() };
        let title = file_name(Path::new(name));
        let (duration, libretto) = (Duration::ZERO, Arc::default());
        Self { path: name.into(), place, title, duration, libretto, mip: None, print: 0 }
    }
}

fn octets(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| unreadable(path, &error))
}

fn print(octets: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    octets.hash(&mut hasher);
    hasher.finish()
}

fn song(path: &Path, octets: &[u8], reading: Reading, warn: &mut impl FnMut(String)) -> Result<Song> {
    match (Song::read(octets, 0), reading) {
        (Ok(song), _) => Ok(song),
        (Err(error), Reading::Strict) => {
            let failure = Failure::new(format!("{}: {error}", path.display()));
            Err(match Song::salvage(octets, 0) {
                Ok(_) => failure.hint("--lenient plays what can be read of it"),
                Err(worse) => worse.hint().map_or(failure.clone(), |hint| failure.hint(hint)),
            })
        }
        (Err(_), Reading::Lenient) => {
            let (song, defects) =
                Song::salvage(octets, 0).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
            for defect in &defects {
                warn(format!("warning: {}: {defect}", path.display()));
            }
            Ok(song)
        }
    }
}

/// The name of the sequence: the track name in the first track.
fn own_title(song: &Song) -> Option<String> {
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

pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot read {}: {error}", path.display()))
}
