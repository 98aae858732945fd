//! Takes out of a journal what its S bits say a receiver behind a single loss may skip (RFC 6295, A.1).
//!
//! Reads octets by the figures of the RFC alone. Nothing is taken out beside a Reset State command, and nothing of
//! Chapter E, which is read along with Chapter N.

/// A payload with the elements of its journal that have S = 0, and no others.
pub(crate) fn thin(payload: &[u8]) -> Vec<u8> {
    let mut rest = Octets(payload);
    let mut out = Vec::new();
    let header = rest.copy(1, &mut out);
    let mut list = usize::from(header & 0x0F);
    if header & 0x80 != 0 {
        list = list << 8 | usize::from(rest.copy(1, &mut out));
    }
    rest.copy(list, &mut out);
    if header & 0x40 == 0 {
        return out;
    }
    let flags = rest.next();
    let checkpoint = rest.take(2);
    let (mut system, mut channels) = (Vec::new(), Vec::new());
    if flags & 0x40 != 0 {
        let length = rest.length(0);
        system = thin_system(rest.take(length));
    }
    if system.windows(4).any(|octets| matches!(octets, [0x7E, _, 9 | 10, 0x80..=0xFF])) {
        // A Reset State command that may be new makes everything new.
        return payload.to_vec();
    }
    let count = if flags & 0x20 == 0 { 0 } else { 1 + (flags & 0x0F) };
    for _ in 0..count {
        let length = rest.length(0);
        channels.extend(thin_channel(rest.take(length)));
    }
    let totals = match channels.len() {
        0 => 0,
        channels => 0x20 | (channels as u8 - 1),
    };
    let s = if system.is_empty() && channels.is_empty() { 0x80 } else { 0 };
    out.push(s | if system.is_empty() { 0 } else { 0x40 } | flags & 0x10 | totals);
    out.extend(checkpoint);
    out.extend(system);
    out.extend(channels.concat());
    out
}

fn thin_system(journal: &[u8]) -> Vec<u8> {
    let mut chapters = Octets(&journal[2..]);
    let (mut toc, mut out) = (0, Vec::new());
    let mut keep = |bit: u8, octets: &[u8]| {
        // An element says by its first bit that it is unchanged.
        if octets[0] & 0x80 == 0 {
            toc |= bit;
            out.extend(octets);
        }
    };
    for bit in [0x40, 0x20, 0x10, 0x08, 0x04] {
        if journal[0] & bit == 0 {
            continue;
        }
        let first = chapters.0[0];
        let flagged = |bits: &[u8], size: usize| size * bits.iter().filter(|bit| first & *bit != 0).count();
        let length = match bit {
            0x40 => {
                keep(bit, &thin_simple(&mut chapters));
                continue;
            }
            0x20 => 1,
            0x10 => 1 + flagged(&[0x10], 2) + flagged(&[0x08], 3),
            0x08 => 1 + flagged(&[0x40, 0x20], 4),
            _ => chapters.0.len(),
        };
        keep(bit, chapters.take(length));
    }
    if out.is_empty() {
        return out;
    }
    let length = 2 + out.len();
    [&[toc | (length >> 8) as u8, length as u8][..], &out].concat()
}

/// Chapter D.
fn thin_simple(chapters: &mut Octets<'_>) -> Vec<u8> {
    let first = chapters.next();
    let (mut toc, mut out) = (first & 0x80, Vec::new());
    for bit in [0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01] {
        if first & bit == 0 {
            continue;
        }
        let length = match bit {
            0x40 | 0x20 | 0x10 => 1,
            0x08 | 0x04 => chapters.length(0),
            _ => usize::from(chapters.0[0] & 0x1F),
        };
        let log = chapters.take(length);
        if log[0] & 0x80 == 0 {
            toc |= bit;
            out.extend(log);
        }
    }
    [&[toc], &out[..]].concat()
}

fn thin_channel(journal: &[u8]) -> Option<Vec<u8>> {
    if journal[0] & 0x80 != 0 {
        return None;
    }
    let mut chapters = Octets(&journal[3..]);
    let (mut toc, mut out) = (0, Vec::new());
    for bit in (0..8).map(|shift| 0x80 >> shift).filter(|bit| journal[2] & bit != 0) {
        let first = chapters.0[0];
        let chapter = match bit {
            0x80 => chapters.take(3).to_vec(),
            0x40 | 0x01 => thin_list(&mut chapters),
            0x20 => {
                let length = chapters.length(0);
                thin_parameters(chapters.take(length))
            }
            0x10 => chapters.take(2).to_vec(),
            0x08 => thin_notes(&mut chapters),
            0x04 => chapters.take(1 + 2 * (1 + usize::from(first & 0x7F))).to_vec(),
            _ => chapters.take(1).to_vec(),
        };
        // The first bit of Chapter N is no S bit: it is as good as its logs and NoteOffs.
        let is_new =
            if bit == 0x08 { chapter.len() > 2 } else { chapter.first().is_some_and(|first| first & 0x80 == 0) };
        if is_new {
            toc |= bit;
            out.extend(chapter);
        }
    }
    let length = 3 + out.len();
    let header = [journal[0] & 0x7C | (length >> 8) as u8, length as u8, toc];
    (toc != 0).then(|| [&header[..], &out].concat())
}

/// Chapter M: its header, PENDING, logs that are new, and the last one if a transaction is open, which it names.
fn thin_parameters(chapter: &[u8]) -> Vec<u8> {
    let flags = chapter[0];
    let (is_open, is_short) = (flags & 0x20 != 0, flags & 0x04 != 0 && flags & 0x18 != 0);
    let mut rest = Octets(&chapter[2..]);
    let mut out = chapter[..2].to_vec();
    rest.copy(usize::from(flags & 0x40 != 0), &mut out);
    while !rest.0.is_empty() {
        let toc = rest.0[if is_short { 1 } else { 2 }];
        let fields = [(0x80, 1), (0x40, 1), (0x20, 2), (0x10, 2), (0x08, 1)];
        let length: usize = fields.iter().filter(|(bit, _)| toc & bit != 0).map(|(_, octets)| octets).sum();
        let log = rest.take(length + if is_short { 2 } else { 3 });
        if log[0] & 0x80 == 0 || (is_open && rest.0.is_empty()) {
            out.extend(log);
        }
    }
    let length = out.len();
    (out[0], out[1]) = (out[0] & 0xFC | (length >> 8) as u8, length as u8);
    out
}

/// Chapters C and A: S, LENGTH, and logs of two octets.
fn thin_list(chapters: &mut Octets<'_>) -> Vec<u8> {
    let first = chapters.next();
    let logs = chapters.take(2 * (1 + usize::from(first & 0x7F)));
    let fresh: Vec<&[u8]> = logs.chunks(2).filter(|log| log[0] & 0x80 == 0).collect();
    if fresh.is_empty() {
        return vec![0x80];
    }
    [&[first & 0x80 | (fresh.len() as u8 - 1)][..], &fresh.concat()].concat()
}

/// Chapter N: logs that are new, and OFFBITS if B says that a NoteOff is.
fn thin_notes(chapters: &mut Octets<'_>) -> Vec<u8> {
    let (first, range) = (chapters.next(), chapters.next());
    let (low, high) = (range >> 4, range & 0x0F);
    let count = usize::from(first & 0x7F) + usize::from(first & 0x7F == 127 && range == 0xF0);
    let logs = chapters.take(2 * count);
    let bits = chapters.take(if low <= high { usize::from(high - low) + 1 } else { 0 });
    let fresh: Vec<&[u8]> = logs.chunks(2).filter(|log| log[0] & 0x80 == 0).collect();
    let (range, bits) = if first & 0x80 == 0 { (range, bits) } else { (0xF1, &[][..]) };
    let range = if fresh.len() < count && low > high { 0xF1 } else { range };
    [&[first & 0x80 | fresh.len().min(127) as u8, range][..], &fresh.concat(), bits].concat()
}

/// Octets still to be read.
struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn next(&mut self) -> u8 {
        self.take(1)[0]
    }

    /// Takes octets over; returns the first of them, if any.
    fn copy(&mut self, length: usize, out: &mut Vec<u8>) -> u8 {
        let taken = self.take(length);
        out.extend(taken);
        taken.first().copied().unwrap_or(0)
    }

    /// The LENGTH of ten bits at an offset.
    fn length(&self, at: usize) -> usize {
        usize::from(self.0[at] & 0x03) << 8 | usize::from(self.0[at + 1])
    }
}

#[test]
fn what_is_unchanged_is_taken_out() {
    // Chapters P with S = 1, C with logs of S = 1 and 0, N with a log of S = 1 and a new NoteOff.
    let journal = [0x20, 0, 1, 0x00, 0x10, 0xC8, 0x85, 0, 0, 0x01, 0x87, 9, 0x08, 7, 0x01, 0x77, 0xBD, 5, 0x08];
    let thinned = [0x20, 0, 1, 0x00, 0x09, 0x48, 0x00, 0x08, 7, 0x00, 0x77, 0x08];
    let payload = |journal: &[u8]| [&[0x43, 0x90, 60, 1][..], journal].concat();
    assert_eq!(thin(&payload(&journal)), payload(&thinned));
    assert_eq!(thin(&[0x40, 0xA0, 0, 1, 0x80, 0x05, 0x10, 0x92, 0x34]), [0x40, 0x80, 0, 1]);
}
