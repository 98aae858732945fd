//! A pipeline that a test plays into, and what comes out of it. The module above loads the plugin in `init()`.

use std::time::Duration;

use gst::prelude::*;
use gst_app::{AppSink, AppSrc};

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Messages at the time at which they are pushed, or with their own.
pub(crate) const INPUT: &str = "appsrc name=in format=time is-live=true do-timestamp=false caps=audio/x-midi-event";

/// Everything as it comes.
pub(crate) const OUTPUT: &str = "appsink name=out sync=false";

/// A pipeline, whose elements may be `in`, an `appsrc`, `out`, an `appsink`, and `midi`, one of ours.
pub(crate) struct Player {
    pub(crate) pipeline: gst::Pipeline,
}

/// A message with its timestamp.
pub(crate) type Timed = (gst::ClockTime, Vec<u8>);

impl Player {
    /// One that does not play yet.
    pub(crate) fn new(description: &str) -> Self {
        super::init();
        Self { pipeline: gst::parse::launch(description).unwrap().downcast().unwrap() }
    }

    pub(crate) fn start(description: &str) -> Self {
        let player = Self::new(description);
        player.pipeline.set_state(gst::State::Playing).unwrap();
        player
    }

    /// Waits until all of it plays: a pipeline that is still on its way there takes elements along that were stopped alone.
    pub(crate) fn wait_until_it_plays(&self) {
        let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
        let (changed, state, _) = self.pipeline.state(patience);
        assert!(changed.is_ok() && state == gst::State::Playing, "{changed:?} {state:?}");
    }

    pub(crate) fn element(&self, name: &str) -> gst::Element {
        self.pipeline.by_name(name).unwrap()
    }

    pub(crate) fn stats(&self) -> gst::Structure {
        self.element("midi").property("stats")
    }

    /// Plays messages now.
    pub(crate) fn play(&self, messages: &[&[u8]]) {
        let source: AppSrc = self.element("in").downcast().unwrap();
        for octets in messages {
            source.push_buffer(gst::Buffer::from_mut_slice(octets.to_vec())).unwrap();
        }
    }

    /// Plays messages at these times from now on.
    pub(crate) fn play_at(&self, messages: &[(Duration, impl AsRef<[u8]>)]) {
        let source: AppSrc = self.element("in").downcast().unwrap();
        let now = source.current_running_time().unwrap();
        for (time, octets) in messages {
            let mut buffer = gst::Buffer::from_mut_slice(octets.as_ref().to_vec());
            buffer.get_mut().unwrap().set_pts(now + gst::ClockTime::try_from(*time).unwrap());
            source.push_buffer(buffer).unwrap();
        }
    }

    /// The next messages that come out.
    #[track_caller]
    pub(crate) fn heard(&self, count: usize) -> Vec<Timed> {
        let heard: Vec<_> = (0..count).map_while(|_| self.next()).collect();
        assert_eq!(heard.len(), count, "{heard:?}");
        heard
    }

    /// The next message, or nothing at the end of the stream.
    #[track_caller]
    pub(crate) fn next(&self) -> Option<Timed> {
        let sink: AppSink = self.element("out").downcast().unwrap();
        let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
        let Some(sample) = sink.try_pull_sample(patience) else {
            assert!(sink.is_eos(), "nothing comes");
            return None;
        };
        let buffer = sample.buffer().unwrap();
        Some((buffer.pts().unwrap(), buffer.map_readable().unwrap().to_vec()))
    }

    /// Asserts that these messages come out next.
    #[track_caller]
    pub(crate) fn hears(&self, messages: &[&[u8]]) {
        let heard: Vec<Vec<u8>> = self.heard(messages.len()).into_iter().map(|(_, octets)| octets).collect();
        assert_eq!(heard, messages);
    }

    /// Fails to start, with this error.
    #[track_caller]
    pub(crate) fn refused(&self) -> String {
        assert!(self.pipeline.set_state(gst::State::Playing).is_err());
        let message = self.pipeline.bus().unwrap().pop_filtered(&[gst::MessageType::Error]).unwrap();
        let gst::MessageView::Error(error) = message.view() else { unreachable!() };
        error.error().message().to_owned()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
