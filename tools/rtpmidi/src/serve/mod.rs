//! The RTSP server of a broadcast or an edge, on gst-rtsp-server (RFC 2326; RFC 6295, C.7.1).
//!
//! | Path | What is there | Module |
//! |---|---|---|
//! | `/live` | what is being played, the same moment for all | `live` |
//! | `/live/NAME` | the same of the channel of this name | `live` |
//! | `/files/NAME.mid` | a file of the programme, from the start for each client | `files` |
//! | `/native/…` | the same as `rtp-midi` and not `mpeg4-generic` | |

mod access;
mod descriptors;
mod door;
mod drain;
mod factory;
mod files;
mod form;
mod gate;
mod host;
mod keys;
mod line;
mod live;
mod media;
mod options;
mod outgoing;
mod outlet;
mod prompts;
mod refill;
mod reports;
mod request;
mod schedule;
mod shelf;
mod stream;
mod tune_in;
mod users;

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use gst::glib;
use gst::prelude::*;
use gst_rtsp_server::gst_rtsp::RTSPStatusCode;
use gst_rtsp_server::prelude::*;
use gst_rtsp_server::{RTSPFilterResult, RTSPMedia, RTSPMountPoints, RTSPSession, RTSPSessionPool};
use rtp_midi::Config;
use rtp_midi_sdp::{Clocks, Stream, Transport};

use crate::cmd::broadcast::metadata::Prompter;
use crate::cmd::broadcast::name::Name;
use crate::cmd::broadcast::piece::Reading;
use crate::cmd::broadcast::tap::Tap;
use crate::description::PAYLOAD_TYPE;
use crate::failure::{Failure, Result};
use crate::lock::lock;
use crate::srtp::Suite;
pub(crate) use access::Access;
use door::Door;
pub(crate) use door::Limits;
pub(crate) use files::File;
use form::Form;
use host::Host;
pub(crate) use live::Live;
pub(crate) use options::Options;
pub(crate) use outgoing::Outgoing;
use shelf::Shelf;

/// A running server.
pub(crate) struct Server {
    main: glib::MainLoop,
    thread: Option<JoinHandle<()>>,
    shelf: Shelf,
    streams: Taps,
    sessions: Option<RTSPSessionPool>,
    scheme: &'static str,
    address: SocketAddr,
    paths: Vec<String>,
}

/// Threads for the requests of all clients: one that waits must not hold all others up.
const THREADS: i32 = 8;

/// Connections that may wait for their turn: those of listeners who all come at once would be tried again only after a
/// second.
const CROWD: i32 = 1024;

/// What is served.
pub(crate) struct Offer<'a> {
    pub(crate) channels: &'a [LiveChannel<'a>],
    pub(crate) files: &'a [File],
    pub(crate) reading: Reading,
    pub(crate) limits: Limits,
    pub(crate) access: &'a Access,
}

/// A channel on which everybody hears the same moment.
pub(crate) struct LiveChannel<'a> {
    /// What stands in its path behind `/live/`; the main channel is `/live` itself.
    pub(crate) name: Option<&'a Name>,
    pub(crate) title: &'a str,
    pub(crate) live: &'a Live,
    /// What its packets are.
    pub(crate) stream: Stream,
    /// What its timestamps follow.
    pub(crate) clocks: Clocks,
    /// Says what is played, if that is known.
    pub(crate) prompter: Option<&'a Prompter>,
}

impl Server {
    /// Whether a server could listen there now.
    pub(crate) fn can_listen(address: SocketAddr) -> Result<()> {
        TcpListener::bind(address).map(drop).map_err(|error| cannot_listen(address, &error.to_string()))
    }

    /// Serves channels that come from elsewhere, none of which is there yet.
    pub(crate) fn of_relayed(address: SocketAddr, options: &Options) -> Result<Self> {
        let (channels, files, access) = (&[], &[], &options.access(None)?);
        Self::start(address, &Offer { channels, files, reading: Reading::Strict, limits: options.limits(), access })
    }

    /// Serves all this at this address; port 0 is any that is free.
    pub(crate) fn start(address: SocketAddr, offer: &Offer<'_>) -> Result<Self> {
        descriptors::make_room(offer.limits.clients)?;
        let door = Door::new(offer.limits);
        let server = Host::new(&door);
        server.set_address(&address.ip().to_string());
        server.set_service(&address.port().to_string());
        server.set_backlog(CROWD);
        if let Some(pool) = server.thread_pool() {
            pool.set_max_threads(THREADS);
        }
        let mounts = server.mount_points().ok_or_else(|| Failure::new("the RTSP server has no paths"))?;
        let mut paths = Vec::new();
        for channel in offer.channels {
            paths.push(mount(&mounts, offer.access, &door, channel));
        }
        let streams = Taps::default();
        let mut shelf = Shelf {
            mounts,
            door: door.clone(),
            access: offer.access.clone(),
            reading: offer.reading,
            streams: streams.clone(),
            names: HashMap::new(),
        };
        paths.extend(offer.files.iter().map(|file| shelf.put(file)));
        let of_clients = streams.clone();
        server.connect_client_connected(move |_, client| {
            tune_in::attend(client);
            let streams = of_clients.clone();
            client.connect_pre_pause_request(move |_, request| {
                request.session().into_iter().for_each(|session| streams.hush(session));
                RTSPStatusCode::Ok
            });
        });
        server.set_auth(offer.access.auth().as_ref());
        let (sessions, scheme) = (server.session_pool(), offer.access.scheme());
        let (thread, main, address) = run(server, address, door)?;
        Ok(Self { main, thread: Some(thread), shelf, streams, sessions, scheme, address, paths })
    }

    /// Serves a relayed channel as `/live`, in place of one that was there; sealed by this suite, if there is one.
    pub(crate) fn put_live(&mut self, channel: &LiveChannel<'_>, suite: Option<Suite>) {
        let Shelf { mounts, access, door, .. } = &self.shelf;
        self.paths = vec![mount(mounts, &access.sealing(suite), door, channel)];
    }

    /// How many clients have a session.
    pub(crate) fn clients(&self) -> u64 {
        self.sessions.as_ref().map_or(0, |sessions| u64::from(sessions.n_sessions()))
    }

    /// The music of a channel has ended: from now on there are the others and the files.
    pub(crate) fn end_live(&self, channel: Option<&Name>) {
        for form in Form::ALL {
            self.shelf.mounts.remove_factory(&form.live(channel));
        }
    }

    /// A file has come; says where clients find it.
    pub(crate) fn put(&mut self, file: &File) -> String {
        let path = self.shelf.put(file);
        self.url(&path)
    }

    /// Lets those files go that are not `wanted` any more.
    pub(crate) fn keep(&mut self, wanted: impl Fn(&Path) -> bool) {
        self.shelf.keep(wanted);
    }

    /// Where clients find the streams, one URL after the other.
    pub(crate) fn urls(&self) -> impl Iterator<Item = String> {
        self.paths.iter().map(|path| self.url(path))
    }

    fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }
}

/// Puts a channel in its place, in both forms; returns the path of the first.
fn mount(mounts: &RTSPMountPoints, access: &Access, door: &Door, channel: &LiveChannel<'_>) -> String {
    for (form, factory) in channel.live.factories(channel.title, &channel.stream, &channel.clocks) {
        factory.guard(door);
        access.restrict(&factory);
        if let Some(prompter) = channel.prompter {
            prompts::of_channel(&factory, prompter);
        }
        mounts.add_factory(&form.live(channel.name), factory);
    }
    Form::GeneralMidi.live(channel.name)
}

/// The stream that a configuration of ours stands for.
pub(crate) fn stream(config: &Config) -> Stream {
    Stream::of(PAYLOAD_TYPE, config, &Transport::to_port(0))
}

/// Runs the server in a thread of its own; says where it listens.
fn run(server: Host, address: SocketAddr, door: Door) -> Result<(JoinHandle<()>, glib::MainLoop, SocketAddr)> {
    let context = glib::MainContext::new();
    let main = glib::MainLoop::new(Some(&context), false);
    let (started, bound) = channel();
    let running = main.clone();
    let thread = std::thread::Builder::new().name("rtsp".to_owned()).spawn(move || {
        let source = server.create_source(gst_rtsp_server::gio::Cancellable::NONE);
        let attached = source.map(|source| source.attach(Some(&context)));
        let port = u16::try_from(server.bound_port()).unwrap_or_default();
        let is_bound = attached.is_ok();
        // The other side waits for this, and lives.
        let _ = started.send(attached.map(|_| port));
        if is_bound {
            door.watch(&server, &context);
            running.run();
        }
    });
    let thread = thread.map_err(|error| Failure::new(format!("no thread for the RTSP server: {error}")))?;
    match bound.recv() {
        Ok(Ok(port)) => Ok((thread, main, SocketAddr::new(address.ip(), port))),
        Ok(Err(error)) => Err(cannot_listen(address, error.message())),
        Err(_) => Err(Failure::new("the RTSP server does not start")),
    }
}

fn cannot_listen(address: SocketAddr, reason: &str) -> Failure {
    Failure::new(format!("cannot listen on {address}: {reason}"))
        .hint("another program may have the port; --rtsp 0.0.0.0:0 takes a free one")
}

impl Drop for Server {
    fn drop(&mut self) {
        self.streams.silence();
        // From inside the loop, which may not yet run: it would not hear of an end before its start.
        let main = self.main.clone();
        let quit = move || {
            main.quit();
            glib::ControlFlow::Break
        };
        glib::idle_source_new(None, glib::Priority::DEFAULT, quit).attach(Some(&self.main.context()));
        if let Some(thread) = self.thread.take() {
            // A panic in it has been reported on stderr.
            let _ = thread.join();
        }
    }
}

/// The streams of files that clients have, each with the tap on its payloader.
#[derive(Clone, Default)]
struct Taps(Arc<Mutex<Vec<Tapped>>>);

struct Tapped {
    media: glib::WeakRef<RTSPMedia>,
    tap: Tap,
}

impl Taps {
    /// Takes note of a stream.
    fn watch(&self, media: &RTSPMedia) {
        let pay = media.element().downcast::<gst::Bin>().ok().and_then(|bin| bin.by_name(files::PAY));
        let mut streams = lock(&self.0);
        streams.retain(|stream| stream.media.upgrade().is_some());
        if let Some(pad) = pay.and_then(|pay| pay.static_pad("sink")) {
            streams.push(Tapped { media: media.downgrade(), tap: Tap::on(pad) });
        }
    }

    /// Lets go what sounds in the streams of a session.
    fn hush(&self, session: &RTSPSession) {
        let mut medias = Vec::new();
        session.filter(Some(&mut |_, stream| {
            medias.extend(stream.media());
            RTSPFilterResult::Keep
        }));
        let taps: Vec<Tap> = {
            let streams = lock(&self.0);
            let is_meant = |stream: &&Tapped| stream.media.upgrade().is_some_and(|media| medias.contains(&media));
            streams.iter().filter(is_meant).map(|stream| stream.tap.clone()).collect()
        };
        taps.iter().for_each(Tap::hush);
    }

    /// Lets go what sounds in all streams.
    fn silence(&self) {
        let streams = lock(&self.0);
        std::thread::scope(|scope| {
            for stream in &*streams {
                scope.spawn(|| stream.tap.hush());
            }
        });
    }
}
