//! What both ends of a stream agree on (RFC 6295 section 6.1, appendix C).

mod beyond;
mod chapters;
mod commands;
mod mandate;
mod selection;
#[cfg(test)]
mod testing;

pub use chapters::{Chapters, Inclusion};
pub use commands::{Commands, Usage};
pub use selection::{Class, Letters, Numbers, Selection};

pub(crate) use chapters::{ChannelChapters, Parameters, Split, SysEx, SystemChapters};

use crate::Timing;
use crate::journal::LENGTH_MAX;

/// Parameters of one RTP MIDI stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// RTP clock ticks per second; there is no default (section 6.1).
    pub clock_rate: u32,
    /// `j_sec` and `j_update`.
    pub journal: Journal,
    /// Which media type the stream has.
    pub format: Format,
    /// `cm_used` and `cm_unused`.
    pub commands: Commands,
    /// `ch_never`, `ch_default` and `ch_anchor`.
    pub chapters: Chapters,
    /// Parameters (RPN from 0, NRPN from 16384 on) whose transactions a sender counts besides telling their values
    /// (A.4.2.2), because setting one to the value that it has does something.
    pub counted_parameters: Option<Numbers>,
    /// `tsmode` and what goes with it.
    pub timing: Timing,
    /// `rtp_ptime`: RTP clock ticks that a packet should span.
    pub ptime: Option<u32>,
    /// `rtp_maxptime`: RTP clock ticks that a packet spans at most.
    pub max_ptime: Option<u32>,
    /// Whether there may be receivers that the sender does not know of: in multicast, behind mixers and translators
    /// (C.2.2.2).
    pub multicast: bool,
    /// Most octets of an RTP packet with its 12-octet header.
    pub mtu: usize,
    /// Which channel commands of a packet have a status octet.
    pub status_octets: StatusOctets,
    /// `guardtime`: most RTP clock ticks between two packets.
    pub guardtime: Option<u32>,
    /// RTP clock ticks for which a NoteOn counts as simultaneous with a packet, so that its repair is played
    /// (the Y bit, A.6.2).
    pub fresh: u32,
}

/// How the stream is protected against loss (C.2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Journal {
    /// `j_sec=none`.
    None,
    /// `j_sec=recj`.
    Recovery(Policy),
}

/// How the sender chooses the checkpoint packet (C.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// `j_update=anchor`: the first packet, for ever.
    Anchor,
    /// `j_update=closed-loop`: follows the reports of the receivers; the first packet while nobody reports.
    ClosedLoop,
    /// `j_update=open-loop`: follows the sender by [`OPEN_LOOP_PACKETS`].
    OpenLoop,
}

/// Which channel commands of a packet have a status octet, of those that could do without (section 3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StatusOctets {
    /// Running status: none that has that of the command before it.
    #[default]
    Running,
    /// All: there are receivers that cannot read running status.
    All,
}

/// The media type of the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// `audio/rtp-midi` (section 6.1): the marker bit says that the list is not empty.
    Native,
    /// `audio/mpeg4-generic; mode=rtp-midi` (section 6.2): the marker bit is always set.
    Mpeg4Generic,
}

/// How many packets back an open-loop journal reaches.
pub const OPEN_LOOP_PACKETS: u32 = 1024;

/// The fixed part of an RTP header.
pub(crate) const RTP_HEADER: usize = 12;
/// The long header of a MIDI command section.
const LIST_HEADER: usize = 2;

impl Config {
    /// A native stream with the defaults of RFC 6295: recovery journal, closed loop, all commands but the undefined.
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            journal: Journal::Recovery(Policy::ClosedLoop),
            format: Format::Native,
            commands: Commands::default(),
            chapters: Chapters::default(),
            counted_parameters: None,
            timing: Timing::default(),
            ptime: None,
            max_ptime: None,
            multicast: false,
            mtu: 1400,
            status_octets: StatusOctets::default(),
            guardtime: None,
            fresh: clock_rate / 100,
        }
    }

    /// Chooses the journal. An open loop anchors what a receiver cannot set right by itself behind a loss that the
    /// journal does not reach back to: all but notes, time code and active sense (C.2.2.3). Rules that are there already
    /// for a chapter stay.
    pub fn set_journal(&mut self, journal: Journal) {
        self.journal = journal;
        if journal == Journal::Recovery(Policy::OpenLoop) {
            let rules = std::mem::take(&mut self.chapters);
            self.chapters.assign(Inclusion::Anchor, &Selection::of(Letters::of("ACDMPQTWX")));
            for (inclusion, selection) in rules.assignments() {
                self.chapters.assign(*inclusion, selection);
            }
        }
    }

    /// Octets of a packet for the payload, behind the RTP header and the header of the MIDI list.
    pub(crate) fn payload_room(&self) -> usize {
        self.mtu.saturating_sub(RTP_HEADER + LIST_HEADER)
    }

    /// Most octets of a system journal: half a packet, so that System Exclusives never leave no room for others.
    pub(crate) fn system_room(&self) -> usize {
        (self.payload_room() / 2).min(LENGTH_MAX)
    }

    /// RTP clock ticks of `milliseconds`.
    pub(crate) const fn ticks(&self, milliseconds: u32) -> u32 {
        (self.clock_rate as u64 * milliseconds as u64 / 1000) as u32
    }
}
