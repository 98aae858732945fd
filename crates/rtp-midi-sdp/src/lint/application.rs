//! What RFC 6295 wants of descriptions in two applications, beyond what all must be (C.2.1, C.7).

use rtp_midi::midi::{Channel, U7, Voice};
use rtp_midi::{Config, Journal, Policy};

use super::description::{Description, Media};
use super::rule::{
    Application::{self, ContentStreaming, PerformanceAnswer, PerformanceOffer},
    Check::{Guideline, SessionGuideline},
    Findings, Rule,
};
use super::stream::{Parameter, Stream};
use crate::Direction;
use crate::audio_specific_config::ObjectType;

const STREAMING: &[Application] = &[ContentStreaming];
const OFFERS: &[Application] = &[PerformanceOffer];
const ANSWERS: &[Application] = &[PerformanceAnswer];
const PERFORMANCE: &[Application] = &[PerformanceOffer, PerformanceAnswer];

pub(super) const RULES: &[Rule] = &[
    Rule::warning("SC.2.1-07", Guideline(STREAMING, unknown_transport)),
    Rule::warning("SC.7.1-04", Guideline(STREAMING, reference_journal)),
    Rule::note("SC.7.1-05", Guideline(STREAMING, unspecific)),
    Rule::warning("SC.7.1-09", Guideline(STREAMING, reference_times)),
    Rule::note("SC.7.1-15", Guideline(STREAMING, packetization)),
    Rule::warning("SC.7.1-22", Guideline(STREAMING, incomplete_renderer)),
    Rule::warning("SC.7.1-24", Guideline(STREAMING, file_at_the_start)),
    Rule::note("SC.7.1-26", Guideline(STREAMING, reference_renderer)),
    Rule::error("SC.7.2-06", Guideline(PERFORMANCE, performance_journal)),
    Rule::error("SC.7.2-07", Guideline(PERFORMANCE, undeclared_commands)),
    Rule::warning("SC.7.2-10", Guideline(PERFORMANCE, rare_rate)),
    Rule::error("SC.7.2-12", Guideline(OFFERS, received_times)),
    Rule::warning("SC.7.2-13", Guideline(PERFORMANCE, long_packets)),
    Rule::error("SC.7.2-15", Guideline(PERFORMANCE, latency)),
    Rule::warning("SC.7.2-18", Guideline(PERFORMANCE, guard_time)),
    Rule::error("SC.7.2-19", Guideline(PERFORMANCE, no_renderer)),
    Rule::error("SC.7.2-22", Guideline(OFFERS, alternatives)),
    Rule::error("SC.7.2-24", Guideline(OFFERS, no_renderer_offered)),
    Rule::error("SC.7.2-25", Guideline(ANSWERS, several_renderers)),
    Rule::error("SC.7.2-26", Guideline(ANSWERS, unknown_renderer)),
    Rule::warning("SC.7.2-32", SessionGuideline(PERFORMANCE, shared_channels)),
];

/// Clock rates that everybody who plays with others must have (C.7.2).
const RATES: [u32; 4] = [44_100, 48_000, 88_200, 96_000];
/// The longest packets, and the guard times, that everybody must have, in milliseconds.
const LONGEST_PACKET: u64 = 100;
const GUARD_TIMES: std::ops::RangeInclusive<u64> = 5..=5000;

fn unknown_transport(media: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    if let Some(parameter) = stream.parameter("j_sec").filter(|_| media.port.text == "0") {
        let what = "whether packets can be lost is known only when client and server have chosen the transport";
        found.on(parameter, what, "remove it, and choose the journal by j_update and ch_ parameters");
    }
}

/// The journal where it is neither that of a closed loop nor anchored, over UDP.
fn unfit_journal<'s, 'a>(media: &Media<'_>, stream: &'s Stream<'a>) -> Option<&'s Parameter<'a>> {
    let is_unfit = |config: &&Config| matches!(config.journal, Journal::None | Journal::Recovery(Policy::OpenLoop));
    stream.config.as_ref().filter(|config| is_unfit(config) && !media.is_tcp())?;
    stream.parameter("j_sec").filter(|parameter| parameter.value.is("none")).or(stream.parameter("j_update"))
}

fn reference_journal(media: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    if let Some(parameter) = unfit_journal(media, stream) {
        let what = "not every client can do with this journal";
        found.on(parameter, what, "use the recovery journal with j_update=anchor or closed-loop");
    }
    if let Some(connection) = media.connection.filter(|_| media.is_multicast()) {
        found.at(connection.value, "not every client can join a group", "write a unicast address");
    }
}

fn unspecific(_: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    if !stream.parameters.iter().any(|one| one.is_command_selection() || one.is_chapter_selection()) {
        let what = "nothing tells the client which commands do not come";
        found.missing(stream, "cm_unused", what, "write cm_unused for what is not in the music");
    }
}

fn is_not_comex(parameter: &&Parameter<'_>) -> bool {
    !parameter.value.is("comex")
}

fn reference_times(_: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    if let Some(parameter) = stream.parameter("tsmode").filter(is_not_comex) {
        found.on(parameter, "not every client can do with such times", "use tsmode=comex, which is the default");
    }
}

fn packetization(_: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    for name in ["rtp_ptime", "rtp_maxptime"].into_iter().filter(|name| stream.parameter(name).is_none()) {
        let what = format!("nothing tells how long packets are ({name})");
        found.missing(stream, name, what, format!("write {name} in ticks of the clock"));
    }
}

/// Whether nothing at all is said of what becomes of the commands.
fn has_no_renderer(stream: &Stream<'_>) -> bool {
    stream.parameter("render").is_none() && !super::mpeg4::configures(stream)
}

fn no_renderer(_: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    if has_no_renderer(stream) {
        let what = "nothing says what becomes of the commands";
        found.missing(stream, "render", what, "use mpeg4-generic with General MIDI, or describe a renderer by render");
    }
}

fn incomplete_renderer(media: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    no_renderer(media, stream, found);
    let is_complete = |render: &Parameter<'_>| !render.value.is_one_of(&["unknown", "null"]);
    if let Some(render) = stream.parameter("render").filter(|_| !stream.all("render").any(is_complete)) {
        found.on(render, "no renderer is described that a client could have", "describe one");
    }
}

fn file_at_the_start(_: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    for parameter in stream.all("smf_info").filter(|parameter| parameter.value.is("sdp_start")) {
        found.on(parameter, "not every client can play files beside the stream", "send the music in the stream");
    }
}

fn reference_renderer(_: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    let types = super::mpeg4::object_types(stream);
    let is_another = if stream.is_mpeg4() { !types.is_empty() } else { stream.parameter("render").is_some() };
    let place = stream.parameter("render").or(stream.parameter("config"));
    if let Some(parameter) = place.filter(|_| is_another && !types.contains(&ObjectType::GeneralMidi)) {
        let what = "every client can do General MIDI, and not every one can do this";
        found.on(parameter, what, "use mpeg4-generic with audio object type 15");
    }
}

fn performance_journal(media: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    if let Some(parameter) = unfit_journal(media, stream) {
        let what = "who plays over UDP needs a journal that repairs every loss";
        found.on(parameter, what, "use the recovery journal with j_update=closed-loop or anchor");
    }
}

fn undeclared_commands(_: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    if !stream.parameters.iter().any(Parameter::is_command_selection) {
        let what = "nothing says which commands are sent or understood";
        found.missing(stream, "cm_unused", what, "write cm_unused for all, and cm_used for those that are");
    } else if stream
        .config
        .as_ref()
        .is_some_and(|config| config.commands.has_sysex(&vec![0x7D; ANY_LENGTH], true) == Some(true))
    {
        let what = "nothing limits the length of System Exclusives";
        found.missing(stream, "cm_used", what, "write cm_unused=X and cm_used=X0-16, with the length that fits");
    }
}

/// More data octets than a limit that is one.
const ANY_LENGTH: usize = 65_536;

fn rare_rate(_: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    if stream.clock_rate.is_some_and(|rate| !RATES.contains(&rate)) {
        found.at(stream.encoding, "not everybody has this clock rate", "use 44100, 48000, 88200 or 96000");
    }
}

fn received_times(media: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    let is_received = media.direction == Direction::ReceiveOnly;
    if let Some(parameter) = stream.parameter("tsmode").filter(|mode| is_received && is_not_comex(mode)) {
        let what = "what times mean is for the one who sends to offer";
        found.on(parameter, what, "use tsmode=comex for what is received");
    }
}

/// A parameter's time in milliseconds, rounded down, unless it is no number.
fn milliseconds(stream: &Stream<'_>, parameter: &Parameter<'_>) -> Option<u64> {
    let ticks = crate::config::decimal(parameter.value.text)?;
    Some(u64::from(ticks) * 1000 / u64::from(stream.clock_rate?))
}

fn long_packets(_: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    for name in ["rtp_ptime", "rtp_maxptime"] {
        let parameter = stream.parameter(name);
        let long = parameter.and_then(|one| Some((one, milliseconds(stream, one)?)));
        if let Some((parameter, time)) = long.filter(|(_, time)| *time > LONGEST_PACKET) {
            let what = format!("packets of {time} ms are longer than everybody must be able to play");
            found.on(parameter, what, "use 0 to 100 ms");
        }
    }
}

fn latency(_: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    for name in ["rtp_ptime", "rtp_maxptime", "guardtime"].into_iter().filter(|name| stream.parameter(name).is_none()) {
        let what = format!("{name} is missing: nothing tells how late the music may be heard");
        found.missing(stream, name, what, format!("write {name} in ticks of the clock"));
    }
}

fn guard_time(_: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    let guard = stream.parameter("guardtime").and_then(|one| Some((one, milliseconds(stream, one)?)));
    if let Some((parameter, time)) = guard.filter(|(_, time)| !GUARD_TIMES.contains(time)) {
        let what = format!("a guard time of {time} ms is not what everybody must be able to keep");
        found.on(parameter, what, "use 5 to 5000 ms");
    }
}

/// Streams of one line that are not parts of one larger name space are alternatives.
fn alternatives(media: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    let is_first = media.streams.first().is_some_and(|first| first.payload_type == stream.payload_type);
    if !is_first && super::relations::number_of(stream).is_none() {
        let what = "renderers to choose from stand in one parameter list, and not in several payload types";
        found.at(stream.encoding, what, "offer one payload type with several render parameters");
    }
}

fn no_renderer_offered(_: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    for parameter in stream.all("render").filter(|render| render.value.is_one_of(&["unknown", "null"])) {
        found.on(parameter, "an offer names renderers that can be taken", "remove it");
    }
}

fn several_renderers(_: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    let is_for_all = stream.parameter("multimode").is_some_and(|mode| mode.value.is("all"));
    let taken = stream.all("render").filter(|render| !is_for_all && !render.value.is("null"));
    for parameter in taken.skip(1) {
        found.on(parameter, "an answer takes one renderer", "write render=null for those that are not taken");
    }
}

fn unknown_renderer(_: &Media<'_>, stream: &Stream<'_>, found: &mut Findings) {
    for parameter in stream.all("render").filter(|render| render.value.is("unknown")) {
        found.on(parameter, "an answer says what becomes of the commands", "name the renderer, or write null");
    }
}

/// Two players of one renderer, who take each other's notes for their own.
fn shared_channels(description: &Description<'_>, found: &mut Findings) {
    let of = |direction| description.streams().filter(move |(media, _)| media.direction == direction);
    for (_, received) in of(Direction::ReceiveOnly) {
        let number = super::relations::number_of(received);
        let same = |(_, sent): &(&Media<'_>, &Stream<'_>)| super::relations::number_of(sent) == number;
        let sent = of(Direction::SendOnly).filter(|_| number.is_some()).find(same).map(|(_, sent)| sent);
        let (Some(ours), Some(theirs)) = (sent.and_then(|sent| sent.config.as_ref()), &received.config) else {
            continue;
        };
        let shared = Channel::all().find(|channel| [ours, theirs].iter().all(|config| has_notes(config, *channel)));
        if let (Some(channel), Some(parameter)) = (shared, received.parameter("musicport")) {
            let what = format!("both players have channel {} of one renderer", channel.get());
            found.on(parameter, what, "give each channels of its own by cm_unused and cm_used");
        }
    }
}

fn has_notes(config: &Config, channel: Channel) -> bool {
    let velocity = U7::default();
    (0..128).map(U7::masked).any(|note| config.commands.has_voice(channel, Voice::NoteOff { note, velocity }))
}
