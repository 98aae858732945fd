//! How a running bridge is asked and told: JSON-RPC 2.0 over a Unix socket, one object a line.
//!
//! ```text
//!  status, connect, … ── client ──▶ socket at place ──▶ server ── rpc ──▶ inbox of the bridge
//! ```

mod client;
mod orders;
mod place;
mod server;
mod top;
mod words;

pub(super) use orders::{Order, run};
pub(super) use place::Place;
pub(super) use server::Server;
