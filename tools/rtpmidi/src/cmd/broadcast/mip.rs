//! Maximum Instantaneous Polyphony (MIP, of Scalable Polyphony MIDI): which channels matter most, and how many voices they
//! need, so that a player with fewer leaves out whole parts of the least importance and no others (RFC 6295, C.7.1).
//!
//! ```text
//! F0 7F 7F 0B 01   09 02   00 08   02 0C   F7
//!                  drums   piano   and so on: all channels so far together need at most so many voices
//! ```

use std::sync::atomic::{AtomicBool, Ordering};

use gst::prelude::*;
use rtp_midi::midi::{Channel, Command, System, Voice};
use rtp_midi::{Class, Selection};

/// What the data octets begin with, to all devices: real time, Scalable Polyphony MIDI, MIP.
const HEAD: [u8; 4] = [0x7F, 0x7F, 0x0B, 0x01];

/// The channels by their importance, from 0: drums first, as General MIDI devices have it where nothing is said.
const ORDER: [u8; 16] = [9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15];

/// The most voices that can be said.
const MOST: u32 = 127;

/// The message for a piece with these commands; none if it has no notes, or has a message of its own.
pub(super) fn of<'a>(commands: impl Iterator<Item = Command<'a>>) -> Option<Vec<u8>> {
    let (mut voices, mut most) = (Voices::default(), [0; ORDER.len()]);
    for command in commands {
        match command {
            Command::System(System::SysEx(whole)) if class().has(whole.data) == Some(true) => return None,
            Command::System(_) => {}
            Command::Channel(channel, voice) => {
                voices.observe(channel, voice);
                let mut sum = 0;
                for (most, channel) in most.iter_mut().zip(ORDER) {
                    sum += voices.sound(channel);
                    *most = sum.max(*most);
                }
            }
        }
    }
    let levels = ORDER.iter().zip(most).filter(|(channel, _)| voices.used & 1 << **channel != 0);
    let levels: Vec<u8> = levels.flat_map(|(channel, most)| [*channel, most.min(MOST) as u8]).collect();
    (!levels.is_empty()).then(|| [&[0xF0], &HEAD[..], &levels, &[0xF7]].concat())
}

/// These messages, to whatever device.
pub(super) fn selection() -> Selection {
    Selection::SysEx(class())
}

fn class() -> Class {
    let [first, _, third, fourth] = HEAD;
    Class::new([1 << first, u128::MAX, 1 << third, 1 << fourth])
}

/// The commands of a piece, each with its time, and `message` in front of the first one for a channel: what resets a
/// device resets this as well.
pub(super) fn lead<'a>(
    commands: impl Iterator<Item = (u64, Command<'a>)>,
    message: Option<&'a [u8]>,
) -> impl Iterator<Item = (u64, Command<'a>)> {
    let mut message = message.and_then(|octets| Command::decode(octets).ok()).map(|(command, _)| command);
    commands.flat_map(move |(time, command)| {
        let first = if matches!(command, Command::Channel(..)) { message.take() } else { None };
        first.map(|first| (time, first)).into_iter().chain([(time, command)])
    })
}

/// Has `message` go out by `pad` in the same place of the piece, and again behind each seek.
pub(crate) fn put(pad: &gst::Pad, message: &[u8]) {
    let (message, is_due) = (message.to_vec(), AtomicBool::new(false));
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        match &info.data {
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Segment => {
                is_due.store(true, Ordering::Relaxed);
            }
            Some(gst::PadProbeData::Buffer(buffer)) if is_due.load(Ordering::Relaxed) && is_for_a_channel(buffer) => {
                is_due.store(false, Ordering::Relaxed);
                let mut first = gst::Buffer::from_slice(message.clone());
                first.make_mut().set_pts(buffer.pts());
                // Whoever refuses it refuses what follows as well.
                let _ = pad.push(first);
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

fn is_for_a_channel(buffer: &gst::BufferRef) -> bool {
    buffer.map_readable().is_ok_and(|octets| matches!(octets.as_slice(), [0x80..=0xEF, ..]))
}

/// The voices that sound: keys that are down, and those that the damper pedal holds.
#[derive(Default)]
struct Voices {
    down: [u128; 16],
    held: [u128; 16],
    /// Channels whose damper pedal is down, and those with notes; bit 0 is the first channel.
    pedals: u16,
    used: u16,
}

/// The damper pedal.
const DAMPER: u8 = 64;

impl Voices {
    fn observe(&mut self, channel: Channel, voice: Voice) {
        let (at, bit) = (usize::from(channel), 1 << channel.get());
        if let Some((note, _)) = voice.note_on() {
            self.used |= bit;
            self.down[at] |= 1 << note.get();
        } else if let Some((note, _)) = voice.note_off() {
            let key = self.down[at] & 1 << note.get();
            self.down[at] &= !key;
            if self.pedals & bit != 0 {
                self.held[at] |= key;
            }
        }
        match voice {
            Voice::ControlChange { controller, value } if controller.get() == DAMPER && value.get() >= 64 => {
                self.pedals |= bit;
            }
            Voice::ControlChange { controller, .. } => match controller.get() {
                DAMPER | 121 => (self.pedals, self.held[at]) = (self.pedals & !bit, 0),
                120 => (self.down[at], self.held[at]) = (0, 0),
                123..=127 => self.down[at] = 0,
                _ => {}
            },
            _ => {}
        }
    }

    fn sound(&self, channel: u8) -> u32 {
        let at = usize::from(channel);
        (self.down[at] | self.held[at]).count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands<'a>(messages: &'a [&'a [u8]]) -> impl Iterator<Item = Command<'a>> {
        messages.iter().map(|octets| Command::decode(octets).unwrap().0)
    }

    fn message(messages: &[&[u8]]) -> Option<Vec<u8>> {
        of(commands(messages))
    }

    #[test]
    fn drums_come_first_and_each_level_counts_those_before_it() {
        let piece: [&[u8]; 9] = [
            &[0xC2, 7],
            &[0x90, 60, 1],
            &[0x90, 64, 1],
            &[0x99, 36, 1],
            &[0x80, 60, 0],
            &[0x80, 64, 0],
            &[0x9F, 70, 1],
            &[0x99, 36, 0],
            &[0x9F, 70, 0],
        ];
        assert_eq!(message(&piece).unwrap(), [0xF0, 0x7F, 0x7F, 0x0B, 1, 9, 1, 0, 3, 15, 3, 0xF7]);
    }

    #[test]
    fn what_the_pedal_holds_needs_a_voice_until_it_is_let_up() {
        let held: [&[u8]; 6] =
            [&[0xB0, 64, 127], &[0x90, 60, 1], &[0x80, 60, 0], &[0x90, 62, 1], &[0x80, 62, 0], &[0xB0, 64, 0]];
        assert_eq!(message(&held).unwrap()[5..7], [0, 2]);
        let let_up: [&[u8]; 5] = [&[0xB0, 64, 127], &[0x90, 60, 1], &[0x80, 60, 0], &[0xB0, 64, 0], &[0x90, 62, 1]];
        assert_eq!(message(&let_up).unwrap()[5..7], [0, 1]);
    }

    #[test]
    fn a_piece_keeps_its_own_message_and_one_without_notes_needs_none() {
        let own: [&[u8]; 2] = [&[0xF0, 0x7F, 0x05, 0x0B, 1, 0, 1, 0xF7], &[0x90, 60, 1]];
        assert_eq!(message(&own), None);
        assert_eq!(message(&[&[0xC0, 1], &[0xF0, 0x7E, 0x7F, 9, 1, 0xF7]]), None);
    }

    #[test]
    fn it_stands_behind_what_resets_a_device_and_before_the_first_command_for_a_channel() {
        let piece: [&[u8]; 3] = [&[0xF0, 0x7E, 0x7F, 9, 1, 0xF7], &[0xC0, 1], &[0x90, 60, 1]];
        let own = message(&piece).unwrap();
        let led: Vec<_> = lead((0..).zip(commands(&piece)), Some(&own)).collect();
        let times: Vec<u64> = led.iter().map(|(time, _)| *time).collect();
        assert_eq!(times, [0, 1, 1, 2]);
        assert_eq!(led[1].1, Command::decode(&own).unwrap().0);
    }
}
