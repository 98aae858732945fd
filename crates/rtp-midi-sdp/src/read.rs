//! Text to [`Session`]: leniently, and with a reason for every media line that is no RTP MIDI stream.

use rtp_midi::Format;
use sdp_types::{Attribute, Connection, Media, ParserError};

use crate::{Address, Direction, Error, Host, Origin, Parameters, Session, Stream};

impl Session {
    /// Parses a session description and keeps its RTP MIDI streams, of which there must be at least one.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text).trim_ascii();
        if !text.starts_with(b"v=") {
            return Err(Error::Syntax { line: Some(1), reason: "a session description starts with v=0".to_owned() });
        }
        let sdp = sdp_types::Session::parse(text).map_err(|error| syntax(&error))?;
        let direction = direction(&sdp.attributes).unwrap_or_default();

        let (mut streams, mut found) = (Vec::new(), Vec::new());
        for media in &sdp.medias {
            let connection = media.connections.first().or(sdp.connection.as_ref());
            match streams_of(media, connection.map(address).as_ref(), direction)? {
                Ok(midi) => streams.extend(midi),
                Err(reason) => found.push(format!("m={} {}: {reason}", media.media, media.port)),
            }
        }
        if streams.is_empty() {
            return Err(Error::NoMidi { found });
        }
        Ok(Self {
            title: sdp.session_name,
            origin: origin(&sdp.origin),
            tool: first(&sdp.attributes, "tool").map(str::to_owned),
            direction,
            streams,
        })
    }
}

/// The RTP MIDI streams of a media line, or why it has none.
fn streams_of(
    media: &Media,
    address: Option<&Address>,
    session_direction: Direction,
) -> Result<Result<Vec<Stream>, String>, Error> {
    if media.port == 0 {
        return Ok(Err("switched off by port 0".to_owned()));
    }
    let mut streams = Vec::new();
    let mut encodings = Vec::new();
    for payload_type in media.fmt.split_ascii_whitespace() {
        let Some(rtpmap) = with_payload_type(media, "rtpmap", payload_type).next() else {
            encodings.push(payload_type.to_owned());
            continue;
        };
        let mut parameters = Parameters::new();
        with_payload_type(media, "fmtp", payload_type).for_each(|text| parameters.extend(Parameters::parse(text)));
        let (encoding, rate) = rtpmap.split_once('/').unwrap_or((rtpmap, ""));
        let (Some(format), Ok(payload_type)) = (format(encoding.trim(), &parameters), payload_type.parse()) else {
            encodings.push(rtpmap.to_owned());
            continue;
        };
        // What follows the rate is the number of audio channels, which MIDI has none of.
        let rate = rate.split('/').next().unwrap_or_default().trim();
        let clock_rate = rate.parse().ok().filter(|rate| *rate > 0).ok_or(Error::NoClockRate { payload_type })?;
        streams.push(Stream {
            address: address.cloned(),
            port: media.port,
            rtcp_port: rtcp_port(media),
            payload_type,
            format,
            clock_rate,
            parameters,
            direction: direction(&media.attributes).unwrap_or(session_direction),
        });
    }
    if streams.is_empty() {
        return Ok(Err(encodings.join(" ")));
    }
    if !["RTP/AVP", "RTP/AVPF"].iter().any(|proto| media.proto.eq_ignore_ascii_case(proto)) {
        return Ok(Err(format!("rtp-midi over {}, which cannot be received", media.proto)));
    }
    Ok(Ok(streams))
}

fn format(encoding: &str, parameters: &Parameters) -> Option<Format> {
    let mode = parameters.last("mode").unwrap_or_default();
    if encoding.eq_ignore_ascii_case("rtp-midi") {
        Some(Format::Native)
    } else if encoding.eq_ignore_ascii_case("mpeg4-generic") && mode.eq_ignore_ascii_case("rtp-midi") {
        Some(Format::Mpeg4Generic)
    } else {
        None
    }
}

/// The texts behind the payload type in the attributes of this name. White space before the payload type is wrong
/// (appendix D), but seen.
fn with_payload_type<'a>(media: &'a Media, name: &'a str, payload_type: &'a str) -> impl Iterator<Item = &'a str> {
    media
        .attributes
        .iter()
        .filter(move |attribute| attribute.attribute.eq_ignore_ascii_case(name))
        .filter_map(|attribute| attribute.value.as_deref()?.trim().split_once(char::is_whitespace))
        .filter(move |(number, _)| *number == payload_type)
        .map(|(_, text)| text.trim())
}

fn rtcp_port(media: &Media) -> u16 {
    if media.has_attribute("rtcp-mux") {
        return media.port;
    }
    first(&media.attributes, "rtcp")
        .and_then(|value| value.split_ascii_whitespace().next()?.parse().ok())
        .unwrap_or_else(|| media.port.saturating_add(1))
}

fn address(connection: &Connection) -> Address {
    let mut parts = connection.connection_address.split('/');
    let host = parts.next().unwrap_or_default();
    match host.parse() {
        // Only IPv4 has a time to live here; behind an IPv6 group stands a number of groups.
        Ok(ip @ std::net::IpAddr::V4(_)) => {
            Address { host: Host::Ip(ip), ttl: parts.next().and_then(|ttl| ttl.parse().ok()) }
        }
        Ok(ip) => Address { host: Host::Ip(ip), ttl: None },
        Err(_) => Address { host: Host::Name(host.to_owned()), ttl: None },
    }
}

fn origin(origin: &sdp_types::Origin) -> Option<Origin> {
    Some(Origin {
        id: origin.sess_id.parse().ok()?,
        version: origin.sess_version,
        address: origin.unicast_address.parse().ok()?,
    })
}

fn direction(attributes: &[Attribute]) -> Option<Direction> {
    attributes.iter().find_map(|attribute| Direction::from_attribute(&attribute.attribute))
}

fn first<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    attributes.iter().find(|attribute| attribute.attribute.eq_ignore_ascii_case(name))?.value.as_deref()
}

fn syntax(error: &ParserError) -> Error {
    let (line, reason) = match error {
        ParserError::InvalidLineFormat(line, reason) => (Some(*line), (*reason).to_owned()),
        ParserError::InvalidFieldEncoding(line, field) => (Some(*line), format!("{field} is not UTF-8")),
        ParserError::InvalidFieldFormat(line, field) => (Some(*line), format!("{field} is malformed")),
        ParserError::MissingField(line, field) => (Some(*line), format!("{field} is missing")),
        ParserError::FieldTrailingData(line, field) => (Some(*line), format!("{field} is followed by too much")),
        ParserError::InvalidVersion(line, _) => (Some(*line), "the version is not 0".to_owned()),
        other => (None, other.to_string().to_lowercase()),
    };
    Error::Syntax { line, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    const MINIMAL: &str = "v=0\r\no=lazzaro 2520644554 2838152170 IN IP4 192.0.2.1\r\ns=Example\r\nt=0 0\r\n\
        m=audio 5004 RTP/AVP 96\r\nc=IN IP4 192.0.2.94\r\na=rtpmap:96 rtp-midi/44100\r\n";

    fn parse(text: &str) -> Result<Session, Error> {
        Session::parse(text.as_bytes())
    }

    fn found(text: &str) -> Vec<String> {
        match parse(text) {
            Err(Error::NoMidi { found }) => found,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_minimal_native_stream_is_understood() {
        let session = parse(MINIMAL).unwrap();
        assert_eq!(session.title, "Example");
        let origin = session.origin.unwrap();
        assert_eq!((origin.id, origin.version), (2_520_644_554, 2_838_152_170));
        let [stream] = &session.streams[..] else { panic!("one stream") };
        assert_eq!((stream.port, stream.rtcp_port, stream.payload_type, stream.clock_rate), (5004, 5005, 96, 44_100));
        assert_eq!(stream.format, Format::Native);
        assert_eq!(stream.address.as_ref().unwrap().host, Host::Ip("192.0.2.94".parse::<IpAddr>().unwrap()));
    }

    #[test]
    fn careless_writing_is_read() {
        let bom_and_lf = format!("\u{FEFF}{}\n\n", MINIMAL.replace("\r\n", "\n"));
        assert_eq!(parse(&bom_and_lf).unwrap(), parse(MINIMAL).unwrap());
        let upper = MINIMAL.replace("rtp-midi/44100", "RTP-MIDI/44100/1");
        assert_eq!(parse(&upper).unwrap(), parse(MINIMAL).unwrap());
        let blank = MINIMAL.replace("a=rtpmap:96", "a=rtpmap: 96  ");
        assert_eq!(parse(&blank).unwrap(), parse(MINIMAL).unwrap());
        let c_last = "v=0\ns=x\nm=audio 5004 RTP/AVP 96\na=rtpmap:96 rtp-midi/44100\nc=IN IP4 192.0.2.94\n";
        assert!(parse(c_last).unwrap().streams[0].address.is_some());
    }

    #[test]
    fn parameters_come_in_order_and_quotes_hold() {
        let text = format!("{MINIMAL}a=fmtp:96 ch_never=N; url=\"http://a/;b\"; ch_never=1N\r\n");
        assert_eq!(
            parse(&text).unwrap().streams[0].parameters.to_string(),
            r#"ch_never=N; url="http://a/;b"; ch_never=1N"#
        );
    }

    #[test]
    fn mpeg4_generic_is_midi_only_in_its_mode() {
        let mpeg4 = MINIMAL.replace("rtp-midi/44100", "mpeg4-generic/44100");
        assert_eq!(found(&mpeg4), ["m=audio 5004: mpeg4-generic/44100"]);
        let midi = format!("{mpeg4}a=fmtp:96 streamtype=5; mode=rtp-midi; config=\"\"\r\n");
        assert_eq!(parse(&midi).unwrap().streams[0].format, Format::Mpeg4Generic);
    }

    #[test]
    fn other_codecs_are_named() {
        let opus = "v=0\ns=x\nm=audio 5004 RTP/AVP 0 97\na=rtpmap:97 opus/48000/2\nm=video 6000 RTP/AVP 98\n\
            a=rtpmap:98 H264/90000\n";
        assert_eq!(found(opus), ["m=audio 5004: 0 opus/48000/2", "m=video 6000: H264/90000"]);
        assert_eq!(
            parse(opus).unwrap_err().to_string(),
            "no rtp-midi stream, but m=audio 5004: 0 opus/48000/2, m=video 6000: H264/90000"
        );
        assert_eq!(parse("v=0\ns=x\n").unwrap_err().to_string(), "no media line (m=)");
    }

    #[test]
    fn encrypted_and_switched_off_streams_are_not_offered() {
        assert_eq!(
            found(&MINIMAL.replace("RTP/AVP", "RTP/SAVP")),
            ["m=audio 5004: rtp-midi over RTP/SAVP, which cannot be received"]
        );
        assert_eq!(found(&MINIMAL.replace("audio 5004", "audio 0")), ["m=audio 0: switched off by port 0"]);
    }

    #[test]
    fn a_stream_without_clock_rate_is_refused() {
        for rate in ["rtp-midi", "rtp-midi/", "rtp-midi/0", "rtp-midi/fast"] {
            let text = MINIMAL.replace("rtp-midi/44100", rate);
            assert_eq!(parse(&text), Err(Error::NoClockRate { payload_type: 96 }), "{rate}");
        }
    }

    #[test]
    fn the_rtcp_port_may_be_another() {
        let at = |line: &str| parse(&format!("{MINIMAL}{line}\r\n")).unwrap().streams[0].rtcp_port;
        assert_eq!(at("a=rtcp:6001 IN IP4 192.0.2.94"), 6001);
        assert_eq!(at("a=rtcp-mux"), 5004);
        assert_eq!(at("a=rtcp:nonsense"), 5005);
    }

    #[test]
    fn groups_have_a_time_to_live_and_may_be_a_name() {
        let address = |c: &str| {
            let text = MINIMAL.replace("IN IP4 192.0.2.94", c);
            parse(&text).unwrap().streams[0].address.clone().unwrap()
        };
        let group = address("IN IP4 239.1.2.3/15");
        assert!(group.is_multicast());
        assert_eq!(group.ttl, Some(15));
        assert_eq!(address("IN IP6 ff15::1/2").ttl, None);
        assert_eq!(address("IN IP4 studio.example.net").host, Host::Name("studio.example.net".to_owned()));
    }

    #[test]
    fn text_that_is_no_description_names_the_line() {
        assert_eq!(parse("hello").unwrap_err().to_string(), "line 1: a session description starts with v=0");
        assert!(matches!(parse("v=0\r\nm=audio five RTP/AVP 96\r\n"), Err(Error::Syntax { line: Some(2), .. })));
        assert!(parse("").is_err());
    }
}
