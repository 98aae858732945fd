//! A stream of which both ends know nothing but the text of its description: what it excludes never gets onto the wire,
//! and 30 of 100 lost packets leave the listener set as the sender is.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::collections::{BTreeMap, BTreeSet};

use kit::listener;
use kit::packets::{Loss, Recording};
use kit::smf::Event;
use kit::synth::Settings;
use kit::{description, pipeline, smf, song};
use rtp_midi::Format;
use rtp_midi::inspect::{Value, inspect};
use rtp_midi_sdp::{Parameters, Session, Stream};

/// A description, and in other words what it says.
struct Case {
    stream: Stream,
    /// Whether the stream has a command.
    carries: fn(&[u8]) -> bool,
    /// Whether its journals are without a chapter of a channel, or of the system.
    leaves_out: fn(Option<u8>, char) -> bool,
    /// Settings that nothing protects.
    spare: fn(u8, &mut Settings),
    /// A chapter that some channels have, and others have not.
    partly: char,
    /// Whether a controller has enhanced coding.
    enhanced: fn(u8) -> bool,
}

fn cases() -> [Case; 2] {
    [
        // No poly aftertouch, no System Exclusives, no channel aftertouch on four channels, none of controllers 91 and
        // 69; journals without note extras, and without the wheels of half of the channels; pedals and portamento
        // control with enhanced coding. Two parameters are repeated, so that caps cannot say all of it.
        Case {
            stream: Stream::native(
                101,
                48_000,
                Parameters::parse(
                    "cm_unused=AX; cm_unused=0-3T; cm_unused=C69.91; j_sec=recj; j_update=anchor; ch_never=E; \
                     ch_never=8-15W; ch_default=C192.194-195.212",
                ),
            ),
            carries: |octets| match *octets {
                [0xA0..=0xAF | 0xD0..=0xD3 | 0xF0, ..] => false,
                [0xB0..=0xBF, controller, _] => !matches!(controller, 69 | 91),
                _ => true,
            },
            leaves_out: |channel, letter| {
                matches!((channel, letter), (_, 'A' | 'E' | 'X') | (Some(0..=3), 'T') | (Some(8..=15), 'W'))
            },
            spare: |channel, settings| settings.wheel = settings.wheel.filter(|_| channel < 8),
            partly: 'W',
            enhanced: |controller| matches!(controller, 64 | 66 | 67 | 84),
        },
        // Inside MPEG-4, with a journal back to the first packet as long as nobody reports; notes of most channels alone.
        Case {
            stream: Stream {
                payload_type: 97,
                format: Format::Mpeg4Generic,
                clock_rate: 44_100,
                parameters: Parameters::parse(
                    "streamtype=5; mode=rtp-midi; profile-level-id=12; config=\"\"; cm_unused=NX; cm_used=4-15N; \
                     ch_never=QW; ch_anchor=P; ch_default=C192.194-195",
                ),
            },
            carries: |octets| !matches!(*octets, [0x80..=0x83 | 0x90..=0x93 | 0xF0, ..]),
            leaves_out: |channel, letter| matches!((channel, letter), (_, 'Q' | 'W' | 'X') | (Some(0..=3), 'N' | 'E')),
            spare: |_, settings| settings.wheel = None,
            partly: 'N',
            enhanced: |controller| matches!(controller, 64 | 66 | 67),
        },
    ]
}

/// What an end that has the text sets: fields of caps, and a property of its element.
fn set_up(text: &str) -> (String, String) {
    let session = Session::parse(text.as_bytes()).unwrap();
    let (_, stream) = session.first_stream().unwrap();
    let encoding = match stream.format {
        Format::Native => "encoding-name=RTP-MIDI",
        Format::Mpeg4Generic => "encoding-name=MPEG4-GENERIC,mode=(string)rtp-midi",
    };
    let media = format!("media=audio,{encoding},clock-rate={},payload={}", stream.clock_rate, stream.payload_type);
    (media, format!("fmtp=\"{}\"", stream.parameters.to_string().replace('"', "\\\"")))
}

/// A song's events as the stream has them, and its packets.
fn send(case: &Case, file: &[u8]) -> (Vec<Event>, Recording) {
    let (media, fmtp) = set_up(&description::print(&case.stream, description::localhost(5004)));
    let packets = pipeline::send_as(&format!("application/x-rtp,{media}"), file, &fmtp).unwrap();
    let mut events = smf::read(file).unwrap().events;
    events.retain(|event| (case.carries)(&event.octets));
    (events, Recording::read(&packets))
}

const SONGS: std::ops::Range<u64> = 100..110;

#[test]
fn what_the_description_excludes_never_appears_on_the_wire() {
    for case in cases() {
        let (mut excluded, mut enhanced, mut partly) = (0, 0, 0);
        for seed in SONGS {
            let file = song::random(seed);
            let (events, sent) = send(&case, &file);
            excluded += smf::read(&file).unwrap().events.len() - events.len();
            let mut arrived = Vec::new();
            let mut told = BTreeSet::new();
            for packet in &sent.packets {
                let (marker, payload_type) = (packet.octets[1] >> 7 == 1, packet.octets[1] & 0x7F);
                assert_eq!(payload_type, case.stream.payload_type);
                let found = inspect(packet.payload(), 0);
                assert_eq!(found.defects, []);
                assert_eq!(marker, case.stream.format == Format::Mpeg4Generic || !found.commands.is_empty());
                for placed in &found.commands {
                    let mut octets = Vec::new();
                    placed.timed.command.encode(&mut octets);
                    arrived.push(octets);
                }
                let journal = found.journal.as_ref().unwrap();
                for chapter in &journal.chapters {
                    let channel = chapter.channel.map(rtp_midi::midi::Channel::get);
                    if (case.leaves_out)(channel, chapter.letter) {
                        told.insert((channel, chapter.letter));
                    }
                }
                partly += journal.chapters.iter().filter(|chapter| chapter.letter == case.partly).count();
                enhanced +=
                    usize::from(found.field("rtpmidi.h_flag").map(|flag| flag.value) == Some(Value::Flag(true)));
            }
            assert_eq!(told, BTreeSet::new());
            let carried: Vec<_> = events.into_iter().map(|event| event.octets).collect();
            assert!(arrived == carried, "seed {seed}: other commands than the description allows");
        }
        println!("{excluded} commands kept out; {enhanced} journals with enhanced coding");
        assert!(excluded > 100 && enhanced > 100 && partly > 100, "{excluded} {enhanced} {partly}");
    }
}

#[test]
fn thirty_of_a_hundred_packets_lost_leave_the_listener_set_as_the_sender_is() {
    for case in cases() {
        let seeds: Vec<u64> = SONGS.collect();
        let outcomes = pipeline::spread(&seeds, |seed| {
            let (events, sent) = send(&case, &song::random(*seed));
            let (media, fmtp) = set_up(&description::print(&case.stream, description::localhost(5004)));
            let follow = |loss: Loss| {
                let mut arrives = loss.survivors(sent.packets.len(), *seed);
                // Who comes late is told no step of a controller with enhanced coding from before.
                arrives[0] = true;
                let heard = pipeline::record_as(&media, &sent.write(&arrives), &fmtp);
                let heard_all: Vec<_> = heard.behind_packets.concat();
                assert!(heard_all.iter().all(|octets| (case.carries)(octets)), "seed {seed}, {loss:?}");
                let told = sent.packets.iter().zip(&arrives).rfind(|(_, arrives)| **arrives).unwrap().0.told;
                let was = events[..told].iter().map(|event| &event.octets[..]);
                step_by_step(was, heard_all.iter().map(|octets| &octets[..]), case.enhanced)
                    .unwrap_or_else(|why| panic!("seed {seed}, {loss:?}: {why}"));
                let outcome = listener::compare(&events, &sent, &arrives, &heard, case.spare);
                outcome.unwrap_or_else(|why| panic!("seed {seed}, {loss:?}: {why}"))
            };
            [follow(Loss::Single(30)), follow(Loss::Bursts(30))]
        });
        let (mut packets, mut lost, mut compared) = (0, 0, 0);
        for tally in outcomes.into_iter().flatten() {
            packets += tally.packets;
            lost += tally.lost;
            compared += tally.compared;
        }
        println!("{}: {lost} of {packets} packets lost, {compared} comparisons", case.stream.parameters);
        assert!(lost * 100 > packets * 25 && compared > 1000);
    }
}

/// Whether each command of a controller with enhanced coding was heard once, in order, but for those that a reset has made
/// void.
fn step_by_step<'a>(
    sent: impl Iterator<Item = &'a [u8]>,
    heard: impl Iterator<Item = &'a [u8]>,
    is_enhanced: fn(u8) -> bool,
) -> Result<(), String> {
    let sent = steps(sent, is_enhanced);
    let heard = steps(heard, is_enhanced);
    for (controller, sent) in &sent {
        let heard = heard.get(controller).cloned().unwrap_or_default();
        let mut expected = sent.iter();
        if !heard.iter().all(|value| expected.any(|sent| sent == value)) {
            return Err(format!("{controller:?} was {sent:?}, and heard was {heard:?}"));
        }
        // What comes behind the last reset is there to the last step.
        let lasting = sent.rsplit(Option::is_none).next().unwrap_or_default();
        if !heard.ends_with(lasting) {
            return Err(format!("{controller:?} was {sent:?}, and heard was {heard:?}"));
        }
    }
    Ok(())
}

/// The values that each controller of each channel gets, and `None` where a reset makes those before void.
fn steps<'a>(
    commands: impl Iterator<Item = &'a [u8]>,
    is_enhanced: fn(u8) -> bool,
) -> BTreeMap<(u8, u8), Vec<Option<u8>>> {
    let mut steps: BTreeMap<(u8, u8), Vec<Option<u8>>> = BTreeMap::new();
    for octets in commands {
        let (channel, status) = (octets[0] & 0xF, octets[0] & 0xF0);
        match *octets {
            [_, controller, value] if status == 0xB0 && is_enhanced(controller) => {
                steps.entry((channel, controller)).or_default().push(Some(value));
            }
            [_, 121, _] if status == 0xB0 => {
                steps.iter_mut().filter(|((of, _), _)| *of == channel).for_each(|(_, steps)| steps.push(None));
            }
            [0xFF] => steps.values_mut().for_each(|steps| steps.push(None)),
            _ => {}
        }
    }
    steps
}
