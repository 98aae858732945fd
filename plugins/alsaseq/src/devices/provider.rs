//! Lists the ports, and tells which come and go.

use std::sync::{LazyLock, Mutex};

use alsa::Direction;
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::device::text;
use crate::address::Port;
use crate::announcements::Announcements;
use crate::client::{Client, check};
use crate::lock::lock;

/// The private part of [`super::AlsaSeqDeviceProvider`].
#[derive(Debug, Default)]
pub struct AlsaSeqDeviceProvider {
    announcements: Mutex<Option<Announcements>>,
}

#[glib::object_subclass]
impl ObjectSubclass for AlsaSeqDeviceProvider {
    const NAME: &'static str = "GstAlsaSeqDeviceProvider";
    type Type = super::AlsaSeqDeviceProvider;
    type ParentType = gst::DeviceProvider;
}

impl ObjectImpl for AlsaSeqDeviceProvider {}
impl GstObjectImpl for AlsaSeqDeviceProvider {}

impl DeviceProviderImpl for AlsaSeqDeviceProvider {
    fn metadata() -> Option<&'static gst::subclass::DeviceProviderMetadata> {
        static METADATA: LazyLock<gst::subclass::DeviceProviderMetadata> = LazyLock::new(|| {
            gst::subclass::DeviceProviderMetadata::new(
                "ALSA sequencer ports",
                "Source/Sink/Midi",
                "Lists the ports of the ALSA sequencer, of devices and of programs",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn probe(&self) -> Vec<gst::Device> {
        let ports = check().and_then(|()| Client::open("probe")).map(|client| Port::all(&client.seq));
        // A machine without a sequencer has no ports.
        let ports = ports.unwrap_or_default();
        ports.iter().flat_map(|port| texts(port, &ports).into_iter().map(|text| device(port, text))).collect()
    }

    fn start(&self) -> Result<(), gst::LoggableError> {
        let provider = self.obj().downgrade();
        let mut known: Vec<Known> = Vec::new();
        let announcements = Announcements::listen(move |client, gone| {
            let Some(provider) = provider.upgrade() else { return };
            let ports = Port::all(&client.seq);
            known.retain(|it| {
                // How it is to be called may have changed as well, since another of its name has come or gone.
                let stays = ports.contains(&it.port)
                    && texts(&it.port, &ports) == it.texts
                    && !gone.iter().any(|gone| gone.includes(it.port.address));
                if !stays {
                    for device in &it.devices {
                        provider.device_remove(device);
                    }
                }
                stays
            });
            for port in &ports {
                if known.iter().all(|it| it.port != *port) {
                    let texts = texts(port, &ports);
                    let devices: Vec<_> = texts.iter().map(|text| device(port, text.clone())).collect();
                    for device in &devices {
                        provider.device_add(device);
                    }
                    known.push(Known { port: port.clone(), texts, devices });
                }
            }
        });
        // Without a sequencer there is nothing to be told of, which is no failure of those that list devices.
        match announcements {
            Ok(announcements) => *lock(&self.announcements) = Some(announcements),
            Err(reason) => gst::info!(gst::CAT_RUST, imp = self, "{reason}"),
        }
        Ok(())
    }

    fn stop(&self) {
        let announcements = lock(&self.announcements).take();
        drop(announcements);
    }
}

/// A port that has been told of, with its devices.
struct Known {
    port: Port,
    texts: Vec<(Direction, String)>,
    devices: Vec<gst::Device>,
}

/// What can be done with a port, and how elements then call it.
fn texts(port: &Port, all: &[Port]) -> Vec<(Direction, String)> {
    let directions = [Direction::Capture, Direction::Playback].into_iter().filter(|direction| port.allows(*direction));
    directions.map(|direction| (direction, text(port, direction, all))).collect()
}

fn device(port: &Port, (direction, ports): (Direction, String)) -> gst::Device {
    super::AlsaSeqDevice::new(port, direction, ports).upcast()
}
