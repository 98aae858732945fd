//! What others tell the main loop, until it takes it. Whatever comes, and however fast, it takes a bounded room.
//!
//! Music is kept in its order; whose music found no room is told instead, so that what it sounds can be ended. Of what
//! changes it is only told that it has: who looks finds it as it is by then.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use applemidi_io::ParticipantId;
use mio::Waker;

use super::request::{Reply, Request};
use crate::lock::lock;
use crate::signals::Wish;

/// The way to the main loop.
#[derive(Clone, Debug)]
pub(crate) struct Inbox(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    batch: Mutex<Batch>,
    waker: Waker,
}

/// Whose music it is: a participant at one of our ends, which have numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Source {
    pub(crate) end: usize,
    pub(crate) participant: ParticipantId,
}

/// A command, or a segment of a System Exclusive.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) source: Source,
    /// When it was played, by the clock here, if that is known.
    pub(crate) played: Option<Instant>,
    pub(crate) octets: Vec<u8>,
}

/// All that has come since it was taken last.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each thing that may have changed is one of its own")]
pub(crate) struct Batch {
    pub(crate) music: VecDeque<Heard>,
    octets: usize,
    /// Whose music found no room.
    pub(crate) overrun: BTreeSet<Source>,
    /// Something has become of participants.
    pub(crate) has_changed: bool,
    /// Others are announced than before.
    pub(crate) is_sighted: bool,
    /// Ports that others own have come, gone, or been connected.
    pub(crate) is_patched: bool,
    /// What threads cannot do, for a person.
    pub(crate) complaints: Vec<String>,
    pub(crate) requests: VecDeque<(Request, Sender<Reply>)>,
    pub(crate) wish: Option<Wish>,
}

/// Commands that may wait.
const COMMANDS: usize = 8192;

/// Octets of them.
const OCTETS: usize = 1 << 22;

/// Complaints that may wait.
const COMPLAINTS: usize = 16;

/// Requests that may wait. Each has somebody who waits for its answer.
const REQUESTS: usize = 256;

impl Inbox {
    /// A way that wakes whoever waits for `waker`.
    pub(crate) fn new(waker: Waker) -> Self {
        Self(Arc::new(Shared { batch: Mutex::default(), waker }))
    }

    /// Tells of music.
    pub(crate) fn hear(&self, source: Source, played: Option<Instant>, octets: &[u8]) {
        self.put(|batch| {
            if batch.music.len() >= COMMANDS || batch.octets + octets.len() > OCTETS {
                batch.overrun.insert(source);
            } else {
                batch.octets += octets.len();
                batch.music.push_back(Heard { source, played, octets: octets.to_vec() });
            }
        });
    }

    /// Tells that something has become of participants.
    pub(crate) fn change(&self) {
        self.put(|batch| batch.has_changed = true);
    }

    /// Tells that others are announced than before.
    pub(crate) fn sight(&self) {
        self.put(|batch| batch.is_sighted = true);
    }

    /// Tells that ports which others own have come, gone, or been connected.
    pub(crate) fn patch(&self) {
        self.put(|batch| batch.is_patched = true);
    }

    /// Tells what a thread cannot do.
    pub(crate) fn complain(&self, words: &str) {
        self.put(|batch| {
            if batch.complaints.len() < COMPLAINTS {
                batch.complaints.push(words.to_owned());
            }
        });
    }

    /// Tells what a signal asks for. Nothing takes back that all is to end.
    pub(crate) fn wish(&self, wish: Wish) {
        self.put(|batch| {
            if batch.wish != Some(Wish::End) {
                batch.wish = Some(wish);
            }
        });
    }

    /// Asks for something; the answer comes through `reply`. False if too much has been asked and not answered.
    pub(crate) fn ask(&self, request: Request, reply: Sender<Reply>) -> bool {
        let mut has_room = false;
        self.put(|batch| {
            has_room = batch.requests.len() < REQUESTS;
            if has_room {
                batch.requests.push_back((request, reply));
            }
        });
        has_room
    }

    /// Takes all that has come.
    pub(crate) fn take(&self) -> Batch {
        std::mem::take(&mut *lock(&self.0.batch))
    }

    /// Wakes whoever waits, who has been told elsewhere. Never waits.
    #[cfg(feature = "jack")]
    pub(crate) fn nudge(&self) {
        // It fails only when it has been woken 2^64 times already.
        let _: io::Result<()> = self.0.waker.wake();
    }

    fn put(&self, put: impl FnOnce(&mut Batch)) {
        put(&mut lock(&self.0.batch));
        // It fails only when it has been woken 2^64 times already.
        let _: io::Result<()> = self.0.waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use applemidi_io::{Config, Event, Host};
    use mio::{Events, Poll, Token};

    fn inbox() -> (Inbox, Poll) {
        let poll = Poll::new().unwrap();
        (Inbox::new(Waker::new(poll.registry(), Token(0)).unwrap()), poll)
    }

    /// Somebody whom a real end has met, since nobody else has a number.
    fn source() -> Source {
        let (host, (tell, told)) = (Host::start().unwrap(), channel());
        let config = Config { port: 0, address: Some([127, 0, 0, 1].into()), ..Config::new("one") };
        let end = host
            .open(&config, move |event| {
                if let Event::Change { participant, .. } = event {
                    let _ = tell.send(participant);
                }
            })
            .unwrap();
        end.invite(([127, 0, 0, 1], 9).into());
        Source { end: 0, participant: told.recv_timeout(Duration::from_mins(1)).unwrap() }
    }

    #[test]
    fn what_finds_no_room_is_told_and_what_changes_always_is() {
        let ((inbox, _poll), source) = (inbox(), source());
        for _ in 0..=COMMANDS {
            inbox.hear(source, None, &[0x90, 60, 1]);
        }
        inbox.change();
        let batch = inbox.take();
        assert_eq!((batch.music.len(), batch.overrun.len(), batch.has_changed), (COMMANDS, 1, true));
        inbox.hear(source, None, &vec![1; OCTETS]);
        inbox.hear(source, None, &[0xF8]);
        let batch = inbox.take();
        assert_eq!((batch.music.len(), batch.overrun.len(), batch.has_changed), (1, 1, false));
    }

    #[test]
    fn whoever_waits_is_woken_and_the_end_is_not_taken_back() {
        let (inbox, mut poll) = inbox();
        inbox.wish(Wish::End);
        inbox.wish(Wish::Reload);
        let mut events = Events::with_capacity(1);
        poll.poll(&mut events, Some(Duration::from_mins(1))).unwrap();
        assert!(!events.is_empty());
        assert_eq!(inbox.take().wish, Some(Wish::End));
    }

    #[test]
    fn so_much_is_asked_and_no_more() {
        let (inbox, _poll) = inbox();
        let (reply, _answers) = channel();
        assert!((0..REQUESTS).all(|_| inbox.ask(Request::Status, reply.clone())));
        assert!(!inbox.ask(Request::Status, reply));
    }
}
