//! The port of the sink, and what goes out of it, each event at its time.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alsa::Direction;
use alsa::seq::{Addr, Event, Remove, RemoveEvents};
use rtp_midi::midi::{Command, End, Found, Intake, Part, Segment, System};

use super::pacer::Pacer;
use super::scheduled::{Scheduled, What};
use super::settings::Settings;
use crate::address::Pattern;
use crate::client::{Client, Unavailable, must_wait};
use crate::connections::{Connections, Trouble};
use crate::lock::lock;
use crate::message;
use crate::queue::Queue;
use crate::wake::Wake;

/// An open port.
#[derive(Debug)]
pub(super) struct Playback {
    client: Client,
    pub(super) address: Addr,
    queue: Queue,
    intake: Intake,
    pacer: Pacer,
    scheduled: Scheduled,
    stats: Arc<Mutex<Stats>>,
    _connections: Connections,
}

/// What has become of the messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stats {
    pub(super) sent: u64,
    /// What the sequencer has no event for, and what is no message.
    pub(super) dropped: u64,
    /// How often there was no room in the sequencer, so that the stream had to wait.
    pub(super) waits: u64,
    /// When all that has been taken will have gone out.
    ends: Option<Instant>,
}

impl Stats {
    /// How long it takes until then.
    pub(super) fn left(&self) -> Duration {
        self.ends.map_or(Duration::ZERO, |ends| ends.saturating_duration_since(Instant::now()))
    }
}

/// When a message is to go out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Due<'a> {
    Now,
    /// At a time of this clock.
    At(&'a gst::Clock, gst::ClockTime),
}

/// Why a message did not go out.
#[derive(Debug)]
pub(super) enum Failure {
    /// The stream is to be stopped, while there was no room.
    Interrupted,
    Alsa(alsa::Error),
}

/// Ends waits: those that go on when it comes, and those that begin while it lasts.
#[derive(Debug)]
pub(super) struct Interruption {
    wake: Wake,
    lasts: AtomicBool,
    times: AtomicU32,
}

impl Interruption {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { wake: Wake::new()?, lasts: AtomicBool::new(false), times: AtomicU32::new(0) })
    }

    pub(super) fn begin(&self) {
        self.lasts.store(true, Ordering::Release);
        self.times.fetch_add(1, Ordering::AcqRel);
        self.wake.wake();
    }

    pub(super) fn end(&self) {
        self.lasts.store(false, Ordering::Release);
    }

    fn count(&self) -> u32 {
        self.times.load(Ordering::Acquire)
    }

    fn has_come_since(&self, count: u32) -> bool {
        self.lasts.load(Ordering::Acquire) || self.count() != count
    }
}

impl From<alsa::Error> for Failure {
    fn from(error: alsa::Error) -> Self {
        Self::Alsa(error)
    }
}

impl Playback {
    /// Opens a port; `tell` is told why it is not connected to one that it should be. What becomes of messages is counted
    /// in `stats`, which others can read while one waits for room.
    pub(super) fn open(
        settings: &Settings,
        stats: Arc<Mutex<Stats>>,
        tell: impl FnMut(&Trouble) + Send + 'static,
    ) -> Result<Self, Unavailable> {
        let client = Client::open(&settings.names.client())?;
        client.raise_pools(Direction::Playback)?;
        let queue = Queue::start(&client.seq)?;
        let address = client.port(&settings.names.port, Direction::Playback, None)?;
        let patterns = Pattern::list(&settings.names.ports);
        let connections = Connections::keep(&client, address, Direction::Playback, patterns, tell)?;
        Ok(Self {
            client,
            address,
            queue,
            intake: Intake::new(settings.sysex_limit),
            pacer: Pacer::new(settings.sysex_rate),
            scheduled: Scheduled::default(),
            stats,
            _connections: connections,
        })
    }

    /// Plays the message in `octets`, or takes its piece of a System Exclusive.
    pub(super) fn play(&mut self, octets: &[u8], due: Due<'_>, interruption: &Interruption) -> Result<(), Failure> {
        let mut commands = Vec::new();
        let found = self.intake.take(octets, |command| commands.push(octets_of(&command)));
        lock(&self.stats).dropped += u64::from(found == Found::Stray);
        if commands.is_empty() {
            return Ok(());
        }
        let now = self.queue.now(&self.client.seq)?;
        let due = match due {
            Due::Now => now,
            Due::At(clock, time) => self.queue.of_clock(&self.client.seq, clock, time)?,
        };
        commands.iter().try_for_each(|command| self.schedule(command, due, now, interruption))
    }

    fn schedule(&mut self, octets: &[u8], due: Duration, now: Duration, by: &Interruption) -> Result<(), Failure> {
        if octets.first() == Some(&0xF0) {
            let chunks: Vec<_> =
                octets.chunks(message::CHUNK).map(|chunk| (self.pacer.chunk(due, chunk.len()), chunk)).collect();
            self.will_end(chunks.last().map_or(due, |(at, _)| *at), now);
            for ((at, chunk), left) in chunks.iter().zip((0..chunks.len()).rev()) {
                self.send(message::chunk(chunk), *at, by)?;
                self.scheduled.add(*at, What::Piece { follows: left > 0 }, now);
            }
        } else {
            let Some(event) = Command::decode(octets).ok().and_then(|(command, _)| message::event(&command)) else {
                // A tick for renderers is none for instruments.
                lock(&self.stats).dropped += u64::from(octets != [0xF9]);
                return Ok(());
            };
            let at = if octets[0] >= 0xF8 { self.pacer.real_time(due) } else { self.pacer.message(due) };
            self.will_end(at, now);
            self.send(event, at, by)?;
            self.scheduled.add(at, What::of(octets), now);
        }
        lock(&self.stats).sent += 1;
        Ok(())
    }

    /// Notes that something goes out at `at`, when it is `now`.
    fn will_end(&self, at: Duration, now: Duration) {
        let ends = Some(Instant::now() + at.saturating_sub(now));
        let mut stats = lock(&self.stats);
        stats.ends = stats.ends.max(ends);
    }

    /// Hands an event to the sequencer, and waits for room if there is none.
    fn send(&mut self, mut event: Event<'_>, at: Duration, by: &Interruption) -> Result<(), Failure> {
        event.set_source(self.address.port);
        event.set_subs();
        event.schedule_real(self.queue.id(), false, at);
        let (mut has_waited, count) = (false, by.count());
        loop {
            match self.client.seq.event_output_direct(&mut event) {
                Err(error) if must_wait(&error) => {}
                result => return result.map(drop).map_err(Failure::from),
            }
            lock(&self.stats).waits += u64::from(!std::mem::replace(&mut has_waited, true));
            if by.has_come_since(count) {
                return Err(Failure::Interrupted);
            }
            by.wake.wait(Some((&self.client.seq, Direction::Playback)), None)?;
        }
    }

    /// Waits until all has gone out, or for the interruption.
    pub(super) fn drain(&self, by: &Interruption) -> alsa::Result<()> {
        let count = by.count();
        loop {
            let (now, events) = self.queue.status(&self.client.seq)?;
            if by.has_come_since(count) {
                return Ok(());
            }
            if events == 0 {
                // The last one has left the queue, and is with all that hear it in a moment.
                return self.client.seq.sync_output_queue();
            }
            by.wake.wait(None, Some(self.scheduled.last().saturating_sub(now).max(TICK)))?;
        }
    }

    /// How long it takes until all has gone out.
    pub(super) fn left(&self) -> alsa::Result<Duration> {
        Ok(self.scheduled.last().saturating_sub(self.queue.now(&self.client.seq)?))
    }

    /// Takes back what has not gone out, and lets go what sounds.
    pub(super) fn cut(&mut self) -> alsa::Result<()> {
        let now = self.catch_up();
        let waiting = RemoveEvents::new()?;
        waiting.set_condition(Remove::OUTPUT);
        let removed = self.client.seq.remove_events(waiting);
        // What sounds is let go whatever else goes wrong.
        self.release(now?).and(removed)
    }

    /// Waits until all that is due has gone out, as long as that is to be hoped for. Returns by when it was due: what is
    /// taken back of it would be taken for played.
    fn catch_up(&mut self) -> alsa::Result<Duration> {
        let started = Instant::now();
        loop {
            let (now, events) = self.queue.status(&self.client.seq)?;
            self.scheduled.settle(now);
            if events <= self.scheduled.coming() || started.elapsed() > LATENESS {
                return Ok(now);
            }
            std::thread::sleep(TICK);
        }
    }

    /// Lets go what sounds, when what was not due at `now` has been taken back.
    fn release(&mut self, now: Duration) -> alsa::Result<()> {
        let (breaks, messages) = self.scheduled.cut(now);
        lock(&self.stats).ends = None;
        self.pacer.reset();
        self.intake.reset();
        let mut result = if breaks { self.now(message::chunk(&[0xF7])) } else { Ok(()) };
        for octets in messages {
            if let Some(event) = Command::decode(&octets).ok().and_then(|(command, _)| message::event(&command)) {
                // The error is that of one receiver, for want of room say; all the others have heard it.
                result = result.and(self.now(event));
            }
        }
        result
    }

    /// Plays an event past the queue.
    fn now(&self, mut event: Event<'_>) -> alsa::Result<()> {
        event.set_source(self.address.port);
        event.set_subs();
        event.set_direct();
        self.client.seq.event_output_direct(&mut event).map(drop)
    }
}

/// How often the sequencer looks at its queues.
const TICK: Duration = Duration::from_millis(1);

/// No machine is so busy that it comes to its queues later.
const LATENESS: Duration = Duration::from_secs(1);

/// The octets of a command. A System Exclusive that another status octet ended gets the end that it should have had.
fn octets_of(command: &Command<'_>) -> Vec<u8> {
    let mut octets = Vec::new();
    match *command {
        Command::System(System::SysEx(segment)) => {
            Command::from(Segment { part: Part::Whole(End::Eox), ..segment }).encode(&mut octets);
        }
        command => command.encode(&mut octets),
    }
    octets
}
