//! What both ends know when an answer has come: who sends what to whom, and how.

use rtp_midi::Config;

use crate::{Crypto, Direction, Error, Media, Protocol, Setup, Stream, Transport};

/// All that is agreed, line by line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Agreement {
    /// The media lines that are accepted.
    pub lines: Vec<Line>,
}

/// One media line that is accepted: an RTP session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The media line, counted from 0.
    pub media: usize,
    /// What it runs over.
    pub protocol: Protocol,
    /// Where the offerer is reached.
    pub offerer: Transport,
    /// Where the answerer is reached.
    pub answerer: Transport,
    /// How RTCP goes.
    pub rtcp: RtcpUse,
    /// Who opens the connections, where there are any.
    pub opens: Option<End>,
    /// The streams.
    pub flows: Vec<Flow>,
}

/// One stream in one direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flow {
    /// Who sends it.
    pub sender: End,
    /// The payload type in its packets: the number of the one who receives them.
    pub payload_type: u8,
    /// The configuration of the sender, and of the receiver.
    pub config: Config,
    /// The key of the sender, where packets are encrypted.
    pub key: Option<Crypto>,
}

/// One of the two ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The one that made the offer.
    Offerer,
    /// The one that made the answer.
    Answerer,
}

/// How RTCP goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RtcpUse {
    /// On a port, or a connection, of its own.
    Separate,
    /// On that of RTP (RFC 5761).
    Muxed,
    /// Not at all (RFC 3556; RFC 4571, section 4).
    None,
}

impl Agreement {
    /// The streams that an end sends, with their lines.
    pub fn sent_by(&self, end: End) -> impl Iterator<Item = (&Line, &Flow)> {
        let flows = self.lines.iter().flat_map(|line| line.flows.iter().map(move |flow| (line, flow)));
        flows.filter(move |(_, flow)| flow.sender == end)
    }
}

impl End {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Offerer => Self::Answerer,
            Self::Answerer => Self::Offerer,
        }
    }
}

impl Line {
    /// Where an end is reached.
    pub const fn transport(&self, end: End) -> &Transport {
        match end {
            End::Offerer => &self.offerer,
            End::Answerer => &self.answerer,
        }
    }

    /// What an offered line and its answer come to; `streams` are those of the answer with those offered.
    pub(super) fn between(
        media: usize,
        offered: &Media,
        answered: &Media,
        streams: &[(&Stream, &Stream)],
    ) -> Result<Self, Error> {
        let (ours, theirs) = (&answered.transport, &offered.transport);
        let mut flows = Vec::new();
        for (offered_stream, stream) in streams {
            let config = stream.config(ours)?;
            for (sender, payload_type) in
                [(End::Offerer, stream.payload_type), (End::Answerer, offered_stream.payload_type)]
            {
                if flows_from(sender, answered) {
                    let key = if sender == End::Offerer { chosen(theirs, ours) } else { ours.crypto.first() };
                    flows.push(Flow { sender, payload_type, config: config.clone(), key: key.cloned() });
                }
            }
        }
        Ok(Self {
            media,
            protocol: ours.protocol.clone(),
            offerer: theirs.clone(),
            answerer: ours.clone(),
            rtcp: rtcp(theirs, ours),
            opens: opens(ours),
            flows,
        })
    }
}

/// Whether packets come from an end, by the direction that the answer has. In a group everybody does the same, as if
/// what is received came from the offerer (RFC 3264, 5.2).
fn flows_from(sender: End, answered: &Media) -> bool {
    match sender {
        End::Offerer => answered.direction.receives(),
        End::Answerer => answered.direction.sends(),
    }
}

/// The key of the offer that the answer takes.
pub(super) fn chosen<'a>(offered: &'a Transport, answered: &Transport) -> Option<&'a Crypto> {
    let taken = answered.crypto.first()?;
    offered.crypto.iter().find(|crypto| crypto.tag == taken.tag)
}

fn rtcp(offered: &Transport, answered: &Transport) -> RtcpUse {
    if offered.is_without_rtcp() && answered.is_without_rtcp() {
        RtcpUse::None
    } else if offered.is_muxed() && answered.is_muxed() {
        RtcpUse::Muxed
    } else {
        RtcpUse::Separate
    }
}

fn opens(answered: &Transport) -> Option<End> {
    match answered.setup.filter(|_| answered.protocol.is_reliable())? {
        Setup::Active => Some(End::Answerer),
        Setup::Passive => Some(End::Offerer),
        Setup::ActPass | Setup::HoldConn => None,
    }
}

/// The direction that an answer may have at most.
pub(super) fn answerable(offered: &Media) -> Direction {
    if offered.transport.is_multicast() { offered.direction } else { offered.direction.mirrored() }
}
