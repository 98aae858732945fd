//! MIDI commands in few words, for lines that hold several.

use rtp_midi::inspect::note_name;
use rtp_midi::midi::{Command, Part, System, Voice};

use crate::cmd::listen::describe::controller_name;

/// `NoteOn ch1 C4 v100`: the channel as musicians count it, 1 to 16.
pub(super) fn words(command: &Command<'_>) -> String {
    match *command {
        Command::Channel(channel, voice) => {
            let channel = channel.get() + 1;
            match voice {
                Voice::NoteOn { note, velocity } if velocity.get() > 0 => {
                    format!("NoteOn ch{channel} {} v{velocity}", note_name(note.get()))
                }
                Voice::NoteOn { note, velocity } | Voice::NoteOff { note, velocity } => {
                    format!("NoteOff ch{channel} {} v{velocity}", note_name(note.get()))
                }
                Voice::PolyAftertouch { note, pressure } => {
                    format!("Pressure ch{channel} {} {pressure}", note_name(note.get()))
                }
                Voice::ControlChange { controller, value } => {
                    let name = controller_name(controller.get());
                    let blank = if name.is_empty() { "" } else { " " };
                    format!("Control ch{channel} {controller}={value}{blank}{name}")
                }
                Voice::ProgramChange { program } => format!("Program ch{channel} {program}"),
                Voice::ChannelAftertouch { pressure } => format!("Pressure ch{channel} {pressure}"),
                Voice::PitchWheel { value } => format!("Bend ch{channel} {:+}", i32::from(value.get()) - 8192),
            }
        }
        Command::System(system) => system_words(system),
    }
}

fn system_words(system: System<'_>) -> String {
    let name = match system {
        System::SysEx(segment) => {
            let part = match segment.part {
                Part::Whole(_) => "",
                Part::First => " first part",
                Part::Middle => " middle part",
                Part::Last(_) => " last part",
                Part::Cancel => return "SysEx cancelled".to_owned(),
            };
            return format!("SysEx{part} {}", crate::report::plural(segment.data.len() as u64, "octet"));
        }
        System::QuarterFrame(value) => return format!("QuarterFrame {:02x}", value.get()),
        System::SongPosition(value) => return format!("SongPosition {value}"),
        System::SongSelect(song) => return format!("SongSelect {song}"),
        System::F4(_) => "F4",
        System::F5(_) => "F5",
        System::TuneRequest => "TuneRequest",
        System::Clock => "Clock",
        System::F9 => "F9",
        System::Start => "Start",
        System::Continue => "Continue",
        System::Stop => "Stop",
        System::FD => "FD",
        System::ActiveSense => "ActiveSense",
        System::Reset => "Reset",
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_command_has_words() {
        for (octets, expected) in [
            (&[0x90, 60, 100][..], "NoteOn ch1 C4 v100"),
            (&[0x9F, 61, 0], "NoteOff ch16 C#4 v0"),
            (&[0x80, 0, 64], "NoteOff ch1 C-1 v64"),
            (&[0xA1, 127, 5], "Pressure ch2 G9 5"),
            (&[0xB0, 64, 127], "Control ch1 64=127 damper pedal"),
            (&[0xB0, 3, 1], "Control ch1 3=1"),
            (&[0xC9, 0], "Program ch10 0"),
            (&[0xD0, 7], "Pressure ch1 7"),
            (&[0xE0, 0, 0], "Bend ch1 -8192"),
            (&[0xF0, 0x7E, 0x7F, 9, 1, 0xF7], "SysEx 4 octets"),
            (&[0xF0, 1, 0xF0], "SysEx first part 1 octet"),
            (&[0xF7, 0xF4], "SysEx cancelled"),
            (&[0xF1, 0x35], "QuarterFrame 35"),
            (&[0xF2, 1, 1], "SongPosition 129"),
            (&[0xF8], "Clock"),
        ] {
            assert_eq!(words(&Command::decode(octets).unwrap().0), expected);
        }
    }
}
