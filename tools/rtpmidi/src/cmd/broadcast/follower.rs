//! What comes into the folders of a channel and what goes: a file that has come is given an audition, one at a time.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Instant;

use super::Args;
use super::audition::{Audition, Verdict};
use super::channel::Channel;
use super::playlist::Entry;
use super::station::Station;
use super::watch::{Change, Watch};
use crate::report::Reporter;
use crate::serve::File;

/// Follows the folders of a channel.
pub(super) struct Follower {
    watch: Watch,
    /// Files that could be tried when the folders were looked at last, and whether for the last time.
    waiting: VecDeque<(Entry, bool)>,
    audition: Option<Audition>,
}

/// Where files join and leave.
pub(super) struct Stage<'a> {
    pub(super) channel: &'a mut Channel,
    pub(super) station: &'a mut Station,
    pub(super) args: &'a Args,
    pub(super) reporter: &'a Reporter,
}

/// What has become of a file.
pub(super) enum News {
    Joins(Box<File>),
    Leaves(PathBuf),
}

impl Follower {
    pub(super) fn of(watch: Watch) -> Self {
        Self { watch, waiting: VecDeque::new(), audition: None }
    }

    /// Goes on, without waiting for anything.
    pub(super) fn turn(&mut self, stage: &mut Stage<'_>) -> Vec<News> {
        let mut news = Vec::new();
        for path in stage.station.left_out() {
            // It may be there again at the next look.
            self.watch.forget(&path);
            news.push(stage.let_go(path));
        }
        if let Some(changes) = self.watch.turn(Instant::now()) {
            self.waiting.clear();
            for change in changes {
                match change {
                    Change::Ready { entry, last } => self.waiting.push_back((entry, last)),
                    Change::Gone(path) => news.push(stage.let_go(path)),
                }
            }
        }
        if let Some(verdict) = self.audition.as_ref().and_then(Audition::verdict)
            && let Some(audition) = self.audition.take()
        {
            news.extend(self.settle(&audition, verdict, stage));
        }
        if self.audition.is_none()
            && let Some((entry, last)) = self.waiting.pop_front()
        {
            self.audition = stage.channel.candidate(stage.args, entry, last).map(Audition::begin);
        }
        news
    }

    /// Takes a piece in, or not. What has changed or gone since its audition has begun is tried anew.
    fn settle(&mut self, audition: &Audition, verdict: Verdict, stage: &mut Stage<'_>) -> Option<News> {
        let is_admitted = match &verdict {
            Verdict::Admitted(_) => true,
            Verdict::Refused(_) => false,
            Verdict::Unfinished => return None,
        };
        if !self.watch.settle(&audition.path, is_admitted, audition.since) {
            return None;
        }
        match verdict {
            Verdict::Admitted(admitted) => {
                admitted.defects.iter().for_each(|defect| stage.reporter.warn(defect));
                let file = stage.channel.admit(stage.args, admitted)?;
                stage.station.insert(file.piece.clone());
                Some(News::Joins(Box::new(file)))
            }
            Verdict::Refused(failure) => {
                stage.reporter.warn(&format!("warning: {}; it is left out", failure.message()));
                None
            }
            Verdict::Unfinished => None,
        }
    }
}

impl Stage<'_> {
    fn let_go(&mut self, path: PathBuf) -> News {
        self.channel.dismiss(&path);
        self.station.remove(&path);
        News::Leaves(path)
    }
}
