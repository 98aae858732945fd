//! What receivers report: from `rtpsession` elements downstream, upstream events, and the application.

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_rtp::prelude::*;

use rtp_midi::Sender;

use super::imp::RtpMidiPay;
use super::settings::RtcpFeedback;
use super::{ACK, LEFT};
use crate::rtpsession;

impl RtpMidiPay {
    /// `reporter` has received everything up to the extended sequence number `highest` that it will ever receive.
    pub(super) fn acknowledge(&self, reporter: u32, highest: u32) {
        gst::log!(super::CAT, imp = self, "reporter {reporter:08x} has received up to {highest}");
        self.report(|sender| sender.acknowledge(reporter, highest));
    }

    /// `reporter` is gone; the journal need not wait for its reports.
    pub(super) fn reporter_left(&self, reporter: u32) {
        gst::debug!(super::CAT, imp = self, "reporter {reporter:08x} left");
        self.report(|sender| sender.reporter_left(reporter));
    }

    /// Tells the sender, and wakes up what waits for reports.
    fn report(&self, tell: impl FnOnce(&mut Sender)) {
        let waits = self.with_packer(|packer| {
            tell(packer.sender_mut());
            packer.sender().is_stalled() || packer.waits()
        });
        if waits == Some(true) {
            self.with_alarm(|alarm| alarm.set(self.obj().current_running_time()));
        }
    }

    /// Handles `GstRtpMidiAck` and `GstRtpMidiReporterLeft`; says whether the event was one for this stream.
    pub(super) fn take_report(&self, event: &gst::Event) -> bool {
        let gst::EventView::CustomUpstream(custom) = event.view() else { return false };
        let Some(report) = custom.structure() else { return false };
        let ours = || Some(report.get::<u32>("ssrc").ok()) == self.with_packer(|packer| Some(packer.stream().ssrc));
        let Ok(reporter) = report.get::<u32>("reporter") else { return false };
        match (report.name().as_str(), report.get::<u32>("exthighestseq")) {
            (ACK, Ok(highest)) if ours() => self.acknowledge(reporter, highest),
            (LEFT, _) if ours() => self.reporter_left(reporter),
            _ => return false,
        }
        true
    }

    /// Connects to the RTP sessions that the packets pass through, as far as they are linked by now.
    pub(super) fn find_sessions(&self) {
        if self.settings().feedback == RtcpFeedback::None {
            return;
        }
        self.connections().update(self.obj().src_pad(), |session| {
            gst::debug!(super::CAT, imp = self, "listening to the receiver reports of {}", session.name());
            let reported = rtpsession::on_report(session, self, |pay, report| {
                if Some(report.about) == pay.with_packer(|packer| packer.stream().ssrc) {
                    pay.acknowledge(report.reporter, report.highest);
                }
            });
            let gone = ["on-bye-ssrc", "on-bye-timeout", "on-timeout"]
                .map(|signal| rtpsession::on_source(session, signal, self, Self::reporter_left));
            std::iter::once(reported).chain(gone).collect()
        });
    }
}
