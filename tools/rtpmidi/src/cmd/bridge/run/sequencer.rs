//! The ALSA sequencer comes, and goes: the bridge does its work with it and without.

use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use midi_routing::PortId;
use mio::unix::SourceFd;
use mio::{Interest, Token};
use serde_json::json;

use super::Bridge;
use crate::cmd::bridge::rules::has_rules;
use crate::cmd::bridge::status::Transport;
use crate::cmd::bridge::transport::alsa::{Faces, News};
use crate::failure::{Failure, Result};

/// How often it is looked for one.
const RETRY: Duration = Duration::from_secs(5);

impl Bridge<'_> {
    /// Goes to the sequencer, and makes ports for all that are there. Where there is none it is looked for later.
    pub(super) fn find_the_sequencer(&mut self) {
        match Faces::open(&self.config.name) {
            Ok(faces) => self.faces = Some(faces),
            Err(failure) => {
                self.search = Some(Instant::now() + RETRY);
                return self.warn(&format!("no ports of ALSA: {}", failure.message()));
            }
        }
        self.search = None;
        let ports: Vec<PortId> = self.bay.named().map(|(port, _)| port).collect();
        for port in ports {
            let is_of_jack = self.plugs.as_ref().is_some_and(|plugs| plugs.exports(port));
            if has_rules(self.bay.transport(port)) && !self.devices.contains_key(&port) && !is_of_jack {
                self.give_a_face_of_alsa(port);
            }
        }
        self.listen_to_the_sequencer();
    }

    /// Takes away all ports of ALSA, and ends the sessions of devices.
    pub(super) fn lose_the_sequencer(&mut self) -> Result<()> {
        let Some(faces) = self.faces.take() else { return Ok(()) };
        self.search = Some(Instant::now() + RETRY);
        let (at, (faces, devices)) = (self.started.elapsed(), faces.leave());
        for port in faces {
            self.bay.remove(at, port);
        }
        for device in devices {
            self.hear_of_faces(News::Gone(device))?;
        }
        let wanted: Vec<PortId> = self.wanted.iter().map(|(port, _)| *port).collect();
        self.wanted.retain(|(_, face)| *face != Transport::Alsa);
        for port in wanted {
            self.want(port);
        }
        self.patch.hurry();
        self.tell("the ALSA sequencer is looked for", &json!({ "type": "alsa", "change": "gone" }))
    }

    /// Listens for what comes to clients that are new.
    pub(super) fn listen_to_the_sequencer(&mut self) {
        let fresh = self.faces.as_mut().map(Faces::take_fresh).unwrap_or_default();
        for descriptor in fresh {
            if let Err(failure) = self.listen_for(descriptor, super::SEQUENCER) {
                self.warn(failure.message());
            }
        }
    }

    /// Wakes the main loop with a token when there is something to read.
    pub(super) fn listen_for(&self, descriptor: RawFd, token: Token) -> Result<()> {
        self.registry
            .register(&mut SourceFd(&descriptor), token, Interest::READABLE)
            .map_err(|error| Failure::new(format!("nothing can be waited for here: {error}")))
    }
}
