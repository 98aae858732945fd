//! The files of the programme on demand: each client has a stream of its own, which it may pause and wind.

use std::path::Path;
use std::sync::Arc;

use super::factory::{Factory, Sharing};
use super::form::Form;
use super::media::Words;
use super::stream;
use crate::caps;
use crate::cmd::broadcast::name::segment;
use crate::cmd::broadcast::piece::{Piece, Reading};
use crate::description::{CLOCK_RATE, PAYLOAD_TYPE};
use crate::elements;
use rtp_midi::Config;

/// A file as it is served.
#[derive(Clone)]
pub(in crate::cmd::broadcast) struct File {
    pub(in crate::cmd::broadcast) piece: Arc<Piece>,
    /// What its stream does without, from a scan of this file.
    pub(in crate::cmd::broadcast) config: Config,
}

/// The names of the parser and the payloader in a client's pipeline.
pub(super) const PARSE: &str = "parse";
pub(super) const PAY: &str = "pay";

impl File {
    /// A factory of streams of this file.
    pub(super) fn factory(&self, reading: Reading, form: Form) -> Factory {
        let (path, config) = (self.piece.path.clone(), form.config(&self.config));
        let stream = stream(&config);
        let parameters = stream.parameters.to_string();
        let words = Words { title: self.piece.title.clone(), stream, reports: None };
        Factory::new(Sharing::Nobody, words, move || {
            let file = elements::with("filesrc", &[("location", &path)])?;
            let parse = elements::with("smfparse", &[("name", &PARSE), ("lenient", &(reading == Reading::Lenient))])?;
            let fresh = u64::from(config.fresh) * 1_000_000_000 / u64::from(CLOCK_RATE);
            let pay = elements::with(
                "rtpmidipay",
                &[
                    ("name", &PAY),
                    ("pt", &u32::from(PAYLOAD_TYPE)),
                    ("mtu", &(config.mtu as u32)),
                    ("fmtp", &parameters),
                    ("fresh", &fresh),
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
