//! `rtpmidi host` and `rtpmidi join`: an AppleMIDI session by hand.

mod admit;
mod alsa;
mod around;
mod ask;
mod heard;
mod input;
mod options;
mod output;
mod status;

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use applemidi_io::{Admission, Change, Config, End, Host, ParticipantId, StatusOctets, Timers};
use serde_json::json;

use crate::cpu_latency;
use crate::failure::{Failure, Result};
use crate::interrupt::Interrupt;
use crate::report::{self, Audience, Reporter};
pub(crate) use admit::{Admit, admission};
use alsa::Ports;
use around::Around;
use ask::{Asker, Decision};
use heard::{Heard, Overrun, WAITING, listener};
use input::Source;
pub(crate) use input::stretch;
use options::Options;
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

const HOST_EXAMPLES: &str = "\
Example:
  rtpmidi host --name Studio --print
  rtpmidi host --alsa=\"Digital Piano:0\"
  rtpmidi host --port 5006 --smf take.mid --admit 192.0.2.0/24

Others see the session in their lists. It ends with Ctrl-C, which lets go what sounds.";

const JOIN_EXAMPLES: &str = "\
Example:
  rtpmidi join 192.0.2.7 --print
  rtpmidi join \"Mike's Mac\" --smf take.mid         (rtpmidi devices lists the names)
  rtpmidi join \"Mike's Mac\" --play song.mid        (from its first note, when somebody listens)
  echo 90 3c 64 | rtpmidi join piano.local:5004 --stdin hex

It ends with Ctrl-C, or with stdin or the file, and lets go what sounds.";

/// How often it is looked at who takes part.
const LOOK: Duration = Duration::from_millis(50);

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
    let asker = asker(options)?;
    let source = Source::of(options, |defect| reporter.warn(defect))?;
    let outputs = Outputs::open(options.smf.as_deref(), options.print, options.json)?;
    let config = Config {
        port: options.port.unwrap_or(port),
        admission: if asker.is_some() { Admission::Ask } else { admission(&options.admit, &[]) },
        participants: options.participants as usize,
        journal: !options.no_journal,
        status_octets: if options.running_status { StatusOctets::Running } else { StatusOctets::All },
        mtu: options.mtu as usize,
        ..Config::new(&options.name.clone().unwrap_or_else(machine))
    };
    // It counts for as long as this value is there, which is to the end.
    let awake = cpu_latency::limit(options.cpu_latency);
    if let Err(words) = &awake {
        reporter.warn(&format!("warning: {words}"));
    }
    let host = Host::start().map_err(|error| Failure::new(format!("no session can run here: {error}")))?;
    let (sender, heard) = sync_channel(WAITING);
    let ports = options.alsa.as_deref().map(|ports| Ports::open(ports, sender.clone())).transpose()?;
    let overrun = Overrun::default();
    let end =
        host.open(&config, listener(sender.clone(), &overrun)).map_err(|error| cannot_open(config.port, &error))?;
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
        name: config.name,
        end,
        heard,
        overrun,
        has_warned: false,
        latest: Instant::now(),
        ports,
        input: source.map(|source| (source, sender)),
        played: None,
        asker,
        outputs,
        alone: Some(Instant::now()),
        looked: Instant::now(),
        told: Instant::now(),
    };
    let ended = loop {
        if turn == Turn::End || interrupt.asked() {
            break Ok(());
        }
        if let Some(known) = around.news() {
            session.know(admission(&options.admit, &known));
        }
        match session.turn(&mut reporter, options) {
            Ok(next) => turn = next,
            Err(failure) => break Err(failure),
        }
    };
    drop(announcement);
    // However it ends, what sounds is let go, and the recording is complete.
    let finished = session.finish(reporter, ended.is_ok());
    ended.and(finished)
}

/// Who asks who may take part, if somebody is to be asked.
fn asker(options: &Options) -> Result<Option<Asker>> {
    if !options.admit.contains(&Admit::Ask) {
        return Ok(None);
    }
    if options.stdin.is_some() && io::stdin().is_terminal() {
        return Err(Failure::new("--stdin and --admit ask would both read the terminal")
            .hint("let --stdin read a file or a pipe, or name who may join: --admit neighbours"));
    }
    Asker::on_terminal(admission(&options.admit, &[]), Timers::default().decision).map(Some)
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
    name: String,
    end: End,
    heard: Receiver<Heard>,
    overrun: Overrun,
    /// Whether it has been told that music was lost.
    has_warned: bool,
    /// When the latest message came.
    latest: Instant,
    /// What is to be played as soon as somebody listens.
    input: Option<(Source, SyncSender<Heard>)>,
    /// Who reads it is told that it is played.
    played: Option<SyncSender<()>>,
    /// Decides who may take part, if somebody is to be asked.
    asker: Option<Asker>,
    outputs: Outputs,
    ports: Option<Ports>,
    /// Since when nobody takes part.
    alone: Option<Instant>,
    /// When it was looked at who does.
    looked: Instant,
    /// When the participants were told of last.
    told: Instant,
}

impl Session {
    fn turn(&mut self, reporter: &mut Reporter, options: &Options) -> Result<Turn> {
        let heard = self.heard.recv_timeout(HEARTBEAT);
        if self.overrun.is_over(heard.is_ok()) {
            self.let_go(reporter)?;
        }
        let turn = match heard {
            Ok(Heard::Play(octets)) => {
                self.end.play(&octets);
                Turn::GoOn
            }
            Ok(Heard::Due { octets, at }) => {
                self.end.play_at(&octets, at);
                Turn::GoOn
            }
            Ok(Heard::Read(octets)) => {
                self.end.play(&octets);
                // Nobody reads any more when there is nothing more to read.
                let _ = self.played.as_ref().map(|played| played.try_send(()));
                Turn::GoOn
            }
            Ok(Heard::End(None)) => Turn::End,
            Ok(Heard::End(Some(failure))) => return Err(failure),
            Ok(Heard::Midi { who, octets, at }) => {
                self.latest = at;
                self.ports.iter_mut().for_each(|ports| ports.play(&who, &octets));
                Turn::of(self.outputs.take(&who, &octets, at)?)
            }
            Ok(Heard::Change { who, change }) => self.change(&who, change, reporter)?,
            Ok(Heard::Asks { participant, who, control }) => self.asks(participant, &who, control, reporter)?,
            Err(_) => Turn::GoOn,
        };
        self.outputs.pass()?;
        let decided = self.asker.as_mut().and_then(|asker| asker.turn(Instant::now()));
        if let Some((participant, decision)) = decided {
            self.decide(participant, decision);
        }
        if turn == Turn::End || self.looked.elapsed() < LOOK {
            return Ok(turn);
        }
        self.look(reporter, options)
    }

    /// Lets go what sounds, since what would have ended it may be lost. Where nobody reads what is printed, the next
    /// message ends the program.
    fn let_go(&mut self, reporter: &Reporter) -> Result<()> {
        if !std::mem::replace(&mut self.has_warned, true) {
            reporter
                .warn("warning: music came faster than it could be passed on, and was lost; what sounded has ended");
        }
        for octets in self.outputs.sounding() {
            self.ports.iter_mut().for_each(|ports| ports.play(&self.name, &octets));
            let _ = self.outputs.take(&self.name, &octets, self.latest)?;
        }
        Ok(())
    }

    /// Looks at who takes part, and tells of it now and then.
    fn look(&mut self, reporter: &Reporter, options: &Options) -> Result<Turn> {
        self.looked = Instant::now();
        if let Some(ports) = &self.ports {
            ports.look(|words| reporter.warn(words))?;
        }
        let all = self.end.stats();
        if all.iter().any(|stats| stats.is_listening) {
            self.begin()?;
        }
        self.alone = all.is_empty().then(|| self.alone.unwrap_or_else(Instant::now));
        if self.alone.zip(options.timeout).is_some_and(|(since, limit)| since.elapsed() >= limit) {
            return Err(Failure::new("nobody takes part").hint("rtpmidi devices lists the sessions that are announced"));
        }
        if self.told.elapsed() < options.status {
            return Ok(Turn::GoOn);
        }
        self.told = Instant::now();
        for stats in all {
            if reporter.tell(&describe(&stats), &object(&stats))? == Audience::Gone {
                return Ok(Turn::End);
            }
        }
        Ok(Turn::GoOn)
    }

    fn change(&mut self, who: &str, change: Change, reporter: &Reporter) -> Result<Turn> {
        if change == Change::Listening {
            self.begin()?;
        }
        if let (Change::Closed(_), Some(ports)) = (change, &mut self.ports) {
            ports.forget(who);
        }
        let Some(words) = words(change) else { return Ok(Turn::GoOn) };
        let object = json!({ "type": "participant", "name": who, "change": words });
        Ok(Turn::of(reporter.tell(&format!("{who} {words}"), &object)?))
    }

    /// Somebody wants to take part.
    fn asks(
        &mut self,
        participant: ParticipantId,
        who: &str,
        control: SocketAddr,
        reporter: &Reporter,
    ) -> Result<Turn> {
        let Some(asker) = &mut self.asker else { return Ok(Turn::GoOn) };
        if let Some(decision) = asker.take(participant, who, control) {
            self.decide(participant, decision);
            return Ok(Turn::GoOn);
        }
        let object = json!({ "type": "participant", "name": who, "change": "asks" });
        Ok(Turn::of(reporter.tell(&format!("{who} asks to take part"), &object)?))
    }

    fn decide(&self, participant: ParticipantId, decision: Decision) {
        match decision {
            Decision::Admit => self.end.admit(participant),
            Decision::Reject => self.end.reject(participant),
        }
    }

    /// These may take part from now on without a question; others around have changed.
    fn know(&mut self, admitted: Admission) {
        match &mut self.asker {
            Some(asker) => asker.admit(admitted),
            None => self.end.set_admission(admitted),
        }
        self.end.hurry();
    }

    /// Begins to play what is to be played, since somebody listens.
    fn begin(&mut self) -> Result<()> {
        if let Some((source, sender)) = self.input.take() {
            self.played = source.start(sender)?;
        }
        Ok(())
    }

    /// Takes leave, completes the files, and tells what it came to if all went well.
    fn finish(self, reporter: Reporter, is_well: bool) -> Result<()> {
        let Self { end, heard, mut outputs, mut ports, .. } = self;
        drop(end);
        // What has been let go of by leaving is part of the recording.
        while let Ok(heard) = heard.try_recv() {
            if let Heard::Midi { who, octets, at } = heard {
                if let Some(ports) = &mut ports {
                    ports.play(&who, &octets);
                }
                let _ = outputs.take(&who, &octets, at)?;
            }
        }
        let totals = outputs.finish()?;
        if let Some(ports) = ports {
            ports.close(|left| {
                let words = format!("playing out for {} s; Ctrl-C ends at once", left.as_secs_f64().ceil());
                let object = json!({ "type": "playing out", "left_s": report::seconds(left.as_secs_f64()) });
                // Instruments take no notice of who reads.
                let _ = reporter.tell(&words, &object);
            });
        }
        if is_well { reporter.finish(&totals) } else { Ok(()) }
    }
}

/// The name of this machine.
pub(crate) fn machine() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "rtpmidi".to_owned())
}

/// Why there is no session at a port.
pub(crate) fn cannot_open(port: u16, error: &std::io::Error) -> Failure {
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
