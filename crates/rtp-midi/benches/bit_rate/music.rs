//! The songs that `tests/corpus` fetches into `target/corpus`.

use std::fs;
use std::path::{Path, PathBuf};

use rtp_midi::midi::Command;
use smf_timeline::{Body, Song};

/// All songs that last between ten seconds and twenty minutes: a few files of test suites last no time, or a night.
pub(crate) fn songs() -> Vec<Song> {
    let mut paths = Vec::new();
    files(&folder(), &mut paths);
    paths.sort();
    paths
        .iter()
        .filter_map(|path| Song::read(&fs::read(path).ok()?, 0).ok())
        .filter(|song| (10..1200).contains(&(song.duration() / 1_000_000_000)))
        .collect()
}

/// Where they are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/corpus")
}

/// The commands of a song, each with its nanoseconds from the start.
pub(crate) fn commands(song: &Song) -> impl Iterator<Item = (u64, Command<'_>)> {
    song.events().filter_map(|event| match event.body {
        Body::Message(octets) => Command::decode(octets).ok().map(|(command, _)| (event.time, command)),
        Body::Meta(_) => None,
    })
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        if path.is_dir() {
            files(&path, found);
        } else if ["mid", "midi"].iter().any(|known| ending == *known) {
            found.push(path);
        }
    }
}
