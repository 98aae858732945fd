//! Recordings as they are asked for.

use std::path::Path;
use std::time::Duration;

use midi_routing::PortId;

use super::Bridge;
use crate::cmd::bridge::request::Reply;
use crate::cmd::bridge::status::Transport;
use crate::cmd::bridge::transport::tape::{EVERY, path_of, place};

impl Bridge<'_> {
    /// Begins a recording, or ends all of the same if there is no path.
    pub(super) fn record(&mut self, from: &str, to: Option<&str>, path: Option<&str>, every_s: Option<u32>) -> Reply {
        let missing = |name: &str| Reply::Refused(format!("there is no port {name}"));
        let Some(source) = self.bay.find(from) else { return missing(from) };
        let sink = to.map(|to| self.bay.find(to).ok_or(to)).transpose();
        let of = match sink {
            Ok(sink) => (source, sink),
            Err(name) => return missing(name),
        };
        let every = every_s.map_or(EVERY, |every| Duration::from_secs(every.max(1).into()));
        match path {
            Some(path) => self.begin(of, path.as_ref(), every).map_or_else(Reply::Refused, Reply::Named),
            None => self.end_recordings(of),
        }
    }

    /// Begins the recordings that are written of and whose ports have come, and ends those that are not written of any more.
    pub(super) fn record_what_is_written(&mut self) {
        if self.recorded_at == self.bay.changes() {
            return;
        }
        let (written, before) = (self.config.recordings.clone(), std::mem::take(&mut self.recorded));
        let (mut going, over): (Vec<_>, Vec<_>) = before.into_iter().partition(|it| written.contains(it));
        for it in over {
            self.record(&it.from, it.to.as_deref(), None, None);
        }
        for it in written {
            let is_there = |name: &str| self.bay.find(name).is_some();
            if going.contains(&it) || !is_there(&it.from) || !it.to.as_deref().is_none_or(is_there) {
                continue;
            }
            match self.record(&it.from, it.to.as_deref(), it.path.to_str(), Some(it.every.0)) {
                Reply::Refused(why) => self.warn(&format!("{} is not recorded: {why}", it.from)),
                _ => going.push(it),
            }
        }
        self.recorded = going;
        self.recorded_at = self.bay.changes();
    }

    fn begin(&mut self, of: (PortId, Option<PortId>), path: &Path, every: Duration) -> Result<String, String> {
        if self.tapes.count() >= MOST {
            return Err(format!("there are {MOST} recordings already"));
        }
        let place = place(path)?;
        let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let tape = self.bay.add(&format!("record:{file}"), Transport::File);
        self.bay.set_address(tape, Some(path_of(&place).display().to_string()));
        if let Err(failure) = self.tapes.begin(tape, of, place, every) {
            self.bay.remove(self.started.elapsed(), tape);
            return Err(failure.message().to_owned());
        }
        self.bay.record(self.started.elapsed(), of.0, of.1, tape);
        self.want(of.0);
        Ok(self.bay.name(tape).to_owned())
    }

    fn end_recordings(&mut self, of: (PortId, Option<PortId>)) -> Reply {
        let tapes = self.tapes.of(of);
        if tapes.is_empty() {
            return Reply::Refused("it is not recorded".to_owned());
        }
        for tape in &tapes {
            self.bay.remove(self.started.elapsed(), *tape);
        }
        // What still sounds ends in the recordings.
        self.deliver();
        for tape in tapes {
            self.tapes.end(tape);
        }
        self.want(of.0);
        Reply::Done
    }
}

/// Each has a thread and an open file.
const MOST: usize = 64;
