//! What the linter says of descriptions in the wild: the examples of the RFCs, whose faults are known, and those that
//! PipeWire and GStreamer write; and of each of them with one more thing broken.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use rtp_midi_sdp::lint::{Application, lint_for};
use rtp_midi_sdp::{Diagnostic, Session, lint};

const EXAMPLES: &str = include_str!("data/rfc-examples.txt");
const PIPEWIRE: &str = include_str!("data/pipewire-1.4.2.sdp");
const GSTREAMER: &str = include_str!("data/gstreamer-1.22.sdp");

/// The examples of the RFCs in order, with the line ends that they cannot show.
fn examples() -> Vec<(&'static str, String)> {
    let all = EXAMPLES.split("# ").skip(1).filter_map(|example| example.split_once('\n'));
    all.map(|(name, text)| (name, text.trim_end().replace('\n', "\r\n") + "\r\n")).collect()
}

fn others() -> [(&'static str, String); 2] {
    [("PipeWire 1.4.2", PIPEWIRE.to_owned()), ("GStreamer 1.22", GSTREAMER.to_owned())]
}

/// Where and which, without words.
fn short(diagnostic: &Diagnostic) -> String {
    diagnostic.to_string().split("]: ").next().unwrap_or_default().to_owned() + "]"
}

fn shorts(text: &str) -> Vec<String> {
    lint(text).iter().map(short).collect()
}

/// A description and what is to be said of it.
type Expected = (&'static str, &'static [&'static str]);

/// A file inside a General MIDI object is the RFC's own practice (SE.4-11), `http` was in order then (S9-03), and `c=`
/// stands behind `t=` or `a=` in several.
const FAULTS: [Expected; 22] = [
    ("RFC 6295, 6.1", &[]),
    ("RFC 6295, 6.2", &["8:61: note[SE.4-11]"]),
    ("RFC 6295, C.1", &["8:21: error[SC.1-09]"]),
    ("RFC 6295, C.2.1", &["8:11: note[SC.2.1-04]"]),
    ("RFC 6295, C.2.3", &["8:168: warning[S4-13]"]),
    ("RFC 6295, C.3.2", &[]),
    ("RFC 6295, C.3.3", &[]),
    ("RFC 6295, C.4.1", &[]),
    ("RFC 6295, C.4.2", &[]),
    ("RFC 6295, C.5", &["6:1: error[RFC 8866 5]", "10:61: note[SE.4-11]"]),
    ("RFC 6295, C.5", &["10:125: warning[S9-03]"]),
    ("RFC 6295, C.5", &["6:1: error[RFC 8866 5]", "11:61: note[SE.4-11]", "16:61: note[SE.4-11]"]),
    ("RFC 6295, C.6.5", &["8:107: note[SE.4-11]"]),
    ("RFC 6295, C.6.5", &["8:112: warning[S9-03]"]),
    (
        "RFC 6295, C.7.2",
        &[
            "6:1: error[RFC 8866 5]",
            "11:289: warning[AMB-21]",
            "11:401: note[SE.4-11]",
            "16:101: warning[SD-04]",
            "16:290: warning[AMB-21]",
            "16:402: note[SE.4-11]",
        ],
    ),
    (
        "RFC 6295, C.7.2",
        &[
            "6:1: error[RFC 8866 5]",
            "11:289: warning[AMB-21]",
            "11:403: note[SE.4-11]",
            "16:289: warning[AMB-21]",
            "16:401: note[SE.4-11]",
        ],
    ),
    ("RFC 4696, 2, Fig 1", &["5:1: error[RFC 8866 5]", "11:259: error[SC.6.3-03]", "11:283: warning[S9-03]"]),
    (
        "RFC 4696, 2, Fig 2",
        &[
            "5:1: error[RFC 8866 5]",
            "11:170: warning[SD-04]",
            "11:182: warning[SD-04]",
            "11:258: error[SC.6.3-03]",
            "11:282: warning[S9-03]",
        ],
    ),
    ("RFC 4571, 5, Fig 3", &["5:1: error[RFC 8866 5]", "6:1: warning[RFC 6295 6]"]),
    ("RFC 4571, 5, Fig 4", &["5:1: error[RFC 8866 5]", "6:1: warning[RFC 6295 6]"]),
    ("PipeWire 1.4.2", &["1:4: note[RFC 8866 5]", "7:13: warning[S2.1-08]", "10:3: error[SC.4.1-07]"]),
    ("GStreamer 1.22", &["13:27: warning[SD-04]", "13:50: warning[SD-04]"]),
];

#[test]
fn the_faults_of_each_are_known() {
    let all = examples().into_iter().chain(others());
    let found: Vec<_> = all.map(|(name, text)| (name, shorts(&text))).collect();
    let expected: Vec<_> =
        FAULTS.iter().map(|(name, faults)| (*name, faults.iter().map(|&fault| fault.to_owned()).collect())).collect();
    assert_eq!(found, expected);
}

#[test]
fn all_of_them_can_be_read() {
    for (name, text) in examples().into_iter().chain(others()) {
        assert!(Session::parse(text.as_bytes()).is_ok(), "{name}");
    }
}

/// What to change in each of them, in their order, and what that adds to what is said.
const BROKEN: [(&str, &str, &str); 22] = [
    ("rtp-midi/44100", "rtp-midi", "7:13: error[S6.1-01]"),
    ("streamtype=5", "streamtype=4", "8:11: error[S6.2-06]"),
    ("01_01__", "01_1__", "8:60: error[SD-08]"),
    ("j_sec=none", "j_sec=none; j_update=fast", "8:23: error[SC.2.2-03]"),
    ("ch_anchor=P; ", "", "8:11: error[SC.2.2.3-02]"),
    ("tsmode=async", "tsmode=exact", "9:11: error[SC.3-01]"),
    ("mperiod=44", "mperiod=0", "9:56: error[SC.3.3-02]"),
    ("rtp_ptime=0", "rtp_ptime=5", "8:11: warning[SC.4.1-04]"),
    ("guardtime=44100", "guardtime=0", "8:11: error[SD-10]"),
    ("a=mid:2\r\n", "", "13:72: error[SC.5-07]"),
    ("musicport=6", "musicport=5", "10:72: error[SC.5-04]"),
    ("a=recvonly", "a=recvonly\r\na=sendonly", "14:3: error[RFC 8866 6.7]"),
    ("audio/asc", "application/asc", "8:90: error[SC.6.3-04]"),
    ("; cid", "; inline=\"egoAAAAAAA==\"; cid", "8:142: error[SC.6.3-06]"),
    ("cm_used=2M0.1.2", "cm_used=2M0.1-1", "11:163: error[SD-06]"),
    ("rtp_maxptime=882", "rtp_maxptime=0882", "11:320: error[SD-10]"),
    ("b=RR:400", "b=RR:0", "9:6: error[SC.2.2.2-01]"),
    ("render=synthetic", "render=api", "11:240: error[SC.6.5-06]"),
    ("t=0 0", "t=0", "4:3: error[RFC 8866 5.9]"),
    ("s=Example", "s=", "3:1: error[RFC 8866 5.3]"),
    ("239.1.2.3/1", "239.1.2.3", "4:10: error[RFC 8866 5.7]"),
    ("m=audio", "m=application", "10:3: error[S11.1-01]"),
];

#[test]
fn one_more_fault_in_each_is_the_one_thing_that_is_new() {
    let mut found = Vec::new();
    for ((name, text), (from, to, _)) in examples().into_iter().chain(others()).zip(BROKEN) {
        assert!(text.contains(from), "{name}: {from}");
        let mut new = shorts(&text.replacen(from, to, 1));
        // Lines and columns behind the change are others than before; a rule says the same.
        let rule = |short: &String| short.rsplit(' ').next().map(str::to_owned);
        for before in shorts(&text) {
            let same = new.iter().position(|short| rule(short) == rule(&before));
            new.remove(same.unwrap_or_else(|| panic!("{name} with {to} no longer has {before}")));
        }
        found.push((from, to, new));
    }
    assert_eq!(found, BROKEN.map(|(from, to, expected)| (from, to, vec![expected.to_owned()])));
}

#[test]
fn the_offer_and_the_answer_of_the_rfc_follow_its_guidelines() {
    let of = |number: usize| examples().swap_remove(number).1;
    for (text, application) in [(of(14), Application::PerformanceOffer), (of(15), Application::PerformanceAnswer)] {
        let all = lint(&text);
        assert_eq!(lint_for(&text, Some(application)), all);
    }
    let minimal: Vec<_> = lint_for(&of(0), Some(Application::PerformanceOffer)).iter().map(short).collect();
    let missing = ["SC.7.2-07", "SC.7.2-15", "SC.7.2-15", "SC.7.2-15", "SC.7.2-19"];
    assert_eq!(minimal, missing.map(|requirement| format!("7:27: error[{requirement}]")));
}
