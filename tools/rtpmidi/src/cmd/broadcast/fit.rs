//! Whether every journal of a programme fits: into LENGTH, of ten bits (RFC 6295 section 5), and into the MTU.
//!
//! The programme is sent, to nobody, by the sender that will send it: all files in their order, and with `--loop` the
//! first one again behind the last, or with `--shuffle` the first two rounds. Nobody reports, so a closed loop is judged by
//! its longest journals.

use std::sync::Arc;
use std::time::Duration;

use rtp_midi::inspect::{Chapter, inspect};
use rtp_midi::midi::{Command, System};
use rtp_midi::{Config, Inclusion, Journal, Letters, Numbers, Policy, Selection, Sender};
use rtp_midi_sdp::Language;
use smf_timeline::Song;

use super::mip;
use super::piece::{Piece, Reading};
use super::programme::{commands, packet_length};
use crate::description::CLOCK_RATE;
use crate::failure::{Failure, Result};
use crate::rtp;
use crate::time::minutes;

/// What is sent, and how.
pub(super) struct Programme<'a> {
    /// In the order in which they are played.
    pub(super) pieces: &'a [Arc<Piece>],
    pub(super) reading: Reading,
    /// Silence between two pieces.
    pub(super) gap: Duration,
    pub(super) speed: f64,
    /// Octets that the network puts in front of each packet.
    pub(super) headers: usize,
    /// Octets that encryption puts behind it.
    pub(super) tag: usize,
}

/// What came of sending it.
#[derive(Default)]
struct Outcome {
    misfit: Option<Misfit>,
    /// Octets of the longest packet, RTP header and what encryption adds included.
    longest: usize,
    /// Octets on the network in the second with the most of them.
    peak: usize,
}

/// The first packet that does not fit.
struct Misfit {
    piece: usize,
    /// Seconds from the start of the piece.
    seconds: f64,
    limit: Limit,
    /// The chapter to blame.
    chapter: Option<Chapter>,
}

/// What is passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Limit {
    /// By a packet of so many octets.
    Mtu(usize),
    /// LENGTH, or what a packet can spare for the system journal.
    Length,
}

/// Chapter X, and from how many octets on System Exclusives may be left out of it.
const X: Letters = Letters::of("X");
const LONG: [u32; 4] = [513, 257, 129, 65];

/// What LENGTH can say.
const LENGTH: usize = 1023;
/// The longest UDP datagram.
const LONGEST: usize = 65_507;

impl Programme<'_> {
    /// How many kilobits a second it takes at most. Refuses a programme that has a journal without room, and says what
    /// would give it room.
    pub(super) fn check(&self, config: &Config) -> Result<u64> {
        let outcome = self.outcome(config)?;
        let Some(misfit) = outcome.misfit else { return Ok((8 * outcome.peak as u64).div_ceil(1000)) };
        let failure = Failure::new(misfit.words(self.pieces, config.mtu + self.tag));
        Err(failure.hint(format!("it fits with {}", self.remedies(config, outcome.longest)?.join(", or with "))))
    }

    fn fits(&self, config: &Config) -> Result<bool> {
        Ok(self.outcome(config)?.misfit.is_none())
    }

    /// Sends all of it.
    fn outcome(&self, config: &Config) -> Result<Outcome> {
        let mut trial = Trial::new(config, self);
        for (number, piece) in self.pieces.iter().enumerate() {
            trial.play(number, &piece.song(self.reading)?, piece.mip.as_deref());
        }
        Ok(trial.finish())
    }

    /// The options that make it fit; the last one always does.
    fn remedies(&self, config: &Config, longest: usize) -> Result<Vec<String>> {
        let mut remedies = Vec::new();
        let never = |config: &mut Config, these: &Selection| config.chapters.assign(Inclusion::Never, these);
        if let Some(these) = self.without(config, Letters::of("N"), never)? {
            let options = options("--ch-never", Language::Chapters, &these);
            remedies.push(format!("{options} (what is lost of it stays lost)"));
        }
        let unused = |config: &mut Config, these: &Selection| config.commands.forbid(these);
        if let Some(these) = self.without(config, Letters::of("DEN"), unused)? {
            let options = options("--cm-unused", Language::Commands, &these);
            remedies.push(format!("{options} (it is not sent at all)"));
        }
        let mtu = longest.saturating_sub(self.tag);
        if mtu > config.mtu && longest <= LONGEST && self.fits(&Config { mtu, ..config.clone() })? {
            remedies.push(format!("--mtu {longest} (if the network takes it)"));
        }
        let open_loop = Journal::Recovery(Policy::OpenLoop);
        let mut open = config.clone();
        open.set_journal(open_loop);
        if config.journal != open_loop && self.fits(&open)? {
            remedies.push("--journal open-loop (notes that began long ago end behind a long loss)".to_owned());
        }
        remedies.push("--journal none".to_owned());
        Ok(remedies)
    }

    /// The chapters without which it fits, the longest first, as SDP writes them; `exclude` leaves one out. None can do
    /// without those of `needed`: without Chapter N, say, notes would hang. Of System Exclusives the long ones go first.
    fn without(
        &self,
        config: &Config,
        needed: Letters,
        exclude: impl Fn(&mut Config, &Selection),
    ) -> Result<Option<Vec<Selection>>> {
        let (mut config, mut letters, mut long, mut lengths) = (config.clone(), Letters::default(), None, LONG.iter());
        while let Some(misfit) = self.outcome(&config)?.misfit {
            let letter = misfit.chapter.map(|chapter| Letters::of(chapter.letter.encode_utf8(&mut [0; 4])));
            let Some(letter) = letter.filter(|letter| letter.and(letters.or(needed)).is_empty()) else {
                return Ok(None);
            };
            let selection = if letter == X
                && let Some(&shortest) = lengths.next()
            {
                let fields = Numbers::new([shortest..=u32::MAX]);
                long = Some(Selection::Types { channels: Numbers::default(), letters: X, fields });
                long.clone()
            } else {
                letters = letters.or(letter);
                None
            };
            exclude(&mut config, &selection.unwrap_or_else(|| Selection::of(letter)));
        }
        let whole = (!letters.is_empty()).then(|| Selection::of(letters));
        let long = long.filter(|_| letters.and(X).is_empty());
        Ok(Some(whole.into_iter().chain(long).collect()))
    }
}

/// An option for each selection.
fn options(name: &str, language: Language, selections: &[Selection]) -> String {
    let values = selections.iter().flat_map(|selection| language.print(selection));
    values.map(|value| format!("{name} {value}")).collect::<Vec<_>>().join(" ")
}

impl Misfit {
    fn words(&self, pieces: &[Arc<Piece>], mtu: usize) -> String {
        let place = format!("{} at {}", pieces[self.piece].path.display(), minutes(self.seconds));
        let chapter = self.chapter.as_ref();
        let of = |chapter: &Chapter| match chapter.channel {
            Some(channel) => format!("of channel {}", channel.get() + 1),
            None => "of the system".to_owned(),
        };
        let letter = chapter.map_or('N', |chapter| chapter.letter);
        let of = chapter.map_or_else(String::new, of);
        match self.limit {
            Limit::Mtu(octets) => {
                let share = chapter.map_or(0, |chapter| chapter.octets.len());
                format!(
                    "{place}: a packet of {octets} octets is longer than --mtu {mtu}; Chapter {letter} {of} has {share}"
                )
            }
            Limit::Length => format!("{place}: the journal {of} has no room for all of its Chapter {letter}"),
        }
    }
}

/// A sender on its way through the programme.
struct Trial<'a> {
    config: &'a Config,
    sender: Sender,
    speed: f64,
    /// RTP clock ticks between two pieces.
    gap: u64,
    payload: Vec<u8>,
    /// The time of the latest packet.
    sent: u64,
    /// The time of the first command that waits for its packet, in RTP clock ticks from the start.
    first: Option<u64>,
    /// Where the piece begins and ends, and which it is.
    start: u64,
    end: u64,
    piece: usize,
    headers: usize,
    tag: usize,
    /// The second under way, and its octets on the network.
    second: (u64, usize),
    outcome: Outcome,
}

impl<'a> Trial<'a> {
    fn new(config: &'a Config, &Programme { speed, gap, headers, tag, .. }: &Programme<'_>) -> Self {
        Self {
            gap: (gap.as_secs_f64() * f64::from(CLOCK_RATE)) as u64,
            config,
            sender: Sender::new(config.clone(), 1),
            speed,
            payload: Vec::new(),
            sent: 0,
            first: None,
            start: 0,
            end: 0,
            piece: 0,
            headers,
            tag,
            second: (0, 0),
            outcome: Outcome::default(),
        }
    }

    fn play(&mut self, piece: usize, song: &Song, mip: Option<&[u8]>) {
        let gap = if piece > 0 { self.gap } else { 0 };
        (self.piece, self.start) = (piece, self.end + gap);
        self.end = self.start + self.ticks(song.duration());
        for (time, command) in mip::lead(commands(song), mip) {
            self.take(self.start + self.ticks(time), command);
        }
        // What a file leaves sounding is let go before the next.
        song.release(0..song.len(), |octets| {
            if let Ok((command, _)) = Command::decode(&octets) {
                self.take(self.end, command);
            }
        });
    }

    fn take(&mut self, now: u64, command: Command<'_>) {
        if let Some(first) = self.first
            && now > first + u64::from(self.config.ptime.unwrap_or(0))
        {
            if let Some(length) = packet_length(self.config) {
                self.sender.pad((first as u32).wrapping_add(length));
            }
            self.send();
        }
        if self.first.is_none() {
            self.guard(now);
        }
        match command {
            Command::System(System::SysEx(whole)) => {
                for piece in self.sender.split(whole) {
                    self.queue(now, piece.into());
                }
            }
            command => self.queue(now, command),
        }
    }

    fn queue(&mut self, now: u64, command: Command<'_>) {
        if self.sender.queue(now as u32, command).is_err() {
            self.send();
            // With nobody to wait for, an empty packet takes every command.
            let _ = self.sender.queue(now as u32, command);
        }
        self.first.get_or_insert(now);
    }

    /// Sends the packets without commands that are due before `now`.
    fn guard(&mut self, now: u64) {
        while let Some(due) = self.sender.due() {
            let at = self.sent + u64::from(due.wrapping_sub(self.sent as u32));
            if at >= now {
                break;
            }
            self.packet(at);
        }
    }

    /// Ends the packet, if one is begun.
    fn send(&mut self) {
        if let Some(first) = self.first.take() {
            self.packet(first);
        }
    }

    /// Sends a packet at `at`, and looks whether it fits.
    fn packet(&mut self, at: u64) {
        self.sent = at;
        let before = self.sender.stats();
        self.payload.clear();
        let packet = self.sender.packet(at as u32, &mut self.payload);
        let octets = rtp::HEADER + self.payload.len() + self.tag;
        self.outcome.longest = self.outcome.longest.max(octets);
        let second = at / u64::from(CLOCK_RATE);
        let before_it = if second == self.second.0 { self.second.1 } else { 0 };
        self.second = (second, before_it + octets + self.headers);
        self.outcome.peak = self.outcome.peak.max(self.second.1);
        let after = self.sender.stats();
        let limit = if after.journal_cuts > before.journal_cuts {
            Limit::Length
        } else if after.oversized > before.oversized {
            Limit::Mtu(octets)
        } else {
            return;
        };
        if self.outcome.misfit.is_none() {
            let journal = inspect(&self.payload, packet.timestamp).journal;
            let chapters = journal.map_or_else(Vec::new, |journal| journal.chapters);
            self.outcome.misfit = Some(Misfit {
                piece: self.piece,
                seconds: (at.saturating_sub(self.start)) as f64 * self.speed / f64::from(CLOCK_RATE),
                limit,
                chapter: blame(&chapters, limit),
            });
        }
    }

    /// Sends what waits, and a packet whose journal tells of that.
    fn finish(mut self) -> Outcome {
        self.send();
        self.packet(self.end.max(self.sent));
        self.outcome
    }

    /// Nanoseconds of a song as RTP clock ticks of the broadcast.
    fn ticks(&self, nanoseconds: u64) -> u64 {
        (nanoseconds as f64 / self.speed * f64::from(CLOCK_RATE) / 1e9) as u64
    }
}

/// The longest chapter of those to blame: of the letter that takes most of the packet, or of the fullest journal.
fn blame(chapters: &[Chapter], limit: Limit) -> Option<Chapter> {
    let octets = |these: &dyn Fn(&Chapter) -> bool| {
        chapters.iter().filter(|chapter| these(chapter)).map(|chapter| chapter.octets.len()).sum::<usize>()
    };
    let to_blame: Vec<&Chapter> = match limit {
        Limit::Mtu(_) => {
            let letter = chapters.iter().map(|it| it.letter).max_by_key(|letter| octets(&|it| it.letter == *letter))?;
            chapters.iter().filter(|chapter| chapter.letter == letter).collect()
        }
        Limit::Length => {
            let channels = chapters.iter().filter(|chapter| chapter.channel.is_some()).map(|chapter| chapter.channel);
            let fullest = channels.max_by_key(|channel| octets(&|it| it.channel == *channel));
            // A channel journal that leaves something out is long all the same; the system journal need not be.
            let fullest = fullest.filter(|channel| octets(&|it| it.channel == *channel) > LENGTH / 4).flatten();
            chapters.iter().filter(|chapter| chapter.channel == fullest).collect()
        }
    };
    to_blame.into_iter().max_by_key(|chapter| chapter.octets.len()).cloned()
}
