//! The device provider: what there is, what comes and what goes.

use gst::prelude::*;

use crate::kit::{Other, text, until};

fn provider() -> gst::DeviceProvider {
    gst::init().unwrap();
    gstalsaseq::plugin_register_static().unwrap();
    let factory = gst::DeviceProviderFactory::find("alsaseqdeviceprovider").expect("it is registered");
    factory.get().unwrap()
}

fn find(devices: impl IntoIterator<Item = gst::Device>, name: &str, class: &str) -> Option<gst::Device> {
    devices.into_iter().find(|device| device.display_name().contains(name) && device.has_classes(class))
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn ports_are_devices_that_make_connected_elements() {
    let other = Other::new("Grand Piano, 1");
    let provider = provider();
    let device = find(provider.devices(), "Grand Piano", "Source/Midi").expect("it is listed");
    assert!(find(provider.devices(), "Midi Through", "Sink/Midi").is_some());
    assert!(find(provider.devices(), "System", "Source").is_none());
    assert!(makes_connected(&device, &other));
}

/// Whether the element that a device makes reads from `other`.
fn makes_connected(device: &gst::Device, other: &Other) -> bool {
    let source = device.create_element(Some("it")).unwrap();
    let pipeline = gst::Pipeline::new();
    let sink = gst::ElementFactory::make("fakesink").build().unwrap();
    pipeline.add_many([&source, &sink]).unwrap();
    source.link(&sink).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let address = source.property::<Option<String>>("address").unwrap().parse().unwrap();
    let is_connected = other.is_connected(address, alsa::Direction::Playback);
    pipeline.set_state(gst::State::Null).unwrap();
    is_connected
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn two_instruments_of_one_model_are_two_devices() {
    let provider = provider();
    provider.start().unwrap();
    let twins = [Other::new("Twin"), Other::new("Twin")];
    let device = |other: &Other| {
        let at = text(other.address);
        let is_it = |device: &gst::Device| {
            let properties = device.properties().unwrap();
            ["alsaseq.address", "alsaseq.ports"].iter().all(|name| properties.get::<String>(*name).unwrap() == at)
                && device.has_classes("Source/Midi")
        };
        until(&at, || provider.devices().into_iter().find(is_it))
    };
    for twin in &twins {
        assert!(makes_connected(&device(twin), twin));
    }
    // The other one is called by name again when it is alone.
    let [one, other] = twins;
    drop(one);
    until("a name", || {
        let device = find(provider.devices(), "Twin", "Source/Midi")?;
        (device.properties()?.get::<&str>("alsaseq.ports") == Ok("Twin:port")).then_some(())
    });
    drop(other);
    provider.stop();
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn devices_come_and_go_with_their_ports() {
    let provider = provider();
    let bus = provider.bus();
    provider.start().unwrap();
    // Whoever asks a provider that has started is told what that knows.
    assert!(find(provider.devices(), "Midi Through", "Source/Midi").is_some());
    let next = |kind, name: &str| {
        until(name, || {
            let message = bus.pop_filtered(&[kind])?;
            let device = match message.view() {
                gst::MessageView::DeviceAdded(added) => added.device(),
                gst::MessageView::DeviceRemoved(removed) => removed.device(),
                _ => return None,
            };
            find([device], name, "Source/Midi")
        })
    };
    next(gst::MessageType::DeviceAdded, "Midi Through");
    let other = Other::new("Plugged in");
    let device = next(gst::MessageType::DeviceAdded, "Plugged in");
    let properties = device.properties().unwrap();
    assert_eq!(properties.get::<&str>("alsaseq.client"), Ok("Plugged in"));
    assert_eq!(properties.get::<&str>("device.api"), Ok("alsaseq"));
    drop(other);
    next(gst::MessageType::DeviceRemoved, "Plugged in");
    provider.stop();
}
