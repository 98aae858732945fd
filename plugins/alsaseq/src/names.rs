//! The properties that both elements have: how they are called, and with whom they are connected.

use alsa::Direction;
use gst::glib;
use gst::prelude::*;

/// Their values.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    client: Option<String>,
    pub(crate) port: String,
    pub(crate) ports: String,
}

impl Names {
    pub(crate) fn new(direction: Direction) -> Self {
        Self { client: None, port: port(direction).to_owned(), ports: String::new() }
    }

    /// The name of the client: that of the program, if it is not given.
    pub(crate) fn client(&self) -> String {
        self.client.clone().or_else(|| glib::prgname().map(Into::into)).unwrap_or_else(|| "GStreamer".to_owned())
    }

    /// Sets a property; false if it is none of these.
    pub(crate) fn set(&mut self, name: &str, value: &glib::Value, direction: Direction) -> bool {
        const TYPED: &str = "GObject checks the type of a value before it sets a property";
        let text: Option<String> = match name {
            "client-name" | "port-name" | "ports" => value.get().expect(TYPED),
            _ => return false,
        };
        match name {
            "client-name" => self.client = text.filter(|text| !text.is_empty()),
            "port-name" => self.port = text.unwrap_or_else(|| port(direction).to_owned()),
            _ => self.ports = text.unwrap_or_default(),
        }
        true
    }

    pub(crate) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "client-name" => self.client.to_value(),
            "port-name" => self.port.to_value(),
            "ports" => self.ports.to_value(),
            _ => return None,
        })
    }

    pub(crate) fn properties(direction: Direction) -> Vec<glib::ParamSpec> {
        let text = |name, nick, blurb| {
            let default = (name == "port-name").then(|| port(direction));
            glib::ParamSpecString::builder(name).nick(nick).blurb(blurb).default_value(default).mutable_ready().build()
        };
        let ports = match direction {
            Direction::Capture => {
                "Ports to read from: client:port,… by number or name; those that are missing are connected when they come"
            }
            Direction::Playback => {
                "Ports to write to: client:port,… by number or name; those that are missing are connected when they come"
            }
        };
        vec![
            text(
                "client-name",
                "Client name",
                "What the client calls itself; without a word, as the program is called",
            ),
            text("port-name", "Port name", "What the port is called, to which others can connect"),
            text("ports", "Ports", ports),
            glib::ParamSpecString::builder("address")
                .nick("Address")
                .blurb("The own port as client:port; empty while it is closed")
                .read_only()
                .build(),
        ]
    }
}

/// How the port is called, as others see it.
const fn port(direction: Direction) -> &'static str {
    match direction {
        Direction::Capture => "in",
        Direction::Playback => "out",
    }
}
