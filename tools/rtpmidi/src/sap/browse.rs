//! Hears what is announced.

use std::net::IpAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rtp_midi_sdp::Session;
use session_announcement::{Directory, Event, PORT, group};

use crate::failure::Result;
use crate::interface::Interface;
use crate::sockets::{self, Arrival, Membership, Reader};

/// Listens to the groups in which sessions are announced.
pub(crate) struct Browser {
    news: Receiver<Heard>,
    _readers: Vec<Reader>,
}

/// A change to what is announced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Heard {
    /// A session is announced, or its description has changed.
    Announced(Box<Announced>),
    /// A session of this title is no more.
    Gone { title: String },
}

/// A session of RTP MIDI.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Announced {
    /// The description as it was announced.
    pub(crate) text: String,
    /// What can be read of it.
    pub(crate) session: Session,
    /// Who announces it.
    pub(crate) from: IpAddr,
}

/// One address of each scope: what is announced in the others has no listener here.
const SCOPES: [&str; 7] = ["224.2.128.0", "239.192.0.0", "239.255.0.0", "ff02::", "ff05::", "ff08::", "ff0e::"];

/// Changes that nobody has looked at yet; others are forgotten.
const UNREAD: usize = 256;

impl Browser {
    /// Begins to listen. A machine without IPv6 hears what is announced by IPv4.
    pub(crate) fn open(interface: Option<&Interface>) -> Result<Self> {
        let membership = Membership { interface: interface.cloned(), sources: Vec::new() };
        let (sender, news) = sync_channel(UNREAD);
        let directory = Arc::new(Mutex::new(Directory::default()));
        let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) =
            SCOPES.iter().filter_map(|scope| scope.parse().ok()).map(group).partition(IpAddr::is_ipv4);
        let mut readers = vec![read(sockets::open_groups(PORT, &v4, &membership)?, &directory, &sender)?];
        if let Ok(socket) = sockets::open_groups(PORT, &v6, &membership) {
            readers.push(read(socket, &directory, &sender)?);
        }
        Ok(Self { news, _readers: readers })
    }

    /// The next change, if it comes within `patience`.
    pub(crate) fn next(&self, patience: Duration) -> Option<Heard> {
        self.news.recv_timeout(patience).ok()
    }
}

fn read(socket: std::net::UdpSocket, directory: &Arc<Mutex<Directory>>, news: &SyncSender<Heard>) -> Result<Reader> {
    let (directory, news, started) = (directory.clone(), news.clone(), Instant::now());
    Reader::start("sap", socket, move |Arrival { from, octets, .. }| {
        let now = started.elapsed().as_millis() as u64;
        let mut directory = directory.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = match directory.receive(now, from.ip(), octets) {
            Ok(Some(Event::New(session) | Event::Modified(session))) => announced(&session.description, from.ip()),
            Ok(Some(Event::Gone(session))) => Some(Heard::Gone { title: session.title().to_owned() }),
            // What is no announcement is nobody's fault here.
            Ok(None) | Err(_) => None,
        };
        for session in directory.expire(now) {
            let _ = news.try_send(Heard::Gone { title: session.title().to_owned() });
        }
        if let Some(heard) = heard {
            // Nobody may be there any more to hear it, or too much may be announced to hear all.
            let _ = news.try_send(heard);
        }
    })
}

/// An announcement, if it is of RTP MIDI.
fn announced(text: &str, from: IpAddr) -> Option<Heard> {
    let session = Session::parse(text.as_bytes()).ok().filter(|session| session.first_stream().is_ok())?;
    Some(Heard::Announced(Box::new(Announced { text: text.to_owned(), session, from })))
}
