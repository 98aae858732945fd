//! A stream that is sent: what is played goes out with a recovery journal, which follows the reports of whoever hears it;
//! in multicast it reaches back to the first packet.

use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gstipmidi::Reach;
use rtcp_types::{Bye, Compound, Packet as Rtcp, SenderReport};
use rtp_midi::midi::{Command, Segment, Sounding, System};
use rtp_midi::{Config, Journal, Policy, Refusal, Sender};
use rtp_midi_sdp::{Address, Direction, Host, Media, Session, Stream, Transport};
use rtp_types::RtpPacketBuilder;

use super::ear::{named, written};
use super::{BURST, REPORTS};
use crate::cmd::bridge::config;
use crate::description::{CLOCK_RATE, PAYLOAD_TYPE, TOOL, origin};
use crate::destination::{Destination, local_address};
use crate::failure::{Failure, Result};
use crate::interface::Interface;
use crate::replace::{Readers, replace};
use crate::rtp::{reporter, says_goodbye};
use crate::sap::Announcements;

/// What is sent.
pub(super) struct Mouth {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    to: SocketAddr,
    /// They are deleted with it.
    _announcements: Option<Announcements>,
    ssrc: u32,
    /// The RTP time at which all began.
    start: u32,
    sender: Sender,
    /// Commands for which the journal has no room yet, and since when.
    waiting: VecDeque<Vec<u8>>,
    waiting_since: Option<Duration>,
    waiting_octets: usize,
    /// Who reports, and when he did last.
    reporters: BTreeMap<u32, Duration>,
    sounding: Sounding,
    /// When the next report is due.
    due: Duration,
    packets: u32,
    octets: u32,
}

/// How often a stream is announced.
const ANNOUNCED: Duration = Duration::from_secs(5);

/// So many may report; it is one host.
const REPORTERS: usize = 16;

/// Who does not report for so long is gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long commands wait for reports.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Octets of commands that may wait.
const MOST_WAITING: usize = 1 << 18;

impl Mouth {
    /// Opens the way to a destination, and describes what goes there.
    pub(super) fn open(
        at: Duration,
        to: &Destination,
        config: &config::Streams,
        interface: Option<&Interface>,
    ) -> Result<Self> {
        let to = to.resolve()?;
        let failed = |error: std::io::Error| Failure::new(format!("cannot send to {to}: {error}"));
        let reach = Reach { ttl: config.ttl.into(), is_looped: true };
        let by = interface.map(|it| gstipmidi::Interface { index: it.index, v4: it.v4 });
        let open = || {
            let (socket, _) = gstipmidi::mouth(to, by, reach)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        let (rtp, rtcp) = (open().map_err(failed)?, open().map_err(failed)?);
        let mut format = Config { multicast: to.ip().is_multicast(), ..Config::new(CLOCK_RATE) };
        if format.multicast {
            format.set_journal(Journal::Recovery(Policy::Anchor));
        }
        let mut announcements = None;
        if config.sdp.is_some() || config.announce {
            let from = local_address(to, interface).unwrap_or(to.ip());
            let ttl = Some(config.ttl).filter(|_| format.multicast);
            let address = Some(Address { host: Host::Ip(to.ip()), ttl });
            let transport = Transport { address, ..Transport::to_port(to.port()) };
            let stream = Stream::of(PAYLOAD_TYPE, &format, &transport);
            let session = Session {
                origin: Some(origin(from)),
                tool: Some(TOOL.to_owned()),
                direction: Direction::ReceiveOnly,
                media: vec![Media::new(transport, Direction::ReceiveOnly, vec![stream])],
                ..Session::new(&config.name)
            };
            if let Some(path) = &config.sdp {
                replace(path, session.print(), Readers::Usual)?;
            }
            if config.announce {
                if !format.multicast {
                    return Err(Failure::new(format!("{} is announced, and {to} is no group", config.name))
                        .hint("udp://239.255.1.2:5004 is a group of the local network"));
                }
                announcements = Some(Announcements::start(&[(to.ip(), session)], ANNOUNCED, interface)?);
            }
        }
        Ok(Self {
            rtp,
            rtcp,
            to,
            _announcements: announcements,
            ssrc: fastrand::u32(..),
            start: fastrand::u32(..),
            sender: Sender::new(format, fastrand::u16(..)),
            waiting: VecDeque::new(),
            waiting_since: None,
            waiting_octets: 0,
            reporters: BTreeMap::new(),
            sounding: Sounding::default(),
            due: at,
            packets: 0,
            octets: 0,
        })
    }

    /// The synchronization source of the stream.
    pub(super) const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Where it goes.
    pub(super) fn place(&self) -> String {
        self.to.to_string()
    }

    /// What is readable when a report has come.
    pub(super) fn descriptor(&self) -> RawFd {
        self.rtcp.as_raw_fd()
    }

    /// Takes reports; true if there are more.
    pub(super) fn read(&mut self, at: Duration, buffer: &mut [u8]) -> bool {
        for _ in 0..BURST {
            match self.rtcp.recv_from(buffer) {
                Ok((length, from)) => self.take(at, from, &buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                // It tells that one of ours has reached nobody.
                Err(_) => {}
            }
        }
        true
    }

    /// Takes a report of the host that is played to. In multicast nobody's is needed.
    fn take(&mut self, at: Duration, from: SocketAddr, datagram: &[u8]) {
        if from.ip().to_canonical() != self.to.ip().to_canonical() {
            return;
        }
        let Some(reporter) = reporter(datagram) else { return };
        if says_goodbye(datagram, reporter) {
            if self.reporters.remove(&reporter).is_some() {
                self.sender.reporter_left(reporter);
            }
            return self.resume(at);
        }
        let Ok(compound) = Compound::parse(datagram) else { return };
        for packet in compound.flatten() {
            let Rtcp::Rr(report) = packet else { continue };
            let Some(block) = report.report_blocks().find(|block| block.ssrc() == self.ssrc) else { continue };
            if self.reporters.len() < REPORTERS || self.reporters.contains_key(&reporter) {
                self.reporters.insert(reporter, at);
                self.sender.acknowledge(reporter, block.extended_sequence_number());
            }
        }
        self.resume(at);
    }

    /// Takes a command; what is taken at once goes out with [`flush`](Self::flush).
    pub(super) fn play(&mut self, at: Duration, command: &Command<'_>) {
        match command {
            Command::System(System::SysEx(whole)) if whole.is_whole() => {
                let segments: Vec<Segment<'_>> = self.sender.split(*whole).collect();
                for segment in segments {
                    self.put_or_wait(at, &segment.into());
                }
            }
            command => self.put_or_wait(at, command),
        }
    }

    fn put_or_wait(&mut self, at: Duration, command: &Command<'_>) {
        let mut octets = Vec::new();
        command.encode(&mut octets);
        self.sounding.observe(&octets);
        if self.waiting.is_empty() && self.put(at, command) {
            return;
        }
        self.waiting_octets += octets.len();
        self.waiting.push_back(octets);
        self.waiting_since.get_or_insert(at);
        if self.waiting_octets > MOST_WAITING {
            self.press_on(at);
        }
    }

    /// Queues a command; false when the journal has no room for it yet.
    fn put(&mut self, at: Duration, command: &Command<'_>) -> bool {
        let now = self.time(at);
        loop {
            match self.sender.queue(now, *command) {
                Ok(()) => return true,
                Err(Refusal::Full) if !self.sender.is_empty() => self.send(at),
                Err(Refusal::Full | Refusal::Stalled) => return false,
            }
        }
    }

    /// Queues what waits, as far as there is room.
    fn resume(&mut self, at: Duration) {
        while let Some(octets) = self.waiting.pop_front() {
            if !Command::decode(&octets).is_ok_and(|(command, _)| self.put(at, &command)) {
                self.waiting.push_front(octets);
                break;
            }
            self.waiting_octets -= octets.len();
            self.waiting_since = Some(at);
        }
        if self.waiting.is_empty() {
            self.waiting_since = None;
        }
        self.flush(at);
    }

    /// Waits for nobody any more.
    fn press_on(&mut self, at: Duration) {
        self.sender.press_on();
        self.resume(at);
    }

    /// Sends what has been taken.
    pub(super) fn flush(&mut self, at: Duration) {
        if !self.sender.is_empty() {
            self.send(at);
        }
    }

    fn send(&mut self, at: Duration) {
        let (mut payload, mut octets) = (Vec::new(), Vec::new());
        let packet = self.sender.packet(self.time(at), &mut payload);
        let builder = RtpPacketBuilder::new()
            .payload_type(PAYLOAD_TYPE)
            .marker_bit(packet.marker)
            .sequence_number(packet.sequence)
            .timestamp(packet.timestamp)
            .ssrc(self.ssrc)
            .payload(payload.as_slice());
        if builder.write_into_vec(&mut octets).is_ok() {
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(payload.len() as u32);
            // What does not get there the journal of the next one makes up for.
            let _ = self.rtp.send_to(&octets, self.to);
        }
    }

    /// Sends what is due though nothing is played: a packet that ends a silence, or a report.
    pub(super) fn wake(&mut self, at: Duration) {
        self.flush(at);
        if self.waiting_since.is_some_and(|since| at.saturating_sub(since) >= LONGEST_WAIT) {
            self.press_on(at);
        }
        let now = self.time(at);
        if self.sender.due().is_some_and(|due| now.wrapping_sub(due) <= u32::MAX / 2) {
            self.send(at);
        }
        let gone = |heard: &Duration| at.saturating_sub(*heard) > PATIENCE;
        let left: Vec<u32> = self.reporters.iter().filter(|(_, heard)| gone(heard)).map(|(it, _)| *it).collect();
        for reporter in left {
            self.reporters.remove(&reporter);
            self.sender.reporter_left(reporter);
        }
        if self.due <= at {
            self.due = at + REPORTS;
            let report = Compound::builder().add_packet(self.report(at)).add_packet(named(self.ssrc));
            self.tell(&report);
        }
    }

    /// When that has something to do.
    pub(super) fn due(&self, at: Duration) -> Duration {
        let packet = self.sender.due().map(|due| {
            let ahead = due.wrapping_sub(self.time(at)) as i32;
            // A tick more, since times are cut to whole ticks.
            at + Duration::from_secs_f64((f64::from(ahead.max(0)) + 1.0) / f64::from(CLOCK_RATE))
        });
        let waiting = self.waiting_since.map(|since| since + LONGEST_WAIT);
        packet.into_iter().chain(waiting).chain([self.due]).min().unwrap_or(self.due)
    }

    /// Ends what sounds, and says goodbye.
    pub(super) fn leave(&mut self, at: Duration) {
        self.press_on(at);
        for message in self.sounding.release() {
            if let Ok((command, _)) = Command::decode(&message) {
                self.put(at, &command);
            }
        }
        self.flush(at);
        let goodbye = Bye::builder().add_source(self.ssrc);
        let report = Compound::builder().add_packet(self.report(at)).add_packet(named(self.ssrc)).add_packet(goodbye);
        self.tell(&report);
    }

    fn report(&self, at: Duration) -> rtcp_types::SenderReportBuilder {
        let day = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let fraction = (u64::from(day.subsec_nanos()) << 32) / 1_000_000_000;
        let time = (day.as_secs() + SINCE_1900) << 32 | fraction;
        SenderReport::builder(self.ssrc)
            .ntp_timestamp(time)
            .rtp_timestamp(self.time(at))
            .packet_count(self.packets)
            .octet_count(self.octets)
    }

    fn tell(&self, report: &impl rtcp_types::RtcpPacketWriter) {
        let to = SocketAddr::new(self.to.ip(), self.to.port().saturating_add(1));
        // One that does not arrive is followed by the next.
        let _ = written(report).map(|octets| self.rtcp.send_to(&octets, to));
    }

    /// The RTP time.
    fn time(&self, at: Duration) -> u32 {
        self.start.wrapping_add((at.as_micros() * u128::from(CLOCK_RATE) / 1_000_000) as u32)
    }
}

/// Seconds from the start of NTP's time to that of Unix (RFC 3550, 4).
const SINCE_1900: u64 = 2_208_988_800;
