//! Ends on loopback, what they have heard, and a network between them that loses, doubles, delays and reorders.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use applemidi_io::{Admission, Change, Config, End, Event, Host, Timers};

/// An end and what its listener has heard.
pub(crate) struct Ear {
    pub(crate) end: End,
    heard: Arc<Mutex<Heard>>,
}

/// What a listener has heard.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) messages: Vec<Vec<u8>>,
    /// When each of them was played.
    pub(crate) played: Vec<Option<Instant>>,
    pub(crate) changes: Vec<Change>,
}

/// An end on loopback for whoever comes, which loses patience faster than others.
pub(crate) fn config(name: &str) -> Config {
    const SLOWLY: Duration = Duration::from_millis(500);
    let timers = Timers {
        invitation: &[SLOWLY; 12],
        clock_start: &[Duration::ZERO],
        clock: SLOWLY,
        clock_again: SLOWLY,
        expiry: Duration::from_secs(6),
        ..Timers::default()
    };
    let admission = Admission::Everyone;
    Config { port: 0, address: Some(Ipv4Addr::LOCALHOST.into()), admission, timers, ..Config::new(name) }
}

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

impl Ear {
    /// Opens an end on loopback, on any port for 0.
    pub(crate) fn open(host: &Host, name: &str, port: u16) -> Self {
        Self::with(host, &Config { port, ..config(name) })
    }

    /// Opens an end that is set up like this.
    pub(crate) fn with(host: &Host, config: &Config) -> Self {
        let heard = Arc::<Mutex<Heard>>::default();
        let of_listener = heard.clone();
        let listener = move |event: Event<'_>| {
            let mut heard = of_listener.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Event::Midi { octets, played, .. } => {
                    heard.messages.push(octets.to_vec());
                    heard.played.push(played);
                }
                Event::Change { change, .. } => heard.changes.push(change),
                _ => {}
            }
        };
        Self { end: host.open(config, listener).unwrap(), heard }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.end.port()).into()
    }

    /// What has been heard.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Heard) -> T) -> T {
        look(&self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn state(&self) -> State {
        self.look(|heard| State::after(&heard.messages))
    }

    /// Waits until it is so with what has been heard.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, is_so: impl Fn(&Heard) -> bool) {
        self.wait_for(what, || self.look(&is_so));
    }

    /// Waits until it is so.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, is_so: impl Fn() -> bool) {
        let started = Instant::now();
        while !is_so() {
            assert!(started.elapsed() < PATIENCE, "{what}: {:?}", self.look(|heard| heard.changes.clone()));
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until music may be sent for the time of this number.
    #[track_caller]
    pub(crate) fn wait_for_listeners(&self, count: usize) {
        self.wait("nobody listens", |heard| {
            heard.changes.iter().filter(|change| **change == Change::Listening).count() >= count
        });
    }
}

/// What an instrument is set to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct State {
    /// By status octet, and by first data octet where that names a thing and not a value.
    settings: BTreeMap<(u8, u8), Vec<u8>>,
    notes: BTreeSet<(u8, u8)>,
}

impl State {
    pub(crate) fn after(messages: &[Vec<u8>]) -> Self {
        let mut state = Self::default();
        for message in messages {
            match message[..] {
                [status @ 0x80..=0x8F, note, _] | [status @ 0x90..=0x9F, note, 0] => {
                    state.notes.remove(&(status & 15, note));
                }
                [status @ 0x90..=0x9F, note, _] => drop(state.notes.insert((status & 15, note))),
                [status @ 0xB0..=0xBF, controller, value] => {
                    state.settings.insert((status, controller), vec![value]);
                }
                [status @ 0xC0..=0xEF, ref rest @ ..] => drop(state.settings.insert((status, 0), rest.to_vec())),
                _ => {}
            }
        }
        state
    }

    pub(crate) fn notes(&self) -> usize {
        self.notes.len()
    }

    /// Whether this is what becomes of `sent` on a network that loses packets: all is set alike, and no note sounds that
    /// should not. One that was lost and came too late stays silent.
    pub(crate) fn is_repaired(&self, sent: &Self) -> bool {
        self.settings == sent.settings && self.notes.is_subset(&sent.notes)
    }
}

/// A pair of ports whose datagrams go to another pair, or get lost.
pub(crate) struct Link {
    port: u16,
    cut: Arc<AtomicBool>,
    clock: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// What a link does to datagrams, in percent, and for how long it holds them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Weather {
    pub(crate) lost: u32,
    /// How many are lost in a row.
    pub(crate) burst: u32,
    pub(crate) doubled: u32,
    pub(crate) jitter: Duration,
    /// Whether none overtakes another one.
    pub(crate) in_order: bool,
}

impl Link {
    /// A link to whoever has this control port.
    pub(crate) fn to(target: SocketAddr, weather: Weather, seed: u64) -> Self {
        let ([near_control, near_data], [far_control, far_data]) = (pair(), pair());
        let port = near_control.local_addr().unwrap().port();
        let (cut, stop, clock) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default(), Arc::default());
        let mut threads = Vec::new();
        for (near, far, above) in [(near_control, far_control, 0), (near_data, far_data, 1)] {
            let (cut, stop) = (cut.clone(), stop.clone());
            let target = SocketAddr::new(target.ip(), target.port() + above);
            let (random, clock) = (seed * 2 + u64::from(above), Arc::clone(&clock));
            let relay = Relay { near, far, target, weather, clock, random, under_way: Vec::new() };
            threads.push(std::thread::spawn(move || relay.run(&cut, &stop)));
        }
        Self { port, cut, clock, stop, threads }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Nothing passes, or all that does.
    pub(crate) fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::SeqCst);
    }

    /// The clock of whoever calls is ahead by so many ticks of 100 µs.
    pub(crate) fn set_clock(&self, ticks: u64) {
        self.clock.store(ticks, Ordering::SeqCst);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

/// One of the two ports of a link.
struct Relay {
    near: UdpSocket,
    far: UdpSocket,
    target: SocketAddr,
    weather: Weather,
    clock: Arc<AtomicU64>,
    random: u64,
    under_way: Vec<(Instant, bool, Vec<u8>)>,
}

impl Relay {
    fn run(mut self, cut: &AtomicBool, stop: &AtomicBool) {
        let (mut caller, mut octets, mut falling) = (None, [0; 2048], [0; 2]);
        for socket in [&self.near, &self.far] {
            socket.set_nonblocking(true).unwrap();
        }
        while !stop.load(Ordering::SeqCst) {
            let mut is_idle = true;
            for outward in [true, false] {
                let from = if outward { &self.near } else { &self.far };
                let Ok((length, sender)) = from.recv_from(&mut octets) else { continue };
                is_idle = false;
                if outward {
                    caller = Some(sender);
                }
                let falling = &mut falling[usize::from(outward)];
                if *falling > 0 {
                    *falling -= 1;
                    continue;
                }
                if self.chance(self.weather.lost) {
                    *falling = self.weather.burst.saturating_sub(1);
                    continue;
                }
                for _ in 0..=u32::from(self.chance(self.weather.doubled)) {
                    let delay = self.weather.jitter.mul_f64(f64::from(self.draw()) / 100.0);
                    let mut at = Instant::now() + delay;
                    if self.weather.in_order {
                        let before = self.under_way.iter().filter(|(_, way, _)| *way == outward).map(|(at, ..)| *at);
                        at = before.max().map_or(at, |before| before.max(at));
                    }
                    self.under_way.push((at, outward, octets[..length].to_vec()));
                }
            }
            let now = Instant::now();
            let arrived = self.under_way.extract_if(.., |(at, ..)| *at <= now);
            for (_, outward, mut octets) in arrived {
                shift(&mut octets, outward, self.clock.load(Ordering::SeqCst));
                let (socket, to) = if outward { (&self.far, Some(self.target)) } else { (&self.near, caller) };
                if let Some(to) = to.filter(|_| !cut.load(Ordering::SeqCst)) {
                    let _ = socket.send_to(&octets, to);
                }
            }
            if is_idle {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.draw() < percent
    }

    /// From 0 to 99.
    fn draw(&mut self) -> u32 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as u32 % 100
    }
}

/// Makes of what the caller sends, and of what it is sent, what it would be if its clock were so many ticks ahead.
fn shift(octets: &mut [u8], outward: bool, ticks: u64) {
    if octets.starts_with(b"\xFF\xFFCK") && octets.len() >= 36 {
        // Its own times as it tells them, and as they are repeated to it.
        let own: &[usize] = match (octets[8], outward) {
            (0, true) | (1, false) => &[12],
            (1, true) | (2, false) => &[20],
            (2, true) => &[12, 28],
            _ => &[],
        };
        for place in own {
            let octets = &mut octets[*place..place + 8];
            let time = u64::from_be_bytes((&*octets).try_into().unwrap());
            let time = if outward { time.wrapping_add(ticks) } else { time.wrapping_sub(ticks) };
            octets.copy_from_slice(&time.to_be_bytes());
        }
    } else if outward && octets[0] == 0x80 && octets.len() >= 12 {
        let time = u32::from_be_bytes(octets[4..8].try_into().unwrap());
        octets[4..8].copy_from_slice(&time.wrapping_add(ticks as u32).to_be_bytes());
    }
}

/// Two sockets on loopback, one above the other.
fn pair() -> [UdpSocket; 2] {
    let address = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    (0..100)
        .find_map(|_| {
            let control = UdpSocket::bind(address(0)).unwrap();
            let data = UdpSocket::bind(address(control.local_addr().unwrap().port() + 1)).ok()?;
            Some([control, data])
        })
        .unwrap()
}
