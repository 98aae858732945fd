//! The port of the source, and what comes to it: messages, each with its time.

use std::time::Duration;

use alsa::Direction;
use alsa::seq::Addr;
use gst::prelude::*;

use super::senders::Senders;
use super::settings::Settings;
use crate::address::Pattern;
use crate::client::{Client, Unavailable, is_overrun, is_passing, must_wait};
use crate::connections::{Connections, Trouble};
use crate::queue::Queue;
use crate::wake::Wake;

/// An open port.
#[derive(Debug)]
pub(super) struct Capture {
    client: Client,
    pub(super) address: Addr,
    queue: Queue,
    senders: Senders,
    _connections: Connections,
}

/// What has come.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The octets of each message, and its time on the clock.
    pub(super) messages: Vec<(Option<gst::ClockTime>, Vec<u8>)>,
    /// Events were lost, since more came than were read.
    pub(super) is_overrun: bool,
}

/// Events that are read at once: enough for a chord, and soon passed on.
const BURST: usize = 256;

impl Capture {
    /// Opens a port; `tell` is told why it is not connected to one that it should be.
    pub(super) fn open(settings: &Settings, tell: impl FnMut(&Trouble) + Send + 'static) -> Result<Self, Unavailable> {
        let client = Client::open(&settings.names.client())?;
        client.raise_pools(Direction::Capture)?;
        let queue = Queue::start(&client.seq)?;
        let address = client.port(&settings.names.port, Direction::Capture, Some(queue.id()))?;
        client.announcements()?;
        let patterns = Pattern::list(&settings.names.ports);
        let connections = Connections::keep(&client, address, Direction::Capture, patterns, tell)?;
        Ok(Self { client, address, queue, senders: Senders::new(settings.sysex_limit), _connections: connections })
    }

    /// Waits until something has come, or is to be done by somebody else.
    pub(super) fn wait(&self, wake: &Wake) -> alsa::Result<()> {
        if self.client.seq.input().event_input_pending(false)? > 0 {
            return Ok(());
        }
        wake.wait(Some((&self.client.seq, Direction::Capture)), None)
    }

    /// Takes what has come; `clock` is that of the pipeline, which has played since `since`. What came before is thrown
    /// away.
    pub(super) fn read(&mut self, clock: &gst::Clock, since: gst::ClockTime) -> alsa::Result<Heard> {
        let (mut heard, mut octets) = (Heard::default(), Vec::new());
        let mut input = self.client.seq.input();
        while heard.messages.len() < BURST {
            let mut time = Some(clock.time());
            match input.event_input() {
                Ok(event) => {
                    // Announcements have none.
                    if let Some(stamp) = event.get_time().filter(|stamp| *stamp > Duration::ZERO) {
                        time = self.queue.on_clock(&self.client.seq, clock, stamp)?;
                    }
                    if time.is_some_and(|time| time >= since) {
                        self.senders.take(&event, &mut octets);
                    }
                }
                Err(error) if must_wait(&error) => break,
                Err(error) if is_overrun(&error) => {
                    heard.is_overrun = true;
                    self.senders.release(&mut octets);
                }
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
            heard.messages.extend(octets.drain(..).map(|octets| (time, octets)));
        }
        Ok(heard)
    }

    /// Lets go what sounds: now, or behind the last message where no clock runs.
    pub(super) fn release(&mut self, clock: Option<&gst::Clock>) -> Heard {
        let mut octets = Vec::new();
        self.senders.release(&mut octets);
        let now = clock.map(gst::Clock::time);
        Heard { messages: octets.into_iter().map(|octets| (now, octets)).collect(), is_overrun: false }
    }

    /// Begins to play at `since`: lets go what sounded before, which may have ended unheard.
    pub(super) fn begin(&mut self, clock: &gst::Clock, since: gst::ClockTime) -> alsa::Result<Heard> {
        self.queue.forget();
        let mut heard = self.release(Some(clock));
        // Whatever was lost, nobody was to hear it.
        heard.messages.extend(self.read(clock, since)?.messages);
        Ok(heard)
    }

    /// Pieces of System Exclusives that were of no use.
    pub(super) const fn dropped(&self) -> u64 {
        self.senders.dropped()
    }
}
