//! What the main thread is told: by the session, by stdin or a file, by instruments.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use applemidi_io::{Change, Event, ParticipantId};

use crate::failure::Failure;

/// What the main thread is told.
pub(super) enum Heard {
    /// A message, from whom, and when it came.
    Midi { who: String, octets: Vec<u8>, at: Instant },
    /// What has become of whom.
    Change { who: String, change: Change },
    /// Somebody wants to take part, from there.
    Asks { participant: ParticipantId, who: String, control: SocketAddr },
    /// A message that is to be played.
    Play(Vec<u8>),
    /// A message of a file that is to be heard at this time.
    Due { octets: Vec<u8>, at: Instant },
    /// Whole messages from stdin that are to be played.
    Read(Vec<u8>),
    /// Nothing more is to be played, perhaps for a reason.
    End(Option<Failure>),
}

/// What may wait for a slow disk or reader.
pub(super) const WAITING: usize = 1 << 16;

/// Whether music has been lost because it could not wait any more, and with it perhaps what would have ended a note.
#[derive(Debug, Default)]
pub(super) struct Overrun {
    is_new: Arc<AtomicBool>,
    /// How much may have waited when it was lost, and has not been taken since.
    before: usize,
}

impl Overrun {
    /// Looks whether all that waited has been taken since; `has_more` says whether something has been taken now. Then what
    /// sounds is to be let go.
    pub(super) fn is_over(&mut self, has_more: bool) -> bool {
        if self.before == 0 && self.is_new.swap(false, Ordering::Relaxed) {
            self.before = WAITING + 1;
        }
        let before = self.before;
        self.before = if has_more { before.saturating_sub(1) } else { 0 };
        before > 0 && self.before == 0
    }
}

/// Passes on what an end hears. What the main thread does not keep up with is lost, and not the session.
pub(super) fn listener(sender: SyncSender<Heard>, overrun: &Overrun) -> impl FnMut(Event<'_>) + Send + use<> {
    let (mut names, is_lost) = (HashMap::new(), overrun.is_new.clone());
    move |event| {
        let heard = match event {
            Event::Midi { participant, arrived, octets, .. } => {
                let who = names.get(&participant).cloned().unwrap_or_default();
                Heard::Midi { who, octets: octets.to_vec(), at: arrived }
            }
            Event::Change { participant, name, control, change } => {
                let who = if name.is_empty() { control.to_string() } else { name.to_owned() };
                if change == Change::Asks {
                    let _ = sender.try_send(Heard::Asks { participant, who, control });
                    return;
                }
                names.insert(participant, who.clone());
                if matches!(change, Change::Closed(_)) {
                    names.remove(&participant);
                }
                Heard::Change { who, change }
            }
            _ => return,
        };
        let is_music = matches!(heard, Heard::Midi { .. });
        if sender.try_send(heard).is_err() && is_music {
            is_lost.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_over_when_all_that_waited_has_been_taken_or_nothing_waits() {
        let mut overrun = Overrun::default();
        assert!(!overrun.is_over(true) && !overrun.is_over(false));
        let is_new = overrun.is_new.clone();
        let lose = || is_new.store(true, Ordering::Relaxed);
        lose();
        assert!(!overrun.is_over(true));
        assert!(overrun.is_over(false) && !overrun.is_over(false), "nothing waits");
        // More is lost all the time.
        let mut over = Vec::new();
        for number in 1..=3 * WAITING {
            lose();
            over.extend(overrun.is_over(true).then_some(number));
        }
        assert_eq!(over, [WAITING + 1, 2 * WAITING + 2]);
    }
}
