//! Offers: what an end proposes (RFC 3264, section 5; RFC 6295, C.7.2).

use rtp_midi::{Config, Format, Timing};

use super::capabilities::{Capabilities, Pairing};
use super::way;
use crate::render::{Render, Renderers};
use crate::{Direction, Error, Group, Media, Parameters, Session, Stream};

/// The description that an end offers. An error if its renderers cannot be had in its format.
pub fn offer(capabilities: &Capabilities) -> Result<Session, Error> {
    let proposals = proposals(capabilities);
    let mut session = Session {
        origin: Some(capabilities.party.origin.clone()),
        tool: capabilities.party.tool.clone(),
        ..Session::new(&capabilities.party.title)
    };
    for (index, proposal) in proposals.iter().enumerate() {
        let transport = way::offered(capabilities, index);
        let mut stream = Stream::of(capabilities.party.payload_type, &proposal.config, &transport);
        let mut beside = Parameters::new();
        if let Some(musicport) = proposal.musicport {
            beside.push("musicport", musicport);
        }
        beside.extend(renderers(capabilities, stream.format)?);
        stream.parameters = beside.or(&mpeg4(&beside, &stream)).or(&stream.parameters);
        // In a group the direction is that of everybody (RFC 3264, 5.2).
        let is_group = transport.is_multicast();
        let direction = if is_group { proposal.direction.mirrored() } else { proposal.direction };
        session.media.push(Media::new(transport, direction, vec![stream]));
    }
    if let [_, _] = &proposals[..] {
        let mids = ["1", "2"].map(str::to_owned);
        for (line, mid) in session.media.iter_mut().zip(&mids) {
            line.mid = Some(mid.clone());
        }
        session.groups.push(Group { semantics: "FID".to_owned(), mids: mids.into() });
    }
    Ok(session)
}

/// The offers to be made one after the other until one is accepted: one for each format of the limits that can have the
/// renderers, that of the proposal first. Formats are no alternatives within one offer (C.7.2).
pub fn offers(capabilities: &Capabilities) -> Vec<Session> {
    let own = capabilities.sends.as_ref().or(capabilities.takes.as_ref()).map(|config| config.format);
    let others = capabilities.limits.formats.iter().copied().filter(|format| Some(*format) != own);
    let formats = own.into_iter().chain(others);
    formats.filter_map(|format| offer(&capabilities.clone().in_format(format)).ok()).collect()
}

struct Proposal {
    direction: Direction,
    config: Config,
    musicport: Option<u32>,
}

fn proposals(capabilities: &Capabilities) -> Vec<Proposal> {
    let one = |direction, config: &Config, musicport| {
        let mut config = config.clone();
        if direction == Direction::ReceiveOnly {
            // What one only receives is offered with the default (C.7.2).
            config.timing = Timing::Comex;
        }
        Proposal { direction, config, musicport }
    };
    let own = |pairing| if let Pairing::Virtual(musicport) = pairing { musicport } else { 0 };
    match (&capabilities.sends, &capabilities.takes, capabilities.pairing) {
        (None, None, _) => Vec::new(),
        (Some(sends), None, _) => vec![one(Direction::SendOnly, sends, None)],
        (None, Some(takes), _) => vec![one(Direction::ReceiveOnly, takes, None)],
        (Some(sends), Some(takes), Pairing::Single) if sends == takes => {
            vec![one(Direction::SendReceive, sends, None)]
        }
        (Some(sends), Some(takes), pairing) => {
            let musicport = Some(own(pairing));
            vec![one(Direction::SendOnly, sends, musicport), one(Direction::ReceiveOnly, takes, musicport)]
        }
    }
}

/// The renderers of the offer, in which none is unknown or null (C.7.2).
fn renderers(capabilities: &Capabilities, format: Format) -> Result<Parameters, Error> {
    let Some(renderers) = &capabilities.renderers else { return Ok(Parameters::new()) };
    let named = renderers.list.iter().filter(|one| !matches!(one.render, Render::Unknown | Render::Null));
    let renderers = Renderers { multimode: renderers.multimode, list: named.cloned().collect() };
    if renderers.list.is_empty() { Ok(Parameters::new()) } else { renderers.print(format) }
}

/// What mpeg4-generic wants beside the `config` of the renderers.
fn mpeg4(beside: &Parameters, stream: &Stream) -> Parameters {
    let is_needed = |name: &str| super::stream::MPEG4.contains(&name) && beside.last(name).is_none();
    stream.parameters.iter().filter(|parameter| is_needed(&parameter.name)).cloned().collect()
}
