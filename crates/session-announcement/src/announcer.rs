//! Announces one session again and again (section 3.1), and deletes it in the end (section 4).

use std::borrow::Cow;
use std::net::IpAddr;

use crate::directory::origin;
use crate::packet::{Kind, Packet};

/// How often sessions are announced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// Milliseconds between two announcements at least.
    pub least: u64,
    /// Bits a second that all announcements of a group may take.
    pub bandwidth: u32,
}

/// The announcements of one session.
#[derive(Clone, Debug)]
pub struct Announcer {
    source: IpAddr,
    description: String,
    id: u16,
    pace: Pace,
    announced: Option<u64>,
    due: u64,
}

/// As RFC 2974 has it: five minutes, and 4000 bits a second.
impl Default for Pace {
    fn default() -> Self {
        Self { least: 300_000, bandwidth: 4000 }
    }
}

impl Pace {
    /// Milliseconds between announcements of `octets` in a group that has `sessions`, before chance comes in.
    pub fn interval(self, sessions: usize, octets: usize) -> u64 {
        let bits = 8 * sessions.max(1) as u64 * octets as u64;
        self.least.max(1000 * bits / u64::from(self.bandwidth.max(1)))
    }
}

impl Announcer {
    /// Announces `description` from the host `source`, for the first time at once.
    pub fn new(source: IpAddr, description: &str, pace: Pace) -> Self {
        Self { source, id: hash(description), description: description.to_owned(), pace, announced: None, due: 0 }
    }

    /// When the next announcement is due.
    pub const fn due(&self) -> u64 {
        self.due
    }

    /// The announcement that is due `now`. The group has `others` sessions beside this one; `chance`, from 0 to 1 and
    /// drawn anew each time, spreads the announcements of several hosts.
    pub fn announce(&mut self, now: u64, others: usize, chance: f64) -> Vec<u8> {
        let datagram = self.packet(Kind::Announcement, &self.description);
        self.announced = Some(now);
        self.due = now + self.wait(others, datagram.len(), chance);
        datagram
    }

    /// Looks at the timer again when it has run out (reconsideration): whether the announcement is still due `now`, or
    /// is put off, because others have come in the meantime.
    pub fn reconsider(&mut self, now: u64, others: usize, chance: f64) -> bool {
        let octets = self.packet(Kind::Announcement, &self.description).len();
        if let Some(announced) = self.announced {
            self.due = announced + self.wait(others, octets, chance);
        }
        self.due <= now
    }

    /// The session has another description from now on, to be announced at once. What is returned deletes the old one
    /// and is to be sent behind that announcement, so that nobody thinks that the session has ended.
    pub fn modify(&mut self, description: &str) -> Vec<u8> {
        let deletion = self.delete();
        let before = self.id;
        (self.description, self.id) = (description.to_owned(), hash(description));
        if self.id == before {
            self.id = self.id.wrapping_add(1).max(1);
        }
        (self.announced, self.due) = (None, 0);
        deletion
    }

    /// The deletion of the session.
    pub fn delete(&self) -> Vec<u8> {
        self.packet(Kind::Deletion, origin(&self.description).unwrap_or_default())
    }

    fn packet(&self, kind: Kind, payload: &str) -> Vec<u8> {
        let mut octets = Vec::new();
        Packet { kind, id: self.id, source: self.source, payload: Cow::Borrowed(payload) }.encode(&mut octets);
        octets
    }

    /// From two thirds to four thirds of the interval.
    fn wait(&self, others: usize, octets: usize, chance: f64) -> u64 {
        let interval = self.pace.interval(others + 1, octets) as f64;
        (interval * (2.0 + 2.0 * chance.clamp(0.0, 1.0)) / 3.0) as u64
    }
}

/// A hash of sixteen bits, never 0 (FNV-1a, folded).
fn hash(text: &str) -> u16 {
    let hash = text.bytes().fold(0x811C_9DC5_u32, |hash, octet| (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193));
    ((hash >> 16) as u16 ^ hash as u16).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Radio\r\n";

    fn announcer(pace: Pace) -> Announcer {
        Announcer::new("192.0.2.1".parse().unwrap(), TEXT, pace)
    }

    #[test]
    fn announcements_come_every_five_minutes_give_or_take_a_third() {
        for (chance, due) in [(0.0, 201_000), (0.5, 301_000), (1.0, 401_000)] {
            let mut announcer = announcer(Pace::default());
            assert_eq!(announcer.due(), 0);
            announcer.announce(1000, 0, chance);
            assert_eq!(announcer.due(), due);
        }
    }

    #[test]
    fn many_sessions_share_the_bandwidth() {
        let pace = Pace { least: 5000, bandwidth: 4000 };
        assert_eq!(pace.interval(1, 500), 5000);
        assert_eq!(pace.interval(1000, 500), 1_000_000);
        let mut announcer = announcer(pace);
        announcer.announce(0, 0, 0.5);
        assert!(!announcer.reconsider(5000, 999, 0.5) && announcer.due() > 100_000);
        assert!(announcer.reconsider(5000, 0, 0.5));
    }

    #[test]
    fn another_description_has_another_identifier_and_is_announced_at_once() {
        let mut announcer = announcer(Pace::default());
        let before = announcer.announce(0, 0, 0.5);
        let deletion = announcer.modify(&TEXT.replace("1 1", "1 2"));
        assert_eq!((announcer.due(), &deletion[2..4]), (0, &before[2..4]));
        let after = announcer.announce(1, 0, 0.5);
        assert_ne!(before[2..4], after[2..4]);
        let deleted = Packet::decode(&deletion).unwrap();
        assert_eq!((deleted.kind, &*deleted.payload), (Kind::Deletion, "o=- 1 1 IN IP4 192.0.2.1"));
    }
}
