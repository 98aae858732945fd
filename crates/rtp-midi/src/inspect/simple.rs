//! Chapter D of the system journal: Reset, Tune Request, Song Select, and the undefined commands (B.1).

use super::walk::{Defect, Walk, flag, number};
use crate::error::Error;
use crate::journal::ten_bit_length;

/// Chapter D: flags, then the logs they name.
pub(super) fn chapter(walk: &mut Walk<'_>) -> Result<(), Defect> {
    let flags = walk.whole(
        "rtpmidi.sj_chapter_d_simple_system_commands",
        "Simple System Commands",
        1,
        &[
            flag("rtpmidi.sj_chapter_d_sflag", "Chapter D S-Flag", 0x80),
            flag("rtpmidi.sj_chapter_d_bflag", "Chapter D B-Flag", 0x40),
            flag("rtpmidi.sj_chapter_d_gflag", "Chapter D G-Flag", 0x20),
            flag("rtpmidi.sj_chapter_d_hflag", "Chapter D H-Flag", 0x10),
            flag("rtpmidi.sj_chapter_d_jflag", "Chapter D J-Flag", 0x08),
            flag("rtpmidi.sj_chapter_d_kflag", "Chapter D K-Flag", 0x04),
            flag("rtpmidi.sj_chapter_d_yflag", "Chapter D Y-Flag", 0x02),
            flag("rtpmidi.sj_chapter_d_zflag", "Chapter D Z-Flag", 0x01),
        ],
    )?;
    if flags & 0x40 != 0 {
        let s = flag("rtpmidi.sj_chapter_d_reset_sflag", "Chapter D Reset S-Flag", 0x80);
        let count = number("rtpmidi.cj_chapter_d_reset_count", "Chapter D Reset Count", 0x7F);
        walk.whole("rtpmidi.cj_chapter_d_reset", "Reset Field", 1, &[s, count])?;
    }
    if flags & 0x20 != 0 {
        let s = flag("rtpmidi.sj_chapter_d_tune_sflag", "Chapter D Tune Request S-Flag", 0x80);
        let count = number("rtpmidi.cj_chapter_d_tune_count", "Chapter D Tune Request Count", 0x7F);
        walk.whole("rtpmidi.cj_chapter_d_tune", "Tune Request Field", 1, &[s, count])?;
    }
    if flags & 0x10 != 0 {
        let s = flag("rtpmidi.sj_chapter_d_song_sel_sflag", "Chapter D Song Select S-Flag", 0x80);
        let value = number("rtpmidi.cj_chapter_d_song_sel_value", "Chapter D Song Select Value", 0x7F);
        walk.whole("rtpmidi.cj_chapter_d_song_sel", "Song Select Field", 1, &[s, value])?;
    }
    for (bit, label) in [(0x08, "System Common F4"), (0x04, "System Common F5")] {
        if flags & bit != 0 {
            walk.group("rtpmidi.sj_chapter_d_syscom", label, common)?;
        }
    }
    for (bit, label) in [(0x02, "System Realtime F9"), (0x01, "System Realtime FD")] {
        if flags & bit != 0 {
            walk.group("rtpmidi.sj_chapter_d_sysreal", label, real_time)?;
        }
    }
    Ok(())
}

/// The log of F4 or F5.
fn common(walk: &mut Walk<'_>) -> Result<(), Defect> {
    let start = walk.at();
    let found = walk.rest().len();
    let header = walk.word(
        2,
        &[
            flag("rtpmidi.sj_chapter_d_syscom_sflag", "Chapter D System Common (F4/F5) S-Flag", 0x8000),
            flag("rtpmidi.sj_chapter_d_syscom_cflag", "Chapter D System Common (F4/F5) C-Flag", 0x4000),
            flag("rtpmidi.sj_chapter_d_syscom_vflag", "Chapter D System Common (F4/F5) V-Flag", 0x2000),
            flag("rtpmidi.sj_chapter_d_syscom_lflag", "Chapter D System Common (F4/F5) L-Flag", 0x1000),
            number("rtpmidi.sj_chapter_d_syscom_dsz", "Chapter D System Common (F4/F5) DSZ", 0x0C00),
            number("rtpmidi.sj_chapter_d_syscom_len", "Chapter D System Common (F4/F5) Length", 0x03FF),
        ],
    )?;
    let length = ten_bit_length((header >> 8) as u8, header as u8, 2).map_err(|error| Defect { at: start, error })?;
    let result = walk.within(length - 2, |walk| {
        if header & 0x4000 != 0 {
            let name = "rtpmidi.sj_chapter_d_syscom_count";
            walk.word(1, &[number(name, "Chapter D System Common (F4/F5) Count", 0xFF)])?;
        }
        if header & 0x2000 != 0 {
            let end = walk.rest().iter().position(|octet| octet & 0x80 != 0);
            let end = end.ok_or(walk.defect(Error::Unterminated))?;
            let name = "rtpmidi.sj_chapter_d_syscom_value";
            walk.octets(name, "Chapter D System Common (F4/F5) Value", end + 1)?;
        }
        let name = "rtpmidi.sj_chapter_d_syscom_legal";
        legal(walk, header & 0x1000 != 0, name, "Chapter D System Common (F4/F5) Legal - for future extension")
    });
    if found < length {
        return Err(Defect { at: start, error: Error::Truncated { needed: length, found } });
    }
    result
}

/// The log of F9 or FD. A LENGTH of 0 can only mean the header alone.
fn real_time(walk: &mut Walk<'_>) -> Result<(), Defect> {
    let start = walk.at();
    let found = walk.rest().len();
    let header = walk.word(
        1,
        &[
            flag("rtpmidi.sj_chapter_d_sysreal_sflag", "Chapter D System Realtime (F9/FD) S-Flag", 0x80),
            flag("rtpmidi.sj_chapter_d_sysreal_cflag", "Chapter D System Realtime (F9/FF) C-Flag", 0x40),
            flag("rtpmidi.sj_chapter_d_sysreal_lflag", "Chapter D System Realtime (F9/FD) L-Flag", 0x20),
            number("rtpmidi.sj_chapter_d_sysreal_len", "Chapter D System Realtime (F9/FD) Length", 0x1F),
        ],
    )?;
    let length = (header as usize & 0x1F).max(1);
    let result = walk.within(length - 1, |walk| {
        // The log may be too short for what its flags promise; LENGTH is what counts.
        if header & 0x40 != 0 && !walk.rest().is_empty() {
            let name = "rtpmidi.sj_chapter_d_sysreal_count";
            walk.word(1, &[number(name, "Chapter D System Realtime (F9/FD) Count", 0xFF)])?;
        }
        let name = "rtpmidi.sj_chapter_d_sysreal_legal";
        legal(walk, header & 0x20 != 0, name, "Chapter D System Realtime (F9/FD) Legal - for future extension")
    });
    if found < length {
        return Err(Defect { at: start, error: Error::Truncated { needed: length, found } });
    }
    result
}

/// LEGAL takes what is left.
fn legal(walk: &mut Walk<'_>, present: bool, name: &'static str, label: &'static str) -> Result<(), Defect> {
    let length = walk.rest().len();
    if present && length > 0 {
        walk.octets(name, label, length)?;
    }
    Ok(())
}
