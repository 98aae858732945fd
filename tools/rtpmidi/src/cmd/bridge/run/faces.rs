//! Ports that other programs see: those of ALSA and JACK stand for ports of the bay.

use midi_routing::PortId;
use rtp_midi::midi::Command;
use serde_json::json;

use super::Bridge;
use crate::cmd::bridge::status::Transport;
use crate::cmd::bridge::transport::{alsa, jack};
use crate::failure::Result;

impl Bridge<'_> {
    /// Makes ports of ALSA and JACK for a port of the bay.
    pub(super) fn give_a_face(&mut self, port: PortId) {
        let at = self.started.elapsed();
        if let Some(plugs) = &mut self.plugs {
            plugs.add(at, &mut self.bay, port);
        }
        self.give_a_face_of_alsa(port);
    }

    pub(super) fn give_a_face_of_alsa(&mut self, port: PortId) {
        if let Some(Err(failure)) = self.faces.as_mut().map(|faces| faces.add(&mut self.bay, port)) {
            self.warn(failure.message());
        }
        self.listen_to_the_sequencer();
        self.patch.hurry();
    }

    /// Takes what others play to ports of ALSA, and connect with them.
    pub(super) fn read_the_sequencer(&mut self) -> Result<bool> {
        let Some(faces) = &mut self.faces else { return Ok(false) };
        let mut news = Vec::new();
        let has_more = faces.read(&mut news);
        for news in news {
            self.hear_of_faces(news)?;
        }
        match has_more {
            Ok(has_more) => Ok(has_more),
            Err(failure) => {
                self.remind(&format!("the ALSA sequencer is gone: {}", failure.message()));
                self.lose_the_sequencer()?;
                Ok(false)
            }
        }
    }

    pub(super) fn hear_of_faces(&mut self, news: alsa::News) -> Result<()> {
        let at = self.started.elapsed();
        match news {
            alsa::News::Message(port, octets) => {
                if let Ok((command, _)) = Command::decode(&octets) {
                    self.bay.hear(at, port, None, command);
                }
            }
            alsa::News::Wanted(port, is_wanted) => self.is_wanted(Transport::Alsa, port, is_wanted),
            alsa::News::Overrun(port) => self.bay.overrun(at, port),
            alsa::News::Device(address, name) => {
                if let Some(session) = self.begin_export(&name)?
                    && let Some(faces) = &mut self.faces
                {
                    let port = faces.export(&mut self.bay, address, &name, session);
                    self.devices.insert(session, port);
                }
                self.patch.hurry();
            }
            alsa::News::Gone(port) => {
                let session = self.devices.iter().find(|(_, device)| **device == port).map(|(session, _)| *session);
                self.bay.remove(at, port);
                if let Some(session) = session {
                    self.devices.remove(&session);
                    self.end_export(session)?;
                }
            }
        }
        Ok(())
    }

    /// Begins the session of a device.
    fn begin_export(&mut self, device: &str) -> Result<Option<PortId>> {
        let mut warnings = Vec::new();
        let session = match self.sessions.export(&mut self.bay, device, &mut warnings) {
            Ok(session) => {
                let name = self.bay.name(session).to_owned();
                let object = json!({ "type": "export", "name": name, "change": "announced" });
                self.tell(&format!("{name} is announced"), &object)?;
                Some(session)
            }
            Err(failure) => {
                warnings.push(format!("{device} is not exported: {}", failure.message()));
                None
            }
        };
        for warning in &warnings {
            self.warn(warning);
        }
        Ok(session)
    }

    /// Ends the session of a device.
    fn end_export(&mut self, session: PortId) -> Result<()> {
        // What the device has left sounding is let go before its session ends.
        self.deliver();
        let name = self.bay.name(session).to_owned();
        self.sessions.end_export(session);
        self.bay.remove(self.started.elapsed(), session);
        let object = json!({ "type": "export", "name": name, "change": "ended" });
        self.tell(&format!("{name} is announced no more"), &object)
    }

    /// Takes what others play to ports of JACK, and connect with them.
    pub(super) fn read_jack(&mut self) -> Result<()> {
        let (at, Some(plugs)) = (self.started.elapsed(), &mut self.plugs) else { return Ok(()) };
        for news in plugs.read(at, &mut self.bay) {
            match news {
                jack::News::Device(source, name) => {
                    if let Some(session) = self.begin_export(&name)?
                        && let Some(plugs) = &mut self.plugs
                    {
                        plugs.export(at, &mut self.bay, &source, session);
                    }
                    self.patch.hurry();
                }
                jack::News::Gone(session) => {
                    if let Some(port) = self.plugs.as_mut().and_then(|plugs| plugs.remove(session)) {
                        self.bay.remove(at, port);
                    }
                    self.wanted.remove(&(session, Transport::Jack));
                    self.end_export(session)?;
                }
                jack::News::Wanted(port, is_wanted) => self.is_wanted(Transport::Jack, port, is_wanted),
                jack::News::Server(words) => {
                    self.patch.hurry();
                    self.tell(words, &json!({ "type": "jack", "words": words }))?;
                }
                jack::News::Missing(words) => self.warn(&words),
            }
        }
        Ok(())
    }

    /// Somebody is connected with the face of a port, or nobody is any more.
    fn is_wanted(&mut self, face: Transport, port: PortId, is_wanted: bool) {
        if is_wanted {
            self.wanted.insert((port, face));
        } else {
            self.wanted.remove(&(port, face));
        }
        self.want(port);
    }
}
