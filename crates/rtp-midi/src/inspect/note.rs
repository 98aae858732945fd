//! Chapters N, E and A of a channel journal: logs of notes (A.6, A.7, A.9).

use super::field::Form;
use super::walk::{Defect, Walk, flag, formed, number};
use crate::error::Error;

/// Chapter N: logs of the notes that sound, then a bit for each note released.
pub(super) fn chapter(walk: &mut Walk<'_>) -> Result<(), Defect> {
    let header = walk.word(
        2,
        &[
            flag("rtpmidi.cj_chapter_n_bflag", "Chapter N B-Flag", 0x8000),
            number("rtpmidi.cj_chapter_n_length", "Chapter N Length", 0x7F00),
            number("rtpmidi.cj_chapter_n_low", "Chapter N Low", 0x00F0),
            number("rtpmidi.cj_chapter_n_high", "Chapter N High", 0x000F),
        ],
    )?;
    let (length, low, high) = (header >> 8 & 0x7F, (header >> 4 & 0x0F) as u8, (header & 0x0F) as u8);
    // LEN has no 128: 127 with this range stands for it.
    let length = length + u32::from(length == 127 && (low, high) == (15, 0));
    for _ in 0..length {
        walk.group("rtpmidi.cj_chapter_n_log", "Note On", |walk| {
            walk.word(
                1,
                &[
                    flag("rtpmidi.cj_chapter_n_log_sflag", "Chapter N Log S-Flag", 0x80),
                    formed("rtpmidi.cj_chapter_n_log_note", "Chapter N Log Note", 0x7F, Form::Note),
                ],
            )?;
            walk.word(
                1,
                &[
                    flag("rtpmidi.cj_chapter_n_log_yflag", "Chapter N Log Y-Flag", 0x80),
                    number("rtpmidi.cj_chapter_n_log_velocity", "Chapter N Log Velocity", 0x7F),
                ],
            )
        })?;
    }
    let octets = match (low, high) {
        (15, 0 | 1) => 0..0,
        (low, high) if low <= high => low..high + 1,
        (low, high) => return Err(walk.defect(Error::OffBits { low, high })),
    };
    for octet in octets {
        let form = Form::Released { first: 8 * octet };
        walk.word(1, &[formed("rtpmidi.cj_chapter_n_log_octet", "Chapter N Log Octet", 0xFF, form)])?;
    }
    Ok(())
}

/// Chapter E: reference counts and release velocities.
pub(super) fn extras(walk: &mut Walk<'_>) -> Result<(), Defect> {
    let header = walk.word(
        1,
        &[
            flag("rtpmidi.cj_chapter_e_sflag", "Chapter E S-Flag", 0x80),
            formed("rtpmidi.cj_chapter_e_length", "Chapter E Length", 0x7F, Form::OneMore),
        ],
    )?;
    for _ in 0..=header & 0x7F {
        walk.group("rtpmidi.cj_chapter_e_log", "Log", |walk| {
            walk.word(
                1,
                &[
                    flag("rtpmidi.cj_chapter_e_log_sflag", "Chapter E Log S-Flag", 0x80),
                    formed("rtpmidi.cj_chapter_e_log_note", "Chapter E Log Note", 0x7F, Form::Note),
                ],
            )?;
            let value = if walk.peek()? & 0x80 == 0 {
                number("rtpmidi.cj_chapter_e_log_count", "Chapter E Log Count", 0x7F)
            } else {
                number("rtpmidi.cj_chapter_e_log_velocity", "Chapter E Log Velocity", 0x7F)
            };
            // Wireshark files the bit under Chapter N.
            walk.word(1, &[flag("rtpmidi.cj_chapter_n_log_vflag", "Chapter N Log V-Flag", 0x80), value])
        })?;
    }
    Ok(())
}

/// Chapter A: the pressure of each note.
pub(super) fn poly_aftertouch(walk: &mut Walk<'_>) -> Result<(), Defect> {
    let header = walk.word(
        1,
        &[
            flag("rtpmidi.cj_chapter_a_sflag", "Chapter A S-Flag", 0x80),
            formed("rtpmidi.cj_chapter_a_length", "Chapter A Length", 0x7F, Form::OneMore),
        ],
    )?;
    for _ in 0..=header & 0x7F {
        walk.group("rtpmidi.cj_chapter_a_log", "Log", |walk| {
            walk.word(
                1,
                &[
                    flag("rtpmidi.cj_chapter_a_log_sflag", "Chapter A Log S-Flag", 0x80),
                    formed("rtpmidi.cj_chapter_a_log_note", "Chapter A Log Note", 0x7F, Form::Note),
                ],
            )?;
            walk.word(
                1,
                &[
                    flag("rtpmidi.cj_chapter_a_log_xflag", "Chapter A Log X-Flag", 0x80),
                    number("rtpmidi.cj_chapter_a_log_pressure", "Chapter A Log Pressure", 0x7F),
                ],
            )
        })?;
    }
    Ok(())
}
