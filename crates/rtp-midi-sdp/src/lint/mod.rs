//! The linter: what is wrong with a description, where, and what to write instead.
//!
//! | File | Rules |
//! |---|---|
//! | `lines` | which lines there must be (RFC 8866, 5) |
//! | `media` | media types, rtpmap, clock rates (2.1, 6.1, 11.1) |
//! | `transport` | TCP, keys, reports (RFC 4571, RFC 4568) |
//! | `clocks` | reference clocks and media clocks (RFC 7273) |
//! | `mpeg4` | mpeg4-generic and `AudioSpecificConfig` (6.2, E.4) |
//! | `commands` | `cm_used`, `cm_unused` (C.1); `selections`: what `ch_*` have alike |
//! | `journal`, `chapters` | `j_sec`, `j_update` and the mandate; `ch_never`, `ch_default`, `ch_anchor` (C.2) |
//! | `timing` | `tsmode` and packet times (C.3, C.4) |
//! | `relations` | `musicport` (C.5) |
//! | `rendering`, `channel_mapping` | `render` and all that follows it (C.6) |
//! | `application` | guidelines for streaming and performance (C.7) |
//! | `grammar` | how parameters are written (D) |
//!
//! Rules look at a description in pieces that know where they stand (`piece`, `description`, `stream`, `selected`); what
//! values mean they ask the readers of this crate. Each rule is a requirement, a severity and a function (`rule`).
//!
//! ```
//! let text = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Duet\r\nt=0 0\r\nm=audio 5004 RTP/AVP 96\r\n\
//!             c=IN IP4 192.0.2.94\r\na=rtpmap:96 rtp-midi/44100\r\na=fmtp:96 ch_never=N; cm_unused=N\r\n";
//! let found = rtp_midi_sdp::lint::lint(text);
//! assert_eq!(found.len(), 1);
//! assert_eq!(found[0].to_string(), "8:23: error[SC.2.3-02]: cm_unused stands behind ch_never");
//! ```

mod application;
mod channel_mapping;
mod chapters;
mod clocks;
mod commands;
mod description;
mod diagnostic;
mod grammar;
mod journal;
mod lines;
mod media;
mod mpeg4;
mod piece;
mod relations;
mod rendering;
mod rule;
mod selected;
mod selections;
mod stream;
mod timing;
mod transport;

pub use diagnostic::{Diagnostic, Place, Severity};
pub use rule::Application;

use description::Description;
use rule::Rule;

/// All rules.
const ROSTER: [&[Rule]; 14] = [
    lines::RULES,
    media::RULES,
    transport::RULES,
    clocks::RULES,
    mpeg4::RULES,
    commands::RULES,
    journal::RULES,
    chapters::RULES,
    timing::RULES,
    relations::RULES,
    rendering::RULES,
    channel_mapping::RULES,
    application::RULES,
    grammar::RULES,
];

/// What is wrong with a description, whatever it is for, in the order of the text.
pub fn lint(text: &str) -> Vec<Diagnostic> {
    lint_for(text, None)
}

/// The same, and what the guidelines for an application want besides (RFC 6295, C.7).
pub fn lint_for(text: &str, application: Option<Application>) -> Vec<Diagnostic> {
    let description = Description::read(text);
    let mut found: Vec<_> = rules().flat_map(|rule| rule.apply(&description, application)).collect();
    found.sort_by_key(|diagnostic| (diagnostic.place.line, diagnostic.place.column));
    found
}

/// The requirements that are judged, each with its severity; some have two rules of different severity.
pub fn requirements() -> impl Iterator<Item = (&'static str, Severity)> {
    rules().map(|rule| (rule.requirement, rule.severity))
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    ROSTER.into_iter().flatten()
}
