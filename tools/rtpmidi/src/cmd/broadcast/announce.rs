//! The session description that tells listeners where the broadcast is.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use rtp_midi::Config;
use rtp_midi_sdp::{
    Address, Bandwidth, Clocks, Direction, FilterMode, Host, Media, Origin, Parameters, Protocol, Session,
    SourceFilter, Stream, Transport,
};

use super::name::Name;
use crate::description::{self, CLOCK_RATE, PAYLOAD_TYPE, TOOL};
use crate::destination::local_address;
use crate::failure::{Failure, Result};
use crate::interface::Interface;
use crate::replace::{Readers, replace};
use crate::sap::Announcements;
use crate::srtp::Key;

/// The fmtp line: the journal, written out, and what else is not the default.
pub(super) fn parameters(config: &Config) -> Parameters {
    Parameters::for_journal(config.journal).or(&Parameters::of(config))
}

/// Which way a stream goes.
pub(super) struct Way<'a> {
    pub(super) ttl: u8,
    pub(super) interface: Option<&'a Interface>,
    /// Kilobits a second at most, headers of the network included, where that is known.
    pub(super) bandwidth: Option<u64>,
    /// What timestamps follow.
    pub(super) clocks: Clocks,
    /// By which packets are sealed.
    pub(super) key: Option<&'a Key>,
}

impl Way<'_> {
    /// `b=AS` (RFC 8866, 5.8).
    fn bandwidth(&self) -> Option<Bandwidth> {
        self.bandwidth.map(|value| Bandwidth { kind: "AS".to_owned(), value })
    }

    /// The description of a stream to this destination, which is the session of this `index`. Its reader is a listener,
    /// so the direction is "receive only".
    pub(super) fn describe(&self, to: SocketAddr, index: u64, title: &str, parameters: Parameters) -> Session {
        let from = local_address(to, self.interface).unwrap_or(to.ip());
        let address = Address { host: Host::Ip(to.ip()), ttl: Some(self.ttl).filter(|_| to.ip().is_multicast()) };
        let sources = is_source_specific(to.ip()).then(|| SourceFilter {
            mode: FilterMode::Include,
            destination: Some(Host::Ip(to.ip())),
            sources: vec![Host::Ip(from)],
        });
        let transport = Transport {
            protocol: if self.key.is_some() { Protocol::Savp } else { Protocol::Avp },
            crypto: self.key.iter().map(|key| key.crypto(1)).collect(),
            address: Some(address),
            sources,
            bandwidths: self.bandwidth().into_iter().collect(),
            ..Transport::to_port(to.port())
        };
        let stream = Stream::native(PAYLOAD_TYPE, CLOCK_RATE, parameters);
        let media =
            Media { clocks: self.clocks.clone(), ..Media::new(transport, Direction::ReceiveOnly, vec![stream]) };
        let origin = description::origin(from);
        Session {
            origin: Some(Origin { id: origin.id + index, ..origin }),
            tool: Some(TOOL.to_owned()),
            direction: Direction::ReceiveOnly,
            media: vec![media],
            ..Session::new(title)
        }
    }
}

/// A session and where it goes.
#[derive(Clone)]
pub(super) struct Destined {
    pub(super) channel: Option<Name>,
    pub(super) to: SocketAddr,
    pub(super) session: Session,
}

/// Sessions that are announced.
pub(super) struct Announced {
    announcements: Announcements,
    sessions: Vec<(Option<Name>, Session)>,
}

impl Announced {
    /// Says in the sessions of a channel what it is playing (`i=`), once for each piece.
    pub(super) fn tell(&mut self, channel: Option<&Name>, title: &str) {
        for (place, (_, session)) in
            self.sessions.iter_mut().enumerate().filter(|(_, (name, _))| name.as_ref() == channel)
        {
            let known = session.information.as_ref().unwrap_or(&session.title);
            if known != title {
                session.information = Some(title.to_owned());
                session.origin.iter_mut().for_each(|origin| origin.version += 1);
                self.announcements.modify(place, session);
            }
        }
    }
}

/// The sessions that go to multicast groups, of which there must be one, as everybody may know them: without their keys.
pub(super) fn public(sessions: &[Destined]) -> Result<Vec<Destined>> {
    let multicast = sessions.iter().filter(|it| it.to.ip().is_multicast());
    let without_key = |it: &Destined| Destined { session: without_keys(it.session.clone()), ..it.clone() };
    let public: Vec<_> = multicast.map(without_key).collect();
    if public.is_empty() {
        return Err(Failure::new("--sap announces what goes to a multicast group, and nothing here does")
            .hint("--to udp://239.255.1.2:5004 is a group of the local network"));
    }
    Ok(public)
}

/// Announces [public] sessions.
pub(super) fn announce(public: Vec<Destined>, interval: Duration, interface: Option<&Interface>) -> Result<Announced> {
    let to_groups: Vec<_> = public.iter().map(|it| (it.to.ip(), it.session.clone())).collect();
    let announcements = Announcements::start(&to_groups, interval, interface)?;
    let sessions = public.into_iter().map(|it| (it.channel, it.session)).collect();
    Ok(Announced { announcements, sessions })
}

fn without_keys(mut session: Session) -> Session {
    session.media.iter_mut().for_each(|media| media.transport.crypto.clear());
    session
}

/// Whether a group has senders only that its listeners name (RFC 4607): 232.0.0.0/8 and `ff3X::/32`.
fn is_source_specific(group: IpAddr) -> bool {
    match group {
        IpAddr::V4(group) => group.octets()[0] == 232,
        IpAddr::V6(group) => group.segments()[0] & 0xFFF0 == 0xFF30 && group.segments()[1] == 0,
    }
}

/// Writes the description. Whoever can read a key can listen, and speak.
pub(super) fn write(session: &Session, path: &Path) -> Result<()> {
    let is_secret = session.media.iter().any(|media| !media.transport.crypto.is_empty());
    replace(path, session.print(), if is_secret { Readers::Owner } else { Readers::Usual })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp_midi::{Inclusion, Journal, Letters, Policy, Selection};

    fn describe(to: &str, parameters: &Parameters) -> Session {
        let way = Way { ttl: 3, interface: None, bandwidth: Some(20), clocks: Clocks::default(), key: None };
        way.describe(to.parse().unwrap(), 0, "Canon", parameters.clone())
    }

    #[test]
    fn a_group_for_one_source_is_described_with_it() {
        for (to, filter) in [
            ("232.1.2.3:5004", Some("a=source-filter: incl IN IP4 232.1.2.3 ")),
            ("[ff35::1:2]:5004", Some("a=source-filter: incl IN IP6 ff35::1:2 ")),
            ("239.1.2.3:5004", None),
            ("[ff05::1:2]:5004", None),
        ] {
            let text = describe(to, &Parameters::new()).print();
            let found = text.lines().find(|line| line.starts_with("a=source-filter"));
            assert!(found.is_some() == filter.is_some(), "{text}");
            assert!(found.zip(filter).is_none_or(|(found, filter)| found.starts_with(filter)), "{text}");
        }
    }

    #[test]
    fn the_key_stands_in_the_description_and_not_in_its_announcement() {
        let key = Key::draw(crate::srtp::Suite::default()).unwrap();
        let way = Way { ttl: 3, interface: None, bandwidth: None, clocks: Clocks::default(), key: Some(&key) };
        let session = way.describe("239.1.2.3:5004".parse().unwrap(), 0, "Canon", Parameters::new());
        assert!(session.print().contains(&format!("a=crypto:{}\r\n", key.crypto(1))), "{}", session.print());
        let public = without_keys(session).print();
        assert!(public.contains("RTP/SAVP") && !public.contains("crypto"), "{public}");
    }

    #[test]
    fn what_is_announced_can_be_read() {
        let mut config = Config {
            journal: Journal::Recovery(Policy::ClosedLoop),
            ptime: Some(441),
            guardtime: Some(44_100),
            ..Config::new(CLOCK_RATE)
        };
        config.commands.forbid(&Selection::of(Letters::of("AX")));
        config.chapters.assign(Inclusion::Never, &Selection::of(Letters::of("AEX")));
        let parameters = parameters(&config);
        assert_eq!(
            parameters.to_string(),
            "cm_unused=AX; j_sec=recj; j_update=closed-loop; ch_never=AEX; rtp_ptime=441; guardtime=44100"
        );
        let session = describe("239.1.2.3:5004", &parameters);
        let text = session.print();
        assert!(text.contains("c=IN IP4 239.1.2.3/3\r\nb=AS:20\r\n") && text.contains("a=recvonly\r\n"), "{text}");
        assert_eq!(Session::parse(text.as_bytes()), Ok(session));
    }
}
