//! `rtpmidi patch explain`: why two ports are connected or not.

use port_rules::{Act, Explanation, Patchbay, Port, Side};
use serde_json::{Value, json};

use super::memory::MemoryOptions;
use super::{live, source};
use crate::description::printable;
use crate::failure::{Failure, Result};
use crate::report::{Audience, data};

/// Say why two ports are connected or not, by which rule.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The port that something comes out of: its name, an alias, or a part of one
    #[arg(value_name = "A")]
    from: String,

    /// The port that it goes into
    #[arg(value_name = "B")]
    to: String,

    #[command(flatten)]
    rules: source::RuleOptions,

    #[command(flatten)]
    memory: MemoryOptions,

    #[command(flatten)]
    servers: live::ServerOptions,

    /// Print JSON, one object per line
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi patch explain keys synth --rules studio.rules --learn
  rtpmidi patch explain 'Launchpad Pro:Live' 'Pure Data:Midi-In 1'

Give it the options of the one that runs: with --learn it knows what that has learnt. That somebody has pulled a cable
by hand, which stays so until the port comes anew, it cannot know. Nothing is connected. Where parts of names mean
several ports, each pair is explained.";

/// As many pairs are explained as somebody may want to read.
const PAIRS: usize = 16;

/// Explains all pairs that are meant.
pub(super) fn run(args: &Args) -> Result<()> {
    let source = args.rules.read()?;
    let (memory, faults) = args.memory.open()?;
    for fault in source.faults.iter().chain(&faults) {
        eprintln!("warning: {}", printable(fault));
    }
    let rules = memory.map_or_else(|| source.rules.clone(), |memory| memory.behind(&source.rules));
    let bay = args.servers.look(rules)?;
    let sources = find(&bay, &args.from, Port::is_source, "nothing comes out of")?;
    let sinks = find(&bay, &args.to, Port::is_sink, "nothing goes into")?;
    if sources.len() * sinks.len() > PAIRS {
        let names: Vec<_> = sources.iter().chain(&sinks).take(PAIRS).map(|port| port.full_name()).collect();
        return Err(Failure::new(format!("{} and {} mean {} pairs", args.from, args.to, sources.len() * sinks.len()))
            .hint(format!("write a whole name, such as {}", names.join(", "))));
    }
    for (from, to) in sources.iter().flat_map(|from| sinks.iter().map(move |to| (from, to))) {
        let Some(why) = bay.explain(from.id, to.id) else { continue };
        let told = if args.json { object(&why).to_string() } else { printable(why.to_string().trim_end()) };
        if data(&told)? == Audience::Gone {
            break;
        }
    }
    Ok(())
}

/// The ports that are called so; those that have it as a part of their names, if none is.
fn find<'a>(bay: &'a Patchbay, name: &str, goes: fn(&Port) -> bool, otherwise: &str) -> Result<Vec<&'a Port>> {
    let called = |port: &Port, fits: &dyn Fn(&str) -> bool| {
        let short = format!("{}:{}", port.client, port.short_name());
        let pretty = port.pretty.iter().map(|pretty| format!("{}:{pretty}", port.client));
        [port.full_name(), short].into_iter().chain(pretty).chain(port.aliases.iter().cloned()).any(|name| fits(&name))
    };
    let lower = name.to_lowercase();
    let all = bay.ports();
    let with = |fits: &dyn Fn(&str) -> bool| all.iter().copied().filter(|port| called(port, fits)).collect::<Vec<_>>();
    let exact = with(&|other| other == name);
    let found = if exact.is_empty() { with(&|other| other.to_lowercase().contains(&lower)) } else { exact };
    if found.is_empty() {
        return Err(Failure::new(format!("there is no port {name}")).hint("rtpmidi patch list shows all ports"));
    }
    // One that goes the wrong way alone is an answer too, but said at once.
    let going: Vec<_> = found.iter().copied().filter(|port| goes(port)).collect();
    if going.is_empty() {
        return Err(Failure::new(format!("{otherwise} {}", found[0].full_name())));
    }
    Ok(going)
}

fn object(why: &Explanation) -> Value {
    let act = |act| if act == Act::Connect { "connect" } else { "disconnect" };
    let rules: Vec<_> = why
        .rules
        .iter()
        .map(|reason| json!({"line": reason.line, "rule": reason.text, "action": format!("{:?}", reason.action).to_lowercase(), "tapped": reason.tapped}))
        .collect();
    let near: Vec<_> = why
        .near
        .iter()
        .map(|near| json!({"line": near.line, "rule": near.text, "misses": if near.misses == Side::From { "from" } else { "to" }}))
        .collect();
    json!({
        "type": "explanation",
        "from": why.from,
        "to": why.to,
        "connected": why.connected,
        "obstacle": why.obstacle.map(|obstacle| obstacle.to_string()),
        "change": why.change.map(act),
        "rules": rules,
        "near": near,
        "taken_by": why.taken_by,
    })
}
