//! Parameters of C.1 to C.4, and how parameters are written (D).

use rtp_midi_sdp::lint::Severity::{Error, Note, Warning};

use super::bases::NATIVE;
use super::{Row, Table};

pub(super) const TABLES: &[Table] = &[
    (NATIVE, None, COMMANDS),
    (NATIVE, None, JOURNAL),
    (NATIVE, None, CHAPTERS),
    (NATIVE, None, TIMES),
    (NATIVE, None, GRAMMAR),
];

const COMMANDS: &[Row] = &[
    ("SC.1-06", Error, &[("cm_unused=M", "cm_unused=M; cm_used=7")], "cm_used=7"),
    ("SC.1-06", Error, &[("cm_unused=M", "cm_unused=M; cm_used=")], "cm_used="),
    ("SC.1-06", Error, &[("cm_unused=M", "cm_unused=M; cm_used=0..3N")], "cm_used=0..3N"),
    ("SC.1-20", Error, &[("cm_unused=M", "cm_unused=M; cm_used=__7E")], "cm_used=__7E"),
    ("SC.1-20", Error, &[("cm_unused=M", "cm_unused=M; cm_used=__7E__09__")], "cm_used=__7E__09__"),
    ("SC.1-09", Error, &[("cm_unused=M", "cm_unused=M; cm_used=NC")], "NC"),
    ("SC.1-09", Error, &[("cm_unused=M", "cm_unused=M; cm_used=CC")], "CC"),
    ("SC.1-09", Error, &[("cm_unused=M", "cm_unused=M; cm_used=0-3n")], "n"),
    ("SC.1-10", Warning, &[("cm_unused=M", "cm_unused=M; cm_used=CDE")], "CDE"),
    ("SC.1-11", Error, &[("cm_unused=M", "cm_unused=M; cm_used=3-16N")], "16"),
    ("SC.1-11", Note, &[("cm_unused=M", "cm_unused=M; cm_used=4B")], "cm_used=4B"),
    ("SC.1-16", Error, &[("cm_unused=M", "cm_unused=M; cm_used=0.1X")], "cm_used=0.1X"),
    ("SC.1-17", Error, &[("cm_unused=M", "cm_unused=M; cm_used=2-3X")], "cm_used=2-3X"),
    ("SC.1-18", Note, &[("cm_unused=M", "cm_unused=M; cm_used=9X")], "9"),
    ("AMB-19", Warning, &[("cm_unused=M", "cm_unused=M; cm_used=4NX")], "cm_used=4NX"),
    ("SC.1-19", Warning, &[("cm_unused=M", "cm_unused=M; cm_used=P5")], "5"),
    ("SC.1-19", Warning, &[("cm_unused=M", "cm_unused=M; cm_used=N60.128")], "128"),
];

const JOURNAL: &[Row] = &[
    ("SC.2.1-05", Error, &[("anchor", "anchor; j_sec=foo")], "j_sec=foo"),
    ("SC.2.2-03", Error, &[("j_update=anchor", "j_update=foo")], "j_update=foo"),
    ("SC.2.1-04", Note, &[("anchor", "anchor; j_sec=none")], "j_sec=none"),
    ("S4-13", Warning, &[("ch_never=M", "ch_never=MN")], "ch_never=MN"),
    ("S4-13", Warning, &[("ch_never=M", "ch_never=M; ch_never=C7")], "ch_never=C7"),
    ("S4-13", Warning, &[("ch_never=M", "ch_never=M; ch_never=__7E__")], "ch_never=__7E__"),
    ("SC.2.2.3-02", Error, &[("j_update=anchor", "j_update=open-loop")], "j_update=open-loop"),
    (
        "SC.2.2.3-02",
        Error,
        &[("j_update=anchor", "j_update=open-loop"), ("ch_never=M", "ch_anchor=ACDMPQTWX; ch_default=C7")],
        "j_update=open-loop",
    ),
];

const CHAPTERS: &[Row] = &[
    ("SC.2.3-02", Error, &[("cm_unused=M; ", ""), ("ch_never=M", "ch_never=M; cm_unused=M")], "cm_unused=M"),
    ("SC.2.3-08", Error, &[("ch_never=M", "ch_never=M; ch_default=7")], "ch_default=7"),
    ("SC.2.3-16", Error, &[("ch_never=M", "ch_never=M; ch_default=__7E_")], "ch_default=__7E_"),
    ("SC.2.3-09", Error, &[("ch_never=M", "ch_never=M; ch_anchor=NC")], "NC"),
    ("SC.2.3-09", Error, &[("ch_never=M", "ch_never=M; ch_anchor=c")], "c"),
    ("SC.2.3-10", Warning, &[("ch_never=M", "ch_never=M; ch_anchor=CI")], "CI"),
    ("SC.2.3-11", Error, &[("ch_never=M", "ch_never=M; ch_anchor=16N")], "16"),
    ("SC.2.3-11", Note, &[("ch_never=M", "ch_never=M; ch_anchor=4F")], "ch_anchor=4F"),
    ("SC.2.3-12", Warning, &[("ch_never=M", "ch_never=M; ch_anchor=3J")], "3"),
    ("SC.2.3-12", Warning, &[("ch_never=M", "ch_never=M; ch_anchor=2Q")], "2"),
    ("SC.2.3-13", Warning, &[("ch_never=M", "ch_never=M; ch_anchor=C7.256")], "256"),
    ("SC.2.3-14", Error, &[("=M; j", "=M; cm_unused=C7; j"), ("ch_never=M", "ch_never=M; ch_never=C135")], "135"),
    ("SC.2.3-15", Error, &[("ch_never=M", "ch_never=M; ch_default=C0.128")], "ch_default=C0.128"),
    ("SC.2.3-16", Warning, &[("ch_never=M", "ch_never=M; ch_default=N60-128")], "128"),
    ("SC.2.3-16", Warning, &[("ch_never=M", "ch_never=M; ch_default=E2")], "2"),
    ("SC.2.3-16", Warning, &[("ch_never=M", "ch_never=M; ch_default=W1")], "1"),
    ("AMB-21", Warning, &[("ch_never=M", "ch_never=M; cm_default=X0-16")], "cm_default=X0-16"),
];

const TIMES: &[Row] = &[
    ("SC.3-01", Error, &[("guardtime=44100", "tsmode=foo")], "tsmode=foo"),
    ("SC.3-03", Note, &[("guardtime=44100", "octpos=first; tsmode=async")], "octpos=first"),
    ("SC.3-03", Note, &[("guardtime=44100", "tsmode=async; mperiod=44")], "mperiod=44"),
    ("SC.3.1-03", Warning, &[("guardtime=44100", "octpos=first")], "octpos=first"),
    ("SC.3.1-03", Warning, &[("guardtime=44100", "tsmode=comex; linerate=320000")], "linerate=320000"),
    ("SC.3.2-01", Error, &[("guardtime=44100", "tsmode=async; octpos=middle")], "octpos=middle"),
    ("SC.3.2-03", Error, &[("guardtime=44100", "tsmode=async; linerate=0")], "linerate=0"),
    ("SC.3.3-02", Error, &[("guardtime=44100", "tsmode=buffer; mperiod=0")], "mperiod=0"),
    ("SC.4.1-04", Warning, &[("guardtime=44100", "rtp_ptime=9; rtp_maxptime=5")], "rtp_ptime=9"),
    ("SC.4.1-07", Error, &[("guardtime=44100", "guardtime=44100\r\na=ptime:20")], "ptime"),
    ("SC.4.1-07", Error, &[("guardtime=44100", "guardtime=44100\r\na=maxptime:20")], "maxptime"),
];

const GRAMMAR: &[Row] = &[
    ("SD-01", Error, &[("guardtime=44100", "guardtime=44100\r\na=fmtp:96 rtp_ptime=0")], "rtp_ptime=0"),
    ("SD-03", Error, &[("fmtp:96", "fmtp: 96")], " "),
    ("SD-04", Warning, &[("; guardtime", ";guardtime")], "guardtime=44100"),
    ("SD-04", Warning, &[("; guardtime", ";  guardtime")], "  guardtime=44100"),
    ("SD-04", Warning, &[("guardtime=44100", "guardtime=44100;")], ""),
    ("SD-04", Warning, &[("guardtime=", "guardtime = ")], "guardtime = 44100"),
    ("SD-05", Error, &[("cm_unused=M", "cm_unused=M; cm_used=5-3N")], "5-3"),
    ("SD-05", Error, &[("cm_unused=M", "cm_unused=M; cm_used=5-5N")], "5-5"),
    ("SD-06", Error, &[("cm_unused=M", "cm_unused=M; cm_used=C9-7")], "9-7"),
    ("SD-06", Error, &[("ch_never=M", "ch_never=M; ch_anchor=C7-7")], "7-7"),
    ("SD-07", Error, &[("cm_unused=M", "cm_unused=M; cm_used=__7F_7F-00__")], "7F-00"),
    ("SD-08", Error, &[("cm_unused=M", "cm_unused=M; cm_used=__7f__")], "7f"),
    ("SD-08", Error, &[("cm_unused=M", "cm_unused=M; cm_used=__9__")], "9"),
    ("SD-08", Error, &[("cm_unused=M", "cm_unused=M; cm_used=__00-80__")], "80"),
    ("SD-10", Error, &[("guardtime=44100", "guardtime=0")], "guardtime=0"),
    ("SD-10", Error, &[("guardtime=44100", "rtp_ptime=007")], "rtp_ptime=007"),
    ("SD-10", Error, &[("guardtime=44100", "rtp_maxptime=4294967296")], "rtp_maxptime=4294967296"),
    ("SD-10", Error, &[("cm_unused=M", "cm_unused=M; cm_used=C007")], "007"),
    ("RFC 6295 D", Warning, &[("guardtime=44100", "guardtime=44100; guardtime=5")], "guardtime=5"),
    ("AMB-20", Warning, &[("guardtime=44100", "guardtime=44100; foo=1")], "foo=1"),
    ("AMB-20", Warning, &[("guardtime=44100", "guardtime=44100; config=\"\"")], "config=\"\""),
];
