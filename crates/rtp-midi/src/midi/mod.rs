//! MIDI commands: values, octets, and the byte stream they come in.

mod command;
mod number;
mod parser;
mod sysex;

pub use command::{Command, System, Voice};
pub(crate) use command::{decode_voice, encode_data};
pub use number::{Channel, U7, U14};
pub use parser::{Parser, Status};
pub use sysex::{End, Part, Reassembler, Segment};
