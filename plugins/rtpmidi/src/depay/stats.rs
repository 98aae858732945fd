//! The fields that `rtpmididepay` adds to the `stats` of all RTP depayloaders.

use super::unpacker::Unpacker;

pub(super) fn fill(stats: &mut gst::Structure, unpacker: &Unpacker) {
    let receiver = unpacker.receiver();
    let now = receiver.stats();
    stats.set("packets", now.packets);
    stats.set("lost", now.lost);
    stats.set("losses", now.losses);
    stats.set("late", now.late);
    stats.set("commands", now.commands);
    stats.set("repaired", now.repairs);
    stats.set("silenced", now.silenced);
    stats.set("uncovered", now.uncovered);
    stats.set("restarts", now.restarts);
    stats.set("ssrc-changes", unpacker.counts.ssrc_changes);
    stats.set("timeouts", unpacker.counts.timeouts);
    stats.set("late-notes", unpacker.counts.late_notes);
    stats.set("malformed-packets", now.malformed_payloads);
    stats.set("malformed-lists", now.malformed_lists);
    stats.set("malformed-journals", now.malformed_journals);
    stats.set("clamped-deltas", now.clamped_deltas);
    stats.set("unused", now.unused);
    stats.set("sounding", receiver.sounding() as u64);
}
