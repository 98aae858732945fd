//! A stream of an RTSP server (RFC 2326), with `rtspsrc`:
//!
//! ```text
//! server ─▶┌ rtspsrc ─────────────────────────────┐
//!          │ RTP and RTCP ─┬─▶ its session ─▶ ... ├─▶ nobody
//!          └───────────────┼──────────────────────┘
//!                          └─▶ entrance ─▶ Packet
//! ```
//!
//! Packets are taken where they go into its session, decrypted and not yet put in order. The session goes on to report
//! to the server; what it does with the packets is not used.

mod args;
mod refusal;
mod url;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use gio::prelude::*;
use gst::glib;
use gst::prelude::*;
use gst_rtsp_server::gst_sdp::SDPMessage;

use super::entrance::Entrance;
use super::source::Source;
use super::{Packet, Plan, Streams};
use crate::description::TOOL;
use crate::elements::{self, with};
use crate::failure::{Failure, Result};
use crate::lock::lock;
use crate::srtp;
pub(crate) use args::RtspArgs;
pub(super) use args::{Change, Reconnect, Server};
pub(super) use refusal::Refusal;
pub(crate) use url::Url;

/// A connection to a server, from the first attempt to TEARDOWN, which is sent when it is dropped.
pub(super) struct Connection {
    server: Server,
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    rtspsrc: gst::Element,
    described: Described,
    inlet: Inlet,
    /// What is wrong with the certificate of the server.
    flaws: Arc<Mutex<Option<gio::TlsCertificateFlags>>>,
}

/// What the server says it has, or why that cannot be played.
type Described = Arc<Mutex<Option<Result<Source>>>>;

/// Where packets go, once that is known.
type Inlet = Arc<OnceLock<Box<dyn Fn(usize, Packet<'_>) + Send + Sync>>>;

/// What has happened to a connection.
pub(super) enum Step {
    Nothing,
    /// The server has this, and waits for [`Connection::play`].
    Described(Box<Source>),
    Failed(Refusal),
    /// The server ended it.
    Over,
}

/// How long the server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the end may take.
const TEARDOWN: Duration = Duration::from_millis(500);

impl Connection {
    /// Begins to connect.
    pub(super) fn begin(server: &Server, plan: &Plan, entrance: &Arc<Entrance>) -> Result<Self> {
        let pipeline = gst::Pipeline::new();
        let bus = pipeline.bus().ok_or_else(|| Failure::new("the pipeline has no bus"))?;
        let micros = PATIENCE.as_micros() as u64;
        let rtspsrc = with(
            "rtspsrc",
            &[
                ("user-agent", &TOOL),
                ("latency", &0_u32),
                ("probation", &0_u32),
                ("tcp-timeout", &micros),
                ("teardown-timeout", &(TEARDOWN.as_nanos() as u64)),
                // It is this program that connects again.
                ("udp-reconnect", &false),
            ],
        )?;
        rtspsrc.set_property_from_str("buffer-mode", "none");
        if let Some(interface) = &plan.interface {
            rtspsrc.set_property("multicast-iface", &interface.name);
        }
        server.configure(&rtspsrc);
        elements::add(&pipeline, &[&rtspsrc])?;
        let (described, inlet, flaws) = (Arc::default(), Arc::default(), Arc::default());
        let connection = Self { server: server.clone(), pipeline, bus, rtspsrc, described, inlet, flaws };
        connection.read_description(plan.streams);
        connection.look_at_certificates();
        connection.tap(plan.rtcp_interval, entrance);
        connection.discard();
        // What is wrong is told on the bus.
        let _ = connection.pipeline.set_state(gst::State::Paused);
        Ok(connection)
    }

    /// Has the description of the server read as any other, and the streams in it chosen.
    fn read_description(&self, streams: Streams) {
        let (name, described) = (self.server.url.to_string(), self.described.clone());
        self.rtspsrc.connect("on-sdp", false, move |values| {
            let text = values.get(1).and_then(|value| value.get::<SDPMessage>().ok()?.as_text().ok());
            let source = Source::parse(text.unwrap_or_default().as_bytes(), &name);
            *lock(&described) = Some(source.map(|source| source.wanted(streams)));
            None
        });
        let described = self.described.clone();
        self.rtspsrc.connect("select-stream", false, move |values| {
            let line = values.get(1).and_then(|value| value.get::<u32>().ok());
            let described = lock(&described);
            let is_wanted = |source: &Source| source.streams().any(|stream| line == Some(stream.line as u32));
            Some(matches!(&*described, Some(Ok(source)) if is_wanted(source)).to_value())
        });
    }

    /// Takes note of why a certificate is refused; `rtspsrc` does not tell.
    fn look_at_certificates(&self) {
        let flaws = self.flaws.clone();
        self.rtspsrc.connect("accept-certificate", false, move |values| {
            *lock(&flaws) = values.get(3).and_then(|value| value.get().ok());
            Some(false.to_value())
        });
    }

    /// Takes packets where they go into the session of `rtspsrc`.
    fn tap(&self, report_every: Duration, entrance: &Arc<Entrance>) {
        let (entrance, inlet, described) = (entrance.clone(), self.inlet.clone(), self.described.clone());
        self.rtspsrc.connect("new-manager", false, move |values| {
            let rtpbin = values.get(1).and_then(|value| value.get::<gst::Bin>().ok())?;
            let (entrance, inlet, described) = (entrance.clone(), inlet.clone(), described.clone());
            rtpbin.connect_element_added(move |rtpbin, element| {
                let kind = element.factory().map(|factory| factory.name());
                if kind.as_deref() == Some("srtpdec") {
                    srtp::forget_strangers(element, srtp::SENDERS);
                } else if kind.as_deref() == Some("rtpsession") {
                    let session: glib::Object = element.property("internal-session");
                    session.set_property("rtcp-min-interval", report_every.as_nanos() as u64);
                    let (entrance, inlet, described) = (entrance.clone(), inlet.clone(), described.clone());
                    let of = Owner { rtpbin: rtpbin.downgrade(), session: element.downgrade(), described };
                    element.connect_pad_added(move |_, pad| take_at(pad, of.clone(), &entrance, &inlet));
                }
            });
            None
        });
    }

    /// Lets go what comes out of `rtspsrc`.
    fn discard(&self) {
        let pipeline = self.pipeline.downgrade();
        self.rtspsrc.connect_pad_added(move |_, pad| {
            let Some(pipeline) = pipeline.upgrade() else { return };
            let end = || {
                let sink = with("fakesink", &[("sync", &false), ("async", &false)])?;
                elements::add(&pipeline, &[&sink])?;
                elements::link(pad, &elements::pad(&sink, "sink")?)?;
                elements::follow(&sink)
            };
            if let Err(failure) = end() {
                gst::warning!(gst::CAT_DEFAULT, "{failure}");
            }
        });
    }

    /// What has happened since the last call.
    pub(super) fn poll(&self) -> Step {
        while let Some(message) = self.bus.pop() {
            match message.view() {
                gst::MessageView::Error(error) => {
                    let failure = self.described().and_then(Result::err);
                    return Step::Failed(match failure {
                        Some(failure) => Refusal::lasting(failure),
                        None => Refusal::of(error, &self.server, *lock(&self.flaws)),
                    });
                }
                gst::MessageView::Eos(_) => return Step::Over,
                gst::MessageView::Progress(progress) => {
                    let (kind, code, _) = progress.get();
                    if kind == gst::ProgressType::Complete
                        && code == "open"
                        && let Some(described) = self.described()
                    {
                        return match described {
                            Ok(source) => Step::Described(Box::new(source)),
                            Err(failure) => Step::Failed(Refusal::lasting(failure)),
                        };
                    }
                }
                _ => {}
            }
        }
        Step::Nothing
    }

    /// Whether the server has said what it has.
    pub(super) fn is_described(&self) -> bool {
        self.described().is_some()
    }

    fn described(&self) -> Option<Result<Source>> {
        lock(&self.described).clone()
    }

    /// Has the stream played from this time on, if it is not live, and gives its packets to `take`.
    pub(super) fn play(&self, from: Duration, take: impl Fn(usize, Packet<'_>) + Send + Sync + 'static) {
        // Once in a connection.
        let _ = self.inlet.set(Box::new(take));
        if !from.is_zero() {
            let from = gst::ClockTime::try_from(from).unwrap_or_default();
            let end = gst::ClockTime::NONE;
            let seek =
                gst::event::Seek::new(1.0, gst::SeekFlags::FLUSH, gst::SeekType::Set, from, gst::SeekType::None, end);
            self.rtspsrc.send_event(seek);
        }
        // What is wrong is told on the bus.
        let _ = self.pipeline.set_state(gst::State::Playing);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Whose packets a session of `rtspsrc` has.
#[derive(Clone)]
struct Owner {
    rtpbin: glib::WeakRef<gst::Bin>,
    session: glib::WeakRef<gst::Element>,
    described: Described,
}

impl Owner {
    /// The number of the stream: `rtspsrc` numbers its sessions as the lines of the description are.
    fn number(&self) -> Option<usize> {
        let rtpbin = self.rtpbin.upgrade()?;
        let session: glib::Object = self.session.upgrade()?.property("internal-session");
        let lines: Vec<usize> = match &*lock(&self.described) {
            Some(Ok(source)) => source.streams().map(|stream| stream.line).collect(),
            _ => Vec::new(),
        };
        let is_here = |line: &usize| {
            let of_line: Option<glib::Object> = rtpbin.emit_by_name("get-internal-session", &[&(*line as u32)]);
            of_line.as_ref() == Some(&session)
        };
        lines.iter().position(is_here)
    }
}

/// Lets through this pad of a session what the entrance lets through, and gives it to the inlet.
fn take_at(pad: &gst::Pad, of: Owner, entrance: &Arc<Entrance>, inlet: &Inlet) {
    let (entrance, inlet, is_rtp) = (entrance.clone(), inlet.clone(), pad.name() == "recv_rtp_sink");
    if !is_rtp && pad.name() != "recv_rtcp_sink" {
        return;
    }
    let number = OnceLock::new();
    elements::keep(pad, move |buffer| {
        let (Some(inlet), Ok(octets)) = (inlet.get(), buffer.map_readable()) else { return false };
        let Some(number) = *number.get_or_init(|| of.number()) else { return false };
        let (from, age) = (sender(buffer), Duration::ZERO);
        let is_wanted = if is_rtp {
            entrance.admits_rtp(number, from, &octets, age)
        } else {
            entrance.admits_rtcp(number, from, &octets)
        };
        if is_wanted {
            inlet(number, if is_rtp { Packet::Rtp { octets: &octets, age } } else { Packet::Rtcp(&octets) });
        }
        is_wanted
    });
}

/// Who sent a packet. In the RTSP connection that is always the server, whose address does not matter then.
fn sender(buffer: &gst::BufferRef) -> SocketAddr {
    let inside = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let address = || {
        let address = buffer.meta::<gst_net::NetAddressMeta>()?.addr().downcast::<gio::InetSocketAddress>().ok()?;
        Some(SocketAddr::new(address.address().into(), address.port()))
    };
    address().unwrap_or(inside)
}
