//! The capabilities that every party of a network performance has (RFC 6295, C.7.2), and how parties share one renderer.

use std::ops::RangeInclusive;

use rtp_midi::{Config, Format, Inclusion, Journal, Letters, Numbers, Policy, Selection};

use super::capabilities::{Capabilities, Limits, Pairing, Party};
use super::envelope::{GUARDTIME, PACKET_TIME};
use crate::audio_specific_config::{AudioSpecificConfig, ObjectType};
use crate::render::{Abilities, Renderer, Renderers};

/// Commands that musicians have no use for while they play together: no clock, no songs, no time code.
const UNUSED: &str = "BFGHJKQVXYZ";
/// The chapters of these.
const NEVER: &str = "BDFGHJKQVXYZ";
/// Data octets of the longest System Exclusive: those that control while one plays are short.
const LONGEST_SYSEX: u32 = 16;
/// Commands and chapters of a channel.
const VOICES: &str = "ACMNPTW";
const VOICE_CHAPTERS: &str = "ACEMNPTW";

/// Clock rates that every party has.
const CLOCK_RATES: [u32; 4] = [44_100, 48_000, 88_200, 96_000];

/// The lowest clock rate for what is rendered as sound (2.1).
const LOWEST_RATE: u32 = 32_000;

impl Capabilities {
    /// The core set of network musical performance: General MIDI in both directions over UDP, packets that wait for
    /// nothing, one a second in rests, a closed loop.
    pub fn network_performance(party: Party) -> Self {
        let mut config = Config { format: Format::Mpeg4Generic, ..Config::new(CLOCK_RATES[0]) };
        let lengths = Numbers::new([0..=LONGEST_SYSEX]);
        let short = Selection::Types { channels: Numbers::default(), letters: Letters::of("X"), fields: lengths };
        config.commands.forbid(&Selection::of(Letters::of(UNUSED)));
        config.commands.allow(&short);
        config.chapters.assign(Inclusion::Never, &Selection::of(Letters::of(NEVER)));
        config.chapters.assign(Inclusion::Default, &short);
        (config.ptime, config.max_ptime, config.guardtime) = (Some(0), Some(0), Some(config.clock_rate));
        let limits = Limits {
            clock_rates: CLOCK_RATES.to_vec(),
            journals: [Policy::ClosedLoop, Policy::Anchor].map(Journal::Recovery).into(),
            enhanced: false,
            packet_time: PACKET_TIME,
            guardtime: GUARDTIME,
            ..Limits::default()
        };
        Self {
            sends: Some(config.clone()),
            takes: Some(config),
            limits,
            renderers: Some(general_midi(CLOCK_RATES[0])),
            abilities: Abilities {
                object_types: vec![ObjectType::GeneralMidi],
                chanmask: true,
                ..Abilities::default()
            },
            ..Self::new(party)
        }
    }

    /// The same for players who share one renderer: a virtual sendrecv stream in which the one has these channels and
    /// the other those (C.7.2).
    #[must_use]
    pub fn sharing(mut self, sent: RangeInclusive<u8>, taken: RangeInclusive<u8>) -> Self {
        if self.pairing == Pairing::Single {
            self.pairing = Pairing::Virtual(1);
        }
        for (config, channels) in [(&mut self.sends, sent), (&mut self.takes, taken)] {
            let channels = Numbers::new([u32::from(*channels.start())..=u32::from(*channels.end())]);
            if let Some(config) = config {
                allot(config, &channels);
            }
        }
        self
    }

    /// The same beside an audio stream of this rate: at its clock rate, unless that is too low for what is rendered as
    /// sound (2.1).
    #[must_use]
    pub fn beside_audio(mut self, clock_rate: u32) -> Self {
        let clock_rate = clock_rate.max(LOWEST_RATE);
        let proposed = self.sends.as_ref().or(self.takes.as_ref()).map(|config| config.clock_rate);
        if proposed.map(general_midi) == self.renderers {
            self.renderers = Some(general_midi(clock_rate));
        }
        for config in [&mut self.sends, &mut self.takes].into_iter().flatten() {
            for ticks in [&mut config.ptime, &mut config.max_ptime, &mut config.guardtime] {
                let scaled =
                    |ticks: u32| u64::from(ticks) * u64::from(clock_rate) / u64::from(config.clock_rate.max(1));
                *ticks = ticks.map(|ticks| u32::try_from(scaled(ticks)).unwrap_or(u32::MAX));
            }
            config.clock_rate = clock_rate;
            config.fresh = clock_rate / 100;
        }
        self
    }

    /// The same proposal in another format.
    pub(super) fn in_format(mut self, format: Format) -> Self {
        for config in [&mut self.sends, &mut self.takes].into_iter().flatten() {
            config.format = format;
        }
        self
    }
}

/// General MIDI as it is described for a clock rate (E.4).
fn general_midi(clock_rate: u32) -> Renderers {
    Renderer::mpeg4(&AudioSpecificConfig::general_midi(clock_rate, 1)).into()
}

/// Keeps the voices of a configuration to these channels.
fn allot(config: &mut Config, channels: &Numbers) {
    let on = |letters| Selection::Types {
        channels: channels.clone(),
        letters: Letters::of(letters),
        fields: Numbers::default(),
    };
    config.commands.forbid(&Selection::of(Letters::of(VOICES)));
    config.commands.allow(&on(VOICES));
    config.chapters.assign(Inclusion::Never, &Selection::of(Letters::of(VOICE_CHAPTERS)));
    config.chapters.assign(Inclusion::Default, &on(VOICE_CHAPTERS));
}
