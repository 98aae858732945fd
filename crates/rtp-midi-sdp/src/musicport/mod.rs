//! Which streams share MIDI name spaces: the relations that `musicport` makes (RFC 6295, C.5).
//!
//! Equal numbers are one name space (an identity relationship), numbers that follow each other one larger space (an
//! ordered relationship): channel 0 of the second is channel 16 of both. A space with one stream in each direction is a
//! virtual sendrecv stream.
//!
//! | File | What |
//! |---|---|
//! | `relation` | who shares what |
//! | `rules` | what streams that share something must not do |

mod relation;
mod rules;

#[cfg(test)]
mod testing;

pub use relation::{Member, Relation, Space};
