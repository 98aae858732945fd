//! One line's way: protocol, address, ports, RTCP, connection and keys, of an offer and of its answer.

use super::agreement::RtcpUse;
use super::capabilities::Capabilities;
use super::reason::Reason;
use crate::{Bandwidth, Connection, Crypto, Protocol, Setup, Transport};

/// The port of an end that opens connections: nobody connects to it (RFC 4145, 4.1).
const DISCARD: u16 = 9;

/// The way of the line of this index in an offer.
pub(super) fn offered(capabilities: &Capabilities, index: usize) -> Transport {
    let ways = &capabilities.ways;
    let protocol = ways.protocols.first().cloned().unwrap_or_default();
    let mut transport = here(capabilities, protocol, port(capabilities, index).unwrap_or(DISCARD), ways.rtcp);
    if transport.protocol.is_reliable() {
        connect(&mut transport, ways.setup, Connection::New);
    }
    if transport.protocol.has_crypto() {
        let tagged = (1..).zip(&ways.crypto);
        transport.crypto = tagged.map(|(tag, crypto)| Crypto { tag, ..crypto.clone() }).collect();
    }
    transport
}

/// The way of the line of this index in the answer to an offer.
pub(super) fn answered(offered: &Transport, capabilities: &Capabilities, index: usize) -> Result<Transport, Reason> {
    let (ways, protocol) = (&capabilities.ways, offered.protocol.clone());
    // Keys by DTLS take a handshake that no description holds.
    let is_ours = !matches!(protocol, Protocol::DtlsSavp | Protocol::DtlsSavpf) && ways.protocols.contains(&protocol);
    if !is_ours {
        return Err(Reason::Protocol(protocol.token().to_owned()));
    }
    if offered.is_multicast() && !ways.multicast {
        return Err(Reason::Multicast);
    }
    let crypto = if protocol.has_crypto() { vec![key(offered, &ways.crypto)?] } else { Vec::new() };
    if offered.is_multicast() {
        // All participants have one view of a group (RFC 3264, 6.2).
        return Ok(Transport { crypto, setup: None, connection: None, ..offered.clone() });
    }
    let rtcp = match ways.rtcp {
        RtcpUse::Muxed if !offered.is_muxed() => RtcpUse::Separate,
        RtcpUse::Separate if offered.is_without_rtcp() => RtcpUse::None,
        rtcp => rtcp,
    };
    let port = port(capabilities, index).ok_or(Reason::Ports)?;
    let mut transport = Transport { crypto, ..here(capabilities, protocol, port, rtcp) };
    if transport.protocol.is_reliable() {
        let setup = role(offered.setup, ways.setup).ok_or(Reason::Setup)?;
        connect(&mut transport, setup, offered.connection.unwrap_or(Connection::New));
    }
    Ok(transport)
}

/// The line of an answer that refuses.
pub(super) fn refused(offered: &Transport, capabilities: &Capabilities) -> Transport {
    let address = Some(capabilities.party.address.clone());
    Transport { protocol: offered.protocol.clone(), address, ..Transport::to_port(0) }
}

fn here(capabilities: &Capabilities, protocol: Protocol, port: u16, rtcp: RtcpUse) -> Transport {
    let mut transport = Transport::to_port(port);
    transport.protocol = protocol;
    transport.address = Some(capabilities.party.address.clone());
    match rtcp {
        RtcpUse::Separate => {}
        RtcpUse::Muxed => transport.rtcp_port = port,
        RtcpUse::None => transport.bandwidths = ["RS", "RR"].map(|kind| Bandwidth::new(kind, 0)).into(),
    }
    transport
}

/// Two ports for each line, one for RTP and one for RTCP.
fn port(capabilities: &Capabilities, index: usize) -> Option<u16> {
    let offset = u16::try_from(index).ok()?.checked_mul(2)?;
    capabilities.party.port.checked_add(offset).filter(|port| (1..u16::MAX).contains(port))
}

fn connect(transport: &mut Transport, setup: Setup, connection: Connection) {
    if setup == Setup::Active {
        let is_muxed = transport.is_muxed();
        transport.port = DISCARD;
        transport.rtcp_port = if is_muxed { DISCARD } else { DISCARD + 1 };
    }
    (transport.setup, transport.connection) = (Some(setup), Some(connection));
}

/// The part of the answerer in opening connections; an end of which nothing is said opens them (RFC 4145, section 4).
fn role(offered: Option<Setup>, ours: Setup) -> Option<Setup> {
    match (offered.unwrap_or(Setup::Active), ours) {
        (Setup::HoldConn, _) | (_, Setup::HoldConn) => Some(Setup::HoldConn),
        (Setup::Active, Setup::Passive | Setup::ActPass) => Some(Setup::Passive),
        (Setup::Passive | Setup::ActPass, Setup::Active | Setup::ActPass) => Some(Setup::Active),
        (Setup::ActPass, Setup::Passive) => Some(Setup::Passive),
        (Setup::Active, Setup::Active) | (Setup::Passive, Setup::Passive) => None,
    }
}

/// Our key for the first suite offered that we have, under the tag of the offer (RFC 4568, 5.1.2).
fn key(offered: &Transport, ours: &[Crypto]) -> Result<Crypto, Reason> {
    let pair = offered.crypto.iter().find_map(|theirs| {
        // Session parameters are not to be understood in part.
        let fits = |crypto: &&Crypto| crypto.suite == theirs.suite && crypto.parameters == theirs.parameters;
        Some((theirs, ours.iter().find(fits)?))
    });
    pair.map(|(theirs, ours)| Crypto { tag: theirs.tag, ..ours.clone() }).ok_or(Reason::Crypto)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answered, described, end, refused, sent};
    use super::super::{Agreement, End, answer, offer, verify};
    use super::*;
    use crate::{Direction, Host, Session};
    use rtp_midi::{Journal, Policy};

    fn over(protocol: Protocol, id: u8) -> Capabilities {
        let mut capabilities = end(id);
        capabilities.ways.protocols = vec![protocol];
        capabilities
    }

    fn tcp(id: u8, setup: Setup) -> Capabilities {
        let mut capabilities = over(Protocol::TcpAvp, id);
        capabilities.ways.setup = setup;
        for config in [&mut capabilities.sends, &mut capabilities.takes].into_iter().flatten() {
            config.journal = Journal::None;
        }
        capabilities
    }

    fn agreed(offerer: &Capabilities, answerer: &Capabilities) -> (Session, Agreement) {
        let offered = sent(&offer(offerer).unwrap());
        let answer = answer(&offered, answerer).unwrap();
        assert_eq!(verify(&offered, &sent(&answer.session)).as_ref(), Ok(&answer.agreement));
        (answer.session, answer.agreement)
    }

    #[test]
    fn one_end_of_a_connection_opens_it() {
        use Setup::{ActPass, Active, HoldConn, Passive};
        for (first, second, opens) in [
            (ActPass, ActPass, Some(End::Answerer)),
            (ActPass, Active, Some(End::Answerer)),
            (ActPass, Passive, Some(End::Offerer)),
            (Active, ActPass, Some(End::Offerer)),
            (Passive, ActPass, Some(End::Answerer)),
            (HoldConn, Active, None),
        ] {
            let (session, agreement) = agreed(&tcp(1, first), &tcp(2, second));
            assert_eq!(agreement.lines[0].opens, opens, "{first} {second}");
            let text = session.print();
            assert!(text.contains("TCP/RTP/AVP") && text.contains("a=setup:") && text.contains("a=connection:new"));
        }
        for both in [Active, Passive] {
            let offered = offer(&tcp(1, both)).unwrap();
            assert!(refused(&offered, &tcp(2, both))[0].ends_with("[F-08]"));
        }
    }

    #[test]
    fn nobody_connects_to_an_end_that_opens_connections() {
        let (session, agreement) = agreed(&tcp(1, Setup::Passive), &tcp(2, Setup::Active));
        assert_eq!(session.media[0].transport.port, DISCARD);
        assert_eq!(agreement.lines[0].transport(End::Offerer).port, 5100);
    }

    #[test]
    fn there_is_no_journal_over_tcp_unless_both_ends_want_one() {
        let (_, agreement) = agreed(&tcp(1, Setup::ActPass), &tcp(2, Setup::ActPass));
        assert!(agreement.lines[0].flows.iter().all(|flow| flow.config.journal == Journal::None));
        let native = described("TCP/RTP/AVP", &["rtpmap:96 rtp-midi/44100".to_owned(), "setup:actpass".to_owned()]);
        let answer = answer(&native, &tcp(2, Setup::ActPass)).unwrap();
        assert_eq!(answer.agreement.lines[0].flows[0].config.journal, Journal::None);
        let mut wants = tcp(1, Setup::ActPass);
        for config in [&mut wants.sends, &mut wants.takes].into_iter().flatten() {
            config.journal = Journal::Recovery(Policy::Anchor);
        }
        let (session, agreement) = agreed(&wants, &tcp(2, Setup::ActPass));
        assert!(session.print().contains("j_sec=recj; j_update=anchor"));
        assert_eq!(agreement.lines[0].flows[0].config.journal, Journal::Recovery(Policy::Anchor));
    }

    #[test]
    fn rtcp_goes_as_both_ends_can() {
        use RtcpUse::{Muxed, None, Separate};
        for (first, second, both) in [
            (Separate, Separate, Separate),
            (Muxed, Muxed, Muxed),
            (Muxed, Separate, Separate),
            (Separate, Muxed, Separate),
            (None, None, None),
            (None, Separate, None),
            (Separate, None, Separate),
        ] {
            let [mut one, mut other] = [end(1), end(2)];
            (one.ways.rtcp, other.ways.rtcp) = (first, second);
            assert_eq!(agreed(&one, &other).1.lines[0].rtcp, both, "{first:?} {second:?}");
        }
        let mut without = tcp(1, Setup::ActPass);
        without.ways.rtcp = None;
        assert!(offer(&without).unwrap().print().contains("b=RS:0\r\nb=RR:0\r\n"));
    }

    fn secret(id: u8, suites: &[&str]) -> Capabilities {
        let mut capabilities = over(Protocol::Savp, id);
        let key = |suite: &&str| Crypto::parse(&format!("1 {suite} inline:{id}{suite}")).unwrap();
        capabilities.ways.crypto = suites.iter().map(key).collect();
        capabilities
    }

    #[test]
    fn each_end_has_a_key_of_its_own_for_the_first_suite_that_both_have() {
        let (first, second) = (secret(1, &["AES_A", "AES_B"]), secret(2, &["AES_C", "AES_B"]));
        let (session, agreement) = agreed(&first, &second);
        let [taken] = &session.media[0].transport.crypto[..] else { panic!("one key") };
        assert_eq!(taken.to_string(), "2 AES_B inline:2AES_B");
        let key = |end| agreement.sent_by(end).next().unwrap().1.key.as_ref().unwrap().key.clone();
        assert_eq!((key(End::Offerer), key(End::Answerer)), ("inline:1AES_B".to_owned(), "inline:2AES_B".to_owned()));
        let offered = offer(&first).unwrap();
        assert_eq!(refused(&offered, &secret(2, &["AES_C"])), ["media line 1: a=crypto offers no suite that we have"]);
        let mut special = first;
        special.ways.crypto[0].parameters.push("UNENCRYPTED_SRTP".to_owned());
        let taken =
            answered(&special, &secret(2, &["AES_A", "AES_B"])).unwrap().session.media.remove(0).transport.crypto;
        assert_eq!(taken[0].suite, "AES_B", "what a session parameter asks for is done or refused");
    }

    #[test]
    fn a_group_is_the_same_for_everybody() {
        let mut first = end(1);
        first.party.address.host = Host::parse("239.1.2.3");
        first.party.address.ttl = Some(5);
        first.takes = None;
        let offered = sent(&offer(&first).unwrap());
        assert_eq!(offered.media[0].direction, Direction::ReceiveOnly, "everybody receives");
        let mut second = end(2);
        assert_eq!(refused(&offered, &second), ["media line 1: multicast is not joined here"]);
        second.ways.multicast = true;
        let answer = answer(&offered, &second).unwrap();
        assert_eq!(answer.session.media[0].transport, offered.media[0].transport);
        assert_eq!(answer.session.media[0].direction, Direction::ReceiveOnly);
        assert_eq!(answer.agreement.sent_by(End::Offerer).count(), 1);
        assert!(answer.agreement.lines[0].flows[0].config.multicast);
        second.takes = None;
        assert_eq!(refused(&offered, &second), ["media line 1: nothing is left of recvonly in our direction"]);
        let mut both = offered;
        both.media[0].direction = Direction::SendReceive;
        assert_eq!(refused(&both, &second), ["media line 1: nothing is left of sendrecv in our direction"]);
    }

    #[test]
    fn protocols_that_are_not_ours_are_refused() {
        let offered = offer(&over(Protocol::DtlsSavpf, 1)).unwrap();
        assert_eq!(
            refused(&offered, &over(Protocol::DtlsSavpf, 2)),
            ["media line 1: UDP/TLS/RTP/SAVPF is not spoken here"]
        );
        let answer = answered(&over(Protocol::Avpf, 1), &over(Protocol::Avp, 2));
        assert!(answer.unwrap_err().to_string().contains("RTP/AVPF is not spoken here"));
    }

    #[test]
    fn lines_have_ports_as_long_as_there_are_any() {
        let mut second = end(2);
        second.party.port = 65_533;
        let mut two = end(1);
        two.pairing = super::super::Pairing::Virtual(1);
        two.takes = two.takes.map(|config| rtp_midi::Config { guardtime: Some(5), ..config });
        let offered = offer(&two).unwrap();
        let answer = answer(&offered, &second).unwrap();
        let ports: Vec<u16> = answer.session.media.iter().map(|line| line.transport.port).collect();
        assert_eq!(ports, [65_533, 0]);
        assert_eq!(answer.refused[0].to_string(), "media line 2: there is no port left");
        assert_eq!(answer.session.groups[0].mids, ["1"]);
    }
}
