//! Text to [`Session`], leniently.

use std::net::IpAddr;

use rtp_midi::Format;
use sdp_types::ParserError;

use crate::{
    Address, Attribute, Bandwidth, Clocks, Connection, Crypto, Direction, Error, Group, Host, Media, Origin,
    Parameters, Protocol, Session, Setup, SourceFilter, Stream, Time, Transport, clocks,
};

impl Session {
    /// Parses a session description with all of its media lines; see [`Session::first_stream`] for what a listener
    /// needs at least.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text).trim_ascii();
        if !text.starts_with(b"v=") {
            return Err(Error::Syntax { line: Some(1), reason: "a session description starts with v=0".to_owned() });
        }
        let sdp = sdp_types::Session::parse(text).map_err(|error| syntax(&error))?;
        let direction = direction(&sdp.attributes).unwrap_or_default();
        let mut above = Transport::read(&sdp.attributes);
        above.address = sdp.connection.as_ref().and_then(address);
        let clocks = Clocks::read(&sdp.attributes);
        let is_kept = |attribute: &&sdp_types::Attribute| {
            !SESSION_ATTRIBUTES.iter().any(|name| is(attribute, name)) && !clocks::is_read(attribute)
        };
        Ok(Self {
            title: sdp.session_name,
            information: sdp.session_description,
            origin: origin(sdp.origin),
            tool: first(&sdp.attributes, "tool").map(str::to_owned),
            direction,
            groups: all(&sdp.attributes, "group").filter_map(group).collect(),
            bandwidths: bandwidths(&sdp.bandwidths),
            times: times(&sdp.times),
            attributes: sdp.attributes.iter().filter(is_kept).map(attribute).collect(),
            media: sdp.medias.iter().map(|line| media(line, &above, direction, &clocks)).collect::<Result<_, _>>()?,
            clocks,
        })
    }
}

/// The attributes of a session that have a place of their own here, or in its media lines.
const SESSION_ATTRIBUTES: [&str; 9] =
    ["tool", "group", "source-filter", "setup", "connection", "sendrecv", "sendonly", "recvonly", "inactive"];

fn media(
    line: &sdp_types::Media,
    above: &Transport,
    session_direction: Direction,
    session_clocks: &Clocks,
) -> Result<Media, Error> {
    let (mut streams, mut others) = (Vec::new(), Vec::new());
    let mut seen: Vec<&str> = Vec::new();
    for number in line.fmt.split_ascii_whitespace() {
        // A number stands for one format (RFC 4571, section 4).
        if seen.contains(&number) {
            continue;
        }
        seen.push(number);
        match stream(line, number)? {
            Some(stream) => streams.push(stream),
            None => others.push(number.to_owned()),
        }
    }
    let own = Transport::read(&line.attributes);
    let is_kept = |attribute: &&sdp_types::Attribute| {
        let number = attribute.value.as_deref().and_then(|value| value.split_ascii_whitespace().next());
        match attribute.attribute.to_ascii_lowercase().as_str() {
            "rtpmap" | "fmtp" => !streams.iter().any(|stream| number == Some(&stream.payload_type.to_string())),
            // RTP MIDI has rtp_ptime and rtp_maxptime instead (RFC 6295, C.4.1).
            "ptime" | "maxptime" => streams.is_empty(),
            "crypto" => own.crypto.is_empty(),
            "source-filter" => own.sources.is_none(),
            "setup" => own.setup.is_none(),
            "connection" => own.connection.is_none(),
            "mid" | "rtcp" | "rtcp-mux" => false,
            name => Direction::from_attribute(name).is_none() && !clocks::is_read(attribute),
        }
    };
    let attributes = line.attributes.iter().filter(is_kept).map(attribute).collect();
    Ok(Media {
        kind: line.media.clone(),
        transport: Transport {
            protocol: Protocol::from_token(&line.proto),
            address: line.connections.first().and_then(address).or_else(|| above.address.clone()),
            port: line.port,
            rtcp_port: rtcp_port(line),
            bandwidths: bandwidths(&line.bandwidths),
            sources: own.sources.or_else(|| above.sources.clone()),
            setup: own.setup.or(above.setup),
            connection: own.connection.or(above.connection),
            crypto: own.crypto,
        },
        direction: direction(&line.attributes).unwrap_or(session_direction),
        mid: first(&line.attributes, "mid").map(|mid| mid.trim().to_owned()),
        clocks: Clocks::read(&line.attributes).or(session_clocks),
        streams,
        others,
        attributes,
    })
}

/// The RTP MIDI stream of a payload type, if it is one: RTP MIDI is audio (RFC 6295, section 11).
fn stream(line: &sdp_types::Media, number: &str) -> Result<Option<Stream>, Error> {
    if !line.media.eq_ignore_ascii_case("audio") {
        return Ok(None);
    }
    let Some(rtpmap) = with_payload_type(line, "rtpmap", number).next() else { return Ok(None) };
    let mut parameters = Parameters::new();
    with_payload_type(line, "fmtp", number).for_each(|text| parameters.extend(Parameters::parse(text)));
    let (encoding, rate) = rtpmap.split_once('/').unwrap_or((rtpmap, ""));
    let payload_type = number.parse().ok().filter(|number| *number < 128);
    let (Some(format), Some(payload_type)) = (format(encoding.trim(), &parameters), payload_type) else {
        return Ok(None);
    };
    // What follows the rate is the number of audio channels, which MIDI has none of.
    let rate = rate.split('/').next().unwrap_or_default().trim();
    let clock_rate = rate.parse().ok().filter(|rate| *rate > 0).ok_or(Error::NoClockRate { payload_type })?;
    Ok(Some(Stream { payload_type, format, clock_rate, parameters }))
}

impl Clocks {
    /// What attributes say of clocks.
    fn read(attributes: &[sdp_types::Attribute]) -> Self {
        Self {
            references: all(attributes, clocks::REFERENCE).filter_map(clocks::reference).collect(),
            media: all(attributes, clocks::MEDIA).find_map(clocks::media),
        }
    }
}

impl Transport {
    /// What attributes say of the way of packets.
    fn read(attributes: &[sdp_types::Attribute]) -> Self {
        let value = |name| first(attributes, name).map(str::trim);
        Self {
            crypto: all(attributes, "crypto").filter_map(Crypto::parse).collect(),
            sources: value("source-filter").and_then(SourceFilter::parse),
            setup: value("setup").and_then(Setup::parse),
            connection: value("connection").and_then(Connection::parse),
            ..Self::to_port(0)
        }
    }
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
fn with_payload_type<'a>(line: &'a sdp_types::Media, name: &'a str, number: &'a str) -> impl Iterator<Item = &'a str> {
    all(&line.attributes, name)
        .filter_map(|value| value.trim().split_once(char::is_whitespace))
        .filter(move |(of, _)| *of == number)
        .map(|(_, text)| text.trim())
}

fn rtcp_port(line: &sdp_types::Media) -> u16 {
    if line.port > 0 && line.attributes.iter().any(|attribute| is(attribute, "rtcp-mux")) {
        return line.port;
    }
    first(&line.attributes, "rtcp")
        .and_then(|value| value.split_ascii_whitespace().next()?.parse().ok())
        .unwrap_or_else(|| line.port.saturating_add(1))
}

fn address(connection: &sdp_types::Connection) -> Option<Address> {
    let mut parts = connection.connection_address.split('/');
    let host = Host::parse(parts.next().filter(|host| !host.is_empty())?);
    // Only IPv4 groups have a time to live, and always one; behind an IPv6 group stands a number of groups.
    let ttl = match host {
        Host::Ip(IpAddr::V4(ip)) if ip.is_multicast() => {
            Some(parts.next().and_then(|ttl| ttl.parse().ok()).unwrap_or(1))
        }
        _ => None,
    };
    Some(Address { host, ttl })
}

fn origin(origin: sdp_types::Origin) -> Option<Origin> {
    Some(Origin {
        user: origin.username.unwrap_or_else(|| "-".to_owned()),
        id: origin.sess_id.parse().ok()?,
        version: origin.sess_version,
        address: Host::parse(&origin.unicast_address),
    })
}

fn group(text: &str) -> Option<Group> {
    let mut words = text.split_ascii_whitespace().map(str::to_owned);
    Some(Group { semantics: words.next()?, mids: words.collect() })
}

fn bandwidths(limits: &[sdp_types::Bandwidth]) -> Vec<Bandwidth> {
    limits.iter().map(|limit| Bandwidth::new(&limit.bwtype, limit.bandwidth)).collect()
}

/// None where the one time has no limits.
fn times(times: &[sdp_types::Time]) -> Vec<Time> {
    let times: Vec<Time> = times.iter().map(|time| Time { start: time.start_time, stop: time.stop_time }).collect();
    if times == [Time::default()] { Vec::new() } else { times }
}

/// Without blanks at its end, which editors and mail programs lose.
fn attribute(attribute: &sdp_types::Attribute) -> Attribute {
    let value = attribute.value.as_ref().map(|value| value.trim_end().to_owned());
    Attribute { name: attribute.attribute.trim_end().to_owned(), value }
}

fn direction(attributes: &[sdp_types::Attribute]) -> Option<Direction> {
    attributes.iter().find_map(|attribute| Direction::from_attribute(&attribute.attribute))
}

fn is(attribute: &sdp_types::Attribute, name: &str) -> bool {
    attribute.attribute.eq_ignore_ascii_case(name)
}

/// The values of the attributes of this name.
fn all<'a>(attributes: &'a [sdp_types::Attribute], name: &'a str) -> impl Iterator<Item = &'a str> {
    attributes.iter().filter(move |attribute| is(attribute, name)).filter_map(|attribute| attribute.value.as_deref())
}

fn first<'a>(attributes: &'a [sdp_types::Attribute], name: &'a str) -> Option<&'a str> {
    all(attributes, name).next()
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

    const MINIMAL: &str = "v=0\r\no=lazzaro 2520644554 2838152170 IN IP4 192.0.2.1\r\ns=Example\r\nt=0 0\r\n\
        m=audio 5004 RTP/AVP 96\r\nc=IN IP4 192.0.2.94\r\na=rtpmap:96 rtp-midi/44100\r\n";

    fn parse(text: &str) -> Result<Session, Error> {
        Session::parse(text.as_bytes())
    }

    fn only(text: &str) -> (Media, Stream) {
        let session = parse(text).unwrap();
        let (media, stream) = session.first_stream().unwrap();
        (media.clone(), stream.clone())
    }

    fn transport(text: &str) -> Transport {
        only(text).0.transport
    }

    fn found(text: &str) -> Vec<String> {
        match parse(text).unwrap().first_stream() {
            Err(Error::NoMidi { found }) => found,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_minimal_native_stream_is_understood() {
        let session = parse(MINIMAL).unwrap();
        assert_eq!(session.title, "Example");
        let origin = session.origin.as_ref().unwrap();
        assert_eq!((origin.id, origin.version), (2_520_644_554, 2_838_152_170));
        let (media, stream) = session.first_stream().unwrap();
        let transport = &media.transport;
        assert_eq!((transport.port, transport.rtcp_port, &transport.protocol), (5004, 5005, &Protocol::Avp));
        assert_eq!((stream.payload_type, stream.clock_rate, stream.format), (96, 44_100, Format::Native));
        assert_eq!(transport.address.as_ref().unwrap().host, Host::parse("192.0.2.94"));
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
        assert!(transport(c_last).address.is_some());
    }

    #[test]
    fn parameters_come_in_order_and_quotes_hold() {
        let text = format!("{MINIMAL}a=fmtp:96 ch_never=N; url=\"http://a/;b\"; ch_never=1N\r\n");
        assert_eq!(only(&text).1.parameters.to_string(), r#"ch_never=N; url="http://a/;b"; ch_never=1N"#);
    }

    #[test]
    fn mpeg4_generic_is_midi_only_in_its_mode() {
        let mpeg4 = MINIMAL.replace("rtp-midi/44100", "mpeg4-generic/44100");
        assert_eq!(found(&mpeg4), ["m=audio 5004: mpeg4-generic/44100"]);
        let midi = format!("{mpeg4}a=fmtp:96 streamtype=5; mode=rtp-midi; config=\"\"\r\n");
        assert_eq!(only(&midi).1.format, Format::Mpeg4Generic);
    }

    #[test]
    fn other_codecs_are_named() {
        let opus = "v=0\ns=x\nm=audio 5004 RTP/AVP 0 97\na=rtpmap:97 opus/48000/2\nm=video 6000 RTP/AVP 98\n\
            a=rtpmap:98 H264/90000\n";
        assert_eq!(found(opus), ["m=audio 5004: 0 opus/48000/2", "m=video 6000: H264/90000"]);
        assert_eq!(
            parse(opus).unwrap().first_stream().unwrap_err().to_string(),
            "no rtp-midi stream, but m=audio 5004: 0 opus/48000/2, m=video 6000: H264/90000"
        );
        assert_eq!(parse("v=0\ns=x\n").unwrap().first_stream().unwrap_err().to_string(), "no media line (m=)");
    }

    #[test]
    fn streams_that_cannot_run_are_kept_and_not_offered() {
        let unknown = MINIMAL.replace("RTP/AVP", "QUIC/RTP/AVP");
        assert_eq!(found(&unknown), ["m=audio 5004: rtp-midi over QUIC/RTP/AVP, which cannot be received"]);
        let refused = MINIMAL.replace("audio 5004", "audio 0");
        assert_eq!(found(&refused), ["m=audio 0: switched off by port 0"]);
        assert_eq!(parse(&refused).unwrap().media[0].streams.len(), 1);
    }

    #[test]
    fn keys_and_connections_are_read() {
        let secret = MINIMAL.replace("RTP/AVP", "RTP/SAVP")
            + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n\
               a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj\r\n";
        let secret = transport(&secret);
        assert_eq!(secret.protocol, Protocol::Savp);
        assert_eq!(secret.crypto.iter().map(|crypto| crypto.tag).collect::<Vec<_>>(), [1, 2]);
        let tcp = MINIMAL.replace("RTP/AVP", "TCP/RTP/AVP").replace("t=0 0", "t=0 0\r\na=setup:actpass")
            + "a=connection:new\r\n";
        let tcp = transport(&tcp);
        assert_eq!(tcp.protocol, Protocol::TcpAvp);
        assert_eq!((tcp.setup, tcp.connection), (Some(Setup::ActPass), Some(Connection::New)));
    }

    #[test]
    fn rtp_midi_is_audio() {
        assert_eq!(found(&MINIMAL.replace("audio", "video")), ["m=video 5004: rtp-midi/44100"]);
    }

    #[test]
    fn a_number_stands_for_one_format() {
        let (media, _) = only(&MINIMAL.replace("AVP 96", "AVP 96 0 96 0"));
        assert_eq!((media.streams.len(), media.others), (1, vec!["0".to_owned()]));
        assert_eq!(found(&MINIMAL.replace("96", "128")), ["m=audio 5004: rtp-midi/44100"]);
    }

    #[test]
    fn times_are_kept() {
        let times = |text: &str| parse(&MINIMAL.replace("t=0 0", text)).unwrap().times;
        assert_eq!((times("t=0 0"), times("t=3 0")), (vec![], vec![Time { start: 3, stop: 0 }]));
        let text = MINIMAL.replace("t=0 0", "t=3 9\r\nt=10 12");
        assert!(parse(&text).unwrap().print().contains("\r\nt=3 9\r\nt=10 12\r\n"));
    }

    #[test]
    fn other_media_are_kept_as_they_came() {
        let text = format!(
            "{MINIMAL}a=mid:midi\r\na=x-mine:1 \r\nm=video 6000 RTP/AVPF 98 99\r\nb=AS:500\r\n\
             a=rtpmap:98 H264/90000\r\na=fmtp:98 packetization-mode=1\r\na=sendonly\r\n"
        )
        .replace("t=0 0", "t=0 0\r\na=group:LS midi\r\na=ice-lite");
        let session = parse(&text).unwrap();
        let [midi, video] = &session.media[..] else { panic!("two media lines") };
        let [mine] = &midi.attributes[..] else { panic!("one attribute") };
        assert_eq!(
            (midi.mid.as_deref(), mine.name.as_str(), mine.value.as_deref()),
            (Some("midi"), "x-mine", Some("1"))
        );
        assert_eq!((video.kind.as_str(), &video.others[..]), ("video", &["98".to_owned(), "99".to_owned()][..]));
        assert_eq!((video.direction, video.attributes.len()), (Direction::SendOnly, 2));
        assert_eq!(session.groups, [Group { semantics: "LS".to_owned(), mids: vec!["midi".to_owned()] }]);
        assert_eq!(session.attributes[0].name, "ice-lite");
        assert_eq!(parse(&session.print()), Ok(session));
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
        let at = |line: &str| transport(&format!("{MINIMAL}{line}\r\n")).rtcp_port;
        assert_eq!(at("a=rtcp:6001 IN IP4 192.0.2.94"), 6001);
        assert_eq!(at("a=rtcp-mux"), 5004);
        assert_eq!(at("a=rtcp:nonsense"), 5005);
    }

    #[test]
    fn groups_have_a_time_to_live_and_may_be_a_name() {
        let address = |c: &str| transport(&MINIMAL.replace("IN IP4 192.0.2.94", c)).address.unwrap();
        let group = address("IN IP4 239.1.2.3/15");
        assert!(group.is_multicast());
        assert_eq!(group.ttl, Some(15));
        assert_eq!([address("IN IP4 239.1.2.3").ttl, address("IN IP4 239.1.2.3/999").ttl], [Some(1), Some(1)]);
        assert_eq!([address("IN IP6 ff15::1/2").ttl, address("IN IP4 192.0.2.94/5").ttl], [None, None]);
        assert_eq!(transport(&MINIMAL.replace("192.0.2.94", "/5")).address, None, "a host without a name");
        assert_eq!(address("IN IP4 studio.example.net").host, Host::Name("studio.example.net".to_owned()));
    }

    #[test]
    fn text_that_is_no_description_names_the_line() {
        assert_eq!(parse("hello").unwrap_err().to_string(), "line 1: a session description starts with v=0");
        assert!(matches!(parse("v=0\r\nm=audio five RTP/AVP 96\r\n"), Err(Error::Syntax { line: Some(2), .. })));
        assert!(parse("").is_err());
    }
}
