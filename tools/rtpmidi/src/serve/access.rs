//! Who may listen, and whether others may read along: passwords and TLS.

use std::path::Path;

use gst_rtsp_server::gio::TlsCertificate;
use gst_rtsp_server::gst_rtsp::{RTSPAuthMethod, RTSPLowerTrans};
use gst_rtsp_server::prelude::*;
use gst_rtsp_server::{RTSPAuth, RTSPToken};

use super::factory::Factory;
use super::users::Users;
use crate::failure::{Failure, Result};
use crate::srtp::Suite;

/// The role of every listener: whoever has it may hear everything.
pub(super) const ROLE: &str = "listener";

/// What is asked of clients; by default nothing.
#[derive(Clone)]
pub(crate) struct Access {
    users: Option<Users>,
    certificate: Option<TlsCertificate>,
    /// By which packets are sealed; keys go over TLS.
    suite: Option<Suite>,
}

impl Access {
    /// Reads the file of users and the certificate with its key, as far as there are such.
    pub(super) fn read(users: Option<&Path>, certificate: Option<&Path>, suite: Option<Suite>) -> Result<Self> {
        let read = |path: &Path| {
            TlsCertificate::from_file(path).map_err(|error| {
                Failure::new(format!("{}: {}", path.display(), error.message())).hint(
                    "the file has the certificate and its private key in PEM; apt install glib-networking for TLS",
                )
            })
        };
        let (users, certificate) = (users.map(Users::read).transpose()?, certificate.map(read).transpose()?);
        Ok(Self { users, certificate, suite })
    }

    /// The same, with packets sealed by this suite, or in clear.
    pub(super) fn sealing(&self, suite: Option<Suite>) -> Self {
        Self { suite, ..self.clone() }
    }

    /// What the URLs begin with.
    pub(super) const fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "rtsps" } else { "rtsp" }
    }

    /// Lets a factory give out only what nobody else can read: packets that are sealed, or inside the connection.
    pub(super) fn restrict(&self, factory: &Factory) {
        match self.suite {
            Some(suite) => factory.seal(suite),
            None if self.certificate.is_some() => factory.set_protocols(RTSPLowerTrans::TCP),
            None => {}
        }
    }

    /// By which packets are sealed, if they are.
    pub(super) const fn suite(&self) -> Option<Suite> {
        self.suite
    }

    /// What asks clients for all this. No password is sent in clear (digest, RFC 2617).
    pub(super) fn auth(&self) -> Option<RTSPAuth> {
        if self.users.is_none() && self.certificate.is_none() {
            return None;
        }
        let auth = RTSPAuth::new();
        auth.set_tls_certificate(self.certificate.as_ref());
        auth.set_supported_methods(RTSPAuthMethod::Digest);
        auth.set_realm(Some("rtpmidi"));
        let mut token = RTSPToken::builder().field("media.factory.role", ROLE).build();
        match &self.users {
            Some(users) => users.iter().for_each(|(name, password)| auth.add_digest(name, password, &token)),
            None => auth.set_default_token(Some(&mut token)),
        }
        Some(auth)
    }
}
