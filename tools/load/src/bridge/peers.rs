//! The peers: each plays to another one, and hears it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use applemidi_io::{Admission, Change, Config, End, Event, Host, Origin};
use hdrhistogram::Histogram;

use crate::notes::{Notes, lock, play_until};
use crate::sessions::histogram;

/// All of them.
pub(super) struct Peers {
    all: Vec<Peer>,
    /// Behind the ends, which it runs.
    host: Host,
    bridge: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    epoch: Instant,
    played: u64,
}

/// One of them.
struct Peer {
    end: End,
    is_listened_to: Arc<AtomicBool>,
    notes: Arc<Notes>,
    played: u64,
}

/// What all have heard.
#[derive(Clone)]
pub(super) struct Heard {
    /// From when a message was played, in microseconds.
    pub(super) latency: Histogram<u64>,
    /// Messages that were made up for.
    pub(super) repaired: u64,
}

/// Between the coming of two peers, so that they do not do everything at the same time ever after.
const APART: Duration = Duration::from_millis(5);

impl Peers {
    /// Lets so many join the bridge at this control port.
    pub(super) fn open(count: u32, port: u16) -> Result<Self> {
        let heard = Arc::new(Mutex::new(Heard { latency: histogram()?, repaired: 0 }));
        let bridge = (Ipv4Addr::LOCALHOST, port).into();
        let mut peers = Self { all: Vec::new(), host: Host::start()?, bridge, heard, epoch: Instant::now(), played: 0 };
        let notes: Vec<Arc<Notes>> = (0..count).map(|_| Arc::default()).collect();
        for (number, own) in notes.iter().enumerate() {
            let other = &notes[partner(number, notes.len())];
            peers.all.push(peers.peer(&name(number), own, other)?);
            std::thread::sleep(APART);
        }
        Ok(peers)
    }

    /// One that joins, and hears what the other one plays.
    fn peer(&self, name: &str, own: &Arc<Notes>, other: &Arc<Notes>) -> Result<Peer> {
        let config = Config {
            port: 0,
            address: Some(Ipv4Addr::LOCALHOST.into()),
            admission: Admission::Everyone,
            ..Config::new(name)
        };
        let is_listened_to = Arc::new(AtomicBool::new(false));
        let (heard, notes, epoch, is_open) = (self.heard.clone(), other.clone(), self.epoch, is_listened_to.clone());
        let listener = move |event: Event<'_>| match event {
            Event::Midi { octets, origin, .. } => {
                let Some(played) = notes.played(octets) else { return };
                let heard = &mut lock(&heard);
                heard.latency.saturating_record(epoch.elapsed().saturating_sub(played).as_micros() as u64);
                heard.repaired += u64::from(origin == Origin::Repair);
            }
            Event::Change { change: Change::Listening, .. } => is_open.store(true, Ordering::Relaxed),
            _ => {}
        };
        let end = self.host.open(&config, listener).context("cannot open an end")?;
        end.call(&self.bridge.to_string());
        Ok(Peer { end, is_listened_to, notes: own.clone(), played: 0 })
    }

    /// One goes, and comes again under this name. False if it had not been heard before it went.
    pub(super) fn replace(&mut self, number: usize, name: &str) -> Result<bool> {
        let (own, other) = (self.all[number].notes.clone(), self.all[partner(number, self.all.len())].notes.clone());
        let peer = self.peer(name, &own, &other)?;
        let gone = std::mem::replace(&mut self.all[number], peer);
        Ok(gone.is_listened_to.load(Ordering::Relaxed))
    }

    /// How many there are.
    pub(super) const fn count(&self) -> usize {
        self.all.len()
    }

    /// How many of them the bridge hears.
    pub(super) fn listened_to(&self) -> usize {
        self.all.iter().filter(|peer| peer.is_listened_to.load(Ordering::Relaxed)).count()
    }

    /// What has been played and heard so far does not count.
    pub(super) fn measure(&mut self) {
        self.played = 0;
        let mut heard = lock(&self.heard);
        heard.latency.reset();
        heard.repaired = 0;
    }

    /// Plays what is due from `began` until then, so many messages a second.
    pub(super) fn play_until(&mut self, began: Instant, until: Instant, rate: u32) {
        play_until((began, until), rate.into(), self.played, || {
            let count = self.all.len() as u64;
            let peer = &mut self.all[(self.played % count) as usize];
            peer.end.play(&peer.notes.play(peer.played, self.epoch.elapsed()));
            peer.played += 1;
            self.played += 1;
        });
    }

    /// Waits until all that has been played is heard, as long as more of it comes within each `patience`.
    pub(super) fn wait_for_the_rest(&self, patience: Duration) {
        let mut before = None;
        while lock(&self.heard).latency.len() < self.played && before != Some(lock(&self.heard).latency.len()) {
            before = Some(lock(&self.heard).latency.len());
            std::thread::sleep(patience);
        }
    }

    /// How much has been played.
    pub(super) const fn played(&self) -> u64 {
        self.played
    }

    /// What has been heard so far.
    pub(super) fn heard(&self) -> Heard {
        lock(&self.heard).clone()
    }
}

/// What one is called, and its port at the bridge.
pub(super) fn name(number: usize) -> String {
    format!("Peer {}", number + 1)
}

/// Who hears one of so many, and is heard by him; with an odd number of them the last one hears himself.
pub(super) const fn partner(number: usize, count: usize) -> usize {
    let half = count / 2;
    if number >= 2 * half {
        number
    } else if number < half {
        number + half
    } else {
        number - half
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_heard_by_whom_he_hears() {
        for count in 2..9 {
            for number in 0..count {
                assert_eq!(partner(partner(number, count), count), number);
            }
        }
    }
}
