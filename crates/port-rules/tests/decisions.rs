//! Laws of rules and decisions, for any text, any rules, any ports.

mod laws;

use port_rules::{Act, Action, Graph, Id, Kind, Port, Rules, decide};
use proptest::prelude::*;
use proptest::sample::select;

const SIDES: [&str; 17] = [
    "*",
    "keys",
    "synth:in",
    "'Synth':'out'",
    ".hw",
    ".app .alsa",
    "/^system:capture_(?P<n>\\d)/",
    "daw:in_*",
    "keys:=1",
    "/playback/",
    ".net",
    "track 1",
    "midi-bridge:*",
    "/^(?!system)/",
    ".jack daw:*",
    "studio",
    "usb",
];

const ARROWS: [&str; 7] = ["-->", "-->", "-->", "-x->", "-/->", "-?->", "<->"];

fn rule() -> impl Strategy<Value = String> {
    let plain = (select(&SIDES[..]), select(&ARROWS[..]), select(&SIDES[..]));
    prop_oneof![
        4 => plain.prop_map(|(from, arrow, to)| format!("{from} {arrow} {to}")),
        1 => (select(&SIDES[..]), select(&SIDES[..])).prop_map(|(from, to)| format!("@{from} --> {to}")),
        1 => select(&["-->", "-x->", "-/->", "-?->"][..])
            .prop_map(|arrow| format!("/capture_(?P<n>\\d)/ {arrow} daw:'in_{{n}}'")),
        1 => Just("@/playback_(?P<n>.)/ --> daw:in_{n}".to_owned()),
    ]
}

fn connections() -> impl Strategy<Value = Vec<(Id, Id)>> {
    prop::collection::vec((1..13_u64, 1..13_u64).prop_map(|(from, to)| (Id(from), Id(to))), 0..8)
}

fn ports() -> impl Strategy<Value = Vec<Port>> {
    let kinds = prop::collection::vec(select(&[Kind::Hardware, Kind::Application, Kind::Unknown][..]), 12);
    (kinds, prop::collection::vec(any::<bool>(), 12)).prop_map(|(kinds, there)| {
        let ports = laws::ports().into_iter().zip(kinds).zip(there);
        ports.filter(|(_, there)| *there).map(|((port, kind), _)| Port { kind, ..port }).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn decisions_are_final_and_the_order_of_ports_does_not_count(
        lines in prop::collection::vec(rule(), 0..8), ports in ports(), connections in connections(),
    ) {
        let rules = Rules::parse(&lines.join("\n")).whole().unwrap();
        laws::deciding_is_final(&rules, &ports, &connections);
    }

    #[test]
    fn a_last_rule_that_forbids_leaves_all_as_it_is_and_one_that_disconnects_leaves_nothing(
        mut lines in prop::collection::vec(rule(), 0..8), ports in ports(), connections in connections(),
    ) {
        lines.push("* -x-> *".to_owned());
        let rules = Rules::parse(&lines.join("\n")).whole().unwrap();
        prop_assert_eq!(decide(&rules, &ports, &connections), []);
        lines.push("/^/ -/-> /^/".to_owned());
        let rules = Rules::parse(&lines.join("\n")).whole().unwrap();
        prop_assert!(decide(&rules, &ports, &connections).iter().all(|change| change.act == Act::Disconnect));
    }

    #[test]
    fn an_exact_rule_means_two_ports_whatever_they_are_called(client in "\\PC{0,8}|.{0,8}", name in "\\PC{0,8}|.{0,8}") {
        let from = Port { client: client.clone(), ..Port::new(Id(1), Graph::Jack, "", name.clone(), port_rules::Flow::Source) };
        let to = Port { id: Id(2), flow: port_rules::Flow::Sink, ..from.clone() };
        let rules = Rules::new([port_rules::Rule::exact(&from, &to, Action::Connect)]).unwrap();
        let read = Rules::parse(&rules.to_string()).whole();
        prop_assert!(read.is_ok(), "{rules}: {read:?}");
        let ports = [from.clone(), to, Port { name: name + "x", id: Id(3), ..from }];
        let changes = decide(&read.unwrap(), &ports, &[]);
        prop_assert_eq!(changes.iter().map(|change| (change.from, change.to)).collect::<Vec<_>>(), [(Id(1), Id(2))]);
    }

    #[test]
    fn any_text_is_read_or_refused_with_a_place(text in "([@a.:*/'\"={}()\\\\?x<> -]|--> |\n|\\PC){0,60}") {
        laws::printing_is_stable(&text);
        laws::errors_have_their_place(&text);
        laws::deciding_is_final(&Rules::parse(&text).rules, &laws::ports(), &[]);
    }

    #[test]
    fn what_is_written_of_words_of_the_language_is_printed_as_it_was_read(lines in prop::collection::vec(rule(), 1..8)) {
        let rules = Rules::parse(&lines.join("\n")).whole().unwrap();
        prop_assert_eq!(Rules::parse(&rules.to_string()).whole().unwrap(), rules);
    }
}
