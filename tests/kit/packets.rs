//! Files of RTP packets (RFC 4571: each behind its length in two octets), and which packets get lost.

use rtp_midi::midi::{Command, Part, Segment, System};
use rtp_midi::payload::Payload;

use crate::random::Random;

/// A file of packets, and which of a song's events each one brings.
#[derive(Clone, Debug)]
pub struct Recording {
    /// In the order of the file.
    pub packets: Vec<Packet>,
}

/// One RTP packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// From the RTP header on.
    pub octets: Vec<u8>,
    /// How many events of the song have been told, all of them whole, when this packet has been executed.
    pub told: usize,
}

impl Recording {
    /// Takes a file apart.
    pub fn read(file: &[u8]) -> Self {
        let (mut packets, mut rest, mut told) = (Vec::new(), file, 0);
        while let Some((length, behind)) = rest.split_first_chunk() {
            let (octets, behind) = behind.split_at(usize::from(u16::from_be_bytes(*length)));
            told += messages(octets);
            packets.push(Packet { octets: octets.to_vec(), told });
            rest = behind;
        }
        assert!(rest.is_empty(), "{} octets behind the last packet", rest.len());
        Self { packets }
    }

    /// A file of the packets that `arrives` keeps.
    pub fn write(&self, arrives: &[bool]) -> Vec<u8> {
        let mut file = Vec::new();
        for (packet, _) in self.packets.iter().zip(arrives).filter(|(_, arrives)| **arrives) {
            file.extend((packet.octets.len() as u16).to_be_bytes());
            file.extend(&packet.octets);
        }
        file
    }
}

impl Packet {
    /// The RTP sequence number.
    pub fn sequence(&self) -> u16 {
        u16::from_be_bytes([self.octets[2], self.octets[3]])
    }

    /// The RTP timestamp.
    pub fn timestamp(&self) -> u32 {
        u32::from_be_bytes([self.octets[4], self.octets[5], self.octets[6], self.octets[7]])
    }

    /// The RTP payload. Our packets have neither padding, contributing sources nor an extension.
    pub fn payload(&self) -> &[u8] {
        payload(&self.octets)
    }
}

fn payload(packet: &[u8]) -> &[u8] {
    assert_eq!(packet[0], 0x80, "version 2 and nothing else");
    &packet[12..]
}

/// How many messages end in this packet. The list is read by the crate that wrote it; that the sum is the song's
/// number of events, and that these are the song's, the tests show themselves.
fn messages(packet: &[u8]) -> usize {
    let commands = Payload::decode(payload(packet)).unwrap().commands(0);
    let goes_on = |command: &Command<'_>| {
        let Command::System(System::SysEx(Segment { part, .. })) = command else { return false };
        !matches!(part, Part::Whole(_) | Part::Last(_))
    };
    commands.map(Result::unwrap).filter(|timed| !goes_on(&timed.command)).count()
}

/// How packets get lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loss {
    /// So many of the first packets.
    First(usize),
    /// So many of a hundred, each by itself.
    Single(u64),
    /// So many of a hundred, in runs of up to 30.
    Bursts(u64),
}

impl Loss {
    /// Which of `count` packets arrive.
    pub fn survivors(self, count: usize, seed: u64) -> Vec<bool> {
        let mut random = Random::new(seed);
        match self {
            Self::First(lost) => (0..count).map(|index| index >= lost).collect(),
            Self::Single(percent) => (0..count).map(|_| !random.happens(percent)).collect(),
            Self::Bursts(percent) => {
                let mut survivors = Vec::new();
                while survivors.len() < count {
                    let lost = 1 + random.below(30);
                    // On average a run of 15.5, so that `percent` of the packets are lost.
                    let kept = random.below(1 + 31 * (100 - percent) / percent);
                    survivors.extend(std::iter::repeat_n(true, kept as usize));
                    survivors.extend(std::iter::repeat_n(false, lost as usize));
                }
                survivors.truncate(count);
                survivors
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_as_many_packets_get_lost_as_asked_for() {
        for percent in [5, 20, 50] {
            for loss in [Loss::Single(percent), Loss::Bursts(percent)] {
                let lost = loss.survivors(100_000, 1).iter().filter(|arrives| !**arrives).count() as u64;
                assert!(lost.abs_diff(percent * 1000) < percent * 100, "{loss:?}: {lost}");
            }
        }
    }
}
