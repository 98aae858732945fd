//! `rtpmidi patch list`: which ports there are, and what is connected.

use port_rules::{Flow, Kind, Media, Patchbay, Port, Rules};
use regex::RegexBuilder;
use serde_json::{Value, json};

use super::live;
use super::memory::{AMBIGUOUS, Pinned, pin};
use crate::description::printable;
use crate::failure::Result;
use crate::ports;
use crate::report::{Audience, data};

/// List ports, and connections as rules that would make them.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub(crate) struct Args {
    /// Only what has one of these texts in a name, or matches one as a regular expression; in capitals or not, unless
    /// the text has capitals itself
    #[arg(value_name = "TEXT")]
    texts: Vec<String>,

    /// List ports that something comes out of
    #[arg(short, long)]
    outputs: bool,

    /// List ports that something goes into
    #[arg(short, long)]
    inputs: bool,

    /// List connections, as rules
    #[arg(short, long)]
    connections: bool,

    /// Show other names of each port
    #[arg(short, long)]
    aliases: bool,

    /// Show the names that metadata give the ports
    #[arg(short = 'n', long)]
    pretty_names: bool,

    #[command(flatten)]
    servers: live::ServerOptions,

    /// Print JSON, one object per line
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi patch list -oian launchpad
  rtpmidi patch list --connections > studio.rules
  rtpmidi patch list --json | jq -r 'select(.kind == \"hardware\").name'

Without -o, -i and -c all three are listed.";

/// Lists what was asked for.
pub(super) fn run(args: &Args) -> Result<()> {
    let bay = args.servers.look(Rules::default())?;
    let all = !(args.outputs || args.inputs || args.connections);
    let fits = |port: &Port| args.texts.is_empty() || args.texts.iter().any(|text| is_called(port, text));
    let mut sections: Vec<(&str, Vec<String>)> = Vec::new();
    let ports: Vec<_> = bay.ports().into_iter().filter(|port| fits(port)).collect();
    let lines =
        |goes: fn(&Port) -> bool| ports.iter().filter(|port| goes(port)).flat_map(|port| args.words(port)).collect();
    if args.json && (all || args.outputs || args.inputs) {
        let is_meant = |port: &&&Port| all || args.outputs && port.is_source() || args.inputs && port.is_sink();
        sections.push(("", ports.iter().filter(is_meant).map(|port| object(port).to_string()).collect()));
    } else {
        if all || args.outputs {
            sections.push(("# outputs", lines(Port::is_source)));
        }
        if all || args.inputs {
            sections.push(("# inputs", lines(Port::is_sink)));
        }
    }
    if all || args.connections {
        let connections = bay.connections().into_iter().filter(|(from, to)| fits(from) || fits(to));
        sections.push(("# connections", connections.map(|(from, to)| args.connection(&bay, from, to)).collect()));
    }
    let count = sections.len();
    for (title, lines) in sections {
        // A heading reads as a comment in a rule file; a single section needs none.
        let heading = (count > 1 && !args.json).then(|| title.to_owned());
        for line in heading.into_iter().chain(lines) {
            if data(&line)? == Audience::Gone {
                return Ok(());
            }
        }
    }
    Ok(())
}

impl Args {
    /// A port in one line, with its other names below.
    fn words(&self, port: &Port) -> Vec<String> {
        let address = match (port.client_number, port.number) {
            (Some(client), Some(port)) => format!(" {client}:{port}"),
            _ => String::new(),
        };
        let mut lines = vec![format!(
            "{}  ({}{address}, {}{})",
            port.full_name(),
            ports::title(port.graph),
            kind(port.kind),
            media(port.media)
        )];
        if self.aliases {
            lines.extend(port.aliases.iter().map(|alias| format!("    {alias}")));
        }
        if self.pretty_names {
            lines.extend(port.pretty.iter().map(|pretty| format!("    {}:{pretty}", port.client)));
        }
        lines.iter().map(|line| printable(line).replace('\n', " ")).collect()
    }

    fn connection(&self, bay: &Patchbay, from: &Port, to: &Port) -> String {
        let Pinned { rule, is_alone } = pin(bay, from, to);
        if self.json {
            let (from, to, server) = (from.full_name(), to.full_name(), ports::title(from.graph));
            json!({"type": "connection", "server": server, "from": from, "to": to, "rule": rule.to_string(), "unique": is_alone})
                .to_string()
        } else if is_alone {
            rule.to_string()
        } else {
            format!("{rule}  # {AMBIGUOUS}")
        }
    }
}

/// Whether one of the port's names has a text in it, or matches it.
fn is_called(port: &Port, text: &str) -> bool {
    let ignores_case = text.to_lowercase() == text;
    let regex = RegexBuilder::new(text).case_insensitive(ignores_case).build().ok();
    let pretty = port.pretty.iter().map(|pretty| format!("{}:{pretty}", port.client));
    std::iter::once(port.full_name()).chain(pretty).chain(port.aliases.iter().cloned()).any(|name| {
        let has_it = if ignores_case { name.to_lowercase().contains(text) } else { name.contains(text) };
        has_it || regex.as_ref().is_some_and(|regex| regex.is_match(&name))
    })
}

fn object(port: &Port) -> Value {
    json!({
        "type": "port",
        "server": ports::title(port.graph),
        "name": port.full_name(),
        "client": port.client,
        "port": port.name,
        "client_number": port.client_number,
        "number": port.number,
        "flow": match port.flow {
            Flow::Source => "output",
            Flow::Sink => "input",
            Flow::Both => "both",
        },
        "kind": match port.kind {
            Kind::Hardware => Some("hardware"),
            Kind::Application => Some("application"),
            Kind::Unknown => None,
        },
        "media": media(port.media).trim_start_matches(", "),
        "aliases": port.aliases,
        "pretty_name": port.pretty,
    })
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Hardware => "device",
        Kind::Application => "program",
        Kind::Unknown => "system",
    }
}

const fn media(media: Media) -> &'static str {
    match media {
        Media::Midi => ", midi",
        Media::Audio => ", audio",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use port_rules::{Graph, Id};

    #[test]
    fn devices_of_one_name_are_listed_so_that_their_rules_mean_each_alone() {
        let mut bay = Patchbay::new(Rules::default());
        let mut port = |id, client: &str, alias: &str, flow| {
            let port = Port { aliases: vec![alias.to_owned()], ..Port::new(Id(id), Graph::Alsa, client, "MIDI", flow) };
            bay.insert(port.clone());
            port
        };
        let keys = [port(1, "Keys", "serial A:MIDI", Flow::Source), port(2, "Keys", "serial B:MIDI", Flow::Source)];
        let synth = port(3, "Synth", "synth", Flow::Sink);
        let rules = keys.each_ref().map(|keys| pin(&bay, keys, &synth).rule.to_string());
        assert_eq!(rules, [r#""serial A":"MIDI" --> "Synth":"MIDI""#, r#""serial B":"MIDI" --> "Synth":"MIDI""#]);
    }

    #[test]
    fn a_text_means_what_it_says_or_matches() {
        let mut port = Port::new(Id(1), Graph::Jack, "Midi-Bridge", "Launchpad Open: Port (capture)", Flow::Source);
        port.aliases.push("usb:keys".to_owned());
        for text in ["launchpad", "Port (capture)", "^Midi.*Open", "usb:", "(capture)"] {
            assert!(is_called(&port, text), "{text}");
        }
        for text in ["LAUNCHPAD", "pad$", "(", "Keys"] {
            assert_eq!(is_called(&port, text), text == "(", "{text}");
        }
    }
}
