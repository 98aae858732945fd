//! A plain reader of Standard MIDI Files, which knows no way to save a damaged one.

/// A message and when it comes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Nanoseconds from the start, rounded down.
    pub time: u64,
    /// From the status octet on; a System Exclusive up to its `F7`.
    pub octets: Vec<u8>,
}

/// A song that can be played.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Song {
    /// By time; at the same tick by track, then as they stand in the file.
    pub events: Vec<Event>,
}

/// The messages of a file that can be played, without their times.
pub fn messages(file: &[u8]) -> Vec<Vec<u8>> {
    read(file).unwrap().events.into_iter().map(|event| event.octets).collect()
}

/// What is wrong with a file.
pub type Fault = &'static str;

/// Reads a file; of independent sequences (format 2) the first one.
pub fn read(file: &[u8]) -> Result<Song, Fault> {
    let mut octets = Octets { rest: file };
    if octets.take(4)? != b"MThd" {
        return Err("no Standard MIDI File");
    }
    let length = octets.word()? as usize;
    let mut header = Octets { rest: octets.take(length)? };
    let (format, tracks, division) = (header.half()?, header.half()?, header.half()?);
    if format > 2 {
        return Err("no known format");
    }
    let mut song = Reading::default();
    let mut read = 0;
    while !octets.rest.is_empty() {
        let kind = octets.take(4)?;
        let length = octets.word()? as usize;
        let chunk = octets.take(length)?;
        if kind == b"MTrk" {
            if format != 2 || read == 0 {
                song.track(read, chunk)?;
            }
            read += 1;
        }
    }
    if read == tracks { song.played(Clock::new(division)?) } else { Err("not as many tracks as the header says") }
}

#[derive(Debug, Default)]
struct Reading {
    /// Tick, track, place in the track, octets.
    messages: Vec<(u64, u16, usize, Vec<u8>)>,
    /// Tick, track, place in the track, microseconds a quarter note.
    tempos: Vec<(u64, u16, usize, u128)>,
}

impl Reading {
    fn track(&mut self, track: u16, chunk: &[u8]) -> Result<(), Fault> {
        let mut octets = Octets { rest: chunk };
        let (mut tick, mut running) = (0, None);
        let mut exclusive: Option<Vec<u8>> = None;
        for place in 0.. {
            tick += octets.quantity()?;
            let status = if octets.peek()? < 0x80 { running.ok_or("no status")? } else { octets.octet()? };
            if exclusive.is_some() && !matches!(status, 0xF7 | 0xFF) {
                return Err("a System Exclusive without end");
            }
            match status {
                0x80..=0xEF => {
                    running = Some(status);
                    let length = if matches!(status & 0xF0, 0xC0 | 0xD0) { 1 } else { 2 };
                    let data = octets.take(length)?;
                    if data.iter().any(|octet| *octet > 0x7F) {
                        return Err("a status octet among the data");
                    }
                    self.messages.push((tick, track, place, [&[status], data].concat()));
                }
                0xF0 | 0xF7 => {
                    running = None;
                    let length = octets.quantity()? as usize;
                    let data = octets.take(length)?;
                    let mut message = match (status, exclusive.take()) {
                        (0xF0, _) => vec![0xF0],
                        (_, Some(begun)) => begun,
                        (_, None) => {
                            self.messages.push((tick, track, place, escaped(data)?));
                            continue;
                        }
                    };
                    message.extend(data);
                    if message.last() == Some(&0xF7) {
                        self.messages.push((tick, track, place, message));
                    } else {
                        exclusive = Some(message);
                    }
                }
                0xFF => {
                    running = None;
                    let kind = octets.octet()?;
                    let length = octets.quantity()? as usize;
                    let data = octets.take(length)?;
                    match (kind, data) {
                        (0x2F, _) if exclusive.is_some() => return Err("a System Exclusive without end"),
                        (0x2F, _) if octets.rest.is_empty() => return Ok(()),
                        (0x2F, _) => return Err("more behind the end of a track"),
                        (0x51, &[high, middle, low]) => {
                            let tempo = u128::from(u32::from_be_bytes([0, high, middle, low]));
                            self.tempos.push((tick, track, place, tempo));
                        }
                        _ => {}
                    }
                }
                _ => return Err("a system message outside of an escape"),
            }
        }
        Ok(())
    }

    fn played(mut self, clock: Clock) -> Result<Song, Fault> {
        self.messages.sort_by_key(|&(tick, track, place, _)| (tick, track, place));
        self.tempos.sort_unstable();
        let mut tempos = self.tempos.into_iter().peekable();
        let (mut passed, mut since, mut tempo) = (0_u128, 0, 500_000);
        let mut events = Vec::new();
        for (tick, _, _, octets) in self.messages {
            while let Some((at, .., next)) = tempos.next_if(|&(at, ..)| at <= tick) {
                passed += u128::from(at - since) * tempo;
                (since, tempo) = (at, next);
            }
            let time = match clock {
                Clock::Quarter(ticks) => (passed + u128::from(tick - since) * tempo) * 1000 / ticks,
                Clock::Second { ticks, seconds } => u128::from(tick) * 1_000_000_000 * seconds / ticks,
            };
            events.push(Event { time: u64::try_from(time).map_err(|_| "no end")?, octets });
        }
        Ok(Song { events })
    }
}

/// One system message that needs an escape in a file.
fn escaped(data: &[u8]) -> Result<Vec<u8>, Fault> {
    match (data.first(), data.len()) {
        (Some(0xF6 | 0xF8..=0xFF), 1) | (Some(0xF1 | 0xF3), 2) | (Some(0xF2), 3) => Ok(data.to_vec()),
        _ => Err("an escape of something else than a message"),
    }
}

#[derive(Clone, Copy, Debug)]
enum Clock {
    /// Ticks of a quarter note.
    Quarter(u128),
    /// Ticks in so many seconds.
    Second { ticks: u128, seconds: u128 },
}

impl Clock {
    fn new(division: u16) -> Result<Self, Fault> {
        let [high, low] = division.to_be_bytes();
        let ticks = u128::from(low);
        match (high, division) {
            (_, 0) | (0x80.., _) if low == 0 => Err("no division"),
            (0x00..=0x7F, division) => Ok(Self::Quarter(u128::from(division))),
            // Drop frame: 30000 frames in 1001 seconds.
            (0xE3, _) => Ok(Self::Second { ticks: 30_000 * ticks, seconds: 1001 }),
            (0xE2 | 0xE7 | 0xE8, _) => Ok(Self::Second { ticks: u128::from(high.wrapping_neg()) * ticks, seconds: 1 }),
            _ => Err("no known frame rate"),
        }
    }
}

struct Octets<'a> {
    rest: &'a [u8],
}

impl<'a> Octets<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or("cut off")?;
        self.rest = rest;
        Ok(taken)
    }

    fn peek(&self) -> Result<u8, Fault> {
        self.rest.first().copied().ok_or("no end of track")
    }

    fn octet(&mut self) -> Result<u8, Fault> {
        Ok(self.take(1)?[0])
    }

    fn half(&mut self) -> Result<u16, Fault> {
        self.take(2).map(|octets| u16::from_be_bytes([octets[0], octets[1]]))
    }

    fn word(&mut self) -> Result<u32, Fault> {
        self.take(4).map(|octets| u32::from_be_bytes([octets[0], octets[1], octets[2], octets[3]]))
    }

    fn quantity(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for _ in 0..4 {
            let octet = self.octet()?;
            value = value << 7 | u64::from(octet & 0x7F);
            if octet < 0x80 {
                return Ok(value);
            }
        }
        Err("a number of more than four octets")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_status_tempo_changes_and_split_exclusives_are_understood() {
        let track =
            b"\0\x90\x3C\x40\x60\x3C\0\0\xFF\x51\x03\x03\xD0\x90\x60\xF0\x02\x01\x02\x60\xF7\x01\xF7\0\xFF\x2F\0";
        let file = [b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0", &[track.len() as u8][..], track].concat();
        let events = read(&file).unwrap().events;
        let expected: [(u64, &[u8]); 3] =
            [(0, &[0x90, 60, 64]), (500_000_000, &[0x90, 60, 0]), (1_000_000_000, &[0xF0, 1, 2, 0xF7])];
        assert_eq!(events.iter().map(|event| (event.time, &event.octets[..])).collect::<Vec<_>>(), expected);
        assert_eq!(read(&file[..file.len() - 1]), Err("cut off"));
    }
}
