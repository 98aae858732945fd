//! What the parameters of renderers mean (RFC 6295, C.6).

use gst::glib;
use rtp_midi_sdp::audio_specific_config::AudioSpecificConfig;

use super::context::About;
use super::selection::enumerate;
use super::words::Words;
use crate::report::plural;

/// What a parameter of C.6 means; `None` if it is none of those.
pub(super) fn explain(name: &str, value: &str, about: &About) -> Option<Vec<Words>> {
    let text = value.trim_matches('"');
    Some(match name {
        "multimode" => match value.to_ascii_lowercase().as_str() {
            "all" => vec![Words::receiver("plays by all of the renderers that follow, as far as it has them.")],
            _ => vec![Words::receiver("plays by one of the renderers that follow; the first ones are preferred.")],
        },
        "render" => render(value),
        "subrender" if value.eq_ignore_ascii_case("default") => {
            vec![Words::both("The renderer is the usual one for this kind of stream.")]
        }
        "subrender" => vec![Words::receiver(format!("plays by exactly {value}, or refuses this renderer."))],
        "rinit" => vec![Words::receiver(format!("makes the renderer ready by data of the type {text}, which follow."))],
        "inline" => inline(text, about),
        "url" => vec![Words::receiver(format!("fetches the data for the renderer from {text}."))],
        "cid" => vec![Words::receiver(format!("may keep the data under the name {text}, or find them there."))],
        "smf_info" => smf_info(value),
        "smf_inline" => {
            let length = glib::base64_decode(text).len() as u64;
            vec![Words::both(format!("A Standard MIDI File of {} stands here.", plural(length, "octet")))]
        }
        "smf_url" => vec![Words::receiver(format!("fetches a Standard MIDI File from {text}."))],
        "smf_cid" => vec![Words::receiver(format!("may keep the MIDI file under the name {text}, or find it there."))],
        "chanmask" => chanmask(text),
        _ => return None,
    })
}

fn render(value: &str) -> Vec<Words> {
    let words = match value.to_ascii_lowercase().as_str() {
        "synthetic" => "turns the music into sound (or light, or whatever the stream is for).",
        "api" => "hands the commands to applications.",
        "null" => "throws the stream away; in an answer: this renderer is refused.",
        "unknown" => "does with the stream what it likes.",
        _ => "must refuse this renderer, unless it knows it: RFC 6295 does not.",
    };
    vec![Words::receiver(words)]
}

fn inline(text: &str, about: &About) -> Vec<Words> {
    let octets = glib::base64_decode(text);
    let length = plural(octets.len() as u64, "octet");
    let is_asc = about.parameters.last("rinit").is_some_and(|rinit| rinit.trim_matches('"') == "audio/asc");
    let words = match AudioSpecificConfig::decode(&octets) {
        _ if !is_asc => format!("The data for the renderer: {length}."),
        Ok(config) => format!("The data for the renderer, {length}: {}.", config.object_type()),
        Err(fault) => format!("The data for the renderer, {length}, which cannot be read: {fault}."),
    };
    vec![Words::both(words)]
}

fn smf_info(value: &str) -> Vec<Words> {
    let words = match value.to_ascii_lowercase().as_str() {
        "ignore" => "passes over the MIDI files that come with the renderer.",
        "sdp_start" => "begins to play the MIDI files as soon as it accepts the description.",
        "identity" => "takes from the MIDI files who the renderer is, and does not play them.",
        _ => "must refuse this renderer, unless it knows what that means: RFC 6295 does not.",
    };
    vec![Words::receiver(words)]
}

/// Channels as musicians count them, from 1.
fn chanmask(digits: &str) -> Vec<Words> {
    let silent: Vec<String> = digits
        .chars()
        .zip(1..)
        .filter(|(digit, _)| *digit == '0')
        .map(|(_, channel): (_, u32)| channel.to_string())
        .collect();
    let words = match &silent[..] {
        [] => "plays all channels.".to_owned(),
        all if all.len() == digits.len() => "plays no channel by this renderer.".to_owned(),
        [one] => format!("does not play channel {one} by this renderer."),
        some => format!("does not play channels {} by this renderer.", enumerate(some)),
    };
    vec![Words::receiver(words)]
}
