//! Ports: what they are called, how they are found, and that everything passes between two of them.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;

use alsa::Direction;

use crate::kit::{Other, Played, push, text, until};

/// One of every kind that a port can carry.
const KINDS: [&[u8]; 18] = [
    &[0x91, 60, 100],
    &[0xA1, 60, 20],
    &[0x81, 60, 33],
    &[0x91, 60, 0],
    &[0xB2, 7, 90],
    &[0xC3, 12],
    &[0xD4, 33],
    &[0xE5, 5, 96],
    &[0xF0, 0x7D, 1, 2, 0xF7],
    &[0xF1, 0x31],
    &[0xF2, 1, 2],
    &[0xF3, 4],
    &[0xF6],
    &[0xF8],
    &[0xFA],
    &[0xFB],
    &[0xFC],
    &[0xFE],
];

#[test]
#[ignore = "needs an ALSA sequencer"]
fn client_and_port_have_the_names_they_are_given() {
    let played = Played::new("alsaseqsrc name=it client-name=Flügel port-name=Tasten ! fakesink sync=false");
    let output = Command::new("aconnect").arg("-l").output().unwrap();
    let list = String::from_utf8(output.stdout).unwrap();
    let client = format!("client {}: 'Flügel' [type=user", played.address().client);
    let (_, ports) = list.split_once(&client).unwrap_or_else(|| panic!("{client}: {list}"));
    assert!(ports.lines().nth(1).unwrap().contains("0 'Tasten"), "{list}");
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn several_ports_are_found_by_number_and_by_name_either_way() {
    let others = [Other::new("One"), Other::new("Two"), Other::new("Three")];
    let ports = format!("ports={},Two:0,Three:port", text(others[0].address));
    for (line, direction) in [
        (format!("alsaseqsrc name=it {ports} ! fakesink sync=false"), Direction::Playback),
        (format!("appsrc ! alsaseqsink name=it async=false {ports}"), Direction::Capture),
    ] {
        let played = Played::new(&line);
        assert!(others.iter().all(|other| other.is_connected(played.address(), direction)), "{line}");
    }
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn every_kind_of_message_passes_from_port_to_port() {
    let listener = Played::new("alsaseqsrc name=it client-name=Listener ! fakesink sync=false");
    let source = "appsrc name=source format=time caps=audio/x-midi-event";
    let played = Played::new(&format!("{source} ! alsaseqsink name=it ports=Listener"));
    let messages: Vec<(u64, &[u8])> = (0..).step_by(5).zip(KINDS).collect();
    push(&played, &messages);
    // It ends what sounds, so that nothing could be told to be missing behind it.
    push(&played, &[(100, &[0xFF])]);
    let heard = listener.hears(KINDS.len() + 1);
    assert_eq!(heard[..KINDS.len()], KINDS);
    assert_eq!(heard[KINDS.len()..], [[0xFF]]);
}

/// The device of octets whose other end is the port `VirMIDI` of the sequencer.
fn device() -> PathBuf {
    let is_midi = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("midiC");
    let all = std::fs::read_dir("/dev/snd").unwrap().map(|entry| entry.unwrap().path());
    all.into_iter().find(is_midi).expect("a device of octets")
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_driver_of_octets_is_understood() {
    let played = Played::new(r#"alsaseqsrc name=it ports="Virtual Raw MIDI:VirMIDI" ! fakesink sync=false"#);
    let dump = [&[0xF0, 0x7D][..], &[5; 1000], &[0xF7]].concat();
    let mut device = File::options().write(true).open(device()).unwrap();
    // Running status, and a clock inside a message. All at once: of a second piece the kernel's driver, which is at work by
    // then, may take octets that have not been copied yet.
    device.write_all(&[&[0x90, 60, 100, 62, 0xF8, 101], &dump[..], &[0xE0, 0, 64]].concat()).unwrap();
    let expected: [&[u8]; 5] = [&[0x90, 60, 100], &[0xF8], &[0x90, 62, 101], &dump, &[0xE0, 0, 64]];
    assert_eq!(played.hears(5), expected);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_driver_of_octets_gets_them_in_order() {
    let nonblocking = 0o4000;
    let mut device = File::options().read(true).custom_flags(nonblocking).open(device()).unwrap();
    let source = "appsrc name=source format=time caps=audio/x-midi-event";
    let played = Played::new(&format!(r#"{source} ! alsaseqsink name=it sysex-rate=0 ports="Virtual Raw MIDI""#));
    let dump = [&[0xF0, 0x7D][..], &[5; 1000], &[0xF7]].concat();
    push(&played, &[(0, &[0x90, 60, 100]), (5, &dump), (10, &[0xC1, 3]), (15, &[0xFF])]);
    let (mut octets, mut piece) = (Vec::new(), [0; 4096]);
    until("all octets", || {
        let length = device.read(&mut piece).unwrap_or(0);
        octets.extend_from_slice(&piece[..length]);
        octets.ends_with(&[0xFF]).then_some(())
    });
    let expected = [&[0x90, 60, 100][..], &dump, &[0xC1, 3, 0xFF]].concat();
    assert!(octets == expected, "{} octets: {:02X?}", octets.len(), &octets[..octets.len().min(20)]);
}
