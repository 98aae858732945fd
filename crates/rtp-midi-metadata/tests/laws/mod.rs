//! What holds for any octets at all; the fuzz target calls this too.

use rtp_midi_metadata::{Listener, Report, ticks_after};

/// Reads `packet`, writes it again, chooses of it, and listens to it.
pub(crate) fn a_packet_is_refused_or_means_what_is_written_of_it(packet: &[u8]) {
    let Ok((ssrc, report)) = Report::decode(packet) else { return };
    // Nothing is made of nothing, so memory is bounded by the size of the packet.
    assert!(6 * report.texts.len() + 12 * report.pieces.len() <= packet.len());
    let written = report.encode(ssrc);
    assert!(written.len() <= Report::LONGEST && written.len() % 4 == 0);
    let (source, again) = Report::decode(&written).expect("what was written can be read");
    assert_eq!((source, again.encode(ssrc)), (ssrc, written));

    let now = ssrc;
    for limit in [0, 40, 100, 400] {
        let chosen = again.clone().choose(now, limit);
        assert!(chosen.encode(ssrc).len() <= limit.max(12));
        assert!(chosen.texts.is_sorted_by_key(|text| ticks_after(text.timestamp, now)));
    }
    let mut listener = Listener::new(44_100);
    listener.hear(report);
    let told = listener.due(now).len();
    assert!(told <= 257 && listener.due(now).is_empty());
}
