//! Laws of raw multicast MIDI, which the property tests and the fuzz target both call.

use std::net::SocketAddr;

use ipmidi::{MTU, Receiver, SENDERS, datagrams};
use rtp_midi::midi::{Command, Parser, Sounding};

/// Data octets of a System Exclusive that the receivers here take.
pub(crate) const LIMIT: usize = 200;

pub(crate) fn address(host: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host], 40_000))
}

/// Octets of a command with its status octet.
pub(crate) fn octets(command: Command<'_>) -> Vec<u8> {
    let mut octets = Vec::new();
    command.encode(&mut octets);
    octets
}

/// What anyone sends leaves a receiver within its bounds and in the end nothing sounding, and every message that comes
/// out can be sent again, alike.
pub(crate) fn whatever_comes_out_can_be_sent_again(stream: &[u8]) {
    let mut receiver = Receiver::new(LIMIT).with_silence(Some(8000));
    let mut messages = Vec::new();
    // The first octet of each piece tells its length, its sender and its time.
    let (mut rest, mut at) = (stream, 0);
    while let Some((&first, after)) = rest.split_first() {
        let (datagram, behind) = after.split_at(after.len().min(usize::from(first) % 48));
        at += u64::from(first) * 16;
        receiver.receive(at, address(first), datagram, |command| messages.push(octets(command)));
        receiver.expire(at, |command| messages.push(octets(command)));
        rest = behind;
    }
    // What has fallen silent leaves nothing sounding.
    receiver.expire(at + 9000, |command| messages.push(octets(command)));
    let mut sounding = Sounding::default();
    for message in &messages {
        sounding.observe(message);
    }
    assert_eq!(sounding.notes(), 0);
    assert!(receiver.senders() <= SENDERS);
    assert_eq!(receiver.statistics().messages, messages.len() as u64);
    for message in messages {
        let (command, behind) = Command::decode(&message).expect("a command that was encoded");
        assert_eq!(behind, []);
        let mut again = Vec::new();
        let mut receiver = Receiver::new(LIMIT);
        datagrams(command, MTU, |datagram| {
            receiver.receive(0, address(1), datagram, |command| again.push(octets(command)));
        });
        // The undefined ones end with the message behind them.
        receiver.receive(0, address(1), &[0xF6], |command| again.push(octets(command)));
        assert_eq!(again, [message, vec![0xF6]]);
    }
}

/// The messages of a stream are those of a MIDI line, however it is cut into datagrams.
pub(crate) fn cuts_do_not_count(stream: &[u8], lengths: &[u8]) {
    let mut line = Vec::new();
    Parser::new(LIMIT).push(stream, |command, _| line.push(octets(command)));
    let mut receiver = Receiver::new(LIMIT);
    let (mut messages, mut rest) = (Vec::new(), stream);
    let mut lengths = lengths.iter().cycle();
    while let Some(&length) = lengths.next().filter(|_| !rest.is_empty()) {
        let (datagram, behind) = rest.split_at(rest.len().min(1 + usize::from(length) % 30));
        receiver.receive(0, address(1), datagram, |command| messages.push(octets(command)));
        rest = behind;
    }
    assert_eq!(messages, line);
}
