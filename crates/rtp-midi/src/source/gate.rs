//! Between octets and MIDI list: commands in the order of their times.

use crate::midi::{Command, Status};
use crate::payload::Timed;
use crate::timing::{Octet, Timing};

/// An RTP time; `None` stands for the next examination of the buffer.
pub(super) type Moment = Option<u32>;

/// When the first and the last octet of a command came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) first: Moment,
    pub(super) last: Moment,
}

/// Where commands wait: System Real-Time commands for the end of the command around them, and with [`Timing::Buffer`]
/// all of them for the next examination.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) octpos: Option<Octet>,
    pub(super) buffered: bool,
    /// System Real-Time commands inside the command that is coming in.
    pub(super) inside: Vec<(Moment, u8)>,
    /// Complete commands, as octets one behind the other.
    octets: Vec<u8>,
    /// Time of each of them, how its status came, and where its octets end.
    commands: Vec<(Moment, Status, usize)>,
}

/// So many System Real-Time commands wait for the end of one command; then its sender seems to have stopped inside it.
pub(super) const MOST_INSIDE: usize = 8;

impl Gate {
    pub(super) fn new(timing: Timing) -> Self {
        let (buffered, octpos) = match timing {
            Timing::Comex => (false, None),
            Timing::Async { octet, .. } => (false, octet),
            Timing::Buffer { octet, .. } => (true, octet),
        };
        let inside = Vec::with_capacity(MOST_INSIDE);
        Self { octpos, buffered, inside, octets: Vec::new(), commands: Vec::new() }
    }

    pub(super) fn is_blocked(&self) -> bool {
        !self.inside.is_empty()
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.commands.is_empty()
    }

    /// Keeps a System Real-Time command for the end of the one around it, if there is room.
    pub(super) fn block(&mut self, moment: Moment, octet: u8) -> bool {
        let room = self.inside.len() < MOST_INSIDE;
        if room {
            self.inside.push((moment, octet));
        }
        room
    }

    /// Gives the System Real-Time commands that were inside another.
    pub(super) fn release(&mut self, out: &mut impl FnMut(Timed<'_>, Status)) {
        for place in 0..self.inside.len() {
            let (moment, octet) = self.inside[place];
            if let Ok((command, _)) = Command::decode(&[octet]) {
                self.give(Span { first: moment, last: moment }, command, Status::Given, out);
            }
        }
        self.inside.clear();
    }

    pub(super) fn give(
        &mut self,
        span: Span,
        command: Command<'_>,
        status: Status,
        out: &mut impl FnMut(Timed<'_>, Status),
    ) {
        let moment = if self.octpos == Some(Octet::First) { span.first } else { span.last };
        match moment {
            Some(time) if !self.buffered => out(Timed { time, command }, status),
            _ => {
                command.encode(&mut self.octets);
                self.commands.push((moment, status, self.octets.len()));
            }
        }
    }

    pub(super) fn examine(&mut self, time: u32, out: &mut impl FnMut(Timed<'_>, Status)) {
        for (moment, _) in &mut self.inside {
            moment.get_or_insert(time);
        }
        let mut start = 0;
        for (moment, status, end) in self.commands.drain(..) {
            let octets = &self.octets[std::mem::replace(&mut start, end)..end];
            if let Ok((command, _)) = Command::decode(octets) {
                out(Timed { time: moment.unwrap_or(time), command }, status);
            }
        }
        self.octets.clear();
    }
}
