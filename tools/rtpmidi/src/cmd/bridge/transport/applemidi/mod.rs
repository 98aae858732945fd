//! Sessions on the network: our own, which others join; those of others, which are called while somebody wants them; and
//! one for each device that is exported.

mod adopt;
mod show;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use applemidi_io::priority;
use applemidi_io::{Announcement, Change, End, Event, Host, Neighbourhood, ParticipantId, Peer, Stats};
use midi_routing::PortId;
use rtp_midi::midi::Command;

use super::guest::{Guest, Participant, is_among};
use crate::cmd::bridge::bay::Bay;
use crate::cmd::bridge::config::{Config, Session};
use crate::cmd::bridge::inbox::{Inbox, Source};
use crate::cmd::bridge::memory::KnownPeer;
use crate::cmd::bridge::status::{PeerState, PortState, Transport};
use crate::cmd::session::{Admit, admission, cannot_open};
use crate::failure::{Failure, Result};

/// All sessions of the bridge.
pub(crate) struct Sessions {
    config: Config,
    /// The number of the end that is opened next.
    next: usize,
    /// That of the bridge first, from which others are called.
    own: Vec<Own>,
    guests: BTreeMap<PortId, Guest>,
    exports: BTreeMap<PortId, Export>,
    /// The ports of those who play.
    sources: BTreeMap<Source, PortId>,
    around: Option<Arc<Neighbourhood>>,
    /// Behind the ends, which end with it.
    host: Host,
    inbox: Inbox,
}

/// An end that others find.
struct Open {
    end: End,
    number: usize,
    announcement: Option<Announcement>,
}

/// A session of ours that others join. Its number is its place.
struct Own {
    open: Open,
    /// What ports of its participants begin with.
    prefix: String,
    admit: Vec<Admit>,
}

/// A session of a device, which plays to all who take part and hears them all.
struct Export {
    open: Open,
    name: String,
    /// Who takes part, and since when.
    participants: BTreeMap<ParticipantId, Instant>,
}

/// What has become of the guests.
pub(crate) enum News {
    /// Somebody new, with a port of his own.
    Came(PortId),
    /// Somebody has another name than before, which was this.
    Renamed(PortId, String),
    /// Somebody takes part, or does so no more.
    Changed(PortId, PeerState),
    /// The port of somebody who has been away for longest is taken away, as there are too many.
    Forgotten(PortId),
}

/// Guests that are known at most, there or not.
const MOST: usize = 1024;

impl Sessions {
    /// Opens the session of the bridge, and looks around. Returns also what does not work, without which it goes on.
    pub(crate) fn open(config: &Config, inbox: Inbox) -> Result<(Self, Vec<String>)> {
        let host = Host::start().map_err(|error| Failure::new(format!("no session can run here: {error}")))?;
        let mut warnings = Vec::new();
        let sight = inbox.clone();
        let around = config.mdns.then(|| Neighbourhood::open(config.interface.as_deref(), move |_| sight.sight()));
        let around = around.and_then(|around| match around {
            Ok(around) => Some(Arc::new(around)),
            Err(error) => {
                warnings.push(format!("{error}: nobody is found, and nobody finds this bridge"));
                None
            }
        });
        if let Some(around) = &around {
            host.look_around(around.clone());
        }
        let (guests, exports, sources) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (config, own, next) = (config.clone(), Vec::new(), 0);
        let mut sessions = Self { config, next, own, guests, exports, sources, around, host, inbox };
        let (name, port) = (sessions.config.name.clone(), sessions.config.port);
        let first = Session { name, port, admit: None, participants: None };
        let further = sessions.config.sessions.clone();
        for session in std::iter::once(first).chain(further) {
            let admit = session.admit.clone().unwrap_or_else(|| sessions.config.admit.clone());
            let prefix = if sessions.own.is_empty() { String::new() } else { format!("{}/", session.name) };
            let open = sessions.start(&session, &mut warnings)?;
            sessions.own.push(Own { open, prefix, admit });
        }
        Ok((sessions, warnings))
    }

    /// The control port of the session of the bridge.
    pub(crate) fn port(&self) -> u16 {
        self.own[0].open.end.port()
    }

    /// The sessions beside it, and their control ports.
    pub(crate) fn further(&self) -> Vec<(String, u16)> {
        let further = self.config.sessions.iter().zip(&self.own[1..]);
        further.map(|(session, own)| (session.name.clone(), own.open.end.port())).collect()
    }

    /// Makes ports for those who were known before.
    pub(crate) fn remember(&mut self, at: Duration, bay: &mut Bay, known: Vec<KnownPeer>) -> Vec<News> {
        let mut news = Vec::new();
        for KnownPeer { name, port } in known {
            let is_of = |own: &Own| !own.prefix.is_empty() && port.starts_with(&own.prefix);
            let session = self.own.iter().position(is_of).unwrap_or(0);
            let port = self.welcome(at, session, bay, (&name, &port), &mut news);
            if let Some(guest) = self.guests.get_mut(&port) {
                guest.is_known = true;
            }
        }
        news
    }

    /// Those who are to be known again; who has been away for longest stands first.
    pub(crate) fn known(&self, bay: &Bay) -> Vec<KnownPeer> {
        let mut known: Vec<_> = self.guests.iter().filter(|(_, guest)| guest.is_known && !guest.is_fixed).collect();
        known.sort_by_key(|(_, guest)| (guest.state != PeerState::Away, guest.since));
        let peer =
            |(port, guest): (&PortId, &Guest)| KnownPeer { name: guest.name.clone(), port: bay.name(*port).to_owned() };
        known.into_iter().map(peer).collect()
    }

    /// Takes away the port of somebody who is away; or says why it stays.
    pub(crate) fn forget(&mut self, port: PortId) -> Result<News, &'static str> {
        match self.guests.get(&port) {
            None => Err("it is no peer's port"),
            Some(guest) if guest.is_fixed => {
                Err("he is called whatever happens, as --peer or the configuration wants it")
            }
            Some(guest) if guest.state != PeerState::Away => Err("he is there, or announced"),
            Some(_) => {
                self.guests.remove(&port);
                Ok(News::Forgotten(port))
            }
        }
    }

    /// Makes ports for those who are called whatever happens.
    pub(crate) fn call_the_fixed(&mut self, at: Duration, bay: &mut Bay) -> Vec<News> {
        let mut news = Vec::new();
        for name in self.config.peers.clone() {
            let port = self.guest(at, bay, &name, &mut news);
            if let Some(guest) = self.guests.get_mut(&port) {
                guest.is_fixed = true;
            }
        }
        self.call();
        self.settle(at, bay, &mut news);
        news
    }

    /// Takes note of who is announced now.
    pub(crate) fn sight(&mut self, at: Duration, bay: &mut Bay) -> Vec<News> {
        let Some(around) = self.around.clone() else { return Vec::new() };
        let (peers, mut news) = (around.peers(), Vec::new());
        let known: Vec<_> = peers.iter().flat_map(|peer| &peer.addresses).map(SocketAddr::ip).collect();
        for own in &self.own {
            own.open.end.set_admission(admission(&own.admit, &known));
        }
        for export in self.exports.values() {
            export.open.end.set_admission(admission(&self.config.admit, &known));
        }
        let names: BTreeSet<&str> = peers.iter().map(|peer| &peer.name[..]).collect();
        for guest in self.guests.values_mut().filter(|guest| guest.at == 0 && !names.contains(&guest.name[..])) {
            guest.announced.clear();
        }
        let is_known = |name: &str| self.guests.values().any(|guest| guest.at == 0 && guest.name == name);
        // Who is called by his host has a port by that, and is in session once.
        let is_called =
            |peer: &Peer| self.guests.values().any(|it| it.is_fixed && it.name != peer.name && it.is_called_as(peer));
        let is_welcome = |peer: &&Peer| is_known(&peer.name) || self.config.imports(&peer.name) && !is_called(peer);
        let welcome: Vec<&Peer> = peers.iter().filter(is_welcome).collect();
        for Peer { name, addresses, .. } in welcome {
            news.extend(self.recognise(bay, name, addresses, &names));
            let port = self.guest(at, bay, name, &mut news);
            if let Some(guest) = self.guests.get_mut(&port) {
                guest.announced.clone_from(addresses);
                guest.place.clone_from(addresses);
            }
        }
        self.own[0].open.end.hurry();
        self.call();
        self.settle(at, bay, &mut news);
        news
    }

    /// Takes note of who takes part now.
    pub(crate) fn look(&mut self, at: Duration, bay: &mut Bay) -> Vec<News> {
        let mut news = Vec::new();
        let all: Vec<Vec<Stats>> = self.own.iter().map(|own| own.open.end.stats()).collect();
        let sources = |(end, all): (usize, &Vec<Stats>)| {
            all.iter().map(move |stats| Source { end, participant: stats.participant }).collect::<Vec<_>>()
        };
        let there: HashSet<Source> = all.iter().enumerate().flat_map(sources).collect();
        for guest in self.guests.values_mut() {
            let is_there = |it: &Participant| there.contains(&Source { end: guest.at, participant: it.id });
            guest.participant = guest.participant.filter(is_there);
        }
        for (session, stats) in all.iter().enumerate().flat_map(|(at, all)| all.iter().map(move |stats| (at, stats))) {
            let participant = Participant { id: stats.participant, control: stats.control };
            let port = self.port_of(at, session, stats, bay, &mut news);
            if let Some(guest) = self.guests.get_mut(&port) {
                guest.participant = Some(participant);
            }
        }
        self.sources = self
            .guests
            .iter()
            .filter_map(|(port, guest)| {
                let source = Source { end: guest.at, participant: guest.participant?.id };
                Some((source, *port))
            })
            .collect();
        for (port, export) in &mut self.exports {
            let there: BTreeSet<_> = export.open.end.stats().iter().map(|stats| stats.participant).collect();
            export.participants.retain(|id, _| there.contains(id));
            for participant in there {
                export.participants.entry(participant).or_insert_with(Instant::now);
                self.sources.insert(Source { end: export.open.number, participant }, *port);
            }
        }
        self.call();
        self.settle(at, bay, &mut news);
        news
    }

    /// Whether somebody wants to play with a guest, who is called as long as that is so.
    pub(crate) fn want(&mut self, port: PortId, is_wanted: bool) {
        if let Some(guest) = self.guests.get_mut(&port) {
            guest.is_wanted = is_wanted;
            guest.is_known |= is_wanted;
            self.call();
        }
    }

    /// The port of whoever plays.
    pub(crate) fn source(&self, source: Source) -> Option<PortId> {
        self.sources.get(&source).copied()
    }

    /// Plays to whoever has a port; false if it is none of these.
    pub(crate) fn play(&self, port: PortId, command: &Command<'_>) -> bool {
        let now = Instant::now();
        if let Some(guest) = self.guests.get(&port) {
            if let Some(participant) = guest.participant {
                self.own[guest.at].open.end.play_to(participant.id, command, now);
            }
            return true;
        }
        let Some(export) = self.exports.get(&port) else { return false };
        for participant in export.participants.keys() {
            export.open.end.play_to(*participant, command, now);
        }
        true
    }

    /// Announces a session for a device; returns its port.
    pub(crate) fn export(&mut self, bay: &mut Bay, device: &str, warnings: &mut Vec<String>) -> Result<PortId> {
        let port = bay.add(&format!("{}/{device}", self.config.name), Transport::Applemidi);
        let name = bay.name(port).to_owned();
        let session = Session { name: name.clone(), port: 0, admit: None, participants: None };
        let open = self.start(&session, warnings)?;
        bay.set_address(port, Some(format!("port {}", open.end.port())));
        self.exports.insert(port, Export { open, name, participants: BTreeMap::new() });
        Ok(port)
    }

    /// Ends the session of a device.
    pub(crate) fn end_export(&mut self, port: PortId) {
        if let Some(Export { open: Open { end, announcement, .. }, .. }) = self.exports.remove(&port) {
            drop(end);
            // To say goodbye by multicast DNS takes a moment, for which nobody is to wait.
            let _ = std::thread::Builder::new().name("farewell".to_owned()).spawn(move || {
                priority::leave();
                drop(announcement);
            });
        }
    }

    /// Opens the end of a session, and announces it.
    fn start(&mut self, session: &Session, warnings: &mut Vec<String>) -> Result<Open> {
        let Session { name, port, admit, participants } = session;
        let setup = applemidi_io::Config {
            port: *port,
            admission: admission(admit.as_ref().unwrap_or(&self.config.admit), &[]),
            participants: participants.unwrap_or(self.config.participants),
            ..applemidi_io::Config::new(name)
        };
        let (inbox, number) = (self.inbox.clone(), self.next);
        let listener = move |event: Event<'_>| pass_on(&inbox, number, event);
        let end = self.host.open(&setup, listener).map_err(|error| cannot_open(*port, &error))?;
        self.next += 1;
        let announcement = self.around.as_ref().map(|around| around.announce(name, end.port()));
        let announcement = announcement.and_then(|announcement| match announcement {
            Ok(announcement) => Some(announcement),
            Err(error) => {
                warnings.push(format!("{name} is not announced: {error}"));
                None
            }
        });
        Ok(Open { end, number, announcement })
    }

    /// The port of a name that is announced, or is to be called.
    fn guest(&mut self, at: Duration, bay: &mut Bay, name: &str, news: &mut Vec<News>) -> PortId {
        let known = self.guests.iter().find(|(_, guest)| guest.at == 0 && guest.name == name);
        match known {
            Some((port, _)) => *port,
            None => self.welcome(at, 0, bay, (name, name), news),
        }
    }

    /// Somebody whom nobody knows by this name may be one who had another, under which nobody is announced any more, and
    /// who is where that one was: then he keeps its port.
    fn recognise(&mut self, bay: &mut Bay, name: &str, at: &[SocketAddr], names: &BTreeSet<&str>) -> Option<News> {
        if self.guests.values().any(|guest| guest.at == 0 && guest.name == name) {
            return None;
        }
        let is_gone = |guest: &Guest| guest.participant.is_none() && !names.contains(&guest.name[..]);
        let is_he = |guest: &Guest| guest.at == 0 && is_gone(guest) && guest.could_be(name, at);
        let (port, guest) = self.guests.iter_mut().find(|(_, guest)| is_he(guest))?;
        let before = bay.name(*port).to_owned();
        name.clone_into(&mut guest.name);
        bay.rename(*port, name);
        // He is called by the name that he has.
        guest.call.take().into_iter().for_each(|call| self.own[0].open.end.hang_up(call));
        Some(News::Renamed(*port, before))
    }

    /// The port of somebody who takes part in one of our sessions: of him who was called, or who is announced there, or who
    /// was here under that name; or else one of his own.
    fn port_of(&mut self, at: Duration, session: usize, stats: &Stats, bay: &mut Bay, news: &mut Vec<News>) -> PortId {
        let find = |is_he: &dyn Fn(&Guest) -> bool| {
            let mut guests = self.guests.iter().filter(|(_, guest)| guest.at == session);
            guests.find(|(_, guest)| is_he(guest)).map(|(port, _)| *port)
        };
        let is_free = |guest: &Guest| guest.participant.is_none() && guest.name == stats.name;
        let is_he = |port: &PortId| {
            let participant = self.guests.get(port).and_then(|guest| guest.participant);
            participant.is_some_and(|it| it.id == stats.participant)
        };
        let known = self.source(Source { end: session, participant: stats.participant });
        let found = known
            .filter(is_he)
            .or_else(|| find(&|guest| guest.call.is_some() && guest.call == stats.call))
            .or_else(|| find(&|guest| is_free(guest) && is_among(stats.control, &guest.announced)))
            .or_else(|| find(&|guest| is_free(guest) && guest.announced.is_empty()));
        found.unwrap_or_else(|| {
            let port = format!("{}{}", self.own[session].prefix, stats.name);
            self.welcome(at, session, bay, (&stats.name, &port), news)
        })
    }

    /// Makes a port for somebody new in a session, with the name `port` if that is free; there is room for him if others
    /// have been away.
    fn welcome(
        &mut self,
        at: Duration,
        session: usize,
        bay: &mut Bay,
        (name, port): (&str, &str),
        news: &mut Vec<News>,
    ) -> PortId {
        if self.guests.len() >= MOST {
            let away = self.guests.iter().filter(|(_, guest)| guest.state == PeerState::Away && !guest.is_bound());
            if let Some(port) = away.min_by_key(|(_, guest)| guest.since).map(|(port, _)| *port) {
                self.guests.remove(&port);
                news.push(News::Forgotten(port));
            }
        }
        let port = bay.add(port, Transport::Applemidi);
        bay.set_state(at, port, PortState::Away);
        let (name, since, state) = (name.to_owned(), Instant::now(), PeerState::Away);
        let (announced, place, call, participant) = (Vec::new(), Vec::new(), None, None);
        let (is_fixed, is_wanted, is_known) = (false, false, false);
        let guest = Guest {
            name,
            at: session,
            announced,
            place,
            is_fixed,
            is_wanted,
            is_known,
            call,
            participant,
            control: None,
            since,
            state,
        };
        self.guests.insert(port, guest);
        news.push(News::Came(port));
        port
    }

    /// Calls those who are wanted and not there, and hangs up on those who are not wanted any more.
    fn call(&mut self) {
        for guest in self.guests.values_mut() {
            let is_there = guest.participant.is_some();
            let can_be_found = guest.is_fixed || !guest.announced.is_empty();
            match guest.call {
                None if guest.is_bound() && can_be_found && !is_there => {
                    guest.call = Some(self.own[0].open.end.call(&guest.name));
                }
                Some(call) if !guest.is_bound() => {
                    self.own[0].open.end.hang_up(call);
                    guest.call = None;
                }
                _ => {}
            }
        }
    }

    /// Tells the bay who is there, and what has changed.
    fn settle(&mut self, at: Duration, bay: &mut Bay, news: &mut Vec<News>) {
        for (port, guest) in &mut self.guests {
            let state = match (guest.participant, guest.call) {
                (Some(_), _) => PeerState::Open,
                (None, Some(_)) => PeerState::Called,
                (None, None) if guest.announced.is_empty() => PeerState::Away,
                (None, None) => PeerState::Announced,
            };
            let control = guest.participant.map(|it| it.control);
            if std::mem::replace(&mut guest.control, control) != control {
                bay.set_address(*port, control.map(|control| control.to_string()));
            }
            if std::mem::replace(&mut guest.state, state) != state {
                guest.since = Instant::now();
                news.push(News::Changed(*port, state));
                let is_open = state == PeerState::Open;
                guest.is_known |= is_open;
                bay.set_state(at, *port, if is_open { PortState::There } else { PortState::Away });
            }
        }
    }
}

/// Passes on what is told at an end.
fn pass_on(inbox: &Inbox, end: usize, event: Event<'_>) {
    match event {
        Event::Midi { participant, played, octets, .. } => inbox.hear(Source { end, participant }, played, octets),
        // Everybody says every second what has been heard, and is who he was, where he was.
        Event::Change { change: Change::Feedback(_) | Change::Limit(_) | Change::ClockSet, .. } => {}
        Event::Change { .. } => inbox.change(),
        _ => {}
    }
}
