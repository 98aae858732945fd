//! A network in simulated time: what becomes of the packets on their way to one receiver.

use crate::random::Random;

/// How bad it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// Packets lost, of a hundred.
    pub(crate) loss: u64,
    /// Longest run of lost packets.
    pub(crate) burst: u64,
    /// A packet may be overtaken by so many others.
    pub(crate) depth: u64,
    /// Packets doubled, of a hundred.
    pub(crate) doubled: u64,
}

/// The way to one receiver.
#[derive(Debug)]
pub(crate) struct Network<T> {
    random: Random,
    weather: Weather,
    /// Packets of the present burst still to be lost.
    burst: u64,
    /// Packets with their numbers, and the number of the one behind which each arrives.
    under_way: Vec<(u64, u64, T)>,
    sent: u64,
}

impl<T: Clone> Network<T> {
    pub(crate) fn new(seed: u64, weather: Weather) -> Self {
        Self { random: Random::new(seed), weather, burst: 0, under_way: Vec::new(), sent: 0 }
    }

    /// Sends a packet; returns what arrives meanwhile.
    pub(crate) fn send(&mut self, packet: T) -> Vec<T> {
        let Weather { loss, burst, depth, doubled } = self.weather;
        self.sent += 1;
        // On average a burst is half as long as the longest one.
        if self.burst == 0 && self.random.below(2 * loss + (1 + burst) * (100 - loss)) < 2 * loss {
            self.burst = 1 + self.random.below(burst);
        }
        if self.burst > 0 {
            self.burst -= 1;
        } else {
            for _ in 0..=u64::from(self.random.happens(doubled)) {
                let delay = if depth > 0 && self.random.happens(20) { 1 + self.random.below(depth) } else { 0 };
                self.under_way.push((self.sent + delay, self.sent, packet.clone()));
            }
        }
        let now = self.sent;
        self.arrivals(now)
    }

    /// All that is still under way.
    pub(crate) fn drain(&mut self) -> Vec<T> {
        self.arrivals(u64::MAX)
    }

    fn arrivals(&mut self, now: u64) -> Vec<T> {
        let (mut arrived, under_way): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.under_way).into_iter().partition(|(at, ..)| *at <= now);
        self.under_way = under_way;
        arrived.sort_by_key(|(at, number, _)| (*at, std::cmp::Reverse(*number)));
        arrived.into_iter().map(|(.., packet)| packet).collect()
    }
}

#[test]
fn about_as_many_packets_get_lost_as_asked_for() {
    for (loss, burst) in [(1, 1), (20, 1), (60, 1), (10, 50), (60, 50), (30, 10)] {
        let mut network = Network::new(loss, Weather { loss, burst, depth: 16, doubled: 0 });
        let arrived: usize =
            (0..100_000).map(|packet| network.send(packet).len()).sum::<usize>() + network.drain().len();
        let lost = (100_000 - arrived) as u64;
        assert!(lost.abs_diff(1000 * loss) < 120 * loss + 100, "{loss} of a hundred in bursts to {burst}: {lost}");
    }
}
