//! Streams for the tests: packets a second apart, unless a test says otherwise.

use rtp_midi::midi::{Command, System};
use rtp_midi::{Config, Format, Journal, Packet, Policy, Received, Receiver, Sender};

use crate::walker::{Channel, Section, walk};

/// The sequence number of the first packet.
pub(crate) const FIRST: u16 = 0x1234;

/// The RTP clock of the tests.
pub(crate) const RATE: u32 = 44_100;

/// The commands of one packet.
pub(crate) type Commands<'a> = &'a [&'a [u8]];

pub(crate) fn config(policy: Policy) -> Config {
    Config { journal: Journal::Recovery(policy), commands: rtp_midi::Commands::all(), ..Config::new(RATE) }
}

pub(crate) fn anchor() -> Config {
    config(Policy::Anchor)
}

pub(crate) fn without_journal() -> Config {
    Config { journal: Journal::None, ..Config::new(RATE) }
}

pub(crate) fn mpeg4() -> Config {
    Config { format: Format::Mpeg4Generic, ..Config::new(RATE) }
}

/// Queues commands and takes the packet.
pub(crate) fn send(sender: &mut Sender, time: u32, commands: Commands<'_>) -> (Packet, Vec<u8>) {
    for octets in commands {
        sender.queue(time, Command::decode(octets).unwrap().0).unwrap();
    }
    let mut payload = Vec::new();
    let packet = sender.packet(time, &mut payload);
    (packet, payload)
}

/// The payloads of packets a second apart.
pub(crate) fn stream(config: Config, packets: &[Commands<'_>]) -> Vec<(Packet, Vec<u8>)> {
    let mut sender = Sender::new(config, FIRST);
    packets.iter().zip((0..).step_by(RATE as usize)).map(|(commands, time)| send(&mut sender, time, commands)).collect()
}

/// The journal of an empty packet behind `packets`.
pub(crate) fn journal_behind(packets: &[Commands<'_>]) -> Section {
    let packets = [packets, &[&[]]].concat();
    walk(&stream(anchor(), &packets).pop().unwrap().1).journal.unwrap()
}

/// The one channel journal of an empty packet behind `packets`.
pub(crate) fn behind(packets: &[Commands<'_>]) -> Channel {
    let mut channels = journal_behind(packets).channels;
    assert_eq!(channels.len(), 1, "{channels:?}");
    channels.remove(0)
}

/// The table of contents and the chapters of that channel journal as octets.
pub(crate) fn chapters(packets: &[Commands<'_>]) -> Vec<u8> {
    let packets = [packets, &[&[]]].concat();
    let payload = stream(anchor(), &packets).pop().unwrap().1;
    walk(&payload);
    // One octet of header, three of journal header, two of channel journal header.
    payload[6..].to_vec()
}

/// Gives packets to a receiver; returns the octets of what it gives out.
pub(crate) fn hear(receiver: &mut Receiver, packets: &[&(Packet, Vec<u8>)]) -> Vec<Vec<u8>> {
    let mut heard = Vec::new();
    for (packet, payload) in packets {
        let received = Received { sequence: packet.sequence, timestamp: packet.timestamp, payload };
        receiver.receive(received, |event| heard.push(octets(&event.command)));
    }
    heard
}

/// Joins a stream with an empty packet and returns the channel commands that its journal makes a receiver give out.
pub(crate) fn joined(journal: &[u8]) -> Vec<Vec<u8>> {
    let mut heard = Vec::new();
    let payload = [&[0x40][..], journal].concat();
    Receiver::new(anchor()).receive(Received { sequence: 9, timestamp: 0, payload: &payload }, |event| {
        heard.extend(event.command.voice().map(|_| octets(&event.command)));
    });
    heard
}

pub(crate) fn octets(command: &Command<'_>) -> Vec<u8> {
    let mut octets = Vec::new();
    command.encode(&mut octets);
    octets
}

/// Whether a command is a System Reset or one of the five System Exclusives that reset (A.1).
pub(crate) fn resets(command: &Command<'_>) -> bool {
    match command {
        Command::System(System::Reset) => true,
        Command::System(System::SysEx(segment)) => {
            let data = segment.data;
            data.len() == 4
                && data[0] == 0x7E
                && [[9, 0], [9, 1], [9, 3], [10, 1], [10, 2]].iter().any(|kind| kind[..] == data[2..])
        }
        _ => false,
    }
}
