//! What becomes of what is played in the session: printed, recorded, counted.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rtp_midi::midi::Sounding;
use serde_json::{Value, json};
use smf_timeline::{Recorder, Writer};

use crate::cmd::listen::describe::{describe, hex};
use crate::failure::{Failure, Result};
use crate::report::{self, Audience, Summary, plural};

/// What was asked for.
pub(super) struct Outputs {
    print: bool,
    json: bool,
    recording: Option<Recording>,
    /// When the first message came.
    first: Option<Instant>,
    totals: Totals,
}

/// What it came to.
#[derive(Default)]
pub(super) struct Totals {
    messages: u64,
    sounding: Sounding,
}

/// A Standard MIDI File that is complete all the time.
struct Recording {
    recorder: Recorder,
    file: File,
    path: PathBuf,
    written: Instant,
}

/// How often a recording is written.
const INTERVAL: Duration = Duration::from_secs(1);

impl Outputs {
    /// Opens the files, so that what cannot be written is known before the music begins.
    pub(super) fn open(smf: Option<&Path>, print: bool, json: bool) -> Result<Self> {
        let recording = smf.map(Recording::open).transpose()?;
        Ok(Self { print, json, recording, first: None, totals: Totals::default() })
    }

    /// Takes a message that `who` has played, and that came at `at`.
    pub(super) fn take(&mut self, who: &str, octets: &[u8], at: Instant) -> Result<Audience> {
        let time = at.saturating_duration_since(*self.first.get_or_insert(at));
        self.totals.messages += 1;
        self.totals.sounding.observe(octets);
        if let Some(recording) = &mut self.recording {
            recording.take(time, octets)?;
        }
        if !self.print {
            return Ok(Audience::Listening);
        }
        let line = if self.json {
            json!({
                "type": "event",
                "time_s": report::seconds(time.as_secs_f64()),
                "from": who,
                "octets": hex(octets),
                "words": describe(octets),
            })
            .to_string()
        } else {
            crate::description::printable(&format!("{:9.3}  {who}  {}", time.as_secs_f64(), describe(octets)))
        };
        report::data(&line)
    }

    /// What would end all that sounds.
    pub(super) fn sounding(&self) -> Vec<[u8; 3]> {
        self.totals.sounding.release()
    }

    /// Time has passed: what has been played is to be on disk.
    pub(super) fn pass(&mut self) -> Result<()> {
        self.recording.as_mut().map_or(Ok(()), Recording::pass)
    }

    /// Completes the recording.
    pub(super) fn finish(mut self) -> Result<Totals> {
        if let Some(recording) = &mut self.recording {
            recording.write()?;
        }
        Ok(self.totals)
    }
}

impl Recording {
    fn open(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(|error| cannot_write(path, &error))?;
        let mut recording = Self {
            recorder: Recorder::new(Writer::RTP_DIVISION),
            file,
            path: path.to_owned(),
            written: Instant::now(),
        };
        recording.write()?;
        Ok(recording)
    }

    fn take(&mut self, time: Duration, octets: &[u8]) -> Result<()> {
        self.recorder.buffer(time.as_nanos() as u64, octets);
        self.pass()
    }

    /// Writes if there is something to write, now and then.
    fn pass(&mut self) -> Result<()> {
        if self.recorder.pending() == 0 || self.written.elapsed() < INTERVAL { Ok(()) } else { self.write() }
    }

    /// Writes what is new, and how long the track is now.
    fn write(&mut self) -> Result<()> {
        let checkpoint = self.recorder.checkpoint(0);
        let written = self
            .file
            .seek(SeekFrom::Start(checkpoint.offset))
            .and_then(|_| self.file.write_all(&checkpoint.octets))
            .and_then(|()| self.file.rewind())
            .and_then(|()| self.file.write_all(&checkpoint.header));
        self.written = Instant::now();
        written.map_err(|error| cannot_write(&self.path, &error))
    }
}

impl Summary for Totals {
    fn words(&self) -> String {
        let (messages, notes) = (plural(self.messages, "message"), self.sounding.notes());
        format!("heard {messages}, {} left sounding\n", plural(notes.into(), "note"))
    }

    fn json(&self) -> Value {
        json!({ "type": "summary", "events": self.messages, "hanging_notes": self.sounding.notes() })
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot write {}: {error}", path.display()))
}
