//! Chapters P, C, W, T and A, octet by octet (A.2, A.3, A.5, A.8, A.9).

use crate::kit::{Commands, behind, chapters, joined};
use crate::walker::Tool;

/// Packets, and the table of contents and chapters behind them.
type Case<'a> = (&'a [Commands<'a>], &'a [u8]);

fn check(cases: &[Case<'_>]) {
    for (packets, expected) in cases {
        assert_eq!(chapters(packets), *expected, "{packets:02X?}");
    }
}

/// The numbers in Chapter C, a number once for each log.
fn numbers(packets: &[Commands<'_>]) -> Vec<u8> {
    behind(packets).control.iter().map(|log| log.number).collect()
}

fn tools(packets: &[Commands<'_>], number: u8) -> Vec<Tool> {
    behind(packets).control.iter().filter(|log| log.number == number).map(|log| log.tool).collect()
}

#[test]
fn chapter_p_codes_the_latest_program() {
    check(&[(&[&[&[0xC0, 5]]], &[0x80, 0x05, 0, 0]), (&[&[&[0xC0, 5]], &[&[0xC0, 9]]], &[0x80, 0x09, 0, 0])]);
}

#[test]
fn chapter_p_codes_the_bank_select_in_force() {
    let (msb, lsb, program): (&[u8], &[u8], &[u8]) = (&[0xB0, 0, 1], &[0xB0, 32, 2], &[0xC0, 5]);
    for (commands, expected) in [
        (&[msb, program][..], (1, false, 0)),
        (&[msb, lsb, program], (1, false, 2)),
        (&[lsb, msb, program], (1, false, 0)),
        (&[msb, lsb, msb, program], (1, false, 0)),
        (&[&[0xB0, 0, 7], msb, lsb, program, &[0xB0, 0, 9]], (1, false, 2)),
        (&[msb, &[0xB0, 121, 0], program], (1, true, 0)),
        (&[msb, &[0xB0, 121, 0], lsb, program], (1, true, 2)),
        (&[&[0xB0, 121, 0], msb, program], (1, false, 0)),
    ] {
        assert_eq!(behind(&[commands]).program.unwrap().bank, Some(expected), "{commands:02X?}");
    }
    assert_eq!(behind(&[&[lsb, program]]).program.unwrap().bank, None, "CC 32 alone selects no bank");
    assert_eq!(chapters(&[&[msb, &[0xB0, 121, 0], program]])[1..4], [0x05, 0x81, 0x80]);
    assert_eq!(behind(&[&[msb], &[&[0xFF]], &[program]]).program.unwrap().bank, None, "inactive");
}

/// The X bit changes nothing: CC 121 leaves the bank alone (RP-015).
#[test]
fn the_x_bit_of_chapter_p_changes_no_repair() {
    let heard = |lsb: u8| joined(&[0x20, 0, 1, 0x00, 0x06, 0x80, 0x05, 0x81, lsb]);
    assert_eq!(heard(0x02), [vec![0xB0, 0, 1], vec![0xB0, 32, 2], vec![0xC0, 5]]);
    assert_eq!(heard(0x82), heard(0x02));
}

#[test]
fn chapter_c_codes_the_latest_value_of_each_number_oldest_first() {
    check(&[
        (&[&[&[0xB0, 7, 10]], &[&[0xB0, 7, 20]]], &[0x40, 0x00, 7, 20]),
        (&[&[&[0xB0, 10, 1], &[0xB0, 7, 2], &[0xB0, 10, 3]]], &[0x40, 0x01, 7, 2, 10, 3]),
        (&[&[&[0xB0, 1, 1]], &[&[0xB0, 7, 2]], &[&[0xB0, 1, 3]]], &[0x40, 0x01, 0x87, 2, 1, 3]),
    ]);
    assert!(behind(&[&[&[0xC0, 1]]]).control.is_empty());
}

#[test]
fn all_numbers_fit_in_chapter_c() {
    let all: Vec<_> = (0..128).filter(|n| !(98..=101).contains(n)).map(|number| [0xB0, number, 0]).collect();
    let all: Vec<&[u8]> = all.iter().map(|control| &control[..]).collect();
    let expected = all.iter().map(|control| control[1]).collect::<Vec<_>>();
    assert_eq!(numbers(&[&all]), expected);
}

#[test]
fn pairs_are_coded_number_by_number() {
    assert_eq!(numbers(&[&[&[0xB0, 33, 6]], &[&[0xB0, 1, 5]]]), [33, 1], "no 14-bit semantics is assumed");
    assert_eq!(numbers(&[&[&[0xB0, 127, 0]], &[&[0xB0, 126, 1]]]), [127, 126, 126], "the newer one is there");
    assert_eq!(numbers(&[&[&[0xB0, 124, 0]], &[&[0xB0, 125, 0]]]), [124, 125]);
}

#[test]
fn a_bank_select_that_chapter_p_codes_need_not_be_in_chapter_c() {
    let select: Commands<'_> = &[&[0xB0, 0, 1], &[0xB0, 32, 2], &[0xC0, 5]];
    assert_eq!(numbers(&[select]), [0_u8; 0]);
    assert!(numbers(&[select, &[&[0xB0, 0, 3]]]).contains(&0), "another CC 0 is");
}

#[test]
fn cc_121_removes_no_log() {
    let commands: Commands<'_> = &[&[0xB0, 1, 50], &[0xB0, 7, 60], &[0xB0, 121, 0]];
    assert_eq!(numbers(&[commands]), [1, 7, 121]);
}

#[test]
fn switches_toggle_and_cc_121_toggles_them_too() {
    let (on, off, reset): (&[u8], &[u8], &[u8]) = (&[0xB0, 64, 127], &[0xB0, 64, 0], &[0xB0, 121, 0]);
    for (commands, alt) in [
        (&[on, off, on][..], 3),
        (&[on, on, on], 1),
        (&[off], 0),
        (&[on, reset, on], 3),
        (&[on, reset], 1),
        (&[on, reset, off], 2),
        (&[on, &[0xFF], on], 1),
    ] {
        assert_eq!(tools(&[commands], 64), [Tool::Toggle(alt)], "{commands:02X?}");
    }
    let many: Vec<&[u8]> = [on, off].repeat(33);
    assert_eq!(tools(&[&many], 64), [Tool::Toggle(66 % 64)]);
}

#[test]
fn commands_that_set_nothing_are_counted() {
    let all_notes_off: &[u8] = &[0xB0, 123, 0];
    assert_eq!(tools(&[&[all_notes_off; 65]], 123), [Tool::Count(1)]);
    assert_eq!(tools(&[&[all_notes_off, &[0xFF], all_notes_off]], 123), [Tool::Count(1)]);
    assert_eq!(chapters(&[&[all_notes_off]]), [0x40, 0x00, 123, 0xC1]);
}

#[test]
fn one_tool_is_enough_unless_it_hides_a_value() {
    assert_eq!(tools(&[&[&[0xB0, 7, 64]]], 7), [Tool::Value(64)]);
    assert_eq!(tools(&[&[&[0xB0, 64, 80]]], 64), [Tool::Value(80), Tool::Toggle(1)]);
    assert_eq!(tools(&[&[&[0xB0, 126, 4]]], 126), [Tool::Count(1), Tool::Value(4)]);
    for number in (0..128).filter(|number| !(98..=101).contains(number)) {
        assert_eq!(tools(&[&[&[0xB0, number, 0]]], number).len(), 1, "{number}");
    }
}

#[test]
fn a_counted_command_without_value_is_recovered_with_its_default() {
    let heard = joined(&[0x20, 0, 1, 0x00, 0x06, 0x40, 0x00, 123, 0xC1]);
    assert_eq!(heard, [[0xB0, 123, 0]]);
}

#[test]
fn chapter_w_codes_the_latest_wheel_until_cc_121() {
    check(&[
        (&[&[&[0xE0, 0x00, 0x40]]], &[0x10, 0x00, 0x40]),
        (&[&[&[0xE0, 0x12, 0x34]]], &[0x10, 0x12, 0x34]),
        (&[&[&[0xE0, 0, 0x50], &[0xB0, 121, 0]]], &[0x40, 0x00, 121, 0xC1]),
        (&[&[&[0xB0, 121, 0], &[0xE0, 0, 0x50]]], &[0x50, 0x00, 121, 0xC1, 0x00, 0x50]),
    ]);
}

#[test]
fn chapter_t_codes_the_latest_pressure_until_a_reset_or_silence() {
    check(&[(&[&[&[0xD0, 0x40]]], &[0x02, 0x40]), (&[&[&[0xD0, 0x40], &[0xD0, 0x41]]], &[0x02, 0x41])]);
    for mode in [120, 121, 123, 124, 125, 126, 127] {
        assert_eq!(behind(&[&[&[0xD0, 0x40], &[0xB0, mode, 0]]]).pressure, None, "CC {mode}");
    }
    assert!(behind(&[&[&[0xD0, 0x40], &[0xB0, 122, 0]]]).pressure.is_some());
}

#[test]
fn chapter_a_codes_the_latest_pressure_of_each_note_oldest_first() {
    check(&[
        (&[&[&[0xA0, 0x3C, 0x40]]], &[0x01, 0x00, 0x3C, 0x40]),
        (&[&[&[0xA0, 60, 0x10], &[0xA0, 60, 0x20]]], &[0x01, 0x00, 60, 0x20]),
        (&[&[&[0xA0, 60, 1], &[0xA0, 64, 2], &[0xA0, 67, 3]]], &[0x01, 0x02, 60, 1, 64, 2, 67, 3]),
        (&[&[&[0xA0, 64, 1], &[0xA0, 60, 2], &[0xA0, 64, 3]]], &[0x01, 0x01, 60, 2, 64, 3]),
    ]);
}

#[test]
fn chapter_a_survives_silence_with_x_and_not_cc_121() {
    for mode in [120, 123, 124, 125, 126, 127] {
        let channel = behind(&[&[&[0xA0, 60, 0x40], &[0xB0, mode, 0], &[0xA0, 61, 0x41]]]);
        let logs: Vec<_> = channel.poly.iter().map(|log| (log.note, log.flag, log.value)).collect();
        assert_eq!(logs, [(60, true, 0x40), (61, false, 0x41)], "CC {mode}");
    }
    assert!(behind(&[&[&[0xA0, 60, 0x40], &[0xB0, 121, 0]]]).poly.is_empty());
}
