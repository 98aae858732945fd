//! Whether a system journal says what the history of the stream demands: Chapters D, V, Q, F and X, field by field.

use proptest::prelude::*;
use rtp_midi::midi::Command;

use crate::kit::resets;
use crate::model::Window;
use crate::system_walker::{SysEx, System};
use crate::time_code_model;

/// N, D, and the position where C = 1.
type Pattern = (bool, bool, Option<u32>);

/// One System Exclusive as sent so far.
#[derive(Clone, Debug, Default)]
struct Instance {
    /// Which it is, counted from 1.
    number: usize,
    data: Vec<u8>,
    /// The packet of each data octet.
    packets: Vec<usize>,
    latest: usize,
    /// STA.
    status: u8,
}

/// What has been sent.
#[derive(Clone, Default)]
pub(crate) struct Stream {
    /// Packets and octets of all commands but System Exclusives.
    simple: Vec<(usize, Vec<u8>)>,
    /// Those that no Reset State command followed, and Full Frames of the time code with the packets that end them.
    active: Vec<(usize, Vec<u8>)>,
    instances: Vec<Instance>,
    begun: usize,
}

impl Stream {
    /// Takes note of a command; those of channels are of no matter here.
    pub(crate) fn take(&mut self, packet: usize, octets: &[u8]) {
        if octets[0] < 0xF0 {
            return;
        }
        if octets[0] == 0xF0 || octets[0] == 0xF7 {
            if octets[0] == 0xF0 {
                self.begun += 1;
                self.instances.push(Instance { number: self.begun, ..Instance::default() });
            }
            let instance = self.instances.last_mut().unwrap();
            let data = &octets[1..octets.len() - 1];
            instance.data.extend(data);
            instance.packets.extend(data.iter().map(|_| packet));
            instance.status = match octets {
                [.., 0xF7] => 3,
                [.., 0xF5] => 2,
                [.., 0xF4] => 1,
                _ => 0,
            };
            instance.latest = packet;
            let finished = instance.status >= 2;
            let whole = [&[0xF0][..], &instance.data, &[0xF7]].concat();
            if finished && time_code_model::full_frame(&whole).is_some() {
                // Chapter F tells of it, and Chapter X does not (B.5.2).
                self.instances.pop();
                self.active.push((packet, whole));
            } else if finished && resets(&Command::decode(&whole).unwrap().0) {
                self.active.clear();
                self.instances.drain(..self.instances.len() - 1);
            }
            return;
        }
        if octets == [0xFF] {
            self.active.clear();
            self.instances.clear();
        }
        self.simple.push((packet, octets.to_vec()));
        self.active.push((packet, octets.to_vec()));
    }

    /// Whether this quarter frame turns the tape where the text is open.
    pub(crate) fn turns(&self, octets: &[u8]) -> bool {
        octets[0] == 0xF1 && time_code_model::turns(&self.active, octets[1])
    }

    /// The packet of the latest active command of this status, if the window covers it.
    fn latest(&self, status: u8, checkpoint: usize) -> Option<(usize, &[u8])> {
        let (packet, octets) = self.active.iter().rfind(|(_, octets)| octets[0] == status)?;
        (*packet >= checkpoint).then_some((*packet, octets))
    }

    /// S and the count of a command, inactive ones included.
    fn count(&self, status: u8, checkpoint: usize, next: usize, modulo: usize) -> Option<(bool, u8)> {
        let (packet, _) = self.latest(status, checkpoint)?;
        let count = self.simple.iter().filter(|(_, octets)| octets[0] == status).count();
        Some((packet + 1 != next, (count % modulo) as u8))
    }

    /// The pattern that Chapter Q codes, and the packet that changed it last.
    fn sequencer(&self) -> Option<(usize, Pattern)> {
        let (mut runs, mut downbeat, mut position, mut by_continue) = (false, false, 0, false);
        let (mut pattern, mut changed) = ((false, false, None), None);
        for (packet, octets) in &self.active {
            match octets[0] {
                0xFA => (runs, downbeat, position, by_continue) = (true, false, 0, false),
                0xFB => (runs, by_continue) = (true, true),
                0xFC => runs = false,
                0xF2 => (position, downbeat) = (6 * (u32::from(octets[1]) | u32::from(octets[2]) << 7), false),
                0xF8 if runs && downbeat => position = (position + 1) % 524_288,
                0xF8 if runs => downbeat = true,
                _ => continue,
            }
            let told = position > 0 || (runs && !downbeat && by_continue);
            let now = (runs, downbeat, told.then_some(position));
            if now != pattern {
                (pattern, changed) = (now, Some(*packet));
            }
        }
        changed.map(|packet| (packet, pattern))
    }
}

/// Compares a system journal with what the history of the stream demands.
pub(crate) fn compare(found: &System, stream: &Stream, window: Window) -> Result<(), TestCaseError> {
    let Window { since, checkpoint, next } = window;
    let count = |status, modulo| stream.count(status, checkpoint, next, modulo);
    prop_assert_eq!(found.reset, count(0xFF, 128));
    prop_assert_eq!(found.tune, count(0xF6, 128));
    prop_assert_eq!(found.sense, count(0xFE, 128));
    prop_assert_eq!((found.f9, found.fd), (count(0xF9, 256), count(0xFD, 256)));
    let song = stream.latest(0xF3, since).map(|(packet, octets)| (packet + 1 != next, octets[1]));
    prop_assert_eq!(found.song, song);
    for (log, status) in [(&found.f4, 0xF4), (&found.f5, 0xF5)] {
        let told = log.as_ref().map(|log| (log.s, &log.value[..]));
        // Without data there is nothing to know for those who come late.
        let lasting = stream.latest(status, since).filter(|(_, octets)| octets.len() > 2);
        let latest = stream.latest(status, checkpoint).or(lasting);
        prop_assert_eq!(told, latest.map(|(packet, octets)| (packet + 1 != next, &octets[1..octets.len() - 1])));
        let counted = log.as_ref().and_then(|log| log.count);
        prop_assert!(counted.is_none() || counted == count(status, 256).map(|(_, count)| count));
    }
    let sequencer = stream.sequencer().filter(|(packet, _)| *packet >= since);
    let told = found.sequencer.map(|q| (q.s, (q.runs, q.downbeat, q.position)));
    prop_assert_eq!(told, sequencer.map(|(packet, pattern)| (packet + 1 != next, pattern)));
    let frames = time_code_model::expected(&stream.active, window.checkpoint, next);
    prop_assert_eq!(found.time_code.is_some(), frames.is_some());
    if let (Some(found), Some(frames)) = (found.time_code, frames) {
        prop_assert_eq!(frames.differs(&found), None, "{:?} is not {:?}", found, frames);
    }
    exclusives(&found.sysex, stream, window)
}

fn exclusives(logs: &[SysEx], stream: &Stream, window: Window) -> Result<(), TestCaseError> {
    let Window { checkpoint, next, .. } = window;
    let required: Vec<_> = stream.instances.iter().filter(|instance| instance.latest >= checkpoint).collect();
    prop_assert!(logs.len() >= required.len(), "{} logs for {:?}", logs.len(), required);
    prop_assert!(logs.len() <= stream.instances.len());
    for (log, instance) in logs.iter().rev().zip(stream.instances.iter().rev()) {
        prop_assert_eq!(log.status, instance.status);
        let first = instance.data.len() - log.data.len();
        prop_assert!(log.data == instance.data[first..] && (log.data.is_empty() || log.first as usize == first));
        prop_assert!(instance.packets[..first].iter().all(|packet| *packet < checkpoint), "octets are missing");
    }
    let latest = stream.instances.last().map(|instance| (instance.number % 256) as u8);
    prop_assert!(logs.last().is_none_or(|log| log.count == latest));
    // The S bit of the first of several logs is that of the chapter.
    for (log, instance) in
        logs.iter().rev().zip(stream.instances.iter().rev()).take(logs.len().saturating_sub(1).max(1))
    {
        prop_assert_eq!(log.s, instance.latest + 1 != next);
    }
    Ok(())
}
