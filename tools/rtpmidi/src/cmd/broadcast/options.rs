//! What the command line says.

use std::ffi::OsStr;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use rtp_midi::{Journal, Policy};

use super::encryption::Encryption;
use super::name::{Name, Named};
use super::source::Source;
use crate::destination::Destination;
use crate::intake::Url;
use crate::rules::Rules;
use crate::serve;
use crate::sync::Sync;
use crate::time;

/// Send Standard MIDI Files as one RTP MIDI stream.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub(crate) struct Args {
    /// Files to play one after the other; a folder stands for the *.mid, *.midi and *.smf in it, a playlist (*.m3u,
    /// *.m3u8) for the files and folders that it names. Or a live source: - is MIDI from stdin, alsa:PORT from the
    /// ALSA sequencer, applemidi:NAME or applemidi:HOST:PORT from an AppleMIDI session, ipmidi:PORT from raw multicast
    /// (ipMIDI, QmidiNet)
    #[arg(required_unless_present = "channel", value_name = "SOURCE")]
    pub(super) sources: Vec<Source>,

    /// Play a file, a folder, a playlist or a live source on a live channel of this name as well. Repeat it for more channels
    #[arg(long, value_name = "NAME=SOURCE")]
    pub(super) channel: Vec<Named<Source>>,

    /// Where to send to: a host or a multicast group, and the port of the RTP packets; RTCP takes the port above.
    /// Repeat it to send the stream to several; with NAME= in front it is for the channel of this name
    #[arg(long, required_unless_present_any = ["rtsp", "publish"], value_name = "[NAME=]udp://HOST:PORT")]
    pub(super) to: Vec<Target>,

    /// Serve the music by RTSP at this address, until Ctrl-C: what is being played as /live, the channels as
    /// /live/NAME, and each file from its start as /files/NAME
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) rtsp: Option<SocketAddr>,

    /// Publish the live channel on a media server (RTSP RECORD), which others listen to. Repeat it for more servers; with
    /// NAME= in front it is for the channel of this name
    #[arg(long, value_parser = PublishParser, value_name = "[NAME=]rtsp://HOST:PORT/PATH")]
    pub(super) publish: Vec<Publish>,

    #[command(flatten)]
    pub(super) server: serve::Options,

    /// How packets of /files/ repeat what earlier ones said: each client has its own, whose reports may trim them
    #[arg(long, requires = "rtsp", value_enum, default_value_t = FilesJournal::Anchor, value_name = "POLICY")]
    pub(super) rtsp_files_journal: FilesJournal,

    /// Write the session description, which a listener needs, to this file before the first packet is sent. Repeated,
    /// the second one is for the second --to
    #[arg(long, value_name = "FILE")]
    pub(super) sdp: Vec<PathBuf>,

    /// Announce the stream to the network (SAP), so that listeners find it by its title
    #[arg(long)]
    pub(super) sap: bool,

    /// Announce the stream this often
    #[arg(long, requires = "sap", default_value = "5", value_parser = time::interval, value_name = "SECONDS")]
    pub(super) sap_interval: Duration,

    #[command(flatten)]
    pub(super) encryption: Encryption,

    /// How packets repeat what earlier ones said, so that listeners recover from loss
    #[arg(long, value_enum, default_value_t = JournalOption::Anchor, value_name = "POLICY")]
    pub(super) journal: JournalOption,

    /// Take the files as any music: do not look through them for what the stream can do without
    #[arg(long)]
    pub(super) no_scan: bool,

    #[command(flatten)]
    pub(super) rules: Rules,

    /// Tell players with few voices, in front of each file, which channels to leave out (MIP, of Scalable Polyphony MIDI)
    #[arg(long)]
    pub(super) mip: bool,

    /// Longest RTP packet, header included
    #[arg(long, default_value_t = 1400, value_parser = clap::value_parser!(u32).range(200..=65_507), value_name = "OCTETS")]
    pub(super) mtu: u32,

    /// Gather messages for this many milliseconds into one packet [default: 10, and 5 of live sources]
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=1000), value_name = "MS")]
    pub(super) ptime: Option<u32>,

    /// Send an empty packet when nothing was sent for this many milliseconds
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=3_600_000), value_name = "MS")]
    pub(super) guardtime: Option<u32>,

    /// Send RTCP reports at most this often
    #[arg(long, default_value = "5", value_parser = time::interval, value_name = "SECONDS")]
    pub(super) rtcp_interval: Duration,

    /// Keep time by a clock that listeners share, and tell them so: that of an NTP server, of a PTP domain, or of this
    /// machine if something keeps it right. Then they can play in step (listen --sync)
    #[arg(long, value_name = "ntp=SERVER|ptp=DOMAIN|ntp-local")]
    pub(super) sync: Option<Sync>,

    /// Play faster or slower: 2 is twice as fast
    #[arg(long, default_value_t = 1.0, value_parser = speed, value_name = "X")]
    pub(super) speed: f64,

    /// Begin again when the last file has ended, until Ctrl-C
    #[arg(long = "loop")]
    pub(super) repeat: bool,

    /// Play the files in random order, each round in another
    #[arg(long)]
    pub(super) shuffle: bool,

    /// Shuffle so that the same number gives the same order
    #[arg(long, requires = "shuffle", value_name = "NUMBER")]
    pub(super) shuffle_seed: Option<u64>,

    /// Watch the folders: files that appear in them are played as well, and those that go no longer
    #[arg(long, requires = "repeat")]
    pub(super) watch: bool,

    /// Be silent for so long between two files
    #[arg(long, default_value = "0", value_parser = time::parse, value_name = "TIME")]
    pub(super) gap: Duration,

    /// Begin at this time in the first file: seconds, or minutes:seconds
    #[arg(long, conflicts_with = "shuffle", value_parser = time::parse, value_name = "TIME")]
    pub(super) start: Option<Duration>,

    /// How many routers a packet to a multicast group may pass
    #[arg(long, default_value_t = 1, value_name = "HOPS")]
    pub(super) ttl: u8,

    /// The network interface from which packets to multicast groups leave [default: where the route to them leads]
    #[arg(long, value_name = "NAME")]
    pub(super) interface: Option<String>,

    /// Play what can be read of damaged files
    #[arg(long)]
    pub(super) lenient: bool,

    /// Print progress and summary as JSON, one object per line
    #[arg(long)]
    pub(super) json: bool,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi broadcast song.mid --to udp://127.0.0.1:5004 --sdp song.sdp
  rtpmidi listen song.sdp --wav song.wav      (in a second terminal, started before or after)
  rtpmidi broadcast song.mid --to udp://239.255.1.2:5004 --sap
  rtpmidi listen sap:Song                     (on any machine of the network)
  rtpmidi broadcast concert/ --rtsp 0.0.0.0:8554 --loop
  rtpmidi broadcast alsa:24:0 --to udp://239.255.1.2:5004 --sap
  rtpmidi broadcast applemidi:Piano --to udp://239.255.1.2:5004 --sap      (rtpmidi devices lists the names)
  rtpmidi broadcast --channel jazz=jazz/ --channel baroque=bach/ --rtsp 0.0.0.0:8554 --loop

The broadcast ends with the last file or the end of stdin, or with Ctrl-C, which ends the notes that sound.";

/// `--to`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    /// Which channel goes there; `None` is the main one.
    pub(super) channel: Option<Name>,
    pub(super) destination: Destination,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A name is known by its =, which no address has.
        if !text.contains('=') {
            return Ok(Self { channel: None, destination: text.parse()? });
        }
        let Named { name, what } = text.parse()?;
        Ok(Self { channel: Some(name), destination: what })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.channel.as_ref().map_or(Ok(()), |name| write!(f, "{name}="))?;
        self.destination.fmt(f)
    }
}

/// `--publish`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Publish {
    /// Which channel goes there; `None` is the main one.
    pub(super) channel: Option<Name>,
    pub(super) url: Url,
}

impl FromStr for Publish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if Url::is_one(text) {
            return Ok(Self { channel: None, url: text.parse()? });
        }
        match text.split_once('=') {
            Some((name, url)) if Url::is_one(url) => Ok(Self { channel: Some(name.parse()?), url: url.parse()? }),
            _ => Err("it is rtsp://HOST:PORT/PATH, perhaps with NAME= in front".to_owned()),
        }
    }
}

/// Reads `--publish`. A value that is none is not repeated, as clap would: there may be a password in it.
#[derive(Clone)]
struct PublishParser;

impl TypedValueParser for PublishParser {
    type Value = Publish;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _option: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Publish, clap::Error> {
        value.to_string_lossy().parse().map_err(|why| {
            let words = format!("invalid value for '--publish': {why}\n");
            clap::Error::raw(ErrorKind::ValueValidation, words).with_cmd(command)
        })
    }
}

impl fmt::Display for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.channel.as_ref().map_or(Ok(()), |name| write!(f, "{name}="))?;
        self.url.fmt(f)
    }
}

impl Args {
    /// Whether servers have the channels, ours or others', to whose listeners nothing is known of the past.
    pub(super) const fn serves(&self) -> bool {
        self.rtsp.is_some() || !self.publish.is_empty()
    }
}

/// `--journal`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum JournalOption {
    /// All of the stream so far, so that anyone may join at any time
    Anchor,
    /// What some listener has not reported to have yet
    ClosedLoop,
    /// The latest packets, whatever listeners report
    OpenLoop,
    /// Nothing: a lost packet stays lost
    None,
}

impl From<JournalOption> for Journal {
    fn from(option: JournalOption) -> Self {
        match option {
            JournalOption::Anchor => Self::Recovery(Policy::Anchor),
            JournalOption::ClosedLoop => Self::Recovery(Policy::ClosedLoop),
            JournalOption::OpenLoop => Self::Recovery(Policy::OpenLoop),
            JournalOption::None => Self::None,
        }
    }
}

/// `--rtsp-files-journal`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum FilesJournal {
    /// All of the stream so far
    Anchor,
    /// What the client has not reported to have yet
    ClosedLoop,
}

impl From<FilesJournal> for Journal {
    fn from(option: FilesJournal) -> Self {
        Self::Recovery(match option {
            FilesJournal::Anchor => Policy::Anchor,
            FilesJournal::ClosedLoop => Policy::ClosedLoop,
        })
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if (0.01..=100.0).contains(&speed) => Ok(speed),
        _ => Err("it is a number from 0.01 to 100".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_to_publish_at_may_have_the_name_of_a_channel_in_front() {
        let channel = |text: &str| text.parse::<Publish>().map(|publish| publish.channel.map(|name| name.to_string()));
        assert_eq!(channel("rtsp://host/x?a=b"), Ok(None));
        assert_eq!(channel("jazz=rtsps://host/x"), Ok(Some("jazz".to_owned())));
        for text in ["http://u:secret@host/x?a=b", "host/x", "jazz=host/x", "jazz=ftp://u:secret@host/x"] {
            let refused = channel(text).unwrap_err();
            assert_eq!(refused, "it is rtsp://HOST:PORT/PATH, perhaps with NAME= in front", "{text}");
        }
        assert_eq!(channel("a/b=rtsp://u:secret@host/x").unwrap_err().matches("secret").count(), 0);
    }
}
