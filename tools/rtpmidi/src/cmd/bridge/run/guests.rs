//! Those who have a port of the bridge by a session: they come, call themselves otherwise, and are forgotten.

use midi_routing::PortId;
use serde_json::json;

use super::Bridge;
use crate::cmd::bridge::status::PeerState;
use crate::cmd::bridge::transport::applemidi;
use crate::failure::Result;

impl Bridge<'_> {
    /// Makes ports of ALSA and JACK for guests, and tells of them.
    pub(super) fn hear_of_guests(&mut self, news: Vec<applemidi::News>) -> Result<()> {
        if !news.is_empty() {
            self.memory.touch();
        }
        for news in news {
            match news {
                applemidi::News::Came(port) => self.give_a_face(port),
                applemidi::News::Renamed(port, before) => {
                    if let Some(Err(failure)) = self.faces.as_ref().map(|faces| faces.rename(&mut self.bay, port)) {
                        self.warn(failure.message());
                    }
                    self.plugs.iter().for_each(|plugs| plugs.rename(&mut self.bay, port));
                    let name = self.bay.name(port).to_owned();
                    self.memory.rename(&before, &name);
                    let object = json!({ "type": "renamed", "name": name, "before": before });
                    self.tell(&format!("{before} calls itself {name} now"), &object)?;
                    self.patch.hurry();
                }
                applemidi::News::Changed(port, state) => {
                    let name = self.bay.name(port).to_owned();
                    let words = match state {
                        PeerState::Away => "is gone",
                        PeerState::Announced => "is announced",
                        PeerState::Called => "is called",
                        PeerState::Open => "takes part",
                    };
                    let object = json!({ "type": "peer", "name": name, "state": state });
                    self.tell(&format!("{name} {words}"), &object)?;
                }
                applemidi::News::Forgotten(port) => {
                    for name in self.take_away(port) {
                        self.memory.forget(&name);
                        self.bay.forget_said(&name);
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes a port away, and those that stood for it; returns their names.
    pub(super) fn take_away(&mut self, port: PortId) -> Vec<String> {
        let at = self.started.elapsed();
        let face = self.faces.as_mut().and_then(|faces| faces.remove(port));
        let plug = self.plugs.as_mut().and_then(|plugs| plugs.remove(port));
        let mut names = Vec::new();
        for port in face.into_iter().chain(plug).chain([port]) {
            names.push(self.bay.name(port).to_owned());
            self.bay.remove(at, port);
        }
        self.wanted.retain(|(wanted, _)| *wanted != port);
        names
    }

    /// A guest is called while somebody is connected with him.
    pub(super) fn want(&mut self, port: PortId) {
        let is_wanted = self.wanted.iter().any(|(wanted, _)| *wanted == port) || self.bay.is_used(port);
        self.sessions.want(port, is_wanted);
        self.memory.touch();
    }
}
