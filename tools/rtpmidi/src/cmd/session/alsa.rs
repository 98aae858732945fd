//! Ports of the ALSA sequencer that take part in a session: one to play to it, one to hear it.

use std::collections::HashMap;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks, AppSrc};
use rtp_midi::midi::{Command, End, Part, Reassembler, Segment, System};

use super::heard::Heard;
use crate::failure::{Failure, Result};
use crate::{alsa, backlog, elements};

/// The ports; they are closed with this value, and what has not gone out is lost.
pub(super) struct Ports {
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    out: AppSrc,
    outlet: alsa::Outlet,
    /// The System Exclusives that come in segments, by who plays them.
    pieces: HashMap<String, Reassembler>,
}

/// Data octets of the longest System Exclusive that is put together.
const LONGEST: usize = 1 << 20;

/// How long the end may take when instruments have all that has come.
const FAREWELL: Duration = Duration::from_secs(2);

/// How often it is looked at what is left.
const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(50);

/// What is told of if it is left.
const LONG: Duration = Duration::from_secs(1);

impl Ports {
    /// Opens both, and connects both to `ports`. What is played to the one is told to `sender`.
    pub(super) fn open(ports: &str, sender: SyncSender<Heard>) -> Result<Self> {
        elements::start()?;
        let pipeline = gst::Pipeline::new();
        let bus = pipeline.bus().ok_or_else(|| Failure::new("the pipeline has no bus"))?;
        let play = AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            if let Some(Ok(octets)) = sample.buffer().map(gst::BufferRef::map_readable) {
                // What the session does not keep up with is lost, and not the session.
                let _ = sender.try_send(Heard::Play(octets.to_vec()));
            }
            Ok(gst::FlowSuccess::Ok)
        });
        let heard = AppSink::builder().sync(false).async_(false).callbacks(play.build()).build();
        // It comes never to an end, and the other branch must not wait for that.
        heard.unset_element_flags(gst::ElementFlags::SINK);
        elements::chain(&pipeline, &[&alsa::source(ports)?, heard.upcast_ref()])?;
        let out = AppSrc::builder()
            .caps(&gst::Caps::new_empty_simple("audio/x-midi-event"))
            .format(gst::Format::Time)
            .is_live(true)
            .do_timestamp(true)
            .build();
        let (queue, sink) = (elements::queue()?, alsa::sink(ports)?);
        backlog::limit(&queue)?;
        // It has come at its time, or as near to it as the network allows.
        sink.set_property("sync", false);
        elements::chain(&pipeline, &[out.upcast_ref(), &queue, &sink])?;
        if pipeline.set_state(gst::State::Playing).is_err() {
            return Err(elements::why(&bus));
        }
        Ok(Self { pipeline, bus, out, outlet: alsa::Outlet { queue, sink }, pieces: HashMap::new() })
    }

    /// Plays a message of `who`, or takes a segment of it, at the port that is heard.
    pub(super) fn play(&mut self, who: &str, octets: &[u8]) {
        if let Some(message) = whole(&mut self.pieces, who, octets) {
            // It is refused when the pipeline has failed, of which the bus tells.
            let _ = self.out.push_buffer(gst::Buffer::from_slice(message));
        }
    }

    /// Forgets what `who` has begun and not ended.
    pub(super) fn forget(&mut self, who: &str) {
        self.pieces.remove(who);
    }

    /// Tells `warn` what has happened, unless it is the end.
    pub(super) fn look(&self, warn: impl Fn(&str)) -> Result<()> {
        while let Some(message) = self.bus.pop() {
            match message.view() {
                gst::MessageView::Error(error) => return Err(elements::failure(error)),
                gst::MessageView::Warning(warning) => warn(&elements::warning(warning)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Lets go out all that has come, however long a cable takes for that, and then what sounds. `tell` is told how long it
    /// will be, if it is long.
    pub(super) fn close(self, tell: impl FnOnce(Duration)) {
        // A pipeline that has failed ends no better.
        let _ = self.out.end_of_stream();
        let (mut tell, mut done) = (Some(tell), Instant::now());
        let end = [gst::MessageType::Eos, gst::MessageType::Error];
        while self.bus.timed_pop_filtered(LOOK, &end).is_none() && done.elapsed() < FAREWELL {
            let Some(left) = self.outlet.left() else { continue };
            done = Instant::now();
            if let Some(tell) = tell.take_if(|_| left > LONG) {
                tell(left);
            }
        }
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// The message that `octets` are or complete.
fn whole(pieces: &mut HashMap<String, Reassembler>, who: &str, octets: &[u8]) -> Option<Vec<u8>> {
    let Ok((Command::System(System::SysEx(segment)), _)) = Command::decode(octets) else {
        return Some(octets.to_vec());
    };
    let mut message = Vec::new();
    // What is whole interrupts, as a new one does, what the same one has begun.
    let begun = pieces.entry(who.to_owned()).or_insert_with(|| Reassembler::new(LONGEST));
    let (data, _) = begun.push(segment)?;
    // Instruments have an end like any other where the sender has dropped it.
    Command::from(Segment { part: Part::Whole(End::Eox), data }).encode(&mut message);
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_exclusives_reach_instruments_whole() {
        let (mut pieces, mut played) = (HashMap::new(), Vec::new());
        for (who, octets) in [
            ("one", &[0xF0, 1, 2, 0xF0][..]),
            ("two", &[0xF0, 7, 0xF0]),
            ("one", &[0x90, 60, 1]),
            ("one", &[0xF7, 3, 0xF0]),
            ("two", &[0xF7, 8, 0xF5]),
            ("one", &[0xF7, 4, 0xF7]),
            ("one", &[0xF7, 5, 0xF7]),
            ("two", &[0xF0, 9, 0xF7]),
        ] {
            played.extend(whole(&mut pieces, who, octets));
        }
        let expected: [&[u8]; 4] = [&[0x90, 60, 1], &[0xF0, 7, 8, 0xF7], &[0xF0, 1, 2, 3, 4, 0xF7], &[0xF0, 9, 0xF7]];
        assert_eq!(played, expected);
    }
}
