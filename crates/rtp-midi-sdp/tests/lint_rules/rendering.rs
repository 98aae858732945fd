//! Renderers (C.6).

use rtp_midi_sdp::lint::Severity::{Error, Warning};

use super::bases::{MPEG4_RENDERED, NATIVE, RENDERED};
use super::{Row, Table};

pub(super) const TABLES: &[Table] =
    &[(RENDERED, None, ORDER), (RENDERED, None, VALUES), (MPEG4_RENDERED, None, GENERIC), (NATIVE, None, WITHOUT)];

const ORDER: &[Row] = &[
    ("SC.6.1-04", Error, &[("smf_info=ignore", "multimode=all")], "multimode=all"),
    ("SC.6.2-01", Error, &[("smf_info=ignore", "subrender=default")], "subrender=default"),
    ("SC.6.2-01", Error, &[("render=synthetic", "subrender=default; render=synthetic")], "subrender=default"),
    (
        "SC.6.2-01",
        Error,
        &[("synthetic; rinit", "synthetic; subrender=default; subrender=default; rinit")],
        "subrender=default",
    ),
    (
        "SC.6.3-01",
        Error,
        &[("synthetic; rinit", "synthetic; subrender=default; chanmask=1111111111111111; rinit")],
        "rinit=application/x-bank",
    ),
    (
        "SC.6.3-02",
        Error,
        &[("synthetic; rinit", "synthetic; chanmask=1111111111111111; rinit")],
        "rinit=application/x-bank",
    ),
    ("SC.6.3-02", Error, &[("render=synthetic; ", ""), ("; smf_info=ignore", "")], "rinit=application/x-bank"),
    ("SC.6.3-05", Error, &[("bank; url", "bank; chanmask=1111111111111111; url")], "url=\"https://example.net/bank\""),
    ("SC.6.3-05", Error, &[("smf_info=ignore", "smf_info=ignore; cid=\"x\"")], "cid=\"x\""),
    ("SC.6.3-06", Error, &[("; smf_info=ignore", "; inline=\"AAAA\"")], "inline=\"AAAA\""),
    ("SC.6.3-07", Error, &[("bank; url", "bank; inline=\"AAAA\"; url")], "url=\"https://example.net/bank\""),
    ("SC.6.3-08", Error, &[("; url=\"https://example.net/bank\"", "")], "rinit=application/x-bank"),
    (
        "SC.6.4.1-01",
        Error,
        &[("render=synthetic", "smf_info=ignore; render=synthetic"), ("; smf_info=ignore", "")],
        "smf_info=ignore",
    ),
    ("SC.6.4.2-02", Error, &[("render=synthetic", "smf_cid=\"x\"; render=synthetic")], "smf_cid=\"x\""),
    (
        "SC.6.4.3-04",
        Error,
        &[("render=synthetic", "chanmask=1111111111111111; render=synthetic")],
        "chanmask=1111111111111111",
    ),
];

const VALUES: &[Row] = &[
    ("SC.6.1-02", Error, &[("render=synthetic", "multimode=some; render=synthetic")], "multimode=some"),
    ("SC.6-06", Warning, &[("render=synthetic", "render=foo")], "render=foo"),
    ("SC.6.2-09", Warning, &[("render=synthetic", "render=synthetic; subrender=foo")], "subrender=foo"),
    ("SC.6.3-03", Error, &[("application/x-bank", "\"application/x-bank\"")], "rinit=\"application/x-bank\""),
    ("SC.6.3-03", Error, &[("application/x-bank", "video/x-bank")], "rinit=video/x-bank"),
    ("SC.6.3-09", Error, &[("url=\"https://example.net/bank\"", "inline=\"AAA\"")], "inline=\"AAA\""),
    ("SC.6.3-09", Error, &[("url=\"https://example.net/bank\"", "inline=AAAA")], "inline=AAAA"),
    ("SC.6.3-09", Error, &[("smf_info=ignore", "smf_inline=\"A*AA\"")], "smf_inline=\"A*AA\""),
    ("SC.6.3-10", Error, &[("https:", "ftp:")], "url=\"ftp://example.net/bank\""),
    (
        "SC.6.3-10",
        Error,
        &[("\"https://example.net/bank\"", "https://example.net/bank")],
        "url=https://example.net/bank",
    ),
    ("S9-03", Warning, &[("https:", "http:")], "http"),
    ("RFC 6295 D", Error, &[("/bank\"", "/bank\"; cid=\"a b\"")], "cid=\"a b\""),
    ("SC.6.5-12", Error, &[("application/x-bank", "audio/asc")], "rinit=audio/asc"),
    ("SC.6.4.1-10", Warning, &[("smf_info=ignore", "smf_info=foo")], "smf_info=foo"),
    ("SC.6.4.3-01", Error, &[("smf_info=ignore", "chanmask=FFFF")], "chanmask=FFFF"),
    ("SC.6.4.3-02", Error, &[("smf_info=ignore", "chanmask=11111111111111111")], "chanmask=11111111111111111"),
    (
        "SC.6.4.3-02",
        Error,
        &[("smf_info=ignore", "chanmask=11111111111111111111111111111111")],
        "chanmask=11111111111111111111111111111111",
    ),
];

const GENERIC: &[Row] = &[
    ("SC.6.5-02", Error, &[("config=\"\"", "config=7A0A0000000000")], "config=7A0A0000000000"),
    ("SC.6.5-05", Error, &[("render=synthetic", "render=foo")], "render=foo"),
    ("SC.6.5-06", Error, &[("render=synthetic", "render=api")], "render=api"),
    ("SC.6.5-07", Error, &[("AAA==\"", "AAA==\"; subrender=default")], "subrender=default"),
    ("SC.6.5-08", Error, &[("render=synthetic", "render=synthetic; subrender=foo")], "subrender=foo"),
    ("SC.6.5-09", Error, &[("; rinit=audio/asc; inline=\"egoAAAAAAA==\"", "")], "render=synthetic"),
    ("SC.6.5-09", Error, &[("audio/asc", "application/x-bank")], "rinit=application/x-bank"),
    ("SC.6.3-04", Error, &[("audio/asc", "application/asc")], "rinit=application/asc"),
];

const WITHOUT: &[Row] = &[
    ("SC.6.4.1-01", Error, &[("guardtime=44100", "smf_info=ignore")], "smf_info=ignore"),
    ("SC.6.4.2-01", Error, &[("guardtime=44100", "smf_inline=\"TVRo\"")], "smf_inline=\"TVRo\""),
    ("SC.6.4.3-03", Error, &[("guardtime=44100", "chanmask=1111111111111111")], "chanmask=1111111111111111"),
];
