//! Random songs with everything that MIDI 1.0 has, written octet by octet.

use crate::random::Random;

/// A scale of two seconds, 30 messages: a program, a volume, and notes with a wheel between them. The beginning is all the
/// state there is at the end, but for the wheel.
pub fn scale() -> Vec<u8> {
    let mut track = vec![0, 0xC0, 5, 0, 0xB0, 7, 100];
    for note in 60..67 {
        track.extend([10, 0x90, note, 100, 10, 0xE0, 0, note, 0, 0xB0, 64, note, 10, 0x80, note, 64]);
    }
    track.extend([0, 0xFF, 0x2F, 0]);
    // 105 ticks in half a second.
    [b"MThd\0\0\0\x06\0\0\0\x01\0\x34MTrk", &(track.len() as u32).to_be_bytes()[..], &track].concat()
}

/// A Standard MIDI File, the same for the same seed.
pub fn random(seed: u64) -> Vec<u8> {
    compose(seed, true)
}

/// One with channel messages alone.
pub fn of_channels(seed: u64) -> Vec<u8> {
    compose(seed, false)
}

fn compose(seed: u64, systems: bool) -> Vec<u8> {
    let mut random = Random::new(seed);
    let tracks = if random.happens(30) { 1 } else { 2 + random.below(4) };
    let format = u8::from(tracks > 1);
    let division = random.pick(&[24, 96, 96, 480, 960, 15_360, 0xE728, 0xE350]);
    let mut file = b"MThd\0\0\0\x06\0".to_vec();
    file.extend([format, 0, tracks as u8]);
    file.extend((division as u16).to_be_bytes());
    // Notes that a song leaves open are a case of their own.
    let is_tidy = random.happens(50);
    for track in 0..tracks {
        let octets = Track::new(&mut random, division, systems).compose(track == 0, is_tidy);
        file.extend(b"MTrk");
        file.extend((octets.len() as u32).to_be_bytes());
        file.extend(octets);
    }
    file
}

struct Track<'a> {
    random: &'a mut Random,
    /// Ticks of a longer pause.
    beat: u64,
    octets: Vec<u8>,
    /// The next event comes so many ticks behind the last one.
    delta: u64,
    running: Option<u8>,
    /// Channels of this track.
    channels: Vec<u8>,
    open: Vec<(u8, u8)>,
    systems: bool,
}

impl<'a> Track<'a> {
    fn new(random: &'a mut Random, division: u64, systems: bool) -> Self {
        let beat = if division < 0x8000 { division } else { 20 * (division & 0xFF) };
        let count = 1 + random.below(5);
        let channels = (0..count).map(|_| random.below(16) as u8).collect();
        Self { random, beat, octets: Vec::new(), delta: 0, running: None, channels, open: Vec::new(), systems }
    }

    fn compose(mut self, conducts: bool, is_tidy: bool) -> Vec<u8> {
        self.meta(0x03, b"random");
        for _ in 0..60 + self.random.below(240) {
            if conducts && self.random.happens(4) {
                let tempo = 200_000 + self.random.below(800_000);
                self.meta(0x51, &(tempo as u32).to_be_bytes()[1..]);
            }
            for message in self.gesture() {
                self.message(&message);
                if self.random.happens(20) {
                    self.delta += self.random.below(1 + self.beat / 40);
                }
            }
            self.delta += match self.random.below(20) {
                0..7 => 0,
                7..19 => self.random.below(1 + self.beat / 4),
                _ => self.random.below(6 * self.beat),
            };
        }
        if is_tidy {
            for (channel, note) in std::mem::take(&mut self.open) {
                self.message(&[0x80 | channel, note, 64]);
            }
        }
        self.meta(0x2F, &[]);
        self.octets
    }

    /// Messages that belong together.
    fn gesture(&mut self) -> Vec<Vec<u8>> {
        let channels = self.channels.clone();
        let channel = self.random.pick(&channels);
        let (a, b) = (self.random.data(), self.random.data());
        let control = |number: u8, value: u8| vec![0xB0 | channel, number, value];
        match self.random.below(64) {
            0..20 => {
                let note = 48 + self.random.below(24) as u8;
                self.open.push((channel, note));
                vec![vec![0x90 | channel, note, a.max(1)]]
            }
            20..36 => {
                let count = self.open.len() as u64;
                if count == 0 {
                    return vec![vec![0x80 | channel, a, b]];
                }
                let (channel, note) = self.open.swap_remove(self.random.below(count) as usize);
                vec![if self.random.happens(40) {
                    vec![0x90 | channel, note, 0]
                } else {
                    vec![0x80 | channel, note, b]
                }]
            }
            36..41 => {
                let number = self.random.pick(&[1, 2, 7, 10, 11, 64, 64, 66, 67, 69, 84, 91]);
                vec![control(number, a)]
            }
            41 => match self.random.below(120) as u8 {
                // Half of a bank select or of a parameter number means nothing.
                32 | 98..=101 => vec![],
                number => vec![control(number, a)],
            },
            42 => {
                vec![control(self.random.pick(&[120, 121, 122, 123, 124, 125, 126, 127]), self.random.pick(&[0, 0, a]))]
            }
            43..46 => vec![vec![0xE0 | channel, a, b]],
            46..48 => vec![vec![0xD0 | channel, a]],
            48..50 => vec![vec![0xA0 | channel, 48 + self.random.below(24) as u8, a]],
            50 => vec![control(0, a & 3), control(32, b & 3), vec![0xC0 | channel, a]],
            51 => vec![control(0, a & 3), vec![0xC0 | channel, b]],
            52 => vec![control(32, a & 3), vec![0xC0 | channel, b]],
            53 => vec![vec![0xC0 | channel, a]],
            54..58 => self.transaction(channel),
            58 => vec![control(101, 127), control(100, 127)],
            59 => vec![control(99, 127), control(98, 127)],
            60 => vec![control(self.random.pick(&[6, 38, 96, 97]), a)],
            // Without LSB, which is 0 then.
            61 => vec![control(self.random.pick(&[99, 101]), a & 1), control(6, b)],
            62.. if !self.systems => vec![],
            62 => vec![self.system()],
            _ => vec![self.exclusive()],
        }
    }

    /// A registered or non-registered parameter, its value, and often a null behind it.
    fn transaction(&mut self, channel: u8) -> Vec<Vec<u8>> {
        let control = |number: u8, value: u8| vec![0xB0 | channel, number, value];
        let (high, low) = self.random.pick(&[(101, 100), (99, 98)]);
        let mut messages = vec![control(high, self.random.pick(&[0, 0, 1])), control(low, self.random.below(4) as u8)];
        for _ in 0..self.random.below(4) {
            let number = self.random.pick(&[6, 6, 38, 96, 97]);
            messages.push(control(number, if number < 96 { self.random.data() } else { 0 }));
        }
        if self.random.happens(10) {
            // Another parameter with the same MSB.
            messages.extend([control(low, self.random.below(4) as u8), control(6, self.random.data())]);
        }
        if self.random.happens(60) {
            messages.extend([control(high, 127), control(low, 127)]);
        }
        messages
    }

    fn system(&mut self) -> Vec<u8> {
        let (a, b) = (self.random.data(), self.random.data());
        match self.random.below(16) {
            0 => vec![0xFF],
            // General MIDI on.
            1 => vec![0xF0, 0x7E, 0x7F, 9, 1, 0xF7],
            2..6 => vec![0xF1, a],
            6 => vec![0xF2, a, b],
            7 => vec![0xF3, a],
            8 => vec![0xF6],
            9 => vec![0xFA],
            10 => vec![0xFB],
            11 => vec![0xFC],
            _ => vec![0xF8],
        }
    }

    fn exclusive(&mut self) -> Vec<u8> {
        let limit = self.random.pick(&[1, 8, 40, 40, 300, 5000]);
        let mut message = vec![0xF0];
        // Not 7E or 7F, with which universal ones begin.
        message.extend((0..self.random.below(limit + 1)).map(|_| self.random.below(0x7E) as u8));
        message.push(0xF7);
        message
    }

    fn message(&mut self, message: &[u8]) {
        self.delta();
        let (status, data) = (message[0], &message[1..]);
        if status == 0xF0 {
            self.running = None;
            self.octets.push(status);
            self.quantity(data.len() as u64);
        } else if status > 0xF0 {
            self.running = None;
            self.octets.push(0xF7);
            self.quantity(message.len() as u64);
            self.octets.push(status);
        } else if self.running != Some(status) || self.random.happens(30) {
            self.running = Some(status);
            self.octets.push(status);
        }
        self.octets.extend(data);
    }

    fn meta(&mut self, kind: u8, data: &[u8]) {
        self.delta();
        self.running = None;
        self.octets.extend([0xFF, kind]);
        self.quantity(data.len() as u64);
        self.octets.extend(data);
    }

    fn delta(&mut self) {
        let delta = std::mem::take(&mut self.delta);
        self.quantity(delta);
    }

    fn quantity(&mut self, number: u64) {
        for shift in [21, 14, 7] {
            if number >> shift > 0 {
                self.octets.push(0x80 | (number >> shift) as u8);
            }
        }
        self.octets.push((number & 0x7F) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smf;

    #[test]
    fn a_few_songs_hold_every_kind_of_message() {
        let mut kinds = [false; 16];
        let mut controllers = [false; 128];
        let mut longest = 0;
        for seed in 0..40 {
            for event in smf::read(&random(seed)).unwrap().events {
                kinds[usize::from(event.octets[0] >> 4)] = true;
                if event.octets[0] >> 4 == 0xB {
                    controllers[usize::from(event.octets[1])] = true;
                }
                longest = longest.max(event.octets.len());
            }
        }
        assert_eq!(kinds[8..], [true; 8]);
        let wanted = [0, 6, 32, 38, 64, 96, 97, 98, 99, 100, 101, 120, 121, 122, 123, 124, 125, 126, 127];
        assert!(wanted.iter().all(|number| controllers[*number]));
        assert!(longest > 4000, "{longest}");
    }
}
