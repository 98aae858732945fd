//! How a bridge of MIDI ports is asked, told and measured. No IO: lines and octets come in, and go out.
//!
//! | Module | What |
//! |---|---|
//! | [`request`] | what can be asked for, and the answers |
//! | [`passage`] | what is said of a connection |
//! | [`settings`] | what is said of a port |
//! | [`status`] | how a bridge stands |
//! | [`rpc`] | both as lines of JSON-RPC 2.0 |
//! | [`metrics`] | the status as Prometheus reads it |
//! | [`http`] | the requests with which it does |

pub mod http;
pub mod metrics;
pub mod passage;
pub mod request;
pub mod rpc;
pub mod settings;
pub mod status;
