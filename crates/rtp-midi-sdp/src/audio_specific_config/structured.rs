//! How far the blocks of Structured Audio reach (ISO/IEC 14496-3, 5.5.2): their bits are stepped over, not understood.

use super::Fault;
use super::bits::Reader;

/// As many tokens of SAOL as the first field says.
pub(super) fn orchestra(reader: &mut Reader<'_>) -> Result<(), Fault> {
    for _ in 0..reader.take(16)? {
        // What follows a token of 0xF0 and above: a symbol, a number, a number, a string, an octet.
        let octets = match reader.take(8)? {
            0xF0 => 2,
            0xF1 | 0xF2 => 4,
            0xF3 => reader.take(8)?,
            0xF4 => 1,
            _ => 0,
        };
        reader.skip(u64::from(octets) * 8)?;
    }
    Ok(())
}

/// As many lines of SASL as the first field says.
pub(super) fn score(reader: &mut Reader<'_>) -> Result<(), Fault> {
    for _ in 0..reader.take(20)? {
        if reader.flag()? {
            reader.skip(USE_IF_LATE + NUMBER)?;
        }
        reader.skip(HIGH_PRIORITY)?;
        let bit = reader.at();
        match reader.take(3)? as u8 {
            0 => instrument(reader)?,
            1 => control(reader)?,
            2 => table(reader)?,
            4 => {}
            5 => reader.skip(NUMBER)?,
            number => return Err(Fault::ScoreLine { bit, number }),
        }
    }
    Ok(())
}

fn instrument(reader: &mut Reader<'_>) -> Result<(), Fault> {
    label(reader)?;
    reader.skip(SYMBOL + NUMBER)?;
    let fields = reader.take(8)?;
    reader.skip(u64::from(fields) * NUMBER)
}

fn control(reader: &mut Reader<'_>) -> Result<(), Fault> {
    label(reader)?;
    reader.skip(SYMBOL + NUMBER)
}

fn label(reader: &mut Reader<'_>) -> Result<(), Fault> {
    if reader.flag()? { reader.skip(SYMBOL) } else { Ok(()) }
}

fn table(reader: &mut Reader<'_>) -> Result<(), Fault> {
    reader.skip(SYMBOL)?;
    let is_destroyed = reader.flag()?;
    if is_destroyed {
        return Ok(());
    }
    let generator = reader.take(8)?;
    if reader.flag()? {
        reader.skip(SYMBOL)?;
    }
    let fields = u64::from(reader.take(16)?);
    // The generator "concat" has the size and then names of tables, all others have numbers.
    reader.skip(if generator == 0x7D { NUMBER + fields.saturating_sub(1) * SYMBOL } else { fields * NUMBER })
}

/// A name, rates and loop points where flags say so, and as many values as the second field says.
pub(super) fn sample(reader: &mut Reader<'_>) -> Result<(), Fault> {
    reader.skip(SYMBOL)?;
    let values = u64::from(reader.take(24)?);
    for optional in [SAMPLE_RATE, LOOP_START + LOOP_END, NUMBER] {
        if reader.flag()? {
            reader.skip(optional)?;
        }
    }
    let width = if reader.flag()? { NUMBER } else { 16 };
    reader.skip(values * width)
}

/// As many names as the first field says.
pub(super) fn symbols(reader: &mut Reader<'_>) -> Result<(), Fault> {
    for _ in 0..reader.take(16)? {
        let letters = reader.take(4)?;
        reader.skip(u64::from(letters) * 8)?;
    }
    Ok(())
}

// Widths in bits.
const SYMBOL: u64 = 16;
const NUMBER: u64 = 32;
const USE_IF_LATE: u64 = 1;
const HIGH_PRIORITY: u64 = 1;
const SAMPLE_RATE: u64 = 17;
const LOOP_START: u64 = 24;
const LOOP_END: u64 = 24;

#[cfg(test)]
mod tests {
    use super::super::Bits;
    use super::*;

    /// How many of the bits a walk steps over; eight more stand behind them.
    fn reach(walk: fn(&mut Reader<'_>) -> Result<(), Fault>, fields: &[(u32, u32)]) -> Result<usize, Fault> {
        let mut bits = Bits::new();
        for (value, count) in fields {
            bits.push(*value, *count);
        }
        bits.push(0xFF, 8);
        let mut reader = Reader::new(bits.octets());
        walk(&mut reader).map(|()| reader.at())
    }

    fn length(fields: &[(u32, u32)]) -> usize {
        fields.iter().map(|(_, count)| *count as usize).sum()
    }

    #[test]
    fn tokens_of_an_orchestra_bring_their_values() {
        let tokens = [
            (7, 16),
            (0xF0, 8),
            (1, 16), // a symbol
            (0xF1, 8),
            (2, 32), // a number
            (0xF2, 8),
            (3, 32), // a whole number
            (0xF3, 8),
            (2, 8),
            (0x6869, 16), // a string
            (0xF4, 8),
            (4, 8), // an octet
            (0x10, 8),
            (0xFF, 8),
        ]; // as the standard has them
        assert_eq!(reach(orchestra, &tokens), Ok(length(&tokens)));
    }

    #[test]
    fn lines_of_a_score_are_as_long_as_their_kind() {
        let lines = [
            (7, 20),
            (1, 1),
            (0, 1),
            (9, 32),
            (0, 1),
            (0, 3),
            (1, 1),
            (5, 16),
            (6, 16),
            (7, 32),
            (2, 8),
            (0, 32),
            (0, 32),
            (0, 1),
            (1, 1),
            (1, 3),
            (0, 1),
            (5, 16),
            (7, 32), // control without label
            (0, 1),
            (0, 1),
            (2, 3),
            (5, 16),
            (1, 1), // a table that goes
            (0, 1),
            (0, 1),
            (2, 3),
            (5, 16),
            (0, 1),
            (0x7D, 8),
            (1, 1),
            (5, 16),
            (3, 16),
            (0, 32),
            (1, 16),
            (2, 16),
            (0, 1),
            (0, 1),
            (2, 3),
            (5, 16),
            (0, 1),
            (0x70, 8),
            (0, 1),
            (2, 16),
            (0, 32),
            (0, 32),
            (0, 1),
            (0, 1),
            (4, 3),
            (0, 1),
            (0, 1),
            (5, 3),
            (9, 32),
        ];
        assert_eq!(reach(score, &lines), Ok(length(&lines)));
        assert_eq!(reach(score, &[(1, 20), (0, 2), (3, 3)]), Err(Fault::ScoreLine { bit: 22, number: 3 }));
    }

    #[test]
    fn samples_have_what_their_flags_say() {
        let all =
            [(1, 16), (2, 24), (1, 1), (8000, 17), (1, 1), (0, 24), (1, 24), (1, 1), (0, 32), (1, 1), (0, 32), (0, 32)];
        assert_eq!(reach(sample, &all), Ok(length(&all)));
        let least = [(1, 16), (2, 24), (0, 4), (0, 16), (0, 16)];
        assert_eq!(reach(sample, &least), Ok(length(&least)));
    }

    #[test]
    fn symbols_have_up_to_fifteen_letters() {
        let names = [(2, 16), (2, 4), (0x6869, 16), (0, 4)];
        assert_eq!(reach(symbols, &names), Ok(length(&names)));
    }

    #[test]
    fn claims_that_are_too_great_are_found_out() {
        assert!(matches!(reach(orchestra, &[(u32::MAX, 16), (0xF3, 8), (0xFF, 8)]), Err(Fault::Truncated { .. })));
        assert!(matches!(reach(score, &[(u32::MAX, 20)]), Err(Fault::ScoreLine { .. } | Fault::Truncated { .. })));
        assert!(matches!(reach(sample, &[(0, 16), (u32::MAX, 24), (0, 4)]), Err(Fault::Truncated { .. })));
        assert!(matches!(reach(symbols, &[(u32::MAX, 16)]), Err(Fault::Truncated { .. })));
    }
}
