//! Ports of the ALSA sequencer, in a program that was built without them: there are none.

use std::os::fd::RawFd;

use midi_routing::PortId;
use rtp_midi::midi::Command;

use crate::cmd::bridge::bay::Bay;
use crate::cmd::bridge::rules::Own;
use crate::failure::{Failure, Result};

/// The ports that other programs see.
pub(crate) enum Faces {}

/// Where a device is.
#[derive(Clone, Copy)]
pub(crate) enum Address {}

/// What has happened.
#[allow(dead_code, reason = "there is nobody to tell it")]
pub(crate) enum News {
    Message(PortId, Vec<u8>),
    Wanted(PortId, bool),
    Device(Address, String),
    Gone(PortId),
    Overrun(PortId),
}

impl Faces {
    pub(crate) fn open(_client: &str) -> Result<Self> {
        Err(Failure::new("this program was built without the ALSA sequencer"))
    }

    pub(crate) fn take_fresh(&mut self) -> Vec<RawFd> {
        match *self {}
    }

    pub(crate) fn leave(self) -> (Vec<PortId>, Vec<PortId>) {
        match self {}
    }

    pub(crate) fn own(&self) -> Own {
        match *self {}
    }

    pub(crate) fn add(&mut self, _bay: &mut Bay, _of: PortId) -> Result<()> {
        match *self {}
    }

    pub(crate) fn remove(&mut self, _of: PortId) -> Option<PortId> {
        match *self {}
    }

    pub(crate) fn rename(&self, _bay: &mut Bay, _of: PortId) -> Result<()> {
        match *self {}
    }

    pub(crate) fn export(&mut self, _bay: &mut Bay, _address: Address, _name: &str, _by: PortId) -> PortId {
        match *self {}
    }

    pub(crate) fn play(&self, _port: PortId, _command: &Command<'_>) -> Option<bool> {
        match *self {}
    }

    pub(crate) fn read(&mut self, _news: &mut Vec<News>) -> Result<bool> {
        match *self {}
    }
}
