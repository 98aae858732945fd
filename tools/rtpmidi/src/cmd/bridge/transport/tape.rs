//! Recordings: ports that are files. What is played to one is written by a thread, since to wait for a disk would be heard.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use applemidi_io::priority;
use midi_routing::PortId;
use rtp_midi::midi::{Command, End, Reassembler, System};

use crate::archive::{Archive, Item, Place};
use crate::cmd::bridge::inbox::Inbox;
use crate::failure::{Failure, Result};

/// All that is recorded.
pub(crate) struct Tapes {
    all: BTreeMap<PortId, Tape>,
    /// What times are counted from.
    started: Instant,
    inbox: Inbox,
}

/// One recording. It is complete when this is gone.
struct Tape {
    /// None when it ends.
    messages: Option<SyncSender<(Duration, Vec<u8>)>>,
    thread: Option<JoinHandle<()>>,
    of: (PortId, Option<PortId>),
}

/// Messages that wait for the disk. More are lost, and told of at the port.
const WAITING: usize = 8192;

/// How often it is looked whether a file's time is over.
const LOOK: Duration = Duration::from_secs(1);

/// Data octets of the longest System Exclusive.
const SYSEX: usize = 1 << 20;

/// How long a recording is in one file where nothing is said of it.
pub(crate) const EVERY: Duration = Duration::from_hours(1);

impl Tapes {
    pub(crate) fn new(started: Instant, inbox: Inbox) -> Self {
        Self { all: BTreeMap::new(), started, inbox }
    }

    /// Begins a recording of what comes from a port, or goes through its connection to another one.
    pub(crate) fn begin(
        &mut self,
        port: PortId,
        of: (PortId, Option<PortId>),
        place: Place,
        every: Duration,
    ) -> Result<()> {
        let (messages, written) = sync_channel(WAITING);
        let (started, inbox) = (self.started, self.inbox.clone());
        let epoch = SystemTime::now().checked_sub(started.elapsed()).unwrap_or(SystemTime::UNIX_EPOCH);
        let run = move || {
            priority::leave();
            let path = path_of(&place).display().to_string();
            let mut archive = Archive::new(place, every, epoch);
            write(&mut archive, &written, started, |error| {
                inbox.complain(&format!("cannot record to {path}: {error}"));
            });
        };
        let thread = std::thread::Builder::new().name("recording".to_owned()).spawn(run);
        let thread = thread.map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
        self.all.insert(port, Tape { messages: Some(messages), thread: Some(thread), of });
        Ok(())
    }

    /// Records a command; `None` if the port is no recording, and false if there is no room.
    pub(crate) fn play(&self, at: Duration, port: PortId, command: &Command<'_>) -> Option<bool> {
        let messages = self.all.get(&port)?.messages.as_ref()?;
        let mut octets = Vec::new();
        command.encode(&mut octets);
        Some(messages.try_send((at, octets)).is_ok())
    }

    /// The ports of the recordings of this.
    pub(crate) fn of(&self, of: (PortId, Option<PortId>)) -> Vec<PortId> {
        self.all.iter().filter(|(_, tape)| tape.of == of).map(|(port, _)| *port).collect()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// Ends a recording, and waits until it is on the disk.
    pub(crate) fn end(&mut self, port: PortId) {
        self.all.remove(&port);
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.messages = None;
        // One that has panicked has written what it has written.
        self.thread.take().into_iter().for_each(|thread| drop(thread.join()));
    }
}

/// Where a recording goes that is to be here: a file of its own, or a folder with a file for each hour.
pub(crate) fn place(path: &Path) -> Result<Place, String> {
    let is_file = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("mid") || it.eq_ignore_ascii_case("midi"));
    let folder = if is_file { path.parent().map(Path::to_owned) } else { Some(path.to_owned()) };
    let folder = folder.filter(|folder| path.is_absolute() && folder.is_dir());
    if folder.is_none() {
        let path = path.display();
        return Err(format!("{path} is neither a folder that is there, nor a Standard MIDI File (.mid) in one"));
    }
    Ok(if is_file { Place::File(path.to_owned()) } else { Place::Folder(path.to_owned()) })
}

/// What a person calls it.
pub(crate) fn path_of(place: &Place) -> &Path {
    match place {
        Place::Folder(path) | Place::File(path) => path,
    }
}

/// Writes what comes, until nothing comes any more.
fn write(
    archive: &mut Archive,
    messages: &Receiver<(Duration, Vec<u8>)>,
    started: Instant,
    complain: impl Fn(std::io::Error),
) {
    let (mut sysex, mut latest) = (Reassembler::new(SYSEX), Duration::ZERO);
    loop {
        let written = match messages.recv_timeout(LOOK) {
            Ok((time, octets)) => {
                latest = time;
                match Command::decode(&octets) {
                    Ok((Command::System(System::SysEx(segment)), _)) => match sysex.push(segment) {
                        Some((data, End::Eox)) => {
                            archive.take(time, Item::Message(&[&[0xF0][..], data, &[0xF7]].concat()))
                        }
                        _ => Ok(()),
                    },
                    _ => archive.take(time, Item::Message(&octets)),
                }
            }
            Err(RecvTimeoutError::Timeout) => archive.turn(started.elapsed()),
            Err(RecvTimeoutError::Disconnected) => {
                let _ = archive.end(latest).map_err(complain);
                return;
            }
        };
        let _ = written.map_err(&complain);
    }
}
