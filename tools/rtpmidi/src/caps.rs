//! The caps of a stream: what GStreamer's elements tell each other about its packets.

use rtp_midi::Format;
use rtp_midi_sdp::Stream;

/// What an element must know of a stream: format, payload type and clock.
pub(crate) fn essential(stream: &Stream) -> gst::Caps {
    let caps = gst::Caps::builder("application/x-rtp")
        .field("media", "audio")
        .field("payload", i32::from(stream.payload_type))
        .field("clock-rate", stream.clock_rate as i32)
        .field("encoding-name", encoding_name(stream.format));
    match stream.format {
        Format::Native => caps.build(),
        Format::Mpeg4Generic => caps.field("mode", "rtp-midi").build(),
    }
}

/// The same, and as strings the parameters that a list without order and repetitions can say. Payloaders and
/// depayloaders take the whole line in `fmtp` besides.
pub(crate) fn of(stream: &Stream) -> gst::Caps {
    let mut caps = essential(stream);
    let fields = caps.make_mut();
    for parameter in &stream.parameters.unrepeated() {
        fields.set(parameter.name.to_lowercase().as_str(), parameter.value.as_str());
    }
    caps
}

/// What the format is called in caps.
pub(crate) const fn encoding_name(format: Format) -> &'static str {
    match format {
        Format::Native => "RTP-MIDI",
        Format::Mpeg4Generic => "MPEG4-GENERIC",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp_midi_sdp::Parameters;

    #[test]
    fn parameters_become_strings_unless_they_repeat() {
        gst::init().unwrap();
        let parameters = Parameters::parse("cm_unused=C; cm_used=C7; cm_unused=C9; J_Update=anchor; guardtime=44100");
        let caps = of(&Stream::native(97, 48_000, parameters));
        let fields = caps.structure(0).unwrap();
        assert_eq!((fields.get::<i32>("payload"), fields.get::<i32>("clock-rate")), (Ok(97), Ok(48_000)));
        assert_eq!((fields.get::<&str>("j_update"), fields.get::<&str>("guardtime")), (Ok("anchor"), Ok("44100")));
        assert!(!fields.has_field("cm_unused") && !fields.has_field("cm_used"));
    }
}
