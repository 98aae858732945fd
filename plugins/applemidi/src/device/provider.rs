//! `applemidideviceprovider`: the peers that are announced by multicast DNS.

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// The provider.
    pub struct AppleMidiDeviceProvider(ObjectSubclass<imp::AppleMidiDeviceProvider>)
        @extends gst::DeviceProvider, gst::Object;
}

/// Registers the provider with `plugin`.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    let provider = AppleMidiDeviceProvider::static_type();
    gst::DeviceProvider::register(Some(plugin), "applemidideviceprovider", gst::Rank::SECONDARY, provider)
}

mod imp {
    use std::collections::HashMap;
    use std::sync::{LazyLock, Mutex};
    use std::time::Duration;

    use applemidi_io::{Peer, Sighting};
    use gst::glib;
    use gst::prelude::*;
    use gst::subclass::prelude::*;

    use crate::device::{AppleMidiDevice, Way};
    use crate::lock::lock;
    use crate::surroundings::{Surroundings, Watch};

    static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
        gst::DebugCategory::new("applemidideviceprovider", gst::DebugColorFlags::empty(), Some("AppleMIDI peers"))
    });

    /// How long peers have for their first answer: they may take up to 120 ms, so that not all speak at once (RFC 6762,
    /// 6), and some have to be asked for their addresses after that.
    const FIRST_LOOK: Duration = Duration::from_millis(600);

    /// The private part of [`super::AppleMidiDeviceProvider`].
    #[derive(Default)]
    pub struct AppleMidiDeviceProvider {
        watch: Mutex<Option<Watch>>,
        /// The devices of each peer.
        devices: Mutex<HashMap<String, (Peer, [AppleMidiDevice; 2])>>,
        /// Held while a peer comes or goes, until the base class knows.
        turn: Mutex<()>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for AppleMidiDeviceProvider {
        const NAME: &'static str = "GstAppleMidiDeviceProvider";
        type Type = super::AppleMidiDeviceProvider;
        type ParentType = gst::DeviceProvider;
    }

    impl ObjectImpl for AppleMidiDeviceProvider {}
    impl GstObjectImpl for AppleMidiDeviceProvider {}

    impl DeviceProviderImpl for AppleMidiDeviceProvider {
        fn metadata() -> Option<&'static gst::subclass::DeviceProviderMetadata> {
            static METADATA: LazyLock<gst::subclass::DeviceProviderMetadata> = LazyLock::new(|| {
                gst::subclass::DeviceProviderMetadata::new(
                    "AppleMIDI peers",
                    "Source/Sink/Midi/Network",
                    "Lists the AppleMIDI sessions that are announced by multicast DNS",
                    env!("CARGO_PKG_REPOSITORY"),
                )
            });
            Some(&METADATA)
        }

        fn probe(&self) -> Vec<gst::Device> {
            let peers = match Surroundings::of(None) {
                Ok(surroundings) => {
                    let watch = surroundings.watch(|_| ());
                    std::thread::sleep(FIRST_LOOK);
                    watch.peers()
                }
                Err(error) => {
                    gst::warning!(CAT, imp = self, "{error}");
                    return Vec::new();
                }
            };
            peers.iter().flat_map(devices).map(Cast::upcast).collect()
        }

        fn start(&self) -> Result<(), gst::LoggableError> {
            let surroundings = Surroundings::of(None).map_err(|error| gst::loggable_error!(CAT, "{error}"))?;
            let provider = self.downgrade();
            let watch = surroundings.watch(move |sighting| {
                let Some(provider) = provider.upgrade() else { return };
                let _turn = lock(&provider.turn);
                match sighting {
                    Sighting::Announced(peer) => provider.add(peer),
                    Sighting::Gone(name) => provider.remove(name),
                }
            });
            // Who asks at once which devices there are shall see them.
            std::thread::sleep(FIRST_LOOK);
            // Of who goes meanwhile it is told afterwards.
            let turn = lock(&self.turn);
            for peer in watch.peers() {
                self.add(&peer);
            }
            drop(turn);
            *lock(&self.watch) = Some(watch);
            Ok(())
        }

        fn stop(&self) {
            drop(lock(&self.watch).take());
            // The base class forgets the devices.
            lock(&self.devices).clear();
        }
    }

    impl AppleMidiDeviceProvider {
        /// A peer is there, perhaps with other addresses than before.
        fn add(&self, peer: &Peer) {
            let mut known = lock(&self.devices);
            if known.get(&peer.name).is_some_and(|(before, _)| before == peer) {
                return;
            }
            let devices = devices(peer);
            let before = known.insert(peer.name.clone(), (peer.clone(), devices.clone()));
            drop(known);
            match before {
                Some((_, before)) => {
                    for (device, before) in devices.iter().zip(&before) {
                        self.obj().device_changed(device, before);
                    }
                }
                None => {
                    for device in &devices {
                        self.obj().device_add(device);
                    }
                }
            }
        }

        fn remove(&self, name: &str) {
            let before = lock(&self.devices).remove(name);
            for device in before.iter().flat_map(|(_, devices)| devices) {
                self.obj().device_remove(device);
            }
        }
    }

    /// Both ways of a peer.
    fn devices(peer: &Peer) -> [AppleMidiDevice; 2] {
        [Way::Source, Way::Sink].map(|way| AppleMidiDevice::new(peer, way))
    }
}
