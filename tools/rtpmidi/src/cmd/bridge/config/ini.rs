//! `rtpmidi bridge init --import-ini`: what a configuration of rtpmidid says, as one of ours.
//!
//! Its form is simple and its own: `#` begins a comment wherever it stands, and sections may stand several times. Each key
//! becomes one of ours, or a comment that says why it does not.

use port_rules::Text;
use toml::Value;

use super::rawmidi::RawDevice;
use super::value::{export, pattern};
use crate::cmd::bridge::EXPORT;
use crate::cmd::session::machine;
use crate::description::printable;

/// A section with its keys, in their order.
struct Section {
    name: String,
    keys: Vec<Key>,
}

struct Key {
    line: usize,
    name: String,
    value: String,
}

/// What has been translated: lines for the head of a file, and those of its sections.
#[derive(Default)]
struct Toml {
    head: Vec<String>,
    peers: Vec<String>,
    rules: Vec<String>,
    sections: Vec<Vec<String>>,
}

/// What it says for the name of the machine.
const HOSTNAME: &str = "{{hostname}}";

/// The port that it takes where none is named.
const PORT: &str = "5004";

/// Translates a file; or says which line of it makes no sense.
pub(super) fn translate(text: &str) -> Result<String, String> {
    let sections = parse(text)?;
    let mut toml = Toml::default();
    toml.announcements(&sections);
    for section in &sections {
        match section.name.as_str() {
            "general" => toml.general(section),
            // They are one thing together.
            "rtpmidi_announce" => {}
            "rtpmidi_discover" => toml.discover(section),
            "alsa_announce" => toml.alsa_announce(section),
            "connect_to" => toml.connect_to(section),
            "alsa_hw_auto_export" => toml.export(section),
            "rawmidi" => toml.rawmidi(section),
            name => toml.head.push(comment(&format!("rtpmidid has no section [{name}]"))),
        }
    }
    if !sections.iter().any(|section| section.name == "alsa_announce") {
        toml.head.push(comment(&format!("without [alsa_announce] there was no port {EXPORT}; here there is")));
    }
    Ok(toml.print())
}

fn parse(text: &str) -> Result<Vec<Section>, String> {
    let mut sections: Vec<Section> = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.split('#').next().unwrap_or_default().trim();
        let nonsense = |what: &str| Err(format!(":{line}: {what}: {}", printable(text)));
        if text.is_empty() {
            continue;
        }
        if let Some(name) = text.strip_prefix('[') {
            let Some(name) = name.strip_suffix(']') else { return nonsense("a section ends with ]") };
            sections.push(Section { name: name.to_owned(), keys: Vec::new() });
        } else {
            let Some((name, value)) = text.split_once('=') else { return nonsense("neither a section nor a key") };
            let Some(section) = sections.last_mut() else { return nonsense("a key before the first section") };
            let value = value.trim().replace(HOSTNAME, &machine());
            section.keys.push(Key { line, name: name.trim().to_owned(), value });
        }
    }
    Ok(sections)
}

impl Section {
    fn get(&self, name: &str) -> Option<&str> {
        // The last one counts.
        self.keys.iter().rev().find(|key| key.name == name).map(|key| key.value.as_str()).filter(|it| !it.is_empty())
    }

    /// Its keys other than these.
    fn others(&self, known: &[&str]) -> impl Iterator<Item = String> {
        let others = self.keys.iter().filter(|key| !known.contains(&key.name.as_str()));
        others.map(|key| comment(&format!("line {}: rtpmidid has no key {} in [{}]", key.line, key.name, self.name)))
    }
}

impl Toml {
    fn general(&mut self, section: &Section) {
        if let Some(name) = section.get("alsa_name") {
            self.note(&format!("alsa_name={name}: the client of ALSA is called like the session"));
        }
        if let Some(path) = section.get("control") {
            self.note(&format!("control={path}: rtpmidi bridge --control PATH, and another language: docs/control.md"));
        }
        if let Some(level) = section.get("log_level") {
            self.note(&format!("log_level={level}: all is told; journalctl -p chooses"));
        }
        self.head.extend(section.others(&["alsa_name", "control", "log_level"]));
    }

    /// The first session is the bridge's own, and the others are beside it.
    fn announcements(&mut self, sections: &[Section]) {
        let mut all = sections.iter().filter(|section| section.name == "rtpmidi_announce");
        let known = ["name", "port"];
        match all.next() {
            Some(own) => {
                // The name of the machine is what the bridge takes by itself, on whatever machine.
                let name = own.get("name").filter(|name| *name != machine());
                self.head.extend(name.map(|name| set("name", name)));
                self.head.extend(port(own.get("port").unwrap_or(PORT), 5004));
                self.head.extend(own.others(&known));
            }
            None => {
                self.note("without [rtpmidi_announce] nobody could join; so it is here");
                self.head.push("admit = []".to_owned());
            }
        }
        for more in all {
            let name = more.get("name").map_or_else(machine, str::to_owned);
            let lines = ["[[session]]".to_owned(), set("name", &name)].into_iter();
            let lines = lines.chain(port(more.get("port").unwrap_or("0"), 0));
            self.sections.push(lines.chain(more.others(&known)).collect());
        }
    }

    fn discover(&mut self, section: &Section) {
        let known = ["enabled", "name_positive_regex", "name_negative_regex"];
        let is_enabled = section.get("enabled").is_none_or(|enabled| enabled == "true");
        let (wanted, unwanted) = (section.get(known[1]).unwrap_or(".*"), section.get(known[2]).unwrap_or("^$"));
        if [wanted, unwanted].iter().any(|it| it.contains([':', '/'])) {
            self.note("expressions met server:port/name there; here they meet the name alone");
        }
        if !is_enabled {
            self.head.push("import = []".to_owned());
        } else if ![".*", ""].contains(&wanted) {
            self.pattern("import", wanted);
        }
        if !["^$", ""].contains(&unwanted) {
            self.pattern("ignore", unwanted);
        }
        self.head.extend(section.others(&known));
    }

    fn pattern(&mut self, key: &str, expression: &str) {
        let text = slashes(expression);
        match pattern(&text) {
            Ok(_) => self.head.push(format!("{key} = [{}]", quoted(&text))),
            Err(why) => self.note(&format!("{key}: {why}")),
        }
    }

    fn alsa_announce(&mut self, section: &Section) {
        if let Some(name) = section.get("name").filter(|name| *name != EXPORT) {
            self.note(&format!("the port {name} of ALSA is called {EXPORT} here"));
        }
        self.head.extend(section.others(&["name"]));
    }

    fn connect_to(&mut self, section: &Section) {
        let Some(host) = section.get("hostname").or_else(|| section.get("name")) else {
            return self.note("[connect_to] without a hostname: nobody is called");
        };
        self.call(host, section.get("port"));
        if let Some(name) = section.get("name").filter(|name| *name != host) {
            self.note(&format!("{host} was called {name}; here his port has the name by which he is called"));
        }
        self.note_the_port(section.get("local_udp_port"));
        self.head.extend(section.others(&["hostname", "port", "name", "local_udp_port"]));
    }

    fn call(&mut self, host: &str, port: Option<&str>) {
        self.peers.push(match port.filter(|port| *port != PORT) {
            Some(port) if host.contains(':') => format!("[{host}]:{port}"),
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        });
    }

    fn export(&mut self, section: &Section) {
        let known = ["type", "name_positive_regex", "name_negative_regex"];
        let kinds: &[&str] = match section.get("type") {
            None | Some("none") => &[],
            Some("hardware") => &[".hw"],
            Some("software") => &[".app"],
            Some("all") => &[".hw", ".app"],
            Some(other) => {
                self.note(&format!("type={other}: ports of the system itself are not exported"));
                &[]
            }
        };
        let (wanted, unwanted) = (section.get(known[1]).unwrap_or(".*"), section.get(known[2]).unwrap_or("^$"));
        let ports: Vec<String> = kinds
            .iter()
            .map(|kind| if wanted == ".*" { (*kind).to_owned() } else { format!("{kind} {}", slashes(wanted)) })
            .collect();
        if let Some(why) = ports.iter().find_map(|ports| export(ports).err()) {
            self.note(&format!("export: {why}"));
        } else if !ports.is_empty() {
            let ports: Vec<String> = ports.iter().map(|ports| quoted(ports)).collect();
            self.head.push(format!("export = [{}]", ports.join(", ")));
            if !["^$", ""].contains(&unwanted) {
                match pattern(&slashes(unwanted)) {
                    Ok(_) => {
                        let unwanted = slashes(unwanted);
                        self.rules.push(format!("{unwanted} -x-> \"{EXPORT}\""));
                        self.rules.push(format!("{unwanted} <-x- \"{EXPORT}\""));
                    }
                    Err(why) => self.note(&format!("what is not exported: {why}")),
                }
            }
        }
        self.head.extend(section.others(&known));
    }

    /// A device, and the session that it was joined with: one of its own, or that of a host.
    fn rawmidi(&mut self, section: &Section) {
        let known = ["device", "name", "hostname", "remote_udp_port", "local_udp_port"];
        let path = section.get("device").unwrap_or_default();
        match RawDevice::new(section.get("name").map(str::to_owned), path.into()) {
            Err(why) => self.note(&format!("[rawmidi] device={path}: {why}")),
            Ok(RawDevice { name, .. }) => {
                self.sections.push(vec!["[[rawmidi]]".to_owned(), set("name", &name), set("device", path)]);
                self.join(&name, section);
            }
        }
        self.head.extend(section.others(&known));
    }

    fn join(&mut self, name: &str, section: &Section) {
        let (local, remote) = (section.get("local_udp_port"), section.get("remote_udp_port"));
        let others = match section.get("hostname").filter(|host| *host != "0.0.0.0") {
            Some(host) => {
                self.call(host, remote);
                self.note_the_port(local);
                self.peers.last().map(|peer| Text::exact(peer).to_string())
            }
            None => {
                let lines = ["[[session]]".to_owned(), set("name", name)].into_iter();
                self.sections.push(lines.chain(port(local.unwrap_or("0"), 0)).collect());
                // Whoever takes part has a port SESSION/PARTICIPANT.
                Some(slashes(&format!("^{}/", regex::escape(name))))
            }
        };
        self.rules.extend(others.map(|others| format!("{} <-> {others}", Text::exact(name))));
    }

    fn note_the_port(&mut self, port: Option<&str>) {
        if let Some(port) = port {
            self.note(&format!("local_udp_port={port}: the bridge has one port for all its sessions, which is port"));
        }
    }

    fn note(&mut self, words: &str) {
        self.head.push(comment(words));
    }

    fn print(self) -> String {
        let list = |key: &str, all: &[String]| {
            let all: Vec<String> = all.iter().map(|text| quoted(text)).collect();
            (!all.is_empty()).then(|| format!("{key} = [{}]", all.join(", ")))
        };
        let mut lines = vec!["# A bridge, for rtpmidi bridge, as rtpmidid was set up.".to_owned()];
        lines.extend(self.head);
        lines.extend(list("peers", &self.peers));
        lines.extend(list("rules", &self.rules));
        for section in self.sections {
            lines.push(String::new());
            lines.extend(section);
        }
        lines.join("\n") + "\n"
    }
}

fn set(key: &str, value: &str) -> String {
    format!("{key} = {}", quoted(value))
}

/// The key of a port; nothing where it is the one that is taken anyway, and words where it is none.
fn port(value: &str, usual: u16) -> Option<String> {
    match value.parse::<u16>() {
        Ok(port) if port == usual => None,
        Ok(port) if port < u16::MAX => Some(format!("port = {port}")),
        _ => Some(comment(&format!("port={value}: this is no port of a session"))),
    }
}

/// A regular expression as rules have it.
fn slashes(expression: &str) -> String {
    let mut text = "/".to_owned();
    let mut is_escaped = false;
    for character in expression.chars() {
        if character == '/' && !is_escaped {
            text.push('\\');
        }
        is_escaped = character == '\\' && !is_escaped;
        text.push(character);
    }
    text + "/"
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

fn comment(words: &str) -> String {
    format!("# {}", printable(words).replace('\n', " "))
}
