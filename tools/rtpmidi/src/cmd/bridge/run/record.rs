//! Recordings as they are asked for.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use midi_routing::PortId;

use super::Bridge;
use crate::cmd::bridge::request::Reply;
use crate::cmd::bridge::status::Transport;
use crate::cmd::bridge::transport::tape::{EVERY, Promise, path_of, place};

impl Bridge<'_> {
    /// Begins a recording.
    pub(super) fn record(&mut self, from: &str, to: Option<&str>, path: &str, every_s: Option<u32>) -> Reply {
        let every = every_s.map_or(EVERY, |every| Duration::from_secs(every.max(1).into()));
        let name = self.ends(from, to).and_then(|of| self.begin(of, path.as_ref(), every));
        name.map_or_else(Reply::Refused, Reply::Named)
    }

    /// Ends all recordings of the same. Who has asked hears of it when they are on the disk.
    pub(super) fn stop_recording(&mut self, from: &str, to: Option<&str>, reply: Option<&Sender<Reply>>) {
        let promise = |reply: &Sender<Reply>| Arc::new(Promise(reply.clone()));
        let ended = self.ends(from, to).and_then(|of| {
            if self.tapes.of(of).is_empty() {
                return Err("it is not recorded".to_owned());
            }
            self.end_recordings(of, reply.map(promise).as_ref());
            Ok(())
        });
        if let (Err(why), Some(reply)) = (ended, reply) {
            // Who has asked may be gone.
            let _ = reply.send(Reply::Refused(why));
        }
    }

    /// The ports of these names.
    fn ends(&self, from: &str, to: Option<&str>) -> Result<(PortId, Option<PortId>), String> {
        let find = |name: &str| self.bay.find(name).ok_or_else(|| format!("there is no port {name}"));
        Ok((find(from)?, to.map(find).transpose()?))
    }

    /// Begins the recordings that are written of and whose ports have come, and ends those that are not written of any more.
    pub(super) fn record_what_is_written(&mut self) {
        if self.recorded_at == self.bay.changes() {
            return;
        }
        let (written, before) = (self.config.recordings.clone(), std::mem::take(&mut self.recorded));
        let (mut going, over): (Vec<_>, Vec<_>) = before.into_iter().partition(|it| written.contains(it));
        for it in over {
            self.stop_recording(&it.from, it.to.as_deref(), None);
        }
        for it in written {
            let is_there = |name: &str| self.bay.find(name).is_some();
            if going.contains(&it) || !is_there(&it.from) || !it.to.as_deref().is_none_or(is_there) {
                continue;
            }
            let path = it.path.display().to_string();
            match self.record(&it.from, it.to.as_deref(), &path, Some(it.every.0)) {
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

    fn end_recordings(&mut self, of: (PortId, Option<PortId>), promise: Option<&Arc<Promise>>) {
        let tapes = self.tapes.of(of);
        for tape in &tapes {
            self.bay.remove(self.started.elapsed(), *tape);
        }
        // What still sounds ends in the recordings.
        self.deliver();
        for tape in tapes {
            self.tapes.end(tape, promise);
        }
        self.want(of.0);
    }
}

/// Each has a thread and an open file.
const MOST: usize = 64;
