//! Packets that wait for the time at which they are to leave. A payloader gives them out as soon as they are full; were
//! they handed on then, each listener's pipeline would have some on their way, and nobody could say which one a listener
//! who comes now will get first.

use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use super::live::Live;
use crate::failure::{Failure, Result};

/// What is due for a channel.
pub(super) enum Due {
    /// A packet.
    Packet(Vec<u8>),
    /// The end of all.
    End,
}

/// Hands on to the channel what is due, in the order in which it is given, as long as there is somebody to give it.
pub(super) fn to(live: Live) -> Result<Sender<(Instant, Due)>> {
    let (give, due) = channel::<(Instant, Due)>();
    let hand_on = move || {
        for (at, what) in due {
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            match what {
                Due::Packet(packet) => live.push(&packet, at),
                Due::End => live.end(),
            }
        }
    };
    let thread = std::thread::Builder::new().name("live".to_owned()).spawn(hand_on);
    thread.map_err(|error| Failure::new(format!("no thread for the live channel: {error}")))?;
    Ok(give)
}
