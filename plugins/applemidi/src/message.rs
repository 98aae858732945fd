//! Messages as buffers and sessions have them: whole, with status octet.

use rtp_midi::midi::{Command, End, Part, Segment};

/// The octets of a command.
pub(crate) fn encoded(command: &Command<'_>) -> Vec<u8> {
    let mut octets = Vec::new();
    command.encode(&mut octets);
    octets
}

/// A System Exclusive with these data octets. Whoever drops the F7 means a whole one all the same.
pub(crate) fn whole(data: &[u8]) -> Vec<u8> {
    encoded(&Segment { part: Part::Whole(End::Eox), data }.into())
}
