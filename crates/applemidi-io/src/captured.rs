//! A session of two Macs, as it was captured, in which one of ours takes the place of one Mac, and then of the other.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::net::SocketAddr;
use std::time::Duration;

use applemidi::{Admission, Change, Clock, Config, Input, Output, Packet, Port, Received, Session, Step, TICK};
use rtp_midi::inspect::inspect;
use rtp_midi::midi::Command;
use rtp_midi::{Origin, StatusOctets};

use crate::stream::{Arrival, MTU, Stream, format};

/// A captured datagram.
struct Line {
    at: Duration,
    from_caller: bool,
    port: Port,
    octets: Vec<u8>,
}

/// The SSRC of the Mac that has invited, and the token of its invitation.
const CALLER: (u32, u32) = (0xEC64_F15D, 0x327B_23C6);

/// The SSRC of the Mac that plays.
const PLAYER: u32 = 0x54A1_9E84;

/// The sequence number of the first packet of the Mac that plays.
const FIRST: u16 = 0x4BB7;

/// What both clocks are set to, so that one of ours has the time of the Mac: a number that is drawn, and when the capture
/// begins.
const CALLER_CLOCK: (u32, Duration) = (0x0001_2480, Duration::from_micros(406_210));

/// Ticks of the Mac that plays when the capture begins.
const PLAYER_CLOCK: u64 = 0x001D_1A1D;

const SECOND: Duration = Duration::from_secs(1);

/// Within this time behind a report the Mac may not have heeded it.
const AT_ONCE: Duration = Duration::from_millis(5);

fn capture() -> Vec<Line> {
    let text = include_str!("../../applemidi/tests/data/apple-mac-to-mac.txt");
    let line = |line: &str| {
        let [seconds, way, ports, hex] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let octet = |index: usize| u8::from_str_radix(&hex[index..index + 2], 16).unwrap();
        Line {
            at: Duration::from_secs_f64(seconds.parse().unwrap()),
            from_caller: way == "A>B",
            port: if ports == "5004>5004" { Port::Control } else { Port::Data },
            octets: (0..hex.len()).step_by(2).map(octet).collect(),
        }
    };
    text.lines().filter(|line| !line.starts_with('#')).map(line).collect()
}

/// The commands of a captured packet, taken apart by hand: one octet of header, and of each delta time.
fn commands(packet: &[u8]) -> Vec<Vec<u8>> {
    let list = &packet[13..][..usize::from(packet[12] & 0x0F)];
    let mut commands = vec![list[..3].to_vec()];
    let mut rest = &list[3..];
    while let [_delta, after @ ..] = rest {
        let status = if after[0] & 0x80 == 0 { commands[0][0] } else { after[0] };
        let data = &after[usize::from(after[0] & 0x80 != 0)..];
        commands.push(vec![status, data[0], data[1]]);
        rest = &data[2..];
    }
    commands
}

/// The sequence number in `RS`, and of RTP.
fn sequence(octets: &[u8]) -> u16 {
    let at = if Packet::is(octets) { 8 } else { 2 };
    u16::from_be_bytes([octets[at], octets[at + 1]])
}

fn is_feedback(octets: &[u8]) -> bool {
    octets.starts_with(b"\xFF\xFFRS")
}

/// The times of a comparison of clocks that has come so far.
fn times(octets: &[u8], step: Step) -> Option<[u64; 3]> {
    match Packet::decode(octets) {
        Ok(Packet::Clock(clock)) if clock.step == step => Some(clock.times),
        _ => None,
    }
}

/// The captured RTP packets.
fn music() -> Vec<Line> {
    capture().into_iter().filter(|line| !Packet::is(&line.octets)).collect()
}

/// The captured reports.
fn feedback() -> impl Iterator<Item = Line> {
    capture().into_iter().filter(|line| is_feedback(&line.octets))
}

/// What one of ours has sent.
struct Sent {
    at: Duration,
    port: Port,
    octets: Vec<u8>,
}

impl Sent {
    /// What the Mac that plays would have answered to a question about its clock, so long after the capture begins.
    fn answer(&self, at: Duration) -> Option<Vec<u8>> {
        let asked = times(&self.octets, Step::Ask)?[0];
        let ticks = PLAYER_CLOCK + (at.as_nanos() / TICK.as_nanos()) as u64;
        Some(Packet::Clock(Clock { ssrc: PLAYER, step: Step::Answer, times: [asked, ticks, 0] }).octets())
    }
}

/// What one of ours has done in the place of the Mac that has invited.
#[derive(Default)]
struct Place {
    sent: Vec<Sent>,
    heard: Vec<Vec<u8>>,
    changes: Vec<Change>,
    /// Packets whose octets were not taken.
    foreign: usize,
    stream: Option<Stream>,
}

impl Place {
    /// Does what the session says; `datagram` is what it has been given last.
    fn settle(
        &mut self,
        session: &mut Session<impl FnMut() -> u32>,
        at: Duration,
        datagram: &[u8],
    ) -> Option<Duration> {
        loop {
            match session.poll() {
                Output::Send { port, octets, .. } => self.sent.push(Sent { at, port, octets }),
                Output::Change(_, change) => self.changes.push(change),
                Output::Music(id) => {
                    let stream = self
                        .stream
                        .get_or_insert_with(|| Stream::new(&format(true, StatusOctets::Running, MTU), CALLER.0, 0, 0));
                    let heard = &mut self.heard;
                    let arrival = stream.receive(datagram, |event| {
                        assert_eq!(event.origin, Origin::Stream);
                        let mut octets = Vec::new();
                        event.command.encode(&mut octets);
                        heard.push(octets);
                    });
                    match arrival {
                        Arrival::Taken(sequence) => session.handle(at, Input::Received(id, sequence)),
                        _ => self.foreign += 1,
                    }
                }
                Output::Wait(until) => return until,
            }
        }
    }
}

/// What becomes of one of ours that invites the Mac that plays, where the other Mac did.
fn in_the_place_of_the_caller() -> Place {
    let addresses = [5004, 5005].map(|port| SocketAddr::from(([192, 0, 2, 2], port)));
    let address = |port: Port| addresses[usize::from(port == Port::Data)];
    let mut draws = [CALLER.1, CALLER_CLOCK.0].into_iter();
    let config = Config { admission: Admission::Everyone, ..Config::new("imacmidi", CALLER.0) };
    let mut session = Session::new(config, move || draws.next().unwrap_or_default());
    let (mut place, mut answered, start) = (Place::default(), 0, CALLER_CLOCK.1);
    session.handle(start, Input::Invite(address(Port::Control)));
    let mut wait = place.settle(&mut session, start, &[]);
    let capture = capture();
    // The last report follows the last packet.
    let end = Line { at: capture.last().unwrap().at + SECOND, octets: Vec::new(), ..capture[1] };
    for line in capture.iter().chain([&end]).filter(|line| !line.from_caller) {
        let now = start + line.at;
        while let Some(due) = wait.filter(|due| *due <= now) {
            session.handle(due, Input::Time);
            wait = place.settle(&mut session, due, &[]);
            // We ask for its clock at other times than the Mac did, and are answered.
            let sent = place.sent.len();
            for question in std::mem::replace(&mut answered, sent)..sent {
                let Some(answer) = place.sent[question].answer(due.abs_diff(start)) else { continue };
                session.handle(due, datagram(Port::Data, address(Port::Data), &answer));
                wait = place.settle(&mut session, due, &[]);
            }
        }
        session.handle(now, datagram(line.port, address(line.port), &line.octets));
        wait = place.settle(&mut session, now, &line.octets);
    }
    place
}

const fn datagram(port: Port, from: SocketAddr, octets: &[u8]) -> Input<'_> {
    Input::Datagram { port, from, to: None, octets }
}

#[test]
fn we_invite_as_the_mac_does_and_are_taken_for_it() {
    let (capture, place) = (capture(), in_the_place_of_the_caller());
    let invitations = |octets: &[u8]| octets.starts_with(b"\xFF\xFFIN");
    let ours = place.sent.iter().filter(|sent| invitations(&sent.octets)).map(|sent| (sent.port, &sent.octets));
    let theirs = capture.iter().filter(|line| invitations(&line.octets)).map(|line| (line.port, &line.octets));
    assert_eq!(ours.collect::<Vec<_>>(), theirs.collect::<Vec<_>>());
    assert_eq!(place.changes, [Change::Invited, Change::Opened, Change::Listening]);
}

#[test]
fn what_we_say_of_our_clock_is_what_the_mac_said_to_half_a_millisecond() {
    let (capture, place) = (capture(), in_the_place_of_the_caller());
    let ours: Vec<_> = place.sent.iter().filter_map(|sent| times(&sent.octets, Step::Answer)).collect();
    let callers = capture.iter().filter(|line| line.from_caller);
    let theirs: Vec<_> = callers.filter_map(|line| times(&line.octets, Step::Answer)).collect();
    assert!(ours.len() == theirs.len() && ours.len() > 1, "{} {}", ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert!(ours[0] == theirs[0] && ours[1].abs_diff(theirs[1]) <= 5, "{ours:?} {theirs:?}");
    }
}

#[test]
fn every_packet_of_the_mac_is_heard_as_it_was_played() {
    let (music, place) = (music(), in_the_place_of_the_caller());
    assert_eq!(place.heard, music.iter().flat_map(|line| commands(&line.octets)).collect::<Vec<_>>());
    assert_eq!((music.len(), place.foreign), (42, 0));
}

#[test]
fn what_the_mac_confirmed_we_confirm_within_a_second() {
    let (music, place, start) = (music(), in_the_place_of_the_caller(), CALLER_CLOCK.1);
    let reports: Vec<&Sent> = place.sent.iter().filter(|sent| is_feedback(&sent.octets)).collect();
    for report in &reports {
        let latest = music.iter().rfind(|line| start + line.at <= report.at).unwrap();
        assert_eq!(sequence(&report.octets), sequence(&latest.octets));
        assert_eq!((report.port, report.octets.len()), (Port::Control, 12));
    }
    let theirs: Vec<u16> = feedback().map(|line| sequence(&line.octets)).collect();
    for confirmed in &theirs {
        let is_enough = |report: &&&Sent| sequence(&report.octets).wrapping_sub(*confirmed) < u16::MAX / 2;
        let report = reports.iter().find(is_enough).unwrap();
        let packet = music.iter().find(|line| sequence(&line.octets) == *confirmed).unwrap();
        assert!(report.at <= start + packet.at + SECOND, "{confirmed:#x}: {:?}", report.at);
    }
    assert!(reports.len() <= theirs.len() + 1, "{} {}", reports.len(), theirs.len());
}

#[test]
fn in_the_place_of_the_other_our_journal_reaches_back_as_far_as_that_of_the_mac() {
    let mut stream = Stream::new(&format(true, StatusOctets::Running, MTU), PLAYER, FIRST, 0);
    let (mut reported, mut compared) = (Duration::ZERO, 0);
    for line in capture() {
        let now = (line.at.as_nanos() / TICK.as_nanos()) as u32;
        let mut sent: Vec<Vec<u8>> = Vec::new();
        if is_feedback(&line.octets) {
            let received = Received(u32::from_be_bytes(line.octets[8..12].try_into().unwrap()));
            stream.confirm(now, received, &mut |octets| sent.push(octets.to_vec()));
            reported = line.at;
        } else if !Packet::is(&line.octets) {
            for command in commands(&line.octets) {
                let command = Command::decode(&command).unwrap().0;
                stream.queue(now, &command, &mut |octets| sent.push(octets.to_vec()));
            }
            stream.flush(now, &mut |octets| sent.push(octets.to_vec()));
            let [ours] = &sent[..] else { panic!("{} packets", sent.len()) };
            assert_eq!(sequence(ours), sequence(&line.octets));
            // The first packet of the Mac has no journal.
            let checkpoint = |octets: &[u8]| inspect(&octets[12..], 0).journal.map(|journal| journal.checkpoint);
            if let Some(mac) = checkpoint(&line.octets) {
                let is_heeded = line.at > reported + AT_ONCE;
                assert!(checkpoint(ours) == Some(mac) || !is_heeded, "{mac:#x}: {:x?}", checkpoint(ours));
                compared += u32::from(is_heeded);
            }
        }
    }
    assert_eq!(compared, 40);
}
