//! One end of a session with its sockets, and the music with everybody who takes part.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use applemidi::{Admission, Change, Input, Output, Participant, ParticipantId, Port, Session, TICK, Timers};
use rtp_midi::midi::Parser;
use rtp_midi::{Origin, ReceiverStats, SenderStats};

use crate::calls::{CallId, Calls};
use crate::sockets::Sockets;
use crate::stream::{Arrival, Stream};

/// How an end is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// What it calls itself.
    pub name: String,
    /// The control port, with the data port above it; 0 takes any two.
    pub port: u16,
    /// The address of this machine that it is on; all of them if there is none.
    pub address: Option<IpAddr>,
    /// Whose invitations are accepted.
    pub admission: Admission,
    /// How many may take part.
    pub participants: usize,
    /// When things are due.
    pub timers: Timers,
}

impl Config {
    /// An end on all addresses, at the port that Apple's sessions have first, for the neighbourhood.
    pub fn new(name: &str) -> Self {
        let session = applemidi::Config::new(name, 0);
        Self {
            name: session.name,
            port: PORT,
            address: None,
            admission: session.admission,
            participants: session.participants,
            timers: session.timers,
        }
    }
}

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Something has become of a participant.
    Change {
        /// Who it is.
        participant: ParticipantId,
        /// What it calls itself, as far as that is known.
        name: &'a str,
        /// Where its control port is.
        control: SocketAddr,
        /// What.
        change: Change,
    },
    /// A participant plays a command.
    Midi {
        /// Who plays it.
        participant: ParticipantId,
        /// When it came here.
        arrived: Instant,
        /// When it was played there, by the clock here; `None` as long as the clocks have not been compared.
        played: Option<Instant>,
        /// The command, or a segment of a System Exclusive (RFC 6295, 3.2).
        octets: &'a [u8],
        /// Whether it has come as it was sent, or makes up for what got lost.
        origin: Origin,
    },
}

/// Numbers about a participant.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Who it is.
    pub participant: ParticipantId,
    /// What it calls itself.
    pub name: String,
    /// Where its control port is.
    pub control: SocketAddr,
    /// Whether music goes there.
    pub is_listening: bool,
    /// Half of a round trip, as a mean; `None` as long as the clocks have not been compared.
    pub latency: Option<Duration>,
    /// How far latencies are from their mean, as a mean.
    pub jitter: Option<Duration>,
    /// Parts in a million that its clock is faster.
    pub drift: f64,
    /// What has been sent there.
    pub sent: SenderStats,
    /// What has come from there.
    pub received: ReceiverStats,
}

/// Where Apple's first session has its control port.
pub(crate) const PORT: u16 = 5004;

/// Datagrams that are taken before others have their turn.
const AT_ONCE: usize = 64;

/// Octets of a System Exclusive that are gathered before its first part goes out.
const SYSEX: usize = 1 << 16;

/// One end, without the thread that runs it. Times are counted from `epoch`.
pub(crate) struct Endpoint {
    sockets: Sockets,
    session: Session<fn() -> u32>,
    members: HashMap<ParticipantId, Member>,
    /// When the streams are due.
    due: BTreeSet<(Duration, ParticipantId)>,
    calls: Calls,
    /// The call that an invitation is for.
    calling: Option<CallId>,
    parser: Parser,
    epoch: Instant,
}

/// A participant, as long as anything is to be told of it.
struct Member {
    name: String,
    control: SocketAddr,
    /// There while it takes part.
    stream: Option<Stream>,
    due: Option<Duration>,
}

/// What a stream has to send.
type Send<'a> = &'a mut dyn FnMut(&[u8]);

/// Who is told what happens. It must not come back to the same end, which is busy.
pub(crate) type Listener<'a> = &'a mut dyn FnMut(Event<'_>);

impl Endpoint {
    pub(crate) fn open(config: &Config, epoch: Instant) -> io::Result<Self> {
        let sockets = Sockets::open(config.address, config.port)?;
        let session = applemidi::Config {
            admission: config.admission.clone(),
            participants: config.participants,
            timers: config.timers,
            ..applemidi::Config::new(&config.name, random())
        };
        Ok(Self {
            sockets,
            session: Session::new(session, random),
            members: HashMap::new(),
            due: BTreeSet::new(),
            calls: Calls::default(),
            calling: None,
            parser: Parser::new(SYSEX),
            epoch,
        })
    }

    pub(crate) const fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    /// When there is something to do.
    pub(crate) fn due(&mut self) -> Option<Duration> {
        let session = match self.session.poll() {
            Output::Wait(until) => until,
            // Everything else has been taken by whoever brought it about.
            _ => Some(Duration::ZERO),
        };
        let streams = self.due.first().map(|(due, _)| *due);
        [session, streams, self.calls.due()].into_iter().flatten().min()
    }

    /// Takes some of what has come to a socket; false when there is no more.
    pub(crate) fn receive(&mut self, port: Port, buffer: &mut [u8], listener: Listener<'_>) -> bool {
        for _ in 0..AT_ONCE {
            let Some(datagram) = self.sockets.receive(port, buffer) else { return false };
            let arrived = self.now().saturating_sub(datagram.age);
            let octets = &buffer[..datagram.length];
            self.session.handle(arrived, Input::Datagram { port, from: datagram.from, octets });
            self.settle(arrived, octets, listener);
        }
        true
    }

    /// Does what is due.
    pub(crate) fn run(&mut self, listener: Listener<'_>) {
        let now = self.now();
        self.session.handle(now, Input::Time);
        self.settle(now, &[], listener);
        while let Some((_, id)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            self.with_stream(now, id, |stream, ticks, send| stream.run(ticks, send));
        }
    }

    /// Plays octets of a MIDI stream to everybody.
    pub(crate) fn play(&mut self, octets: &[u8]) {
        let now = self.now();
        let mut parser = std::mem::replace(&mut self.parser, Parser::new(SYSEX));
        parser.push(octets, |command, _| {
            self.each_stream(now, |stream, ticks, send| stream.queue(ticks, &command, send));
        });
        self.parser = parser;
        self.each_stream(now, |stream, ticks, send| stream.flush(ticks, send));
    }

    /// Does what the host wishes.
    pub(crate) fn wish(&mut self, input: Input<'_>, listener: Listener<'_>) {
        let now = self.now();
        match input {
            Input::Leave(id) => self.let_go(now, |other| other == id),
            Input::Close => self.let_go(now, |_| true),
            _ => {}
        }
        self.session.handle(now, input);
        self.settle(now, &[], listener);
    }

    /// Calls a peer from now on, until it is hung up on.
    pub(crate) fn call(&mut self, peer: &str) -> CallId {
        self.calls.add(self.now(), peer)
    }

    /// Calls a peer no more, and parts from it.
    pub(crate) fn hang_up(&mut self, call: CallId, listener: Listener<'_>) {
        if let Some(participant) = self.calls.remove(call) {
            self.wish(Input::Leave(participant), listener);
        }
    }

    /// Peers that rest are looked up now.
    pub(crate) fn hurry(&mut self) {
        self.calls.hurry(self.now());
    }

    /// A peer whose addresses are to be looked up, and told by [`found`](Self::found).
    pub(crate) fn look_up(&mut self) -> Option<(CallId, String)> {
        self.calls.look_up(self.now())
    }

    /// A peer has been looked up, and found if it has addresses.
    pub(crate) fn found(
        &mut self,
        call: CallId,
        name: Option<String>,
        addresses: &[SocketAddr],
        listener: Listener<'_>,
    ) {
        if let Some(control) = self.calls.found(self.now(), call, name, addresses) {
            self.calling = Some(call);
            self.wish(Input::Invite(control), listener);
            self.calling = None;
        }
    }

    pub(crate) fn set_admission(&mut self, admission: Admission) {
        self.session.set_admission(admission);
    }

    pub(crate) fn stats(&self) -> Vec<Stats> {
        let stats = |(id, participant): (ParticipantId, &applemidi::Participant)| {
            let member = self.members.get(&id)?;
            let (sent, received) = member.stream.as_ref()?.stats();
            let clock = participant.clock();
            Some(Stats {
                participant: id,
                name: member.name.clone(),
                control: participant.control(),
                is_listening: participant.is_listening(),
                latency: clock.latency(),
                jitter: clock.jitter(),
                drift: clock.drift(),
                sent,
                received,
            })
        };
        self.session.participants().filter_map(stats).collect()
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// Does what the session says; `datagram` is what it has been given last.
    fn settle(&mut self, at: Duration, datagram: &[u8], listener: Listener<'_>) {
        loop {
            match self.session.poll() {
                Output::Send { port, to, octets } => self.sockets.send(port, to, &octets),
                Output::Music(id) => self.hear(at, id, datagram, listener),
                Output::Change(id, change) => self.change(at, id, change, listener),
                Output::Wait(_) => break,
            }
        }
    }

    fn hear(&mut self, at: Duration, id: ParticipantId, datagram: &[u8], listener: Listener<'_>) {
        let stream = self.members.get_mut(&id).and_then(|member| member.stream.as_mut());
        let (Some(stream), Some(participant)) = (stream, self.session.participant(id)) else { return };
        let (epoch, clock) = (self.epoch, participant.clock());
        let mut octets = Vec::new();
        let arrival = stream.receive(datagram, |event| {
            octets.clear();
            event.command.encode(&mut octets);
            let played = clock.local(event.time, at).map(|played| epoch + played);
            let (arrived, origin) = (epoch + at, event.origin);
            listener(Event::Midi { participant: id, arrived, played, octets: &octets, origin });
        });
        if let Arrival::Taken(sequence) = arrival {
            self.session.handle(at, Input::Received(id, sequence));
        }
    }

    fn change(&mut self, at: Duration, id: ParticipantId, change: Change, listener: Listener<'_>) {
        if change == Change::Invited
            && let Some(call) = self.calling
        {
            self.calls.invited(call, id);
        }
        if let Some(participant) = self.session.participant(id) {
            // What it says itself may be cut off.
            let name = self.calls.name(id).unwrap_or_else(|| participant.name());
            let (name, control) = (name.to_owned(), participant.control());
            let member = Member { name: String::new(), control, stream: None, due: None };
            let member = self.members.entry(id).or_insert(member);
            member.name = name;
            if change == Change::Opened {
                let ticks = participant.ticks(at) as u32;
                member.stream = Some(Stream::new(self.session.ssrc(), random() as u16, ticks));
            }
        }
        self.calls.changed(at, id, change);
        match change {
            Change::Missed => self.silence(at, id, listener),
            Change::Restarted | Change::Closed(_) => self.end_stream(at, id, listener),
            Change::Feedback(received) => {
                self.with_stream(at, id, |stream, ticks, send| stream.confirm(ticks, received, send));
            }
            _ => {}
        }
        if let Some(Member { name, control, .. }) = self.members.get(&id) {
            listener(Event::Change { participant: id, name, control: *control, change });
        }
        if matches!(change, Change::Closed(_)) {
            self.members.remove(&id);
        }
    }

    /// Ends what a participant has left sounding.
    fn silence(&mut self, at: Duration, id: ParticipantId, listener: Listener<'_>) {
        let stream = self.members.get_mut(&id).and_then(|member| member.stream.as_mut());
        let (arrived, mut octets) = (self.epoch + at, Vec::new());
        let Some(stream) = stream else { return };
        stream.silence(|event| {
            octets.clear();
            event.command.encode(&mut octets);
            let origin = event.origin;
            listener(Event::Midi { participant: id, arrived, played: None, octets: &octets, origin });
        });
    }

    /// Ends what a participant has left sounding, and its streams.
    fn end_stream(&mut self, at: Duration, id: ParticipantId, listener: Listener<'_>) {
        self.silence(at, id, listener);
        let Some(member) = self.members.get_mut(&id) else { return };
        member.stream = None;
        if let Some(due) = member.due.take() {
            self.due.remove(&(due, id));
        }
    }

    /// Ends what we have left sounding at participants, before we leave them.
    fn let_go(&mut self, at: Duration, which: impl Fn(ParticipantId) -> bool) {
        let ids: Vec<_> = self.members.keys().copied().filter(|id| which(*id)).collect();
        for id in ids {
            self.with_stream(at, id, |stream, ticks, send| stream.let_go(ticks, send));
        }
    }

    /// Does something with the stream to each participant that listens.
    fn each_stream(&mut self, at: Duration, mut act: impl FnMut(&mut Stream, u32, Send<'_>)) {
        let Self { session, sockets, members, due, .. } = self;
        for (id, member) in members {
            if let Some(participant) = session.participant(*id) {
                member.act(at, participant, sockets, (*id, due), &mut act);
            }
        }
    }

    fn with_stream(&mut self, at: Duration, id: ParticipantId, act: impl FnOnce(&mut Stream, u32, Send<'_>)) {
        let Self { session, sockets, members, due, .. } = self;
        if let (Some(member), Some(participant)) = (members.get_mut(&id), session.participant(id)) {
            member.act(at, participant, sockets, (id, due), act);
        }
    }
}

impl Member {
    /// Does something with the stream, if the participant listens, and notes when the stream is due.
    fn act(
        &mut self,
        at: Duration,
        participant: &Participant,
        sockets: &Sockets,
        (id, all): (ParticipantId, &mut BTreeSet<(Duration, ParticipantId)>),
        act: impl FnOnce(&mut Stream, u32, Send<'_>),
    ) {
        let stream = self.stream.as_mut().filter(|_| participant.is_listening());
        let due = stream.and_then(|stream| {
            let (now, to) = (participant.ticks(at) as u32, participant.data());
            act(stream, now, &mut |octets| sockets.send(Port::Data, to, octets));
            // What is due already has waited for this.
            stream.due().map(|due| at + TICK * due.wrapping_sub(now).clamp(1, u32::MAX / 2))
        });
        if self.due != due {
            if let Some(before) = self.due {
                all.remove(&(before, id));
            }
            all.extend(due.map(|due| (due, id)));
            self.due = due;
        }
    }
}

/// A number that nobody can guess.
fn random() -> u32 {
    getrandom::u32().expect("the system has random numbers")
}
