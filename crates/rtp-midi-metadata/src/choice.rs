//! What of it goes into the next packet.

use crate::report::Report;
use crate::text::Text;
use crate::ticks_after;

impl Report {
    /// Chooses what a packet of at most `limit` octets tells at the timestamp `now`.
    ///
    /// The piece that is played comes first; then the coming texts, those first that are due soonest; then the pieces that
    /// follow, in their order; then the recent texts, the latest first.
    #[must_use]
    pub fn choose(mut self, now: u32, limit: usize) -> Self {
        let mut room = limit.saturating_sub(EMPTY) / 4 * 4;
        let mut take = |octets: usize| {
            let fits = octets <= room;
            room -= if fits { octets } else { 0 };
            fits
        };
        let later = self.pieces.split_off(self.pieces.len().min(1));
        self.pieces.retain(|piece| take(piece.octets()));
        let place = |text: &Text| ticks_after(text.timestamp, now);
        let (mut coming, mut recent): (Vec<_>, Vec<_>) = self.texts.into_iter().partition(|text| place(text) >= 0);
        coming.sort_by_key(place);
        // Not to be negated: one timestamp is as far ahead as it is back.
        recent.sort_by_key(place);
        // A later one never takes the place of an earlier one.
        let fitting = coming.iter().take_while(|text| take(text.octets())).count();
        coming.truncate(fitting);
        // A piece that begins soon may be told in the next packet: the music in front of it has texts that may not.
        self.pieces.extend(later.into_iter().filter(|piece| take(piece.octets())));
        let fitting = recent.iter().rev().take_while(|text| take(text.octets())).count();
        recent.drain(..recent.len() - fitting);
        recent.append(&mut coming);
        self.texts = recent;
        self
    }
}

/// Octets of a packet without items.
const EMPTY: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Piece;
    use crate::text::Kind;

    /// The times of the texts that are chosen of these at time 100, where so many fit.
    fn chosen(timestamps: &[u32], fit: usize) -> Vec<u32> {
        let text = |timestamp: &u32| Text { kind: Kind::Cue, timestamp: *timestamp, text: "ab".to_owned() };
        let report = Report { pieces: Vec::new(), texts: timestamps.iter().map(text).collect() };
        report.choose(100, EMPTY + 8 * fit).texts.iter().map(|text| text.timestamp).collect()
    }

    #[test]
    fn what_comes_soon_is_more_than_what_comes_later_or_was() {
        let all = [80, 90, 100, 110, 120];
        assert_eq!(chosen(&all, 9), all);
        assert_eq!(chosen(&all, 4), [90, 100, 110, 120]);
        assert_eq!(chosen(&all, 2), [100, 110]);
        assert_eq!(chosen(&all, 0), [0; 0]);
    }

    #[test]
    fn coming_texts_are_told_before_the_piece_that_follows() {
        let piece = |serial| Piece { serial, title: "x".repeat(80), ..Piece::default() };
        let text = |timestamp| Text { kind: Kind::Lyric, timestamp, text: "la".to_owned() };
        let report = Report { pieces: vec![piece(1), piece(2)], texts: (0..30).map(text).collect() };
        let room = |texts: usize| EMPTY + piece(1).octets() + texts * text(0).octets();
        let told = |limit| {
            let chosen = report.clone().choose(0, limit);
            (chosen.pieces.len(), chosen.texts.len())
        };
        assert_eq!(told(room(29) + 8), (1, 29));
        assert_eq!(told(room(30) + piece(2).octets() + 8), (2, 30));
    }

    #[test]
    fn a_piece_is_told_before_any_text() {
        let piece = Piece { title: "Canon".to_owned(), ..Piece::default() };
        let text = Text { kind: Kind::Text, timestamp: 0, text: "x".repeat(50) };
        let report = Report { pieces: vec![piece.clone()], texts: vec![text] }.choose(0, 40);
        assert_eq!(report, Report { pieces: vec![piece], texts: Vec::new() });
    }
}
