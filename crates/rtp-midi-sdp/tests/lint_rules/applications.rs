//! Guidelines for streaming and performance (C.7).

use rtp_midi_sdp::lint::Application::{ContentStreaming, PerformanceAnswer, PerformanceOffer};
use rtp_midi_sdp::lint::Severity::{Error, Note, Warning};

use super::bases::{PERFORMANCE, PLAYERS, REFERENCE};
use super::{Row, Table};

pub(super) const TABLES: &[Table] = &[
    (REFERENCE, Some(ContentStreaming), STREAMING),
    (PERFORMANCE, Some(PerformanceOffer), BOTH),
    (PERFORMANCE, Some(PerformanceAnswer), BOTH),
    (PERFORMANCE, Some(PerformanceOffer), OFFERS),
    (PERFORMANCE, Some(PerformanceAnswer), ANSWERS),
    (PLAYERS, Some(PerformanceOffer), TOGETHER),
];

const STREAMING: &[Row] = &[
    ("SC.2.1-07", Warning, &[("cm_unused=AX", "cm_unused=AX; j_sec=recj")], "j_sec=recj"),
    ("SC.7.1-04", Warning, &[("0.0.0.0", "239.1.2.3/1")], "IN IP4 239.1.2.3/1"),
    (
        "SC.7.1-04",
        Warning,
        &[("cm_unused=AX", "cm_unused=AX; j_update=open-loop; ch_anchor=CDMPQTW")],
        "j_update=open-loop",
    ),
    ("SC.7.1-05", Note, &[("cm_unused=AX; ", "")], ""),
    ("SC.7.1-09", Warning, &[("cm_unused=AX", "cm_unused=AX; tsmode=async")], "tsmode=async"),
    ("SC.7.1-15", Note, &[("rtp_ptime=441; ", "")], ""),
    (
        "SC.7.1-22",
        Warning,
        &[
            ("mpeg4-generic", "rtp-midi"),
            ("streamtype=5; mode=rtp-midi; profile-level-id=12; config=7A0A0000000000; ", ""),
        ],
        "",
    ),
    (
        "SC.7.1-22",
        Warning,
        &[("config=7A0A0000000000", "config=\"\""), ("rtp_maxptime=4410", "rtp_maxptime=4410; render=unknown")],
        "render=unknown",
    ),
    (
        "SC.7.1-24",
        Warning,
        &[
            ("config=7A0A0000000000", "config=\"\""),
            ("=4410", "=4410; render=synthetic; rinit=audio/asc; inline=\"egoAAAAAAA==\"; smf_info=sdp_start"),
        ],
        "smf_info=sdp_start",
    ),
    ("SC.7.1-26", Note, &[("7A0A0000000000", "720C0000000000")], "config=720C0000000000"),
];

const BOTH: &[Row] = &[
    (
        "SC.7.2-06",
        Error,
        &[("cm_used=X0-16", "cm_used=X0-16; j_update=open-loop; ch_anchor=ACDMPQTWX")],
        "j_update=open-loop",
    ),
    ("SC.7.2-07", Error, &[("cm_unused=X; cm_used=X0-16; ", "")], ""),
    ("SC.7.2-07", Error, &[("cm_unused=X; cm_used=X0-16", "cm_unused=M")], ""),
    ("SC.7.2-10", Warning, &[("rtp-midi/44100", "rtp-midi/32000")], "rtp-midi/32000"),
    ("SC.7.2-13", Warning, &[("rtp_maxptime=0", "rtp_maxptime=22050")], "rtp_maxptime=22050"),
    ("SC.7.2-15", Error, &[("rtp_ptime=0; ", "")], ""),
    ("SC.7.2-15", Error, &[("guardtime=44100; ", "")], ""),
    ("SC.7.2-18", Warning, &[("guardtime=44100", "guardtime=44")], "guardtime=44"),
    ("SC.7.2-18", Warning, &[("guardtime=44100", "guardtime=441000")], "guardtime=441000"),
    ("SC.7.2-19", Error, &[("; render=synthetic; rinit=application/x-bank; url=\"https://example.net/bank\"", "")], ""),
];

const OFFERS: &[Row] = &[
    (
        "SC.7.2-12",
        Error,
        &[("192.0.2.94", "192.0.2.94\r\na=recvonly"), ("X0-16", "X0-16; tsmode=async")],
        "tsmode=async",
    ),
    ("SC.7.2-22", Error, &[("AVP 96", "AVP 96 97"), ("/bank\"", SECOND)], "rtp-midi/48000"),
    ("SC.7.2-24", Error, &[("/bank\"", "/bank\"; render=null")], "render=null"),
];

/// The same as another payload type.
const SECOND: &str = "/bank\"\r\na=rtpmap:97 rtp-midi/48000\r\na=fmtp:97 cm_unused=X; rtp_ptime=0; rtp_maxptime=0; \
                      guardtime=48000; render=api";

const TOGETHER: &[Row] = &[("SC.7.2-32", Warning, &[("cm_used=2N", "cm_used=0-2N")], "musicport=1")];

const ANSWERS: &[Row] = &[
    ("SC.7.2-25", Error, &[("/bank\"", "/bank\"; render=api")], "render=api"),
    (
        "SC.7.2-26",
        Error,
        &[("render=synthetic; rinit=application/x-bank; url=\"https://example.net/bank\"", "render=unknown")],
        "render=unknown",
    ),
];
