//! `rtpmidi-load`: thousands of listeners in one process, to measure an RTSP server of RTP MIDI; or thousands of
//! AppleMIDI sessions, or a bridge with hundreds of peers.
//!
//! ```sh
//! rtpmidi broadcast concert/ --rtsp 127.0.0.1:8554 --loop --rtsp-clients 1000 --rtsp-clients-per-address 1000
//! rtpmidi-load rtsp://127.0.0.1:8554/live --listeners 1000 --seconds 60 --pid "$(pidof rtpmidi)"
//! rtpmidi-load sessions --count 1000 --seconds 60
//! rtpmidi-load bridge "$XDG_RUNTIME_DIR/rtpmidi/bridge.sock" --peers 300
//! ```
//!
//! Every listener is a client as others are: it has a connection, a session and two UDP sockets of its own, sends
//! receiver reports and keep-alives, and leaves with TEARDOWN. One thread serves all of them. When a packet arrived is
//! told by the kernel, which stamps it as it reaches the socket: how long this program takes to read it is no lateness
//! of the server's.
//!
//! | File | What |
//! |---|---|
//! | `run` | the order of a run: come, measure, wait for what is under way, leave |
//! | `crowd`, `listener`, `rtsp`, `rtcp` | all listeners, one of them, and what it says |
//! | `socket`, `poller`, `clock` | sockets, which of them has something, and when |
//! | `reception`, `lateness`, `sample` | what came, how late, and whether it is right |
//! | `process`, `kernel` | what the server takes, and what the kernel dropped |
//! | `summary` | what it came to |
//! | `sessions` | AppleMIDI sessions, both ends of each |
//! | `bridge` | peers of a bridge, which play to each other through it |
//! | `notes` | when what is heard was played |

mod bridge;
mod clock;
mod crowd;
mod kernel;
mod lateness;
mod listener;
mod notes;
mod options;
mod poller;
mod process;
mod reception;
mod rtcp;
mod rtsp;
mod run;
mod sample;
mod sessions;
mod socket;
mod summary;

pub use bridge::{BridgeOptions, run_bridge};
pub use options::Options;
pub use run::run;
pub use sessions::{SessionOptions, run_sessions};
