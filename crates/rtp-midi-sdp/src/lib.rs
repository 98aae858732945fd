//! Session descriptions of RTP MIDI streams (RFC 6295 section 6, appendices C and D; RFC 8866).
//!
//! ```text
//!  text ──Session::parse──▶ Session ─▶ Media { Transport, direction } ─▶ Stream { payload type, rate, Parameters }
//!  text ◀──Session::print──
//!                                                                          Stream::config ▼ ▲ Stream::of
//!                                                                                rtp_midi::Config
//! ```
//!
//! Reading is lenient where senders and relays are known to be careless (blanks, letter case, lines out of order,
//! `\n` for `\r\n`), writing is exact. Parameters keep their order and their repetitions, which carry meaning
//! (`ch_never=N; ch_anchor=1N`).
//!
//! [`negotiate`] makes offers and answers of what two ends can do; [`Session::relations`] tells which streams share MIDI
//! name spaces; [`render`] is what a receiver is to play them with; [`lint()`] says what is wrong with a text, and where.
//!
//! # Read a description
//! ```
//! let text = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Duet\r\nt=0 0\r\nc=IN IP4 192.0.2.94\r\n\
//!             m=audio 5004 RTP/AVP 96\r\na=rtpmap:96 rtp-midi/44100\r\na=fmtp:96 j_update=anchor\r\n";
//! let session = rtp_midi_sdp::Session::parse(text.as_bytes())?;
//! let (media, stream) = session.first_stream()?;
//! assert_eq!((media.transport.port, stream.clock_rate), (5004, 44_100));
//! assert_eq!(stream.config(&media.transport)?.journal, rtp_midi::Journal::Recovery(rtp_midi::Policy::Anchor));
//! # Ok::<(), rtp_midi_sdp::Error>(())
//! ```

#![forbid(unsafe_code)]

pub mod audio_specific_config;
pub mod clocks;
mod config;
mod crypto;
mod error;
mod groups;
pub mod lint;
mod media;
mod merge;
mod musicport;
pub mod negotiate;
mod parameters;
mod read;
pub mod render;
mod selection;
mod session;
mod stream;
mod strict;
mod transport;
mod violation;
mod write;

pub use clocks::Clocks;
pub use crypto::{AES_CM_128_HMAC_SHA1_80, Crypto};
pub use error::Error;
pub use groups::NAMES;
pub use lint::{Diagnostic, lint};
pub use media::Media;
pub use musicport::{Member, Relation, Space};
pub use parameters::{Parameter, Parameters};
pub use selection::Language;
pub use session::{Attribute, Direction, Group, Origin, Session, Time};
pub use stream::Stream;
pub use transport::{Address, Bandwidth, Connection, FilterMode, Host, Protocol, Setup, SourceFilter, Transport};
pub use violation::Violation;
