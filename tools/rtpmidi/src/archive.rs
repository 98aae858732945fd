//! What is recorded: Standard MIDI Files of a certain length each, one after the other, in a folder; or one of its own.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rtp_midi::midi::Sounding;
use smf_timeline::{Chaser, Meta, Recorder, TextKind, Writer};

/// Records a stream. Times are counted from any start, and only rise.
///
/// Each file can be played by itself: it begins with the state of all channels and with the notes that sound, and ends
/// what sounds. It is whole after every message, whatever becomes of the program.
#[derive(Debug)]
pub(crate) struct Archive {
    place: Place,
    every: Duration,
    /// What the clock on the wall says at time zero.
    epoch: SystemTime,
    open: Option<Open>,
    /// The end of the latest file.
    ended: Option<Duration>,
    /// Until when nothing is recorded, because a file could not be written.
    silent_until: Duration,
    chaser: Chaser,
    sounding: Sounding,
    /// With which velocity each note of each channel was struck last.
    velocities: Box<[[u8; 128]; 16]>,
    /// Title and copyright notice of what is being played.
    heading: Vec<(TextKind, Vec<u8>)>,
}

/// Where files go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// All into this folder, by the moments at which they begin.
    Folder(PathBuf),
    /// All into one file; beside it, with a number, where it is there.
    File(PathBuf),
}

#[derive(Debug)]
struct Open {
    file: File,
    recorder: Recorder,
    start: Duration,
    end: Duration,
}

/// Something that is recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item<'a> {
    /// A MIDI message.
    Message(&'a [u8]),
    /// A text of the music.
    Text(Meta<'a>),
}

impl Archive {
    /// Files at `place`, each of which ends where the clock on the wall, which shows `epoch` at time zero, comes to a
    /// multiple of `every`.
    pub(crate) fn new(place: Place, every: Duration, epoch: SystemTime) -> Self {
        let every = if matches!(place, Place::File(_)) { FOR_EVER } else { every };
        Self {
            place,
            every,
            epoch,
            open: None,
            ended: None,
            silent_until: Duration::ZERO,
            chaser: Chaser::default(),
            sounding: Sounding::default(),
            velocities: Box::new([[0; 128]; 16]),
            heading: Vec::new(),
        }
    }

    /// Records what happens at `time`. What cannot be written is told once; recording goes on with the next file.
    pub(crate) fn take(&mut self, time: Duration, item: Item<'_>) -> io::Result<()> {
        let ended = self.turn(time);
        let result = self.write(time, item);
        match item {
            Item::Message(message) => {
                self.chaser.observe(message);
                self.sounding.observe(message);
                if let [status @ 0x90..=0x9F, note @ 0..=127, velocity, ..] = *message {
                    self.velocities[usize::from(status & 0x0F)][usize::from(note)] = velocity;
                }
            }
            Item::Text(Meta::Text(kind @ (TextKind::TrackName | TextKind::Copyright), text)) => {
                // A notice belongs to the title before it.
                self.heading.retain(|(known, _)| kind == TextKind::Copyright && *known == TextKind::TrackName);
                self.heading.push((kind, text.to_vec()));
            }
            Item::Text(_) => {}
        }
        ended.and(self.heard(time, result))
    }

    /// Ends a file whose time is over. To be called now and then.
    pub(crate) fn turn(&mut self, time: Duration) -> io::Result<()> {
        let end = self.open.as_ref().map(|open| open.end).filter(|end| time >= *end);
        end.map_or(Ok(()), |end| self.end(end))
    }

    /// Ends the file, with what sounds, at `time`.
    pub(crate) fn end(&mut self, time: Duration) -> io::Result<()> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        self.ended = Some(open.end);
        let length = time.min(open.end).saturating_sub(open.start).as_nanos() as u64;
        for message in self.sounding.release() {
            open.recorder.buffer(length, &message);
        }
        open.settle(length)
    }

    fn write(&mut self, time: Duration, item: Item<'_>) -> io::Result<()> {
        let opens = match item {
            Item::Message(message) => message != ACTIVE_SENSE,
            Item::Text(Meta::Text(kind, _)) => kind != TextKind::TrackName && kind != TextKind::Copyright,
            Item::Text(_) => false,
        };
        if self.open.is_none() && opens && time >= self.silent_until {
            self.begin(time)?;
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        let at = time.saturating_sub(open.start).as_nanos() as u64;
        match item {
            Item::Message(message) => open.recorder.buffer(at, message),
            Item::Text(meta) => open.recorder.meta(at, &meta),
        }
        open.settle(0)
    }

    /// Begins a file: where the last one ended, if that was just now.
    fn begin(&mut self, time: Duration) -> io::Result<()> {
        let is_next = |ended: &Duration| (*ended..*ended + self.every).contains(&time);
        let start = self.ended.filter(is_next).unwrap_or(time);
        let end = self.boundary_behind(start);
        let mut recorder = Recorder::new(Writer::RTP_DIVISION);
        for (kind, text) in &self.heading {
            recorder.meta(0, &Meta::Text(*kind, text));
        }
        self.chaser.tell(|message| recorder.buffer(0, message));
        for [status, note, _] in self.sounding.release() {
            // Pedals are part of the state.
            if status & 0xF0 == 0x80 {
                let velocity = self.velocities[usize::from(status & 0x0F)][usize::from(note)];
                recorder.buffer(0, &[0x90 | status & 0x0F, note, velocity]);
            }
        }
        let file = create(&self.place, self.epoch + start)?;
        self.open = Some(Open { file, recorder, start, end });
        Ok(())
    }

    /// The first multiple of `every` behind a time, by the clock on the wall.
    fn boundary_behind(&self, time: Duration) -> Duration {
        let wall = (self.epoch + time).duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let every = self.every.as_nanos().max(1);
        time + Duration::from_nanos((every - wall % every) as u64)
    }

    /// Gives a file up that cannot be written.
    fn heard(&mut self, time: Duration, result: io::Result<()>) -> io::Result<()> {
        if result.is_err() {
            let open = self.open.take();
            self.silent_until = open.map_or_else(|| self.boundary_behind(time), |open| open.end);
        }
        result
    }
}

/// Longer than anything is recorded: a hundred years.
const FOR_EVER: Duration = Duration::from_hours(100 * 365 * 24);

/// The message that says no more than that a cable is there.
const ACTIVE_SENSE: &[u8] = &[0xFE];

impl Open {
    /// Makes the file whole, up to the last event or `end`.
    fn settle(&mut self, end: u64) -> io::Result<()> {
        let checkpoint = self.recorder.checkpoint(end);
        self.file.write_all_at(&checkpoint.octets, checkpoint.offset)?;
        // It counts the octets.
        self.file.write_all_at(&checkpoint.header, 0)
    }
}

/// A new file, in a folder with the name of a moment: `2026-11-21T08-00-00Z.mid`. There is a number in its name where there
/// is such a file.
fn create(place: &Place, moment: SystemTime) -> io::Result<File> {
    let first = match place {
        Place::Folder(folder) => {
            let moment = humantime::format_rfc3339_seconds(moment).to_string().replace(':', "-");
            folder.join(format!("{moment}.mid"))
        }
        Place::File(path) => path.clone(),
    };
    let numbered = |number: u32| {
        let [stem, ending] = [first.file_stem(), first.extension()].map(|it| it.unwrap_or_default().to_string_lossy());
        first.with_file_name(format!("{stem}-{number}.{ending}"))
    };
    let paths = std::iter::once(first.clone()).chain((2..1000).map(numbered));
    let mut last = io::ErrorKind::AlreadyExists.into();
    for path in paths {
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    use proptest::prelude::*;
    use smf_timeline::{Body, Song};

    const SECOND: Duration = Duration::from_secs(1);

    /// An archive of files of ten seconds that begins at a quarter past eight, and three seconds.
    fn archive(folder: &Path) -> Archive {
        let morning = humantime::parse_rfc3339("2026-11-21T08:15:03Z").unwrap();
        Archive::new(Place::Folder(folder.to_owned()), 10 * SECOND, morning)
    }

    /// What is in a file: seconds and octets.
    type Events = Vec<(u64, Vec<u8>)>;

    /// The names of the files in the order of time, and what is in each.
    fn files(folder: &Path) -> Vec<(String, Events)> {
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let events = |path: &Path| {
            let song = Song::read(&std::fs::read(path).unwrap(), 0).unwrap();
            let event = |(time, octets): (u64, Vec<u8>)| ((time + 500_000_000) / 1_000_000_000, octets);
            let octets = song.events().filter_map(|it| match it.body {
                Body::Message(octets) => Some((it.time, octets.to_vec())),
                Body::Meta(Meta::Text(_, text)) => Some((it.time, text.to_vec())),
                Body::Meta(_) => None,
            });
            octets.map(event).collect()
        };
        paths.iter().map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), events(path))).collect()
    }

    fn message(archive: &mut Archive, seconds: u32, octets: &[u8]) {
        archive.take(SECOND * seconds, Item::Message(octets)).unwrap();
    }

    #[test]
    fn a_file_ends_what_sounds_and_the_next_one_strikes_it_again_with_all_settings() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = archive(folder.path());
        archive.take(SECOND, Item::Text(Meta::Text(TextKind::TrackName, b"Canon"))).unwrap();
        message(&mut archive, 2, &[0xC3, 40]);
        message(&mut archive, 2, &[0xB3, 64, 127]);
        message(&mut archive, 3, &[0x93, 60, 77]);
        message(&mut archive, 9, &[0x83, 60, 64]);
        archive.take(SECOND * 9, Item::Text(Meta::Text(TextKind::Lyric, b"la"))).unwrap();
        archive.end(SECOND * 11).unwrap();
        let canon = (0, b"Canon".to_vec());
        assert_eq!(
            files(folder.path()),
            [
                (
                    "2026-11-21T08-15-05Z.mid".to_owned(),
                    vec![
                        canon.clone(),
                        (0, vec![0xC3, 40]),
                        (0, vec![0xB3, 64, 127]),
                        (1, vec![0x93, 60, 77]),
                        (5, vec![0xB3, 64, 0]),
                        (5, vec![0x83, 60, 64]),
                    ]
                ),
                (
                    "2026-11-21T08-15-10Z.mid".to_owned(),
                    vec![
                        canon,
                        (0, vec![0xC3, 40]),
                        (0, vec![0xB3, 64, 127]),
                        (0, vec![0x93, 60, 77]),
                        (2, vec![0x83, 60, 64]),
                        (2, b"la".to_vec()),
                        (4, vec![0xB3, 64, 0]),
                    ]
                ),
            ]
        );
    }

    #[test]
    fn silence_makes_no_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = archive(folder.path());
        message(&mut archive, 1, &[0x90, 60, 1]);
        message(&mut archive, 2, &[0x80, 60, 1]);
        for seconds in 3..100 {
            archive.turn(SECOND * seconds).unwrap();
            message(&mut archive, seconds, &[0xFE]);
        }
        message(&mut archive, 100, &[0x90, 60, 1]);
        let names: Vec<_> = files(folder.path()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["2026-11-21T08-15-04Z.mid", "2026-11-21T08-16-43Z.mid"]);
    }

    #[test]
    fn what_goes_into_one_file_is_in_one_file_and_not_over_another() {
        let folder = tempfile::tempdir().unwrap();
        for note in [60, 61] {
            let path = folder.path().join("piano.mid");
            let mut archive = Archive::new(Place::File(path), 10 * SECOND, UNIX_EPOCH);
            message(&mut archive, 1, &[0x90, note, 1]);
            message(&mut archive, 3000, &[0x80, note, 1]);
            archive.end(SECOND * 3000).unwrap();
        }
        let files = files(folder.path());
        let names: Vec<_> = files.iter().map(|(name, _)| &name[..]).collect();
        assert_eq!(names, ["piano-2.mid", "piano.mid"]);
        assert_eq!(files[1].1, [(0, vec![0x90, 60, 1]), (2999, vec![0x80, 60, 1])]);
    }

    #[test]
    fn a_file_that_is_there_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            message(&mut archive(folder.path()), 0, &[0x90, 60, 1]);
        }
        let names: Vec<_> = files(folder.path()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["2026-11-21T08-15-03Z-2.mid", "2026-11-21T08-15-03Z.mid"]);
    }

    #[test]
    fn what_cannot_be_written_is_told_once_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let mut archive = archive(&missing);
        let mut errors = 0;
        for seconds in 0..20 {
            errors += u32::from(archive.take(SECOND * seconds, Item::Message(&[0x90, 60, 1])).is_err());
        }
        assert_eq!(errors, 3);
        std::fs::create_dir(&missing).unwrap();
        message(&mut archive, 30, &[0x80, 60, 64]);
        assert_eq!(files(&missing)[0].1[0].1, [0x90, 60, 1], "what still sounds is struck again");
    }

    #[test]
    fn the_message_that_ends_a_file_counts_even_if_the_file_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = archive(folder.path());
        message(&mut archive, 0, &[0x90, 60, 1]);
        // A file for readers.
        archive.open.as_mut().unwrap().file = File::open("/dev/null").unwrap();
        assert!(archive.take(SECOND * 20, Item::Message(&[0x80, 60, 64])).is_err());
        message(&mut archive, 40, &[0x90, 62, 1]);
        let (_, last) = files(folder.path()).pop().unwrap();
        assert!(last.iter().all(|(_, octets)| octets[1] != 60), "its note has ended: {last:?}");
    }

    proptest! {
        /// Whenever the program is killed, the files there are can be read, and nothing of the past is missing.
        #[test]
        fn every_message_is_in_a_file_that_can_be_read_at_once(
            messages in prop::collection::vec((0..4_u32, 0..3_u8, 60..64_u8, 0..2_u8), 1..30)
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut archive = archive(folder.path());
            let mut now = 0;
            for (pause, channel, note, velocity) in messages {
                now += pause;
                let octets = [0x90 | channel, note, velocity];
                message(&mut archive, now, &octets);
                let files = files(folder.path());
                prop_assert_eq!(files.last().unwrap().1.last().map(|(_, octets)| &octets[..2]), Some(&octets[..2]));
            }
        }
    }
}
