//! The MIDI list: delta times and commands (section 3).

use super::field::{Form, Value, status_name};
use super::walk::{Defect, Walk, formed, hexadecimal, number};
use super::{Placed, sysex};
use crate::midi::{Command, Part, System, U14, Voice};
use crate::payload::{Reader, decode_delta};

/// Notes down the list, which ends where the structure does.
pub(super) fn section<'a>(
    walk: &mut Walk<'a>,
    timestamp: u32,
    delta_zero: bool,
    commands: &mut Vec<Placed<'a>>,
) -> Result<(), Defect> {
    walk.group("rtpmidi.command_section", "Command Section", |walk| {
        let result = list(walk, Reader::new(walk.rest(), timestamp, delta_zero), delta_zero, commands);
        walk.unknown();
        result
    })
}

fn list<'a>(
    walk: &mut Walk<'a>,
    mut reader: Reader<'a>,
    mut has_delta: bool,
    commands: &mut Vec<Placed<'a>>,
) -> Result<(), Defect> {
    while !walk.rest().is_empty() {
        let before = reader.remaining();
        let delta = if has_delta { delta_time(walk)? } else { 0 };
        has_delta = true;
        // The reader stands in front of the delta time; behind a last one there is no command.
        let Some(timed) = reader.next() else { break };
        let timed = walk.here(timed)?;
        let length = before - reader.remaining() - delta;
        let octets = walk.at()..walk.at() + length;
        walk.within(length, |walk| {
            walk.group("rtpmidi.command", words(&timed.command, walk.rest()), |walk| {
                let time = Value::Number { value: timed.time, form: Form::Decimal };
                walk.push("rtpmidi.command_time", "RTP Time", time, octets.start..octets.start);
                command(walk, &timed.command)
            })
        })?;
        commands.push(Placed { timed, octets, delta });
    }
    Ok(())
}

/// Returns how many octets it takes.
fn delta_time(walk: &mut Walk<'_>) -> Result<usize, Defect> {
    let before = walk.rest().len();
    let (delta, rest) = walk.here(decode_delta(walk.rest()))?;
    let length = before - rest.len();
    let (name, label) = match length {
        1 => ("rtpmidi.deltatime_1", "Delta Time (one octet)"),
        2 => ("rtpmidi.deltatime_2", "Delta Time (two octets)"),
        3 => ("rtpmidi.deltatime_3", "Delta Time (three octets)"),
        4 => ("rtpmidi.deltatime_4", "Delta Time (four octets)"),
        _ => ("rtpmidi.deltatime_5", "Delta Time (five octets)"),
    };
    walk.computed(name, label, Value::Number { value: delta.ticks, form: Form::Decimal }, length)?;
    Ok(length)
}

const fn words(command: &Command<'_>, octets: &[u8]) -> &'static str {
    match command {
        Command::Channel(_, voice) => status_name(voice.kind()),
        Command::System(System::SysEx(segment)) => match segment.part {
            Part::Whole(_) => "System Exclusive",
            Part::First => "System Exclusive, first segment",
            Part::Middle => "System Exclusive, middle segment",
            Part::Last(_) => "System Exclusive, last segment",
            Part::Cancel => "System Exclusive, cancelled",
        },
        Command::System(_) => match octets {
            [status, ..] => status_name(*status),
            [] => "",
        },
    }
}

fn command(walk: &mut Walk<'_>, command: &Command<'_>) -> Result<(), Defect> {
    match *command {
        Command::Channel(channel, voice) => {
            let fields = [
                formed("rtpmidi.channel_status", "Channel Status", 0xF0, Form::Status),
                formed("rtpmidi.channel", "Channel", 0x0F, Form::Channel),
            ];
            if walk.peek()? & 0x80 != 0 {
                walk.word(1, &fields)?;
            } else {
                // Running status: said by an earlier octet.
                let at = walk.at()..walk.at();
                let number = |value: u8, form| Value::Number { value: u32::from(value), form };
                walk.push("rtpmidi.channel_status", "Channel Status", number(voice.kind(), Form::Status), at.clone());
                walk.push("rtpmidi.channel", "Channel", number(channel.get(), Form::Channel), at);
            }
            data(walk, voice)
        }
        Command::System(system) => {
            walk.word(1, &[formed("rtpmidi.common_status", "Common Status", 0xFF, Form::Status)])?;
            match system {
                System::SysEx(segment) => sysex::data(walk, &segment)?,
                System::QuarterFrame(_) => {
                    let kind = hexadecimal("rtpmidi.mtc_quarter_frame_type", "MTC-quarter-frame-type", 0x70);
                    let value = hexadecimal("rtpmidi.mtc_quarter_frame_value", "MTC-quarter-frame-value", 0x0F);
                    walk.word(1, &[kind, value])?;
                }
                System::SongPosition(value) => {
                    fourteen(walk, "rtpmidi.song_position_pointer", "Song Position Pointer", value)?;
                }
                System::SongSelect(_) => {
                    walk.word(1, &[number("rtpmidi.song_select", "Song Select", 0x7F)])?;
                }
                System::F4(data) | System::F5(data) => {
                    walk.octets("rtpmidi.unknown_data", "Unknown Data", data.len())?;
                    walk.word(1, &[formed("rtpmidi.common_status", "Common Status", 0xFF, Form::Status)])?;
                }
                _ => {}
            }
            Ok(())
        }
    }
}

fn data(walk: &mut Walk<'_>, voice: Voice) -> Result<(), Defect> {
    let note = formed("rtpmidi.note", "Note", 0x7F, Form::Note);
    let (first, second) = match voice {
        Voice::NoteOff { .. } | Voice::NoteOn { .. } => (note, Some(number("rtpmidi.velocity", "Velocity", 0x7F))),
        Voice::PolyAftertouch { .. } => (note, Some(number("rtpmidi.pressure", "Pressure", 0x7F))),
        Voice::ControlChange { .. } => {
            (number("rtpmidi.controller", "Controller", 0x7F), Some(number("rtpmidi.controller_value", "Value", 0x7F)))
        }
        Voice::ProgramChange { .. } => (number("rtpmidi.program", "Program", 0x7F), None),
        Voice::ChannelAftertouch { .. } => (number("rtpmidi.channel_pressure", "Pressure", 0x7F), None),
        Voice::PitchWheel { value } => return fourteen(walk, "rtpmidi.pitch_bend", "Pitch Bend", value),
    };
    walk.word(1, &[first])?;
    if let Some(second) = second {
        walk.word(1, &[second])?;
    }
    Ok(())
}

fn fourteen(walk: &mut Walk<'_>, name: &'static str, label: &'static str, value: U14) -> Result<(), Defect> {
    walk.computed(name, label, Value::Number { value: u32::from(value.get()), form: Form::Decimal }, 2)
}
