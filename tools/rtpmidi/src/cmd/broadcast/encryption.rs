//! `--srtp`: whether a broadcast is encrypted, and with which key.

use std::path::PathBuf;

use super::name::Name;
use super::options::Args;
use crate::failure::{Failure, Result};
use crate::srtp::{self, Key, Suite};

/// What the command line says of it.
#[derive(clap::Args, Debug)]
pub(crate) struct Encryption {
    /// Encrypt and authenticate what goes --to somewhere and out by --rtsp (SRTP). The key stands in the descriptions of
    /// --sdp, which only you can read, and of RTSP, which is over TLS then (--rtsp-certificate)
    #[arg(long)]
    pub(super) srtp: bool,

    /// Encrypt with this suite [default: the first one, which everybody has]
    #[arg(long, requires = "srtp", value_enum, value_name = "SUITE")]
    srtp_suite: Option<Suite>,

    /// Encrypt with the key in this file, which is made if it is not there: Base64 or hexadecimal digits [default: a
    /// new key each time]
    #[arg(long, requires = "srtp", value_name = "FILE")]
    srtp_key: Option<PathBuf>,
}

impl Encryption {
    /// The key of what goes to the destinations of a channel; channels that share no file have one each.
    pub(super) fn key(&self) -> Result<Option<Key>> {
        let key = |()| match &self.srtp_key {
            Some(path) => srtp::make_key(path, self.srtp_suite),
            None => Key::draw(self.srtp_suite.unwrap_or_default()),
        };
        self.srtp.then_some(()).map(key).transpose()
    }

    /// The suite of what listeners have by RTSP.
    pub(super) fn suite_by_rtsp(&self) -> Option<Suite> {
        self.srtp.then(|| self.srtp_suite.unwrap_or_default())
    }

    /// Refuses what would give the key or the music away, or has no use for it.
    pub(super) fn check(&self, args: &Args) -> Result<()> {
        if !self.srtp {
            return Ok(());
        }
        if args.sap && self.srtp_key.is_none() {
            return Err(Failure::new("--sap announces no key to everybody, so that nobody could listen")
                .hint("--srtp-key FILE; listeners need a copy: rtpmidi listen sap:TITLE --srtp-key FILE"));
        }
        let is_described = |channel: &Option<Name>| args.to.iter().zip(&args.sdp).any(|(to, _)| to.channel == *channel);
        if let Some(to) = args.to.iter().find(|to| self.srtp_key.is_none() && !is_described(&to.channel)) {
            return Err(Failure::new(format!("nobody would be told the key of --to {to}"))
                .hint("--sdp FILE writes it down, --srtp-key FILE takes one that listeners have"));
        }
        if args.rtsp.is_some() && !args.server.is_private() {
            return Err(Failure::new("with --srtp, --rtsp would tell the key in clear")
                .hint("--rtsp-certificate FILE tells it over TLS (rtsps://)"));
        }
        if args.rtsp.is_some() && self.srtp_suite.is_some_and(|suite| !suite.is_for_rtsp()) {
            return Err(Failure::new("RTSP has no word for a suite whose tags are shorter in RTP than in RTCP")
                .hint("--srtp-suite AES_CM_128_HMAC_SHA1_80 is one that everybody has"));
        }
        if let Some(open) = args.publish.iter().find(|publish| !publish.url.is_secure()) {
            return Err(Failure::new(format!("with --srtp, --publish {open} would send the same music in clear"))
                .hint("a URL that begins with rtsps:// is one over TLS"));
        }
        if args.to.is_empty() && self.srtp_key.is_some() {
            return Err(Failure::new("--srtp-key is for what goes --to somewhere")
                .hint("an RTSP server draws its keys itself, and tells them to its listeners"));
        }
        if args.to.is_empty() && args.rtsp.is_none() {
            return Err(Failure::new("--srtp is for what goes --to somewhere, or out by --rtsp")
                .hint("--publish with a URL that begins with rtsps:// encrypts everything by TLS"));
        }
        Ok(())
    }
}
