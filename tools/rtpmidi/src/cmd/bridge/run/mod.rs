//! The bridge at work: one thread that owns the bay, and does with it what others tell.

mod answer;
mod devices;
mod faces;
mod guests;
mod record;
mod sequencer;
mod timer;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use applemidi_io::priority::{CpuLatency, RealTime};
use midi_routing::PortId;
use mio::{Events, Poll, Registry, Token, Waker};
use rtp_midi::midi::Command;
use serde_json::json;

use super::bay::Bay;
use super::config::{Config, Recording};
use super::control::{Place, Server};
use super::errand::PATIENCE;
use super::inbox::{Batch, Heard, Inbox};
use super::memory::{Known, Memory};
use super::metrics;
use super::rules::{Owns, Patch};
use super::service::Service;
use super::status::Transport;
use super::transport::alsa::Faces;
use super::transport::applemidi::Sessions;
use super::transport::ipmidi::Groups;
use super::transport::jack::Plugs;
use super::transport::rawmidi::Devices;
use super::transport::rtp::Streams;
use super::transport::tape::Tapes;
use crate::cpu_latency;
use crate::failure::{Failure, Result};
use crate::report::{Audience, Reporter};
use crate::signals::{self, Wish};
use timer::Timer;

/// What the bridge is to be, as it stands written now, and what is wrong with that.
pub(super) type Load<'a> = &'a dyn Fn() -> Result<(Config, Vec<String>)>;

/// Where others find the bridge, and where it finds what it knew.
pub(super) struct Places<'a> {
    pub(super) control: &'a Place,
    /// The file in which it remembers, if it does.
    pub(super) state: Option<PathBuf>,
}

/// All that is at work.
struct Bridge<'a> {
    load: Load<'a>,
    config: Config,
    reporter: Reporter,
    /// Nobody reads any more what it says.
    is_alone: bool,
    /// The system lets its work go before that of others.
    is_in_real_time: bool,
    /// The limit to the time in which cores wake, if there is to be one and the system allows it.
    cpu_latency: Option<CpuLatency>,
    started: Instant,
    bay: Bay,
    patch: Patch,
    memory: Memory,
    inbox: Inbox,
    sessions: Sessions,
    groups: Groups,
    streams: Streams,
    raw: Devices,
    faces: Option<Faces>,
    /// When it is looked for a sequencer, while there is none.
    search: Option<Instant>,
    plugs: Option<Plugs>,
    tapes: Tapes,
    /// What is recorded as it is written.
    recorded: Vec<Recording>,
    /// How much had changed in the bay when it was looked for what is to be recorded.
    recorded_at: u64,
    /// Devices that are exported: their own ports, by those of their sessions.
    devices: BTreeMap<PortId, PortId>,
    /// Ports whose faces somebody is connected with, and whose faces these are.
    wanted: BTreeSet<(PortId, Transport)>,
    /// The latest, for the status.
    warnings: VecDeque<String>,
    registry: Registry,
}

const WAKER: Token = Token(0);
const SEQUENCER: Token = Token(1);
const TIMER: Token = Token(usize::MAX);
/// That of the first port of a group; the others follow.
const GROUPS: usize = 2;

/// Warnings that are kept.
const WARNINGS: usize = 64;

/// Runs until somebody ends it.
pub(super) fn run(load: Load<'_>, json: bool, places: &Places<'_>) -> Result<()> {
    let failed = |error: std::io::Error| Failure::new(format!("nothing can be waited for here: {error}"));
    let mut poll = Poll::new().map_err(failed)?;
    let inbox = Inbox::new(Waker::new(poll.registry(), WAKER).map_err(failed)?);
    let wishes = inbox.clone();
    signals::catch(move |wish| wishes.wish(wish))?;
    let registry = poll.registry().try_clone().map_err(failed)?;
    let mut bridge = Bridge::open(load, &inbox, Reporter::new(json), places.state.as_deref(), registry)?;
    let _control = bridge.listen(places.control, &inbox)?;
    let _service = Service::ready(&inbox);
    let mut lines = Vec::new();
    for (port, descriptor) in bridge.groups.descriptors().chain(bridge.streams.descriptors()) {
        bridge.listen_for(descriptor, Token(GROUPS + lines.len()))?;
        lines.push(port);
    }
    let timer = Timer::open().map_err(failed)?;
    bridge.listen_for(timer.descriptor(), TIMER)?;
    // From here on, so that no thread of before has it.
    let mut real_time = RealTime::ask();
    bridge.is_in_real_time = real_time.is_allowed();
    // What came before it was listened for is not told of.
    let (mut events, mut unread) = (Events::with_capacity(64), Unread { has_music: true, lines: lines.clone() });
    let mut batch = Batch::default();
    while !bridge.is_alone {
        let timeout = if unread.is_empty() { bridge.timeout(&timer).map_err(failed)? } else { Some(Duration::ZERO) };
        if let Err(error) = real_time.wait(|| poll.poll(&mut events, timeout))
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            return Err(failed(error));
        }
        for event in &events {
            unread.has_music |= event.token() == SEQUENCER;
            unread.lines.extend(event.token().0.checked_sub(GROUPS).and_then(|line| lines.get(line)));
        }
        inbox.take(&mut batch);
        if batch.wish == Some(Wish::End) {
            break;
        }
        unread = bridge.turn(&mut batch, unread)?;
        real_time.go_on();
    }
    bridge.finish();
    Ok(())
}

/// What has something to read, as far as is known.
struct Unread {
    /// The sequencer.
    has_music: bool,
    /// Ports of groups.
    lines: Vec<PortId>,
}

impl Unread {
    const fn is_empty(&self) -> bool {
        !self.has_music && self.lines.is_empty()
    }
}

impl<'a> Bridge<'a> {
    fn open(
        load: Load<'a>,
        inbox: &Inbox,
        reporter: Reporter,
        state: Option<&Path>,
        registry: Registry,
    ) -> Result<Self> {
        let (config, faults) = load()?;
        // What was asked for and cannot be ends the start before anybody hears of it.
        let metrics = config.metrics.map(|address| metrics::open(address, inbox.clone())).transpose()?;
        let (memory, Known { peers: known, sayings }, remarks) = Memory::open(state, inbox);
        let (sessions, warnings) = Sessions::open(&config, inbox.clone())?;
        let started = Instant::now();
        let mut bridge = Self {
            load,
            reporter,
            is_alone: false,
            is_in_real_time: false,
            cpu_latency: None,
            started,
            bay: Bay::default(),
            patch: Patch::new(config.rules.clone(), config.connections.clone()),
            memory,
            inbox: inbox.clone(),
            sessions,
            groups: Groups::default(),
            streams: Streams::default(),
            raw: Devices::new(inbox.clone()),
            faces: None,
            recorded: Vec::new(),
            recorded_at: 0,
            tapes: Tapes::new(started, inbox.clone()),
            search: None,
            plugs: None,
            devices: BTreeMap::new(),
            wanted: BTreeSet::new(),
            warnings: VecDeque::new(),
            registry,
            config,
        };
        bridge.bay.set_written(bridge.config.ports.clone());
        bridge.bay.set_said(sayings);
        for warning in faults.iter().chain(&remarks).chain(&warnings) {
            bridge.warn(warning);
        }
        bridge.limit_cpu_latency();
        if bridge.config.alsa {
            bridge.find_the_sequencer();
        }
        match bridge.config.jack.then(|| Plugs::open(&bridge.config.name, inbox)) {
            Some(Ok(mut plugs)) => {
                plugs.add_exports(Duration::ZERO, &mut bridge.bay);
                bridge.plugs = Some(plugs);
            }
            Some(Err(failure)) => bridge.warn(&format!("no ports of JACK: {}", failure.message())),
            None => {}
        }
        for group in bridge.config.groups.clone() {
            for port in bridge.groups.join(&mut bridge.bay, &group)? {
                bridge.give_a_face(port);
            }
        }
        for streams in bridge.config.streams.clone() {
            let port = bridge.streams.open(Duration::ZERO, &mut bridge.bay, &streams)?;
            bridge.give_a_face(port);
        }
        bridge.open_devices(bridge.config.devices.clone())?;
        let (name, port) = (bridge.config.name.clone(), bridge.sessions.port());
        let words = format!("bridge {name} has the ports {port} and {}", port + 1);
        bridge.tell(&words, &json!({ "type": "open", "name": name, "port": port }))?;
        for (name, port) in bridge.sessions.further() {
            let words = format!("session {name} has the ports {port} and {}", port + 1);
            bridge.tell(&words, &json!({ "type": "session", "name": name, "port": port }))?;
        }
        if let Some(address) = metrics {
            let address = address.to_string();
            let words = format!("metrics are at http://{address}/metrics");
            bridge.tell(&words, &json!({ "type": "metrics", "address": address }))?;
        }
        let news = bridge.sessions.remember(Duration::ZERO, &mut bridge.bay, known);
        bridge.hear_of_guests(news)?;
        let news = bridge.sessions.call_the_fixed(Duration::ZERO, &mut bridge.bay);
        bridge.hear_of_guests(news)?;
        bridge.remember();
        Ok(bridge)
    }

    /// Takes orders of others. Without a place for that it does its work all the same, unless somebody has named the place.
    fn listen(&mut self, place: &Place, inbox: &Inbox) -> Result<Option<Server>> {
        match Server::open(place, inbox.clone()) {
            Err(failure) if place.is_named() => Err(failure),
            Err(failure) => {
                self.warn(&format!("nobody can speak to this bridge: {}", failure.message()));
                Ok(None)
            }
            server => server.map(Some),
        }
    }

    /// Lets cores sleep as the configuration has it.
    fn limit_cpu_latency(&mut self) {
        self.cpu_latency = cpu_latency::limit(self.config.cpu_latency).unwrap_or_else(|words| {
            self.warn(&words);
            None
        });
    }

    /// Lets go what sounds. Sessions end with it, and say goodbye; for disks that hang nobody waits for long.
    fn finish(mut self) {
        self.bay.finish(self.started.elapsed());
        self.deliver();
        self.streams.leave(self.started.elapsed());
        self.memory.keep(self.sessions.known(&self.bay), self.bay.said());
        let Self { sessions, raw, mut tapes, reporter, memory, .. } = self;
        drop(sessions);
        let until = Instant::now() + PATIENCE;
        for name in raw.finish(until) {
            reporter.warn(&format!("warning: {name} takes no more, and what it sounds may not be let go"));
        }
        for path in tapes.finish(until) {
            reporter.warn(&format!("warning: the disk of {path} takes no more, and the end of the recording is lost"));
        }
        drop(memory);
    }

    /// How long nothing is to be done if nothing happens. Music wakes by the timer, which is more exact.
    fn timeout(&self, timer: &Timer) -> io::Result<Option<Duration>> {
        let at = self.started.elapsed();
        let streams = self.streams.due(at).map(|left| at + left);
        if let Some(due) = self.bay.due().into_iter().chain(streams).min() {
            let left = due.saturating_sub(at);
            if left.is_zero() {
                return Ok(Some(left));
            }
            timer.set(left)?;
        }
        let after = |due: Instant| due.saturating_duration_since(Instant::now());
        let plugs = self.plugs.as_ref().and_then(Plugs::due);
        let soon = [self.patch.due(), self.memory.due(), self.search].map(|due| due.map(after));
        Ok(soon.into_iter().chain([self.groups.due(), plugs]).flatten().min())
    }

    /// Does what has come up; returns what has more to read.
    fn turn(&mut self, batch: &mut Batch, unread: Unread) -> Result<Unread> {
        let has_devices = batch.has_devices;
        let Batch { music, overrun, has_changed, is_sighted, is_patched, complaints, requests, wish, .. } = batch;
        // Who has left in the meantime has played what came before that all the same.
        let later: Vec<Heard<'_>> = music.iter().filter(|heard| !self.play(heard)).collect();
        if *is_sighted {
            let news = self.sessions.sight(self.started.elapsed(), &mut self.bay);
            self.hear_of_guests(news)?;
        }
        if *has_changed {
            let news = self.sessions.look(self.started.elapsed(), &mut self.bay);
            self.hear_of_guests(news)?;
        }
        for heard in &later {
            // Nobody knows who it was: he was not here long enough to be seen.
            let _ = self.play(heard);
        }
        for source in std::mem::take(overrun) {
            if let Some(port) = self.sessions.source(source) {
                self.bay.overrun(self.started.elapsed(), port);
                self.warn(&format!("{}: more came than could be passed on", self.bay.name(port)));
            }
        }
        let mut lines = unread.lines;
        let at = self.started.elapsed();
        lines.retain(|line| self.groups.read(at, &mut self.bay, *line) || self.streams.read(at, *line));
        if has_devices {
            self.read_devices()?;
        }
        self.groups.wake(at, &mut self.bay);
        self.streams.wake(at, &mut self.bay);
        let has_music = unread.has_music && self.read_the_sequencer()?;
        if self.search.is_some_and(|due| due <= Instant::now()) {
            self.find_the_sequencer();
        }
        self.read_jack()?;
        for (request, reply) in requests.drain(..) {
            self.answer(request, &reply);
        }
        if *wish == Some(Wish::Reload) {
            match self.reload() {
                Ok(_) => self.tell("the configuration has been read again", &json!({ "type": "reload" }))?,
                Err(reason) => self.remind(&reason),
            }
        }
        if *is_patched {
            self.patch.hurry();
        }
        for words in complaints {
            self.warn(words);
        }
        self.follow_the_rules()?;
        self.remember();
        self.record_what_is_written();
        self.bay.wake(self.started.elapsed());
        self.deliver();
        self.tell_of_loops()?;
        Ok(Unread { has_music, lines })
    }

    /// Connects what the rules want, if it is time to look.
    fn follow_the_rules(&mut self) -> Result<()> {
        if self.patch.due().is_none_or(|due| due > Instant::now()) {
            return Ok(());
        }
        let jack = self.plugs.as_ref().and_then(|plugs| plugs.own(&self.bay));
        let own = Owns { alsa: self.faces.as_ref().map(Faces::own), jack };
        let (words, touched) = self.patch.look(self.started.elapsed(), &mut self.bay, &own, &self.inbox);
        for port in touched {
            self.want(port);
        }
        for words in words {
            self.tell(&words, &json!({ "type": "rule", "words": words }))?;
        }
        Ok(())
    }

    /// Connects again what a person had connected, and has written what is to be known later, if it is time for that.
    fn remember(&mut self) {
        for port in self.memory.restore(self.started.elapsed(), &mut self.bay) {
            self.want(port);
        }
        if self.memory.due().is_some_and(|due| due <= Instant::now()) {
            self.memory.keep(self.sessions.known(&self.bay), self.bay.said());
        }
    }

    /// Takes music of a participant; false if he is not known.
    fn play(&mut self, heard: &Heard<'_>) -> bool {
        let Some(port) = self.sessions.source(heard.source) else { return false };
        if let Ok((command, _)) = Command::decode(heard.octets) {
            let played = heard.played.map(|played| played.saturating_duration_since(self.started));
            self.bay.hear(self.started.elapsed(), port, played, command);
        }
        true
    }

    /// Plays what is to be played.
    fn deliver(&mut self) {
        let Self { bay, sessions, groups, streams, raw, faces, plugs, tapes, started, .. } = self;
        let (at, mut refused) = (started.elapsed(), Vec::new());
        bay.drain(at, |port, command| {
            let is_played = if sessions.play(port, command) {
                Some(true)
            } else {
                let of_network = groups.play(at, port, command).or_else(|| streams.play(at, port, command));
                let of_network = of_network.or_else(|| raw.play(port, command));
                let of_faces = of_network.or_else(|| faces.as_ref()?.play(port, command));
                let is_played = of_faces.or_else(|| plugs.as_mut()?.play(port, command));
                is_played.or_else(|| tapes.play(at, port, command))
            };
            if is_played == Some(false) {
                refused.push(port);
            }
        });
        streams.flush(at);
        for port in refused {
            bay.drop_one(port);
        }
    }

    fn tell_of_loops(&mut self) -> Result<()> {
        for cut in self.bay.take_cut() {
            let milliseconds = cut.trip.as_secs_f64() * 1e3;
            let words = format!(
                "warning: {} --> {} is cut: what goes through it comes back within {milliseconds:.1} ms",
                cut.from, cut.to
            );
            let object = json!({ "type": "loop", "from": cut.from, "to": cut.to, "trip_ms": milliseconds });
            self.tell(&words, &object)?;
        }
        Ok(())
    }

    /// Says what a person should know; but not again what was said not long ago.
    fn warn(&mut self, words: &str) {
        if !self.warnings.iter().any(|said| said == words) {
            self.remind(words);
        }
    }

    /// The same, whether or not it was said.
    fn remind(&mut self, words: &str) {
        self.reporter.warn(&format!("warning: {words}"));
        self.warnings.retain(|said| said != words);
        self.warnings.push_back(words.to_owned());
        if self.warnings.len() > WARNINGS {
            self.warnings.pop_front();
        }
    }

    fn tell(&mut self, words: &str, object: &serde_json::Value) -> Result<()> {
        self.is_alone |= self.reporter.tell(words, object)? == Audience::Gone;
        Ok(())
    }
}
