//! One listener, from its connection to its TEARDOWN.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rtp_midi::Received;
use rtp_types::RtpPacket;
use rtsp_types::{Message, ParseError, Response, Url};

use crate::clock::Clock;
use crate::lateness::Streams;
use crate::poller::{Poller, Socket};
use crate::reception::{Counts, Reception};
use crate::rtcp::{self, Latest, Said};
use crate::rtsp::{self, Described, Dialogue, Way, Wish};
use crate::sample::{Agreement, Findings, Sample};
use crate::socket::{self, Inlet, Ports};

/// What all listeners have together.
pub(crate) struct Hall {
    pub(crate) clock: Clock,
    pub(crate) poller: Poller,
    pub(crate) ports: Ports,
    pub(crate) streams: Streams,
    pub(crate) agreement: Agreement,
}

/// A listener.
pub(crate) struct Listener {
    index: usize,
    step: Step,
    server: SocketAddr,
    /// None when it has been closed.
    connection: Option<TcpStream>,
    /// What has come of a message that is not whole.
    inbox: Vec<u8>,
    dialogue: Dialogue,
    is_interleaved: bool,
    datagrams: Option<[UdpSocket; 2]>,
    way: Option<Way>,
    described: Option<Described>,
    /// How long the server keeps a session that says nothing.
    patience: Duration,
    own: u32,
    source: Option<u32>,
    reception: Option<Reception>,
    latest: Option<Latest>,
    heard: Heard,
    began: Duration,
    joined: Option<Duration>,
    is_sample: bool,
    sample: Option<Sample>,
}

/// How far a listener has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    Connecting,
    Describing,
    SettingUp,
    Starting,
    Playing,
    Leaving,
    Gone,
    Failed(String),
}

/// What has come, besides what [`Counts`] tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Heard {
    /// Of RTP packets, headers included.
    pub(crate) octets: u64,
    /// Packets that the sockets had no room for.
    pub(crate) dropped: u64,
    /// What is no RTP, or of another source.
    pub(crate) strange: u64,
    pub(crate) sender_reports: u64,
    pub(crate) goodbyes: u64,
    pub(crate) reports_sent: u64,
}

impl Listener {
    /// One that begins to connect.
    pub(crate) fn come(
        index: usize,
        (url, server): (&Url, SocketAddr),
        is_interleaved: bool,
        is_sample: bool,
        hall: &Hall,
    ) -> Result<Self> {
        let connection = socket::connect(server).context("cannot connect")?;
        hall.poller.watch_connecting(&connection, index)?;
        Ok(Self {
            index,
            step: Step::Connecting,
            server,
            connection: Some(connection),
            inbox: Vec::new(),
            dialogue: Dialogue::new(url.clone()),
            is_interleaved,
            datagrams: None,
            way: None,
            described: None,
            patience: Duration::MAX,
            own: fastrand::u32(..),
            source: None,
            reception: None,
            latest: None,
            heard: Heard::default(),
            began: hall.clock.now(),
            joined: None,
            is_sample,
            sample: None,
        })
    }

    pub(crate) const fn step(&self) -> &Step {
        &self.step
    }

    /// How long it took from the connection to the first packet.
    pub(crate) const fn joined(&self) -> Option<Duration> {
        self.joined
    }

    /// How long the server keeps a session that says nothing.
    pub(crate) const fn patience(&self) -> Duration {
        self.patience
    }

    pub(crate) const fn heard(&self) -> Heard {
        self.heard
    }

    /// The source that is heard, and what has come of it where it has come to this packet.
    pub(crate) fn counts(&self, end: impl Fn(u32) -> u64) -> Option<Counts> {
        Some(self.reception.as_ref()?.counts(end(self.source?)))
    }

    /// What the decoding has found, where there is any.
    pub(crate) fn findings(&self) -> Option<Findings> {
        self.sample.as_ref().map(Sample::findings)
    }

    /// Takes what a socket has. What goes wrong ends the listener and nobody else.
    pub(crate) fn take(&mut self, socket: Socket, inlet: &mut Inlet, hall: &mut Hall) {
        let taken = match socket {
            Socket::Rtsp if self.step == Step::Connecting => self.connected(hall),
            Socket::Rtsp => self.read(inlet, hall),
            Socket::Rtp | Socket::Rtcp => self.datagram(socket, inlet, hall),
        };
        self.unless_failed(taken);
    }

    /// Reports what has come.
    pub(crate) fn report(&mut self, now: Duration) {
        if self.step != Step::Playing {
            return;
        }
        let (Some(source), Some(reception)) = (self.source, &mut self.reception) else { return };
        let rate = self.described.as_ref().map_or(1, |described| described.config.clock_rate);
        let mut octets = [0; 4 + 200];
        let (head, body) = octets.split_at_mut(4);
        let Some(length) = rtcp::report(self.own, source, reception.tell(rate), self.latest, now, body) else { return };
        self.heard.reports_sent += 1;
        let sent = match (self.way, &self.datagrams) {
            (Some(Way::Port(port)), Some([_, rtcp])) => {
                rtcp.send_to(&body[..length], (self.server.ip(), port)).map(drop).context("RTCP")
            }
            (Some(Way::Channels { rtcp, .. }), _) => {
                let [high, low] = (length as u16).to_be_bytes();
                head.copy_from_slice(&[b'$', rtcp, high, low]);
                self.say(&octets[..4 + length])
            }
            _ => Ok(()),
        };
        self.unless_failed(sent);
    }

    /// Tells the server that it is still there.
    pub(crate) fn keep_alive(&mut self) {
        if self.step == Step::Playing {
            let request = self.dialogue.keep_alive();
            let said = self.say(&request);
            self.unless_failed(said);
        }
    }

    /// Says goodbye.
    pub(crate) fn leave(&mut self) {
        match self.step {
            Step::Playing => {
                self.step = Step::Leaving;
                let request = self.dialogue.teardown();
                let said = self.say(&request);
                self.unless_failed(said);
            }
            Step::Gone | Step::Failed(_) => {}
            _ => self.step = Step::Failed("it did not get as far as to play".to_owned()),
        }
    }

    fn unless_failed(&mut self, result: Result<()>) {
        if let Err(error) = result {
            self.step = Step::Failed(format!("{error:#}"));
            self.close();
        }
    }

    /// Closes what there is.
    fn close(&mut self) {
        // The poller forgets sockets that are closed, and no others: what is only shut down can be read for ever.
        (self.connection, self.datagrams) = (None, None);
    }

    fn connection(&self) -> Result<&TcpStream> {
        self.connection.as_ref().context("the connection is closed")
    }

    fn connected(&mut self, hall: &Hall) -> Result<()> {
        if let Some(error) = self.connection()?.take_error()? {
            return Err(error).context("cannot connect");
        }
        hall.poller.connected(self.connection()?, self.index)?;
        self.step = Step::Describing;
        let request = self.dialogue.describe();
        self.say(&request)
    }

    /// Writes to the connection, which has room for the little that a listener says, or it is as good as dead.
    fn say(&mut self, octets: &[u8]) -> Result<()> {
        match self.connection()?.write(octets) {
            Ok(written) if written == octets.len() => Ok(()),
            Ok(_) => bail!("the server does not read"),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => bail!("the server does not read"),
            Err(error) => Err(error).context("the connection"),
        }
    }

    fn read(&mut self, inlet: &mut Inlet, hall: &mut Hall) -> Result<()> {
        let Some(arrived) = inlet.receive(self.connection()?).context("the connection")? else { return Ok(()) };
        if arrived.octets.is_empty() {
            // A server may close behind the answer to TEARDOWN, or instead of it.
            return match self.step {
                Step::Leaving | Step::Gone | Step::Failed(_) => {
                    self.depart();
                    Ok(())
                }
                _ => bail!("the server closed the connection"),
            };
        }
        let at = arrived.at;
        let mut inbox = std::mem::take(&mut self.inbox);
        inbox.extend_from_slice(arrived.octets);
        let mut rest = &inbox[..];
        while !rest.is_empty() {
            match Message::<&[u8]>::parse(rest) {
                Ok((message, length)) => {
                    self.message(message, at, hall)?;
                    rest = &rest[length..];
                }
                Err(ParseError::Incomplete(_)) if rest.len() < LONGEST => break,
                Err(_) => bail!("what the server says is no RTSP"),
            }
        }
        self.inbox = rest.to_vec();
        Ok(())
    }

    fn message(&mut self, message: Message<&[u8]>, at: Duration, hall: &mut Hall) -> Result<()> {
        match message {
            Message::Response(answer) => self.answer(&answer, hall),
            Message::Data(data) => {
                match self.way {
                    Some(Way::Channels { rtp, .. }) if data.channel_id() == rtp => {
                        self.rtp(data.as_slice(), at, hall);
                    }
                    Some(Way::Channels { rtcp, .. }) if data.channel_id() == rtcp => self.rtcp(data.as_slice(), at),
                    _ => self.heard.strange += 1,
                }
                Ok(())
            }
            Message::Request(_) => Ok(()),
        }
    }

    fn answer(&mut self, answer: &Response<&[u8]>, hall: &mut Hall) -> Result<()> {
        let asked = match self.step {
            Step::Describing => "DESCRIBE",
            Step::SettingUp => "SETUP",
            Step::Starting => "PLAY",
            Step::Playing => "keep-alive",
            _ => "TEARDOWN",
        };
        rtsp::succeeded(answer).context(asked)?;
        match self.step {
            Step::Describing => {
                let described = self.dialogue.described(answer)?;
                self.sample = self.is_sample.then(|| Sample::new(described.config.clone()));
                let wish = if self.is_interleaved { Wish::Interleaved } else { self.open(hall)? };
                let request = self.dialogue.setup(&described.control, wish);
                self.described = Some(described);
                self.step = Step::SettingUp;
                self.say(&request)
            }
            Step::SettingUp => {
                let (way, patience) = self.dialogue.set_up(answer)?;
                (self.way, self.patience) = (Some(way), patience);
                self.step = Step::Starting;
                let request = self.dialogue.play();
                self.say(&request)
            }
            Step::Starting => {
                self.step = Step::Playing;
                Ok(())
            }
            Step::Leaving => {
                self.depart();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Opens the UDP sockets.
    fn open(&mut self, hall: &mut Hall) -> Result<Wish> {
        // The server sends to where the connection comes from.
        let [rtp, rtcp] = hall.ports.open(self.connection()?.local_addr()?.ip()).context("UDP")?;
        hall.poller.watch(&rtp, self.index, Socket::Rtp)?;
        hall.poller.watch(&rtcp, self.index, Socket::Rtcp)?;
        let wish = Wish::Udp(rtp.local_addr()?.port());
        self.datagrams = Some([rtp, rtcp]);
        Ok(wish)
    }

    fn depart(&mut self) {
        if self.step == Step::Leaving {
            self.step = Step::Gone;
        }
        self.close();
    }

    fn datagram(&mut self, socket: Socket, inlet: &mut Inlet, hall: &mut Hall) -> Result<()> {
        let Some([rtp, rtcp]) = &self.datagrams else { return Ok(()) };
        let from = if socket == Socket::Rtp { rtp } else { rtcp };
        let Some(arrived) = inlet.receive(from).context("UDP")? else { return Ok(()) };
        let at = arrived.at;
        if socket == Socket::Rtp {
            self.heard.dropped = arrived.dropped.map_or(self.heard.dropped, u64::from);
            self.rtp(arrived.octets, at, hall);
        } else {
            self.rtcp(arrived.octets, at);
        }
        Ok(())
    }

    fn rtp(&mut self, octets: &[u8], at: Duration, hall: &mut Hall) {
        let (Ok(packet), Some(described)) = (RtpPacket::parse(octets), &self.described) else {
            self.heard.strange += 1;
            return;
        };
        let source = *self.source.get_or_insert(packet.ssrc());
        if packet.ssrc() != source {
            self.heard.strange += 1;
            return;
        }
        let place = hall.streams.place(&packet, described.config.clock_rate, at);
        let is_new = match &mut self.reception {
            Some(reception) => reception.arrive(place.number),
            None => {
                self.reception = Some(Reception::begin(place.number));
                self.joined = Some(at.saturating_sub(self.began));
                true
            }
        };
        if !is_new {
            return;
        }
        self.reception.iter_mut().for_each(|reception| reception.travel(place.transit));
        self.heard.octets += octets.len() as u64;
        hall.streams.arrive(source, place, at);
        if let Some(sample) = &mut self.sample {
            let (sequence, timestamp) = (packet.sequence_number(), packet.timestamp());
            let packet = Received { sequence, timestamp, payload: packet.payload() };
            sample.hear(source, packet, &mut hall.agreement);
        }
    }

    fn rtcp(&mut self, octets: &[u8], at: Duration) {
        let Some(source) = self.source else { return };
        for said in rtcp::read(octets, source, at) {
            match said {
                Said::Report(latest) => {
                    self.latest = Some(latest);
                    self.heard.sender_reports += 1;
                }
                Said::Goodbye => {
                    self.heard.goodbyes += 1;
                    self.sample.iter_mut().for_each(Sample::end);
                }
            }
        }
    }
}

impl std::ops::AddAssign for Heard {
    fn add_assign(&mut self, other: Self) {
        self.octets += other.octets;
        self.dropped += other.dropped;
        self.strange += other.strange;
        self.sender_reports += other.sender_reports;
        self.goodbyes += other.goodbyes;
        self.reports_sent += other.reports_sent;
    }
}

/// Octets of a message from the server.
const LONGEST: usize = 1 << 20;
