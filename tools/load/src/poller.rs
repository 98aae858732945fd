//! Which sockets have something for us.

use std::os::fd::AsFd;
use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

/// A socket of a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Socket {
    Rtsp,
    Rtp,
    Rtcp,
}

/// Watches sockets as long as they are open.
pub(crate) struct Poller {
    epoll: Epoll,
    events: Vec<EpollEvent>,
}

/// Events taken at a time: between two rounds timers have their turn.
const AT_ONCE: usize = 1024;

impl Poller {
    pub(crate) fn new() -> nix::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Self { epoll, events: vec![EpollEvent::empty(); AT_ONCE] })
    }

    /// Watches for what can be read.
    pub(crate) fn watch(&self, of: impl AsFd, listener: usize, socket: Socket) -> nix::Result<()> {
        self.epoll.add(of, EpollEvent::new(EpollFlags::EPOLLIN, token(listener, socket)))
    }

    /// Watches a connection that is being made until it can be written to.
    pub(crate) fn watch_connecting(&self, of: impl AsFd, listener: usize) -> nix::Result<()> {
        self.epoll.add(of, EpollEvent::new(EpollFlags::EPOLLOUT, token(listener, Socket::Rtsp)))
    }

    /// From now on what can be read of a connection counts.
    pub(crate) fn connected(&self, of: impl AsFd, listener: usize) -> nix::Result<()> {
        self.epoll.modify(of, &mut EpollEvent::new(EpollFlags::EPOLLIN, token(listener, Socket::Rtsp)))
    }

    /// Waits; gives the sockets that have something, each with its listener.
    pub(crate) fn wait(&mut self, patience: Duration) -> nix::Result<impl Iterator<Item = (usize, Socket)> + use<>> {
        let timeout = EpollTimeout::try_from(patience.as_millis() as u64).unwrap_or(EpollTimeout::MAX);
        let count = match self.epoll.wait(&mut self.events, timeout) {
            Err(nix::Error::EINTR) => 0,
            count => count?,
        };
        let ready = self.events[..count].to_vec();
        Ok(ready.into_iter().map(|event| ((event.data() >> 2) as usize, socket(event.data()))))
    }
}

const fn token(listener: usize, socket: Socket) -> u64 {
    (listener as u64) << 2 | socket as u64
}

const fn socket(token: u64) -> Socket {
    match token & 3 {
        0 => Socket::Rtsp,
        1 => Socket::Rtp,
        _ => Socket::Rtcp,
    }
}
