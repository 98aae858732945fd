//! Who plays to our port: what each of them leaves sounding, and the System Exclusive that is on its way from each.

use std::collections::HashMap;

use alsa::seq::{Addr, Connect, Event, EventType};
use rtp_midi::midi::{Found, Intake, Sounding};

use crate::announcements::Gone;
use crate::message;

/// All of them. There are as many as the system has ports.
#[derive(Debug)]
pub(crate) struct Senders {
    known: HashMap<Addr, Sender>,
    /// Most data octets of a System Exclusive.
    limit: usize,
    /// Pieces of System Exclusives that were too long, or came without their beginning.
    dropped: u64,
}

#[derive(Debug)]
struct Sender {
    sounding: Sounding,
    sysex: Intake,
}

impl Senders {
    pub(crate) fn new(limit: usize) -> Self {
        Self { known: HashMap::new(), limit, dropped: 0 }
    }

    /// Takes an event, and gives the messages that it means to `out`: of a sender that goes those that let go what it
    /// holds.
    pub(crate) fn take(&mut self, event: &Event<'_>, out: &mut Vec<Vec<u8>>) {
        if let Some(gone) = Gone::of(event) {
            self.part(|sender| gone.includes(sender), out);
        } else if event.get_type() == EventType::PortUnsubscribed {
            let connection = event.get_data::<Connect>();
            self.part(|sender| connection.is_some_and(|it| it.sender == sender), out);
        } else {
            self.play(event, out);
        }
    }

    fn play(&mut self, event: &Event<'_>, out: &mut Vec<Vec<u8>>) {
        let limit = self.limit;
        let new = || Sender { sounding: Sounding::default(), sysex: Intake::new(limit) };
        if event.get_type() == EventType::Sysex {
            let sender = self.known.entry(event.get_source()).or_insert_with(new);
            let piece = event.get_ext().unwrap_or_default();
            let found = sender.sysex.take(piece, |command| {
                let mut octets = Vec::new();
                command.encode(&mut octets);
                out.push(octets);
            });
            self.dropped += u64::from(found == Found::Stray);
            return;
        }
        message::messages(event, |octets| {
            self.known.entry(event.get_source()).or_insert_with(new).sounding.observe(octets);
            out.push(octets.to_vec());
        });
    }

    /// Lets go what all hold, and forgets what is on its way: something was lost.
    pub(crate) fn release(&mut self, out: &mut Vec<Vec<u8>>) {
        self.part(|_| true, out);
    }

    fn part(&mut self, goes: impl Fn(Addr) -> bool, out: &mut Vec<Vec<u8>>) {
        self.known.retain(|address, sender| {
            let goes = goes(*address);
            if goes {
                out.extend(sender.sounding.release().iter().map(|message| message.to_vec()));
            }
            !goes
        });
    }

    /// Pieces of System Exclusives that were of no use.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp_midi::midi::Command;

    fn played(octets: &[u8], port: i32) -> Event<'static> {
        let mut event = message::event(&Command::decode(octets).unwrap().0).unwrap();
        event.set_source(port);
        event
    }

    fn piece(octets: &[u8], port: i32) -> Event<'_> {
        let mut event = message::chunk(octets);
        event.set_source(port);
        event
    }

    fn heard(senders: &mut Senders, events: &[Event<'_>]) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        for event in events {
            senders.take(event, &mut out);
        }
        out
    }

    fn left(port: i32) -> Event<'static> {
        let [sender, dest] = [port, 9].map(|port| Addr { client: 0, port });
        Event::new(EventType::PortUnsubscribed, &Connect { sender, dest })
    }

    #[test]
    fn system_exclusives_of_several_senders_are_joined_apart() {
        let mut senders = Senders::new(100);
        let events = [
            piece(&[0xF0, 1, 2], 1),
            piece(&[0xF0, 8], 2),
            played(&[0xF8], 1),
            piece(&[3, 0xF7], 1),
            piece(&[9, 0xF7], 2),
        ];
        assert_eq!(heard(&mut senders, &events), [vec![0xF8], vec![0xF0, 1, 2, 3, 0xF7], vec![0xF0, 8, 9, 0xF7]]);
        assert_eq!(senders.dropped(), 0);
    }

    #[test]
    fn one_that_is_too_long_is_dropped_and_the_next_one_comes() {
        let mut senders = Senders::new(3);
        let events =
            [piece(&[0xF0, 1, 2], 1), piece(&[3, 4], 1), piece(&[5, 0xF7], 1), piece(&[0xF0, 1, 2, 3, 0xF7], 1)];
        assert_eq!(heard(&mut senders, &events), [[0xF0, 1, 2, 3, 0xF7]]);
        assert_eq!(senders.dropped(), 2);
    }

    #[test]
    fn who_leaves_lets_go_of_the_own_notes_alone() {
        let mut senders = Senders::new(100);
        heard(&mut senders, &[played(&[0x90, 60, 1], 1), played(&[0x91, 62, 1], 2), played(&[0xB1, 64, 127], 2)]);
        assert_eq!(heard(&mut senders, &[left(2)]), [[0xB1, 64, 0], [0x81, 62, 64]]);
        assert_eq!(heard(&mut senders, &[left(2)]), Vec::<Vec<u8>>::new());
        let gone = Event::new(EventType::ClientExit, &Addr { client: 0, port: 0 });
        assert_eq!(heard(&mut senders, &[gone]), [[0x80, 60, 64]]);
    }

    #[test]
    fn a_loss_ends_what_sounds_and_what_was_on_its_way() {
        let mut senders = Senders::new(100);
        heard(&mut senders, &[played(&[0x90, 60, 1], 1), piece(&[0xF0, 1, 2], 1)]);
        let mut out = Vec::new();
        senders.release(&mut out);
        assert_eq!(out, [[0x80, 60, 64]]);
        assert_eq!(heard(&mut senders, &[piece(&[3, 0xF7], 1)]), Vec::<Vec<u8>>::new());
        assert_eq!(senders.dropped(), 1);
    }
}
