//! Ports of JACK, in a program that was built without them: there are none.

use std::time::Duration;

use midi_routing::PortId;
use rtp_midi::midi::Command;

use crate::cmd::bridge::bay::Bay;
use crate::cmd::bridge::inbox::Inbox;
use crate::cmd::bridge::rules::Own;
use crate::failure::{Failure, Result};

/// The ports that other programs see.
pub(crate) enum Plugs {}

/// What has happened.
#[allow(dead_code, reason = "there is nobody to tell it")]
pub(crate) enum News {
    Wanted(PortId, bool),
    Device(String, String),
    Gone(PortId),
    Server(&'static str),
    Missing(String),
}

impl Plugs {
    pub(crate) fn open(_client: &str, _inbox: &Inbox) -> Result<Self> {
        Err(Failure::new("this program was built without JACK"))
    }

    pub(crate) fn add(&mut self, _at: Duration, _bay: &mut Bay, _of: PortId) {
        match *self {}
    }

    pub(crate) fn add_exports(&mut self, _at: Duration, _bay: &mut Bay) {
        match *self {}
    }

    pub(crate) fn export(&mut self, _at: Duration, _bay: &mut Bay, _device: &str, _by: PortId) {
        match *self {}
    }

    pub(crate) fn exports(&self, _session: PortId) -> bool {
        match *self {}
    }

    pub(crate) fn own(&self, _bay: &Bay) -> Option<Own> {
        match *self {}
    }

    pub(crate) fn rename(&self, _bay: &mut Bay, _of: PortId) {
        match *self {}
    }

    pub(crate) fn remove(&mut self, _of: PortId) -> Option<PortId> {
        match *self {}
    }

    pub(crate) fn play(&mut self, _port: PortId, _command: &Command<'_>) -> Option<bool> {
        match *self {}
    }

    pub(crate) fn read(&mut self, _at: Duration, _bay: &mut Bay) -> Vec<News> {
        match *self {}
    }

    pub(crate) fn due(&self) -> Option<Duration> {
        match *self {}
    }
}
