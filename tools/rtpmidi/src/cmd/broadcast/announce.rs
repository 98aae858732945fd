//! The session description that tells listeners where the broadcast is.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rtp_midi::Config;
use rtp_midi_sdp::{Address, Direction, Host, Media, Origin, Parameters, Session, Stream, Transport};

use crate::description::{self, CLOCK_RATE, PAYLOAD_TYPE, TOOL};
use crate::destination::local_address;
use crate::failure::{Failure, Result};
use crate::sap::Announcements;

/// The fmtp line: the journal, written out, and what else is not the default.
pub(super) fn parameters(config: &Config) -> Parameters {
    Parameters::for_journal(config.journal).or(&Parameters::of(config))
}

/// The description of a broadcast. Its reader is a listener, so the direction is "receive only".
pub(super) fn describe(title: &str, to: SocketAddr, ttl: u8, parameters: Parameters) -> Session {
    let address = Address { host: Host::Ip(to.ip()), ttl: Some(ttl).filter(|_| to.ip().is_multicast()) };
    let transport = Transport { address: Some(address), ..Transport::to_port(to.port()) };
    let stream = Stream::native(PAYLOAD_TYPE, CLOCK_RATE, parameters);
    Session {
        origin: Some(description::origin(local_address(to).unwrap_or(to.ip()))),
        tool: Some(TOOL.to_owned()),
        direction: Direction::ReceiveOnly,
        media: vec![Media::new(transport, Direction::ReceiveOnly, vec![stream])],
        ..Session::new(title)
    }
}

/// The descriptions of a broadcast to several destinations, which are sessions of their own.
pub(super) fn describe_all(title: &str, to: &[SocketAddr], ttl: u8, parameters: &Parameters) -> Vec<Session> {
    let describe = |(index, to): (u64, &SocketAddr)| {
        let mut session = describe(title, *to, ttl, parameters.clone());
        session.origin = session.origin.map(|origin| Origin { id: origin.id + index, ..origin });
        session
    };
    (0..).zip(to).map(describe).collect()
}

/// Announces the sessions that go to multicast groups; there must be one.
pub(super) fn announce(to: &[SocketAddr], sessions: &[Session], interval: Duration) -> Result<Announcements> {
    let groups: Vec<_> = to.iter().map(SocketAddr::ip).zip(sessions.iter().cloned()).collect();
    let groups: Vec<_> = groups.into_iter().filter(|(to, _)| to.is_multicast()).collect();
    if groups.is_empty() {
        return Err(Failure::new("--sap announces what goes to a multicast group, and nothing here does")
            .hint("--to udp://239.255.1.2:5004 is a group of the local network"));
    }
    Announcements::start(&groups, interval)
}

/// Writes the description so that a reader finds either all of it or the file that was there before.
pub(super) fn write(session: &Session, path: &Path) -> Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let written = fs::File::create(&temporary)
        .and_then(|mut file| file.write_all(session.print().as_bytes()))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        Failure::new(format!("cannot write {}: {error}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp_midi::{Inclusion, Journal, Letters, Policy, Selection};

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
        let session = describe("Canon", "239.1.2.3:5004".parse().unwrap(), 3, parameters);
        let text = session.print();
        assert!(text.contains("c=IN IP4 239.1.2.3/3\r\n") && text.contains("a=recvonly\r\n"), "{text}");
        assert_eq!(Session::parse(text.as_bytes()), Ok(session));
    }

    #[test]
    fn the_file_is_replaced_and_nothing_else_is_left() {
        let folder = std::env::temp_dir().join(format!("rtpmidi-announce-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("x.sdp");
        fs::write(&path, "old").unwrap();
        let session = describe("Canon", "127.0.0.1:5004".parse().unwrap(), 1, Parameters::new());
        write(&session, &path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), session.print());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
        let failure = write(&session, &path).unwrap_err().to_string();
        assert!(failure.starts_with("error: cannot write "), "{failure}");
    }
}
