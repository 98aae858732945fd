//! One side of a rule: which ports it means.

use crate::port::{Graph, Kind, Media, Port};
use crate::text::{Form, Groups, Name, Text};

/// Which ports one side of a rule means: those with all of its properties and one of its names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// Whether the sources are meant that feed the ports, and not the ports themselves (`@`).
    pub tap: bool,
    /// What the ports must be.
    pub properties: Vec<Property>,
    /// What they must be called.
    pub names: Names,
}

/// A property of ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Property {
    /// `.hw`, `.app`
    Kind(Kind),
    /// `.alsa`, `.jack`, `.net`
    Graph(Graph),
    /// `.midi`, `.audio`
    Media(Media),
}

/// What ports are called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Names {
    /// Anything.
    All,
    /// `client:port` as a whole.
    Whole(Text),
    /// Client and port each.
    Client(Text, Which),
}

/// Which ports of a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Which {
    /// The first one that goes the way of the rule.
    First,
    /// The one with this number.
    Number(u32),
    /// Those with such names.
    Named(Text),
}

/// The words for properties.
pub(crate) const PROPERTIES: [(&str, Property); 7] = [
    (".hw", Property::Kind(Kind::Hardware)),
    (".app", Property::Kind(Kind::Application)),
    (".alsa", Property::Graph(Graph::Alsa)),
    (".jack", Property::Graph(Graph::Jack)),
    (".net", Property::Graph(Graph::Network)),
    (".midi", Property::Media(Media::Midi)),
    (".audio", Property::Media(Media::Audio)),
];

/// All names of a port, ready to be compared.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    /// Real name, aliases and pretty name, as a whole and cut at the first colon.
    names: Vec<(Name, Option<(Name, Name)>)>,
    /// Client and short name.
    short: Option<(Name, Name)>,
}

/// Whether a port is its client's first one, each way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct First {
    pub(crate) source: bool,
    pub(crate) sink: bool,
}

impl Called {
    pub(crate) fn new(port: &Port) -> Self {
        let real = (Name::new(&port.full_name()), Some((Name::new(&port.client), Name::new(&port.name))));
        let aliases = port.aliases.iter().map(|alias| {
            (Name::new(alias), alias.split_once(':').map(|(client, name)| (Name::new(client), Name::new(name))))
        });
        let pretty = port.pretty.iter().map(|pretty| {
            let full = Name::new(&format!("{}:{pretty}", port.client));
            (full, Some((Name::new(&port.client), Name::new(pretty))))
        });
        let short = (port.short_name() != port.name).then(|| (Name::new(&port.client), Name::new(port.short_name())));
        Self { names: std::iter::once(real).chain(aliases).chain(pretty).collect(), short }
    }

    /// Client and port of every name.
    fn pairs(&self) -> impl Iterator<Item = &(Name, Name)> {
        self.names.iter().filter_map(|(_, pair)| pair.as_ref()).chain(&self.short)
    }
}

impl Endpoint {
    /// The port of exactly this name, with which a connection can be remembered.
    pub fn exact(port: &Port) -> Self {
        let names = Names::Client(Text::exact(&port.client), Which::Named(Text::exact(&port.name)));
        Self { tap: false, properties: Vec::new(), names }
    }

    /// Whether this side names no client at all.
    pub(crate) fn is_wild(&self) -> bool {
        match &self.names {
            Names::All => true,
            Names::Whole(_) => false,
            Names::Client(client, _) => client.form() == Form::Any,
        }
    }

    /// The texts that may have placeholders or groups.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Text> {
        let (first, second) = match &self.names {
            Names::All => (None, None),
            Names::Whole(text) => (Some(text), None),
            Names::Client(client, Which::Named(port)) => (Some(client), Some(port)),
            Names::Client(client, _) => (Some(client), None),
        };
        first.into_iter().chain(second)
    }

    pub(crate) fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.texts().flat_map(|text| text.template().placeholders())
    }

    /// The same side with names in place of its placeholders.
    pub(crate) fn filled(&self, groups: &Groups) -> Option<Self> {
        let names = match &self.names {
            Names::All => Names::All,
            Names::Whole(text) => Names::Whole(text.filled(groups)?),
            Names::Client(client, Which::Named(port)) => {
                Names::Client(client.filled(groups)?, Which::Named(port.filled(groups)?))
            }
            Names::Client(client, which) => Names::Client(client.filled(groups)?, which.clone()),
        };
        Some(Self { names, ..self.clone() })
    }

    /// Whether the port is meant; `first` says whether it is the first one of its client in this direction.
    pub(crate) fn matches(&self, port: &Port, called: &Called, first: bool) -> bool {
        self.has_properties(port)
            && match &self.names {
                Names::All => true,
                Names::Whole(text) => called.names.iter().any(|(whole, _)| text.matches(whole)),
                Names::Client(client, Which::Named(text)) => {
                    called.pairs().any(|(of_client, name)| client.matches(of_client) && text.matches(name))
                }
                Names::Client(client, which) => {
                    (*which == Which::First && first || matches!(which, Which::Number(n) if port.number == Some(*n)))
                        && called.pairs().any(|(of_client, _)| client.matches(of_client))
                }
            }
    }

    /// What the groups match in each of the port's names, once.
    pub(crate) fn captures(&self, port: &Port, called: &Called, first: bool) -> Vec<Groups> {
        if !self.matches(port, called, first) {
            return Vec::new();
        }
        let mut found = Vec::new();
        let mut put = |groups: Groups| {
            if !found.contains(&groups) {
                found.push(groups);
            }
        };
        match &self.names {
            Names::All => put(Groups::new()),
            Names::Whole(text) => {
                for (whole, _) in called.names.iter().filter(|(whole, _)| text.matches(whole)) {
                    let mut groups = Groups::new();
                    text.capture(whole, &mut groups);
                    put(groups);
                }
            }
            Names::Client(client, which) => {
                for (of_client, name) in called.pairs().filter(|(of_client, _)| client.matches(of_client)) {
                    let mut groups = Groups::new();
                    client.capture(of_client, &mut groups);
                    if let Which::Named(text) = which {
                        if !text.matches(name) {
                            continue;
                        }
                        text.capture(name, &mut groups);
                    }
                    put(groups);
                }
            }
        }
        found
    }

    fn has_properties(&self, port: &Port) -> bool {
        self.properties.iter().all(|property| match property {
            Property::Kind(kind) => port.kind == *kind,
            Property::Graph(graph) => port.graph == *graph,
            Property::Media(media) => port.media == *media,
        })
    }
}
