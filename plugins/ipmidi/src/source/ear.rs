//! The thread that hears: datagrams of the right senders as messages, each with the moment at which it came.

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ipmidi::{Receiver, Statistics, datagrams};
use rtp_midi::midi::Command;

use super::queue::Queue;
use crate::guard;
use crate::lock::lock;
use crate::socket::PATIENCE;

/// The thread, which ends with this.
#[derive(Debug)]
pub(super) struct Ear {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Who is heard, and how.
#[derive(Clone, Debug)]
pub(super) struct Manners {
    /// The only senders that are heard; nobody else, unless nobody is named.
    pub(super) senders: Vec<IpAddr>,
    /// What sinks of this process have sent is heard as well.
    pub(super) hears_own: bool,
    /// Most data octets of a System Exclusive.
    pub(super) limit: usize,
    /// Silence that ends what a sender holds.
    pub(super) silence: Option<Duration>,
}

#[derive(Debug, Default)]
struct Shared {
    stops: AtomicBool,
    refused: AtomicU64,
    own: AtomicU64,
    statistics: Mutex<(Statistics, usize)>,
}

/// What has been heard.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) statistics: Statistics,
    /// Senders that are told apart.
    pub(super) senders: u64,
    /// Datagrams of senders that are not to be heard.
    pub(super) refused: u64,
    /// Datagrams of this process.
    pub(super) own: u64,
}

/// Octets of the longest datagram.
const LONGEST: usize = 65_536;

impl Ear {
    /// Hears what comes to `socket`, and gives it to `queue`.
    pub(super) fn open(socket: UdpSocket, manners: Manners, queue: Arc<Queue>) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let its = shared.clone();
        let hear = move || its.hear(&socket, &manners, &queue);
        let thread = std::thread::Builder::new().name("ipmidi".to_owned()).spawn(hear)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(super) fn counts(&self) -> Counts {
        let (statistics, senders) = *lock(&self.shared.statistics);
        Counts {
            statistics,
            senders: senders as u64,
            refused: self.shared.refused.load(Ordering::Relaxed),
            own: self.shared.own.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic has been reported on stderr.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn hear(&self, socket: &UdpSocket, manners: &Manners, queue: &Queue) {
        let silence = manners.silence.map(|silence| silence.as_millis() as u64);
        let mut receiver = Receiver::new(manners.limit).with_silence(silence);
        let mut octets = vec![0; LONGEST];
        while !self.stops.load(Ordering::Relaxed) {
            let received = socket.recv_from(&mut octets);
            // A wait that has ended is no error; any other would come again at once.
            if received.as_ref().is_err_and(|error| error.kind() != ErrorKind::WouldBlock) {
                std::thread::sleep(PATIENCE);
            }
            let now = Instant::now();
            let put = |command: Command<'_>| datagrams(command, usize::MAX, |octets| queue.put(octets, now));
            if let Ok((length, from)) = received {
                let datagram = &octets[..length];
                if !manners.senders.is_empty() && !manners.senders.contains(&from.ip().to_canonical()) {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                } else if !manners.hears_own && guard::is_own(from, datagram) {
                    self.own.fetch_add(1, Ordering::Relaxed);
                } else {
                    receiver.receive(guard::now(), from, datagram, put);
                }
            }
            receiver.expire(guard::now(), put);
            *lock(&self.statistics) = (receiver.statistics(), receiver.senders());
        }
    }
}
