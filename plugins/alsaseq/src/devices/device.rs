//! A port as a device.

use std::sync::OnceLock;

use alsa::Direction;
use gst::glib;
use gst::subclass::prelude::*;

use crate::address::{Pattern, Port, escaped};

/// The private part of [`super::AlsaSeqDevice`].
#[derive(Debug, Default)]
pub struct AlsaSeqDevice(OnceLock<(Direction, String)>);

#[glib::object_subclass]
impl ObjectSubclass for AlsaSeqDevice {
    const NAME: &'static str = "GstAlsaSeqDevice";
    type Type = super::AlsaSeqDevice;
    type ParentType = gst::Device;
}

impl ObjectImpl for AlsaSeqDevice {}
impl GstObjectImpl for AlsaSeqDevice {}

impl DeviceImpl for AlsaSeqDevice {
    fn create_element(&self, name: Option<&str>) -> Result<gst::Element, gst::LoggableError> {
        let (direction, ports) =
            self.0.get().ok_or_else(|| gst::loggable_error!(gst::CAT_RUST, "a device without a port"))?;
        let factory = match direction {
            Direction::Capture => "alsaseqsrc",
            Direction::Playback => "alsaseqsink",
        };
        let element = gst::ElementFactory::make(factory).property("ports", ports);
        let element = element.name_if_some(name).build();
        element.map_err(|error| gst::loggable_error!(gst::CAT_RUST, "{error}"))
    }
}

impl super::AlsaSeqDevice {
    /// `port` as something to read from (capture) or to write to (playback), which `ports` calls so; see [`text`].
    pub(super) fn new(port: &Port, direction: Direction, ports: String) -> Self {
        let Port { address, client, name, is_hardware, .. } = port;
        let class = match direction {
            Direction::Capture => "Source/Midi",
            Direction::Playback => "Sink/Midi",
        };
        let properties = gst::Structure::builder("alsaseq-port")
            .field("device.api", "alsaseq")
            .field("alsaseq.address", format!("{}:{}", address.client, address.port))
            .field("alsaseq.client", client)
            .field("alsaseq.port", name)
            .field("alsaseq.hardware", *is_hardware)
            .field("alsaseq.ports", &ports)
            .build();
        let caps = gst::Caps::new_empty_simple("audio/x-midi-event");
        let device: Self = glib::Object::builder()
            .property(
                "display-name",
                if name.starts_with(client.as_str()) { name.clone() } else { format!("{client} {name}") },
            )
            .property("device-class", class)
            .property("caps", &caps)
            .property("properties", &properties)
            .build();
        device.imp().0.get_or_init(|| (direction, ports));
        device
    }
}

/// What the property `ports` of an element is to be so that it is connected to `port`, which is one of `all`: its names,
/// which are the same after the next start, or its numbers where the names mean another one as well, as those of two
/// instruments of one model do.
pub(super) fn text(port: &Port, direction: Direction, all: &[Port]) -> String {
    let names = format!("{}:{}", escaped(&port.client), escaped(&port.name));
    let is_alone = all.iter().filter(|other| other.has_names_of(port)).count() == 1;
    match &Pattern::list(&names)[..] {
        [pattern] if is_alone && pattern.find(all, direction) == Some(port) => names,
        _ => format!("{}:{}", port.address.client, port.address.port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(client: i32, number: i32, name: &str) -> Port {
        Port::made_up((client, "Keys"), (number, name))
    }

    #[test]
    fn a_device_is_named_unless_another_has_the_name() {
        let one = [port(20, 0, "out: A")];
        assert_eq!(text(&one[0], Direction::Capture, &one), r"Keys:out\: A");
        let two = [port(20, 0, "out"), port(24, 0, "out"), port(24, 1, "other")];
        let texts = two.each_ref().map(|port| text(port, Direction::Capture, &two));
        assert_eq!(texts, ["20:0", "24:0", "Keys:other"]);
    }

    #[test]
    fn a_device_whose_name_says_nothing_or_something_else_is_numbered() {
        let ports = [port(20, 0, "first"), port(20, 1, ""), port(20, 2, "0"), port(20, 3, " x")];
        let texts = ports.each_ref().map(|port| text(port, Direction::Capture, &ports));
        assert_eq!(texts, ["Keys:first", "20:1", "20:2", "20:3"]);
    }
}
