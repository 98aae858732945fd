//! GStreamer: whether the elements are installed that the program's subcommands are made of.

use super::finding::Finding;
use crate::elements::{self, package};

const CHECK: &str = "gstreamer";

/// Elements, what does not work without them, and whether that is all of it.
const NEEDED: [(&[&str], &str, Need); 4] = [
    (
        &["appsrc", "appsink", "audioconvert", "rtpbin", "udpsrc", "multiudpsink"],
        "broadcast, listen and relay",
        Need::Must,
    ),
    (&["fluiddec", "autoaudiosink", "wavenc"], "listen --play and --wav", Need::May),
    (&["srtpenc", "srtpdec"], "streams that are encrypted", Need::May),
    (&["rtspclientsink"], "broadcast --publish", Need::May),
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Need {
    Must,
    May,
}

/// Looks for each element.
pub(super) fn check() -> Vec<Finding> {
    if let Err(failure) = elements::start() {
        return vec![Finding::failure(CHECK, failure.message(), "apt install gstreamer1.0-plugins-base")];
    }
    judge(elements::is_there)
}

fn judge(is_there: impl Fn(&str) -> bool) -> Vec<Finding> {
    let missing = |(elements, what, need): &(&[&str], &str, Need)| {
        let missing: Vec<&str> = elements.iter().copied().filter(|element| !is_there(element)).collect();
        let first = missing.first()?;
        let words = format!("without {} there is no {what}", missing.join(", "));
        let mut packages: Vec<&str> = missing.iter().filter_map(|element| package(element)).collect();
        packages.dedup();
        let mend = match packages[..] {
            [] => format!("gst-inspect-1.0 {first}   (says why it is not found)"),
            _ => format!("apt install {}", packages.join(" ")),
        };
        Some(match need {
            Need::Must => Finding::failure(CHECK, words, mend),
            Need::May => Finding::warning(CHECK, words, mend),
        })
    };
    let mut findings: Vec<Finding> = NEEDED.iter().filter_map(missing).collect();
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "all elements are there"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_names_what_it_is_for_and_its_package() {
        assert_eq!(judge(|_| true).len(), 1);
        let words: Vec<String> =
            judge(|element| !["udpsrc", "fluiddec"].contains(&element)).iter().map(ToString::to_string).collect();
        assert!(
            words[0].starts_with("failure") && words[0].ends_with("apt install gstreamer1.0-plugins-good"),
            "{words:?}"
        );
        assert!(words[1].starts_with("warning") && words[1].contains("no listen --play"), "{words:?}");
    }
}
