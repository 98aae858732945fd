//! What a system journal makes a receiver do.
//!
//! A lost Reset State command comes first: what the journal codes besides is newer. Time code and sequencer come
//! last, behind the channels, so that the music goes on with everything in place.

use super::sysex::Missing;
use super::time_code::Repair;
use super::{History, Journal, sequencer};
use crate::journal::window::{Loss, Origin};
use crate::midi::{Command, End, Part, Segment, System};

impl History {
    /// Whether a System Reset is lost.
    pub(crate) fn lacks_reset(&self, theirs: &Journal<'_>) -> bool {
        theirs.simple.is_some_and(|simple| self.simple.lacks_reset(&simple))
    }

    /// The System Exclusives, or pieces of them, that are lost.
    pub(crate) fn missing_sysex(&mut self, theirs: Option<&Journal<'_>>, loss: &Loss) -> Vec<Missing> {
        self.sysex.repair(theirs.and_then(|theirs| theirs.sysex.as_ref()), loss)
    }

    /// Repairs Chapters D and V.
    pub(crate) fn repair_simple(&mut self, theirs: &Journal<'_>, loss: &Loss, play: &mut impl FnMut(&Command<'_>)) {
        if let Some(simple) = theirs.simple {
            let (mut data, mut lost) = (<[Vec<u8>; 2]>::default(), Vec::new());
            self.simple.repair(&simple, &mut data, &mut lost);
            for system in lost {
                play(&Command::System(system));
                self.observe(&system, loss.stamp(), Origin::Repair);
            }
            self.simple.adopt(&simple);
        }
        if let Some(active_sense) = theirs.active_sense {
            if self.active_sense.lacks(&active_sense) {
                play(&Command::System(System::ActiveSense));
                self.active_sense.observe(loss.stamp(), Origin::Repair);
            }
            self.active_sense.adopt(&active_sense);
        }
    }

    /// Repairs Chapters F and Q.
    pub(crate) fn repair_time(&mut self, theirs: &Journal<'_>, loss: &Loss, play: &mut impl FnMut(&Command<'_>)) {
        if let Some(time_code) = theirs.time_code {
            let mut lost = Vec::new();
            self.time_code.repair(&time_code, &mut lost);
            for repair in lost {
                match repair {
                    Repair::Full(data) => play(&full_frame(&data)),
                    Repair::Quarter(value) => play(&Command::System(System::QuarterFrame(value))),
                }
            }
            self.time_code.adopt(&time_code, loss.stamp());
        }
        if let Some(sequencer) = theirs.sequencer {
            self.repair_sequencer(&sequencer, play);
        }
    }

    fn repair_sequencer(&mut self, theirs: &sequencer::Chapter, play: &mut impl FnMut(&Command<'_>)) {
        let mut lost = Vec::new();
        self.sequencer.repair(theirs, &mut lost);
        for system in lost {
            play(&Command::System(system));
        }
        self.sequencer.adopt(theirs);
    }

    /// Takes the song and the sequencer's state if it has heard of neither.
    pub(crate) fn catch_up(&mut self, theirs: &Journal<'_>, loss: &Loss, play: &mut impl FnMut(&Command<'_>)) {
        if let Some(song) = theirs.simple.and_then(|simple| self.simple.unknown_song(&simple)) {
            play(&Command::System(song));
            self.observe(&song, loss.stamp(), Origin::Repair);
        }
        if let Some(sequencer) = theirs.sequencer.filter(|_| !self.sequencer.is_known()) {
            self.repair_sequencer(&sequencer, play);
        }
    }

    /// Takes the counts from the journal of a packet behind which nothing is missing: Reset State commands hide
    /// logs while the counts go on, so that ours may be behind.
    pub(crate) fn align(&mut self, theirs: &Journal<'_>) {
        if let Some(simple) = theirs.simple {
            self.simple.adopt(&simple);
        }
        if let Some(active_sense) = theirs.active_sense {
            self.active_sense.adopt(&active_sense);
        }
        if let Some(sysex) = theirs.sysex {
            self.sysex.align(&sysex);
        }
    }

    /// Calls off a System Exclusive under way; says whether there was one.
    pub(crate) fn cancel_sysex(&mut self) -> bool {
        self.sysex.cancel()
    }
}

fn full_frame(data: &[u8; 8]) -> Command<'_> {
    Command::from(Segment { part: Part::Whole(End::Eox), data })
}
