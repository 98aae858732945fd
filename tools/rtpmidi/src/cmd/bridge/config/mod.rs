//! What a bridge is to be: a file, with what stands at its head and its sections, behind the command line.
//!
//! A section has a file here for its type, which is read as it is written; an entry among those of `file`, by which faults
//! and tests know its keys; and a part of `default.toml`.

mod check;
mod connection;
mod fault;
mod file;
mod ini;
mod init;
mod ipmidi;
mod keys;
mod rawmidi;
mod recording;
mod rtp;
mod rules;
mod session;
mod settings;
mod value;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use port_rules::{Rules, Text};

use super::passage::Passage;
use super::settings::PortSettings;
use crate::cmd::session::{Admit, machine};

pub(super) use check::{CheckArgs, run as check};
pub(crate) use file::DEFAULT;
pub(super) use file::read;
pub(super) use init::{InitArgs, run as init};
pub(super) use ipmidi::{Group, check as number_of_ports};
pub(super) use rawmidi::RawDevice;
pub(super) use recording::Recording;
pub(super) use rtp::Streams;
pub(super) use session::Session;
pub(super) use value::{export, pattern};

/// All that can be said of it. What is not said is as in the default.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// What it calls itself on the network, and its client of ALSA.
    pub(crate) name: String,
    /// The control port of its session; 0 takes any two.
    pub(crate) port: u16,
    /// How many may take part in its session.
    pub(crate) participants: usize,
    /// Whose invitations are accepted.
    pub(crate) admit: Vec<Admit>,
    /// Whether it announces its sessions and looks for those of others.
    pub(crate) mdns: bool,
    /// The network interface on which it does; all but loopback if none is named.
    pub(crate) interface: Option<String>,
    /// Whether it has ports of the ALSA sequencer.
    pub(crate) alsa: bool,
    /// Whether it has ports of JACK.
    pub(crate) jack: bool,
    /// Peers that are called whatever happens: a host with its control port, or the name of a session.
    pub(crate) peers: Vec<String>,
    /// What announced sessions are called that become ports.
    pub(crate) import: Vec<Text>,
    /// What those of them are called that do not.
    pub(crate) ignore: Vec<Text>,
    /// Groups of raw multicast MIDI.
    pub(crate) groups: Vec<Group>,
    /// Plain RTP MIDI streams.
    pub(crate) streams: Vec<Streams>,
    /// Devices that carry the octets of MIDI.
    pub(crate) devices: Vec<RawDevice>,
    /// Sessions that it announces beside its own.
    pub(crate) sessions: Vec<Session>,
    /// Where it answers Prometheus, if it does.
    pub(crate) metrics: Option<SocketAddr>,
    /// Microseconds in which each core shall wake; as long as it likes if none are said.
    pub(crate) cpu_latency: Option<u32>,
    /// What is connected with what.
    pub(crate) rules: Rules,
    /// A file with rules that go before these.
    pub(crate) rule_file: Option<PathBuf>,
    /// What is connected besides, and what gets through.
    pub(crate) connections: Connections,
    /// What is said of ports, by their names.
    pub(crate) ports: BTreeMap<String, PortSettings>,
    /// What is recorded.
    pub(crate) recordings: Vec<Recording>,
}

/// What is written of connections: each has a rule that connects, and says what gets through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections {
    pub(crate) rules: Rules,
    /// In the order of the rules.
    pub(crate) passages: Vec<Passage>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: machine(),
            port: 5004,
            participants: 64,
            admit: vec![Admit::Neighbours],
            mdns: true,
            interface: None,
            alsa: true,
            jack: false,
            peers: Vec::new(),
            import: vec![Text::any()],
            ignore: Vec::new(),
            groups: Vec::new(),
            streams: Vec::new(),
            devices: Vec::new(),
            sessions: Vec::new(),
            metrics: None,
            cpu_latency: None,
            rules: Rules::default(),
            rule_file: None,
            connections: Connections::default(),
            ports: BTreeMap::new(),
            recordings: Vec::new(),
        }
    }
}

impl Config {
    /// Whether a session that is announced under this name becomes a port.
    pub(crate) fn imports(&self, name: &str) -> bool {
        let means = |patterns: &[Text]| patterns.iter().any(|pattern| pattern.is_match(name));
        means(&self.import) && !means(&self.ignore)
    }

    /// What is other in `new`, and can be so only from a start on: what sockets and clients are opened with.
    pub(crate) fn later(&self, new: &Self) -> Vec<&'static str> {
        let keys = [
            ("name", self.name != new.name),
            ("port", self.port != new.port),
            ("participants", self.participants != new.participants),
            ("mdns", self.mdns != new.mdns),
            ("interface", self.interface != new.interface),
            ("alsa", self.alsa != new.alsa),
            ("jack", self.jack != new.jack),
            ("ipmidi", self.groups != new.groups),
            ("rtp", self.streams != new.streams),
            ("session", self.sessions != new.sessions),
            ("metrics", self.metrics != new.metrics),
        ];
        keys.into_iter().filter(|(_, is_other)| *is_other).map(|(key, _)| key).collect()
    }
}
