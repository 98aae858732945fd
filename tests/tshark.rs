//! tshark reads in our packets what they hold, and finds nothing wrong but where it errs itself.
//!
//! Its errors, as of 4.0.17: a Chapter N whose logs are more than the octets behind them, and a Chapter M with a pending
//! MSB, are called malformed although they are right; of the length of a Chapter M only six bits are heeded; behind a
//! Chapter X with a FIRST field or a second log, the rest of the journal is not read; a Chapter Q with S = 1 is read
//! beyond its end.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::collections::{BTreeMap, BTreeSet};

use kit::corpus::Piece;
use kit::journal::{self, Channel, System};
use kit::packets::{Packet, Recording};
use kit::synth::Synth;
use kit::{corpus, pipeline, smf, song, tshark};
use rtp_midi::inspect::{Inspection, inspect};

const FIELDS: [&str; 9] = [
    "_ws.malformed",
    "rtpmidi.chanjour_channel",
    "rtpmidi.cj_chapter_p_program",
    "rtpmidi.cj_chapter_c_number",
    "rtpmidi.cj_chapter_n_log_note",
    "rtpmidi.cj_chapter_n_log_velocity",
    "rtpmidi.cj_chapter_t_pressure",
    "rtpmidi.cj_chapter_a_log_note",
    "rtpmidi.cj_chapter_a_log_pressure",
];

/// What the inspector names by itself or shows besides, and what tshark shows wrong: numbers of several octets of seven
/// bits, quarter frames, System Exclusives of one octet, LEN of chapters E and A, and T of Chapter Q, which it reads from
/// S.
const SHOWN_OTHERWISE: [&str; 20] = [
    "rtpmidi.common_status",
    "rtpmidi.manufacturer_short",
    "rtpmidi.mtc_quarter_frame_type",
    "rtpmidi.mtc_quarter_frame_value",
    "rtpmidi.command_time",
    "rtpmidi.sj_chapter_q_top",
    "rtpmidi.sj_chapter_q_timetools",
    "rtpmidi.cj_chapter_e_length",
    "rtpmidi.cj_chapter_a_length",
    "rtpmidi.deltatime_2",
    "rtpmidi.deltatime_3",
    "rtpmidi.deltatime_4",
    "rtpmidi.pitch_bend",
    "rtpmidi.song_position_pointer",
    "rtpmidi.sj_chapter_q_tflag",
    "rtpmidi.sj_chapter_x_first_1",
    "rtpmidi.sj_chapter_x_first_2",
    "rtpmidi.sj_chapter_x_first_3",
    "rtpmidi.sj_chapter_x_first_4",
    "rtpmidi.sysex_common_non_realtime",
];

/// Packets of a song by others that are looked at: journals are full long before.
const MOST: usize = 300;

#[test]
fn random_songs_are_dissected() {
    let plain = (0..40).map(|seed| Piece { name: format!("plain-{seed}"), file: song::of_channels(seed) });
    let songs = plain.chain((0..10).map(|seed| Piece { name: format!("seed-{seed}"), file: song::random(seed) }));
    dissect(&songs.collect::<Vec<_>>(), usize::MAX);
}

#[test]
fn songs_by_others_are_dissected() {
    let mut songs = corpus::pieces();
    songs.retain(|piece| smf::read(&piece.file).is_ok());
    dissect(&songs, MOST);
}

fn dissect(songs: &[Piece], most: usize) {
    if songs.is_empty() || !tshark::is_here() {
        return;
    }
    let sent = pipeline::spread(songs, |piece| {
        let mut recording = Recording::read(&pipeline::send(&piece.file, "").unwrap());
        recording.packets.truncate(most);
        recording.packets
    });
    let octets = sent.iter().map(|packets| packets.iter().map(|packet| &packet.octets[..]).collect());
    let inspected = inspected(sent.iter().flatten().map(Packet::payload));
    let fields: Vec<&str> = FIELDS.into_iter().chain(inspected.iter().copied()).collect();
    let mut dissected = tshark::dissect(octets, &fields).into_iter();
    let (mut packets, mut errors, mut journals, mut compared) = (0, 0, 0, 0);
    for (piece, sent) in songs.iter().zip(&sent) {
        let events = smf::read(&piece.file).unwrap().events;
        let mut synth = Synth::default();
        let mut told = 0;
        for packet in sent {
            let mut theirs = dissected.next().expect("a line for each packet");
            let shown = theirs.split_off(FIELDS.len());
            let place = format!("{}, packet {}: {:02X?}", piece.name, packet.sequence(), packet.payload());
            let journal = journal::sections(packet.payload()).unwrap().1.unwrap();
            let ours = journal::channels(journal).unwrap();
            packets += 1;
            if errs_about_channels(&ours) || errs_about_system(&journal::system(journal).unwrap()) {
                errors += 1;
            } else {
                assert_eq!(theirs, expected(&ours), "{place}");
                agree(&inspect(packet.payload(), 0), &inspected, &shown, &place);
                compared += 1;
            }
            // The journal tells of all packets before this one.
            tells(&synth, &ours).unwrap_or_else(|why| panic!("{place}: {why}"));
            journals += 1;
            for event in &events[told..packet.told] {
                synth.execute(&event.octets);
            }
            told = packet.told;
        }
    }
    assert!(dissected.next().is_none());
    println!(
        "{packets} packets of {} songs are as tshark says, but for {errors} which it cannot read; {journals} \
         journals are what was played; the inspector agrees on {} fields of {compared} packets",
        songs.len(),
        inspected.len()
    );
}

/// The names of all fields with a number that the inspector finds in these payloads, but those that tshark has not or
/// shows wrong.
fn inspected<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Vec<&'static str> {
    let mut names = BTreeSet::new();
    for payload in payloads {
        let found = inspect(payload, 0);
        names.extend(found.walk().filter(|(_, field)| field.number().is_some()).map(|(_, field)| field.name));
    }
    // tshark fills but one column of a field that is asked for twice.
    names.into_iter().filter(|name| !SHOWN_OTHERWISE.contains(name) && !FIELDS.contains(name)).collect()
}

/// The inspector and tshark show the same values of the fields of these names.
fn agree(found: &Inspection<'_>, names: &[&'static str], theirs: &[Vec<String>], place: &str) {
    let mut ours: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (_, field) in found.walk() {
        ours.entry(field.name).or_default().extend(field.number());
    }
    for (name, theirs) in names.iter().zip(theirs) {
        let theirs: Vec<u32> = theirs.iter().map(|value| number(value).expect("a number")).collect();
        assert_eq!(ours.remove(name).unwrap_or_default(), theirs, "{name} of {place}");
    }
}

/// A number as tshark prints it.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A chapter of a channel journal: its bit in the table of contents, and its octets. With Chapter N before Chapter E, as
/// tshark wants it.
const CHANNEL_CHAPTERS: [(u8, &[u8]); 9] = [
    (0x80, &[0x05, 0x81, 0x82]),
    (0x40, &[0x02, 0x07, 0x64, 0xC0, 0x83, 0x7B, 0xC1]),
    (0x20, &[0x20, 0x0C, 0x01, 0x80, 0xFF, 0x82, 0x03, 0x80, 0x05, 0x00, 0x07, 0x84]),
    (0x20, &[0x14, 0x05, 0x00, 0x80, 0x02]),
    (0x10, &[0x92, 0x34]),
    (0x08, &[0x01, 0x67, 0x3C, 0xA5, 0x0D, 0x50]),
    (0x0C, &[0x01, 0x67, 0x3C, 0xA5, 0x0D, 0x50, 0x01, 0x3C, 0x02, 0xBC, 0xA0]),
    (0x02, &[0x55]),
    (0x01, &[0x80, 0x3C, 0x85]),
];

/// The same of the system journal.
const SYSTEM_CHAPTERS: [(u8, &[u8]); 9] = [
    (0x40, &[0xFF, 0x85, 6, 7, 0x68, 5, 9, 1, 0x82, 0x50, 4, 3, 0x2A, 0x42, 8, 0x63, 5, 0x99]),
    (0x40, &[0xF0, 0x85, 0x06, 0x07]),
    (0x40, &[0x03, 0x42, 0x08, 0x42, 0x05]),
    (0x20, &[0x89]),
    (0x10, &[0x52, 0x01, 0x02]),
    (0x08, &[0x7A, 0x21, 0x03, 0x02, 0x03, 0x12, 0x34, 0x56, 0x78]),
    (0x08, &[0x47, 0x21, 0x03, 0x02, 0x03]),
    (0x04, &[0x6F, 0x05, 0x06, 0x01, 0x02, 0x83]),
    (0x04, &[0x8B, 0x84]),
];

#[test]
fn the_inspector_shows_every_chapter_as_tshark_does() {
    if !tshark::is_here() {
        return;
    }
    let of_channel = CHANNEL_CHAPTERS
        .iter()
        .map(|(bit, chapter)| [&[0x40, 0x20, 0, 1, 0x14, 3 + chapter.len() as u8, *bit], *chapter].concat());
    let of_system = SYSTEM_CHAPTERS
        .iter()
        .map(|(bit, chapter)| [&[0x40, 0x40, 0, 1, *bit, 2 + chapter.len() as u8], *chapter].concat());
    let payloads: Vec<Vec<u8>> = of_channel.chain(of_system).collect();
    let packet = |payload: &Vec<u8>| [&[0x80, 96, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7][..], payload].concat();
    let packets: Vec<Vec<u8>> = payloads.iter().map(packet).collect();
    let names = inspected(payloads.iter().map(Vec::as_slice));
    let dissected = tshark::dissect([packets.iter().map(Vec::as_slice).collect()], &names);
    for (payload, theirs) in payloads.iter().zip(dissected) {
        let found = inspect(payload, 0);
        assert_eq!(found.defects, [], "{payload:02X?}");
        agree(&found, &names, &theirs, &format!("{payload:02X?}"));
    }
    assert!(names.len() > 150, "{} fields", names.len());
}

/// Whether tshark errs about these channel journals.
fn errs_about_channels(channels: &[Channel]) -> bool {
    channels.iter().any(|channel| {
        let looks_for_too_much = channel.ended > 0 && channel.behind_notes < channel.notes.len();
        channel.pending || channel.parameters >= 64 || looks_for_too_much
    })
}

/// Whether tshark errs about this system journal.
fn errs_about_system(system: &System<'_>) -> bool {
    let Some(&flags) = system.exclusives.first() else { return system.sequencer == Some(1) };
    let has = |bit: u8| flags & bit != 0;
    let counts = usize::from(has(0x40)) + usize::from(has(0x20));
    let data = &system.exclusives[1 + counts..];
    // It ends with the first octet above 7F; what follows is another log.
    let length = if has(0x08) { data.iter().position(|octet| *octet > 0x7F).map_or(0, |last| last + 1) } else { 0 };
    system.sequencer == Some(1) || has(0x10) || length < data.len()
}

/// What tshark prints of these journals.
fn expected(channels: &[Channel]) -> tshark::Dissected {
    fn print<T: ToString>(values: impl Iterator<Item = T>) -> Vec<String> {
        values.map(|value| value.to_string()).collect()
    }
    let notes = || channels.iter().flat_map(|channel| &channel.notes);
    let poly = || channels.iter().flat_map(|channel| &channel.poly_pressure);
    vec![
        vec![],
        print(channels.iter().map(|channel| format!("0x{:06x}", channel.number))),
        print(channels.iter().filter_map(|channel| channel.program).map(|(program, _)| program)),
        print(channels.iter().flat_map(|channel| &channel.controllers).map(|(number, _)| number)),
        print(notes().map(|(note, _)| note)),
        print(notes().map(|(_, velocity)| velocity)),
        print(channels.iter().filter_map(|channel| channel.pressure)),
        print(poly().map(|(note, _)| note)),
        print(poly().map(|(_, pressure)| pressure)),
    ]
}

/// Whether the journal says what an instrument that got the song so far would say of itself.
fn tells(synth: &Synth, journal: &[Channel]) -> Result<(), String> {
    for (number, channel) in &synth.channels {
        let nothing = Channel::default();
        let told = journal.iter().find(|told| told.number == *number).unwrap_or(&nothing);
        let settings = &channel.settings;
        let is_told = [
            settings.program.map(|(program, _)| program) == told.program.map(|(program, _)| program),
            settings.controllers.iter().all(|(number, value)| {
                // Switches may be told as counts; a bank select may be told with the program.
                let log = told.controllers.iter().find(|log| log.0 == *number);
                log.map_or(matches!(number, 0 | 32), |log| log.1 & 0x80 != 0 || log.1 == *value)
            }),
            settings.wheel == told.wheel,
            settings.pressure == told.pressure,
            channel.sounding == told.notes.iter().map(|log| log.0).collect::<BTreeSet<_>>(),
        ];
        if is_told != [true; 5] {
            return Err(format!("channel {number}: {is_told:?} of {channel:?}"));
        }
    }
    Ok(())
}
