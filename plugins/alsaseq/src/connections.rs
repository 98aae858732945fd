//! Keeps a port connected to others: to those that are there, and to the others as soon as they come.

use std::fmt;

use alsa::Direction;
use alsa::seq::Addr;
use gst::prelude::*;
use nix::errno::Errno;

use crate::address::{Pattern, Port};
use crate::announcements::{Announcements, Gone};
use crate::client::{Client, Unavailable};

/// The connections of a port while this value is there.
#[derive(Debug)]
pub(crate) struct Connections {
    _watch: Option<Announcements>,
}

/// Why there is no connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Trouble {
    /// The port is not there yet.
    Missing(Pattern, Direction),
    /// It is there, and refuses.
    Refused(Pattern, Errno),
}

/// What is wanted.
#[derive(Debug)]
struct Wanted {
    own: Addr,
    direction: Direction,
    wishes: Vec<Wish>,
}

/// A pattern, and what has become of it.
#[derive(Debug)]
struct Wish {
    pattern: Pattern,
    /// The port that it is connected to.
    place: Option<Addr>,
    /// The port that refuses, which is told once.
    refuses: Option<Addr>,
}

impl Connections {
    /// Connects `own`, a port of `client`, to `patterns`; the element reads (capture) or writes (playback). Those that are
    /// missing are told to `tell`, and waited for; those that refuse are told whenever they come.
    pub(crate) fn keep(
        client: &Client,
        own: Addr,
        direction: Direction,
        patterns: Vec<Pattern>,
        mut tell: impl FnMut(&Trouble) + Send + 'static,
    ) -> Result<Self, Unavailable> {
        if patterns.is_empty() {
            return Ok(Self { _watch: None });
        }
        let wishes = patterns.into_iter().map(|pattern| Wish { pattern, place: None, refuses: None }).collect();
        let mut wanted = Wanted { own, direction, wishes };
        wanted.connect(client).iter().for_each(&mut tell);
        let missing = wanted.wishes.iter().filter(|wish| wish.place.or(wish.refuses).is_none());
        missing.for_each(|wish| tell(&Trouble::Missing(wish.pattern.clone(), direction)));
        let watch = Announcements::listen(move |client, gone| {
            wanted.forget(gone);
            wanted.connect(client).iter().for_each(&mut tell);
        })?;
        Ok(Self { _watch: Some(watch) })
    }
}

impl Wanted {
    /// Connects what has come, and returns who refuses. What somebody has disconnected by hand stays so until it comes
    /// anew.
    fn connect(&mut self, client: &Client) -> Vec<Trouble> {
        let ports: Vec<Port> =
            Port::all(&client.seq).into_iter().filter(|port| port.address.client != self.own.client).collect();
        let mut refused = Vec::new();
        for wish in &mut self.wishes {
            // A port that fits better may have come since: one pattern is one connection.
            if wish.place.is_some_and(|place| ports.iter().any(|port| port.address == place)) {
                continue;
            }
            wish.place = None;
            let Some(found) = wish.pattern.find(&ports, self.direction).map(|port| port.address) else { continue };
            let result = match self.direction {
                Direction::Capture => client.subscribe(found, self.own),
                Direction::Playback => client.subscribe(self.own, found),
            };
            match result.map_err(|error| Errno::from_raw(error.errno())) {
                Ok(()) => (wish.place, wish.refuses) = (Some(found), None),
                // It is gone again in this moment, which is announced.
                Err(Errno::EINVAL) => {}
                Err(reason) if wish.refuses != Some(found) => {
                    wish.refuses = Some(found);
                    refused.push(Trouble::Refused(wish.pattern.clone(), reason));
                }
                Err(_) => {}
            }
        }
        refused
    }

    fn forget(&mut self, gone: &[Gone]) {
        let is_gone = |place: &Option<Addr>| place.is_some_and(|place| gone.iter().any(|gone| gone.includes(place)));
        for place in self.wishes.iter_mut().flat_map(|wish| [&mut wish.place, &mut wish.refuses]) {
            if is_gone(place) {
                *place = None;
            }
        }
    }
}

impl Trouble {
    /// Tells it as a warning of `element`, as long as that is there.
    pub(crate) fn teller(element: &impl IsA<gst::Element>) -> impl FnMut(&Self) + Send + 'static {
        let element = element.upcast_ref::<gst::Element>().downgrade();
        move |trouble| {
            if let Some(element) = element.upgrade() {
                gst::element_warning!(element, trouble.error(), ("{trouble}"));
            }
        }
    }

    const fn error(&self) -> gst::ResourceError {
        match self {
            Self::Missing(..) => gst::ResourceError::NotFound,
            Self::Refused(..) => gst::ResourceError::Busy,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(pattern, direction) => {
                let aim = if *direction == Direction::Capture { "read from" } else { "write to" };
                write!(f, "there is no ALSA port {pattern} to {aim}: it is connected when it comes")
            }
            Self::Refused(pattern, Errno::EBUSY | Errno::EAGAIN) => {
                write!(f, "the ALSA port {pattern} is not connected: another program has it for itself")
            }
            Self::Refused(pattern, reason) => {
                write!(f, "the ALSA port {pattern} is not connected: it refuses ({})", reason.desc())
            }
        }
    }
}
