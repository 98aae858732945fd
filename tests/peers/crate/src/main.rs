//! The crate `rtpmidi` as a peer: `crate-peer host PORT`, or `crate-peer join PORT HOST:PORT`.
//!
//! Each line of stdin is what goes out in one packet: messages in hexadecimal digits with commas between them. At its end
//! the peer says goodbye. It prints `open`, `heard OCTETS` and `closed`.

use std::env::args;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use midi_types::MidiMessage;
use rtpmidi::packets::midi_packets::midi_event::MidiEvent;
use rtpmidi::packets::midi_packets::rtp_midi_message::RtpMidiMessage;
use rtpmidi::sessions::events::event_handling::{
    MidiMessageEvent, ParticipantJoinedEvent, ParticipantLeftEvent, SysExPacketEvent,
};
use rtpmidi::sessions::invite_responder::InviteResponder;
use rtpmidi::sessions::rtp_midi_session::RtpMidiSession;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::sync::Notify;
use tokio::time::timeout;

/// Any.
const SSRC: u32 = 0x0102_0304;

/// How long an invitation waits for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = args().nth(2).ok_or("no port")?.parse()?;
    let session = RtpMidiSession::start(port, "crate", SSRC, InviteResponder::Accept).await?;
    session.add_listener(MidiMessageEvent, |(message, _)| heard(&message_octets(message))).await;
    session.add_listener(SysExPacketEvent, heard).await;
    let joined = Arc::new(Notify::new());
    let notify = joined.clone();
    let join = move |_: &_| {
        println!("open");
        notify.notify_one();
    };
    session.add_listener(ParticipantJoinedEvent, join).await;
    session.add_listener(ParticipantLeftEvent, |_| println!("closed")).await;
    if let Some(address) = args().nth(3) {
        let address = address.parse()?;
        // It invites but once, and misses an answer that comes at once.
        loop {
            session.invite_participant(address).await;
            if timeout(PATIENCE, joined.notified()).await.is_ok() {
                break;
            }
        }
    }
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let messages: Vec<Vec<u8>> = line.split(',').map(octets).collect::<Result<_, _>>()?;
        let events: Vec<MidiEvent<'_>> = messages.iter().map(|octets| event(octets)).collect::<Result<_, _>>()?;
        session.send_midi_batch(&events).await?;
    }
    session.stop_gracefully().await;
    Ok(())
}

/// A message without a delta time.
fn event(octets: &[u8]) -> std::io::Result<MidiEvent<'_>> {
    match octets {
        [0xF0, data @ .., 0xF7] => Ok(MidiEvent::new(Some(0), RtpMidiMessage::SysEx(data))),
        octets => MidiEvent::from_be_bytes(octets, false, None).map(|(event, _)| event),
    }
}

/// The crate writes no messages but those of channels.
fn message_octets(message: MidiMessage) -> Vec<u8> {
    match message {
        MidiMessage::TimingClock => vec![0xF8],
        MidiMessage::ActiveSensing => vec![0xFE],
        message => {
            let mut octets = BytesMut::new();
            RtpMidiMessage::from(message).write(&mut octets, None);
            octets.to_vec()
        }
    }
}

fn heard(octets: &[u8]) {
    let digits: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    println!("heard {digits}");
}

fn octets(line: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let octet = |at: usize| Ok(u8::from_str_radix(line.get(at..at + 2).ok_or("half an octet")?, 16)?);
    (0..line.len()).step_by(2).map(octet).collect()
}
