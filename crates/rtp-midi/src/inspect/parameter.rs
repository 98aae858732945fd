//! Chapter M of a channel journal: registered and non-registered parameters (A.4).

use super::walk::{Defect, Spec, Walk, flag, hexadecimal, number};
use crate::journal::ten_bit_length;

const P: u32 = 0x4000;
const U: u32 = 0x1000;
const W: u32 = 0x0800;
const Z: u32 = 0x0400;

const HEADER: [Spec; 7] = [
    flag("rtpmidi.cj_chapter_m_sflag", "Chapter M S-Flag", 0x8000),
    flag("rtpmidi.cj_chapter_m_pflag", "Chapter M P-Flag", P),
    flag("rtpmidi.cj_chapter_m_eflag", "Chapter M E-Flag", 0x2000),
    flag("rtpmidi.cj_chapter_m_uflag", "Chapter M U-Flag", U),
    flag("rtpmidi.cj_chapter_m_wflag", "Chapter M W-Flag", W),
    flag("rtpmidi.cj_chapter_m_zflag", "Chapter M Z-Flag", Z),
    number("rtpmidi.cj_chapter_m_length", "Chapter M Length", 0x03FF),
];

const J: u32 = 0x80;
const K: u32 = 0x40;
const L: u32 = 0x20;
const M: u32 = 0x10;
const N: u32 = 0x08;

const CONTENTS: [Spec; 8] = [
    flag("rtpmidi.cj_chapter_m_log_jflag", "Chapter M Log J-Flag", J),
    flag("rtpmidi.cj_chapter_m_log_kflag", "Chapter M Log K-Flag", K),
    flag("rtpmidi.cj_chapter_m_log_lflag", "Chapter M Log L-Flag", L),
    flag("rtpmidi.cj_chapter_m_log_mflag", "Chapter M Log M-Flag", M),
    flag("rtpmidi.cj_chapter_m_log_nflag", "Chapter M Log N-Flag", N),
    flag("rtpmidi.cj_chapter_m_log_tflag", "Chapter M Log T-Flag", 0x04),
    flag("rtpmidi.cj_chapter_m_log_vflag", "Chapter M Log V-Flag", 0x02),
    flag("rtpmidi.cj_chapter_m_log_rflag", "Chapter M Log R-Flag", 0x01),
];

/// Chapter M, whose LENGTH says where the logs end.
pub(super) fn chapter(walk: &mut Walk<'_>) -> Result<(), Defect> {
    let start = walk.at();
    let header = walk.word(2, &HEADER)?;
    let least = if header & P == 0 { 2 } else { 3 };
    let length = ten_bit_length((header >> 8) as u8, header as u8, least);
    let behind = length.map_err(|error| Defect { at: start, error })? - 2;
    let found = walk.rest().len();
    let result = walk.within(behind, |walk| {
        if header & P != 0 {
            walk.word(
                1,
                &[
                    flag("rtpmidi.cj_chapter_m_qflag", "Chapter M Q-Flag", 0x80),
                    hexadecimal("rtpmidi.cj_chapter_m_pending", "Chapter M Pending", 0x7F),
                ],
            )?;
        }
        // Z counts when it is said of what kind all parameters are.
        let short = header & Z != 0 && (header & U != 0) != (header & W != 0);
        while !walk.rest().is_empty() {
            walk.group("rtpmidi.cj_chapter_m_log", "Log", |walk| log(walk, short))?;
        }
        Ok(())
    });
    if found < behind {
        let error = crate::Error::Truncated { needed: behind + 2, found: found + 2 };
        return Err(Defect { at: start, error });
    }
    result
}

fn log(walk: &mut Walk<'_>, short: bool) -> Result<(), Defect> {
    walk.word(
        1,
        &[
            flag("rtpmidi.cj_chapter_m_log_sflag", "Chapter M Log S-Flag", 0x80),
            hexadecimal("rtpmidi.cj_chapter_m_log_pnum_lsb", "Chapter M Log PNUM-LSB", 0x7F),
        ],
    )?;
    if !short {
        walk.word(
            1,
            &[
                flag("rtpmidi.cj_chapter_m_log_qflag", "Chapter M Log Q-Flag", 0x80),
                hexadecimal("rtpmidi.cj_chapter_m_log_pnum_msb", "Chapter M Log PNUM-MSB", 0x7F),
            ],
        )?;
    }
    let contents = walk.word(1, &CONTENTS)?;
    if contents & J != 0 {
        let fields = [
            flag("rtpmidi.cj_chapter_m_log_msb_xflag", "Chapter M Log MSB X-Flag", 0x80),
            hexadecimal("rtpmidi.cj_chapter_m_log_msb", "Chapter M Log MSB", 0x7F),
        ];
        walk.whole("rtpmidi.cj_chapter_m_log_msb_entry", "Entry MSB", 1, &fields)?;
    }
    if contents & K != 0 {
        let fields = [
            flag("rtpmidi.cj_chapter_m_log_lsb_xflag", "Chapter M Log LSB X-Flag", 0x80),
            hexadecimal("rtpmidi.cj_chapter_m_log_lsb", "Chapter M Log LSB", 0x7F),
        ];
        walk.whole("rtpmidi.cj_chapter_m_log_lsb_entry", "Entry LSB", 1, &fields)?;
    }
    if contents & L != 0 {
        let fields = [
            flag("rtpmidi.cj_chapter_m_log_a_button_gflag", "Chapter M Log A-Button G-Flag", 0x8000),
            flag("rtpmidi.cj_chapter_m_log_a_button_xflag", "Chapter M Log A-Button X-Flag", 0x4000),
            hexadecimal("rtpmidi.cj_chapter_m_log_a_button", "Chapter M Log A-Button", 0x3FFF),
        ];
        walk.whole("rtpmidi.cj_chapter_m_log_a_button_full", "A-Button", 2, &fields)?;
    }
    if contents & M != 0 {
        let fields = [
            flag("rtpmidi.cj_chapter_m_log_c_button_gflag", "Chapter M Log C-Button G-Flag", 0x8000),
            flag("rtpmidi.cj_chapter_m_log_c_button_rflag", "Chapter M Log C-Button R-Flag", 0x4000),
            hexadecimal("rtpmidi.cj_chapter_m_log_c_button", "Chapter M Log C-Button", 0x3FFF),
        ];
        walk.whole("rtpmidi.cj_chapter_m_log_c_button_full", "C-Button", 2, &fields)?;
    }
    if contents & N != 0 {
        let fields = [
            flag("rtpmidi.cj_chapter_m_log_count_xflag", "Chapter M Log Count X-Flag", 0x80),
            number("rtpmidi.cj_chapter_m_log_count", "Chapter M Log Count", 0x7F),
        ];
        walk.whole("rtpmidi.cj_chapter_m_log_count_full", "Count", 1, &fields)?;
    }
    Ok(())
}
