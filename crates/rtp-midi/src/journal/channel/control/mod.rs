//! Chapter C: MIDI Control Change (RFC 6295, A.3).
//!
//! ```text
//!  0                   1                   2
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |S|     LEN     |S|   NUMBER    |A|  VALUE/ALT  |  ...
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//!                                  A = 1: |T|   ALT   |   T = 0 toggle tool, T = 1 count tool
//! ```

mod enhanced;
mod history;
mod inclusion;
mod matching;
mod repair;
mod wire;

pub(crate) use history::History;
pub(crate) use matching::{Fate, Matching};
pub(crate) use wire::{Chapter, Group};

use crate::midi::U7;

/// Which tools code a controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tool {
    Value,
    /// A switch: its changes between off and on are counted; values are coded too once one is not 0 or 127.
    Toggle(usize),
    /// A command rather than a setting: its instances are counted; values are coded too once one is not 0.
    Count,
}

/// The one list of tools (A.3.3). The switches are those that CC 121 releases (RP-015).
const fn tool(controller: u8) -> Tool {
    match controller {
        64..=67 => Tool::Toggle(controller as usize - 64),
        120 | 121 | 123..=127 => Tool::Count,
        _ => Tool::Value,
    }
}

/// Whether a value means "on" for a switch.
fn is_on(value: U7) -> bool {
    value.get() >= 64
}

pub(crate) const BANK_MSB: u8 = 0;
pub(crate) const BANK_LSB: u8 = 32;
pub(crate) const RESET_ALL_CONTROLLERS: u8 = 121;

/// Whether a held pedal of this number keeps released notes sounding.
pub(crate) const fn is_pedal(controller: u8) -> bool {
    matches!(controller, 64 | 66 | 69)
}

/// Whether CC 121 takes the controller back to where it was at first (RP-015).
pub(crate) const fn is_reset_to_default(controller: u8) -> bool {
    matches!(controller, 1 | 11 | 64..=67)
}
