//! The thread of a device: it opens the node, reads and writes octets, and waits for the node while it is away. So a device
//! that is slow, or hangs, holds up nobody else.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use applemidi_io::priority::RealTime;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::{Errno, read, write};

use super::node::{self, Node, Refusal, lost};
use super::watch::Watch;
use crate::cmd::bridge::config::RawDevice;
use crate::cmd::bridge::errand::Errand;
use crate::cmd::bridge::inbox::Inbox;
use crate::cmd::bridge::status::Direction;
use crate::lock::lock;

/// A device and its thread, which ends with it when all has been written.
#[derive(Debug)]
pub(super) struct Device {
    shared: Arc<Shared>,
    work: Errand,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// The thread waits for this, too.
    wake: OwnedFd,
}

#[derive(Debug, Default)]
struct State {
    is_over: bool,
    told: Told,
    to_play: VecDeque<u8>,
    /// Something found no room there, and half of it is not free yet.
    is_choked: bool,
}

/// What a thread tells, in this order.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The device is open, these ways.
    pub(super) came: Option<Direction>,
    pub(super) heard: Vec<u8>,
    /// There is room again, after something had found none.
    pub(super) is_relieved: bool,
    /// It cannot be had, or not any more. The thread waits until this has been taken.
    pub(super) gone: Option<Refusal>,
}

/// Octets that may wait until they are written: two of the longest System Exclusives that come in one piece.
const ROOM: usize = 1 << 19;

/// Octets that may wait until they are heard. More stay where they are.
const HEARD: usize = 4096;

/// Octets that are read or written at once.
const PIECE: usize = 1024;

/// How often a device is tried of which nothing tells when it can be had; and how long one has to last to be opened again
/// at once.
const RETRY: Duration = Duration::from_secs(1);

impl Device {
    /// Begins to look for it.
    pub(super) fn open(device: RawDevice, inbox: Inbox) -> io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let shared = Arc::new(Shared { state: Mutex::default(), wake });
        let work = {
            let shared = shared.clone();
            Errand::start("rawmidi", move || Work { device, shared, inbox, real_time: RealTime::ask() }.run())?
        };
        Ok(Self { shared, work })
    }

    /// Takes all that it has told, for what was taken before.
    pub(super) fn take(&self, told: &mut Told) {
        *told = Told { heard: std::mem::take(&mut told.heard), ..Told::default() };
        told.heard.clear();
        std::mem::swap(&mut lock(&self.shared.state).told, told);
        if told.gone.is_some() || told.heard.len() >= HEARD {
            self.shared.wake();
        }
    }

    /// Writes these octets when the device takes them; false if there is no room for them.
    pub(super) fn write(&self, octets: &[u8]) -> bool {
        let mut state = lock(&self.shared.state);
        let has_room = state.to_play.len() + octets.len() <= ROOM;
        if !has_room {
            state.is_choked = true;
            return false;
        }
        let was_empty = state.to_play.is_empty();
        state.to_play.extend(octets);
        drop(state);
        if was_empty {
            self.shared.wake();
        }
        true
    }

    /// Ends it when all is written.
    pub(super) fn end(self) -> Errand {
        lock(&self.shared.state).is_over = true;
        self.shared.wake();
        self.work
    }
}

impl Shared {
    fn wake(&self) {
        // It fails only when it has been woken 2^64 times already.
        let _ = write(&self.wake, &1_u64.to_ne_bytes());
    }
}

/// What the thread has.
struct Work {
    device: RawDevice,
    shared: Arc<Shared>,
    inbox: Inbox,
    real_time: RealTime,
}

impl Work {
    fn run(mut self) {
        let mut said = None;
        while !lock(&self.shared.state).is_over {
            // What becomes of the node from here on is seen.
            let watch = Watch::open(&self.device.device).ok();
            let (refusal, was_there, watch, rest) = match node::open(&self.device) {
                Ok(node) => {
                    drop(watch);
                    let opened = Instant::now();
                    // What was meant for it when it was there before is of no use now.
                    lock(&self.shared.state).to_play.clear();
                    self.tell(|told| told.came = Some(node.direction));
                    let Some(refusal) = self.carry(&node) else { return };
                    (refusal, true, None, (opened.elapsed() < RETRY).then_some(RETRY))
                }
                Err(refusal) => {
                    let rest = (!refusal.is_of_node || watch.is_none()).then_some(RETRY);
                    (refusal, false, watch, rest)
                }
            };
            if was_there || said.as_ref() != Some(&refusal) {
                self.tell(|told| told.gone = Some(refusal.clone()));
                said = Some(refusal);
                self.wait_until_it_is_taken();
            }
            if !was_there || rest.is_some() {
                self.wait(watch.as_ref(), rest);
            }
        }
    }

    /// Carries octets until the device is gone, and why; nothing if all is over.
    fn carry(&mut self, node: &Node) -> Option<Refusal> {
        let (reads, writes) = (node.direction != Direction::Out, node.direction != Direction::In);
        let mut piece = [0; PIECE];
        loop {
            let (has_room, has_more, is_over) = {
                let state = lock(&self.shared.state);
                (state.told.heard.len() < HEARD, !state.to_play.is_empty(), state.is_over)
            };
            let (reads, writes) = (reads && has_room, writes && has_more);
            if is_over && !writes {
                return None;
            }
            let mut wanted = PollFlags::empty();
            wanted.set(PollFlags::IN, reads);
            wanted.set(PollFlags::OUT, writes);
            // While what it has said is not taken, the end of it is no news either.
            let is_watched = has_room || writes;
            let mut both = [PollFd::new(&self.shared.wake, PollFlags::IN), PollFd::new(&node.file, wanted)];
            let some = if is_watched { &mut both[..] } else { &mut both[..1] };
            match self.real_time.wait(|| poll(some, None)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Some(lost(&self.device.device, error)),
            }
            let [is_woken, state] = both.map(|it| it.revents());
            if !is_woken.is_empty() {
                clear(&self.shared.wake);
            }
            let mut result = Ok(());
            if state.contains(PollFlags::IN) {
                result = self.read(&node.file, &mut piece);
            } else if state.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL) {
                result = Err(Errno::IO);
            }
            if state.contains(PollFlags::OUT) {
                result = result.and_then(|()| self.write(&node.file, &mut piece));
            }
            if let Err(error) = result {
                return Some(lost(&self.device.device, error));
            }
        }
    }

    fn read(&self, file: &OwnedFd, piece: &mut [u8]) -> Result<(), Errno> {
        match read(file, &mut *piece) {
            // A line that was hung up has an end.
            Ok(0) => Err(Errno::IO),
            Ok(length) => {
                self.tell(|told| told.heard.extend_from_slice(&piece[..length]));
                Ok(())
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn write(&self, file: &OwnedFd, piece: &mut [u8]) -> Result<(), Errno> {
        let length = {
            let state = lock(&self.shared.state);
            let some = state.to_play.as_slices().0;
            let length = some.len().min(piece.len());
            piece[..length].copy_from_slice(&some[..length]);
            length
        };
        // Nobody is kept from the lock by a device that has us wait all the same.
        let written = match write(file, &piece[..length]) {
            Ok(written) => written,
            Err(Errno::AGAIN | Errno::INTR) => 0,
            Err(error) => return Err(error),
        };
        let mut state = lock(&self.shared.state);
        state.to_play.drain(..written);
        let is_relieved = state.to_play.len() <= ROOM / 2 && std::mem::take(&mut state.is_choked);
        drop(state);
        if is_relieved {
            self.tell(|told| told.is_relieved = true);
        }
        Ok(())
    }

    /// Has the main loop look.
    fn tell(&self, tell: impl FnOnce(&mut Told)) {
        tell(&mut lock(&self.shared.state).told);
        self.inbox.hear_devices();
    }

    fn wait_until_it_is_taken(&mut self) {
        loop {
            let state = lock(&self.shared.state);
            if state.is_over || state.told.gone.is_none() {
                return;
            }
            drop(state);
            self.wait(None, None);
        }
    }

    /// Waits until something has become of the node, a time is over, or somebody wakes.
    fn wait(&mut self, watch: Option<&Watch>, rest: Option<Duration>) {
        let until = rest.map(|rest| Instant::now() + rest);
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let timeout = left.and_then(|left| Timespec::try_from(left).ok());
            let mut both: Vec<PollFd<'_>> = vec![PollFd::new(&self.shared.wake, PollFlags::IN)];
            both.extend(watch.map(|watch| PollFd::new(watch, PollFlags::IN)));
            // Whatever fails here is tried again, but not at once.
            if self.real_time.wait(|| poll(&mut both, timeout.as_ref())).is_err_and(|error| error != Errno::INTR) {
                std::thread::sleep(RETRY);
            }
            let is_woken = clear(&self.shared.wake);
            if is_woken || left.is_some_and(|left| left.is_zero()) || watch.is_some_and(Watch::has_changed) {
                return;
            }
        }
    }
}

/// Whether somebody had woken.
fn clear(wake: &OwnedFd) -> bool {
    read(wake, &mut [0; 8]).is_ok()
}
