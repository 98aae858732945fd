//! A stream that is heard: one sender, whose packets wait for their times, and who is told what has come.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::time::Duration;

use rtcp_types::{
    Compound, Packet, ReceiverReport, ReportBlock, RtcpPacketWriter, RtcpPacketWriterExt, Sdes, SdesBuilder, SdesChunk,
    SdesItem,
};
use rtp_midi::midi::Command;
use rtp_midi::{Latency, Playout, Received};
use rtp_types::RtpPacket;

use super::{BURST, REPORTS};
use crate::failure::{Failure, Result};
use crate::intake::{Gate, Inlet, Seal};
use crate::interface::Interface;
use crate::rtp::{goodbye, says_goodbye};

/// What is heard.
pub(super) struct Ear {
    rtp: UdpSocket,
    /// None where RTCP comes to the socket of RTP.
    rtcp: Option<UdpSocket>,
    gate: Gate,
    /// Where packets are encrypted.
    seal: Option<Seal>,
    playout: Playout,
    clock_rate: u32,
    /// Of a stream that we send ourselves, and do not hear.
    own: Option<u32>,
    /// Ours, in reports.
    ssrc: u32,
    sender: Option<Sender>,
}

/// Who is heard.
struct Sender {
    ssrc: u32,
    /// The highest sequence number, and how often it has come round, in the upper half.
    highest: u32,
    first: u32,
    received: u32,
    /// Both when the report before was made.
    before: (u32, u32),
    /// When it counts as gone, unless it is heard before.
    until: Duration,
    /// Where its RTCP comes from, and when its latest report came with which middle of its time.
    reports: Option<(SocketAddr, Duration, u32)>,
    due: Duration,
}

/// Who says nothing for so long is gone: senders report every few seconds at least.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long commands wait at most, in nanoseconds; it is as long as the packets and the network ask for.
const DEEPEST: u64 = 1_000_000_000;

impl Ear {
    /// Listens to the stream of a description.
    pub(super) fn open(path: &Path, interface: Option<Interface>, own: Option<u32>) -> Result<Self> {
        let Inlet { rtp, rtcp, gate, config, seal } = Inlet::open(path, interface)?;
        let failed = |error: std::io::Error| Failure::new(format!("cannot listen: {error}"));
        for socket in std::iter::once(&rtp).chain(&rtcp) {
            socket.set_nonblocking(true).map_err(failed)?;
        }
        let clock_rate = config.clock_rate;
        let playout = Playout::new(config, Latency::Adaptive { least: 0, most: DEEPEST });
        Ok(Self { rtp, rtcp, gate, seal, playout, clock_rate, own, ssrc: fastrand::u32(..), sender: None })
    }

    /// Where it is.
    pub(super) fn place(&self) -> String {
        self.rtp.local_addr().map_or_else(|_| String::new(), |address| address.to_string())
    }

    pub(super) fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        std::iter::once(&self.rtp).chain(&self.rtcp).map(AsRawFd::as_raw_fd)
    }

    /// Whether somebody is heard.
    pub(super) const fn is_there(&self) -> bool {
        self.sender.is_some()
    }

    /// Takes what has come; true if there is more.
    pub(super) fn read(&mut self, at: Duration, buffer: &mut [u8]) -> bool {
        let mut has_more = false;
        for is_rtp in [true, false] {
            for time in 0..=BURST {
                let socket = if is_rtp { Some(&self.rtp) } else { self.rtcp.as_ref() };
                let Some(socket) = socket.filter(|_| time < BURST) else {
                    has_more |= time == BURST;
                    break;
                };
                match socket.recv_from(buffer) {
                    Ok((length, from)) => {
                        let datagram = &buffer[..length];
                        self.open_up(
                            at,
                            from,
                            !is_rtp || self.rtcp.is_none() && crate::rtp::is_rtcp(datagram),
                            datagram,
                        );
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    // It tells that a report of ours has reached nobody.
                    Err(_) => {}
                }
            }
        }
        has_more
    }

    /// Takes a datagram as it has come. Who an encrypted one is of is asked behind the key: what a stranger writes into a
    /// header makes no sender.
    fn open_up(&mut self, at: Duration, from: SocketAddr, is_rtcp: bool, datagram: &[u8]) {
        let opened = match self.seal.as_mut().map(|seal| seal.open(is_rtcp, datagram)) {
            Some(None) => return,
            opened => opened.flatten(),
        };
        let datagram = opened.as_deref().unwrap_or(datagram);
        if is_rtcp {
            self.take_rtcp(at, from, datagram);
        } else {
            self.take(at, from, datagram);
        }
    }

    fn take(&mut self, at: Duration, from: SocketAddr, datagram: &[u8]) {
        let Ok(packet) = RtpPacket::parse(datagram) else { return };
        if Some(packet.ssrc()) == self.own || !self.gate.admits(at, from, datagram) {
            return;
        }
        let (sequence, timestamp) = (packet.sequence_number(), packet.timestamp());
        let sender = match &mut self.sender {
            Some(sender) if sender.ssrc == packet.ssrc() => sender,
            sender => sender.insert(Sender::new(at, packet.ssrc(), sequence)),
        };
        sender.take(at, sequence);
        let received = Received { sequence, timestamp, payload: packet.payload() };
        self.playout.receive(at.as_nanos() as u64, packet.ssrc(), received);
    }

    fn take_rtcp(&mut self, at: Duration, from: SocketAddr, datagram: &[u8]) {
        if !self.gate.admits_rtcp(from.ip(), datagram) {
            return;
        }
        let Some(sender) = &mut self.sender else { return };
        let Some((ssrc, time)) = sender_report(datagram).filter(|(ssrc, _)| *ssrc == sender.ssrc) else { return };
        sender.reports = Some((from, at, (time >> 16) as u32));
        // What has come before a goodbye is played first.
        sender.until = at + if says_goodbye(datagram, ssrc) { Duration::from_nanos(DEEPEST) } else { PATIENCE };
    }

    /// Plays what is due, and reports.
    pub(super) fn wake(&mut self, at: Duration, mut play: impl FnMut(Command<'_>)) {
        let (now, jitter) = (at.as_nanos() as u64, self.jitter());
        self.playout.play(now, |cue| play(cue.event.command));
        let Some(sender) = &mut self.sender else { return };
        if sender.until <= at {
            self.playout.stop(now, |cue| play(cue.event.command));
            self.sender = None;
        } else if sender.due <= at {
            sender.due = at + REPORTS;
            if let Some((to, octets)) = sender.report(at, self.ssrc, jitter) {
                self.send(to, &octets);
            }
        }
    }

    fn jitter(&self) -> u32 {
        (self.playout.stats().jitter.saturating_mul(self.clock_rate.into()) / 1_000_000_000) as u32
    }

    /// When that has something to do.
    pub(super) fn due(&self) -> Option<Duration> {
        let sender = self.sender.as_ref()?;
        let music = self.playout.due().map(Duration::from_nanos);
        music.into_iter().chain([sender.due, sender.until]).min()
    }

    /// Says goodbye to the sender.
    pub(super) fn leave(&mut self) {
        if let Some((to, _, _)) = self.sender.as_ref().and_then(|sender| sender.reports) {
            self.send(to, &goodbye(self.ssrc));
        }
    }

    /// Sends a report. One that does not arrive is followed by the next.
    fn send(&self, to: SocketAddr, report: &[u8]) {
        let socket = self.rtcp.as_ref().unwrap_or(&self.rtp);
        let _ = match &self.seal {
            Some(seal) => seal.seal(report).map(|sealed| socket.send_to(&sealed, to)),
            None => Some(socket.send_to(report, to)),
        };
    }
}

impl Sender {
    fn new(at: Duration, ssrc: u32, sequence: u16) -> Self {
        let first = u32::from(sequence);
        let before = (first.wrapping_sub(1), 0);
        let (until, due) = (at + PATIENCE, at + REPORTS / 5);
        Self { ssrc, highest: before.0, first, received: 0, before, until, reports: None, due }
    }

    fn take(&mut self, at: Duration, sequence: u16) {
        self.until = at + PATIENCE;
        self.received = self.received.wrapping_add(1);
        let ahead = sequence.wrapping_sub(self.highest as u16);
        if ahead <= u16::MAX / 2 {
            self.highest = self.highest.wrapping_add(ahead.into());
        }
    }

    /// What has come, for whom it is from (RFC 3550, 6.4.1, A.3); `None` while nobody has reported from there.
    fn report(&mut self, at: Duration, own: u32, jitter: u32) -> Option<(SocketAddr, Vec<u8>)> {
        let (to, came, time) = self.reports?;
        let expected = self.highest.wrapping_sub(self.first).wrapping_add(1);
        let lost = expected.saturating_sub(self.received).min(0x7F_FFFF);
        let lately = self.highest.wrapping_sub(self.before.0);
        let missing = lately.saturating_sub(self.received.wrapping_sub(self.before.1));
        let fraction = (missing << 8).checked_div(lately).unwrap_or(0).min(255) as u8;
        self.before = (self.highest, self.received);
        let delay = (at.saturating_sub(came).as_secs_f64() * 65_536.0) as u32;
        let block = ReportBlock::builder(self.ssrc)
            .fraction_lost(fraction)
            .cumulative_lost(lost)
            .extended_sequence_number(self.highest)
            .interarrival_jitter(jitter)
            .last_sender_report_timestamp(time)
            .delay_since_last_sender_report_timestamp(delay);
        let report = ReceiverReport::builder(own).add_report_block(block);
        let octets = written(&Compound::builder().add_packet(report).add_packet(named(own)))?;
        Some((to, octets))
    }
}

/// Who we are (6.5.1).
pub(super) fn named(ssrc: u32) -> SdesBuilder<'static> {
    let name = SdesItem::builder(SdesItem::CNAME, "rtpmidi bridge");
    Sdes::builder().add_chunk(SdesChunk::builder(ssrc).add_item(name))
}

/// The octets of a compound packet.
pub(super) fn written(packet: &impl RtcpPacketWriter) -> Option<Vec<u8>> {
    let mut octets = vec![0; 1400];
    let length = packet.write_into(&mut octets).ok()?;
    octets.truncate(length);
    Some(octets)
}

/// Who reports in a compound packet, and its time.
fn sender_report(compound: &[u8]) -> Option<(u32, u64)> {
    let mut packets = Compound::parse(compound).ok()?;
    packets.find_map(|packet| match packet {
        Ok(Packet::Sr(report)) => Some((report.ssrc(), report.ntp_timestamp())),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_has_come_since_the_one_before_and_in_all() {
        let from = "192.0.2.1:5005".parse().unwrap();
        let mut sender = Sender::new(Duration::ZERO, 7, 65_534);
        sender.reports = Some((from, Duration::from_secs(1), 0x1234_5678));
        let told = |sender: &mut Sender, sequences: &[u16]| {
            for sequence in sequences {
                sender.take(Duration::from_secs(2), *sequence);
            }
            let (to, octets) = sender.report(Duration::from_millis(1500), 9, 3).unwrap();
            assert_eq!(to, from);
            let compound = Compound::parse(&octets).unwrap().flatten().next();
            let Some(Packet::Rr(report)) = compound else { panic!("no report") };
            let block = report.report_blocks().next().unwrap();
            assert_eq!((report.ssrc(), block.ssrc(), block.interarrival_jitter()), (9, 7, 3));
            assert_eq!(block.delay_since_last_sender_report_timestamp(), 1 << 15);
            (block.extended_sequence_number(), block.cumulative_lost(), block.fraction_lost())
        };
        // The number comes round, and one comes late.
        assert_eq!(told(&mut sender, &[65_534, 0, 65_535]), (65_536, 0, 0));
        // Two of four are missing.
        assert_eq!(told(&mut sender, &[2, 4]), (65_540, 2, 128));
        assert_eq!(told(&mut sender, &[]), (65_540, 2, 0));
    }
}
