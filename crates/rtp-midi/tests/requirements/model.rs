//! Appendix A read from the whole history of a channel: what each chapter must say, found by search and not by state.

use crate::kit::resets;
use crate::walker::{Log, Notes, Parameter, Parameters, Program};
use rtp_midi::midi::Command;

/// One channel command of the stream.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Event {
    /// The number of its packet, counted from 0.
    pub(crate) packet: usize,
    kind: u8,
    first: u8,
    second: u8,
}

/// What the journal of packet `next` covers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Window {
    /// From this packet on lasting state is told: the checkpoint, or an older one for receivers that came late.
    pub(crate) since: usize,
    pub(crate) checkpoint: usize,
    pub(crate) next: usize,
}

/// The active commands of one channel.
pub(crate) struct View {
    events: Vec<Event>,
    pub(crate) window: Window,
    /// The packets of all NoteOffs, those before a Reset State command included: the B bit tells of them (A.6.1).
    offs: Vec<usize>,
}

/// What Chapter C must tell of a number.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Controller {
    pub(crate) packet: usize,
    pub(crate) number: u8,
    pub(crate) value: u8,
    /// Commands so far, mod 64.
    pub(crate) count: u8,
    /// Changes between off and on up to the latest command, mod 64.
    pub(crate) toggles: u8,
}

/// The commands of `channel` behind the last Reset State command.
pub(crate) fn view(stream: &[(usize, Vec<u8>)], channel: u8, window: Window) -> View {
    let reset = |octets: &[u8]| resets(&Command::decode(octets).unwrap().0);
    let start = stream.iter().rposition(|(_, octets)| reset(octets)).map_or(0, |index| index + 1);
    let is_ours = |(_, octets): &&(usize, Vec<u8>)| octets[0] < 0xF0 && octets[0] & 0x0F == channel;
    let event = |(packet, octets): &(usize, Vec<u8>)| Event {
        packet: *packet,
        kind: octets[0] >> 4,
        first: octets[1],
        second: octets.get(2).copied().unwrap_or(0),
    };
    let all = stream.iter().filter(is_ours).map(event);
    let offs = all.filter(Event::is_off).map(|event| event.packet).collect();
    View { events: stream[start..].iter().filter(is_ours).map(event).collect(), window, offs }
}

impl Event {
    fn is_control(&self, number: u8) -> bool {
        self.kind == 0xB && self.first == number
    }

    fn silences(&self) -> bool {
        self.kind == 0xB && matches!(self.first, 120 | 123..=127)
    }

    fn is_note(&self, note: u8) -> bool {
        matches!(self.kind, 0x8 | 0x9) && self.first == note
    }

    fn is_off(&self) -> bool {
        self.kind == 0x8 || (self.kind == 0x9 && self.second == 0)
    }

    /// The release velocity of a NoteOff.
    fn release(&self) -> u8 {
        if self.kind == 0x8 { self.second } else { 64 }
    }
}

impl View {
    fn covers(&self, packet: usize) -> bool {
        packet >= self.window.since
    }

    /// The S bit of what last changed in `packet`.
    pub(crate) fn s(&self, packet: usize) -> bool {
        packet + 1 != self.window.next
    }

    /// The events behind the last one that `ends`.
    fn behind(&self, ends: impl Fn(&Event) -> bool) -> &[Event] {
        let start = self.events.iter().rposition(ends).map_or(0, |index| index + 1);
        &self.events[start..]
    }

    /// The latest CC 121's packet.
    fn reset(&self) -> Option<usize> {
        self.events.iter().rfind(|event| event.is_control(121)).map(|event| event.packet)
    }

    pub(crate) fn program(&self) -> Option<Program> {
        let change = self.events.iter().rposition(|event| event.kind == 0xC)?;
        let before = &self.events[..change];
        let bank = before.iter().rposition(|event| event.is_control(0)).map(|msb| {
            let between = &before[msb..];
            let lsb = between.iter().rfind(|event| event.is_control(32)).map_or(0, |event| event.second);
            (before[msb].second, between.iter().any(|event| event.is_control(121)), lsb)
        });
        let change = self.events[change];
        self.covers(change.packet).then(|| Program { s: self.s(change.packet), number: change.first, bank })
    }

    /// Whether Chapter P codes the very CC 0 and CC 32 that came last (A.3.1).
    pub(crate) fn program_codes_bank(&self) -> bool {
        let last = |test: &dyn Fn(&Event) -> bool| self.events.iter().rposition(test);
        match (last(&|e| e.is_control(0)), last(&|e| e.is_control(32)), last(&|e| e.kind == 0xC)) {
            (Some(msb), Some(lsb), Some(change)) => {
                msb < lsb && lsb < change && self.covers(self.events[change].packet)
            }
            _ => false,
        }
    }

    /// The latest command of each controller number outside transactions, oldest first, whatever the window.
    pub(crate) fn controllers(&self) -> Vec<Controller> {
        let roles = self.transactions().1;
        let plain = |index: usize, number: u8| self.events[index].is_control(number) && roles[index].is_none();
        let mut found: Vec<(usize, Controller)> = (0..128)
            .filter(|number| !(98..=101).contains(number))
            .filter_map(|number| {
                let latest = (0..self.events.len()).rfind(|index| plain(*index, number))?;
                let Event { packet, second: value, .. } = self.events[latest];
                let count = (0..=latest).filter(|index| plain(*index, number)).count();
                let toggles = self.toggles(number, latest);
                Some((latest, Controller { packet, number, value, count: (count % 64) as u8, toggles }))
            })
            .collect();
        found.sort_by_key(|(index, _)| *index);
        found.into_iter().map(|(_, controller)| controller).collect()
    }

    fn toggles(&self, number: u8, latest: usize) -> u8 {
        let (mut on, mut toggles) = (false, 0);
        for event in &self.events[..=latest] {
            let now = if event.is_control(number) { event.second >= 64 } else { on && !event.is_control(121) };
            toggles += u8::from(now != on);
            on = now;
        }
        toggles % 64
    }

    /// What each event selects or sets, and the state at the end: pending MSB, or the open parameter.
    fn transactions(&self) -> (Selection, Vec<Option<Id>>) {
        let mut state = Selection::Closed;
        let roles = self.events.iter().map(|event| {
            if event.kind != 0xB {
                return None;
            }
            let open = |id: Id| if (id.1, id.2) == (127, 127) { Selection::Closed } else { Selection::Open(id) };
            match (event.first, state) {
                (99 | 101, Selection::Loose(nrpn, lsb, packet))
                    if nrpn == (event.first == 99) && packet == event.packet =>
                {
                    state = open((nrpn, event.second, lsb));
                }
                (99 | 101, _) => state = Selection::Pending(event.first == 99, event.second),
                (98 | 100, Selection::Pending(nrpn, msb) | Selection::Open((nrpn, msb, _)))
                    if nrpn == (event.first == 98) =>
                {
                    state = open((nrpn, msb, event.second));
                }
                // Without an MSB of its own kind an LSB selects nothing.
                (98 | 100, _) => state = Selection::Loose(event.first == 98, event.second, event.packet),
                (6 | 38 | 96 | 97, Selection::Pending(nrpn, msb)) => state = Selection::Open((nrpn, msb, 0)),
                (6 | 38 | 96 | 97, _) => {}
                (121, _) => state = Selection::Closed,
                _ => return None,
            }
            match state {
                Selection::Open(id) => Some(id),
                _ => None,
            }
        });
        let roles = roles.collect();
        (state, roles)
    }

    pub(crate) fn parameters(&self) -> Option<Parameters> {
        let (state, roles) = self.transactions();
        let mut logs: Vec<(usize, Parameter)> = Vec::new();
        for id in roles.iter().flatten() {
            if logs.iter().all(|(_, log)| log.id != *id) {
                let latest = roles.iter().rposition(|role| *role == Some(*id))?;
                if self.covers(self.events[latest].packet) {
                    logs.push((latest, self.parameter(*id, &roles, latest)));
                }
            }
        }
        logs.sort_by_key(|(latest, _)| *latest);
        let logs: Vec<_> = logs.into_iter().map(|(_, log)| log).collect();
        // The latest command of the parameter system that no CC 121 followed.
        let selects = |event: &Event| event.kind == 0xB && (98..=101).contains(&event.first);
        let latest = self.behind(|event| event.is_control(121)).iter().rfind(|event| selects(event));
        let open = matches!(state, Selection::Open(_));
        let told = !open && latest.is_some_and(|event| self.covers(event.packet));
        if logs.is_empty() && !told {
            return None;
        }
        let changed = [latest.map(|event| event.packet), self.reset()];
        let s = changed.iter().flatten().all(|packet| self.s(*packet)) && logs.iter().all(|log| log.s);
        let pending = match state {
            Selection::Pending(nrpn, msb) => Some((nrpn, msb)),
            _ => None,
        };
        Some(Parameters { s, pending, open, logs })
    }

    fn parameter(&self, id: Id, roles: &[Option<Id>], latest: usize) -> Parameter {
        let reset = self.events.iter().rposition(|event| event.is_control(121)).unwrap_or(0);
        let ours = |index: &usize, number: u8| roles[*index] == Some(id) && self.events[*index].is_control(number);
        let last = |number: u8| (0..roles.len()).rfind(|index| ours(index, number));
        let entry = |index: usize| (index < reset, self.events[index].second);
        let (msb, lsb) = (last(6), last(38).filter(|lsb| last(6).is_none_or(|msb| msb < *lsb)));
        let start = msb.max(lsb).unwrap_or(0);
        let count = |start: usize| {
            let steps = (start..roles.len()).filter(|index| ours(index, 96) || ours(index, 97));
            steps.fold(0, |sum: i32, index| (sum + if ours(&index, 96) { 1 } else { -1 }).clamp(-16_383, 16_383))
        };
        let button = last(96).max(last(97)).filter(|index| *index >= start);
        let a_button = button.map(|index| (index < reset, count(start)));
        let flagged = [msb, lsb, button].iter().flatten().any(|index| *index < reset);
        let at = self.events[latest].packet;
        Parameter {
            s: self.s(at) && (!flagged || self.reset().is_none_or(|packet| self.s(packet))),
            id,
            entry_msb: msb.map(entry),
            entry_lsb: lsb.map(entry),
            a_button,
            c_button: a_button.filter(|(x, _)| !x).map(|_| count(start.max(reset))),
        }
    }

    pub(crate) fn wheel(&self) -> Option<(bool, u8, u8)> {
        let wheel = self.behind(|event| event.is_control(121)).iter().rfind(|event| event.kind == 0xE)?;
        self.covers(wheel.packet).then(|| (self.s(wheel.packet), wheel.first, wheel.second))
    }

    /// Chapter N without Y bits, and Chapter E.
    pub(crate) fn notes(&self) -> (Option<Notes>, Vec<Log>) {
        let events = self.behind(Event::silences);
        let (mut logs, mut released, mut extras) = (Vec::new(), Vec::new(), Vec::new());
        for note in 0..128 {
            let Some(index) = events.iter().rposition(|event| event.is_note(note)) else { continue };
            let latest = events[index];
            if latest.packet < self.window.checkpoint {
                continue;
            }
            let s = self.s(latest.packet);
            let step = |count: u32, event: &Event| if event.is_off() { count.saturating_sub(1) } else { count + 1 };
            let count = events.iter().filter(|event| event.is_note(note)).fold(0, step);
            if latest.is_off() {
                released.push(note);
            } else {
                logs.push((index, Log { s, note, flag: false, value: latest.second }));
            }
            if count > u32::from(!latest.is_off()) {
                extras.push((index, Log { s, note, flag: false, value: count.min(127) as u8 }));
            }
            if latest.is_off() && latest.release() != 64 {
                extras.push((index, Log { s, note, flag: true, value: latest.release() }));
            }
        }
        let oldest_first = |mut logs: Vec<(usize, Log)>| {
            logs.sort_by_key(|(index, _)| *index);
            logs.into_iter().map(|(_, log)| log).collect::<Vec<_>>()
        };
        let b = self.offs.iter().all(|packet| self.s(*packet));
        let logs = oldest_first(logs);
        let chapter = (!logs.is_empty() || !released.is_empty()).then_some(Notes { b, logs, released });
        (chapter, oldest_first(extras))
    }

    pub(crate) fn pressure(&self) -> Option<(bool, u8)> {
        let events = self.behind(|event| event.silences() || event.is_control(121));
        let pressure = events.iter().rfind(|event| event.kind == 0xD)?;
        self.covers(pressure.packet).then(|| (self.s(pressure.packet), pressure.first))
    }

    pub(crate) fn poly(&self) -> Vec<Log> {
        let events = self.behind(|event| event.is_control(121));
        let silenced = self.events.iter().rfind(|event| event.silences()).map(|event| event.packet);
        let mut logs: Vec<(usize, Log)> = (0..128)
            .filter_map(|note| {
                let index = events.iter().rposition(|event| event.kind == 0xA && event.first == note)?;
                let latest = events[index];
                let x = events[index..].iter().any(Event::silences);
                let s = self.s(latest.packet) && (!x || silenced.is_none_or(|packet| self.s(packet)));
                self.covers(latest.packet).then_some((index, Log { s, note, flag: x, value: latest.second }))
            })
            .collect();
        logs.sort_by_key(|(index, _)| *index);
        logs.into_iter().map(|(_, log)| log).collect()
    }
}

/// NRPN, MSB, LSB.
type Id = (bool, u8, u8);

/// What data entry acts on.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Selection {
    Closed,
    /// An LSB without MSB, and its packet: an MSB of its kind in the same packet makes it a pair.
    Loose(bool, u8, usize),
    Pending(bool, u8),
    Open(Id),
}
