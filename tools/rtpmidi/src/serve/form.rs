//! The media types that a stream can have (RFC 6295, 6): the same packets, but for the M bit.

use rtp_midi::payload::Payload;
use rtp_midi::{Config, Format};
use rtp_midi_sdp::{Parameters, Stream};
use rtp_types::RtpPacket;

use crate::cmd::broadcast::name::Name;

/// The media type of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// `mpeg4-generic` with a General MIDI renderer, which C.7.1 recommends.
    GeneralMidi,
    /// `rtp-midi`, for instruments of the listener's own.
    Native,
}

impl Form {
    pub(super) const ALL: [Self; 2] = [Self::GeneralMidi, Self::Native];

    /// What the paths of such streams begin with.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::GeneralMidi => "",
            Self::Native => "/native",
        }
    }

    /// The path of a live channel.
    pub(super) fn live(self, channel: Option<&Name>) -> String {
        let name = channel.map(|name| format!("/{}", name.segment())).unwrap_or_default();
        format!("{}/live{name}", self.prefix())
    }

    const fn format(self) -> Format {
        match self {
            Self::GeneralMidi => Format::Mpeg4Generic,
            Self::Native => Format::Native,
        }
    }

    pub(super) fn config(self, config: &Config) -> Config {
        Config { format: self.format(), ..config.clone() }
    }

    /// A stream in this form. Its other parameters stay as they are.
    pub(super) fn of(self, stream: &Stream) -> Stream {
        let is_as_it_was = stream.format == self.format();
        let parameters = match self {
            _ if is_as_it_was => stream.parameters.clone(),
            Self::GeneralMidi => Parameters::of(&self.config(&Config::new(stream.clock_rate))).or(&stream.parameters),
            Self::Native => {
                let is_renderer = |name: &str| RENDERER.iter().any(|it| it.eq_ignore_ascii_case(name));
                stream.parameters.iter().filter(|parameter| !is_renderer(&parameter.name)).cloned().collect()
            }
        };
        Stream { format: self.format(), parameters, ..stream.clone() }
    }

    /// Sets the M bit of a packet as this form wants it (2.1): `mpeg4-generic` in each, `rtp-midi` where there are
    /// commands.
    pub(super) fn mark(self, packet: &mut [u8]) {
        let has_commands = || {
            RtpPacket::parse(packet).is_ok_and(|it| Payload::decode(it.payload()).is_ok_and(|it| !it.list.is_empty()))
        };
        let is_marked = self == Self::GeneralMidi || has_commands();
        if let Some(second) = packet.get_mut(1) {
            *second = if is_marked { *second | MARKER } else { *second & !MARKER };
        }
    }
}

/// The parameters that `mpeg4-generic` has more than `rtp-midi` (6.2).
const RENDERER: [&str; 4] = ["streamtype", "mode", "profile-level-id", "config"];

/// The M bit in the second octet of an RTP header.
const MARKER: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_in_both_forms_is_one_stream() {
        let native = Stream::native(97, 48_000, Parameters::parse("cm_unused=A; j_update=anchor; foreign=1"));
        let general_midi = Form::GeneralMidi.of(&native);
        assert_eq!((general_midi.payload_type, general_midi.clock_rate), (97, 48_000));
        assert_eq!(general_midi.format, Format::Mpeg4Generic);
        let text = general_midi.parameters.to_string();
        assert!(text.starts_with("streamtype=5; mode=rtp-midi; profile-level-id=12; config="), "{text}");
        assert!(text.ends_with("cm_unused=A; j_update=anchor; foreign=1"), "{text}");
        for form in Form::ALL {
            assert_eq!(form.of(&form.of(&native)), form.of(&native));
        }
        assert_eq!(Form::Native.of(&general_midi), native);
    }

    #[test]
    fn each_packet_of_mpeg4_is_marked_and_of_the_other_form_those_with_commands() {
        let header = [0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
        for (payload, has_commands) in [(&[0x03, 0x90, 60, 1][..], true), (&[0x00], false), (&[0x80, 0], false)] {
            let mut packet = [&header[..], payload].concat();
            Form::GeneralMidi.mark(&mut packet);
            assert_eq!(packet[1], 96 | MARKER);
            Form::Native.mark(&mut packet);
            assert_eq!(packet[1] & MARKER != 0, has_commands, "{payload:?}");
        }
        Form::Native.mark(&mut []);
    }
}
