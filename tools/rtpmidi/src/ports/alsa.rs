//! The ALSA sequencer as a server of ports: the system announces what happens to whoever subscribes to it.

use std::ffi::CString;

use alsa::Seq;
use alsa::seq::{
    Addr, ClientInfo, ClientIter, Connect, EventType, PortCap, PortInfo, PortIter, PortSubscribe, PortSubscribeIter,
    PortType, QuerySubsType,
};
use nix::errno::Errno;
use port_rules::{Flow, Graph, Id, Kind, Port};

use super::{Listener, Missing, News, Server, Survey, hardware};

/// A client of the sequencer that connects ports, and one that listens.
pub(super) struct Sequencer {
    seq: Seq,
    /// The number of the client that listens, whose port is nobody's business.
    ears: Option<i32>,
}

/// Events that may wait in the kernel until they are read. 200, the system's own number, is one replug of a large interface.
const POOL: u32 = 2000;

impl Sequencer {
    /// Opens the sequencer; with a listener, starts the thread that listens.
    pub(super) fn open(name: &str, listener: Option<Listener>) -> Result<Self, Missing> {
        gstalsaseq::check().map_err(|reason| {
            let missing = Missing::new(reason.to_string());
            reason.hint().into_iter().fold(missing, Missing::hint)
        })?;
        let failed = |error: alsa::Error| Missing::new(format!("the ALSA sequencer cannot be used: {error}"));
        // A name of ours has no zero octet in it, and one of a user is cut there.
        let name = CString::new(name.split('\0').next().unwrap_or_default()).unwrap_or_default();
        let open = |direction, must_not_wait| {
            let seq = Seq::open(None, direction, must_not_wait)?;
            seq.set_client_name(&name)?;
            Ok(seq)
        };
        let seq = open(None, true).map_err(failed)?;
        let ears = listener.map(|listener| listen(open(None, false)?, listener)).transpose().map_err(failed)?;
        Ok(Self { seq, ears })
    }

    fn is_own(&self, client: i32) -> bool {
        self.ears == Some(client) || self.seq.client_id() == Ok(client)
    }

    fn are_connected(&self, from: &Port, to: &Port) -> bool {
        let mut connections = PortSubscribeIter::new(&self.seq, address(from.id), QuerySubsType::READ);
        connections.any(|connection| id(connection.get_dest()) == to.id)
    }

    fn describe(&self, client: &ClientInfo, info: &PortInfo) -> Option<Port> {
        let (address, capability) = (info.addr(), info.get_capability());
        let allows = |direction, subscription| capability.contains(direction | subscription);
        let flow = match (allows(PortCap::READ, PortCap::SUBS_READ), allows(PortCap::WRITE, PortCap::SUBS_WRITE)) {
            (true, true) => Flow::Both,
            (true, false) => Flow::Source,
            (false, true) => Flow::Sink,
            (false, false) => return None,
        };
        let is_hidden = capability.contains(PortCap::NO_EXPORT) || address.client == Addr::system_announce().client;
        if is_hidden || self.is_own(address.client) {
            return None;
        }
        let kind = match info.get_type() {
            kind if kind.contains(PortType::HARDWARE) => Kind::Hardware,
            kind if kind.contains(PortType::APPLICATION) => Kind::Application,
            _ => Kind::Unknown,
        };
        let name = info.get_name().unwrap_or_default().trim_end().to_owned();
        let devices = client.get_card().map(hardware::names).unwrap_or_default();
        Some(Port {
            client_number: u32::try_from(address.client).ok(),
            number: u32::try_from(address.port).ok(),
            aliases: devices.iter().map(|device| format!("{device}:{name}")).collect(),
            kind,
            ..Port::new(id(address), Graph::Alsa, client.get_name().unwrap_or_default(), name, flow)
        })
    }
}

impl Server for Sequencer {
    fn survey_unless(&self, is_disturbed: &dyn Fn() -> bool) -> Option<Survey> {
        let mut survey = Survey::default();
        for client in ClientIter::new(&self.seq) {
            if is_disturbed() {
                return None;
            }
            let ports = PortIter::new(&self.seq, client.get_client());
            survey.ports.extend(ports.filter_map(|port| self.describe(&client, &port)));
        }
        for port in survey.ports.iter().filter(|port| port.is_source()) {
            let connections = PortSubscribeIter::new(&self.seq, address(port.id), QuerySubsType::READ);
            survey.connections.extend(connections.map(|connection| (port.id, id(connection.get_dest()))));
        }
        Some(survey)
    }

    fn port(&self, id: Id) -> Option<Port> {
        let address = address(id);
        let port = self.seq.get_any_port_info(address).ok()?;
        self.describe(&self.seq.get_any_client_info(address.client).ok()?, &port)
    }

    fn connect(&self, from: &Port, to: &Port) -> Result<(), String> {
        let connect = || {
            let subscription = PortSubscribe::empty()?;
            subscription.set_sender(address(from.id));
            subscription.set_dest(address(to.id));
            self.seq.subscribe_port(&subscription)
        };
        done(connect(), || self.are_connected(from, to))
    }

    fn disconnect(&self, from: &Port, to: &Port) -> Result<(), String> {
        done(self.seq.unsubscribe_port(address(from.id), address(to.id)), || !self.are_connected(from, to))
    }
}

/// That it was so before is no error.
fn done(result: alsa::Result<()>, is_so: impl FnOnce() -> bool) -> Result<(), String> {
    match result {
        Err(error) if !is_so() => Err(match Errno::from_raw(error.errno()) {
            // Said of a connection that is there, too.
            Errno::EBUSY => "another program has one of the ports for itself".to_owned(),
            other => other.desc().to_lowercase(),
        }),
        _ => Ok(()),
    }
}

/// Starts the thread; it ends with the program, or with the sequencer. Returns the number of its client.
fn listen(seq: Seq, listener: Listener) -> alsa::Result<i32> {
    seq.set_client_pool_input(POOL)?;
    let mut port = PortInfo::empty()?;
    port.set_name(c"announcements");
    port.set_capability(PortCap::WRITE | PortCap::NO_EXPORT);
    port.set_type(PortType::MIDI_GENERIC | PortType::APPLICATION);
    seq.create_port(&port)?;
    let client = seq.client_id()?;
    let subscription = PortSubscribe::empty()?;
    subscription.set_sender(Addr::system_announce());
    subscription.set_dest(Addr { client, port: port.get_port() });
    seq.subscribe_port(&subscription)?;
    let run = move || {
        applemidi_io::priority::leave();
        // The library reads as many events at once as there are.
        let mut input = seq.input();
        loop {
            match input.event_input() {
                Ok(event) => news(&event).into_iter().for_each(&listener),
                Err(error) => match Errno::from_raw(error.errno()) {
                    // Some were lost, or are of a kind that the library does not know.
                    Errno::ENOSPC | Errno::ENOTSUP => listener(News::Unclear),
                    Errno::EINTR | Errno::EAGAIN => {}
                    _ => return listener(News::Over),
                },
            }
        }
    };
    let thread = std::thread::Builder::new().name("alsa-announcements".to_owned()).spawn(run);
    thread.map_err(|_| alsa::Error::new("a thread", Errno::EAGAIN as i32))?;
    Ok(client)
}

fn news(event: &alsa::seq::Event<'_>) -> Option<News> {
    let port = || event.get_data::<Addr>().map(id);
    let pair = || event.get_data::<Connect>().map(|pair| (id(pair.sender), id(pair.dest)));
    match event.get_type() {
        EventType::PortStart | EventType::PortChange => port().map(News::Port),
        EventType::PortExit => port().map(News::Gone),
        EventType::PortSubscribed => pair().map(|(from, to)| News::Connected(from, to)),
        EventType::PortUnsubscribed => pair().map(|(from, to)| News::Disconnected(from, to)),
        // Of its ports nothing is said. At its start a client has none, and no name yet.
        EventType::ClientExit | EventType::ClientChange => Some(News::Unclear),
        _ => None,
    }
}

/// Numbers of JACK's ports have 32 bits.
const ALSA: u64 = 1 << 32;

const fn id(address: Addr) -> Id {
    Id(ALSA | (address.client as u64 & 0xFFFF) << 8 | address.port as u64 & 0xFF)
}

const fn address(id: Id) -> Addr {
    Addr { client: (id.0 >> 8 & 0xFFFF) as i32, port: (id.0 & 0xFF) as i32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_known_again_and_are_none_of_jacks_numbers() {
        for (client, port) in [(0, 1), (14, 0), (128, 255), (191, 7)] {
            let number = id(Addr { client, port });
            assert!(number.0 > u64::from(u32::MAX));
            assert_eq!(address(number), Addr { client, port });
        }
    }

    #[test]
    fn a_port_that_somebody_has_for_himself_is_not_connected() {
        let busy = || Err(alsa::Error::new("snd_seq_subscribe_port", Errno::EBUSY as i32));
        assert_eq!(done(busy(), || true), Ok(()), "it was connected before");
        assert_eq!(done(busy(), || false), Err("another program has one of the ports for itself".to_owned()));
    }
}
