//! Commands as datagrams: one complete message in each, with its status octet.

use rtp_midi::midi::{Command, Part, System};

/// Most octets of a datagram that no network cuts: what Ethernet carries, less the headers of IPv6 and UDP.
pub const MTU: usize = 1452;

/// Gives `out` the datagrams of a command.
///
/// A System Exclusive that is longer than `most` octets goes into several, the first of which begins with `F0` and
/// the last of which ends with `F7`, as `QmidiNet` sends what ALSA gives it in pieces. Segments of one may come as
/// they are; one that is called off has no end, and the next message's status octet ends it.
pub fn datagrams(command: Command<'_>, most: usize, mut out: impl FnMut(&[u8])) {
    let mut octets = Vec::new();
    match command {
        Command::System(System::SysEx(segment)) => {
            if matches!(segment.part, Part::Whole(_) | Part::First) {
                octets.push(0xF0);
            }
            octets.extend_from_slice(segment.data);
            if matches!(segment.part, Part::Whole(_) | Part::Last(_)) {
                octets.push(0xF7);
            }
        }
        // The F7 that ends the undefined ones in RTP is no part of them.
        Command::System(System::F4(data)) => octets.extend(std::iter::once(0xF4).chain(data.iter().copied())),
        Command::System(System::F5(data)) => octets.extend(std::iter::once(0xF5).chain(data.iter().copied())),
        _ => {
            command.encode(&mut octets);
            return out(&octets);
        }
    }
    octets.chunks(most.max(1)).for_each(out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp_midi::midi::{End, Segment};

    fn sent(command: Command<'_>, most: usize) -> Vec<Vec<u8>> {
        let mut datagrams_of = Vec::new();
        datagrams(command, most, |datagram| datagrams_of.push(datagram.to_vec()));
        datagrams_of
    }

    #[test]
    fn a_message_is_a_datagram() {
        for octets in [&[0x80, 60, 64][..], &[0xC3, 5], &[0xF8], &[0xF2, 1, 2], &[0xF0, 1, 2, 3, 0xF7]] {
            assert_eq!(sent(Command::decode(octets).unwrap().0, MTU), [octets]);
        }
        assert_eq!(sent(Command::System(System::F4(&[1, 2])), MTU), [[0xF4, 1, 2]]);
    }

    #[test]
    fn a_long_system_exclusive_takes_several() {
        let whole = Command::decode(&[0xF0, 1, 2, 3, 4, 5, 0xF7]).unwrap().0;
        assert_eq!(sent(whole, 3), [&[0xF0, 1, 2][..], &[3, 4, 5], &[0xF7]]);
    }

    #[test]
    fn segments_are_sent_as_they_come_and_one_without_its_end_gets_it() {
        let segment = |part, data| sent(Segment { part, data }.into(), MTU);
        assert_eq!(segment(Part::First, &[1, 2]), [[0xF0, 1, 2]]);
        assert_eq!(segment(Part::Middle, &[3]), [[3]]);
        assert_eq!(segment(Part::Last(End::Dropped), &[4]), [[4, 0xF7]]);
        assert_eq!(segment(Part::Cancel, &[]), [[0; 0]; 0]);
    }
}
