//! How the packets go: TCP, keys and reports (RFC 4571; RFC 4568; RFC 6295, C.2.2.2).

use std::collections::BTreeSet;

use rtp_midi::{Journal, Policy};

use super::description::Media;
use super::rule::{Check::Media as OfMedia, Findings, Rule};
use crate::{Connection, Crypto, Protocol, Setup};

pub(super) const RULES: &[Rule] = &[
    Rule::error("F-08", OfMedia(connection_setup)),
    Rule::error("F-09", OfMedia(protocol)),
    Rule::error("F-10", OfMedia(payload_types_over_tcp)),
    Rule::warning("F-15", OfMedia(reports_over_tcp)),
    Rule::error("RFC 4568", OfMedia(keys)),
    Rule::error("SC.2.2.2-01", OfMedia(feedback)),
];

fn connection_setup(media: &Media<'_>, found: &mut Findings) {
    if !media.is_tcp() {
        return;
    }
    let setup = media.attributes("setup").next();
    let connection = media.attributes("connection").next();
    if let Some(attribute) = setup.filter(|attribute| Setup::parse(attribute.value.trim().text).is_none()) {
        found.at(attribute.value, "nobody knows what this setup is", "write active, passive, actpass or holdconn");
    }
    if let Some(attribute) = connection.filter(|attribute| Connection::parse(attribute.value.trim().text).is_none()) {
        found.at(attribute.value, "nobody knows what this connection is", "write new or existing");
    }
    for (name, value, is_there) in [
        ("setup", "who opens the connection", setup.is_some()),
        ("connection", "whether it is a new one", connection.is_some()),
    ] {
        if !is_there {
            let fix =
                if name == "setup" { "write a=setup:active or a=setup:passive" } else { "write a=connection:new" };
            found.at(media.line.whole, format!("nothing says {value} (a={name})"), fix);
        }
    }
}

fn protocol(media: &Media<'_>, found: &mut Findings) {
    let protocol = media.protocol;
    let known = matches!(Protocol::from_token(protocol.text), Protocol::Other(_));
    // Other profiles are for other documents to define.
    if known && !["TCP/RTP/", "TCP/TLS/RTP/"].iter().any(|begin| protocol.text.starts_with(begin)) {
        let fix = if media.is_tcp() { "write TCP/RTP/AVP" } else { "write RTP/AVP, or RTP/SAVP with keys" };
        found.at(protocol, format!("{} is no protocol for RTP", protocol.text), fix);
    }
}

fn payload_types_over_tcp(media: &Media<'_>, found: &mut Findings) {
    if media.is_tcp() {
        payload_types(media, found);
    }
}

/// Payload types are numbers of seven bits, each once.
pub(super) fn payload_types(media: &Media<'_>, found: &mut Findings) {
    let mut seen = BTreeSet::new();
    for format in &media.formats {
        if !format.text.parse::<u8>().is_ok_and(|number| number < 128) {
            found.at(*format, format!("{} is no payload type", format.text), "use a number from 96 to 127");
        } else if !seen.insert(format.text) {
            found.at(*format, format!("the payload type {} is there twice", format.text), "name each once");
        }
    }
}

fn reports_over_tcp(media: &Media<'_>, found: &mut Findings) {
    let none = |kind| media.bandwidth(kind).filter(|number| number.text == "0");
    let (senders, receivers) = (none("RS"), none("RR"));
    if let (true, Some(alone)) = (media.is_tcp() && senders.is_some() != receivers.is_some(), senders.or(receivers)) {
        let other = if senders.is_some() { "RR" } else { "RS" };
        let what = "a connection for reports is still opened: only both lines together say that there is none";
        found.at(alone, what, format!("write b={other}:0 too, or remove this line"));
    }
}

fn keys(media: &Media<'_>, found: &mut Findings) {
    let mut keys = media.attributes("crypto").peekable();
    let protocol = Protocol::from_token(media.protocol.text);
    if protocol.has_crypto() && keys.peek().is_none() {
        found.at(media.protocol, "the packets are encrypted, and nothing tells the key", "write a=crypto with a key");
    }
    for key in keys {
        if matches!(protocol, Protocol::Avp | Protocol::Avpf | Protocol::TcpAvp) {
            found.at(key.name, "there is a key, and the packets are not encrypted", "write RTP/SAVP in the m= line");
        } else if protocol.has_crypto() && Crypto::parse(key.value.text).is_none() {
            let fix = "write a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline: and the key in Base64";
            found.at(key.value, "this is no key", fix);
        }
    }
}

fn feedback(media: &Media<'_>, found: &mut Findings) {
    let needs = |config: &rtp_midi::Config| config.journal == Journal::Recovery(Policy::ClosedLoop);
    let is_closed_loop = media.streams.iter().filter_map(|stream| stream.config.as_ref()).any(needs);
    if let Some(none) = media.bandwidth("RR").filter(|number| number.text == "0" && is_closed_loop && !media.is_tcp()) {
        let what = "receivers may not report, and a closed loop lives on their reports";
        found.at(none, what, "remove b=RR:0, or write j_update=anchor");
    }
}
