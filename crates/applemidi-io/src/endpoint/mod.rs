//! One end of a session with its sockets, and the music with everybody who takes part.

mod calling;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use applemidi::{Admission, Change, Input, Output, Participant, ParticipantId, Port, Reason, Session, TICK};
use rtp_midi::midi::{Command, Parser};

use crate::calls::{CallId, Calls};
use crate::config::Config;
use crate::event::{Event, Stats};
use crate::sockets::Sockets;
use crate::stream::{self, Arrival, Stream};

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
    /// Those that are invited where one may have moved that does not answer any more, and who that is.
    elsewhere: HashMap<ParticipantId, ParticipantId>,
    /// The one that an invitation is for.
    moving: Option<ParticipantId>,
    parser: Parser,
    /// What a command is written to, again and again.
    octets: Vec<u8>,
    /// How the music to each participant is packed.
    format: rtp_midi::Config,
    epoch: Instant,
    /// What the session was told the time is.
    latest: Duration,
}

/// A participant, as long as anything is to be told of it.
struct Member {
    name: String,
    control: SocketAddr,
    /// Where else it was looked for last.
    elsewhere: Option<SocketAddr>,
    /// It was invited for one who has opened at another address.
    is_double: bool,
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
            elsewhere: HashMap::new(),
            moving: None,
            parser: Parser::new(SYSEX),
            octets: Vec::new(),
            format: stream::format(config.journal, config.status_octets, config.mtu),
            epoch,
            latest: Duration::ZERO,
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
            // Time only rises for the session, whatever the order in which sockets are read.
            let arrived = self.now().saturating_sub(datagram.age).max(self.latest);
            self.latest = arrived;
            let octets = &buffer[..datagram.length];
            let input = Input::Datagram { port, from: datagram.from, to: datagram.to, octets };
            self.session.handle(arrived, input);
            self.settle(arrived, octets, listener);
        }
        true
    }

    /// Does what is due.
    pub(crate) fn run(&mut self, listener: Listener<'_>) {
        let now = self.now();
        self.latest = now;
        self.session.handle(now, Input::Time);
        self.settle(now, &[], listener);
        while let Some((_, id)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            self.with_stream(now, id, |stream, ticks, send| stream.run(ticks, send));
        }
        self.invite_due(now, listener);
    }

    /// Plays octets of a MIDI stream to everybody, with the RTP time of `at`.
    pub(crate) fn play(&mut self, octets: &[u8], at: Instant) {
        let now = at.saturating_duration_since(self.epoch);
        let mut parser = std::mem::replace(&mut self.parser, Parser::new(SYSEX));
        parser.push(octets, |command, _| {
            self.each_stream(now, |stream, ticks, send| stream.queue(ticks, &command, send));
        });
        self.parser = parser;
        self.each_stream(now, |stream, ticks, send| stream.flush(ticks, send));
    }

    /// Plays a command to one participant, with the RTP time of `at`.
    pub(crate) fn play_to(&mut self, id: ParticipantId, command: &Command<'_>, at: Instant) {
        let now = at.saturating_duration_since(self.epoch);
        self.with_stream(now, id, |stream, ticks, send| {
            stream.queue(ticks, command, send);
            stream.flush(ticks, send);
        });
    }

    /// Does what the host wishes.
    pub(crate) fn wish(&mut self, input: Input<'_>, listener: Listener<'_>) {
        let now = self.now();
        match input {
            Input::Leave(id) => self.let_go(now, |other| other == id),
            Input::Close => self.let_go(now, |_| true),
            _ => {}
        }
        self.latest = now;
        self.session.handle(now, input);
        self.settle(now, &[], listener);
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
                call: self.calls.of(id),
                is_listening: participant.is_listening(),
                latency: clock.latency(),
                jitter: clock.jitter(),
                comparisons: participant.comparisons(),
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
                Output::Send { port, from, to, octets } => self.sockets.send(port, from, to, &octets),
                Output::Music(id) => self.hear(at, id, datagram, listener),
                Output::Change(id, change) => self.change(at, id, change, listener),
                Output::Wait(_) => break,
            }
        }
    }

    fn hear(&mut self, at: Duration, id: ParticipantId, datagram: &[u8], listener: Listener<'_>) {
        let stream = self.members.get_mut(&id).and_then(|member| member.stream.as_mut());
        let (Some(stream), Some(participant)) = (stream, self.session.participant(id)) else { return };
        let (epoch, clock, octets) = (self.epoch, participant.clock(), &mut self.octets);
        let arrival = stream.receive(datagram, |event| {
            octets.clear();
            event.command.encode(octets);
            let played = clock.local(event.time, at).map(|played| epoch + played);
            let (arrived, origin) = (epoch + at, event.origin);
            listener(Event::Midi { participant: id, arrived, played, octets, origin });
        });
        if let Arrival::Taken(sequence) = arrival {
            self.session.handle(at, Input::Received(id, sequence));
        }
    }

    fn change(&mut self, at: Duration, id: ParticipantId, change: Change, listener: Listener<'_>) {
        let is_double = self.members.get(&id).is_some_and(|member| member.is_double);
        let change = match change {
            Change::Closed(Reason::Left) if is_double => Change::Closed(Reason::Crossed),
            change => change,
        };
        if change == Change::Invited
            && let Some(call) = self.calling.take()
        {
            self.calls.invited(call, id);
        }
        self.has_moved(at, id, change);
        if let Some(participant) = self.session.participant(id) {
            // What it says itself may be cut off.
            let name = self.calls.name(id).unwrap_or_else(|| participant.name());
            let (name, control) = (name.to_owned(), participant.control());
            let member =
                Member { name: String::new(), control, elsewhere: None, is_double: false, stream: None, due: None };
            let member = self.members.entry(id).or_insert(member);
            member.name = name;
            if change == Change::Opened {
                let ticks = participant.ticks(at) as u32;
                member.stream = Some(Stream::new(&self.format, self.session.ssrc(), random() as u16, ticks));
            }
        }
        let same = match change {
            Change::Closed(Reason::Crossed) => {
                self.members.get(&id).and_then(|member| self.session.at(member.control).next())
            }
            _ => None,
        };
        if let Some(same) = same {
            self.calls.replaced(id, same);
            self.is_there(at, same);
        }
        let doubles = self.calls.changed(at, id, change);
        self.part_from(at, doubles);
        match change {
            Change::Missed => {
                self.silence(at, id, listener);
                self.calls.check(at, id);
            }
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
            let (now, from, to) = (participant.ticks(at) as u32, participant.known_as(), participant.data());
            act(stream, now, &mut |octets| sockets.send(Port::Data, from, to, octets));
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
