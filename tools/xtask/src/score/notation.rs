//! Notes as text: `F#5/2 E5 | D5/4. C#5/8 D4+F#4+A4/2 -`.
//!
//! A word is a key, or several joined by `+`, or `-` for a rest. `/4` is its
//! length, a quarter; `/4.` is dotted; without a length it is as long as the
//! word before. A `|` must fall on the end of a bar, so that a miscounted bar
//! does not go unheard.

use anyhow::{Context, Result, bail, ensure};

use super::{BAR, QUARTER};

/// Keys struck together, `at` ticks after the start of the text.
#[derive(Debug, PartialEq)]
pub(super) struct Sound {
    pub(super) at: u32,
    pub(super) length: u32,
    pub(super) keys: Vec<u8>,
}

/// Reads a line of notation; `key` says which key a name stands for.
pub(super) fn parse(text: &str, key: fn(&str) -> Option<u8>) -> Result<Vec<Sound>> {
    let mut sounds = Vec::new();
    let mut at = 0;
    let mut length = QUARTER;
    for word in text.split_whitespace() {
        if word == "|" {
            ensure!(at % BAR == 0, "bar line at tick {at} of `{text}`");
            continue;
        }
        let names = match word.split_once('/') {
            Some((names, fraction)) => {
                length = ticks(fraction).with_context(|| format!("length of `{word}`"))?;
                names
            }
            None => word,
        };
        if names != "-" {
            let keys = names
                .split('+')
                .map(|name| key(name).with_context(|| format!("no key is called `{name}`")))
                .collect::<Result<_>>()?;
            sounds.push(Sound { at, length, keys });
        }
        at += length;
    }
    Ok(sounds)
}

/// `2` is a half note, `4.` a dotted quarter.
fn ticks(fraction: &str) -> Result<u32> {
    let (number, dotted) = match fraction.strip_suffix('.') {
        Some(number) => (number, true),
        None => (fraction, false),
    };
    let number: u32 = number.parse()?;
    if !BAR.is_multiple_of(number) {
        bail!("1/{number} is no whole number of ticks");
    }
    let plain = BAR / number;
    Ok(if dotted { plain + plain / 2 } else { plain })
}

/// `C4` is 60, `F#4` 66, `Bb3` 58.
pub(super) fn pitch(name: &str) -> Option<u8> {
    let (letter, rest) = name.split_at_checked(1)?;
    let natural = match letter {
        "C" => 0,
        "D" => 2,
        "E" => 4,
        "F" => 5,
        "G" => 7,
        "A" => 9,
        "B" => 11,
        _ => return None,
    };
    let (alteration, octave) = match rest.split_at_checked(1)? {
        ("#", octave) => (1, octave),
        ("b", octave) => (-1, octave),
        _ => (0, rest),
    };
    let octave: i8 = octave.parse().ok()?;
    let key = i16::from(octave) * 12 + 12 + natural + alteration;
    u8::try_from(key).ok().filter(|&key| key < 128)
}

/// The drums of General MIDI's channel 10 that the score plays.
pub(super) fn drum(name: &str) -> Option<u8> {
    Some(match name {
        "kick" => 36,
        "stick" => 37,
        "snare" => 38,
        "hat" => 42,
        "open" => 46,
        "crash" => 49,
        "ride" => 51,
        "bell" => 53,
        "shaker" => 70,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(at: u32, length: u32, keys: &[u8]) -> Sound {
        Sound { at, length, keys: keys.to_vec() }
    }

    #[test]
    fn lengths_last_until_the_next_one() {
        assert_eq!(
            parse("D5/4. C#5/8 D4+F#4/4 - | A3", pitch).unwrap(),
            [sound(0, 720, &[74]), sound(720, 240, &[73]), sound(960, 480, &[62, 66]), sound(1920, 480, &[57]),]
        );
    }

    #[test]
    fn names_of_keys_reach_over_the_whole_range() {
        let names = ["C-1", "C4", "F#4", "Bb3", "G9", "G#9", "H4", "", "#4"];
        let keys = [Some(0), Some(60), Some(66), Some(58), Some(127), None, None, None, None];
        assert_eq!(names.map(pitch), keys);
    }

    #[test]
    fn a_bar_line_in_the_wrong_place_is_an_error() {
        let error = parse("D5/4 E5 F#5 | G5", pitch).unwrap_err();
        assert_eq!(error.to_string(), "bar line at tick 1440 of `D5/4 E5 F#5 | G5`");
    }

    #[test]
    fn an_unknown_name_or_length_is_an_error() {
        assert!(parse("X5/4", pitch).is_err());
        assert!(parse("D5/7", pitch).is_err());
        assert!(parse("kick/4 gong", drum).is_err());
    }
}
