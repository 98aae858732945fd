//! RTP that may be MIDI: kept until its form tells.

use std::collections::VecDeque;

use rtp_midi::inspect::inspect;
use rtp_types::RtpPacket;

use super::finder::Key;
use super::frame::Datagram;

/// Sources that nothing is known of yet, oldest first, with their latest packets.
#[derive(Debug, Default)]
pub(super) struct Candidates(VecDeque<(Key, VecDeque<Datagram>)>);

/// What becomes of a packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It is RTP MIDI, and so are those of its source that were kept.
    Found(Vec<Datagram>),
    /// It is kept, and so many others no longer are.
    Kept { given_up: u64 },
}

/// So many sources are looked at at a time, and so many packets of each.
const MOST_SOURCES: usize = 256;
const MOST_PACKETS: usize = 8;
/// A packet that goes on from another one is at most so many numbers behind it.
const MOST_AHEAD: u16 = 16;

impl Candidates {
    /// Takes an RTP packet: two that go on from each other and read whole tell, if one of their source says anything.
    pub(super) fn take(&mut self, key: Key, datagram: &Datagram) -> Verdict {
        let kept = self.of(key);
        let goes_on = form(datagram) != Form::Other
            && kept.iter().any(|before| {
                let ahead = sequence(datagram).wrapping_sub(sequence(before));
                (1..=MOST_AHEAD).contains(&ahead) && form(before) != Form::Other
            });
        kept.push_back(datagram.clone());
        if goes_on && kept.iter().any(|datagram| form(datagram) == Form::Speaks) {
            return Verdict::Found(self.remove(key).into());
        }
        let mut given_up = 0;
        if kept.len() > MOST_PACKETS {
            kept.pop_front();
            given_up += 1;
        }
        if self.0.len() > MOST_SOURCES {
            given_up += self.0.pop_front().map_or(0, |(_, kept)| kept.len() as u64);
        }
        Verdict::Kept { given_up }
    }

    /// Now that no more will come: the packets of sources of which at least half read whole, and how many others there are.
    pub(super) fn finish(&mut self) -> (Vec<Datagram>, u64) {
        let (mut found, mut given_up) = (Vec::new(), 0);
        for (_, kept) in self.0.drain(..) {
            let forms: Vec<Form> = kept.iter().map(form).collect();
            let damaged = forms.iter().filter(|form| **form == Form::Other).count();
            if forms.contains(&Form::Speaks) && 2 * damaged <= forms.len() {
                found.extend(kept);
            } else {
                given_up += kept.len() as u64;
            }
        }
        found.sort_by_key(|datagram| datagram.frame);
        (found, given_up)
    }

    fn of(&mut self, key: Key) -> &mut VecDeque<Datagram> {
        let place = match self.0.iter().position(|(other, _)| *other == key) {
            Some(place) => place,
            None => {
                self.0.push_back((key, VecDeque::new()));
                self.0.len() - 1
            }
        };
        &mut self.0[place].1
    }

    fn remove(&mut self, key: Key) -> VecDeque<Datagram> {
        let place = self.0.iter().position(|(other, _)| *other == key);
        place.and_then(|place| self.0.remove(place)).map(|(_, kept)| kept).unwrap_or_default()
    }
}

/// What an RTP packet looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// Commands, or a journal that tells something.
    Speaks,
    /// An empty list, perhaps with an empty journal, as a guard packet has it. Other payloads look like that as well.
    Silent,
    /// No RTP MIDI.
    Other,
}

fn form(datagram: &Datagram) -> Form {
    let Ok(packet) = RtpPacket::parse(&datagram.octets) else { return Form::Other };
    let found = inspect(packet.payload(), packet.timestamp());
    // Only at the end of a channel journal may octets stand that nobody knows.
    let is_whole = found.defects.is_empty() && found.fields.iter().all(|field| field.name != "rtpmidi.unknown_data");
    let tells = found.journal.is_some_and(|journal| !journal.chapters.is_empty());
    match is_whole {
        false => Form::Other,
        true if tells || !found.commands.is_empty() => Form::Speaks,
        true => Form::Silent,
    }
}

fn sequence(datagram: &Datagram) -> u16 {
    RtpPacket::parse(&datagram.octets).map_or(0, |packet| packet.sequence_number())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;
    use std::time::Duration;

    const NOTE: &[u8] = &[0x03, 0x90, 60, 100];
    const EMPTY: &[u8] = &[0x00];

    fn take(candidates: &mut Candidates, source: u32, number: u16, payload: &[u8]) -> Verdict {
        let address = SocketAddr::from(([10, 0, 0, 1], 5004));
        let [high, low] = number.to_be_bytes();
        let octets = [&[0x80, 97, high, low, 0, 0, 0, 0, 0, 0, 0, 0], payload].concat();
        let datagram = Datagram { frame: 1, at: Duration::ZERO, from: address, to: address, octets };
        candidates.take((address, address, source), &datagram)
    }

    #[test]
    fn empty_packets_alone_tell_nothing() {
        let mut candidates = Candidates::default();
        for number in 0..8 {
            assert_eq!(take(&mut candidates, 1, number, EMPTY), Verdict::Kept { given_up: 0 });
        }
        assert_eq!(take(&mut candidates, 1, 8, EMPTY), Verdict::Kept { given_up: 1 });
        assert_eq!(candidates.finish(), (vec![], 8));
    }

    #[test]
    fn a_packet_that_reads_whole_tells_with_its_neighbour_or_at_the_end() {
        let mut candidates = Candidates::default();
        assert_eq!(take(&mut candidates, 1, 65_535, NOTE), Verdict::Kept { given_up: 0 });
        assert_eq!(take(&mut candidates, 2, 7, NOTE), Verdict::Kept { given_up: 0 });
        assert!(matches!(take(&mut candidates, 1, 0, EMPTY), Verdict::Found(packets) if packets.len() == 2));
        assert_eq!(take(&mut candidates, 3, 1, &[0x13, 0x90, 60]), Verdict::Kept { given_up: 0 });
        let (found, given_up) = candidates.finish();
        assert_eq!((found.len(), given_up), (1, 1));
    }

    #[test]
    fn a_damaged_packet_between_two_that_read_whole_hides_nothing() {
        let mut candidates = Candidates::default();
        take(&mut candidates, 1, 10, NOTE);
        take(&mut candidates, 1, 11, b"garbage");
        assert!(matches!(take(&mut candidates, 1, 12, NOTE), Verdict::Found(packets) if packets.len() == 3));
        take(&mut candidates, 2, 10, NOTE);
        take(&mut candidates, 2, 11, b"garbage");
        assert_eq!(candidates.finish().0.len(), 2);
    }

    #[test]
    fn a_crowd_of_sources_is_bounded() {
        let (mut candidates, mut all_given_up) = (Candidates::default(), 0);
        for source in 0..2000 {
            for number in [1, 100, 200] {
                let Verdict::Kept { given_up } = take(&mut candidates, source, number, b"garbage") else { panic!() };
                all_given_up += given_up;
            }
        }
        assert_eq!(candidates.0.len(), MOST_SOURCES);
        assert_eq!(all_given_up + candidates.finish().1, 3 * 2000);
    }
}
