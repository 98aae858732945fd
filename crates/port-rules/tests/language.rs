//! What the rules of our own language and of midiminder mean.

use port_rules::{Act, Flow, Graph, Id, Kind, Patchbay, Port, Rules};

/// Ports of ALSA: two keyboards, a synthesiser with two ports, a program.
fn alsa() -> Vec<Port> {
    let port = |id, client: &str, number, name: &str, kind| Port {
        number: Some(number),
        kind,
        ..Port::new(Id(id), Graph::Alsa, client, name, Flow::Both)
    };
    vec![
        port(1, "nanoKEY2", 0, "nanoKEY2 MIDI 1", Kind::Hardware),
        port(2, "Launchpad Pro", 0, "Launchpad Pro Live", Kind::Hardware),
        port(3, "Launchpad Pro", 1, "Launchpad Pro MIDI", Kind::Hardware),
        port(4, "Hydrasynth", 0, "Hydrasynth MIDI 1", Kind::Hardware),
        port(5, "Pure Data", 1, "Pure Data Midi-In 1", Kind::Application),
        port(6, "Pure Data", 2, "Pure Data Midi-Out 1", Kind::Application),
    ]
    .into_iter()
    .map(|port| match port.id.0 {
        5 => Port { flow: Flow::Sink, ..port },
        6 => Port { flow: Flow::Source, ..port },
        _ => port,
    })
    .collect()
}

fn bay(rules: Rules, connections: &[(u64, u64)]) -> Patchbay {
    let mut bay = Patchbay::new(rules);
    for port in alsa() {
        bay.insert(port);
    }
    for &(from, to) in connections {
        bay.connected(Id(from), Id(to));
    }
    bay
}

/// Source and sink of each.
type Pairs = Vec<(u64, u64)>;

/// What the rules connect, and what they disconnect.
fn changes(bay: &Patchbay) -> (Pairs, Pairs) {
    let of = |act| {
        let changes = bay.decide().into_iter().filter(move |change| change.act == act);
        let mut pairs: Vec<_> = changes.map(|change| (change.from.0, change.to.0)).collect();
        pairs.sort_unstable();
        pairs
    };
    (of(Act::Connect), of(Act::Disconnect))
}

fn rules(text: &str) -> Rules {
    Rules::parse(text).whole().expect("rules without faults")
}

fn connected(text: &str) -> Vec<(u64, u64)> {
    changes(&bay(rules(text), &[])).0
}

#[test]
fn a_client_without_a_port_is_its_first_port_that_goes_the_right_way() {
    assert_eq!(connected("launchpad --> pure"), [(2, 5)]);
    assert_eq!(connected("launchpad <-- pure"), [(6, 2)]);
    assert_eq!(connected("launchpad <-> pure"), [(2, 5), (6, 2)]);
}

#[test]
fn ports_are_named_in_part_exactly_by_number_by_pattern_or_by_expression() {
    for port in [
        "launchpad:midi",
        "'Launchpad Pro':\"MIDI\"",
        "\"Launchpad Pro\":'Launchpad Pro MIDI'",
        "launchpad:=1",
        "launch*:m?di",
        "~'pad pro':~\"mid\"",
        "/^Launch/:/MIDI$/",
        "/^Launchpad Pro:.*MIDI$/",
        ".hw launchpad : =1",
    ] {
        assert_eq!(connected(&format!("{port} --> hydra")), [(3, 4)], "{port}");
    }
    assert_eq!(connected("'launchpad pro' --> hydra"), []);
    assert_eq!(connected("launchpad:* --> hydra  # both"), [(2, 4), (3, 4)]);
}

#[test]
fn properties_stand_for_all_ports_that_have_them_and_narrow_names() {
    assert_eq!(connected(".hw --> .app"), [(1, 5), (2, 5), (3, 5), (4, 5)]);
    assert_eq!(connected(".alsa --> .jack"), []);
    assert_eq!(connected(".app nano* --> pure"), []);
}

#[test]
fn the_last_rule_that_means_two_ports_decides() {
    assert_eq!(connected(".hw --> pure\nlaunchpad:* -x-> *"), [(1, 5), (4, 5)]);
    assert_eq!(connected("launchpad:* -x-> *\n.hw --> pure"), [(1, 5), (2, 5), (3, 5), (4, 5)]);
}

#[test]
fn forbidden_connections_are_left_alone_and_others_are_cut_where_a_rule_says_so() {
    assert_eq!(changes(&bay(rules("nano -x-> pure"), &[(1, 5)])), (vec![], vec![]));
    let only = rules("* -/-> pure\nlaunchpad --> pure");
    assert_eq!(changes(&bay(only, &[(1, 5), (3, 5), (1, 4)])), (vec![(2, 5)], vec![(1, 5), (3, 5)]));
}

#[test]
fn what_is_free_is_connected_in_the_order_of_the_rules_and_then_left_alone() {
    let text = "nano -?-> hydra\nlaunchpad -?-> hydra\nlaunchpad -?-> pure";
    assert_eq!(changes(&bay(rules(text), &[])).0, [(1, 4), (2, 5)]);
    assert_eq!(changes(&bay(rules(text), &[(3, 4)])).0, [(2, 5)], "the sink is taken");
    assert_eq!(changes(&bay(rules(text), &[(1, 2)])).0, [(2, 4)], "the source is taken");
    let held = bay(rules(text), &[(3, 4)]).explain(Id(1), Id(4)).unwrap();
    assert_eq!(held.taken_by, ["Launchpad Pro:Launchpad Pro MIDI"]);
}

#[test]
fn what_feeds_a_port_feeds_another_one_too_and_so_on() {
    let text = "nano --> pure\n@pure --> hydra\n@hydra --> launchpad:=1";
    assert_eq!(connected(text), [(1, 3), (1, 4), (1, 5)]);
    let bay = bay(rules("@pure --> hydra"), &[(2, 5)]);
    assert_eq!(changes(&bay).0, [(2, 4)]);
    let why = bay.explain(Id(2), Id(4)).unwrap();
    assert_eq!(why.rules[0].tapped.as_deref(), Some("Pure Data:Pure Data Midi-In 1"));
}

#[test]
fn a_client_is_connected_with_itself_only_by_its_name() {
    assert_eq!(connected("* --> *").iter().filter(|(from, to)| (from / 2, to / 2) == (1, 1)).count(), 0);
    assert_eq!(connected("pure --> pure"), [(6, 5)]);
    assert_eq!(connected("nano --> nano"), []);
    for wild in ["*:live --> *:midi", ".hw *:live --> *:midi"] {
        assert!(!connected(wild).contains(&(2, 3)), "{wild}");
    }
}

#[test]
fn a_rule_that_means_two_ports_both_ways_is_told_once() {
    let why = bay(rules(".hw <-> .hw\nnano <-> pure"), &[]).explain(Id(1), Id(4)).expect("both are there");
    assert_eq!(why.rules.len(), 1, "{why}");
    assert_eq!(why.near.len(), 1, "{why}");
}

#[test]
fn a_rule_for_all_ports_parts_a_client_from_itself_as_well() {
    assert_eq!(connected("pure --> pure\n* -x-> *"), []);
    let mut bay = bay(rules("* -/-> *"), &[(6, 5)]);
    assert_eq!(changes(&bay).1, [(6, 5)]);
    bay.set_rules(rules("* -/-> *\npure --> pure"));
    assert_eq!(changes(&bay).1, []);
}

#[test]
fn a_port_that_comes_is_connected_and_one_that_is_renamed_is_looked_at_again() {
    let mut bay = bay(rules("late:out --> hydra\nnano --> late"), &[]);
    assert_eq!(changes(&bay).0, []);
    let port = Port::new(Id(9), Graph::Alsa, "Client-129", "out", Flow::Both);
    bay.insert(port.clone());
    assert_eq!(changes(&bay).0, []);
    bay.insert(Port { client: "Latecomer".to_owned(), ..port.clone() });
    assert_eq!(changes(&bay).0, [(1, 9), (9, 4)]);
    bay.connected(Id(1), Id(9));
    bay.insert(Port { flow: Flow::Source, ..port });
    assert_eq!(bay.connections(), []);
    bay.remove(Id(9));
    assert_eq!(changes(&bay).0, []);
    assert!(bay.explain(Id(9), Id(4)).is_none());
}

#[test]
fn the_explanation_names_every_rule_and_the_one_that_decides() {
    let text = ".hw --> pure\nnano --> hydra\nlaunchpad -x-> pure\nkeys --> pure";
    let why = bay(rules(text), &[]).explain(Id(2), Id(5)).unwrap();
    assert_eq!(
        why.to_string(),
        "Launchpad Pro:Launchpad Pro Live --> Pure Data:Pure Data Midi-In 1: not connected\n  \
         line 1: .hw --> pure  connects them\n  \
         line 3: launchpad -x-> pure  leaves them alone, and decides\n  \
         line 4: keys --> pure  does not mean Launchpad Pro:Launchpad Pro Live\n"
    );
    let why = bay(Rules::default(), &[]).explain(Id(5), Id(4)).unwrap();
    assert!(why.to_string().ends_with("cannot be: nothing comes out of the first one\n"));
}

#[test]
fn faults_are_told_with_their_place() {
    for (text, error) in [
        ("a-->b", "line 1, column 6: no arrow between two ports"),
        ("\n  a -->> b", "line 2, column 5: no such arrow: -->>"),
        ("a --> ", "line 1, column 7: no port beside the arrow"),
        ("a --> 'b' c", "line 1, column 11: nothing may stand behind the name, but there is: c"),
        ("a --> /b", "line 1, column 7: the regular expression does not end"),
        ("/(/ --> b", "line 1, column 1: regular expression: unclosed group (character 1 of it)"),
        (".hardware --> b", "line 1, column 1: no such property: .hardware"),
        ("a:=x --> b", "line 1, column 4: no port number: x"),
        ("20:0 --> b", "line 1, column 1: numbers of clients change from day to day"),
        ("a --> b:{n}", "line 1, column 7: no group is named n"),
        ("/(?P<n>a)/ <-> b:{n}", "line 1, column 16: {n} stands on the side that gives the names"),
        ("a --> @b", "line 1, column 7: @ stands on the side that is fed"),
        ("@a -x-> b", "line 1, column 9: @ in a rule that does not connect"),
        ("a:b:c --> d", "line 1, column 4: more than one colon"),
        ("'' --> d", "line 1, column 1: the name is empty"),
    ] {
        let parsed = Rules::parse(text);
        assert_eq!(parsed.errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [error], "{text}");
    }
}

#[test]
fn lines_with_faults_do_not_keep_others_from_being_read() {
    let parsed = Rules::parse("a --> b\na -- b\nb --> c");
    assert_eq!((parsed.rules.len(), parsed.errors.len()), (2, 1));
}

#[test]
fn rule_files_of_midiminder_mean_what_they_mean_there() {
    let of = |text| changes(&bay(Rules::parse_midiminder(text).whole().unwrap(), &[])).0;
    assert_eq!(of(".hw <---> .app\nPure Data <-x- *  # but nothing into it").len(), 4);
    assert_eq!(of("pure data <-- launchpad:MIDI\n\n   # indented\nHydra -> nano"), [(3, 5), (4, 1)]);
    assert_eq!(of("Launchpad Pro:=1 --x--> *\n\"Hydrasynth\":'MIDI 1' --> \"nanoKEY2\""), [(4, 1)]);
    for good in ["test'client --> test", "'a:b':c --> d", "this 2.0:p3.3 --> x[1] {y}", "a:3 <--- b", "this -x-> *"] {
        assert_eq!(Rules::parse_midiminder(good).errors, [], "{good}");
    }
    for bad in [
        "*x --> t",
        "t:*3 --> u",
        "\"t --> u",
        "t:a:b --> u",
        ":3 --> u",
        "a-->b",
        "a <<-- b",
        "a > b",
        ".blob -> t",
        "t:.app -> u",
        ".app:x -> t",
        "t:=three -> u",
        "42:3 --> u",
        "a -?-> b",
        "@a --> b",
        ".hw a --> b",
    ] {
        assert_eq!(Rules::parse_midiminder(bad).errors.len(), usize::from(bad != "@a --> b"), "{bad}");
    }
}
