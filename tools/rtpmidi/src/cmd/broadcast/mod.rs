//! `rtpmidi broadcast`: plays Standard MIDI Files into the network.

mod announce;
mod channel;
mod encryption;
mod feed;
mod fit;
mod input;
mod m3u;
mod metadata;
mod name;
mod network;
mod now_playing;
mod options;
mod piece;
mod playlist;
mod programme;
mod publish;
mod reports;
mod rotation;
pub(super) mod rtsp;
mod source;
mod station;
mod tap;
mod watch;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use crate::elements;
use crate::failure::Result;
use crate::interface::Interface;
use crate::interrupt::Interrupt;
use crate::report::{Audience, Reporter};
use crate::sync::Lockstep;
use announce::{Announced, Destined};
use channel::Channel;
pub(crate) use options::Args;
use piece::Reading;
use publish::Publisher;
use rtsp::{Access, File, Live, LiveChannel, Outgoing, Server};
use station::Station;
use watch::{Change, Watch};

/// How long the main loop waits for something to happen before it looks at the clock again.
const HEARTBEAT: gst::ClockTime = gst::ClockTime::from_mseconds(20);

/// A channel that is on the air.
struct OnAir {
    channel: Channel,
    station: Station,
    live: Option<Live>,
    watch: Option<Watch>,
    publishers: Vec<Publisher>,
    is_over: bool,
}

/// Reads the files, announces the streams, and plays to the end.
pub(crate) fn run(args: &Args) -> Result<()> {
    let channels = channel::read(args)?;
    let access = args.server.access()?;
    let interface = args.interface.as_deref().map(Interface::find).transpose()?;

    elements::start()?;
    let interrupt = Interrupt::catch()?;
    let lockstep = args.sync.as_ref().map(Lockstep::new).transpose()?;
    let mut reporter = Reporter::new(args.json);
    let build = |channel| OnAir::build(channel, args, interface.as_ref(), lockstep.as_ref());
    let mut on_air = channels.into_iter().map(build).collect::<Result<Vec<_>>>()?;
    // What may fail comes before anything is written or sent.
    args.rtsp.map(Server::can_listen).transpose()?;
    let mut announced = describe(args, &on_air, interface.as_ref())?;
    for it in &mut on_air {
        it.start(args, &reporter)?;
    }
    let mut server = args.rtsp.map(|address| serve(address, args, &on_air, &access)).transpose()?;
    if let Some(urls) = server.as_ref().map(|server| server.urls().collect::<Vec<_>>()) {
        let object = serde_json::json!({ "type": "serving", "urls": urls });
        let _ = reporter.tell(&format!("serving {}", urls.join("\nserving ")), &object)?;
    }
    while on_air.iter().any(|it| !it.is_over) {
        // The first one waits, and the others look.
        let mut patience = HEARTBEAT;
        for it in on_air.iter_mut().filter(|it| !it.is_over) {
            it.is_over = it.station.turn(std::mem::take(&mut patience), |words| reporter.warn(words))?;
            if let (Some(announced), Some(title)) = (&mut announced, it.station.title()) {
                announced.tell(it.channel.name.as_ref(), &title);
            }
            for publisher in &mut it.publishers {
                publisher.turn(&reporter)?;
            }
            if let Some(server) = server.as_ref().filter(|_| it.is_over) {
                server.end_live(it.channel.name.as_ref());
            }
        }
        for place in 0..on_air.len() {
            follow(&mut on_air, place, args, server.as_mut(), &reporter)?;
        }
        let progress = || on_air.iter_mut().map(|it| it.station.progress()).collect();
        let audience = reporter.show_each(Instant::now(), progress)?;
        if interrupt.asked() || audience == Audience::Gone {
            for it in &mut on_air {
                it.station.stop();
            }
        }
    }
    drop(announced);
    let has_files = on_air.iter().any(|it| !it.channel.files.is_empty());
    while server.is_some() && has_files && !interrupt.asked() {
        std::thread::sleep(HEARTBEAT.into());
    }
    drop(server);
    reporter.finish_each(&on_air.into_iter().map(|it| it.station.end()).collect::<Vec<_>>())
}

impl OnAir {
    fn build(
        channel: Channel,
        args: &Args,
        interface: Option<&Interface>,
        lockstep: Option<&Lockstep>,
    ) -> Result<Self> {
        let station = channel.station(args, interface, lockstep)?;
        let live = args.serves().then(|| station.packets()).transpose()?.map(|packets| Live::on(&packets));
        let watch = channel.watch(args);
        let mut on_air = Self { channel, station, live, watch, publishers: Vec::new(), is_over: false };
        let mine = args.publish.iter().filter(|publish| publish.channel == on_air.channel.name);
        let publishers = mine.filter_map(|publish| Some((&publish.url, Outgoing::of(on_air.offer()?))));
        on_air.publishers = publishers.map(|(url, channel)| Publisher::new(url, channel)).collect::<Result<_>>()?;
        Ok(on_air)
    }

    /// Says what is to be played, and plays it.
    fn start(&mut self, args: &Args, reporter: &Reporter) -> Result<()> {
        let channel = &self.channel;
        if let Some(words) = channel.scan() {
            reporter.say(&words);
        }
        let mine = args.to.iter().filter(|to| to.channel == channel.name);
        let to = mine.map(|to| to.destination.to_string()).collect::<Vec<_>>().join(", ");
        if !to.is_empty() {
            reporter.say(&format!("playing {} to {to}", channel.title));
        }
        self.station.play(|words| reporter.warn(words))
    }
}

/// Takes files in that have come into the folders of a channel, and lets those go that have gone.
fn follow(
    on_air: &mut [OnAir],
    place: usize,
    args: &Args,
    mut server: Option<&mut Server>,
    reporter: &Reporter,
) -> Result<()> {
    let it = &mut on_air[place];
    let Some(watch) = it.watch.as_mut().filter(|_| !it.is_over) else { return Ok(()) };
    let changes = watch.turn(Instant::now());
    if changes.is_empty() {
        return Ok(());
    }
    for change in changes {
        let (path, event, url) = match change {
            Change::Ready { entry, last } => {
                let path = entry.path.clone();
                // Of a file that is being written half could be read.
                let reading = if last { channel::reading(args) } else { Reading::Strict };
                let admitted = match entry.read(reading, &mut |warning| reporter.warn(&warning)) {
                    Err(_) if !last => continue,
                    read => read.and_then(|(piece, song)| it.channel.admit(args, piece, &song)),
                };
                watch.settle(&path, admitted.is_ok());
                match admitted {
                    Ok(file) => {
                        it.station.insert(file.piece.clone());
                        (path, "joins", server.as_mut().map(|server| server.put(&file)))
                    }
                    Err(failure) => {
                        reporter.warn(&format!("warning: {}; it is left out", failure.message()));
                        continue;
                    }
                }
            }
            Change::Gone(path) => {
                it.channel.dismiss(&path);
                it.station.remove(&path);
                (path, "leaves", None)
            }
        };
        let path_text = path.display().to_string();
        let channel = it.channel.name.as_ref().map(name::Name::to_string);
        let object =
            serde_json::json!({ "type": "file", "channel": channel, "path": path_text, "event": event, "url": url });
        let _ = reporter.tell(&format!("{path_text} {event}"), &object)?;
    }
    // A file that another channel plays stays on the server.
    if let Some(server) = server {
        let is_played =
            |path: &Path| on_air.iter().flat_map(|it| &it.channel.files).any(|file| file.piece.path == path);
        server.keep(is_played);
    }
    Ok(())
}

/// Writes the descriptions and announces them, where that is asked for.
fn describe(args: &Args, on_air: &[OnAir], interface: Option<&Interface>) -> Result<Option<Announced>> {
    let mut sessions: Vec<_> = on_air.iter().flat_map(|it| it.sessions(args, interface)).collect();
    sessions.sort_by_key(|(place, _)| *place);
    let sessions: Vec<_> = sessions.into_iter().map(|(_, destined)| destined).collect();
    let announcements = args.sap.then(|| announce::announce(&sessions, args.sap_interval, interface)).transpose()?;
    for (path, destined) in args.sdp.iter().zip(&sessions) {
        announce::write(&destined.session, path)?;
    }
    Ok(announcements)
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
    let offer = rtsp::Offer { channels: &channels, files: &files, reading: channel::reading(args), limits, access };
    Server::start(address, &offer)
}

impl OnAir {
    fn sessions(&self, args: &Args, interface: Option<&Interface>) -> Vec<(u64, Destined)> {
        self.channel.sessions(args, interface, self.station.clocks())
    }

    fn offer(&self) -> Option<LiveChannel<'_>> {
        let Channel { name, title, config, .. } = &self.channel;
        let live = self.live.as_ref()?;
        Some(LiveChannel {
            name: name.as_ref(),
            title,
            live,
            stream: rtsp::stream(config),
            prompter: Some(self.station.prompter()),
        })
    }
}
