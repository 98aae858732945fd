//! A receiver that comes late to a closed loop, and when it learns what was set before (RFC 6295, C.2.2.2).

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use rtp_midi::midi::{Command, Voice};
use rtp_midi::{Config, Received, Receiver, Sender};

const RATE: u32 = 1000;

/// Whether a receiver that joined at packet 10, and whose first report came `silence` later, has heard of a volume that
/// was set before it came.
fn learns_the_volume(multicast: bool, silence: u32) -> bool {
    let config = Config { multicast, ..Config::new(RATE) };
    let (mut sender, mut receiver) = (Sender::new(config.clone(), 1), Receiver::new(config));
    let (volume, _) = Command::decode(&[0xB0, 7, 90]).unwrap();
    let (note, _) = Command::decode(&[0x90, 60, 1]).unwrap();
    let mut heard = false;
    for packet in 0..100_u32 {
        let time = packet * 1000;
        sender.queue(time, if packet == 0 { volume } else { note }).unwrap();
        let mut payload = Vec::new();
        let sent = sender.packet(time, &mut payload);
        sender.acknowledge(1, sent.sequence.into());
        if packet >= 10 {
            let received = Received { sequence: sent.sequence, timestamp: sent.timestamp, payload: &payload };
            receiver.receive(received, |event| {
                let is_volume =
                    |voice| matches!(voice, Voice::ControlChange { controller, .. } if controller.get() == 7);
                heard |= matches!(event.command, Command::Channel(_, voice) if is_volume(voice));
            });
            if time >= 10_000 + silence {
                sender.acknowledge(2, sent.sequence.into());
            }
        }
    }
    heard
}

#[test]
fn a_receiver_learns_what_was_set_before_it_came() {
    assert!(learns_the_volume(false, 3000) && learns_the_volume(true, 3000));
}

#[test]
fn in_multicast_it_never_takes_for_granted_that_the_sender_knows_of_it() {
    assert!(!learns_the_volume(false, 60_000), "in unicast the sender has heard of it by then");
    assert!(learns_the_volume(true, 60_000));
}
