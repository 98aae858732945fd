//! `rtpmidi listen`: receives an RTP MIDI stream, repairs it, and plays, records or prints it.

pub(super) mod describe;
mod fetch;
mod outputs;
mod overture;
mod reception;
pub(super) mod rendering;
mod soundfont;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rtp_midi_sdp::render::Url;

use crate::elements;
use crate::failure::{Failure, Result};
use crate::intake::{self, Intake, Silence, Source};
use crate::interface::Interface;
use crate::interrupt::Interrupt;
use crate::loss::{Channel, Loss};
use crate::report::{Audience, Reporter};
use crate::time;
use outputs::{Outputs, Sound};
use reception::Reception;
use rendering::{Fetch, Rendering};
use soundfont::Soundfont;

/// Receive an RTP MIDI stream, repair its losses, and play or record it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub(crate) struct Args {
    /// The session description of the stream: a file, - for stdin, or sap:TITLE for one that is announced to the network
    #[arg(value_name = "SOURCE.sdp|sap:TITLE")]
    source: PathBuf,

    /// Render the music to a WAV file (16 bit, stereo)
    #[arg(long, value_name = "FILE")]
    wav: Option<PathBuf>,

    /// Record the music to a Standard MIDI File
    #[arg(long, value_name = "FILE")]
    smf: Option<PathBuf>,

    /// Play aloud
    #[arg(long)]
    play: bool,

    /// Print each message to stdout
    #[arg(long)]
    print: bool,

    /// How long to wait for packets that are late or out of order
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=10_000), value_name = "MS")]
    latency: u32,

    /// The network interface on which a multicast group is joined [default: where the route to it leads]
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,

    /// Report to the sender at most this often
    #[arg(long, default_value = "5", value_parser = time::interval, value_name = "SECONDS")]
    rtcp_interval: Duration,

    /// Drop packets on purpose: a percentage, and after a colon how many in a row on average
    #[arg(long, value_name = "PCT[:BURST]")]
    loss: Option<Loss>,

    /// Drop other packets: equal numbers drop the same ones
    #[arg(long, default_value_t = 1, value_name = "N")]
    loss_seed: u64,

    /// End when the sender has been silent for so long [default: 30, but no limit before the first packet]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), value_name = "SECONDS")]
    timeout: Option<u32>,

    /// The instruments for --wav and --play; without it, those of the description, or those that are installed
    #[arg(long, value_name = "FILE")]
    soundfont: Option<PathBuf>,

    /// Fetch instruments and files at URLs that the description names; they are read by a parser in C, so trust them
    #[arg(long)]
    allow_remote_instruments: bool,

    /// Print progress, messages and summary as JSON, one object per line
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi listen song.sdp --wav song.wav --smf song.mid
  rtpmidi listen sap:Canon --play                 (a stream that is announced: rtpmidi devices lists them)
  rtpmidi listen song.sdp --play --loss 20:3      (a fifth of the packets is lost, three in a row on average)

The listener ends when the sender says goodbye, after --timeout, or with Ctrl-C; files are then complete.";

/// How long a sender that was heard may be silent. Its reports, which count, come every five seconds or so.
const SILENCE: Duration = Duration::from_secs(30);

/// How long packets may still come behind a goodbye, which takes another way through the network.
const STRAGGLERS: Duration = Duration::from_millis(200);

/// How long the main loop waits for something to happen before it looks at the clock again.
const HEARTBEAT: gst::ClockTime = gst::ClockTime::from_mseconds(20);

/// Receives until the end.
pub(crate) fn run(args: &Args) -> Result<()> {
    let (mut reporter, interrupt) = (Reporter::new(args.json), Interrupt::catch()?);
    let patience = Patience::new(args.timeout);
    let interface = args.interface.as_deref().map(Interface::find).transpose()?;
    let source = match args.source.to_str().and_then(|source| source.strip_prefix("sap:")) {
        Some(title) => match intake::find(title, patience.before_first, interface.as_ref(), &interrupt, &reporter)? {
            Some(source) => source,
            None => return Ok(()),
        },
        None => Source::read(&args.source)?,
    };
    elements::start()?;
    let outputs = Outputs {
        wav: args.wav.as_deref(),
        smf: args.smf.as_deref(),
        play: args.play,
        print: args.print.then_some(if args.json { outputs::Print::Json } else { outputs::Print::Words }),
        sound: if args.wav.is_some() || args.play { sound(args, &source, &reporter)? } else { None },
    };
    let loss = args.loss.map(|loss| Channel::new(loss, args.loss_seed));
    let mut intake = Intake::open(source, intake::Plan { interface, loss })?;
    let entrance = intake.entrance().clone();
    let plan = reception::Plan { latency: args.latency, rtcp_interval: args.rtcp_interval };
    let mut reception = Reception::start(intake.source(), entrance.clone(), &plan, &outputs)?;
    intake.start(reception.inlet())?;

    let source = intake.source();
    reporter.say(&format!("listening for {} on {}", source.title, source.rtp()));
    let mut ended_by = None;
    while !reception.turn(HEARTBEAT, |words| reporter.warn(words))? {
        let audience = reporter.show(Instant::now(), || reception.progress())?;
        let end = if interrupt.asked() || audience == Audience::Gone || reception.is_unread() {
            Some(End::Asked)
        } else if entrance.left_for().is_some_and(|time| time >= STRAGGLERS) {
            Some(End::Goodbye)
        } else {
            patience.is_over(entrance.silence()).then_some(End::TimeOut)
        };
        if let Some(end) = end.filter(|_| !reception.is_stopped()) {
            ended_by = Some(end);
            intake.stop();
            reception.stop();
        }
    }
    let source = intake.source();
    if ended_by == Some(End::TimeOut) && matches!(entrance.silence(), Silence::BeforeFirst(_)) {
        return Err(Failure::new(format!("nothing came to UDP port {} of {}", source.rtp().port(), source.rtp().ip()))
            .hint("is the sender running, and does a firewall let UDP through?"));
    }
    reporter.finish(&reception.end())
}

/// How the description lets the music sound. If it does not, that is no failure where something else is made of it.
fn sound(args: &Args, source: &Source, reporter: &Reporter) -> Result<Option<Sound>> {
    // Anybody can announce anything, so permission in advance is not enough.
    let is_announced = args.source.to_string_lossy().starts_with("sap:");
    let fetch = |url: &Url| {
        if is_announced { fetch::after_a_question(url, fetch::LIMITS) } else { fetch::LIMITS.fetch(url) }
    };
    let fetch: Option<Fetch<'_>> = args.allow_remote_instruments.then_some(&fetch);
    let rendering = match Rendering::of(&source.renderers, fetch) {
        Ok(rendering) => rendering,
        Err(reason) if args.smf.is_some() || args.print => {
            reporter.warn(&format!("warning: no sound: {reason}"));
            return Ok(None);
        }
        Err(reason) => {
            let hint = if fetch.is_none() && rendering::names_urls(&source.renderers) {
                "--allow-remote-instruments fetches what the description names; trust who wrote it"
            } else {
                "--smf and --print take what comes without rendering it"
            };
            return Err(Failure::new(format!("{}: no sound: {reason}", args.source.display())).hint(hint));
        }
    };
    for what in &rendering.left_out {
        reporter.warn(&format!("warning: left out: {what}"));
    }
    let latency = gst::ClockTime::from_mseconds(args.latency.into());
    let soundfont = match &rendering.soundfont {
        Some(octets) if args.soundfont.is_none() => Soundfont::keep(octets)?,
        _ => soundfont::find(args.soundfont.as_deref())?,
    };
    Ok(Some(Sound { soundfont, rendering, latency }))
}

/// Why the listener ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Asked,
    Goodbye,
    TimeOut,
}

/// When silence has lasted long enough.
#[derive(Clone, Copy, Debug)]
struct Patience {
    before_first: Option<Duration>,
    after_last: Duration,
}

impl Patience {
    fn new(timeout: Option<u32>) -> Self {
        let timeout = timeout.map(|seconds| Duration::from_secs(seconds.into()));
        Self { before_first: timeout, after_last: timeout.unwrap_or(SILENCE) }
    }

    fn is_over(self, silence: Silence) -> bool {
        match silence {
            Silence::BeforeFirst(time) => self.before_first.is_some_and(|limit| time >= limit),
            Silence::AfterLast(time) => time >= self.after_last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_timeout_the_first_packet_may_take_for_ever() {
        let hours = Duration::from_hours(10);
        assert!(!Patience::new(None).is_over(Silence::BeforeFirst(hours)));
        assert!(Patience::new(None).is_over(Silence::AfterLast(hours)));
    }

    #[test]
    fn a_timeout_counts_before_and_behind_the_first_packet() {
        let (patience, second) = (Patience::new(Some(2)), Duration::from_secs(1));
        for silence in [Silence::BeforeFirst, Silence::AfterLast] {
            assert!(!patience.is_over(silence(second)));
            assert!(patience.is_over(silence(2 * second)));
        }
    }
}
