//! A network between the broadcast and a listener: it delays each datagram, by more or less, and puts none in order.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BinaryHeap;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A link, until it is dropped.
pub(crate) struct Link {
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// How long a datagram takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) delay: Duration,
    /// What comes on top, at most.
    pub(crate) jitter: Duration,
}

/// A datagram under way, the next one to arrive the greatest.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Flying(std::cmp::Reverse<Instant>, Vec<u8>);

impl Link {
    /// Carries what comes to the port `from` of the loopback address to the port `to`, and that of the port above to
    /// the one above. What goes back takes its own way.
    pub(crate) fn open(from: u16, to: u16, way: Way) -> Self {
        let ended = Arc::<AtomicBool>::default();
        let start = |offset: u16| {
            let socket = UdpSocket::bind(("127.0.0.1", from + offset)).unwrap();
            let until = ended.clone();
            std::thread::spawn(move || carry(&socket, to + offset, way, &until))
        };
        Self { threads: [0, 1].map(start).into(), ended }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

fn carry(socket: &UdpSocket, to: u16, way: Way, until: &AtomicBool) {
    let mut flying = BinaryHeap::<Flying>::new();
    let mut octets = [0; 2000];
    let mut count = 0_u32;
    while !until.load(Ordering::SeqCst) {
        let next =
            flying.peek().map_or(Duration::from_millis(50), |next| next.0.0.saturating_duration_since(Instant::now()));
        socket.set_read_timeout(Some(next.clamp(Duration::from_micros(100), Duration::from_millis(50)))).unwrap();
        if let Ok(length) = socket.recv(&mut octets) {
            // The same in each run: a part of the jitter for each of seven datagrams.
            count += 1;
            let arrival = Instant::now() + way.delay + way.jitter * (count * 3 % 7) / 6;
            flying.push(Flying(std::cmp::Reverse(arrival), octets[..length].to_vec()));
        }
        while flying.peek().is_some_and(|next| next.0.0 <= Instant::now()) {
            let next = flying.pop().unwrap();
            socket.send_to(&next.1, ("127.0.0.1", to)).unwrap();
        }
    }
}
