//! What each parameter of an fmtp line makes sender and receiver do (RFC 6295, 6.2, C.1 to C.5).

use rtp_midi::Format;
use rtp_midi_sdp::audio_specific_config::AudioSpecificConfig;
use rtp_midi_sdp::{Language, Parameter, Parameters};

use super::context::{About, time};
use super::words::Words;
use super::{rendering, selection};

/// What a parameter of a line means; `all` are those of the line.
pub(super) fn explain(parameter: &Parameter, all: &Parameters, about: &About) -> Vec<Words> {
    let (name, value) = (parameter.name.to_ascii_lowercase(), parameter.value.as_str());
    match name.as_str() {
        "streamtype" | "mode" | "profile-level-id" | "config" => mpeg4(&name, value, about),
        "cm_unused" | "cm_used" => commands(&name, value),
        "j_sec" => j_sec(value),
        "j_update" => j_update(value, about),
        "ch_never" | "ch_default" | "ch_anchor" => chapters(&name, value, about),
        "tsmode" => tsmode(value),
        "linerate" | "octpos" | "mperiod" => cable(&name, value, about),
        "rtp_ptime" | "rtp_maxptime" | "guardtime" => packets(&name, value, about),
        "musicport" => musicport(value, about),
        "cm_default" => vec![Words::both("No parameter; an example of RFC 6295 has it, and means ch_default.")],
        _ => rendering::explain(&name, value, about).unwrap_or_else(|| unknown(&name, all)),
    }
}

fn mpeg4(name: &str, value: &str, about: &About) -> Vec<Words> {
    if about.format == Format::Native {
        return vec![Words::both("Belongs to mpeg4-generic; in a stream of rtp-midi it means nothing.")];
    }
    let words = match (name, value) {
        ("streamtype", "5") => "MPEG-4 counts the stream as audio, as MIDI must be counted.".to_owned(),
        ("streamtype", _) => "MPEG-4 counts the stream as something else than audio; MIDI is 5.".to_owned(),
        ("mode", _) => "The packets are those of RFC 6295: MIDI commands and a journal.".to_owned(),
        ("profile-level-id", value) => {
            let level = match value {
                "11" => "a small",
                "12" => "a middling",
                "13" => "a large",
                _ => "an unknown kind of",
            };
            return vec![Words::receiver(format!("needs {level} synthesiser (MPEG-4 profile and level {value})."))];
        }
        (_, value) => match value.trim_matches('"') {
            "" => "No instruments are described here; render and what follows it may do so.".to_owned(),
            digits => match AudioSpecificConfig::parse(digits) {
                Ok(config) => format!("The instruments are those of {}.", config.object_type()),
                Err(fault) => format!("Instruments that cannot be read: {fault}."),
            },
        },
    };
    vec![Words::both(words)]
}

fn commands(name: &str, value: &str) -> Vec<Words> {
    let Some(what) = selection::describe(Language::Commands, value) else { return unreadable() };
    if name == "cm_unused" {
        vec![Words::sender(format!("never sends {what}.")), Words::receiver("need not be able to play them.")]
    } else {
        vec![
            Words::sender(format!("may send {what}, whatever was said before.")),
            Words::receiver("has to be ready for them."),
        ]
    }
}

fn j_sec(value: &str) -> Vec<Words> {
    match value.to_ascii_lowercase().as_str() {
        "recj" => vec![
            Words::sender("puts a journal into every packet: what earlier packets did, as far as it still matters."),
            Words::receiver("puts right by the next packet's journal what lost packets would have done."),
        ],
        "none" => vec![
            Words::sender("puts no journal into any packet."),
            Words::receiver("cannot repair losses: a lost note stays silent, a lost release lets it sound on."),
        ],
        _ => vec![Words::receiver("must refuse the description, since it does not know this kind of journal.")],
    }
}

fn j_update(value: &str, about: &About) -> Vec<Words> {
    let mut words = match value.to_ascii_lowercase().as_str() {
        "anchor" => vec![
            Words::sender("lets every journal reach back to the first packet; it needs no reports."),
            Words::receiver("may come at any time, and knows by its first packet where everything stands."),
        ],
        "closed-loop" => vec![
            Words::sender("lets journals reach back to what the slowest receiver has not reported to have."),
            Words::receiver("must send RTCP reports, or else journals grow."),
        ],
        "open-loop" => vec![
            Words::sender("lets journals reach back as far as it likes; ch_anchor says what they always have."),
            Words::receiver("must look in every journal whether it reaches back far enough, and else end what sounds."),
        ],
        _ => return vec![Words::receiver("must refuse the description, since it does not know this policy.")],
    };
    let has_journal =
        about.parameters.last("j_sec").map_or(!about.is_reliable, |j_sec| j_sec.eq_ignore_ascii_case("recj"));
    if !has_journal {
        words = vec![Words::both("Of no effect: there is no journal.")];
    }
    words
}

fn chapters(name: &str, value: &str, about: &About) -> Vec<Words> {
    let Some(what) = selection::describe(Language::Chapters, value) else { return unreadable() };
    match name {
        "ch_never" => vec![
            Words::sender(format!("keeps these out of the journal: {what}.")),
            Words::receiver("gets nothing of them back when a packet is lost."),
        ],
        "ch_default" => {
            let reach = about.parameters.last("j_update").unwrap_or("closed-loop");
            vec![Words::sender(format!(
                "has these in the journal as far back as {reach} says, whatever was said before: {what}."
            ))]
        }
        _ => vec![
            Words::sender(format!("has these in every journal since the first packet: {what}.")),
            Words::receiver("gets them right after any loss, and when it comes late."),
        ],
    }
}

fn tsmode(value: &str) -> Vec<Words> {
    match value.to_ascii_lowercase().as_str() {
        "comex" => vec![
            Words::sender("gives every command the time at which it is to happen; equal times mean at once."),
            Words::receiver("plays commands at the distances of their times."),
        ],
        "async" => vec![
            Words::sender("gives every command the time at which it came in from a MIDI cable."),
            Words::receiver("may take small distances for the slowness of the cable."),
        ],
        "buffer" => vec![
            Words::sender("looks at a MIDI cable at regular times, and gives all it finds the time of looking."),
            Words::receiver("knows the time of a command only to the distance of two looks."),
        ],
        _ => vec![Words::receiver("must refuse the description, since it does not know what timestamps mean.")],
    }
}

fn cable(name: &str, value: &str, about: &About) -> Vec<Words> {
    let mode = about.parameters.last("tsmode").unwrap_or("comex").to_ascii_lowercase();
    if mode == "comex" || (name == "mperiod" && mode != "buffer") {
        return vec![Words::both(format!("Of no effect with tsmode={mode}."))];
    }
    let words = match name {
        "linerate" => {
            let nanoseconds = value.parse::<u32>().map(f64::from);
            let takes = nanoseconds.map_or_else(|_| value.to_owned(), |nanoseconds| time(nanoseconds / 1e9));
            format!("An octet takes {takes} on the cable; 320 µs is a MIDI cable with round plugs.")
        }
        "octpos" => format!("The time of a command is that of its {value} octet on the cable."),
        _ => format!("The sender looks at the cable every {}.", about.ticks(value)),
    };
    vec![Words::both(words)]
}

fn packets(name: &str, value: &str, about: &About) -> Vec<Words> {
    let span = about.ticks(value);
    match (name, value) {
        ("rtp_ptime", "0") => vec![
            Words::sender("sends each command at once; only simultaneous ones share a packet."),
            Words::receiver("need not wait for packets to fill."),
        ],
        ("rtp_ptime", _) => vec![
            Words::sender(format!("gathers commands for about {span} into a packet.")),
            Words::receiver("plays that much later, so that the commands of a packet keep their distances."),
        ],
        ("rtp_maxptime", "0") => vec![
            Words::sender("never puts commands of different times into one packet."),
            Words::receiver("need not wait for packets to fill."),
        ],
        ("rtp_maxptime", _) => vec![
            Words::sender(format!("never lets the commands of a packet span more than {span}.")),
            Words::receiver("need not wait longer than that for the commands of a packet."),
        ],
        _ => vec![
            Words::sender(format!("lets no more than {span} pass without a packet, an empty one if need be.")),
            Words::receiver("takes a longer silence for packets lost, or for the end."),
        ],
    }
}

fn musicport(value: &str, about: &About) -> Vec<Words> {
    let Ok(port) = value.parse::<u32>() else { return unreadable() };
    let mut words = vec![Words::both(format!("The stream is cable number {port}."))];
    if about.cables.contains(&port) {
        words.push(Words::both(
            "Another stream has the same number. From one sender they are one cable in parts: a note that one begins \
             the other may end. From different senders they are the two directions of one cable.",
        ));
    }
    if port.checked_sub(1).is_some_and(|below| about.cables.contains(&below)) {
        words.push(Words::both("Another stream has the number below: the 16 channels here follow those there."));
    }
    if port.checked_add(1).is_some_and(|above| about.cables.contains(&above)) {
        words.push(Words::both("Another stream has the number above: the 16 channels there follow those here."));
    }
    if words.len() == 1 {
        words.push(Words::both("No other stream has this number or one beside it, so nothing follows from it."));
    }
    words
}

fn unreadable() -> Vec<Words> {
    vec![Words::receiver("must refuse the description, since this cannot be read.")]
}

/// A parameter of which nothing is known, unless it is one that a registered renderer has for itself (C.6.2).
fn unknown(name: &str, all: &Parameters) -> Vec<Words> {
    let belongs = |owner: &&Parameter| {
        let prefix = format!("{}_", owner.value.to_ascii_lowercase());
        owner.name.eq_ignore_ascii_case("subrender") && name.starts_with(&prefix)
    };
    match all.iter().find(belongs) {
        Some(owner) => {
            vec![Words::both(format!("Belongs to the renderer {}; this program knows no more of it.", owner.value))]
        }
        None => vec![
            Words::both("Not known: neither RFC 6295 nor this program has a parameter of this name."),
            Words::receiver("passes it over."),
        ],
    }
}
