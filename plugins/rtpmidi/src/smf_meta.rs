//! The `smf-meta` event: what a Standard MIDI File says beside its MIDI messages, in the order of the stream.

use smf_timeline::{Division, Meta, TextKind, decode_text};

/// Name of the custom downstream event. Fields:
///
/// | field | type | meaning |
/// |---|---|---|
/// | `kind` | string | `division`, `text`, `copyright`, `track-name`, `instrument`, `lyric`, `marker`, `cue`, `program`, `device`, `tempo`, `time-signature`, `key-signature`, `sequence-number`, `channel-prefix`, `port`, `smpte-offset`, `sequencer-specific`, `other` |
/// | `timestamp` | uint64 | when, in the time of the segment |
/// | `track` | uint | track of the file, from 0 |
/// | `type`, `data` | uint, buffer | the type octet and data of the meta event; for `division` the two octets of the header |
/// | `text` | string | for all texts |
/// | `tempo` | uint | microseconds per quarter note |
/// | `numerator`, `denominator` | uint | of a time signature |
/// | `sharps`, `minor` | int, boolean | of a key signature; flats are negative |
pub const SMF_META: &str = "smf-meta";

/// What an event says to a recorder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Told {
    /// The ticks of the file the stream comes from.
    Division(Division),
    /// A meta event: its time in the segment, its type octet and its data.
    Meta {
        /// When, in the time of the segment.
        time: Option<gst::ClockTime>,
        /// The type octet.
        kind: u8,
        /// What stands behind it.
        data: Vec<u8>,
    },
}

/// The event that tells the division of the file; it comes before all others.
pub(crate) fn division(division: Division) -> gst::Event {
    let data = gst::Buffer::from_mut_slice(division.encode());
    custom(gst::Structure::builder(SMF_META).field("kind", "division").field("data", data).build())
}

/// The event for `meta` in `track` at `time`.
pub fn meta(time: gst::ClockTime, track: u16, meta: &Meta<'_>) -> gst::Event {
    let data = gst::Buffer::from_mut_slice(meta.with_data(<[u8]>::to_vec));
    let mut structure = gst::Structure::builder(SMF_META)
        .field("kind", kind(meta))
        .field("timestamp", time.nseconds())
        .field("track", u32::from(track))
        .field("type", u32::from(meta.kind()))
        .field("data", data)
        .build();
    match *meta {
        Meta::Text(_, octets) => structure.set("text", decode_text(octets)),
        Meta::Tempo(tempo) => structure.set("tempo", tempo),
        Meta::TimeSignature(signature) => {
            structure.set("numerator", u32::from(signature.beats));
            structure.set("denominator", 1_u32.checked_shl(signature.unit.into()).unwrap_or(0));
        }
        Meta::KeySignature { sharps, minor } => {
            structure.set("sharps", i32::from(sharps));
            structure.set("minor", minor);
        }
        _ => {}
    }
    custom(structure)
}

/// What `structure` tells, if it is an `smf-meta` that a recorder can use.
pub fn parse(structure: &gst::StructureRef) -> Option<Told> {
    if structure.name() != SMF_META {
        return None;
    }
    let data = structure.get::<gst::Buffer>("data").ok()?.map_readable().ok()?.to_vec();
    if structure.get::<&str>("kind").ok()? == "division" {
        return Division::decode(data.try_into().ok()?).map(Told::Division);
    }
    let kind = u8::try_from(structure.get::<u32>("type").ok()?).ok()?;
    let time = structure.get::<u64>("timestamp").ok().map(gst::ClockTime::from_nseconds);
    Some(Told::Meta { time, kind, data })
}

fn kind(meta: &Meta<'_>) -> &'static str {
    match meta {
        Meta::SequenceNumber(_) => "sequence-number",
        Meta::Text(kind, _) => match kind {
            TextKind::Text => "text",
            TextKind::Copyright => "copyright",
            TextKind::TrackName => "track-name",
            TextKind::Instrument => "instrument",
            TextKind::Lyric => "lyric",
            TextKind::Marker => "marker",
            TextKind::Cue => "cue",
            TextKind::Program => "program",
            TextKind::Device => "device",
        },
        Meta::ChannelPrefix(_) => "channel-prefix",
        Meta::Port(_) => "port",
        Meta::Tempo(_) => "tempo",
        Meta::SmpteOffset(_) => "smpte-offset",
        Meta::TimeSignature(_) => "time-signature",
        Meta::KeySignature { .. } => "key-signature",
        Meta::SequencerSpecific(_) => "sequencer-specific",
        Meta::EndOfTrack | Meta::Other { .. } => "other",
    }
}

fn custom(structure: gst::Structure) -> gst::Event {
    gst::event::CustomDownstream::new(structure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meta_event_comes_back_from_its_event() {
        gst::init().unwrap();
        let time = gst::ClockTime::from_mseconds(3);
        let sent = Meta::Text(TextKind::Lyric, b"caf\xe9");
        let event = meta(time, 2, &sent);
        let structure = event.structure().unwrap();
        assert_eq!(structure.get::<&str>("text"), Ok("caf\u{e9}"));
        let told = Told::Meta { time: Some(time), kind: 5, data: b"caf\xe9".to_vec() };
        assert_eq!(parse(structure), Some(told));
        let event = division(Division::Quarter(480));
        assert_eq!(parse(event.structure().unwrap()), Some(Told::Division(Division::Quarter(480))));
    }
}
