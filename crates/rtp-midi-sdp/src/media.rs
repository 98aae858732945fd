//! A media line with all that stands below it: one RTP session with its payload types (RFC 8866, 5.14; RFC 6295, 2.1).

use crate::{Attribute, Clocks, Direction, Protocol, Stream, Transport};

/// A media line. It is one of RTP MIDI when it has a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Media {
    /// What kind of media: `audio` for MIDI.
    pub kind: String,
    /// How packets get there.
    pub transport: Transport,
    /// The direction as seen by the maker of an offer or answer, or by the reader of a declarative description.
    pub direction: Direction,
    /// `a=mid`: the mark by which groups name the line.
    pub mid: Option<String>,
    /// `a=ts-refclk` and `a=mediaclk`, as said here or for the whole session.
    pub clocks: Clocks,
    /// The RTP MIDI payload types, the preferred one first.
    pub streams: Vec<Stream>,
    /// The formats of the line that are not RTP MIDI.
    pub others: Vec<String>,
    /// Attributes that are kept and not acted on, in order.
    pub attributes: Vec<Attribute>,
}

impl Media {
    /// A line with these streams.
    pub fn new(transport: Transport, direction: Direction, streams: Vec<Stream>) -> Self {
        let (others, attributes) = (Vec::new(), Vec::new());
        let clocks = Clocks::default();
        Self { kind: "audio".to_owned(), transport, direction, mid: None, clocks, streams, others, attributes }
    }

    /// Whether the line is refused or taken back: its port is 0 (RFC 3264, section 6).
    pub const fn is_refused(&self) -> bool {
        self.transport.port == 0
    }

    /// Whether the line is one of an RTSP server (`a=control`): its port may be 0 until SETUP has chosen one (RFC 2326,
    /// C.1.2).
    pub fn is_controlled(&self) -> bool {
        self.attributes.iter().any(|attribute| attribute.name.eq_ignore_ascii_case("control"))
    }

    /// Whether streams of the line can run: it is not refused, and its protocol is one of RTP.
    pub fn is_usable(&self) -> bool {
        (!self.is_refused() || self.is_controlled()) && !matches!(self.transport.protocol, Protocol::Other(_))
    }

    /// The line in few words, for one who looks for RTP MIDI in vain: `m=audio 5004: opus/48000`.
    pub fn summary(&self) -> String {
        let rtpmap = |number: &String| {
            let rtpmaps = self.attributes.iter().filter(|attribute| attribute.name.eq_ignore_ascii_case("rtpmap"));
            let mut pairs = rtpmaps.filter_map(|rtpmap| rtpmap.value.as_deref()?.split_once(char::is_whitespace));
            let found = pairs.find(|(of, _)| of == number);
            found.map_or_else(|| number.clone(), |(_, encoding)| encoding.trim().to_owned())
        };
        let reason = match &self.transport.protocol {
            _ if self.is_refused() && !self.is_controlled() => "switched off by port 0".to_owned(),
            Protocol::Other(protocol) if !self.streams.is_empty() => {
                format!("rtp-midi over {protocol}, which cannot be received")
            }
            _ => self.others.iter().map(rtpmap).collect::<Vec<_>>().join(" "),
        };
        format!("m={} {}: {reason}", self.kind, self.transport.port)
    }
}

#[cfg(test)]
mod tests {
    use crate::Session;

    #[test]
    fn port_0_is_a_refusal_except_where_rtsp_chooses_the_port() {
        let text = "v=0\r\ns=x\r\nm=audio 0 RTP/AVP 96\r\na=rtpmap:96 RTP-MIDI/44100\r\n";
        let refused = Session::parse(text.as_bytes()).unwrap();
        assert!(refused.media[0].is_refused() && !refused.media[0].is_usable() && refused.first_stream().is_err());
        let rtsp = Session::parse(format!("{text}a=control:stream=0\r\n").as_bytes()).unwrap();
        assert!(rtsp.media[0].is_usable() && rtsp.first_stream().is_ok());
    }
}
