//! Chapters D, V, Q, F and X (appendix B).

use rtp_midi::{Config, Received, Receiver, Sender};

use crate::kit::{Commands, FIRST, RATE, anchor, hear, journal_behind, octets, send, stream};
use crate::system_walker::{Sequencer, SysEx, System, TimeCode, walk};

/// The system journal of an empty packet behind `packets`, taken apart.
fn behind(packets: &[Commands<'_>]) -> System {
    let system = journal_behind(packets).system;
    if system.is_empty() { System::default() } else { walk(&system) }
}

/// The octets of its chapters.
fn chapters(packets: &[Commands<'_>]) -> Vec<u8> {
    journal_behind(packets).system.get(2..).unwrap_or_default().to_vec()
}

/// Chapter Q without its S bit: running, downbeat, position.
fn sequencer(commands: Commands<'_>) -> Option<(bool, bool, u32)> {
    let told = |chapter: Sequencer| (chapter.runs, chapter.downbeat, chapter.position.unwrap_or(0));
    behind(&[commands]).sequencer.map(told)
}

fn time_code(packets: &[Commands<'_>]) -> TimeCode {
    behind(packets).time_code.expect("Chapter F is there")
}

/// Quarter frames of these message types and nibbles.
fn quarters(values: impl IntoIterator<Item = (u8, u8)>) -> Vec<[u8; 2]> {
    values.into_iter().map(|(kind, nibble)| [0xF1, kind << 4 | nibble]).collect()
}

fn slices<const N: usize>(commands: &[[u8; N]]) -> Vec<&[u8]> {
    commands.iter().map(|command| &command[..]).collect()
}

/// What the system journal of a first packet makes a receiver give out.
fn joined_system(journal: &[u8]) -> Vec<Vec<u8>> {
    let mut heard = Vec::new();
    let payload = [&[0x40][..], journal].concat();
    Receiver::new(anchor()).receive(Received { sequence: 9, timestamp: 0, payload: &payload }, |event| {
        heard.push(octets(&event.command));
    });
    heard
}

fn sysex(packets: &[Commands<'_>]) -> Vec<SysEx> {
    behind(packets).sysex
}

#[test]
fn the_system_journal_is_there_when_a_chapter_is() {
    let journal = journal_behind(&[&[&[0xF6]]]);
    assert_eq!(journal.system, [0x40, 0x04, 0x20, 0x01]);
    assert!(!journal.s && journal.channels.is_empty());
    assert!(journal_behind(&[&[&[0x90, 60, 64]]]).system.is_empty());
    let order = behind(&[&[&[0xF6], &[0xFE], &[0xFA], &[0xF1, 0], &[0xF0, 1, 0xF7]]]);
    assert_eq!(order.toc, 0x7C, "D, V, Q, F and X in this order");
}

#[test]
fn chapter_d_counts_resets_and_tune_requests_and_tells_the_song() {
    assert_eq!(chapters(&[&[&[0xFF]]]), [0x40, 0x01]);
    assert_eq!(chapters(&[&[&[0xFF]], &[&[0xFF]]]), [0x40, 0x02], "a reset does not clear its own count");
    assert_eq!(chapters(&[&[&[0xF6], &[0xF6], &[0xF6]]]), [0x20, 0x03]);
    assert_eq!(chapters(&[&[&[0xF3, 5], &[0xF3, 7]]]), [0x10, 0x07]);
    assert_eq!(chapters(&[&[&[0xFF], &[0xF3, 5]]]), [0x50, 0x01, 0x05]);
    assert_eq!(behind(&[&[&[0xF3, 5], &[0xFF]]]).song, None, "inactive");
    let many = [&[0xF6][..]; 200];
    assert_eq!(behind(&[&many]).tune, Some((false, 72)));
}

#[test]
fn a_reset_leaves_nothing_but_itself() {
    let all: Commands<'_> =
        &[&[0xF6], &[0xF3, 5], &[0xF4, 1, 0xF7], &[0xF5, 0xF7], &[0xF9], &[0xFD], &[0xFE], &[0xFA], &[0xF1, 0]];
    assert_eq!(chapters(&[all, &[&[0xF0, 1, 0xF7]], &[&[0xFF]]]), [0x40, 0x01]);
    let by_sysex = behind(&[all, &[&[0xF0, 1, 0xF7], &[0xF0, 0x7E, 0x7F, 9, 1, 0xF7]]]);
    assert_eq!((by_sysex.toc, by_sysex.sysex.len()), (0x04, 1), "the reset itself is in Chapter X");
    assert_eq!(behind(&[all, &[&[0xFF]], all]).tune, Some((false, 2)), "counts go on");
}

#[test]
fn undefined_common_commands_have_logs_of_their_own() {
    assert_eq!(chapters(&[&[&[0xF4, 1, 2, 0xF7]]]), [0x08, 0x28, 0x04, 0x01, 0x82]);
    let both = behind(&[&[&[0xF4, 1, 2, 3, 4, 0xF7], &[0xF5, 0xF7], &[0xF5, 0xF7]]]);
    assert_eq!(both.f4.unwrap().value, [1, 2, 3, 4]);
    let f5 = both.f5.unwrap();
    assert_eq!((f5.count, f5.value.len()), (Some(2), 0));
    assert_eq!(behind(&[&[&[0xF0, 1, 0xF5]]]).f5, None, "a dropped F7 is no F5");
}

#[test]
fn undefined_real_time_commands_are_counted() {
    assert_eq!(chapters(&[&[&[0xF9]]]), [0x02, 0x42, 0x01]);
    let both = behind(&[&[&[0xF9; 1][..]; 300], &[&[0xFD]]]);
    assert_eq!((both.f9, both.fd), (Some((true, 44)), Some((false, 1))));
}

#[test]
fn chapter_v_counts_active_sense() {
    assert_eq!(journal_behind(&[&[&[0xFE], &[0xFE]]]).system, [0x20, 0x03, 0x02]);
    assert_eq!(behind(&[&[&[0xFE; 1][..]; 200]]).sense, Some((false, 72)));
}

#[test]
fn chapter_q_tells_whether_the_sequencer_runs_and_where_it_stands() {
    let (clock, start, go_on, stop): (&[u8], &[u8], &[u8], &[u8]) = (&[0xF8], &[0xFA], &[0xFB], &[0xFC]);
    let to_6: &[u8] = &[0xF2, 1, 0];
    for (commands, expected) in [
        (&[start][..], (true, false, 0)),
        (&[start, clock], (true, true, 0)),
        (&[start, clock, clock], (true, true, 1)),
        (&[start, stop], (false, false, 0)),
        (&[start, stop, go_on], (true, false, 0)),
        (&[to_6], (false, false, 6)),
        (&[&[0xF2, 0x10, 0]], (false, false, 96)),
        (&[&[0xF2, 0x7F, 0x7F]], (false, false, 16_383 * 6)),
        (&[start, to_6, clock], (true, true, 6)),
    ] {
        assert_eq!(sequencer(commands), Some(expected), "{commands:02X?}");
    }
    assert_eq!(sequencer(&[clock]), None, "a clock moves nothing while the sequencer stands");
    assert_eq!(sequencer(&[start, &[0xFF]]), None);
}

#[test]
fn chapter_q_has_its_short_forms() {
    let (start, stop): (&[u8], &[u8]) = (&[0xFA], &[0xFC]);
    assert_eq!(chapters(&[&[start]]), [0x40]);
    assert_eq!(chapters(&[&[start, stop]]), [0x00]);
    assert_eq!(chapters(&[&[start, stop, &[0xF2, 0, 0], &[0xFB]]]), [0x50, 0, 0]);
    let clocks = [&[start][..], &[&[0xF8][..]; 7]].concat();
    assert_eq!(journal_behind(&[&clocks]).system, [0x10, 0x05, 0x70, 0x00, 0x06]);
    let many = [&[start][..], &[&[0xF8][..]; 600]].concat();
    let long: Vec<Commands<'_>> = [&many[..]].into_iter().chain([&many[1..]; 119]).collect();
    let position = behind(&long).sequencer.unwrap().position;
    assert_eq!(position, Some(120 * 600 - 1), "beyond 16 bits");
}

#[test]
fn a_series_of_quarter_frames_is_a_complete_frame_two_later() {
    // 01:02:03:04 at 25 frames a second.
    let series = quarters([(0, 4), (1, 0), (2, 3), (3, 0), (4, 2), (5, 0), (6, 1), (7, 2)]);
    assert_eq!(journal_behind(&[&slices(&series)]).system, [0x08, 0x07, 0x57, 0x60, 0x30, 0x20, 0x12]);
    // 00:00:00:29 at 30 frames a second: the second is over.
    let carry = quarters([(0, 13), (1, 1), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 6)]);
    assert_eq!(time_code(&[&slices(&carry)]).complete, Some([0x10, 0x10, 0x00, 0x06]));
    // 23:59:59:24 at 25 frames a second: the day is over.
    let day = quarters([(0, 8), (1, 1), (2, 11), (3, 3), (4, 11), (5, 3), (6, 7), (7, 3)]);
    assert_eq!(time_code(&[&slices(&day)]).complete, Some([0x10, 0x00, 0x00, 0x02]));
    // 00:00:59:29 at 29.97 frames a second: frames 0 and 1 of minute 1 do not exist.
    let drop = quarters([(0, 13), (1, 1), (2, 11), (3, 3), (4, 0), (5, 0), (6, 0), (7, 4)]);
    assert_eq!(time_code(&[&slices(&drop)]).complete, Some([0x30, 0x00, 0x10, 0x04]));
}

#[test]
fn a_falling_series_has_no_offset() {
    let series = quarters([(7, 2), (6, 1), (5, 0), (4, 2), (3, 0), (2, 3), (1, 0), (0, 4)]);
    let chapter = time_code(&[&slices(&series)]);
    assert_eq!((chapter.complete, chapter.partial), (Some([0x40, 0x30, 0x20, 0x12]), None));
    assert!(chapter.quarters && chapter.reverse && chapter.point == 0);
}

#[test]
fn a_full_frame_is_a_complete_frame_as_it_is() {
    let full: &[u8] = &[0xF0, 0x7F, 0x7F, 1, 1, 0x21, 2, 3, 4, 0xF7];
    let chapter = time_code(&[&[full]]);
    assert_eq!((chapter.complete, chapter.partial), (Some([0x21, 2, 3, 4]), None));
    assert!(!chapter.quarters && !chapter.reverse && chapter.point == 7);
    assert!(sysex(&[&[full]]).is_empty(), "and not in Chapter X");
    let series = quarters((0..8).map(|kind| (kind, 0)));
    assert!(!time_code(&[&slices(&series), &[full]]).quarters, "the latest counts");
}

#[test]
fn a_series_on_its_way_is_a_partial_frame() {
    for (kinds, partial, point) in [
        (vec![(0, 4), (1, 1)], [0x41, 0, 0, 0], 1),
        (vec![(0, 4), (1, 1), (2, 5)], [0x41, 0x50, 0, 0], 2),
        (vec![(7, 2), (6, 1)], [0, 0, 0, 0x12], 6),
    ] {
        let chapter = time_code(&[&slices(&quarters(kinds))]);
        assert_eq!((chapter.partial, chapter.point, chapter.complete), (Some(partial), point, None));
    }
    for broken in [&[(3, 1), (4, 1)][..], &[(0, 1), (1, 1), (3, 1)], &[(7, 1), (5, 1)], &[(0, 1), (1, 1), (1, 1)]] {
        let chapter = time_code(&[&slices(&quarters(broken.iter().copied()))]);
        assert_eq!((chapter.partial, chapter.complete), (None, None), "{broken:?} is no series");
    }
}

#[test]
fn chapter_f_is_only_there_for_its_own_commands() {
    let mut sender = Sender::new(Config::new(RATE), FIRST);
    let (packet, _) = send(&mut sender, 0, &[&[0xF1, 0]]);
    let has = |sender: &mut Sender, commands: Commands<'_>| {
        let journal = crate::walker::walk(&send(sender, 0, commands).1).journal.unwrap().system;
        journal.first().is_some_and(|toc| toc & 0x08 != 0)
    };
    assert!(has(&mut sender, &[]));
    sender.acknowledge(7, u32::from(packet.sequence));
    assert!(!has(&mut sender, &[]));
    send(&mut sender, 0, &[&[0xF6]]);
    assert!(!has(&mut sender, &[]), "another chapter does not bring it back");
    sender.acknowledge(8, u32::from(packet.sequence));
    assert!(!has(&mut sender, &[]), "nor does a receiver that came late");
}

#[test]
fn an_illegal_series_is_survived() {
    let sent = stream(anchor(), &[&[], &slices(&quarters([(5, 1), (2, 2), (7, 3)])), &[&[0xF1, 0]], &[]]);
    let mut receiver = Receiver::new(anchor());
    hear(&mut receiver, &[&sent[0], &sent[3]]);
    assert_eq!(receiver.stats().malformed_journals, 0);
}

#[test]
fn chapter_x_tells_how_a_system_exclusive_ended() {
    let reset: &[u8] = &[0xF0, 0x7E, 0x7F, 9, 2, 0xF7];
    let [log] = &sysex(&[&[reset]])[..] else { panic!("one log") };
    assert_eq!((log.status, log.first, &log.data[..]), (3, 0, &[0x7E, 0x7F, 9, 2][..]));
    for (commands, status, data) in [
        (&[&[0xF0, 1, 0xF0][..]][..], 0, &[1][..]),
        (&[&[0xF0, 1, 0xF0], &[0xF7, 2, 0xF0]], 0, &[1, 2]),
        (&[&[0xF0, 1, 0xF0], &[0xF7, 2, 0xF7]], 3, &[1, 2]),
        (&[&[0xF0, 1, 0xF5]], 2, &[1]),
        (&[&[0xF0, 1, 0xF0], &[0xF7, 0xF5]], 2, &[1]),
        (&[&[0xF0, 0xF7]], 3, &[]),
    ] {
        let [log] = &sysex(&[commands])[..] else { panic!("one log for {commands:02X?}") };
        assert_eq!((log.status, &log.data[..]), (status, data), "{commands:02X?}");
    }
    let cancelled = sysex(&[&[&[0xF0, 1, 0xF0], &[0xF7, 0xF4]]]);
    assert!(cancelled.iter().all(|log| log.status == 1 && (log.data.is_empty() || log.data == [1])));
}

#[test]
fn chapter_x_is_oldest_first_and_codes_and_counts_each_instance() {
    let (a, b): (&[u8], &[u8]) = (&[0xF0, 1, 0xF7], &[0xF0, 2, 0xF7]);
    let logs = sysex(&[&[a, b], &[a], &[a, a]]);
    assert!(logs.iter().all(|log| log.list));
    assert_eq!(logs.iter().map(|log| log.data[0]).collect::<Vec<_>>(), [1, 2, 1, 1, 1]);
    assert_eq!(logs.last().unwrap().count, Some(5));
    let many = vec![a; 260];
    assert_eq!(sysex(&[&many]).last().unwrap().count, Some(4), "modulo 256");
}

#[test]
fn the_first_s_bit_of_chapter_x_is_that_of_the_chapter() {
    let (a, b): (&[u8], &[u8]) = (&[0xF0, 1, 0xF7], &[0xF0, 2, 0xF7]);
    let bits = |packets: &[Commands<'_>]| sysex(packets).iter().map(|log| log.s).collect::<Vec<_>>();
    assert_eq!(bits(&[&[a], &[b]]), [false, false]);
    assert_eq!(bits(&[&[a, b], &[]]), [true, true]);
    assert_eq!(bits(&[&[a], &[b], &[a]]), [false, true, false]);
    assert_eq!(bits(&[&[a]]), [false]);
}

#[test]
fn octets_that_arrived_need_not_be_coded_again() {
    let mut sender = Sender::new(Config::new(RATE), FIRST);
    let (packet, _) = send(&mut sender, 0, &[&[0xF0, 1, 2, 0xF0]]);
    send(&mut sender, 0, &[&[0xF7, 3, 4, 0xF0]]);
    sender.acknowledge(7, u32::from(packet.sequence));
    let journal = crate::walker::walk(&send(&mut sender, 0, &[]).1).journal.unwrap();
    let [log] = &walk(&journal.system).sysex[..] else { panic!("one log") };
    assert_eq!((log.status, &log.data[log.data.len() - 2..]), (0, &[3, 4][..]));
    assert_eq!(log.first as usize, 4 - log.data.len(), "FIRST counts from the start of the command");
}

#[test]
fn legal_fields_are_stepped_over() {
    let common = [0x0C, 0x38, 7, 0x01, 0x82, 0xAA, 0xBB, 0xCC, 0x40, 3, 1];
    let real_time = [0x03, 0x65, 1, 0xAA, 0xBB, 0xCC, 0x42, 1];
    for (chapter, expected) in
        [(&common[..], [&[0xF4, 1, 2, 0xF7][..], &[0xF5, 0xF7]]), (&real_time, [&[0xF9], &[0xFD]])]
    {
        let journal = [&[0x40, 0, 1, 0x40, 2 + chapter.len() as u8][..], chapter].concat();
        assert_eq!(joined_system(&journal), expected);
    }
}

#[test]
fn time_tools_and_unknown_octets_are_stepped_over() {
    let behind_it = [0x00, 0x04, 0x02, 0x55];
    let quiet = [&[0x60, 0, 1, 0x10, 0x06, 0x08, 0, 0, 1][..], &behind_it].concat();
    assert_eq!(crate::kit::joined(&quiet), [[0xD0, 0x55]]);
}

#[test]
fn a_lost_system_exclusive_arrives_by_its_journal() {
    let (a, b): (&[u8], &[u8]) = (&[0xF0, 1, 2, 3, 0xF7], &[0xF0, 4, 0xF7]);
    let lost = |lost: Commands<'_>| {
        let sent = stream(anchor(), &[&[], lost, &[]]);
        let mut receiver = Receiver::new(anchor());
        hear(&mut receiver, &[&sent[0]]);
        hear(&mut receiver, &[&sent[2]])
    };
    assert_eq!(lost(&[a]), [a]);
    assert_eq!(lost(&[a, b, a]), [a, b, a]);
    assert_eq!(lost(&[&[0xFF]]), [[0xFF]]);
    assert_eq!(lost(&[&[0xF6], &[0xF6]]), [[0xF6]]);
    assert_eq!(lost(&[&[0xF3, 5]]), [[0xF3, 5]]);
}
