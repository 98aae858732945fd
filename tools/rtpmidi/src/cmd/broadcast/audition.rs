//! The audition of a file that has come into a watched folder: whether it is music, and fits behind all others. That takes
//! longer the longer the programme is, and so has a thread of its own, while the music goes on.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Instant;

use rtp_midi::{Config, Repertoire};

use super::fit;
use super::mip;
use super::piece::{Piece, Reading};
use super::playlist::Entry;
use super::programme;
use crate::failure::{Failure, Result};

/// A file and what it is to fit to.
pub(super) struct Candidate {
    pub(super) entry: Entry,
    /// Whether it is refused if it is no music; otherwise it may be half of what it is to become.
    pub(super) last: bool,
    pub(super) reading: Reading,
    /// Whether it gets a message for players with few voices.
    pub(super) mip: bool,
    /// The pieces that are there.
    pub(super) others: Vec<Arc<Piece>>,
    /// How all of them are sent.
    pub(super) trial: fit::Programme<'static>,
    pub(super) config: Config,
}

/// An audition under way.
pub(super) struct Audition {
    pub(super) path: PathBuf,
    pub(super) since: Instant,
    verdict: Receiver<Verdict>,
}

/// What comes of it.
pub(super) enum Verdict {
    Admitted(Admitted),
    Refused(Failure),
    /// It is no music yet.
    Unfinished,
}

/// A piece that can be played.
pub(super) struct Admitted {
    pub(super) piece: Arc<Piece>,
    /// What it uses.
    pub(super) repertoire: Repertoire,
    /// What lenient reading has passed.
    pub(super) defects: Vec<String>,
}

impl Audition {
    pub(super) fn begin(candidate: Candidate) -> Self {
        let (path, since) = (candidate.entry.path.clone(), Instant::now());
        let (told, verdict) = channel();
        // Without a thread there is no verdict, which is told.
        let _ = std::thread::Builder::new().name("audition".to_owned()).spawn(move || {
            // Who does not wait any more need not know.
            let _ = told.send(candidate.hear());
        });
        Self { path, since, verdict }
    }

    /// The verdict, when there is one.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        match self.verdict.try_recv() {
            Ok(verdict) => Some(verdict),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                Some(Verdict::Refused(Failure::new(format!("{} could not be tried", self.path.display()))))
            }
        }
    }
}

impl Candidate {
    fn hear(self) -> Verdict {
        let mut defects = Vec::new();
        let (mut piece, song) = match self.entry.clone().read(self.reading, &mut |defect| defects.push(defect)) {
            Ok(read) => read,
            Err(_) if !self.last => return Verdict::Unfinished,
            Err(failure) => return Verdict::Refused(failure),
        };
        piece.mip = programme::mip(self.mip, &song);
        let piece = Arc::new(piece);
        if let Err(failure) = self.fits(&piece) {
            return Verdict::Refused(failure);
        }
        let mut repertoire = Repertoire::default();
        let commands = mip::lead(programme::commands(&song), piece.mip.as_deref());
        commands.for_each(|(_, command)| repertoire.observe(&command));
        Verdict::Admitted(Admitted { piece, repertoire, defects })
    }

    /// Whether its journals fit behind all others.
    fn fits(&self, piece: &Arc<Piece>) -> Result<u64> {
        // One that has gone just now will be told of.
        let there = self.others.iter().filter(|other| other.octets().is_ok());
        let behind_all: Vec<Arc<Piece>> = there.chain([piece]).cloned().collect();
        fit::Programme { pieces: &behind_all, ..self.trial }.check(&self.config)
    }
}
