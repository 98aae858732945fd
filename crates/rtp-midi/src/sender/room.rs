//! Room in packets and journals, and waiting for it (RFC 6295, C.2.2.2).
//!
//! Commands that have gone out stand in journals until receivers report. So a command is taken only when the journals
//! to come have room for it, or nothing can make room.

use super::{Refusal, Sender, is_before};
use crate::journal::{Checkpoint, Room, Sizes, View, growth, voice_growth};
use crate::midi::{Channel, Command, Voice};
use crate::payload::{Writer, delta_length};

/// However long the journal, a list may have this many octets.
const LEAST_LIST: usize = 64;
/// Octets of a system journal that are not left to one segment of a System Exclusive.
const OTHER_SYSTEM: usize = 48;
/// Octets by which one octet of a list lengthens the next journal at most: a NoteOff in running status has three.
const MOST_GROWTH: usize = 9;
/// Milliseconds without a report after which a receiver counts as gone when commands wait for it (C.2.2.2): two of the
/// longest intervals of RTCP (RFC 3550, 6.3).
const PATIENCE: u32 = 12_500;

/// Whether commands wait for reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wait {
    /// They never do: nobody reports.
    Unheard,
    /// They do not until the next report, since the application has pressed on.
    PressedOn,
    /// They will if the journals are full.
    Heard,
    /// They do.
    Stalled,
}

impl Wait {
    pub(super) const fn is_possible(self) -> bool {
        matches!(self, Self::Heard | Self::Stalled)
    }
}

impl Sender {
    /// Most data octets of a System Exclusive segment that a packet has room for.
    ///
    /// The journals of the packets to come will speak of the segment too.
    pub fn segment_size(&mut self) -> usize {
        self.measure(self.covered.unwrap_or_default());
        let header = delta_length(u32::MAX) + 2;
        if self.checkpoint.is_none() {
            return self.list_limit(0) - header;
        }
        let system = self.config.system_room();
        let journal = self.journal.total() - self.journal.system() + self.room.taken() + system;
        (self.list_limit(journal) - header).min(system.saturating_sub(OTHER_SYSTEM)).max(1)
    }

    /// Reports have come, or receivers have gone: the next journal may be shorter, or longer where one came late.
    pub(super) fn reports_changed(&mut self) {
        self.measured = false;
        if self.wait == Wait::PressedOn {
            self.wait = Wait::Unheard;
        }
        self.begin_waiting();
        if self.wait == Wait::Stalled || self.checkpoint.as_ref().is_some_and(Checkpoint::has_late) {
            self.measure(self.covered.unwrap_or_default());
        }
    }

    /// Waits for nobody until the next report: commands are taken however long the journals become.
    pub fn press_on(&mut self) {
        self.wait = Wait::PressedOn;
    }

    /// Counts what commands add to the journals from here on, if they may ever have to wait. Nothing may be queued that
    /// has not been counted.
    pub(super) fn begin_waiting(&mut self) {
        match (self.wait, self.checkpoint.as_ref().is_some_and(Checkpoint::is_heard)) {
            (Wait::Unheard, true) if self.list.is_empty() => {
                (self.wait, self.measured) = (Wait::Heard, false);
                self.measure(self.covered.unwrap_or_default());
            }
            (Wait::Heard | Wait::Stalled, false) => self.wait = Wait::Unheard,
            _ => {}
        }
    }

    /// Whether a report that is still to come can make the journal shorter.
    fn awaits(&self) -> bool {
        let active = if self.list.is_empty() { self.active } else { self.next };
        self.wait.is_possible() && self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.awaits(active))
    }

    /// Whether commands wait for reports (see [`Refusal::Stalled`]).
    pub fn is_stalled(&self) -> bool {
        self.wait == Wait::Stalled
    }

    /// Takes room for `command` in the journals to come, unless it has to wait.
    ///
    /// A command that is then refused all the same keeps its room until the journal is next measured.
    pub(super) fn admit(&mut self, time: u32, command: &Command<'_>) -> Result<(), Refusal> {
        let growth = growth(command);
        if self.room.take(command, growth) || !self.awaits() {
            return Ok(());
        }
        if !self.list.is_empty() {
            return Err(Refusal::Full);
        }
        self.find_room(time, command, growth)?;
        self.room.shrink(growth);
        Ok(())
    }

    /// Whether nothing keeps a channel command out, as far as can be seen at once; takes its room.
    #[inline]
    pub(super) fn has_way(&mut self, channel: Channel, voice: Voice) -> bool {
        !self.subset.watches(channel)
            && self.config.max_ptime.is_none()
            && match self.wait {
                Wait::Unheard | Wait::PressedOn => true,
                Wait::Stalled => false,
                Wait::Heard => self.room.take_for_channel(voice_growth(voice)),
            }
    }

    /// Looks whether the part of the journal that `command` is told in has room, or nothing can make any.
    fn find_room(&mut self, time: u32, command: &Command<'_>, growth: usize) -> Result<(), Refusal> {
        let now = self.covered.filter(|covered| is_before(time, *covered)).unwrap_or(time);
        let (system, total) = self.limits();
        let found = |sender: &Self| sender.journal.room_for(command, system, total) >= growth || !sender.awaits();
        self.measure(now);
        if found(self) {
            return Ok(());
        }
        let patience = self.config.ticks(PATIENCE);
        self.measured &= !self.checkpoint.as_mut().is_some_and(|checkpoint| checkpoint.drop_silent(now, patience));
        self.measure(now);
        if found(self) {
            return Ok(());
        }
        self.stats.stalls += u64::from(self.wait == Wait::Heard);
        self.wait = Wait::Stalled;
        Err(Refusal::Stalled)
    }

    /// Most octets of the system journal and of the whole journal.
    fn limits(&self) -> (usize, usize) {
        (self.config.system_room(), self.config.payload_room().saturating_sub(LEAST_LIST))
    }

    /// The journal of the packet under construction has these sizes, and that of the next one tells of its list too.
    pub(super) fn journal_written(&mut self, sizes: Sizes) {
        debug_assert!(
            !self.wait.is_possible() || sizes.total() <= self.journal_most,
            "{sizes:?}: {}",
            self.journal_most
        );
        self.journal = sizes;
        self.measured = self.list.is_empty();
        let growth = if self.wait.is_possible() { self.room.taken() } else { MOST_GROWTH * self.list.octets().len() };
        self.journal_most = sizes.total() + growth;
        if self.wait.is_possible() {
            self.room = self.room_beside(growth);
        }
    }

    /// Finds out how long the journal is to the octet.
    pub(super) fn measure(&mut self, now: u32) {
        if self.measured {
            return;
        }
        if let Some(view) = self.view(now) {
            self.journal = self.ahead.code(&mut self.history, view).sizes;
            self.journal_most = self.journal.total();
            if self.wait.is_possible() {
                let taken = if self.list.is_empty() { 0 } else { self.room.taken() };
                self.room = self.room_beside(0);
                self.room.shrink(taken);
            }
        }
        self.measured = true;
    }

    /// The window of the journal of the packet under construction.
    pub(super) fn view(&self, now: u32) -> Option<View> {
        self.checkpoint.as_ref().map(|checkpoint| checkpoint.view(self.next, now, &self.config))
    }

    /// The room beside the latest journal and `growth` octets that the next one adds.
    fn room_beside(&self, growth: usize) -> Room {
        let (system, total) = self.limits();
        self.journal.room(system, total, growth)
    }

    /// Most octets of a list beside a journal of `journal` octets.
    pub(super) fn list_limit(&self, journal: usize) -> usize {
        self.config.payload_room().saturating_sub(journal).clamp(LEAST_LIST, Writer::MAX)
    }
}
