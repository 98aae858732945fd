//! Offer and answer: two ends come to one view of their streams (RFC 3264; RFC 6295, C and C.7.2; RFC 4571, section 4).
//!
//! ```text
//!  offerer                                              answerer
//!  Capabilities ──offer──▶ Session ─────────────────▶ Session ──answer── Capabilities
//!                                                                  │
//!  Agreement ◀──verify── (offer, answer) ◀──────────── Session, Agreement, what was refused and why
//! ```
//!
//! All participants have one view of a stream (C), so an answer repeats what the offer says of commands, chapters,
//! journal and timestamps, or refuses the stream. What may differ are addresses, ports, direction, keys, the renderer
//! chosen, and the timing of packets within what every party can do (C.7.2).
//!
//! | File | What |
//! |---|---|
//! | `capabilities` | what an end can do and wants |
//! | `profile` | the capabilities of network musical performance (C.7.2) |
//! | `offer` | capabilities to a description |
//! | `answer` | an offer line by line to an answer, or to refusals |
//! | `stream` | one payload type: what must be repeated, what may be moved, what cannot be accepted |
//! | `way` | one line's protocol, keys, connection and ports |
//! | `envelope` | how far packet timing may be moved |
//! | `reason` | why something is refused |
//! | `agreement` | what both ends know afterwards |
//! | `verify`, `repeated` | an answer against its offer, line by line and stream by stream |
//! | `again` | offers in a session that runs |
//!
//! # An offer and its answer
//! ```
//! use rtp_midi_sdp::negotiate::{Capabilities, Party, answer, offer, verify};
//! use rtp_midi_sdp::{Host, Session};
//!
//! let first = Capabilities::new(Party::new("Duet", 1, Host::parse("192.0.2.94"), 16_112));
//! let second = Capabilities::new(Party::new("Duet", 2, Host::parse("192.0.2.105"), 5004));
//! let offered = offer(&first)?;
//! let answered = answer(&offered, &second)?;
//! // What the offerer makes of the answer is what the answerer knows already.
//! let received = Session::parse(answered.session.print().as_bytes())?;
//! assert_eq!(verify(&offered, &received), Ok(answered.agreement));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod again;
mod agreement;
mod answer;
mod capabilities;
mod envelope;
mod offer;
mod profile;
mod reason;
mod repeated;
mod stream;
mod verify;
mod way;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod testing;

pub use again::{Changes, answer_again, offer_again};
pub use agreement::{Agreement, End, Flow, Line, RtcpUse};
pub use answer::{Answer, answer};
pub use capabilities::{Capabilities, Limits, Pairing, Party, Ways};
pub use envelope::{GUARDTIME, PACKET_TIME};
pub use offer::{offer, offers};
pub use reason::{Reason, Refusal, Refused};
pub use verify::verify;
