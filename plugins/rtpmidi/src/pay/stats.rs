//! The fields that `rtpmidipay` adds to the `stats` of all RTP payloaders.

use super::packer::Packer;

pub(super) fn fill(stats: &mut gst::Structure, packer: &Packer) {
    let (now, past) = (packer.sender().stats(), packer.past());
    stats.set("packets", past.packets + now.packets);
    stats.set("guard-packets", past.guard_packets + now.guard_packets);
    stats.set("commands", past.commands + now.commands);
    stats.set("list-octets", past.list_octets + now.list_octets);
    stats.set("journal-octets", past.journal_octets + now.journal_octets);
    stats.set("journal-cuts", past.journal_cuts + now.journal_cuts);
    stats.set("short-lists", past.short_lists + now.short_lists);
    stats.set("oversized", past.oversized + now.oversized);
    stats.set("stalls", past.stalls + now.stalls);
    stats.set("reporters", now.reporters as u64);
    stats.set("checkpoint-distance", u64::from(now.checkpoint_distance));
    stats.set("sounding", packer.sender().sounding() as u64);
    stats.set("unused", past.unused + now.unused + packer.counts.unused);
    stats.set("undefined", packer.counts.undefined);
    stats.set("stray", packer.counts.stray);
}
