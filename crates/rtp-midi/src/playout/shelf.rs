//! The packets that wait for their time, in the order of their sequence numbers.

use std::collections::VecDeque;

use super::clock::Arrived;
use crate::journal::Seq;
use crate::receiver::Received;
use crate::sequence::{Arrival, MOST_BEHIND, Sequence};

/// Packets of one stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    sequence: Sequence,
    packets: VecDeque<Waiting>,
    /// The latest packet that has been taken.
    taken: Option<Seq>,
    /// Which of the numbers up to the highest have come, that one in bit 0.
    seen: u128,
    /// Payloads of packets that are gone, whose memory is used again.
    spare: Vec<Vec<u8>>,
}

/// A packet that waits.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    number: Seq,
    pub(super) timestamp: u32,
    /// When it came, and how RTP time stood to the clock then.
    pub(super) arrival: Arrived,
    pub(super) payload: Vec<u8>,
}

/// What a packet is to those before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Behind all others; [`Shelf::put`] it.
    Last(Seq),
    /// Between others, or before them; [`Shelf::put`] it.
    Between(Seq),
    /// It has been here already.
    Doubled,
    /// What it says has been made up for.
    TooLate,
    /// Its number is too far off to be believed yet.
    Wild,
    /// The first of a stream that begins anew.
    Restart,
}

/// Most packets that wait; more come only in a flood.
pub(super) const MOST: usize = 1024;

impl Shelf {
    /// Forgets the stream.
    pub(super) fn clear(&mut self) {
        while let Some(packet) = self.packets.pop_front() {
            self.keep(packet.payload);
        }
        (self.sequence, self.taken, self.seen) = (Sequence::default(), None, 0);
    }

    /// Finds the place of the packet with sequence number `low`.
    pub(super) fn place(&mut self, low: u16) -> Place {
        let before = self.sequence.highest();
        match self.sequence.arrive(low) {
            Arrival::First(number) => {
                self.seen = 1;
                Place::Last(number)
            }
            Arrival::Next(number) | Arrival::Gap { packet: number, .. } => {
                self.seen = self.seen.checked_shl(number.0 - before.0).unwrap_or(0) | 1;
                Place::Last(number)
            }
            Arrival::Restart(_) => Place::Restart,
            Arrival::Late => {
                let number = before.latest(low);
                let behind = before.0 - number.0;
                if behind >= u32::from(MOST_BEHIND) {
                    return Place::Wild;
                }
                let bit = 1 << behind;
                if self.seen & bit != 0 {
                    return Place::Doubled;
                }
                self.seen |= bit;
                if self.taken.is_some_and(|taken| number <= taken) { Place::TooLate } else { Place::Between(number) }
            }
        }
    }

    /// Puts a packet in its place; says whether there was room.
    pub(super) fn put(&mut self, number: Seq, arrival: Arrived, packet: &Received<'_>) -> bool {
        if self.packets.len() == MOST {
            return false;
        }
        let mut octets = self.spare.pop().unwrap_or_default();
        octets.extend_from_slice(packet.payload);
        let place = self.packets.partition_point(|waiting| waiting.number < number);
        self.packets.insert(place, Waiting { number, timestamp: packet.timestamp, arrival, payload: octets });
        true
    }

    /// How the next packet came.
    pub(super) fn head(&self) -> Option<&Arrived> {
        self.packets.front().map(|packet| &packet.arrival)
    }

    /// Takes the next packet; give its payload back to [`Shelf::keep`].
    pub(super) fn take(&mut self) -> Option<Waiting> {
        let packet = self.packets.pop_front()?;
        self.taken = Some(packet.number);
        Some(packet)
    }

    /// Takes memory back.
    pub(super) fn keep(&mut self, mut payload: Vec<u8>) {
        payload.clear();
        if self.spare.len() < SPARE {
            self.spare.push(payload);
        }
    }

    /// Packets that wait.
    pub(super) fn len(&self) -> usize {
        self.packets.len()
    }
}

/// Most payloads whose memory is kept.
const SPARE: usize = 64;

impl Waiting {
    /// The sequence number as the RTP header has it.
    pub(super) fn sequence(&self) -> u16 {
        self.number.low()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(shelf: &mut Shelf, numbers: &[u16]) -> Vec<Place> {
        let places = numbers.iter().map(|low| {
            let place = shelf.place(*low);
            if let Place::Last(number) | Place::Between(number) = place {
                shelf.put(number, Arrived::default(), &Received { sequence: *low, timestamp: 0, payload: &[] });
            }
            place
        });
        places.collect()
    }

    #[test]
    fn packets_are_put_in_order_where_sixteen_bits_wrap() {
        let mut shelf = Shelf::default();
        let number = |low| if low < 100 { Seq(0x2_0000 + u32::from(low)) } else { Seq::first(low) };
        let (last, between) = (|low| Place::Last(number(low)), |low| Place::Between(number(low)));
        assert_eq!(
            places(&mut shelf, &[65_534, 1, 65_535, 65_533, 1, 0, 65_535]),
            [last(65_534), last(1), between(65_535), between(65_533), Place::Doubled, between(0), Place::Doubled]
        );
        let order: Vec<_> = std::iter::from_fn(|| shelf.take()).map(|packet| packet.sequence()).collect();
        assert_eq!(order, [65_533, 65_534, 65_535, 0, 1]);
    }

    #[test]
    fn behind_a_packet_that_was_taken_it_is_too_late() {
        let mut shelf = Shelf::default();
        places(&mut shelf, &[10, 12]);
        shelf.take();
        shelf.take();
        assert_eq!(
            places(&mut shelf, &[11, 11, 40_000, 13]),
            [Place::TooLate, Place::Doubled, Place::Wild, Place::Last(Seq::first(13))]
        );
    }

    #[test]
    fn a_stream_that_begins_anew_is_known_by_its_second_packet() {
        let mut shelf = Shelf::default();
        assert_eq!(places(&mut shelf, &[10, 60_000, 60_001])[1..], [Place::Wild, Place::Restart]);
        shelf.clear();
        assert_eq!((shelf.len(), shelf.place(60_001)), (0, Place::Last(Seq::first(60_001))));
    }
}
