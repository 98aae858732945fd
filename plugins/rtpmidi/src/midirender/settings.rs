//! The properties of `midirender`; all but the soundfont are those of the elements inside.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

use crate::miditick;

pub(super) fn properties() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        let mut list = vec![
            glib::ParamSpecString::builder("soundfont")
                .nick("Soundfont")
                .blurb(
                    "File name of the instruments; NULL = /usr/share/soundfonts/default.sf2 or the first .sf2 file in \
                     /usr/share/sounds/sf2",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecDouble::builder("synth-gain")
                .nick("Gain")
                .blurb("Master gain of the synthesiser")
                .minimum(0.0)
                .maximum(10.0)
                .default_value(0.2)
                .build(),
            glib::ParamSpecBoolean::builder("synth-chorus")
                .nick("Chorus")
                .blurb("Whether there is chorus")
                .default_value(true)
                .build(),
            glib::ParamSpecBoolean::builder("synth-reverb")
                .nick("Reverb")
                .blurb("Whether there is reverberation")
                .default_value(true)
                .build(),
            glib::ParamSpecInt::builder("synth-polyphony")
                .nick("Polyphony")
                .blurb("How many voices may sound at a time")
                .minimum(1)
                .maximum(65_535)
                .default_value(256)
                .build(),
        ];
        list.extend(miditick::properties());
        list
    });
    &PROPERTIES
}
