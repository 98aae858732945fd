//! The properties of `smfparse`.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

/// Values of the properties.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) sequence: u16,
    pub(super) lenient: bool,
    pub(super) max_size: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { sequence: 0, lenient: false, max_size: 64 << 20 }
    }
}

impl Settings {
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) {
        const TYPED: &str = "GObject checks type and range of a value before it sets a property";
        match name {
            "sequence" => self.sequence = value.get::<u32>().expect(TYPED) as u16,
            "lenient" => self.lenient = value.get().expect(TYPED),
            "max-size" => self.max_size = value.get().expect(TYPED),
            _ => {}
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "sequence" => u32::from(self.sequence).to_value(),
            "lenient" => self.lenient.to_value(),
            "max-size" => self.max_size.to_value(),
            _ => return None,
        })
    }
}

pub(super) fn properties() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        let defaults = Settings::default();
        vec![
            glib::ParamSpecUInt::builder("sequence")
                .nick("Sequence")
                .blurb("Which of the independent sequences of a file of format 2 to play, counted from 0")
                .maximum(u16::MAX.into())
                .default_value(defaults.sequence.into())
                .mutable_ready()
                .build(),
            glib::ParamSpecBoolean::builder("lenient")
                .nick("Lenient")
                .blurb("Play what can be read of a damaged file, with a warning, instead of refusing it")
                .default_value(defaults.lenient)
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt64::builder("max-size")
                .nick("Maximum size")
                .blurb("The largest file to read into memory, in octets")
                .default_value(defaults.max_size)
                .mutable_ready()
                .build(),
        ]
    });
    &PROPERTIES
}
