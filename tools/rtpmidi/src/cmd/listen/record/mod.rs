//! `--record`: everything that is heard, in a file for every hour.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use gst::prelude::*;
use gstrtpmidi::smf_meta::{self, Told};
use smf_timeline::Meta;

use crate::archive::{Archive, Item, Place};
use crate::elements;
use crate::failure::{Failure, Result};

/// A recording that goes on.
#[derive(Clone)]
pub(super) struct Recording(Arc<Mutex<State>>);

struct State {
    folder: PathBuf,
    every: Duration,
    /// There from the first thing on that is heard.
    archive: Option<Archive>,
    /// The latest time of anything.
    latest: Duration,
    /// What went wrong and has not been told.
    complaint: Option<String>,
}

impl Recording {
    /// Records the music that comes to `pad` into `folder`, in files of this length.
    pub(super) fn on(pad: &gst::Pad, folder: &Path, every: Duration) -> Result<Self> {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::new(format!("cannot make the folder {}: {error}", folder.display())))?;
        let recording = Self(Arc::new(Mutex::new(State {
            folder: folder.to_owned(),
            every,
            archive: None,
            latest: Duration::ZERO,
            complaint: None,
        })));
        let (takes, weak) = (recording.clone(), pad.downgrade());
        elements::for_each_buffer(pad, move |buffer| {
            let time = weak.upgrade().and_then(|pad| elements::segment(&pad)?.to_running_time(buffer.pts()));
            if let (Some(time), Ok(message)) = (time, buffer.map_readable()) {
                takes.state().take(time.into(), Item::Message(&message));
            }
        });
        let takes = recording.clone();
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
            match info.event().map(|event| event.view()) {
                Some(gst::EventView::CustomDownstream(custom)) => {
                    if let Some(Told::Meta { time, kind, data }) = custom.structure().and_then(smf_meta::parse)
                        && let Some(time) = elements::segment(pad).and_then(|segment| segment.to_running_time(time))
                    {
                        takes.state().take(time.into(), Item::Text(Meta::decode(kind, &data)));
                    }
                }
                Some(gst::EventView::Eos(_)) => takes.state().end(),
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
        Ok(recording)
    }

    /// Ends a file whose time is over at the running time `now`. To be called now and then. What could not be written
    /// is returned, once.
    pub(super) fn turn(&self, now: Duration) -> Option<String> {
        let mut state = self.state();
        if let Some(Err(error)) = state.archive.as_mut().map(|archive| archive.turn(now)) {
            state.complain(&error);
        }
        state.complaint.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, time: Duration, item: Item<'_>) {
        // A late text stands where the music is.
        self.latest = self.latest.max(time);
        let (folder, every, time) = (&self.folder, self.every, self.latest);
        let begin = || {
            Archive::new(
                Place::Folder(folder.clone()),
                every,
                SystemTime::now().checked_sub(time).unwrap_or(SystemTime::UNIX_EPOCH),
            )
        };
        if let Err(error) = self.archive.get_or_insert_with(begin).take(time, item) {
            self.complain(&error);
        }
    }

    fn end(&mut self) {
        let latest = self.latest;
        if let Some(Err(error)) = self.archive.as_mut().map(|archive| archive.end(latest)) {
            self.complain(&error);
        }
    }

    fn complain(&mut self, error: &std::io::Error) {
        self.complaint = Some(format!("warning: cannot record to {}: {error}", self.folder.display()));
    }
}
