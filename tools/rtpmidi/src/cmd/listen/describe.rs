//! MIDI messages in words, for `--print`.

use rtp_midi::inspect::note_name;
use rtp_midi::midi::{Command, Segment, System, Voice};

/// One message in words: the channel as musicians count it, 1 to 16, and what happens there.
pub(in crate::cmd) fn describe(message: &[u8]) -> String {
    match Command::decode(message) {
        Ok((Command::Channel(channel, voice), _)) => format!("channel {:2}  {}", channel.get() + 1, voice_words(voice)),
        Ok((Command::System(system), _)) => system_words(system),
        Err(_) => format!("unreadable  {}", hex(message)),
    }
}

fn voice_words(voice: Voice) -> String {
    match voice {
        Voice::NoteOn { note, velocity } if velocity.get() > 0 => {
            format!("note on   {:4} velocity {velocity}", note_name(note.get()))
        }
        Voice::NoteOn { note, velocity } | Voice::NoteOff { note, velocity } => {
            format!("note off  {:4} velocity {velocity}", note_name(note.get()))
        }
        Voice::PolyAftertouch { note, pressure } => format!("pressure  {:4} {pressure}", note_name(note.get())),
        Voice::ControlChange { controller, value } => {
            let name = controller_name(controller.get());
            format!("control   {controller} {value}{}{name}", if name.is_empty() { "" } else { "  " })
        }
        // Programs are counted from 1 on instruments, from 0 on the wire.
        Voice::ProgramChange { program } => format!("program   {}", program.get() + 1),
        Voice::ChannelAftertouch { pressure } => format!("pressure  {pressure}"),
        Voice::PitchWheel { value } => format!("bend      {:+}", i32::from(value.get()) - 8192),
    }
}

fn system_words(system: System<'_>) -> String {
    let name = match system {
        System::SysEx(Segment { data, .. }) => {
            return format!("system exclusive, {} octets  {}", data.len(), hex(&data[..data.len().min(SHOWN)]));
        }
        System::QuarterFrame(value) => return format!("time code quarter frame {value}"),
        System::SongPosition(value) => return format!("song position {value}"),
        System::SongSelect(song) => return format!("song select {song}"),
        System::F4(_) | System::F5(_) | System::F9 | System::FD => "undefined",
        System::TuneRequest => "tune request",
        System::Clock => "clock",
        System::Start => "start",
        System::Continue => "continue",
        System::Stop => "stop",
        System::ActiveSense => "active sense",
        System::Reset => "system reset",
    };
    name.to_owned()
}

/// The octets of a System Exclusive that are shown: enough to tell whose it is and what it does.
const SHOWN: usize = 12;

/// Octets in hexadecimal.
pub(in crate::cmd) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(" ")
}

/// The names of the controllers that MIDI 1.0 defines, coarse ones only.
pub(in crate::cmd) const fn controller_name(controller: u8) -> &'static str {
    match controller {
        0 => "bank select",
        1 => "modulation",
        2 => "breath",
        4 => "foot",
        5 => "portamento time",
        6 => "data entry",
        7 => "volume",
        8 => "balance",
        10 => "pan",
        11 => "expression",
        32 => "bank select, fine",
        38 => "data entry, fine",
        64 => "damper pedal",
        65 => "portamento",
        66 => "sostenuto pedal",
        67 => "soft pedal",
        68 => "legato",
        69 => "hold 2",
        71 => "resonance",
        72 => "release time",
        73 => "attack time",
        74 => "brightness",
        91 => "reverb",
        93 => "chorus",
        96 => "data increment",
        97 => "data decrement",
        98 => "NRPN, fine",
        99 => "NRPN",
        100 => "RPN, fine",
        101 => "RPN",
        120 => "all sound off",
        121 => "reset all controllers",
        122 => "local control",
        123 => "all notes off",
        124 => "omni off",
        125 => "omni on",
        126 => "mono on",
        127 => "poly on",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_message_has_words() {
        for (message, words) in [
            (&[0x90, 60, 100][..], "channel  1  note on   C4   velocity 100"),
            (&[0x9F, 61, 0], "channel 16  note off  C#4  velocity 0"),
            (&[0x80, 0, 64], "channel  1  note off  C-1  velocity 64"),
            (&[0xA1, 127, 5], "channel  2  pressure  G9   5"),
            (&[0xB0, 64, 127], "channel  1  control   64 127  damper pedal"),
            (&[0xB0, 3, 1], "channel  1  control   3 1"),
            (&[0xC9, 0], "channel 10  program   1"),
            (&[0xD0, 7], "channel  1  pressure  7"),
            (&[0xE0, 0, 0x40], "channel  1  bend      +0"),
            (&[0xE0, 0, 0], "channel  1  bend      -8192"),
            (&[0xF0, 0x7E, 0x7F, 9, 1, 0xF7], "system exclusive, 4 octets  7e 7f 09 01"),
            (&[0xF2, 1, 1], "song position 129"),
            (&[0xF8], "clock"),
            (&[0xFF], "system reset"),
            (&[0x90, 60], "unreadable  90 3c"),
        ] {
            assert_eq!(describe(message), words);
        }
    }
}
