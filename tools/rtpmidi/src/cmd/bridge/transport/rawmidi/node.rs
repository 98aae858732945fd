//! The node of a device, such as `/dev/snd/midiC1D0`: opened so that octets pass as they are and nobody waits for it.

use std::fmt;
use std::fs::{self, Metadata};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use nix::unistd::{Gid, Group};
use rustix::fs::{Access, Mode, OFlags, access, open as open_file};
use rustix::io::Errno;
use rustix::termios::{ControlModes, OptionalActions, isatty, tcgetattr, tcsetattr};

use crate::cmd::bridge::config::RawDevice;
use crate::cmd::bridge::status::Direction;

/// A device that is open.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) file: OwnedFd,
    /// The ways that it has, as seen from the bay.
    pub(super) direction: Direction,
}

/// Why a device cannot be had.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refusal {
    pub(crate) words: String,
    /// What one can do about it.
    pub(crate) advice: String,
    /// Nothing changes unless something becomes of its node, which can be watched.
    pub(super) is_of_node: bool,
}

/// What is wrong with a device, as far as is seen without opening it.
pub(crate) fn check(device: &RawDevice) -> Result<(), Refusal> {
    let path = &device.device;
    let metadata = fs::metadata(path).map_err(|error| failed(path, errno(&error), None))?;
    let kind = metadata.file_type();
    if !kind.is_char_device() && !kind.is_fifo() {
        return Err(Refusal::of_node(
            format!("{} is no device", path.display()),
            "it has to be a character device or a FIFO".to_owned(),
        ));
    }
    if kind.is_fifo() && !matches!(device.direction, Some(Direction::In | Direction::Out)) {
        return Err(Refusal::of_node(
            format!("{} is a FIFO, which has one way", path.display()),
            "direction = \"in\" hears what others write to it, direction = \"out\" plays to whoever reads it"
                .to_owned(),
        ));
    }
    let wanted = match device.direction {
        Some(Direction::Out) => Access::WRITE_OK,
        Some(Direction::In) if !kind.is_fifo() => Access::READ_OK,
        _ => Access::READ_OK | Access::WRITE_OK,
    };
    access(path, wanted).map_err(|error| failed(path, error, Some(&metadata)))
}

/// Opens a device.
pub(super) fn open(device: &RawDevice) -> Result<Node, Refusal> {
    check(device)?;
    let path = &device.device;
    let metadata = fs::metadata(path).ok();
    let is_fifo = metadata.as_ref().is_some_and(|it| it.file_type().is_fifo());
    let ways: &[(Direction, OFlags)] = match device.direction {
        // A FIFO that has been opened both ways does not end whenever a writer leaves.
        Some(Direction::In) if is_fifo => &[(Direction::In, OFlags::RDWR)],
        Some(Direction::In) => &[(Direction::In, OFlags::RDONLY)],
        Some(Direction::Out) => &[(Direction::Out, OFlags::WRONLY)],
        Some(Direction::Both) => &[(Direction::Both, OFlags::RDWR)],
        None => &[(Direction::Both, OFlags::RDWR), (Direction::In, OFlags::RDONLY), (Direction::Out, OFlags::WRONLY)],
    };
    let mut reason = Errno::NXIO;
    for (direction, flags) in ways {
        match open_file(path, *flags | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(file) => {
                let failed = |error| failed(path, error, metadata.as_ref());
                set_up(&file, device.baud).map_err(failed)?;
                return Ok(Node { file, direction: *direction });
            }
            // It does not have both ways.
            Err(Errno::NXIO) => {}
            Err(error) => {
                reason = error;
                break;
            }
        }
    }
    Err(failed(path, reason, metadata.as_ref()))
}

/// A terminal would echo, and take octets for keys.
fn set_up(file: &OwnedFd, baud: Option<u32>) -> Result<(), Errno> {
    if !isatty(file) {
        return Ok(());
    }
    let mut line = tcgetattr(file)?;
    line.make_raw();
    // The cable of MIDI has no wires for flow control and for who hangs up.
    line.control_modes.insert(ControlModes::CLOCAL | ControlModes::CREAD);
    line.control_modes.remove(ControlModes::CRTSCTS);
    if let Some(baud) = baud {
        line.set_speed(baud)?;
    }
    tcsetattr(file, OptionalActions::Now, &line)
}

/// Why a device is gone that was open.
pub(super) fn lost(path: &Path, error: Errno) -> Refusal {
    let words = match error {
        Errno::IO | Errno::NODEV | Errno::PIPE => format!("{} is gone", path.display()),
        error => format!("{} is gone: {}", path.display(), words(error)),
    };
    Refusal { words, advice: "it is opened again when it is back".to_owned(), is_of_node: false }
}

fn failed(path: &Path, error: Errno, metadata: Option<&Metadata>) -> Refusal {
    let shown = path.display();
    match error {
        Errno::NOENT | Errno::NOTDIR => Refusal::of_node(
            format!("there is no {shown}"),
            "it is opened when it comes; ls /dev/snd/midi* shows those of sound cards".to_owned(),
        ),
        Errno::ACCESS => Refusal::of_node(format!("no permission for {shown}"), permission(metadata)),
        // Device groups of the kernel refuse so what no right of a file allows.
        Errno::PERM => Refusal {
            words: format!("this service may not open {shown}"),
            advice: format!("systemctl edit rtpmidi-bridge, and under [Service]: DeviceAllow={shown} rw"),
            is_of_node: false,
        },
        Errno::BUSY | Errno::AGAIN => Refusal {
            words: format!("another program has {shown}"),
            advice: format!("it is opened when that lets go of it; fuser -v {shown} names it"),
            is_of_node: false,
        },
        Errno::NXIO => Refusal {
            words: format!("{shown} does not have this direction, or nobody is at its other end"),
            advice: "without direction it is opened the way that it has; a FIFO is opened when somebody reads it"
                .to_owned(),
            is_of_node: false,
        },
        error => Refusal {
            words: format!("{shown} cannot be opened: {}", words(error)),
            advice: "it is tried again".to_owned(),
            is_of_node: false,
        },
    }
}

/// Who may open it.
fn permission(metadata: Option<&Metadata>) -> String {
    let group = metadata.and_then(|it| Group::from_gid(Gid::from_raw(it.gid())).ok().flatten());
    match group.filter(|group| group.gid.as_raw() != 0) {
        Some(Group { name, .. }) => format!(
            "add yourself to the group {name} (sudo usermod -aG {name} $USER) and log in again; a service gets it by \
             SupplementaryGroups={name}"
        ),
        None => "it belongs to root: a rule of udev gives it to a group, such as audio".to_owned(),
    }
}

impl Refusal {
    const fn of_node(words: String, advice: String) -> Self {
        Self { words, advice, is_of_node: true }
    }
}

/// As it stands in one line.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.words, self.advice)
    }
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

fn words(error: Errno) -> String {
    std::io::Error::from(error).to_string()
}
