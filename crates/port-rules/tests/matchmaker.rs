//! Pattern files of jack-matchmaker give the connections that they give there.

use port_rules::{Flow, Graph, Id, Matching, Media, Patchbay, Port, Rules};

/// JACK's ports by name; those with a star at the end are sinks.
fn bay(parsed: port_rules::Parsed, names: &[&str], connections: &[(usize, usize)]) -> Patchbay {
    let mut bay = Patchbay::new(parsed.whole().expect("patterns without faults"));
    for (id, name) in (0..).zip(names) {
        let (name, flow) = name.strip_suffix('*').map_or((*name, Flow::Source), |name| (name, Flow::Sink));
        let (client, name) = name.split_once(':').expect("client and port");
        bay.insert(Port { media: Media::Audio, ..Port::new(Id(id), Graph::Jack, client, name, flow) });
    }
    for &(from, to) in connections {
        bay.connected(Id(from as u64), Id(to as u64));
    }
    bay
}

fn connected(bay: &Patchbay) -> Vec<String> {
    let name = |id| bay.port(id).expect("a port that is there").full_name();
    let mut pairs: Vec<_> =
        bay.decide().iter().map(|change| format!("{} {}", name(change.from), name(change.to))).collect();
    pairs.sort_unstable();
    pairs
}

fn regex(text: &str) -> port_rules::Parsed {
    Rules::parse_matchmaker(text, Matching::Regex)
}

#[test]
fn patterns_in_pairs_of_lines_connect_every_output_to_every_input() {
    let text = "# left and right\nsynth:l_\\d+\n\n    system:playback_[13]\nsynth:r_\\d+\n\tsystem:playback_[24]\n";
    let names =
        ["synth:l_1", "synth:r_1", "resynth:l_1", "system:playback_1*", "system:playback_2*", "system:playback_3*"];
    assert_eq!(
        connected(&bay(regex(text), &names, &[])),
        ["synth:l_1 system:playback_1", "synth:l_1 system:playback_3", "synth:r_1 system:playback_2"]
    );
}

#[test]
fn names_begin_with_a_pattern_and_may_go_on() {
    let names = ["c:out_1", "c:out_10", "d:c:out_1", "e:in*", "e:inner*", "e:my in*"];
    assert_eq!(connected(&bay(regex("c:out_\\d\ne:in$"), &names, &[])), ["c:out_1 e:in", "c:out_10 e:in"]);
    assert_eq!(connected(&bay(regex(".*c:out_1$\ne:in"), &names, &[])).len(), 4);
}

#[test]
fn groups_fill_placeholders() {
    let names = ["system:midi_capture_1", "system:midi_capture_12", "daw:midi_in_track_1*", "daw:midi_in_track_12*"];
    let text = "system:midi_capture_(?P<num>\\d+)$\ndaw:midi_in_track_{num}$";
    assert_eq!(
        connected(&bay(regex(text), &names, &[])),
        ["system:midi_capture_1 daw:midi_in_track_1", "system:midi_capture_12 daw:midi_in_track_12"]
    );
    let missing = "system:midi_capture_1$\ndaw:midi_in_track_{other}1$";
    assert_eq!(connected(&bay(regex(missing), &names, &[])), ["system:midi_capture_1 daw:midi_in_track_1"]);
    let count = "system:midi_capture_1$\ndaw:midi_in_track_[0-9]{2}";
    assert_eq!(connected(&bay(regex(count), &names, &[])), ["system:midi_capture_1 daw:midi_in_track_12"]);
}

#[test]
fn an_input_port_in_the_first_pattern_stands_for_what_feeds_it() {
    let names = ["a:out", "b:out", "system:playback_1*", "system:playback_2*", "ffmpeg:input_1*", "ffmpeg:input_2*"];
    let bay = bay(regex("system:playback_(?P<num>\\d+)$\nffmpeg:input_{num}"), &names, &[(0, 2), (1, 3)]);
    assert_eq!(connected(&bay), ["a:out ffmpeg:input_1", "b:out ffmpeg:input_2"]);
}

#[test]
fn whole_names_are_meant_when_matching_exactly_and_slashes_bring_expressions_back() {
    let exact = |text| Rules::parse_matchmaker(text, Matching::Exact);
    let names = ["sys:c.1", "sys:c11", "my:in_l_1*", "my:in_l_12*", "my:in_r*"];
    assert_eq!(connected(&bay(exact("sys:c.1\nmy:in_r"), &names, &[])), ["sys:c.1 my:in_r"]);
    assert_eq!(
        connected(&bay(exact("sys:c.1\n/my:in_l_\\d+/"), &names, &[])),
        ["sys:c.1 my:in_l_1", "sys:c.1 my:in_l_12"]
    );
    assert_eq!(connected(&bay(exact("/sys:c1(?P<n>.)/\nmy:in_l_{n}"), &names, &[])), ["sys:c11 my:in_l_1"]);
}

#[test]
fn aliases_and_pretty_names_count() {
    let mut bay = bay(regex("usb:keys$\nsynth:Left$"), &[], &[]);
    let mut keys = Port::new(Id(1), Graph::Jack, "a2j", "capture_1", Flow::Source);
    keys.aliases = vec!["usb:keys".to_owned(), "no colon".to_owned()];
    bay.insert(keys);
    bay.insert(Port { pretty: Some("Left".to_owned()), ..Port::new(Id(2), Graph::Jack, "synth", "in_1", Flow::Sink) });
    assert_eq!(connected(&bay), ["a2j:capture_1 synth:in_1"]);
}

#[test]
fn patterns_of_the_command_line_come_in_pairs_and_once() {
    let parsed = Rules::parse_matchmaker_pairs(["a:out", "b:in", "a:out", "b:in"], Matching::Exact);
    assert_eq!(parsed.rules.to_string(), "\"a\":\"out\" --> \"b\":\"in\"\n@\"a\":\"out\" --> \"b\":\"in\"\n");
}

#[test]
fn faults_are_told_with_their_place_and_other_pairs_are_read() {
    let parsed = regex("# one\n  a(\nb\nc\n  d{n:>3}\ne\nf)\ng\nh\n  odd\n");
    let errors: Vec<_> = parsed.errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "line 2, column 3: regular expression: unclosed group (character 2 of it)",
            "line 5, column 3: no name of a group: {n:>3}",
            "line 7, column 1: regular expression: unopened group (character 2 of it)",
            "line 10, column 3: a pattern without its partner",
        ]
    );
    assert_eq!(parsed.rules.len(), 2);
}
