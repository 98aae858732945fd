//! Where to listen: the session description, and the addresses of this machine that it means.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;

use rtp_midi_sdp::render::Renderers;
use rtp_midi_sdp::{FilterMode, Host, Protocol, Session, SourceFilter, Stream, Transport};

use super::gate::Senders;
use crate::caps;
use crate::description;
use crate::failure::{Failure, Result};

/// A stream and the group or address it comes to.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) title: String,
    pub(crate) transport: Transport,
    pub(crate) stream: Stream,
    /// What is to become of the stream.
    pub(crate) renderers: Renderers,
    /// `c=` as numbers.
    pub(crate) address: IpAddr,
    /// Who may send it.
    pub(crate) senders: Senders,
}

impl Source {
    /// Reads the description in the file `path`, or from stdin for `-`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = description::read(path)?;
        Self::parse(&text, &path.display().to_string())
    }

    /// The first RTP MIDI stream of a description; `name` stands in errors.
    pub(crate) fn parse(text: &[u8], name: &str) -> Result<Self> {
        let wrong = |error: rtp_midi_sdp::Error| {
            let hint = match &error {
                rtp_midi_sdp::Error::NoMidi { .. } => "a stream that can be played has a=rtpmap:96 rtp-midi/44100",
                _ => "rtpmidi broadcast --sdp FILE writes a description that works",
            };
            Failure::new(format!("{name}: {error}")).hint(hint)
        };
        let session = Session::parse(text).map_err(wrong)?;
        let (media, stream) = session.first_stream().map_err(wrong)?;
        let (transport, stream) = (media.transport.clone(), stream.clone());
        stream.config(&transport).map_err(wrong)?;
        let renderers = stream.renderers().map_err(wrong)?;
        if !matches!(transport.protocol, Protocol::Avp | Protocol::Avpf) {
            let protocol = transport.protocol.token();
            return Err(Failure::new(format!("{name}: rtp-midi over {protocol}, which cannot be received"))
                .hint("RTP/AVP can be"));
        }
        let host = transport.address.as_ref().map(|address| address.host.clone());
        let address = match host {
            Some(Host::Ip(ip)) => ip,
            Some(Host::Name(host)) => resolve(&host).ok_or_else(|| {
                Failure::new(format!("{name}: host {host} is not known")).hint("give the address in numbers")
            })?,
            None => {
                return Err(Failure::new(format!("{name}: no address (c=)"))
                    .hint("add a line such as c=IN IP4 127.0.0.1 above the line m="));
            }
        };
        let senders = transport.sources.as_ref().map_or(Ok(Senders::All), |filter| senders(filter, address, name))?;
        Ok(Self { title: session.title, transport, stream, renderers, address, senders })
    }

    /// The caps of the stream. The depayloader gets the whole fmtp line besides.
    pub(crate) fn caps(&self) -> gst::Caps {
        caps::of(&self.stream)
    }

    /// Where RTP packets come in.
    pub(crate) fn rtp(&self) -> SocketAddr {
        (self.address, self.transport.port).into()
    }

    /// The senders that a group is joined for, if they are known; none if it is for anybody.
    pub(crate) fn wanted(&self) -> Vec<Ipv4Addr> {
        let v4 = |address: &IpAddr| if let IpAddr::V4(address) = address { Some(*address) } else { None };
        match &self.senders {
            Senders::Only(senders) => senders.iter().filter_map(v4).collect(),
            Senders::All | Senders::AllBut(_) => Vec::new(),
        }
    }

    /// Where RTCP packets come in.
    pub(crate) fn rtcp(&self) -> SocketAddr {
        (self.address, self.transport.rtcp_port).into()
    }
}

/// Who may send to `address`.
fn senders(filter: &SourceFilter, address: IpAddr, name: &str) -> Result<Senders> {
    if !matches!(&filter.destination, None | Some(Host::Name(_))) && filter.destination != Some(Host::Ip(address)) {
        return Ok(Senders::All);
    }
    let ip = |host: &Host| match host {
        Host::Ip(ip) => Ok(*ip),
        Host::Name(host) => resolve(host).ok_or_else(|| {
            Failure::new(format!("{name}: the source {host} is not known")).hint("give its address in numbers")
        }),
    };
    let sources = filter.sources.iter().map(ip).collect::<Result<_>>()?;
    Ok(match filter.mode {
        FilterMode::Include => Senders::Only(sources),
        FilterMode::Exclude => Senders::AllBut(sources),
    })
}

fn resolve(host: &str) -> Option<IpAddr> {
    Some((host, 0).to_socket_addrs().ok()?.next()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANON: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Canon\r\nt=0 0\r\nm=audio 5004 RTP/AVP 97\r\n\
        c=IN IP4 127.0.0.1\r\na=rtpmap:97 rtp-midi/48000\r\na=fmtp:97 ch_never=N; J_Update=anchor; ch_never=1N\r\n";

    fn words(text: &str) -> String {
        Source::parse(text.as_bytes(), "x.sdp").unwrap_err().to_string()
    }

    #[test]
    fn a_description_tells_where_and_what() {
        let source = Source::parse(CANON.as_bytes(), "x.sdp").unwrap();
        assert_eq!(source.title, "Canon");
        assert_eq!(source.rtp(), "127.0.0.1:5004".parse().unwrap());
        assert_eq!(source.rtcp(), "127.0.0.1:5005".parse().unwrap());
    }

    #[test]
    fn another_codec_is_named() {
        let words = words(&CANON.replace("rtp-midi/48000", "opus/48000/2"));
        assert!(
            words.starts_with("error: x.sdp: no rtp-midi stream, but m=audio 5004: opus/48000/2\nhint: "),
            "{words}"
        );
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        assert!(words("dear diary").contains("line 1: a session description starts with v=0"));
        assert!(words(&CANON.replace("c=IN IP4 127.0.0.1\r\n", "")).contains("no address (c=)"));
        assert!(words(&CANON.replace("anchor", "sometimes")).contains("j_update=sometimes is not a value"));
    }
}
