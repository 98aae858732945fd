//! `docs/coverage.md` tells the truth: its files are there, its tests are tests, its numbers add up.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// One requirement, as the table has it.
struct Row {
    id: String,
    status: String,
    place: String,
    tests: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text() -> String {
    fs::read_to_string(root().join("docs/coverage.md")).expect("docs/coverage.md is there")
}

/// The cells of a line of a table.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inside = line.strip_prefix('|')?.strip_suffix('|').unwrap_or_else(|| panic!("no | ends {line}"));
    Some(inside.split('|').map(str::trim).collect())
}

/// Section and number: `SA.3.1-04` is 4 of `SA.3.1`.
fn split(id: &str) -> Option<(&str, usize)> {
    let (section, number) = id.split_once('-')?;
    let known = section == "F" || section.starts_with('S');
    (known && number.len() == 2).then_some((section, number.parse().ok()?))
}

fn rows() -> Vec<Row> {
    let text = text();
    let tables = text.lines().filter_map(cells).filter(|cells| split(cells[0]).is_some());
    tables
        .map(|cells| {
            let [id, status, place, tests] = cells[..] else { panic!("{} has {} cells", cells[0], cells.len()) };
            let tests = tests.split(", ").filter(|test| !test.is_empty()).map(str::to_owned).collect();
            Row { id: id.to_owned(), status: status.to_owned(), place: place.to_owned(), tests }
        })
        .collect()
}

/// The names of all functions with `#[test]`, in `folder` and below.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            tests(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let functions = text.split("#[test]").skip(1).filter_map(|behind| behind.split_once("fn "));
            found.extend(functions.filter_map(|(_, behind)| Some(behind.split_once('(')?.0.to_owned())));
        }
    }
}

#[test]
fn every_row_has_a_status_and_what_belongs_to_it() {
    for Row { id, status, place, tests } in rows() {
        match status.as_str() {
            "met" => {
                assert!(root().join(&place).is_file(), "{id}: {place} is not there");
                assert!(!tests.is_empty(), "{id} is met and no test shows it");
            }
            "not met" | "n/a" => assert!(!place.is_empty() && tests.is_empty(), "{id} needs a reason and no test"),
            other => panic!("{id} is {other}"),
        }
    }
}

#[test]
fn every_test_that_is_named_is_there() {
    let mut known = BTreeSet::new();
    tests(&root(), &mut known);
    let is_name = |word: &&str| {
        word.matches('_').count() > 2 && !word.contains(|c: char| !c.is_ascii_lowercase() && !"_0123456789".contains(c))
    };
    for row in rows() {
        let quoted = row.place.split('`').skip(1).step_by(2).filter(is_name);
        for test in row.tests.iter().map(String::as_str).chain(quoted) {
            assert!(known.contains(test), "{}: there is no test {test}", row.id);
        }
    }
}

#[test]
fn no_number_is_missing_or_comes_twice() {
    let mut sections: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for row in rows() {
        let (section, number) = split(&row.id).unwrap();
        sections.entry(section.to_owned()).or_default().push(number);
    }
    for (section, numbers) in sections {
        assert!(numbers.iter().copied().eq(1..=numbers.len()), "{section}: {numbers:?}");
    }
}

#[test]
fn the_counts_on_top_are_those_of_the_table() {
    let text = text();
    let number = |cell: &&str| cell.trim_matches('*').parse::<usize>().ok();
    let counts = text.lines().filter_map(cells).filter_map(|cells| {
        let numbers: Vec<usize> = cells[1..].iter().filter_map(number).collect();
        (numbers.len() == 4).then(|| (cells[0].to_owned(), numbers))
    });
    let (total, roles): (Vec<_>, Vec<_>) = counts.partition(|(role, _)| role.starts_with('*'));
    let [(_, total)] = &total[..] else { panic!("one line has the sums") };
    let rows = rows();
    let count = |status: &str| rows.iter().filter(|row| row.status == status).count();
    assert_eq!(total[..], [count("met"), count("not met"), count("n/a"), rows.len()]);
    for column in 0..4 {
        assert_eq!(roles.iter().map(|(_, numbers)| numbers[column]).sum::<usize>(), total[column]);
    }
    assert!(roles.iter().all(|(_, numbers)| numbers[..3].iter().sum::<usize>() == numbers[3]));
}
