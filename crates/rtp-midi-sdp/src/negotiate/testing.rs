//! Ends of sessions for the tests of negotiation.

use super::{Answer, Capabilities, Party, Refusal, answer, offer};
use crate::{Host, Session};

/// An end with all defaults; `id` tells it from others, and is the last number of its address.
pub(super) fn end(id: u8) -> Capabilities {
    Capabilities::new(party(id))
}

/// A party of a network performance.
pub(super) fn player(id: u8) -> Capabilities {
    Capabilities::network_performance(party(id))
}

pub(super) fn party(id: u8) -> Party {
    Party::new("Duet", id.into(), Host::Ip([192, 0, 2, id].into()), 5000 + 100 * u16::from(id))
}

/// The description as it comes over the network.
pub(super) fn sent(session: &Session) -> Session {
    let text = session.print();
    let received = Session::parse(text.as_bytes()).unwrap();
    assert_eq!(&received, session, "{text}");
    received
}

/// The answer of the one to the offer of the other.
pub(super) fn answered(offerer: &Capabilities, answerer: &Capabilities) -> Result<Answer, Refusal> {
    answer(&sent(&offer(offerer).unwrap()), answerer)
}

/// An offer of one native stream with these parameters.
pub(super) fn native(parameters: &str) -> Session {
    described("RTP/AVP", &["rtpmap:96 rtp-midi/44100".to_owned(), format!("fmtp:96 {parameters}")])
}

/// An offer of one line with these attributes.
pub(super) fn described(protocol: &str, attributes: &[String]) -> Session {
    let head = "v=0\r\no=- 7 1 IN IP4 192.0.2.7\r\ns=x\r\nt=0 0\r\nc=IN IP4 192.0.2.7\r\n";
    let lines: Vec<String> = attributes.iter().map(|attribute| format!("a={attribute}\r\n")).collect();
    Session::parse(format!("{head}m=audio 5004 {protocol} 96\r\n{}", lines.concat()).as_bytes()).unwrap()
}

/// Why an offer is refused, with the rules.
pub(super) fn refused(offered: &Session, answerer: &Capabilities) -> Vec<String> {
    let refusal = answer(offered, answerer).unwrap_err();
    let session = refusal.session.as_ref().unwrap();
    assert_eq!(session.media.len(), offered.media.len());
    assert!(session.media.iter().all(crate::Media::is_refused));
    refusal.refused.iter().map(ToString::to_string).collect()
}
