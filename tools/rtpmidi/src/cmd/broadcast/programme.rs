//! The stream that a programme needs: its configuration, from the options and from a scan of the files.

use rtp_midi::midi::Command;
use rtp_midi::{Config, Inclusion, Repertoire};
use rtp_midi_sdp::Parameters;
use smf_timeline::{Body, Song};

use super::Args;
use super::mip;
use super::options::JournalOption;
use crate::description::CLOCK_RATE;
use crate::srtp::Key;

/// When packets are sent, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pace {
    /// For how long messages are gathered into one packet.
    pub(super) ptime: u32,
    /// How long it takes to the next packet at most.
    pub(super) guardtime: Option<u32>,
}

impl Pace {
    pub(super) fn of_files(args: &Args) -> Self {
        // Whoever asks a server for the live channel waits for a packet.
        Self { ptime: args.ptime.unwrap_or(10), guardtime: args.guardtime.or(args.serves().then_some(GUARDTIME)) }
    }

    /// Players pause, and who comes then waits as well. A chord of five notes takes 5 ms on a MIDI cable.
    pub(super) fn of_live_sources(args: &Args) -> Self {
        Self { ptime: args.ptime.unwrap_or(5), guardtime: Some(args.guardtime.unwrap_or(GUARDTIME)) }
    }
}

const GUARDTIME: u32 = 1000;

/// The octets that encryption adds to each packet.
pub(super) fn tag(key: Option<&Key>) -> usize {
    key.map_or(0, |key| key.suite().tag_length())
}

/// The configuration of a stream; `repertoire` is what a scan of the files has found, and `key` seals its packets.
pub(super) fn config(args: &Args, pace: Pace, key: Option<&Key>, repertoire: Option<&Repertoire>) -> Config {
    let ptime = Some(ticks(pace.ptime));
    // Whoever listens by RTSP is told how long a packet is (RFC 6295, C.7.1).
    let (ptime, max_ptime) = if args.serves() { (ptime, ptime) } else { (ptime.filter(|ptime| *ptime > 0), None) };
    let mut config = Config {
        ptime,
        max_ptime,
        guardtime: pace.guardtime.map(ticks),
        mtu: args.mtu as usize - tag(key),
        fresh: ticks(FRESH),
        ..Config::new(CLOCK_RATE)
    };
    if let Some(repertoire) = repertoire {
        (config.commands, config.chapters) = (repertoire.commands(), repertoire.chapters());
    }
    if args.mip && args.journal == JournalOption::Anchor {
        config.chapters.assign(Inclusion::Never, &mip::selection());
    }
    args.rules.apply(&mut config);
    config.set_journal(args.journal.into());
    config
}

/// The message for players with few voices that stands in front of a song, if it is wanted and the song has none.
pub(super) fn mip(is_wanted: bool, song: &Song) -> Option<Vec<u8>> {
    is_wanted.then(|| mip::of(commands(song).map(|(_, command)| command))).flatten()
}

/// RTP clock ticks that each packet with messages spans: who is told how long a packet is gets packets of that length
/// (RFC 6295, C.7.1).
pub(crate) fn packet_length(config: &Config) -> Option<u32> {
    config.max_ptime.filter(|most| *most > 0 && config.ptime == Some(*most))
}

/// The same in nanoseconds, as payloaders have it: 0 if packets are as long as they are.
pub(crate) fn ptime_multiple(config: &Config) -> i64 {
    let ticks = u64::from(packet_length(config).unwrap_or(0));
    // The first nanosecond of a tick.
    (ticks * 1_000_000_000).div_ceil(CLOCK_RATE.into()).cast_signed()
}

/// What the scan came to, in words.
pub(super) fn describe(repertoire: &Repertoire, config: &Config) -> String {
    let rules = Parameters::of(config);
    let rules = rules.iter().filter(|rule| rule.name.starts_with("cm_") || rule.name.starts_with("ch_"));
    let rules = rules.map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let channels = repertoire.channels().count_ones();
    format!("the files use {} on {channels} of 16 channels: {rules}", repertoire.letters())
}

/// The commands of a song in order, each with its nanoseconds from the start.
pub(super) fn commands(song: &Song) -> impl Iterator<Item = (u64, Command<'_>)> {
    song.events().filter_map(|event| match event.body {
        Body::Message(octets) => Command::decode(octets).ok().map(|(command, _)| (event.time, command)),
        Body::Meta(_) => None,
    })
}

/// Milliseconds for which a note that was lost is played late. Listeners do not play along: a note that comes a little
/// late is better than none.
const FRESH: u32 = 100;

/// RTP clock ticks.
fn ticks(milliseconds: u32) -> u32 {
    (u64::from(milliseconds) * u64::from(CLOCK_RATE) / 1000) as u32
}
