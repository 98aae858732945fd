//! The score: Johann Pachelbel's canon in D, about 1690, in our own arrangement for
//! seven players. Its notes are in the public domain.
//!
//! Three rounds of the eight-chord ground: the flute alone, then the oboe behind it in
//! canon, then the guitar's run over both. Each instrument does what MIDI lets it do:
//! pedal (harp), wheel and bend range (bass, guitar), pressure (strings), vibrato (flute,
//! oboe), expression (all); the conductor speeds up and slows down.

use anyhow::Result;
use midly::num::{u15, u24};
use midly::{Format, Header, MetaMessage, Smf, Timing, Track, TrackEventKind};

use super::part::{self, Part, Sweep, Touch, controller};
use super::{BAR, QUARTER};

/// The score as the octets of a Standard MIDI File, format 1.
pub(crate) fn midi_file() -> Result<Vec<u8>> {
    let header = Header::new(Format::Parallel, Timing::Metrical(u15::new(QUARTER as u16)));
    let parts = [flute()?, oboe()?, harp()?, bass()?, strings()?, guitar()?, drums()?];
    let mut smf = Smf::new(header);
    smf.tracks.push(conductor());
    smf.tracks.extend(parts.into_iter().map(|part| part.into_track(END)));
    let mut octets = Vec::new();
    smf.write_std(&mut octets)?;
    Ok(octets)
}

fn conductor() -> Track<'static> {
    let name = MetaMessage::TrackName(b"Canon in D");
    let notice = MetaMessage::Text(b"Johann Pachelbel, public domain; arranged for rtpmidi");
    let mut events = vec![
        (0, name),
        (0, notice),
        (0, MetaMessage::TimeSignature(4, 2, 24, 8)),
        (0, MetaMessage::KeySignature(2, false)),
    ];
    let slowing = [98, 92, 84, 74];
    let beats = (0..).map(|beat| LAST_RUN + beat * QUARTER);
    let mut tempi = vec![(0, 100), (SECOND, 104), (THIRD, 108), (FINAL, 66)];
    tempi.extend(beats.zip(slowing));
    events.extend(tempi.into_iter().map(|(at, bpm)| (at, tempo(bpm))));
    let marks: [(u32, &[u8]); 4] = [(FIRST, b"flute"), (SECOND, b"canon"), (THIRD, b"run"), (FINAL, b"close")];
    events.extend(marks.map(|(at, text)| (at, MetaMessage::Marker(text))));
    events.sort_by_key(|&(at, _)| at);
    part::track(events.into_iter().map(|(at, meta)| (at, TrackEventKind::Meta(meta))), END)
}

fn flute() -> Result<Part> {
    let mut part = Part::new("Flute", 1);
    part.instrument(0, 0, 74);
    part.place(118, 52, 60);
    part.play(FIRST, LEGATO, THEME)?;
    part.play(SECOND, SINGING, ANSWER)?;
    part.play(THIRD, SOFT, THEME)?;
    part.play(FINAL, SOFT, "F#5/1")?;
    breathe(&mut part, FIRST, 8);
    breathe(&mut part, THIRD, 8);
    dynamics(&mut part);
    Ok(part)
}

fn oboe() -> Result<Part> {
    let mut part = Part::new("Oboe", 2);
    part.instrument(0, 0, 69);
    part.place(98, 84, 60);
    part.play(SECOND, LEGATO, THIRDS_BELOW)?;
    part.play(THIRD, SOFT, ANSWER)?;
    part.play(FINAL, SOFT, "D5/1")?;
    breathe(&mut part, SECOND, 8);
    dynamics(&mut part);
    Ok(part)
}

fn harp() -> Result<Part> {
    let mut part = Part::new("Harp", 3);
    part.instrument(0, 0, 47);
    part.place(104, 32, 70);
    part.play(FIRST, Touch::of(62, 95), BROKEN_CHORDS)?;
    part.play(SECOND, Touch::of(56, 95), BROKEN_CHORDS)?;
    part.play(THIRD, Touch::of(56, 95), BROKEN_CHORDS)?;
    part.play(FINAL, Touch::of(58, 100), "D3/16 A3 D4 F#4 A4 D5 F#5 A5 D6/2")?;
    part.pedal(FIRST, BAR / 2, 24);
    part.set(FINAL + QUARTER / 8, controller::SUSTAIN, 127);
    part.set(END - QUARTER / 4, controller::SUSTAIN, 0);
    dynamics(&mut part);
    Ok(part)
}

fn bass() -> Result<Part> {
    let mut part = Part::new("Bass", 4);
    part.instrument(0, 0, 36);
    part.place(114, 64, 30);
    part.bend_range(0, 12);
    part.play(FIRST, Touch::of(78, 96), "D3/4 D3 A2 A2 | B2 B2 F#2 F#2 | G2 G2 D3 D3 | G2 G2 A2 C#3")?;
    part.play(SECOND, Touch::of(80, 92), "D3/4 F#3 A2 C#3 | B2 D3 F#2 A2 | G2 B2 D3 A2 | G2 B2 A2 C#3")?;
    part.play(
        THIRD,
        Touch::of(84, 90),
        "D3/4. D3/8 A2/4. A2/8 | B2/4. B2/8 F#2/4. F#2/8 |
         G2/4. G2/8 D3/4. D3/8 | G2/4. B2/8 A2/4 C#3",
    )?;
    part.play(FINAL, Touch::of(86, 100), "D2/1")?;
    // A slide of two of the range's twelve semitones into each round.
    for at in [FIRST, SECOND, THIRD, FINAL] {
        part.slide_in(at, QUARTER / 2, 2.0 / 12.0);
    }
    dynamics(&mut part);
    Ok(part)
}

fn strings() -> Result<Part> {
    let mut part = Part::new("Strings", 5);
    part.instrument(0, 0, 49);
    part.place(68, 72, 80);
    for (round, velocity) in [(FIRST, 52), (SECOND, 58), (THIRD, 64)] {
        part.play(round, Touch::of(velocity, 99), CHORDS)?;
    }
    part.play(FINAL, Touch::of(62, 100), "D3+A3+D4+F#4/1")?;
    part.press(&Sweep { from: (THIRD, 0), to: (THIRD + 2 * BAR, 60) });
    part.press(&Sweep { from: (LAST_RUN, 60), to: (FINAL, 0) });
    dynamics(&mut part);
    Ok(part)
}

fn guitar() -> Result<Part> {
    let mut part = Part::new("Guitar", 6);
    part.instrument(0, 0, 26);
    part.place(104, 92, 50);
    part.bend_range(0, 2);
    // Off-beat chords on the steel strings, then the run on the clean electric guitar.
    part.play(SECOND, Touch::of(50, 60), OFF_BEATS)?;
    part.instrument(THIRD - QUARTER / 4, 0, 28);
    part.set(THIRD - QUARTER / 4, controller::CHORUS, 50);
    part.play(THIRD, Touch::of(78, 96), RUN)?;
    part.play(FINAL, Touch::of(84, 100), "A5/1")?;
    for (at, share) in [(THIRD, 0.5), (THIRD + BAR, 0.5), (THIRD + 2 * BAR, 0.5), (FINAL, 0.5)] {
        part.slide_in(at, QUARTER / 4, share);
    }
    part.sweep(controller::MODULATION, &Sweep { from: (FINAL + QUARTER, 0), to: (END - BAR / 4, 70) });
    dynamics(&mut part);
    Ok(part)
}

fn drums() -> Result<Part> {
    let mut part = Part::new("Drums", 10);
    part.instrument(0, 0, 1);
    part.place(116, 64, 40);
    let quiet = Touch::of(64, 50);
    let steady = Touch::of(82, 50);
    part.drum(FIRST + 2 * BAR, quiet, "shaker/8 shaker shaker shaker shaker shaker shaker shaker")?;
    part.drum(FIRST + 3 * BAR, quiet, "shaker/8 shaker shaker shaker kick/4 stick/8 stick")?;
    for bar in 0..4 {
        part.drum(
            SECOND + bar * BAR,
            quiet,
            "kick+ride/8 shaker stick+ride shaker kick+ride kick+shaker stick+ride shaker",
        )?;
        part.drum(
            THIRD + bar * BAR,
            steady,
            if bar == 3 {
                "kick+hat/8 hat snare+hat hat kick/8 snare/16 snare snare snare open/8"
            } else {
                "kick+hat/8 hat snare+hat hat kick+hat kick+hat snare+hat open"
            },
        )?;
    }
    part.drum(THIRD, quiet, "crash/4")?;
    part.drum(FINAL, steady, "kick+crash/4 - bell/2")?;
    dynamics(&mut part);
    Ok(part)
}

/// Vibrato that grows through each of `count` half notes.
fn breathe(part: &mut Part, at: u32, count: u32) {
    for start in (0..count).map(|note| at + note * BAR / 2) {
        part.set(start, controller::MODULATION, 0);
        part.sweep(controller::MODULATION, &Sweep { from: (start + QUARTER / 2, 8), to: (start + 900, 52) });
    }
    part.set(at + count * BAR / 2, controller::MODULATION, 0);
}

/// The loudness of all players: soft, fuller in the second round, loud in the third, and away.
fn dynamics(part: &mut Part) {
    let curve = [(0, 62), (FIRST, 62), (SECOND, 78), (SECOND + BAR, 88), (THIRD, 104), (LAST_RUN, 127)];
    for pair in curve.windows(2) {
        part.sweep(controller::EXPRESSION, &Sweep { from: pair[0], to: pair[1] });
    }
    part.sweep(controller::EXPRESSION, &Sweep { from: (FINAL, 120), to: (END, 16) });
}

fn tempo(beats_per_minute: u32) -> MetaMessage<'static> {
    MetaMessage::Tempo(u24::new(60_000_000 / beats_per_minute))
}

/// Two beats of silence, so that instruments are set before the first note.
const FIRST: u32 = 2 * QUARTER;
const SECOND: u32 = FIRST + 4 * BAR;
const THIRD: u32 = SECOND + 4 * BAR;
const LAST_RUN: u32 = THIRD + 3 * BAR;
const FINAL: u32 = THIRD + 4 * BAR;
const END: u32 = FINAL + BAR;

const LEGATO: Touch = Touch::of(96, 98);
const SINGING: Touch = Touch::of(96, 94);
const SOFT: Touch = Touch::of(82, 97);

const THEME: &str = "F#5/2 E5 | D5 C#5 | B4 A4 | B4 C#5";
const THIRDS_BELOW: &str = "D5/2 C#5 | B4 A4 | G4 F#4 | G4 E4";
const ANSWER: &str = "D5/4 F#5 A5 G5 | F#5 D5 F#5 E5 | D5 B4 D5 A5 | G5 B5 A5 G5";
const CHORDS: &str = "F#3+A3+D4/2 E3+A3+C#4 | F#3+B3+D4 F#3+A3+C#4 |
                      G3+B3+D4 F#3+A3+D4 | G3+B3+D4 A3+C#4+E4";
const BROKEN_CHORDS: &str = "D4/8 F#4 A4 D5 C#4 E4 A4 C#5 | B3 D4 F#4 B4 A3 C#4 F#4 A4 |
                             B3 D4 G4 B4 A3 D4 F#4 A4 | B3 D4 G4 B4 C#4 E4 A4 C#5";
const OFF_BEATS: &str = "-/8 A3+D4+F#4 - A3+D4+F#4 - A3+C#4+E4 - A3+C#4+E4 |
                         - B3+D4+F#4 - B3+D4+F#4 - A3+C#4+F#4 - A3+C#4+F#4 |
                         - B3+D4+G4 - B3+D4+G4 - A3+D4+F#4 - A3+D4+F#4 |
                         - B3+D4+G4 - B3+D4+G4 - A3+C#4+E4 - A3+C#4+E4";
const RUN: &str = "A5/8 F#5/16 G5 A5/8 F#5/16 G5 A5 A4 B4 C#5 D5 E5 F#5 G5 |
                   F#5/8 D5/16 E5 F#5/8 F#4/16 G4 A4 B4 A4 G4 A4 F#4 G4 A4 |
                   G4/8 B4/16 A4 G4/8 F#4/16 E4 F#4 E4 D4 E4 F#4 G4 A4 B4 |
                   G4/8 B4/16 A4 B4/8 C#5/16 D5 A4 B4 C#5 D5 E5 F#5 G5 G#5";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use midly::MidiMessage;

    use super::*;

    fn commands(octets: &[u8]) -> Vec<(u32, u8, MidiMessage)> {
        let smf = Smf::parse(octets).expect("our own file is well formed");
        let mut all = Vec::new();
        for track in &smf.tracks {
            let mut now = 0;
            for event in track {
                now += event.delta.as_int();
                if let TrackEventKind::Midi { channel, message } = event.kind {
                    all.push((now, channel.as_int(), message));
                }
            }
        }
        all
    }

    #[test]
    fn the_score_uses_every_kind_of_channel_command_it_promises() {
        let commands = commands(&midi_file().unwrap());
        let has = |wanted: fn(&MidiMessage) -> bool| commands.iter().any(|(_, _, message)| wanted(message));
        assert!(has(|message| matches!(message, MidiMessage::ProgramChange { .. })));
        assert!(has(|message| matches!(message, MidiMessage::PitchBend { .. })));
        assert!(has(|message| matches!(message, MidiMessage::ChannelAftertouch { .. })));
        let numbers: BTreeSet<u8> = commands
            .iter()
            .filter_map(|(_, _, message)| match message {
                MidiMessage::Controller { controller, .. } => Some(controller.as_int()),
                _ => None,
            })
            .collect();
        assert_eq!(numbers.into_iter().collect::<Vec<_>>(), [0, 1, 6, 7, 10, 11, 32, 38, 64, 91, 93, 100, 101]);
        let channels: BTreeSet<u8> = commands.iter().map(|&(_, channel, _)| channel).collect();
        assert_eq!(channels.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 9]);
    }

    #[test]
    fn every_note_of_the_score_ends_and_every_channel_lifts_its_pedal() {
        let mut sounding = BTreeSet::new();
        let mut pedals = [0; 16];
        let mut commands = commands(&midi_file().unwrap());
        commands.sort_by_key(|&(at, _, _)| at);
        for (_, channel, message) in commands {
            match message {
                MidiMessage::NoteOn { key, .. } => assert!(sounding.insert((channel, key))),
                MidiMessage::NoteOff { key, .. } => assert!(sounding.remove(&(channel, key))),
                MidiMessage::Controller { controller, value } if controller == controller::SUSTAIN => {
                    pedals[usize::from(channel)] = value.as_int();
                }
                _ => {}
            }
        }
        assert_eq!((sounding, pedals), (BTreeSet::new(), [0; 16]));
    }
}
