//! One player of the score: what it plays, on which channel, as an SMF track.

use anyhow::Result;
use midly::num::{u4, u7, u28};
use midly::{MetaMessage, MidiMessage, PitchBend, Track, TrackEvent, TrackEventKind};

use super::notation::{self, Sound};
use super::{BAR, QUARTER};

/// A player who fills one channel. All moments are ticks from the first octet on.
pub(super) struct Part {
    name: &'static str,
    channel: u4,
    events: Vec<(u32, MidiMessage)>,
}

/// How a passage is played.
#[derive(Clone, Copy)]
pub(super) struct Touch {
    velocity: u8,
    hold: u32,
}

/// A value that goes in a straight line from one moment to another.
pub(super) struct Sweep {
    pub(super) from: (u32, u8),
    pub(super) to: (u32, u8),
}

/// Controller numbers by name.
pub(super) mod controller {
    pub(in super::super) const BANK: u8 = 0;
    pub(in super::super) const MODULATION: u8 = 1;
    pub(in super::super) const DATA_ENTRY: u8 = 6;
    pub(in super::super) const VOLUME: u8 = 7;
    pub(in super::super) const PAN: u8 = 10;
    pub(in super::super) const EXPRESSION: u8 = 11;
    pub(in super::super) const BANK_LSB: u8 = 32;
    pub(in super::super) const DATA_ENTRY_LSB: u8 = 38;
    pub(in super::super) const SUSTAIN: u8 = 64;
    pub(in super::super) const REVERB: u8 = 91;
    pub(in super::super) const CHORUS: u8 = 93;
    pub(in super::super) const RPN_LSB: u8 = 100;
    pub(in super::super) const RPN: u8 = 101;
}

impl Touch {
    /// The velocity of a note off the beat, to which the beat adds a little, and the
    /// sounding part of a note's length in percent.
    pub(super) const fn of(velocity: u8, hold: u32) -> Self {
        Self { velocity, hold }
    }
}

impl Part {
    /// A player on `channel`, counted from 1 as musicians do.
    pub(super) fn new(name: &'static str, channel: u8) -> Self {
        Self { name, channel: u4::new(channel - 1), events: Vec::new() }
    }

    /// Chooses the instrument, by bank and by General MIDI program counted from 1.
    pub(super) fn instrument(&mut self, at: u32, bank: u8, program: u8) {
        self.set(at, controller::BANK, bank);
        self.set(at, controller::BANK_LSB, 0);
        self.push(at, MidiMessage::ProgramChange { program: u7::new(program - 1) });
    }

    /// Places the player in the room.
    pub(super) fn place(&mut self, volume: u8, pan: u8, reverb: u8) {
        self.set(0, controller::VOLUME, volume);
        self.set(0, controller::PAN, pan);
        self.set(0, controller::REVERB, reverb);
    }

    /// Sets a controller.
    pub(super) fn set(&mut self, at: u32, number: u8, value: u8) {
        let (controller, value) = (u7::new(number), u7::new(value));
        self.push(at, MidiMessage::Controller { controller, value });
    }

    /// Moves a controller.
    pub(super) fn sweep(&mut self, number: u8, sweep: &Sweep) {
        for (at, value) in sweep.steps() {
            self.set(at, number, value);
        }
    }

    /// Moves the pressure on the whole channel.
    pub(super) fn press(&mut self, sweep: &Sweep) {
        for (at, value) in sweep.steps() {
            self.push(at, MidiMessage::ChannelAftertouch { vel: u7::new(value) });
        }
    }

    /// Says how far the wheel bends, by registered parameter 0, and closes the parameter.
    pub(super) fn bend_range(&mut self, at: u32, semitones: u8) {
        for (number, value) in [
            (controller::RPN, 0),
            (controller::RPN_LSB, 0),
            (controller::DATA_ENTRY, semitones),
            (controller::DATA_ENTRY_LSB, 0),
            (controller::RPN, 127),
            (controller::RPN_LSB, 127),
        ] {
            self.set(at, number, value);
        }
    }

    /// Slides into the tone that starts at `at`, from `share` of the bend range below.
    pub(super) fn slide_in(&mut self, at: u32, length: u32, share: f64) {
        for step in 0..=SLIDE_STEPS {
            let rest = f64::from(SLIDE_STEPS - step) / f64::from(SLIDE_STEPS);
            let bend = PitchBend::from_f64(-share * rest);
            self.push(at + length * step / SLIDE_STEPS, MidiMessage::PitchBend { bend });
        }
    }

    /// Plays pitched notation.
    pub(super) fn play(&mut self, at: u32, touch: Touch, text: &str) -> Result<()> {
        self.strike(at, touch, &notation::parse(text, notation::pitch)?);
        Ok(())
    }

    /// Plays drum notation.
    pub(super) fn drum(&mut self, at: u32, touch: Touch, text: &str) -> Result<()> {
        self.strike(at, touch, &notation::parse(text, notation::drum)?);
        Ok(())
    }

    /// Changes the pedal behind each of `count` chords of `every` ticks, as a pianist does.
    pub(super) fn pedal(&mut self, at: u32, every: u32, count: u32) {
        for start in (0..count).map(|chord| at + chord * every) {
            self.set(start + PEDAL_DELAY, controller::SUSTAIN, 127);
            self.set(start + every, controller::SUSTAIN, 0);
        }
    }

    fn strike(&mut self, start: u32, touch: Touch, sounds: &[Sound]) {
        for sound in sounds {
            let at = start + sound.at;
            let vel = u7::new((touch.velocity + accent(sound.at)).min(127));
            let end = at + sound.length * touch.hold / 100;
            for key in sound.keys.iter().copied().map(u7::new) {
                self.push(at, MidiMessage::NoteOn { key, vel });
                self.push(end, MidiMessage::NoteOff { key, vel: u7::new(RELEASE) });
            }
        }
    }

    fn push(&mut self, at: u32, message: MidiMessage) {
        self.events.push((at, message));
    }

    /// The SMF track, ended at `end` or behind its last event.
    pub(super) fn into_track(mut self, end: u32) -> Track<'static> {
        // A note that ends where another of its key begins must end first.
        self.events.sort_by_key(|&(at, message)| (at, !matches!(message, MidiMessage::NoteOff { .. })));
        let name = TrackEventKind::Meta(MetaMessage::TrackName(self.name.as_bytes()));
        let channel = self.channel;
        let events = self.events.into_iter();
        let kinds = events.map(|(at, message)| (at, TrackEventKind::Midi { channel, message }));
        track(std::iter::once((0, name)).chain(kinds), end)
    }
}

impl Sweep {
    /// The moments at which the value changes, the first and the last among them.
    fn steps(&self) -> impl Iterator<Item = (u32, u8)> {
        let ((start, first), (end, last)) = (self.from, self.to);
        let steps = ((end - start) / SWEEP_STEP).max(1);
        let value = move |step| {
            let change = (i64::from(last) - i64::from(first)) * i64::from(step) / i64::from(steps);
            (i64::from(first) + change) as u8
        };
        (0..=steps)
            .filter(move |&step| step == 0 || value(step) != value(step - 1))
            .map(move |step| (start + (end - start) * step / steps, value(step)))
    }
}

/// Moments to delta times, with the end of the track.
pub(super) fn track(events: impl IntoIterator<Item = (u32, TrackEventKind<'static>)>, end: u32) -> Track<'static> {
    let mut now = 0;
    let mut track = Track::new();
    for (at, kind) in events {
        track.push(TrackEvent { delta: u28::new(at - now), kind });
        now = at;
    }
    let delta = u28::new(end.saturating_sub(now));
    track.push(TrackEvent { delta, kind: TrackEventKind::Meta(MetaMessage::EndOfTrack) });
    track
}

/// Extra velocity of the first beat, of the third, and of the other two.
fn accent(at: u32) -> u8 {
    match at % BAR {
        0 => 12,
        beat if beat == BAR / 2 => 8,
        beat if beat % QUARTER == 0 => 4,
        _ => 0,
    }
}

const RELEASE: u8 = 64;
const PEDAL_DELAY: u32 = QUARTER / 8;
const SWEEP_STEP: u32 = QUARTER / 4;
const SLIDE_STEPS: u32 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Touch = Touch::of(70, 100);

    fn messages(track: &Track<'_>) -> Vec<MidiMessage> {
        let message = |event: &TrackEvent<'_>| match event.kind {
            TrackEventKind::Midi { message, .. } => Some(message),
            _ => None,
        };
        track.iter().filter_map(message).collect()
    }

    #[test]
    fn a_repeated_key_is_released_before_it_is_struck_again() {
        let mut part = Part::new("one", 1);
        part.play(0, PLAIN, "D4/4 D4").unwrap();
        let down = messages(&part.into_track(0)).into_iter().map(|message| match message {
            MidiMessage::NoteOn { .. } => true,
            MidiMessage::NoteOff { .. } => false,
            other => panic!("{other:?}"),
        });
        assert_eq!(down.collect::<Vec<_>>(), [true, false, true, false]);
    }

    #[test]
    fn a_sweep_reaches_both_of_its_ends() {
        let steps = Sweep { from: (960, 100), to: (1440, 40) }.steps().collect::<Vec<_>>();
        assert_eq!(steps, [(960, 100), (1080, 85), (1200, 70), (1320, 55), (1440, 40)]);
        let still = Sweep { from: (0, 62), to: (960, 63) }.steps().collect::<Vec<_>>();
        assert_eq!(still, [(0, 62), (960, 63)]);
    }

    #[test]
    fn a_slide_ends_in_the_middle_of_the_wheel() {
        let mut part = Part::new("one", 1);
        part.slide_in(0, 480, 0.5);
        let bends = messages(&part.into_track(0));
        let bend = |value| MidiMessage::PitchBend { bend: PitchBend::from_f64(value) };
        assert_eq!((bends[0], bends[12]), (bend(-0.5), bend(0.0)));
    }
}
