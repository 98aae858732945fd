//! Session descriptions on the wire: announced by SAP (RFC 2974), or inside other datagrams such as SIP's.

use std::fmt;

use rtp_midi_sdp::Session;
use session_announcement::{Kind, Packet};

/// A description with at least one RTP MIDI stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Announcement {
    pub(super) session: Session,
    /// SAP's T bit: the session is called off.
    pub(super) is_deletion: bool,
}

/// `SDP "Duet": 239.1.2.3 port 5004, payload type 96, 44100 Hz, j_update=anchor`
impl fmt::Display for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SDP {:?}", self.session.title)?;
        if self.is_deletion {
            return f.write_str(" is called off");
        }
        for (index, (media, stream)) in self.session.streams().enumerate() {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            if let Some(address) = &media.transport.address {
                write!(f, "{} ", address.host)?;
            }
            let (port, payload_type) = (media.transport.port, stream.payload_type);
            write!(f, "port {port}, payload type {payload_type}, {} Hz", stream.clock_rate)?;
            if !stream.parameters.is_empty() {
                write!(f, ", {}", stream.parameters)?;
            }
        }
        Ok(())
    }
}

/// Finds a description in a datagram; `is_sap` when it came to the port of SAP.
pub(super) fn find(octets: &[u8], is_sap: bool) -> Option<Announcement> {
    let read = |text| Session::parse(text).ok().filter(|session| session.first_stream().is_ok());
    if !is_sap {
        return Some(Announcement { session: read(embedded(octets)?)?, is_deletion: false });
    }
    let packet = Packet::decode(octets).ok()?;
    Some(Announcement { session: read(packet.payload.as_bytes())?, is_deletion: packet.kind == Kind::Deletion })
}

/// A description that is all of the datagram or the end of it.
fn embedded(octets: &[u8]) -> Option<&[u8]> {
    if !octets.first()?.is_ascii_alphabetic() {
        return None;
    }
    if octets.starts_with(b"v=0") {
        return Some(octets);
    }
    let start = octets.windows(4).position(|window| window == b"\nv=0")?;
    Some(&octets[start + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Duet\r\nt=0 0\r\nc=IN IP4 239.1.2.3/4\r\n\
        m=audio 5004 RTP/AVP 96\r\na=rtpmap:96 rtp-midi/44100\r\n";

    fn title(octets: &[u8], is_sap: bool) -> Option<(String, bool)> {
        find(octets, is_sap).map(|found| (found.session.title, found.is_deletion))
    }

    #[test]
    fn sap_packets_of_both_address_families_are_read() {
        let duet = |is_deletion| Some(("Duet".to_owned(), is_deletion));
        let v4 = [&[0x20, 0, 0, 1, 192, 0, 2, 1][..], b"application/sdp\0", TEXT].concat();
        assert_eq!(title(&v4, true), duet(false));
        let authenticated_v6 = [&[0x34, 1, 0, 1][..], &[0; 16], &[1, 2, 3, 4], TEXT].concat();
        assert_eq!(title(&authenticated_v6, true), duet(true));
        let compressed = [&[0x21, 0, 0, 1, 192, 0, 2, 1][..], TEXT].concat();
        assert_eq!(title(&compressed, true), None);
        assert_eq!(title(&[0x20, 9, 0, 0, 1], true), None);
    }

    #[test]
    fn an_announcement_is_told_in_words() {
        let words = find(TEXT, false).map(|found| found.to_string());
        assert_eq!(words.as_deref(), Some("SDP \"Duet\": 239.1.2.3 port 5004, payload type 96, 44100 Hz"));
    }

    #[test]
    fn descriptions_in_other_datagrams_are_found() {
        let invite = [b"INVITE sip:a@b SIP/2.0\r\nContent-Type: application/sdp\r\n\r\n", TEXT].concat();
        assert_eq!(title(&invite, false), Some(("Duet".to_owned(), false)));
        assert_eq!(title(TEXT, false), Some(("Duet".to_owned(), false)));
        assert_eq!(title(b"hello", false), None);
        assert_eq!(title(&[0x80; 40], false), None);
    }
}
