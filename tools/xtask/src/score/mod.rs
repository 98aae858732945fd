//! The bundled music: notation, parts, and one score written with them.
//!
//! | File | What |
//! |---|---|
//! | `notation` | notes as text: `"F#5/2 E5 \| D5 C#5"` |
//! | `part` | one player: notes, pedal, bends, controllers → an SMF track |
//! | `canon` | the score: Pachelbel's canon, arranged for seven players |

mod canon;
mod notation;
mod part;

pub(crate) use canon::midi_file;

/// Ticks of a quarter note, in the score and in the file made from it.
const QUARTER: u32 = 480;
/// Ticks of a bar: all of the music is in four-four time.
const BAR: u32 = 4 * QUARTER;
