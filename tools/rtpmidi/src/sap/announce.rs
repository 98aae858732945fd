//! Announces sessions from a thread of its own, and deletes them in the end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rtp_midi_sdp::Session;
use session_announcement::{Announcer, Directory, PORT, Pace, TTL, group};
use socket2::SockRef;

use crate::destination::local_address;
use crate::failure::{Failure, Result};
use crate::interface::Interface;
use crate::sockets::{self, Membership};

/// Announces sessions until it is dropped.
pub(crate) struct Announcements {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    /// Where the channel of each session hears of changes, and which of its own the session is.
    changes: Vec<(Sender<Change>, usize)>,
}

/// Another description of a session: the place of its announcer, and the text.
type Change = (usize, String);

/// The sessions of one group.
struct Channel {
    socket: UdpSocket,
    group: SocketAddr,
    announcers: Vec<Announcer>,
    changes: (Sender<Change>, Receiver<Change>),
    directory: Directory,
    started: Instant,
}

impl Announcements {
    /// Begins to announce sessions, each of which goes to a multicast address: every `interval`, and less often where
    /// there are so many that they would take more than 4000 bits a second together.
    pub(crate) fn start(
        sessions: &[(IpAddr, Session)],
        interval: Duration,
        interface: Option<&Interface>,
    ) -> Result<Self> {
        let pace = Pace { least: interval.as_millis() as u64, ..Pace::default() };
        let (mut channels, mut changes): (Vec<Channel>, Vec<_>) = Default::default();
        for (to, session) in sessions {
            let group = SocketAddr::from((group(*to), PORT));
            let place = channels.iter().position(|channel| channel.group == group);
            let place = match place {
                Some(place) => place,
                None => {
                    channels.push(Channel::open(group, interface)?);
                    channels.len() - 1
                }
            };
            let from = local_address(group, interface).unwrap_or(match group {
                SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            });
            changes.push((channels[place].changes.0.clone(), channels[place].announcers.len()));
            channels[place].announcers.push(Announcer::new(from, &session.print(), pace));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let spawn = |channel: Channel| {
            let stop = stop.clone();
            std::thread::Builder::new().name("sap".to_owned()).spawn(move || channel.run(&stop))
        };
        let threads = channels.into_iter().map(spawn).collect::<std::io::Result<_>>();
        let threads = threads.map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
        Ok(Self { stop, threads, changes })
    }

    /// The session at this place among those that were given at the start is now described so, in a higher version.
    pub(crate) fn modify(&self, place: usize, session: &Session) {
        if let Some((channel, announcer)) = self.changes.get(place) {
            // The thread lives as long as this.
            let _ = channel.send((*announcer, session.print()));
        }
    }
}

impl Drop for Announcements {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // It cannot panic; if it did, stderr has said so.
            let _ = thread.join();
        }
    }
}

impl Channel {
    fn open(group: SocketAddr, interface: Option<&Interface>) -> Result<Self> {
        let membership = Membership { interface: interface.cloned(), sources: Vec::new() };
        let socket = sockets::open(group, &membership)?;
        let options = SockRef::from(&socket);
        let set = match (group, interface) {
            (SocketAddr::V4(_), None) => options.set_multicast_ttl_v4(TTL.into()),
            (SocketAddr::V4(_), Some(interface)) => options
                .set_multicast_ttl_v4(TTL.into())
                .and_then(|()| options.set_multicast_if_v4(&interface.v4.unwrap_or(Ipv4Addr::UNSPECIFIED))),
            (SocketAddr::V6(_), interface) => options
                .set_multicast_hops_v6(TTL.into())
                .and_then(|()| options.set_multicast_if_v6(interface.map_or(0, |interface| interface.index))),
        };
        set.map_err(|error| Failure::new(format!("cannot announce to {}: {error}", group.ip())))?;
        let (announcers, changes, directory) = (Vec::new(), channel(), Directory::default());
        Ok(Self { socket, group, announcers, changes, directory, started: Instant::now() })
    }

    fn run(mut self, stop: &AtomicBool) {
        let mut datagram = vec![0; 65_536];
        while !stop.load(Ordering::Relaxed) {
            while let Ok((place, description)) = self.changes.1.try_recv() {
                let deletion = self.announcers[place].modify(&description);
                self.announce();
                self.send(&deletion);
            }
            self.announce();
            // The socket waits for a tenth of a second at most. What others announce tells how much room there is.
            if let Ok((length, from)) = self.socket.recv_from(&mut datagram) {
                let now = self.now();
                let _ = self.directory.receive(now, from.ip(), &datagram[..length]);
                self.directory.expire(now);
            }
        }
        for announcer in &self.announcers {
            self.send(&announcer.delete());
        }
    }

    /// Announces what is due.
    fn announce(&mut self) {
        let now = self.now();
        // Our own ones are heard too, but for the first time each.
        let others = self.directory.len().max(self.announcers.len()) - 1;
        for index in 0..self.announcers.len() {
            let announcer = &mut self.announcers[index];
            if announcer.due() <= now && announcer.reconsider(now, others, chance()) {
                let datagram = announcer.announce(now, others, chance());
                self.send(&datagram);
            }
        }
    }

    /// A network that is gone for a while may come back: nothing is made of errors.
    fn send(&self, datagram: &[u8]) {
        let _ = self.socket.send_to(datagram, self.group);
    }

    fn now(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }
}

fn chance() -> f64 {
    f64::from(gst::glib::random_int()) / f64::from(u32::MAX)
}
