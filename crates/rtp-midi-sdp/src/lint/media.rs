//! What a media line and its rtpmap say of an RTP MIDI stream (RFC 6295, 2.1, 6.1, 11.1, C; RFC 8866, 6.6, 6.15).

use std::collections::BTreeSet;

use super::description::{Description, Media};
use super::rule::{
    Check::{Media as OfMedia, Session, Stream as OfStream},
    Findings, Rule,
};
use super::stream::{Stream, mapped};

pub(super) const RULES: &[Rule] = &[
    Rule::warning("RFC 6295 6", Session(some_midi)),
    Rule::error("RFC 8866 6.6", OfMedia(rtpmap)),
    Rule::error("RFC 8866 6.15", OfMedia(fmtp)),
    Rule::error("S6.1-01", OfStream(clock_rate)),
    Rule::error("S11.1-01", OfMedia(kind)),
    Rule::error("SC-06", Session(object_type)),
    Rule::warning("S2.1-08", Session(low_rate)),
    Rule::warning("S2.1-10", OfStream(coarse_rate)),
    Rule::warning("S2.1-11", OfStream(unusual_rate)),
    Rule::note("S2.1-12", Session(companion_rate)),
    Rule::warning("S2.1-13", Session(slow_companion)),
];

/// Ticks per second below which times are too coarse to be heard as they were played.
const AUDIO: u32 = 32_000;
/// Ticks per second below which a tick is longer than a millisecond.
const COARSE: u32 = 1000;
/// Rates in common use for audio (RFC 6295, 2.1).
const USUAL: [u32; 8] = [32_000, 44_100, 48_000, 64_000, 88_200, 96_000, 176_400, 192_000];

fn some_midi(description: &Description<'_>, found: &mut Findings) {
    if description.midi().next().is_none() {
        let place = description.media.first().map_or(description.session_end(), |media| media.line.whole);
        let fix = "write an m=audio line with a=rtpmap:96 rtp-midi/44100 behind it";
        found.at(place, "no media line has an RTP MIDI stream", fix);
    }
}

fn rtpmap(media: &Media<'_>, found: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (payload_type, _) in media.attributes("rtpmap").filter_map(|attribute| mapped(&attribute)) {
        if !media.formats.iter().any(|format| format.text == payload_type.text) {
            let what = format!("the m= line does not have the payload type {}", payload_type.text);
            found.at(payload_type, what, "add it there, or remove this line");
        } else if !seen.insert(payload_type.text) {
            let what = format!("the payload type {} is mapped a second time", payload_type.text);
            found.at(payload_type, what, "leave one rtpmap for each payload type");
        }
    }
}

fn fmtp(media: &Media<'_>, found: &mut Findings) {
    for (payload_type, _) in media.attributes("fmtp").filter_map(|attribute| mapped(&attribute)) {
        if !media.formats.iter().any(|format| format.text == payload_type.text) {
            let what =
                format!("these parameters are for the payload type {}, which the m= line has not", payload_type.text);
            found.at(payload_type, what, "write a payload type of the m= line");
        }
    }
}

fn clock_rate(stream: &Stream<'_>, found: &mut Findings) {
    if stream.clock_rate.is_none() {
        let name = stream.encoding.text.split('/').next().unwrap_or_default();
        found.at(
            stream.encoding,
            "the stream has no clock rate, and there is no default",
            format!("write {name}/44100"),
        );
    }
}

fn kind(media: &Media<'_>, found: &mut Findings) {
    if !media.kind.is("audio") {
        let what = format!("RTP MIDI is of the media type audio, and this is {}", media.kind.text);
        found.at(media.kind, what, "write m=audio");
    }
}

fn object_type(description: &Description<'_>, found: &mut Findings) {
    let rtpmaps = description.media.iter().flat_map(|media| media.attributes("rtpmap").collect::<Vec<_>>());
    for (_, encoding) in rtpmaps.filter_map(|attribute| mapped(&attribute)) {
        if encoding.split(|c| c == '/').next().is_some_and(|name| name.is("asc")) {
            let fix = "write mpeg4-generic here, and rinit=audio/asc among its parameters";
            found.at(encoding, "audio/asc is an object to be stored, and no stream", fix);
        }
    }
}

/// The clock rates of the audio streams that are no MIDI.
fn companions(description: &Description<'_>) -> Vec<u32> {
    let others = description.media.iter().filter(|media| media.streams.is_empty() && media.kind.is("audio"));
    let rtpmaps = others.flat_map(|media| media.attributes("rtpmap").collect::<Vec<_>>());
    let rate = |(_, encoding): (_, super::piece::Piece<'_>)| encoding.text.split('/').nth(1)?.trim().parse().ok();
    rtpmaps.filter_map(|attribute| mapped(&attribute)).filter_map(rate).collect()
}

fn has_slow_companion(description: &Description<'_>) -> bool {
    companions(description).iter().any(|rate| *rate < AUDIO)
}

/// The streams whose rate is too low for audio, and not so low that they cannot be meant for it.
fn low<'d, 'a>(description: &'d Description<'a>) -> impl Iterator<Item = (&'d Stream<'a>, u32)> {
    let rates = description.streams().filter_map(|(_, stream)| Some((stream, stream.clock_rate?)));
    rates.filter(|(_, rate)| (COARSE..AUDIO).contains(rate))
}

fn low_rate(description: &Description<'_>, found: &mut Findings) {
    if !has_slow_companion(description) {
        for (stream, rate) in low(description) {
            let what = format!("with {rate} ticks per second times are coarser than music needs");
            found.at(stream.encoding, what, "use at least 32000, unless the stream is not to be heard");
        }
    }
}

fn slow_companion(description: &Description<'_>, found: &mut Findings) {
    if has_slow_companion(description) {
        for (stream, rate) in low(description) {
            let what = format!("{rate} ticks per second are too few for MIDI, also beside audio that has as few");
            found.at(stream.encoding, what, "use at least 32000");
        }
    }
}

fn coarse_rate(stream: &Stream<'_>, found: &mut Findings) {
    if let Some(rate) = stream.clock_rate.filter(|rate| *rate < COARSE) {
        let what = format!("a tick is {} ms long", 1000 / rate);
        found.at(stream.encoding, what, "use at least 1000 ticks per second, also for what is not heard");
    }
}

fn unusual_rate(stream: &Stream<'_>, found: &mut Findings) {
    if let Some(rate) = stream.clock_rate.filter(|rate| *rate >= AUDIO && !USUAL.contains(rate)) {
        let what = format!("{rate} is no clock rate in common use for audio");
        found.at(stream.encoding, what, "use 44100 or 48000");
    }
}

fn companion_rate(description: &Description<'_>, found: &mut Findings) {
    let Some(audio) = companions(description).into_iter().find(|rate| *rate >= AUDIO) else { return };
    for (stream, rate) in description.streams().filter_map(|(_, stream)| Some((stream, stream.clock_rate?))) {
        if rate != audio && USUAL.contains(&rate) {
            let what = format!("the audio stream has {audio} ticks per second, and this one {rate}");
            found.at(stream.encoding, what, format!("use {audio} if they are played together"));
        }
    }
}
