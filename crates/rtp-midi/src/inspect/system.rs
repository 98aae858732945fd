//! Chapters V, Q and F of the system journal (B.2, B.3, B.4).

use super::field::{Form, Value};
use super::walk::{Defect, Spec, Walk, flag, formed, number};

/// Chapter V.
pub(super) fn active_sense(walk: &mut Walk<'_>) -> Result<(), Defect> {
    walk.word(
        1,
        &[
            flag("rtpmidi.sj_chapter_v_sflag", "Chapter V S-Flag", 0x80),
            number("rtpmidi.sj_chapter_v_count", "Chapter V Count", 0x7F),
        ],
    )?;
    Ok(())
}

/// Chapter Q.
pub(super) fn sequencer(walk: &mut Walk<'_>) -> Result<(), Defect> {
    let (start, octets) = (walk.at(), walk.rest());
    let flags = walk.word(
        1,
        &[
            flag("rtpmidi.sj_chapter_q_sflag", "Chapter Q Sequencer State S-Flag", 0x80),
            flag("rtpmidi.sj_chapter_q_nflag", "Chapter Q Sequencer State N-Flag", 0x40),
            flag("rtpmidi.sj_chapter_q_dflag", "Chapter Q Sequencer State D-Flag", 0x20),
            flag("rtpmidi.sj_chapter_q_cflag", "Chapter Q Sequencer State C-Flag", 0x10),
            flag("rtpmidi.sj_chapter_q_tflag", "Chapter Q Sequencer State T-Flag", 0x08),
            number("rtpmidi.sj_chapter_q_top", "Chapter Q Sequencer State Top", 0x07),
        ],
    )?;
    if flags & 0x10 != 0 {
        // TOP is the most significant part of the clock.
        walk.word(2, &[])?;
        let value = octets.iter().take(3).fold(0, |clock, octet| clock << 8 | u32::from(*octet)) & 0x0007_FFFF;
        let clock = Value::Number { value, form: Form::Decimal };
        walk.push("rtpmidi.sj_chapter_q_clock", "Chapter Q Sequencer State Clock", clock, start..start + 3);
    }
    if flags & 0x08 != 0 {
        walk.word(3, &[number("rtpmidi.sj_chapter_q_timetools", "Chapter Q Sequencer State Timetools", 0x00FF_FFFF)])?;
    }
    Ok(())
}

/// Chapter F.
pub(super) fn time_code(walk: &mut Walk<'_>) -> Result<(), Defect> {
    let flags = walk.word(
        1,
        &[
            flag("rtpmidi.sj_chapter_f_sflag", "Chapter F MTC S-Flag", 0x80),
            flag("rtpmidi.sj_chapter_f_cflag", "Chapter F MTC C-Flag", 0x40),
            flag("rtpmidi.sj_chapter_f_pflag", "Chapter F MTC P-Flag", 0x20),
            flag("rtpmidi.sj_chapter_f_qflag", "Chapter F MTC Q-Flag", 0x10),
            flag("rtpmidi.sj_chapter_f_dflag", "Chapter F MTC D-Flag", 0x08),
            number("rtpmidi.sj_chapter_f_point", "Chapter F MTC Point", 0x07),
        ],
    )?;
    if flags & 0x40 != 0 {
        let fields = if flags & 0x10 == 0 { &FULL_FRAME[..] } else { &QUARTER_FRAMES };
        walk.whole("rtpmidi.sj_chapter_f_complete", "Complete field", 4, fields)?;
    }
    if flags & 0x20 != 0 {
        walk.whole("rtpmidi.sj_chapter_f_partial", "Partial field", 4, &QUARTER_FRAMES)?;
    }
    Ok(())
}

const NIBBLE: Form = Form::Hexadecimal { digits: 1 };
const OCTET: Form = Form::Hexadecimal { digits: 2 };

const QUARTER_FRAMES: [Spec; 8] = [
    formed("rtpmidi.sj_chapter_f_mt0", "Chapter F MTC MT0", 0xF000_0000, NIBBLE),
    formed("rtpmidi.sj_chapter_f_mt1", "Chapter F MTC MT1", 0x0F00_0000, NIBBLE),
    formed("rtpmidi.sj_chapter_f_mt2", "Chapter F MTC MT2", 0x00F0_0000, NIBBLE),
    formed("rtpmidi.sj_chapter_f_mt3", "Chapter F MTC MT3", 0x000F_0000, NIBBLE),
    formed("rtpmidi.sj_chapter_f_mt4", "Chapter F MTC MT4", 0x0000_F000, NIBBLE),
    formed("rtpmidi.sj_chapter_f_mt5", "Chapter F MTC MT5", 0x0000_0F00, NIBBLE),
    formed("rtpmidi.sj_chapter_f_mt6", "Chapter F MTC MT6", 0x0000_00F0, NIBBLE),
    formed("rtpmidi.sj_chapter_f_mt7", "Chapter F MTC MT7", 0x0000_000F, NIBBLE),
];

const FULL_FRAME: [Spec; 4] = [
    formed("rtpmidi.sj_chapter_f_hr", "Chapter F MTC Hour", 0xFF00_0000, OCTET),
    formed("rtpmidi.sj_chapter_f_mn", "Chapter F MTC Minute", 0x00FF_0000, OCTET),
    formed("rtpmidi.sj_chapter_f_sc", "Chapter F MTC Second", 0x0000_FF00, OCTET),
    formed("rtpmidi.sj_chapter_f_fr", "Chapter F MTC Frame", 0x0000_00FF, OCTET),
];
