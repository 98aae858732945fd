//! The thread that runs all ends of a process, and how an application holds one of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use applemidi::{Admission, Input, ParticipantId, Port};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use rtp_midi::midi::Command;

use crate::calls::CallId;
use crate::config::{Config, PORT};
use crate::endpoint::Endpoint;
use crate::event::{Event, Stats};
use crate::lock::lock;
use crate::neighbourhood::Neighbourhood;
use crate::priority::{self, RealTime};

/// The thread, in real time where the system allows it. It ends with this value; the ends that it runs are closed before.
pub struct Host {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// One end of a session. It is closed when this value is dropped: participants are told, and what sounds is let go.
pub struct End {
    running: Arc<Mutex<Running>>,
    shared: Arc<Shared>,
    number: usize,
    port: u16,
}

struct Shared {
    epoch: Instant,
    next: AtomicUsize,
    orders: Mutex<Vec<Order>>,
    registry: Registry,
    waker: Waker,
    neighbourhood: OnceLock<Arc<Neighbourhood>>,
}

enum Order {
    Add(usize, Arc<Mutex<Running>>),
    /// A peer that an end calls has been looked up.
    Found(usize, CallId, Option<String>, Vec<SocketAddr>),
    /// Something has become due earlier.
    Look(usize),
    Remove(usize),
    Stop,
}

struct Running {
    endpoint: Endpoint,
    listener: Box<dyn FnMut(Event<'_>) + Send>,
    /// When the thread will look; `None` for never.
    scheduled: Option<Duration>,
}

/// Largest datagram.
const DATAGRAM: usize = 65_536;

const WAKER: Token = Token(usize::MAX);

impl Host {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread or no file descriptor left.
    pub fn start() -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let (next, orders, neighbourhood) = (AtomicUsize::new(0), Mutex::default(), OnceLock::new());
        let shared = Arc::new(Shared { epoch: Instant::now(), next, orders, registry, waker, neighbourhood });
        let of_thread = shared.clone();
        let run = move || Runner::new(of_thread, poll).run();
        let thread = std::thread::Builder::new().name("applemidi".to_owned()).spawn(run)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// From now on peers that are called are looked for among those announced here as well, under their names.
    pub fn look_around(&self, neighbourhood: Arc<Neighbourhood>) {
        // Who looks around already goes on where he looks.
        let _ = self.shared.neighbourhood.set(neighbourhood);
    }

    /// Opens an end. `listener` is told what happens, by the thread and by whoever calls methods of [`End`]; it must not
    /// call these itself, and not wait.
    ///
    /// # Errors
    /// When the ports are taken or not allowed.
    pub fn open(&self, config: &Config, listener: impl FnMut(Event<'_>) + Send + 'static) -> io::Result<End> {
        let endpoint = Endpoint::open(config, self.shared.epoch)?;
        let port = endpoint.sockets().port()?;
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        register(&endpoint, &self.shared.registry, number)?;
        let running = Running { endpoint, listener: Box::new(listener), scheduled: None };
        let running = Arc::new(Mutex::new(running));
        self.shared.order(Order::Add(number, running.clone()));
        Ok(End { running, shared: self.shared.clone(), number, port })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.shared.order(Order::Stop);
        if let Some(thread) = self.thread.take() {
            // It catches the panics of listeners; one of its own has been reported.
            let _ = thread.join();
        }
    }
}

impl End {
    /// The control port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Plays octets of a MIDI stream to everybody, whole messages or parts of them. They go out at once.
    pub fn play(&self, octets: &[u8]) {
        self.play_at(octets, Instant::now());
    }

    /// The same, for what should be heard at this time: they go out at once with its RTP time, by which peers can undo
    /// what kept the caller from being punctual. It is near now; one before that of an earlier call counts as that.
    pub fn play_at(&self, octets: &[u8], at: Instant) {
        self.with(|running| running.endpoint.play(octets, at));
    }

    /// Plays a command to one participant alone, with the RTP time of `at`. It goes out at once.
    pub fn play_to(&self, participant: ParticipantId, command: &Command<'_>, at: Instant) {
        self.with(|running| running.endpoint.play_to(participant, command, at));
    }

    /// Invites whoever has this control port, unless it takes part or is being invited.
    pub fn invite(&self, control: SocketAddr) {
        self.wish(Input::Invite(control));
    }

    /// Calls a peer until [`hang_up`](Self::hang_up): whenever it is gone, it is looked up and invited again. `peer` is
    /// the name of a session that is announced ([`Host::look_around`]), or a host by name or number and its control port,
    /// as `piano.local:5006`; without a port it is 5004.
    pub fn call(&self, peer: &str) -> CallId {
        self.with(|running| running.endpoint.call(peer))
    }

    /// Calls a peer no more, and parts from it.
    pub fn hang_up(&self, call: CallId) {
        self.with(|running| running.endpoint.hang_up(call, &mut running.listener));
    }

    /// Something has changed around: peers that are called and are not there are tried at once.
    pub fn hurry(&self) {
        self.with(|running| running.endpoint.hurry());
    }

    /// Lets a participant in that asks.
    pub fn admit(&self, participant: ParticipantId) {
        self.wish(Input::Admit(participant));
    }

    /// Does not let a participant in that asks.
    pub fn reject(&self, participant: ParticipantId) {
        self.wish(Input::Reject(participant));
    }

    /// Parts from a participant.
    pub fn leave(&self, participant: ParticipantId) {
        self.wish(Input::Leave(participant));
    }

    /// Whose invitations are accepted from now on.
    pub fn set_admission(&self, admission: Admission) {
        self.with(|running| running.endpoint.set_admission(admission));
    }

    /// Numbers about everybody who takes part.
    pub fn stats(&self) -> Vec<Stats> {
        self.with(|running| running.endpoint.stats())
    }

    fn wish(&self, input: Input<'_>) {
        self.with(|running| running.endpoint.wish(input, &mut running.listener));
    }

    fn with<T>(&self, act: impl FnOnce(&mut Running) -> T) -> T {
        let mut running = lock(&self.running);
        let result = act(&mut running);
        let due = running.endpoint.due();
        let is_earlier = due.is_some_and(|due| running.scheduled.is_none_or(|scheduled| due < scheduled));
        if is_earlier {
            running.scheduled = due;
            self.shared.order(Order::Look(self.number));
        }
        result
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.wish(Input::Close);
        self.shared.order(Order::Remove(self.number));
    }
}

impl Shared {
    fn order(&self, order: Order) {
        lock(&self.orders).push(order);
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "the thread of the sessions cannot be woken");
        }
    }
}

/// What the thread has.
struct Runner {
    shared: Arc<Shared>,
    poll: Poll,
    ends: BTreeMap<usize, Seat>,
    due: BTreeSet<(Duration, usize)>,
    /// Sockets that have something, as far as is known: each is there once, and they take turns.
    unread: VecDeque<(usize, Port)>,
    buffer: Vec<u8>,
}

/// An end as the thread knows it.
struct Seat {
    running: Arc<Mutex<Running>>,
    /// When it is in `due`.
    scheduled: Option<Duration>,
    /// Which of its ports are in `unread`, the control port first.
    is_unread: [bool; 2],
}

impl Runner {
    fn new(shared: Arc<Shared>, poll: Poll) -> Self {
        Self {
            shared,
            poll,
            ends: BTreeMap::new(),
            due: BTreeSet::new(),
            unread: VecDeque::new(),
            buffer: vec![0; DATAGRAM],
        }
    }

    fn run(mut self) {
        let (mut events, mut orders) = (Events::with_capacity(256), Vec::new());
        let mut real_time = RealTime::ask();
        loop {
            let timeout = if self.unread.is_empty() {
                self.due.first().map(|(due, _)| due.saturating_sub(self.shared.epoch.elapsed()))
            } else {
                Some(Duration::ZERO)
            };
            if let Err(error) = real_time.wait(|| self.poll.poll(&mut events, timeout))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "the sessions cannot be waited for");
                return;
            }
            orders.append(&mut *lock(&self.shared.orders));
            for order in orders.drain(..) {
                match order {
                    Order::Add(number, running) => self.add(number, running),
                    Order::Found(number, call, name, addresses) => self.act(number, |running, _| {
                        running.endpoint.found(call, name, &addresses, &mut running.listener);
                    }),
                    Order::Look(number) => self.act(number, |_, _| ()),
                    Order::Remove(number) => self.remove(number),
                    Order::Stop => return self.stop(),
                }
            }
            for event in events.iter().filter(|event| event.token() != WAKER) {
                self.take_a_turn(of_token(event.token()));
            }
            // Who has more than its turn takes waits until the others have had theirs.
            for _ in 0..self.unread.len() {
                if let Some((number, port)) = self.unread.pop_front() {
                    self.read(number, port);
                }
                real_time.go_on();
            }
            let now = self.shared.epoch.elapsed();
            while let Some((_, number)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
                let (shared, mut wanted) = (self.shared.clone(), Vec::new());
                self.act(number, |running, _| {
                    running.endpoint.run(&mut running.listener);
                    wanted.extend(std::iter::from_fn(|| running.endpoint.look_up()));
                });
                for (call, peer) in wanted {
                    look_up(&shared, number, call, peer);
                }
            }
        }
    }

    fn add(&mut self, number: usize, running: Arc<Mutex<Running>>) {
        self.ends.insert(number, Seat { running, scheduled: None, is_unread: [false; 2] });
        // What was told to come before it was known.
        for port in [Port::Control, Port::Data] {
            self.take_a_turn((number, port));
        }
        self.act(number, |_, _| ());
    }

    /// A socket has something, and is read when those have been that had something before.
    fn take_a_turn(&mut self, (number, port): (usize, Port)) {
        let Some(seat) = self.ends.get_mut(&number) else { return };
        if !std::mem::replace(&mut seat.is_unread[place(port)], true) {
            self.unread.push_back((number, port));
        }
    }

    fn read(&mut self, number: usize, port: Port) {
        let Some(seat) = self.ends.get_mut(&number) else { return };
        seat.is_unread[place(port)] = false;
        let mut has_more = false;
        self.act(number, |running, buffer| {
            has_more = running.endpoint.receive(port, buffer, &mut running.listener);
        });
        if has_more {
            self.take_a_turn((number, port));
        }
    }

    /// Does something with an end, and notes when it is due. An end whose listener panics is closed.
    fn act(&mut self, number: usize, act: impl FnOnce(&mut Running, &mut [u8])) {
        let Some(running) = self.ends.get(&number).map(|seat| seat.running.clone()) else { return };
        let mut running = lock(&running);
        let buffer = &mut self.buffer;
        let result = catch_unwind(AssertUnwindSafe(|| act(&mut running, buffer)));
        if result.is_err() {
            tracing::error!("a session is closed because its listener has panicked");
            running.endpoint.wish(Input::Close, &mut |_| ());
            drop(running);
            return self.remove(number);
        }
        running.scheduled = running.endpoint.due();
        let scheduled = running.scheduled;
        drop(running);
        self.schedule(number, scheduled);
    }

    fn schedule(&mut self, number: usize, at: Option<Duration>) {
        let Some(seat) = self.ends.get_mut(&number).filter(|seat| seat.scheduled != at) else { return };
        if let Some(before) = std::mem::replace(&mut seat.scheduled, at) {
            self.due.remove(&(before, number));
        }
        self.due.extend(at.map(|at| (at, number)));
    }

    fn remove(&mut self, number: usize) {
        self.schedule(number, None);
        if let Some(Seat { running, .. }) = self.ends.remove(&number) {
            for port in [Port::Control, Port::Data] {
                let fd = lock(&running).endpoint.sockets().socket(port).as_raw_fd();
                // It is waited for since the end was opened; closing it ends that as well.
                let _ = self.poll.registry().deregister(&mut SourceFd(&fd));
            }
        }
    }

    /// Closes all ends.
    fn stop(self) {
        for seat in self.ends.values() {
            let mut running = lock(&seat.running);
            let Running { endpoint, listener, .. } = &mut *running;
            endpoint.wish(Input::Close, listener);
        }
    }
}

/// Looks a peer up in a thread of its own, since that may take long.
fn look_up(shared: &Arc<Shared>, number: usize, call: CallId, peer: String) {
    let of_thread = shared.clone();
    let look_up = move || {
        priority::leave();
        let neighbour = of_thread.neighbourhood.get().and_then(|neighbourhood| neighbourhood.find(&peer));
        let (name, addresses) = match neighbour {
            Some(neighbour) => (Some(neighbour.name), neighbour.addresses),
            None => (None, resolve(&peer)),
        };
        of_thread.order(Order::Found(number, call, name, addresses));
    };
    if std::thread::Builder::new().name("look-up".to_owned()).spawn(look_up).is_err() {
        shared.order(Order::Found(number, call, None, Vec::new()));
    }
}

/// The addresses of a host and its control port, which need not be said; none if nobody knows it.
fn resolve(peer: &str) -> Vec<SocketAddr> {
    let addresses = peer.to_socket_addrs().or_else(|_| (peer, PORT).to_socket_addrs());
    addresses.map(Iterator::collect).unwrap_or_default()
}

fn register(endpoint: &Endpoint, registry: &Registry, number: usize) -> io::Result<()> {
    for port in [Port::Control, Port::Data] {
        let fd = endpoint.sockets().socket(port).as_raw_fd();
        registry.register(&mut SourceFd(&fd), token(number, port), Interest::READABLE)?;
    }
    Ok(())
}

const fn token(number: usize, port: Port) -> Token {
    Token(number << 1 | place(port))
}

/// The control port comes first.
const fn place(port: Port) -> usize {
    matches!(port, Port::Data) as usize
}

const fn of_token(token: Token) -> (usize, Port) {
    (token.0 >> 1, if token.0 & 1 == 0 { Port::Control } else { Port::Data })
}
