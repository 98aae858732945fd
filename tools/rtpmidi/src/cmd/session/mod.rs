//! `rtpmidi host` and `rtpmidi join`: an AppleMIDI session by hand.

mod admit;
mod input;
mod output;
mod status;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use applemidi_io::{Change, Config, End, Event, Host, Neighbourhood};
use clap::ValueEnum;
use serde_json::json;

use crate::failure::{Failure, Result};
use crate::interrupt::Interrupt;
use crate::report::{Audience, Reporter};
use admit::{Admit, admission};
use output::Outputs;
use status::{describe, object, words};

/// Open an AppleMIDI session that others join (macOS, iOS, Windows, other rtpmidi).
#[derive(clap::Args)]
#[command(after_help = HOST_EXAMPLES)]
pub(crate) struct HostArgs {
    #[command(flatten)]
    options: Options,
}

/// Join an AppleMIDI session, and join it again whenever it is back.
#[derive(clap::Args)]
#[command(after_help = JOIN_EXAMPLES)]
pub(crate) struct JoinArgs {
    /// The sessions: a host by name or number, with its control port if that is not 5004, or the name under which a
    /// session is announced
    #[arg(required = true, value_name = "HOST[:PORT]|NAME")]
    peers: Vec<String>,

    #[command(flatten)]
    options: Options,
}

#[derive(clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
struct Options {
    /// What this end calls itself [default: the name of this machine]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// The control port; the data port is the one above. 0 takes any two [default: 5004 for host, any for join]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,

    /// Who may join: neighbours (hosts of the local networks, and those that announce sessions there), everyone, or an
    /// address or network such as 192.0.2.0/24. Repeat it for several networks
    #[arg(long, default_value = "neighbours", value_name = "WHOM")]
    admit: Vec<Admit>,

    /// How many may take part
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "COUNT")]
    participants: u32,

    /// Neither announce the session nor look for others (multicast DNS)
    #[arg(long)]
    no_mdns: bool,

    /// The network interface on which sessions are announced and looked for [default: all]
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,

    /// Play what comes on stdin to everybody, until its end: octets as they are, or lines of hexadecimal numbers.
    /// It is read as soon as somebody takes part
    #[arg(long, value_enum, value_name = "FORM")]
    stdin: Option<Form>,

    /// Record what is played to a Standard MIDI File
    #[arg(long, value_name = "FILE")]
    smf: Option<PathBuf>,

    /// Print each message to stdout
    #[arg(long)]
    print: bool,

    /// Tell of each participant this often
    #[arg(long, default_value = "10", value_parser = crate::time::interval, value_name = "SECONDS")]
    status: Duration,

    /// End with an error when nobody has taken part for so long
    #[arg(long, value_parser = crate::time::interval, value_name = "SECONDS")]
    timeout: Option<Duration>,

    /// Print messages, changes and the summary as JSON, one object per line
    #[arg(long)]
    json: bool,
}

const HOST_EXAMPLES: &str = "\
Example:
  rtpmidi host --name Studio --print
  rtpmidi host --port 5006 --smf take.mid --admit 192.0.2.0/24

Others see the session in their lists. It ends with Ctrl-C, which lets go what sounds.";

const JOIN_EXAMPLES: &str = "\
Example:
  rtpmidi join 192.0.2.7 --print
  rtpmidi join \"Mike's Mac\" --smf take.mid         (rtpmidi devices lists the names)
  echo 90 3c 64 | rtpmidi join piano.local:5004 --stdin hex

It ends with Ctrl-C, or with stdin, and lets go what sounds.";

/// How stdin is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Form {
    /// Octets of a MIDI stream
    Raw,
    /// Lines of hexadecimal octets, such as 90 3c 64
    Hex,
}

/// What the main thread is told.
enum Heard {
    /// A message, from whom, and when it came.
    Midi { who: String, octets: Vec<u8>, at: Instant },
    /// What has become of whom.
    Change { who: String, change: Change },
    /// Octets that are to be played.
    Play(Vec<u8>),
    /// Nothing more is to be played, perhaps for a reason.
    End(Option<Failure>),
}

/// What may wait for a slow disk or reader.
const WAITING: usize = 1 << 16;

/// How long the main loop waits for something to happen before it looks at the clock again.
const HEARTBEAT: Duration = Duration::from_millis(20);

/// Opens a session and waits for others.
pub(crate) fn host(args: &HostArgs) -> Result<()> {
    run(&args.options, &[], 5004)
}

/// Opens a session and calls others.
pub(crate) fn join(args: &JoinArgs) -> Result<()> {
    run(&args.options, &args.peers, 0)
}

fn run(options: &Options, peers: &[String], port: u16) -> Result<()> {
    let (mut reporter, interrupt) = (Reporter::new(options.json), Interrupt::catch()?);
    let outputs = Outputs::open(options.smf.as_deref(), options.print, options.json)?;
    let config = Config {
        port: options.port.unwrap_or(port),
        admission: admission(&options.admit, &[]),
        participants: options.participants as usize,
        ..Config::new(&options.name.clone().unwrap_or_else(machine))
    };
    let host = Host::start().map_err(|error| Failure::new(format!("no session can run here: {error}")))?;
    let (sender, heard) = sync_channel(WAITING);
    let end = host.open(&config, listener(sender.clone())).map_err(|error| cannot_open(config.port, &error))?;
    let around = Around::look(options, &reporter);
    let announcement = around.neighbourhood.as_ref().map(|around| around.announce(&config.name, end.port()));
    if let Some(Err(error)) = &announcement {
        reporter.warn(&format!("warning: the session is not announced: {error}"));
    }
    if let Some(neighbourhood) = &around.neighbourhood {
        host.look_around(neighbourhood.clone());
    }
    let open = json!({ "type": "open", "name": config.name, "port": end.port() });
    let words = format!("session {} has the ports {} and {}", config.name, end.port(), end.port() + 1);
    let mut turn = Turn::of(reporter.tell(&words, &open)?);
    for peer in peers {
        end.call(peer);
    }
    let mut session = Session {
        end,
        heard,
        input: options.stdin.map(|form| (form, sender)),
        outputs,
        open: HashSet::new(),
        alone: Some(Instant::now()),
        told: Instant::now(),
    };
    while turn == Turn::GoOn && !interrupt.asked() {
        if session.alone.zip(options.timeout).is_some_and(|(since, limit)| since.elapsed() >= limit) {
            return Err(Failure::new("nobody takes part").hint("rtpmidi devices lists the sessions that are announced"));
        }
        if let Some(known) = around.news() {
            session.end.set_admission(admission(&options.admit, &known));
            session.end.hurry();
        }
        turn = session.turn(&mut reporter, options.status)?;
    }
    drop(announcement);
    session.finish(reporter)
}

/// Whether the session goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    GoOn,
    End,
}

impl Turn {
    /// It does as long as somebody reads what it says.
    const fn of(audience: Audience) -> Self {
        match audience {
            Audience::Listening => Self::GoOn,
            Audience::Gone => Self::End,
        }
    }
}

/// The session while it runs.
struct Session {
    end: End,
    heard: Receiver<Heard>,
    /// What is to be read as soon as somebody listens.
    input: Option<(Form, SyncSender<Heard>)>,
    outputs: Outputs,
    /// Who takes part.
    open: HashSet<String>,
    /// Since when nobody does.
    alone: Option<Instant>,
    /// When the participants were told of last.
    told: Instant,
}

impl Session {
    fn turn(&mut self, reporter: &mut Reporter, status: Duration) -> Result<Turn> {
        match self.heard.recv_timeout(HEARTBEAT) {
            Ok(Heard::Play(octets)) => self.end.play(&octets),
            Ok(Heard::End(None)) => return Ok(Turn::End),
            Ok(Heard::End(Some(failure))) => return Err(failure),
            Ok(Heard::Midi { who, octets, at }) => return Ok(Turn::of(self.outputs.take(&who, &octets, at)?)),
            Ok(Heard::Change { who, change }) => return self.change(who, change, reporter),
            Err(_) => {}
        }
        if self.told.elapsed() < status {
            return Ok(Turn::GoOn);
        }
        self.told = Instant::now();
        for stats in self.end.stats() {
            if reporter.tell(&describe(&stats), &object(&stats))? == Audience::Gone {
                return Ok(Turn::End);
            }
        }
        Ok(Turn::GoOn)
    }

    fn change(&mut self, who: String, change: Change, reporter: &Reporter) -> Result<Turn> {
        if change == Change::Listening
            && let Some((form, sender)) = self.input.take()
        {
            input::start(form, sender)?;
        }
        let Some(words) = words(change) else { return Ok(Turn::GoOn) };
        let object = json!({ "type": "participant", "name": who, "change": words });
        let audience = reporter.tell(&format!("{who} {words}"), &object)?;
        match change {
            Change::Opened => drop(self.open.insert(who)),
            Change::Closed(_) => drop(self.open.remove(&who)),
            _ => {}
        }
        self.alone = self.open.is_empty().then(|| self.alone.unwrap_or_else(Instant::now));
        Ok(Turn::of(audience))
    }

    /// Takes leave, and completes the files.
    fn finish(self, reporter: Reporter) -> Result<()> {
        let Self { end, heard, mut outputs, .. } = self;
        drop(end);
        // What has been let go of by leaving is part of the recording.
        while let Ok(heard) = heard.try_recv() {
            if let Heard::Midi { who, octets, at } = heard {
                let _ = outputs.take(&who, &octets, at)?;
            }
        }
        reporter.finish(&outputs.finish()?)
    }
}

/// Who is announced here, unless nobody is to be looked for.
struct Around {
    neighbourhood: Option<Arc<Neighbourhood>>,
    has_changed: Arc<AtomicBool>,
}

impl Around {
    /// Looks around. A session runs without that as well.
    fn look(options: &Options, reporter: &Reporter) -> Self {
        let has_changed = Arc::new(AtomicBool::new(false));
        let change = has_changed.clone();
        let open = || Neighbourhood::open(options.interface.as_deref(), move |_| change.store(true, Ordering::Relaxed));
        let neighbourhood = match (!options.no_mdns).then(open) {
            Some(Ok(neighbourhood)) => Some(Arc::new(neighbourhood)),
            Some(Err(error)) => {
                reporter.warn(&format!("warning: {error}"));
                None
            }
            None => None,
        };
        Self { neighbourhood, has_changed }
    }

    /// The hosts that announce sessions, if there are others than before.
    fn news(&self) -> Option<Vec<IpAddr>> {
        let neighbourhood = self.neighbourhood.as_ref().filter(|_| self.has_changed.swap(false, Ordering::Relaxed))?;
        Some(neighbourhood.peers().iter().flat_map(|peer| &peer.addresses).map(SocketAddr::ip).collect())
    }
}

/// Passes on what an end hears. What the main thread does not keep up with is lost, and not the session.
fn listener(sender: SyncSender<Heard>) -> impl FnMut(Event<'_>) + Send {
    let mut names = HashMap::new();
    move |event| {
        let heard = match event {
            Event::Midi { participant, arrived, octets, .. } => {
                let who = names.get(&participant).cloned().unwrap_or_default();
                Heard::Midi { who, octets: octets.to_vec(), at: arrived }
            }
            Event::Change { participant, name, control, change } => {
                let who = if name.is_empty() { control.to_string() } else { name.to_owned() };
                names.insert(participant, who.clone());
                if matches!(change, Change::Closed(_)) {
                    names.remove(&participant);
                }
                Heard::Change { who, change }
            }
            _ => return,
        };
        let _ = sender.try_send(heard);
    }
}

/// The name of this machine.
fn machine() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "rtpmidi".to_owned())
}

fn cannot_open(port: u16, error: &std::io::Error) -> Failure {
    let failure = Failure::new(format!("cannot listen on UDP ports {port} and {}: {error}", port.wrapping_add(1)));
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            failure.hint(format!("ss -ulpn 'sport = :{port}' names the program that has it; --port 0 takes any"))
        }
        std::io::ErrorKind::PermissionDenied => {
            failure.hint("ports below 1024 need special rights: choose a higher one")
        }
        _ => failure,
    }
}
