//! What receivers make of lost, late and doubled packets (section 4).

use rtp_midi::{Outcome, Received, Receiver};

use crate::kit::{Commands, RATE, anchor, hear, joined, octets, stream};

const ON: &[u8] = &[0x90, 60, 64];
const OFF: &[u8] = &[0x80, 60, 64];

/// What comes out of the third packet when the second is lost.
fn repaired(first: Commands<'_>, lost: Commands<'_>) -> Vec<Vec<u8>> {
    let sent = stream(anchor(), &[first, lost, &[]]);
    let mut receiver = Receiver::new(anchor());
    hear(&mut receiver, &[&sent[0]]);
    hear(&mut receiver, &[&sent[2]])
}

#[test]
fn every_gap_is_noticed_once() {
    let sent = stream(anchor(), &[&[] as Commands<'_>; 20]);
    let mut receiver = Receiver::new(anchor());
    let kept: Vec<_> = [0, 1, 4, 5, 9, 19].map(|number| &sent[number]).into();
    hear(&mut receiver, &kept);
    let stats = receiver.stats();
    assert_eq!((stats.losses, stats.lost, stats.late), (3, 2 + 3 + 9, 0));
}

#[test]
fn the_packet_behind_a_loss_repairs_it() {
    for (first, lost, expected) in [
        (&[ON][..], &[OFF][..], &[OFF][..]),
        (&[], &[&[0xB0, 7, 9]], &[&[0xB0, 7, 9]]),
        (&[], &[&[0xC0, 9]], &[&[0xC0, 9]]),
        (&[], &[&[0xE0, 9, 9]], &[&[0xE0, 9, 9]]),
        (&[], &[&[0xD0, 9]], &[&[0xD0, 9]]),
        (&[], &[&[0xA0, 60, 9]], &[&[0xA0, 60, 9]]),
        (&[], &[&[0xB0, 123, 0], &[0xB0, 123, 0]], &[&[0xB0, 123, 0]]),
        (&[ON], &[&[0x80, 60, 9]], &[&[0x80, 60, 9]]),
        (&[], &[&[0xB0, 101, 0], &[0xB0, 100, 0], &[0xB0, 6, 2]], &[&[0xB0, 101, 0], &[0xB0, 100, 0], &[0xB0, 6, 2]]),
        (&[ON], &[], &[]),
        (&[&[0xB0, 7, 9]], &[&[0xB0, 7, 9]], &[]),
    ] {
        assert_eq!(repaired(first, lost), expected, "{lost:02X?}");
    }
}

#[test]
fn an_old_note_on_is_not_played_late() {
    assert_eq!(repaired(&[], &[ON]), [[0_u8; 0]; 0]);
}

#[test]
fn a_note_ends_before_its_pedal_goes_down() {
    let pedal: &[u8] = &[0xB0, 64, 127];
    assert_eq!(repaired(&[ON], &[OFF, pedal]), [OFF, pedal]);
    assert_eq!(repaired(&[ON], &[pedal, OFF]), [OFF, pedal]);
}

#[test]
fn an_open_transaction_takes_the_data_entry_behind_the_loss() {
    let selected = stream(anchor(), &[&[], &[&[0xB0, 101, 0], &[0xB0, 100, 1]], &[&[0xB0, 6, 5]]]);
    let mut receiver = Receiver::new(anchor());
    hear(&mut receiver, &[&selected[0]]);
    assert_eq!(hear(&mut receiver, &[&selected[2]]), [[0xB0, 101, 0], [0xB0, 100, 1], [0xB0, 6, 5]]);
}

#[test]
fn all_forms_of_the_header_of_chapter_m_are_understood() {
    // Flags U, W and Z; the octets of a log of parameter 1 with ENTRY-MSB 5; the MSB that selects it.
    let long: &[u8] = &[0x01, 0x00, 0x82, 0x05];
    let short: &[u8] = &[0x01, 0x82, 0x05];
    let nrpn: &[u8] = &[0x01, 0x80, 0x82, 0x05];
    let cases = [(0x00, long, 101), (0x04, long, 101), (0x10, long, 101), (0x14, short, 101)];
    for (flags, log, msb) in [&cases[..], &[(0x08, nrpn, 99), (0x0C, short, 99), (0x04, nrpn, 99)]].concat() {
        let chapter = [&[0x20 | flags, 2 + log.len() as u8][..], log].concat();
        let length = 3 + chapter.len() as u8;
        let heard = joined(&[&[0x20, 0, 1, 0x00, length, 0x20][..], &chapter].concat());
        assert_eq!(heard, [[0xB0, msb, 0], [0xB0, msb - 1, 1], [0xB0, 6, 5]], "{flags:#04x}");
    }
    // A fieldless log says which transaction is open.
    let heard = joined(&[0x20, 0, 1, 0x00, 0x08, 0x20, 0x20, 0x05, 0x01, 0x00, 0x00]);
    assert_eq!(heard, [[0xB0, 101, 0], [0xB0, 100, 1]]);
}

#[test]
fn a_late_or_doubled_packet_gives_nothing() {
    let sent = stream(anchor(), &[&[], &[], &[ON], &[&[0xB0, 7, 9], OFF]]);
    let mut receiver = Receiver::new(anchor());
    hear(&mut receiver, &[&sent[0], &sent[1], &sent[3]]);
    for late in [2, 3, 0] {
        let (packet, payload) = &sent[late];
        let received = Received { sequence: packet.sequence, timestamp: packet.timestamp, payload };
        let outcome = receiver.receive(received, |event| panic!("{event:?}"));
        assert_eq!(outcome, Outcome::Late);
    }
    assert_eq!((receiver.stats().late, receiver.sounding()), (3, 0));
}

#[test]
fn a_note_whose_packet_was_overtaken_is_heard_once_unless_it_has_ended() {
    let other: &[u8] = &[0x90, 64, 1];
    for (behind, heard) in [(&[other][..], &[ON][..]), (&[OFF], &[]), (&[&[0x90, 60, 1]], &[])] {
        let sent = stream(anchor(), &[&[], &[], &[ON, &[0xB0, 7, 9]], behind]);
        let mut receiver = Receiver::new(anchor());
        hear(&mut receiver, &[&sent[0], &sent[1], &sent[3]]);
        let (packet, payload) = &sent[2];
        let received = Received { sequence: packet.sequence, timestamp: packet.timestamp, payload };
        let mut notes = Vec::new();
        // A second behind nobody waits for it; sooner it is heard, but not again.
        let soon = received.timestamp + RATE - RATE / 50;
        for timestamp in [received.timestamp, soon, soon] {
            receiver.overtaken(Received { timestamp, ..received }, |event| notes.push(octets(&event.command)));
        }
        assert_eq!(notes, heard, "{behind:02X?}");
    }
}

#[test]
fn the_first_packet_counts_as_the_end_of_a_loss() {
    let sent = stream(anchor(), &[&[&[0xB0, 7, 9], &[0xC0, 5], &[0xE0, 1, 2]], &[ON], &[OFF]]);
    let heard = hear(&mut Receiver::new(anchor()), &[&sent[2]]);
    assert_eq!(heard, [&[0xC0, 5][..], &[0xB0, 7, 9], &[0xE0, 1, 2], OFF]);
}

#[test]
fn leaving_ends_every_note_and_lifts_the_pedals() {
    let sent = stream(anchor(), &[&[ON, &[0x95, 70, 1], &[0xB0, 64, 127], &[0xB0, 66, 127], &[0xB5, 69, 127]]]);
    let mut receiver = Receiver::new(anchor());
    hear(&mut receiver, &[&sent[0]]);
    let mut ended = Vec::new();
    receiver.silence(0, |event| ended.push(octets(&event.command)));
    assert_eq!(ended, [OFF, &[0xB0, 64, 0], &[0xB0, 66, 0], &[0x85, 70, 64], &[0xB5, 69, 0]]);
    assert_eq!(receiver.sounding(), 0);
    receiver.silence(0, |event| panic!("{event:?}"));
}

#[test]
fn leaving_calls_off_a_system_exclusive_on_its_way() {
    let sent = stream(anchor(), &[&[&[0xF0, 1, 0xF0]]]);
    let mut receiver = Receiver::new(anchor());
    hear(&mut receiver, &[&sent[0]]);
    let mut ended = Vec::new();
    receiver.silence(0, |event| ended.push(octets(&event.command)));
    assert_eq!(ended, [[0xF7, 0xF4]]);
}

#[test]
fn the_streams_of_two_senders_share_nothing() {
    let sent = stream(anchor(), &[&[ON], &[OFF]]);
    let (mut one, mut other) = (Receiver::new(anchor()), Receiver::new(anchor()));
    hear(&mut one, &[&sent[0]]);
    hear(&mut other, &[&sent[0], &sent[1]]);
    assert_eq!((one.sounding(), other.sounding()), (1, 0));
}
