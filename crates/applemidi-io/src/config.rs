//! How an end is set up.

use std::net::IpAddr;

use applemidi::{Admission, Timers};
use rtp_midi::StatusOctets;

use crate::stream::MTU;

/// How an end is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// What it calls itself.
    pub name: String,
    /// The control port, with the data port above it; 0 takes any two.
    pub port: u16,
    /// The address of this machine that it is on; all of them if there is none.
    pub address: Option<IpAddr>,
    /// Whose invitations are accepted.
    pub admission: Admission,
    /// How many may take part.
    pub participants: usize,
    /// Whether packets have a recovery journal. Some peers cannot read those that have one.
    pub journal: bool,
    /// Which commands have a status octet: by default all, as some peers cannot read running status.
    pub status_octets: StatusOctets,
    /// Octets of an RTP packet at most, from 200 to 65,507. A System Exclusive that takes more is sent in segments.
    pub mtu: usize,
    /// When things are due.
    pub timers: Timers,
}

impl Config {
    /// An end on all addresses, at the port that Apple's sessions have first, for the neighbourhood.
    pub fn new(name: &str) -> Self {
        let session = applemidi::Config::new(name, 0);
        Self {
            name: session.name,
            port: PORT,
            address: None,
            admission: session.admission,
            participants: session.participants,
            journal: true,
            status_octets: StatusOctets::All,
            mtu: MTU,
            timers: session.timers,
        }
    }
}

/// Where Apple's first session has its control port.
pub(crate) const PORT: u16 = 5004;
