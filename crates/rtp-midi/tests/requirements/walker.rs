//! A structural reader of payloads: it panics where octets break a rule of sections 3 and 5 or of appendix A.
//!
//! Octets are read strictly, as a sender must write them: reserved bits are 0, lengths fit, nothing is left over.

use crate::system_walker;

/// A payload with its journal.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Walked {
    /// P: the source left out the status octet of the first channel command.
    pub(crate) phantom: bool,
    /// The octets of the MIDI list.
    pub(crate) list: Vec<u8>,
    pub(crate) journal: Option<Section>,
}

/// A journal section. `s` is the S bit everywhere: whether the element is unchanged.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Section {
    pub(crate) s: bool,
    pub(crate) checkpoint: u16,
    /// The octets of the system journal.
    pub(crate) system: Vec<u8>,
    pub(crate) channels: Vec<Channel>,
    /// Octets of the whole section.
    pub(crate) length: usize,
}

/// A channel journal; a chapter that is absent is `None` or empty.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Channel {
    pub(crate) s: bool,
    pub(crate) number: u8,
    pub(crate) toc: u8,
    pub(crate) program: Option<Program>,
    pub(crate) control: Vec<Control>,
    pub(crate) parameters: Option<Parameters>,
    /// S, FIRST, SECOND.
    pub(crate) wheel: Option<(bool, u8, u8)>,
    pub(crate) notes: Option<Notes>,
    pub(crate) extras: Vec<Log>,
    /// S, PRESSURE.
    pub(crate) pressure: Option<(bool, u8)>,
    pub(crate) poly: Vec<Log>,
}

/// Chapter P.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Program {
    pub(crate) s: bool,
    pub(crate) number: u8,
    /// BANK-MSB, X, BANK-LSB.
    pub(crate) bank: Option<(u8, bool, u8)>,
}

/// One log of Chapter C.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Control {
    pub(crate) s: bool,
    pub(crate) number: u8,
    pub(crate) tool: Tool,
}

/// What a log of Chapter C codes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Tool {
    Value(u8),
    Toggle(u8),
    Count(u8),
}

/// Chapter M.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Parameters {
    pub(crate) s: bool,
    /// Q, PENDING.
    pub(crate) pending: Option<(bool, u8)>,
    pub(crate) open: bool,
    pub(crate) logs: Vec<Parameter>,
}

/// One log of Chapter M; X beside each value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Parameter {
    pub(crate) s: bool,
    /// Q, PNUM-MSB, PNUM-LSB.
    pub(crate) id: (bool, u8, u8),
    pub(crate) entry_msb: Option<(bool, u8)>,
    pub(crate) entry_lsb: Option<(bool, u8)>,
    pub(crate) a_button: Option<(bool, i32)>,
    pub(crate) c_button: Option<i32>,
}

/// Chapter N.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Notes {
    pub(crate) b: bool,
    /// The flag is Y.
    pub(crate) logs: Vec<Log>,
    pub(crate) released: Vec<u8>,
}

/// A log of Chapters N, E and A: note, the flag in front of the second octet (Y, V, X), and its value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Log {
    pub(crate) s: bool,
    pub(crate) note: u8,
    pub(crate) flag: bool,
    pub(crate) value: u8,
}

/// Reads a payload.
pub(crate) fn walk(octets: &[u8]) -> Walked {
    let flags = octets[0];
    let (header, length) = match flags & 0x80 {
        0 => (1, usize::from(flags & 0x0F)),
        _ => (2, usize::from(flags & 0x0F) << 8 | usize::from(octets[1])),
    };
    assert!(header == 1 || length > 15, "a long header for {length} octets");
    let (list, rest) = octets[header..].split_at(length);
    assert!(length > 0 || flags & 0x30 == 0, "Z or P without a list");
    let journal = match flags & 0x40 {
        0 => {
            assert!(rest.is_empty(), "octets behind a list without journal");
            None
        }
        _ => Some(section(rest)),
    };
    Walked { phantom: flags & 0x10 != 0, list: list.to_vec(), journal }
}

/// Takes octets off the front of a slice.
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    pub(crate) fn octet(&mut self) -> u8 {
        self.take(1)[0]
    }

    /// Bit 7 and the rest of an octet.
    pub(crate) fn flagged(&mut self) -> (bool, u8) {
        let octet = self.octet();
        (octet & 0x80 != 0, octet & 0x7F)
    }

    /// `count` logs of two octets.
    fn logs(&mut self, count: usize) -> Vec<Log> {
        let log = |pair: &[u8]| Log {
            s: pair[0] & 0x80 != 0,
            note: pair[0] & 0x7F,
            flag: pair[1] & 0x80 != 0,
            value: pair[1] & 0x7F,
        };
        self.take(2 * count).chunks(2).map(log).collect()
    }
}

fn section(octets: &[u8]) -> Section {
    let mut cursor = Cursor(octets);
    let flags = cursor.octet();
    assert_eq!(flags & 0x10, 0, "H without enhanced controllers");
    let checkpoint = u16::from_be_bytes([cursor.octet(), cursor.octet()]);
    let mut s = true;
    let mut system: &[u8] = &[];
    if flags & 0x40 != 0 {
        let length = usize::from(cursor.0[0] & 0x03) << 8 | usize::from(cursor.0[1]);
        system = cursor.take(length);
        s &= system_walker::walk(system).s;
    }
    let (a, totchan) = (flags & 0x20 != 0, flags & 0x0F);
    assert!(a || totchan == 0, "TOTCHAN without channels");
    let count = if a { totchan + 1 } else { 0 };
    let channels: Vec<_> = (0..count).map(|_| channel(&mut cursor)).collect();
    assert!(cursor.0.is_empty(), "octets behind the last channel journal");
    assert!(channels.is_sorted_by(|a, b| a.number < b.number), "channels ascend");
    s &= channels.iter().all(|channel| channel.s);
    assert_eq!(flags & 0x80 != 0, s, "S of the journal is that of all in it");
    Section { s, checkpoint, system: system.to_vec(), channels, length: octets.len() }
}

fn channel(journal: &mut Cursor<'_>) -> Channel {
    let length = usize::from(journal.0[0] & 0x03) << 8 | usize::from(journal.0[1]);
    let mut cursor = Cursor(journal.take(length));
    let first = cursor.octet();
    assert_eq!(first & 0x04, 0, "H without enhanced controllers");
    cursor.octet();
    let toc = cursor.octet();
    assert_ne!(toc, 0, "a channel journal without chapters");
    let mut channel = Channel { s: first & 0x80 != 0, number: first >> 3 & 0x0F, toc, ..Channel::default() };
    let mut s = true;
    let mut part = |unchanged: bool| s &= unchanged;
    if toc & 0x80 != 0 {
        let chapter = program(&mut cursor);
        part(chapter.s);
        channel.program = Some(chapter);
    }
    if toc & 0x40 != 0 {
        channel.control = control(&mut cursor);
        part(channel.control.iter().all(|log| log.s));
    }
    if toc & 0x20 != 0 {
        let chapter = parameters(&mut cursor);
        part(chapter.s);
        channel.parameters = Some(chapter);
    }
    if toc & 0x10 != 0 {
        let ((s, first), (reserved, second)) = (cursor.flagged(), cursor.flagged());
        assert!(!reserved, "R of Chapter W");
        part(s);
        channel.wheel = Some((s, first, second));
    }
    if toc & 0x08 != 0 {
        let chapter = notes(&mut cursor);
        part(chapter.b && chapter.logs.iter().all(|log| log.s));
        channel.notes = Some(chapter);
    }
    if toc & 0x04 != 0 {
        channel.extras = list(&mut cursor);
        part(channel.extras.iter().all(|log| log.s));
        let mut kinds: Vec<_> = channel.extras.iter().map(|log| (log.note, log.flag)).collect();
        unique(&mut kinds);
    }
    if toc & 0x02 != 0 {
        let pressure = cursor.flagged();
        part(pressure.0);
        channel.pressure = Some(pressure);
    }
    if toc & 0x01 != 0 {
        channel.poly = list(&mut cursor);
        part(channel.poly.iter().all(|log| log.s));
        unique(&mut channel.poly.iter().map(|log| log.note).collect());
    }
    assert!(cursor.0.is_empty(), "LENGTH of channel {} beyond its chapters", channel.number);
    assert_eq!(channel.s, s, "S of channel {} is that of all in it", channel.number);
    channel
}

fn program(cursor: &mut Cursor<'_>) -> Program {
    let ((s, number), (b, msb), (x, lsb)) = (cursor.flagged(), cursor.flagged(), cursor.flagged());
    assert!(b || (msb, x, lsb) == (0, false, 0), "a bank without B");
    Program { s, number, bank: b.then_some((msb, x, lsb)) }
}

fn control(cursor: &mut Cursor<'_>) -> Vec<Control> {
    let (s, length) = cursor.flagged();
    let logs: Vec<_> = (0..=length)
        .map(|_| {
            let (s, number) = cursor.flagged();
            let octet = cursor.octet();
            let tool = match octet >> 6 {
                0b10 => Tool::Toggle(octet & 0x3F),
                0b11 => Tool::Count(octet & 0x3F),
                _ => Tool::Value(octet),
            };
            Control { s, number, tool }
        })
        .collect();
    assert_eq!(s, logs.iter().all(|log| log.s), "S of Chapter C");
    let rank = |tool: Tool| match tool {
        Tool::Count(_) => 0,
        Tool::Value(_) => 1,
        Tool::Toggle(_) => 2,
    };
    for (first, second) in logs.iter().zip(&logs[1..]).filter(|(first, second)| first.number == second.number) {
        assert!(rank(first.tool) < rank(second.tool), "tools of a number: count, value, toggle");
        assert_eq!(first.s, second.s, "the logs of one command");
    }
    let mut numbers: Vec<_> = logs.iter().map(|log| log.number).collect();
    numbers.dedup();
    unique(&mut numbers);
    logs
}

fn parameters(chapter: &mut Cursor<'_>) -> Parameters {
    let flags = chapter.0[0];
    let mut cursor = Cursor(chapter.take(usize::from(flags & 0x03) << 8 | usize::from(chapter.0[1])));
    cursor.take(2);
    let (s, open) = (flags & 0x80 != 0, flags & 0x20 != 0);
    let pending = (flags & 0x40 != 0).then(|| cursor.flagged());
    assert!(!open || pending.is_none(), "E and P");
    let (all_rpn, all_nrpn, short) = (flags & 0x10 != 0, flags & 0x08 != 0, flags & 0x04 != 0);
    assert!(!(all_rpn && all_nrpn), "U and W");
    let mut logs = Vec::new();
    while !cursor.0.is_empty() {
        logs.push(parameter(&mut cursor, (short && (all_rpn || all_nrpn)).then_some(all_nrpn)));
    }
    assert!(!open || !logs.is_empty(), "E without a log");
    let all = |test: fn(&Parameter) -> bool| logs.iter().all(test);
    assert!((!all_rpn || all(|log| !log.id.0)) && (!all_nrpn || all(|log| log.id.0)), "U and W tell the kind");
    assert!(!short || all(|log| log.id.1 == 0), "Z: no MSB");
    assert!(!s || all(|log| log.s), "S of Chapter M");
    assert!(all(|log| (log.id.1, log.id.2) != (127, 127)), "the null parameter has no log");
    unique(&mut logs.iter().map(|log| log.id).collect());
    Parameters { s, pending, open, logs }
}

fn parameter(cursor: &mut Cursor<'_>, short: Option<bool>) -> Parameter {
    let (s, lsb) = cursor.flagged();
    let (nrpn, msb) = short.map_or_else(|| cursor.flagged(), |nrpn| (nrpn, 0));
    let toc = cursor.octet();
    assert_eq!(toc & 0x0F, 0x02, "V alone: values are coded, transactions are not counted, R is 0");
    let mut entry = |bit: u8| (toc & bit != 0).then(|| cursor.flagged());
    let (entry_msb, entry_lsb) = (entry(0x80), entry(0x40));
    let mut button = |bit: u8| {
        (toc & bit != 0).then(|| {
            let (high, low) = (cursor.octet(), cursor.octet());
            let count = i32::from(high & 0x3F) << 8 | i32::from(low);
            assert!(high & 0x80 == 0 || count > 0, "G of zero");
            (high & 0x40 != 0, if high & 0x80 == 0 { count } else { -count })
        })
    };
    let (a_button, c_button) = (button(0x20), button(0x10));
    assert!(c_button.is_none_or(|(reserved, _)| !reserved), "R of C-BUTTON");
    Parameter { s, id: (nrpn, msb, lsb), entry_msb, entry_lsb, a_button, c_button: c_button.map(|(_, count)| count) }
}

fn notes(cursor: &mut Cursor<'_>) -> Notes {
    let (b, length) = cursor.flagged();
    let range = cursor.octet();
    let (low, high) = (range >> 4, range & 0x0F);
    assert!(low <= high || matches!((low, high), (15, 0 | 1)), "LOW {low} above HIGH {high}");
    let length = usize::from(length) + usize::from(length == 127 && range == 0xF0);
    let logs = cursor.logs(length);
    assert!(logs.iter().all(|log| log.value > 0), "a NoteOn has a velocity");
    let mut released = Vec::new();
    if low <= high {
        let bits = cursor.take(usize::from(high - low) + 1);
        assert!(bits[0] != 0 && bits[bits.len() - 1] != 0, "OFFBITS longer than they need be");
        for (octet, group) in bits.iter().zip(low..) {
            released.extend((0..8).filter(|bit| octet & 0x80 >> bit != 0).map(|bit| 8 * group + bit));
        }
    }
    assert!(!logs.is_empty() || !released.is_empty(), "a Chapter N that says nothing");
    unique(&mut logs.iter().map(|log| log.note).chain(released.iter().copied()).collect());
    Notes { b, logs, released }
}

/// Chapters E and A: S, LEN, and LEN + 1 logs.
fn list(cursor: &mut Cursor<'_>) -> Vec<Log> {
    let (s, length) = cursor.flagged();
    let logs = cursor.logs(usize::from(length) + 1);
    assert_eq!(s, logs.iter().all(|log| log.s), "S of a list");
    logs
}

fn unique<T: Ord + std::fmt::Debug>(keys: &mut Vec<T>) {
    keys.sort();
    assert!(keys.is_sorted_by(|a, b| a < b), "listed twice: {keys:?}");
}
