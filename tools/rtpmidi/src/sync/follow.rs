//! `listen --sync`: which clock a listener plays by.

use std::str::FromStr;

use rtp_midi_sdp::Clocks;
use rtp_midi_sdp::clocks::{NtpServerAddr, PtpDomain, PtpServer, PtpVersion, ReferenceClock};

use super::{NTP_PORT, Server, Sync};
use crate::failure::{Failure, Result};

/// What the user wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Follow {
    /// The messages are played as they come.
    Off,
    /// The clock that the description names.
    Auto,
    /// This one.
    Clock(Sync),
}

/// Where a description comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// The user has named it.
    Given,
    /// Somebody has announced it to the network.
    Announced,
}

impl Follow {
    /// The clock to play by, for a stream of which this is said.
    pub(crate) fn choose(&self, clocks: &Clocks, origin: Origin) -> Result<Option<Sync>> {
        let followed = clocks.references.iter().filter_map(of);
        match self {
            Self::Off => Ok(None),
            Self::Auto => {
                let Some(sync) = followed.into_iter().next() else {
                    return Err(Failure::new("the description names no clock that this program can follow")
                        .hint("--sync ntp=SERVER, --sync ptp=DOMAIN and --sync ntp-local name one"));
                };
                match &sync {
                    Sync::Ntp(server) if origin == Origin::Announced => {
                        Err(Failure::new(format!("whoever announces the stream wants {sync} to be asked"))
                            .hint(format!("--sync ntp={server} asks it")))
                    }
                    _ => Ok(Some(sync)),
                }
            }
            Self::Clock(sync) => {
                let other = followed.into_iter().all(|of_stream| of_stream.is_ptp() != sync.is_ptp());
                match clocks.references.first().filter(|_| other) {
                    Some(clock) => {
                        Err(Failure::new(format!("the stream keeps time by {clock}, and {sync} tells another"))
                            .hint("--sync auto follows the clock of the description"))
                    }
                    None => Ok(Some(sync.clone())),
                }
            }
        }
    }
}

/// The clock of a description, as far as it can be followed.
fn of(clock: &ReferenceClock) -> Option<Sync> {
    match clock {
        ReferenceClock::Ntp(ntp) => Some(match &ntp.server {
            NtpServerAddr::HostPort { hostname, port } => {
                Sync::Ntp(Server { host: hostname.clone(), port: port.unwrap_or(NTP_PORT) })
            }
            NtpServerAddr::Traceable => Sync::NtpLocal,
        }),
        ReferenceClock::Ptp(ptp) if ptp.version == PtpVersion::Ieee1588_2008 => match ptp.server {
            PtpServer::GmidDomain { domain: Some(PtpDomain::DomainNumber(domain)), .. } => Some(Sync::Ptp(domain)),
            PtpServer::GmidDomain { domain: None, .. } => Some(Sync::Ptp(0)),
            _ => None,
        },
        _ => None,
    }
}

impl FromStr for Follow {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "auto" => Ok(Self::Auto),
            _ => text.parse().map(Self::Clock).map_err(|error: String| format!("{error}, auto or off")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASTER: &str = "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:37";

    fn choose(follow: &str, clocks: &[&str], origin: Origin) -> Result<Option<Sync>> {
        let references = clocks.iter().map(|clock| clock.parse().unwrap()).collect();
        follow.parse::<Follow>().unwrap().choose(&Clocks { references, media: None }, origin)
    }

    fn words(result: Result<Option<Sync>>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn the_first_clock_that_can_be_followed_is_followed() {
        for (clocks, sync) in [
            (&["local", "gps", "ntp=/traceable/"][..], "ntp-local"),
            (&["ntp=192.0.2.7:1123"], "ntp=192.0.2.7:1123"),
            (&["ptp=IEEE802.1AS-2011:traceable", MASTER], "ptp=37"),
        ] {
            assert_eq!(choose("auto", clocks, Origin::Given).unwrap(), Some(sync.parse().unwrap()), "{clocks:?}");
            assert_eq!(choose("off", clocks, Origin::Given).unwrap(), None);
        }
        assert!(words(choose("auto", &["local"], Origin::Given)).contains("names no clock"));
    }

    #[test]
    fn a_server_that_a_stranger_names_is_not_asked() {
        let words = words(choose("auto", &["ntp=192.0.2.7:1123"], Origin::Announced));
        assert!(words.ends_with("hint: --sync ntp=192.0.2.7:1123 asks it"), "{words}");
        for (follow, clock) in [("auto", "ntp=/traceable/"), ("auto", MASTER), ("ntp=192.0.2.8", "ntp=192.0.2.7")] {
            assert!(choose(follow, &[clock], Origin::Announced).unwrap().is_some(), "{clock}");
        }
    }

    #[test]
    fn a_clock_that_tells_another_time_is_refused() {
        for (follow, clock) in [("ptp=37", "ntp=/traceable/"), ("ntp-local", MASTER), ("ntp-local", "local")] {
            assert!(words(choose(follow, &[clock], Origin::Given)).contains("tells another"), "{follow} {clock}");
        }
        // Where nothing is said, the reports tell the time of day (RFC 3550, 4).
        assert!(choose("ntp=192.0.2.7", &[], Origin::Given).unwrap().is_some());
        assert!(choose("ntp=192.0.2.7", &["ntp=192.0.2.8"], Origin::Given).unwrap().is_some());
    }
}
