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
