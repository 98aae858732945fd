//! M3U playlists: a file in each line, comments behind `#`, of which `#EXTINF` has the title of the next file.

use std::path::{Path, PathBuf};

use gst::glib;
use smf_timeline::decode_text;

/// A line that names something to play.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) path: PathBuf,
    pub(super) title: Option<String>,
}

/// What a line cannot be, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Error {
    pub(super) line: usize,
    pub(super) reason: String,
}

/// The entries of a playlist in `folder`, to which its paths are relative.
pub(super) fn parse(octets: &[u8], folder: &Path) -> Result<Vec<Entry>, Error> {
    let octets = octets.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(octets);
    let (mut entries, mut title) = (Vec::new(), None);
    for (line, octets) in (1..).zip(octets.split(|&octet| octet == b'\n')) {
        match decode_text(octets).trim() {
            "" => {}
            comment if comment.starts_with('#') => title = told(comment).or(title),
            name => {
                let path = path(name).map_err(|reason| Error { line, reason })?;
                entries.push(Entry { line, path: folder.join(path), title: title.take() });
            }
        }
    }
    Ok(entries)
}

/// Whether a file of this name is a playlist.
pub(super) fn is_playlist(path: &Path) -> bool {
    let suffix = path.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
    ["m3u", "m3u8"].iter().any(|known| suffix.eq_ignore_ascii_case(known))
}

/// The title in `#EXTINF:SECONDS,TITLE`.
fn told(comment: &str) -> Option<String> {
    let (_, title) = comment.strip_prefix("#EXTINF:")?.split_once(',')?;
    let title = title.trim();
    (!title.is_empty()).then(|| title.to_owned())
}

fn path(name: &str) -> Result<PathBuf, String> {
    let Some((scheme, _)) = name.split_once("://") else { return Ok(name.into()) };
    if !scheme.eq_ignore_ascii_case("file") {
        return Err(format!("{name} is not a file of this machine"));
    }
    match glib::filename_from_uri(name) {
        Ok((path, None)) => Ok(path),
        Ok((path, Some(host))) if host == "localhost" => Ok(path),
        Ok((_, Some(host))) => Err(format!("{name} is a file of {host}, not of this machine")),
        Err(error) => Err(format!("{name}: {}", error.message())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &[u8]) -> Vec<(usize, String, Option<String>)> {
        let entries = parse(text, Path::new("/music")).unwrap();
        entries.into_iter().map(|entry| (entry.line, entry.path.display().to_string(), entry.title)).collect()
    }

    #[test]
    fn names_are_relative_to_the_playlist_and_titles_stand_in_front_of_them() {
        let text =
            "#EXTM3U\r\n#EXTINF:123,Pachelbel - Canon\r\ncanon.mid\r\n\r\n# a comment\r\nfuga/1.mid\r\n/abs/x.mid\r\n";
        assert_eq!(
            entries(text.as_bytes()),
            [
                (3, "/music/canon.mid".into(), Some("Pachelbel - Canon".into())),
                (6, "/music/fuga/1.mid".into(), None),
                (7, "/abs/x.mid".into(), None),
            ]
        );
    }

    #[test]
    fn a_playlist_is_utf_8_with_or_without_a_mark_or_latin_1() {
        for text in ["\u{FEFF}Träume.mid".as_bytes(), "Träume.mid".as_bytes(), b"Tr\xE4ume.mid"] {
            assert_eq!(entries(text), [(1, "/music/Träume.mid".into(), None)]);
        }
    }

    #[test]
    fn file_urls_are_files() {
        assert_eq!(entries(b"file:///a/b%20c.mid"), [(1, "/a/b c.mid".into(), None)]);
        assert_eq!(entries(b"FILE://localhost/a.mid"), [(1, "/a.mid".into(), None)]);
    }

    #[test]
    fn what_is_elsewhere_is_refused_with_its_line() {
        for (text, reason) in [
            ("a.mid\nhttp://example.net/x.mid", "http://example.net/x.mid is not a file of this machine"),
            ("a.mid\nfile://nas/x.mid", "file://nas/x.mid is a file of nas, not of this machine"),
        ] {
            assert_eq!(parse(text.as_bytes(), Path::new("")), Err(Error { line: 2, reason: reason.to_owned() }));
        }
        assert_eq!(parse(b"#\nfile://x%zz", Path::new("")).unwrap_err().line, 2);
    }
}
