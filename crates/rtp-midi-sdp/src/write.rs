//! [`Session`] to text, as RFC 8866 and RFC 6295, appendix D, want it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use rtp_midi::Format;
use sdp_types::{AddrType, Connection, NetType};

use crate::{Address, Attribute, Bandwidth, Clocks, Direction, Host, Media, Origin, Session, Stream, Transport};

impl Stream {
    /// The encoding name of `a=rtpmap` (RFC 6295, 6.1 and 6.2).
    pub const fn encoding(&self) -> &'static str {
        match self.format {
            Format::Native => "rtp-midi",
            Format::Mpeg4Generic => "mpeg4-generic",
        }
    }
}

impl Session {
    /// Prints the description, with `\r\n` at each line's end, and the parameters of RTP MIDI in the words of
    /// [`Parameters::strict`](crate::Parameters::strict).
    pub fn print(&self) -> String {
        let origin = self.origin.as_ref().map_or_else(|| Origin::new(0, 0, NO_ADDRESS), Clone::clone);
        let mut sdp = sdp_types::Session::new(written_origin(&origin), one_line(&self.title));
        sdp.session_description = self.information.as_deref().map(one_line);
        sdp.bandwidths = self.bandwidths.iter().map(bandwidth).collect();
        if !self.times.is_empty() {
            sdp.times = self.times.iter().map(|time| sdp_types::Time::new(time.start, time.stop)).collect();
        }
        let mut attributes: Vec<Attribute> = Vec::new();
        attributes.extend(self.tool.as_ref().map(|tool| with("tool", one_line(tool))));
        let groups = self.groups.iter();
        attributes.extend(groups.map(|group| with("group", format!("{} {}", group.semantics, group.mids.join(" ")))));
        attributes.extend(clocks(&self.clocks, &Clocks::default()));
        attributes.extend(self.attributes.iter().cloned());
        if self.direction != Direction::default() {
            attributes.push(flag(self.direction.attribute()));
        }
        sdp.attributes = attributes.iter().map(written).collect();
        sdp.medias = self.media.iter().map(|line| media(line, self)).collect();

        let mut text = Vec::new();
        sdp.write(&mut text).expect("a Vec takes everything, and net and address types are tokens");
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// What stands for an unknown origin: a description needs one.
const NO_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// A title is never empty (RFC 8866, 5.3) and has no control characters.
fn one_line(title: &str) -> String {
    let line = title.split(char::is_control).map(str::trim).filter(|part| !part.is_empty());
    match line.collect::<Vec<_>>().join(" ") {
        empty if empty.is_empty() => "-".to_owned(),
        line => line,
    }
}

fn written_origin(origin: &Origin) -> sdp_types::Origin {
    let address = match &origin.address {
        Host::Ip(ip) => sdp_types::Origin::with_ip_addr(origin.id, origin.version, *ip),
        Host::Name(name) => sdp_types::Origin::new(origin.id, origin.version, NetType::In, AddrType::Ip4, name),
    };
    let user: String = origin.user.split_whitespace().collect();
    sdp_types::Origin { username: Some(user).filter(|user| !user.is_empty()), ..address }
}

fn media(line: &Media, session: &Session) -> sdp_types::Media {
    let streams = line.streams.iter().map(|stream| stream.payload_type.to_string());
    let formats: Vec<String> = streams.chain(line.others.iter().cloned()).collect();
    let mut attributes = Vec::new();
    for stream in &line.streams {
        attributes.extend(described(stream));
    }
    attributes.extend(way(&line.transport));
    attributes.extend(line.mid.as_ref().map(|mid| with("mid", mid)));
    attributes.extend(clocks(&line.clocks, &session.clocks));
    if line.direction != session.direction {
        attributes.push(flag(line.direction.attribute()));
    }
    attributes.extend(line.attributes.iter().cloned());
    sdp_types::Media {
        media: line.kind.clone(),
        port: line.transport.port,
        num_ports: None,
        proto: line.transport.protocol.token().to_owned(),
        fmt: formats.join(" "),
        media_title: None,
        connections: line.transport.address.iter().map(connection).collect(),
        bandwidths: line.transport.bandwidths.iter().map(bandwidth).collect(),
        key: None,
        attributes: attributes.iter().map(written).collect(),
    }
}

fn described(stream: &Stream) -> impl Iterator<Item = Attribute> {
    let payload_type = stream.payload_type;
    let rtpmap = with("rtpmap", format_args!("{payload_type} {}/{}", stream.encoding(), stream.clock_rate));
    let parameters = stream.parameters.strict();
    let fmtp = with("fmtp", format_args!("{payload_type} {parameters}"));
    [rtpmap].into_iter().chain(Some(fmtp).filter(|_| !parameters.is_empty()))
}

/// What has to be said of clocks below what is said above.
fn clocks(own: &Clocks, above: &Clocks) -> impl Iterator<Item = Attribute> {
    own.attributes(above).map(|(name, value)| with(name, value))
}

/// What attributes say of the way of packets.
fn way(transport: &Transport) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    if transport.port > 0 && transport.is_muxed() {
        attributes.push(flag("rtcp-mux"));
    } else if transport.rtcp_port != transport.port.saturating_add(1) {
        attributes.push(with("rtcp", transport.rtcp_port));
    }
    attributes.extend(transport.sources.as_ref().map(|sources| with("source-filter", sources)));
    attributes.extend(transport.setup.map(|setup| with("setup", setup)));
    attributes.extend(transport.connection.map(|connection| with("connection", connection)));
    attributes.extend(transport.crypto.iter().map(|crypto| with("crypto", crypto)));
    attributes
}

fn with(name: &str, value: impl fmt::Display) -> Attribute {
    Attribute { name: name.to_owned(), value: Some(value.to_string()) }
}

fn flag(name: &str) -> Attribute {
    Attribute { name: name.to_owned(), value: None }
}

fn written(attribute: &Attribute) -> sdp_types::Attribute {
    sdp_types::Attribute { attribute: attribute.name.clone(), value: attribute.value.clone() }
}

fn bandwidth(limit: &Bandwidth) -> sdp_types::Bandwidth {
    sdp_types::Bandwidth { bwtype: limit.kind.clone(), bandwidth: limit.value }
}

fn connection(address: &Address) -> Connection {
    match &address.host {
        // IPv4 multicast must have a time to live (RFC 8866, 5.7).
        Host::Ip(ip) if ip.is_multicast() => Connection::from_ip_addr_ttl(*ip, Some(address.ttl.unwrap_or(1))),
        Host::Ip(ip) => Connection::from_ip_addr(*ip),
        Host::Name(name) => Connection::new(NetType::In, AddrType::Ip4, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crypto, Group, Parameters, Protocol, Setup, SourceFilter};
    use proptest::prelude::*;
    use rtp_midi::{Journal, Policy};

    fn broadcast(host: &str) -> Session {
        let parameters = Parameters::for_journal(Journal::Recovery(Policy::Anchor));
        let transport = Transport::udp(host.parse::<IpAddr>().unwrap(), 5004);
        let stream = Stream::native(96, 44_100, parameters);
        Session {
            origin: Some(Origin::new(3, 4, Host::parse("192.0.2.1"))),
            tool: Some("rtpmidi 0.1.0".to_owned()),
            direction: Direction::ReceiveOnly,
            media: vec![Media::new(transport, Direction::ReceiveOnly, vec![stream])],
            information: Some("No. 3\r\na=x".to_owned()),
            ..Session::new("Étude in two lines\r\nv=0")
        }
    }

    #[test]
    fn a_broadcast_prints_line_by_line() {
        let lines = "v=0|o=- 3 4 IN IP4 192.0.2.1|s=Étude in two lines v=0|i=No. 3 a=x|t=0 0|a=tool:rtpmidi 0.1.0|a=recvonly|\
            m=audio 5004 RTP/AVP 96|c=IN IP4 127.0.0.1|a=rtpmap:96 rtp-midi/44100|\
            a=fmtp:96 j_sec=recj; j_update=anchor|";
        assert_eq!(broadcast("127.0.0.1").print(), lines.replace('|', "\r\n"));
    }

    #[test]
    fn groups_get_a_time_to_live() {
        assert!(broadcast("239.1.2.3").print().contains("\r\nc=IN IP4 239.1.2.3/1\r\n"));
        assert!(broadcast("ff15::7").print().contains("\r\nc=IN IP6 ff15::7\r\n"));
    }

    #[test]
    fn an_empty_title_is_a_dash() {
        let mut session = broadcast("127.0.0.1");
        session.title = " \n".to_owned();
        assert!(session.print().contains("\r\ns=-\r\n"));
    }

    #[test]
    fn several_payload_types_share_a_line() {
        let mut session = broadcast("127.0.0.1");
        session.media[0].streams.push(Stream::native(97, 48_000, Parameters::new()));
        session.media[0].others.push("0".to_owned());
        let lines = "m=audio 5004 RTP/AVP 96 97 0|c=IN IP4 127.0.0.1|a=rtpmap:96 rtp-midi/44100|\
            a=fmtp:96 j_sec=recj; j_update=anchor|a=rtpmap:97 rtp-midi/48000|";
        assert!(session.print().ends_with(&lines.replace('|', "\r\n")), "{}", session.print());
    }

    fn streams() -> impl Strategy<Value = Stream> {
        let formats = prop_oneof![Just(Format::Native), Just(Format::Mpeg4Generic)];
        (0_u8..128, 1_u32.., formats, "x[a-z_]{1,4}=[0-9A-Z]{1,4}").prop_map(|(number, rate, format, text)| {
            let mut parameters = Parameters::parse(&text);
            if format == Format::Mpeg4Generic {
                parameters.push("mode", "rtp-midi");
            }
            Stream { format, ..Stream::native(number, rate, parameters.strict()) }
        })
    }

    fn transports() -> impl Strategy<Value = Transport> {
        let hosts = prop::sample::select(vec!["127.0.0.1", "::1", "239.0.0.9", "ff15::7", "studio.example.net"]);
        let protocols = prop::sample::select(Protocol::KNOWN.to_vec());
        let limits = prop::sample::subsequence(
            vec![Bandwidth::new("AS", 20), Bandwidth::new("RS", 0), Bandwidth::new("RR", 400)],
            0..4,
        );
        let crypto = prop::collection::vec((1_u32..9).prop_map(key), 0..3);
        let rtcp = prop_oneof![Just(5004_u16), Just(5005), 1024_u16..];
        let filter = prop::option::of(Just(" incl IN IP4 * 192.0.2.1 192.0.2.2"));
        let setup = prop::option::of(prop::sample::select(vec!["active", "passive", "actpass", "holdconn"]));
        (hosts, protocols, limits, crypto, (rtcp, any::<bool>()), filter, setup).prop_map(
            |(host, protocol, bandwidths, crypto, (rtcp_port, is_new), filter, setup)| {
                let host = Host::parse(host);
                let ttl = matches!(&host, Host::Ip(IpAddr::V4(ip)) if ip.is_multicast()).then_some(7);
                Transport {
                    protocol,
                    address: Some(Address { host, ttl }),
                    rtcp_port,
                    bandwidths,
                    crypto,
                    sources: filter.and_then(SourceFilter::parse),
                    setup: setup.and_then(Setup::parse),
                    connection: is_new.then_some(crate::Connection::New),
                    ..Transport::to_port(5004)
                }
            },
        )
    }

    fn key(tag: u32) -> Crypto {
        Crypto::parse(&format!("{tag} AES_CM_128_HMAC_SHA1_80 inline:WVNfX19z|2^20")).unwrap()
    }

    fn directions() -> impl Strategy<Value = Direction> {
        (any::<bool>(), any::<bool>()).prop_map(|(sends, receives)| Direction::of(sends, receives))
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same_session(
            title in "[a-z]{1,9}",
            information in prop::option::of("[a-z]{1,9}"),
            direction in directions(),
            bandwidths in prop::collection::vec(Just(Bandwidth::new("CT", 64)), 0..2),
            lines in prop::collection::vec(
                (transports(), directions(), prop::collection::vec(streams(), 0..3), prop::option::of("[a-z]{1,3}")),
                0..4,
            ),
        ) {
            let media = lines.into_iter().map(|(transport, direction, mut streams, mid)| {
                let mut seen = Vec::new();
                streams.retain(|stream| {
                    let is_new = !seen.contains(&stream.payload_type);
                    seen.push(stream.payload_type);
                    is_new
                });
                let mut line = Media { mid, ..Media::new(transport, direction, streams) };
                line.others.extend(line.streams.is_empty().then(|| "11".to_owned()));
                line
            });
            let mut session = Session { information, direction, bandwidths, media: media.collect(), ..Session::new(title) };
            session.origin = Some(Origin::new(1, 2, Host::parse("studio.example.net")));
            session.groups.push(Group { semantics: "FID".to_owned(), mids: vec!["a".to_owned(), "b".to_owned()] });
            prop_assert_eq!(Session::parse(session.print().as_bytes()), Ok(session));
        }
    }
}
