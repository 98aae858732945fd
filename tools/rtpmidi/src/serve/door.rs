//! Who may come in, and who has to leave: limits, so that no client takes the place, the memory or the time of others.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_rtsp_server::gst_rtsp::RTSPStatusCode;
use gst_rtsp_server::prelude::*;
use gst_rtsp_server::{RTSPClient, RTSPContext, RTSPFilterResult, RTSPServer};

use super::keys::Held;
use super::line::{Line, Traffic};
use super::request;
use crate::lock::lock;

/// How many connections there may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    pub(crate) clients: u32,
    pub(crate) per_address: u32,
}

/// Counts who comes and goes.
#[derive(Clone)]
pub(super) struct Door {
    limits: Limits,
    guests: Arc<Mutex<Guests>>,
}

#[derive(Default)]
struct Guests {
    /// By where the client is in memory, as long as it is there.
    all: HashMap<usize, Guest>,
    /// The same by where the connection comes from.
    peers: HashMap<SocketAddr, usize>,
    /// How many there was room for, by address.
    inside: HashMap<IpAddr, u32>,
    /// How many there are by address, with those that are being refused.
    present: HashMap<IpAddr, u32>,
}

#[derive(Clone, Debug)]
struct Guest {
    peer: SocketAddr,
    line: Option<Line>,
    /// Whether there was room.
    is_in: bool,
    /// When the client came or last asked for something.
    heard: Instant,
    /// Octets that have come in the connection and belong to requests that are complete, or to reports.
    read: u64,
    /// Since when too much has been waiting to be sent.
    behind: Option<Instant>,
    /// Requests in this second, and when it began.
    requests: (u32, Instant),
    /// By which the client seals its reports.
    key: Option<Arc<Held>>,
}

/// How long a connection may be that plays nothing and asks for nothing.
const SILENCE: Duration = Duration::from_secs(30);

/// How often connections are looked through.
const ROUND: Duration = Duration::from_millis(250);

/// How long who is refused may take to read it.
const REFUSAL: Duration = Duration::from_secs(1);

/// Connections of one address, and of all, that may be refused with an answer at a time; others are closed at once.
const REFUSED: (u32, usize) = (4, 32);

/// Octets of a request's body: nobody has anything of such length to say.
const LONGEST: u32 = 4096;

/// Octets that may come without making a request complete. gst-rtsp-server keeps headers as long as they come.
const UNREAD: u64 = 64 << 10;

/// Octets that may wait to be sent, and for how long. They are music of half a minute; and where connections are full,
/// gst-rtsp-server waits for one of them to be read, with all that listen to the stream.
const WAITING: (u32, Duration) = (64 << 10, Duration::from_secs(3));

/// Requests in a second.
const REQUESTS: u32 = 100;

impl Door {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, guests: Arc::default() }
    }

    /// Sets the limits that the server keeps itself; to be called before it listens.
    pub(super) fn limit(&self, server: &impl IsA<RTSPServer>) {
        let server = server.as_ref();
        if let Some(sessions) = server.session_pool() {
            sessions.set_max_sessions(self.limits.clients);
        }
        server.set_content_length_limit(LONGEST);
    }

    /// Watches the connections of a server from its main context.
    pub(super) fn watch(&self, server: &impl IsA<RTSPServer>, context: &glib::MainContext) {
        let server = server.as_ref();
        let door = self.clone();
        server.connect_client_connected(move |_, client| door.meet(client));
        let (door, server) = (self.clone(), server.clone());
        let round = move || {
            door.show_out(&server);
            // Sessions whose clients have been silent: nobody else looks for them.
            let _ = server.session_pool().map(|sessions| sessions.cleanup());
            glib::ControlFlow::Continue
        };
        glib::timeout_source_new(ROUND, None, glib::Priority::DEFAULT, round).attach(Some(context));
    }

    /// Whether so many are there from this address, or in all, that another connection is not even answered.
    pub(super) fn is_crowded(&self, address: IpAddr) -> bool {
        let guests = self.guests();
        let same = guests.present.get(&address).copied().unwrap_or(0);
        same >= self.limits.per_address.saturating_add(REFUSED.0)
            || guests.all.len() >= (self.limits.clients as usize).saturating_add(REFUSED.1)
    }

    /// How many clients there are from this address.
    pub(super) fn inside(&self, address: IpAddr) -> u32 {
        self.guests().inside.get(&address).copied().unwrap_or(0)
    }

    /// Takes note of octets that have come inside the connection from `peer` beside requests, and were read.
    pub(super) fn read(&self, peer: SocketAddr, octets: usize) {
        let mut guests = self.guests();
        let Guests { all, peers, .. } = &mut *guests;
        if let Some(guest) = peers.get(&peer).and_then(|id| all.get_mut(id)) {
            guest.read = guest.read.saturating_add(octets as u64);
        }
    }

    fn meet(&self, client: &RTSPClient) {
        let id = client.as_ptr() as usize;
        let line = Line::of(client);
        // A client whose address cannot be told has hung up already.
        let peer = line.as_ref().map_or(SocketAddr::new([0; 4].into(), 0), |line| line.peer);
        self.enter(id, peer, line, Instant::now());
        let door = self.clone();
        client.connect_closed(move |_| door.leave(id));
        let any = {
            let door = self.clone();
            move || door.hear(id)
        };
        let heard = any.clone();
        client.connect_pre_options_request(move |_, _| heard());
        let heard = any.clone();
        client.connect_pre_get_parameter_request(move |_, _| heard());
        let heard = any.clone();
        client.connect_pre_set_parameter_request(move |_, _| heard());
        let heard = any.clone();
        client.connect_pre_pause_request(move |_, _| heard());
        let heard = any.clone();
        client.connect_pre_teardown_request(move |_, _| heard());
        let heard = any.clone();
        client.connect_pre_describe_request(move |_, _| heard());
        let heard = any.clone();
        let keys = self.clone();
        client.connect_pre_setup_request(move |client, context| {
            heard().and(|| request::judge_setup(client, context)).and(|| keys.take_key(id, context))
        });
        client.connect_pre_play_request(move |_, context| any().and(|| request::judge_play(context)));
    }

    pub(super) fn enter(&self, id: usize, peer: SocketAddr, line: Option<Line>, now: Instant) {
        let mut guests = self.guests();
        let all = guests.all.values().filter(|guest| guest.is_in).count();
        let same = guests.inside.get(&peer.ip()).copied().unwrap_or(0);
        let is_in = all < self.limits.clients as usize && same < self.limits.per_address;
        if is_in {
            *guests.inside.entry(peer.ip()).or_default() += 1;
        }
        *guests.present.entry(peer.ip()).or_default() += 1;
        let guest = Guest { peer, line, is_in, heard: now, read: 0, behind: None, requests: (0, now), key: None };
        guests.peers.insert(peer, id);
        guests.all.insert(id, guest);
    }

    pub(super) fn leave(&self, id: usize) {
        // Its key goes with it, when nobody else has to wait for that.
        let _guest = {
            let mut guests = self.guests();
            let Some(guest) = guests.all.remove(&id) else { return };
            let address = guest.peer.ip();
            // A port may have been used again already.
            if guests.peers.get(&guest.peer) == Some(&id) {
                guests.peers.remove(&guest.peer);
            }
            release(&mut guests.present, address);
            if guest.is_in {
                release(&mut guests.inside, address);
            }
            guest
        };
    }

    /// Takes the key that a client brings to a stream, one at a time, and none for a source that another one speaks for.
    fn take_key(&self, id: usize, context: &RTSPContext) -> RTSPStatusCode {
        let claim = match request::key(context) {
            Ok(Some(claim)) => claim,
            Ok(None) => return RTSPStatusCode::Ok,
            Err(status) => return status,
        };
        let mut guests = self.guests();
        let is_taken =
            |(other, guest): (&usize, &Guest)| *other != id && guest.key.as_ref().is_some_and(|key| key.is_for(&claim));
        if guests.all.iter().any(is_taken) {
            return RTSPStatusCode::KeyManagementFailure;
        }
        let Some(guest) = guests.all.get_mut(&id) else { return RTSPStatusCode::ServiceUnavailable };
        let before = guest.key.replace(Arc::new(Held::of(claim)));
        drop(guests);
        drop(before);
        RTSPStatusCode::Ok
    }

    /// Whether a client at this address has a key for what this source says.
    pub(super) fn has_key(&self, address: IpAddr, ssrc: u32) -> bool {
        let is_it = |guest: &Guest| guest.peer.ip() == address && guest.key.as_ref().is_some_and(|key| key.seals(ssrc));
        self.guests().all.values().any(is_it)
    }

    /// A client has asked for something: whether it may.
    fn hear(&self, id: usize) -> RTSPStatusCode {
        let mut guests = self.guests();
        match guests.all.get_mut(&id) {
            Some(guest) if guest.is_in => {
                let traffic = guest.line.as_ref().and_then(Line::traffic);
                guest.hear(traffic, Instant::now());
                RTSPStatusCode::Ok
            }
            _ => RTSPStatusCode::ServiceUnavailable,
        }
    }

    /// Ends connections for which there is no room, those that play nothing, and those that cost too much.
    fn show_out(&self, server: &RTSPServer) {
        let now = Instant::now();
        server.client_filter(Some(&mut |_, client| {
            let id = client.as_ptr() as usize;
            let plays = !client.session_filter(None).is_empty();
            let mut guests = self.guests();
            if let Some(guest) = guests.all.get_mut(&id) {
                let traffic = guest.line.as_ref().and_then(Line::traffic);
                if !guest.stays(plays, traffic, now) {
                    guest.line.iter().for_each(Line::end);
                }
            }
            RTSPFilterResult::Keep
        }));
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        lock(&self.guests)
    }
}

impl Guest {
    fn hear(&mut self, traffic: Option<Traffic>, now: Instant) {
        self.heard = now;
        self.read = traffic.map_or(self.read, |traffic| traffic.received);
        if now.saturating_duration_since(self.requests.1) >= Duration::from_secs(1) {
            self.requests = (0, now);
        }
        self.requests.0 = self.requests.0.saturating_add(1);
    }

    fn stays(&mut self, plays: bool, traffic: Option<Traffic>, now: Instant) -> bool {
        let silent = now.saturating_duration_since(self.heard);
        if !self.is_in {
            return silent < REFUSAL;
        }
        let Traffic { received, waiting } = traffic.unwrap_or_default();
        self.behind = if waiting > WAITING.0 { self.behind.or(Some(now)) } else { None };
        let is_slow = self.behind.is_some_and(|since| now.saturating_duration_since(since) >= WAITING.1);
        (plays || silent < SILENCE)
            && received.saturating_sub(self.read) <= UNREAD
            && !is_slow
            && self.requests.0 <= REQUESTS
    }
}

/// What follows from two judgements.
trait And {
    /// This one, unless it lets the request pass.
    fn and(self, next: impl FnOnce() -> RTSPStatusCode) -> RTSPStatusCode;
}

impl And for RTSPStatusCode {
    fn and(self, next: impl FnOnce() -> RTSPStatusCode) -> RTSPStatusCode {
        if self == Self::Ok { next() } else { self }
    }
}

fn release(counts: &mut HashMap<IpAddr, u32>, address: IpAddr) {
    if let Some(count) = counts.get_mut(&address) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door() -> Door {
        Door::new(Limits { clients: 3, per_address: 2 })
    }

    #[test]
    fn there_is_room_for_so_many_in_all_and_for_fewer_from_one_address() {
        let door = door();
        let mut id = 0;
        let mut enter = |host: u8| {
            id += 1;
            door.enter(id, SocketAddr::new([127, 0, 0, host].into(), 1), None, Instant::now());
            door.hear(id) == RTSPStatusCode::Ok
        };
        assert_eq!([1, 1, 1, 2, 3].map(&mut enter), [true, true, false, true, false]);
        assert_eq!([1, 2, 3].map(|host| door.inside([127, 0, 0, host].into())), [2, 1, 0]);
        door.leave(1);
        assert_eq!([1, 2].map(&mut enter), [true, false]);
        assert_eq!(door.hear(99), RTSPStatusCode::ServiceUnavailable, "a stranger");
    }

    #[test]
    fn who_knocks_too_often_is_not_answered_and_others_are() {
        let door = door();
        let (pest, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        for id in 0..6 {
            assert!(!door.is_crowded(pest), "connection {id}");
            door.enter(id, SocketAddr::new(pest, 1), None, Instant::now());
        }
        assert!(door.is_crowded(pest) && !door.is_crowded(other));
        door.leave(0);
        assert!(!door.is_crowded(pest));
    }

    #[test]
    fn what_makes_a_client_leave() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let guest = || Guest {
            peer: SocketAddr::new([127, 0, 0, 1].into(), 1),
            line: None,
            is_in: true,
            heard: start,
            read: 0,
            behind: None,
            requests: (0, start),
            key: None,
        };
        let stays = |mut guest: Guest, plays, traffic, seconds| guest.stays(plays, Some(traffic), after(seconds));
        let quiet = Traffic::default();
        assert!(stays(guest(), false, quiet, 29) && !stays(guest(), false, quiet, 30), "it plays nothing");
        assert!(stays(guest(), true, quiet, 3600), "it listens");
        assert!(!stays(Guest { is_in: false, ..guest() }, true, quiet, 1), "it is refused");

        let octets = Traffic { received: UNREAD + 1, waiting: 0 };
        assert!(!stays(guest(), true, octets, 1), "a request has no end");
        assert!(stays(Guest { read: 1, ..guest() }, true, octets, 1), "one octet of it was a report");

        let mut slow = guest();
        let full = Traffic { received: 0, waiting: WAITING.0 + 1 };
        assert!([1, 3].iter().all(|&seconds| slow.stays(true, Some(full), after(seconds))));
        assert!(!slow.stays(true, Some(full), after(4)), "it does not read");

        let mut eager = guest();
        (0..REQUESTS).for_each(|_| eager.hear(None, start));
        assert!(eager.stays(true, None, start));
        eager.hear(None, start);
        assert!(!eager.stays(true, None, start), "it asks too often");
        eager.hear(None, after(1));
        assert!(eager.stays(true, None, after(1)));
    }
}
