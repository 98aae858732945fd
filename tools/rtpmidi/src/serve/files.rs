//! The files of the programme on demand: each client has a stream of its own, which it may pause and wind.

use std::path::Path;
use std::sync::Arc;

use super::access::Access;
use super::factory::{Factory, Sharing};
use super::form::Form;
use super::media::Words;
use super::stream;
use crate::caps;
use crate::cmd::broadcast::mip;
use crate::cmd::broadcast::name::segment;
use crate::cmd::broadcast::piece::{Piece, Reading};
use crate::cmd::broadcast::programme::ptime_multiple;
use crate::description::{CLOCK_RATE, PAYLOAD_TYPE};
use crate::elements;
use crate::srtp;
use rtp_midi::Config;
use rtp_midi_sdp::Clocks;

/// A file as it is served.
#[derive(Clone)]
pub(crate) struct File {
    pub(crate) piece: Arc<Piece>,
    /// What its stream does without, from a scan of this file.
    pub(crate) config: Config,
}

/// The names of the parser and the payloader in a client's pipeline.
pub(super) const PARSE: &str = "parse";
pub(super) const PAY: &str = "pay";

impl File {
    /// A factory of streams of this file.
    pub(super) fn factory(&self, reading: Reading, form: Form, access: &Access) -> Factory {
        let (path, config, mip) = (self.piece.path.clone(), form.config(&self.config), self.piece.mip.clone());
        let stream = stream(&config);
        let parameters = stream.parameters.to_string();
        let suite = access.suite();
        let title = self.piece.title.clone();
        let length = gst::ClockTime::try_from(self.piece.duration).ok();
        let words = Words { title, stream, clocks: Clocks::default(), reports: None, length };
        Factory::new(Sharing::Nobody, words, move || {
            let file = elements::with("filesrc", &[("location", &path)])?;
            let parse = elements::with("smfparse", &[("name", &PARSE), ("lenient", &(reading == Reading::Lenient))])?;
            let music = elements::pad(&parse, "src")?;
            if let Some(message) = &mip {
                mip::put(&music, message);
            }
            let fresh = u64::from(config.fresh) * 1_000_000_000 / u64::from(CLOCK_RATE);
            let pay = elements::with(
                "rtpmidipay",
                &[
                    ("name", &PAY),
                    ("pt", &u32::from(PAYLOAD_TYPE)),
                    ("mtu", &(config.mtu as u32)),
                    ("fmtp", &parameters),
                    ("ptime-multiple", &ptime_multiple(&config)),
                    ("fresh", &fresh),
                    ("seqnum-offset", &suite.map_or(-1, |_| srtp::first_sequence())),
                ],
            )?;
            let caps = gst::Caps::builder("application/x-rtp")
                .field("encoding-name", caps::encoding_name(config.format))
                .build();
            let filter = elements::with("capsfilter", &[("caps", &caps)])?;
            Ok(vec![file, parse, pay, filter])
        })
    }
}

/// The name of a file on the server: its own, percent-encoded; of several with one name all but the first are numbered.
pub(super) fn free_name(file: &Path, is_free: impl Fn(&str) -> bool) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let (stem, suffix) = name.rsplit_once('.').unwrap_or((&name, ""));
    let (mut free, mut number) = (segment(&name), 1);
    while !is_free(&free) {
        number += 1;
        free = segment(&format!("{stem}-{number}.{suffix}"));
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_a_path_of_its_own() {
        let mut names: Vec<String> = Vec::new();
        for path in ["a/Canon in D.mid", "b/x.mid", "c/x.mid", "d/x.mid", "Träume.smf"] {
            let name = free_name(Path::new(path), |name| names.iter().all(|other| other != name));
            names.push(name);
        }
        assert_eq!(names, ["Canon%20in%20D.mid", "x.mid", "x-2.mid", "x-3.mid", "Tr%C3%A4ume.smf"]);
    }
}
