//! How elements want their session to be, and what they want together.

use std::net::IpAddr;

use applemidi_io::{Admission, Config, Network, StatusOctets, local_networks};
use gst::glib;

use crate::setup::split;

/// How a session should be. What one element does not say another may.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Wishes {
    /// Never 0, which says nothing.
    pub(crate) port: Option<u32>,
    pub(crate) address: Option<String>,
    pub(crate) interface: Option<String>,
    pub(crate) announce: Option<bool>,
    pub(crate) admission: Option<Whom>,
    pub(crate) admitted: Option<String>,
    pub(crate) participants: Option<u32>,
    pub(crate) journal: Option<Journal>,
    pub(crate) mtu: Option<u32>,
    pub(crate) running_status: Option<bool>,
}

/// Whose invitations are accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstAppleMidiAdmission")]
pub(crate) enum Whom {
    /// Hosts of the local networks and those that announce sessions, and the networks in `admitted`.
    #[default]
    #[enum_value(name = "Hosts of local networks, those that announce sessions, and those in admitted", nick = "known")]
    Known,
    /// Everybody.
    #[enum_value(name = "Everybody", nick = "everyone")]
    Everyone,
    /// The networks in `admitted`, and nobody else.
    #[enum_value(name = "Those in admitted; nobody if it is empty", nick = "list")]
    List,
}

/// What packets repeat of earlier ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstAppleMidiJournal")]
pub(crate) enum Journal {
    /// All that a participant has not confirmed.
    #[default]
    #[enum_value(name = "All that a participant has not confirmed", nick = "closed-loop")]
    ClosedLoop,
    /// Nothing.
    #[enum_value(name = "No journal: a lost packet is lost", nick = "none")]
    None,
}

/// The name of the property that is wrong, and why.
pub(crate) type Refusal = (&'static str, String);

/// As many as a session has room for unless it is told otherwise.
pub(crate) const PARTICIPANTS: u32 = 64;

/// Octets of the longest packet unless it is told otherwise: what passes every network, and what most peers have room for.
pub(crate) const MTU: u32 = 1200;

impl Wishes {
    /// What both say together, unless they contradict each other.
    pub(crate) fn and(&self, other: &Self) -> Result<Self, Refusal> {
        Ok(Self {
            port: both("port", self.port.as_ref(), other.port.as_ref())?,
            address: both("address", self.address.as_ref(), other.address.as_ref())?,
            interface: both("interface", self.interface.as_ref(), other.interface.as_ref())?,
            announce: both("announce", self.announce.as_ref(), other.announce.as_ref())?,
            admission: both("admission", self.admission.as_ref(), other.admission.as_ref())?,
            admitted: both("admitted", self.admitted.as_ref(), other.admitted.as_ref())?,
            participants: both("participants", self.participants.as_ref(), other.participants.as_ref())?,
            journal: both("journal", self.journal.as_ref(), other.journal.as_ref())?,
            mtu: both("mtu", self.mtu.as_ref(), other.mtu.as_ref())?,
            running_status: both("running-status", self.running_status.as_ref(), other.running_status.as_ref())?,
        })
    }

    /// A property in which they differ. What is not said is as good as the default.
    pub(crate) fn difference(&self, other: &Self) -> Option<&'static str> {
        let same = [
            ("port", self.port() == other.port()),
            ("address", self.address == other.address),
            ("interface", self.interface == other.interface),
            ("announce", self.is_announced() == other.is_announced()),
            ("admission", self.admission() == other.admission()),
            ("admitted", self.admitted == other.admitted),
            ("participants", self.participants() == other.participants()),
            ("journal", self.journal() == other.journal()),
            ("mtu", self.mtu() == other.mtu()),
            ("running-status", self.has_running_status() == other.has_running_status()),
        ];
        same.into_iter().find(|(_, is_same)| !is_same).map(|(property, _)| property)
    }

    /// Whether the session is announced by multicast DNS.
    pub(crate) fn is_announced(&self) -> bool {
        self.announce.unwrap_or(true)
    }

    /// The control port, or 0 for any.
    pub(crate) fn port(&self) -> u32 {
        self.port.unwrap_or_default()
    }

    /// Whose invitations are accepted.
    pub(crate) fn admission(&self) -> Whom {
        self.admission.unwrap_or_default()
    }

    /// How many may take part.
    pub(crate) fn participants(&self) -> u32 {
        self.participants.unwrap_or(PARTICIPANTS)
    }

    /// What packets repeat of earlier ones.
    pub(crate) fn journal(&self) -> Journal {
        self.journal.unwrap_or_default()
    }

    /// Octets of the longest packet.
    pub(crate) fn mtu(&self) -> u32 {
        self.mtu.unwrap_or(MTU)
    }

    /// Whether messages go without a status octet that is that of the message before.
    pub(crate) fn has_running_status(&self) -> bool {
        self.running_status.unwrap_or_default()
    }

    /// How the session is opened.
    pub(crate) fn config(&self, name: &str) -> Result<Config, Refusal> {
        let address = self.address.as_deref().map(str::parse::<IpAddr>).transpose();
        Ok(Config {
            port: self.port() as u16,
            address: address.map_err(|_| ("address", "it is no IP address of this machine".to_owned()))?,
            admission: self.admitting(&[])?,
            participants: self.participants() as usize,
            journal: self.journal() == Journal::ClosedLoop,
            mtu: self.mtu() as usize,
            status_octets: if self.has_running_status() { StatusOctets::Running } else { StatusOctets::All },
            ..Config::new(name)
        })
    }

    /// Whose invitations the session accepts; `known` are the hosts that announce sessions.
    pub(crate) fn admitting(&self, known: &[IpAddr]) -> Result<Admission, Refusal> {
        let admitted = self.admitted.as_deref().map(split).unwrap_or_default();
        let listed = admitted.iter().map(|text| {
            let network = text.parse::<Network>();
            network.map_err(|error| ("admitted", format!("{text}: {error}")))
        });
        let listed: Vec<Network> = listed.collect::<Result<_, _>>()?;
        Ok(match self.admission() {
            Whom::Everyone => Admission::Everyone,
            Whom::List => Admission::List(listed),
            Whom::Known => {
                let networks = listed.into_iter().chain(local_networks()).collect();
                Admission::Local { networks, known: known.to_vec() }
            }
        })
    }
}

/// What two say of a property together.
fn both<T: Clone + PartialEq>(
    property: &'static str,
    one: Option<&T>,
    other: Option<&T>,
) -> Result<Option<T>, Refusal> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => {
            Err((property, "another element of the session wants it otherwise".to_owned()))
        }
        (one, other) => Ok(one.or(other).cloned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(set: impl FnOnce(&mut Wishes)) -> Wishes {
        let mut wishes = Wishes::default();
        set(&mut wishes);
        wishes
    }

    #[test]
    fn elements_of_a_session_complete_each_other_and_must_not_contradict() {
        let (port, other) = (wishes(|it| it.port = Some(5006)), wishes(|it| it.announce = Some(false)));
        let together = port.and(&other).unwrap();
        assert_eq!((together.port(), together.is_announced()), (5006, false));
        let (property, _) = together.and(&wishes(|it| it.port = Some(5008))).unwrap_err();
        assert_eq!(property, "port");
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_property() {
        let wrong = wishes(|it| it.admitted = Some("192.0.2.0/24, friends".to_owned()));
        assert_eq!(wrong.config("x").unwrap_err(), ("admitted", "friends: no network such as 192.0.2.0/24".to_owned()));
        assert_eq!(wishes(|it| it.address = Some("lo".to_owned())).config("x").unwrap_err().0, "address");
    }

    #[test]
    fn a_list_admits_nobody_else() {
        let list = wishes(|it| (it.admission, it.admitted) = (Some(Whom::List), Some("192.0.2.7".to_owned())));
        assert!(matches!(list.admitting(&[]), Ok(Admission::List(networks)) if networks.len() == 1));
        assert!(matches!(Wishes::default().admitting(&[]), Ok(Admission::Local { .. })));
    }

    #[test]
    fn a_default_that_is_said_aloud_is_no_difference() {
        let aloud = wishes(|it| {
            (it.announce, it.admission, it.participants) = (Some(true), Some(Whom::Known), Some(PARTICIPANTS));
            (it.journal, it.mtu, it.running_status) = (Some(Journal::ClosedLoop), Some(MTU), Some(false));
        });
        assert_eq!(aloud.difference(&Wishes::default()), None);
        for (other, property) in [
            (wishes(|it| it.announce = Some(false)), "announce"),
            (wishes(|it| it.journal = Some(Journal::None)), "journal"),
            (wishes(|it| it.mtu = Some(1400)), "mtu"),
            (wishes(|it| it.running_status = Some(true)), "running-status"),
        ] {
            assert_eq!(aloud.difference(&other), Some(property));
        }
    }

    #[test]
    fn packets_are_as_they_are_elsewhere_unless_it_is_said() {
        let (config, usual) = (Wishes::default().config("x").unwrap(), Config::new("x"));
        assert_eq!((config.journal, config.mtu, config.status_octets), (usual.journal, usual.mtu, usual.status_octets));
    }
}
