//! `rtpmidi broadcast`: plays Standard MIDI Files into the network.

mod announce;
mod feed;
mod fit;
mod playlist;
mod programme;
mod rtsp;
mod station;
mod tap;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use rtp_midi::{Journal, Policy, Repertoire};

use smf_timeline::Song;

use crate::destination::Destination;
use crate::elements;
use crate::failure::{Failure, Result};
use crate::interface::Interface;
use crate::interrupt::Interrupt;
use crate::report::{Audience, Reporter};
use crate::rules::Rules;
use crate::time;
use playlist::{Piece, Reading};
use rtsp::{Access, File, Limits, Live, Server};
use station::Station;

/// Send Standard MIDI Files as one RTP MIDI stream.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub(crate) struct Args {
    /// Files to play one after the other; a folder stands for the *.mid, *.midi and *.smf in it
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Where to send to: a host or a multicast group, and the port of the RTP packets; RTCP takes the port above.
    /// Repeat it to send the stream to several
    #[arg(long, required_unless_present = "rtsp", value_name = "udp://HOST:PORT")]
    to: Vec<Destination>,

    /// Serve the music by RTSP at this address, until Ctrl-C: what is being played as /live, and each file from its
    /// start as /files/NAME
    #[arg(long, value_name = "ADDRESS:PORT")]
    rtsp: Option<SocketAddr>,

    /// Let only those listen by RTSP who are in this file, with NAME:PASSWORD in each line
    #[arg(long, requires = "rtsp", value_name = "FILE")]
    rtsp_users: Option<PathBuf>,

    /// Serve by RTSP over TLS (rtsps://) with the certificate and private key in this file (PEM)
    #[arg(long, requires = "rtsp", value_name = "FILE")]
    rtsp_certificate: Option<PathBuf>,

    /// Let so many connections be open by RTSP at a time
    #[arg(long, requires = "rtsp", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..), value_name = "COUNT")]
    rtsp_clients: u32,

    /// Let so many of them come from one address
    #[arg(long, requires = "rtsp", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..), value_name = "COUNT")]
    rtsp_clients_per_address: u32,

    /// Write the session description, which a listener needs, to this file before the first packet is sent. Repeated,
    /// the second one is for the second --to
    #[arg(long, value_name = "FILE")]
    sdp: Vec<PathBuf>,

    /// Announce the stream to the network (SAP), so that listeners find it by its title
    #[arg(long)]
    sap: bool,

    /// Announce the stream this often
    #[arg(long, requires = "sap", default_value = "5", value_parser = time::interval, value_name = "SECONDS")]
    sap_interval: Duration,

    /// How packets repeat what earlier ones said, so that listeners recover from loss
    #[arg(long, value_enum, default_value_t = JournalOption::Anchor, value_name = "POLICY")]
    journal: JournalOption,

    /// Take the files as any music: do not look through them for what the stream can do without
    #[arg(long)]
    no_scan: bool,

    #[command(flatten)]
    rules: Rules,

    /// Longest RTP packet, header included
    #[arg(long, default_value_t = 1400, value_parser = clap::value_parser!(u32).range(200..=65_507), value_name = "OCTETS")]
    mtu: u32,

    /// Gather messages for this many milliseconds into one packet
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1000), value_name = "MS")]
    ptime: u32,

    /// Send an empty packet when nothing was sent for this many milliseconds
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=3_600_000), value_name = "MS")]
    guardtime: Option<u32>,

    /// Send RTCP reports at most this often
    #[arg(long, default_value = "5", value_parser = time::interval, value_name = "SECONDS")]
    rtcp_interval: Duration,

    /// Play faster or slower: 2 is twice as fast
    #[arg(long, default_value_t = 1.0, value_parser = speed, value_name = "X")]
    speed: f64,

    /// Begin again when the last file has ended, until Ctrl-C
    #[arg(long = "loop")]
    repeat: bool,

    /// Begin at this time in the first file: seconds, or minutes:seconds
    #[arg(long, value_parser = time::parse, value_name = "TIME")]
    start: Option<Duration>,

    /// How many routers a packet to a multicast group may pass
    #[arg(long, default_value_t = 1, value_name = "HOPS")]
    ttl: u8,

    /// The network interface from which packets to multicast groups leave [default: where the route to them leads]
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,

    /// Play what can be read of damaged files
    #[arg(long)]
    lenient: bool,

    /// Print progress and summary as JSON, one object per line
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi broadcast song.mid --to udp://127.0.0.1:5004 --sdp song.sdp
  rtpmidi listen song.sdp --wav song.wav      (in a second terminal, started before or after)
  rtpmidi broadcast song.mid --to udp://239.255.1.2:5004 --sap
  rtpmidi listen sap:Song                     (on any machine of the network)
  rtpmidi broadcast concert/ --rtsp 0.0.0.0:8554 --loop

The broadcast ends with the last file, or with Ctrl-C, which ends the notes that sound.";

/// `--journal`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum JournalOption {
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

/// How long the main loop waits for something to happen before it looks at the clock again.
const HEARTBEAT: gst::ClockTime = gst::ClockTime::from_mseconds(20);

/// Reads the files, announces the stream, and plays to the end.
pub(crate) fn run(args: &Args) -> Result<()> {
    let reading = if args.lenient { Reading::Lenient } else { Reading::Strict };
    let mut repertoire = Repertoire::default();
    let mut each = Vec::new();
    let scan = |song: &Song| {
        let mut of_song = Repertoire::default();
        for (_, command) in programme::commands(song) {
            repertoire.observe(&command);
            of_song.observe(&command);
        }
        each.push(of_song);
    };
    let pieces = playlist::read(&args.files, reading, scan, |warning| eprintln!("{warning}"))?;
    check(args, &pieces)?;
    let config = programme::config(args, (!args.no_scan).then_some(&repertoire));
    let to = resolve(args)?;
    let access = Access::read(args.rtsp_users.as_deref(), args.rtsp_certificate.as_deref())?;
    let headers = if to.iter().all(SocketAddr::is_ipv4) { 20 + 8 } else { 40 + 8 };
    let programme = fit::Programme { pieces: &pieces, reading, repeat: args.repeat, speed: args.speed, headers };
    let bandwidth = programme.check(&config)?;
    let interface = args.interface.as_deref().map(Interface::find).transpose()?;

    elements::start()?;
    let interrupt = Interrupt::catch()?;
    let mut station = Station::build(&station::Plan {
        pieces: &pieces,
        play: feed::Play { repeat: args.repeat, start: args.start.unwrap_or_default(), speed: args.speed, reading },
        to: &to,
        ttl: args.ttl,
        interface: interface.as_ref(),
        config: &config,
        ptime: args.ptime,
        guardtime: programme::guardtime(args),
        rtcp_interval: args.rtcp_interval,
    })?;

    let mut reporter = Reporter::new(args.json);
    let parameters = announce::parameters(&config);
    let way = announce::Way { to: &to, ttl: args.ttl, interface: interface.as_ref(), bandwidth };
    let sessions = way.describe(&pieces[0].title, &parameters);
    // What may fail comes before anything is written or sent.
    args.rtsp.map(Server::can_listen).transpose()?;
    let announcements = args.sap.then(|| way.announce(&sessions, args.sap_interval)).transpose()?;
    for (path, session) in args.sdp.iter().zip(&sessions) {
        announce::write(session, path)?;
    }
    let live = args.rtsp.map(|_| station.packets()).transpose()?.map(|packets| Live::on(&packets));
    let listeners = args.to.iter().map(Destination::to_string).collect::<Vec<_>>().join(", ");
    if !args.no_scan {
        reporter.say(&programme::describe(&repertoire, &config));
    }
    if !args.to.is_empty() {
        reporter.say(&format!("playing {} to {listeners}", pieces[0].title));
    }
    station.play()?;
    let server = match (args.rtsp, &live) {
        (Some(address), Some(live)) => {
            let files = files(args, &pieces, &each);
            let limits = Limits { clients: args.rtsp_clients, per_address: args.rtsp_clients_per_address };
            let offer = rtsp::Offer { live, config: &config, files: &files, reading, limits, access: &access };
            Some(Server::start(address, &offer)?)
        }
        _ => None,
    };
    if let Some(urls) = server.as_ref().map(|server| server.urls().collect::<Vec<_>>()) {
        let object = serde_json::json!({ "type": "serving", "urls": urls });
        let _ = reporter.tell(&format!("serving {}", urls.join("\nserving ")), &object)?;
    }
    loop {
        if station.turn(HEARTBEAT, |words| reporter.warn(words))? {
            break;
        }
        let audience = reporter.show(Instant::now(), || station.progress())?;
        if interrupt.asked() || audience == Audience::Gone {
            station.stop();
        }
    }
    drop(announcements);
    if let Some(server) = &server {
        server.end_live();
    }
    while server.is_some() && !interrupt.asked() {
        std::thread::sleep(HEARTBEAT.into());
    }
    drop(server);
    let summary = station.end();
    reporter.finish(&summary)
}

/// The files as the server has them, with what a scan of each has found.
fn files(args: &Args, pieces: &[Piece], each: &[Repertoire]) -> Vec<File> {
    let scan = |repertoire| (!args.no_scan).then_some(repertoire);
    let file = |(piece, repertoire): (&Piece, _)| File {
        piece: piece.clone(),
        config: programme::config(args, scan(repertoire)),
    };
    pieces.iter().zip(each).map(file).collect()
}

/// Whether the options fit the music.
fn check(args: &Args, pieces: &[Piece]) -> Result<()> {
    let first = &pieces[0];
    if args.start.is_some_and(|start| start >= first.duration) {
        let (path, end) = (first.path.display(), time::minutes(first.duration.as_secs_f64()));
        return Err(Failure::new(format!("{path} ends at {end}, before the --start")));
    }
    if args.repeat && pieces.iter().all(|piece| piece.duration.is_zero()) {
        return Err(Failure::new("music without duration cannot be repeated").hint("leave out --loop"));
    }
    if args.rtsp.is_some() && args.journal != JournalOption::Anchor {
        return Err(Failure::new("--rtsp needs --journal anchor, with which listeners may come at any time")
            .hint("a second broadcast may send to --to with another"));
    }
    Ok(())
}

/// The addresses to send to.
fn resolve(args: &Args) -> Result<Vec<SocketAddr>> {
    if args.sdp.len() > args.to.len() {
        return Err(Failure::new("more descriptions than destinations").hint("each --sdp is for one --to"));
    }
    let to = args.to.iter().map(Destination::resolve).collect::<Result<Vec<_>>>()?;
    if to.windows(2).any(|pair| pair[0].is_ipv4() != pair[1].is_ipv4()) {
        return Err(Failure::new("a broadcast goes to IPv4 addresses or to IPv6 addresses")
            .hint("start a second one for the others"));
    }
    Ok(to)
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if (0.01..=100.0).contains(&speed) => Ok(speed),
        _ => Err("it is a number from 0.01 to 100".to_owned()),
    }
}
