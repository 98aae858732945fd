//! The journal section: its header, and those of the system journal and the channel journals (section 5).

use super::field::Form;
use super::walk::{Defect, Spec, Walk, flag, formed, number};
use super::{Chapter, Inspection, Journal, channel, note, parameter, simple, sysex, system};
use crate::error::{self, Error};
use crate::journal::{ChannelJournal, SystemJournal};
use crate::midi::Channel;

/// A chapter as the table of contents names it.
struct Entry {
    bit: u32,
    letter: char,
    name: &'static str,
    label: &'static str,
    walk: fn(&mut Walk<'_>) -> Result<(), Defect>,
}

const fn entry(
    bit: u32,
    letter: char,
    name: &'static str,
    label: &'static str,
    walk: fn(&mut Walk<'_>) -> Result<(), Defect>,
) -> Entry {
    Entry { bit, letter, name, label, walk }
}

const SYSTEM: [Entry; 5] = [
    entry(0x4000, 'D', "rtpmidi.sj_chapter_d", "Chapter D: Simple System Commands", simple::chapter),
    entry(0x2000, 'V', "rtpmidi.sj_chapter_v", "Chapter V: Active Sensing", system::active_sense),
    entry(0x1000, 'Q', "rtpmidi.sj_chapter_q", "Chapter Q: Sequencer State Commands", system::sequencer),
    entry(0x0800, 'F', "rtpmidi.sj_chapter_f", "Chapter F: MIDI Time Code Tape Position", system::time_code),
    entry(0x0400, 'X', "rtpmidi.sj_chapter_x", "Chapter X: System Exclusive", sysex::chapter),
];

const CHANNEL: [Entry; 8] = [
    entry(0x80, 'P', "rtpmidi.cj_chapter_p", "Chapter P: Program Change", channel::program),
    entry(0x40, 'C', "rtpmidi.cj_chapter_c", "Chapter C: Control Change", channel::control),
    entry(0x20, 'M', "rtpmidi.cj_chapter_m", "Chapter M: Parameter System", parameter::chapter),
    entry(0x10, 'W', "rtpmidi.cj_chapter_w", "Chapter W: Pitch Wheel", channel::pitch_wheel),
    entry(0x08, 'N', "rtpmidi.cj_chapter_n", "Chapter N: Note on/off", note::chapter),
    entry(0x04, 'E', "rtpmidi.cj_chapter_e", "Chapter E: Note Command Extras", note::extras),
    entry(0x02, 'T', "rtpmidi.cj_chapter_t", "Chapter T: Channel Aftertouch", channel::channel_aftertouch),
    entry(0x01, 'A', "rtpmidi.cj_chapter_a", "Chapter A: Poly Aftertouch", note::poly_aftertouch),
];

/// Notes down the journal to the end of the payload, or to the defect that hides where the next part begins.
pub(super) fn section(walk: &mut Walk<'_>, found: &mut Inspection<'_>) {
    let start = walk.at();
    let mut journal = Journal { changed: false, checkpoint: 0, octets: start..start, chapters: Vec::new() };
    let defects = &mut found.defects;
    let result = walk.group("rtpmidi.journal_section", "Journal Section", |walk| {
        let flags = walk.word(
            1,
            &[
                flag("rtpmidi.s_flag", "S-Flag", 0x80),
                flag("rtpmidi.y_flag", "Y-Flag", 0x40),
                flag("rtpmidi.a_flag", "A-Flag", 0x20),
                flag("rtpmidi.h_flag", "H-Flag", 0x10),
                formed("rtpmidi.total_channels", "Total channels", 0x0F, Form::OneMore),
            ],
        )?;
        let checkpoint = walk.word(2, &[number("rtpmidi.check_Seq_num", "Checkpoint Packet Seqnum", 0xFFFF)])?;
        (journal.changed, journal.checkpoint) = (flags & 0x80 == 0, checkpoint as u16);
        if flags & 0x40 != 0 {
            part(walk, SystemJournal::split(walk.rest()), defects, |walk| system_part(walk, &mut journal.chapters))?;
        }
        let channels = if flags & 0x20 == 0 { 0 } else { (flags & 0x0F) + 1 };
        for _ in 0..channels {
            part(walk, ChannelJournal::split(walk.rest()), defects, |walk| channel_part(walk, &mut journal.chapters))?;
        }
        Ok(())
    });
    defects.extend(result.err());
    journal.octets.end = walk.at();
    found.journal = Some(journal);
}

/// Goes through a system or channel journal, of which the decoder says how long it is. A defect inside does not hide
/// what follows; one of the length does.
fn part(
    walk: &mut Walk<'_>,
    split: error::Result<(&[u8], &[u8])>,
    defects: &mut Vec<Defect>,
    inside: impl FnOnce(&mut Walk<'_>) -> Result<(), Defect>,
) -> Result<(), Defect> {
    let unusable = walk.here(split).err();
    let length = match split {
        Ok((journal, _)) => journal.len(),
        Err(Error::Length { least, .. }) => least,
        Err(_) => walk.rest().len(),
    };
    let result = walk.within(length, inside);
    match unusable {
        Some(defect) => Err(defect),
        None => {
            defects.extend(result.err());
            Ok(())
        }
    }
}

fn system_part(walk: &mut Walk<'_>, outline: &mut Vec<Chapter>) -> Result<(), Defect> {
    walk.group("rtpmidi.sysjour", "System-Journal", |walk| {
        let header = walk.word(
            2,
            &[
                flag("rtpmidi.sysjour_toc_s", "System-Journal TOC-S-Flag", 0x8000),
                flag("rtpmidi.sysjour_toc_d", "System-Journal TOC-D-Flag", 0x4000),
                flag("rtpmidi.sysjour_toc_v", "System-Journal TOC-V-Flag", 0x2000),
                flag("rtpmidi.sysjour_toc_q", "System-Journal TOC-Q-Flag", 0x1000),
                flag("rtpmidi.sysjour_toc_f", "System-Journal TOC-F-Flag", 0x0800),
                flag("rtpmidi.sysjour_toc_x", "System-Journal TOC-X-Flag", 0x0400),
                number("rtpmidi.cmd_sysjour_len", "System-Journal-Length", 0x03FF),
            ],
        )?;
        chapters(walk, &SYSTEM, header, None, outline)
    })
}

fn channel_part(walk: &mut Walk<'_>, outline: &mut Vec<Chapter>) -> Result<(), Defect> {
    let channel = walk.rest().first().map(|octet| Channel::masked(octet >> 3));
    let label = channel.map_or_else(String::new, |channel| format!("Channel-Journal: Channel {}", channel.get() + 1));
    walk.group("rtpmidi.chanjour", label, |walk| {
        let header = walk.word(3, &CHANNEL_HEADER)?;
        chapters(walk, &CHANNEL, header, channel, outline)
    })
}

const CHANNEL_HEADER: [Spec; 12] = [
    flag("rtpmidi.chanjour_s", "Channel-Journal S-Flag", 0x0080_0000),
    formed("rtpmidi.chanjour_channel", "Channel", 0x0078_0000, Form::Channel),
    flag("rtpmidi.chanjour_h", "Channel-Journal H-Flag", 0x0004_0000),
    number("rtpmidi.cmd_chanjour_len", "Channel-Journal-Length", 0x0003_FF00),
    flag("rtpmidi.chanjour_toc_p", "Channel-Journal TOC-P-Flag", 0x80),
    flag("rtpmidi.chanjour_toc_c", "Channel-Journal TOC-C-Flag", 0x40),
    flag("rtpmidi.chanjour_toc_m", "Channel-Journal TOC-M-Flag", 0x20),
    flag("rtpmidi.chanjour_toc_w", "Channel-Journal TOC-W-Flag", 0x10),
    flag("rtpmidi.chanjour_toc_n", "Channel-Journal TOC-N-Flag", 0x08),
    flag("rtpmidi.chanjour_toc_e", "Channel-Journal TOC-E-Flag", 0x04),
    flag("rtpmidi.chanjour_toc_t", "Channel-Journal TOC-T-Flag", 0x02),
    flag("rtpmidi.chanjour_toc_a", "Channel-Journal TOC-A-Flag", 0x01),
];

/// The chapters that a table of contents names, and what stands behind them.
fn chapters(
    walk: &mut Walk<'_>,
    table: &[Entry],
    contents: u32,
    channel: Option<Channel>,
    outline: &mut Vec<Chapter>,
) -> Result<(), Defect> {
    let result = table.iter().filter(|entry| contents & entry.bit != 0).try_for_each(|entry| {
        let start = walk.at();
        let result = walk.group(entry.name, entry.label, entry.walk);
        let changed = walk.last().is_some_and(|chapter| chapter.walk().any(|(_, field)| field.says_changed()));
        outline.push(Chapter { channel, letter: entry.letter, changed, octets: start..walk.at() });
        result
    });
    walk.unknown();
    result
}
