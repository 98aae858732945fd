//! Chapters P, C, W and T of a channel journal (A.2, A.3, A.5, A.8).

use super::field::Form;
use super::walk::{Defect, Walk, flag, formed, hexadecimal, number};

/// Chapter P.
pub(super) fn program(walk: &mut Walk<'_>) -> Result<(), Defect> {
    for fields in [
        [
            flag("rtpmidi.cj_chapter_p_sflag", "Chapter P S-Flag", 0x80),
            number("rtpmidi.cj_chapter_p_program", "Chapter P Program", 0x7F),
        ],
        [
            flag("rtpmidi.cj_chapter_p_bflag", "Chapter P B-Flag", 0x80),
            hexadecimal("rtpmidi.cj_chapter_p_bank_msb", "Chapter P Bank-MSB", 0x7F),
        ],
        [
            flag("rtpmidi.cj_chapter_p_xflag", "Chapter P X-Flag", 0x80),
            hexadecimal("rtpmidi.cj_chapter_p_bank_lsb", "Chapter P Bank-LSB", 0x7F),
        ],
    ] {
        walk.word(1, &fields)?;
    }
    Ok(())
}

/// Chapter C: logs of any tools, in the order of the octets.
pub(super) fn control(walk: &mut Walk<'_>) -> Result<(), Defect> {
    let sflag = flag("rtpmidi.cj_chapter_c_sflag", "Chapter C S-Flag", 0x80);
    let header =
        walk.word(1, &[sflag, formed("rtpmidi.cj_chapter_c_length", "Chapter C Length", 0x7F, Form::OneMore)])?;
    for _ in 0..=header & 0x7F {
        walk.group("rtpmidi.cj_chapter_c_log", "Log", |walk| {
            walk.word(1, &[sflag, number("rtpmidi.cj_chapter_c_number", "Chapter C Number", 0x7F)])?;
            let a = flag("rtpmidi.cj_chapter_c_aflag", "Chapter C A-Flag", 0x80);
            let fields = if walk.peek()? & 0x80 == 0 {
                [a, hexadecimal("rtpmidi.cj_chapter_c_value", "Chapter C Value", 0x7F)].to_vec()
            } else {
                let t = flag("rtpmidi.cj_chapter_c_tflag", "Chapter C T-Flag", 0x40);
                [a, t, hexadecimal("rtpmidi.cj_chapter_c_alt", "Chapter C Alt", 0x3F)].to_vec()
            };
            walk.word(1, &fields)
        })?;
    }
    Ok(())
}

/// Chapter W.
pub(super) fn pitch_wheel(walk: &mut Walk<'_>) -> Result<(), Defect> {
    walk.word(
        1,
        &[
            flag("rtpmidi.cj_chapter_w_sflag", "Chapter W S-Flag", 0x80),
            hexadecimal("rtpmidi.cj_chapter_w_first", "Chapter W First", 0x7F),
        ],
    )?;
    walk.word(
        1,
        &[
            flag("rtpmidi.cj_chapter_w_rflag", "Chapter W R-Flag", 0x80),
            hexadecimal("rtpmidi.cj_chapter_w_second", "Chapter W Second", 0x7F),
        ],
    )?;
    Ok(())
}

/// Chapter T.
pub(super) fn channel_aftertouch(walk: &mut Walk<'_>) -> Result<(), Defect> {
    let fields = [
        flag("rtpmidi.cj_chapter_t_sflag", "Chapter T S-Flag", 0x80),
        number("rtpmidi.cj_chapter_t_pressure", "Chapter T Pressure", 0x7F),
    ];
    walk.whole("rtpmidi.cj_chapter_t_channel_aftertouch", "Channel Aftertouch", 1, &fields)?;
    Ok(())
}
