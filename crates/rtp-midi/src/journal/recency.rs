//! A set of up to 128 keys in the order in which they were last touched: the oldest-first lists of A.1.

use super::window::Seq;

const END: u8 = 0xFF;

/// Keys 0 to 127, oldest first, each with the packet that touched it last. Every change is O(1).
#[derive(Clone, Debug)]
pub(crate) struct Recency {
    older: [u8; 128],
    newer: [u8; 128],
    at: [Seq; 128],
    oldest: u8,
    newest: u8,
    /// How many keys there are.
    length: u8,
}

impl Default for Recency {
    fn default() -> Self {
        Self { older: [END; 128], newer: [END; 128], at: [Seq::NEVER; 128], oldest: END, newest: END, length: 0 }
    }
}

impl Recency {
    /// The packet that touched `key` last, or [`Seq::NEVER`].
    pub(crate) fn at(&self, key: u8) -> Seq {
        self.at[usize::from(key & 0x7F)]
    }

    /// How many keys there are.
    pub(crate) const fn len(&self) -> usize {
        self.length as usize
    }

    /// The packet of the newest touch.
    pub(crate) fn newest(&self) -> Seq {
        if self.newest == END { Seq::NEVER } else { self.at(self.newest) }
    }

    /// The key that was touched first of all.
    pub(crate) fn oldest(&self) -> Option<u8> {
        (self.oldest != END).then_some(self.oldest)
    }

    /// All keys, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = u8> + '_ {
        let known = |key: u8| (key != END).then_some(key);
        std::iter::successors(known(self.newest), move |key| known(self.older[usize::from(*key)]))
    }

    /// Moves `key` to the new end.
    pub(crate) fn touch(&mut self, key: u8, packet: Seq) {
        let key = key & 0x7F;
        if self.newest != key {
            self.remove(key);
            self.older[usize::from(key)] = self.newest;
            self.newer[usize::from(key)] = END;
            match self.newest {
                END => self.oldest = key,
                newest => self.newer[usize::from(newest)] = key,
            }
            self.newest = key;
            self.length += 1;
        }
        self.at[usize::from(key)] = packet;
    }

    /// Takes `key` out.
    pub(crate) fn remove(&mut self, key: u8) {
        let key = key & 0x7F;
        if self.at(key) == Seq::NEVER {
            return;
        }
        let (older, newer) = (self.older[usize::from(key)], self.newer[usize::from(key)]);
        match older {
            END => self.oldest = newer,
            older => self.newer[usize::from(older)] = newer,
        }
        match newer {
            END => self.newest = older,
            newer => self.older[usize::from(newer)] = older,
        }
        self.at[usize::from(key)] = Seq::NEVER;
        self.length -= 1;
    }

    /// Takes everything out.
    pub(crate) fn clear(&mut self) {
        if self.newest != END {
            *self = Self::default();
        }
    }

    /// The keys touched in packet `since` or later, oldest first.
    pub(crate) fn since(&self, since: Seq) -> impl Iterator<Item = u8> + Clone + '_ {
        let mut key = END;
        let mut candidate = self.newest;
        while candidate != END && self.at(candidate) >= since {
            key = candidate;
            candidate = self.older[usize::from(candidate)];
        }
        std::iter::from_fn(move || {
            let current = key;
            if current == END {
                return None;
            }
            key = self.newer[usize::from(current)];
            Some(current)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_behaves_like_a_naive_list(steps in prop::collection::vec((0..128_u8, 0..10_u8), 0..300), since in 0..300_u32) {
            let mut recency = Recency::default();
            let mut naive: Vec<(u8, Seq)> = Vec::new();
            for (index, (key, kind)) in steps.into_iter().enumerate() {
                let packet = Seq(1 + index as u32);
                naive.retain(|(other, _)| *other != key);
                if kind == 0 {
                    recency.remove(key);
                } else {
                    recency.touch(key, packet);
                    naive.push((key, packet));
                }
            }
            let expected: Vec<u8> = naive.iter().filter(|(_, at)| *at >= Seq(since)).map(|(key, _)| *key).collect();
            prop_assert_eq!(recency.since(Seq(since)).collect::<Vec<_>>(), expected);
            prop_assert_eq!(recency.len(), naive.len());
            prop_assert_eq!(recency.oldest(), naive.first().map(|(key, _)| *key));
            prop_assert!(recency.newest_first().eq(naive.iter().rev().map(|(key, _)| *key)));
            prop_assert_eq!(recency.newest(), naive.last().map_or(Seq::NEVER, |(_, at)| *at));
        }
    }
}
