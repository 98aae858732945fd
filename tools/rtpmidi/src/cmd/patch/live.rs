//! The servers that there are just now.

use port_rules::{Graph, Patchbay, Rules};

use crate::description::printable;
use crate::failure::{Failure, Result};
use crate::ports::{self, GRAPHS, Missing};

/// Which servers are meant.
#[derive(clap::Args)]
pub(super) struct ServerOptions {
    /// Leave ports of the ALSA sequencer alone
    #[arg(long, conflicts_with = "no_jack")]
    no_alsa: bool,

    /// Leave ports of JACK and PipeWire alone
    #[arg(long)]
    no_jack: bool,

    /// What this program calls itself at the servers
    #[arg(long, default_value = "rtpmidi patch", value_name = "NAME")]
    pub(super) client_name: String,
}

impl ServerOptions {
    /// The servers that are meant.
    pub(super) fn graphs(&self) -> impl Iterator<Item = Graph> + use<> {
        let (no_alsa, no_jack) = (self.no_alsa, self.no_jack);
        GRAPHS.into_iter().filter(move |graph| match graph {
            Graph::Alsa => !no_alsa,
            Graph::Jack => !no_jack,
            Graph::Network => true,
        })
    }

    /// All ports and connections there are, with rules for them. What is missing is told of; where all is, it fails.
    pub(super) fn look(&self, rules: Rules) -> Result<Patchbay> {
        let mut bay = Patchbay::new(rules);
        let mut missing = Vec::new();
        let mut found = 0;
        for graph in self.graphs() {
            match ports::open(graph, &self.client_name, None) {
                Ok(server) => {
                    found += 1;
                    let survey = server.survey();
                    survey.ports.into_iter().for_each(|port| bay.insert(port));
                    survey.connections.iter().for_each(|&(from, to)| bay.connected(from, to));
                }
                Err(reason) => missing.push(reason),
            }
        }
        if found == 0 {
            return Err(nothing(&missing));
        }
        for reason in &missing {
            eprintln!("warning: {}", printable(&reason.to_string()));
        }
        Ok(bay)
    }
}

/// No server is there.
pub(super) fn nothing(missing: &[Missing]) -> Failure {
    let words: Vec<_> = missing.iter().map(Missing::words).collect();
    let hints: Vec<_> = missing.iter().filter_map(Missing::advice).collect();
    let failure = Failure::new(words.join(", and "));
    if hints.is_empty() { failure } else { failure.hint(hints.join("; ")) }
}
