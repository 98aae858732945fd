//! Rules that say which ports are to be connected, over the names of ALSA, JACK, PipeWire and network ports.
//!
//! ```text
//!  rule file ──▶ Rules ──▶ Patchbay ──▶ decide() ──▶ Change: connect, disconnect
//!  ports and connections as they come and go ──▶ ┘ └──▶ explain(): why two ports are connected or not
//! ```
//!
//! Nothing here opens a file or knows a server: whoever watches ports tells a [`Patchbay`] of them, asks what is to be
//! done, does it, and tells of that as well. A rule is one line, and the last one that means two ports decides:
//!
//! ```
//! use port_rules::{Flow, Graph, Id, Patchbay, Port, Rules};
//!
//! let rules = Rules::parse("
//!     keys --> .app                       # the keyboard's first port plays every program
//!     keys -x-> 'Monitor'                 # but that one
//!     /^cap_(?P<n>\\d+):/ --> daw:in {n}   # numbers that belong together
//! ");
//! let mut bay = Patchbay::new(rules.whole().unwrap());
//! bay.insert(Port::new(Id(1), Graph::Jack, "cap_7", "out", Flow::Source));
//! bay.insert(Port::new(Id(2), Graph::Jack, "DAW", "in 7", Flow::Sink));
//! for change in bay.decide() {
//!     bay.apply(&change); // where there is a server: when it says so
//! }
//! assert_eq!(bay.decide(), []);
//! let why = bay.explain(Id(1), Id(2)).unwrap().to_string();
//! assert!(why.starts_with("cap_7:out --> DAW:in 7: connected\n  line 4: /^cap_(?P<n>\\d+):/ --> daw:in {n}  connects"));
//! ```
//!
//! The language is described in docs/port-rules.md.

#![forbid(unsafe_code)]

mod decide;
mod endpoint;
mod error;
mod explain;
mod matchmaker;
mod parse;
mod patchbay;
mod port;
mod print;
mod python;
mod rule;
mod template;
mod text;

pub use decide::{Act, Change, decide};
pub use endpoint::{Endpoint, Names, Property, Which};
pub use error::{Error, Fault};
pub use explain::{Explanation, Near, Obstacle, Reason, Side};
pub use matchmaker::Matching;
pub use patchbay::Patchbay;
pub use port::{Flow, Graph, Id, Kind, Media, Port};
pub use rule::{Action, Parsed, Rule, Rules, Way};
pub use text::Text;
