//! Which commands or chapters a value of `cm_*` or `ch_*` speaks of (RFC 6295, C.1, C.2.3).

use std::ops::RangeInclusive;

use rtp_midi::inspect::note_name;
use rtp_midi::{Class, Letters, Numbers, Selection};
use rtp_midi_sdp::Language;

/// What a letter stands for, and how the numbers behind it count.
struct Letter {
    sign: u8,
    commands: &'static str,
    chapters: &'static str,
    fields: Fields,
    /// Whether numbers in front are MIDI channels.
    has_channel: bool,
}

/// What the numbers behind letters count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fields {
    Nothing,
    Controllers,
    Parameters,
    Notes,
    Octets,
}

const fn system(sign: u8, commands: &'static str, chapters: &'static str) -> Letter {
    Letter { sign, commands, chapters, fields: Fields::Nothing, has_channel: false }
}

const fn voice(sign: u8, commands: &'static str, chapters: &'static str, fields: Fields) -> Letter {
    Letter { sign, commands, chapters, fields, has_channel: true }
}

const LETTERS: [Letter; 20] = [
    voice(b'N', "notes", "notes", Fields::Notes),
    voice(b'E', "", "release velocities and repeated strikes", Fields::Nothing),
    voice(b'C', "controllers", "controllers", Fields::Controllers),
    voice(b'M', "parameter changes", "parameter changes", Fields::Parameters),
    voice(b'P', "program changes", "programs", Fields::Nothing),
    voice(b'W', "pitch bends", "pitch bends", Fields::Nothing),
    voice(b'T', "channel pressure", "channel pressure", Fields::Nothing),
    voice(b'A', "key pressure", "key pressure", Fields::Notes),
    Letter { fields: Fields::Octets, ..system(b'X', "System Exclusives", "System Exclusives") },
    system(b'Q', "clock, start, stop and song position", "clock, start, stop and song position"),
    system(b'F', "time code quarter frames", "time code"),
    system(b'D', "", "resets, song selects, tune requests and undefined commands"),
    system(b'B', "resets", "resets"),
    system(b'G', "tune requests", "tune requests"),
    system(b'H', "song selects", "song selects"),
    system(b'V', "active sensing", "active sensing"),
    Letter { fields: Fields::Octets, ..system(b'J', "the undefined F4", "the undefined F4") },
    Letter { fields: Fields::Octets, ..system(b'K', "the undefined F5", "the undefined F5") },
    system(b'Y', "the undefined F9", "the undefined F9"),
    system(b'Z', "the undefined FD", "the undefined FD"),
];

/// The commands or chapters of a value; `None` where it cannot be read.
pub(super) fn describe(language: Language, value: &str) -> Option<String> {
    match language.parse(value).ok()? {
        Selection::Types { channels, letters, fields } => Some(types(language, &channels, letters, &fields)),
        Selection::SysEx(class) => Some(format!("System Exclusives that begin with {}", begins(&class))),
    }
}

fn types(language: Language, channels: &Numbers, letters: Letters, fields: &Numbers) -> String {
    // D is all of its parts.
    let parts_of_d = Letters::of("BGHJKYZ");
    let has_d = language == Language::Chapters && letters.contains(b'D');
    let letters = if has_d { letters.without(parts_of_d) } else { letters };
    let known = LETTERS.iter().filter(|known| letters.contains(known.sign));
    let mut parts = Vec::new();
    for known in known {
        let name = if language == Language::Commands { known.commands } else { known.chapters };
        if name.is_empty() {
            continue;
        }
        let fields = if fields.is_all() { String::new() } else { known.fields.describe(fields, language) };
        let digits = if !channels.is_all() && known.sign == b'X' { segments(channels) } else { "" };
        let own = if known.has_channel && !channels.is_all() {
            format!(" on {}", channel_list(channels))
        } else {
            String::new()
        };
        parts.push(format!("{name}{fields}{own}{digits}"));
    }
    if parts.is_empty() { "nothing (no letter that means something)".to_owned() } else { enumerate(&parts) }
}

/// What the digits in front of X ask for (C.1).
fn segments(digits: &Numbers) -> &'static str {
    match (digits.contains(0), digits.contains(3)) {
        (true, true) => " (none is broken off once it has begun, and any command may come between their segments)",
        (true, false) => " (none is broken off once it has begun)",
        (false, true) => " (any command may come between their segments)",
        (false, false) => "",
    }
}

impl Fields {
    fn describe(self, list: &Numbers, language: Language) -> String {
        let ranges = list.ranges();
        match self {
            Self::Nothing => String::new(),
            Self::Notes => format!(" {}", ranges_of(ranges, |note| note_name(note.min(127) as u8))),
            Self::Octets => format!(" of {} octets", ranges_of(ranges, |count| count.to_string())),
            Self::Parameters => format!(" of {}", ranges_of(ranges, parameter)),
            Self::Controllers if language == Language::Commands => format!(" {}", ranges_of(ranges, |n| n.to_string())),
            Self::Controllers => {
                let (normal, enhanced): (Vec<_>, Vec<_>) = ranges.iter().cloned().partition(|range| *range.end() < 128);
                let parts = [
                    (!normal.is_empty()).then(|| ranges_of(&normal, |number| number.to_string())),
                    (!enhanced.is_empty()).then(|| {
                        format!("{}, coded command by command", ranges_of(&enhanced, |n| (n % 128).to_string()))
                    }),
                ];
                format!(" {}", enumerate(&parts.into_iter().flatten().collect::<Vec<_>>()))
            }
        }
    }
}

fn parameter(number: u32) -> String {
    if number < 16_384 { format!("RPN {number}") } else { format!("NRPN {}", number - 16_384) }
}

/// Channels as musicians count them, from 1.
fn channel_list(channels: &Numbers) -> String {
    let single = matches!(channels.ranges(), [range] if range.start() == range.end());
    let list = ranges_of(channels.ranges(), |channel| channel.saturating_add(1).to_string());
    format!("channel{} {list}", if single { "" } else { "s" })
}

fn ranges_of(ranges: &[RangeInclusive<u32>], number: impl Fn(u32) -> String) -> String {
    let parts: Vec<String> = ranges
        .iter()
        .map(|range| {
            let (start, end) = (number(*range.start()), number(*range.end()));
            match *range.end() {
                u32::MAX => format!("{start} or more"),
                _ if start == end => start,
                _ => format!("{start} to {end}"),
            }
        })
        .collect();
    enumerate(&parts)
}

/// The octets behind F0 that a class asks for.
fn begins(class: &Class) -> String {
    let octet = |set: &u128| {
        let values: Vec<u8> = (0..128).filter(|value| set & 1 << value != 0).collect();
        match &values[..] {
            values if values.len() == 128 => "any".to_owned(),
            [value] => format!("{value:02X}"),
            [first, .., last] if usize::from(last - first) + 1 == values.len() => format!("{first:02X}–{last:02X}"),
            values => values.iter().map(|value| format!("{value:02X}")).collect::<Vec<_>>().join("/"),
        }
    };
    format!("F0 {}", class.octets().iter().map(octet).collect::<Vec<_>>().join(" "))
}

/// `a, b and c`.
pub(super) fn enumerate(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_named_with_their_channels_and_numbers() {
        for (value, words) in [
            ("N", "notes"),
            ("4.11-13N0-59", "notes C-1 to B3 on channels 5 and 12 to 14"),
            ("C7.64", "controllers 7 and 64"),
            ("2M0-2.16384", "parameter changes of RPN 0 to RPN 2 and NRPN 0 on channel 3"),
            ("CNX", "notes, controllers and System Exclusives"),
            ("X0-16", "System Exclusives of 0 to 16 octets"),
            ("X256-4294967295", "System Exclusives of 256 or more octets"),
            ("4B", "resets"),
            (
                "0.3X",
                "System Exclusives (none is broken off once it has begun, and any command may come between their segments)",
            ),
            ("__7F_00-7F_01_01.03__", "System Exclusives that begin with F0 7F any 01 01/03"),
            ("I", "nothing (no letter that means something)"),
        ] {
            assert_eq!(describe(Language::Commands, value).as_deref(), Some(words), "{value}");
        }
        assert_eq!(describe(Language::Commands, "7"), None);
    }

    #[test]
    fn chapters_have_names_of_their_own() {
        let describe = |value| describe(Language::Chapters, value).unwrap();
        assert_eq!(describe("EN60"), "notes C4 and release velocities and repeated strikes");
        assert_eq!(describe("C1-3.135"), "controllers 1 to 3 and 7, coded command by command");
        assert_eq!(describe("BDGH"), "resets, song selects, tune requests and undefined commands");
        assert_eq!(describe("C135"), "controllers 7, coded command by command");
    }
}
