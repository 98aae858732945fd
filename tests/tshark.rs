//! tshark reads in our packets what they hold, and finds nothing wrong but where it errs itself.
//!
//! Its errors, as of 4.0.17: a Chapter N whose logs are more than the octets behind them, and a Chapter M with a pending
//! MSB, are called malformed although they are right; of the length of a Chapter M only six bits are heeded; behind a
//! Chapter X with a FIRST field or a second log, the rest of the journal is not read; a Chapter Q with S = 1 is read
//! beyond its end.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::collections::BTreeSet;

use kit::corpus::Piece;
use kit::journal::{self, Channel, System};
use kit::packets::Recording;
use kit::synth::Synth;
use kit::{corpus, pipeline, smf, song, tshark};

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
    let mut dissected = tshark::dissect(octets, &FIELDS).into_iter();
    let (mut packets, mut errors, mut journals) = (0, 0, 0);
    for (piece, sent) in songs.iter().zip(&sent) {
        let events = smf::read(&piece.file).unwrap().events;
        let mut synth = Synth::default();
        let mut told = 0;
        for packet in sent {
            let theirs = dissected.next().expect("a line for each packet");
            let place = format!("{}, packet {}: {:02X?}", piece.name, packet.sequence(), packet.payload());
            let journal = journal::sections(packet.payload()).unwrap().1.unwrap();
            let ours = journal::channels(journal).unwrap();
            packets += 1;
            if errs_about_channels(&ours) || errs_about_system(&journal::system(journal).unwrap()) {
                errors += 1;
            } else {
                assert_eq!(theirs, expected(&ours), "{place}");
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
         journals are what was played",
        songs.len()
    );
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
