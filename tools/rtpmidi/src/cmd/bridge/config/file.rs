//! The configuration file of a bridge: TOML, of which every key may be left out.

use std::path::{Path, PathBuf};

use port_rules::Rules;
use serde::Deserialize;

use super::connection::Connection;
use super::fault::Fault;
use super::ipmidi::Group;
use super::keys::{Keys, keys};
use super::rawmidi::RawDevice;
use super::recording::Recording;
use super::rtp::Streams;
use super::rules::Written;
use super::session::Session;
use super::settings::Settings;
use super::value::{Export, Metrics, Microseconds, Participants, Pattern, Port, Whom, names};
use super::{Config, connection, settings};
use crate::description::read as octets;
use crate::failure::Result;
use crate::folders;

/// A file with all keys and their defaults in comments.
pub(crate) const DEFAULT: &str = include_str!("default.toml");

/// Where a bridge of the system has its file.
const OF_SYSTEM: &str = "/etc/rtpmidi/bridge.toml";

/// What may stand in it.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    name: Option<String>,
    port: Option<Port>,
    participants: Option<Participants>,
    admit: Option<Vec<Whom>>,
    mdns: Option<bool>,
    interface: Option<String>,
    alsa: Option<bool>,
    jack: Option<bool>,
    peers: Option<Vec<String>>,
    import: Option<Vec<Pattern>>,
    ignore: Vec<Pattern>,
    export: Vec<Export>,
    rules: Option<Written>,
    metrics: Option<Metrics>,
    cpu_latency: Option<Microseconds>,
    ipmidi: Vec<Group>,
    rtp: Vec<Streams>,
    rawmidi: Vec<RawDevice>,
    session: Vec<Session>,
    connection: Vec<Connection>,
    settings: Vec<Settings>,
    recording: Vec<Recording>,
}

/// The keys at the head of a file, and the names of its sections.
pub(super) fn head() -> &'static [&'static str] {
    keys::<File>()
}

/// The sections, and the keys of each.
pub(super) const SECTIONS: [(&str, Keys); 7] = [
    ("ipmidi", keys::<Group>),
    ("rtp", keys::<Streams>),
    ("rawmidi", keys::<RawDevice>),
    ("session", keys::<Session>),
    ("connection", keys::<Connection>),
    ("settings", keys::<Settings>),
    ("recording", keys::<Recording>),
];

/// What the file says, or the usual one if none is named; without any, the default.
pub(in crate::cmd::bridge) fn read(path: Option<&Path>) -> Result<Config> {
    match path.map(Path::to_owned).or_else(usual) {
        None => Ok(Config::default()),
        Some(path) => {
            let text = octets(&path)?;
            let config = parse(&String::from_utf8_lossy(&text)).map_err(|fault| fault.failure(&path))?;
            Ok(beside(&path, config))
        }
    }
}

/// The file that is read when none is named: the user's, or else the system's.
pub(super) fn usual() -> Option<PathBuf> {
    of_user().into_iter().chain([PathBuf::from(OF_SYSTEM)]).find(|path| path.exists())
}

/// Where a user has his file.
pub(super) fn of_user() -> Option<PathBuf> {
    Some(folders::config()?.join("rtpmidi/bridge.toml"))
}

/// The same configuration, with files at their places as seen from its own.
pub(super) fn beside(path: &Path, config: Config) -> Config {
    let place = |file: PathBuf| path.parent().map_or_else(|| file.clone(), |folder| folder.join(&file));
    let recordings = config.recordings.into_iter().map(|recording| recording.beside(path.parent())).collect();
    let streams = config.streams.into_iter();
    let streams = streams.map(|it| Streams { hear: it.hear.map(place), sdp: it.sdp.map(place), ..it }).collect();
    Config { rule_file: config.rule_file.map(place), recordings, streams, ..config }
}

/// Reads a file's text.
pub(super) fn parse(text: &str) -> Result<Config, Fault> {
    let file: File = toml::from_str(text).map_err(|error| Fault::of(text, &error))?;
    let default = Config::default();
    let (written, rule_file) = file.rules.map_or_else(|| Ok(Default::default()), |rules| rules.read(text))?;
    let patterns = |all: Vec<Pattern>| all.into_iter().map(|Pattern(text)| text).collect();
    let mut rules = Rules::default();
    // Rules overrule what is exported.
    file.export.into_iter().map(|Export(rules)| rules).chain([written]).for_each(|more| rules.extend(more));
    Ok(Config {
        name: file.name.unwrap_or(default.name),
        port: file.port.map_or(default.port, |Port(port)| port),
        participants: file.participants.map_or(default.participants, |Participants(count)| count),
        admit: file.admit.map_or(default.admit, names),
        mdns: file.mdns.unwrap_or(default.mdns),
        interface: file.interface.or(default.interface),
        alsa: file.alsa.unwrap_or(default.alsa),
        jack: file.jack.unwrap_or(default.jack),
        peers: file.peers.unwrap_or(default.peers),
        import: file.import.map_or(default.import, patterns),
        ignore: patterns(file.ignore),
        groups: file.ipmidi,
        metrics: file.metrics.map(|Metrics(address)| address),
        cpu_latency: file.cpu_latency.map(|Microseconds(most)| most),
        streams: file.rtp,
        sessions: file.session,
        rules,
        rule_file,
        connections: connection::read(file.connection, text)?,
        ports: settings::by_port(file.settings, &file.rawmidi),
        devices: file.rawmidi,
        recordings: file.recording,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cmd::bridge::settings::{Pace, PortSettings};
    use crate::cmd::bridge::status::Direction;
    use crate::cmd::session::Admit;
    use proptest::prelude::*;

    /// A session of which nothing has been said.
    const NEW: Session = Session { name: String::new(), port: 0, admit: None, participants: None };

    /// What stands in the default behind a single #: at its head, or in a section.
    fn bare(section: &str) -> String {
        let mut at = String::new();
        let mut bare = Vec::new();
        for line in DEFAULT.lines().filter_map(|line| line.strip_prefix("# ")) {
            if line.starts_with('[') {
                at = line.trim_matches(['[', ']']).to_owned();
            }
            // The words at its head are no keys.
            if at == section && (line.starts_with('[') || line.contains(" = ")) {
                bare.push(line);
            }
        }
        bare.join("\n") + "\n"
    }

    #[test]
    fn the_default_says_what_is_so_without_it() {
        for text in [DEFAULT, &bare(""), ""] {
            assert_eq!(format!("{:?}", parse(text).unwrap()), format!("{:?}", Config::default()), "{text}");
        }
        let with = |section, more: &str| parse(&format!("{}{more}", bare(section))).unwrap();
        assert_eq!(with("ipmidi", "").groups, [Group::default()]);
        assert_eq!(with("session", "name = 'Organ'").sessions, [Session { name: "Organ".to_owned(), ..NEW }]);
    }

    #[test]
    fn every_key_is_described() {
        let says = |text: &str, key: &str| text.lines().any(|line| line.starts_with('#') && line.contains(key));
        // What stands before the first section, or in one.
        let part = |section: &str| {
            let header = ["[[", "["].map(|bracket| format!("\n# {bracket}{section}]"));
            let start = if section.is_empty() { Some(0) } else { header.iter().find_map(|it| DEFAULT.find(it)) }?;
            DEFAULT[start..].trim_start().split("\n# [").next()
        };
        for key in head() {
            let is_there = says(part("").unwrap(), &format!("# {key} = ")) || part(key).is_some();
            assert!(is_there, "{key} is not described");
        }
        for (section, keys) in SECTIONS {
            assert!(head().contains(&section), "there is no section {section}");
            for key in keys() {
                let is_there = says(part(section).unwrap(), &format!("# {key} = "));
                assert!(is_there, "{key} of {section} is not described");
            }
        }
    }

    #[test]
    fn what_is_said_is_so() {
        let text = "name = 'Studio'\nport = 0\nparticipants = 3\nadmit = ['everyone']\nmdns = false\ninterface = 'lo'\n\
                    alsa = false\njack = true\npeers = ['organ.local', '192.0.2.7:5006']\nrules = 'studio.rules'\nmetrics = 9104\n\
                    cpu-latency = 20\n\
                    import = ['studio*']\nignore = ['/2$/']\nexport = ['.hw', 'synth:out']\n\
                    [[ipmidi]]\nports = 4\ninterface = 'lo'\ngroup = 'ff12::37'\nbase-port = 7000\nttl = 3\n\
                    loop = false\npeers = ['192.0.2.9']\n[[ipmidi]]\n\
                    [[rtp]]\nname = 'Radio'\nhear = 'radio.sdp'\nplay = 'udp://[::1]:5006'\nsdp = 'out.sdp'\n\
                    interface = 'lo'\nttl = 9\n\
                    [[rawmidi]]\nname = 'Old'\ndevice = '/dev/ttyUSB0'\ndirection = 'out'\nbaud = 31250\n\
                    pace = 'din'\nsegment = 64\ngap = '9ms'\n[[rawmidi]]\ndevice = '/dev/snd/midiC1D0'\n\
                    [[session]]\nname = 'Organ'\nport = 5010\nadmit = ['192.0.2.0/24']\nparticipants = 2\n\
                    [[connection]]\nfrom = 'Piano'\nto = '\"FLUID Synth\"'\nwithout = ['clock', 'active-sense']\n\
                    channels = ['1=10', 2]\ntranspose = -12\n[[settings]]\nport = 'alsa:Synth'\npace = 'din'\n\
                    [[recording]]\nfrom = 'Piano'\npath = 'music'\nevery = '30m'\n";
        let config = parse(text).unwrap();
        assert_eq!((config.name.as_str(), config.port, config.participants), ("Studio", 0, 3));
        assert_eq!((config.metrics, config.cpu_latency), (Some(([127, 0, 0, 1], 9104).into()), Some(20)));
        assert_eq!((&config.admit[..], config.mdns, config.alsa), (&[Admit::Everyone][..], false, false));
        assert_eq!((config.interface.as_deref(), config.peers.len()), (Some("lo"), 2));
        assert!(config.jack);
        let imported = |name| config.imports(name);
        assert!(imported("Studio 1") && !imported("Studio 2") && !imported("Organ"));
        let rules = ".hw <-> \"Network Export\"\nsynth:out <-> \"Network Export\"\n";
        assert_eq!(config.rules.to_string(), rules);
        assert_eq!(config.rule_file.as_deref(), Some(Path::new("studio.rules")));
        let group = Group {
            ports: 4,
            address: "ff12::37".parse().unwrap(),
            base: 7000,
            interface: Some("lo".to_owned()),
            ttl: 3,
            is_looped: false,
            peers: vec!["192.0.2.9".parse().unwrap()],
        };
        assert_eq!(config.groups, [group, Group::default()]);
        let passage = config.connections.passages[0].to_string();
        assert_eq!(passage, "without clock, active-sense; channels 1=10, 2; -12 half tones");
        assert_eq!(config.connections.rules.to_string(), "Piano --> \"FLUID Synth\"\n");
        let said = PortSettings { pace: Some(Pace::Octets(3125)), ..PortSettings::default() };
        let old = &config.devices[0];
        assert_eq!((&old.name[..], old.device.as_path()), ("Old", Path::new("/dev/ttyUSB0")));
        assert_eq!((old.direction, old.baud, old.settings.pace), (Some(Direction::Out), Some(31_250), said.pace));
        assert!(old.settings.segment.is_some() && old.settings.gap.is_some());
        let other = &config.devices[1];
        assert_eq!((&other.name[..], other.direction, other.baud), ("midiC1D0", None, None));
        let settings = [("Old".to_owned(), old.settings.clone()), ("alsa:Synth".to_owned(), said)];
        assert_eq!(config.ports, BTreeMap::from(settings));
        let recording = &config.recordings[0];
        assert_eq!((recording.path.as_path(), recording.every.0), (Path::new("music"), 1800));
        let streams = beside(Path::new("/etc/x.toml"), config.clone()).streams.remove(0);
        assert_eq!((&streams.name[..], streams.play, streams.ttl), ("Radio", "udp://[::1]:5006".parse().ok(), 9));
        assert_eq!(streams.hear.as_deref(), Some(Path::new("/etc/radio.sdp")));
        assert_eq!((streams.sdp, streams.interface.as_deref()), (Some("/etc/out.sdp".into()), Some("lo")));
        let session = &config.sessions[0];
        assert_eq!((&session.name[..], session.port, session.participants), ("Organ", 5010, Some(2)));
        assert_eq!(session.admit, Some(vec!["192.0.2.0/24".parse().unwrap()]));
    }

    #[test]
    fn what_makes_no_sense_has_its_place_and_what_was_meant() {
        for (text, place, message, hint) in [
            ("\nprot = 5004\n", ":2:1", "there is no key prot", Some("it may be port")),
            ("xyzzy = 1\n", ":1:1", "there is no key xyzzy", Some("there are name, port")),
            ("port = 65535\n", ":1:8", "has no port above it", None),
            ("port = 70000\n", ":1:8", "70000", None),
            ("participants = 0\n", ":1:16", "from 1 to 10000", None),
            ("admit = ['everyone', 'friends']\n", ":1:9", "\"friends\": it is neighbours", None),
            ("admit = ['ask']\n", ":1:9", "nobody to ask", None),
            ("name = \n", ":1:", "", None),
            ("\n[[ipmidi]]\nttll = 1\n", ":3:1", "there is no key ttll in ipmidi", Some("it may be ttl")),
            ("[[ipmidi]]\nxyzzy = 1\n", ":2:1", "no key xyzzy", Some("there are ports, group")),
            ("[[ipmidi]]\nports = 0\n", ":2:9", "from 1 to 128", None),
            ("[[ipmidi]]\nttl = 256\n", ":2:7", "256", None),
            ("[[ipmidi]]\ngroup = '192.0.2.7'\n", ":2:9", "no multicast group", None),
            ("[[ipmid]]\nports = 1\n", ":1:3", "there is no key ipmid", Some("it may be ipmidi")),
            ("[[rtp]]\nname = 'Radio'\n", ":1:1", "Radio neither hears nor plays", None),
            ("[[rtp]]\nname = 'Radio'\nplay = '192.0.2.7'\n", ":1:1", "\"192.0.2.7\": it starts with udp://", None),
            ("[[rtp]]\nname = 'Radio'\nhear = 'a'\nsdp = 'b'\n", ":1:1", "plays nothing that could be", None),
            ("[[rtp]]\nname = 'Radio'\nhear = 'a'\nannounce = true\n", ":1:1", "plays nothing that could be", None),
            (
                "[[rtp]]\nname = 'Radio'\nhear = 'a'\nspd = 'b'\n",
                ":4:1",
                "no key spd in rtp",
                Some("there are name, hear"),
            ),
            ("[[rawmidi]]\nname = 'Old'\n", ":1:1", "missing field `device`", None),
            ("[[rawmidi]]\ndevice = 'midi'\n", ":1:1", "a path such as /dev/snd/midiC1D0, and not midi", None),
            ("[[rawmidi]]\ndevice = '/'\n", ":1:1", "/ is no device", None),
            ("[[rawmidi]]\nname = ''\ndevice = '/dev/midi'\n", ":1:1", "a device has a name", None),
            ("[[rawmidi]]\ndevice = '/dev/midi'\nbaud = 0\n", ":1:1", "such as baud = 31250", None),
            ("[[rawmidi]]\ndevice = '/dev/midi'\ndirection = 'on'\n", ":3:13", "unknown variant `on`", None),
            ("[[rawmidi]]\ndevice = '/dev/midi'\npace = 'fast'\n", ":3:8", "din (31,250 baud)", None),
            ("[[rawmidi]]\ndevise = '/dev/midi'\n", ":2:1", "no key devise in rawmidi", Some("it may be device")),
            ("[[session]]\nport = 5010\n", ":1:1", "missing field `name`", None),
            ("[[session]]\nname = ' '\n", ":2:8", "a session has a name", None),
            ("rules = ['a --> b',\n  'a -> ']\n", ":2:3", "(character 6 of the rule)", Some("")),
            ("import = ['a', '/(/']\n", ":1:10", "\"/(/\", character 1: regular expression: unclosed group", None),
            ("ignore = ['a:b']\n", ":1:10", "character 2:", None),
            ("export = ['.hardware']\n", ":1:10", "character 1:", None),
            ("[[connection]]\nfrom = 'a'\nto = '.hardware'\n", ":3:6", "\".hardware\": ", Some("")),
            ("[[connection]]\nfrom = '@a'\nto = 'b'\n", ":2:8", "these are no ports", Some("as in rules")),
            ("[[connection]]\nfrom = 'a'\nto = 'b'\nwithout = ['clocks']\n", ":4:", "there are notes, ", None),
            ("[[connection]]\nfrom = 'a'\nto = 'b'\nchannels = [17]\n", ":4:", "such as 1, 1-8", None),
            ("[[settings]]\nport = 'a'\npace = 'fast'\n", ":3:8", "din (31,250 baud)", None),
            ("[[recording]]\nfrom = 'a'\npath = 'x.mid'\nevery = '2d'\n", ":4:9", "from 1s to 24h", None),
            ("rules = 3\n", ":1:9", "a file with rules, or a list of rules", None),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(fault.place.starts_with(place) && fault.message.contains(message), "{text} {fault:?}");
            assert_eq!(fault.hint.is_some(), hint.is_some(), "{fault:?}");
            assert!(hint.is_none_or(|hint| fault.hint.as_ref().is_some_and(|said| said.contains(hint))), "{fault:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[a-z=\\[\\]'\"0-9 .\n#ä]{0,80}") {
            if let Err(fault) = parse(&text) {
                prop_assert!(fault.failure(Path::new("x")).to_string().starts_with("error: x"));
            }
        }
    }
}
