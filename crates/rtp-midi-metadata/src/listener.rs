//! What a listener makes of the packets: each thing once, when it is due.

use std::collections::VecDeque;

use crate::report::{Piece, Report};
use crate::text::Text;
use crate::ticks_after;

/// Remembers what is to come and what has been told.
#[derive(Clone, Debug)]
pub struct Listener {
    clock_rate: u32,
    /// What the latest packet told.
    latest: Report,
    /// The timestamps at which listening began, and that is the latest.
    since: Option<(u32, u32)>,
    /// The serial number of the piece that has been told.
    piece: Option<u16>,
    told: VecDeque<Text>,
}

/// Something that is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// This piece is being played.
    Piece(Piece),
    /// This is to be sung, or is reached.
    Text(Text),
}

/// Texts that are taken of a packet, and remembered as told: more than fit into one of [`Report::LONGEST`] octets.
const REMEMBERED: usize = 256;

impl Listener {
    /// A listener that has heard nothing, of a stream whose clock ticks so often in a second.
    pub fn new(clock_rate: u32) -> Self {
        Self { clock_rate, latest: Report::default(), since: None, piece: None, told: VecDeque::new() }
    }

    /// Takes a packet, which replaces what earlier ones said of the future: a sender that goes elsewhere in the music
    /// takes it back this way. It must come from the source of the stream.
    pub fn hear(&mut self, mut report: Report) {
        report.texts.truncate(REMEMBERED);
        self.latest = report;
    }

    /// What is due at the timestamp `now` and has not been told yet, in the order of time.
    ///
    /// Texts from before the first time that this is asked are passed over: they belong to music that was not heard. A
    /// `now` that is a little earlier than the one before, because messages overtake each other, counts as that one.
    pub fn due(&mut self, now: u32) -> Vec<News> {
        let (since, latest) = *self.since.get_or_insert((now, now));
        let back = ticks_after(latest, now);
        // Two seconds; the rate comes from the network.
        let a_little = self.clock_rate.saturating_mul(2).min(i32::MAX.cast_unsigned()).cast_signed();
        let now = if (0..=a_little).contains(&back) { latest } else { now };
        let mut due = Vec::new();
        let mut begun = self.latest.pieces.iter().filter(|piece| ticks_after(piece.start, now) <= 0);
        if let Some(piece) = begun.next_back().filter(|piece| self.piece != Some(piece.serial)) {
            self.piece = Some(piece.serial);
            due.push((piece.start, News::Piece(piece.clone())));
        }
        let is_over = |text: &mut Text| ticks_after(text.timestamp, now) <= 0;
        let over: Vec<Text> = self.latest.texts.extract_if(.., is_over).collect();
        for text in over {
            if ticks_after(text.timestamp, since) >= 0 && !self.told.iter().any(|told| self.is_same(told, &text)) {
                if self.told.len() == REMEMBERED {
                    self.told.pop_front();
                }
                self.told.push_back(text.clone());
                due.push((text.timestamp, News::Text(text)));
            }
        }
        due.sort_by_key(|(timestamp, _)| ticks_after(*timestamp, now));
        // What is farther back than half the circle would seem to come.
        let is_far = ticks_after(now, since) > i32::MAX / 2;
        self.since = Some((if is_far { now.wrapping_sub(self.clock_rate) } else { since }, now));
        due.into_iter().map(|(_, news)| news).collect()
    }

    /// Whether two texts are one: a sender may round the time of a text in another way in the next packet.
    fn is_same(&self, told: &Text, text: &Text) -> bool {
        let apart = ticks_after(text.timestamp, told.timestamp).unsigned_abs();
        told.kind == text.kind && told.text == text.text && apart <= self.clock_rate / 50
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Kind;

    const SECOND: u32 = 44_100;

    fn lyric(timestamp: u32, text: &str) -> Text {
        Text { kind: Kind::Lyric, timestamp, text: text.to_owned() }
    }

    fn piece(serial: u16, start: u32) -> Piece {
        Piece { serial, start, ..Piece::default() }
    }

    fn texts(texts: &[Text]) -> Report {
        Report { pieces: Vec::new(), texts: texts.to_vec() }
    }

    #[test]
    fn a_text_is_told_once_however_often_it_is_repeated_and_rounded() {
        let mut listener = Listener::new(SECOND);
        assert_eq!(listener.due(0), []);
        listener.hear(texts(&[lyric(SECOND, "la"), lyric(2 * SECOND, "la")]));
        assert_eq!(listener.due(SECOND), [News::Text(lyric(SECOND, "la"))]);
        listener.hear(texts(&[lyric(SECOND - 1, "la"), lyric(2 * SECOND + 1, "la")]));
        assert_eq!(listener.due(3 * SECOND), [News::Text(lyric(2 * SECOND + 1, "la"))]);
    }

    #[test]
    fn a_late_text_is_told_but_none_of_the_time_before_listening() {
        let mut listener = Listener::new(SECOND);
        assert_eq!(listener.due(10 * SECOND), []);
        listener.hear(texts(&[lyric(9 * SECOND, "early"), lyric(11 * SECOND, "late")]));
        assert_eq!(listener.due(15 * SECOND), [News::Text(lyric(11 * SECOND, "late"))]);
    }

    #[test]
    fn the_next_packet_takes_back_what_does_not_come() {
        let mut listener = Listener::new(SECOND);
        listener.hear(texts(&[lyric(SECOND, "here")]));
        assert_eq!(listener.due(0), []);
        listener.hear(texts(&[lyric(2 * SECOND, "there")]));
        assert_eq!(listener.due(2 * SECOND), [News::Text(lyric(2 * SECOND, "there"))]);
    }

    #[test]
    fn a_piece_is_told_when_it_begins_and_the_current_one_at_once() {
        let mut listener = Listener::new(SECOND);
        listener.hear(Report { pieces: vec![piece(1, SECOND), piece(2, 9 * SECOND)], texts: Vec::new() });
        assert_eq!(listener.due(5 * SECOND), [News::Piece(piece(1, SECOND))]);
        assert_eq!(listener.due(8 * SECOND), []);
        assert_eq!(listener.due(9 * SECOND), [News::Piece(piece(2, 9 * SECOND))]);
        assert_eq!(listener.due(9 * SECOND - 10), [], "time does not go back by so little");
        listener.hear(Report { pieces: vec![piece(2, 9 * SECOND + 1)], texts: Vec::new() });
        assert_eq!(listener.due(10 * SECOND), []);
    }

    #[test]
    fn any_clock_rate_will_do() {
        for rate in [1, 1 << 30, u32::MAX] {
            let mut listener = Listener::new(rate);
            assert_eq!(listener.due(10), []);
            listener.hear(texts(&[lyric(11, "la")]));
            assert_eq!(listener.due(9), [], "{rate}: time does not go back");
            assert_eq!(listener.due(11), [News::Text(lyric(11, "la"))], "{rate}");
        }
    }

    #[test]
    fn timestamps_go_round() {
        let mut listener = Listener::new(SECOND);
        assert_eq!(listener.due(u32::MAX - 9), []);
        listener.hear(texts(&[lyric(20, "behind zero")]));
        assert_eq!(listener.due(u32::MAX), []);
        assert_eq!(listener.due(20), [News::Text(lyric(20, "behind zero"))]);
        for quarter in 0..20_u32 {
            let now = quarter.wrapping_mul(1 << 30).wrapping_add(20);
            let text = lyric(now - 1, &quarter.to_string());
            listener.hear(texts(std::slice::from_ref(&text)));
            assert_eq!(listener.due(now), [News::Text(text)]);
        }
    }
}
