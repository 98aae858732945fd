//! Windows for the chapters' tests.

use super::window::{Seq, View};

/// The journal of packet 20 with checkpoint 10.
pub(crate) const VIEW: View =
    View { since: Seq(10), checkpoint: Seq(10), previous: Seq(19), now: 0, fresh: 441, room: 1000 };

/// [`VIEW`] with another start.
pub(crate) fn view(since: Seq) -> View {
    View { since, checkpoint: since, ..VIEW }
}
