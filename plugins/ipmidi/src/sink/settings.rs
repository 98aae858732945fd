//! The properties of `ipmidisink`.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

use crate::setup::{self, Setup};
use crate::socket::Reach;

/// Values of the properties.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) setup: Setup,
    pub(super) reach: Reach,
    pub(super) mtu: u32,
    pub(super) sysex_rate: u32,
    pub(super) sysex_limit: u32,
}

/// Default of `sysex-rate`. Sockets hold some hundred kilobytes for a program that is busy.
const RATE: u32 = 1_000_000;

impl Default for Settings {
    fn default() -> Self {
        Self {
            setup: Setup::default(),
            reach: Reach { ttl: 1, is_looped: true },
            mtu: ipmidi::MTU as u32,
            sysex_rate: RATE,
            sysex_limit: 1 << 20,
        }
    }
}

impl Settings {
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) {
        const TYPED: &str = "GObject checks type and range of a value before it sets a property";
        if self.setup.set(name, value) {
            return;
        }
        match name {
            "ttl" => self.reach.ttl = value.get().expect(TYPED),
            "loop" => self.reach.is_looped = value.get().expect(TYPED),
            "mtu" => self.mtu = value.get().expect(TYPED),
            "sysex-rate" => self.sysex_rate = value.get().expect(TYPED),
            "sysex-limit" => self.sysex_limit = value.get().expect(TYPED),
            _ => {}
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "ttl" => self.reach.ttl.to_value(),
            "loop" => self.reach.is_looped.to_value(),
            "mtu" => self.mtu.to_value(),
            "sysex-rate" => self.sysex_rate.to_value(),
            "sysex-limit" => self.sysex_limit.to_value(),
            name => return self.setup.get(name),
        })
    }
}

pub(super) fn properties() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        let defaults = Settings::default();
        let mut properties = setup::properties();
        properties.extend([
            glib::ParamSpecUInt::builder("ttl")
                .nick("Time to live")
                .blurb("How far datagrams to the group go: 1 = the network here, 2 = one router further")
                .maximum(255)
                .default_value(defaults.reach.ttl)
                .mutable_ready()
                .build(),
            glib::ParamSpecBoolean::builder("loop")
                .nick("Loop")
                .blurb("Other programs on this machine get what is sent to the group as well")
                .default_value(defaults.reach.is_looped)
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("mtu")
                .nick("Datagram size")
                .blurb("Most octets of a datagram; a longer System Exclusive takes several")
                .minimum(4)
                .maximum(65_507)
                .default_value(defaults.mtu)
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("sysex-rate")
                .nick("System Exclusive rate")
                .blurb(
                    "Octets per second of a System Exclusive that takes several datagrams; 3125 is that of a MIDI cable, \
                     0 = as fast as it comes",
                )
                .default_value(defaults.sysex_rate)
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("sysex-limit")
                .nick("System Exclusive limit")
                .blurb("Most data octets of a System Exclusive that comes in pieces; a longer one is dropped")
                .minimum(1)
                .default_value(defaults.sysex_limit)
                .mutable_ready()
                .build(),
        ]);
        properties
    });
    &PROPERTIES
}
