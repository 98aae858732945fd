//! JACK as a server of ports, or PipeWire where its library stands in for JACK's. The library is loaded if it is there.

mod library;
mod threads;

use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::time::Duration;

use jack::{Client, ClientOptions, ClientStatus, Error};
use port_rules::{Flow, Graph, Id, Kind, Media, Port};

use self::library::Notices;
pub(crate) use self::library::connections;
pub(crate) use self::threads::Threads;
use super::{Listener, Missing, Server, Survey};

/// A client without ports, which is no part of the processing: it can hold up nobody's sound.
pub(super) struct Jack {
    client: ManuallyDrop<Client>,
    /// Ends behind the client, whose threads use it.
    notices: ManuallyDrop<Option<Notices>>,
}

/// How long a thread of the library may take to come to rest.
pub(crate) const LONGEST_GOODBYE: Duration = Duration::from_secs(5);

type Unowned = jack::Port<jack::Unowned>;

impl Jack {
    /// Goes to the server, which is not started; with a listener, lets it tell what happens.
    pub(super) fn open(name: &str, listener: Option<Listener>) -> Result<Self, Missing> {
        let client = ManuallyDrop::new(client(name)?);
        let jack = Self { client, notices: ManuallyDrop::new(listener.map(Notices::new)) };
        // SAFETY: the client ends first, also where this fails, or neither does.
        let does_tell = jack.notices.as_ref().is_none_or(|notices| unsafe { notices.give(&jack.client) });
        if does_tell {
            return Ok(jack);
        }
        jack.notices.iter().for_each(Notices::end);
        Err(Missing::new("the JACK server does not tell what happens"))
    }
}

impl Drop for Jack {
    /// Closes the client of a server that is gone. Of one that is there it only takes leave: the library's threads may be
    /// anywhere when they are cancelled, and the server sees it when the program ends.
    fn drop(&mut self) {
        match self.notices.as_ref() {
            Some(notices) if notices.are_over() => {
                if notices.threads().rest(LONGEST_GOODBYE) {
                    // SAFETY: nobody uses either behind this, nor the context that the client has of the notices.
                    unsafe {
                        ManuallyDrop::drop(&mut self.client);
                        ManuallyDrop::drop(&mut self.notices);
                    }
                }
            }
            // SAFETY: the client is open, and without a process callback, so that no thread is cancelled.
            _ => drop(unsafe { jack::jack_sys::jack_deactivate(self.client.raw()) }),
        }
    }
}

impl Server for Jack {
    fn survey_unless(&self, is_disturbed: &dyn Fn() -> bool) -> Option<Survey> {
        let names = self.client.ports(None, None, jack::PortFlags::empty());
        let (mut survey, mut sources, mut ids) = (Survey::default(), Vec::new(), HashMap::new());
        // By its name a port is looked for among all.
        for name in names {
            if is_disturbed() {
                return None;
            }
            let Some(port) = self.client.port_by_name(&name) else { continue };
            let Some(described) = describe(&port) else { continue };
            ids.insert(name, described.id);
            if described.is_source() {
                sources.push((described.id, port));
            }
            survey.ports.push(described);
        }
        for (id, port) in sources {
            if is_disturbed() {
                return None;
            }
            let sinks = library::connections(&self.client, &port);
            survey.connections.extend(sinks.iter().filter_map(|sink| Some((id, *ids.get(sink)?))));
        }
        Some(survey)
    }

    fn port(&self, id: Id) -> Option<Port> {
        let port = self.client.port_by_id(u32::try_from(id.0).ok()?)?;
        // What was a port has its name still, but is not found by that.
        let name = port.name().ok()?;
        let is_it = self.client.port_by_name(&name).is_some_and(|port| library::id(&port) == id);
        if is_it { describe(&port) } else { None }
    }

    fn connect(&self, from: &Port, to: &Port) -> Result<(), String> {
        match self.client.connect_ports_by_name(&from.full_name(), &to.full_name()) {
            Ok(()) | Err(Error::PortAlreadyConnected(..)) => Ok(()),
            Err(_) => Err("the JACK server refuses".to_owned()),
        }
    }

    fn disconnect(&self, from: &Port, to: &Port) -> Result<(), String> {
        let (from, to) = (from.full_name(), to.full_name());
        let is_connected = || {
            let port = self.client.port_by_name(&from);
            port.is_some_and(|port| library::connections(&self.client, &port).contains(&to))
        };
        match self.client.disconnect_ports_by_name(&from, &to) {
            Err(_) if is_connected() => Err("the JACK server refuses".to_owned()),
            _ => Ok(()),
        }
    }
}

/// Goes to the server, which is not started.
pub(crate) fn client(name: &str) -> Result<Client, Missing> {
    // A name of a user is cut at a zero octet; the crate would panic.
    let name = name.split('\0').next().unwrap_or_default();
    Client::new(name, ClientOptions::NO_START_SERVER).map(|(client, _)| client).map_err(missing)
}

/// A port of any client.
fn describe(port: &Unowned) -> Option<Port> {
    let name = port.name().ok()?;
    let (client, short) = name.split_once(':')?;
    let (media, flags) = (media(&port.port_type().ok()?)?, library::flags(port));
    let flow = match flags {
        flags if flags.contains(jack::PortFlags::IS_OUTPUT) => Flow::Source,
        flags if flags.contains(jack::PortFlags::IS_INPUT) => Flow::Sink,
        _ => return None,
    };
    let is_physical = flags.contains(jack::PortFlags::IS_PHYSICAL);
    Some(Port {
        aliases: port.aliases().unwrap_or_default(),
        pretty: library::pretty_name(port),
        kind: if is_physical { Kind::Hardware } else { Kind::Application },
        media,
        ..Port::new(library::id(port), Graph::Jack, client, short, flow)
    })
}

/// What a port carries, by the name of its type; none that rules know of, for video say.
fn media(kind: &str) -> Option<Media> {
    match kind {
        "8 bit raw midi" => Some(Media::Midi),
        "32 bit float mono audio" => Some(Media::Audio),
        _ => None,
    }
}

fn missing(error: Error) -> Missing {
    match error {
        Error::LibraryError(_) => Missing::new("JACK's library is missing: libjack.so.0 cannot be loaded")
            .hint("apt install libjack-jackd2-0 for JACK, or pipewire-jack for PipeWire (Debian, Ubuntu)")
            .for_good(),
        Error::ClientError(status) if status.contains(ClientStatus::SERVER_FAILED) => {
            Missing::new("no JACK server is running").hint("start jackd, or run this program by pw-jack for PipeWire")
        }
        error => Missing::new(format!("the JACK server lets nobody in: {error}")),
    }
}
