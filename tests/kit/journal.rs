//! A plain reader of journal sections (RFC 6295, 5 and A): only what is compared with other readers.

/// The octets of a packet's MIDI list and journal section; `None` where a length points beyond the packet.
pub fn sections(payload: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (header, length) = match payload {
        [flags @ 0x80..=0xFF, low, ..] => (2, usize::from(flags & 0xF) << 8 | usize::from(*low)),
        [flags, ..] => (1, usize::from(flags & 0xF)),
        [] => return None,
    };
    let (list, rest) = payload[header..].split_at_checked(length)?;
    Some((list, (payload[0] & 0x40 != 0).then_some(rest)))
}

/// What the system journal says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct System<'a> {
    /// Chapter Q: its S bit.
    pub sequencer: Option<u8>,
    /// Chapter X: its octets.
    pub exclusives: &'a [u8],
}

/// The system journal of a journal section, empty where there is none; `None` where it does not hold what its lengths
/// say, or has logs of undefined commands.
pub fn system(section: &[u8]) -> Option<System<'_>> {
    let mut system = System::default();
    if section.first()? & 0x40 == 0 {
        return Some(system);
    }
    let (&[contents, low], behind) = section.get(3..)?.split_first_chunk()?;
    let length = usize::from(contents & 3) << 8 | usize::from(low);
    let mut chapters = behind.get(..length.checked_sub(2)?)?;
    if contents & 0x40 != 0 {
        let flags = take(&mut chapters, 1)?[0];
        take(&mut chapters, (flags & 0x70).count_ones() as usize)?;
        let undefined = flags & 0x0F;
        (undefined == 0).then_some(())?;
    }
    if contents & 0x20 != 0 {
        take(&mut chapters, 1)?;
    }
    if contents & 0x10 != 0 {
        let flags = take(&mut chapters, 1)?[0];
        system.sequencer = Some(flags >> 7);
        take(&mut chapters, 2 * usize::from(flags & 0x10 != 0) + 3 * usize::from(flags & 0x08 != 0))?;
    }
    if contents & 0x08 != 0 {
        let flags = take(&mut chapters, 1)?[0];
        take(&mut chapters, 4 * (flags & 0x60).count_ones() as usize)?;
    }
    if contents & 0x04 != 0 {
        system.exclusives = std::mem::take(&mut chapters);
    }
    chapters.is_empty().then_some(system)
}

/// What one channel journal says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Channel {
    /// From 0.
    pub number: u8,
    /// Chapter P: program, and bank where it has one.
    pub program: Option<(u8, Option<(u8, u8)>)>,
    /// Chapter C: number, and value or count with its flags.
    pub controllers: Vec<(u8, u8)>,
    /// Chapter M: its length.
    pub parameters: usize,
    /// Chapter M: an MSB waits for its LSB.
    pub pending: bool,
    /// Chapter W, low octet first.
    pub wheel: Option<(u8, u8)>,
    /// Chapter N: note and velocity of those that sound.
    pub notes: Vec<(u8, u8)>,
    /// Chapter N: octets of bits for notes that have ended.
    pub ended: usize,
    /// Chapter T.
    pub pressure: Option<u8>,
    /// Chapter A: note and pressure.
    pub poly_pressure: Vec<(u8, u8)>,
    /// Chapter N: octets of the packet behind its notes, those of the notes that have ended included.
    pub behind_notes: usize,
}

/// The channels of a journal section; `None` where it does not hold what its lengths say.
pub fn channels(section: &[u8]) -> Option<Vec<Channel>> {
    let (&[flags, _, _], mut rest) = section.split_first_chunk()?;
    if flags & 0x40 != 0 {
        let (head, _) = rest.split_first_chunk::<2>()?;
        let length = usize::from(head[0] & 3) << 8 | usize::from(head[1]);
        rest = rest.get(length..)?;
    }
    let count = if flags & 0x20 == 0 { 0 } else { usize::from(flags & 0xF) + 1 };
    let mut channels = Vec::new();
    for _ in 0..count {
        let (&[high, low, contents], _) = rest.split_first_chunk()?;
        let length = usize::from(high & 3) << 8 | usize::from(low);
        let (journal, behind) = rest.split_at_checked(length)?;
        rest = behind;
        let mut channel = channel(high >> 3 & 0xF, contents, journal.get(3..)?)?;
        channel.behind_notes += rest.len();
        channels.push(channel);
    }
    rest.is_empty().then_some(channels)
}

fn channel(number: u8, contents: u8, mut chapters: &[u8]) -> Option<Channel> {
    let mut channel = Channel { number, ..Channel::default() };
    let has = |place: u8| contents & (0x80 >> place) != 0;
    if has(0) {
        let chapter = take(&mut chapters, 3)?;
        let bank = (chapter[1] & 0x80 != 0).then_some((chapter[1] & 0x7F, chapter[2] & 0x7F));
        channel.program = Some((chapter[0] & 0x7F, bank));
    }
    if has(1) {
        let count = usize::from(take(&mut chapters, 1)?[0] & 0x7F) + 1;
        channel.controllers = take(&mut chapters, 2 * count)?.chunks(2).map(|log| (log[0] & 0x7F, log[1])).collect();
    }
    if has(2) {
        let head = take(&mut chapters, 2)?;
        channel.pending = head[0] & 0x40 != 0;
        channel.parameters = usize::from(head[0] & 3) << 8 | usize::from(head[1]);
        take(&mut chapters, channel.parameters.checked_sub(2)?)?;
    }
    if has(3) {
        let chapter = take(&mut chapters, 2)?;
        channel.wheel = Some((chapter[0] & 0x7F, chapter[1] & 0x7F));
    }
    if has(4) {
        let head = take(&mut chapters, 2)?;
        let (low, high) = (head[1] >> 4, head[1] & 0xF);
        let count = match head[0] & 0x7F {
            127 if (low, high) == (15, 0) => 128,
            count => usize::from(count),
        };
        channel.notes = take(&mut chapters, 2 * count)?.chunks(2).map(|log| (log[0] & 0x7F, log[1] & 0x7F)).collect();
        channel.ended = if low <= high { usize::from(high - low) + 1 } else { 0 };
        channel.behind_notes = chapters.len();
        take(&mut chapters, channel.ended)?;
    }
    if has(5) {
        let count = usize::from(take(&mut chapters, 1)?[0] & 0x7F) + 1;
        take(&mut chapters, 2 * count)?;
    }
    if has(6) {
        channel.pressure = Some(take(&mut chapters, 1)?[0] & 0x7F);
    }
    if has(7) {
        let count = usize::from(take(&mut chapters, 1)?[0] & 0x7F) + 1;
        channel.poly_pressure =
            take(&mut chapters, 2 * count)?.chunks(2).map(|log| (log[0] & 0x7F, log[1] & 0x7F)).collect();
    }
    chapters.is_empty().then_some(channel)
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(count)?;
    *rest = behind;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_captured_journal_is_read_to_its_end() {
        let payload = [0x03, 0x90, 48, 38, 0x20, 0x42, 0x76, 0, 6, 8, 0, 0x66, 0x85];
        assert_eq!(sections(&payload), Some((&payload[1..4], None)));
        let notes = Channel { ended: 1, behind_notes: 1, ..Channel::default() };
        assert_eq!(channels(&payload[4..]), Some(vec![notes]));
        assert_eq!(channels(&payload[4..12]), None);
    }
}
