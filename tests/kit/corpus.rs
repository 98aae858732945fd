//! Music by others: every song below `RTPMIDI_CORPUS` or `target/corpus`, which `tests/corpus` fills.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One song.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Where it is from, for messages.
    pub name: String,
    /// The Standard MIDI File.
    pub file: Vec<u8>,
}

/// All songs, each once, in an order that does not change. Says so when there are none.
pub fn pieces() -> Vec<Piece> {
    let root = root();
    let mut pieces = Vec::new();
    for path in files(&root) {
        let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        let Ok(octets) = fs::read(&path) else { continue };
        if has_extension(&path, &["wad"]) {
            let lumps = songs_of_game(&octets);
            pieces.extend(lumps.into_iter().map(|(lump, file)| Piece { name: format!("{name}:{lump}"), file }));
        } else if has_extension(&path, &["mid", "midi"]) {
            pieces.push(Piece { name, file: octets });
        }
    }
    let mut known = HashSet::new();
    pieces.retain(|piece| known.insert(piece.file.clone()));
    if pieces.is_empty() {
        println!("skipped: no music in {}; tests/corpus fetches some", root.display());
    }
    pieces
}

fn root() -> PathBuf {
    std::env::var_os("RTPMIDI_CORPUS").map_or_else(|| crate::pipeline::target().join("corpus"), PathBuf::from)
}

fn files(root: &Path) -> Vec<PathBuf> {
    // Where the distribution puts songs when the package is installed.
    let installed = PathBuf::from("/usr/share/games/openttd/baseset/openmsx");
    let mut folders = vec![root.to_path_buf(), installed];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|own| extensions.iter().any(|extension| own.eq_ignore_ascii_case(extension)))
}

/// The Standard MIDI Files among the lumps of a WAD: a header, lumps, and a directory of 16 octets for each:
/// where it starts, how long it is, its name.
fn songs_of_game(wad: &[u8]) -> Vec<(String, Vec<u8>)> {
    let word = |at: usize| {
        let octets = wad.get(at..at + 4).map_or([0; 4], |octets| [octets[0], octets[1], octets[2], octets[3]]);
        u32::from_le_bytes(octets) as usize
    };
    let (count, directory) = (word(4), word(8));
    let entries = (0..count).map(|index| directory + 16 * index);
    entries
        .filter_map(|entry| {
            let lump = wad.get(word(entry)..word(entry) + word(entry + 4))?;
            let name = String::from_utf8_lossy(wad.get(entry + 8..entry + 16)?);
            lump.starts_with(b"MThd").then(|| (name.trim_end_matches('\0').to_owned(), lump.to_vec()))
        })
        .collect()
}
