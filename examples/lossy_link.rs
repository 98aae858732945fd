//! A sender, a bad link and a receiver in one screen: every third packet is lost, and you see what the recovery
//! journal makes up for.

use rtp_midi::midi::Command;
use rtp_midi::{Config, Origin, Outcome, Received, Receiver, Sender};

/// What is played, one packet a line, and whether the link loses it.
const MUSIC: &[(&str, &[&[u8]], bool)] = &[
    ("program 5, volume 100", &[&[0xC0, 5], &[0xB0, 7, 100]], true),
    ("C major", &[&[0x90, 60, 90], &[0x90, 64, 90], &[0x90, 67, 90]], false),
    ("bend up", &[&[0xE0, 0, 80]], true),
    ("E and G end", &[&[0x80, 64, 64], &[0x80, 67, 64]], true),
    ("pedal down", &[&[0xB0, 64, 127]], false),
    ("C ends, pedal up", &[&[0x80, 60, 64], &[0xB0, 64, 0]], true),
    ("(silence: a guard packet)", &[], false),
];

fn main() -> Result<(), rtp_midi::Error> {
    let mut sender = Sender::new(Config::new(44_100), 1);
    let mut receiver = Receiver::new(Config::new(44_100));
    for ((what, commands, lost), time) in MUSIC.iter().zip((0..).step_by(22_050)) {
        for octets in *commands {
            sender.queue(time, Command::decode(octets)?.0).expect("a packet has room for a chord");
        }
        let mut payload = Vec::new();
        let packet = sender.packet(time, &mut payload);
        println!("packet {}  {what}{}", packet.sequence, if *lost { "  LOST" } else { "" });
        if *lost {
            continue;
        }
        let received = Received { sequence: packet.sequence, timestamp: packet.timestamp, payload: &payload };
        let outcome = receiver.receive(received, |event| {
            let origin = if event.origin == Origin::Repair { "repaired" } else { "received" };
            println!("          {origin}  {:?}", event.command);
        });
        if let Outcome::Repaired { lost, commands } = outcome {
            println!("          {lost} lost, {commands} commands made up for, {} octets of journal", packet.journal);
        }
    }
    println!("notes that hang: {}", receiver.sounding());
    Ok(())
}
