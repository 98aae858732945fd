//! Events of the sequencer and MIDI messages: each as the other.

use alsa::seq::{EvCtrl, EvNote, EvQueueControl, Event, EventType};
use rtp_midi::midi::{Channel, Command, System, U14, Voice};

/// Octets of a System Exclusive in one event: what the drivers of devices take at once.
pub(crate) const CHUNK: usize = 256;

/// Gives what an event says to `take`, each message with its status octet. Nothing for a System Exclusive, whose octets
/// the event has, and for events that are not music.
pub(crate) fn messages(event: &Event<'_>, mut take: impl FnMut(&[u8])) {
    let kind = event.get_type();
    if let Some(note) = event.get_data::<EvNote>() {
        let status = match kind {
            EventType::Noteoff => 0x80,
            EventType::Noteon => 0x90,
            EventType::Keypress => 0xA0,
            // The sequencer makes two of a note that has a length.
            _ => return,
        };
        take(&[status | note.channel & 0x0F, note.note & 0x7F, note.velocity & 0x7F]);
    } else if let Some(control) = event.get_data::<EvCtrl>() {
        controls(kind, control, take);
    } else if let Some(status) = alone(kind) {
        take(&[status]);
    }
}

fn controls(kind: EventType, EvCtrl { channel, param, value }: EvCtrl, mut take: impl FnMut(&[u8])) {
    let channel = channel & 0x0F;
    let seven = |value: i32| value.clamp(0, 127) as u8;
    let [lsb, msb] = [value & 0x7F, value.clamp(0, 0x3FFF) >> 7].map(|octet| octet as u8);
    let number = [param & 0x7F, param >> 7 & 0x7F].map(|octet| octet as u8);
    let mut controllers = |pairs: &[(u8, u8)]| {
        for (controller, value) in pairs {
            take(&[0xB0 | channel, *controller, *value]);
        }
    };
    match kind {
        EventType::Controller => controllers(&[(number[0], seven(value))]),
        EventType::Control14 if param < 32 => controllers(&[(number[0], msb), (number[0] + 32, lsb)]),
        EventType::Control14 => controllers(&[(number[0], seven(value))]),
        EventType::Nonregparam => controllers(&[(99, number[1]), (98, number[0]), (6, msb), (38, lsb)]),
        EventType::Regparam => controllers(&[(101, number[1]), (100, number[0]), (6, msb), (38, lsb)]),
        EventType::Pgmchange => take(&[0xC0 | channel, seven(value)]),
        EventType::Chanpress => take(&[0xD0 | channel, seven(value)]),
        EventType::Pitchbend => {
            let wheel = value.clamp(-0x2000, 0x1FFF) + 0x2000;
            take(&[0xE0 | channel, (wheel & 0x7F) as u8, (wheel >> 7) as u8]);
        }
        EventType::Qframe => take(&[0xF1, seven(value)]),
        EventType::Songpos => take(&[0xF2, lsb, msb]),
        EventType::Songsel => take(&[0xF3, seven(value)]),
        _ => {}
    }
}

/// The status octet of an event that is nothing but one.
const fn alone(kind: EventType) -> Option<u8> {
    Some(match kind {
        EventType::TuneRequest => 0xF6,
        EventType::Clock => 0xF8,
        EventType::Start => 0xFA,
        EventType::Continue => 0xFB,
        EventType::Stop => 0xFC,
        EventType::Sensing => 0xFE,
        EventType::Reset => 0xFF,
        _ => return None,
    })
}

/// A command as an event; none for a System Exclusive, which takes several, and for what the sequencer has no event for:
/// F4, F5, F9 and FD.
pub(crate) fn event(command: &Command<'_>) -> Option<Event<'static>> {
    Some(match *command {
        Command::Channel(channel, voice) => voice_event(channel, voice),
        Command::System(system) => match system {
            System::QuarterFrame(value) => control(EventType::Qframe, 0, 0, i32::from(value.get())),
            System::SongPosition(value) => control(EventType::Songpos, 0, 0, fourteen(value)),
            System::SongSelect(value) => control(EventType::Songsel, 0, 0, i32::from(value.get())),
            System::TuneRequest => Event::new(EventType::TuneRequest, &()),
            System::ActiveSense => Event::new(EventType::Sensing, &()),
            System::Reset => Event::new(EventType::Reset, &()),
            System::Clock => transport(EventType::Clock),
            System::Start => transport(EventType::Start),
            System::Continue => transport(EventType::Continue),
            System::Stop => transport(EventType::Stop),
            System::SysEx(_) | System::F4(_) | System::F5(_) | System::F9 | System::FD => return None,
        },
    })
}

fn voice_event(channel: Channel, voice: Voice) -> Event<'static> {
    let channel = channel.get();
    let note =
        |kind, note, velocity| Event::new(kind, &EvNote { channel, note, velocity, off_velocity: 0, duration: 0 });
    match voice {
        Voice::NoteOff { note: number, velocity } => note(EventType::Noteoff, number.get(), velocity.get()),
        Voice::NoteOn { note: number, velocity } => note(EventType::Noteon, number.get(), velocity.get()),
        Voice::PolyAftertouch { note: number, pressure } => note(EventType::Keypress, number.get(), pressure.get()),
        Voice::ControlChange { controller, value } => {
            control(EventType::Controller, channel, controller.get().into(), value.get().into())
        }
        Voice::ProgramChange { program } => control(EventType::Pgmchange, channel, 0, program.get().into()),
        Voice::ChannelAftertouch { pressure } => control(EventType::Chanpress, channel, 0, pressure.get().into()),
        Voice::PitchWheel { value } => control(EventType::Pitchbend, channel, 0, fourteen(value) - 0x2000),
    }
}

fn control(kind: EventType, channel: u8, param: u32, value: i32) -> Event<'static> {
    Event::new(kind, &EvCtrl { channel, param, value })
}

fn transport(kind: EventType) -> Event<'static> {
    Event::new(kind, &EvQueueControl { queue: 0, value: () })
}

fn fourteen(value: U14) -> i32 {
    i32::from(value.msb().get()) << 7 | i32::from(value.lsb().get())
}

/// Octets of a System Exclusive as an event.
pub(crate) fn chunk(octets: &[u8]) -> Event<'_> {
    Event::new_ext(EventType::Sysex, octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(event: &Event<'_>) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        messages(event, |octets| all.push(octets.to_vec()));
        all
    }

    #[test]
    fn every_message_is_the_same_after_the_way_through_an_event() {
        let data = [0_u8, 1, 63, 64, 127];
        let mut tried = 0;
        for status in 0x80..=0xFF_u8 {
            for (first, second) in data.iter().flat_map(|first| data.map(|second| (*first, second))) {
                let octets = [status, first, second];
                let Ok((command, rest)) = Command::decode(&octets) else { continue };
                let whole = octets[..octets.len() - rest.len()].to_vec();
                match event(&command) {
                    Some(event) => assert_eq!(of(&event), [whole]),
                    None => assert!(matches!(status, 0xF0 | 0xF4 | 0xF5 | 0xF7 | 0xF9 | 0xFD), "{whole:02X?}"),
                }
                tried += 1;
            }
        }
        assert!(tried > 25 * 112);
    }

    #[test]
    fn events_of_several_controllers_come_apart() {
        let three = |kind, param, value| of(&control(kind, 2, param, value));
        assert_eq!(three(EventType::Control14, 7, 0x1234), [[0xB2, 7, 0x24], [0xB2, 39, 0x34]]);
        assert_eq!(three(EventType::Control14, 64, 127), [[0xB2, 64, 127]]);
        assert_eq!(
            three(EventType::Regparam, 1, 0x2000),
            [[0xB2, 101, 0], [0xB2, 100, 1], [0xB2, 6, 64], [0xB2, 38, 0]]
        );
        assert_eq!(three(EventType::Nonregparam, 0x3FFF, 5)[0], [0xB2, 99, 127]);
    }

    #[test]
    fn values_that_no_message_has_make_no_nonsense() {
        for (kind, value) in [(EventType::Controller, 1000), (EventType::Pitchbend, 9999), (EventType::Songpos, -1)] {
            for message in of(&control(kind, 99, u32::MAX, value)) {
                assert!(Command::decode(&message).is_ok_and(|(_, rest)| rest.is_empty()), "{message:02X?}");
            }
        }
        let wild = EvNote { channel: 0xFF, note: 0xFF, velocity: 0xFF, off_velocity: 0, duration: 0 };
        assert_eq!(of(&Event::new(EventType::Noteon, &wild)), [[0x9F, 127, 127]]);
    }

    #[test]
    fn what_is_no_music_says_nothing() {
        let address = alsa::seq::Addr { client: 0, port: 1 };
        assert!(of(&Event::new(EventType::PortStart, &address)).is_empty());
        assert!(of(&chunk(&[0xF0, 1, 0xF7])).is_empty());
    }
}
