//! What has come to one listener (RFC 3550, 6.4.1, A.3, A.8).

use std::time::Duration;

/// The row of packets that one listener has got of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Reception {
    first: u64,
    highest: u64,
    /// Which of the latest packets are there; bit 0 is the highest.
    window: u128,
    received: u64,
    duplicates: u64,
    reordered: u64,
    /// The distance from the packet before, and its mean deviation.
    transit: Option<i64>,
    jitter: f64,
    /// What the latest report has said: packets expected, and received.
    reported: (u64, u64),
}

/// What a report tells of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Told {
    pub(crate) fraction_lost: u8,
    pub(crate) lost: u32,
    pub(crate) highest: u32,
    /// In ticks of the RTP clock.
    pub(crate) jitter: u32,
}

/// The numbers at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) expected: u64,
    pub(crate) received: u64,
    pub(crate) lost: u64,
    pub(crate) duplicates: u64,
    pub(crate) reordered: u64,
}

impl Reception {
    /// The first packet, with its number in the stream.
    pub(crate) const fn begin(number: u64) -> Self {
        Self {
            first: number,
            highest: number,
            window: 1,
            received: 1,
            duplicates: 0,
            reordered: 0,
            transit: None,
            jitter: 0.0,
            reported: (0, 0),
        }
    }

    /// Takes note of another one; whether it is new.
    pub(crate) const fn arrive(&mut self, number: u64) -> bool {
        if number > self.highest {
            let ahead = number - self.highest;
            self.window = if ahead < 128 { self.window << ahead | 1 } else { 1 };
            self.highest = number;
            self.received += 1;
            return true;
        }
        let behind = self.highest - number;
        if number < self.first {
            // It was overtaken by the first one that came: nobody waited for it.
            return false;
        }
        // What is older than the window cannot be told from what came twice.
        if behind >= 128 || self.window & 1 << behind != 0 {
            self.duplicates += 1;
            return false;
        }
        self.window |= 1 << behind;
        self.received += 1;
        self.reordered += 1;
        true
    }

    /// Takes note of how long a packet was under way, by a clock that began at any time.
    pub(crate) fn travel(&mut self, transit: i64) {
        if let Some(before) = self.transit.replace(transit) {
            self.jitter += ((transit - before).unsigned_abs() as f64 - self.jitter) / 16.0;
        }
    }

    /// What the next report says, with nanoseconds in ticks of this rate.
    pub(crate) fn tell(&mut self, rate: u32) -> Told {
        let expected = self.highest - self.first + 1;
        let (expected_now, received_now) = (expected - self.reported.0, self.received - self.reported.1);
        self.reported = (expected, self.received);
        let lost = expected_now.saturating_sub(received_now);
        Told {
            fraction_lost: (lost * 256).checked_div(expected_now).unwrap_or(0).min(255) as u8,
            lost: expected.saturating_sub(self.received).min(0x7F_FFFF) as u32,
            highest: self.highest as u32,
            jitter: (self.jitter * f64::from(rate) / Duration::from_secs(1).as_nanos() as f64) as u32,
        }
    }

    /// The numbers, where the stream has come to this packet.
    pub(crate) fn counts(&self, end: u64) -> Counts {
        let expected = end.max(self.highest) - self.first + 1;
        Counts {
            expected,
            received: self.received,
            lost: expected - self.received,
            duplicates: self.duplicates,
            reordered: self.reordered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(numbers: &[u64]) -> Reception {
        let mut reception = Reception::begin(numbers[0]);
        for number in &numbers[1..] {
            reception.arrive(*number);
        }
        reception
    }

    #[test]
    fn what_is_missing_at_the_end_is_lost_and_what_came_before_the_first_packet_is_not() {
        let counts = after(&[10, 11, 9, 13]).counts(15);
        assert_eq!(counts, Counts { expected: 6, received: 3, lost: 3, duplicates: 0, reordered: 0 });
    }

    #[test]
    fn an_overtaken_packet_is_not_lost_and_one_that_comes_twice_counts_once() {
        let counts = after(&[10, 12, 11, 11, 12]).counts(12);
        assert_eq!(counts, Counts { expected: 3, received: 3, lost: 0, duplicates: 2, reordered: 1 });
    }

    #[test]
    fn a_gap_longer_than_the_window_is_counted() {
        assert_eq!(after(&[1, 1001]).counts(1001).lost, 999);
    }

    #[test]
    fn a_report_tells_of_what_was_lost_since_the_one_before() {
        let mut reception = after(&[1, 2, 3, 5]);
        let told = reception.tell(44_100);
        assert_eq!((told.fraction_lost, told.lost, told.highest), (51, 1, 5));
        reception.arrive(6);
        assert_eq!((reception.tell(44_100).fraction_lost, reception.tell(44_100).lost), (0, 1));
    }

    #[test]
    fn jitter_is_that_of_the_way() {
        let mut reception = Reception::begin(1);
        for packet in 0..1000 {
            reception.travel(if packet % 2 == 0 { 0 } else { 1_000_000 });
        }
        assert_eq!(reception.tell(44_100).jitter, 44, "a millisecond");
    }
}
