//! Who goes to the JACK server, makes ports there, and goes again when it is back. All that may take its time is done here,
//! in a thread of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use jack::{AsyncClient, Client, ClientStatus, MidiIn, MidiOut, NotificationHandler, Port, PortId, Unowned};
use rtrb::{Consumer, Producer, RingBuffer};

use super::process::{Change, End, Losses, MOST, Pair, Process};
use super::ring::{Reader, Writer, ring};
use crate::cmd::bridge::inbox::Inbox;
use crate::ports::{LONGEST_GOODBYE, Missing, Threads, jack_client, jack_connections};

/// What is to be done.
pub(super) enum Order {
    /// Make a pair of ports.
    Come(usize, String),
    /// Give it another name.
    Rename(usize, String),
    /// Take one away.
    Go(usize),
    /// Connect a source of somebody with it.
    Feed(usize, String),
    /// Something has been connected or disconnected.
    Look,
    /// The server is gone.
    Over,
    /// Nobody gives orders any more.
    End,
}

/// What has come of it.
pub(super) enum News {
    /// A server is there, at which we are called so; what comes from its ports is here.
    Open(String, Reader),
    /// A pair is there; what is to be played goes here.
    Ready(usize, Writer, Arc<Losses>),
    /// A pair cannot be made.
    Refused(usize),
    /// Something is connected with a pair, or nothing is any more.
    Wanted(usize, bool),
    /// These sources of others are connected with the pair for exports.
    Exported(BTreeSet<String>),
    /// There is no server; it is looked for again, unless that is of no use.
    Missing(Missing),
    /// The server has gone.
    Over,
}

/// The pair for exports: the first one that is wanted.
pub(super) const EXPORT: usize = 0;

/// How often a server is looked for.
const RETRY: Duration = Duration::from_secs(1);

/// How soon ports are let go that JACK's thread has done with.
const SWEEP: Duration = Duration::from_millis(20);

/// Who does it.
pub(super) struct Keeper {
    pub(super) client: String,
    pub(super) orders: Receiver<Order>,
    /// For what the server tells.
    pub(super) order: Sender<Order>,
    pub(super) news: Sender<News>,
    pub(super) inbox: Inbox,
    /// From which times count.
    pub(super) start: Instant,
}

/// The client at a server.
struct House {
    // Ends first if at all: JACK's thread uses the rest.
    client: ManuallyDrop<AsyncClient<Notices, Process>>,
    changes: Producer<Change>,
    gone: Consumer<Pair>,
    leaving: usize,
    pairs: BTreeMap<usize, Known>,
    /// Sources that are connected with the pair for exports.
    exported: BTreeSet<String>,
    threads: Arc<Threads>,
    /// Asks JACK's thread to end.
    is_over: Arc<AtomicBool>,
}

/// A pair that is there.
struct Known {
    input: Port<Unowned>,
    output: Port<Unowned>,
    is_wanted: bool,
}

impl Keeper {
    /// Works until it is told to end.
    pub(super) fn run(self) {
        let (mut wanted, mut is_told) = (BTreeMap::<usize, String>::new(), false);
        let mut house: Option<House> = None;
        loop {
            if house.is_none() {
                match self.open() {
                    Ok((mut opened, heard)) => {
                        self.tell(News::Open(opened.client.as_client().name().to_owned(), heard));
                        for (slot, name) in &wanted {
                            self.come(&mut opened, *slot, name);
                        }
                        (house, is_told) = (Some(opened), false);
                    }
                    Err(missing) => {
                        let may_come = missing.may_come;
                        if !std::mem::replace(&mut is_told, true) {
                            self.tell(News::Missing(missing));
                        }
                        if !may_come {
                            return;
                        }
                    }
                }
            }
            let is_leaving = house.as_ref().is_some_and(|house| house.leaving > 0);
            match self.orders.recv_timeout(if is_leaving { SWEEP } else { RETRY }) {
                Ok(Order::Come(slot, name)) => {
                    if let Some(house) = &mut house {
                        self.come(house, slot, &name);
                    }
                    wanted.insert(slot, name);
                }
                Ok(Order::Rename(slot, name)) => {
                    if let Some(house) = &mut house {
                        house.rename(slot, &name);
                    }
                    wanted.insert(slot, name);
                }
                Ok(Order::Go(slot)) => {
                    wanted.remove(&slot);
                    if let Some(house) = &mut house {
                        house.go(slot);
                    }
                }
                Ok(Order::Feed(slot, source)) => {
                    if let Some(house) = &house {
                        house.feed(slot, &source);
                    }
                }
                Ok(Order::Look) => {
                    if let Some(house) = &mut house {
                        self.look(house);
                    }
                }
                Ok(Order::Over) => {
                    if let Some(house) = house.take() {
                        self.tell(News::Over);
                        house.close();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Order::End) | Err(RecvTimeoutError::Disconnected) => break,
            }
            house.iter_mut().for_each(House::sweep);
        }
        house.into_iter().for_each(House::leave);
    }

    fn open(&self) -> Result<(House, Reader), Missing> {
        let client = jack_client(&self.client)?;
        let ((changes, to_change), (done, gone)) = (RingBuffer::new(MOST), RingBuffer::new(MOST));
        let (heard, hears) = ring();
        let (threads, is_over) = (Arc::<Threads>::default(), Arc::<AtomicBool>::default());
        let end = End { threads: threads.clone(), is_over: is_over.clone() };
        let process = Process::new(to_change, done, heard, self.inbox.clone(), self.start, end);
        let notices = Notices { order: self.order.clone(), threads: threads.clone() };
        let client = client
            .activate_async(notices, process)
            .map_err(|error| Missing::new(format!("the JACK server lets nobody in: {error}")))?;
        let (client, pairs, exported) = (ManuallyDrop::new(client), BTreeMap::new(), BTreeSet::new());
        Ok((House { client, changes, gone, leaving: 0, pairs, exported, threads, is_over }, hears))
    }

    fn come(&self, house: &mut House, slot: usize, name: &str) {
        match house.come(slot, name) {
            Some((writer, losses)) => self.tell(News::Ready(slot, writer, losses)),
            None => self.tell(News::Refused(slot)),
        }
    }

    /// Looks at who is connected.
    fn look(&self, house: &mut House) {
        let exported = house.pairs.get(&EXPORT).map(|known| house.sources(&known.input)).unwrap_or_default();
        if house.exported != exported {
            house.exported.clone_from(&exported);
            self.tell(News::Exported(exported));
        }
        for (slot, known) in &mut house.pairs {
            let is_connected = |port: &Port<Unowned>| port.connected_count().is_ok_and(|count| count > 0);
            let is_wanted = is_connected(&known.input) || is_connected(&known.output);
            if std::mem::replace(&mut known.is_wanted, is_wanted) != is_wanted {
                self.tell(News::Wanted(*slot, is_wanted));
            }
        }
    }

    fn tell(&self, news: News) {
        // Nobody is left to be told at the end.
        let _ = self.news.send(news);
        self.inbox.nudge();
    }
}

/// How long the end may take.
const LONGEST_END: Duration = Duration::from_millis(250);

impl House {
    /// Leaves the server at the end of the program.
    fn leave(self) {
        let client = self.client.as_client();
        // What has been let go at the end is played two periods later.
        let period = f64::from(client.buffer_size()) / f64::from(client.sample_rate().max(1));
        std::thread::sleep(Duration::from_secs_f64(3.0 * period).min(LONGEST_END));
        // JACK's thread ends when it says so itself; PipeWire's does not.
        self.is_over.store(true, Ordering::SeqCst);
        self.threads.wait_for_an_end(LONGEST_END);
        // To close it would cancel the thread that tells of ports, wherever that is. The server sees that we have ended.
        std::mem::forget(self);
    }

    /// Closes the client of a server that is gone, as soon as the library's threads are at rest: it cancels them.
    fn close(mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        if self.threads.rest(LONGEST_GOODBYE) {
            // SAFETY: nobody uses it behind this.
            unsafe { ManuallyDrop::drop(&mut self.client) };
        }
    }

    /// Makes a pair of ports, `NAME out` for what the name plays and `NAME in` for what is played to it.
    fn come(&mut self, slot: usize, name: &str) -> Option<(Writer, Arc<Losses>)> {
        if self.changes.is_full() || self.pairs.len() >= MOST {
            return None;
        }
        let client = self.client.as_client();
        let output = client.register_port(&format!("{name} out"), MidiOut::default()).ok()?;
        let Ok(input) = client.register_port(&format!("{name} in"), MidiIn::default()) else {
            let _ = client.unregister_port(output);
            return None;
        };
        let known = Known { input: input.clone_unowned(), output: output.clone_unowned(), is_wanted: false };
        let ((writer, plays), losses) = (ring(), Arc::<Losses>::default());
        let pair = Pair { slot, input, output, plays, losses: losses.clone() };
        self.changes.push(Change::Come(pair)).ok()?;
        self.pairs.insert(slot, known);
        Some((writer, losses))
    }

    fn rename(&mut self, slot: usize, name: &str) {
        if let Some(known) = self.pairs.get_mut(&slot) {
            // One that cannot be had stays as it was.
            let _ = known.output.set_name(&format!("{name} out"));
            let _ = known.input.set_name(&format!("{name} in"));
        }
    }

    /// Who plays to a port of ours, but for ports of ours.
    fn sources(&self, port: &Port<Unowned>) -> BTreeSet<String> {
        let own = format!("{}:", self.client.as_client().name());
        jack_connections(self.client.as_client(), port).into_iter().filter(|name| !name.starts_with(&own)).collect()
    }

    fn feed(&self, slot: usize, source: &str) {
        let Some(input) = self.pairs.get(&slot).and_then(|known| known.input.name().ok()) else { return };
        // One that has gone in the meantime is seen as such.
        let _ = self.client.as_client().connect_ports_by_name(source, &input);
    }

    fn go(&mut self, slot: usize) {
        if self.pairs.remove(&slot).is_some() && self.changes.push(Change::Go(slot)).is_ok() {
            self.leaving += 1;
        }
    }

    /// Lets go the ports with which JACK's thread has done.
    fn sweep(&mut self) {
        while let Ok(pair) = self.gone.pop() {
            let (client, Pair { input, output, .. }) = (self.client.as_client(), pair);
            // Where the server is gone, so are they.
            let _ = client.unregister_port(input);
            let _ = client.unregister_port(output);
            self.leaving = self.leaving.saturating_sub(1);
        }
    }
}

/// What the server tells.
struct Notices {
    order: Sender<Order>,
    threads: Arc<Threads>,
}

impl NotificationHandler for Notices {
    fn thread_init(&self, _: &Client) {
        self.threads.begin();
    }

    unsafe fn shutdown(&mut self, _status: ClientStatus, _reason: &str) {
        let _inside = self.threads.enter();
        let _ = self.order.send(Order::Over);
    }

    fn ports_connected(&mut self, _: &Client, _one: PortId, _other: PortId, _are_connected: bool) {
        let _inside = self.threads.enter();
        let _ = self.order.send(Order::Look);
    }
}
