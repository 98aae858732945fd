//! A live channel: what it plays, in what packets, and where they go.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rtp_midi::{Config, Repertoire};
use rtp_midi_sdp::Clocks;
use smf_timeline::Song;

use super::announce::{self, Destined, Way};
use super::audition::{Admitted, Candidate};
use super::feed::Play;
use super::fit;
use super::follower::Follower;
use super::input::Input;
use super::mip;
use super::name::Name;
use super::options::{Args, JournalOption, Target};
use super::piece::{Piece, Reading};
use super::playlist::{self, Entry};
use super::programme::{self, Pace};
use super::rotation::{Order, Rotation};
use super::source::Source;
use super::station::{Music, Plan, Station};
use super::watch::Watch;
use crate::description::printable;
use crate::failure::{Failure, Result};
use crate::intake::Url;
use crate::interface::Interface;
use crate::serve::File;
use crate::srtp::Key;
use crate::sync::Lockstep;
use crate::time;

/// A channel whose programme has been read and fits.
pub(super) struct Channel {
    /// The main channel, which the files without a name are for, has none.
    pub(super) name: Option<Name>,
    /// What it is called where it is announced.
    pub(super) title: String,
    pub(super) config: Config,
    /// The files of its programme, as they are served on demand.
    pub(super) files: Vec<File>,
    music: Music,
    /// The files and folders that it was made of.
    paths: Vec<PathBuf>,
    /// All that the programme uses, where it has been looked through.
    repertoire: Option<Repertoire>,
    /// Kilobits a second at most, if that is known.
    bandwidth: Option<u64>,
    pace: Pace,
    /// By which its packets are sealed.
    key: Option<Key>,
    /// Where its packets go, all of one family; each with its place among all destinations.
    to: Vec<(u64, SocketAddr)>,
}

/// Reads the programmes of all channels.
pub(super) fn read(args: &Args) -> Result<Vec<Channel>> {
    args.encryption.check(args)?;
    if args.serves() && args.journal != JournalOption::Anchor {
        let option = if args.rtsp.is_some() { "--rtsp" } else { "--publish" };
        return Err(Failure::new(format!(
            "{option} needs --journal anchor, with which listeners may come at any time"
        ))
        .hint("a second broadcast may send to --to with another"));
    }
    if args.sdp.len() > args.to.len() {
        return Err(Failure::new("more descriptions than destinations").hint("each --sdp is for one --to"));
    }
    let main = (!args.sources.is_empty()).then_some((None, &args.sources[..]));
    let named = args.channel.iter().map(|it| (Some(&it.name), slice::from_ref(&it.what)));
    let wanted: Vec<(Option<&Name>, &[Source])> = main.into_iter().chain(named).collect();
    for (place, (name, _)) in wanted.iter().enumerate() {
        if let Some(name) = name.filter(|_| wanted[..place].iter().any(|(other, _)| other == name)) {
            return Err(Failure::new(format!("two channels are called {name}")).hint("a playlist may name many files"));
        }
    }
    let to = args.to.iter().map(|to| (&to.channel, format!("--to {to}")));
    let publish = args.publish.iter().map(|publish| (&publish.channel, format!("--publish {publish}")));
    for (channel, option) in to.chain(publish) {
        if wanted.iter().any(|(name, _)| *name == channel.as_ref()) {
            continue;
        }
        return Err(match channel {
            Some(name) => Failure::new(format!("{option} is for a channel that is not there"))
                .hint(format!("--channel {name}=SOURCE makes it")),
            None => Failure::new(format!("{option} is for files without a channel, and there are none"))
                .hint("NAME= before the address says which channel it is for"),
        });
    }
    check_live(args, &wanted)?;
    check_paths(args, &wanted)?;
    wanted.into_iter().map(|(name, sources)| Channel::read(args, name.cloned(), sources)).collect()
}

/// Whether live sources are alone in their channels, and options do not ask for files that are not there.
fn check_live(args: &Args, wanted: &[(Option<&Name>, &[Source])]) -> Result<()> {
    let is_live = |source: &Source| matches!(source, Source::Live(_));
    if wanted.iter().any(|(_, sources)| sources.len() > 1 && sources.iter().any(is_live)) {
        return Err(Failure::new("a live source has no end at which something else could follow")
            .hint("--channel NAME=SOURCE plays it beside the others"));
    }
    let sources = || wanted.iter().flat_map(|(_, sources)| *sources);
    if sources().filter(|source| **source == Source::Live(Input::Stdin)).count() > 1 {
        return Err(Failure::new("two channels cannot both play stdin"));
    }
    let options = [
        ("--loop", args.repeat),
        ("--shuffle", args.shuffle),
        ("--gap", !args.gap.is_zero()),
        ("--start", args.start.is_some()),
        ("--speed", (args.speed - 1.0).abs() > f64::EPSILON),
        ("--mip", args.mip),
    ];
    match options.iter().find(|(_, is_given)| *is_given && sources().all(is_live)) {
        Some((option, _)) => Err(Failure::new(format!("{option} is for files, and there are none"))),
        None => Ok(()),
    }
}

/// Whether sources are files, as far as they are paths, and folders are among them where folders are watched.
fn check_paths(args: &Args, wanted: &[(Option<&Name>, &[Source])]) -> Result<()> {
    let paths = || {
        wanted.iter().flat_map(|(_, sources)| *sources).filter_map(|source| match source {
            Source::Path(path) => Some(path),
            Source::Live(_) => None,
        })
    };
    // A URL is not repeated: there may be a password in it.
    if paths().any(|path| path.to_str().is_some_and(Url::is_one)) {
        return Err(Failure::new("a broadcast plays files, and no URL of an RTSP server")
            .hint("rtpmidi relay hands the stream of a server on"));
    }
    if args.watch && !paths().any(|path| path.is_dir()) {
        return Err(Failure::new("--watch is for folders, and there are none")
            .hint("a folder that a playlist names is read once"));
    }
    Ok(())
}

impl Channel {
    fn read(args: &Args, name: Option<Name>, sources: &[Source]) -> Result<Self> {
        if let [Source::Live(input)] = sources {
            return Self::live(args, name, input);
        }
        let path = |source: &Source| match source {
            Source::Path(path) => Some(path.clone()),
            Source::Live(_) => None,
        };
        Self::programme(args, name, &sources.iter().filter_map(path).collect::<Vec<_>>())
    }

    /// A channel of which nothing is known beforehand.
    fn live(args: &Args, name: Option<Name>, input: &Input) -> Result<Self> {
        let pace = Pace::of_live_sources(args);
        let key = args.encryption.key()?;
        Ok(Self {
            title: name.as_ref().map_or_else(|| input.title(), Name::to_string),
            config: programme::config(args, pace, key.as_ref(), None),
            to: resolve(args, name.as_ref())?,
            name,
            files: Vec::new(),
            music: Music::Live(input.clone()),
            paths: Vec::new(),
            repertoire: None,
            bandwidth: None,
            pace,
            key,
        })
    }

    /// Reads a programme of files, and refuses one that cannot be played.
    fn programme(args: &Args, name: Option<Name>, paths: &[PathBuf]) -> Result<Self> {
        let pace = Pace::of_files(args);
        let reading = reading(args);
        let mut repertoire = Repertoire::default();
        let (mut each, mut mips) = (Vec::new(), Vec::new());
        let scan = |song: &Song| {
            let mut of_song = Repertoire::default();
            let mip = programme::mip(args.mip, song);
            for (_, command) in mip::lead(programme::commands(song), mip.as_deref()) {
                repertoire.observe(&command);
                of_song.observe(&command);
            }
            each.push(of_song);
            mips.push(mip);
        };
        let pieces = playlist::read(paths, reading, scan, |warning| eprintln!("{}", printable(&warning)))?;
        let complete = |(mut piece, mip): (Piece, _)| {
            piece.mip = mip;
            Arc::new(piece)
        };
        let pieces: Vec<Arc<Piece>> = pieces.into_iter().zip(mips).map(complete).collect();
        check(args, &pieces)?;
        let rotation = Rotation::new(pieces.clone(), order(args), args.repeat);
        let to = resolve(args, name.as_ref())?;
        let key = args.encryption.key()?;
        // What files to come will need is not known.
        let is_known = !args.no_scan && !args.watch;
        let config = programme::config(args, pace, key.as_ref(), is_known.then_some(&repertoire));
        let trial = trial(args, &to, key.as_ref());
        let bandwidth = fit::Programme { pieces: &rotation.rehearsal(), ..trial }.check(&config)?;
        let file = |(piece, repertoire): (&Arc<Piece>, _)| File {
            piece: piece.clone(),
            config: on_demand(args, pace, key.as_ref(), repertoire),
        };
        let start = args.start.unwrap_or_default();
        let play = Play { gap: args.gap, start, speed: args.speed, reading, watched: args.watch };
        Ok(Self {
            title: name.as_ref().map_or_else(|| pieces[0].title.clone(), Name::to_string),
            files: pieces.iter().zip(&each).map(file).collect(),
            name,
            config,
            music: Music::Files { rotation, play, duration: (!args.repeat).then(|| duration(args, &pieces)) },
            paths: paths.to_vec(),
            repertoire: is_known.then_some(repertoire),
            bandwidth: Some(bandwidth).filter(|_| !args.watch),
            to,
            pace,
            key,
        })
    }

    /// The pipeline that plays it.
    pub(super) fn station(
        &self,
        args: &Args,
        interface: Option<&Interface>,
        lockstep: Option<&Lockstep>,
    ) -> Result<Station> {
        let to: Vec<SocketAddr> = self.to.iter().map(|(_, to)| *to).collect();
        Station::build(&Plan {
            channel: self.name.as_ref(),
            title: &self.title,
            music: &self.music,
            to: &to,
            ttl: args.ttl,
            interface,
            config: &self.config,
            pace: self.pace,
            rtcp_interval: args.rtcp_interval,
            lockstep,
            key: self.key.as_ref(),
        })
    }

    /// The descriptions for its destinations, which are sessions of their own, with the places of these.
    pub(super) fn sessions(&self, args: &Args, interface: Option<&Interface>, clocks: Clocks) -> Vec<(u64, Destined)> {
        let parameters = announce::parameters(&self.config);
        let way = Way { ttl: args.ttl, interface, bandwidth: self.bandwidth, clocks, key: self.key.as_ref() };
        let session = |&(index, to)| {
            let session = way.describe(to, index, &self.title, parameters.clone());
            (index, Destined { channel: self.name.clone(), to, session })
        };
        self.to.iter().map(session).collect()
    }

    /// What follows files that come and go, where that is wanted.
    pub(super) fn follower(&self, args: &Args) -> Option<Follower> {
        let files = self.files.iter().map(|file| file.piece.path.as_path());
        args.watch.then(|| Follower::of(Watch::new(&self.paths, files, Instant::now())))
    }

    /// A file that has come, as it is tried; none if the channel plays no files.
    pub(super) fn candidate(&self, args: &Args, entry: Entry, last: bool) -> Option<Candidate> {
        let Music::Files { rotation, .. } = &self.music else { return None };
        Some(Candidate {
            entry,
            last,
            // Of a file that is being written half could be read.
            reading: if last { reading(args) } else { Reading::Strict },
            mip: args.mip,
            others: rotation.pieces().to_vec(),
            trial: trial(args, &self.to, self.key.as_ref()),
            config: self.config.clone(),
        })
    }

    /// Takes a piece in; returns it as it is served.
    pub(super) fn admit(&mut self, args: &Args, admitted: Admitted) -> Option<File> {
        let Music::Files { rotation, .. } = &mut self.music else { return None };
        let Admitted { piece, repertoire, .. } = admitted;
        rotation.insert(piece.clone());
        let config = on_demand(args, self.pace, self.key.as_ref(), &repertoire);
        self.files.retain(|file| file.piece.path != piece.path);
        let file = File { piece, config };
        self.files.push(file.clone());
        Some(file)
    }

    /// Lets a file go.
    pub(super) fn dismiss(&mut self, path: &Path) {
        if let Music::Files { rotation, .. } = &mut self.music {
            rotation.remove(path);
        }
        self.files.retain(|file| file.piece.path != path);
    }

    /// What a scan of the programme came to, in words.
    pub(super) fn scan(&self) -> Option<String> {
        let words = programme::describe(self.repertoire.as_ref()?, &self.config);
        Some(match &self.name {
            Some(name) => format!("{name}: {words}"),
            None => words,
        })
    }
}

/// How a programme without pieces would be sent.
fn trial(args: &Args, to: &[(u64, SocketAddr)], key: Option<&Key>) -> fit::Programme<'static> {
    let headers = if to.iter().all(|(_, to)| to.is_ipv4()) { 20 + 8 } else { 40 + 8 };
    let tag = programme::tag(key);
    fit::Programme { pieces: &[], reading: reading(args), gap: args.gap, speed: args.speed, headers, tag }
}

/// How a file is sent to a client of its own.
fn on_demand(args: &Args, pace: Pace, key: Option<&Key>, repertoire: &Repertoire) -> Config {
    let mut config = programme::config(args, pace, key, (!args.no_scan).then_some(repertoire));
    config.set_journal(args.rtsp_files_journal.into());
    config
}

/// How strictly files are read.
pub(super) const fn reading(args: &Args) -> Reading {
    if args.lenient { Reading::Lenient } else { Reading::Strict }
}

fn order(args: &Args) -> Order {
    match args.shuffle_seed {
        Some(seed) => Order::Shuffled(Rng::with_seed(seed)),
        None if args.shuffle => Order::Shuffled(Rng::new()),
        None => Order::Given,
    }
}

/// Seconds that the pieces take, one after the other.
fn duration(args: &Args, pieces: &[Arc<Piece>]) -> f64 {
    let music: Duration = pieces.iter().map(|piece| piece.duration).sum();
    let music = music.saturating_sub(args.start.unwrap_or_default()).as_secs_f64() / args.speed;
    music + args.gap.as_secs_f64() * pieces.len().saturating_sub(1) as f64
}

/// Whether the options fit the music.
fn check(args: &Args, pieces: &[Arc<Piece>]) -> Result<()> {
    let first = &pieces[0];
    if args.start.is_some_and(|start| start >= first.duration) {
        let (path, end) = (first.path.display(), time::minutes(first.duration.as_secs_f64()));
        return Err(Failure::new(format!("{path} ends at {end}, before the --start")));
    }
    if args.repeat && args.gap.is_zero() && pieces.iter().all(|piece| piece.duration.is_zero()) {
        return Err(Failure::new("music without duration cannot be repeated").hint("leave out --loop"));
    }
    Ok(())
}

/// The addresses that a channel is sent to, with their places among all.
fn resolve(args: &Args, channel: Option<&Name>) -> Result<Vec<(u64, SocketAddr)>> {
    let mine = (0..).zip(&args.to).filter(|(_, to)| to.channel.as_ref() == channel);
    let resolve = |(index, to): (u64, &Target)| Ok((index, to.destination.resolve()?));
    let to = mine.map(resolve).collect::<Result<Vec<_>>>()?;
    if to.windows(2).any(|pair| pair[0].1.is_ipv4() != pair[1].1.is_ipv4()) {
        return Err(Failure::new("a broadcast goes to IPv4 addresses or to IPv6 addresses")
            .hint("start a second one for the others"));
    }
    let is_served = args.rtsp.is_some() || args.publish.iter().any(|publish| publish.channel.as_ref() == channel);
    if let Some(channel) = channel.filter(|_| to.is_empty() && !is_served) {
        return Err(Failure::new(format!("channel {channel} goes nowhere"))
            .hint(format!("--to {channel}=udp://HOST:PORT sends it, --rtsp serves all channels")));
    }
    Ok(to)
}
