//! Raw multicast MIDI: the ports of groups, as ipMIDI and QmidiNet have them.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use gstipmidi::Reach;
use ipmidi::{Destination, LIMIT, LoopGuard, MTU, Receiver, datagrams};
use midi_routing::PortId;
use rtp_midi::midi::{Command, System};

use crate::cmd::bridge::bay::Bay;
use crate::cmd::bridge::config::Group;
use crate::cmd::bridge::status::Transport;
use crate::failure::{Failure, Result};
use crate::interface::Interface;
use crate::sockets::{self, Membership};

/// The ports of all groups.
#[derive(Default)]
pub(crate) struct Groups {
    lines: BTreeMap<PortId, Line>,
    /// What a datagram is read to.
    buffer: Vec<u8>,
}

/// One port: who plays in the group, or those hosts, are heard, and what is played goes there.
struct Line {
    ear: UdpSocket,
    mouths: Vec<Mouth>,
    /// Who is heard; everybody if it is nobody.
    peers: Vec<IpAddr>,
    receiver: Receiver,
}

/// A way to a group or a host.
struct Mouth {
    socket: UdpSocket,
    to: SocketAddr,
    /// What we have sent comes back, since others on this machine are to hear it.
    guard: LoopGuard,
}

/// Octets of the longest datagram.
const LONGEST: usize = 65_536;

/// Datagrams that are read at once.
const BURST: usize = 256;

/// How often it is looked at who has fallen silent.
const LOOK: Duration = Duration::from_millis(250);

impl Groups {
    /// Joins a group; returns its ports.
    pub(crate) fn join(&mut self, bay: &mut Bay, group: &Group) -> Result<Vec<PortId>> {
        self.buffer.resize(LONGEST, 0);
        let interface = group.interface.as_deref().map(Interface::find).transpose()?;
        let destination = Destination { address: group.address, base: group.base };
        let mut ports = Vec::new();
        for number in 1..=group.ports {
            let to = destination.address(number).map_err(|error| Failure::new(format!("ipMIDI: {error}")))?;
            let line = Line::open(to, interface.as_ref(), group)?;
            let place = match &group.peers[..] {
                [] if group.address == Destination::V4.address => String::new(),
                [] => format!(" {}", to.ip()),
                [peer, ..] => format!(" {peer}"),
            };
            let port = bay.add(&format!("ipMIDI {number}{place}"), Transport::Ipmidi);
            let places: Vec<String> = line.mouths.iter().map(|mouth| mouth.to.to_string()).collect();
            bay.set_address(port, Some(places.join(", ")));
            self.lines.insert(port, line);
            ports.push(port);
        }
        Ok(ports)
    }

    /// The ports, and what is readable when something has come to them.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = (PortId, RawFd)> {
        self.lines.iter().map(|(port, line)| (*port, line.ear.as_raw_fd()))
    }

    /// Plays what has come to a port; true if there is more.
    pub(crate) fn read(&mut self, at: Duration, bay: &mut Bay, port: PortId) -> bool {
        let Some(line) = self.lines.get_mut(&port) else { return false };
        let now = at.as_millis() as u64;
        for _ in 0..BURST {
            match line.ear.recv_from(&mut self.buffer) {
                Ok((length, from)) => {
                    let datagram = &self.buffer[..length];
                    if line.hears(from.ip()) && !line.mouths.iter_mut().any(|it| it.guard.is_own(now, from, datagram)) {
                        line.receiver.receive(now, from, datagram, |command| bay.play(at, port, command));
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                // It tells that one of ours has reached nobody.
                Err(_) => {}
            }
        }
        true
    }

    /// Lets go what those held who have fallen silent.
    pub(crate) fn wake(&mut self, at: Duration, bay: &mut Bay) {
        for (port, line) in &mut self.lines {
            line.receiver.expire(at.as_millis() as u64, |command| bay.play(at, *port, command));
        }
    }

    /// How long that may wait; `None` while nobody plays.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.lines.values().any(|line| line.receiver.senders() > 0).then_some(LOOK)
    }

    /// Plays to a group; `None` if it is none of these ports, and false if the network did not take it.
    pub(crate) fn play(&mut self, at: Duration, port: PortId, command: &Command<'_>) -> Option<bool> {
        let line = self.lines.get_mut(&port)?;
        // Nobody knows what these mean, and some read on at the wrong place.
        if let Command::System(System::F4(_) | System::F5(_) | System::F9 | System::FD) = command {
            return Some(true);
        }
        let mut is_sent = true;
        datagrams(*command, MTU, |datagram| {
            for Mouth { socket, to, guard } in &mut line.mouths {
                guard.sent(at.as_millis() as u64, datagram);
                is_sent &= socket.send_to(datagram, *to).is_ok();
            }
        });
        Some(is_sent)
    }
}

impl Line {
    fn open(mut to: SocketAddr, interface: Option<&Interface>, group: &Group) -> Result<Self> {
        if let (SocketAddr::V6(to), Some(interface)) = (&mut to, interface) {
            to.set_scope_id(interface.index);
        }
        let ways: Vec<SocketAddr> = match &group.peers[..] {
            [] => vec![to],
            peers => peers.iter().map(|peer| (*peer, to.port()).into()).collect(),
        };
        let ear = match &group.peers[..] {
            [] => to,
            peers if peers.iter().all(IpAddr::is_ipv4) => (Ipv4Addr::UNSPECIFIED, to.port()).into(),
            _ => (Ipv6Addr::UNSPECIFIED, to.port()).into(),
        };
        let ear = sockets::open(ear, &Membership { interface: interface.cloned(), sources: Vec::new() })?;
        let failed = |to: SocketAddr, error: io::Error| Failure::new(format!("cannot send to {to}: {error}"));
        ear.set_nonblocking(true).map_err(|error| failed(to, error))?;
        let interface = interface.map(|it| gstipmidi::Interface { index: it.index, v4: it.v4 });
        let reach = Reach { ttl: group.ttl.into(), is_looped: group.is_looped };
        let mouths = ways.into_iter().map(|to| {
            let (socket, guard) = gstipmidi::mouth(to, interface, reach).map_err(|error| failed(to, error))?;
            socket.set_nonblocking(true).map_err(|error| failed(to, error))?;
            Ok(Mouth { socket, to, guard })
        });
        let mouths = mouths.collect::<Result<_>>()?;
        Ok(Self { ear, mouths, peers: group.peers.clone(), receiver: Receiver::new(LIMIT) })
    }

    fn hears(&self, from: IpAddr) -> bool {
        self.peers.is_empty() || self.peers.contains(&from.to_canonical())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn group(base: u16) -> Group {
        Group { ports: 2, base, interface: Some("lo".to_owned()), ..Group::default() }
    }

    /// A bay with the two ports of a group, as another program would have them.
    fn joined(base: u16) -> (Bay, Groups, Vec<PortId>) {
        let (mut bay, mut groups) = (Bay::default(), Groups::default());
        let ports = groups.join(&mut bay, &group(base)).unwrap();
        (bay, groups, ports)
    }

    #[test]
    fn what_is_played_at_a_port_comes_out_of_the_same_port_elsewhere_and_not_at_home() {
        let base = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().min(65_000);
        let (mut bay, mut groups, ports) = joined(base);
        let (mut other_bay, mut other, others) = joined(base);
        assert_eq!(other_bay.name(others[1]), "ipMIDI 2");
        let (note, _) = Command::decode(&[0x90, 60, 100]).unwrap();
        let started = Instant::now();
        while other_bay.ports()[1].messages_in == 0 {
            assert!(started.elapsed() < Duration::from_secs(30), "nothing comes");
            assert_eq!(groups.play(started.elapsed(), ports[1], &note), Some(true));
            for port in &others {
                other.read(started.elapsed(), &mut other_bay, *port);
            }
        }
        assert_eq!(other_bay.ports()[0].messages_in, 0);
        for port in &ports {
            assert!(!groups.read(started.elapsed(), &mut bay, *port));
            assert_eq!(bay.ports()[0].messages_in + bay.ports()[1].messages_in, 0, "it hears itself");
        }
        assert!(other.due().is_some() && groups.due().is_none());
    }

    #[test]
    fn single_hosts_instead_of_a_group_are_played_to_and_nobody_else_is_heard() {
        let base = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (mut bay, mut groups) = (Bay::default(), Groups::default());
        let peers = vec!["127.0.0.2".parse().unwrap(), "127.0.0.3".parse().unwrap()];
        let port = groups.join(&mut bay, &Group { base, peers, ..Group::default() }).unwrap()[0];
        assert_eq!(bay.name(port), "ipMIDI 1 127.0.0.2");
        let hosts = ["127.0.0.2", "127.0.0.3", "127.0.0.4"].map(|host| UdpSocket::bind((host, 0)).unwrap());
        // The last one is known, so that there is an end to waiting.
        for (host, note) in hosts.iter().rev().zip([64, 63, 62]) {
            host.send_to(&[0x90, note, 100], ("127.0.0.1", base)).unwrap();
        }
        let started = Instant::now();
        while bay.ports()[0].messages_in < 2 {
            assert!(started.elapsed() < Duration::from_secs(30), "they are not heard");
            groups.read(started.elapsed(), &mut bay, port);
        }
        assert_eq!(bay.ports()[0].messages_in, 2);
        let places = format!("127.0.0.2:{base}, 127.0.0.3:{base}");
        assert_eq!(bay.ports()[0].address.as_ref(), Some(&places));
    }

    #[test]
    fn a_port_beyond_the_last_one_is_told() {
        let (mut bay, mut groups) = (Bay::default(), Groups::default());
        let failure = groups.join(&mut bay, &group(65_535)).unwrap_err();
        assert!(failure.message().contains("port 2 would be UDP 65536"), "{failure}");
    }
}
