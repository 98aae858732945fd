//! Ports of JACK, or of PipeWire where its library stands in for JACK's: a pair for each port of the bay.
//!
//! ```text
//!  bay ─ Plugs ── ring of each pair ──▶ process, in JACK's thread ──▶ NAME out
//!          ▲◀──── ring of all ──────────┘            ▲                NAME in
//!          └── news ── keeper, who makes ports ──────┘ changes
//! ```

mod keeper;
mod process;
mod ring;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use midi_routing::PortId;
use rtp_midi::midi::{Command, Part, Sounding, System};

use self::keeper::{Keeper, Order};
use self::process::Losses;
use self::ring::{LONGEST, Reader, Writer};
use crate::cmd::bridge::bay::Bay;
use crate::cmd::bridge::inbox::Inbox;
use crate::cmd::bridge::status::{Origin, PortState, Transport};
use crate::failure::{Failure, Result};

/// The ports that other programs see.
pub(crate) struct Plugs {
    orders: Sender<Order>,
    news: Receiver<keeper::News>,
    heard: Option<Reader>,
    all: BTreeMap<usize, Plug>,
    /// The slot of each by its port in the bay.
    slots: BTreeMap<PortId, usize>,
    next: usize,
    room: Vec<u8>,
    /// From which times count.
    start: Instant,
}

/// A pair of ports for a port of the bay.
struct Plug {
    /// Its own port in the bay.
    port: PortId,
    /// What it stands for.
    of: PortId,
    line: Option<Line>,
    /// System Exclusive that is not whole.
    segments: Vec<u8>,
    /// What has been played and sounds.
    sounding: Sounding,
    /// Something found no room: what sounds is to be let go, since its end may be among it.
    is_lossy: bool,
}

/// The way to a pair that is there.
struct Line {
    /// From which times count.
    start: Instant,
    writer: Writer,
    losses: Arc<Losses>,
}

/// What has happened.
pub(crate) enum News {
    /// Something is connected with the pair of this port, or nothing is any more.
    Wanted(PortId, bool),
    /// A server is there, or has gone.
    Server(&'static str),
    /// Something does not work.
    Missing(String),
}

/// How soon it is tried again to let go what sounds.
const SOON: Duration = Duration::from_millis(10);

/// How long the end may take.
const GOODBYE: Duration = Duration::from_secs(2);

impl Plugs {
    /// Goes to the server, and again whenever it is back.
    pub(crate) fn open(client: &str, inbox: &Inbox) -> Result<Self> {
        let ((order, orders), (tell, news)) = (channel(), channel());
        // A colon stands behind a client's name.
        let client = client.replace(':', "_").chars().take(LONGEST_NAME).collect();
        let start = Instant::now();
        let keeper = Keeper { client, orders, order: order.clone(), news: tell, inbox: inbox.clone(), start };
        std::thread::Builder::new()
            .name("jack".to_owned())
            .spawn(move || keeper.run())
            .map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
        let (all, slots, room) = (BTreeMap::new(), BTreeMap::new(), vec![0; LONGEST]);
        Ok(Self { orders: order, news, heard: None, all, slots, next: 0, room, start })
    }

    /// Makes a pair for a port of the bay, and connects them.
    pub(crate) fn add(&mut self, at: Duration, bay: &mut Bay, of: PortId) {
        let name = bay.name(of).to_owned();
        let port = bay.add(&format!("jack:{name}"), Transport::Jack);
        bay.set_state(at, port, PortState::Away);
        bay.connect(port, of, Origin::Own);
        bay.connect(of, port, Origin::Own);
        let (segments, sounding) = (Vec::new(), Sounding::default());
        self.all.insert(self.next, Plug { port, of, line: None, segments, sounding, is_lossy: false });
        self.slots.insert(port, self.next);
        self.order(Order::Come(self.next, name));
        self.next += 1;
    }

    /// Gives the pair of a port the name that this has now. Who is connected with it stays so.
    pub(crate) fn rename(&self, bay: &mut Bay, of: PortId) {
        let Some((slot, plug)) = self.all.iter().find(|(_, plug)| plug.of == of) else { return };
        let name = bay.name(of).to_owned();
        bay.rename(plug.port, &format!("jack:{name}"));
        self.order(Order::Rename(*slot, name));
    }

    /// Takes away the pair of a port; returns its own port in the bay.
    pub(crate) fn remove(&mut self, of: PortId) -> Option<PortId> {
        let slot = self.all.iter().find(|(_, plug)| plug.of == of).map(|(slot, _)| *slot)?;
        let port = self.all.remove(&slot)?.port;
        self.slots.remove(&port);
        self.order(Order::Go(slot));
        Some(port)
    }

    /// Plays out of a pair; `None` if the port is none of these, and false if there was no room for it.
    pub(crate) fn play(&mut self, port: PortId, command: &Command<'_>) -> Option<bool> {
        Some(self.all.get_mut(self.slots.get(&port)?)?.play(command))
    }

    /// Takes what has come.
    pub(crate) fn read(&mut self, at: Duration, bay: &mut Bay) -> Vec<News> {
        let mut news = Vec::new();
        while let Ok(it) = self.news.try_recv() {
            self.hear(at, bay, it, &mut news);
        }
        while let Some(heard) = &mut self.heard
            && let Some((slot, octets)) = heard.peek(&mut self.room)
        {
            let port = usize::try_from(slot).ok().and_then(|slot| self.all.get(&slot)).map(|plug| plug.port);
            let (length, mut rest) = (octets.len(), octets);
            // Some put several messages in one event.
            while let (Some(port), Ok((command, behind))) = (port, Command::decode(rest)) {
                bay.hear(at, port, None, command);
                if behind.is_empty() {
                    break;
                }
                rest = behind;
            }
            heard.skip(length);
        }
        for plug in self.all.values_mut() {
            let Some(Line { losses, .. }) = &plug.line else { continue };
            if losses.heard.swap(false, Ordering::Relaxed) {
                bay.overrun(at, plug.port);
            }
            if losses.played.swap(false, Ordering::Relaxed) {
                bay.drop_one(plug.port);
            }
            plug.let_go();
        }
        news
    }

    /// When there is something to do though nothing happens.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.all.values().any(|plug| plug.is_lossy).then_some(SOON)
    }

    fn hear(&mut self, at: Duration, bay: &mut Bay, it: keeper::News, news: &mut Vec<News>) {
        match it {
            keeper::News::Open(heard) => {
                self.heard = Some(heard);
                news.push(News::Server("the JACK server is there"));
            }
            keeper::News::Ready(slot, writer, losses) => {
                if let Some(plug) = self.all.get_mut(&slot) {
                    plug.line = Some(Line { start: self.start, writer, losses });
                    bay.set_state(at, plug.port, PortState::There);
                }
            }
            keeper::News::Refused(slot) => {
                let name = self.all.get(&slot).map_or("", |plug| bay.name(plug.of));
                news.push(News::Missing(format!("{name} gets no ports of JACK, which makes no more")));
            }
            keeper::News::Wanted(slot, is_wanted) => {
                news.extend(self.all.get(&slot).map(|plug| News::Wanted(plug.of, is_wanted)));
            }
            keeper::News::Missing(missing) => {
                news.push(News::Missing(format!("no ports of JACK: {}", missing.words())));
            }
            keeper::News::Over => {
                self.heard = None;
                for plug in self.all.values_mut() {
                    plug.unplug();
                    bay.set_state(at, plug.port, PortState::Away);
                    news.push(News::Wanted(plug.of, false));
                }
                news.push(News::Server("the JACK server is gone"));
            }
        }
    }

    fn order(&self, order: Order) {
        // Nobody takes it where JACK's library is missing.
        let _ = self.orders.send(order);
    }
}

impl Drop for Plugs {
    fn drop(&mut self) {
        self.order(Order::End);
        let asked = Instant::now();
        // A server that is not well may take longer than anybody wants to wait.
        while let Some(left) = GOODBYE.checked_sub(asked.elapsed())
            && !matches!(self.news.recv_timeout(left), Err(RecvTimeoutError::Disconnected))
        {}
    }
}

impl Plug {
    fn play(&mut self, command: &Command<'_>) -> bool {
        if self.line.is_none() {
            // Nobody hears it.
            return true;
        }
        self.let_go();
        let mut octets = Vec::new();
        match command {
            // JACK has whole messages alone.
            Command::System(System::SysEx(segment)) => {
                if !matches!(segment.part, Part::Middle | Part::Last(_)) {
                    self.segments.clear();
                }
                if matches!(segment.part, Part::Whole(_) | Part::First) {
                    self.segments.push(0xF0);
                }
                // What is too long is lost whole at its end.
                if self.segments.len() <= LONGEST {
                    self.segments.extend_from_slice(segment.data);
                }
                if !matches!(segment.part, Part::Whole(_) | Part::Last(_)) {
                    return true;
                }
                std::mem::swap(&mut octets, &mut self.segments);
                octets.push(0xF7);
            }
            Command::System(System::F4(_) | System::F5(_) | System::F9 | System::FD) => return true,
            command => command.encode(&mut octets),
        }
        let is_put = !self.is_lossy && self.put(&octets);
        if is_put {
            self.sounding.observe(&octets);
        }
        self.is_lossy |= !is_put;
        is_put
    }

    fn put(&mut self, octets: &[u8]) -> bool {
        let put = |line: &mut Line| line.writer.put(line.start.elapsed().as_micros() as u64, octets);
        self.line.as_mut().is_some_and(put)
    }

    /// Lets go what sounds if something has found no room.
    fn let_go(&mut self) {
        if self.is_lossy && self.sounding.release().iter().all(|message| self.put(message)) {
            (self.sounding, self.is_lossy) = (Sounding::default(), false);
        }
    }

    fn unplug(&mut self) {
        (self.line, self.sounding, self.is_lossy) = (None, Sounding::default(), false);
        self.segments.clear();
    }
}

/// Characters of a client's name, of which JACK has 63 octets.
const LONGEST_NAME: usize = 30;

#[cfg(test)]
mod tests {
    use super::ring::ring;
    use super::*;

    fn plug() -> (Plug, Reader) {
        let mut bay = Bay::default();
        let ports = ["jack:Piano", "Piano"].map(|name| bay.add(name, Transport::Jack));
        let (writer, reader) = ring();
        let line = Some(Line { start: Instant::now(), writer, losses: Arc::default() });
        let (segments, sounding) = (Vec::new(), Sounding::default());
        (Plug { port: ports[0], of: ports[1], line, segments, sounding, is_lossy: false }, reader)
    }

    fn taken(reader: &mut Reader) -> Vec<Vec<u8>> {
        let (mut room, mut all) = (vec![0; LONGEST], Vec::new());
        while let Some((_, octets)) = reader.peek(&mut room) {
            all.push(octets.to_vec());
            reader.skip(octets.len());
        }
        all
    }

    fn command(octets: &[u8]) -> Command<'_> {
        Command::decode(octets).unwrap().0
    }

    #[test]
    fn system_exclusives_are_whole() {
        let (mut plug, mut reader) = plug();
        for segment in [&[0xF0, 1, 2, 0xF0][..], &[0xF7, 3, 0xF0], &[0xF7, 4, 0xF7], &[0xF0, 5, 0xF7]] {
            assert!(plug.play(&command(segment)));
        }
        // One that is called off is not there.
        for segment in [&[0xF0, 1, 2, 0xF0][..], &[0xF7, 0xF4], &[0xF8]] {
            assert!(plug.play(&command(segment)));
        }
        assert_eq!(taken(&mut reader), [&[0xF0, 1, 2, 3, 4, 0xF7][..], &[0xF0, 5, 0xF7], &[0xF8]]);
    }

    #[test]
    fn what_sounds_is_let_go_when_something_found_no_room() {
        let (mut plug, mut reader) = plug();
        assert!(plug.play(&command(&[0x90, 60, 100])));
        while plug.play(&command(&[0xB0, 1, 1])) {}
        assert!(plug.is_lossy && !plug.play(&command(&[0x80, 60, 64])));
        taken(&mut reader);
        plug.let_go();
        assert_eq!(taken(&mut reader), [[0x80, 60, 64]]);
        assert!(!plug.is_lossy && plug.play(&command(&[0x90, 61, 100])));
        assert_eq!(taken(&mut reader), [[0x90, 61, 100]]);
    }
}
