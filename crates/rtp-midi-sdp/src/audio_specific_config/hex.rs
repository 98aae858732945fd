//! Octets in hexadecimal, as the parameter `config` has them (RFC 3640, section 4.1).

use std::fmt::Write;

use super::Fault;

/// The octets that hexadecimal digits stand for. An odd number of digits, as in the examples of RFC 6295, lacks the
/// last half octet, which is zero.
pub(crate) fn octets(digits: &str) -> Result<Vec<u8>, Fault> {
    let value = |character: char| character.to_digit(16).ok_or(Fault::Hexadecimal { character });
    let nibbles = digits.chars().map(value).collect::<Result<Vec<u32>, Fault>>()?;
    let octet = |pair: &[u32]| (pair[0] << 4 | pair.get(1).copied().unwrap_or(0)) as u8;
    Ok(nibbles.chunks(2).map(octet).collect())
}

/// Two digits for each octet: there must be whole ones.
pub(super) fn digits(octets: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * octets.len());
    for octet in octets {
        // Writing to a string does not fail.
        let _ = write!(digits, "{octet:02X}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_octet_is_filled_with_zeros() {
        assert_eq!(octets("7a0F3"), Ok(vec![0x7A, 0x0F, 0x30]));
        assert_eq!(digits(&[0x7A, 0x0F, 0x30]), "7A0F30");
        assert_eq!(octets(""), Ok(vec![]));
    }

    #[test]
    fn what_is_no_digit_is_named() {
        assert_eq!(octets("7A0G"), Err(Fault::Hexadecimal { character: 'G' }));
        assert_eq!(octets("é"), Err(Fault::Hexadecimal { character: 'é' }));
    }
}
