//! Reading pieces of a journal.

use crate::error::{Error, Result};

/// Splits off the first `length` octets.
pub(crate) fn take(octets: &[u8], length: usize) -> Result<(&[u8], &[u8])> {
    octets.split_at_checked(length).ok_or(Error::Truncated { needed: length, found: octets.len() })
}

/// Splits off the first `N` octets as an array.
pub(crate) fn array<const N: usize>(octets: &[u8]) -> Result<([u8; N], &[u8])> {
    match octets.split_first_chunk::<N>() {
        Some((array, rest)) => Ok((*array, rest)),
        None => Err(Error::Truncated { needed: N, found: octets.len() }),
    }
}

/// Reads a chapter off `rest` when the table of contents has its bit.
pub(crate) fn chapter<'a, T>(
    present: u8,
    rest: &mut &'a [u8],
    decode: impl FnOnce(&'a [u8]) -> Result<(T, &'a [u8])>,
) -> Result<Option<T>> {
    if present == 0 {
        return Ok(None);
    }
    let (chapter, behind) = decode(rest)?;
    *rest = behind;
    Ok(Some(chapter))
}

/// A ten-bit LENGTH field, whose structure has a header of `least` octets and includes itself.
pub(crate) fn length(high: u8, low: u8, least: usize) -> Result<usize> {
    let found = usize::from(high & 0x03) << 8 | usize::from(low);
    if found < least { Err(Error::Length { found, least }) } else { Ok(found) }
}

/// The largest value of a ten-bit LENGTH field.
pub(crate) const LENGTH_MAX: usize = 1023;
