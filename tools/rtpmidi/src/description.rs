//! Session descriptions as files: reading them, and what stands in all that this program writes.

use std::fs;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rtp_midi_sdp::Origin;

use crate::failure::{Failure, Result};

/// Longer descriptions are none: an RTP MIDI stream with all its parameters takes a few hundred octets.
const LONGEST: u64 = 1 << 20;

/// `a=tool`.
pub(crate) const TOOL: &str = concat!("rtpmidi ", env!("CARGO_PKG_VERSION"));

/// The payload type of our streams: the first of those that a description assigns.
pub(crate) const PAYLOAD_TYPE: u8 = 96;

/// RTP ticks per second of our streams: a rate in common use for audio (RFC 6295, 2.1), so that a listener can play in
/// step.
pub(crate) const CLOCK_RATE: u32 = 44_100;

/// The octets of the file `path`, or of stdin for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let unreadable = |error| Failure::new(format!("cannot read {}: {error}", path.display()));
    let mut text = Vec::new();
    if path.as_os_str() == "-" {
        io::stdin().take(LONGEST).read_to_end(&mut text).map_err(unreadable)?;
    } else {
        let file = fs::File::open(path).map_err(unreadable)?;
        file.take(LONGEST).read_to_end(&mut text).map_err(unreadable)?;
    }
    Ok(text)
}

/// Where the octet of this number stands in a text: `:line:column`, both counted from 1.
pub(crate) fn place(text: &str, octet: usize) -> String {
    let before = text.get(..octet).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!(":{line}:{column}")
}

/// A text from elsewhere as it may stand on a terminal: without characters that would steer it.
pub(crate) fn printable(text: &str) -> String {
    text.replace(|c: char| c.is_control() && c != '\n', "\u{FFFD}")
}

/// The origin of a description that is made now, here.
pub(crate) fn origin(address: IpAddr) -> Origin {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Origin::new(now, now, address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_steers_no_terminal() {
        assert_eq!(printable("s=\u{1b}[2J\n\tä"), "s=\u{FFFD}[2J\n\u{FFFD}ä");
    }

    #[test]
    fn a_missing_file_is_named() {
        let failure = read(Path::new("/nonexistent/x.sdp")).unwrap_err().to_string();
        assert!(failure.starts_with("error: cannot read /nonexistent/x.sdp: "), "{failure}");
    }
}
