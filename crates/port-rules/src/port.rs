//! A port as the rules see it: its names, which way it goes, and what it belongs to.

/// A number by which whoever watches ports knows one of them again, as long as it is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Id(pub u64);

/// Who owns a port, and can connect it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Graph {
    /// The ALSA sequencer.
    Alsa,
    /// JACK, or PipeWire under JACK's interface.
    Jack,
    /// Sessions on the network, which can be connected with ports of every kind.
    Network,
}

/// Which way messages or sound go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Flow {
    /// Out of the port: JACK calls it an output, ALSA a port that can be read.
    Source,
    /// Into the port: JACK calls it an input, ALSA a port that can be written.
    Sink,
    /// Both.
    Both,
}

/// What stands behind a port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// A device.
    Hardware,
    /// A program.
    Application,
    /// Nobody says.
    Unknown,
}

/// What a port carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Media {
    /// MIDI.
    Midi,
    /// Sound.
    Audio,
}

/// One port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Port {
    /// What its owner calls it in events and commands.
    pub id: Id,
    /// Who owns it.
    pub graph: Graph,
    /// The name of its client, which several clients of ALSA may have.
    pub client: String,
    /// The number that tells such clients apart. It is another one tomorrow.
    pub client_number: Option<u32>,
    /// Its name within the client; JACK's behind the first colon.
    pub name: String,
    /// Its number within the client, where it has one that stays.
    pub number: Option<u32>,
    /// Other whole names (`client:port`).
    pub aliases: Vec<String>,
    /// The name that metadata give it, without the client.
    pub pretty: Option<String>,
    /// Which way it goes.
    pub flow: Flow,
    /// What stands behind it.
    pub kind: Kind,
    /// What it carries.
    pub media: Media,
}

impl Port {
    /// A MIDI port without number, aliases or pretty name.
    pub fn new(id: Id, graph: Graph, client: impl Into<String>, name: impl Into<String>, flow: Flow) -> Self {
        Self {
            id,
            graph,
            client: client.into(),
            client_number: None,
            name: name.into(),
            number: None,
            aliases: Vec::new(),
            pretty: None,
            flow,
            kind: Kind::Unknown,
            media: Media::Midi,
        }
    }

    /// `client:port`.
    pub fn full_name(&self) -> String {
        format!("{}:{}", self.client, self.name)
    }

    /// The name without the copies of the client's name in front that ALSA ports often have.
    ///
    /// ```
    /// use port_rules::{Flow, Graph, Id, Port};
    /// let port = Port::new(Id(1), Graph::Alsa, "Pure Data", "Pure Data Midi-In", Flow::Sink);
    /// assert_eq!(port.short_name(), "Midi-In");
    /// ```
    pub fn short_name(&self) -> &str {
        let mut name = self.name.trim_start_matches([' ', '_']);
        while !self.client.is_empty()
            && name.len() > self.client.len()
            && let Some(rest) = name.strip_prefix(self.client.as_str())
            && !rest.trim_start_matches([' ', '_']).is_empty()
        {
            name = rest.trim_start_matches([' ', '_']);
        }
        name
    }

    /// Whether messages or sound come out of it.
    pub const fn is_source(&self) -> bool {
        matches!(self.flow, Flow::Source | Flow::Both)
    }

    /// Whether messages or sound go into it.
    pub const fn is_sink(&self) -> bool {
        matches!(self.flow, Flow::Sink | Flow::Both)
    }

    /// What orders ports, whatever order they came in.
    pub(crate) fn rank(&self) -> impl Ord + '_ {
        (self.graph, &self.client, self.client_number, self.number, &self.name, self.id)
    }
}

impl Graph {
    /// Whether ports of the two can be connected.
    pub const fn reaches(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Network, _) | (_, Self::Network) | (Self::Alsa, Self::Alsa) | (Self::Jack, Self::Jack)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_the_clients_name_are_no_part_of_the_short_name() {
        for (client, name, short) in [
            ("Midihub MH-1", "Midihub MH-1 MIDI 1", "MIDI 1"),
            ("nanoKONTROL", "nanoKONTROL nanoKONTROL _ CTRL", "CTRL"),
            ("Synth", "Synth", "Synth"),
            ("Synth", "Synth Synth", "Synth"),
            ("Synth", "Synth _", "Synth _"),
            ("", "port", "port"),
        ] {
            assert_eq!(Port::new(Id(1), Graph::Alsa, client, name, Flow::Both).short_name(), short);
        }
    }
}
