//! The bin `midirender`: its elements, its pads, and clear words when something is missing.

use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::soundfont::find_soundfont;
use super::{CAT, settings};
use crate::lock::lock;
use crate::miditick::MidiTick;

/// The private part of [`super::MidiRender`].
#[derive(Debug)]
pub struct MidiRender {
    sink: gst::GhostPad,
    src: gst::GhostPad,
    tick: MidiTick,
    /// Not there without the plugin `fluidsynthmidi`.
    fluid: Option<gst::Element>,
    soundfont: Mutex<Option<String>>,
}

#[glib::object_subclass]
impl ObjectSubclass for MidiRender {
    const NAME: &'static str = "GstMidiRender";
    type Type = super::MidiRender;
    type ParentType = gst::Bin;

    fn with_class(klass: &Self::Class) -> Self {
        let template = |name| klass.pad_template(name).expect("pad_templates() lists this name");
        Self {
            sink: gst::GhostPad::from_template(&template("sink")),
            src: gst::GhostPad::from_template(&template("src")),
            tick: glib::Object::new(),
            fluid: gst::ElementFactory::make("fluiddec").build().ok(),
            soundfont: Mutex::default(),
        }
    }
}

impl ObjectImpl for MidiRender {
    fn properties() -> &'static [glib::ParamSpec] {
        settings::properties()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        match pspec.name() {
            "soundfont" => {
                *lock(&self.soundfont) =
                    value.get().expect("GObject checks the type of a value before it sets a property");
            }
            name @ ("interval" | "tail") => self.tick.set_property_from_value(name, value),
            name => {
                if let Some(fluid) = &self.fluid {
                    fluid.set_property_from_value(name, value);
                }
            }
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match (pspec.name(), &self.fluid) {
            ("soundfont", _) => lock(&self.soundfont).to_value(),
            (name @ ("interval" | "tail"), _) => self.tick.property_value(name),
            (name, Some(fluid)) => fluid.property_value(name),
            (_, None) => pspec.default_value().clone(),
        }
    }

    fn constructed(&self) {
        const NEW: &str = "a new bin has no elements and no pads of these names";
        self.parent_constructed();
        let obj = self.obj();
        obj.add(&self.tick).expect(NEW);
        let target = |element: &gst::Element, name| element.static_pad(name);
        let mut linked = self.sink.set_target(target(self.tick.upcast_ref(), "sink").as_ref()).is_ok();
        if let Some(fluid) = &self.fluid {
            obj.add(fluid).expect(NEW);
            linked &= self.tick.link(fluid).is_ok();
            linked &= self.src.set_target(target(fluid, "src").as_ref()).is_ok();
        }
        if !linked {
            gst::warning!(CAT, imp = self, "the elements inside do not fit together");
        }
        for pad in [&self.sink, &self.src] {
            obj.add_pad(pad).expect(NEW);
        }
    }
}

impl GstObjectImpl for MidiRender {}

impl ElementImpl for MidiRender {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "MIDI renderer",
                "Codec/Decoder/Audio",
                "Renders MIDI messages, live or not, with FluidSynth",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let events = gst::Caps::new_empty_simple("audio/x-midi-event");
            let sound = gst::Caps::builder("audio/x-raw")
                .field("format", if cfg!(target_endian = "big") { "F32BE" } else { "F32LE" })
                .field("layout", "interleaved")
                .field("rate", 44_100)
                .field("channels", 2)
                .build();
            [("sink", gst::PadDirection::Sink, events), ("src", gst::PadDirection::Src, sound)]
                .into_iter()
                .filter_map(|(name, direction, caps)| {
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
                })
                .collect()
        });
        &TEMPLATES
    }

    fn change_state(&self, change: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if change == gst::StateChange::NullToReady {
            let Some(fluid) = &self.fluid else {
                self.post_missing();
                return Err(gst::StateChangeError);
            };
            let soundfont = self.soundfont()?;
            gst::info!(CAT, imp = self, "soundfont {}", soundfont.display());
            fluid.set_property("soundfont", soundfont.display().to_string());
        }
        self.parent_change_state(change)
    }
}

impl BinImpl for MidiRender {}

impl MidiRender {
    /// The soundfont to load; an error has been posted when there is none.
    fn soundfont(&self) -> Result<PathBuf, gst::StateChangeError> {
        const HINT: &str = "hint: on Debian, the package timgm6mb-soundfont brings one";
        let named = lock(&self.soundfont).clone().filter(|name| !name.is_empty());
        match named.map(PathBuf::from) {
            Some(path) if path.is_file() => Ok(path),
            Some(path) => {
                let path = path.display();
                gst::element_imp_error!(self, gst::ResourceError::NotFound, ("no soundfont {path}"), ["{HINT}"]);
                Err(gst::StateChangeError)
            }
            None => find_soundfont().ok_or_else(|| {
                gst::element_imp_error!(
                    self,
                    gst::ResourceError::NotFound,
                    ("no soundfont in /usr/share/sounds/sf2 and no /usr/share/soundfonts/default.sf2"),
                    ["{HINT}"]
                );
                gst::StateChangeError
            }),
        }
    }

    /// Says that `fluiddec` is missing, to installers as well.
    fn post_missing(&self) {
        let missing = gst::Structure::builder("missing-plugin")
            .field("type", "element")
            .field("detail", "fluiddec")
            .field("name", "fluiddec")
            .build();
        // Fails only without a bus, where nobody waits for it.
        let _ = self.obj().post_message(gst::message::Element::builder(missing).src(&*self.obj()).build());
        gst::element_imp_error!(
            self,
            gst::CoreError::MissingPlugin,
            ("the element fluiddec is missing"),
            ["hint: on Debian, the package gstreamer1.0-plugins-bad brings it"]
        );
    }
}
