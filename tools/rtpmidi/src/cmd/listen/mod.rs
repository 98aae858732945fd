//! `rtpmidi listen`: receives an RTP MIDI stream, repairs it, and plays, records or prints it.

mod cache;
mod captions;
mod depth;
pub(super) mod describe;
mod fetch;
mod merge;
mod outputs;
mod overture;
mod punctual;
mod receiver;
mod reception;
mod record;
pub(super) mod rendering;
mod soundfont;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtp_midi_metadata::Piece;
use rtp_midi_sdp::render::{ContentId, Url};
use serde_json::json;

use crate::alsa;
use crate::elements;
use crate::failure::{Failure, Result};
use crate::intake::{self, Event, Link, Place, RtspArgs, Silence, Source, State, Streams};
use crate::interface::Interface;
use crate::interrupt::Interrupt;
use crate::loss::{Channel, Loss};
use crate::report::{self, Audience, Reporter};
use crate::srtp::{self, Suite};
use crate::sync::{Follow, Origin, Schedule};
use crate::time;
use cache::Cache;
use depth::{Depth, Gauge};
use fetch::Web;
use outputs::{Outputs, Print, Sound};
use reception::Reception;
use rendering::{Fetch, Rendering};
use soundfont::Soundfont;

/// Receive an RTP MIDI stream, repair its losses, and play or record it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub(crate) struct Args {
    /// The stream: the URL of an RTSP server, a file with a session description, - for stdin, or sap:TITLE for what is
    /// announced to the network
    #[arg(value_name = "SOURCE", verbatim_doc_comment)]
    source: OsString,

    /// Render the music to a WAV file (16 bit, stereo)
    #[arg(long, value_name = "FILE")]
    wav: Option<PathBuf>,

    /// Record the music to a Standard MIDI File
    #[arg(long, value_name = "FILE")]
    smf: Option<PathBuf>,

    /// Record without end to this folder: a Standard MIDI File for every hour, named after the time (UTC)
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,

    /// Begin a new file of --record this often, counted from midnight
    #[arg(long, requires = "record", default_value = "1h", value_parser = length, value_name = "TIME")]
    record_every: Duration,

    /// Play aloud
    #[arg(long)]
    play: bool,

    /// Play at a port of the ALSA sequencer, to which others can connect; and connect it to PORT, if that is given:
    /// client:port by number or name, and more behind commas
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    alsa: Option<String>,

    /// Play to a port of raw multicast MIDI (ipMIDI, QmidiNet), from 1 up, in the network of an interface
    #[arg(long, value_name = "PORT[@INTERFACE]")]
    ipmidi: Option<String>,

    /// Print each message to stdout
    #[arg(long)]
    print: bool,

    /// How long to wait for packets that are late or out of order: milliseconds, or as the description and the network
    /// ask for
    #[arg(long, default_value = "auto", value_name = "MS|auto")]
    latency: Depth,

    /// Play in step with other listeners, by a clock that all have: the one of the description (auto), that of an NTP
    /// server, of a PTP domain, or of this machine if something keeps it right
    #[arg(
        long,
        default_value = "off",
        conflicts_with = "latency",
        value_name = "auto|ntp=SERVER|ptp=DOMAIN|ntp-local|off"
    )]
    sync: Follow,

    /// With --sync, play each message so long after its time; the same for all listeners
    #[arg(long, requires = "sync", default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=5000), value_name = "MS")]
    delay: u32,

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

    /// End when the sender has been silent for so long [default: 30, but no limit before the first
    /// packet, nor for a server that is connected to again]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), value_name = "SECONDS")]
    timeout: Option<u32>,

    /// The instruments for --wav and --play; without it, those of the description, or those that are installed
    #[arg(long, value_name = "FILE")]
    soundfont: Option<PathBuf>,

    /// The key of an encrypted stream is in this file: Base64 or hexadecimal digits [default: that of the description]
    #[arg(long, value_name = "FILE")]
    srtp_key: Option<PathBuf>,

    /// It is a key of this suite [default: its length tells]
    #[arg(long, requires = "srtp_key", value_enum, value_name = "SUITE")]
    srtp_suite: Option<Suite>,

    /// Fetch instruments and files at URLs that the description names; they are read by a parser in C, so trust them
    #[arg(long)]
    allow_remote_instruments: bool,

    /// Where in a file on an RTSP server to begin: 83.5, 1:23.5 or 1:02:03
    #[arg(long, default_value = "0", value_parser = time::parse, value_name = "TIME")]
    start: Duration,

    /// Print progress, messages and summary as JSON, one object per line
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    rtsp: RtspArgs,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi listen rtsp://localhost:8554/live --play
  rtpmidi listen song.sdp --wav song.wav --smf song.mid
  rtpmidi listen sap:Canon --alsa=\"FLUID Synth:0\" (an instrument; aconnect -o lists them)
  rtpmidi listen sap:Canon --play                 (a stream that is announced: rtpmidi devices lists them)
  rtpmidi listen sap:Canon --play --srtp-key KEY  (an encrypted one: its key is not announced)
  rtpmidi listen song.sdp --play --loss 20:3      (a fifth of the packets is lost, three in a row on average)

The listener ends when the sender says goodbye, after --timeout, or with Ctrl-C; files are then complete.";

/// How long a sender that was heard may be silent. Its reports, which count, come every five seconds or so.
const SILENCE: Duration = Duration::from_secs(30);

/// How long the main loop waits for something to happen before it looks at the clock again.
const HEARTBEAT: gst::ClockTime = gst::ClockTime::from_mseconds(20);

/// Receives until the end.
pub(crate) fn run(args: &Args) -> Result<()> {
    let (mut reporter, interrupt) = (Reporter::new(args.json), Interrupt::catch()?);
    elements::start()?;
    let plan = intake::Plan {
        interface: args.interface.as_deref().map(Interface::find).transpose()?,
        rtcp_interval: args.rtcp_interval,
        loss: args.loss.map(|loss| Channel::new(loss, args.loss_seed)),
        key: args.srtp_key.as_deref().map(|path| srtp::read_key(path, args.srtp_suite)).transpose()?,
        start: args.start,
        rtsp: args.rtsp.clone(),
        streams: Streams::OfOneSpace,
    };
    let place = Place::parse(&args.source)?;
    let mut link = Link::new(&place, plan)?;
    let entrance = link.entrance().clone();
    let patience = Patience::new(args.timeout, link.returns());
    let Some(source) = find(&mut link, &place, patience, &interrupt, &reporter)? else { return Ok(()) };
    let (depth, schedule) = in_step(args, &place, &source)?;
    let form = if args.json { Print::Json } else { Print::Words };
    let outputs = Outputs {
        wav: args.wav.as_deref(),
        smf: args.smf.as_deref(),
        play: args.play,
        alsa: args.alsa.as_deref(),
        ipmidi: args.ipmidi.as_deref(),
        print: args.print.then_some(form),
        record: args.record.as_deref().map(|folder| (folder, args.record_every)),
        texts: (args.print || args.json).then_some(form),
        sound: if args.wav.is_some() || args.play { sound(args, &place, &source, depth, &reporter)? } else { None },
        schedule: schedule.clone(),
    };
    let plan = receiver::Plan { depth, schedule, rtcp_interval: args.rtcp_interval };
    let mut reception = Reception::start(entrance.clone(), plan, &outputs)?;
    let inlet = reception.connect(&source, &link)?;
    link.start(inlet)?;

    reporter.say(&format!("listening for {} on {}", source.title, link.way()));
    let (mut ended_by, mut failure) = (None, None);
    while !reception.turn(HEARTBEAT, |words| reporter.warn(words))? {
        if reception.is_stopped() {
            if reception.left().is_some() {
                // Instruments take no notice of who reads.
                let _ = reporter.show(Instant::now(), || reception.progress(&link))?;
            }
            continue;
        }
        let mut audience = reporter.show(Instant::now(), || reception.progress(&link))?;
        if let Some((piece, duration)) = reception.piece() {
            audience = tell(&reporter, &piece, duration)?;
        }
        let end = match link.turn() {
            Ok(Some(Event::Found)) => match link.source().map(|source| keeps_time(args, &place, source, &outputs)) {
                Some(Err(reason)) => {
                    failure = Some(reason);
                    Some(End::Goodbye)
                }
                Some(Ok(source)) => {
                    let inlet = reception.connect(source, &link)?;
                    link.start(inlet)?;
                    None
                }
                None => None,
            },
            Ok(Some(Event::Lost(why))) => {
                reception.disconnect();
                reporter.warn(&lost(&why, &link));
                None
            }
            Ok(Some(Event::Ended)) => Some(End::Goodbye),
            Ok(Some(Event::Other(_)) | None) => None,
            Err(reason) => {
                // What has come until now is kept.
                failure = Some(reason);
                Some(End::Goodbye)
            }
        };
        let is_unwanted = interrupt.asked() || audience == Audience::Gone || reception.is_unread();
        let end = if is_unwanted { Some(End::Asked) } else { end };
        let end = end.or_else(|| patience.is_over(entrance.silence()).then_some(End::TimeOut));
        if end.is_some() {
            ended_by = end;
            link.stop();
            reception.stop();
        }
    }
    if ended_by == Some(End::TimeOut) && matches!(entrance.silence(), Silence::BeforeFirst(_)) {
        return Err(link.nothing());
    }
    reporter.finish(&reception.end())?;
    failure.map_or(Ok(()), Err)
}

/// Tells which piece has begun, which takes so many seconds.
fn tell(reporter: &Reporter, piece: &Piece, duration: Option<f64>) -> Result<Audience> {
    let Piece { title, copyright, .. } = piece;
    let words = [title, copyright].into_iter().filter(|text| !text.is_empty()).cloned();
    let words: Vec<String> = words.chain(duration.map(time::minutes)).collect();
    let object = json!({
        "type": "title",
        "title": title,
        "copyright": copyright,
        "duration_s": duration.map(report::seconds),
    });
    reporter.tell(&format!("now playing {}", words.join(", ")), &object)
}

/// Waits for the first description; `None` when the user does not want to wait any more.
fn find(
    link: &mut Link,
    place: &Place,
    patience: Patience,
    interrupt: &Interrupt,
    reporter: &Reporter,
) -> Result<Option<Source>> {
    if let Place::Announced(title) = place {
        reporter.say(&format!("waiting for {title} to be announced"));
    }
    while !interrupt.asked() {
        match link.turn()? {
            Some(Event::Found) => return Ok(link.source().cloned()),
            Some(Event::Lost(why)) => reporter.warn(&lost(&why, link)),
            Some(Event::Other(title)) => reporter.say(&format!("announced is {title}")),
            Some(Event::Ended) => return Ok(None),
            None => std::thread::sleep(HEARTBEAT.into()),
        }
        if patience.is_over(link.entrance().silence()) {
            return Err(link.nothing());
        }
    }
    Ok(None)
}

/// That the sender is gone, and when it is looked for.
fn lost(why: &str, link: &Link) -> String {
    match link.state() {
        State::Resting(wait) => format!("{why}; trying again in {} s", wait.as_secs_f64().ceil()),
        _ => why.to_owned(),
    }
}

/// The stream that has been found again, if it is played by the clock that was started for the first one.
fn keeps_time<'a>(args: &Args, place: &Place, source: &'a Source, outputs: &Outputs<'_>) -> Result<&'a Source> {
    let Some(schedule) = &outputs.schedule else { return Ok(source) };
    match args.sync.choose(&source.clocks, origin(place))? {
        Some(sync) if sync == *schedule.sync() => Ok(source),
        _ => Err(Failure::new(format!(
            "the stream has come back, and does not keep time by {} any more",
            schedule.sync()
        ))
        .hint("a listener that begins anew follows another clock")),
    }
}

const fn origin(place: &Place) -> Origin {
    if matches!(place, Place::Announced(_)) { Origin::Announced } else { Origin::Given }
}

/// How long packets are waited for; and, where the music is to be played in step with others, when.
fn in_step(args: &Args, place: &Place, source: &Source) -> Result<(Depth, Option<Arc<Schedule>>)> {
    let Some(sync) = args.sync.choose(&source.clocks, origin(place))? else { return Ok((args.latency, None)) };
    if !source.others.is_empty() {
        let count = source.streams().count();
        return Err(Failure::new(format!(
            "{place}: {count} streams of one name space are not played by a common clock"
        ))
        .hint("--sync off plays them as they come"));
    }
    let rendering = match args {
        Args { play: true, .. } => DEVICE,
        Args { alsa: Some(_), .. } => alsa::LATENCY,
        _ => 0,
    };
    let Some(wait) = args.delay.checked_sub(rendering) else {
        return Err(Failure::new(format!("--delay {} leaves no time to play the music", args.delay))
            .hint(format!("--delay {rendering} does, and what is more is for packets that come late")));
    };
    let schedule = Schedule::start(&sync, gst::ClockTime::from_mseconds(args.delay.into()))?;
    Ok((Depth::Fixed(wait), Some(Arc::new(schedule))))
}

impl Args {
    /// Whether something is made of the messages as they are.
    const fn takes_messages(&self) -> bool {
        let Self { smf, record, alsa, ipmidi, print, .. } = self;
        smf.is_some() || record.is_some() || alsa.is_some() || ipmidi.is_some() || *print
    }
}

/// Milliseconds that rendering and the buffer of a sound device take.
const DEVICE: u32 = 300;

/// How the description lets the music sound. If it does not, that is no failure where something else is made of it.
fn sound(args: &Args, place: &Place, source: &Source, depth: Depth, reporter: &Reporter) -> Result<Option<Sound>> {
    // Anybody can announce anything, so permission in advance is not enough.
    let is_announced = matches!(place, Place::Announced(_));
    let web = args.allow_remote_instruments.then(|| Web::trusting(args.rtsp.tls_ca())).transpose()?;
    let cache = Cache::of_user();
    let fetch = web.map(|web| {
        move |url: &Url, id: Option<&ContentId>| {
            let fetch = || {
                if is_announced {
                    fetch::is_agreed_to(url)?;
                }
                web.fetch(url)
            };
            match cache.as_ref().zip(id) {
                Some((cache, id)) => cache.get(id.as_str(), url, fetch),
                None => fetch(),
            }
        }
    });
    let fetch = fetch.as_ref().map(|fetch| fetch as Fetch<'_>);
    let rendering = match Rendering::of(&source.renderers, fetch) {
        Ok(rendering) => rendering,
        Err(reason) if args.takes_messages() => {
            reporter.warn(&format!("warning: no sound: {reason}"));
            return Ok(None);
        }
        Err(reason) => {
            let hint = if fetch.is_none() && rendering::names_urls(&source.renderers) {
                "--allow-remote-instruments fetches what the description names; trust who wrote it"
            } else {
                "--smf, --record, --alsa, --ipmidi and --print take what comes without rendering it"
            };
            return Err(Failure::new(format!("{place}: no sound: {reason}")).hint(hint));
        }
    };
    for what in &rendering.left_out {
        reporter.warn(&format!("warning: left out: {what}"));
    }
    let latency = gst::ClockTime::from_mseconds(Gauge::new(&source.config, depth).depth().into());
    let soundfont = match &rendering.soundfont {
        Some(octets) if args.soundfont.is_none() => Soundfont::keep(octets)?,
        _ => soundfont::find(args.soundfont.as_deref())?,
    };
    Ok(Some(Sound { soundfont, rendering, latency }))
}

/// Reads the length of a file: `1h`, `15min`, `30s`.
pub(crate) fn length(text: &str) -> Result<Duration, String> {
    let length = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let sensible = Duration::from_secs(1)..=Duration::from_hours(24);
    if sensible.contains(&length) { Ok(length) } else { Err("it is a time from 1s to 24h".to_owned()) }
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
    after_last: Option<Duration>,
}

impl Patience {
    /// As the user says; otherwise a sender that does not return is waited for as long as any may be silent.
    fn new(timeout: Option<u32>, returns: bool) -> Self {
        let timeout = timeout.map(|seconds| Duration::from_secs(seconds.into()));
        Self { before_first: timeout, after_last: timeout.or((!returns).then_some(SILENCE)) }
    }

    fn is_over(self, silence: Silence) -> bool {
        let limit = match silence {
            Silence::BeforeFirst(_) => self.before_first,
            Silence::AfterLast(_) => self.after_last,
        };
        limit.is_some_and(|limit| silence.length() >= limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_timeout_the_first_packet_may_take_for_ever() {
        let hours = Duration::from_hours(10);
        assert!(!Patience::new(None, false).is_over(Silence::BeforeFirst(hours)));
        assert!(Patience::new(None, false).is_over(Silence::AfterLast(hours)));
        assert!(!Patience::new(None, true).is_over(Silence::AfterLast(hours)), "a server may be down for a night");
    }

    #[test]
    fn a_timeout_counts_before_and_behind_the_first_packet() {
        let (patience, second) = (Patience::new(Some(2), true), Duration::from_secs(1));
        for silence in [Silence::BeforeFirst, Silence::AfterLast] {
            assert!(!patience.is_over(silence(second)));
            assert!(patience.is_over(silence(2 * second)));
        }
    }
}
