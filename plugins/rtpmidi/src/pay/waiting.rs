//! Messages on their way into a packet.

use rtp_midi::midi::Command;

use super::moment::Moment;

/// Messages that no packet has yet, as octets one behind the other.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) octets: Vec<u8>,
    /// Time of each message, and where its octets end.
    pub(super) messages: Vec<(Moment, usize)>,
    /// Running time at which they have waited long enough.
    pub(super) until: Option<gst::ClockTime>,
}

impl Waiting {
    pub(super) fn push(&mut self, moment: Moment, command: Command<'_>) {
        command.encode(&mut self.octets);
        self.messages.push((moment, self.octets.len()));
    }

    pub(super) fn first(&self) -> Option<Moment> {
        self.messages.first().map(|&(moment, _)| moment)
    }

    /// Each message with its length in octets.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Moment, usize, Command<'_>)> {
        let mut start = 0;
        self.messages.iter().filter_map(move |&(moment, end)| {
            let octets = &self.octets[std::mem::replace(&mut start, end)..end];
            Command::decode(octets).ok().map(|(command, _)| (moment, octets.len(), command))
        })
    }

    /// Takes the messages from number `first` on away.
    pub(super) fn split_off(&mut self, first: usize) -> Self {
        let start = first.checked_sub(1).map_or(0, |last| self.messages[last].1);
        let mut rest =
            Self { octets: self.octets.split_off(start), messages: self.messages.split_off(first), until: None };
        rest.messages.iter_mut().for_each(|(_, end)| *end -= start);
        rest
    }

    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.messages.clear();
        self.until = None;
    }
}
