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

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use midi_routing::PortId;
use rtp_midi::midi::{Command, Part, Sounding, System};

use self::keeper::{EXPORT, Keeper, Order};
use self::process::Losses;
use self::ring::{LONGEST, Reader, Writer};
use crate::cmd::bridge;
use crate::cmd::bridge::bay::Bay;
use crate::cmd::bridge::inbox::Inbox;
use crate::cmd::bridge::rules::Own;
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
    /// What the server calls us.
    client: Option<String>,
    /// Sources of others that are exported, and the sessions by which they are.
    devices: BTreeMap<String, Option<PortId>>,
    room: Vec<u8>,
    /// From which times count.
    start: Instant,
}

/// A pair of ports for a port of the bay.
struct Plug {
    /// Its own port in the bay.
    port: PortId,
    /// What it stands for; nothing in particular if it is the one for exports.
    of: Option<PortId>,
    /// The source of somebody that plays to it.
    feed: Option<String>,
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
    /// A source of somebody is to be exported, under this name.
    Device(String, String),
    /// One is not to be exported any more; that is its session.
    Gone(PortId),
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
        let (slots, room, devices) = (BTreeMap::new(), vec![0; LONGEST], BTreeMap::new());
        let (all, client) = (BTreeMap::new(), None);
        Ok(Self { orders: order, news, heard: None, all, slots, next: EXPORT, client, devices, room, start })
    }

    /// Makes the pair that exports what is connected with it. It is the first one.
    pub(crate) fn add_exports(&mut self, at: Duration, bay: &mut Bay) {
        self.put(at, bay, bridge::EXPORT, None);
    }

    /// Makes a pair for a port of the bay, and connects them.
    pub(crate) fn add(&mut self, at: Duration, bay: &mut Bay, of: PortId) {
        let name = bay.name(of).to_owned();
        self.put(at, bay, &name, Some(of));
    }

    /// Exports a source of somebody by a session: a pair of its own, with which the source is connected, tells it apart
    /// from others, and what comes by the session is heard from the pair for exports as well.
    pub(crate) fn export(&mut self, at: Duration, bay: &mut Bay, device: &str, by: PortId) {
        let name = bay.name(by).to_owned();
        let slot = self.put(at, bay, &name, Some(by));
        if let Some(plug) = self.all.get_mut(&slot) {
            plug.feed = Some(device.to_owned());
        }
        if let Some(exports) = self.all.get(&EXPORT) {
            bay.connect(by, exports.port, Origin::Own);
        }
        self.devices.insert(device.to_owned(), Some(by));
    }

    /// Whether this is the session of a source that is exported.
    pub(crate) fn exports(&self, session: PortId) -> bool {
        self.devices.values().any(|by| *by == Some(session))
    }

    fn put(&mut self, at: Duration, bay: &mut Bay, name: &str, of: Option<PortId>) -> usize {
        let port = bay.add(&format!("jack:{name}"), Transport::Jack);
        bay.set_state(at, port, PortState::Away);
        if let Some(of) = of {
            bay.connect(port, of, Origin::Own);
            bay.connect(of, port, Origin::Own);
        }
        let (segments, sounding) = (Vec::new(), Sounding::default());
        let slot = self.next;
        self.all.insert(slot, Plug { port, of, feed: None, line: None, segments, sounding, is_lossy: false });
        self.slots.insert(port, slot);
        self.order(Order::Come(slot, name.to_owned()));
        self.next += 1;
        slot
    }

    /// What the server knows of us; none where it is not there.
    pub(crate) fn own(&self, bay: &Bay) -> Option<Own> {
        let client = self.client.clone()?;
        let places = |name: &str| [format!("{client}:{name} out"), format!("{client}:{name} in")];
        let faces = self.all.values().filter_map(|plug| plug.of);
        let faces = faces.flat_map(|of| places(bay.name(of)).map(|place| (place, of))).collect();
        Some(Own { faces, exports: places(bridge::EXPORT).into(), clients: [client].into() })
    }

    /// Gives the pair of a port the name that this has now. Who is connected with it stays so.
    pub(crate) fn rename(&self, bay: &mut Bay, of: PortId) {
        let Some((slot, plug)) = self.all.iter().find(|(_, plug)| plug.of == Some(of)) else { return };
        let name = bay.name(of).to_owned();
        bay.rename(plug.port, &format!("jack:{name}"));
        self.order(Order::Rename(*slot, name));
    }

    /// Takes away the pair of a port; returns its own port in the bay.
    pub(crate) fn remove(&mut self, of: PortId) -> Option<PortId> {
        let slot = self.all.iter().find(|(_, plug)| plug.of == Some(of)).map(|(slot, _)| *slot)?;
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
            keeper::News::Open(client, heard) => {
                (self.client, self.heard) = (Some(client), Some(heard));
                news.push(News::Server("the JACK server is there"));
            }
            keeper::News::Ready(slot, writer, losses) => {
                if let Some(plug) = self.all.get_mut(&slot) {
                    plug.line = Some(Line { start: self.start, writer, losses });
                    bay.set_state(at, plug.port, PortState::There);
                    if let Some(source) = plug.feed.clone() {
                        self.order(Order::Feed(slot, source));
                    }
                }
            }
            keeper::News::Refused(slot) => {
                let name = self.all.get(&slot).map_or("", |plug| bay.name(plug.port));
                news.push(News::Missing(format!("{name} gets no ports of JACK, which makes no more")));
            }
            keeper::News::Wanted(slot, is_wanted) => {
                news.extend(self.all.get(&slot).and_then(|plug| Some(News::Wanted(plug.of?, is_wanted))));
            }
            keeper::News::Exported(sources) => self.see_exports(&sources, news),
            keeper::News::Missing(missing) => {
                news.push(News::Missing(format!("no ports of JACK: {}", missing.words())));
            }
            keeper::News::Over => {
                (self.client, self.heard) = (None, None);
                self.see_exports(&BTreeSet::new(), news);
                for plug in self.all.values_mut() {
                    plug.unplug();
                    bay.set_state(at, plug.port, PortState::Away);
                    news.extend(plug.of.map(|of| News::Wanted(of, false)));
                }
                news.push(News::Server("the JACK server is gone"));
            }
        }
    }

    /// Takes note of the sources that are to be exported.
    fn see_exports(&mut self, sources: &BTreeSet<String>, news: &mut Vec<News>) {
        let gone: Vec<String> = self.devices.keys().filter(|source| !sources.contains(*source)).cloned().collect();
        news.extend(gone.iter().filter_map(|source| self.devices.remove(source)).flatten().map(News::Gone));
        for source in sources {
            if !self.devices.contains_key(source) {
                self.devices.insert(source.clone(), None);
                news.push(News::Device(source.clone(), source.replacen(':', " ", 1)));
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
        (Plug { port: ports[0], of: Some(ports[1]), feed: None, line, segments, sounding, is_lossy: false }, reader)
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
