//! The sessions that are announced (section 4 and 5).

use std::net::IpAddr;

use crate::announcer::Pace;
use crate::packet::{Kind, Packet};
use crate::{Error, Result};

/// What has been heard of and not been deleted, in the order in which it came.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    sessions: Vec<Session>,
    refused: u64,
}

/// A session that is announced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// The session description.
    pub description: String,
    /// Who announced it: the address that its datagrams came from.
    pub from: IpAddr,
    /// When it was first announced.
    pub since: u64,
    /// When it was last announced.
    pub heard: u64,
    /// Octets of the announcement.
    octets: usize,
}

/// What a datagram changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// A session that was not known.
    New(&'a Session),
    /// A session whose description is another one now.
    Modified(&'a Session),
    /// A session has been deleted.
    Gone(Session),
}

/// Sessions that are remembered: a flood of announcements takes no more memory than this.
const SESSIONS: usize = 500;
/// Milliseconds after which a session that is no longer announced is forgotten, at least.
const HOUR: u64 = 3_600_000;

impl Directory {
    /// Takes a datagram that comes `now` from the address `from`.
    ///
    /// A session belongs to the address that announced it: only from there can it be modified or deleted, and the same
    /// session from elsewhere is another one (section 5). Authentication is not looked at.
    pub fn receive(&mut self, now: u64, from: IpAddr, octets: &[u8]) -> Result<Option<Event<'_>>> {
        let packet = Packet::decode(octets)?;
        let origin = origin(&packet.payload).ok_or(Error::NoOrigin)?;
        let name = identity(origin);
        let place = self.sessions.iter().position(|session| session.from == from && session.identity() == name);
        Ok(match (packet.kind, place) {
            // An older edition of a session is deleted when it has been modified.
            (Kind::Deletion, Some(place)) if self.sessions[place].origin() == origin => {
                Some(Event::Gone(self.sessions.remove(place)))
            }
            (Kind::Deletion, _) => None,
            (Kind::Announcement, Some(place)) => {
                let session = &mut self.sessions[place];
                (session.heard, session.octets) = (now, octets.len());
                let modified = session.description != packet.payload;
                if modified {
                    session.description = packet.payload.into_owned();
                }
                modified.then_some(Event::Modified(session))
            }
            (Kind::Announcement, None) if self.sessions.len() >= SESSIONS => {
                self.refused += 1;
                None
            }
            (Kind::Announcement, None) => {
                let description = packet.payload.into_owned();
                self.sessions.push(Session { description, from, since: now, heard: now, octets: octets.len() });
                self.sessions.last().map(Event::New)
            }
        })
    }

    /// Forgets what has not been announced for ten intervals, or for an hour if that is longer, and gives it out.
    pub fn expire(&mut self, now: u64) -> Vec<Session> {
        let count = self.sessions.len();
        let is_over = |session: &mut Session| {
            let interval = Pace::default().interval(count, session.octets);
            now.saturating_sub(session.heard) > HOUR.max(10 * interval)
        };
        self.sessions.extract_if(.., is_over).collect()
    }

    /// The sessions, in the order in which they came.
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// How many sessions are announced: with its own ones what an announcer must know.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether nothing is announced.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Announcements that found no place.
    pub const fn refused(&self) -> u64 {
        self.refused
    }
}

impl Session {
    /// `s=`: what the session calls itself.
    pub fn title(&self) -> &str {
        line(&self.description, "s=").unwrap_or_default().trim()
    }

    fn origin(&self) -> &str {
        origin(&self.description).unwrap_or_default()
    }

    fn identity(&self) -> [&str; 5] {
        identity(self.origin())
    }
}

/// The `o=` line of a description, whole.
pub(crate) fn origin(description: &str) -> Option<&str> {
    description.lines().find(|line| line.starts_with("o=")).map(str::trim_end)
}

fn line<'a>(description: &'a str, kind: &str) -> Option<&'a str> {
    description.lines().find_map(|line| line.strip_prefix(kind))
}

/// What names a session: its origin but for the version (RFC 8866, 5.2).
fn identity(origin: &str) -> [&str; 5] {
    let mut fields = origin.split_ascii_whitespace();
    let [user, id, _version, net, kind, address] = std::array::from_fn(|_| fields.next().unwrap_or_default());
    [user, id, net, kind, address]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Announcer;
    use proptest::prelude::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn description(id: u64, version: u64) -> String {
        format!("v=0\r\no=- {id} {version} IN IP4 192.0.2.1\r\ns=Radio {id}\r\n")
    }

    fn announcer(id: u64) -> Announcer {
        Announcer::new(address(1), &description(id, 1), Pace::default())
    }

    #[test]
    fn a_session_is_new_once_and_modified_when_its_description_is() {
        let (mut directory, mut announcer) = (Directory::default(), announcer(1));
        let datagram = announcer.announce(0, 0, 0.5);
        assert!(
            matches!(directory.receive(0, address(1), &datagram), Ok(Some(Event::New(s))) if s.title() == "Radio 1")
        );
        assert_eq!(directory.receive(5, address(1), &datagram), Ok(None));
        let deletion = announcer.modify(&description(1, 2));
        let datagram = announcer.announce(9, 0, 0.5);
        assert!(matches!(directory.receive(9, address(1), &datagram), Ok(Some(Event::Modified(_)))));
        assert_eq!(directory.receive(9, address(1), &deletion), Ok(None), "what it deletes is replaced");
        assert_eq!((directory.len(), directory.sessions()[0].since), (1, 0));
        assert!(matches!(directory.receive(10, address(1), &announcer.delete()), Ok(Some(Event::Gone(_)))));
    }

    #[test]
    fn only_its_announcer_can_modify_or_delete_a_session() {
        let (mut directory, mut announcer) = (Directory::default(), announcer(1));
        let datagram = announcer.announce(0, 0, 0.5);
        directory.receive(0, address(1), &datagram).unwrap();
        assert_eq!(directory.receive(1, address(66), &announcer.delete()), Ok(None));
        assert!(matches!(directory.receive(1, address(66), &datagram), Ok(Some(Event::New(_)))));
        assert_eq!(directory.len(), 2);
        assert!(matches!(directory.receive(2, address(66), &announcer.delete()), Ok(Some(Event::Gone(_)))));
        assert_eq!(directory.sessions()[0].from, address(1));
    }

    #[test]
    fn what_is_no_longer_announced_is_forgotten_after_an_hour() {
        let mut directory = Directory::default();
        for (now, id) in [(0, 1), (60_000, 2)] {
            directory.receive(now, address(1), &announcer(id).announce(now, 0, 0.5)).unwrap();
        }
        assert_eq!(directory.expire(HOUR), []);
        assert_eq!(directory.expire(HOUR + 1).iter().map(Session::title).collect::<Vec<_>>(), ["Radio 1"]);
        assert_eq!(directory.len(), 1);
    }

    #[test]
    fn a_flood_takes_no_more_memory_than_there_is_for_it() {
        let mut directory = Directory::default();
        for id in 0..2 * SESSIONS as u64 {
            directory.receive(0, address(1), &announcer(id).announce(0, 0, 0.5)).unwrap();
        }
        assert_eq!((directory.len(), directory.refused()), (SESSIONS, SESSIONS as u64));
    }

    #[test]
    fn a_description_without_origin_is_refused() {
        let octets = b"\x20\x00\x12\x34\xC0\x00\x02\x01v=0\r\ns=Radio\r\n";
        assert_eq!(Directory::default().receive(0, address(1), octets), Err(Error::NoOrigin));
    }

    proptest! {
        #[test]
        fn any_octets_are_received_without_panic(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20)) {
            let mut directory = Directory::default();
            for octets in &datagrams {
                let _ = directory.receive(0, address(1), octets);
            }
            prop_assert!(directory.len() <= datagrams.len());
        }
    }
}
