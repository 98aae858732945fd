//! What the command line says about the server, the same for all commands that have one.

use std::path::PathBuf;

use super::access::Access;
use super::door::Limits;
use crate::failure::Result;
use crate::srtp::Suite;

/// Who may listen by RTSP.
#[derive(Clone, Debug, clap::Args)]
#[allow(clippy::struct_field_names, reason = "they are called as the options are")]
pub(crate) struct Options {
    /// Let only those listen by RTSP who are in this file, with NAME:PASSWORD in each line
    #[arg(long, requires = "rtsp", value_name = "FILE")]
    rtsp_users: Option<PathBuf>,

    /// Serve by RTSP over TLS (rtsps://) with the certificate and private key in this file (PEM)
    #[arg(long, requires = "rtsp", value_name = "FILE")]
    rtsp_certificate: Option<PathBuf>,

    /// Let so many connections be open by RTSP at a time
    #[arg(long, requires = "rtsp", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..), value_name = "COUNT")]
    rtsp_clients: u32,

    /// Let so many of them come from one address
    #[arg(long, requires = "rtsp", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..), value_name = "COUNT")]
    rtsp_clients_per_address: u32,
}

impl Options {
    /// Reads the files that are named. Packets are sealed by `suite`, if there is one.
    pub(crate) fn access(&self, suite: Option<Suite>) -> Result<Access> {
        Access::read(self.rtsp_users.as_deref(), self.rtsp_certificate.as_deref(), suite)
    }

    /// Whether nobody can read along.
    pub(crate) const fn is_private(&self) -> bool {
        self.rtsp_certificate.is_some()
    }

    pub(crate) const fn limits(&self) -> Limits {
        Limits { clients: self.rtsp_clients, per_address: self.rtsp_clients_per_address }
    }
}
