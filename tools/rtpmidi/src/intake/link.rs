//! The link to a sender: opens the way its packets come, notices when it is gone, and finds it again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::announced::{Found, Search};
use super::backoff::Backoff;
use super::destination::Destination;
use super::entrance::Entrance;
use super::gate::{FAITHFUL_FOR, Senders};
use super::place::Place;
use super::rtsp::{Change, Connection, Reconnect, Server, Step};
use super::source::{Length, Source};
use super::udp::Sockets;
use super::{Packet, Plan};
use crate::failure::{Failure, Result};

/// A link; [`Self::turn`] keeps it going.
pub(crate) struct Link {
    plan: Plan,
    place: Sought,
    entrance: Arc<Entrance>,
    way: Way,
    /// Of the stream that comes or came last.
    source: Option<Source>,
    /// When the way was opened.
    since: Instant,
    /// How much of the stream came on earlier ways.
    played: Duration,
    backoff: Backoff,
}

/// What a link looks for.
enum Sought {
    Described { source: Box<Source>, destinations: Vec<Destination> },
    Announced(Box<Search>),
    Served(Server),
}

/// The way of the packets.
enum Way {
    /// None yet, or none any more.
    Closed,
    /// Sockets of each stream, and the destinations they are for.
    Udp {
        sockets: Vec<Sockets>,
        destinations: Vec<Destination>,
    },
    Rtsp(Box<Connection>),
    /// None before this time.
    Resting {
        until: Instant,
    },
}

/// What has happened to a link.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Event {
    /// Another stream is announced, under this title.
    Other(String),
    /// There is a stream, [`Link::source`]. Its packets wait for [`Link::start`].
    Found,
    /// The sender is gone, and is looked for; why, in words.
    Lost(String),
    /// The sender has ended the stream.
    Ended,
}

/// How a link is, for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// The sender is looked for.
    Connecting,
    /// No packet has come since.
    Waiting,
    Playing,
    /// The next attempt comes after this time.
    Resting(Duration),
}

/// How long packets may still come behind a goodbye, which takes another way through the network.
const STRAGGLERS: Duration = Duration::from_millis(200);

/// How long a server may be silent, reports included, which come every five seconds or so.
const SILENCE: Duration = Duration::from_secs(15);

/// How much of a file may be missing at its end.
const REST: Duration = Duration::from_secs(2);

impl Link {
    /// Looks for what there is at `place`.
    pub(crate) fn new(place: &Place, plan: Plan) -> Result<Self> {
        if !matches!(place, Place::Rtsp(_)) && !plan.start.is_zero() {
            return Err(Failure::new("--start is for files on an RTSP server")
                .hint("whoever else sends decides what is played"));
        }
        let sought = match place {
            Place::Description(path) => {
                let source = Source::read(path)?.wanted(plan.streams);
                let destinations = Destination::each(&source, &place.to_string(), plan.key.as_ref())?;
                Sought::Described { source: Box::new(source), destinations }
            }
            Place::Announced(title) => Sought::Announced(Box::new(Search::new(title, &plan)?)),
            Place::Rtsp(_) if plan.key.is_some() => {
                return Err(Failure::new("--srtp-key is for descriptions and announcements")
                    .hint("an RTSP server gives out the keys of its streams itself, over TLS: rtsps://"));
            }
            Place::Rtsp(url) => Sought::Served(Server::new(url, &plan.rtsp)?),
        };
        let entrance = Arc::new(Entrance::new(plan.loss.clone()));
        let (way, since, played) = (Way::Closed, Instant::now(), Duration::ZERO);
        Ok(Self { plan, place: sought, entrance, way, source: None, since, played, backoff: Backoff::default() })
    }

    /// The stream that has been found last.
    pub(crate) const fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// What is known of the packets so far, and the way back to the sender.
    pub(crate) const fn entrance(&self) -> &Arc<Entrance> {
        &self.entrance
    }

    /// Where packets come from or to, in words.
    pub(crate) fn way(&self) -> String {
        match (&self.way, &self.place) {
            (Way::Udp { destinations, .. }, _) => {
                destinations.iter().map(|destination| destination.rtp().to_string()).collect::<Vec<_>>().join(" and ")
            }
            (_, Sought::Served(server)) => server.url.to_string(),
            (_, Sought::Described { .. } | Sought::Announced(_)) => String::new(),
        }
    }

    /// How the link is.
    pub(crate) fn state(&self) -> State {
        match &self.way {
            Way::Resting { until } => State::Resting(until.saturating_duration_since(Instant::now())),
            Way::Udp { .. } | Way::Rtsp(_) if self.entrance.played().is_some() => State::Playing,
            Way::Udp { .. } => State::Waiting,
            Way::Rtsp(connection) if connection.is_described() => State::Waiting,
            Way::Closed | Way::Rtsp(_) => State::Connecting,
        }
    }

    /// The time since the first packet, or the place in a file.
    pub(crate) fn position(&self) -> Duration {
        if self.is_live() { self.entrance.position() } else { self.place_in_file() }
    }

    fn place_in_file(&self) -> Duration {
        self.plan.start + self.played + self.entrance.played().unwrap_or_default()
    }

    /// Whether a sender that is gone may come back however long that takes.
    pub(crate) fn returns(&self) -> bool {
        matches!(&self.place, Sought::Served(server) if server.reconnect != Reconnect::Never)
    }

    /// Why nothing came at all.
    pub(crate) fn nothing(&self) -> Failure {
        match &self.place {
            Sought::Announced(search) if self.source.is_none() => search.nothing(),
            Sought::Served(server) => Failure::new(format!("{}: nothing comes", server.url)),
            Sought::Announced(_) | Sought::Described { .. } => {
                let to = match &self.way {
                    Way::Udp { destinations, .. } => {
                        let words: Vec<String> = destinations.iter().map(Destination::to_string).collect();
                        format!(" to {}", words.join(" or "))
                    }
                    Way::Closed | Way::Resting { .. } | Way::Rtsp(_) => String::new(),
                };
                Failure::new(format!("nothing came{to}"))
                    .hint("is the sender running, and does a firewall let UDP through?")
            }
        }
    }

    /// Goes on with what is to be done now, without waiting for anything. An error is the end.
    pub(crate) fn turn(&mut self) -> Result<Option<Event>> {
        let event = match &self.way {
            Way::Closed => return self.open(),
            Way::Resting { until } => {
                if Instant::now() >= *until {
                    self.way = Way::Closed;
                }
                None
            }
            // Who has said goodbye may be announced elsewhere some time later.
            Way::Udp { .. } => match self.moved() {
                None if self.has_left() => Some(Event::Ended),
                event => event,
            },
            Way::Rtsp(connection) => match connection.poll() {
                Step::Described(source) => self.described(*source),
                Step::Failed(refusal) if self.tries_again(refusal.is_lasting) => {
                    Some(self.lost(refusal.failure.message()))
                }
                Step::Failed(refusal) => return Err(refusal.failure),
                Step::Over if self.entrance.left_for().is_none() => Some(self.cut_off()?),
                Step::Over | Step::Nothing if self.has_left() => Some(self.left()),
                Step::Nothing if self.silence() >= SILENCE => {
                    let failure = self.nothing();
                    if !self.tries_again(false) {
                        return Err(failure);
                    }
                    Some(self.lost(failure.message()))
                }
                Step::Over | Step::Nothing => None,
            },
        };
        Ok(event)
    }

    /// For how long packets of the stream that has been found may have been waiting for [`Self::start`].
    pub(crate) fn waiting(&self) -> Duration {
        if matches!(self.way, Way::Udp { .. }) { self.since.elapsed() } else { Duration::ZERO }
    }

    /// Gives each packet of the streams that have been found to `take`, with the number of its stream, in threads of the
    /// link's own.
    pub(crate) fn start(&mut self, take: impl Fn(usize, Packet<'_>) + Clone + Send + Sync + 'static) -> Result<()> {
        let from = if self.is_live() { Duration::ZERO } else { self.plan.start + self.played };
        match &mut self.way {
            Way::Udp { sockets, .. } => {
                for (number, sockets) in sockets.iter_mut().enumerate() {
                    let take = take.clone();
                    sockets.start(&self.entrance, number, move |packet| take(number, packet))?;
                }
            }
            Way::Rtsp(connection) => connection.play(from, take),
            Way::Closed | Way::Resting { .. } => {}
        }
        Ok(())
    }

    /// Takes leave of the sender. No packets come any more when this returns.
    pub(crate) fn stop(&mut self) {
        match &mut self.way {
            Way::Udp { sockets, .. } => sockets.iter_mut().for_each(Sockets::stop),
            Way::Rtsp(_) | Way::Resting { .. } => self.way = Way::Closed,
            Way::Closed => {}
        }
    }

    /// A server has said what it has.
    fn described(&mut self, source: Source) -> Option<Event> {
        let change = match &mut self.place {
            Sought::Served(server) => server.suit(&source),
            Sought::Described { .. } | Sought::Announced(_) => Change::None,
        };
        match change {
            Change::None => {
                // The first who sends is the server: it need not send from the address that answers requests.
                for (number, stream) in source.streams().enumerate() {
                    self.entrance.open(number, stream, Senders::All, None);
                }
                self.source = Some(source);
                Some(Event::Found)
            }
            // `rtspsrc` learns of them when it connects.
            Change::MoreWays => {
                self.close();
                None
            }
            Change::FewerWays => Some(self.lost("the server does not seal its packets any more")),
        }
    }

    fn open(&mut self) -> Result<Option<Event>> {
        self.since = Instant::now();
        let (source, destinations) = match &mut self.place {
            Sought::Described { source, destinations } => (Source::clone(source), destinations.clone()),
            Sought::Announced(search) => match search.found()? {
                Some(Found { source, destinations }) => (source.clone(), destinations.clone()),
                None => return Ok(search.other().map(Event::Other)),
            },
            Sought::Served(server) => {
                let connection = Connection::begin(server, &self.plan, &self.entrance)?;
                self.way = Way::Rtsp(Box::new(connection));
                return Ok(None);
            }
        };
        let mut sockets = Vec::new();
        for (number, (stream, to)) in source.streams().zip(&destinations).enumerate() {
            let opened = Sockets::open(to, self.plan.interface.clone())?;
            self.entrance.open(number, stream, to.senders.clone(), Some(opened.back()?));
            sockets.push(opened);
        }
        (self.way, self.source) = (Way::Udp { sockets, destinations }, Some(source));
        Ok(Some(Event::Found))
    }

    /// Whether the stream is announced to be elsewhere, now that nothing comes here.
    fn moved(&mut self) -> Option<Event> {
        let is_silent = self.silence() >= FAITHFUL_FOR;
        let (Sought::Announced(search), Way::Udp { destinations, .. }) = (&mut self.place, &self.way) else {
            return None;
        };
        // What cannot be received is no stream to follow.
        let found = search.found().ok().flatten().filter(|_| is_silent)?;
        if found.destinations == *destinations && self.source.as_ref() == Some(&found.source) {
            return None;
        }
        self.close();
        Some(Event::Lost("the stream is announced elsewhere".to_owned()))
    }

    /// Whether another attempt may help, and is wanted.
    fn tries_again(&self, is_lasting: bool) -> bool {
        let has_worked = self.source.is_some();
        match &self.place {
            Sought::Served(server) => match server.reconnect {
                Reconnect::Never => false,
                Reconnect::Lost => has_worked,
                // A server that is being started may not have all its streams yet.
                Reconnect::Always => has_worked || !is_lasting,
            },
            Sought::Described { .. } | Sought::Announced(_) => false,
        }
    }

    /// The server has ended the connection, and the sender has not said goodbye.
    fn cut_off(&mut self) -> Result<Event> {
        let seconds = self.source.as_ref().and_then(|source| source.length.seconds());
        let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        if duration.is_some_and(|duration| self.place_in_file() + REST >= duration) {
            return Ok(Event::Ended);
        }
        let words = "the server has ended the connection";
        if self.tries_again(false) { Ok(self.lost(words)) } else { Err(Failure::new(words)) }
    }

    fn is_live(&self) -> bool {
        self.source.as_ref().is_none_or(|source| source.length == Length::Live)
    }

    /// The sender has said goodbye.
    fn left(&mut self) -> Event {
        match &self.place {
            Sought::Served(server) if self.is_live() && server.reconnect == Reconnect::Always => {
                self.lost("the stream has ended")
            }
            _ => Event::Ended,
        }
    }

    fn lost(&mut self, why: &str) -> Event {
        if let Some(played) = self.entrance.played() {
            self.played += played;
            self.backoff = Backoff::default();
        }
        self.close();
        self.way = Way::Resting { until: Instant::now() + self.backoff.next() };
        Event::Lost(why.to_owned())
    }

    fn close(&mut self) {
        self.entrance.close();
        self.way = Way::Closed;
    }

    fn has_left(&self) -> bool {
        self.entrance.left_for().is_some_and(|time| time >= STRAGGLERS)
    }

    /// How long nothing has come on this way.
    fn silence(&self) -> Duration {
        self.entrance.silence().length().min(self.since.elapsed())
    }
}
