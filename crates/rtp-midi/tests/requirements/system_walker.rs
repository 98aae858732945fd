//! The structural reader of system journals: it panics where octets break a rule of appendix B.

use crate::walker::Cursor;

/// A system journal; a chapter that is absent is `None` or empty. `s` is the S bit: whether it is unchanged.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct System {
    pub(crate) s: bool,
    pub(crate) toc: u8,
    /// Chapter D: COUNT of FF and F6, VALUE of F3.
    pub(crate) reset: Option<(bool, u8)>,
    pub(crate) tune: Option<(bool, u8)>,
    pub(crate) song: Option<(bool, u8)>,
    pub(crate) f4: Option<Undefined>,
    pub(crate) f5: Option<Undefined>,
    /// COUNT of F9 and FD.
    pub(crate) f9: Option<(bool, u8)>,
    pub(crate) fd: Option<(bool, u8)>,
    /// Chapter V: COUNT of FE.
    pub(crate) sense: Option<(bool, u8)>,
    pub(crate) sequencer: Option<Sequencer>,
    pub(crate) time_code: Option<TimeCode>,
    pub(crate) sysex: Vec<SysEx>,
}

/// The log of F4 or F5.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Undefined {
    pub(crate) s: bool,
    pub(crate) count: Option<u8>,
    pub(crate) value: Vec<u8>,
}

/// Chapter Q.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Sequencer {
    pub(crate) s: bool,
    pub(crate) runs: bool,
    pub(crate) downbeat: bool,
    /// In MIDI clocks where C = 1.
    pub(crate) position: Option<u32>,
}

/// Chapter F.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct TimeCode {
    pub(crate) s: bool,
    pub(crate) quarters: bool,
    pub(crate) reverse: bool,
    pub(crate) point: u8,
    pub(crate) complete: Option<[u8; 4]>,
    pub(crate) partial: Option<[u8; 4]>,
}

/// One log of Chapter X.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct SysEx {
    pub(crate) s: bool,
    pub(crate) tcount: Option<u8>,
    pub(crate) count: Option<u8>,
    /// Octets of the command before those of `data`.
    pub(crate) first: u32,
    pub(crate) list: bool,
    pub(crate) status: u8,
    pub(crate) data: Vec<u8>,
}

/// Reads a system journal.
pub(crate) fn walk(octets: &[u8]) -> System {
    let mut cursor = Cursor(octets);
    let toc = cursor.octet() & 0x7C;
    cursor.octet();
    let mut system = System { s: octets[0] & 0x80 != 0, toc, ..System::default() };
    assert_ne!(toc, 0, "a system journal without chapters");
    let mut s = true;
    if toc & 0x40 != 0 {
        s &= simple(&mut cursor, &mut system);
    }
    if toc & 0x20 != 0 {
        let sense = cursor.flagged();
        s &= sense.0;
        system.sense = Some(sense);
    }
    if toc & 0x10 != 0 {
        let chapter = sequencer(&mut cursor);
        s &= chapter.s;
        system.sequencer = Some(chapter);
    }
    if toc & 0x08 != 0 {
        let chapter = time_code(&mut cursor);
        s &= chapter.s;
        system.time_code = Some(chapter);
    }
    if toc & 0x04 != 0 {
        while !cursor.0.is_empty() {
            system.sysex.push(sysex(&mut cursor));
        }
        let first = system.sysex.first().expect("Chapter X has a log");
        // The first log's S bit is that of the chapter.
        assert!(!first.s || system.sysex.iter().all(|log| log.s), "S of Chapter X");
        s &= first.s;
    }
    assert!(cursor.0.is_empty(), "LENGTH of the system journal beyond its chapters");
    assert_eq!(system.s, s, "S of the system journal is that of all in it");
    system
}

/// Chapter D; returns its S bit.
fn simple(cursor: &mut Cursor<'_>, system: &mut System) -> bool {
    let (s, toc) = cursor.flagged();
    assert_ne!(toc, 0, "a Chapter D without logs");
    let mut one = |bit: u8| (toc & bit != 0).then(|| cursor.flagged());
    (system.reset, system.tune, system.song) = (one(0x40), one(0x20), one(0x10));
    let mut common = |bit: u8| (toc & bit != 0).then(|| undefined(cursor));
    (system.f4, system.f5) = (common(0x08), common(0x04));
    let mut real_time = |bit: u8| {
        (toc & bit != 0).then(|| {
            let header = cursor.octet();
            assert_eq!(header & 0x7F, 0x42, "COUNT, no LEGAL, LENGTH 2");
            (header & 0x80 != 0, cursor.octet())
        })
    };
    (system.f9, system.fd) = (real_time(0x02), real_time(0x01));
    let counts = [system.reset, system.tune, system.song, system.f9, system.fd];
    let values = [&system.f4, &system.f5].into_iter().flatten().all(|log| log.s);
    assert_eq!(s, values && counts.iter().flatten().all(|(s, _)| *s), "S of Chapter D");
    s
}

fn undefined(chapter: &mut Cursor<'_>) -> Undefined {
    let (high, low) = (chapter.0[0], chapter.0[1]);
    let mut cursor = Cursor(chapter.take(usize::from(high & 0x03) << 8 | usize::from(low)));
    cursor.take(2);
    assert_eq!(high & 0x10, 0, "LEGAL");
    let count = (high & 0x40 != 0).then(|| cursor.octet());
    let value = if high & 0x20 != 0 { terminated(&mut cursor) } else { Vec::new() };
    assert!(cursor.0.is_empty(), "LENGTH of an undefined command beyond its fields");
    assert_eq!(usize::from(high >> 2 & 0x03), value.len().min(3), "DSZ");
    assert!(count.is_some() || !value.is_empty(), "COUNT without data");
    Undefined { s: high & 0x80 != 0, count, value }
}

/// Octets up to the one with the most significant bit.
fn terminated(cursor: &mut Cursor<'_>) -> Vec<u8> {
    let end = cursor.0.iter().position(|octet| octet & 0x80 != 0).expect("the last octet has its bit");
    cursor.take(end + 1).iter().map(|octet| octet & 0x7F).collect()
}

fn sequencer(cursor: &mut Cursor<'_>) -> Sequencer {
    let flags = cursor.octet();
    let top = u32::from(flags & 0x07);
    assert_eq!(flags & 0x08, 0, "TIMETOOLS");
    assert!(flags & 0x10 != 0 || top == 0, "TOP without CLOCK");
    let position = (flags & 0x10 != 0).then(|| {
        let (high, low) = (cursor.octet(), cursor.octet());
        top << 16 | u32::from(high) << 8 | u32::from(low)
    });
    Sequencer { s: flags & 0x80 != 0, runs: flags & 0x40 != 0, downbeat: flags & 0x20 != 0, position }
}

fn time_code(cursor: &mut Cursor<'_>) -> TimeCode {
    let flags = cursor.octet();
    let mut frame = |bit: u8| (flags & bit != 0).then(|| cursor.take(4).try_into().unwrap());
    let (complete, partial) = (frame(0x40), frame(0x20));
    let (quarters, reverse, point) = (flags & 0x10 != 0, flags & 0x08 != 0, flags & 0x07);
    assert!(complete.is_some() || !quarters, "Q without COMPLETE");
    match (partial, reverse) {
        (None, false) => assert_eq!(point, 7),
        (None, true) => assert_eq!(point, 0),
        (Some(_), false) => assert!(point < 7),
        (Some(_), true) => assert!(point > 0),
    }
    TimeCode { s: flags & 0x80 != 0, quarters, reverse, point, complete, partial }
}

fn sysex(cursor: &mut Cursor<'_>) -> SysEx {
    let flags = cursor.octet();
    let tcount = (flags & 0x40 != 0).then(|| cursor.octet());
    let count = (flags & 0x20 != 0).then(|| cursor.octet());
    let mut first = 0;
    if flags & 0x10 != 0 {
        loop {
            let (more, digits) = cursor.flagged();
            first = first << 7 | u32::from(digits);
            if !more {
                break;
            }
        }
    }
    let data = if flags & 0x08 != 0 { terminated(cursor) } else { Vec::new() };
    SysEx { s: flags & 0x80 != 0, tcount, count, first, list: flags & 0x04 != 0, status: flags & 0x03, data }
}
