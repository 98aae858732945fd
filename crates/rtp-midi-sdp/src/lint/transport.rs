//! How the packets go: TCP, keys and reports (RFC 4571; RFC 4568; RFC 6295, C.2.2.2).

use std::collections::BTreeSet;

use rtp_midi::{Config, Journal, Policy};

use super::description::{Description, Media, attributes, bandwidth};
use super::piece::Piece;
use super::rule::{
    Check::{Media as OfMedia, Session},
    Findings, Rule,
};
use crate::{Connection, Crypto, Protocol, Setup};

pub(super) const RULES: &[Rule] = &[
    Rule::error("F-08", Session(connection_setup)),
    Rule::error("F-09", OfMedia(protocol)),
    Rule::error("F-10", OfMedia(payload_types_over_tcp)),
    Rule::warning("F-15", Session(reports_over_tcp)),
    Rule::error("RFC 4568", OfMedia(keys)),
    Rule::error("SC.2.2.2-01", Session(feedback)),
];

fn connection_setup(description: &Description<'_>, found: &mut Findings) {
    for media in description.midi().filter(|media| media.is_tcp()) {
        let of = |name| media.attributes(name).next().or_else(|| attributes(&description.session, name).next());
        let (setup, connection) = (of("setup"), of("connection"));
        if let Some(attribute) = setup.filter(|attribute| Setup::parse(attribute.value.trim().text).is_none()) {
            let fix = "write active, passive, actpass or holdconn";
            found.at(attribute.value, "nobody knows what this setup is", fix);
        }
        if let Some(attribute) = connection.filter(|attribute| Connection::parse(attribute.value.trim().text).is_none())
        {
            found.at(attribute.value, "nobody knows what this connection is", "write new or existing");
        }
        if setup.is_none() {
            let what = "nothing says who opens the connection (a=setup)";
            found.at(media.line.whole, what, "write a=setup:active or a=setup:passive");
        }
        if connection.is_none() {
            let what = "nothing says whether the connection is a new one (a=connection)";
            found.at(media.line.whole, what, "write a=connection:new");
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

/// The numbers behind `b=RS` and `b=RR` of a media, or of the session, where they are 0.
fn no_reports<'a>(description: &Description<'a>, media: &Media<'a>) -> [Option<Piece<'a>>; 2] {
    let none = |kind| bandwidth(&media.lines, kind).or_else(|| bandwidth(&description.session, kind));
    ["RS", "RR"].map(|kind| none(kind).filter(|number| number.text == "0"))
}

fn reports_over_tcp(description: &Description<'_>, found: &mut Findings) {
    for media in description.midi().filter(|media| media.is_tcp()) {
        let (alone, other) = match no_reports(description, media) {
            [Some(senders), None] => (senders, "RR"),
            [None, Some(receivers)] => (receivers, "RS"),
            _ => continue,
        };
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

fn feedback(description: &Description<'_>, found: &mut Findings) {
    for media in description.midi().filter(|media| !media.is_tcp()) {
        let configs = media.streams.iter().filter_map(|stream| stream.config.as_ref());
        let is_closed_loop = |config: &Config| config.journal == Journal::Recovery(Policy::ClosedLoop);
        if let [_, Some(none)] = no_reports(description, media)
            && configs.into_iter().any(is_closed_loop)
        {
            let what = "receivers may not report, and a closed loop lives on their reports";
            found.at(none, what, "remove b=RR:0, or write j_update=anchor");
        }
    }
}
