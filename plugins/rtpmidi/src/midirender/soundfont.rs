//! Where soundfonts are.

use std::path::{Path, PathBuf};

/// The soundfont to use where none is named: the system's default, or else the first there is.
pub fn find_soundfont() -> Option<PathBuf> {
    find_in(&["/usr/share/soundfonts/default.sf2", "/usr/share/sounds/sf2"].map(Path::new))
}

/// The first of `places` that is a soundfont, or the first soundfont, by name, of those that are folders.
fn find_in(places: &[&Path]) -> Option<PathBuf> {
    places.iter().find_map(|place| {
        if place.is_file() {
            return Some(place.to_path_buf());
        }
        let entries = place.read_dir().ok()?.filter_map(Result::ok).map(|entry| entry.path());
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "sf2") && path.is_file()).min()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_taken_as_it_is_and_a_folder_gives_its_first() {
        let folder = std::env::temp_dir().join(format!("soundfonts-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["b.sf2", "a.sf2", "0.txt"] {
            std::fs::write(folder.join(name), []).unwrap();
        }
        let missing = Path::new("/no/such/place");
        assert_eq!(find_in(&[missing, &folder]), Some(folder.join("a.sf2")));
        assert_eq!(find_in(&[&folder.join("b.sf2"), &folder]), Some(folder.join("b.sf2")));
        assert_eq!(find_in(&[missing]), None);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
