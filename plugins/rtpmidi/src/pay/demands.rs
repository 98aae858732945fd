//! What downstream demands of the stream, and what comes of it together with the settings.

use std::fmt;

use gst::glib;
use gst::prelude::*;
use rtp_midi::Format;
use rtp_midi_sdp::{Error, Parameters};

use super::settings::Settings;
use crate::fmtp;

/// The clock rate where downstream has no wish: that of the RFC's own examples.
const CLOCK_RATE: i32 = 44_100;

/// The encoding name of `audio/rtp-midi`.
const NATIVE: &str = "RTP-MIDI";

/// What the stream is to be.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) encoding: &'static str,
    pub(super) clock_rate: u32,
    /// The parameters as fields of caps; defaults of RFC 6295 are left out.
    pub(super) fields: gst::Structure,
}

/// Why there can be no such stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Refused {
    /// A parameter of `fmtp` has a value that it cannot have.
    Parameter(Error),
    /// A parameter that downstream demands has such a value.
    Demanded(Error),
    /// A field that downstream demands has a value other than the one this element can give it.
    Field { field: String, expected: String },
    /// Downstream takes something else altogether.
    Media(String),
}

/// Chooses from what the peer of `pad` takes: of several offers the first that can be met.
pub(super) fn choose(pad: &gst::Pad, settings: &Settings) -> Result<Chosen, Refused> {
    let possible = pad.pad_template_caps();
    let mut refused = None;
    for offer in pad.peer_query_caps(Some(&possible)).iter() {
        match Chosen::of(offer, settings) {
            Ok(chosen) => return Ok(chosen),
            Err(why) => drop(refused.get_or_insert(why)),
        }
    }
    Err(refused.unwrap_or_else(|| Refused::beyond(&possible, &pad.peer_query_caps(None))))
}

impl Chosen {
    /// What meets an offer, which has been intersected with the pad template.
    fn of(offer: &gst::StructureRef, settings: &Settings) -> Result<Self, Refused> {
        let mut offer = offer.to_owned();
        offer.fixate_field_nearest_int("clock-rate", CLOCK_RATE);
        let (clock_rate, format) = fmtp::media(&offer).ok_or_else(|| Refused::Media(offer.to_string()))?;
        let ours = settings.parameters(clock_rate, format);
        let demanded = demanded(&offer, &ours)?;
        let parameters = demanded.or(&ours);
        parameters.config(clock_rate, format).map_err(|error| {
            let is_theirs = matches!(&error, Error::Value { name, .. } if demanded.last(name).is_some());
            if is_theirs { Refused::Demanded(error) } else { Refused::Parameter(error) }
        })?;
        let encoding = if format == Format::Mpeg4Generic { fmtp::MPEG4 } else { NATIVE };
        Ok(Self { encoding, clock_rate, fields: fmtp::to_caps(&parameters) })
    }
}

/// The parameters that an offer names. Of a list of values it is ours that is taken, if it is there.
fn demanded(offer: &gst::StructureRef, ours: &Parameters) -> Result<Parameters, Refused> {
    let mut demanded = Parameters::new();
    for name in fmtp::NAMES {
        let Ok(value) = offer.value(name) else { continue };
        let values: Vec<String> = match value.get::<gst::List>() {
            Ok(list) => list.iter().filter_map(|value| value.get().ok()).collect(),
            Err(_) => value.get().into_iter().collect(),
        };
        let own = ours.last(name).or_else(|| default(name));
        let value = values.iter().find(|value| Some(value.as_str()) == own).or_else(|| values.first());
        demanded.push(
            name,
            value.ok_or_else(|| Refused::Field {
                field: field(offer, name),
                expected: format!("{name}=(string){}", text(offer, name)),
            })?,
        );
    }
    // Section 6.2 leaves no choice.
    match demanded.last("streamtype") {
        None | Some("5") => Ok(demanded),
        Some(_) => {
            Err(Refused::Field { field: field(offer, "streamtype"), expected: "streamtype=(string)5".to_owned() })
        }
    }
}

/// The value that a parameter has where it is not there.
fn default(name: &str) -> Option<&'static str> {
    match name {
        "j_sec" => Some("recj"),
        "j_update" => Some("closed-loop"),
        "tsmode" => Some("comex"),
        _ => None,
    }
}

/// A field as caps print it.
fn field(caps: &gst::StructureRef, name: &str) -> String {
    let kind = caps.value(name).map_or("", |value| match value.type_() {
        glib::Type::STRING => "(string)",
        glib::Type::I32 => "(int)",
        glib::Type::U32 => "(uint)",
        _ => "",
    });
    format!("{name}={kind}{}", text(caps, name))
}

/// The value of a field as caps print it.
fn text(caps: &gst::StructureRef, name: &str) -> glib::GString {
    caps.value(name).ok().and_then(|value| value.serialize().ok()).unwrap_or_default()
}

impl Refused {
    /// Why the element can be nothing of what downstream takes.
    fn beyond(possible: &gst::Caps, downstream: &gst::Caps) -> Self {
        let Some((offer, possible)) = downstream.structure(0).zip(nearest(possible, downstream)) else {
            return Self::Media("nothing".to_owned());
        };
        let differs = |name: &&glib::GStr| {
            let (wanted, can) = (offer.value(*name), possible.value(*name));
            wanted.ok().zip(can.ok()).is_some_and(|(wanted, can)| wanted.intersect(can).is_none())
        };
        match possible.fields().find(differs) {
            Some(name) if offer.name() == possible.name() => {
                Self::Field { field: field(offer, name), expected: field(possible, name) }
            }
            _ => Self::Media(offer.to_string()),
        }
    }
}

/// What the element can do that is most like the first offer: of the same encoding, if there is one.
fn nearest<'a>(possible: &'a gst::Caps, downstream: &gst::Caps) -> Option<&'a gst::StructureRef> {
    let encoding = downstream.structure(0)?.get::<&str>("encoding-name").ok();
    possible.iter().find(|caps| caps.get("encoding-name").ok() == encoding).or_else(|| possible.structure(0))
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(error) => write!(f, "A parameter of the stream is wrong: {error}"),
            Self::Demanded(error) => write!(f, "Downstream demands what cannot be: {error}"),
            Self::Field { field, expected } => {
                write!(f, "Downstream demands {field}, but only {expected} can be")
            }
            Self::Media(media) => write!(f, "Downstream takes no RTP MIDI, but {media}"),
        }
    }
}
