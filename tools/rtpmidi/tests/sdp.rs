//! `rtpmidi sdp`: what is written passes the linter, what is wrong is told with its place, and two ends agree.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod kit;

use std::fmt::Write;

use kit::{Ended, Folder, Program, argument};
use proptest::prelude::*;
use serde_json::Value;

fn sdp(arguments: &[&str]) -> Ended {
    Program::start(&[&["sdp"], arguments].concat()).finish()
}

/// The description that these flags make, in a file.
fn described(folder: &Folder, name: &str, flags: &[&str]) -> String {
    let new = sdp(&[&["new"], flags].concat());
    assert_eq!(new.code, Some(0), "{flags:?}: {new:?}");
    argument(&folder.write(name, new.stdout.as_bytes())).to_owned()
}

fn is_clean(file: &str) {
    let check = sdp(&["check", file]);
    assert_eq!((check.code, check.stdout.as_str()), (Some(0), ""), "{check:?}");
    assert!(check.stderr.ends_with("nothing to say against\n"), "{check:?}");
}

/// The lines of a description but for those that tell when it was made.
fn lines(description: &str) -> Vec<&str> {
    description.lines().filter(|line| !line.starts_with("o=")).collect()
}

#[test]
fn each_profile_makes_a_description_that_nothing_is_said_against() {
    let folder = Folder::new("sdp-profiles");
    for (profile, rtpmap) in [
        ("broadcast", "a=rtpmap:96 mpeg4-generic/44100"),
        ("nmp", "a=rtpmap:96 mpeg4-generic/44100"),
        ("minimal", "a=rtpmap:96 rtp-midi/44100"),
    ] {
        let file = described(&folder, "a.sdp", &["--profile", profile]);
        assert!(std::fs::read_to_string(&file).unwrap().contains(rtpmap), "{profile}");
        is_clean(&file);
    }
    for (profile, application) in [("broadcast", "broadcast"), ("nmp", "nmp-offer")] {
        let file = described(&folder, "a.sdp", &["--profile", profile]);
        let check = sdp(&["check", "--for", application, &file]);
        assert!(check.code == Some(0) && !check.stdout.contains("warning["), "{check:?}");
    }
}

#[test]
fn what_a_profile_owes_to_others_is_told_beside_the_description() {
    let new = sdp(&["new", "--profile", "applemidi-like"]);
    assert!(new.stdout.contains("a=rtpmap:97 rtp-midi/10000"), "{new:?}");
    assert!(new.stderr.contains("warning[S2.1-08]") && new.code == Some(0), "{new:?}");
}

#[test]
fn flags_have_the_last_word_over_the_profile() {
    let flags =
        ["--profile", "nmp", "--cm-unused", "X", "--guardtime", "500ms", "--format", "native", "--rtp-ptime", "5ms"];
    let new = sdp(&[&["new"], &flags[..]].concat());
    let fmtp = "a=fmtp:96 cm_unused=BFGHJKQVXYZ; cm_used=X0-16; cm_unused=X; j_sec=recj; j_update=closed-loop; \
                ch_never=BDFGHJKQVXYZ; ch_default=X0-16; rtp_ptime=221; guardtime=22050";
    assert!(new.stdout.lines().any(|line| line == fmtp), "{new:?}");
}

#[test]
fn streams_are_added_one_by_one_and_grouped_by_their_cables() {
    let folder = Folder::new("sdp-add");
    let music = ["--profile", "nmp", "--musicport", "1"];
    let to = |port| ["--to", port, "--direction"];
    let one = [&to("udp://192.0.2.94:5004")[..], &["recvonly", "--cm-unused", "1N"], &music].concat();
    let first = described(&folder, "one.sdp", &one);
    let other = [&["--add-to", &first], &to("udp://192.0.2.94:5006")[..], &["sendonly"], &music].concat();
    let both = sdp(&[&["new"], &other[..]].concat()).stdout;
    assert!(both.contains("a=group:FID 1 2\r\n"), "{both}");
    let directions: Vec<&str> = lines(&both).into_iter().filter(|line| line.ends_with("only")).collect();
    assert_eq!(directions, ["a=recvonly", "a=sendonly"], "{both}");
    assert_eq!(both.matches("m=audio").count(), 2);
}

#[test]
fn flags_that_make_no_good_description_make_none() {
    let new = sdp(&["new", "--format", "mpeg4-generic", "--render", "api"]);
    assert_eq!((new.code, new.stdout.as_str()), (Some(1), ""), "{new:?}");
    assert!(new.stderr.contains("error[SC.6.5-06]"), "{new:?}");
    for flags in [
        &["--ttl", "4"][..],
        &["--general-midi"],
        &["--octpos", "last"],
        &["--cm-unused", "XA"],
        &["--guardtime", "0"],
        &["--payload-type", "5"],
    ] {
        let new = sdp(&[&["new"], flags].concat());
        assert!(new.code == Some(2) && new.stderr.starts_with("error: "), "{flags:?}: {new:?}");
    }
}

/// Flags that go together, with chapters and commands that leave the journal whole.
fn flags() -> impl Strategy<Value = Vec<String>> {
    let flag = |name: &'static str, values: &'static [&'static str]| {
        prop::option::of(prop::sample::select(values)).prop_map(move |value| match value {
            Some(value) => vec![format!("--{name}"), value.to_owned()],
            None => Vec::new(),
        })
    };
    let way = (
        flag("to", &["udp://192.0.2.1:6000", "udp://239.1.2.3:5004", "udp://[ff15::7]:5004", "tcp://192.0.2.1:5004"]),
        flag("profile", &["broadcast", "nmp", "minimal"]),
        flag("title", &["Étude", "x=y; z"]),
        flag("payload-type", &["96", "127"]),
        flag("clock-rate", &["32000", "48000", "96000"]),
        flag("format", &["native", "mpeg4-generic"]),
    );
    let stream = (
        flag("cm-unused", &["A", "N", "3C7.11", "ACTX", "__7E_00-7F_09__"]),
        flag("j-sec", &["recj"]),
        flag("j-update", &["anchor", "closed-loop"]),
        flag("ch-anchor", &["P", "C7", "X0-16"]),
        flag("rtp-ptime", &["0", "5ms"]),
        flag("rtp-maxptime", &["20ms", "1000"]),
        flag("guardtime", &["1s", "44100"]),
    );
    let more = (flag("direction", &["sendonly", "recvonly", "sendrecv"]), flag("bandwidth", &["AS:20", "RR:400"]));
    (way, stream, more).prop_map(|((a, b, c, d, e, f), (g, h, i, j, k, l, m), (n, o))| {
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o].concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 60, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_printed_passes_the_check(flags in flags()) {
        let folder = Folder::new("sdp-random");
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let new = sdp(&[&["new"], &flags[..]].concat());
        prop_assert!(new.code == Some(0) && new.stderr.is_empty(), "{:?}", new);
        is_clean(argument(&folder.write("a.sdp", new.stdout.as_bytes())));
    }
}

/// The examples of the RFCs, each behind its section.
fn examples() -> Vec<(&'static str, &'static str)> {
    let examples = include_str!("../../../crates/rtp-midi-sdp/tests/data/rfc-examples.txt");
    examples.split("# ").skip(1).filter_map(|example| example.split_once('\n')).collect()
}

fn example(section: &str) -> &'static str {
    examples().into_iter().find(|(name, _)| *name == section).expect("there is such an example").1
}

/// Compares with a file beside this one; with `UPDATE_EXPECTED=1` it is written anew.
fn is_as_expected(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected").join(name);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, expected, "{} (UPDATE_EXPECTED=1 writes it anew)", path.display());
}

#[test]
fn a_mistake_of_the_rfc_itself_is_told_as_compilers_do() {
    let folder = Folder::new("sdp-mistake");
    let text = example("RFC 6295, C.1").trim_end().replace('\n', "\r\n") + "\r\n";
    let file = argument(&folder.write("clock.sdp", text.as_bytes())).to_owned();
    let told = sdp(&["check", &file]).stdout.replace(&file, "clock.sdp");
    let expected = "clock.sdp:8:21: error[SC.1-09]: the letters are not in the order of the alphabet\n \
                    8 | a=fmtp:96 cm_unused=ACGHJKNMPTVWXYZ; cm_used=__7F_00-7F_01_01__\n   \
                    |                     ^^^^^^^^^^^^^^^\n  \
                    fix: write ACGHJKMNPTVWXYZ\n";
    assert!(told.starts_with(expected), "{told}");
}

#[test]
fn an_example_of_each_kind_is_explained_as_before() {
    let folder = Folder::new("sdp-explained");
    let mut told = String::new();
    for section in ["RFC 6295, C.2.3", "RFC 6295, C.3.3", "RFC 6295, C.7.2", "RFC 4571, 5, Fig 4"] {
        let file = folder.write("example.sdp", example(section).as_bytes());
        let explained = sdp(&["explain", argument(&file)]);
        assert_eq!(explained.code, Some(0));
        let _ = writeln!(told, "# {section}\n{}", explained.stdout);
    }
    is_as_expected("explain.txt", &told);
}

#[test]
fn every_parameter_is_explained_and_unknown_ones_are_called_so() {
    let folder = Folder::new("sdp-unknown");
    let mut text = "v=0\nm=audio 5004 RTP/AVP 96\na=rtpmap:96 rtp-midi/44100\na=fmtp:96 ".to_owned();
    for name in rtp_midi_sdp::NAMES {
        let _ = write!(text, "{name}=1; ");
    }
    text.push_str("frobnicate=7\na=frobnicate\nwhatever\nx=y\n");
    let explained = sdp(&["explain", argument(&folder.write("a.sdp", text.as_bytes()))]).stdout;
    for name in rtp_midi_sdp::NAMES {
        assert!(explained.contains(&format!("\n  {name}=1\n      ")), "{name}: {explained}");
    }
    assert_eq!(explained.matches("Not known: neither RFC 6295").count(), 1, "{explained}");
    assert_eq!(explained.matches("Not known to this program").count(), 1, "{explained}");
}

#[test]
fn a_check_ends_by_what_it_found() {
    let folder = Folder::new("sdp-check");
    let good = described(&folder, "good.sdp", &[]);
    let text = std::fs::read_to_string(&good).unwrap();
    let wrong = folder.write("bad.sdp", text.replace("rtp-midi/44100", "rtp-midi").as_bytes());
    let check = sdp(&["check", &good, argument(&wrong)]);
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(check.stdout.contains("bad.sdp:8:") && check.stdout.contains(": error[S6.1-01]: "), "{check:?}");
    assert!(check.stdout.contains("\n  fix: ") && check.stderr.contains("error: 1 error found"), "{check:?}");

    let missing = sdp(&["check", &good, "/nonexistent/x.sdp"]);
    assert_eq!((missing.code, missing.stdout.as_str()), (Some(2), ""), "{missing:?}");
    assert!(missing.stderr.starts_with("error: cannot read /nonexistent/x.sdp"), "{missing:?}");
    assert_eq!(sdp(&["check"]).code, Some(2));

    let json = sdp(&["check", "--json", argument(&wrong)]);
    let found = json.objects("diagnostic");
    assert_eq!((json.code, found.len()), (Some(1), 1), "{json:?}");
    assert_eq!((&found[0]["requirement"], &found[0]["line"]), (&Value::from("S6.1-01"), &Value::from(8)));
    assert_eq!(json.summary()["errors"], 1);
}

#[test]
fn two_ends_agree_by_their_capabilities() {
    let folder = Folder::new("sdp-agree");
    let capabilities = sdp(&["offer", "--print-capabilities"]).stdout;
    let of = |name: &str, changes: &[(&str, &str)]| {
        let changed = changes.iter().fold(capabilities.clone(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        });
        argument(&folder.write(name, changed.as_bytes())).to_owned()
    };
    let first = of("first.toml", &[("# profile = \"open\"", "profile = \"nmp\""), ("# port = 5004", "port = 16112")]);
    let second = of("second.toml", &[("# address = \"127.0.0.1\"", "address = \"192.0.2.105\"")]);
    let written = |name: &str, ended: Ended| {
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
        argument(&folder.write(name, ended.stdout.as_bytes())).to_owned()
    };
    let offer = written("offer.sdp", sdp(&["offer", "--capabilities", &first]));
    is_clean(&offer);
    let answer = written("answer.sdp", sdp(&["answer", &offer, "--capabilities", &second]));
    is_clean(&answer);
    let agreed = sdp(&["verify", &offer, &answer]);
    assert_eq!(agreed.code, Some(0), "{agreed:?}");
    assert!(agreed.stdout.contains("the offerer sends to 192.0.2.105, port 5004, over RTP/AVP"), "{agreed:?}");
    assert!(agreed.stdout.contains("the answerer sends to 127.0.0.1, port 16112, over RTP/AVP"), "{agreed:?}");

    let bent = std::fs::read_to_string(&answer).unwrap().replace("ch_never=", "ch_anchor=");
    let bent = folder.write("bent.sdp", bent.as_bytes());
    let verify = sdp(&["verify", &offer, argument(&bent)]);
    assert!(verify.code == Some(1) && verify.stdout.contains("bent.sdp: media line 1: "), "{verify:?}");

    // While the session runs the journal stays as it is.
    let next = std::fs::read_to_string(&offer).unwrap().replace("cm_unused=", "j_update=anchor; cm_unused=");
    let next = argument(&folder.write("next.sdp", next.as_bytes())).to_owned();
    let again = ["answer", &next, "--capabilities", &second, "--running", &offer, &answer];
    let refused = sdp(&again);
    assert!(refused.code == Some(1) && refused.stdout.is_empty(), "{refused:?}");
    assert!(refused.stderr.starts_with("error: the offer is refused: "), "{refused:?}");
}

#[test]
fn a_refusal_says_why_and_answers_with_port_zero() {
    let folder = Folder::new("sdp-refuse");
    let capabilities = folder.write("mine.toml", b"[accept]\nclock-rates = [48000]\n");
    let offer = described(&folder, "offer.sdp", &[]);
    let answer = sdp(&["answer", &offer, "--capabilities", argument(&capabilities)]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(answer.stdout.contains("m=audio 0 RTP/AVP 96\r\n"), "{answer:?}");
    assert!(answer.stderr.contains("a clock rate of 44100 Hz is not taken here"), "{answer:?}");

    let wrong = folder.write("wrong.toml", b"[accept]\nclockrates = [48000]\n");
    sdp(&["answer", &offer, "--capabilities", argument(&wrong)]).failed_with("wrong.toml:2:1: unknown field");
}
