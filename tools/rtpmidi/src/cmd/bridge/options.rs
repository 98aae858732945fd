//! What the command line says of the bridge.

use std::net::SocketAddr;
use std::path::PathBuf;

use port_rules::{Parsed, Rules, Text};

use super::config::{self, Config, Group, RawDevice, Session, export, number_of_ports, pattern};
use super::control::Place;
use super::metrics;
use crate::cmd::session::Admit;
use crate::cpu_latency;
use crate::description::read;
use crate::failure::Result;
use crate::folders;
use crate::ports::rules::{fault, without_lines};

/// What is not said stays as it is by default.
#[derive(clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub(super) struct Options {
    /// The configuration, behind which the command line goes [default: rtpmidi/bridge.toml in ~/.config, or in /etc, if it
    /// is there]
    #[arg(long = "config", value_name = "FILE")]
    file: Option<PathBuf>,

    /// What it calls itself, on the network and as a client of ALSA [default: the name of this machine]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// The control port of its session; the data port is the one above. 0 takes any two [default: 5004]
    #[arg(long, value_parser = clap::value_parser!(u16).range(..=65_534), value_name = "PORT")]
    port: Option<u16>,

    /// Who may join its sessions: neighbours (hosts of the local networks, and those that announce sessions there),
    /// everyone, or an address or network such as 192.0.2.0/24. Repeat it for several [default: neighbours]
    #[arg(long, value_name = "WHOM", value_parser = whom)]
    admit: Vec<Admit>,

    /// How many may take part in a session [default: 64]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "COUNT")]
    participants: Option<u32>,

    /// A session that is joined whatever happens: a host with its control port if that is not 5004, or the name of a
    /// session that is announced. Repeat it for several
    #[arg(long = "peer", value_name = "HOST[:PORT]|NAME")]
    peers: Vec<String>,

    /// One more session that others join, each of whom has a port; with a control port, unless any two will do. Repeat it
    /// for several
    #[arg(long = "session", value_name = "NAME[:PORT]", value_parser = session)]
    sessions: Vec<Session>,

    /// Neither announce sessions nor look for others (multicast DNS)
    #[arg(long)]
    no_mdns: bool,

    /// The network interface on which sessions are announced and looked for [default: all but loopback]
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,

    /// Of the sessions that are announced, only those of such names become ports: "organ" is a part of a name, "Studio *" a
    /// pattern, "/^Studio .$/" a regular expression. Repeat it for several [default: *]
    #[arg(long, value_name = "NAME", value_parser = pattern)]
    import: Vec<Text>,

    /// Those of such names do not. Repeat it for several
    #[arg(long, value_name = "NAME", value_parser = pattern)]
    ignore: Vec<Text>,

    /// Announce ports of ALSA and JACK, each as a session, by what rules call them: ".hw" are all devices. Repeat it for several
    #[arg(long, value_name = "PORTS", value_parser = export)]
    export: Vec<Rules>,

    /// Join the group of raw multicast MIDI (ipMIDI, QmidiNet) with so many ports, in the network of an interface if it
    /// is named
    #[arg(long, value_name = "PORTS[@INTERFACE]", value_parser = group)]
    ipmidi: Option<Group>,

    /// Open a device that carries the octets of MIDI, such as /dev/snd/midiC1D0 or a serial line, past ALSA's sequencer, with
    /// a port that has the name of the file unless another one is said. Repeat it for several
    #[arg(long = "rawmidi", value_name = "[NAME=]DEVICE", value_parser = device)]
    devices: Vec<RawDevice>,

    /// A file with rules that say which ports are connected; it is read again at SIGHUP
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,

    /// A rule behind those of the file, such as "keys --> Piano". Repeat it for several
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,

    /// Make no ports of the ALSA sequencer
    #[arg(long)]
    no_alsa: bool,

    /// Answer Prometheus at this port of this machine alone, or at an address with a port, at /metrics
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = metrics::address)]
    metrics: Option<SocketAddr>,

    /// Let no core sleep so deeply that it takes longer to wake; 0 lets none sleep. It takes power, and a right that
    /// rtpmidi doctor looks for [default: cores sleep as they like]
    #[arg(long, value_parser = clap::value_parser!(u32).range(..=cpu_latency::MOST), value_name = "MICROSECONDS")]
    cpu_latency: Option<u32>,

    /// Where it remembers peers, and what has been connected by hand [default: rtpmidi/bridge.json in ~/.local/state,
    /// unless --control makes it another bridge than the usual one]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// Make ports of JACK as well, a pair for each port. For PipeWire, JACK's library must be PipeWire's: pw-jack rtpmidi
    /// bridge
    #[arg(long)]
    jack: bool,

    /// Print what happens as JSON, one object per line
    #[arg(long)]
    pub(super) json: bool,
}

impl Options {
    /// What the bridge is to be, and what is wrong with its rules: lines that make no sense are left out.
    pub(super) fn config(&self) -> Result<(Config, Vec<String>)> {
        let default = config::read(self.file.as_deref())?;
        let (rules, faults) = self.rules(&default)?;
        let config = Config {
            name: self.name.clone().unwrap_or(default.name),
            port: self.port.unwrap_or(default.port),
            participants: self.participants.map_or(default.participants, |count| count as usize),
            admit: if self.admit.is_empty() { default.admit } else { self.admit.clone() },
            mdns: default.mdns && !self.no_mdns,
            interface: self.interface.clone().or(default.interface),
            alsa: default.alsa && !self.no_alsa,
            jack: default.jack || self.jack,
            peers: [default.peers, self.peers.clone()].concat(),
            import: if self.import.is_empty() { default.import } else { self.import.clone() },
            ignore: [default.ignore, self.ignore.clone()].concat(),
            groups: self.ipmidi.clone().map_or(default.groups, |group| vec![group]),
            streams: default.streams,
            devices: [default.devices, self.devices.clone()].concat(),
            sessions: [default.sessions, self.sessions.clone()].concat(),
            metrics: self.metrics.or(default.metrics),
            cpu_latency: self.cpu_latency.or(default.cpu_latency),
            rules,
            rule_file: default.rule_file,
            ..default
        };
        Ok((config, faults))
    }

    /// The file in which it remembers, if it does.
    pub(super) fn state(&self, control: &Place) -> Option<PathBuf> {
        let of_service = || Some(folders::state_of_service()?.join("bridge.json"));
        let of_user = || Some(folders::state()?.join("rtpmidi/bridge.json"));
        let usual = || if control.is_named() { None } else { of_service().or_else(of_user) };
        self.state.clone().or_else(usual)
    }

    /// The rules of the configuration, behind them those of the command line, which overrule them; and what is wrong with
    /// them.
    fn rules(&self, default: &Config) -> Result<(Rules, Vec<String>)> {
        let (mut rules, mut faults) = (default.rules.clone(), Vec::new());
        for export in &self.export {
            rules.extend(export.clone());
        }
        let mut take = |place: &str, Parsed { rules: some, errors }: Parsed| {
            rules.extend(some);
            faults.extend(errors.iter().map(|error| fault(place, error)));
        };
        for path in default.rule_file.iter().chain(&self.rules) {
            take(&path.display().to_string(), Rules::parse(&String::from_utf8_lossy(&read(path)?)));
        }
        for rule in &self.rule {
            take("--rule", without_lines(Rules::parse(rule)));
        }
        Ok((rules, faults))
    }
}

/// Whoever may join; there is nobody to be asked.
pub(super) fn whom(text: &str) -> Result<Admit, String> {
    match text.parse()? {
        Admit::Ask => Err("a bridge has nobody to ask: name networks, or use rtpmidi host".to_owned()),
        admit => Ok(admit),
    }
}

/// `4@eth0`
fn group(text: &str) -> Result<Group, String> {
    let (ports, interface) = text.split_once('@').map_or((text, None), |(ports, interface)| (ports, Some(interface)));
    let ports = number_of_ports(ports.parse().unwrap_or_default())?;
    Ok(Group { ports, interface: interface.map(str::to_owned), ..Group::default() })
}

/// `Piano=/dev/snd/midiC1D0`
fn device(text: &str) -> Result<RawDevice, String> {
    match text.split_once('=').filter(|_| !text.starts_with('/')) {
        Some((name, device)) => RawDevice::new(Some(name.to_owned()), device.into()),
        None => RawDevice::new(None, text.into()),
    }
}

/// `Organ:5010`
fn session(text: &str) -> Result<Session, String> {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().ok().filter(|port| *port < u16::MAX)),
        None => (text, Some(0)),
    };
    match port {
        _ if name.trim().is_empty() => Err("a session has a name".to_owned()),
        Some(port) => Ok(Session { name: name.to_owned(), port, admit: None, participants: None }),
        None => Err(format!("a control port from 0 to 65534 stands behind {name}:")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn config(arguments: &[&str]) -> (Config, Vec<String>) {
        let line = Line::parse_from([&["rtpmidi"], arguments].concat());
        line.options.config().unwrap()
    }

    #[test]
    fn what_is_not_said_stays_as_it_is_by_default() {
        let (config, faults) = config(&[]);
        assert_eq!((config.port, config.mdns, config.alsa, config.groups.len()), (5004, true, true, 0));
        assert!(faults.is_empty() && config.rules.is_empty());
    }

    #[test]
    fn what_is_said_counts() {
        let arguments = ["--name", "Studio", "--ipmidi", "4@lo", "--rule", "a --> b", "--rule", "a b", "--peer", "x"];
        let arguments = [&arguments[..], &["--session", "Organ:5010", "--session", "Piano"]].concat();
        let arguments = [&arguments[..], &["--import", "st*", "--ignore", "stage", "--export", ".hw"]].concat();
        let arguments = [&arguments[..], &["--rawmidi", "Old=/dev/midi1", "--rawmidi", "/dev/a=b"]].concat();
        let (config, faults) = config(&arguments);
        assert_eq!((&config.name[..], config.rules.len(), &config.peers[..]), ("Studio", 2, &["x".to_owned()][..]));
        assert_eq!((config.groups[0].ports, config.groups[0].interface.as_deref()), (4, Some("lo")));
        assert!(config.imports("Studio") && !config.imports("Stage") && !config.imports("Organ"));
        let sessions: Vec<_> = config.sessions.iter().map(|it| (&it.name[..], it.port)).collect();
        assert_eq!(sessions, [("Organ", 5010), ("Piano", 0)]);
        let devices: Vec<_> = config.devices.iter().map(|it| (&it.name[..], it.device.to_str().unwrap())).collect();
        assert_eq!(devices, [("Old", "/dev/midi1"), ("a=b", "/dev/a=b")]);
        assert!(faults.len() == 1 && faults[0].starts_with("--rule:"), "{faults:?}");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_would() {
        for (option, value, words) in [
            ("--ipmidi", "0", "a group has from 1 to 128 ports"),
            ("--ipmidi", "x@lo", "a group has"),
            ("--admit", "ask", "a bridge has nobody to ask"),
            ("--import", "/(/", "unclosed group"),
            ("--export", ".hardware", "character 1:"),
            ("--rawmidi", "Old=midi1", "a path such as /dev/snd/midiC1D0, and not midi1"),
            ("--rawmidi", "=/dev/midi1", "a device has a name"),
            ("--session", ":5010", "a session has a name"),
            ("--session", "Organ:65535", "a control port from 0 to 65534 stands behind Organ:"),
        ] {
            let Err(error) = Line::try_parse_from(["rtpmidi", option, value]) else { panic!("{option} {value}") };
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
