//! The properties of `ipmidisrc`.

use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;

use gst::glib;
use gst::prelude::*;

use super::ear::Manners;
use crate::setup::{self, Partners, Setup, list, settings};

/// Values of the properties.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) setup: Setup,
    sources: Option<String>,
    hears_own: bool,
    sysex_limit: u32,
    silence: gst::ClockTime,
}

impl Default for Settings {
    fn default() -> Self {
        let sysex_limit = ipmidi::LIMIT as u32;
        Self { setup: Setup::default(), sources: None, hears_own: false, sysex_limit, silence: gst::ClockTime::ZERO }
    }
}

impl Settings {
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) {
        const TYPED: &str = "GObject checks type and range of a value before it sets a property";
        if self.setup.set(name, value) {
            return;
        }
        match name {
            "sources" => self.sources = value.get().expect(TYPED),
            "hear-own" => self.hears_own = value.get().expect(TYPED),
            "sysex-limit" => self.sysex_limit = value.get().expect(TYPED),
            "silence-timeout" => self.silence = gst::ClockTime::from_nseconds(value.get().expect(TYPED)),
            _ => {}
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "sources" => self.sources.to_value(),
            "hear-own" => self.hears_own.to_value(),
            "sysex-limit" => self.sysex_limit.to_value(),
            "silence-timeout" => self.silence.nseconds().to_value(),
            name => return self.setup.get(name),
        })
    }

    /// How `partners` are heard.
    pub(super) fn manners(&self, partners: &Partners) -> Result<Manners, gst::ErrorMessage> {
        let senders = match partners {
            Partners::Group(..) => list(self.sources.as_deref())
                .map(|text| text.parse().map_err(|_| settings(&format!("sources: {text} is no IP address"))))
                .collect::<Result<_, _>>()?,
            Partners::Peers(peers) => {
                peers.iter().flatten().map(|peer| peer.ip().to_canonical()).collect::<Vec<IpAddr>>()
            }
        };
        let silence = (!self.silence.is_zero()).then(|| Duration::from(self.silence));
        Ok(Manners { senders, hears_own: self.hears_own, limit: self.sysex_limit as usize, silence })
    }
}

pub(super) fn properties() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        let mut properties = setup::properties();
        properties.extend([
            glib::ParamSpecString::builder("sources")
                .nick("Sources")
                .blurb("IP addresses, separated by commas: who of the group is heard [default: everybody]")
                .mutable_ready()
                .build(),
            glib::ParamSpecBoolean::builder("hear-own")
                .nick("Hear own")
                .blurb("Hear what ipmidisinks of this process send as well")
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("sysex-limit")
                .nick("System Exclusive limit")
                .blurb("Most data octets of a System Exclusive; a longer one is dropped")
                .minimum(1)
                .maximum(1 << 24)
                .default_value(Settings::default().sysex_limit)
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt64::builder("silence-timeout")
                .nick("Silence timeout")
                .blurb(
                    "Let go what a sender holds that has sent nothing for so many nanoseconds; 0 = only that of one that \
                     has sent Active Sensing",
                )
                .mutable_ready()
                .build(),
        ]);
        properties
    });
    &PROPERTIES
}
