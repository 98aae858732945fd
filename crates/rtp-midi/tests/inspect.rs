//! What the inspector says of packets of real senders, of every chapter, and of what is wrong.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::collections::BTreeMap;
use std::fmt::Write;

use proptest::prelude::*;
use rtp_midi::inspect::{Chapter, Field, Inspection, Value, inspect};
use rtp_midi::midi::{Command, Voice};
use rtp_midi::{Config, Error, Sender};

fn hex(text: &str) -> Vec<u8> {
    let text: String = text.split_whitespace().collect();
    (0..text.len()).step_by(2).map(|index| u8::from_str_radix(&text[index..index + 2], 16).unwrap()).collect()
}

/// The numbers of all fields of this name, in order.
fn numbers<'a>(field: &'a Field<'_>, name: &'a str) -> Vec<u32> {
    field.walk().filter(|(_, field)| field.name == name).filter_map(|(_, field)| field.number()).collect()
}

fn number(field: &Field<'_>, name: &str) -> u32 {
    field.find(name).unwrap_or_else(|| panic!("no {name} in {field:#?}")).number().unwrap()
}

/// Commands as the test data spells them.
fn commands(found: &Inspection<'_>) -> String {
    let mut text = String::new();
    let mut before = 0;
    for placed in &found.commands {
        let mut octets = Vec::new();
        placed.timed.command.encode(&mut octets);
        let separator = if text.is_empty() { "" } else { "; " };
        write!(text, "{separator}+{}", placed.timed.time - before).unwrap();
        before = placed.timed.time;
        match octets[..] {
            [0xF0, .., 0xF7] => write!(text, " SysEx {} data bytes, end", octets.len() - 2).unwrap(),
            _ => octets.iter().for_each(|octet| write!(text, " {octet:02x}").unwrap()),
        }
    }
    text
}

/// The letters of the flags of a table of contents that are set.
fn contents(field: &Field<'_>, table: &str, letters: &str) -> String {
    let is_set = |letter: &char| number(field, &format!("rtpmidi.{table}_toc_{}", letter.to_ascii_lowercase())) == 1;
    letters.chars().filter(is_set).collect()
}

/// A chapter as the test data spells it.
fn chapter(field: &Field<'_>) -> String {
    let of = |name: &str| number(field, name);
    match field.name {
        "rtpmidi.cj_chapter_c" => {
            let logs = field.children.iter().filter(|log| log.name == "rtpmidi.cj_chapter_c_log").map(|log| {
                let of = |name| number(log, name);
                let s = of("rtpmidi.cj_chapter_c_sflag");
                format!("S{s} cc{} {}", of("rtpmidi.cj_chapter_c_number"), of("rtpmidi.cj_chapter_c_value"))
            });
            format!(" | C: {}", logs.collect::<Vec<_>>().join(", "))
        }
        "rtpmidi.cj_chapter_w" => {
            format!(" | W: {} {}", of("rtpmidi.cj_chapter_w_first"), of("rtpmidi.cj_chapter_w_second"))
        }
        "rtpmidi.cj_chapter_n" => {
            let logs = field.children.iter().filter(|log| log.name == "rtpmidi.cj_chapter_n_log").map(|log| {
                let [s, n, y, v] = ["sflag", "note", "yflag", "velocity"]
                    .map(|part| number(log, &format!("rtpmidi.cj_chapter_n_log_{part}")));
                format!("S{s} n{n} Y{y} v{v}")
            });
            let octets = numbers(field, "rtpmidi.cj_chapter_n_log_octet");
            let released = octets.iter().zip(of("rtpmidi.cj_chapter_n_low")..).flat_map(|(octet, place)| {
                (0..8).filter(move |bit| octet & 0x80 >> bit != 0).map(move |bit| 8 * place + bit)
            });
            format!(" | N: logs[{}] off{:?}", logs.collect::<Vec<_>>().join(", "), released.collect::<Vec<_>>())
        }
        "rtpmidi.sj_chapter_q" => {
            let bits = ["sflag", "nflag", "dflag", "cflag", "tflag", "top", "clock"];
            let values = bits.map(|name| of(&format!("rtpmidi.sj_chapter_q_{name}")));
            let names = ["S", "N", "D", "C", "T", "TOP", "CLOCK"];
            let pairs = names.iter().zip(values).map(|(name, value)| format!("{name}{value}"));
            format!(" | Q:{}", pairs.collect::<Vec<_>>().join(" "))
        }
        "rtpmidi.sj_chapter_f" => {
            let values = ["sflag", "cflag", "pflag", "qflag", "dflag", "point"]
                .map(|name| of(&format!("rtpmidi.sj_chapter_f_{name}")));
            let pairs =
                ["S", "C", "P", "Q", "D", "POINT"].iter().zip(values).map(|(name, value)| format!("{name}{value}"));
            let complete = of("rtpmidi.sj_chapter_f_complete");
            format!(" | F:{} COMPLETE {complete:08x}", pairs.collect::<Vec<_>>().join(" "))
        }
        _ => String::new(),
    }
}

#[test]
fn every_captured_packet_is_shown_as_what_is_known_of_it() {
    for block in include_str!("data/packets.txt").split("\n\n") {
        let mut lines = block.lines();
        let (name, octets) = (lines.next().unwrap(), hex(lines.next().unwrap()));
        let found = inspect(&octets[12..], 0);
        assert_eq!(commands(&found), lines.next().unwrap(), "{name}");
        assert_eq!(found.defects, [], "{name}");
        let mut text = Vec::new();
        if let Some(journal) = found.field("rtpmidi.journal_section") {
            let checkpoint = number(journal, "rtpmidi.check_Seq_num");
            text.push(format!("journal S{} checkpoint {checkpoint:04x}", number(journal, "rtpmidi.s_flag")));
            assert_eq!(u32::from(found.journal.as_ref().unwrap().checkpoint), checkpoint);
            for part in &journal.children {
                let chapters: String = part.children.iter().map(chapter).collect();
                let of = |name| number(part, name);
                match part.name {
                    "rtpmidi.sysjour" => text.push(format!(
                        "  SYS S{} LEN{} TOC={}{chapters}",
                        of("rtpmidi.sysjour_toc_s"),
                        of("rtpmidi.cmd_sysjour_len"),
                        contents(part, "sysjour", "DVQFX")
                    )),
                    "rtpmidi.chanjour" => text.push(format!(
                        "  S{} ch{} LEN{} TOC={}{chapters}",
                        of("rtpmidi.chanjour_s"),
                        of("rtpmidi.chanjour_channel"),
                        of("rtpmidi.cmd_chanjour_len"),
                        contents(part, "chanjour", "PCMWNETA")
                    )),
                    _ => {}
                }
            }
        }
        assert_eq!(text, lines.collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn a_session_between_macs_has_no_defect() {
    let lines = include_str!("data/apple-mac-to-mac.jsonl").lines().skip(1);
    let packets = lines.map(|line| hex(line.split("\"hex\": \"").nth(1).unwrap().trim_end_matches("\"}")));
    let mut journals = 0;
    for packet in packets.filter(|packet| !packet.starts_with(&[0xFF, 0xFF])) {
        let found = inspect(&packet[12..], 0);
        assert_eq!(found.defects, [], "{packet:02x?}");
        journals += found.journal.map_or(0, |journal| journal.chapters.iter().filter(|c| c.letter == 'N').count());
    }
    assert_eq!(journals, 41);
}

#[test]
fn a_delta_time_of_five_octets_is_shown_as_what_it_is_taken_for() {
    let found_in = hex("8e 8053 00 11 35 00 8f ff ff ff 00 90 4f 40");
    let mut payload = vec![found_in.len() as u8 - 1];
    payload.extend(&found_in[1..]);
    let found = inspect(&payload, 1000);
    assert_eq!(found.defects, []);
    let times: Vec<_> = found.commands.iter().map(|placed| (placed.timed.time, placed.delta)).collect();
    assert_eq!(times, [(1000, 0), (1017, 1), (1017, 5)]);
    assert_eq!(found.field("rtpmidi.deltatime_5").unwrap().octets, 7..12);
    assert_eq!(found.commands[2].octets, 12..15);
}

/// A payload with all thirteen chapters, in which most flags are set.
#[test]
fn every_chapter_is_shown_field_by_field() {
    let (octets, tree) = include_str!("data/every-chapter.txt").split_once("\n\n").unwrap();
    let octets = hex(octets);
    let found = inspect(&octets, 1000);
    assert_eq!(found.defects, []);
    let mut text = String::new();
    for (depth, field) in found.walk() {
        writeln!(text, "{:indent$}{field}", "", indent = 2 * depth).unwrap();
    }
    assert_eq!(text, tree);
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_hides_nothing_else() {
    // Chapter N of channel 1 with LOW 5 and HIGH 3, then Chapter W of channel 2.
    let payload = hex("43 903c40  21 1234  0007 08 0053 0102  0805 10 1234");
    let found = inspect(&payload, 0);
    assert_eq!(found.defects.len(), 1);
    assert_eq!((found.defects[0].at, found.defects[0].error), (12, Error::OffBits { low: 5, high: 3 }));
    let unknown = found.field("rtpmidi.unknown_data").unwrap();
    assert_eq!((unknown.value, unknown.octets.clone()), (Value::Octets(&[1, 2]), 12..14));
    assert_eq!(number(found.field("rtpmidi.cj_chapter_w").unwrap(), "rtpmidi.cj_chapter_w_second"), 0x34);
    let letters: Vec<_> = found.journal.unwrap().chapters.iter().map(|chapter| chapter.letter).collect();
    assert_eq!(letters, ['N', 'W']);
}

#[test]
fn a_list_cut_short_shows_the_commands_that_are_whole() {
    let payload = hex("4a 903c40 00 3e40 00 40");
    let found = inspect(&payload, 0);
    assert_eq!(commands(&found), "+0 90 3c 40; +0 90 3e 40");
    assert_eq!(found.defects.len(), 1);
    assert_eq!((found.defects[0].at, found.defects[0].error), (1, Error::Truncated { needed: 11, found: 9 }));
    let found = inspect(&payload[..0], 0);
    assert_eq!(found.defects[0].error, Error::Truncated { needed: 1, found: 0 });
}

#[test]
fn a_defect_in_the_list_does_not_hide_the_journal() {
    let payload = hex("46 903c40 00 f440  80 1234");
    let found = inspect(&payload, 0);
    assert_eq!(commands(&found), "+0 90 3c 40");
    assert_eq!(found.defects.len(), 1);
    assert_eq!((found.defects[0].at, found.defects[0].error), (5, Error::Unterminated));
    let journal = found.journal.unwrap();
    assert!(!journal.changed && journal.checkpoint == 0x1234 && journal.octets == (7..10));
}

#[test]
fn the_outline_says_what_the_packet_before_changed() {
    let mut sender = Sender::new(Config::new(44_100), 1);
    let mut outlines = Vec::new();
    for octets in [&[0xC0, 5][..], &[0x90, 60, 100], &[0x80, 60, 64], &[0xE1, 0, 0x50], &[0xFA], &[0xFE]] {
        sender.queue(0, Command::decode(octets).unwrap().0).unwrap();
        let mut payload = Vec::new();
        sender.packet(0, &mut payload);
        let journal = inspect(&payload, 0).journal.unwrap();
        let chapter = |chapter: &Chapter| {
            let channel = chapter.channel.map_or_else(String::new, |channel| channel.to_string());
            format!("{channel}{}{}", chapter.letter, if chapter.changed { "!" } else { "" })
        };
        outlines.push(journal.chapters.iter().map(chapter).collect::<Vec<_>>().join(" "));
    }
    assert_eq!(outlines, ["", "0P!", "0P 0N!", "0P 0N!", "0P 0N 1W!", "Q! 0P 0N 1W"]);
}

/// What a channel was told last, as far as a journal tells it in single fields.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Told {
    program: Option<u32>,
    wheel: Option<(u32, u32)>,
    pressure: Option<u32>,
    volume: Option<u32>,
    notes: BTreeMap<u32, u32>,
}

impl Told {
    fn observe(&mut self, voice: Voice) {
        match voice {
            Voice::ProgramChange { program } => self.program = Some(program.get().into()),
            Voice::PitchWheel { value } => self.wheel = Some((value.lsb().get().into(), value.msb().get().into())),
            Voice::ChannelAftertouch { pressure } => self.pressure = Some(pressure.get().into()),
            Voice::ControlChange { value, .. } => self.volume = Some(value.get().into()),
            Voice::NoteOff { note, .. } => drop(self.notes.remove(&note.get().into())),
            Voice::NoteOn { note, velocity } if velocity.get() > 0 => {
                self.notes.insert(note.get().into(), velocity.get().into());
            }
            Voice::NoteOn { note, .. } => drop(self.notes.remove(&note.get().into())),
            Voice::PolyAftertouch { .. } => {}
        }
    }

    fn shown(channel: &Field<'_>) -> Self {
        let of = |name: &str| channel.find(name).and_then(Field::number);
        let wheel = of("rtpmidi.cj_chapter_w_first").zip(of("rtpmidi.cj_chapter_w_second"));
        let notes = numbers(channel, "rtpmidi.cj_chapter_n_log_note");
        let velocities = numbers(channel, "rtpmidi.cj_chapter_n_log_velocity");
        Self {
            program: of("rtpmidi.cj_chapter_p_program"),
            wheel,
            pressure: of("rtpmidi.cj_chapter_t_pressure"),
            volume: of("rtpmidi.cj_chapter_c_value"),
            notes: notes.into_iter().zip(velocities).collect(),
        }
    }
}

proptest! {
    #[test]
    fn the_fields_say_what_the_sender_was_told(
        commands in prop::collection::vec((0..6_usize, 0..4_u8, 0..0x80_u8, 0..0x80_u8), 1..60)
    ) {
        let mut sender = Sender::new(Config::new(44_100), 1);
        let mut told: BTreeMap<u32, Told> = BTreeMap::new();
        for (kind, channel, first, second) in commands {
            let status = [0x80, 0x90, 0xB0, 0xC0, 0xD0, 0xE0][kind] | channel;
            let octets = [status, if kind == 2 { 7 } else { first }, second];
            let (command, _) = Command::decode(&octets).unwrap();
            sender.queue(0, command).unwrap();
            sender.packet(0, &mut Vec::new());
            told.entry(channel.into()).or_default().observe(command.voice().unwrap().1);
        }
        let mut payload = Vec::new();
        sender.packet(0, &mut payload);
        let found = inspect(&payload, 0);
        prop_assert_eq!(&found.defects, &[]);
        let journal = found.field("rtpmidi.journal_section").unwrap();
        let channels = journal.children.iter().filter(|part| part.name == "rtpmidi.chanjour");
        let shown: BTreeMap<u32, Told> =
            channels.map(|part| (number(part, "rtpmidi.chanjour_channel"), Told::shown(part))).collect();
        prop_assert_eq!(shown, told);
    }
}
