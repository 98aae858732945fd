//! The journal of the packet under construction, coded before the packet goes out.

use super::is_before;
use crate::journal::{History, View, Written};

/// What has been coded of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Ahead {
    octets: Vec<u8>,
    /// How it was looked at, and what it came to.
    coded: Option<(View, Written)>,
}

impl Ahead {
    /// Codes it.
    pub(super) fn code(&mut self, history: &mut History, view: View) -> Written {
        self.octets.clear();
        let written = history.encode(&view, &mut self.octets);
        self.coded = Some((view, written));
        written
    }

    /// Appends what has been coded, if it is what would be coded now; `covered` is the latest time of a command.
    pub(super) fn take(&mut self, view: &View, covered: Option<u32>, out: &mut Vec<u8>) -> Option<Written> {
        let (seen, written) = self.coded.take()?;
        // Time tells only how fresh notes are. Once all that has been struck is stale, it stays so.
        let is_stale =
            |now: u32| covered.is_none_or(|covered| !is_before(now, covered) && now.wrapping_sub(covered) > view.fresh);
        let is_same_time = seen.now == view.now || is_stale(seen.now) && is_stale(view.now);
        if !is_same_time || (View { now: view.now, ..seen }) != *view {
            return None;
        }
        out.extend_from_slice(&self.octets);
        Some(written)
    }
}
