//! Laws of rules and decisions, which the property tests and the fuzz target both call.

use port_rules::{Flow, Graph, Id, Matching, Media, Parsed, Patchbay, Port, Rules, decide};

/// What is printed of rules that have been read is read without errors, and is printed alike.
pub(crate) fn printing_is_stable(text: &str) {
    for parsed in readings(text) {
        let printed = parsed.rules.to_string();
        let again = Rules::parse(&printed);
        assert_eq!(again.errors, [], "{printed}");
        assert_eq!(again.rules.to_string(), printed);
    }
}

/// Every error has its place in the text.
pub(crate) fn errors_have_their_place(text: &str) {
    for error in readings(text).into_iter().flat_map(|parsed| parsed.errors) {
        let line = text.lines().nth(error.line.checked_sub(1).expect("a line of the file"));
        let length = line.expect("the line is there").chars().count();
        assert!((1..=length + 1).contains(&error.column), "{error} of {line:?}");
        assert!(!error.fault.hint().is_empty());
    }
}

/// After what has been decided is done, nothing is left to do; in whatever order ports and connections are told.
pub(crate) fn deciding_is_final(rules: &Rules, ports: &[Port], connections: &[(Id, Id)]) {
    let changes = decide(rules, ports, connections);
    let (backwards, reversed): (Vec<_>, Vec<_>) =
        (ports.iter().rev().cloned().collect(), connections.iter().rev().copied().collect());
    assert_eq!(decide(rules, &backwards, &reversed), changes, "the order counts:\n{rules}");
    let mut bay = Patchbay::new(rules.clone());
    ports.iter().cloned().for_each(|port| bay.insert(port));
    for &(from, to) in connections {
        bay.connected(from, to);
    }
    for change in &changes {
        let why = bay.explain(change.from, change.to).expect("both ports are there");
        assert_eq!(why.change, Some(change.act), "{why}");
        assert_eq!(why.rules.last().map(|reason| reason.rule), Some(change.rule), "{why}");
    }
    for change in &changes {
        bay.apply(change);
    }
    assert_eq!(bay.decide(), [], "not final:\n{rules}");
}

/// Ports of every sort, with names that are not easy.
pub(crate) fn ports() -> Vec<Port> {
    let port = |id, graph, client: &str, name: &str, flow| Port::new(Id(id), graph, client, name, flow);
    let mut ports = vec![
        port(1, Graph::Alsa, "Keys 49", "Keys 49 MIDI 1", Flow::Both),
        port(2, Graph::Alsa, "Keys 49", "Keys 49 MIDI 2", Flow::Both),
        port(3, Graph::Alsa, "Synth", "in", Flow::Sink),
        port(4, Graph::Alsa, "Synth", "out", Flow::Source),
        port(5, Graph::Jack, "system", "capture_1", Flow::Source),
        port(6, Graph::Jack, "system", "capture_2", Flow::Source),
        port(7, Graph::Jack, "system", "playback_1", Flow::Sink),
        port(8, Graph::Jack, "daw", "in_1", Flow::Sink),
        port(9, Graph::Jack, "daw", "in_2", Flow::Sink),
        port(10, Graph::Jack, "Midi-Bridge", "Launchpad Open: Port (capture)", Flow::Source),
        port(11, Graph::Network, "Studio", "Mac", Flow::Both),
        port(12, Graph::Jack, "daw", "audio", Flow::Sink),
    ];
    ports[1].number = Some(1);
    ports[4].aliases.push("usb:keys".to_owned());
    ports[7].pretty = Some("Track 1".to_owned());
    ports[11].media = Media::Audio;
    ports
}

fn readings(text: &str) -> [Parsed; 4] {
    [
        Rules::parse(text),
        Rules::parse_midiminder(text),
        Rules::parse_matchmaker(text, Matching::Regex),
        Rules::parse_matchmaker(text, Matching::Exact),
    ]
}
