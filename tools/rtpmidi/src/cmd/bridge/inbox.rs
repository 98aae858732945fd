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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Heard<'a> {
    pub(crate) source: Source,
    /// When it was played, by the clock here, if that is known.
    pub(crate) played: Option<Instant>,
    pub(crate) octets: &'a [u8],
}

/// Music in its order, in room that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct Music {
    /// Whose it is, when it was played, and where its octets end.
    all: Vec<(Source, Option<Instant>, usize)>,
    octets: Vec<u8>,
}

/// All that has come since it was taken last.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each thing that may have changed is one of its own")]
pub(crate) struct Batch {
    /// Whoever takes it has been woken.
    is_told: bool,
    pub(crate) music: Music,
    /// Whose music found no room.
    pub(crate) overrun: BTreeSet<Source>,
    /// Something has become of participants.
    pub(crate) has_changed: bool,
    /// Others are announced than before.
    pub(crate) is_sighted: bool,
    /// Ports that others own have come, gone, or been connected.
    pub(crate) is_patched: bool,
    /// Devices have told something.
    pub(crate) has_devices: bool,
    /// What threads cannot do, for a person.
    pub(crate) complaints: Vec<String>,
    pub(crate) requests: VecDeque<(Request, Sender<Reply>)>,
    pub(crate) wish: Option<Wish>,
}

/// Commands that may wait.
const COMMANDS: usize = 8192;

/// Octets of them.
const OCTETS: usize = 1 << 22;

/// Octets for which there is room also when nothing waits.
const KEPT: usize = 1 << 16;

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
            if !batch.music.push(Heard { source, played, octets }) {
                batch.overrun.insert(source);
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

    /// Tells that devices have told something.
    pub(crate) fn hear_devices(&self) {
        self.put(|batch| batch.has_devices = true);
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

    /// Takes all that has come, for what was taken before.
    pub(crate) fn take(&self, batch: &mut Batch) {
        batch.clear();
        std::mem::swap(&mut *lock(&self.0.batch), batch);
    }

    /// Wakes whoever waits, who has been told elsewhere. Never waits.
    #[cfg(feature = "jack")]
    pub(crate) fn nudge(&self) {
        // It fails only when it has been woken 2^64 times already.
        let _: io::Result<()> = self.0.waker.wake();
    }

    fn put(&self, put: impl FnOnce(&mut Batch)) {
        let is_told = {
            let batch = &mut lock(&self.0.batch);
            put(batch);
            std::mem::replace(&mut batch.is_told, true)
        };
        if is_told {
            return;
        }
        // It fails only when it has been woken 2^64 times already.
        let _: io::Result<()> = self.0.waker.wake();
    }
}

impl Music {
    /// Takes a command; false if there is no room.
    fn push(&mut self, heard: Heard<'_>) -> bool {
        let has_room = self.all.len() < COMMANDS && self.octets.len() + heard.octets.len() <= OCTETS;
        if has_room {
            self.octets.extend_from_slice(heard.octets);
            self.all.push((heard.source, heard.played, self.octets.len()));
        }
        has_room
    }

    /// All of it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Heard<'_>> {
        let mut start = 0;
        self.all.iter().map(move |(source, played, end)| {
            let octets = &self.octets[std::mem::replace(&mut start, *end)..*end];
            Heard { source: *source, played: *played, octets }
        })
    }
}

impl Batch {
    /// Forgets all but the room for music.
    fn clear(&mut self) {
        let mut music = std::mem::take(&mut self.music);
        music.all.clear();
        music.octets.clear();
        music.octets.shrink_to(KEPT);
        *self = Self { music, ..Self::default() };
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
        let mut batch = Batch::default();
        inbox.take(&mut batch);
        assert_eq!((batch.music.iter().count(), batch.overrun.len(), batch.has_changed), (COMMANDS, 1, true));
        inbox.hear(source, None, &vec![1; OCTETS]);
        inbox.hear(source, None, &[0xF8]);
        inbox.take(&mut batch);
        assert_eq!((batch.music.iter().count(), batch.overrun.len(), batch.has_changed), (1, 1, false));
        inbox.take(&mut batch);
        assert_eq!((batch.music.iter().count(), batch.overrun.len()), (0, 0));
    }

    #[test]
    fn music_keeps_its_order_and_its_source_and_takes_no_room_anew() {
        let ((inbox, _poll), source, mut batch) = (inbox(), source(), Batch::default());
        let mut rooms = Vec::new();
        for _ in 0..4 {
            let all: [&[u8]; 4] = [&[0x90, 60, 1], &[0xF8], &[0xC0, 5], &[0x80, 60, 1]];
            for octets in all {
                inbox.hear(source, None, octets);
            }
            inbox.take(&mut batch);
            let heard: Vec<Heard<'_>> = batch.music.iter().collect();
            assert_eq!(heard, all.map(|octets| Heard { source, played: None, octets }));
            rooms.push((batch.music.all.as_ptr(), batch.music.octets.as_ptr()));
        }
        assert_eq!(rooms[..2], rooms[2..]);
    }

    #[test]
    fn whoever_waits_is_woken_and_the_end_is_not_taken_back() {
        let (inbox, mut poll) = inbox();
        inbox.wish(Wish::End);
        inbox.wish(Wish::Reload);
        let mut events = Events::with_capacity(1);
        let mut batch = Batch::default();
        poll.poll(&mut events, Some(Duration::from_mins(1))).unwrap();
        assert!(!events.is_empty());
        inbox.take(&mut batch);
        assert_eq!(batch.wish, Some(Wish::End));
        // Who has been told already is not told again, and is told of what comes behind that.
        inbox.change();
        poll.poll(&mut events, Some(Duration::from_mins(1))).unwrap();
        assert!(!events.is_empty());
        inbox.sight();
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        assert!(events.is_empty());
        inbox.take(&mut batch);
        assert!(batch.has_changed && batch.is_sighted && batch.wish.is_none());
    }

    #[test]
    fn so_much_is_asked_and_no_more() {
        let (inbox, _poll) = inbox();
        let (reply, _answers) = channel();
        assert!((0..REQUESTS).all(|_| inbox.ask(Request::Status, reply.clone())));
        assert!(!inbox.ask(Request::Status, reply));
    }
}
