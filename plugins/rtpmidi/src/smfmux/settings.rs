//! The properties of `smfmux`.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;
use smf_timeline::{Division, Writer};

/// Which moment of the stream is the start of the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstSmfMuxStart")]
pub enum Start {
    /// [`Start::First`] for a live stream, [`Start::Zero`] for any other.
    #[default]
    #[enum_value(name = "The first message of a live stream, running time 0 of any other", nick = "auto")]
    Auto,
    /// Running time 0: silence before the first message is kept.
    #[enum_value(name = "Running time 0: silence before the first message is kept", nick = "zero")]
    Zero,
    /// The first message.
    #[enum_value(name = "The first message", nick = "first")]
    First,
}

/// Values of the properties.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settings {
    pub(super) start: Start,
    pub(super) division: u16,
}

impl Settings {
    /// The ticks to write: those of the property, or finer ones of the source, or those of the RTP clock.
    ///
    /// A multiple of the source's division keeps its bars and times exact and has room for what falls between.
    pub(super) fn division(&self, source: Option<Division>) -> Division {
        match (self.division, source) {
            (0, Some(Division::Quarter(ticks))) => Division::Quarter(ticks * (0x7FFF / ticks.max(1)).max(1)),
            (0, Some(Division::Frame(rate, ticks))) => Division::Frame(rate, ticks * (0xFF / ticks.max(1)).max(1)),
            (0, None) => Writer::RTP_DIVISION,
            (ticks, _) => Division::Quarter(ticks),
        }
    }

    pub(super) fn set(&mut self, name: &str, value: &glib::Value) {
        const TYPED: &str = "GObject checks type and range of a value before it sets a property";
        match name {
            "start" => self.start = value.get().expect(TYPED),
            "division" => self.division = value.get::<u32>().expect(TYPED) as u16,
            _ => {}
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "start" => self.start.to_value(),
            "division" => u32::from(self.division).to_value(),
            _ => return None,
        })
    }
}

pub(super) fn properties() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        vec![
            glib::ParamSpecEnum::builder_with_default("start", Start::default())
                .nick("Start")
                .blurb("Which moment of the stream is the start of the file")
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("division")
                .nick("Division")
                .blurb(
                    "Ticks per quarter note; 0 = a multiple of the division of the file that the stream comes from, or \
                     else 22050, which makes a tick 1/44100 s, the clock of RTP MIDI, at the default tempo",
                )
                .maximum(0x7FFF)
                .mutable_ready()
                .build(),
            glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                .nick("Statistics")
                .blurb("recorded: messages in the file; dropped: buffers that held no whole message (both uint64)")
                .read_only()
                .build(),
        ]
    });
    &PROPERTIES
}

#[cfg(test)]
mod tests {
    use super::*;
    use smf_timeline::FrameRate;

    #[test]
    fn ticks_are_a_multiple_of_those_of_the_source() {
        let auto = Settings::default();
        let cases = [
            (Some(Division::Quarter(480)), Division::Quarter(480 * 68)),
            (Some(Division::Quarter(0x7FFF)), Division::Quarter(0x7FFF)),
            (Some(Division::Quarter(1)), Division::Quarter(0x7FFF)),
            (Some(Division::Frame(FrameRate::Fps25, 40)), Division::Frame(FrameRate::Fps25, 240)),
            (None, Division::Quarter(22_050)),
        ];
        for (source, expected) in cases {
            assert_eq!(auto.division(source), expected);
        }
        assert_eq!(Settings { division: 96, ..auto }.division(cases[0].0), Division::Quarter(96));
    }
}
