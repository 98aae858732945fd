//! `AudioSpecificConfig`: which MPEG-4 renderer plays a stream, and its data (RFC 6295, 6.2 and E.4; ISO/IEC 14496-3).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! | AOTYPE  |FREQIDX|CHANNEL|SACNK|  FILE_BLK 1 (required) ...    |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |1|SACNK|  FILE_BLK 2 (optional) ...                        |0|0|
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! | SACNK | Block | In object types |
//! |---|---|---|
//! | 0, 1, 5 | orchestra, score, symbols | 13 |
//! | 2 | Standard MIDI File | 13, 14, 15 |
//! | 3 | sample | 13 |
//! | 4 | bank of samples: a DLS file | 13, 14 |
//!
//! Nothing is aligned to octets behind the first block, and every length is a stranger's claim until the bits are
//! there.
//!
//! ```
//! use rtp_midi_sdp::audio_specific_config::{AudioSpecificConfig, ObjectType};
//! let config = AudioSpecificConfig::general_midi(44_100, 1);
//! assert_eq!(config.print(), "7A0A0000000000");
//! assert_eq!(AudioSpecificConfig::parse("7A0A0000000000")?.object_type(), ObjectType::GeneralMidi);
//! # Ok::<(), rtp_midi_sdp::audio_specific_config::Fault>(())
//! ```

mod bits;
mod chunk;
mod config;
mod fault;
mod hex;
mod object_type;
mod sampling_rate;
mod structured;

pub use bits::Bits;
pub use chunk::Chunk;
pub use config::AudioSpecificConfig;
pub use fault::Fault;
pub use object_type::ObjectType;

pub(crate) use hex::octets;
