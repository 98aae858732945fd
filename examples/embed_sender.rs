//! RTP MIDI inside an application that has its own sockets and its own clock, a VoIP program say: the protocol crate
//! alone, without GStreamer. Plays a scale to the address given, or to 127.0.0.1:5004, and prints each packet.
//!
//! Listen with `rtpmidi listen`, or with the receiving pipeline of the README.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use rtp_midi::midi::Command;
use rtp_midi::{Config, Sender};

const CLOCK_RATE: u32 = 44_100;
const PAYLOAD_TYPE: u8 = 96;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let to = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5004".into());
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    let start = Instant::now();
    // An application draws these at random (RFC 3550, 5.1).
    let (ssrc, first_sequence) = (std::process::id(), std::process::id() as u16);
    let mut sender = Sender::new(Config::new(CLOCK_RATE), first_sequence);
    let send = |sender: &mut Sender, time: u32| -> std::io::Result<()> {
        let mut payload = Vec::new();
        let packet = sender.packet(time, &mut payload);
        let mut datagram = vec![0x80, u8::from(packet.marker) << 7 | PAYLOAD_TYPE];
        datagram.extend(packet.sequence.to_be_bytes());
        datagram.extend(packet.timestamp.to_be_bytes());
        datagram.extend(ssrc.to_be_bytes());
        datagram.extend(payload);
        println!(
            "packet {} at {}: {} octets, {} of them journal",
            packet.sequence,
            packet.timestamp,
            datagram.len(),
            packet.journal
        );
        socket.send_to(&datagram, &to).map(drop)
    };
    println!("a scale to {to}");
    for note in [60_u8, 62, 64, 65, 67, 69, 71, 72] {
        for (octets, pause) in [([0x90, note, 90], 300), ([0x80, note, 64], 50)] {
            let now = rtp_time(start);
            sender.queue(now, Command::decode(&octets)?.0)?;
            send(&mut sender, now)?;
            std::thread::sleep(Duration::from_millis(pause));
        }
    }
    // The last NoteOff may be lost: guard packets repeat it in their journals.
    while let Some(due) = sender.due() {
        let wait = due.wrapping_sub(rtp_time(start));
        if wait < u32::MAX / 2 {
            std::thread::sleep(Duration::from_secs_f64(f64::from(wait) / f64::from(CLOCK_RATE)));
        }
        send(&mut sender, due)?;
    }
    Ok(())
}

fn rtp_time(start: Instant) -> u32 {
    (start.elapsed().as_secs_f64() * f64::from(CLOCK_RATE)) as u64 as u32
}
