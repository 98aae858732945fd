//! What is in a payload, field by field: for monitors, tests and the curious.
//!
//! [`inspect`] takes any octets. It notes down everything that can be read in front of a defect, says what the defect is
//! and where, and goes on behind it where the format tells how. It never panics, and its work and memory are bounded by
//! the length of the payload.
//!
//! ```
//! use rtp_midi::inspect::inspect;
//!
//! // A NoteOn, and a journal with Chapter W of channel 1.
//! let payload = [0x43, 0x90, 0x3C, 0x64, 0x20, 0x12, 0x34, 0x00, 0x05, 0x10, 0x00, 0x40];
//! let found = inspect(&payload, 44_100);
//! assert_eq!(found.commands[0].timed.time, 44_100);
//! assert_eq!(found.field("rtpmidi.cj_chapter_w_second").map(ToString::to_string).as_deref(), Some("Chapter W Second: 0x40"));
//! let journal = found.journal.unwrap();
//! assert_eq!((journal.checkpoint, journal.chapters[0].letter), (0x1234, 'W'));
//! assert!(found.defects.is_empty());
//! ```
//!
//! # Names
//!
//! Fields have the names and labels of Wireshark's display filters, which `tshark -G fields` lists. Wireshark shows
//! groups, and some values, without a name; here those are
//!
//! | name | what |
//! |---|---|
//! | `rtpmidi.command_section`, `rtpmidi.command` | the MIDI list, and one command of it |
//! | `rtpmidi.command_time` | the RTP time at which the command is to be executed |
//! | `rtpmidi.deltatime_5` | a delta time of five octets, which no sender should write: taken as 0 |
//! | `rtpmidi.journal_section`, `rtpmidi.sysjour`, `rtpmidi.chanjour` | the journal, its system journal, each channel journal |
//! | `rtpmidi.sj_chapter_d` to `_x`, `rtpmidi.cj_chapter_p` to `_a` | a chapter |
//! | `rtpmidi.cj_chapter_c_log` and its like | a log |
//!
//! ```text
//!  mod      the payload and its two sections          field    the tree
//!  commands the MIDI list                             walk     octets to fields
//!  journal  headers, tables of contents               channel  P C W T   note  N E A   parameter  M
//!                                                     system   V Q F     simple  D     sysex  X
//! ```

mod channel;
mod commands;
mod field;
mod journal;
#[cfg(test)]
mod laws;
mod note;
mod parameter;
mod simple;
mod sysex;
mod system;
mod walk;

pub use field::{Field, Form, Value, note_name};
pub use walk::Defect;

use std::ops::Range;

use crate::error::Error;
use crate::midi::Channel;
use crate::payload::{Payload, Timed};
use walk::{Walk, flag, number};

/// What is in a payload.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Inspection<'a> {
    /// Every field, in the order of the octets.
    pub fields: Vec<Field<'a>>,
    /// The commands of the MIDI list in front of the first defect there.
    pub commands: Vec<Placed<'a>>,
    /// The journal in outline, if there is one.
    pub journal: Option<Journal>,
    /// What is wrong, in the order of the octets.
    pub defects: Vec<Defect>,
}

/// A command and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Placed<'a> {
    /// The command and its RTP time.
    pub timed: Timed<'a>,
    /// Its octets in the payload, without the delta time.
    pub octets: Range<usize>,
    /// How many octets its delta time takes; 0 for the first command of most packets.
    pub delta: usize,
}

/// A journal section in outline.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Journal {
    /// S = 0: the packet before this one changed something that the journal tells.
    pub changed: bool,
    /// The low sixteen bits of the checkpoint packet's sequence number.
    pub checkpoint: u16,
    /// Its octets in the payload.
    pub octets: Range<usize>,
    /// The chapters in order, each with the channel it is of.
    pub chapters: Vec<Chapter>,
}

/// A chapter in outline.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Chapter {
    /// The channel; `None` in the system journal.
    pub channel: Option<Channel>,
    /// The letter of the RFC.
    pub letter: char,
    /// An S bit in it is 0: the packet before this one changed something that it tells.
    pub changed: bool,
    /// Its octets in the payload.
    pub octets: Range<usize>,
}

/// Takes a payload apart; `timestamp` is the one of its RTP header.
pub fn inspect(payload: &[u8], timestamp: u32) -> Inspection<'_> {
    let mut walk = Walk::new(payload);
    let mut found = Inspection { fields: Vec::new(), commands: Vec::new(), journal: None, defects: Vec::new() };
    if let Err(defect) = sections(&mut walk, timestamp, &mut found) {
        found.defects.push(defect);
        walk.unknown();
    }
    found.fields = walk.into_fields();
    found
}

impl<'a> Inspection<'a> {
    /// The first field that has this name.
    pub fn field(&self, name: &str) -> Option<&Field<'a>> {
        self.fields.iter().find_map(|field| field.find(name))
    }

    /// All fields with their depths, in the order of the octets.
    pub fn walk(&self) -> impl Iterator<Item = (usize, &Field<'a>)> {
        self.fields.iter().flat_map(Field::walk)
    }
}

fn sections<'a>(walk: &mut Walk<'a>, timestamp: u32, found: &mut Inspection<'a>) -> Result<(), Defect> {
    let octets = walk.rest();
    let payload = Payload::decode(octets);
    let (width, length) = header(walk)?;
    // Of a list that is cut off, what there is gets shown; where it ends is no further defect.
    let delta_zero = octets[0] & 0x20 != 0;
    let result = match length {
        0 => Ok(()),
        _ => walk.within(length, |walk| commands::section(walk, timestamp, delta_zero, &mut found.commands)),
    };
    let payload = payload.map_err(|error| Defect { at: width, error })?;
    found.defects.extend(result.err());
    if payload.journal.is_some() {
        journal::section(walk, found);
    } else if payload.trailing > 0 {
        found.defects.push(walk.defect(Error::Trailing { found: payload.trailing }));
    }
    walk.unknown();
    Ok(())
}

/// The header of the command section; returns its length and that of the list.
fn header(walk: &mut Walk<'_>) -> Result<(usize, usize), Defect> {
    let flags = |shift: u32| {
        [
            flag("rtpmidi.b_flag", "B-Flag", 0x80 << shift),
            flag("rtpmidi.j_flag", "J-Flag", 0x40 << shift),
            flag("rtpmidi.z_flag", "Z-Flag", 0x20 << shift),
            flag("rtpmidi.p_flag", "P-Flag", 0x10 << shift),
        ]
    };
    if walk.peek()? & 0x80 == 0 {
        let [b, j, z, p] = flags(0);
        let length = number("rtpmidi.cmd_length_short", "Command length (short)", 0x0F);
        Ok((1, walk.word(1, &[b, j, z, p, length])? as usize & 0x0F))
    } else {
        let [b, j, z, p] = flags(8);
        let length = number("rtpmidi.cmd_length_long", "Command length (long)", 0x0FFF);
        Ok((2, walk.word(2, &[b, j, z, p, length])? as usize & 0x0FFF))
    }
}
