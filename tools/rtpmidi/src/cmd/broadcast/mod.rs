//! `rtpmidi broadcast`: plays Standard MIDI Files into the network.

mod announce;
mod audition;
mod channel;
mod encryption;
mod feed;
mod fit;
mod follower;
mod input;
mod m3u;
pub(crate) mod metadata;
pub(crate) mod mip;
pub(crate) mod name;
mod network;
pub(crate) mod now_playing;
mod on_air;
mod options;
mod peer;
pub(crate) mod piece;
mod playlist;
pub(crate) mod programme;
mod publish;
mod reports;
mod rotation;
mod source;
mod station;
pub(crate) mod tap;
mod watch;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use crate::elements;
use crate::failure::{Failure, Result};
use crate::interface::Interface;
use crate::interrupt::Interrupt;
use crate::report::{Audience, Reporter};
use crate::serve::{self, Access, File, LiveChannel, Server};
use crate::sync::Lockstep;
use announce::Announced;
use on_air::{OnAir, Studio};
pub(crate) use options::Args;

/// How long the main loop waits for something to happen before it looks at the clock again.
const HEARTBEAT: gst::ClockTime = gst::ClockTime::from_mseconds(20);

/// Reads the files, announces the streams, and plays to the end.
pub(crate) fn run(args: &Args) -> Result<()> {
    let channels = channel::read(args)?;
    let access = args.server.access(args.encryption.suite_by_rtsp())?;
    let interface = args.interface.as_deref().map(Interface::find).transpose()?;

    elements::start()?;
    let interrupt = Interrupt::catch()?;
    let lockstep = args.sync.as_ref().map(Lockstep::new).transpose()?;
    let mut reporter = Reporter::new(args.json);
    let build = |channel| OnAir::build(channel, args, interface.as_ref(), lockstep.as_ref());
    let mut on_air = channels.into_iter().map(build).collect::<Result<Vec<_>>>()?;
    // What may fail comes before anything is sent.
    args.rtsp.map(Server::can_listen).transpose()?;
    let mut announced = describe(args, &on_air, interface.as_ref())?;
    for it in &mut on_air {
        it.start(args, &reporter)?;
    }
    let mut server = args.rtsp.map(|address| serve(address, args, &on_air, &access)).transpose()?;
    let mut audience = Audience::Listening;
    if let Some(urls) = server.as_ref().map(|server| server.urls().collect::<Vec<_>>()) {
        let object = serde_json::json!({ "type": "serving", "urls": urls });
        audience = reporter.tell(&format!("serving {}", urls.join("\nserving ")), &object)?;
    }
    // What fails ends a channel, or all of them, with their notes; it is told when they have ended.
    let mut failed: Option<Failure> = None;
    while on_air.iter().any(|it| !it.is_over) {
        match turn(&mut on_air, args, &mut reporter, server.as_mut(), announced.as_mut()) {
            Ok(Audience::Listening) => {}
            Ok(Audience::Gone) => audience = Audience::Gone,
            Err(failure) => failed = failed.or(Some(failure)),
        }
        if interrupt.asked() || audience == Audience::Gone || failed.is_some() {
            on_air.iter_mut().for_each(OnAir::stop);
        }
    }
    drop(announced);
    let failed = failed.or_else(|| on_air.iter_mut().find_map(|it| it.failure.take()));
    let has_files = on_air.iter().any(|it| !it.channel.files.is_empty());
    let serves_files = server.is_some() && has_files && audience == Audience::Listening && failed.is_none();
    while serves_files && !interrupt.asked() {
        std::thread::sleep(HEARTBEAT.into());
    }
    drop(server);
    reporter.finish_each(&on_air.into_iter().map(OnAir::finish).collect::<Vec<_>>())?;
    failed.map_or(Ok(()), Err)
}

/// Goes on with all channels, after waiting for a while for something to happen.
fn turn(
    on_air: &mut [OnAir],
    args: &Args,
    reporter: &mut Reporter,
    mut server: Option<&mut Server>,
    mut announced: Option<&mut Announced>,
) -> Result<Audience> {
    // The first one waits, and the others look.
    let mut patience = HEARTBEAT;
    let mut notices = Vec::new();
    let others = on_air.len() > 1;
    for it in on_air.iter_mut().filter(|it| !it.is_over) {
        let had_failed = it.failure.is_some();
        let mut studio = Studio { args, reporter, server: server.as_deref_mut(), announced: announced.as_deref_mut() };
        notices.extend(it.turn(std::mem::take(&mut patience), &mut studio)?);
        if let Some(failure) = it.failure.as_ref().filter(|_| others && !had_failed) {
            reporter.warn(&format!("warning: {}: {}; it ends", it.channel.title, failure.message()));
        }
    }
    // A file that another channel plays stays on the server.
    if let Some(server) = server.filter(|_| !notices.is_empty()) {
        let files = || on_air.iter().flat_map(|it| &it.channel.files);
        server.keep(|path: &Path| files().any(|file| file.piece.path == path));
    }
    // What is said to have gone is gone.
    for notice in notices {
        // The next progress finds out whether somebody reads.
        let _ = reporter.tell(&notice.words, &notice.object)?;
    }
    reporter.show_each(Instant::now(), || on_air.iter_mut().map(OnAir::progress).collect())
}

/// Writes the descriptions, and then announces them, where that is asked for.
fn describe(args: &Args, on_air: &[OnAir], interface: Option<&Interface>) -> Result<Option<Announced>> {
    let mut sessions: Vec<_> = on_air.iter().flat_map(|it| it.sessions(args, interface)).collect();
    sessions.sort_by_key(|(place, _)| *place);
    let sessions: Vec<_> = sessions.into_iter().map(|(_, destined)| destined).collect();
    let public = args.sap.then(|| announce::public(&sessions)).transpose()?;
    for (path, destined) in args.sdp.iter().zip(&sessions) {
        announce::write(&destined.session, path)?;
    }
    public.map(|public| announce::announce(public, args.sap_interval, interface)).transpose()
}

/// Serves the channels, and all their files.
fn serve(address: SocketAddr, args: &Args, on_air: &[OnAir], access: &Access) -> Result<Server> {
    let channels: Vec<LiveChannel<'_>> = on_air.iter().filter_map(OnAir::offer).collect();
    let mut files: Vec<File> = Vec::new();
    for file in on_air.iter().flat_map(|it| &it.channel.files) {
        // Several channels may play one file.
        if files.iter().all(|other| other.piece.path != file.piece.path) {
            files.push(file.clone());
        }
    }
    let limits = args.server.limits();
    let offer = serve::Offer { channels: &channels, files: &files, reading: channel::reading(args), limits, access };
    Server::start(address, &offer)
}
