//! What may wait in front of instruments, which take System Exclusives no faster than a MIDI cable carries them.

use std::sync::Mutex;

use gst::prelude::*;
use rtp_midi::midi::Sounding;

use crate::elements;
use crate::failure::Result;
use crate::lock::lock;

/// Octets that may wait before System Exclusives are left out: five minutes of a cable.
const OCTETS: u32 = 1 << 20;

/// Messages that may wait before all are left out but those that let go what sounds.
const MESSAGES: u32 = 1 << 16;

/// Lets no more wait in `queue`, which has no limits of its own, than is good for anybody. A warning tells of it.
///
/// A sender can be a thousand times as fast as a cable. A queue that made it wait would hold up all the others that hear
/// it, and one that lost anything at all would leave notes hanging.
pub(crate) fn limit(queue: &gst::Element) -> Result<()> {
    let (full, backlog) = (queue.downgrade(), Mutex::new(Backlog::default()));
    elements::keep(&elements::pad(queue, "sink")?, move |buffer| {
        let (Some(queue), Ok(message)) = (full.upgrade(), buffer.map_readable()) else { return true };
        let waiting = Waiting {
            octets: queue.property("current-level-bytes"),
            messages: queue.property("current-level-buffers"),
        };
        let taken = lock(&backlog).take(&message, waiting);
        if taken == Taken::FirstLeftOut {
            gst::element_warning!(
                queue,
                gst::ResourceError::Busy,
                ("more comes than instruments take at the pace of a MIDI cable: System Exclusives are left out, and notes if there are too many")
            );
        }
        taken == Taken::Passed
    });
    Ok(())
}

/// What has been passed on.
#[derive(Default)]
struct Backlog {
    sounding: Sounding,
    is_short: bool,
}

/// What has not been taken yet.
#[derive(Clone, Copy)]
struct Waiting {
    octets: u32,
    messages: u32,
}

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Taken {
    Passed,
    /// It is left out, and is the first one since nothing waited.
    FirstLeftOut,
    LeftOut,
}

impl Backlog {
    fn take(&mut self, message: &[u8], waiting: Waiting) -> Taken {
        self.is_short &= waiting.messages > 0;
        // A single System Exclusive is never too long, since what puts it together has a limit.
        let is_exclusive = message.first() == Some(&0xF0);
        let fits = waiting.messages < MESSAGES && (waiting.octets < OCTETS || !is_exclusive);
        // There can be no more of the others than notes and pedals are down.
        if fits || self.sounding.is_relieved_by(message) {
            self.sounding.observe(message);
            return Taken::Passed;
        }
        if std::mem::replace(&mut self.is_short, true) { Taken::LeftOut } else { Taken::FirstLeftOut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Waiting = Waiting { octets: OCTETS - 1, messages: MESSAGES - 1 };
    const MANY_OCTETS: Waiting = Waiting { octets: OCTETS, messages: 3 };
    const MANY_MESSAGES: Waiting = Waiting { octets: OCTETS, messages: MESSAGES };

    #[test]
    fn system_exclusives_are_left_out_first() {
        let mut backlog = Backlog::default();
        let dump = [&[0xF0][..], &[1; 10_000], &[0xF7]].concat();
        assert_eq!(backlog.take(&dump, ROOM), Taken::Passed);
        assert_eq!(backlog.take(&dump, MANY_OCTETS), Taken::FirstLeftOut);
        assert_eq!(backlog.take(&dump, MANY_OCTETS), Taken::LeftOut);
        assert_eq!(backlog.take(&[0x90, 60, 1], MANY_OCTETS), Taken::Passed);
        assert_eq!(backlog.take(&dump, ROOM), Taken::Passed);
        // All has gone out in between.
        backlog.take(&[0xF8], Waiting { octets: 0, messages: 0 });
        assert_eq!(backlog.take(&dump, MANY_OCTETS), Taken::FirstLeftOut);
    }

    #[test]
    fn only_what_ends_something_is_taken_when_too_much_waits() {
        let mut backlog = Backlog::default();
        for message in [[0x90, 60, 1], [0x91, 61, 1], [0xB0, 64, 127]] {
            assert_eq!(backlog.take(&message, ROOM), Taken::Passed);
        }
        for message in [[0x90, 62, 1], [0x90, 60, 1], [0xB0, 7, 1], [0x80, 62, 0]] {
            assert_ne!(backlog.take(&message, MANY_MESSAGES), Taken::Passed, "{message:?}");
        }
        for message in [[0x80, 60, 0], [0x91, 61, 0], [0xB0, 64, 0]] {
            assert_eq!(backlog.take(&message, MANY_MESSAGES), Taken::Passed, "{message:?}");
            assert_ne!(backlog.take(&message, MANY_MESSAGES), Taken::Passed, "{message:?} a second time");
        }
    }

    #[test]
    fn an_instrument_that_takes_nothing_costs_bounded_memory() {
        gst::init().unwrap();
        let (queue, sink) = (elements::queue().unwrap(), elements::make("fakesink").unwrap());
        limit(&queue).unwrap();
        let pipeline = gst::Pipeline::new();
        elements::chain(&pipeline, &[&queue, &sink]).unwrap();
        let output = elements::pad(&queue, "src").unwrap();
        output.add_probe(gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER, |_, _| gst::PadProbeReturn::Ok);
        pipeline.set_state(gst::State::Playing).unwrap();
        let source = gst::Pad::new(gst::PadDirection::Src);
        elements::link(&source, &elements::pad(&queue, "sink").unwrap()).unwrap();
        source.set_active(true).unwrap();
        assert!(source.push_event(gst::event::StreamStart::new("flood")));
        assert!(source.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new())));
        let push = |message: &[u8]| source.push(gst::Buffer::from_slice(message.to_vec())).unwrap();
        let dump = [&[0xF0][..], &vec![1; 50_000], &[0xF7]].concat();
        for _ in 0..100 {
            push(&dump);
        }
        let octets: u32 = queue.property("current-level-bytes");
        assert!((OCTETS..OCTETS + 60_000).contains(&octets), "{octets}");
        push(&[0x90, 60, 1]);
        for n in 0..2 * MESSAGES {
            push(&[0xB0, 7, (n & 127) as u8]);
        }
        let messages = || queue.property::<u32>("current-level-buffers");
        let full = messages();
        assert!((MESSAGES..MESSAGES + 2).contains(&full), "{full}");
        push(&[0x80, 60, 0]);
        assert_eq!(messages(), full + 1);
        let warning = pipeline.bus().unwrap().pop_filtered(&[gst::MessageType::Warning]).unwrap();
        let gst::MessageView::Warning(warning) = warning.view() else { panic!("{warning:?}") };
        assert!(elements::warning(warning).contains("pace of a MIDI cable"));
        pipeline.set_state(gst::State::Null).unwrap();
    }
}
