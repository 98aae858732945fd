//! Chapters N and E, octet by octet (A.6, A.7).

use rtp_midi::Sender;

use crate::kit::{Commands, FIRST, RATE, anchor, behind, chapters, journal_behind, send};
use crate::walker::{Log, walk};

const ON: &[u8] = &[0x90, 60, 64];
const OFF: &[u8] = &[0x80, 60, 64];

fn check(cases: &[(Commands<'_>, &[u8])]) {
    for (commands, expected) in cases {
        assert_eq!(chapters(&[commands]), *expected, "{commands:02X?}");
    }
}

/// The notes of Chapter N's logs.
fn logged(packets: &[Commands<'_>]) -> Vec<u8> {
    behind(packets).notes.unwrap().logs.iter().map(|log| log.note).collect()
}

/// The logs of Chapter E: note, V, value.
fn extras(packets: &[Commands<'_>]) -> Vec<(u8, bool, u8)> {
    behind(packets).extras.iter().map(|log| (log.note, log.flag, log.value)).collect()
}

fn all_notes(kind: u8, velocity: u8) -> Vec<[u8; 3]> {
    (0..128).map(|note| [kind, note, velocity]).collect()
}

#[test]
fn a_note_on_is_a_log_and_a_note_off_a_bit() {
    check(&[
        (&[ON], &[0x08, 0x81, 0xF1, 60, 0x40]),
        (&[ON, OFF], &[0x08, 0x00, 0x77, 0x08]),
        (&[OFF], &[0x08, 0x00, 0x77, 0x08]),
        (&[&[0x90, 60, 0]], &[0x08, 0x00, 0x77, 0x08]),
        (&[OFF, ON], &[0x08, 0x01, 0xF1, 60, 0x40]),
        (&[&[0x80, 24, 64], &[0x80, 47, 64]], &[0x08, 0x00, 0x35, 0x80, 0x00, 0x01]),
        (&[&[0x80, 127, 64]], &[0x08, 0x00, 0xFF, 0x01]),
    ]);
}

#[test]
fn the_latest_command_of_a_note_counts_and_logs_are_oldest_first() {
    let channel = behind(&[&[&[0x90, 60, 10], &[0x90, 60, 20]]]);
    assert_eq!(channel.notes.unwrap().logs, [Log { s: false, note: 60, flag: false, value: 20 }]);
    assert_eq!(logged(&[&[&[0x90, 62, 1], ON, &[0x90, 62, 2]]]), [60, 62]);
    assert_eq!(logged(&[&[&[0x90, 62, 1], ON], &[&[0x80, 62, 64], &[0x90, 62, 2]]]), [60, 62]);
}

#[test]
fn b_tells_of_a_note_off_in_the_packet_before() {
    let b = |packets: &[Commands<'_>]| behind(packets).notes.unwrap().b;
    assert!(b(&[&[ON]]) && b(&[&[ON, OFF], &[ON]]) && b(&[&[OFF], &[]]));
    assert!(!b(&[&[OFF]]) && !b(&[&[ON], &[&[0x90, 60, 0]]]));
    assert!(!b(&[&[ON], &[OFF, ON]]), "even when the note is struck again");
    assert!(!b(&[&[OFF, &[0xB0, 123, 0], ON]]), "even when all notes off took the bit away");
    let journal = journal_behind(&[&[OFF]]);
    assert!(!journal.s && !journal.channels[0].s);
}

#[test]
fn full_lists_have_their_special_lengths() {
    let all = all_notes(0x90, 1);
    let all: Vec<&[u8]> = all.iter().map(|note| &note[..]).collect();
    let octets = chapters(&[&all]);
    assert_eq!((&octets[1..3], octets.len()), (&[0xFF, 0xF0][..], 1 + 258));
    let octets = chapters(&[&all[1..]]);
    assert_eq!((&octets[1..3], octets.len()), (&[0xFF, 0xF1][..], 1 + 256));
    let off: Commands<'_> = &[&[0x80, 0, 64]];
    let octets = chapters(&[&all, off]);
    assert_eq!((&octets[1..3], octets.len(), octets[257]), (&[0x7F, 0x00][..], 1 + 257, 0x80));
}

#[test]
fn silence_empties_the_chapters() {
    for mode in [120, 123, 124, 125, 126, 127] {
        let channel = behind(&[&[ON, ON, &[0x80, 61, 3], &[0xB0, mode, 0]]]);
        assert_eq!((channel.notes, channel.extras), (None, vec![]), "CC {mode}");
        assert_eq!(extras(&[&[ON, ON, &[0xB0, mode, 0], ON]]), [], "CC {mode}: counts begin anew");
    }
}

#[test]
fn y_is_for_a_note_struck_just_now() {
    let mut sender = Sender::new(anchor(), FIRST);
    send(&mut sender, 0, &[ON]);
    let mut played = |time| {
        let (_, payload) = send(&mut sender, time, &[]);
        walk(&payload).journal.unwrap().channels[0].notes.clone().unwrap().logs[0].flag
    };
    assert_eq!([0, RATE / 100, RATE / 100 + 1, RATE].map(&mut played), [true, true, false, false]);
}

#[test]
fn release_velocities_other_than_64_are_extras() {
    check(&[
        (&[&[0x80, 60, 0x20]], &[0x0C, 0x00, 0x77, 0x08, 0x00, 60, 0xA0]),
        (&[&[0x80, 60, 0]], &[0x0C, 0x00, 0x77, 0x08, 0x00, 60, 0x80]),
        (&[&[0x90, 60, 0]], &[0x08, 0x00, 0x77, 0x08]),
    ]);
    assert_eq!(extras(&[&[&[0x80, 62, 1], &[0x80, 60, 2]]]), [(62, true, 1), (60, true, 2)]);
    assert_eq!(extras(&[&[&[0x80, 60, 1], ON]]), [], "the latest command is a NoteOn");
}

#[test]
fn overlapping_notes_are_counted() {
    assert_eq!(extras(&[&[ON]]), []);
    assert_eq!(extras(&[&[ON, ON]]), [(60, false, 2)]);
    assert_eq!(extras(&[&[ON, ON, OFF]]), [(60, false, 1)]);
    assert_eq!(extras(&[&[ON, ON, OFF, OFF]]), []);
    assert_eq!(extras(&[&[OFF, OFF, ON, ON, ON]]), [(60, false, 3)], "a count is never below 0");
    assert_eq!(extras(&[&[ON; 200]]), [(60, false, 127)]);
    assert_eq!(extras(&[&[ON; 300], &[OFF; 200]]), [(60, false, 100)]);
    assert_eq!(extras(&[&[ON, ON, &[0x80, 60, 5]]]), [(60, false, 1), (60, true, 5)]);
}

#[test]
fn counts_are_kept_when_release_velocities_must_go() {
    let (on, off) = (all_notes(0x90, 1), all_notes(0x80, 5));
    let twice = on[..100].iter().chain(&on[..100]).chain(&off).map(|note| &note[..]).collect::<Vec<_>>();
    let logs = extras(&[&twice]);
    let counts = logs.iter().filter(|(_, release, _)| !release).count();
    assert_eq!((logs.len(), counts), (128, 100));
    let octets = chapters(&[&twice]);
    assert_eq!((octets[0], octets[1 + 2 + 16]), (0x0C, 0x7F), "LEN is one less than the number of logs");
}
