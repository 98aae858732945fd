//! What the lines of a description mean, those of fmtp excepted (RFC 8866; RFC 6295, 6).

use std::net::IpAddr;

use rtp_midi_sdp::clocks::{MediaClock, MediaClockSource, NtpServerAddr, PtpServer, ReferenceClock};
use rtp_midi_sdp::{Direction, FilterMode, Host, Protocol, Setup, SourceFilter};

use super::context::{Context, time};
use super::selection::enumerate;
use super::words::Words;

/// What line `number` means, which is `kind=value`.
pub(super) fn explain(kind: &str, value: &str, number: usize, context: &Context) -> Vec<Words> {
    let value = value.trim();
    let protocol = context.protocol(number);
    match kind {
        "v" => vec![Words::both("A session description; 0 is the only version there is.")],
        "o" => origin(value),
        "s" if value == "-" || value.is_empty() => vec![Words::both("The session has no name.")],
        "s" => vec![Words::both(format!("The session is called {value}."))],
        "i" => vec![Words::both(format!("About the session: {value}"))],
        "u" => vec![Words::both(format!("More about the session stands at {value}."))],
        "e" | "p" => vec![Words::both(format!("Whoever has a question asks {value}."))],
        "t" if value == "0 0" => vec![Words::both("The session has neither beginning nor end.")],
        "t" => vec![Words::both("When the session begins and ends, in seconds since 1900; 0 is open.")],
        "c" => connection(value),
        "b" => bandwidth(value),
        "m" => media(value),
        "a" => attribute(value, protocol),
        _ => vec![Words::both("Of no meaning for MIDI.")],
    }
}

fn origin(value: &str) -> Vec<Words> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let [user, id, edition, _, _, address] = words[..] else {
        return vec![Words::both("Who made the description; but something is missing.")];
    };
    let by = if user == "-" { String::new() } else { format!(" by {user}") };
    vec![Words::both(format!("Description {id}, edition {edition}, made at {address}{by}."))]
}

fn connection(value: &str) -> Vec<Words> {
    let mut parts = value.split_whitespace().nth(2).unwrap_or_default().split('/');
    let (host, hops) = (Host::parse(parts.next().unwrap_or_default()), parts.next());
    match host {
        Host::Ip(ip) if ip.is_multicast() => {
            let routers = |hops: &str| format!(", past at most {hops} routers");
            let reach = hops.filter(|_| ip.is_ipv4()).map_or_else(String::new, routers);
            vec![
                Words::sender(format!("sends to the multicast group {ip}{reach}.")),
                Words::receiver("joins the group; any number of receivers may."),
            ]
        }
        Host::Ip(IpAddr::V4(ip)) if ip.is_loopback() => {
            vec![Words::both(format!("Packets go to {ip}, which is this machine itself."))]
        }
        host => vec![Words::both(format!("Packets go to {host}."))],
    }
}

fn bandwidth(value: &str) -> Vec<Words> {
    let (kind, limit) = value.split_once(':').unwrap_or((value, ""));
    let words = match kind.to_ascii_uppercase().as_str() {
        "AS" => format!("takes no more than {limit} kbit/s, headers included."),
        "CT" => format!("takes no more than {limit} kbit/s for the whole session."),
        "TIAS" => format!("takes no more than {limit} bit/s, headers not counted."),
        "RS" if limit == "0" => "sends no RTCP reports.".to_owned(),
        "RS" => format!("takes no more than {limit} bit/s for its RTCP reports."),
        "RR" if limit == "0" => return vec![Words::receiver("sends no RTCP reports.")],
        "RR" => return vec![Words::receiver(format!("and its like share {limit} bit/s for their RTCP reports."))],
        _ => return vec![Words::both("A limit of an unknown kind.")],
    };
    vec![Words::sender(words)]
}

fn media(value: &str) -> Vec<Words> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let [kind, port, protocol, formats @ ..] = &words[..] else {
        return vec![Words::both("A stream; but its port or its protocol is missing.")];
    };
    if *port == "0" {
        return vec![Words::both(format!("A stream of {kind} that is refused or taken back: its port is 0."))];
    }
    let way = match Protocol::from_token(protocol) {
        Protocol::Avp => format!("RTP packets to UDP port {port}"),
        Protocol::Avpf => format!("RTP packets to UDP port {port}, RTCP reports at once where needed"),
        Protocol::Savp | Protocol::Savpf => format!("encrypted RTP packets (SRTP) to UDP port {port}"),
        Protocol::TcpAvp => format!("RTP packets framed in a TCP connection to port {port}"),
        Protocol::DtlsSavp | Protocol::DtlsSavpf => format!("encrypted RTP packets to UDP port {port}, keys by DTLS"),
        Protocol::Other(other) => format!("{other}, which is not RTP as this program knows it, to port {port}"),
    };
    let types = if formats.len() == 1 { "payload type" } else { "payload types, the first one preferred:" };
    vec![Words::both(format!("A stream of {kind}: {way}, {types} {}.", formats.join(" ")))]
}

fn attribute(value: &str, protocol: Option<&Protocol>) -> Vec<Words> {
    let (name, value) = value.split_once(':').unwrap_or((value, ""));
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    if let Some(direction) = Direction::from_attribute(&name) {
        return vec![Words::both(format!("{} (as its reader, or the one who offers it, sees it).", flow(direction)))];
    }
    match name.as_str() {
        "rtpmap" => rtpmap(value),
        "fmtp" => vec![Words::both("Parameters of something else than RTP MIDI.")],
        "tool" => vec![Words::both(format!("Written by {value}."))],
        "rtcp" => vec![Words::both(format!("RTCP has port {value}, not the one above that of RTP."))],
        "rtcp-mux" => vec![Words::both("RTCP shares the port of RTP.")],
        "ptime" | "maxptime" => vec![Words::both(format!("Of no meaning for MIDI, which has rtp_{name}."))],
        "mid" => vec![Words::both(format!("The mark of this line is {value}, for groups to name it by."))],
        "group" => group(value),
        "source-filter" => source_filter(value),
        "setup" => setup(value),
        "connection" if value == "existing" => vec![Words::both("The TCP connection that is there is used further.")],
        "connection" => vec![Words::both("A TCP connection of its own is opened.")],
        "crypto" => crypto(value, protocol),
        "ts-refclk" => reference_clock(value),
        "mediaclk" => media_clock(value),
        _ => vec![Words::both("Not known to this program, which passes it over.")],
    }
}

const fn flow(direction: Direction) -> &'static str {
    match direction {
        Direction::SendReceive => "Music goes both ways",
        Direction::SendOnly => "Music is sent, and none comes back",
        Direction::ReceiveOnly => "Music is received, and none goes back",
        Direction::Inactive => "No music goes either way for now",
    }
}

fn rtpmap(value: &str) -> Vec<Words> {
    let (payload_type, encoding) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
    let (encoding, rate) = encoding.trim().split_once('/').unwrap_or((encoding.trim(), ""));
    let what = match encoding.to_ascii_lowercase().as_str() {
        "rtp-midi" => "MIDI".to_owned(),
        "mpeg4-generic" => "MPEG-4; it is MIDI if its parameters say mode=rtp-midi".to_owned(),
        _ => format!("{encoding}, which is not MIDI"),
    };
    let mut words = vec![Words::both(format!("Payload type {payload_type} is {what}."))];
    let ticks = rate.split('/').next().and_then(|rate| rate.trim().parse::<f64>().ok()).filter(|rate| *rate > 0.0);
    words.push(Words::both(match ticks {
        Some(rate) => format!("Its clock has {rate} ticks a second, so that times are told to {}.", time(1.0 / rate)),
        None => "It names no clock rate, without which it cannot be used.".to_owned(),
    }));
    words
}

fn group(value: &str) -> Vec<Words> {
    let mut parts = value.split_whitespace().map(str::to_owned);
    let semantics = parts.next().unwrap_or_default();
    let marks = enumerate(&parts.collect::<Vec<_>>());
    vec![Words::both(match semantics.to_ascii_uppercase().as_str() {
        "FID" => format!("The lines marked {marks} are one flow: their cable numbers (musicport) are of one set."),
        "LS" => format!("The lines marked {marks} are to be played in step."),
        "BUNDLE" => format!("The lines marked {marks} share one port."),
        _ => format!("The lines marked {marks} belong together, in a way that this program does not know."),
    })]
}

fn source_filter(value: &str) -> Vec<Words> {
    let Some(filter) = SourceFilter::parse(value) else { return vec![Words::both("A filter that cannot be read.")] };
    let sources = enumerate(&filter.sources.iter().map(ToString::to_string).collect::<Vec<_>>());
    vec![Words::receiver(match filter.mode {
        FilterMode::Include => format!("takes packets from {sources}, and from nobody else."),
        FilterMode::Exclude => format!("takes no packets from {sources}."),
    })]
}

fn setup(value: &str) -> Vec<Words> {
    vec![Words::both(match Setup::parse(value) {
        Some(Setup::Active) => "Who made the description opens the TCP connection.",
        Some(Setup::Passive) => "Who made the description waits for the other end to open the TCP connection.",
        Some(Setup::ActPass) => "Either end may open the TCP connection; the answer says which one does.",
        Some(Setup::HoldConn) => "No TCP connection is opened for now.",
        None => "An unknown way to open a connection.",
    })]
}

fn reference_clock(value: &str) -> Vec<Words> {
    let clock = match value.parse() {
        Ok(ReferenceClock::Ntp(ntp)) => match ntp.server {
            NtpServerAddr::Traceable => "a clock that some NTP server keeps right".to_owned(),
            server @ NtpServerAddr::HostPort { .. } => format!("the clock of the NTP server {server}"),
        },
        Ok(ReferenceClock::Ptp(ptp)) => match ptp.server {
            PtpServer::Traceable => "a PTP clock that shows international atomic time".to_owned(),
            PtpServer::GmidDomain { gmid, domain: None } => format!("the clock of the PTP grandmaster {gmid}"),
            PtpServer::GmidDomain { gmid, domain: Some(domain) } => {
                format!("the clock of the PTP grandmaster {gmid} in domain {domain}")
            }
        },
        Ok(ReferenceClock::Gps | ReferenceClock::Gal | ReferenceClock::Glonass) => "a satellite clock".to_owned(),
        Ok(ReferenceClock::Local) => "its own clock, which nobody else has".to_owned(),
        Ok(ReferenceClock::Private(_)) => "a clock that its receivers know of".to_owned(),
        Ok(ReferenceClock::Ext(other)) => format!("{}, a clock that this program does not know", other.name),
        Err(_) => return vec![Words::both("A clock that cannot be read.")],
    };
    vec![
        Words::sender(format!("tells the time in its reports by {clock}.")),
        Words::receiver("can play in step with others that have this clock."),
    ]
}

fn media_clock(value: &str) -> Vec<Words> {
    vec![match value.parse().map(|source: MediaClockSource| source.clock) {
        Ok(MediaClock::Sender) => Words::sender("counts timestamps by a clock of its own."),
        Ok(MediaClock::Direct(direct)) => {
            let offset =
                direct.offset.map_or_else(String::new, |offset| format!("; at its beginning they were {offset}"));
            Words::sender(format!("counts timestamps by that clock{offset}."))
        }
        Ok(MediaClock::Ieee1722StreamId(_) | MediaClock::Ext(_)) => {
            Words::sender("counts timestamps by the clock of another stream.")
        }
        Err(_) => Words::both("A way of counting timestamps that cannot be read."),
    }]
}

fn crypto(value: &str, protocol: Option<&Protocol>) -> Vec<Words> {
    let suite = value.split_whitespace().nth(1).unwrap_or_default();
    let mut words = vec![
        Words::sender(format!("encrypts and signs its packets by {suite}, with the key that stands here.")),
        Words::receiver("needs the same key. Whoever reads this description can listen in."),
    ];
    if protocol.is_some_and(|protocol| !protocol.has_crypto()) {
        words.push(Words::both("But the media line does not ask for encryption (RTP/SAVP), so nothing comes of it."));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_called_by_what_they_are() {
        for (clock, words) in [
            ("ntp=192.0.2.7:1123", "the clock of the NTP server 192.0.2.7:1123."),
            ("ntp=/traceable/", "a clock that some NTP server keeps right."),
            (
                "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:37",
                "the clock of the PTP grandmaster 39-A7-94-FF-FE-07-CB-D0 in domain 37.",
            ),
            ("local", "its own clock, which nobody else has."),
        ] {
            let expected = Words::sender(format!("tells the time in its reports by {words}"));
            assert_eq!(reference_clock(clock)[0], expected);
        }
        assert_eq!(reference_clock("ntp="), [Words::both("A clock that cannot be read.")]);
        let direct = Words::sender("counts timestamps by that clock; at its beginning they were 5.");
        assert_eq!(media_clock("direct=5"), [direct]);
    }
}
