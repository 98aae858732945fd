//! All listeners, with what each of them has to do at its time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result};
use rtsp_types::Url;

use crate::clock::Clock;
use crate::lateness::Streams;
use crate::listener::{Hall, Listener, Step};
use crate::options::Options;
use crate::poller::Poller;
use crate::rtcp;
use crate::sample::Agreement;
use crate::socket::{Inlet, Ports};

/// The listeners, and the hall that they are in.
pub(crate) struct Crowd {
    url: Url,
    server: SocketAddr,
    is_interleaved: bool,
    sample: usize,
    inlet: Inlet,
    pub(crate) hall: Hall,
    pub(crate) listeners: Vec<Listener>,
    due: BinaryHeap<Reverse<(Duration, usize, Task)>>,
}

/// What a listener does now and then.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Task {
    /// A receiver report.
    Report,
    /// A sign of life. Reports are one too, but a session shall not hang on them.
    KeepAlive,
}

/// How many listeners have come how far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Attendance {
    /// They hear packets.
    pub(crate) hearing: usize,
    pub(crate) failed: usize,
    /// They have left as they should.
    pub(crate) gone: usize,
}

/// RTSP's port (RFC 2326, 3.2).
const PORT: u16 = 554;

/// The longest wait for something to happen.
const HEARTBEAT: Duration = Duration::from_millis(50);

impl Crowd {
    /// An empty hall.
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let (host, port) = (options.url.host_str().unwrap_or_default(), options.url.port().unwrap_or(PORT));
        // In a URL an IPv6 address has brackets.
        let addresses = (host.trim_matches(['[', ']']), port).to_socket_addrs();
        let server = addresses.ok().and_then(|mut addresses| addresses.next());
        let clock = Clock::start();
        let hall = Hall {
            clock,
            poller: Poller::new().context("epoll")?,
            ports: Ports::new(),
            streams: Streams::new()?,
            agreement: Agreement::default(),
        };
        Ok(Self {
            url: options.url.clone(),
            server: server.with_context(|| format!("there is no host {host}"))?,
            is_interleaved: options.interleaved,
            sample: options.sample as usize,
            inlet: Inlet::new(clock),
            hall,
            listeners: Vec::with_capacity(options.listeners as usize),
            due: BinaryHeap::new(),
        })
    }

    pub(crate) fn now(&self) -> Duration {
        self.hall.clock.now()
    }

    /// Lets one more in.
    pub(crate) fn enter(&mut self) -> Result<()> {
        let index = self.listeners.len();
        let stream = (&self.url, self.server);
        let listener = Listener::come(index, stream, self.is_interleaved, index < self.sample, &self.hall)?;
        self.listeners.push(listener);
        Ok(())
    }

    /// Does what is due and takes what has come, for a moment and not beyond `until`.
    pub(crate) fn turn(&mut self, until: Duration) -> Result<()> {
        let now = self.now();
        while let Some(Reverse((due, index, task))) = self.due.peek().copied()
            && due <= now
        {
            self.due.pop();
            let listener = &mut self.listeners[index];
            let next = match task {
                Task::Report => {
                    listener.report(now);
                    rtcp::interval(false)
                }
                Task::KeepAlive => {
                    listener.keep_alive();
                    listener.patience() / 2
                }
            };
            if *listener.step() == Step::Playing {
                self.due.push(Reverse((now + next, index, task)));
            }
        }
        let due = self.due.peek().map_or(until, |Reverse((due, ..))| *due);
        let patience = until.min(due).saturating_sub(now).min(HEARTBEAT);
        for (index, socket) in self.hall.poller.wait(patience)? {
            let listener = &mut self.listeners[index];
            let was_playing = *listener.step() == Step::Playing;
            listener.take(socket, &mut self.inlet, &mut self.hall);
            if !was_playing && *listener.step() == Step::Playing {
                let half = listener.patience() / 2;
                self.due.push(Reverse((now + rtcp::interval(true), index, Task::Report)));
                self.due.push(Reverse((now + half, index, Task::KeepAlive)));
            }
        }
        Ok(())
    }

    /// Goes on for this long.
    pub(crate) fn pass(&mut self, time: Duration) -> Result<()> {
        let end = self.now() + time;
        while self.now() < end {
            self.turn(end)?;
        }
        Ok(())
    }

    /// Goes on until nobody is in between, but not beyond `limit`.
    pub(crate) fn pass_until(&mut self, limit: Duration, is_enough: impl Fn(Attendance) -> bool) -> Result<()> {
        while self.now() < limit && !is_enough(self.attendance()) {
            let end = limit.min(self.now() + HEARTBEAT);
            while self.now() < end {
                self.turn(end)?;
            }
        }
        Ok(())
    }

    pub(crate) fn attendance(&self) -> Attendance {
        let mut attendance = Attendance::default();
        for listener in &self.listeners {
            match listener.step() {
                Step::Failed(_) => attendance.failed += 1,
                Step::Gone => attendance.gone += 1,
                _ => attendance.hearing += usize::from(listener.joined().is_some()),
            }
        }
        attendance
    }
}
