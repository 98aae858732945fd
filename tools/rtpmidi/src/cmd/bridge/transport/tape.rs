//! Recordings: ports that are files. What is played to one is written by a thread, since to wait for a disk would be heard.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use applemidi_io::priority;
use midi_routing::PortId;
use rtp_midi::midi::{Command, End, Reassembler, System};

use crate::archive::{Archive, Item, Place};
use crate::cmd::bridge::errand::Errand;
use crate::cmd::bridge::inbox::Inbox;
use crate::cmd::bridge::request::Reply;
use crate::failure::{Failure, Result};

/// All that is recorded.
pub(crate) struct Tapes {
    all: BTreeMap<PortId, Tape>,
    /// Recordings that have ended, and where they go, until they are on the disk.
    ending: Vec<(Errand, String)>,
    /// What times are counted from.
    started: Instant,
    inbox: Inbox,
}

/// One recording.
struct Tape {
    /// It ends when this is gone.
    messages: SyncSender<(Duration, Vec<u8>)>,
    writing: Errand,
    /// Who waits for its end.
    asked: Asked,
    path: String,
    of: (PortId, Option<PortId>),
}

/// Somebody who waits for the end of a recording: it goes with its thread.
type Asked = Arc<OnceLock<Arc<Promise>>>;

/// Tells somebody that it is done when all who have it are gone.
pub(crate) struct Promise(pub(crate) Sender<Reply>);

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
        Self { all: BTreeMap::new(), ending: Vec::new(), started, inbox }
    }

    /// Begins a recording of what comes from a port, or goes through its connection to another one.
    pub(crate) fn begin(
        &mut self,
        port: PortId,
        of: (PortId, Option<PortId>),
        place: Place,
        every: Duration,
    ) -> Result<()> {
        let (started, inbox) = (self.started, self.inbox.clone());
        let epoch = SystemTime::now().checked_sub(started.elapsed()).unwrap_or(SystemTime::UNIX_EPOCH);
        let path = path_of(&place).display().to_string();
        let named = path.clone();
        self.run(port, of, path, move |written| {
            priority::leave();
            let mut archive = Archive::new(place, every, epoch);
            write(&mut archive, written, started, |error| {
                inbox.complain(&format!("cannot record to {named}: {error}"));
            });
        })
    }

    /// Has a thread take what is recorded.
    fn run(
        &mut self,
        port: PortId,
        of: (PortId, Option<PortId>),
        path: String,
        take: impl FnOnce(&Receiver<(Duration, Vec<u8>)>) + Send + 'static,
    ) -> Result<()> {
        let (messages, written) = sync_channel(WAITING);
        let asked = Asked::default();
        let held = asked.clone();
        let run = move || {
            let _asked = held;
            take(&written);
        };
        let writing = Errand::start("recording", run);
        let writing = writing.map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
        self.all.insert(port, Tape { messages, writing, asked, path, of });
        Ok(())
    }

    /// Records a command; `None` if the port is no recording, and false if there is no room.
    pub(crate) fn play(&self, at: Duration, port: PortId, command: &Command<'_>) -> Option<bool> {
        let messages = &self.all.get(&port)?.messages;
        let mut octets = Vec::new();
        command.encode(&mut octets);
        Some(messages.try_send((at, octets)).is_ok())
    }

    /// The ports of the recordings of this.
    pub(crate) fn of(&self, of: (PortId, Option<PortId>)) -> Vec<PortId> {
        self.all.iter().filter(|(_, tape)| tape.of == of).map(|(port, _)| *port).collect()
    }

    /// How many there are, those included that have ended and are not on the disk.
    pub(crate) fn count(&mut self) -> usize {
        self.ending.retain(|(writing, _)| !writing.is_done_by(Instant::now()));
        self.all.len() + self.ending.len()
    }

    /// Ends a recording. Whoever is promised that hears of it when it is on the disk, for which nobody else waits.
    pub(crate) fn end(&mut self, port: PortId, promise: Option<&Arc<Promise>>) {
        let Some(Tape { messages, writing, asked, path, .. }) = self.all.remove(&port) else { return };
        if let Some(promise) = promise {
            // The thread lets go of it, and nobody else has it.
            let _ = asked.set(promise.clone());
        }
        drop(messages);
        self.ending.push((writing, path));
    }

    /// Ends all, and waits for the disks until then. Returns where they have not taken all.
    pub(crate) fn finish(&mut self, until: Instant) -> Vec<String> {
        let all: Vec<PortId> = self.all.keys().copied().collect();
        for port in all {
            self.end(port, None);
        }
        let ending = std::mem::take(&mut self.ending).into_iter();
        ending.filter(|(writing, _)| !writing.is_done_by(until)).map(|(_, path)| path).collect()
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        // Who has asked may be gone.
        let _ = self.0.send(Reply::Done);
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

#[cfg(test)]
mod tests {
    use super::*;
    use midi_routing::Router;
    use std::sync::mpsc::channel;

    #[test]
    fn a_disk_that_hangs_holds_up_nobody_and_who_has_asked_hears_of_the_end() {
        let poll = mio::Poll::new().unwrap();
        let inbox = Inbox::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap());
        let mut tapes = Tapes::new(Instant::now(), inbox);
        let mut router = Router::default();
        let [port, slow, quick] = std::array::from_fn(|_| router.add_port());
        let (release, hanging) = channel::<()>();
        tapes.run(slow, (port, None), "slow".to_owned(), move |_| hanging.recv().unwrap_or_default()).unwrap();
        tapes.run(quick, (port, None), "quick".to_owned(), |all| while all.recv().is_ok() {}).unwrap();
        let (reply, replies) = channel();
        let promise = Arc::new(Promise(reply));
        for tape in tapes.of((port, None)) {
            tapes.end(tape, Some(&promise));
        }
        drop(promise);
        let soon = || Instant::now() + Duration::from_millis(50);
        assert!(tapes.of((port, None)).is_empty() && replies.try_recv().is_err());
        tapes.run(port, (port, None), "third".to_owned(), |all| while all.recv().is_ok() {}).unwrap();
        while tapes.count() > 2 {
            std::thread::yield_now();
        }
        assert_eq!(tapes.finish(soon()), ["slow"]);
        drop(release);
        assert_eq!(replies.recv(), Ok(Reply::Done));
    }
}
