//! `--publish`: a live channel on a media server elsewhere (RTSP RECORD; RFC 2326, 10.11).
//!
//! ```text
//!  Live ─▶ appsrc ─▶ rtspclientsink ─▶ server
//! ```
//!
//! The packets are those that everybody else has. `rtspclientsink` wants a payloader, and makes one itself where it is
//! given none; a bin that passes packets on stands in its place.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_rtsp_server::gst_rtsp::RTSPLowerTrans;
use serde_json::json;

use crate::elements;
use crate::failure::{Failure, Result};
use crate::intake::Url;
use crate::lock::lock;
use crate::report::Reporter;
use crate::serve::Outgoing;

/// Keeps a channel on a server, as far as it can.
pub(super) struct Publisher {
    url: Url,
    outgoing: Outgoing,
    attempt: Attempt,
    /// What was told last of a server that does not take the channel.
    refusal: Option<String>,
}

/// The state of the connection to the server.
enum Attempt {
    /// None now; the next one is due then.
    Due(Instant),
    Running(Connection),
    /// The channel has ended, and the server is told, since then.
    Leaving(Connection, Instant),
    Over,
}

/// A pipeline that sends; it ends when this is dropped.
struct Connection {
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    leaving: Leaving,
}

/// Locked while the sink is told to leave.
type Leaving = Arc<Mutex<()>>;

/// How long after a failure the server is asked again.
const AGAIN: Duration = Duration::from_secs(5);

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

impl Publisher {
    /// Will publish what is on the channel, from the first [turn](Self::turn) on.
    pub(super) fn new(url: &Url, outgoing: Outgoing) -> Result<Self> {
        let publisher = Self { url: url.clone(), outgoing, attempt: Attempt::Due(Instant::now()), refusal: None };
        // What is missing here is told before the music begins.
        publisher.connection().map(|_| publisher)
    }

    /// Goes on, without waiting for anything. A server that fails does not end the broadcast, and is asked again.
    pub(super) fn turn(&mut self, reporter: &Reporter) -> Result<()> {
        match &self.attempt {
            Attempt::Due(due) if *due <= Instant::now() => {
                let connection = self.connection()?;
                // What is wrong is told on the bus.
                let _ = connection.pipeline.set_state(gst::State::Playing);
                self.attempt = Attempt::Running(connection);
            }
            Attempt::Due(_) | Attempt::Over => {}
            Attempt::Leaving(connection, since) => {
                // A server may never answer. It sees then that the connection is closed.
                if matches!(connection.news(), Some(News::Left | News::Failed(_))) || since.elapsed() > PATIENCE {
                    self.attempt = Attempt::Over;
                }
            }
            Attempt::Running(connection) => match connection.news() {
                Some(News::Published) => {
                    self.refusal = None;
                    let object = json!({ "type": "published", "url": self.url.as_str() });
                    let _ = reporter.tell(&format!("published at {}", self.url), &object)?;
                }
                Some(News::Failed(words)) => {
                    let words =
                        format!("warning: {}: {words}: it is asked again every {} s", self.url, AGAIN.as_secs());
                    if self.refusal.as_ref() != Some(&words) {
                        reporter.warn(&words);
                        self.refusal = Some(words);
                    }
                    self.attempt = Attempt::Due(Instant::now() + AGAIN);
                }
                Some(News::Over) => {
                    if let Attempt::Running(connection) = std::mem::replace(&mut self.attempt, Attempt::Over) {
                        connection.leave();
                        self.attempt = Attempt::Leaving(connection, Instant::now());
                    }
                }
                Some(News::Left) | None => {}
            },
        }
        Ok(())
    }

    /// Whether there is a connection, which still sends or takes its leave.
    pub(super) const fn is_running(&self) -> bool {
        matches!(self.attempt, Attempt::Running(_) | Attempt::Leaving(..))
    }

    fn connection(&self) -> Result<Connection> {
        let pipeline = gst::Pipeline::new();
        let bus = pipeline.bus().ok_or_else(|| Failure::new("the pipeline has no bus"))?;
        let (user, password) = self.url.login();
        let sink = elements::with(
            "rtspclientsink",
            &[
                ("location", &self.url.as_str()),
                ("user-id", &user),
                ("user-pw", &password),
                ("latency", &0_u32),
                ("rtx-time", &0_u32),
                // What is lost on the way to the server all its listeners would lack.
                ("protocols", &RTSPLowerTrans::TCP),
                ("tcp-timeout", &(PATIENCE.as_micros() as u64)),
            ],
        )?;
        sink.set_property_from_str("publish-clock-mode", "none");
        let source = self.outgoing.source();
        elements::add(&pipeline, &[source.upcast_ref(), &sink])?;
        let pad = elements::pad(&sink, "sink_%u")?;
        pad.set_property("payloader", self.outgoing.passage()?);
        self.outgoing.describe(&sink);
        elements::link(&elements::pad(source.upcast_ref(), "src")?, &pad)?;
        let leaving = Leaving::default();
        see_off(&bus, &leaving);
        Ok(Connection { pipeline, bus, leaving })
    }
}

/// Has the sink say TEARDOWN when it leaves. It says PAUSE first, in a thread of its own, and if that is answered before it
/// has been told of the rest, it waits for what the server says next, and forgets the rest. So the thread, which posts
/// that it is about to say PAUSE, waits there until the sink has been told everything: then it drops PAUSE.
fn see_off(bus: &gst::Bus, leaving: &Leaving) {
    let leaving = leaving.clone();
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::Progress(progress) = message.view() {
            let (kind, code, _) = progress.get();
            if kind == gst::ProgressType::Continue && code == "request" {
                drop(lock(&leaving));
            }
        }
        gst::BusSyncReply::Pass
    });
}

/// What is heard of a connection.
enum News {
    /// The server has the channel.
    Published,
    Failed(String),
    /// All has been sent.
    Over,
    /// The server has been told that nothing follows.
    Left,
}

impl Connection {
    /// Tells the server that nothing follows. The sink would forget to, if it were let go at once.
    fn leave(&self) {
        let _leaving = lock(&self.leaving);
        let _ = self.pipeline.set_state(gst::State::Ready);
    }

    fn news(&self) -> Option<News> {
        while let Some(message) = self.bus.pop() {
            match message.view() {
                // The sink plays what is in it when RECORD has been answered.
                gst::MessageView::StateChanged(change)
                    if change.current() == gst::State::Playing
                        && message.src().is_some_and(|source| source.name() == "rtspbin") =>
                {
                    return Some(News::Published);
                }
                gst::MessageView::Error(error) => return Some(News::Failed(elements::words(&error.error()))),
                gst::MessageView::Eos(_) => return Some(News::Over),
                gst::MessageView::Progress(progress) => {
                    let (kind, code, _) = progress.get();
                    if code == "close" && kind != gst::ProgressType::Start && kind != gst::ProgressType::Continue {
                        return Some(News::Left);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
