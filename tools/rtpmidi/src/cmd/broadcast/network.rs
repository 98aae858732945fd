//! Where a broadcast meets the network:
//!
//! ```text
//!                  ┌────────┐─ (srtpenc) ─ send_rtp_src ──▶ multiudpsink  HOST:PORT …
//!  rtpmidipay ────▶│ rtpbin │─ (srtpenc) ─ send_rtcp_src ─▶ multiudpsink  HOST:PORT+1 …
//!                  │        │                                 │ one socket
//!                  └────────┘◀─ recv_rtcp_sink ──(opener, reports)── udpsrc
//! ```

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_rtsp_server::gio;
use gst_rtsp_server::gio::prelude::*;

use super::metadata::Prompter;
use super::reports::Reports;
use crate::elements;
use crate::failure::{Failure, Result};
use crate::interface::Interface;
use crate::lock::lock;
use crate::srtp::{self, Key, Opener};
use crate::sync::Lockstep;

/// Where packets go, and how.
pub(super) struct Way<'a> {
    /// All of one family.
    pub(super) to: &'a [SocketAddr],
    pub(super) ttl: u8,
    /// Where packets to groups leave.
    pub(super) interface: Option<&'a Interface>,
    /// Least time between two RTCP packets.
    pub(super) rtcp_interval: Duration,
    /// By which all packets are sealed.
    pub(super) key: Option<&'a Key>,
    /// The clock that listeners share.
    pub(super) lockstep: Option<&'a Lockstep>,
}

/// What comes back from listeners.
#[derive(Clone)]
pub(super) struct Ear {
    reports: Arc<Mutex<Reports>>,
}

impl Ear {
    /// Datagrams that had no right to say what they said.
    pub(super) fn refused(&self) -> u64 {
        lock(&self.reports).refused()
    }
}

impl Way<'_> {
    /// Puts RTP and RTCP on the network. Reports come back to the socket that ours leave from.
    pub(super) fn connect(&self, pipeline: &gst::Pipeline, pay: &gst::Element, prompter: &Prompter) -> Result<Ear> {
        let (rtp, rtcp) = (self.sink(0)?, self.sink(1)?);
        rtcp.set_property("sync", false);
        let rtpbin = elements::make("rtpbin")?;
        // A report says when its RTP time was, and not when packets of that time left.
        rtpbin.set_property("rtcp-sync-send-time", false);
        if self.lockstep.is_some() {
            rtpbin.set_property_from_str("ntp-time-source", "clock-time");
        }
        if let Some(key) = self.key {
            seal(&rtpbin, key)?;
        }
        let is_ipv4 = self.to.iter().all(SocketAddr::is_ipv4);
        let any = if is_ipv4 { "0.0.0.0" } else { "::" };
        let source = elements::with("udpsrc", &[("address", &any), ("port", &0_i32)])?;
        source.set_property("caps", gst::Caps::new_empty_simple("application/x-rtcp"));
        elements::add(pipeline, &[&rtpbin, &rtp, &rtcp, &source])?;

        elements::link(&elements::pad(pay, "src")?, &elements::pad(&rtpbin, "send_rtp_sink_0")?)?;
        elements::link(&elements::pad(&rtpbin, "send_rtp_src_0")?, &elements::pad(&rtp, "sink")?)?;
        elements::link(&elements::pad(&rtpbin, "send_rtcp_src_0")?, &elements::pad(&rtcp, "sink")?)?;
        elements::link(&elements::pad(&source, "src")?, &elements::pad(&rtpbin, "recv_rtcp_sink_0")?)?;
        elements::report_every(&rtpbin, self.rtcp_interval);
        prompter.speak(&rtpbin);
        let ear = self.listen(&rtpbin, &elements::pad(&source, "src")?)?;

        source.set_state(gst::State::Ready).map_err(|_| Failure::new("no UDP socket for RTCP can be opened"))?;
        rtcp.set_property("close-socket", false);
        let socket = if is_ipv4 { "socket" } else { "socket-v6" };
        rtcp.set_property_from_value(socket, &source.property_value("used-socket"));
        Ok(ear)
    }

    /// A sink to all destinations, so many ports above those of RTP.
    fn sink(&self, offset: u16) -> Result<gst::Element> {
        let sink = elements::with(
            "multiudpsink",
            &[
                ("ttl-mc", &i32::from(self.ttl)),
                ("auto-multicast", &false),
                // Behind `clocksync` nothing comes before the music starts.
                ("async", &false),
                ("processing-deadline", &0_u64),
            ],
        )?;
        if self.to.iter().any(|to| to.ip().is_multicast()) {
            sink.set_property("multicast-iface", self.interface.map(|interface| &interface.name));
        }
        for to in self.to {
            sink.emit_by_name::<()>("add", &[&to.ip().to_string(), &i32::from(to.port() + offset)]);
        }
        Ok(sink)
    }

    /// Lets through what listeners may say.
    fn listen(&self, rtpbin: &gst::Element, reports: &gst::Pad) -> Result<Ear> {
        let ear = Ear { reports: Arc::new(Mutex::new(Reports::to(self.to))) };
        let opener = self.key.map(|key| Opener::new(key, LISTENERS)).transpose()?.map(Mutex::new);
        let (started, judge, rtpbin) = (Instant::now(), ear.clone(), rtpbin.downgrade());
        reports.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let Some(gst::PadProbeData::Buffer(datagram)) = &mut info.data else { return gst::PadProbeReturn::Ok };
            let ours = rtpbin.upgrade().as_ref().and_then(elements::session);
            let ours = ours.map_or(0, |session| session.property::<u32>("internal-ssrc"));
            let report =
                sender(datagram).and_then(|from| judge.hear(started.elapsed(), from, datagram, opener.as_ref(), ours));
            match report {
                Some(report) => {
                    *datagram = report;
                    gst::PadProbeReturn::Ok
                }
                None => gst::PadProbeReturn::Handled,
            }
        });
        Ok(ear)
    }
}

/// Listeners that report to an encrypted stream, and whose packets are known from older ones.
const LISTENERS: usize = 4096;

impl Ear {
    /// The report in a datagram from this address, if it may come from there.
    fn hear(
        &self,
        at: Duration,
        from: SocketAddr,
        datagram: &gst::Buffer,
        opener: Option<&Mutex<Opener>>,
        ours: u32,
    ) -> Option<gst::Buffer> {
        let mut reports = lock(&self.reports);
        let report = match opener {
            // What does not come from a listener's host is not worth opening.
            Some(opener) if reports.expects(from.ip()) => {
                lock(opener).rtcp(&datagram.map_readable().ok()?).map(gst::Buffer::from_slice)
            }
            Some(_) => None,
            None => Some(datagram.clone()),
        };
        let Some(report) = report else {
            reports.refuse();
            return None;
        };
        let admitted = reports.admits(at, from, &report.map_readable().ok()?, ours);
        admitted.then_some(report)
    }
}

/// Where a datagram comes from.
fn sender(datagram: &gst::BufferRef) -> Option<SocketAddr> {
    let address = datagram.meta::<gst_net::NetAddressMeta>()?.addr().downcast::<gio::InetSocketAddress>().ok()?;
    let host = address.address().to_str().parse().ok()?;
    Some(SocketAddr::new(host, address.port()))
}

/// Seals all that an `rtpbin` sends.
fn seal(rtpbin: &gst::Element, key: &Key) -> Result<()> {
    let encoder = srtp::encoder(key)?;
    for kind in ["rtp", "rtcp"] {
        // It looks for the pads of its session, and does not ask for them.
        elements::pad(&encoder, &format!("{kind}_sink_0"))?;
        let encoder = encoder.clone();
        rtpbin.connect(&format!("request-{kind}-encoder"), false, move |_| Some(encoder.to_value()));
    }
    Ok(())
}
