//! `--sync`: a clock that several machines share, so that they play in step.

mod follow;
mod lockstep;
mod media_clock;
mod schedule;

use std::fmt;
use std::str::FromStr;

use gst::prelude::*;
use rtp_midi_sdp::clocks::{Ntp, NtpServerAddr, PtpDomain, PtpServer, PtpVersion, ReferenceClock};

use crate::failure::{Failure, Result};
pub(crate) use follow::{Follow, Origin};
pub(crate) use lockstep::Lockstep;
use media_clock::MediaClock;
pub(crate) use schedule::Schedule;

/// Whose time it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Sync {
    /// That of a server, asked by NTP.
    Ntp(Server),
    /// That of the master of a PTP domain of the local network.
    Ptp(u8),
    /// That of this machine, which somebody else keeps right.
    NtpLocal,
}

/// A server of NTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Server {
    host: String,
    port: u16,
}

/// The clock itself. It counts nanoseconds since the epoch that RFC 7273 has for its kind: 1900 for NTP, and 1970 for
/// PTP, whose seconds are those of international atomic time.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    clock: gst::Clock,
    sync: Sync,
}

/// Seconds from 1900 to 1970.
const UNIX_EPOCH: gst::ClockTime = gst::ClockTime::from_seconds(2_208_988_800);

/// How long a clock may take to find the time.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(10);

impl Reference {
    /// Starts the clock and waits until it knows the time.
    pub(crate) fn start(sync: &Sync) -> Result<Self> {
        let clock = match sync {
            Sync::Ntp(server) => {
                gst_net::NtpClock::new(None, &server.host, server.port.into(), gst::ClockTime::ZERO).upcast()
            }
            Sync::Ptp(domain) => ptp(*domain)?,
            Sync::NtpLocal => local(),
        };
        // The clock of the system needs no finding, and says that it cannot be waited for.
        if *sync != Sync::NtpLocal && clock.wait_for_sync(PATIENCE).is_err() {
            return Err(match sync {
                Sync::Ptp(domain) => Failure::new(format!("no PTP master of domain {domain} is heard"))
                    .hint("is one running in this network, and does a firewall let UDP ports 319 and 320 through?"),
                _ => Failure::new(format!("{sync} does not tell the time"))
                    .hint("is it an NTP server, and does a firewall let UDP through?"),
            });
        }
        Ok(Self { clock, sync: sync.clone() })
    }

    pub(crate) const fn clock(&self) -> &gst::Clock {
        &self.clock
    }

    /// Whose time it is.
    const fn sync(&self) -> &Sync {
        &self.sync
    }

    /// Its time in 1970.
    const fn unix_epoch(&self) -> gst::ClockTime {
        if self.sync.is_ptp() { gst::ClockTime::ZERO } else { UNIX_EPOCH }
    }

    /// `a=ts-refclk`.
    pub(crate) fn signalled(&self) -> ReferenceClock {
        match &self.sync {
            Sync::Ntp(server) => Ntp { server: server.address() }.into(),
            Sync::NtpLocal => ReferenceClock::new_ntp_traceable(),
            Sync::Ptp(domain) => {
                let master = self.clock.downcast_ref().map_or(0, gst_net::PtpClock::grandmaster_clock_id);
                let domain = Some(PtpDomain::DomainNumber(*domain));
                let server = PtpServer::GmidDomain { gmid: master.into(), domain };
                (PtpVersion::Ieee1588_2008, server).into()
            }
        }
    }
}

/// The clock of the system, counted since 1900.
fn local() -> gst::Clock {
    let clock = gst::glib::Object::builder::<gst::SystemClock>().property("clock-type", gst::ClockType::Realtime);
    let clock = clock.build().upcast::<gst::Clock>();
    clock.set_calibration(gst::ClockTime::ZERO, UNIX_EPOCH, 1, 1);
    clock
}

fn ptp(domain: u8) -> Result<gst::Clock> {
    let unable = || {
        Failure::new("PTP cannot be started")
            .hint("gst-ptp-helper of libgstreamer1.0-0 needs the right to open UDP ports 319 and 320")
    };
    gst_net::PtpClock::init(None, &[]).map_err(|_| unable())?;
    gst_net::PtpClock::new(None, domain.into()).map(Cast::upcast).map_err(|_| unable())
}

/// Where NTP servers listen.
const NTP_PORT: u16 = 123;

/// Servers that anybody may ask now and then.
const POOL: &str = "pool.ntp.org";

impl Server {
    fn address(&self) -> NtpServerAddr {
        let port = Some(self.port).filter(|port| *port != NTP_PORT);
        NtpServerAddr::HostPort { hostname: self.host.clone(), port }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.parse().ok()? {
            NtpServerAddr::HostPort { hostname, port } if !hostname.contains(char::is_whitespace) => {
                Some(Self { host: hostname, port: port.unwrap_or(NTP_PORT) })
            }
            _ => None,
        }
    }
}

impl Sync {
    const fn is_ptp(&self) -> bool {
        matches!(self, Self::Ptp(_))
    }
}

/// As behind `ntp=`.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address().fmt(f)
    }
}

impl FromStr for Sync {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "it is ntp=SERVER, ptp=DOMAIN with a number up to 127, or ntp-local".to_owned();
        let (kind, value) = text.split_once('=').map_or((text, None), |(kind, value)| (kind, Some(value)));
        match (kind, value) {
            ("ntp", value) => Server::parse(value.unwrap_or(POOL)).map(Self::Ntp).ok_or_else(wrong),
            ("ptp", value) => {
                let domain = value.unwrap_or("0").parse().ok().filter(|domain| *domain < 128);
                domain.map(Self::Ptp).ok_or_else(wrong)
            }
            ("ntp-local", None) => Ok(Self::NtpLocal),
            _ => Err(wrong()),
        }
    }
}

/// In words.
impl fmt::Display for Sync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ntp(Server { host, port: NTP_PORT }) => write!(f, "the NTP server {host}"),
            Self::Ntp(Server { host, port }) => write!(f, "the NTP server {host}, port {port},"),
            Self::Ptp(domain) => write!(f, "the PTP domain {domain}"),
            Self::NtpLocal => f.write_str("this machine's clock"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, port: u16) -> Sync {
        Sync::Ntp(Server { host: host.to_owned(), port })
    }

    #[test]
    fn clocks_are_named() {
        for (text, sync) in [
            ("ntp", server("pool.ntp.org", 123)),
            ("ntp=192.0.2.7", server("192.0.2.7", 123)),
            ("ntp=time.example.net:1123", server("time.example.net", 1123)),
            ("ntp=[2001:db8::1]:1123", server("2001:db8::1", 1123)),
            ("ptp", Sync::Ptp(0)),
            ("ptp=37", Sync::Ptp(37)),
            ("ntp-local", Sync::NtpLocal),
        ] {
            assert_eq!(text.parse(), Ok(sync), "{text}");
        }
        for text in ["", "gps", "ntp=", "ntp=a b", "ntp=/traceable/", "ptp=128", "ptp=x", "ntp-local=1"] {
            assert!(text.parse::<Sync>().is_err(), "{text}");
        }
    }

    #[test]
    fn this_machines_clock_counts_since_1900() {
        gst::init().unwrap();
        let unix = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let reference = Reference::start(&Sync::NtpLocal).unwrap();
        let found = reference.clock().time().seconds();
        assert!((unix..unix + 60).contains(&(found - UNIX_EPOCH.seconds())), "{found}");
        assert_eq!(reference.signalled().to_string(), "ntp=/traceable/");
    }
}
