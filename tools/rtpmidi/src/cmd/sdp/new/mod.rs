//! `rtpmidi sdp new`: a description from flags.

mod parameters;
mod profile;
mod rendering;
mod way;

use std::path::PathBuf;

use clap::ValueEnum;
use rtp_midi::Format;
use rtp_midi_sdp::lint::Severity;
use rtp_midi_sdp::{Direction, Group, Media, Session, Stream, lint};
use serde::Deserialize;

use super::{check, session};
use crate::description::{self, TOOL};
use crate::failure::{Failure, Result};
use crate::report;
use parameters::Options;
use profile::Profile;
use rendering::Rendering;
use way::Way;

pub(super) use rendering::general_midi;

/// Print a session description made from flags.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The kind of stream; flags have the last word on what they speak of
    #[arg(long, value_enum, default_value_t)]
    profile: Profile,

    /// What the session is called
    #[arg(long, default_value = "MIDI", value_name = "TEXT")]
    title: String,

    /// The description to which this stream is added; - reads it from stdin
    #[arg(long, value_name = "FILE")]
    add_to: Option<PathBuf>,

    #[command(flatten)]
    way: Way,

    /// In which direction the music goes, as seen by the reader of the description
    #[arg(long, value_enum, value_name = "DIRECTION")]
    direction: Option<DirectionOption>,

    /// MIDI by itself, or inside MPEG-4
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<FormatOption>,

    /// Ticks of the RTP clock per second
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), value_name = "RATE")]
    clock_rate: Option<u32>,

    /// The RTP payload type
    #[arg(long, value_parser = clap::value_parser!(u8).range(96..=127), value_name = "TYPE")]
    payload_type: Option<u8>,

    #[command(flatten)]
    options: Options,

    /// Play by the instruments of General MIDI [with --format mpeg4-generic]
    #[arg(long, conflicts_with_all = ["render", "config"])]
    general_midi: bool,

    #[command(flatten)]
    rendering: Rendering,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi sdp new --profile broadcast --to udp://239.1.2.3:5004 --ttl 4 > music.sdp
  rtpmidi sdp new --cm-unused AX --ch-never AX --j-update anchor --rtp-ptime 10ms --guardtime 1s
  rtpmidi sdp new --to udp://192.0.2.94:5004 --direction recvonly --musicport 1 > duet.sdp
  rtpmidi sdp new --add-to duet.sdp --to udp://192.0.2.94:5006 --direction sendonly --musicport 1

Parameters are told and printed as RFC 6295 has them (appendices C and D); what is printed has been checked.";

/// `--format`, in capabilities files too.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FormatOption {
    /// a=rtpmap:96 rtp-midi
    Native,
    /// a=rtpmap:96 mpeg4-generic
    Mpeg4Generic,
}

/// `--direction`, by the names of SDP.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[value(rename_all = "lower")]
enum DirectionOption {
    /// Both ways
    SendRecv,
    /// From the reader
    SendOnly,
    /// To the reader
    RecvOnly,
    /// Not for now
    Inactive,
}

impl From<FormatOption> for Format {
    fn from(option: FormatOption) -> Self {
        match option {
            FormatOption::Native => Self::Native,
            FormatOption::Mpeg4Generic => Self::Mpeg4Generic,
        }
    }
}

impl From<DirectionOption> for Direction {
    fn from(option: DirectionOption) -> Self {
        match option {
            DirectionOption::SendRecv => Self::SendReceive,
            DirectionOption::SendOnly => Self::SendOnly,
            DirectionOption::RecvOnly => Self::ReceiveOnly,
            DirectionOption::Inactive => Self::Inactive,
        }
    }
}

/// Prints the description, unless something is wrong with it.
pub(super) fn run(args: &Args) -> Result<()> {
    let text = describe(args)?.print();
    let found = lint(&text);
    let telling = found.iter().filter(|diagnostic| diagnostic.severity != Severity::Note);
    telling.for_each(|diagnostic| eprintln!("{}", check::words("new", &text, diagnostic)));
    if found.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(Failure::new("these flags make no good description"));
    }
    report::data(text.trim_end_matches('\n')).map(|_| ())
}

fn describe(args: &Args) -> Result<Session> {
    let mut session = match &args.add_to {
        None => Session {
            origin: Some(description::origin(args.way.local_address())),
            tool: Some(TOOL.to_owned()),
            ..Session::new(&args.title)
        },
        Some(path) => session::read(path)?,
    };
    let direction = args.direction.map_or_else(|| args.profile.direction(), Direction::from);
    if session.media.is_empty() {
        session.direction = direction;
    }
    session.media.push(Media::new(args.way.transport()?, direction, vec![stream(args)?]));
    group(&mut session);
    Ok(session)
}

fn stream(args: &Args) -> Result<Stream> {
    let profile = args.profile;
    let format = args.format.map_or_else(|| profile.format(), Format::from);
    let clock_rate = args.clock_rate.unwrap_or_else(|| profile.clock_rate());
    if args.general_midi && format == Format::Native {
        return Err(Failure::new("--general-midi is for --format mpeg4-generic").unanswerable());
    }
    let mut usual = profile.parameters(clock_rate);
    let asked = args.options.parameters(format, clock_rate, &usual);
    let asked = asked.map_err(|words| Failure::new(words).unanswerable())?;
    // The recommended and the longest time of a packet go together.
    let is_packet_time = |name: &str| ["rtp_ptime", "rtp_maxptime"].contains(&name);
    if asked.iter().any(|parameter| is_packet_time(&parameter.name)) {
        usual = usual.iter().filter(|parameter| !is_packet_time(&parameter.name)).cloned().collect();
    }
    let mut asked = args.rendering.parameters()?.or(&asked);
    let has_instruments = asked.last("config").is_some_and(|config| config != "\"\"");
    if args.general_midi || (profile.general_midi() && format == Format::Mpeg4Generic && !has_instruments) {
        asked = asked.or(&rendering::general_midi(clock_rate));
    }
    Ok(Stream {
        payload_type: args.payload_type.unwrap_or_else(|| profile.payload_type()),
        format,
        clock_rate,
        parameters: asked.or(&usual),
    })
}

/// Marks and groups the lines whose streams are cables of one set (RFC 6295, C.5), unless they are grouped already.
fn group(session: &mut Session) {
    let is_cable = |line: &Media| line.streams.iter().any(|stream| stream.parameters.last("musicport").is_some());
    if session.media.iter().filter(|line| is_cable(line)).count() < 2 {
        return;
    }
    let taken: Vec<String> = session.media.iter().filter_map(|line| line.mid.clone()).collect();
    let mut free = (1..).map(|number: u32| number.to_string()).filter(|mid| !taken.contains(mid));
    for line in session.media.iter_mut().filter(|line| is_cable(line) && line.mid.is_none()) {
        line.mid = free.next();
    }
    let mids = session.media.iter().filter(|line| is_cable(line)).filter_map(|line| line.mid.clone()).collect();
    match session.groups.iter_mut().find(|group| group.semantics.eq_ignore_ascii_case("FID")) {
        Some(group) => group.mids = mids,
        None => session.groups.push(Group { semantics: "FID".to_owned(), mids }),
    }
}
