//! [`Session`] to text, as RFC 8866 and RFC 6295, appendix D, want it.

use std::net::{IpAddr, Ipv4Addr};

use rtp_midi::Format;
use sdp_types::{AddrType, Connection, Media, MediaType, NetType, TransportProto};

use crate::{Address, Direction, Host, Origin, Session, Stream};

impl Session {
    /// Prints the description, one media line for each stream, with `\r\n` at each line's end.
    pub fn print(&self) -> String {
        let origin = self.origin.unwrap_or(NO_ORIGIN);
        let mut sdp = sdp_types::Session::new(
            sdp_types::Origin::with_ip_addr(origin.id, origin.version, origin.address),
            one_line(&self.title),
        );
        if let Some(tool) = &self.tool {
            sdp.attributes.push(sdp_types::Attribute::with_value("tool", tool));
        }
        if self.direction != Direction::default() {
            sdp.attributes.push(sdp_types::Attribute::new(self.direction.attribute()));
        }
        sdp.medias = self.streams.iter().map(|stream| media(stream, self.direction)).collect();

        let mut text = Vec::new();
        sdp.write(&mut text).expect("a Vec takes everything, and net and address types are tokens");
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// What stands for an unknown origin: a description needs one.
const NO_ORIGIN: Origin = Origin { id: 0, version: 0, address: IpAddr::V4(Ipv4Addr::UNSPECIFIED) };

/// A title is never empty (RFC 8866, 5.3) and has no control characters.
fn one_line(title: &str) -> String {
    let line = title.split(char::is_control).map(str::trim).filter(|part| !part.is_empty());
    match line.collect::<Vec<_>>().join(" ") {
        empty if empty.is_empty() => "-".to_owned(),
        line => line,
    }
}

fn media(stream: &Stream, session_direction: Direction) -> Media {
    let payload_type = stream.payload_type;
    let mut media = Media::new(MediaType::Audio, stream.port, TransportProto::RtpAvp, payload_type);
    media.connections.extend(stream.address.as_ref().map(connection));
    let encoding = match stream.format {
        Format::Native => "rtp-midi",
        Format::Mpeg4Generic => "mpeg4-generic",
    };
    media.add_attribute_with_value("rtpmap", format_args!("{payload_type} {encoding}/{}", stream.clock_rate));
    if !stream.parameters.is_empty() {
        media.add_attribute_with_value("fmtp", format_args!("{payload_type} {}", stream.parameters));
    }
    if stream.rtcp_port == stream.port {
        media.add_attribute_from_str("rtcp-mux");
    } else if Some(stream.rtcp_port) != stream.port.checked_add(1) {
        media.add_attribute_with_value("rtcp", stream.rtcp_port);
    }
    if stream.direction != session_direction {
        media.add_attribute_from_str(stream.direction.attribute());
    }
    media
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
    use crate::Parameters;
    use proptest::prelude::*;
    use rtp_midi::{Journal, Policy};

    fn broadcast(host: &str) -> Session {
        Session {
            title: "Étude in two lines\r\nv=0".to_owned(),
            origin: Some(Origin { id: 3, version: 4, address: "192.0.2.1".parse().unwrap() }),
            tool: Some("rtpmidi 0.1.0".to_owned()),
            direction: Direction::ReceiveOnly,
            streams: vec![Stream {
                address: Some(Address { host: Host::Ip(host.parse().unwrap()), ttl: None }),
                port: 5004,
                rtcp_port: 5005,
                payload_type: 96,
                format: Format::Native,
                clock_rate: 44_100,
                parameters: Parameters::for_journal(Journal::Recovery(Policy::Anchor)),
                direction: Direction::ReceiveOnly,
            }],
        }
    }

    #[test]
    fn a_broadcast_prints_line_by_line() {
        let lines = "v=0|o=- 3 4 IN IP4 192.0.2.1|s=Étude in two lines v=0|t=0 0|a=tool:rtpmidi 0.1.0|a=recvonly|\
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

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same_session(
            rtcp in prop_oneof![Just(5004_u16), Just(5005), 1024_u16..],
            rate in 1_u32..,
            payload_type in 0_u8..128,
            format in prop_oneof![Just(Format::Native), Just(Format::Mpeg4Generic)],
            ttl in proptest::option::of(1_u8..),
            direction in prop_oneof![Just(Direction::SendReceive), Just(Direction::Inactive)],
        ) {
            let mut session = broadcast(if ttl.is_some() { "239.0.0.9" } else { "::1" });
            session.title = "A title".to_owned();
            let stream = &mut session.streams[0];
            stream.address.as_mut().unwrap().ttl = ttl;
            (stream.rtcp_port, stream.clock_rate, stream.payload_type) = (rtcp, rate, payload_type);
            (stream.format, stream.direction) = (format, direction);
            if format == Format::Mpeg4Generic {
                stream.parameters.push("mode", "rtp-midi");
            }
            prop_assert_eq!(Session::parse(session.print().as_bytes()), Ok(session));
        }
    }
}
