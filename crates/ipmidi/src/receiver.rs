//! Datagrams as commands, for each sender by itself.

use std::net::SocketAddr;

use rtp_midi::midi::{Command, End, Parser, Part, Sounding, System};

/// Most senders that are told apart.
pub const SENDERS: usize = 64;

/// A usual limit for the data octets of a System Exclusive.
pub const LIMIT: usize = 1 << 18;

/// Milliseconds after which half a message is given up.
const PATIENCE: u64 = 2000;

/// Milliseconds of silence after which a sender is gone that has sent Active Sensing. It promises a message every
/// 300 ms by that, of which the network may lose some.
const SENSING: u64 = 1000;

/// Most data octets at the start of a datagram that are taken for messages with running status. Where there are more,
/// the start of a System Exclusive has been lost, and they would be played as notes.
const RUNNING: usize = 32;

/// Reads the datagrams of one MIDI port.
///
/// Each sender has a parser of its own, so what is in several datagrams is put together, whatever others send between
/// them. A System Exclusive comes out whole or not at all. With more than [`SENDERS`] senders the one that has been
/// silent longest is forgotten, and so is half a message after two seconds; so memory is bounded, to the limit of a
/// System Exclusive for each sender.
///
/// Nobody says goodbye here. A sender that goes leaves its notes sounding, so they are let go when its silence tells that
/// it is gone: see [`Receiver::expire`].
#[derive(Clone, Debug)]
pub struct Receiver {
    senders: Vec<Sender>,
    limit: usize,
    silence: Option<u64>,
    statistics: Statistics,
}

/// What has been heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Statistics {
    /// Datagrams.
    pub datagrams: u64,
    /// Messages that came out.
    pub messages: u64,
    /// Octets that belonged to no message.
    pub stray: u64,
    /// System Exclusives that were too long, or whose end never came.
    pub dropped: u64,
    /// Senders that were forgotten for others.
    pub forgotten: u64,
    /// Senders whose silence told that they were gone.
    pub lost: u64,
}

#[derive(Clone, Debug)]
struct Sender {
    address: SocketAddr,
    heard: u64,
    parser: Parser,
    sounding: Sounding,
    /// It has sent Active Sensing.
    senses: bool,
}

impl Receiver {
    /// A receiver that drops System Exclusives with more than `limit` data octets.
    pub fn new(limit: usize) -> Self {
        Self { senders: Vec::new(), limit, silence: None, statistics: Statistics::default() }
    }

    /// Takes so many milliseconds of silence for the end of a sender that holds notes, whether or not it has sent Active
    /// Sensing.
    #[must_use]
    pub fn with_silence(self, silence: Option<u64>) -> Self {
        Self { silence, ..self }
    }

    /// What has been heard so far.
    pub const fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Senders that are told apart now.
    pub const fn senders(&self) -> usize {
        self.senders.len()
    }

    /// Takes a datagram that came at `at`, in milliseconds, and gives `out` each message that it completes; before them
    /// those that let go what a sender held that makes room.
    pub fn receive(&mut self, at: u64, from: SocketAddr, datagram: &[u8], mut out: impl FnMut(Command<'_>)) {
        self.statistics.datagrams += 1;
        let index = self.find(at, from, &mut out);
        let statistics = &mut self.statistics;
        let sender = &mut self.senders[index];
        if at.saturating_sub(sender.heard) > PATIENCE && sender.parser.in_command() {
            statistics.dropped += u64::from(sender.parser.in_sysex());
            sender.parser.reset();
        }
        sender.heard = at;
        let tail = lost_tail(datagram);
        let datagram = if sender.parser.in_sysex() || tail == 0 {
            datagram
        } else {
            statistics.stray += tail as u64;
            statistics.dropped += 1;
            sender.parser.reset();
            &datagram[tail..]
        };
        let (before, mut octets) = (sender.parser.stray(), Vec::new());
        sender.parser.push(datagram, |command, _| {
            if let Command::System(System::SysEx(segment)) = command
                && segment.part != Part::Whole(End::Eox)
            {
                // The pieces of one that is too long count once.
                statistics.dropped += u64::from(matches!(segment.part, Part::First | Part::Whole(_)));
                return;
            }
            statistics.messages += 1;
            sender.senses |= matches!(command, Command::System(System::ActiveSense));
            if command.voice().is_some() || matches!(command, Command::System(System::Reset)) {
                octets.clear();
                command.encode(&mut octets);
                sender.sounding.observe(&octets);
            }
            out(command);
        });
        statistics.stray += sender.parser.stray() - before;
    }

    /// Forgets the senders that are gone at `at`, as far as their silence tells, and gives `out` what lets go what they
    /// held. To be called a few times a second.
    pub fn expire(&mut self, at: u64, mut out: impl FnMut(Command<'_>)) {
        let Self { senders, silence, statistics, .. } = self;
        senders.retain(|sender| {
            let silent = at.saturating_sub(sender.heard);
            let holds = sender.sounding != Sounding::default();
            let is_lost = sender.senses && silent > SENSING || silence.is_some_and(|silence| holds && silent > silence);
            if is_lost {
                statistics.lost += 1;
                statistics.dropped += u64::from(sender.parser.in_sysex());
                statistics.messages += sender.let_go(&mut out);
            }
            !is_lost
        });
    }

    /// Forgets all senders.
    pub fn reset(&mut self) {
        self.senders.clear();
    }

    /// The place of a sender, which may be a new one.
    fn find(&mut self, at: u64, address: SocketAddr, out: impl FnMut(Command<'_>)) -> usize {
        if let Some(index) = self.senders.iter().position(|sender| sender.address == address) {
            return index;
        }
        let sounding = Sounding::default();
        let sender = Sender { address, heard: at, parser: Parser::new(self.limit), sounding, senses: false };
        let oldest = (0..self.senders.len()).min_by_key(|&index| self.senders[index].heard);
        match oldest {
            Some(index) if self.senders.len() == SENDERS => {
                self.statistics.forgotten += 1;
                let before = std::mem::replace(&mut self.senders[index], sender);
                self.statistics.dropped += u64::from(before.parser.in_sysex());
                self.statistics.messages += before.let_go(out);
                index
            }
            _ => {
                self.senders.push(sender);
                self.senders.len() - 1
            }
        }
    }
}

impl Sender {
    /// Gives `out` what lets go what is held, and returns how many messages that is.
    fn let_go(&self, mut out: impl FnMut(Command<'_>)) -> u64 {
        let release = self.sounding.release();
        release.iter().filter_map(|octets| Command::decode(octets).ok()).for_each(|(command, _)| out(command));
        release.len() as u64
    }
}

/// How many octets at the start of a datagram are the rest of a System Exclusive, where none is open.
fn lost_tail(datagram: &[u8]) -> usize {
    let is_status = |octet: &u8| (0x80..0xF8).contains(octet);
    let status = datagram.iter().position(is_status);
    let leading = status.unwrap_or(datagram.len());
    match status {
        Some(end) if datagram[end] == 0xF7 => end + 1,
        _ if leading > RUNNING => leading,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, host], 40_000))
    }

    /// What comes out of datagrams, each with its sender and its time.
    fn heard(receiver: &mut Receiver, datagrams: &[(u64, u8, &[u8])]) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        for (at, host, datagram) in datagrams {
            receiver.receive(*at, address(*host), datagram, |command| {
                let mut octets = Vec::new();
                command.encode(&mut octets);
                messages.push(octets);
            });
        }
        messages
    }

    fn of_one(datagrams: &[&[u8]]) -> Vec<Vec<u8>> {
        let datagrams: Vec<_> = datagrams.iter().map(|datagram| (0, 1, *datagram)).collect();
        heard(&mut Receiver::new(100), &datagrams)
    }

    #[test]
    fn several_messages_and_running_status_are_taken_in_one_datagram_and_over_several() {
        let notes = [vec![0x90, 5, 5], vec![0x90, 6, 6], vec![0x91, 7, 7]];
        assert_eq!(of_one(&[&[0x90, 5, 5, 6, 6, 0x91, 7, 7]]), notes);
        assert_eq!(of_one(&[&[0x90, 5, 5], &[6, 6], &[0x91, 7], &[7]]), notes);
    }

    #[test]
    fn a_system_exclusive_over_several_datagrams_comes_out_whole_and_real_time_inside_it_at_once() {
        let expected = [vec![0xF8], vec![0xF0, 1, 2, 3, 4, 0xF7]];
        assert_eq!(of_one(&[&[0xF0, 1, 2], &[3, 0xF8, 4], &[0xF7]]), expected);
        assert_eq!(of_one(&[&[0xF0, 1, 2], &[0xF8], &[3, 4, 0xF7]]), expected);
    }

    #[test]
    fn senders_do_not_mix() {
        let mut receiver = Receiver::new(100);
        let datagrams: [(_, _, &[u8]); 5] =
            [(0, 1, &[0xF0, 1]), (0, 2, &[0x90, 60, 64]), (0, 1, &[2]), (0, 2, &[62, 64]), (0, 1, &[0xF7])];
        assert_eq!(heard(&mut receiver, &datagrams), [vec![0x90, 60, 64], vec![0x90, 62, 64], vec![0xF0, 1, 2, 0xF7]]);
        assert_eq!(receiver.senders(), 2);
    }

    #[test]
    fn the_rest_of_a_system_exclusive_whose_start_was_lost_is_not_played_as_notes() {
        let mut receiver = Receiver::new(100);
        let long = [1; 256];
        let datagrams: [(_, _, &[u8]); 4] =
            [(0, 1, &[0x90, 60, 64]), (0, 1, &long), (0, 1, &[1, 2, 0xF7, 0x80, 60, 64]), (0, 1, &[0xC0, 1])];
        assert_eq!(heard(&mut receiver, &datagrams), [vec![0x90, 60, 64], vec![0x80, 60, 64], vec![0xC0, 1]]);
        assert_eq!(receiver.statistics().stray, 259);
    }

    #[test]
    fn one_that_is_too_long_or_never_ends_is_dropped_and_counted_once() {
        let mut receiver = Receiver::new(3);
        let datagrams: [(_, _, &[u8]); 6] = [
            (0, 1, &[0xF0, 1, 2, 3, 4, 5, 6, 7, 8, 0xF7]),
            (0, 1, &[0xF0, 1, 2]),
            (0, 1, &[0x90, 60, 64]),
            (0, 1, &[0xF0, 1]),
            (3000, 1, &[2, 0xF7]),
            (3000, 1, &[0xF0, 3, 0xF7]),
        ];
        assert_eq!(heard(&mut receiver, &datagrams), [vec![0x90, 60, 64], vec![0xF0, 3, 0xF7]]);
        // The rest of the one that was given up counts again: it might be the rest of another.
        assert_eq!(receiver.statistics().dropped, 4);
    }

    #[test]
    fn the_sender_that_was_silent_longest_makes_room() {
        let mut receiver = Receiver::new(100);
        for host in 0..=SENDERS {
            receiver.receive(host as u64, address(host as u8), &[0xF0, 1], |_| {});
        }
        assert_eq!((receiver.senders(), receiver.statistics().forgotten), (SENDERS, 1));
        assert_eq!(heard(&mut receiver, &[(99, 1, &[0xF7]), (99, 0, &[2, 0xF7])]), [vec![0xF0, 1, 0xF7]]);
    }

    #[test]
    fn what_it_held_is_let_go_when_it_makes_room() {
        let mut receiver = Receiver::new(100);
        heard(&mut receiver, &[(0, 0, &[0x90, 60, 1])]);
        for host in 1..SENDERS {
            receiver.receive(host as u64, address(host as u8), &[0xFE], |_| {});
        }
        let datagram: &[u8] = &[0x90, 61, 1];
        assert_eq!(heard(&mut receiver, &[(99, 200, datagram)]), [[0x80, 60, 64], [0x90, 61, 1]]);
    }

    fn expired(receiver: &mut Receiver, at: u64) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        receiver.expire(at, |command| {
            let mut octets = Vec::new();
            command.encode(&mut octets);
            messages.push(octets);
        });
        messages
    }

    #[test]
    fn a_sender_of_active_sensing_that_falls_silent_holds_nothing_any_more() {
        let mut receiver = Receiver::new(100);
        heard(&mut receiver, &[(0, 1, &[0x90, 60, 1, 0xB0, 64, 127, 0xFE]), (0, 2, &[0x90, 62, 1])]);
        assert!(expired(&mut receiver, SENSING).is_empty());
        assert_eq!(expired(&mut receiver, SENSING + 1), [[0xB0, 64, 0], [0x80, 60, 64]]);
        // It has stayed silent since, and is a new one when it comes back.
        assert!(expired(&mut receiver, 9 * SENSING).is_empty());
        assert_eq!((receiver.senders(), receiver.statistics().lost), (1, 1));
    }

    #[test]
    fn any_message_keeps_a_sender() {
        let mut receiver = Receiver::new(100);
        heard(&mut receiver, &[(0, 1, &[0x90, 60, 1, 0xFE]), (900, 1, &[0xF8])]);
        assert!(expired(&mut receiver, 900 + SENSING).is_empty());
    }

    #[test]
    fn silence_ends_what_is_held_where_that_is_wished_and_forgets_nobody_who_holds_nothing() {
        let mut receiver = Receiver::new(100).with_silence(Some(5000));
        heard(&mut receiver, &[(0, 1, &[0x90, 60, 1]), (0, 2, &[0x90, 62, 1, 62, 0]), (1, 3, &[0x90, 64, 1])]);
        assert!(expired(&mut receiver, 5000).is_empty());
        assert_eq!(expired(&mut receiver, 5001), [[0x80, 60, 64]]);
        assert_eq!((receiver.senders(), receiver.statistics().lost), (2, 1));
    }
}
