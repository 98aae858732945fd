//! Laws of raw multicast MIDI, for any octets from anyone.

mod laws;

use ipmidi::{Receiver, datagrams};
use proptest::prelude::*;
use rtp_midi::midi::Command;

/// A message that a MIDI line knows.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let data = || 0..0x80_u8;
    prop_oneof![
        (0x80..0xC0_u8, data(), data()).prop_map(|(status, first, second)| vec![status, first, second]),
        (0xC0..0xE0_u8, data()).prop_map(|(status, first)| vec![status, first]),
        (data(), data()).prop_map(|(first, second)| vec![0xF2, first, second]),
        prop::sample::select(&[0xF6, 0xF8, 0xFA, 0xFB, 0xFC, 0xFE, 0xFF][..]).prop_map(|status| vec![status]),
        prop::collection::vec(data(), 0..laws::LIMIT).prop_map(|data| [&[0xF0], &data[..], &[0xF7]].concat()),
    ]
}

proptest! {
    #[test]
    fn messages_of_several_senders_arrive_whole_in_datagrams_of_any_size(
        messages in prop::collection::vec((message(), 0..4_u8), 0..40), most in 1..60_usize,
    ) {
        let mut receiver = Receiver::new(laws::LIMIT);
        // Datagrams of the senders in turn, so that long messages of one are mixed with those of the others.
        let mut queues = vec![Vec::new(); 4];
        for (message, host) in &messages {
            let (command, _) = Command::decode(message).unwrap();
            datagrams(command, most, |datagram| queues[usize::from(*host)].push(datagram.to_vec()));
        }
        let longest = queues.iter().map(Vec::len).max().unwrap_or(0);
        let mut heard = vec![Vec::new(); 4];
        for turn in 0..longest {
            for (host, queue) in (0..).zip(&queues) {
                let Some(datagram) = queue.get(turn) else { continue };
                receiver.receive(turn as u64, laws::address(host), datagram, |command| {
                    heard[usize::from(host)].push(laws::octets(command));
                });
            }
        }
        for (host, heard) in (0..).zip(heard) {
            let of_host = messages.iter().filter(|(_, of)| *of == host).map(|(message, _)| message.clone());
            prop_assert_eq!(heard, of_host.collect::<Vec<_>>());
        }
        prop_assert_eq!((receiver.statistics().stray, receiver.statistics().dropped), (0, 0));
    }

    #[test]
    fn a_stream_may_be_cut_anywhere(
        messages in prop::collection::vec(message(), 0..30), lengths in prop::collection::vec(any::<u8>(), 1..20),
    ) {
        laws::cuts_do_not_count(&messages.concat(), &lengths);
    }

    #[test]
    fn any_octets_leave_a_receiver_within_its_bounds(stream in prop::collection::vec(any::<u8>(), 0..600)) {
        laws::whatever_comes_out_can_be_sent_again(&stream);
    }

    #[test]
    fn so_do_octets_that_are_mostly_data(stream in prop::collection::vec(prop_oneof![9 => 0..0x80_u8, 1 => any::<u8>()], 0..600)) {
        laws::whatever_comes_out_can_be_sent_again(&stream);
    }
}
