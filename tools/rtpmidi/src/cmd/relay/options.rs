//! What the command line says.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgMatches, Command, FromArgMatches, error};

use crate::intake::RtspArgs;
use crate::serve;
use crate::srtp::Suite;

/// Hand a stream on to any number of RTSP clients, unchanged.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The stream: the URL of an RTSP server, a file with a session description, - for stdin, or sap:TITLE for what is
    /// announced to the network
    #[arg(value_name = "SOURCE", verbatim_doc_comment)]
    pub(super) source: OsString,

    /// Serve it by RTSP at this address, as /live and /native/live
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) rtsp: SocketAddr,

    #[command(flatten)]
    pub(super) server: serve::Options,

    /// The network interface on which a multicast group is joined [default: where the route to it leads]
    #[arg(long, value_name = "NAME")]
    pub(super) interface: Option<String>,

    /// The key of an encrypted stream is in this file: Base64 or hexadecimal digits [default: that of the description]
    #[arg(long, value_name = "FILE")]
    pub(super) srtp_key: Option<PathBuf>,

    /// It is a key of this suite [default: its length tells]
    #[arg(long, requires = "srtp_key", value_enum, value_name = "SUITE")]
    pub(super) srtp_suite: Option<Suite>,

    /// Print progress and summary as JSON, one object per line
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) upstream: Upstream,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi broadcast concert/ --rtsp 0.0.0.0:8554 --loop         (at the origin)
  rtpmidi relay rtsp://origin:8554/live --rtsp 0.0.0.0:8554     (at the edge)
  rtpmidi listen rtsp://edge:8554/live --play

An edge goes on until Ctrl-C, whatever becomes of the source, unless --reconnect says otherwise.";

/// How to listen to the server that the stream comes from: an edge outlives it, and always connects again.
#[derive(Clone, Debug)]
pub(super) struct Upstream(pub(super) RtspArgs);

impl clap::Args for Upstream {
    fn augment_args(command: Command) -> Command {
        RtspArgs::augment_args(command).mut_arg("reconnect", |option| option.default_value("always"))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Upstream {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, error::Error> {
        RtspArgs::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), error::Error> {
        self.0.update_from_arg_matches(matches)
    }
}
