//! Messages in rings of octets. Neither end ever waits for the other: what finds no room is not put.

use rtrb::chunks::ReadChunk;
use rtrb::{Consumer, Producer, RingBuffer};

/// Octets of a ring.
pub(super) const ROOM: usize = 1 << 17;

/// Before the octets of a message stand a number of eight, and how many they are in four.
const HEAD: usize = 12;

/// Octets of the longest message.
pub(super) const LONGEST: usize = ROOM - HEAD;

/// The end at which messages are put.
pub(super) struct Writer(Producer<u8>);

/// The end at which they are taken.
pub(super) struct Reader(Consumer<u8>);

/// Both ends of a ring.
pub(super) fn ring() -> (Writer, Reader) {
    let (producer, consumer) = RingBuffer::new(ROOM);
    (Writer(producer), Reader(consumer))
}

impl Writer {
    /// Puts a message with a number; false if it finds no room.
    pub(super) fn put(&mut self, number: u64, octets: &[u8]) -> bool {
        if self.0.slots() < HEAD + octets.len() {
            return false;
        }
        let mut head = [0; HEAD];
        head[..8].copy_from_slice(&number.to_le_bytes());
        head[8..].copy_from_slice(&(octets.len() as u32).to_le_bytes());
        self.0.push_entire_slice(&head).is_ok() && self.0.push_entire_slice(octets).is_ok()
    }
}

impl Reader {
    /// The next message and its number, which stays until it is [skipped](Self::skip). In `room` the longest one fits.
    pub(super) fn peek<'a>(&mut self, room: &'a mut [u8]) -> Option<(u64, &'a [u8])> {
        let mut head = [0; HEAD];
        copy(&self.0.read_chunk(HEAD).ok()?, 0, &mut head);
        let [number, length] = [&head[..8], &head[8..]].map(|octets| {
            let mut all = [0; 8];
            all[..octets.len()].copy_from_slice(octets);
            all
        });
        let length = usize::try_from(u64::from_le_bytes(length)).ok()?;
        let message = room.get_mut(..length)?;
        // The head is there a moment before the octets are.
        copy(&self.0.read_chunk(HEAD + length).ok()?, HEAD, message);
        Some((u64::from_le_bytes(number), &*message))
    }

    /// Takes away the next message, which has so many octets.
    pub(super) fn skip(&mut self, length: usize) {
        if let Ok(chunk) = self.0.read_chunk(HEAD + length) {
            chunk.commit_all();
        }
    }
}

/// Copies what is behind so many octets.
fn copy(chunk: &ReadChunk<'_, u8>, start: usize, to: &mut [u8]) {
    let (first, second) = chunk.as_slices();
    to.iter_mut().zip(first.iter().chain(second).skip(start)).for_each(|(to, octet)| *to = *octet);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_is_taken_in_its_order_and_nothing_else(
            messages in proptest::collection::vec((any::<u64>(), 0..30_000_usize), 0..40),
        ) {
            let ((mut writer, mut reader), mut room) = (ring(), vec![0; LONGEST]);
            let mut there = std::collections::VecDeque::new();
            for (number, length) in messages {
                let octets: Vec<u8> = (0..length).map(|at| (at as u64 ^ number) as u8).collect();
                while !writer.put(number, &octets) {
                    let (number, octets): (u64, Vec<u8>) = there.pop_front().expect("an empty ring has room");
                    prop_assert_eq!(reader.peek(&mut room), Some((number, &octets[..])));
                    reader.skip(octets.len());
                }
                there.push_back((number, octets));
            }
            for (number, octets) in there {
                prop_assert_eq!(reader.peek(&mut room), Some((number, &octets[..])));
                reader.skip(octets.len());
            }
            prop_assert_eq!(reader.peek(&mut room), None);
        }
    }

    #[test]
    fn what_is_too_long_is_not_put() {
        let (mut writer, mut reader) = ring();
        assert!(!writer.put(1, &vec![0; LONGEST + 1]) && writer.put(2, &vec![7; LONGEST]));
        assert!(!writer.put(3, &[]));
        assert_eq!(reader.peek(&mut vec![0; LONGEST]).unwrap().0, 2);
    }
}
