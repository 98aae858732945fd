//! A channel that is on the air: its music, and all that goes along with it until it has ended.

use std::time::{Duration, Instant};

use super::Args;
use super::announce::{Announced, Destined};
use super::channel::Channel;
use super::follower::{Follower, News, Stage};
use super::name::Name;
use super::publish::Publisher;
use super::station::Station;
use crate::failure::{Failure, Result};
use crate::interface::Interface;
use crate::report::{BroadcastSummary, Progress, Reporter};
use crate::serve::{self, Live, LiveChannel, Outgoing, Server};
use crate::sync::Lockstep;

/// The channel and what plays it.
pub(super) struct OnAir {
    pub(super) channel: Channel,
    station: Station,
    live: Option<Live>,
    follower: Option<Follower>,
    publishers: Vec<Publisher>,
    /// When its music was over.
    ended: Option<Instant>,
    /// Whether nothing is left to be done.
    pub(super) is_over: bool,
    /// Why it has ended early.
    pub(super) failure: Option<Failure>,
}

/// What goes on beside a channel.
pub(super) struct Studio<'a> {
    pub(super) args: &'a Args,
    pub(super) reporter: &'a Reporter,
    pub(super) server: Option<&'a mut Server>,
    pub(super) announced: Option<&'a mut Announced>,
}

/// What is to be told of a file, in words and as an object.
pub(super) struct Notice {
    pub(super) words: String,
    pub(super) object: serde_json::Value,
}

/// How long a media server may take to get the last packets.
const FAREWELL: Duration = Duration::from_secs(5);

impl OnAir {
    pub(super) fn build(
        channel: Channel,
        args: &Args,
        interface: Option<&Interface>,
        lockstep: Option<&Lockstep>,
    ) -> Result<Self> {
        let station = channel.station(args, interface, lockstep)?;
        let live =
            args.serves().then(|| station.packets()).transpose()?.map(|packets| Live::on(&packets)).transpose()?;
        let (follower, publishers) = (channel.follower(args), Vec::new());
        let mut on_air =
            Self { channel, station, live, follower, publishers, ended: None, is_over: false, failure: None };
        let mine = args.publish.iter().filter(|publish| publish.channel == on_air.channel.name);
        let publishers = mine.filter_map(|publish| Some((&publish.url, Outgoing::of(on_air.offer()?))));
        on_air.publishers = publishers.map(|(url, channel)| Publisher::new(url, channel)).collect::<Result<_>>()?;
        Ok(on_air)
    }

    /// Says what is to be played, and plays it.
    pub(super) fn start(&mut self, args: &Args, reporter: &Reporter) -> Result<()> {
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

    /// Goes on; waits for something to happen to the music for at most `patience`. Returns what to tell of files that
    /// have come or gone. A failure is the end of this channel, whose notes are ended, and of no other.
    pub(super) fn turn(&mut self, patience: gst::ClockTime, studio: &mut Studio<'_>) -> Result<Vec<Notice>> {
        if self.ended.is_none() {
            match self.station.turn(patience, |words| studio.reporter.warn(words)) {
                Ok(true) => self.end(studio),
                Ok(false) => {}
                Err(failure) => {
                    self.station.stop();
                    self.failure.get_or_insert(failure);
                }
            }
            if let (Some(announced), Some(title)) = (&mut studio.announced, self.station.title()) {
                announced.tell(self.channel.name.as_ref(), &title);
            }
        } else {
            std::thread::sleep(patience.into());
        }
        if let Some(ended) = self.ended {
            // Nobody is asked anew now.
            self.publishers.retain(|publisher| publisher.is_running() && ended.elapsed() < FAREWELL);
            self.is_over = self.publishers.is_empty();
        }
        for publisher in &mut self.publishers {
            publisher.turn(studio.reporter)?;
        }
        Ok(self.follow(studio))
    }

    fn end(&mut self, studio: &Studio<'_>) {
        self.ended = Some(Instant::now());
        if let Some(server) = &studio.server {
            server.end_live(self.channel.name.as_ref());
        }
    }

    /// Takes files in that have come into the folders, and lets those go that have gone.
    fn follow(&mut self, studio: &mut Studio<'_>) -> Vec<Notice> {
        let Some(follower) = self.follower.as_mut().filter(|_| self.ended.is_none()) else { return Vec::new() };
        let Studio { args, reporter, server, .. } = studio;
        let (channel, station) = (&mut self.channel, &mut self.station);
        let news = follower.turn(&mut Stage { channel, station, args, reporter });
        let name = self.channel.name.as_ref().map(Name::to_string);
        let notice = |it: &News| {
            let (path, event, url) = match it {
                News::Joins(file) => (&file.piece.path, "joins", server.as_deref_mut().map(|server| server.put(file))),
                News::Leaves(path) => (path, "leaves", None),
            };
            let path = path.display().to_string();
            let object =
                serde_json::json!({ "type": "file", "channel": name, "path": path, "event": event, "url": url });
            Notice { words: format!("{path} {event}"), object }
        };
        news.iter().map(notice).collect()
    }

    /// Ends the notes that sound, and then the stream.
    pub(super) fn stop(&mut self) {
        self.station.stop();
    }

    pub(super) fn progress(&mut self) -> Progress {
        self.station.progress()
    }

    /// Stops everything and says what it came to.
    pub(super) fn finish(self) -> BroadcastSummary {
        self.station.end()
    }

    /// The descriptions for its destinations, with their places among all.
    pub(super) fn sessions(&self, args: &Args, interface: Option<&Interface>) -> Vec<(u64, Destined)> {
        self.channel.sessions(args, interface, self.station.clocks())
    }

    /// What servers have of it.
    pub(super) fn offer(&self) -> Option<LiveChannel<'_>> {
        let Channel { name, title, config, .. } = &self.channel;
        let live = self.live.as_ref()?;
        Some(LiveChannel {
            name: name.as_ref(),
            title,
            live,
            stream: serve::stream(config),
            clocks: self.station.clocks(),
            prompter: Some(self.station.prompter()),
        })
    }
}
