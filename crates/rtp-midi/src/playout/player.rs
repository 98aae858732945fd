//! [`Playout`]: when packets are opened, and what is executed of them.

use super::clock::{Clock, Latency};
use super::queue::Queue;
use super::shelf::{Place, Shelf, Waiting};
use crate::config::Config;
use crate::journal::Event;
use crate::receiver::{Received, Receiver};

/// Plays one stream at a time: packets of another source begin another one.
#[derive(Clone, Debug)]
pub struct Playout {
    receiver: Receiver,
    clock: Clock,
    shelf: Shelf,
    queue: Queue,
    source: Option<u32>,
    /// Nanoseconds without a packet until the sender counts as gone.
    patience: Option<u64>,
    /// When the latest packet came, unless its sender counts as gone.
    heard: Option<u64>,
    /// The stream before this one is to be ended.
    ended: bool,
    /// When the latest command was executed.
    last: u64,
    stats: PlayoutStats,
}

/// A command at its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cue<'a> {
    /// When it was to be executed; never before that of the cue ahead, nor behind the time that was asked for.
    pub at: u64,
    /// The command.
    pub event: Event<'a>,
}

/// What a playout has seen and done so far, beside what its receiver has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct PlayoutStats {
    /// NoteOns that came too late and stayed silent.
    pub late_notes: u64,
    /// Packets that were put back in order.
    pub reordered: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets that came when what they say had been made up for, or whose number could not be believed.
    pub too_late: u64,
    /// Packets that found no room in a flood.
    pub flooded: u64,
    /// Times the sender fell silent for longer than `guardtime` allows.
    pub silences: u64,
    /// Times the sender began anew with other sequence numbers.
    pub restarts: u64,
    /// Times another source took over.
    pub takeovers: u64,
    /// Packets that wait for their time.
    pub waiting: usize,
    /// Nanoseconds that commands wait, behind the fastest packet of the latest seconds.
    pub depth: u64,
    /// Mean deviation of the network's latency, in nanoseconds.
    pub jitter: u64,
}

impl Playout {
    /// A playout that has heard nothing yet.
    pub fn new(config: Config, latency: Latency) -> Self {
        let media_time = config.max_ptime.or(config.ptime);
        Self {
            clock: Clock::new(config.clock_rate, media_time, latency),
            patience: config.patience(),
            receiver: Receiver::new(config),
            shelf: Shelf::default(),
            queue: Queue::default(),
            source: None,
            heard: None,
            ended: false,
            last: 0,
            stats: PlayoutStats::default(),
        }
    }

    /// Takes a packet of the synchronization source `source`, which comes at time `now`.
    pub fn receive(&mut self, now: u64, source: u32, packet: Received<'_>) {
        if self.source.replace(source).is_some_and(|before| before != source) {
            self.stats.takeovers += 1;
            self.begin_anew();
        }
        self.heard = Some(now);
        let mut place = self.shelf.place(packet.sequence);
        if place == Place::Restart {
            self.stats.restarts += 1;
            self.begin_anew();
            place = self.shelf.place(packet.sequence);
        }
        let number = match place {
            Place::Last(number) => number,
            Place::Between(number) => {
                self.stats.reordered += 1;
                number
            }
            Place::Doubled => {
                self.stats.duplicates += 1;
                return;
            }
            Place::TooLate => {
                self.stats.too_late += 1;
                // It tells how much latency would have been needed.
                self.clock.arrive(now, packet.timestamp);
                return;
            }
            Place::Wild | Place::Restart => {
                self.stats.too_late += 1;
                return;
            }
        };
        let arrival = self.clock.arrive(now, packet.timestamp);
        if !self.shelf.put(number, arrival, &packet) {
            self.stats.flooded += 1;
        }
    }

    /// When [`play`](Self::play) has something to do next: at once, where that is past.
    pub fn due(&self) -> Option<u64> {
        if self.ended {
            return self.heard.or(Some(self.last));
        }
        [self.queue.head(), self.packet_due(), self.silence_due()].into_iter().flatten().min()
    }

    /// When the sender counts as gone, unless a packet comes before.
    pub fn silence_due(&self) -> Option<u64> {
        let (heard, patience) = self.heard.zip(self.patience)?;
        Some(heard.saturating_add(patience).saturating_add(self.clock.depth()))
    }

    /// Executes what is to be executed up to time `now`.
    pub fn play(&mut self, now: u64, mut out: impl FnMut(Cue<'_>)) {
        self.part(now, &mut out);
        while let Some(due) = self.packet_due().filter(|due| *due <= now) {
            // No command of a packet lies behind the beginning of the next one.
            while !self.queue.is_empty() {
                self.give(due, &mut out);
            }
            self.open(now, &mut out);
        }
        while self.queue.head().is_some_and(|at| at <= now) {
            self.give(now, &mut out);
        }
        if self.silence_due().is_some_and(|due| due <= now) {
            self.stats.silences += 1;
            self.heard = None;
            self.end(now, &mut out);
        }
    }

    /// Executes all that waits, but for notes that would begin, and ends all that sounds: where the stream is left, or
    /// its sender has said BYE. A packet that comes behind it goes on with the stream.
    pub fn stop(&mut self, now: u64, mut out: impl FnMut(Cue<'_>)) {
        self.part(now, &mut out);
        while let Some(packet) = self.shelf.take() {
            self.give_rest(now, &mut out);
            let at = now.max(self.last);
            self.receiver.receive(received(&packet), |event| {
                if !event.command.begins_note() {
                    out(Cue { at, event });
                }
            });
            self.shelf.keep(packet.payload);
        }
        self.heard = None;
        self.end(now, &mut out);
    }

    /// The receiver behind the buffer: its history is that of what has been executed.
    pub fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// What has been seen and done so far.
    pub fn stats(&self) -> PlayoutStats {
        let (depth, jitter) = (self.clock.depth(), self.clock.jitter());
        PlayoutStats { waiting: self.shelf.len(), depth, jitter, ..self.stats }
    }

    /// Another stream begins; that before it ends with the next [`play`](Self::play).
    fn begin_anew(&mut self) {
        self.shelf.clear();
        self.clock.restart();
        self.ended = true;
    }

    /// Ends the stream before this one, if that is still to be done.
    fn part(&mut self, now: u64, out: &mut impl FnMut(Cue<'_>)) {
        if std::mem::take(&mut self.ended) {
            self.end(now, out);
            self.receiver.reset();
        }
    }

    /// Hands the next packet to the receiver, and executes what is due of it.
    fn open(&mut self, now: u64, out: &mut impl FnMut(Cue<'_>)) {
        let Some(packet) = self.shelf.take() else { return };
        let (clock, queue, last, stats) = (&self.clock, &mut self.queue, &mut self.last, &mut self.stats);
        let due = clock.due(&packet.arrival);
        self.receiver.receive(received(&packet), |event| {
            let behind = clock.behind(packet.timestamp, event.time);
            let at = due.saturating_add(behind);
            if event.command.begins_note() && clock.is_late(&packet.arrival, behind) {
                stats.late_notes += 1;
            } else if !queue.is_empty() || at > now {
                queue.push(at, &event);
            } else {
                *last = at.max(*last);
                out(Cue { at: *last, event });
            }
        });
        self.shelf.keep(packet.payload);
    }

    /// Executes the next command of the queue, at time `most` at the latest.
    fn give(&mut self, most: u64, out: &mut impl FnMut(Cue<'_>)) {
        let last = &mut self.last;
        self.queue.give(|at, event| {
            *last = at.min(most).max(*last);
            out(Cue { at: *last, event });
        });
    }

    /// When the next packet is to be opened.
    fn packet_due(&self) -> Option<u64> {
        self.shelf.head().map(|packet| self.clock.due(packet))
    }

    /// Executes the queue, but for notes that would begin.
    fn give_rest(&mut self, now: u64, out: &mut impl FnMut(Cue<'_>)) {
        self.last = now.max(self.last);
        while !self.queue.is_empty() {
            self.queue.give(|_, event| {
                if !event.command.begins_note() {
                    out(Cue { at: self.last, event });
                }
            });
        }
    }

    fn end(&mut self, now: u64, out: &mut impl FnMut(Cue<'_>)) {
        self.give_rest(now, out);
        self.receiver.silence(0, |event| out(Cue { at: self.last, event }));
    }
}

fn received(packet: &Waiting) -> Received<'_> {
    Received { sequence: packet.sequence(), timestamp: packet.timestamp, payload: &packet.payload }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::midi::{Command, System};

    /// RTP ticks are milliseconds.
    const RATE: u32 = 1000;
    const MS: u64 = 1_000_000;

    fn octets(command: &Command<'_>) -> Vec<u8> {
        let mut octets = Vec::new();
        command.encode(&mut octets);
        octets
    }

    /// Plays packets of our own making (time in milliseconds, number, timestamp, payload) as they come.
    fn heard(playout: &mut Playout, packets: &[(u64, u16, u32, &[u8])]) -> Vec<Vec<u8>> {
        let mut heard = Vec::new();
        for &(at, sequence, timestamp, payload) in packets {
            playout.receive(at * MS, 7, Received { sequence, timestamp, payload });
            playout.play(at * MS, |cue| heard.push(octets(&cue.event.command)));
        }
        heard
    }

    fn playout(latency: u64) -> Playout {
        Playout::new(Config::new(RATE), Latency::Fixed(latency * MS))
    }

    const NOTE_ON: &[u8] = &[3, 0x90, 60, 100];
    const NOTE_OFF: &[u8] = &[3, 0x80, 60, 64];
    /// A journal whose Chapter N tells of note 60 with velocity 100 just struck, and nothing else.
    const FRESH_NOTE: &[u8] = &[0x40, 0x20, 0, 1, 0x00, 0x07, 0x08, 0x01, 0xF0, 60, 0xE4];

    #[test]
    fn of_a_straggler_all_but_the_notes_that_begin_is_executed() {
        let straggler: &[u8] = &[9, 0x90, 60, 0, 0, 64, 90, 0, 0xC0, 5];
        let mut playout = playout(0);
        let packets = [
            (1000, 1, 0, NOTE_ON),
            (1160, 2, 100, straggler),
            (1205, 3, 200, &[3, 0x80, 64, 0]),
            (1305, 4, 300, &[3, 0x90, 67, 9]),
        ];
        let expected = [vec![0x90, 60, 100], vec![0x90, 60, 0], vec![0xC0, 5], vec![0x80, 64, 0], vec![0x90, 67, 9]];
        assert_eq!(heard(&mut playout, &packets), expected);
        assert_eq!(playout.stats().late_notes, 1);
    }

    #[test]
    fn without_latency_what_is_out_of_order_is_ignored() {
        let mut playout = playout(0);
        let packets = [
            (1000, 1, 0, NOTE_ON),
            (1020, 3, 20, &[2, 0xC0, 5][..]),
            (1021, 2, 10, NOTE_OFF),
            (1040, 3, 20, &[2, 0xC0, 5]),
        ];
        // Without a journal the gap ends the note.
        assert_eq!(heard(&mut playout, &packets), [vec![0x90, 60, 100], vec![0x80, 60, 64], vec![0xC0, 5]]);
        assert_eq!((playout.stats().too_late, playout.stats().duplicates), (1, 1));
    }

    #[test]
    fn a_late_packet_may_still_fill_the_gap_before_it_is_repaired() {
        let mut playout = playout(50);
        let packets = [(1000, 1, 0, NOTE_ON), (1020, 3, 20, &[2, 0xC0, 5][..]), (1055, 2, 10, NOTE_OFF)];
        assert_eq!(heard(&mut playout, &packets), [[0x90, 60, 100]]);
        let mut rest = Vec::new();
        assert_eq!(playout.due(), Some(1060 * MS));
        playout.play(2000 * MS, |cue| rest.push((cue.at / MS, octets(&cue.event.command))));
        assert_eq!(rest, [(1060, vec![0x80, 60, 64]), (1070, vec![0xC0, 5])]);
        assert_eq!((playout.stats().reordered, playout.receiver().stats().lost), (1, 0));
    }

    #[test]
    fn a_note_from_a_journal_is_as_late_as_its_packet() {
        for (late, notes) in [(0, 1), (60, 0)] {
            let mut playout = playout(0);
            let packets = [(1000, 1, 0, &[2, 0xC0, 5][..]), (1020 + late, 3, 20, FRESH_NOTE)];
            let heard = heard(&mut playout, &packets);
            assert_eq!(heard.iter().filter(|octets| octets[0] == 0x90).count(), notes, "{heard:02X?}");
            assert_eq!(playout.receiver().sounding(), 1, "it counts as played");
        }
    }

    #[test]
    fn the_journal_of_a_packet_behind_a_loss_repairs_however_late_it_comes() {
        // Chapter P: program 9.
        let journal: &[u8] = &[0x43, 0x90, 64, 100, 0x20, 0, 1, 0x00, 0x06, 0x80, 0x09, 0x00, 0x00];
        let mut playout = playout(20);
        assert_eq!(heard(&mut playout, &[(1000, 1, 0, &[2, 0xC0, 5]), (5020, 3, 20, journal)]), [[0xC0, 5], [0xC0, 9]]);
        assert_eq!((playout.stats().late_notes, playout.receiver().stats().lost), (1, 1));
    }

    #[test]
    fn commands_of_one_packet_come_at_their_own_times() {
        let mut playout = playout(30);
        heard(&mut playout, &[(1000, 1, 0, &[7, 0x90, 60, 100, 20, 60, 0, 0xF8][..7])]);
        playout.receive(
            1010 * MS,
            7,
            Received { sequence: 2, timestamp: 40, payload: &[8, 0x90, 62, 9, 5, 62, 0, 5, 0xF8] },
        );
        let mut times = Vec::new();
        while let Some(due) = playout.due() {
            playout.play(due, |cue| times.push((cue.at / MS, due / MS)));
        }
        // The second packet was the faster one, by thirty milliseconds.
        assert!(times.iter().all(|(at, due)| at == due), "{times:?}");
    }

    #[test]
    fn what_waits_comes_before_the_next_packet_even_if_its_sender_went_back_in_time() {
        let mut playout = playout(0);
        let list: &[u8] = &[5, 0xC0, 1, 0x64, 0xC0, 2];
        let packets = [(1000, 1, 0, list), (1020, 2, 20, &[2, 0xC0, 3][..])];
        assert_eq!(heard(&mut playout, &packets), [[0xC0, 1], [0xC0, 2], [0xC0, 3]]);
        // Nine deltas of 2^28 - 1 ticks are more than half of what RTP time can tell.
        let wide: Vec<u8> = (0..10).flat_map(|program| [0xC0, program, 0xFF, 0xFF, 0xFF, 0x7F]).collect();
        let wide = [&[0x80, 56][..], &wide[..56]].concat();
        playout.receive(1040 * MS, 7, Received { sequence: 3, timestamp: 40, payload: &wide });
        let mut programs = Vec::new();
        for now in [1040, 100_000] {
            playout.play(now * MS, |cue| programs.push(octets(&cue.event.command)[1]));
        }
        assert_eq!(programs, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn a_note_off_that_waits_when_the_source_changes_is_not_lost() {
        let mut playout = playout(0);
        let packets = [(1000, 1, 0, &[6, 0x90, 60, 100, 50, 60, 0][..])];
        assert_eq!(heard(&mut playout, &packets), [[0x90, 60, 100]]);
        // Five seconds behind the time of the first source, and yet in time.
        playout.receive(6020 * MS, 8, Received { sequence: 9, timestamp: 20, payload: NOTE_ON });
        assert_eq!(playout.due(), Some(6020 * MS));
        let mut rest = Vec::new();
        playout.play(6020 * MS, |cue| rest.push((cue.at / MS, octets(&cue.event.command))));
        assert_eq!(rest, [(6020, vec![0x90, 60, 0]), (6020, vec![0x90, 60, 100])]);
    }

    #[test]
    fn silence_for_three_guard_times_ends_what_sounds_and_the_stream_goes_on() {
        let config = Config { guardtime: Some(200), ..Config::new(RATE) };
        let mut playout = Playout::new(config, Latency::Fixed(0));
        assert_eq!((heard(&mut playout, &[(1000, 1, 0, NOTE_ON)]).len(), playout.due()), (1, Some(1600 * MS)));
        playout.play(1599 * MS, |_| panic!("it is not yet time"));
        let mut ends = Vec::new();
        playout.play(1600 * MS, |cue| ends.push(octets(&cue.event.command)));
        assert_eq!(ends, [[0x80, 60, 64]]);
        assert_eq!((playout.stats().silences, playout.due()), (1, None));
        assert_eq!(heard(&mut playout, &[(9000, 2, 8000, &[2, 0xC0, 5])]), [[0xC0, 5]]);
        assert_eq!((playout.due(), playout.receiver().stats().lost), (Some(9600 * MS), 0));
    }

    #[test]
    fn another_source_and_a_sender_that_begins_anew_end_what_sounds() {
        let mut playout = playout(10);
        let mut heard = Vec::new();
        let packets =
            [(1000, 7, 10, NOTE_ON), (1100, 8, 5000, NOTE_ON), (1200, 8, 100, NOTE_OFF), (1300, 8, 101, NOTE_OFF)];
        for (at, source, sequence, payload) in packets {
            playout.receive(at * MS, source, Received { sequence, timestamp: sequence.into(), payload });
            playout.play((at + 20) * MS, |cue| heard.push(octets(&cue.event.command)[0]));
        }
        let stats = playout.stats();
        assert_eq!((stats.takeovers, stats.restarts, stats.too_late), (1, 1, 1));
        assert_eq!(heard, [0x90, 0x80, 0x90, 0x80, 0x80]);
    }

    #[test]
    fn a_flood_takes_no_more_memory_than_a_thousand_packets() {
        let mut playout = playout(1000);
        for number in 0..100_000_u32 {
            let packet = Received { sequence: number as u16, timestamp: 0, payload: NOTE_ON };
            playout.receive(1000 * MS, 7, packet);
        }
        assert_eq!((playout.stats().waiting, playout.stats().flooded), (1024, 100_000 - 1024));
        playout.play(3000 * MS, |_| {});
        assert_eq!((playout.stats().waiting, playout.due()), (0, None));
    }

    #[test]
    fn a_wild_timestamp_stops_nothing() {
        let mut playout = playout(20);
        let mut clocks = 0;
        for (number, time) in (0..200_u16).zip((0..).step_by(10)) {
            let timestamp = if number == 50 { 1 << 30 } else { time };
            playout.receive(u64::from(time) * MS, 7, Received { sequence: number, timestamp, payload: &[1, 0xF8] });
            playout.play(u64::from(time) * MS, |cue| {
                clocks += u32::from(cue.event.command == Command::System(System::Clock));
            });
        }
        playout.play(2010 * MS, |_| clocks += 1);
        assert_eq!(clocks, 200);
    }

    #[test]
    fn leaving_executes_what_waits_but_for_notes_and_ends_what_sounds() {
        let mut playout = playout(500);
        heard(&mut playout, &[(1000, 1, 0, NOTE_ON)]);
        playout.play(1500 * MS, |_| {});
        playout.receive(1510 * MS, 7, Received { sequence: 2, timestamp: 500, payload: &[6, 0x90, 64, 1, 0, 0xC0, 5] });
        let mut rest = Vec::new();
        playout.stop(1520 * MS, |cue| rest.push((cue.at / MS, octets(&cue.event.command))));
        assert_eq!(rest, [(1520, vec![0xC0, 5]), (1520, vec![0x80, 60, 64]), (1520, vec![0x80, 64, 64])]);
        assert_eq!(playout.due(), None);
    }
}
