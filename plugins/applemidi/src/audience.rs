//! Who is told what a session hears: sources get the music, and the application hears who comes and goes.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use applemidi_io::{Change, Event, ParticipantId, Reason};
use gst::glib;
use gst::prelude::*;

use crate::inbox::Inbox;
use crate::lock::lock;

/// Name of the element message about a participant: the `session-name`, its `name`, its `control` address, the `change`,
/// and of one that has left the `reason`.
pub const PARTICIPANT: &str = "applemidi-participant";

/// The elements of one session.
pub(crate) struct Audience {
    seats: Arc<Mutex<Vec<Seat>>>,
    news: SyncSender<News>,
    /// Those who take part, with their control ports.
    joined: Mutex<HashMap<ParticipantId, SocketAddr>>,
}

/// One element.
pub(crate) struct Seat {
    /// That of its membership.
    pub(crate) number: u64,
    pub(crate) element: glib::WeakRef<gst::Element>,
    /// That of a source.
    pub(crate) inbox: Option<Arc<Inbox>>,
}

/// What the application is told.
enum News {
    Participant(gst::Structure),
    Warning(String),
}

/// News that may wait; those that nobody has told by then are lost.
const WAITING: usize = 1024;

impl Audience {
    /// Nobody, yet. The application is told by a thread of its own, since what it does then may take time, and may come
    /// back to the session.
    pub(crate) fn new() -> io::Result<Self> {
        let (news, waiting) = sync_channel(WAITING);
        let seats = Arc::<Mutex<Vec<Seat>>>::default();
        let told = seats.clone();
        std::thread::Builder::new().name("applemidi-news".to_owned()).spawn(move || tell(&waiting, &told))?;
        Ok(Self { seats, news, joined: Mutex::default() })
    }

    pub(crate) fn join(&self, seat: Seat) {
        lock(&self.seats).push(seat);
    }

    pub(crate) fn leave(&self, number: u64) {
        lock(&self.seats).retain(|seat| seat.number != number);
    }

    /// Passes on what the session `name` hears.
    pub(crate) fn hear(&self, name: &str, event: Event<'_>) {
        match event {
            Event::Midi { participant, arrived, played, octets, .. } => {
                for inbox in lock(&self.seats).iter().filter_map(|seat| seat.inbox.as_ref()) {
                    inbox.push(participant, octets, arrived, played);
                }
            }
            Event::Change { participant, name: who, control, change } => {
                if matches!(change, Change::Closed(_) | Change::Restarted) {
                    for inbox in lock(&self.seats).iter().filter_map(|seat| seat.inbox.as_ref()) {
                        inbox.forget(participant);
                    }
                }
                let Some((change, reason)) = self.words(participant, control, change) else { return };
                let message = gst::Structure::builder(PARTICIPANT)
                    .field("session-name", printable(name))
                    .field("name", printable(who))
                    .field("control", control.to_string())
                    .field("change", change)
                    .field_if_some("reason", reason)
                    .build();
                let _ = self.news.try_send(News::Participant(message));
            }
            _ => {}
        }
    }

    /// Warns the application.
    pub(crate) fn warn(&self, words: String) {
        let _ = self.news.try_send(News::Warning(words));
    }

    /// What has become of a participant, and why, if the application is to know. Where two call each other, the same
    /// peer takes part twice for a while: of one of the two nothing is told.
    fn words(
        &self,
        participant: ParticipantId,
        control: SocketAddr,
        change: Change,
    ) -> Option<(&'static str, Option<&'static str>)> {
        let mut joined = lock(&self.joined);
        let news = match change {
            Change::Opened => {
                joined.insert(participant, control);
                ("joined", None)
            }
            Change::Missed => ("silent", None),
            Change::Restarted => ("restarted", None),
            Change::Closed(reason) if joined.remove(&participant).is_some() => ("left", Some(words(reason))),
            Change::Closed(Reason::Unanswered) => ("unanswered", None),
            Change::Closed(Reason::Refused) => ("refused", None),
            _ => return None,
        };
        let is_double = joined.iter().any(|(other, at)| *other != participant && *at == control);
        (!is_double).then_some(news)
    }
}

/// Why a participant has left.
const fn words(reason: Reason) -> &'static str {
    match reason {
        Reason::Goodbye => "goodbye",
        Reason::Left => "parted",
        Reason::Refused => "refused",
        _ => "lost",
    }
}

/// Tells the application, until the session is forgotten.
fn tell(waiting: &Receiver<News>, seats: &Mutex<Vec<Seat>>) {
    for news in waiting {
        let elements: Vec<gst::Element> = lock(seats).iter().filter_map(|seat| seat.element.upgrade()).collect();
        for element in elements {
            match &news {
                News::Participant(structure) => {
                    let message = gst::message::Element::builder(structure.clone()).src(&element).build();
                    // Without a bus there is nobody to tell.
                    let _ = element.post_message(message);
                }
                News::Warning(words) => gst::element_warning!(element, gst::ResourceError::Failed, ("{words}")),
            }
        }
    }
}

/// A name from the network as a terminal may show it, and a property may hold it.
pub(crate) fn printable(name: &str) -> String {
    name.chars().map(|character| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character }).collect()
}
