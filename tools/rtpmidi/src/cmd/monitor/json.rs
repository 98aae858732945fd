//! What is printed with `--json`: one object a line, described in `docs/commands/monitor.md`.

use rtp_midi::inspect::{Field, Journal, Value as FieldValue};
use serde_json::{Map, Value, json};

use super::Packet;
use super::applemidi::Exchange;
use super::finder::{How, Key};
use super::frame::Datagram;
use super::stream::Arrival;
use super::words::words;
use crate::cmd::listen::describe::hex;

/// A packet of a stream.
pub(super) fn packet(packet: &Packet<'_>) -> Value {
    let (header, found) = (packet.header, packet.found);
    let commands: Vec<Value> = found
        .commands
        .iter()
        .map(|placed| {
            let mut octets = Vec::new();
            placed.timed.command.encode(&mut octets);
            json!({
                "time": placed.timed.time,
                "delta_octets": placed.delta,
                "octets": hex(&octets),
                "words": words(&placed.timed.command),
            })
        })
        .collect();
    let mut object = start("packet", packet.datagram, packet.time);
    let (arrival, lost) = arrival(packet.findings.arrival);
    object.insert("ssrc".to_owned(), format!("{:08x}", header.ssrc()).into());
    object.insert("payload_type".to_owned(), header.payload_type().into());
    object.insert("marker".to_owned(), header.marker_bit().into());
    object.insert("sequence".to_owned(), header.sequence_number().into());
    object.insert("timestamp".to_owned(), header.timestamp().into());
    object.insert("arrival".to_owned(), arrival.into());
    object.insert("lost".to_owned(), lost.into());
    object.insert("commands".to_owned(), commands.into());
    let journal = found.journal.as_ref().map(|outline| {
        let fields = found.fields.iter().find(|field| field.name == "rtpmidi.journal_section");
        journal(header.sequence_number(), outline, fields)
    });
    object.insert("journal".to_owned(), journal.unwrap_or_default());
    object.insert("repairs".to_owned(), packet.findings.repairs.clone().into());
    object.insert("notes".to_owned(), packet.findings.notes.clone().into());
    if let Some(error) = &packet.findings.error {
        object.insert("error".to_owned(), error.clone().into());
    }
    object.into()
}

/// A datagram at the place of a stream that is no packet of one.
pub(super) fn broken(datagram: &Datagram, time: f64, error: &str) -> Value {
    let mut object = start("packet", datagram, time);
    object.insert("commands".to_owned(), json!([]));
    object.insert("journal".to_owned(), Value::Null);
    object.insert("error".to_owned(), error.into());
    object.into()
}

/// A stream that has been found.
pub(super) fn stream((from, to, ssrc): &Key, how: &How) -> Value {
    let (by, title) = match how {
        How::Told => ("option", None),
        How::Session => ("applemidi", None),
        How::Described(described) => ("sdp", Some(described.title.clone())),
        How::Form => ("form", None),
    };
    json!({
        "type": "stream",
        "ssrc": format!("{ssrc:08x}"),
        "from": from.to_string(),
        "to": to.to_string(),
        "found_by": by,
        "title": title,
    })
}

/// An AppleMIDI exchange packet.
pub(super) fn exchange(datagram: &Datagram, time: f64, exchange: &Exchange) -> Value {
    let mut object = start("session", datagram, time);
    object.insert("command".to_owned(), exchange.command.clone().into());
    object.insert("ssrc".to_owned(), format!("{:08x}", exchange.ssrc).into());
    object.insert("words".to_owned(), exchange.to_string().into());
    object.into()
}

/// A compound RTCP packet.
pub(super) fn rtcp(datagram: &Datagram, time: f64, words: &[String], error: Option<&str>) -> Value {
    let mut object = start("rtcp", datagram, time);
    object.insert("words".to_owned(), words.to_vec().into());
    if let Some(error) = error {
        object.insert("error".to_owned(), error.into());
    }
    object.into()
}

/// A session description.
pub(super) fn announcement(datagram: &Datagram, time: f64, words: &str) -> Value {
    let mut object = start("announcement", datagram, time);
    object.insert("words".to_owned(), words.into());
    object.into()
}

fn start(kind: &str, datagram: &Datagram, time: f64) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("type".to_owned(), kind.into());
    object.insert("frame".to_owned(), datagram.frame.into());
    object.insert("time_s".to_owned(), json!((time * 1e6).round() / 1e6));
    object.insert("from".to_owned(), datagram.from.to_string().into());
    object.insert("to".to_owned(), datagram.to.to_string().into());
    object
}

fn arrival(arrival: Arrival) -> (&'static str, u32) {
    match arrival {
        Arrival::First => ("first", 0),
        Arrival::InOrder => ("in order", 0),
        Arrival::BehindLoss(lost) => ("behind loss", lost),
        Arrival::Restart => ("restart", 0),
        Arrival::Late => ("late", 0),
        Arrival::Duplicate => ("duplicate", 0),
        Arrival::Unreadable => ("unreadable", 0),
    }
}

fn journal(sequence: u16, outline: &Journal, fields: Option<&Field<'_>>) -> Value {
    let chapters: Vec<Value> = outline
        .chapters
        .iter()
        .map(|chapter| {
            json!({
                "channel": chapter.channel.map(|channel| channel.get() + 1),
                "chapter": chapter.letter.to_string(),
                "single_loss": chapter.changed,
                "octets": chapter.octets.len(),
            })
        })
        .collect();
    json!({
        "octets": outline.octets.len(),
        "single_loss": outline.changed,
        "checkpoint": outline.checkpoint,
        "behind": sequence.wrapping_sub(outline.checkpoint),
        "chapters": chapters,
        "fields": fields.map_or_else(Vec::new, |journal| journal.children.iter().map(field).collect::<Vec<_>>()),
    })
}

/// `{"name": …, "label": …, "at": …, "value": …, "fields": […]}`; flags are 0 or 1, octets are in hexadecimal.
fn field(field: &Field<'_>) -> Value {
    let mut object = Map::new();
    object.insert("name".to_owned(), field.name.into());
    object.insert("label".to_owned(), field.label.clone().into());
    object.insert("at".to_owned(), field.octets.start.into());
    match field.value {
        FieldValue::Octets(octets) => {
            object.insert("value".to_owned(), hex(octets).into());
        }
        _ => {
            if let Some(number) = field.number() {
                object.insert("value".to_owned(), number.into());
            }
        }
    }
    if !field.children.is_empty() {
        let children: Vec<Value> = field.children.iter().map(self::field).collect();
        object.insert("fields".to_owned(), children.into());
    }
    object.into()
}
