//! Chapter M, and what belongs to it and not to Chapter C (A.1, A.3.4, A.4).

use crate::kit::{Commands, behind, chapters, journal_behind};
use crate::walker::{Parameter, Parameters};

fn control(pairs: &[(u8, u8)]) -> Vec<[u8; 3]> {
    pairs.iter().map(|(number, value)| [0xB0, *number, *value]).collect()
}

/// The table of contents and chapters behind controllers, a packet for each list.
fn coded(packets: &[&[(u8, u8)]]) -> Vec<u8> {
    with(packets, chapters)
}

fn with<T>(packets: &[&[(u8, u8)]], f: impl Fn(&[Commands<'_>]) -> T) -> T {
    let packets: Vec<_> = packets.iter().map(|pairs| control(pairs)).collect();
    let packets: Vec<Vec<&[u8]>> = packets.iter().map(|packet| packet.iter().map(|c| &c[..]).collect()).collect();
    let packets: Vec<Commands<'_>> = packets.iter().map(Vec::as_slice).collect();
    f(&packets)
}

fn chapter(pairs: &[(u8, u8)]) -> Parameters {
    with(&[pairs], |packets| behind(packets).parameters.unwrap())
}

/// The one log behind RPN 0 and `pairs`.
fn log(pairs: &[(u8, u8)]) -> Parameter {
    let chapter = chapter(&[RPN_0, pairs].concat());
    let [log] = chapter.logs[..] else { panic!("{chapter:?}") };
    log
}

/// Numbers and values of Chapter C.
fn general(pairs: &[(u8, u8)]) -> Vec<u8> {
    with(&[pairs], |packets| behind(packets).control.iter().map(|log| log.number).collect())
}

const RPN_0: &[(u8, u8)] = &[(101, 0), (100, 0)];
const NULL: &[(u8, u8)] = &[(101, 0x7F), (100, 0x7F)];

#[test]
fn a_transaction_goes_to_chapter_m_in_the_short_form() {
    assert_eq!(coded(&[&[RPN_0, &[(6, 2)]].concat()]), [0x20, 0x34, 0x05, 0x00, 0x82, 0x02]);
    assert_eq!(coded(&[&[(99, 0), (98, 1), (6, 2)]]), [0x20, 0x2C, 0x05, 0x01, 0x82, 0x02]);
    assert_eq!(coded(&[&[(101, 1), (100, 0), (6, 2)]]), [0x20, 0x20, 0x06, 0x00, 0x01, 0x82, 0x02]);
    let both = [RPN_0, &[(6, 2), (99, 0), (98, 0), (6, 3)]].concat();
    assert_eq!(coded(&[&both]), [0x20, 0x20, 0x0A, 0, 0, 0x82, 2, 0, 0x80, 0x82, 3], "U and W are for one kind");
}

#[test]
fn an_msb_alone_is_pending() {
    assert_eq!(coded(&[&[(101, 1)]]), [0x20, 0x40, 0x03, 0x01]);
    assert_eq!(coded(&[&[(99, 1)]]), [0x20, 0x40, 0x03, 0x81]);
    let again = chapter(&[RPN_0, &[(6, 2), (101, 1)]].concat());
    assert_eq!((again.pending, again.open, again.logs.len()), (Some((false, 1)), false, 1));
    assert_eq!(chapter(RPN_0).pending, None);
}

#[test]
fn e_says_whether_a_transaction_is_open() {
    assert!(chapter(RPN_0).open && chapter(&[RPN_0, &[(6, 2)]].concat()).open);
    assert!(!chapter(&[RPN_0, &[(6, 2)], NULL].concat()).open);
    assert!(!chapter(&[RPN_0, &[(6, 2), (121, 0)]].concat()).open);
    assert_eq!(coded(&[NULL]), [0x20, 0x00, 0x02], "null alone is told by an empty chapter");
}

#[test]
fn a_second_parameter_ends_the_first_and_comes_last() {
    let ids = |pairs: &[(u8, u8)]| chapter(pairs).logs.iter().map(|log| log.id).collect::<Vec<_>>();
    let (first, second) = ((false, 0, 0), (false, 0, 1));
    assert_eq!(ids(&[RPN_0, &[(6, 2), (101, 0), (100, 1), (6, 3)]].concat()), [first, second]);
    assert_eq!(ids(&[RPN_0, &[(100, 1), (6, 3)]].concat()), [first, second], "the MSB still counts");
    let back = [RPN_0, &[(101, 0), (100, 1)], RPN_0].concat();
    assert_eq!(ids(&back), [second, first], "once for each number");
    assert_eq!(ids(&[RPN_0, &[(99, 0), (98, 0)]].concat()), [first, (true, 0, 0)]);
}

#[test]
fn an_msb_and_a_data_entry_mean_lsb_zero() {
    let chapter = chapter(&[(101, 3), (6, 12)]);
    assert_eq!((chapter.logs[0].id, chapter.logs[0].entry_msb), ((false, 3, 0), Some((false, 12))));
    assert!(chapter.open);
}

#[test]
fn notes_inside_a_transaction_do_not_touch_it() {
    let channel = behind(&[&[&[0xB0, 101, 0], &[0xB0, 100, 0], &[0x90, 60, 64], &[0xC0, 1], &[0xB0, 6, 2]]]);
    assert_eq!(channel.parameters.unwrap().logs[0].entry_msb, Some((false, 2)));
}

#[test]
fn controllers_of_a_transaction_are_not_in_chapter_c() {
    assert_eq!(general(&[RPN_0, &[(6, 2), (38, 1), (96, 0), (97, 0)], NULL, &[(7, 1)]].concat()), [7]);
}

#[test]
fn data_entry_without_a_transaction_is_in_chapter_c() {
    for number in [6, 38, 96, 97] {
        let entry: &[(u8, u8)] = &[(number, 5)];
        assert_eq!(coded(&[entry]), [0x40, 0x00, number, 5]);
        assert_eq!(general(&[NULL, entry].concat()), [number], "behind null");
        assert_eq!(general(&[RPN_0, &[(121, 0)], entry].concat()), [121, number], "behind CC 121");
    }
    let roles = [&[(6, 1)], RPN_0, &[(6, 2)], NULL, &[(6, 3)]].concat();
    let channel = with(&[&roles], behind);
    assert_eq!(channel.control[0].tool, crate::walker::Tool::Value(3));
    assert_eq!(channel.parameters.unwrap().logs[0].entry_msb, Some((false, 2)));
    assert!(general(&[(7, 1), (99, 1), (98, 2), (101, 3), (100, 4)]) == [7], "98 to 101 are never there");
}

#[test]
fn entries_are_the_latest_and_an_msb_entry_drops_the_lsb() {
    let entries = |pairs: &[(u8, u8)]| (log(pairs).entry_msb, log(pairs).entry_lsb);
    assert_eq!(entries(&[(6, 2), (6, 3)]), (Some((false, 3)), None));
    assert_eq!(entries(&[(6, 2), (38, 50)]), (Some((false, 2)), Some((false, 50))));
    assert_eq!(entries(&[(38, 5), (6, 1)]), (Some((false, 1)), None));
    assert_eq!(entries(&[(38, 5)]), (None, Some((false, 5))));
}

#[test]
fn x_says_that_cc_121_came_behind_a_value() {
    let before = log(&[(6, 2), (38, 50), (121, 0)]);
    assert_eq!((before.entry_msb, before.entry_lsb), (Some((true, 2)), Some((true, 50))));
    let after = chapter(&[&[(121, 0)], RPN_0, &[(6, 2), (38, 50)]].concat()).logs[0];
    assert_eq!((after.entry_msb, after.entry_lsb), (Some((false, 2)), Some((false, 50))));
    assert_eq!(log(&[(96, 0), (121, 0)]).a_button, Some((true, 1)));
    assert_eq!(chapter(&[&[(121, 0)], RPN_0, &[(96, 0)]].concat()).logs[0].a_button, Some((false, 1)));
}

#[test]
fn buttons_are_counted_with_their_sign_since_the_latest_entry() {
    let octets = |pairs: &[(u8, u8)]| coded(&[&[RPN_0, pairs].concat()])[5..].to_vec();
    assert_eq!(octets(&[(96, 0), (96, 0), (97, 0)]), [0x00, 0x01]);
    assert_eq!(octets(&[(97, 0)]), [0x80, 0x01]);
    assert_eq!(octets(&[(96, 0), (97, 0)]), [0x00, 0x00]);
    assert_eq!(log(&[(96, 0), (96, 0), (6, 1)]).a_button, None);
    assert_eq!(log(&[(96, 0), (6, 1), (97, 0)]).a_button, Some((false, -1)));
    let many = [(97, 0); 400];
    let packets = [&[RPN_0][..], &[&many[..]; 41], &[&[(96, 0)]]].concat();
    let log = with(&packets, |packets| behind(packets).parameters.unwrap().logs[0]);
    assert_eq!(log.a_button, Some((false, 1 - 16_383)), "clamped after each step");
}

#[test]
fn the_c_button_counts_from_cc_121() {
    let after = log(&[(96, 0), (121, 0), (101, 0), (100, 0), (96, 0)]);
    assert_eq!((after.a_button, after.c_button), (Some((false, 2)), Some(1)));
    let reset = log(&[(96, 0), (121, 0)]);
    assert_eq!((reset.a_button, reset.c_button), (Some((true, 1)), None));
    assert_eq!(log(&[(96, 0), (96, 0)]).c_button, None, "equal to the A-BUTTON");
}

#[test]
fn null_has_no_log_and_a_reset_takes_all() {
    assert!(chapter(&[NULL, &[(6, 5)]].concat()).logs.is_empty());
    let rpn: Commands<'_> = &[&[0xB0, 101, 0], &[0xB0, 100, 0], &[0xB0, 6, 1]];
    assert!(journal_behind(&[rpn, &[&[0xFF]]]).channels.is_empty());
}

#[test]
fn cc_121_keeps_the_values() {
    let chapter = chapter(&[RPN_0, &[(6, 2), (121, 0)]].concat());
    assert_eq!((chapter.open, chapter.logs.len()), (false, 1));
}
