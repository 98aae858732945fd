//! Which packets of a stream are missing (RFC 3550 A.1, RFC 6295 section 4).

use crate::journal::Seq;

/// Follows the sequence numbers of one stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sequence {
    highest: Option<Seq>,
    /// A number too far off to believe, unless the next packet follows it.
    suspect: Option<u16>,
    /// The highest packet could not be read to its end.
    damaged: bool,
}

/// How a packet stands to those before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Arrival {
    /// The first packet of the stream.
    First(Seq),
    /// The packet that was to come.
    Next(Seq),
    /// `heard` is the last packet read whole; those between are missing.
    Gap { heard: Seq, packet: Seq },
    /// A number at or below the highest one, or one that nobody can believe yet.
    Late,
    /// The sender has begun anew with other numbers: nothing of before counts.
    Restart(Seq),
}

/// A jump ahead beyond this is believed once the packet behind it comes too.
const MOST_AHEAD: u16 = 3000;
/// A number this far behind may be a sender that has begun anew.
pub(crate) const MOST_BEHIND: u16 = 100;

impl Sequence {
    /// Takes the sequence number of a packet.
    pub(crate) fn arrive(&mut self, low: u16) -> Arrival {
        let Some(heard) = self.highest else {
            self.highest = Some(Seq::first(low));
            return Arrival::First(Seq::first(low));
        };
        let ahead = low.wrapping_sub(heard.low());
        let follows = self.suspect.replace(low).is_some_and(|suspect| suspect.wrapping_add(1) == low);
        let believable = (1..=MOST_AHEAD).contains(&ahead);
        if ahead < 0x8000 && ahead > 0 && (believable || follows) {
            let packet = Seq(heard.0 + u32::from(ahead));
            let heard = if self.damaged { heard.before() } else { heard };
            *self = Self { highest: Some(packet), ..Self::default() };
            return if heard.next() == packet { Arrival::Next(packet) } else { Arrival::Gap { heard, packet } };
        }
        if ahead >= 0x8000 && ahead < MOST_BEHIND.wrapping_neg() && follows {
            let packet = Seq::first(low);
            *self = Self { highest: Some(packet), ..Self::default() };
            return Arrival::Restart(packet);
        }
        Arrival::Late
    }

    /// The highest packet so far.
    pub(crate) fn highest(&self) -> Seq {
        self.highest.unwrap_or(Seq::NEVER)
    }

    /// The latest packet could not be read to its end: behind it, it counts as missing.
    pub(crate) fn damaged(&mut self) {
        self.damaged = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(numbers: &[u16]) -> Vec<Arrival> {
        let mut sequence = Sequence::default();
        numbers.iter().map(|low| sequence.arrive(*low)).collect()
    }

    #[test]
    fn numbers_count_on_where_sixteen_bits_wrap() {
        let (first, next) = (Seq(0x1_FFFF), Seq(0x2_0000));
        assert_eq!(arrivals(&[0xFFFF, 0]), [Arrival::First(first), Arrival::Next(next)]);
        let gap = Arrival::Gap { heard: first, packet: Seq(0x2_0002) };
        assert_eq!(arrivals(&[0xFFFF, 2]), [Arrival::First(first), gap]);
    }

    #[test]
    fn a_late_or_doubled_packet_moves_nothing() {
        let packet = |low| Seq::first(low);
        assert_eq!(
            arrivals(&[10, 12, 11, 12, 13]),
            [
                Arrival::First(packet(10)),
                Arrival::Gap { heard: packet(10), packet: packet(12) },
                Arrival::Late,
                Arrival::Late,
                Arrival::Next(packet(13)),
            ]
        );
    }

    #[test]
    fn a_damaged_packet_is_missing_behind_it_and_yet_not_taken_twice() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.arrive(10), Arrival::First(Seq::first(10)));
        sequence.arrive(11);
        sequence.damaged();
        assert_eq!(sequence.arrive(11), Arrival::Late);
        assert_eq!(sequence.arrive(12), Arrival::Gap { heard: Seq::first(10), packet: Seq::first(12) });
        assert_eq!(sequence.arrive(13), Arrival::Next(Seq::first(13)));
    }

    #[test]
    fn a_wild_number_is_believed_when_its_successor_comes() {
        let (start, jump) = (Seq::first(10), Seq::first(20_001));
        let gap = Arrival::Gap { heard: start, packet: jump };
        assert_eq!(arrivals(&[10, 20_000, 20_001]), [Arrival::First(start), Arrival::Late, gap]);
        assert_eq!(arrivals(&[10, 20_000, 11])[2], Arrival::Next(Seq::first(11)));
    }

    #[test]
    fn a_sender_that_begins_anew_is_noticed_by_its_second_packet() {
        let restart = Arrival::Restart(Seq::first(60_001));
        assert_eq!(arrivals(&[10, 60_000, 60_001]), [Arrival::First(Seq::first(10)), Arrival::Late, restart]);
        assert_eq!(arrivals(&[200, 150, 151])[2], Arrival::Late, "reordering is no restart");
    }
}
