//! What a song says about itself, as tags.

use gst::tags;
use smf_timeline::{Body, Event, Meta, Song, TextKind, decode_text};

/// Title (the name of the first track), copyright, comment (the first text) and tempo.
pub(super) fn of(song: &Song) -> gst::TagList {
    let mut list = gst::TagList::new();
    let Some(tags) = list.get_mut() else { return list };
    tags.add::<tags::ContainerFormat>(&"Standard MIDI File", gst::TagMergeMode::Append);
    let first_track = song.events().map(|event| event.track).min();
    let in_first = |event: &Event<'_>| Some(event.track) == first_track;
    if let Some(title) = first(song, TextKind::TrackName, in_first) {
        tags.add::<tags::Title>(&title.as_str(), gst::TagMergeMode::Append);
    }
    if let Some(copyright) = first(song, TextKind::Copyright, |_| true) {
        tags.add::<tags::Copyright>(&copyright.as_str(), gst::TagMergeMode::Append);
    }
    if let Some(comment) = first(song, TextKind::Text, in_first) {
        tags.add::<tags::Comment>(&comment.as_str(), gst::TagMergeMode::Append);
    }
    if let smf_timeline::Division::Quarter(_) = song.tempo_map().division() {
        let tempo = 60_000_000.0 / f64::from(song.tempo_at(0));
        tags.add::<tags::BeatsPerMinute>(&tempo, gst::TagMergeMode::Append);
    }
    list
}

fn first(song: &Song, kind: TextKind, wanted: impl Fn(&Event<'_>) -> bool) -> Option<String> {
    song.events()
        .filter(wanted)
        .find_map(|event| match event.body {
            Body::Meta(Meta::Text(found, octets)) if found == kind => Some(decode_text(octets).trim().to_owned()),
            _ => None,
        })
        .filter(|text| !text.is_empty())
}
