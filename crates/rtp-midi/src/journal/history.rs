//! What both ends remember of a stream: the session history of RFC 6295 A.1, as far as journals code it.

use super::channel;
use super::section::{self, Section};
use super::window::{Loss, Origin, S, Stamp, View};
use crate::midi::{Channel, Command, Segment, System, Voice};

/// Sixteen channels; each takes memory from its first command on.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    channels: [Option<Box<channel::History>>; 16],
}

/// What a journal came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Coded {
    /// Octets.
    pub(crate) length: usize,
    /// Channels of which the oldest settings had to be left out.
    pub(crate) cut: u32,
}

/// What a repair came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Repaired {
    /// Channel journals that could not be read.
    pub(crate) malformed: u32,
}

impl History {
    /// Takes note of a command.
    #[inline]
    pub(crate) fn observe(&mut self, command: &Command<'_>, stamp: Stamp) {
        match *command {
            Command::Channel(channel, voice) => self.channel(channel).observe(voice, stamp, Origin::Stream),
            Command::System(System::Reset) => self.reset_state(),
            Command::System(System::SysEx(segment)) if is_reset_state(&segment) => self.reset_state(),
            Command::System(_) => {}
        }
    }

    /// Appends the journal section.
    pub(crate) fn encode(&mut self, view: &View, out: &mut Vec<u8>) -> Coded {
        let start = out.len();
        out.extend([0; section::HEADER]);
        let (mut s, mut channels, mut cut) = (S::Unchanged, 0, 0);
        for (channel, history) in Channel::all().zip(&mut self.channels) {
            if let Some(coded) = history.as_mut().and_then(|history| history.encode(channel, view, out)) {
                s = s.and(coded.s);
                channels += 1;
                cut += u32::from(coded.cut);
            }
        }
        section::encode_header(s, channels, view.checkpoint.low(), &mut out[start..]);
        Coded { length: out.len() - start, cut }
    }

    /// Compares with a journal and gives what was lost to `play`, in the order in which it must be executed.
    ///
    /// The notes of a channel whose journal cannot be read are ended: nothing is known of them.
    pub(crate) fn repair(
        &mut self,
        journal: &Section<'_>,
        loss: &Loss,
        play: &mut impl FnMut(Channel, Voice),
    ) -> Repaired {
        let mut malformed = 0;
        if !loss.concerns(journal.s) {
            return Repaired { malformed };
        }
        for theirs in journal.channels() {
            match theirs {
                Ok(theirs) if !loss.concerns(theirs.s) => {}
                Ok(theirs) => {
                    let channel = theirs.channel;
                    self.channel(channel).repair(&theirs, loss, &mut |voice| play(channel, voice));
                }
                Err(_) => malformed += 1,
            }
        }
        if malformed > 0 {
            self.silence(loss.stamp(), play);
        }
        Repaired { malformed }
    }

    /// Ends everything that would go on sounding.
    pub(crate) fn silence(&mut self, stamp: Stamp, play: &mut impl FnMut(Channel, Voice)) {
        for (channel, history) in Channel::all().zip(&mut self.channels) {
            let Some(history) = history else { continue };
            for voice in history.silence().collect::<Vec<_>>() {
                play(channel, voice);
                history.observe(voice, stamp, Origin::Repair);
            }
        }
    }

    /// What every channel that was ever used remembers.
    #[cfg(test)]
    pub(crate) fn state(&self) -> Vec<(u8, impl PartialEq + std::fmt::Debug + use<>)> {
        let used = (0..).zip(&self.channels).filter_map(|(number, channel)| Some((number, channel.as_ref()?)));
        let blank = channel::History::default().state();
        used.map(|(number, channel)| (number, channel.state())).filter(|(_, state)| *state != blank).collect()
    }

    /// The number of notes that sound.
    pub(crate) fn sounding(&self) -> usize {
        self.channels.iter().flatten().map(|channel| channel.sounding()).sum()
    }

    #[inline]
    fn channel(&mut self, channel: Channel) -> &mut channel::History {
        self.channels[usize::from(channel)].get_or_insert_default()
    }

    /// A Reset State command makes everything before it inactive (A.1).
    fn reset_state(&mut self) {
        for history in self.channels.iter_mut().flatten() {
            **history = channel::History::default();
        }
    }
}

/// The System Exclusives among the Reset State commands (A.1): GM 1 on, GM 2 on, GM off, DLS on, DLS off.
fn is_reset_state(segment: &Segment<'_>) -> bool {
    segment.is_whole() && matches!(segment.data, [0x7E, _, 0x09, 0x00 | 0x01 | 0x03] | [0x7E, _, 0x0A, 0x01 | 0x02])
}
