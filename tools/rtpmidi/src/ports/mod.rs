//! Ports of devices and of other programs: who owns them, tells of them, and connects them.
//!
//! ```text
//!  kernel ─── alsa ─┐                        ┌─ rules, by port-rules
//!                   ├─ Server ◀──▶ patch ◀──▶ wiring
//!  jackd ──── jack ─┘   News ───▶ bridge      decides
//! ```
//!
//! A server is asked by one thread. What happens there is told through a channel, by threads of its own.

#[cfg(feature = "alsa")]
mod alsa;
pub(crate) mod aside;
#[cfg(feature = "alsa")]
mod hardware;
#[cfg(feature = "jack")]
mod jack;
mod missing;
pub(crate) mod rules;
pub(crate) mod wiring;

use std::sync::mpsc::Sender;

use port_rules::{Graph, Id, Port};

#[cfg(feature = "jack")]
pub(crate) use self::jack::{LONGEST_GOODBYE, Threads, client as jack_client, connections as jack_connections};
pub(crate) use missing::Missing;

/// Whoever owns ports and can connect them. It is let go with this value.
pub(crate) trait Server {
    /// All that is there now, but for what is the program's own.
    fn survey(&self) -> Survey {
        self.survey_unless(&|| false).unwrap_or_default()
    }

    /// The same, given up as soon as something more urgent has come: with many ports it takes its time.
    fn survey_unless(&self, is_disturbed: &dyn Fn() -> bool) -> Option<Survey>;

    /// The port as it is now; none if it is gone, or cannot be connected by others.
    fn port(&self, id: Id) -> Option<Port>;

    /// Connects two ports; that they are connected already is no error.
    fn connect(&self, from: &Port, to: &Port) -> Result<(), String>;

    /// Disconnects two ports; that they are not connected is no error.
    fn disconnect(&self, from: &Port, to: &Port) -> Result<(), String>;
}

/// All ports, and which are connected.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Survey {
    pub(crate) ports: Vec<Port>,
    pub(crate) connections: Vec<(Id, Id)>,
}

/// Something that has happened.
#[cfg_attr(not(any(feature = "alsa", feature = "jack")), allow(dead_code, reason = "there is nobody to tell it"))]
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum News {
    /// A port is there, or is not what it was.
    Port(Id),
    /// A port is there no more.
    Gone(Id),
    Connected(Id, Id),
    Disconnected(Id, Id),
    /// Whoever wants to know what has happened must ask for all.
    Unclear,
    /// The server is there no more.
    Over,
}

/// Takes what happens at a server.
pub(crate) type Listener = Box<dyn Fn(News) + Send + Sync>;

/// Makes a listener that sends to a channel what `wrap` makes of it.
pub(crate) fn listener<T: Send + 'static>(
    sender: &Sender<T>,
    wrap: impl Fn(News) -> T + Send + Sync + 'static,
) -> Listener {
    let sender = sender.clone();
    // Nobody is left to be told when the receiver is gone.
    Box::new(move |news| drop(sender.send(wrap(news))))
}

/// The servers that there can be on a machine.
pub(crate) const GRAPHS: [Graph; 2] = [Graph::Alsa, Graph::Jack];

/// Goes to a server as `name`; with a listener, it tells of all that happens from here on.
pub(crate) fn open(graph: Graph, name: &str, listener: Option<Listener>) -> Result<Box<dyn Server>, Missing> {
    match graph {
        #[cfg(feature = "alsa")]
        Graph::Alsa => Ok(Box::new(alsa::Sequencer::open(name, listener)?)),
        #[cfg(feature = "jack")]
        Graph::Jack => Ok(Box::new(jack::Jack::open(name, listener)?)),
        _ => {
            drop((name, listener));
            Err(Missing::not_built(graph))
        }
    }
}

/// What people call it.
pub(crate) const fn title(graph: Graph) -> &'static str {
    match graph {
        Graph::Alsa => "ALSA",
        Graph::Jack => "JACK",
        Graph::Network => "network",
    }
}
