//! The order in which pieces are played: round after round, as they stand or shuffled, while pieces come and go.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use fastrand::Rng;

use super::piece::Piece;

/// How a round is made of the pieces.
#[derive(Clone, Debug)]
pub(super) enum Order {
    /// As they stand.
    Given,
    /// Each round anew, and never one piece twice running.
    Shuffled(Rng),
}

/// The pieces of a channel, and what is left of this round.
#[derive(Clone, Debug)]
pub(super) struct Rotation {
    /// In the order of the programme.
    pieces: Vec<Arc<Piece>>,
    order: Order,
    repeat: bool,
    round: VecDeque<Arc<Piece>>,
    /// The latest piece given out.
    latest: Option<Arc<Piece>>,
}

impl Rotation {
    /// A rotation of pieces in the order of the programme; with `repeat` it has no end.
    pub(super) fn new(pieces: Vec<Arc<Piece>>, order: Order, repeat: bool) -> Self {
        let mut rotation = Self { pieces, order, repeat, round: VecDeque::new(), latest: None };
        rotation.begin();
        rotation
    }

    /// The next piece.
    pub(super) fn next(&mut self) -> Option<Arc<Piece>> {
        if self.round.is_empty() && self.repeat {
            self.begin();
        }
        let next = self.round.pop_front()?;
        self.latest = Some(next.clone());
        Some(next)
    }

    /// Whether no piece follows, and none ever will.
    pub(super) fn is_complete(&self) -> bool {
        !self.repeat && self.round.is_empty()
    }

    /// The pieces, in the order of the programme.
    pub(super) fn pieces(&self) -> &[Arc<Piece>] {
        &self.pieces
    }

    /// Whether there are no pieces.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Takes a piece in, at its place: in a round that has passed it, it waits for the next one.
    pub(super) fn insert(&mut self, piece: Arc<Piece>) {
        self.remove(&piece.path);
        let place = self.pieces.partition_point(|other| other.place <= piece.place);
        self.pieces.insert(place, piece.clone());
        match &mut self.order {
            Order::Shuffled(random) => self.round.insert(random.usize(..=self.round.len()), piece),
            Order::Given if self.latest.as_ref().is_none_or(|latest| latest.place < piece.place) => {
                let place = self.round.partition_point(|other| other.place <= piece.place);
                self.round.insert(place, piece);
            }
            Order::Given => {}
        }
    }

    /// Leaves a file out from now on.
    pub(super) fn remove(&mut self, path: &Path) {
        self.pieces.retain(|piece| piece.path != path);
        self.round.retain(|piece| piece.path != path);
    }

    /// What is played first: one round, and with `repeat` as much as it takes to hear each piece behind all others
    /// once.
    pub(super) fn rehearsal(&self) -> Vec<Arc<Piece>> {
        let mut copy = self.clone();
        let rounds = match self.order {
            _ if !self.repeat => self.pieces.len(),
            Order::Given => self.pieces.len() + 1,
            Order::Shuffled(_) => self.pieces.len() * 2,
        };
        (0..rounds).map_while(|_| copy.next()).collect()
    }

    fn begin(&mut self) {
        self.round = self.pieces.iter().cloned().collect();
        if let Order::Shuffled(random) = &mut self.order {
            random.shuffle(self.round.make_contiguous());
            let first = self.round.front();
            let again = self.latest.as_ref().zip(first).is_some_and(|(latest, first)| latest.path == first.path);
            if again && self.round.len() > 1 {
                let other = random.usize(1..self.round.len());
                self.round.swap(0, other);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn rotation(count: u8, order: Order, repeat: bool) -> Rotation {
        Rotation::new((0..count).map(|number| Arc::new(Piece::named(&number.to_string()))).collect(), order, repeat)
    }

    fn next(rotation: &mut Rotation, count: usize) -> Vec<String> {
        (0..count).map_while(|_| rotation.next()).map(|piece| piece.title.clone()).collect()
    }

    #[test]
    fn pieces_follow_each_other_in_order_once_or_for_ever() {
        let mut once = rotation(3, Order::Given, false);
        assert_eq!(next(&mut once, 9), ["0", "1", "2"]);
        assert!(once.is_complete());
        let mut ever = rotation(2, Order::Given, true);
        assert_eq!(next(&mut ever, 5), ["0", "1", "0", "1", "0"]);
        assert!(!ever.is_complete());
        assert_eq!(ever.rehearsal().len(), 3);
    }

    #[test]
    fn a_shuffled_round_has_each_piece_once_and_none_is_played_twice_running() {
        for seed in 0..50 {
            let mut rotation = rotation(4, Order::Shuffled(Rng::with_seed(seed)), true);
            let heard = next(&mut rotation, 40);
            for round in heard.chunks(4) {
                assert_eq!(round.iter().collect::<HashSet<_>>().len(), 4, "{heard:?}");
            }
            assert!(heard.windows(2).all(|pair| pair[0] != pair[1]), "{heard:?}");
            let rounds: HashSet<_> = heard.chunks(4).collect();
            assert!(rounds.len() > 1, "one order again and again: {heard:?}");
        }
        assert_eq!(next(&mut rotation(1, Order::Shuffled(Rng::with_seed(1)), true), 3), ["0", "0", "0"]);
    }

    #[test]
    fn the_rehearsal_is_what_will_be_played() {
        let mut rotation = rotation(5, Order::Shuffled(Rng::with_seed(7)), true);
        let rehearsed: Vec<_> = rotation.rehearsal().iter().map(|piece| piece.title.clone()).collect();
        assert_eq!(rehearsed, next(&mut rotation, 10));
    }

    #[test]
    fn a_piece_that_comes_is_played_in_its_place_and_one_that_goes_no_more() {
        let mut rotation = rotation(4, Order::Given, true);
        rotation.remove(Path::new("2"));
        assert_eq!(next(&mut rotation, 2), ["0", "1"]);
        rotation.insert(Arc::new(Piece::named("2")));
        rotation.insert(Arc::new(Piece::named("00")));
        assert_eq!(next(&mut rotation, 7), ["2", "3", "0", "00", "1", "2", "3"]);
        for path in ["0", "00", "1", "2", "3"] {
            rotation.remove(Path::new(path));
        }
        assert!(rotation.is_empty() && rotation.next().is_none() && !rotation.is_complete());
        rotation.insert(Arc::new(Piece::named("5")));
        assert_eq!(next(&mut rotation, 2), ["5", "5"]);
    }

    #[test]
    fn a_piece_that_comes_into_a_shuffled_round_is_heard_in_it() {
        for seed in 0..20 {
            let mut rotation = rotation(3, Order::Shuffled(Rng::with_seed(seed)), true);
            rotation.next();
            rotation.insert(Arc::new(Piece::named("new")));
            assert!(next(&mut rotation, 3).contains(&"new".to_owned()));
        }
    }
}
