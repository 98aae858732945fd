//! System Exclusive: in the MIDI list (figure 5), and Chapter X (B.5).

use super::field::{Form, Value};
use super::walk::{Defect, Walk, flag, formed, hexadecimal, number};
use crate::error::Error;
use crate::midi::{Part, Segment};

/// Notes down what stands behind the first status octet of a segment.
pub(super) fn data(walk: &mut Walk<'_>, segment: &Segment<'_>) -> Result<(), Defect> {
    walk.within(segment.data.len(), |walk| {
        if matches!(segment.part, Part::Whole(_) | Part::First) && !segment.data.is_empty() {
            meaning(walk)?;
        }
        Ok(())
    })?;
    walk.word(1, &[formed("rtpmidi.common_status", "Common Status", 0xFF, Form::Status)])?;
    Ok(())
}

/// Whose it is, and of the universal ones what they do. What is not known or not there yet is left.
fn meaning(walk: &mut Walk<'_>) -> Result<(), Defect> {
    let whose = walk.word(1, &[hexadecimal("rtpmidi.manufacturer_short", "Manufacturer (short)", 0x7F)])?;
    match (whose, walk.rest()) {
        (0x00, [_, _, ..]) => {
            walk.word(2, &[hexadecimal("rtpmidi.manufacturer_long", "Manufacturer (long)", 0x7F7F)])?;
        }
        (0x7E, [_, _, ..]) => {
            let (id, kind) = ("rtpmidi.sysex_common_device_id", "rtpmidi.sysex_common_non_realtime");
            walk.word(1, &[hexadecimal(id, "Sysex Common Device ID", 0x7F)])?;
            let kind = walk.word(1, &[hexadecimal(kind, "Sysex Common Non-Realtime", 0x7F)])?;
            if kind == 0x09 && !walk.rest().is_empty() {
                let name = "rtpmidi.sysex_common_non_realtime_gm";
                walk.word(1, &[hexadecimal(name, "Sysex Common Non-Realtime General MIDI (GM)", 0x7F)])?;
            }
            return Ok(());
        }
        (0x7F, [_, kind, more @ ..]) => {
            let is_full_frame = *kind == 0x01 && matches!(more, [0x01, _, _, _, _]);
            let (id, kind) = ("rtpmidi.sysex_common_device_id", "rtpmidi.sysex_common_realtime");
            walk.word(1, &[hexadecimal(id, "Sysex Common Device ID", 0x7F)])?;
            walk.word(1, &[hexadecimal(kind, "Sysex Common Realtime", 0x7F)])?;
            return if is_full_frame { full_frame(walk) } else { Ok(()) };
        }
        _ => {}
    }
    let length = walk.rest().len();
    if length > 0 {
        walk.octets("rtpmidi.manu_data", "Manufacturer specific data", length)?;
    }
    Ok(())
}

fn full_frame(walk: &mut Walk<'_>) -> Result<(), Defect> {
    walk.word(1, &[hexadecimal("rtpmidi.sysex_common_realtime_mtc", "Sysex Common Realtime MTC", 0x7F)])?;
    for fields in [
        &[
            hexadecimal("rtpmidi.sysex_common_rt_mtc_fm_type", "Sysex Common Realtime MTC Full Message Type", 0x60),
            number("rtpmidi.sysex_common_rt_mtc_fm_hour", "Sysex Common Realtime MTC Full Message Hour", 0x1F),
        ][..],
        &[number("rtpmidi.sysex_common_rt_mtc_fm_minute", "Sysex Common Realtime MTC Full Message Minute", 0x7F)],
        &[number("rtpmidi.sysex_common_rt_mtc_fm_second", "Sysex Common Realtime MTC Full Message Second", 0x7F)],
        &[number("rtpmidi.sysex_common_rt_mtc_fm_frame", "Sysex Common Realtime MTC Full Message Frame", 0x7F)],
    ] {
        walk.word(1, fields)?;
    }
    Ok(())
}

const T: u32 = 0x40;
const C: u32 = 0x20;
const F: u32 = 0x10;
const D: u32 = 0x08;

/// Chapter X: logs to the end of the system journal.
pub(super) fn chapter(walk: &mut Walk<'_>) -> Result<(), Defect> {
    while !walk.rest().is_empty() {
        walk.group("rtpmidi.sj_chapter_x_log", "Sysex Log", log)?;
    }
    Ok(())
}

fn log(walk: &mut Walk<'_>) -> Result<(), Defect> {
    let flags = walk.word(
        1,
        &[
            flag("rtpmidi.sj_chapter_x_sflag", "Chapter X Sysex S-Flag", 0x80),
            flag("rtpmidi.sj_chapter_x_tflag", "Chapter X Sysex T-Flag", T),
            flag("rtpmidi.sj_chapter_x_cflag", "Chapter X Sysex C-Flag", C),
            flag("rtpmidi.sj_chapter_x_fflag", "Chapter X Sysex F-Flag", F),
            flag("rtpmidi.sj_chapter_x_dflag", "Chapter X Sysex D-Flag", D),
            flag("rtpmidi.sj_chapter_x_lflag", "Chapter X Sysex L-Flag", 0x04),
            hexadecimal("rtpmidi.sj_chapter_x_sta", "Chapter X Sysex STA", 0x03),
        ],
    )?;
    if flags & T != 0 {
        walk.word(1, &[number("rtpmidi.sj_chapter_x_tcount", "Chapter X Sysex TCOUT", 0xFF)])?;
    }
    if flags & C != 0 {
        walk.word(1, &[number("rtpmidi.sj_chapter_x_count", "Chapter X Sysex COUNT", 0xFF)])?;
    }
    if flags & F != 0 {
        first(walk)?;
    }
    if flags & D != 0 {
        let end = walk.rest().iter().position(|octet| octet & 0x80 != 0);
        let end = end.ok_or(walk.defect(Error::Unterminated))?;
        walk.octets("rtpmidi.sj_chapter_x_data", "Chapter X Sysex Data", end + 1)?;
    }
    Ok(())
}

/// FIRST: one to four octets of seven bits.
fn first(walk: &mut Walk<'_>) -> Result<(), Defect> {
    let octets = walk.rest();
    let last = octets
        .iter()
        .take(4)
        .position(|octet| octet & 0x80 == 0)
        .ok_or(walk.defect(Error::Truncated { needed: octets.len().min(4) + 1, found: octets.len() }))?;
    let value = octets[..=last].iter().fold(0, |first, octet| first << 7 | u32::from(octet & 0x7F));
    let (name, label) = match last {
        0 => ("rtpmidi.sj_chapter_x_first_1", "Chapter X Sysex FIRST (one octet)"),
        1 => ("rtpmidi.sj_chapter_x_first_2", "Chapter X Sysex FIRST (two octets)"),
        2 => ("rtpmidi.sj_chapter_x_first_3", "Chapter X Sysex FIRST (three octets)"),
        _ => ("rtpmidi.sj_chapter_x_first_4", "Chapter X Sysex FIRST (four octets)"),
    };
    walk.computed(name, label, Value::Number { value, form: Form::Decimal }, last + 1)
}
