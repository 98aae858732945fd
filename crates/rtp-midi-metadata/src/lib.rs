//! What is being played, and the texts of the music, in the RTCP of an RTP MIDI stream, without IO.
//!
//! A MIDI stream carries notes, and drops what a Standard MIDI File says beside them: its title, its lyrics, its
//! markers. Here they travel in an APP packet of RTCP (RFC 3550, 6.7), which no instrument ever sees, ahead of their
//! time, since a file's future is known. `docs/metadata.md` is the specification.
//!
//! ```text
//!  pieces, texts ──▶ Report ──▶ APP packet in each RTCP report ──▶ Report ──▶ Listener ──▶ what is due
//!                    choose     encode                             decode     hear, due
//! ```
//!
//! Times are RTP timestamps of the stream; whoever owns the clock says which one is now.
//!
//! # Tell a lyric, and hear it in time
//! ```
//! use rtp_midi_metadata::{Kind, Listener, News, Report, Text};
//!
//! let lyric = Text { kind: Kind::Lyric, timestamp: 44_100, text: "Twin".to_owned() };
//! let report = Report { pieces: Vec::new(), texts: vec![lyric.clone()] };
//! let packet = report.encode(0x1122_3344);
//!
//! let (ssrc, report) = Report::decode(&packet)?;
//! assert_eq!(ssrc, 0x1122_3344);
//! let mut listener = Listener::new(44_100);
//! listener.hear(report);
//! assert_eq!(listener.due(0), []);
//! assert_eq!(listener.due(44_100), [News::Text(lyric)]);
//! # Ok::<(), rtp_midi_metadata::Error>(())
//! ```

#![forbid(unsafe_code)]

mod choice;
mod error;
mod listener;
mod report;
mod text;

pub use error::{Error, Result};
pub use listener::{Listener, News};
pub use report::{Piece, Report};
pub use text::{Kind, Text, shorten};

/// The name of the APP packet.
pub const NAME: [u8; 4] = *b"MIDT";

/// The version of its contents, which is its subtype.
pub const VERSION: u8 = 1;

/// How many ticks `timestamp` comes after `than` on the circle of RTP timestamps; negative when it comes before.
pub const fn ticks_after(timestamp: u32, than: u32) -> i32 {
    timestamp.wrapping_sub(than).cast_signed()
}
