//! Chapter F read from the whole history of a stream (B.4): runs of quarter frames are searched for backwards.

use crate::system_walker::TimeCode;

/// What Chapter F must say.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Expected {
    s: bool,
    /// The most recent whole frame, and whether the window covers its last command.
    complete: Option<(Frame, bool)>,
    partial: Option<Partial>,
    /// D, where the text tells the direction.
    reverse: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Frame {
    Full([u8; 4]),
    /// The octets of COMPLETE; `None` where the series tells no time of day.
    Quarters(Option<[u8; 4]>),
}

/// D, POINT, PARTIAL.
type Partial = (bool, u8, [u8; 4]);

/// A command of the time code.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Event {
    /// Message type and nibble.
    Quarter(u8, u8),
    Full([u8; 4]),
}

/// The data octets of an MTC Full Frame command behind its header, if it is one.
pub(crate) fn full_frame(octets: &[u8]) -> Option<[u8; 4]> {
    match *octets {
        [0xF0, 0x7F, _, 1, 1, hours, minutes, seconds, frames, 0xF7] => Some([hours, minutes, seconds, frames]),
        _ => None,
    }
}

/// Chapter F of packet `next`, if there must be one: `active` has the packets and octets of all active commands.
pub(crate) fn expected(active: &[(usize, Vec<u8>)], checkpoint: usize, next: usize) -> Option<Expected> {
    let events = events(active);
    let (last, _) = *events.last()?;
    if last < checkpoint {
        return None;
    }
    let latest = events.len() - 1;
    let complete = (0..events.len()).rev().find_map(|index| Some((whole(&events, index)?, events[index].0)));
    let partial = partial(&events, latest);
    let reverse = match events[latest].1 {
        // A Full Frame alone tells no direction.
        Event::Full(_) => Some(false),
        Event::Quarter(kind, _) if whole(&events, latest).is_some() => Some(kind == 0),
        Event::Quarter(..) => partial.map(|(reverse, ..)| reverse),
    };
    let complete = complete.map(|(frame, packet)| (frame, packet >= checkpoint));
    Some(Expected { s: last + 1 != next, complete, partial, reverse })
}

/// Whether a quarter frame turns the tape behind the last one of a whole series: nothing says whether that one is also
/// the first of the next series.
pub(crate) fn turns(active: &[(usize, Vec<u8>)], quarter: u8) -> bool {
    let events = events(active);
    let Some(latest) = events.len().checked_sub(1).filter(|latest| whole(&events, *latest).is_some()) else {
        return false;
    };
    matches!((events[latest].1, quarter >> 4), (Event::Quarter(7, _), 6) | (Event::Quarter(0, _), 1))
}

impl Expected {
    /// Why a chapter is not what must be said.
    pub(crate) fn differs(&self, found: &TimeCode) -> Option<&'static str> {
        let complete = match (found.complete, self.complete) {
            (None, Some((_, covered))) => !covered,
            (None, None) => true,
            (Some(octets), Some((Frame::Full(full), _))) => !found.quarters && octets == full,
            (Some(octets), Some((Frame::Quarters(time), _))) => {
                found.quarters && time.is_none_or(|time| octets == time)
            }
            (Some(_), None) => false,
        };
        let partial = found.partial.map(|octets| (found.reverse, found.point, octets));
        [
            (found.s == self.s, "S"),
            (complete, "COMPLETE"),
            (partial == self.partial, "PARTIAL"),
            (self.reverse.is_none_or(|reverse| found.reverse == reverse), "D"),
        ]
        .into_iter()
        .find_map(|(agrees, field)| (!agrees).then_some(field))
    }
}

fn events(active: &[(usize, Vec<u8>)]) -> Vec<(usize, Event)> {
    let event = |(packet, octets): &(usize, Vec<u8>)| match octets[0] {
        0xF1 => Some((*packet, Event::Quarter(octets[1] >> 4, octets[1] & 0x0F))),
        _ => full_frame(octets).map(|frame| (*packet, Event::Full(frame))),
    };
    active.iter().filter_map(event).collect()
}

/// The nibbles of the types `kinds`, in the order in which they came, if those are what the run up to `index` has.
fn run(events: &[(usize, Event)], index: usize, kinds: &[u8]) -> Option<[u8; 8]> {
    let start = (index + 1).checked_sub(kinds.len())?;
    let mut nibbles = [0; 8];
    for ((_, event), kind) in events[start..=index].iter().zip(kinds) {
        match event {
            Event::Quarter(found, nibble) if found == kind => nibbles[usize::from(*kind)] = *nibble,
            _ => return None,
        }
    }
    Some(nibbles)
}

/// The whole frame that the command at `index` ends.
fn whole(events: &[(usize, Event)], index: usize) -> Option<Frame> {
    if let Event::Full(frame) = events[index].1 {
        return Some(Frame::Full(frame));
    }
    if let Some(nibbles) = run(events, index, &[0, 1, 2, 3, 4, 5, 6, 7]) {
        return Some(Frame::Quarters(two_frames_later(nibbles).map(octets)));
    }
    run(events, index, &[7, 6, 5, 4, 3, 2, 1, 0]).map(|nibbles| Frame::Quarters(Some(octets(nibbles))))
}

fn partial(events: &[(usize, Event)], latest: usize) -> Option<Partial> {
    let Event::Quarter(point, _) = events[latest].1 else { return None };
    if whole(events, latest).is_some() {
        return None;
    }
    let rising: Vec<u8> = (0..=point).collect();
    let falling: Vec<u8> = (point..8).rev().collect();
    let found = |reverse: bool, kinds: &[u8]| Some((reverse, point, octets(run(events, latest, kinds)?)));
    found(false, &rising).or_else(|| found(true, &falling))
}

/// MT0 to MT7, two to an octet.
fn octets(nibbles: [u8; 8]) -> [u8; 4] {
    [0, 2, 4, 6].map(|index| nibbles[index] << 4 | nibbles[index + 1])
}

/// By way of the number of the frame in its day; `None` for what is no time of day.
fn two_frames_later(nibbles: [u8; 8]) -> Option<[u8; 8]> {
    let pair = |index: usize| u32::from(nibbles[index + 1]) << 4 | u32::from(nibbles[index]);
    let (frame, second, minute, hour, rate) = (pair(0), pair(2), pair(4), pair(6) & 0x1F, nibbles[7] >> 1);
    let (per_second, drop) = [(24, 0), (25, 0), (30, 2), (30, 0)][usize::from(rate & 3)];
    let skipped = second == 0 && minute % 10 != 0 && frame < drop;
    if frame >= per_second || second >= 60 || minute >= 60 || hour >= 24 || rate > 3 || skipped {
        return None;
    }
    let minutes = 60 * hour + minute;
    let number = (60 * minutes + second) * per_second + frame - drop * (minutes - minutes / 10);
    let (ten, one) = (600 * per_second - 9 * drop, 60 * per_second - drop);
    let number = (number + 2) % (144 * ten);
    // The first of ten minutes has all its frames.
    let (tens, rest) = (number / ten, number % ten);
    let within = if rest < one + drop { 0 } else { (rest - drop) / one };
    let minutes = 10 * tens + within;
    let count = number + drop * (minutes - minutes / 10);
    let parts = [count % per_second, count / per_second % 60, minutes % 60, minutes / 60];
    let mut later = [0; 8];
    for (index, part) in parts.into_iter().enumerate() {
        (later[2 * index], later[2 * index + 1]) = (part as u8 & 0x0F, (part >> 4) as u8);
    }
    later[7] |= rate << 1;
    Some(later)
}

#[test]
fn the_model_counts_frames_as_the_time_code_does() {
    let time = |h: u8, m: u8, s: u8, f: u8, rate: u8| {
        [f & 15, f >> 4, s & 15, s >> 4, m & 15, m >> 4, h & 15, h >> 4 | rate << 1]
    };
    for (before, after) in [
        (time(1, 2, 3, 4, 1), time(1, 2, 3, 6, 1)),
        (time(0, 0, 59, 29, 2), time(0, 1, 0, 3, 2)),
        (time(0, 9, 59, 29, 2), time(0, 10, 0, 1, 2)),
        (time(0, 59, 59, 28, 2), time(1, 0, 0, 0, 2)),
        (time(23, 59, 59, 29, 3), time(0, 0, 0, 1, 3)),
        (time(23, 59, 59, 23, 0), time(0, 0, 0, 1, 0)),
    ] {
        assert_eq!(two_frames_later(before), Some(after), "{before:?}");
    }
    assert_eq!(two_frames_later(time(0, 1, 0, 1, 2)), None, "a number that is left out");
}
