//! How the bridge stands: what `rtpmidi bridge status`, `top` and metrics show.

use serde::{Deserialize, Serialize};

use crate::passage::Passage;

/// Everything that is to be seen from outside.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// What the bridge calls itself on the network.
    pub name: String,
    /// The control port of its session; none while there is no session.
    pub port: Option<u16>,
    /// Seconds since it was started.
    pub uptime_s: f64,
    /// Whether its work has precedence over that of other programs.
    pub real_time: bool,
    /// Microseconds in which each core of the machine wakes for its sake; none where cores sleep as they like.
    pub cpu_latency_us: Option<u32>,
    /// Its ports, in the order of their coming.
    pub ports: Vec<PortStatus>,
    /// What is connected.
    pub connections: Vec<ConnectionStatus>,
    /// Those it plays with, or could.
    pub peers: Vec<PeerStatus>,
    /// What a person should know, such as a transport that is missing.
    pub warnings: Vec<String>,
}

/// A port of the bay.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PortStatus {
    /// No two ports have the same.
    pub name: String,
    /// Whose it is.
    pub transport: Transport,
    /// Which way messages go.
    pub direction: Direction,
    /// Where it is: `128:3` of ALSA, a socket address of the network; none while nobody knows.
    pub address: Option<String>,
    /// Whether anybody is behind it.
    pub state: PortState,
    /// Messages that have come out of it into the bay.
    pub messages_in: u64,
    /// Messages that the bay has played to it.
    pub messages_out: u64,
    /// Messages that were lost here, because more came than could be passed on.
    pub dropped: u64,
    /// How fast it is played to; none if as fast as may be.
    pub pace: Option<PaceStatus>,
    /// How much later than played it is heard; none if at once.
    pub delay: Option<DelayStatus>,
}

/// How it stands with a port that is slow.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PaceStatus {
    /// How fast it is.
    pub octets_per_second: u32,
    /// Data octets of a System Exclusive behind which there is a rest.
    pub segment: Option<usize>,
    /// How long that rest is.
    pub gap_ms: f64,
    /// Messages that wait.
    pub waiting: usize,
}

/// How it stands with a port that is heard later than played.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DelayStatus {
    /// How much later, in milliseconds.
    pub ms: f64,
    /// Whether it is as much as the network needs.
    pub auto: bool,
    /// Messages that wait.
    pub waiting: usize,
    /// Messages that came too late for that, and were heard at once.
    pub late: u64,
}

/// Whose port it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// The ALSA sequencer.
    Alsa,
    /// A session of the network.
    Applemidi,
    /// A group of raw multicast MIDI.
    Ipmidi,
    /// JACK, or PipeWire in its place.
    Jack,
    /// A plain RTP MIDI stream.
    Rtp,
    /// A device that carries the octets of MIDI.
    Rawmidi,
    /// It is a recording.
    File,
}

/// Which way messages go, as seen from the bay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// It plays.
    In,
    /// It is played to.
    Out,
    /// Both.
    Both,
}

/// Whether anybody is behind a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PortState {
    /// Music goes through.
    There,
    /// A placeholder: whoever it belongs to is not connected, and gets it when he is.
    Away,
}

/// A connection in the bay.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ConnectionStatus {
    /// The port that plays.
    pub from: String,
    /// The port that is played to.
    pub to: String,
    /// Who has made it.
    pub origin: Origin,
    /// What gets through; everything as it is if there is none.
    pub filter: Option<Passage>,
    /// Whether somebody lets nothing through it.
    pub muted: bool,
    /// Milliseconds after which messages came back that went through it: it is cut, and carries nothing any more.
    pub loop_ms: Option<f64>,
    /// Messages that have gone through it.
    pub messages: u64,
}

/// Who has made a connection.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The bridge: a peer with its port of ALSA.
    Own,
    /// A rule, as it is written.
    Rule(String),
    /// A person.
    Hand,
}

/// Somebody on the network who is in session with us, or could be.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PeerStatus {
    /// The name of its port.
    pub name: String,
    /// Socket addresses: the one it is at, or those that are announced.
    pub addresses: Vec<String>,
    /// How it stands.
    pub state: PeerState,
    /// Seconds since when it is in that state.
    pub since_s: f64,
    /// Half a round trip in milliseconds, as a mean.
    pub latency_ms: Option<f64>,
    /// How far latencies are from their mean, as a mean.
    pub deviation_ms: Option<f64>,
    /// Parts in a million that its clock is faster.
    pub drift_ppm: f64,
    /// Packets that never came.
    pub lost: u64,
    /// Messages that the recovery journal gave back.
    pub repairs: u64,
    /// Notes among them that began.
    pub notes_begun: u64,
    /// Notes among them that ended, and would have gone on sounding.
    pub notes_ended: u64,
    /// Messages that have come from it.
    pub messages_in: u64,
    /// Messages that have been sent to it.
    pub messages_out: u64,
}

/// How a peer stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerState {
    /// It was here, or is to be, and is neither announced nor in session.
    Away,
    /// It is announced, and nobody wants it.
    Announced,
    /// It is called, and not there yet.
    Called,
    /// It takes part.
    Open,
}
