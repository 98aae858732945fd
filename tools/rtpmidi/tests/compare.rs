//! docs/compare.md: each command line and each option that it names is one of the program.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use kit::Program;

/// The rows of the page: the heading they stand below, and what stands in the column of this program and behind it.
fn rows() -> Vec<(String, String)> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/compare.md");
    let (text, mut heading, mut rows) = (std::fs::read_to_string(page).unwrap(), String::new(), Vec::new());
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut heading);
        }
        let ours = line.strip_prefix("| ").and_then(|row| row.split_once(" | "));
        rows.extend(ours.map(|(_, ours)| (heading.clone(), ours.to_owned())));
    }
    rows
}

/// What stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The words of a command line, of which some are between quotes. What stands for others, in brackets or behind an arrow,
/// is left out, and a port is a number.
fn words(line: &str) -> Vec<String> {
    let line = line.split_once(" > ").map_or(line, |(command, _)| command);
    let part = |(index, part): (usize, &str)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    };
    let words = line.split('\'').enumerate().flat_map(part);
    let is_said = |word: &String| !word.starts_with('[') && word != "…";
    words
        .filter(is_said)
        .map(|word| if word == "PORT" { "1".to_owned() } else { word.replace(":PORT", ":1") })
        .collect()
}

#[test]
fn each_command_line_has_options_that_exist() {
    let rows = rows();
    let quoted = rows.iter().flat_map(|(_, ours)| quoted(ours));
    let lines = quoted.filter_map(|it| it.strip_prefix("pw-jack ").unwrap_or(it).strip_prefix("rtpmidi "));
    let lines: Vec<&str> = lines.collect();
    assert!(lines.len() > 30, "{lines:?}");
    for line in lines {
        // Help is shown only when all before it makes sense.
        let words = words(line);
        let arguments: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
        let ended = Program::start(&arguments).finish();
        assert_eq!(ended.code, Some(0), "rtpmidi {line}: {}", ended.stderr);
        let usage = words.iter().take_while(|word| word.starts_with(|it: char| it.is_ascii_lowercase()));
        let command = usage.take(1).map(String::as_str).collect::<String>();
        assert!(ended.stdout.contains(&format!("Usage: rtpmidi {command}")), "rtpmidi {line}: {}", ended.stdout);
    }
}

#[test]
fn each_option_that_stands_alone_is_one_of_the_command_that_the_table_is_about() {
    let help = |arguments: &[&str]| Program::start(&[arguments, &["--help"]].concat()).finish().stdout;
    let patch = [&["patch"][..], &["patch", "list"], &["patch", "check"]].map(help).concat();
    let bridge = ["init", "check", "connect", "port", "status"].map(|command| help(&["bridge", command]));
    let bridge = format!("{}{}", help(&["bridge"]), bridge.concat());
    let mut count = 0;
    for (heading, ours) in rows() {
        let help =
            if heading.starts_with("jack-matchmaker") || heading.starts_with("midiminder") { &patch } else { &bridge };
        for quoted in quoted(&ours).filter(|it| it.starts_with("--")) {
            let option = quoted.split_whitespace().next().unwrap();
            let exists = help.split([' ', ',', '\n']).any(|word| word == option);
            assert!(exists, "{heading}: {quoted}");
            count += 1;
        }
    }
    assert!(count > 15, "{count}");
}
