//! The sessions: two ends each, what they play, and when the other one hears it.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use applemidi_io::{Admission, Change, Config, End, Event, Host, Origin};
use hdrhistogram::Histogram;

use super::options::SessionOptions;
use crate::notes::{Notes, lock, play_until};

/// All of them. The ends go before the hosts that run them.
pub(super) struct Pairs {
    callers: Vec<Player>,
    /// One for each, or one for all.
    called: Vec<Player>,
    _hosts: [Host; 2],
    ears: [Arc<Mutex<Ear>>; 2],
    epoch: Instant,
    count: u64,
    rate: u64,
    played: u64,
    /// How long this thread takes to play a message, in microseconds.
    playing: Histogram<u64>,
}

/// An end, and when it has played what.
struct Player {
    end: End,
    notes: Arc<Notes>,
    played: u64,
}

/// The notes of each end, by its control port.
type Sources = Arc<Mutex<HashMap<u16, Arc<Notes>>>>;

/// What the ends of a host have heard, and how many others hear them.
struct Ear {
    listening: usize,
    heard: Heard,
}

/// What has been heard.
#[derive(Clone)]
pub(super) struct Heard {
    /// From when a message was played, in microseconds.
    pub(super) latency: Histogram<u64>,
    /// Messages that were made up for.
    pub(super) repaired: u64,
}

/// Between the opening of two sessions, so that they do not do everything at the same time ever after.
const APART: Duration = Duration::from_millis(2);

impl Pairs {
    pub(super) fn open(options: &SessionOptions) -> Result<Self> {
        let ear = || -> Result<_> {
            let heard = Heard { latency: super::histogram()?, repaired: 0 };
            Ok(Arc::new(Mutex::new(Ear { listening: 0, heard })))
        };
        let (hosts, ears, epoch) = ([Host::start()?, Host::start()?], [ear()?, ear()?], Instant::now());
        let sources = Sources::default();
        let open = |side: usize| -> Result<Player> {
            let config = Config {
                port: 0,
                address: Some(Ipv4Addr::LOCALHOST.into()),
                admission: Admission::Everyone,
                participants: options.count as usize,
                ..Config::new("Load")
            };
            let listener = listener(ears[side].clone(), sources.clone(), epoch);
            let end = hosts[side].open(&config, listener).context("cannot open an end")?;
            let notes = Arc::<Notes>::default();
            lock(&sources).insert(end.port(), notes.clone());
            Ok(Player { end, notes, played: 0 })
        };
        let (mut callers, mut called) = (Vec::new(), Vec::new());
        for _ in 0..options.count {
            if called.is_empty() || !options.together {
                called.push(open(1)?);
            }
            let caller = open(0)?;
            let target = called.last().context("nobody to call")?;
            let control: SocketAddr = (Ipv4Addr::LOCALHOST, target.end.port()).into();
            caller.end.call(&control.to_string());
            callers.push(caller);
            std::thread::sleep(APART);
        }
        let (count, rate) = (options.count.into(), options.rate.into());
        Ok(Self { callers, called, _hosts: hosts, ears, epoch, count, rate, played: 0, playing: super::histogram()? })
    }

    /// Whether both ends of all sessions may be played to.
    pub(super) fn are_open(&self) -> bool {
        self.listening() as u64 == 2 * self.count
    }

    /// Ends that may be played to.
    pub(super) fn listening(&self) -> usize {
        self.ears.iter().map(|ear| lock(ear).listening).sum()
    }

    /// What has been heard so far does not count.
    pub(super) fn measure(&self) {
        for ear in &self.ears {
            let heard = &mut lock(ear).heard;
            heard.latency.reset();
            heard.repaired = 0;
        }
    }

    /// Plays what is due from `began` until then.
    pub(super) fn play_until(&mut self, began: Instant, until: Instant) {
        play_until((began, until), self.count * self.rate, self.played, || self.play_next());
    }

    fn play_next(&mut self) {
        let (session, turn) = ((self.played % self.count) as usize, self.played / self.count);
        self.played += 1;
        // A note has two messages, and the next one is the other end's.
        let is_called = turn / 2 % 2 == 1 && self.called.len() == self.callers.len();
        let player = if is_called { &mut self.called[session] } else { &mut self.callers[session] };
        let began = self.epoch.elapsed();
        player.end.play(&player.notes.play(player.played, began));
        player.played += 1;
        self.playing.saturating_record(self.epoch.elapsed().saturating_sub(began).as_micros() as u64);
    }

    /// How much has been played.
    pub(super) const fn played(&self) -> u64 {
        self.played
    }

    /// How long a message took to be played, in microseconds.
    pub(super) const fn playing(&self) -> &Histogram<u64> {
        &self.playing
    }

    /// What has been heard so far at both sides.
    pub(super) fn heard(&self) -> Heard {
        let [one, other] = self.ears.each_ref().map(|ear| lock(ear).heard.clone());
        Heard { latency: one.latency + other.latency, repaired: one.repaired + other.repaired }
    }
}

/// Notes when what is heard was played.
fn listener(ear: Arc<Mutex<Ear>>, sources: Sources, epoch: Instant) -> impl FnMut(Event<'_>) + Send {
    let mut playing = HashMap::new();
    move |event| match event {
        Event::Midi { participant, octets, origin, .. } => {
            let notes: Option<&Arc<Notes>> = playing.get(&participant);
            let Some(played) = notes.and_then(|notes| notes.played(octets)) else { return };
            let passed = epoch.elapsed().saturating_sub(played);
            let heard = &mut lock(&ear).heard;
            heard.latency.saturating_record(passed.as_micros() as u64);
            heard.repaired += u64::from(origin == Origin::Repair);
        }
        Event::Change { participant, control, change: Change::Opened, .. } => {
            playing.extend(lock(&sources).get(&control.port()).map(|notes| (participant, notes.clone())));
        }
        Event::Change { change: Change::Listening, .. } => lock(&ear).listening += 1,
        _ => {}
    }
}
