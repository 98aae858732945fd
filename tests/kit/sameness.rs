//! Whether a song is still what it was.

use std::collections::BTreeSet;

use crate::smf::Event;

/// One tick of 44100 Hz in nanoseconds, rounded up.
const TICK: u64 = 22_676;

/// Whether all events are there, in order, each within a tick of the RTP clock, and behind them the NoteOffs of the
/// notes that were left open, and nothing else.
pub fn compare(was: &[Event], is: &[Event]) -> Result<(), String> {
    for (index, (was, is)) in was.iter().zip(is).enumerate() {
        if was.octets != is.octets {
            return Err(format!("event {index} at {} ns was {:02X?} and is {:02X?}", was.time, was.octets, is.octets));
        }
        if was.time.abs_diff(is.time) > TICK {
            return Err(format!("event {index}, {:02X?}, was at {} ns and is at {} ns", was.octets, was.time, is.time));
        }
    }
    let Some(gained) = is.get(was.len()..) else {
        return Err(format!("{} of {} events", is.len(), was.len()));
    };
    let ended: BTreeSet<_> = gained.iter().map(|event| (event.octets[0], event.octets.get(1).copied())).collect();
    let open: BTreeSet<_> = open_notes(was).into_iter().map(|(channel, note)| (0x80 | channel, Some(note))).collect();
    if ended == open && gained.len() == open.len() {
        Ok(())
    } else {
        Err(format!("{open:?} are open, {ended:?} ended"))
    }
}

/// Notes whose last command was a NoteOn.
fn open_notes(events: &[Event]) -> BTreeSet<(u8, u8)> {
    let mut open = BTreeSet::new();
    for event in events {
        match event.octets[..] {
            [status @ 0x90..=0x9F, note, 1..=127] => drop(open.insert((status & 0xF, note))),
            [status @ 0x80..=0x9F, note, _] => drop(open.remove(&(status & 0xF, note))),
            _ => {}
        }
    }
    open
}
