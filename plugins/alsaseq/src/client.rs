//! A client of the sequencer, with the one port that an element has, and why there may be none.

use std::ffi::CString;
use std::fmt;
use std::fs::File;
use std::io;

use alsa::seq::{Addr, PortCap, PortInfo, PortSubscribe, PortSubscribeIter, PortType, QuerySubsType};
use alsa::{Direction, Seq};
use nix::errno::Errno;

/// The device of the sequencer.
const DEVICE: &str = "/dev/snd/seq";

/// Events that may wait in the kernel, each way. Without asking it is 200 and 500, which a burst of a file fills at once.
const POOL: u32 = 2000;

/// Octets of events that are read from the kernel at once.
const READ: u32 = 1 << 16;

/// Why there is no sequencer.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Unavailable {
    /// The kernel has none, or has not loaded it.
    Missing,
    /// This user may not use it.
    Forbidden,
    /// Another reason, in the system's words.
    Other(String),
}

impl Unavailable {
    /// What one can do about it.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Missing => Some("modprobe snd-seq loads it, where the kernel has sound"),
            Self::Forbidden => Some("add yourself to the group audio (sudo usermod -aG audio $USER) and log in again"),
            Self::Other(_) => None,
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "there is no ALSA sequencer: {DEVICE} is missing"),
            Self::Forbidden => write!(f, "the ALSA sequencer is closed to this user: no permission for {DEVICE}"),
            Self::Other(words) => write!(f, "the ALSA sequencer cannot be used: {words}"),
        }
    }
}

impl std::error::Error for Unavailable {}

impl From<alsa::Error> for Unavailable {
    fn from(error: alsa::Error) -> Self {
        Self::Other(error.to_string())
    }
}

/// Whether the sequencer can be opened.
pub fn check() -> Result<(), Unavailable> {
    // ALSA's library would say on stderr what it thinks of a failure.
    match File::options().read(true).write(true).open(DEVICE) {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.kind() {
            io::ErrorKind::NotFound => Unavailable::Missing,
            io::ErrorKind::PermissionDenied => Unavailable::Forbidden,
            // The node is there, and no driver behind it.
            _ if error.raw_os_error() == Some(Errno::ENODEV as i32) => Unavailable::Missing,
            _ => Unavailable::Other(error.to_string()),
        }),
    }
}

/// A client that never blocks.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) seq: Seq,
    id: i32,
}

impl Client {
    pub(crate) fn open(name: &str) -> Result<Self, Unavailable> {
        check()?;
        let seq = Seq::open(None, None, true)?;
        seq.set_client_name(&text(name))?;
        let id = seq.client_id()?;
        Ok(Self { seq, id })
    }

    pub(crate) const fn id(&self) -> i32 {
        self.id
    }

    /// Lets more events wait than the system does by itself.
    pub(crate) fn raise_pools(&self, direction: Direction) -> Result<(), Unavailable> {
        match direction {
            Direction::Capture => {
                self.seq.set_client_pool_input(POOL)?;
                self.seq.input().set_input_buffer_size(READ)?;
            }
            Direction::Playback => {
                self.seq.set_client_pool_output(POOL)?;
                // A writer is woken when there is room for a chunk of a System Exclusive.
                self.seq.set_client_pool_output_room(POOL / 10)?;
            }
        }
        Ok(())
    }

    /// Makes the port that others see, to which they may write (capture) or from which they may read (playback). What is
    /// written to it gets the time of `queue`.
    pub(crate) fn port(&self, name: &str, direction: Direction, queue: Option<i32>) -> Result<Addr, Unavailable> {
        let capability = match direction {
            Direction::Capture => PortCap::WRITE | PortCap::SUBS_WRITE,
            Direction::Playback => PortCap::READ | PortCap::SUBS_READ,
        };
        self.create(name, capability, queue)
    }

    /// Makes a port that nobody else sees, and to which the system announces what comes and goes.
    pub(crate) fn announcements(&self) -> Result<Addr, Unavailable> {
        let port = self.create("announcements", PortCap::WRITE | PortCap::NO_EXPORT, None)?;
        self.subscribe(Addr::system_announce(), port)?;
        Ok(port)
    }

    pub(crate) fn create(&self, name: &str, capability: PortCap, queue: Option<i32>) -> Result<Addr, Unavailable> {
        let mut info = PortInfo::empty()?;
        info.set_name(&text(name));
        info.set_capability(capability);
        info.set_type(PortType::MIDI_GENERIC | PortType::SOFTWARE | PortType::APPLICATION);
        info.set_midi_channels(16);
        if let Some(queue) = queue {
            info.set_timestamping(true);
            info.set_timestamp_real(true);
            info.set_timestamp_queue(queue);
        }
        self.seq.create_port(&info)?;
        Ok(Addr { client: self.id, port: info.get_port() })
    }

    /// Connects two ports, unless they are.
    pub(crate) fn subscribe(&self, sender: Addr, dest: Addr) -> alsa::Result<()> {
        let subscription = PortSubscribe::empty()?;
        subscription.set_sender(sender);
        subscription.set_dest(dest);
        match self.seq.subscribe_port(&subscription) {
            // The same is said of a port that another has for itself.
            Err(error) if error.errno() == Errno::EBUSY as i32 && self.are_connected(sender, dest) => Ok(()),
            result => result,
        }
    }

    fn are_connected(&self, sender: Addr, dest: Addr) -> bool {
        PortSubscribeIter::new(&self.seq, sender, QuerySubsType::READ).any(|it| it.get_dest() == dest)
    }
}

/// Whether it only says that nothing is there yet, or that there is no room.
pub(crate) fn must_wait(error: &alsa::Error) -> bool {
    error.errno() == Errno::EAGAIN as i32
}

/// Whether it says that events were lost because nobody has read them.
pub(crate) fn is_overrun(error: &alsa::Error) -> bool {
    error.errno() == Errno::ENOSPC as i32
}

/// Whether others can be read behind the event that it is about: it was lost, or is of an unknown kind.
pub(crate) fn is_passing(error: &alsa::Error) -> bool {
    is_overrun(error) || error.errno() == Errno::ENOTSUP as i32
}

/// A name as ALSA takes it: up to a zero octet, since there is none in it.
pub(crate) fn text(name: &str) -> CString {
    let octets: Vec<u8> = name.bytes().take_while(|octet| *octet != 0).collect();
    CString::new(octets).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_at_a_zero_octet() {
        assert_eq!(text("Pi\0ano").to_bytes(), b"Pi");
        assert_eq!(text("Flügel").to_bytes(), "Flügel".as_bytes());
    }

    #[test]
    fn each_usual_reason_says_what_to_do() {
        for (reason, hint) in [(Unavailable::Missing, "modprobe snd-seq"), (Unavailable::Forbidden, "group audio")] {
            assert!(reason.hint().unwrap().contains(hint), "{reason}");
        }
    }
}
