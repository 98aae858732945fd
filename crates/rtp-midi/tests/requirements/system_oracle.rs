//! Any stream of system commands: Chapters D, V, Q and X say what its history demands.

use proptest::prelude::*;
use rtp_midi::midi::Command;
use rtp_midi::{Policy, Sender};

use crate::kit::{FIRST, config, resets, send};
use crate::system_walker::{SysEx, System, walk};

/// The commands of one packet, a System Exclusive that begins behind it in so many segments, and whether a report of
/// it reaches the sender.
type Step = (Vec<Vec<u8>>, Option<(Vec<u8>, usize)>, bool);

fn command() -> impl Strategy<Value = Vec<u8>> {
    let single = prop::sample::select(vec![0xF6_u8, 0xF9, 0xFD, 0xFE, 0xF8, 0xF8, 0xF8, 0xF8, 0xFA, 0xFB, 0xFC]);
    prop_oneof![
        40 => single.prop_map(|status| vec![status]),
        4 => (0..4_u8).prop_map(|song| vec![0xF3, song]),
        4 => (0..4_u8).prop_map(|position| vec![0xF2, position, 0]),
        4 => prop::collection::vec(0..128_u8, 0..5).prop_map(|data| [&[0xF4][..], &data, &[0xF7]].concat()),
        4 => prop::collection::vec(0..128_u8, 0..2).prop_map(|data| [&[0xF5][..], &data, &[0xF7]].concat()),
        1 => Just(vec![0xFF]),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let data = prop_oneof![
        6 => prop::collection::vec(0..128_u8, 0..12),
        1 => Just(vec![0x7E, 0x7F, 9, 1]),
    ];
    let sysex = prop::option::weighted(0.3, (data, 1..5_usize));
    prop::collection::vec((prop::collection::vec(command(), 0..5), sysex, prop::bool::weighted(0.2)), 1..40)
}

/// N, D, and the position where C = 1.
type Pattern = (bool, bool, Option<u32>);

/// One System Exclusive as sent so far.
#[derive(Clone, Debug, Default)]
struct Instance {
    data: Vec<u8>,
    /// The packet of each data octet.
    packets: Vec<usize>,
    latest: usize,
    finished: bool,
}

/// What has been sent.
#[derive(Default)]
struct Stream {
    /// Packets and octets of all commands but System Exclusives.
    simple: Vec<(usize, Vec<u8>)>,
    /// Those that no Reset State command followed.
    active: Vec<(usize, Vec<u8>)>,
    instances: Vec<Instance>,
    begun: usize,
}

impl Stream {
    fn take(&mut self, packet: usize, octets: &[u8]) {
        if octets[0] == 0xF0 || octets[0] == 0xF7 {
            if octets[0] == 0xF0 {
                self.begun += 1;
                self.instances.push(Instance::default());
            }
            let instance = self.instances.last_mut().unwrap();
            let data = &octets[1..octets.len() - 1];
            instance.data.extend(data);
            instance.packets.extend(data.iter().map(|_| packet));
            (instance.latest, instance.finished) = (packet, octets.ends_with(&[0xF7]));
            let whole = [&[0xF0][..], &instance.data, &[0xF7]].concat();
            if instance.finished && resets(&Command::decode(&whole).unwrap().0) {
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

fn run(policy: Policy, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut sender = Sender::new(config(policy), FIRST);
    let (mut stream, mut checkpoint, mut pending) = (Stream::default(), 0, Vec::<Vec<u8>>::new());
    for (next, (commands, sysex, report)) in steps.iter().enumerate() {
        let mut list = commands.clone();
        if pending.is_empty() {
            if let Some((data, pieces)) = sysex {
                let Command::System(rtp_midi::midi::System::SysEx(whole)) = Command::sysex(data) else { panic!() };
                let most = data.len().div_ceil(*pieces).max(1);
                pending = whole.split(most).map(|segment| crate::kit::octets(&segment.into())).collect();
            }
        } else {
            // Nothing but real-time commands stands between segments.
            list.retain(|octets| octets[0] >= 0xF8 && octets[0] != 0xFF);
        }
        if !pending.is_empty() {
            list.push(pending.remove(0));
        }
        let slices: Vec<_> = list.iter().map(Vec::as_slice).collect();
        let (packet, payload) = send(&mut sender, 100_000 * next as u32, &slices);
        let octets = crate::walker::walk(&payload).journal.unwrap().system;
        let found = if octets.is_empty() { System::default() } else { walk(&octets) };
        compare(&found, &stream, checkpoint, next)?;
        for octets in &list {
            stream.take(next, octets);
        }
        if *report {
            sender.acknowledge(7, u32::from(packet.sequence));
            checkpoint = if policy == Policy::ClosedLoop { next + 1 } else { 0 };
        }
    }
    Ok(())
}

fn compare(found: &System, stream: &Stream, checkpoint: usize, next: usize) -> Result<(), TestCaseError> {
    let count = |status, modulo| stream.count(status, checkpoint, next, modulo);
    prop_assert_eq!(found.reset, count(0xFF, 128));
    prop_assert_eq!(found.tune, count(0xF6, 128));
    prop_assert_eq!(found.sense, count(0xFE, 128));
    prop_assert_eq!((found.f9, found.fd), (count(0xF9, 256), count(0xFD, 256)));
    let song = stream.latest(0xF3, checkpoint).map(|(packet, octets)| (packet + 1 != next, octets[1]));
    prop_assert_eq!(found.song, song);
    for (log, status) in [(&found.f4, 0xF4), (&found.f5, 0xF5)] {
        let told = log.as_ref().map(|log| (log.s, &log.value[..]));
        let latest = stream.latest(status, checkpoint);
        prop_assert_eq!(told, latest.map(|(packet, octets)| (packet + 1 != next, &octets[1..octets.len() - 1])));
        let counted = log.as_ref().and_then(|log| log.count);
        prop_assert!(counted.is_none() || counted == count(status, 256).map(|(_, count)| count));
    }
    let sequencer = stream.sequencer().filter(|(packet, _)| *packet >= checkpoint);
    let told = found.sequencer.map(|q| (q.s, (q.runs, q.downbeat, q.position)));
    prop_assert_eq!(told, sequencer.map(|(packet, pattern)| (packet + 1 != next, pattern)));
    exclusives(&found.sysex, stream, checkpoint, next)
}

fn exclusives(logs: &[SysEx], stream: &Stream, checkpoint: usize, next: usize) -> Result<(), TestCaseError> {
    let required: Vec<_> = stream.instances.iter().filter(|instance| instance.latest >= checkpoint).collect();
    prop_assert!(logs.len() >= required.len(), "{} logs for {:?}", logs.len(), required);
    prop_assert!(logs.len() <= stream.instances.len());
    for (log, instance) in logs.iter().rev().zip(stream.instances.iter().rev()) {
        prop_assert_eq!(log.status, if instance.finished { 3 } else { 0 });
        let first = instance.data.len() - log.data.len();
        prop_assert!(log.data == instance.data[first..] && (log.data.is_empty() || log.first as usize == first));
        prop_assert!(instance.packets[..first].iter().all(|packet| *packet < checkpoint), "octets are missing");
    }
    prop_assert!(logs.last().is_none_or(|log| log.count == Some((stream.begun % 256) as u8)));
    // The S bit of the first of several logs is that of the chapter.
    for (log, instance) in
        logs.iter().rev().zip(stream.instances.iter().rev()).take(logs.len().saturating_sub(1).max(1))
    {
        prop_assert_eq!(log.s, instance.latest + 1 != next);
    }
    Ok(())
}

proptest! {
    #[test]
    fn an_anchored_system_journal_says_what_the_history_demands(steps in steps()) {
        run(Policy::Anchor, &steps)?;
    }

    #[test]
    fn a_closed_loop_system_journal_says_what_the_checkpoint_history_demands(steps in steps()) {
        run(Policy::ClosedLoop, &steps)?;
    }
}
