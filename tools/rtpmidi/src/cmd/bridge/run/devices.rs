//! Devices that carry the octets of MIDI: they come, go, and are named otherwise in the configuration.

use serde_json::json;

use super::Bridge;
use crate::cmd::bridge::config::RawDevice;
use crate::cmd::bridge::transport::rawmidi::News;
use crate::failure::Result;

impl Bridge<'_> {
    /// Makes the ports of devices, each of which is opened by its own thread.
    pub(super) fn open_devices(&mut self, devices: Vec<RawDevice>) -> Result<()> {
        for device in devices {
            let port = self.raw.open(self.started.elapsed(), &mut self.bay, device)?;
            self.give_a_face(port);
        }
        Ok(())
    }

    /// Takes what devices have played, and tells of those that have come or gone.
    pub(super) fn read_devices(&mut self) -> Result<()> {
        for news in self.raw.read(self.started.elapsed(), &mut self.bay) {
            let (port, change) = match &news {
                News::Came(port) => (*port, "there"),
                News::Gone(port, _) => (*port, "away"),
            };
            let name = self.bay.name(port).to_owned();
            let mut object = json!({ "type": "rawmidi", "name": name, "change": change });
            if let News::Gone(_, refusal) = news {
                object["reason"] = refusal.words.as_str().into();
                self.warn(&format!("{name}: {refusal}"));
            }
            self.tell(&format!("{name} is {change}"), &object)?;
        }
        Ok(())
    }

    /// Has the devices of another configuration, and those of both as they are.
    pub(super) fn adopt_devices(&mut self, devices: &[RawDevice]) -> Result<()> {
        let (old, new) = self.raw.differ(devices);
        for port in old {
            // What it is still to play it has before it is let go of.
            self.take_away(port);
            self.deliver();
            self.raw.close(port);
            self.patch.hurry();
        }
        self.open_devices(new)
    }
}
