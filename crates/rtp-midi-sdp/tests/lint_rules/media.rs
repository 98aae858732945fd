//! Media lines, transport, mpeg4-generic, and streams that share name spaces.

use rtp_midi_sdp::lint::Severity::{Error, Note, Warning};

use super::bases::{MPEG4, MPEG4_PAIR, MPEG4_RENDERED, NATIVE, PAIR, TCP, WITH_AUDIO};
use super::{Row, Table};

pub(super) const TABLES: &[Table] = &[
    (NATIVE, None, NATIVE_MEDIA),
    (WITH_AUDIO, None, COMPANIONS),
    (TCP, None, OVER_TCP),
    (MPEG4, None, GENERIC),
    (MPEG4_RENDERED, None, GENERIC_RENDERED),
    (PAIR, None, RELATED),
    (MPEG4_PAIR, None, RELATED_GENERIC),
];

const NATIVE_MEDIA: &[Row] = &[
    ("RFC 6295 6", Warning, &[("rtp-midi/44100", "opus/48000/2")], "m=audio 5004 RTP/AVP 96"),
    ("RFC 8866 6.6", Error, &[("rtp-midi/44100", "rtp-midi/44100\r\na=rtpmap:97 opus/48000/2")], "97"),
    ("RFC 8866 6.6", Error, &[("rtp-midi/44100", "rtp-midi/44100\r\na=rtpmap:96 opus/48000/2")], "96"),
    ("RFC 8866 6.15", Error, &[("rtp-midi/44100", "rtp-midi/44100\r\na=fmtp:97 x=1")], "97"),
    ("S6.1-01", Error, &[("rtp-midi/44100", "rtp-midi")], "rtp-midi"),
    ("S11.1-01", Error, &[("m=audio", "m=video")], "video"),
    ("SC-06", Error, &[("AVP 96", "AVP 96 97"), ("midi/44100", "midi/44100\r\na=rtpmap:97 asc/44100")], "asc/44100"),
    ("S2.1-08", Warning, &[("rtp-midi/44100", "rtp-midi/31250")], "rtp-midi/31250"),
    ("S2.1-10", Warning, &[("rtp-midi/44100", "rtp-midi/500")], "rtp-midi/500"),
    ("S2.1-11", Warning, &[("rtp-midi/44100", "rtp-midi/50000")], "rtp-midi/50000"),
    ("RFC 4568", Error, &[("RTP/AVP", "RTP/SAVP")], "RTP/SAVP"),
    ("RFC 4568", Error, &[("192.0.2.94", "192.0.2.94\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA")], "crypto"),
    ("RFC 4568", Error, &[("RTP/AVP", "RTP/SAVP"), ("192.0.2.94", "192.0.2.94\r\na=crypto:secret")], "secret"),
    ("F-09", Error, &[("RTP/AVP", "UDP/RTP")], "UDP/RTP"),
    ("SC.2.2.2-01", Error, &[("192.0.2.94", "192.0.2.94\r\nb=RR:0"), ("j_update=anchor", "j_update=closed-loop")], "0"),
];

const COMPANIONS: &[Row] = &[
    ("S2.1-12", Note, &[("L16/44100/2", "L16/48000/2")], "rtp-midi/44100"),
    ("S2.1-13", Warning, &[("L16/44100/2", "L16/8000"), ("rtp-midi/44100", "rtp-midi/8000")], "rtp-midi/8000"),
];

const OVER_TCP: &[Row] = &[
    ("F-08", Error, &[("a=setup:active\r\n", "")], "m=audio 5004 TCP/RTP/AVP 96"),
    ("F-08", Error, &[("a=connection:new\r\n", "")], "m=audio 5004 TCP/RTP/AVP 96"),
    ("F-08", Error, &[("setup:active", "setup:both")], "both"),
    ("F-08", Error, &[("connection:new", "connection:old")], "old"),
    ("F-09", Error, &[("TCP/RTP/AVP", "RTP/AVP/TCP")], "RTP/AVP/TCP"),
    ("F-10", Error, &[("AVP 96", "AVP 96 96")], "96"),
    ("F-10", Error, &[("AVP 96", "AVP 96 128")], "128"),
    ("F-15", Warning, &[("192.0.2.94", "192.0.2.94\r\nb=RS:0")], "0"),
    ("F-15", Warning, &[("t=0 0", "b=RR:0\r\nt=0 0")], "0"),
    ("F-08", Error, &[("a=setup:active\r\n", ""), ("t=0 0", "t=0 0\r\na=setup:any")], "any"),
];

const GENERIC: &[Row] = &[
    ("S6.2-03", Error, &[("j_update=anchor", "j_update=anchor; sizelength=8")], "sizelength=8"),
    ("S6.2-05", Error, &[("streamtype=5; ", "")], ""),
    ("S6.2-05", Error, &[("mode=rtp-midi; ", "")], ""),
    ("S6.2-05", Error, &[("profile-level-id=12; ", "")], ""),
    ("S6.2-05", Error, &[("config=7A0A0000000000; ", "")], ""),
    ("S6.2-06", Error, &[("streamtype=5", "streamtype=4")], "streamtype=4"),
    ("S6.2-07", Error, &[("mode=rtp-midi", "mode=AAC-hbr")], "mode=AAC-hbr"),
    ("S6.2-08", Error, &[("level-id=12", "level-id=14")], "profile-level-id=14"),
    ("S6.2-08", Error, &[("level-id=12", "level-id=10")], "profile-level-id=10"),
    ("S6.2-09", Error, &[("7A0A0000000000", "7A0A00000000Z")], "config=7A0A00000000Z"),
    ("S6.2-09", Error, &[("config=7A0A0000000000", "config=")], "config="),
    ("S6.2-11", Error, &[("7A0A0000000000", "1208")], "config=1208"),
    ("SE.4-02", Error, &[("7A0A0000000000", "798A0000000000")], "config=798A0000000000"),
    ("SE.4-02", Error, &[("7A0A0000000000", "7F8A0000000000")], "config=7F8A0000000000"),
    ("SE.4-03", Error, &[("generic/44100", "generic/176400")], "config=7A0A0000000000"),
    ("SE.4-05", Error, &[("generic/44100", "generic/44100/2")], "config=7A0A0000000000"),
    ("SE.4-06", Error, &[("7A0A0000000000", "7A120000000000")], "config=7A120000000000"),
    ("SE.4-07", Error, &[("7A0A0000000000", "7A0A000000FF00")], "config=7A0A000000FF00"),
    ("SE.4-08", Error, &[("7A0A0000000000", "7A0A00000000")], "config=7A0A00000000"),
    ("SE.4-10", Error, &[("7A0A0000000000", "7A0C0000000000")], "config=7A0C0000000000"),
    (
        "SE.4-11",
        Note,
        &[("7A0A0000000000", "7A0A0000001A4D546864000000060000000100604D54726B0000000600FF2F000")],
        "config=7A0A0000001A4D546864000000060000000100604D54726B0000000600FF2F000",
    ),
    ("SD-02", Error, &[("; j_update", "\r\na=fmtp:96 j_update")], "j_update=anchor"),
];

const GENERIC_RENDERED: &[Row] = &[
    ("SC.6.5-03", Error, &[("streamtype=5; ", "")], ""),
    ("SC.6.5-03", Error, &[("mode=rtp-midi; ", "")], ""),
    ("SC.6.5-03", Error, &[("profile-level-id=12; ", "")], ""),
    ("SC.6.5-10", Error, &[("egoAAAAAAA==", "Egg=")], "inline=\"Egg=\""),
    ("SE.4-10", Error, &[("egoAAAAAAA==", "egwAAAAAAA==")], "inline=\"egwAAAAAAA==\""),
];

const RELATED: &[Row] = &[
    ("SC.5-02", Error, &[("96 musicport=1", "96 musicport=4294967296")], "musicport=4294967296"),
    ("SC.5-02", Error, &[("96 musicport=1", "96 musicport=01")], "musicport=01"),
    (
        "SC.5-04",
        Error,
        &[
            ("AVP 96", "AVP 96 98"),
            ("96 musicport=1", "96 musicport=1\r\na=rtpmap:98 rtp-midi/44100\r\na=fmtp:98 musicport=1"),
        ],
        "musicport=1",
    ),
    ("SC.5-07", Error, &[("a=group:FID 1 2\r\n", "")], "musicport=1"),
    ("SC.5-07", Error, &[("FID 1 2", "LS 1 2")], "musicport=1"),
    ("SC.5-07", Error, &[("a=mid:2\r\n", "")], "musicport=1"),
    ("SC.5-08", Error, &[("97 rtp-midi", "97 mpeg4-generic"), FOUR], "musicport=1"),
    (
        "SC.5-09",
        Error,
        &[("FID 1 2", "FID 1 2\r\na=sendonly"), ("97 rtp-midi", "97 mpeg4-generic"), FOUR],
        "musicport=1",
    ),
    (
        "SC.5-10",
        Error,
        &[("FID 1 2", "FID 1 2\r\na=recvonly"), ("97 rtp-midi", "97 mpeg4-generic"), FOUR],
        "musicport=1",
    ),
    (
        "SC.5-11",
        Error,
        &[("96 musicport=1", "96 cm_unused=C6; musicport=1"), ("97 musicport=1", "97 cm_unused=C98-101; musicport=1")],
        "musicport=1",
    ),
    (
        "SC.5-14",
        Error,
        &[("96 musicport=1", "96 musicport=1; render=api"), ("97 musicport=1", "97 musicport=1; render=api")],
        "musicport=1",
    ),
];

/// What makes the second stream of a pair an mpeg4-generic one.
const FOUR: (&str, &str) =
    ("97 musicport=1", "97 streamtype=5; mode=rtp-midi; profile-level-id=12; config=\"\"; musicport=1");

const RELATED_GENERIC: &[Row] = &[
    ("SC.5-15", Error, &[("config=\"\"", "config=7A0A0000000000")], "musicport=1"),
    (
        "SC.5-15",
        Error,
        &[("config=\"\"; musicport=1", "config=\"\"; musicport=1; render=synthetic; rinit=audio/asc; cid=\"gm\"")],
        "musicport=1",
    ),
    (
        "SC.6.5-04",
        Error,
        &[
            ("config=\"\"; musicport=1", "config=\"\"; musicport=1; render=synthetic; rinit=audio/asc; cid=\"1\""),
            ("7A0A0000000000; musicport=1", "\"\"; musicport=1; render=synthetic; rinit=audio/asc; cid=\"2\""),
        ],
        "musicport=1",
    ),
    ("SC.6.4-01", Warning, &[("config=\"\"; musicport=1", "config=\"\"; musicport=2")], "musicport=1"),
];
