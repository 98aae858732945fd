//! Ports of raw multicast MIDI, as the command line names them: `PORT[@INTERFACE]`.

use gst::glib;

use crate::elements;
use crate::failure::{Failure, Result};
use crate::interface::Interface;

/// A source that hears a port.
pub(crate) fn source(port: &str) -> Result<gst::Element> {
    let (port, interface) = read(port)?;
    elements::with("ipmidisrc", &[("port", &port), ("interface", &interface)])
}

/// A sink that plays to a port.
pub(crate) fn sink(port: &str) -> Result<gst::Element> {
    let (port, interface) = read(port)?;
    elements::with("ipmidisink", &[("port", &port), ("interface", &interface)])
}

/// A port, and the interface in whose network it is. That it is there is found out before anything is begun.
fn read(text: &str) -> Result<(u32, Option<glib::GString>)> {
    let (port, interface) = text.split_once('@').map_or((text, None), |(port, interface)| (port, Some(interface)));
    let number = port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(|| {
        Failure::new(format!("{port:?} is no port of raw multicast MIDI"))
            .hint("PORT or PORT@INTERFACE: ports count from 1, and programs for ipMIDI have up to 20")
    })?;
    let interface = interface.map(Interface::find).transpose()?;
    Ok((number.into(), interface.map(|interface| interface.name.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_may_be_in_the_network_of_an_interface() {
        assert_eq!(read("20").unwrap(), (20, None));
        assert_eq!(read("1@lo").unwrap(), (1, Some("lo".into())));
        for (text, words) in [
            ("", "\"\" is no port of raw multicast MIDI"),
            ("0", "\"0\" is no port"),
            ("65536", "\"65536\" is no port"),
            ("1@nowhere0", "there is no network interface nowhere0"),
        ] {
            assert!(read(text).unwrap_err().to_string().contains(words), "{text}");
        }
    }
}
