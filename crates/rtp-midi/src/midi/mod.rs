//! MIDI commands: values, octets, and the byte stream they come in.

mod command;
mod downstream;
mod intake;
mod number;
mod parser;
mod sounding;
mod sysex;

pub(crate) use command::decode_voice;
pub use command::{Command, System, Voice};
pub use downstream::Downstream;
pub use intake::{Found, Intake};
pub use number::{Channel, U7, U14};
pub use parser::{Parser, Status};
pub use sounding::Sounding;
pub use sysex::{End, Part, Reassembler, Segment};
