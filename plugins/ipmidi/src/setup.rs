//! The properties that source and sink share: which MIDI port, and who is at the other end of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use gst::glib;
use gst::prelude::*;
use ipmidi::Destination;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::SockaddrIn;

/// Values of the properties.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    port: u32,
    group: Option<String>,
    base_port: u32,
    interface: Option<String>,
    peers: Option<String>,
}

/// Who is at the other end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Partners {
    /// Whoever is in a group.
    Group(SocketAddr, Option<Interface>),
    /// Some hosts, with all addresses of each.
    Peers(Vec<Vec<SocketAddr>>),
}

/// A network interface of this machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interface {
    /// Its number.
    pub index: u32,
    /// Its first IPv4 address.
    pub v4: Option<Ipv4Addr>,
}

impl Default for Setup {
    fn default() -> Self {
        let group = Some(Destination::V4.address.to_string());
        Self { port: 1, group, base_port: Destination::V4.base.into(), interface: None, peers: None }
    }
}

impl Setup {
    /// Takes the value of a property; false if it is none of these.
    pub(crate) fn set(&mut self, name: &str, value: &glib::Value) -> bool {
        const TYPED: &str = "GObject checks type and range of a value before it sets a property";
        match name {
            "port" => self.port = value.get().expect(TYPED),
            "group" => self.group = value.get().expect(TYPED),
            "base-port" => self.base_port = value.get().expect(TYPED),
            "interface" => self.interface = value.get().expect(TYPED),
            "peers" => self.peers = value.get().expect(TYPED),
            _ => return false,
        }
        true
    }

    pub(crate) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "port" => self.port.to_value(),
            "group" => self.group.to_value(),
            "base-port" => self.base_port.to_value(),
            "interface" => self.interface.to_value(),
            "peers" => self.peers.to_value(),
            _ => return None,
        })
    }

    /// Who that is, now: names of hosts are looked up.
    pub(crate) fn partners(&self) -> Result<Partners, gst::ErrorMessage> {
        let peers: Vec<&str> = list(self.peers.as_deref()).collect();
        if peers.is_empty() {
            return self.group();
        }
        let udp = self.address(Ipv4Addr::UNSPECIFIED.into())?.port();
        let peers = peers.into_iter().map(|peer| {
            let found = (peer, udp).to_socket_addrs().map(Iterator::collect);
            found
                .map_err(|error| gst::error_msg!(gst::ResourceError::NotFound, ("peers: {peer} is not found: {error}")))
        });
        peers.collect::<Result<_, _>>().map(Partners::Peers)
    }

    fn group(&self) -> Result<Partners, gst::ErrorMessage> {
        let text = self.group.as_deref().unwrap_or_default();
        let group = text.parse::<IpAddr>().ok().filter(IpAddr::is_multicast);
        let group = group.ok_or_else(|| {
            settings(&format!(
                "group: {text:?} is no multicast address such as 225.0.0.37 or ff12::37; a host is a peer"
            ))
        })?;
        let interface = self.interface.as_deref().filter(|name| !name.is_empty()).map(find).transpose()?;
        let mut address = self.address(group)?;
        if let SocketAddr::V6(address) = &mut address {
            let is_of_a_link = matches!(address.ip().segments()[0] & 0xF, 1 | 2);
            match interface {
                Some(interface) if is_of_a_link => address.set_scope_id(interface.index),
                None if is_of_a_link => {
                    let names = names().join(", ");
                    let words = format!("the group {text} is one on each network: interface says which, of {names}");
                    return Err(settings(&words));
                }
                _ => {}
            }
        }
        Ok(Partners::Group(address, interface))
    }

    fn address(&self, address: IpAddr) -> Result<SocketAddr, gst::ErrorMessage> {
        let destination = Destination { address, base: self.base_port as u16 };
        destination.address(self.port as u16).map_err(|error| settings(&error.to_string()))
    }
}

/// What stands between commas.
pub(crate) fn list(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// A value that makes no sense.
pub(crate) fn settings(words: &str) -> gst::ErrorMessage {
    gst::error_msg!(gst::ResourceError::Settings, ("{words}"))
}

fn find(name: &str) -> Result<Interface, gst::ErrorMessage> {
    let index = if_nametoindex(name).map_err(|_| {
        let words = format!("there is no network interface {name}; this machine has {}", names().join(", "));
        gst::error_msg!(gst::ResourceError::NotFound, ("{words}"))
    })?;
    let mut own = getifaddrs().into_iter().flatten().filter(|interface| interface.interface_name == name);
    let v4 = own.find_map(|interface| interface.address?.as_sockaddr_in().map(SockaddrIn::ip));
    Ok(Interface { index, v4 })
}

/// The network interfaces of this machine.
fn names() -> Vec<String> {
    let mut names: Vec<String> = getifaddrs().into_iter().flatten().map(|interface| interface.interface_name).collect();
    names.sort();
    names.dedup();
    names
}

/// The properties.
pub(crate) fn properties() -> Vec<glib::ParamSpec> {
    let base = u32::from(Destination::V4.base);
    vec![
        glib::ParamSpecUInt::builder("port")
            .nick("MIDI port")
            .blurb("The MIDI port, from 1; each has a UDP port of its own, from base-port on")
            .minimum(1)
            .maximum(65_535)
            .default_value(1)
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("group")
            .nick("Group")
            .blurb("The multicast group: 225.0.0.37, ff12::37 or any other")
            .default_value(Some("225.0.0.37"))
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("base-port")
            .nick("Base port")
            .blurb("The UDP port of MIDI port 1")
            .minimum(1)
            .maximum(65_535)
            .default_value(base)
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("interface")
            .nick("Network interface")
            .blurb("The network in which the group is, such as eth0 [default: where the route to it leads]")
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("peers")
            .nick("Peers")
            .blurb(
                "Hosts, separated by commas, instead of the group: datagrams go to them, or come from them, one by one",
            )
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("What has been heard, or sent")
            .read_only()
            .build(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partners(properties: &[(&str, &dyn ToValue)]) -> Result<Partners, String> {
        let mut setup = Setup::default();
        for (name, value) in properties {
            assert!(setup.set(name, &value.to_value()), "{name}");
        }
        setup.partners().map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn ports_count_on_from_that_of_the_first_one() {
        let second = Partners::Group("225.0.0.37:21929".parse().unwrap(), None);
        assert_eq!(partners(&[("port", &2_u32)]), Ok(second));
        let error = partners(&[("port", &3_u32), ("base-port", &65_534_u32)]).unwrap_err();
        assert!(error.contains("port 3 would be UDP 65536, beyond 65535"), "{error}");
    }

    #[test]
    fn a_group_of_a_link_wants_to_know_which() {
        let error = partners(&[("group", &"ff12::37")]).unwrap_err();
        assert!(error.contains("interface says which, of") && error.contains("lo"), "{error}");
        let Ok(Partners::Group(SocketAddr::V6(address), Some(interface))) =
            partners(&[("group", &"ff12::37"), ("interface", &"lo")])
        else {
            panic!("it is a group of IPv6")
        };
        assert_eq!((address.scope_id(), interface.v4), (interface.index, Some(Ipv4Addr::LOCALHOST)));
        // One that is the same everywhere has no place.
        assert!(partners(&[("group", &"ff1e::37")]).is_ok());
    }

    #[test]
    fn peers_stand_in_place_of_the_group() {
        let addresses = ["192.0.2.1:21928", "[2001:db8::1]:21928"].map(|address| vec![address.parse().unwrap()]);
        assert_eq!(partners(&[("peers", &"192.0.2.1, 2001:db8::1")]), Ok(Partners::Peers(addresses.to_vec())));
        assert!(partners(&[("peers", &" , ")]).is_ok_and(|it| matches!(it, Partners::Group(..))));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_does() {
        for (property, value, words) in [
            ("group", "192.0.2.1", "is no multicast address such as 225.0.0.37 or ff12::37; a host is a peer"),
            ("interface", "nowhere0", "there is no network interface nowhere0; this machine has "),
            ("peers", "no.host.invalid", "peers: no.host.invalid is not found"),
        ] {
            let error = partners(&[(property, &value)]).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
