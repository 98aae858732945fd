//! Renderers: what becomes of a stream at its receiver (RFC 6295, C.6).
//!
//! A list of parameters may name several renderers, best first. Each begins with `render`, and what follows up to the
//! next `render` belongs to it:
//!
//! ```text
//! multimode=all; render=synthetic; subrender=…; rinit=audio/asc; inline="…"; cid="…"; smf_info=sdp_start; chanmask=…;
//!                render=api; rinit=application/…; url="https://…"; smf_url="https://…"
//! ```
//!
//! Where no `render` stands there is one all the same: an unknown one for a native stream, and for an mpeg4-generic one
//! the MPEG-4 synthesiser that `config` describes.
//!
//! | File | Parameters |
//! |---|---|
//! | `list` | `multimode` and the order of renderers |
//! | `renderer` | `render`, `subrender`, `smf_info` |
//! | `data` | `rinit`, `smf_inline` and what they bring |
//! | `source` | `inline`, `url`, `cid` |
//! | `chanmask` | `chanmask` |
//! | `read`, `value`, `write` | all of them, from [`Parameters`](crate::Parameters) and to them |
//! | `rules` | what native and mpeg4-generic streams may have (6.2, C.6.5) |
//! | `choice` | which one a receiver takes, and what it answers |
//!
//! ```
//! use rtp_midi_sdp::audio_specific_config::ObjectType;
//! use rtp_midi_sdp::render::{Abilities, Renderers};
//! use rtp_midi_sdp::Parameters;
//!
//! let fmtp = "streamtype=5; mode=rtp-midi; config=\"\"; profile-level-id=12; render=synthetic; rinit=audio/asc; \
//!             inline=\"egoAAAAaTVRoZAAAAAYAAAABAGBNVHJrAAAABgD/LwAA\"";
//! let renderers = Renderers::parse(&Parameters::parse(fmtp), rtp_midi::Format::Mpeg4Generic)?;
//! let abilities = Abilities { object_types: vec![ObjectType::GeneralMidi], ..Abilities::default() };
//! assert_eq!(renderers.chosen(&abilities), [&renderers.list[0]]);
//! # Ok::<(), rtp_midi_sdp::Error>(())
//! ```

mod base64;
mod chanmask;
mod choice;
mod data;
mod list;
mod media_type;
mod read;
mod renderer;
mod rules;
mod source;
mod token;
mod value;
mod write;

pub use chanmask::ChannelMask;
pub use choice::{Abilities, Refusal, Verdict};
pub use data::{Content, Data, StandardMidiFile};
pub use list::{Multimode, Renderers};
pub use media_type::MediaType;
pub use renderer::{Render, Renderer, SmfInfo};
pub use source::{ContentId, Source, Url};
pub use token::Token;

pub(crate) use value::unquoted;
