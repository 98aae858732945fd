//! What sounds at the end of a stream that may stop before its last message has arrived.

use super::Sounding;

/// The notes and pedals that are down where the messages of a stream go, and the messages that let them go.
///
/// The message that is on its way when a stream stops may arrive or not. It is taken for both: what it makes sound is let
/// go, and so is what it would have let go.
#[derive(Clone, Debug, Default)]
pub struct Downstream {
    arrived: Sounding,
    /// The same with the message that is on its way.
    passed: Sounding,
    /// What lets go, from the back.
    release: Vec<[u8; 3]>,
}

impl Downstream {
    /// Takes note of a message, status octet first, that is on its way from now on; all before it have arrived.
    pub fn pass(&mut self, message: &[u8]) {
        self.arrive();
        self.passed.observe(message);
    }

    /// Takes note that all messages have arrived.
    pub fn arrive(&mut self) {
        self.arrived.clone_from(&self.passed);
    }

    /// Ends all that sounds, and all that may: [`Self::next_release`] gives the messages.
    pub fn let_go(&mut self) {
        self.passed.take_in(&self.arrived);
        self.release = self.passed.release();
        self.release.reverse();
    }

    /// The next message that lets something go; it is on its way from now on.
    pub fn next_release(&mut self) -> Option<[u8; 3]> {
        let message = self.release.pop()?;
        self.pass(&message);
        Some(message)
    }

    /// Whether something remains to be let go.
    pub fn is_releasing(&self) -> bool {
        !self.release.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn released(downstream: &mut Downstream) -> Vec<[u8; 3]> {
        downstream.let_go();
        std::iter::from_fn(|| downstream.next_release()).collect()
    }

    #[test]
    fn what_has_arrived_is_known() {
        let mut downstream = Downstream::default();
        downstream.pass(&[0x90, 60, 1]);
        downstream.pass(&[0x90, 62, 1]);
        downstream.pass(&[0x80, 60, 0]);
        downstream.arrive();
        assert_eq!(released(&mut downstream), [[0x80, 62, 64]]);
        downstream.arrive();
        assert!(released(&mut downstream).is_empty());
    }

    #[test]
    fn a_stop_while_notes_are_let_go_leaves_none() {
        let mut downstream = Downstream::default();
        downstream.pass(&[0x90, 60, 1]);
        downstream.pass(&[0x90, 62, 1]);
        downstream.arrive();
        downstream.let_go();
        assert_eq!(downstream.next_release(), Some([0x80, 60, 64]));
        assert!(downstream.is_releasing());
        assert_eq!(released(&mut downstream), [[0x80, 60, 64], [0x80, 62, 64]]);
    }

    fn message() -> impl Strategy<Value = Vec<u8>> {
        let note = prop_oneof![Just(0x80_u8), Just(0x90)].prop_flat_map(|status| (Just(status), 0..4_u8, 0..2_u8));
        let control =
            (Just(0xB0_u8), prop_oneof![Just(64_u8), Just(121), Just(123)], prop_oneof![Just(0_u8), Just(127)]);
        prop_oneof![note, control].prop_map(|(status, first, second)| vec![status, first, second])
    }

    proptest! {
        #[test]
        fn nothing_sounds_whether_or_not_the_last_message_arrives(
            messages in proptest::collection::vec(message(), 1..40), arrives: bool
        ) {
            let (mut downstream, mut there) = (Downstream::default(), Sounding::default());
            for (number, message) in messages.iter().enumerate() {
                downstream.pass(message);
                if arrives || number + 1 < messages.len() {
                    there.observe(message);
                }
            }
            for message in released(&mut downstream) {
                there.observe(&message);
            }
            prop_assert_eq!(there, Sounding::default());
        }
    }
}
