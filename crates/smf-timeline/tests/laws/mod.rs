//! What holds for any octets at all; the fuzz target calls this too.

use smf_timeline::{Body, Song};

/// Reads `file` both ways, asks everything, and writes it again.
pub(crate) fn reading_is_safe_and_stable(file: &[u8]) {
    let strict = Song::read(file, 0);
    let Ok((song, defects)) = Song::salvage(file, 0) else {
        assert!(strict.is_err());
        return;
    };
    match &strict {
        Ok(strict) => assert_eq!((strict, defects.as_slice()), (&song, &[][..])),
        Err(error) => assert_eq!(Some(error), defects.first()),
    }
    // No event is made of nothing, so memory is bounded by the size of the file.
    assert!(song.len() <= file.len());
    assert!(song.events().is_sorted_by_key(|event| (event.time, event.tick)));
    let middle = song.duration() / 2;
    let index = song.index_at(middle);
    assert!(song.range(0..index).all(|event| event.time < middle));
    assert!(song.range(index..song.len()).all(|event| event.time >= middle));
    song.chase(middle, |octets| {
        assert!(octets.len() == 2 || octets.len() == 3);
    });

    let again = Song::read(&song.encode(), 0).expect("what was written can be read");
    assert_eq!(messages(&again), messages(&song));
}

/// Every message with its time.
pub(crate) fn messages(song: &Song) -> Vec<(u64, &[u8])> {
    song.events()
        .filter_map(|event| match event.body {
            Body::Message(octets) => Some((event.time, octets)),
            Body::Meta(_) => None,
        })
        .collect()
}
