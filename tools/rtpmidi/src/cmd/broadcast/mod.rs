//! `rtpmidi broadcast`: plays Standard MIDI Files into the network.

mod announce;
mod feed;
mod fit;
mod options;
mod playlist;
mod programme;
mod rtsp;
mod station;
mod tap;

use std::net::SocketAddr;
use std::time::Instant;

use rtp_midi::Repertoire;
use smf_timeline::Song;

use crate::destination::Destination;
use crate::elements;
use crate::failure::{Failure, Result};
use crate::interface::Interface;
use crate::interrupt::Interrupt;
use crate::report::{Audience, Reporter};
use crate::time;
pub(crate) use options::Args;
use options::JournalOption;
use playlist::{Piece, Reading};
use rtsp::{Access, File, Limits, Live, Server};
use station::Station;

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
