//! The lines of a description: which there must be, and in which order (RFC 8866, section 5).

use std::net::IpAddr;

use super::description::{Description, Line, Media};
use super::piece::Piece;
use super::rule::{
    Check::{Media as OfMedia, Session},
    Findings, Rule,
};
use crate::Direction;

pub(super) const RULES: &[Rule] = &[
    Rule::error("RFC 8866 9", Session(form)),
    Rule::error("RFC 8866 5", Session(order)),
    Rule::note("RFC 8866 5", Session(line_ends)),
    Rule::error("RFC 8866 5.1", Session(version)),
    Rule::error("RFC 8866 5.2", Session(origin)),
    Rule::error("RFC 8866 5.3", Session(name)),
    Rule::error("RFC 8866 5.7", OfMedia(connection)),
    Rule::error("RFC 8866 5.8", Session(bandwidth)),
    Rule::error("RFC 8866 5.9", Session(time)),
    Rule::error("RFC 8866 5.14", Session(media)),
    Rule::error("RFC 8866 6.7", Session(directions)),
];

/// The letters in front of the first `m=`, and behind one, in their order; those of one group may be mixed.
const SESSION: [&str; 10] = ["v", "o", "s", "i", "u", "ep", "c", "b", "trz", "ka"];
const MEDIA: [&str; 6] = ["m", "i", "c", "b", "k", "a"];

fn form(description: &Description<'_>, found: &mut Findings) {
    let known = |letter: char| SESSION.iter().chain(&MEDIA).any(|group| group.contains(letter));
    for line in &description.lines {
        match line.letter {
            None => {
                found.at(line.whole, "this is no line of a description", "write a letter, an equals sign and a value");
            }
            Some(letter) if !known(letter) => found.at(
                line.whole,
                format!("there are no lines with the letter {letter}, and readers refuse the description"),
                "remove the line",
            ),
            Some(_) => {}
        }
    }
}

fn order(description: &Description<'_>, found: &mut Findings) {
    out_of_place(&description.session, &SESSION, found);
    description.media.iter().for_each(|media| out_of_place(&media.lines, &MEDIA, found));
}

fn out_of_place(lines: &[Line<'_>], groups: &[&str], found: &mut Findings) {
    let mut latest: Option<(usize, &Line<'_>)> = None;
    for line in lines {
        let Some(letter) = line.letter else { continue };
        let Some(place) = groups.iter().position(|group| group.contains(letter)) else { continue };
        match latest.filter(|(highest, _)| *highest > place) {
            Some((_, before)) => {
                let fix = format!("put it in front of {}", before.whole.text);
                found.at(line.whole, format!("{letter}= stands too late"), fix);
            }
            None => latest = Some((place, line)),
        }
    }
}

fn line_ends(description: &Description<'_>, found: &mut Findings) {
    if let Some(end) = description.bare_line_end {
        found.at(end, "lines end with a line feed alone", "end every line with carriage return and line feed");
    }
}

fn version(description: &Description<'_>, found: &mut Findings) {
    match description.lines.first() {
        Some(line) if line.is('v') && line.value.text == "0" => {}
        Some(line) if line.is('v') => found.at(line.whole, "there is only version 0", "write v=0"),
        first => {
            let place = first.map_or(description.session_end(), |line| line.whole);
            found.at(place, "a description starts with its version", "begin with the line v=0");
        }
    }
}

fn origin(description: &Description<'_>, found: &mut Findings) {
    let Some(line) = description.session.iter().find(|line| line.is('o')) else {
        let fix = "write o=- with two numbers and the address of this machine: o=- 1 1 IN IP4 192.0.2.1";
        return found.at(description.session_end(), "nothing says who made the description (o=)", fix);
    };
    let words: Vec<_> = line.value.words().collect();
    let is_number = |word: Piece<'_>| word.text.bytes().all(|octet| octet.is_ascii_digit());
    let [_, id, version, net, kind, _] = words[..] else {
        let what = format!("o= has {} fields instead of six", words.len());
        return found.at(line.value, what, "write name, number, edition, IN, IP4 or IP6, and address");
    };
    if let Some(wrong) = [id, version].into_iter().find(|word| !is_number(*word)) {
        found.at(wrong, format!("{} is no number", wrong.text), "write digits, such as the seconds since 1900");
    } else if net.text != "IN" || !["IP4", "IP6"].contains(&kind.text) {
        found.at(net, "the address is of no known kind", "write IN IP4 or IN IP6 in front of it");
    }
}

fn name(description: &Description<'_>, found: &mut Findings) {
    let mut names = description.session.iter().filter(|line| line.is('s'));
    match (names.next(), names.next()) {
        (None, _) => found.at(description.session_end(), "the session has no name (s=)", "write s=- if it has none"),
        (Some(line), _) if line.value.text.is_empty() => {
            found.at(line.whole, "the name of the session is empty", "write s=- if it has none");
        }
        (_, Some(second)) => found.at(second.whole, "the session has a second name", "remove it"),
        _ => {}
    }
}

fn connection(media: &Media<'_>, found: &mut Findings) {
    let Some(line) = media.connection else {
        let what = "nothing says to which address the stream goes (c=)";
        return found.at(media.line.whole, what, "write c=IN IP4 or c=IN IP6 and the address behind the m= line");
    };
    // One for the whole session is judged once.
    if media.index > 0 && line.whole.line < media.line.whole.line {
        return;
    }
    let words: Vec<_> = line.value.words().collect();
    let [net, kind, address] = words[..] else {
        return found.at(
            line.value,
            "c= has not three fields",
            "write c=IN IP4 192.0.2.1, with the address of the stream",
        );
    };
    let parts: Vec<&str> = address.text.split('/').collect();
    let ip: Option<IpAddr> = parts[0].parse().ok();
    let family = match ip {
        Some(IpAddr::V4(_)) => Some("IP4"),
        Some(IpAddr::V6(_)) => Some("IP6"),
        None => None,
    };
    if net.text != "IN" || !["IP4", "IP6"].contains(&kind.text) {
        found.at(net, "the address is of no known kind", "write IN IP4 or IN IP6 in front of it");
    } else if let Some(family) = family.filter(|family| *family != kind.text) {
        found.at(kind, format!("{} is no {} address", address.text, kind.text), format!("write {family}"));
    } else if let Some(ip) = ip {
        let is_number = |part: &&str| part.parse::<u8>().is_ok();
        match (ip.is_multicast(), ip.is_ipv4(), &parts[1..]) {
            (true, true, [ttl] | [ttl, _]) if is_number(ttl) => {}
            (true, false, [] | [_]) | (false, _, []) => {}
            (true, true, _) => found.at(
                address,
                "an IPv4 group needs a time to live from 0 to 255",
                format!("write {}/1 for this network, or more for others", parts[0]),
            ),
            _ => found.at(address, "nothing but the address may stand here", format!("write {}", parts[0])),
        }
    }
}

fn bandwidth(description: &Description<'_>, found: &mut Findings) {
    for line in description.lines.iter().filter(|line| line.is('b')) {
        let number = line.value.text.split_once(':').map(|(_, number)| number.parse::<u64>());
        if !matches!(number, Some(Ok(_))) {
            found.at(line.value, "b= is no kind with a number", "write b=AS: and kilobits per second");
        }
    }
}

fn time(description: &Description<'_>, found: &mut Findings) {
    let mut times = description.session.iter().filter(|line| line.is('t')).peekable();
    if times.peek().is_none() {
        found.at(description.session_end(), "nothing says when the session takes place (t=)", "write t=0 0 for always");
    }
    for line in times {
        let numbers: Vec<_> = line.value.text.split(' ').map(str::parse::<u64>).collect();
        if !matches!(numbers[..], [Ok(_), Ok(_)]) {
            found.at(line.value, "t= is not two numbers", "write t=0 0 for always");
        }
    }
}

fn media(description: &Description<'_>, found: &mut Findings) {
    for media in &description.media {
        let port = media.port.text.split_once('/').map_or(media.port.text, |(port, _)| port);
        if media.formats.is_empty() {
            let fix = "write kind, port, protocol and payload types: m=audio 5004 RTP/AVP 96";
            found.at(media.line.value, "m= has not four fields", fix);
        } else if port.parse::<u16>().is_err() {
            found.at(media.port, format!("{} is no port", media.port.text), "write a number up to 65535");
        } else if !media.is_tcp() && media.protocol.text.contains("RTP") {
            super::transport::payload_types(media, found);
        }
    }
}

fn directions(description: &Description<'_>, found: &mut Findings) {
    let sections = description.media.iter().map(|media| &media.lines);
    for lines in std::iter::once(&description.session).chain(sections) {
        let all = lines.iter().filter_map(Line::attribute).map(|attribute| attribute.name);
        let mut directions = all.filter(|name| Direction::from_attribute(name.text).is_some());
        if let (Some(first), Some(second)) = (directions.next(), directions.next()) {
            let what = format!("{} says something else than {}, which counts", second.text, first.text);
            found.at(second, what, "leave one of them");
        }
    }
}
