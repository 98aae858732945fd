//! Listens to the RTCP of `rtpsession` elements.

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use crate::downstream;

/// What a receiver reports of one stream (RFC 3550, 6.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Report {
    pub(crate) reporter: u32,
    /// The SSRC of the stream.
    pub(crate) about: u32,
    /// Extended highest sequence number received.
    pub(crate) highest: u32,
}

/// The reports in a compound RTCP packet. Damaged parts report nothing.
fn reports(mut compound: &[u8]) -> Vec<Report> {
    let mut found = Vec::new();
    while let &[first, kind, high, low, ..] = compound {
        let length = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        let Some((packet, rest)) = compound.split_at_checked(length) else { break };
        // A sender report says something of its sender first.
        let blocks = match kind {
            SENDER_REPORT => packet.get(28..),
            RECEIVER_REPORT => packet.get(8..),
            _ => None,
        };
        for block in blocks.unwrap_or_default().chunks_exact(24).take(usize::from(first & 0x1F)) {
            found.extend(report(packet, block));
        }
        compound = rest;
    }
    found
}

fn report(packet: &[u8], block: &[u8]) -> Option<Report> {
    let word = |octets: &[u8], at: usize| octets.get(at..)?.first_chunk().copied().map(u32::from_be_bytes);
    Some(Report { reporter: word(packet, 4)?, about: word(block, 0)?, highest: word(block, 8)? })
}

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;

/// Calls `handle` with every report that comes to a session, as long as the result lives. It does not keep `element`.
///
/// The session itself remembers only the latest report of each receiver, whichever stream that is of.
pub(crate) fn on_report<T: ObjectImpl>(
    session: &gst::Element,
    element: &T,
    handle: impl Fn(&T, Report) + Send + Sync + 'static,
) -> Handler
where
    T::Type: Send + Sync,
{
    Handler::connect(session, Part::Internal, "on-receiving-rtcp", element, move |element, buffer: gst::Buffer| {
        let packet = buffer.map_readable().map(|packet| reports(&packet));
        packet.into_iter().flatten().for_each(|report| handle(element, report));
    })
}

/// Calls `handle` with the SSRC that a `signal` of a session is about, as long as the result lives. It does not keep
/// `element`.
pub(crate) fn on_source<T: ObjectImpl>(
    session: &gst::Element,
    signal: &str,
    element: &T,
    handle: impl Fn(&T, u32) + Send + Sync + 'static,
) -> Handler
where
    T::Type: Send + Sync,
{
    Handler::connect(session, Part::Element, signal, element, handle)
}

/// A signal handler, removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Handler {
    session: glib::WeakRef<gst::Element>,
    part: Part,
    id: Option<glib::SignalHandlerId>,
}

/// An `rtpsession` has its signals on two objects, of which only the element may go from thread to thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Element,
    Internal,
}

impl Part {
    fn of(self, session: &gst::Element) -> glib::Object {
        match self {
            Self::Element => session.clone().upcast(),
            Self::Internal => session.property("internal-session"),
        }
    }
}

impl Handler {
    /// `handle` gets what comes with the signal behind the object itself.
    fn connect<T: ObjectImpl, V: for<'a> glib::value::FromValue<'a> + 'static>(
        session: &gst::Element,
        part: Part,
        signal: &str,
        element: &T,
        handle: impl Fn(&T, V) + Send + Sync + 'static,
    ) -> Self
    where
        T::Type: Send + Sync,
    {
        let element = element.obj().downgrade();
        let id = part.of(session).connect(signal, false, move |arguments| {
            let element = element.upgrade()?;
            handle(element.imp(), arguments.get(1)?.get().ok()?);
            None
        });
        Self { session: session.downgrade(), part, id: Some(id) }
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        if let Some((session, id)) = self.session.upgrade().zip(self.id.take()) {
            self.part.of(&session).disconnect(id);
        }
    }
}

/// Signal handlers on `rtpsession` elements.
#[derive(Debug, Default)]
pub(crate) struct Connections(Vec<(glib::WeakRef<gst::Element>, Vec<Handler>)>);

impl Connections {
    /// Connects to the sessions beyond `pad` that are new; `connect` says which handlers.
    pub(crate) fn update(&mut self, pad: &gst::Pad, connect: impl Fn(&gst::Element) -> Vec<Handler>) {
        self.0.retain(|(session, _)| session.upgrade().is_some());
        for session in downstream::sessions(pad) {
            if !self.0.iter().any(|(known, _)| known.upgrade().as_ref() == Some(&session)) {
                self.0.push((session.downgrade(), connect(&session)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of this kind with report blocks about these streams; the highest sequence number is ten times the SSRC.
    fn packet(kind: u8, about: &[u32]) -> Vec<u8> {
        let sender = if kind == SENDER_REPORT { 5 } else { 0 };
        let words = 1 + sender + 6 * about.len();
        let mut packet = vec![0x80 | about.len() as u8, kind, 0, words as u8, 0, 0, 0, 7];
        packet.extend(std::iter::repeat_n(0xEE, 4 * sender));
        for &ssrc in about {
            packet.extend(ssrc.to_be_bytes());
            packet.extend([1, 2, 3, 4]);
            packet.extend((10 * ssrc).to_be_bytes());
            packet.extend([0; 12]);
        }
        packet
    }

    fn found(compound: &[u8]) -> Vec<(u32, u32, u32)> {
        reports(compound).iter().map(|report| (report.reporter, report.about, report.highest)).collect()
    }

    #[test]
    fn every_block_of_every_report_is_found() {
        for kind in [SENDER_REPORT, RECEIVER_REPORT] {
            assert_eq!(found(&packet(kind, &[1, 2])), [(7, 1, 10), (7, 2, 20)]);
        }
        let description = [0x81, 202, 0, 1, 0, 0, 0, 7];
        let compound = [&packet(RECEIVER_REPORT, &[1])[..], &description, &packet(RECEIVER_REPORT, &[3])].concat();
        assert_eq!(found(&compound), [(7, 1, 10), (7, 3, 30)]);
        assert_eq!(found(&packet(RECEIVER_REPORT, &[])), []);
    }

    #[test]
    fn a_packet_cut_short_reports_nothing_that_it_does_not_have() {
        let whole = packet(SENDER_REPORT, &[1, 2]);
        for end in 0..whole.len() {
            assert_eq!(found(&whole[..end]), [], "{end} octets");
        }
        let mut more_than_there_are = packet(RECEIVER_REPORT, &[1]);
        more_than_there_are[0] |= 0x1F;
        assert_eq!(found(&more_than_there_are), [(7, 1, 10)]);
    }
}
