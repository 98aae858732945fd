//! The parameters of a stream (RFC 6295, C): in the property `fmtp`, and in caps as strings under their SDP names.

use gst::glib;
use gst::prelude::*;
use rtp_midi::Format;
use rtp_midi_sdp::Parameters;

pub(crate) use rtp_midi_sdp::NAMES;

/// The encoding name of `audio/mpeg4-generic`, of which `mode=rtp-midi` is one kind.
pub(crate) const MPEG4: &str = "MPEG4-GENERIC";

/// Fields with a meaning of their own in the caps of RTP packets, which no parameter may take.
const RESERVED: [&str; 8] =
    ["media", "payload", "clock-rate", "encoding-name", "ssrc", "timestamp-offset", "seqnum-offset", "ptime"];

/// The property `fmtp`.
pub(crate) fn property() -> glib::ParamSpec {
    glib::ParamSpecString::builder("fmtp")
        .nick("SDP parameters")
        .blurb(
            "The parameters of the stream as SDP has them behind a=fmtp:96, in order and with repetitions; once there \
             are caps, those in force; NULL when all are defaults",
        )
        .mutable_ready()
        .build()
}

/// The parameters of a line, as the property has it.
pub(crate) fn from_value(value: &glib::Value) -> Parameters {
    value.get::<Option<&str>>().ok().flatten().map(Parameters::parse).unwrap_or_default()
}

/// The line of the parameters, if there are any.
pub(crate) fn to_value(parameters: &Parameters) -> glib::Value {
    (!parameters.is_empty()).then(|| parameters.to_string()).to_value()
}

/// The clock rate and the media type that caps name.
pub(crate) fn media(caps: &gst::StructureRef) -> Option<(u32, Format)> {
    let clock_rate = u32::try_from(caps.get::<i32>("clock-rate").ok()?).ok().filter(|&rate| rate > 0)?;
    let is_mpeg4 = caps.get("encoding-name") == Ok(MPEG4);
    Some((clock_rate, if is_mpeg4 { Format::Mpeg4Generic } else { Format::Native }))
}

/// The parameters in caps. Order means nothing there; they are read in that of [`NAMES`]. Numbers are what
/// `gst-launch-1.0` makes of `guardtime=4410`.
pub(crate) fn in_caps(caps: &gst::StructureRef) -> Parameters {
    let mut parameters = Parameters::new();
    for name in NAMES {
        if let Ok(value) = caps.get::<&str>(name) {
            parameters.push(name, value);
        } else if let Ok(number) = caps.get::<i32>(name) {
            parameters.push(name, number);
        } else if let Ok(number) = caps.get::<u32>(name) {
            parameters.push(name, number);
        }
    }
    parameters
}

/// The parameters as fields of caps, as far as caps can say them.
pub(crate) fn to_caps(parameters: &Parameters) -> gst::Structure {
    let mut fields = gst::Structure::new_empty("parameters");
    for parameter in &parameters.unrepeated() {
        let name = parameter.name.to_ascii_lowercase();
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if is_name && !RESERVED.contains(&name.as_str()) {
            fields.set(name.as_str(), parameter.value.as_str());
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_go_into_caps_and_come_back() {
        gst::init().unwrap();
        let line = "cm_unused=CN; cm_used=C7; j_update=anchor; ch_never=W; tsmode=async; octpos=last; guardtime=5";
        let caps = to_caps(&Parameters::parse(line));
        assert_eq!(in_caps(&caps).to_string(), line);
        assert_eq!(caps.get::<&str>("ch_never"), Ok("W"));
    }

    #[test]
    fn what_caps_would_say_wrong_is_left_out() {
        gst::init().unwrap();
        let caps = to_caps(&Parameters::parse("cm_unused=0C; cm_unused=1N; ssrc=5; 0x=1; j_sec=none; Render=api"));
        assert_eq!(caps.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["j_sec", "render"]);
    }

    #[test]
    fn numbers_in_caps_are_read_and_lists_are_not() {
        gst::init().unwrap();
        let list = gst::List::new(["recj", "none"]);
        let caps =
            gst::Structure::builder("x").field("guardtime", 5_i32).field("rtp_ptime", 0_u32).field("j_sec", list);
        assert_eq!(in_caps(&caps.build()).to_string(), "rtp_ptime=0; guardtime=5");
    }
}
