//! Who is there: sessions that are announced by multicast DNS, and the announcement of our own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use applemidi::Network;
use mdns_sd::{IfKind, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent, ServiceInfo};

use crate::lock::lock;

/// The name under which sessions are announced.
const SERVICE: &str = "_apple-midi._udp.local.";

/// How long a goodbye may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// Peers that are remembered; a network has fewer.
const MOST: usize = 4096;

/// The sessions that are announced here.
pub struct Neighbourhood {
    daemon: ServiceDaemon,
    /// That of this process alone: the one of the system belongs to another responder, if there is one.
    host: String,
    peers: Arc<Mutex<BTreeMap<String, Peer>>>,
    thread: Option<JoinHandle<()>>,
}

/// A session that is announced: one, however many addresses and interfaces it is announced with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// What it calls itself.
    pub name: String,
    /// The host that it is on.
    pub host: String,
    /// Where its control port is. Addresses of IPv4 come first, since more peers answer them.
    pub addresses: Vec<SocketAddr>,
}

/// What is seen of the sessions around.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sighting {
    /// A session is announced, or announced with other addresses.
    Announced(Peer),
    /// The session of this name is announced no more.
    Gone(String),
}

/// Our own announcement, until it is dropped.
pub struct Announcement {
    daemon: ServiceDaemon,
    name: String,
}

/// Why there is no multicast DNS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoNeighbourhood(String);

/// Multicast DNS on one network interface if it is named, otherwise on all but loopback.
///
/// # Errors
/// When its port cannot be had.
pub fn multicast_dns(interface: Option<&str>) -> Result<ServiceDaemon, NoNeighbourhood> {
    let daemon = ServiceDaemon::new()?;
    match interface {
        Some(name) => {
            daemon.disable_interface(IfKind::All)?;
            daemon.enable_interface(IfKind::Name(name.to_owned()))?;
        }
        None => daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?,
    }
    Ok(daemon)
}

impl Neighbourhood {
    /// Looks and goes on looking; `listener` is told by a thread of its own. On one network interface if it is named,
    /// otherwise on all but loopback.
    ///
    /// # Errors
    /// When the port of multicast DNS cannot be had.
    pub fn open(
        interface: Option<&str>,
        mut listener: impl FnMut(&Sighting) + Send + 'static,
    ) -> Result<Self, NoNeighbourhood> {
        let daemon = multicast_dns(interface)?;
        // It is asked first, since a name that is registered is looked for among what is known.
        let found = daemon.browse(SERVICE)?;
        let number = getrandom::u32().map_err(|error| NoNeighbourhood(error.to_string()))?;
        let host = format!("rtpmidi-{number:08x}.local.");
        let peers = Arc::<Mutex<BTreeMap<String, Peer>>>::default();
        let (ours, seen) = (host.clone(), peers.clone());
        let look = move || {
            while let Ok(event) = found.recv() {
                // The listener may look at the peers, which must not be locked then.
                let sighting = take(&event, &ours, &mut lock(&seen));
                if let Some(sighting) = sighting {
                    listener(&sighting);
                }
            }
        };
        let thread = std::thread::Builder::new().name("mdns".to_owned()).spawn(look);
        let thread = Some(thread.map_err(|error| NoNeighbourhood(error.to_string()))?);
        Ok(Self { daemon, host, peers, thread })
    }

    /// Announces a session that has its control port here.
    ///
    /// # Errors
    /// When the name cannot be announced.
    pub fn announce(&self, name: &str, port: u16) -> Result<Announcement, NoNeighbourhood> {
        let nothing: [(&str, &str); 0] = [];
        let info = ServiceInfo::new(SERVICE, name, &self.host, "", port, &nothing[..])?.enable_addr_auto();
        let fullname = info.get_fullname().to_owned();
        self.daemon.register(info)?;
        Ok(Announcement { daemon: self.daemon.clone(), name: fullname })
    }

    /// All who are announced now, by name.
    pub fn peers(&self) -> Vec<Peer> {
        lock(&self.peers).values().cloned().collect()
    }

    /// The addresses of all who are announced now, each once.
    pub fn hosts(&self) -> Vec<IpAddr> {
        let peers = lock(&self.peers);
        let hosts: BTreeSet<IpAddr> = peers.values().flat_map(|peer| &peer.addresses).map(SocketAddr::ip).collect();
        hosts.into_iter().collect()
    }

    /// Who is announced under this name.
    pub fn find(&self, name: &str) -> Option<Peer> {
        lock(&self.peers).get(name).cloned()
    }
}

impl Drop for Neighbourhood {
    fn drop(&mut self) {
        let began = Instant::now();
        loop {
            match self.daemon.shutdown() {
                Ok(ended) => {
                    let _ = ended.recv_timeout(FAREWELL);
                    break;
                }
                // It has too much to do to take this order.
                Err(mdns_sd::Error::Again) if began.elapsed() < FAREWELL => std::thread::sleep(FAREWELL / 50),
                // It goes on looking, and so does our thread.
                Err(mdns_sd::Error::Again) => return,
                // It has ended already.
                Err(_) => break,
            }
        }
        // Its listener may have been the last to hold this.
        let is_own = |thread: &JoinHandle<()>| thread.thread().id() == std::thread::current().id();
        if let Some(thread) = self.thread.take().filter(|thread| !is_own(thread)) {
            // Its channel has ended with the daemon. A panic of the listener has been reported.
            let _ = thread.join();
        }
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        if let Ok(ended) = self.daemon.unregister(&self.name) {
            let _ = ended.recv_timeout(FAREWELL);
        }
    }
}

/// What an event means to those who look. Our own announcements are not looked for.
fn take(event: &ServiceEvent, ours: &str, peers: &mut BTreeMap<String, Peer>) -> Option<Sighting> {
    match event {
        ServiceEvent::ServiceResolved(service) if service.host != ours => {
            let peer = peer(service);
            let is_new = peers.get(&peer.name) != Some(&peer);
            if !is_new || peer.addresses.is_empty() || (peers.len() >= MOST && !peers.contains_key(&peer.name)) {
                return None;
            }
            peers.insert(peer.name.clone(), peer.clone());
            Some(Sighting::Announced(peer))
        }
        ServiceEvent::ServiceRemoved(_, fullname) => {
            let name = instance(fullname);
            peers.remove(&name).map(|_| Sighting::Gone(name))
        }
        _ => None,
    }
}

fn peer(service: &ResolvedService) -> Peer {
    let address = |address: &ScopedIp| match address {
        ScopedIp::V6(v6) => {
            let (ip, scope) = (*v6.addr(), v6.scope_id().index);
            // Only what is local to a link needs to be told which one.
            let scope = if ip.is_unicast_link_local() { scope } else { 0 };
            SocketAddr::V6(SocketAddrV6::new(ip, service.port, 0, scope))
        }
        other => SocketAddr::new(other.to_ip_addr(), service.port),
    };
    let mut addresses: Vec<SocketAddr> = service.addresses.iter().map(address).collect();
    addresses.sort_by_key(|address| (rank(address.ip()), *address));
    Peer { name: instance(&service.fullname), host: service.host.clone(), addresses }
}

/// Which address is tried first: those that need no router, no interface and no luck.
const fn rank(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(ip) if !ip.is_link_local() && !ip.is_loopback() => 0,
        IpAddr::V6(ip) if !ip.is_unicast_link_local() && !ip.is_loopback() => 1,
        IpAddr::V6(ip) if ip.is_unicast_link_local() => 2,
        IpAddr::V4(ip) if ip.is_link_local() => 3,
        _ => 4,
    }
}

/// The name of a session in the full name of its service, whose dots and backslashes are escaped.
fn instance(fullname: &str) -> String {
    let name = fullname.strip_suffix(SERVICE).and_then(|name| name.strip_suffix('.')).unwrap_or(fullname);
    let (mut unescaped, mut rest) = (String::new(), name.chars());
    while let Some(character) = rest.next() {
        unescaped.extend(if character == '\\' { rest.next() } else { Some(character) });
    }
    unescaped
}

/// The networks that the interfaces of this machine are in.
pub fn local_networks() -> Vec<Network> {
    let interfaces = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let network = |interface: nix::ifaddrs::InterfaceAddress| {
        let (address, mask) = (interface.address?, interface.netmask?);
        let v4 = address.as_sockaddr_in().zip(mask.as_sockaddr_in());
        let v4 = v4.map(|(address, mask)| (IpAddr::V4(address.ip()), mask.ip().to_bits().leading_ones()));
        let v6 = address.as_sockaddr_in6().zip(mask.as_sockaddr_in6());
        let v6 = v6.map(|(address, mask)| (IpAddr::V6(address.ip()), mask.ip().to_bits().leading_ones()));
        let (address, bits) = v4.or(v6)?;
        Some(Network { address, bits: bits as u8 })
    };
    interfaces.filter_map(network).collect()
}

impl From<mdns_sd::Error> for NoNeighbourhood {
    fn from(error: mdns_sd::Error) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for NoNeighbourhood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no multicast DNS: {}", self.0)
    }
}

impl std::error::Error for NoNeighbourhood {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_dns_adds_to_them() {
        for (fullname, name) in [
            ("Piano._apple-midi._udp.local.", "Piano"),
            ("Mike’s Mac\\.1._apple-midi._udp.local.", "Mike’s Mac.1"),
            ("a\\\\b._apple-midi._udp.local.", "a\\b"),
        ] {
            assert_eq!(instance(fullname), name);
        }
    }

    #[test]
    fn addresses_that_most_peers_answer_come_first() {
        let mut addresses: Vec<IpAddr> =
            ["169.254.1.1", "fe80::1", "127.0.0.1", "2001:db8::1", "192.0.2.1"].map(|ip| ip.parse().unwrap()).to_vec();
        addresses.sort_by_key(|ip| rank(*ip));
        let expected = ["192.0.2.1", "2001:db8::1", "fe80::1", "169.254.1.1", "127.0.0.1"];
        assert_eq!(addresses, expected.map(|ip| ip.parse::<IpAddr>().unwrap()));
    }
}
