//! A listener beside the song: two model instruments, of which one gets what was sent, up to the end of the packet that
//! arrives, and the other what the listener makes of the packets that arrived. They are compared behind each of them.

use std::collections::BTreeSet;
use std::ops::AddAssign;

use crate::packets::{Packet, Recording};
use crate::pipeline::Heard;
use crate::smf::Event;
use crate::synth::{Settings, Synth};

/// How much was compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Songs to their end.
    pub songs: usize,
    /// Packets that were sent.
    pub packets: usize,
    /// Packets of them that got lost.
    pub lost: usize,
    /// Comparisons, one for each packet that arrived.
    pub compared: usize,
}

/// Whether a listener, who `heard` this of the packets that arrived, was always set as the sender of `events` was, and no
/// note sounded on. `spare` takes out of a channel's settings what nothing protects.
pub fn compare(
    events: &[Event],
    sent: &Recording,
    arrives: &[bool],
    heard: &Heard,
    spare: impl Fn(u8, &mut Settings),
) -> Result<Tally, String> {
    let mut behind_packets = heard.behind_packets.iter();
    let (tally, here) = follow(events, sent, arrives, |_| behind_packets.next().unwrap().clone(), spare)?;
    recorded(heard, &here, arrives)?;
    Ok(tally)
}

/// The same of a listener who says what it makes of each packet that arrives; and what its instrument is at the end.
pub fn follow(
    events: &[Event],
    sent: &Recording,
    arrives: &[bool],
    mut hear: impl FnMut(&Packet) -> Vec<Vec<u8>>,
    spare: impl Fn(u8, &mut Settings),
) -> Result<(Tally, Instrument), String> {
    let (mut there, mut here) = (Instrument::default(), Instrument::default());
    let mut told = 0;
    let mut tally = Tally { songs: 1, ..Tally::default() };
    for (number, (packet, arrives)) in sent.packets.iter().zip(arrives).enumerate() {
        for event in &events[told..packet.told] {
            there.execute(&event.octets);
        }
        told = packet.told;
        tally.packets += 1;
        if !arrives {
            tally.lost += 1;
            continue;
        }
        for message in hear(packet) {
            here.execute(&message);
        }
        tally.compared += 1;
        agree(&there, &here, &spare).map_err(|why| format!("behind packet {number}: {why}"))?;
    }
    Ok((tally, here))
}

/// A model instrument, and the notes whose last command was a NoteOn even if an All Notes Off has silenced them: some
/// instruments heed none.
#[derive(Clone, Debug, Default)]
pub struct Instrument {
    synth: Synth,
    struck: BTreeSet<(u8, u8)>,
    /// Channels on which no CC 0 came before the latest Program Change.
    without_bank: BTreeSet<u8>,
}

impl Instrument {
    /// Takes a message.
    pub fn execute(&mut self, message: &[u8]) {
        match *message {
            [status @ 0x90..=0x9F, note, 1..=127] => drop(self.struck.insert((status & 0xF, note))),
            [status @ 0x80..=0x9F, note, _] => drop(self.struck.remove(&(status & 0xF, note))),
            [status @ 0xC0..=0xCF, _] => {
                let channel = status & 0xF;
                let settings = self.synth.channels.get(&channel).map(|channel| &channel.settings);
                if settings.is_some_and(|settings| settings.controllers.contains_key(&0)) {
                    self.without_bank.remove(&channel);
                } else {
                    self.without_bank.insert(channel);
                }
            }
            _ => {}
        }
        self.synth.execute(message);
    }

    /// Whether no key is down and no pedal holds a note.
    pub fn is_silent(&self) -> bool {
        let mut channels = self.synth.channels.values();
        self.struck.is_empty() && channels.all(|channel| channel.sounding.is_empty() && channel.sustained.is_empty())
    }
}

/// Whether the instruments are set alike, and nothing sounds here that does not sound there.
fn agree(there: &Instrument, here: &Instrument, spare: impl Fn(u8, &mut Settings)) -> Result<(), String> {
    for (channel, sent) in &there.synth.channels {
        let mut sent = sent.settings.clone();
        let mut heard = here.synth.channels.get(channel).map_or_else(Settings::default, |heard| heard.settings.clone());
        if there.without_bank.contains(channel) {
            // Chapter P tells no bank then (A.2), so that nobody knows to which of several programs a CC 32 belongs.
            for program in [&mut sent.program, &mut heard.program].into_iter().flatten() {
                program.1 = (0, 0);
            }
        }
        spare(*channel, &mut sent);
        spare(*channel, &mut heard);
        if heard != sent {
            return Err(format!("channel {channel} is set\n  {heard:?}, but sent was\n  {sent:?}"));
        }
    }
    if !here.struck.is_subset(&there.struck) {
        return Err(format!("{:?} get no NoteOff", &here.struck - &there.struck));
    }
    for (channel, here) in &here.synth.channels {
        let there = there.synth.channels.get(channel).cloned().unwrap_or_default();
        if !here.sounding.is_subset(&there.sounding) {
            return Err(format!("channel {channel}: {:?} sound on", &here.sounding - &there.sounding));
        }
    }
    Ok(())
}

/// Whether the recording holds what was heard, and then ends every note.
fn recorded(heard: &Heard, here: &Instrument, arrives: &[bool]) -> Result<(), String> {
    if !arrives.contains(&true) {
        return Ok(());
    }
    let file = crate::smf::read(&heard.file).map_err(|fault| format!("recorded as no song: {fault}"))?;
    let messages: Vec<_> = heard.behind_packets.concat();
    let mut recorded = file.events.iter().map(|event| &event.octets);
    if !messages.iter().eq(recorded.by_ref().take(messages.len())) {
        return Err("recorded is not what was heard".to_owned());
    }
    let mut end = here.clone();
    recorded.for_each(|message| end.execute(message));
    if !end.struck.is_empty() {
        return Err(format!("{:?} never end", end.struck));
    }
    for (channel, end) in &end.synth.channels {
        if end.settings != here.synth.channels.get(channel).cloned().unwrap_or_default().settings {
            return Err(format!("channel {channel}: the end changes settings"));
        }
    }
    Ok(())
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.songs += other.songs;
        self.packets += other.packets;
        self.lost += other.lost;
        self.compared += other.compared;
    }
}
