//! Lines of RFC 8866, and clocks (RFC 7273).

use rtp_midi_sdp::lint::Severity::{Error, Note, Warning};

use super::bases::{CLOCKED, NATIVE};
use super::{Row, Table};

pub(super) const TABLES: &[Table] = &[(NATIVE, None, LINES), (CLOCKED, None, CLOCKS)];

const LINES: &[Row] = &[
    ("RFC 8866 9", Error, &[("s=Duet", "s=Duet\r\nx=1")], "x=1"),
    ("RFC 8866 9", Error, &[("s=Duet", "s=Duet\r\nDuett für zwei")], "Duett für zwei"),
    (
        "RFC 8866 5",
        Error,
        &[("c=IN IP4 192.0.2.94\r\n", ""), ("guardtime=44100", "guardtime=44100\r\nc=IN IP4 192.0.2.94")],
        "c=IN IP4 192.0.2.94",
    ),
    ("RFC 8866 5", Error, &[("t=0 0", "t=0 0\r\nu=https://example.net/")], "u=https://example.net/"),
    ("RFC 8866 5", Note, &[("s=Duet\r\n", "s=Duet\n")], ""),
    ("RFC 8866 5.1", Error, &[("v=0\r\n", "v=1\r\n")], "v=1"),
    ("RFC 8866 5.1", Error, &[("v=0\r\n", "")], "o=- 1 1 IN IP4 192.0.2.1"),
    ("RFC 8866 5.2", Error, &[("o=- 1 1", "o=- 1 x")], "x"),
    ("RFC 8866 5.2", Error, &[("o=- 1 1 IN IP4 192.0.2.1\r\n", "")], ""),
    ("RFC 8866 5.2", Error, &[("o=- 1 1 IN IP4 192.0.2.1", "o=- 1 1 IN IP4")], "- 1 1 IN IP4"),
    ("RFC 8866 5.2", Error, &[("o=- 1 1 IN IP4", "o=- 1 1 IN IP5")], "IN"),
    ("RFC 8866 5.3", Error, &[("s=Duet", "s=")], "s="),
    ("RFC 8866 5.3", Error, &[("s=Duet\r\n", "")], ""),
    ("RFC 8866 5.3", Error, &[("s=Duet", "s=Duet\r\ns=Solo")], "s=Solo"),
    ("RFC 8866 5.7", Error, &[("192.0.2.94", "239.1.2.3")], "239.1.2.3"),
    ("RFC 8866 5.7", Error, &[("192.0.2.94", "192.0.2.94/1")], "192.0.2.94/1"),
    ("RFC 8866 5.7", Error, &[("IP4 192.0.2.94", "IP4 2001:db8::1")], "IP4"),
    ("RFC 8866 5.7", Error, &[("c=IN IP4 192.0.2.94\r\n", "")], "m=audio 5004 RTP/AVP 96"),
    ("RFC 8866 5.8", Error, &[("192.0.2.94", "192.0.2.94\r\nb=AS")], "AS"),
    ("RFC 8866 5.9", Error, &[("t=0 0", "t=0")], "0"),
    ("RFC 8866 5.9", Error, &[("t=0 0\r\n", "")], ""),
    ("RFC 8866 5.14", Error, &[("audio 5004", "audio five")], "five"),
    ("RFC 8866 5.14", Error, &[("AVP 96", "AVP 96 96")], "96"),
    ("RFC 8866 5.14", Error, &[("AVP 96", "AVP 96 128")], "128"),
    ("RFC 8866 6.7", Error, &[("192.0.2.94", "192.0.2.94\r\na=sendonly\r\na=recvonly")], "recvonly"),
];

const CLOCKS: &[Row] = &[
    ("RFC 7273 4.8", Error, &[("ntp=203.0.113.10:123", "ntp=203.0.113.10:noon")], "ntp=203.0.113.10:noon"),
    ("RFC 7273 4.8", Error, &[("CB-D0:37", "CB:37")], "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB:37"),
    ("RFC 7273 4.8", Error, &[("CB-D0:37", "CB-D0:137")], "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:137"),
    ("RFC 7273 4.8", Warning, &[("ntp=203", "NTP=203")], "NTP=203.0.113.10:123"),
    ("RFC 7273 5.2", Warning, &[("a=ts-refclk:ntp=203.0.113.10:123\r\n", "")], "direct=963214424"),
    ("RFC 7273 5.4", Error, &[("direct=963214424", "direct=4294967296")], "direct=4294967296"),
    ("RFC 7273 5.4", Error, &[("direct=963214424", "direct=963214424 rate=1000/0")], "direct=963214424 rate=1000/0"),
];
