//! Session descriptions of RTP MIDI streams (RFC 6295 section 6, appendices C and D; RFC 8866).
//!
//! ```text
//!  text ──Session::parse──▶ Session ─▶ Stream { address, port, payload type, rate, Parameters }
//!  text ◀──Session::print──
//!                                                  Parameters::config ▼ ▲ Parameters::of
//!                                                         rtp_midi::Config
//! ```
//!
//! Reading is lenient where senders and relays are known to be careless (blanks, letter case, lines out of order,
//! `\n` for `\r\n`), writing is exact. Parameters keep their order and their repetitions, which carry meaning
//! (`ch_never=N; ch_anchor=1N`).
//!
//! # Read a description
//! ```
//! let text = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Duet\r\nt=0 0\r\nc=IN IP4 192.0.2.94\r\n\
//!             m=audio 5004 RTP/AVP 96\r\na=rtpmap:96 rtp-midi/44100\r\na=fmtp:96 j_update=anchor\r\n";
//! let session = rtp_midi_sdp::Session::parse(text.as_bytes())?;
//! let stream = &session.streams[0];
//! assert_eq!((stream.port, stream.clock_rate), (5004, 44_100));
//! assert_eq!(stream.config()?.journal, rtp_midi::Journal::Recovery(rtp_midi::Policy::Anchor));
//! # Ok::<(), rtp_midi_sdp::Error>(())
//! ```

#![forbid(unsafe_code)]

mod config;
mod error;
mod groups;
mod merge;
mod parameters;
mod read;
mod selection;
mod session;
mod stream;
mod write;

pub use error::Error;
pub use groups::NAMES;
pub use parameters::{Parameter, Parameters};
pub use selection::Language;
pub use session::{Direction, Origin, Session};
pub use stream::{Address, Host, Stream};
