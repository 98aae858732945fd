//! Files made by others, against a naive walk that shares no code with the crate.
//!
//! Reads Debian's `openttd-openmsx` and the folders named in `SMF_CORPUS` (separated by colons); without any of them
//! there is nothing to compare and the test says so.

use std::path::{Path, PathBuf};

use smf_timeline::{Body, Song};

#[test]
fn every_message_and_time_is_what_a_naive_walk_finds() {
    let files = corpus();
    if files.is_empty() {
        println!("skipped: no files; install openttd-openmsx or set SMF_CORPUS");
    }
    let (mut same, mut refused) = (0, 0);
    for path in &files {
        let octets = std::fs::read(path).unwrap();
        match Song::read(&octets, 0) {
            Ok(song) => {
                assert_eq!(Some(messages(&song)), naive(&octets), "{}", path.display());
                same += 1;
            }
            Err(error) => {
                println!("{}: {error}", path.display());
                refused += 1;
                if let Ok((_, defects)) = Song::salvage(&octets, 0) {
                    assert_eq!(defects.first(), Some(&error), "{}", path.display());
                }
            }
        }
    }
    println!("{same} files alike, {refused} refused");
    assert!(files.is_empty() || same > refused);
}

/// Ticks, nanoseconds, track and octets.
type Messages = Vec<(u64, u64, u16, Vec<u8>)>;

fn messages(song: &Song) -> Messages {
    song.events()
        .filter_map(|event| match event.body {
            Body::Message(octets) => Some((event.tick, event.time, event.track, octets.to_vec())),
            Body::Meta(_) => None,
        })
        .collect()
}

/// Files of formats 0 and 1 without anything unusual.
fn naive(file: &[u8]) -> Option<Messages> {
    let word = |at: usize| usize::from(file[at]) << 8 | usize::from(file[at + 1]);
    let division = word(12) as u128;
    let only = (word(8) == 2).then_some(0);
    let (mut at, mut track) = (14, 0);
    let (mut events, mut tempos) = (Vec::new(), Vec::new());
    while at + 8 <= file.len() {
        let (id, length) = (&file[at..at + 4], word(at + 4) << 16 | word(at + 6));
        at += 8;
        if id == b"MTrk" {
            if only.is_none_or(|only| only == track) {
                walk(&file[at..at + length], track, &mut events, &mut tempos)?;
            }
            track += 1;
        }
        at += length;
    }
    events.sort_by_key(|&(tick, track, order, _)| (tick, track, order));
    tempos.sort_unstable();
    let time = |tick: u64| {
        let (mut sum, mut since, mut tempo) = (0, 0, 500_000);
        for &(at, _, _, new) in tempos.iter().take_while(|change| change.0 <= tick) {
            sum += u128::from(at - since) * tempo;
            (since, tempo) = (at, new);
        }
        ((sum + u128::from(tick - since) * tempo) * 1000 + division / 2) / division
    };
    Some(events.into_iter().map(|(tick, track, _, octets)| (tick, time(tick) as u64, track, octets)).collect())
}

type Events = Vec<(u64, u16, usize, Vec<u8>)>;
type Tempos = Vec<(u64, u16, usize, u128)>;

fn walk(data: &[u8], track: u16, events: &mut Events, tempos: &mut Tempos) -> Option<()> {
    let (mut at, mut tick, mut status) = (0, 0, 0);
    let number = |at: &mut usize| {
        let mut value = 0_u64;
        loop {
            let octet = *data.get(*at)?;
            *at += 1;
            value = value << 7 | u64::from(octet & 0x7F);
            if octet < 0x80 {
                return Some(value);
            }
        }
    };
    loop {
        tick += number(&mut at)?;
        let order = at;
        if *data.get(at)? >= 0x80 {
            status = data[at];
            at += 1;
        }
        match status {
            0x80..=0xEF => {
                let count = if matches!(status >> 4, 0xC | 0xD) { 1 } else { 2 };
                events.push((tick, track, order, [&[status], data.get(at..at + count)?].concat()));
                at += count;
            }
            0xF0 => {
                let count = number(&mut at)? as usize;
                events.push((tick, track, order, [&[status], data.get(at..at + count)?].concat()));
                at += count;
            }
            0xFF => {
                let kind = data[at];
                at += 1;
                let count = number(&mut at)? as usize;
                let body = data.get(at..at + count)?;
                at += count;
                match kind {
                    0x2F => return Some(()),
                    0x51 => tempos.push((tick, track, order, body.iter().fold(0, |n, &b| n << 8 | u128::from(b)))),
                    _ => {}
                }
            }
            _ => return None,
        }
    }
}

fn corpus() -> Vec<PathBuf> {
    let named = std::env::var("SMF_CORPUS").unwrap_or_default();
    let mut folders: Vec<PathBuf> = named.split(':').filter(|name| !name.is_empty()).map(PathBuf::from).collect();
    folders.push("/usr/share/games/openttd/baseset/openmsx".into());
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_midi(&path) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn is_midi(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("mid"))
}
