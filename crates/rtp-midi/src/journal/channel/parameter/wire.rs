//! The header and logs of Chapter M (A.4, A.4.2).

use super::{Id, Kind};
use crate::error::Result;
use crate::journal::octets::{array, length, take};
use crate::journal::window::S;
use crate::midi::U7;

/// The chapter as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chapter<'a> {
    pub(crate) s: S,
    /// P: an MSB whose LSB was still to come.
    pub(crate) pending: Option<(Kind, U7)>,
    /// E: the transaction of the last log is open.
    pub(crate) open: bool,
    short: Option<Kind>,
    logs: &'a [u8],
}

/// One parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Log {
    pub(crate) s: S,
    pub(crate) id: Id,
    /// J.
    pub(crate) msb: Option<Entry>,
    /// K.
    pub(crate) lsb: Option<Entry>,
    /// L: increments less decrements since the latest data entry.
    pub(crate) a_button: Option<Button>,
    /// M: the same since the latest CC 121 if that is later.
    pub(crate) c_button: Option<i16>,
    /// N: transactions, mod 128.
    pub(crate) count: Option<Entry>,
    /// T: the count tool is in use.
    pub(crate) by_count: bool,
    /// V: the value tool is in use.
    pub(crate) by_value: bool,
}

/// A value, and whether a CC 121 came after it (X).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) value: U7,
    pub(crate) reset: bool,
}

/// A signed count of CC 96 and 97, and whether a CC 121 came after the last of them (X).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Button {
    pub(crate) count: i16,
    pub(crate) reset: bool,
}

const P: u8 = 0x40;
const E: u8 = 0x20;
const U: u8 = 0x10;
const W: u8 = 0x08;
const Z: u8 = 0x04;

const J: u8 = 0x80;
const K: u8 = 0x40;
const L: u8 = 0x20;
const M: u8 = 0x10;
const N: u8 = 0x08;
const T: u8 = 0x04;
const V: u8 = 0x02;

impl<'a> Chapter<'a> {
    pub(crate) fn decode(octets: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let ([flags, low], _) = array(octets)?;
        let header = if flags & P == 0 { 2 } else { 3 };
        let (chapter, rest) = take(octets, length(flags, low, header)?)?;
        let pending = (flags & P != 0).then(|| (Kind::from_bit(chapter[2]), U7::masked(chapter[2])));
        let short = match (flags & Z != 0, flags & U != 0, flags & W != 0) {
            (true, true, false) => Some(Kind::Rpn),
            (true, false, true) => Some(Kind::Nrpn),
            _ => None,
        };
        let decoded = Self { s: S::read(flags), pending, open: flags & E != 0, short, logs: &chapter[header..] };
        decoded.walk().try_for_each(|log| log.map(drop))?;
        Ok((decoded, rest))
    }

    /// The parameters, in the order of their latest transaction.
    pub(crate) fn logs(&self) -> impl Iterator<Item = Log> + Clone + use<'a> {
        self.walk().map_while(Result::ok)
    }

    fn walk(&self) -> impl Iterator<Item = Result<Log>> + Clone + use<'a> {
        let (short, mut octets) = (self.short, self.logs);
        std::iter::from_fn(move || {
            if octets.is_empty() {
                return None;
            }
            let log = Log::decode(octets, short);
            octets = log.as_ref().map_or(&[], |(_, rest)| rest);
            Some(log.map(|(log, _)| log))
        })
    }
}

impl Log {
    fn decode(octets: &[u8], short: Option<Kind>) -> Result<(Self, &[u8])> {
        let ([first], rest) = array(octets)?;
        let ((kind, msb), rest) = match short {
            Some(kind) => ((kind, U7::default()), rest),
            None => {
                let ([msb], rest) = array(rest)?;
                ((Kind::from_bit(msb), U7::masked(msb)), rest)
            }
        };
        let ([toc], rest) = array(rest)?;
        let two = |bit: u8| if toc & bit == 0 { 0 } else { 2 };
        let one = |bit: u8| two(bit) / 2;
        let (fields, rest) = take(rest, one(J) + one(K) + two(L) + two(M) + one(N))?;
        let mut fields = fields.iter().copied();
        let mut next = |bit: u8| (toc & bit != 0).then(|| fields.next().unwrap_or_default());
        let entry = |octet: u8| Entry { value: U7::masked(octet), reset: octet & 0x80 != 0 };
        let (msb_entry, lsb_entry) = (next(J).map(entry), next(K).map(entry));
        let a_button = next(L).zip(next(L));
        let c_button = next(M).zip(next(M));
        let log = Self {
            s: S::read(first),
            id: Id { kind, msb, lsb: U7::masked(first) },
            msb: msb_entry,
            lsb: lsb_entry,
            a_button: a_button.map(|(high, low)| Button { count: signed(high, low), reset: high & 0x40 != 0 }),
            c_button: c_button.map(|(high, low)| signed(high, low)),
            count: next(N).map(entry),
            by_count: toc & T != 0,
            by_value: toc & V != 0,
        };
        Ok((log, rest))
    }

    /// What tells only which transaction is open (A.4.1).
    pub(super) const fn without_fields(id: Id, s: S) -> Self {
        let (msb, lsb, a_button, c_button, count) = (None, None, None, None, None);
        Self { s, id, msb, lsb, a_button, c_button, count, by_count: false, by_value: false }
    }

    fn encode(&self, short: bool, out: &mut Vec<u8>) {
        out.push(self.s.bit() | self.id.lsb.get());
        if !short {
            out.push(self.id.kind.bit() | self.id.msb.get());
        }
        let bit = |present: bool, bit: u8| if present { bit } else { 0 };
        out.push(
            bit(self.msb.is_some(), J)
                | bit(self.lsb.is_some(), K)
                | bit(self.a_button.is_some(), L)
                | bit(self.c_button.is_some(), M)
                | bit(self.count.is_some(), N)
                | bit(self.by_count, T)
                | bit(self.by_value, V),
        );
        let entry = |entry: Entry| if entry.reset { 0x80 } else { 0 } | entry.value.get();
        out.extend(self.msb.map(entry));
        out.extend(self.lsb.map(entry));
        if let Some(button) = self.a_button {
            let [high, low] = unsigned(button.count);
            out.extend([high | if button.reset { 0x40 } else { 0 }, low]);
        }
        out.extend(self.c_button.map(unsigned).into_iter().flatten());
        out.extend(self.count.map(entry));
    }
}

/// Appends the chapter; the last log is that of the open transaction when `open`.
pub(super) fn encode(
    s: S,
    pending: Option<(Kind, U7)>,
    open: bool,
    logs: impl Iterator<Item = Log> + Clone,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    let short = |kind: Kind| logs.clone().all(|log| log.id.kind == kind && log.id.msb.get() == 0);
    let bit = |set: bool, bit: u8| if set { bit } else { 0 };
    let kind = match logs.clone().next() {
        Some(log) if short(log.id.kind) => Z | if log.id.kind == Kind::Rpn { U } else { W },
        _ => 0,
    };
    let flags = bit(pending.is_some(), P) | bit(open, E) | kind;
    out.extend([0, 0]);
    out.extend(pending.map(|(kind, msb)| kind.bit() | msb.get()));
    for log in logs {
        log.encode(flags & Z != 0, out);
    }
    let length = out.len() - start;
    out[start] = s.bit() | flags | (length >> 8) as u8 & 0x03;
    out[start + 1] = length as u8;
}

/// G, a bit that is not part of the number, and fourteen bits.
fn signed(high: u8, low: u8) -> i16 {
    let magnitude = i16::from(high & 0x3F) << 8 | i16::from(low);
    if high & 0x80 == 0 { magnitude } else { -magnitude }
}

fn unsigned(count: i16) -> [u8; 2] {
    let [high, low] = count.unsigned_abs().min(0x3FFF).to_be_bytes();
    [if count < 0 { 0x80 | high } else { high }, low]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use proptest::prelude::*;

    #[test]
    fn long_and_short_headers_are_read() {
        let expected = Some(Entry { value: U7::masked(2), reset: false });
        for octets in [&[0x34, 0x05, 0x00, 0x82, 0x02][..], &[0x20, 0x06, 0x00, 0x00, 0x82, 0x02]] {
            let (chapter, rest) = Chapter::decode(octets).unwrap();
            assert!(rest.is_empty() && chapter.open && chapter.pending.is_none());
            let logs: Vec<_> = chapter.logs().collect();
            assert_eq!((logs.len(), logs[0].id.kind, logs[0].msb), (1, Kind::Rpn, expected));
        }
    }

    #[test]
    fn z_without_u_or_w_keeps_the_long_header() {
        for flags in [0x04, 0x10, 0x08, 0x1C] {
            let octets = [flags, 0x06, 0x00, 0x80, 0x82, 0x02];
            let (chapter, _) = Chapter::decode(&octets).unwrap();
            assert_eq!(chapter.logs().next().map(|log| log.id.kind), Some(Kind::Nrpn), "{flags:#04x}");
        }
    }

    #[test]
    fn a_pending_msb_stands_behind_the_header() {
        let octets = [0x40, 0x03, 0x81];
        let (chapter, _) = Chapter::decode(&octets).unwrap();
        assert_eq!(chapter.pending, Some((Kind::Nrpn, U7::masked(1))));
        assert_eq!(chapter.logs().count(), 0);
    }

    #[test]
    fn a_log_beyond_length_or_a_length_below_the_header_is_an_error() {
        let cut = Chapter::decode(&[0x34, 0x04, 0x00, 0x82, 0x02]).unwrap_err();
        assert_eq!(cut, Error::Truncated { needed: 1, found: 0 });
        assert_eq!(Chapter::decode(&[0x40, 0x02, 0x00]).unwrap_err(), Error::Length { found: 2, least: 3 });
    }

    fn any_log() -> impl Strategy<Value = Log> {
        let entry = || {
            prop::option::of((0..0x80_u8, any::<bool>()))
                .prop_map(|entry| entry.map(|(value, reset)| Entry { value: U7::masked(value), reset }))
        };
        let button = || prop::option::of((-16383..=16383_i16, any::<bool>()));
        (any::<(bool, bool, u8, u8)>(), entry(), entry(), button(), button(), entry()).prop_map(
            |((s, nrpn, msb, lsb), entry_msb, entry_lsb, a, c, count)| Log {
                s: if s { S::Unchanged } else { S::Changed },
                id: Id {
                    kind: if nrpn { Kind::Nrpn } else { Kind::Rpn },
                    msb: U7::masked(msb & 1),
                    lsb: U7::masked(lsb),
                },
                msb: entry_msb,
                lsb: entry_lsb,
                a_button: a.map(|(count, reset)| Button { count, reset }),
                c_button: c.map(|(count, _)| count),
                count,
                by_count: count.is_some(),
                by_value: true,
            },
        )
    }

    proptest! {
        #[test]
        fn any_logs_read_as_written(logs in prop::collection::vec(any_log(), 0..20), open: bool, pending in prop::option::of(0..0x80_u8)) {
            let pending = pending.map(|msb| (Kind::Nrpn, U7::masked(msb)));
            let mut octets = Vec::new();
            encode(S::Changed, pending, open, logs.iter().copied(), &mut octets);
            let (chapter, rest) = Chapter::decode(&octets).unwrap();
            prop_assert!(rest.is_empty());
            prop_assert_eq!((chapter.pending, chapter.open), (pending, open));
            prop_assert_eq!(chapter.logs().collect::<Vec<_>>(), logs);
        }

        #[test]
        fn any_octets_are_read_without_panic(octets in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Chapter::decode(&octets).map(|(chapter, _)| chapter.logs().count());
        }
    }
}
