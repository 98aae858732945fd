//! What a channel plays, as the command line names it.

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use super::input::Input;

/// A file, a folder or a playlist; or a live source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Source {
    Path(PathBuf),
    Live(Input),
}

impl From<OsString> for Source {
    fn from(text: OsString) -> Self {
        match text.to_str() {
            Some("-") => Self::Live(Input::Stdin),
            Some(text) if text.starts_with(ALSA) => Self::Live(Input::Alsa(text[ALSA.len()..].to_owned())),
            Some(text) if text.starts_with(APPLEMIDI) => {
                Self::Live(Input::AppleMidi(text[APPLEMIDI.len()..].to_owned()))
            }
            Some(text) if text.starts_with(IPMIDI) => Self::Live(Input::IpMidi(text[IPMIDI.len()..].to_owned())),
            _ => Self::Path(text.into()),
        }
    }
}

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(OsString::from(text).into())
    }
}

/// What stands in front of a port of the ALSA sequencer. A file of such a name is `./alsa:…`.
const ALSA: &str = "alsa:";

/// What stands in front of an AppleMIDI session.
const APPLEMIDI: &str = "applemidi:";

/// What stands in front of a port of raw multicast MIDI.
const IPMIDI: &str = "ipmidi:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_source_is_known_by_its_first_characters() {
        for (text, source) in [
            ("-", Source::Live(Input::Stdin)),
            ("alsa:24:0", Source::Live(Input::Alsa("24:0".into()))),
            ("applemidi:Mike's Mac", Source::Live(Input::AppleMidi("Mike's Mac".into()))),
            ("ipmidi:2@eth0", Source::Live(Input::IpMidi("2@eth0".into()))),
            ("./alsa:x.mid", Source::Path("./alsa:x.mid".into())),
            ("--x", Source::Path("--x".into())),
        ] {
            assert_eq!(text.parse(), Ok(source));
        }
    }
}
