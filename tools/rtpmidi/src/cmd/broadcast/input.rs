//! Live sources: MIDI that is played now, from a pipe, an ALSA port, an AppleMIDI session or raw multicast.
//!
//! Nothing is known of it beforehand, so nothing is promised but what the options say.

use std::io::{ErrorKind, Read, stdin};

use gst::prelude::*;
use gst_app::AppSrc;
use rtp_midi::midi::{Command, End, Parser, Part, System};

use super::peer::Peer;
use crate::failure::{Failure, Result};
use crate::{alsa, ipmidi};

/// Where the music comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Input {
    /// Octets as on a MIDI cable, each message when it arrives.
    Stdin,
    /// Ports of the ALSA sequencer, as `aconnect` has them.
    Alsa(String),
    /// An AppleMIDI session, by its name or by host and port.
    AppleMidi(String),
    /// A port of raw multicast MIDI, and perhaps the interface.
    IpMidi(String),
}

/// A live source that stands in a pipeline.
pub(super) enum Intake {
    Stdin(AppSrc),
    Element(gst::Element),
    AppleMidi(Peer),
}

/// Data octets of the longest System Exclusive: the payloader takes no longer one.
const LONGEST: usize = 1 << 20;

/// Messages that wait at most; a pipe that has more waits as well.
const WAITING: u64 = 1000;

impl Input {
    /// What a listener is told of it.
    pub(super) fn title(&self) -> String {
        match self {
            Self::Stdin => "Live".to_owned(),
            // A port that others connect to.
            Self::Alsa(from) if from.is_empty() => "Live".to_owned(),
            Self::Alsa(from) | Self::AppleMidi(from) => format!("Live from {from}"),
            Self::IpMidi(port) => format!("Live from ipMIDI {port}"),
        }
    }

    /// A source of its messages, which is live.
    pub(super) fn intake(&self) -> Result<Intake> {
        match self {
            Self::Stdin => {
                let source = AppSrc::builder()
                    .name("stdin")
                    .caps(&gst::Caps::new_empty_simple("audio/x-midi-event"))
                    .format(gst::Format::Time)
                    .is_live(true)
                    .do_timestamp(true)
                    .block(true)
                    .max_bytes(0)
                    .max_buffers(WAITING)
                    .build();
                Ok(Intake::Stdin(source))
            }
            Self::Alsa(ports) => alsa::source(ports).map(Intake::Element),
            Self::AppleMidi(peer) => Peer::call(peer).map(Intake::AppleMidi),
            Self::IpMidi(port) => ipmidi::source(port).map(Intake::Element),
        }
    }
}

impl Intake {
    /// The element that the music comes out of.
    pub(super) fn element(&self) -> &gst::Element {
        match self {
            Self::Stdin(source) => source.upcast_ref(),
            Self::Element(source) => source,
            Self::AppleMidi(peer) => peer.element(),
        }
    }

    /// What people should know: of a message of the pipeline, or when nothing happens.
    pub(super) fn news(&mut self, message: Option<&gst::StructureRef>) -> Option<String> {
        let Self::AppleMidi(peer) = self else { return None };
        match message {
            Some(message) => peer.hear(message),
            None => peer.turn(),
        }
    }

    /// Lets the music in; to be called when the pipeline plays.
    pub(super) fn start(&self) -> Result<()> {
        let Self::Stdin(source) = self else { return Ok(()) };
        // Listeners need not wait for the first message.
        source.send_event(gst::event::Gap::new(source.current_running_time().unwrap_or_default(), None));
        let source = source.clone();
        let reader = std::thread::Builder::new().name("stdin".to_owned()).spawn(move || read(stdin().lock(), &source));
        reader.map(drop).map_err(|error| Failure::new(format!("no thread for stdin: {error}")))
    }
}

/// Gives all messages to `source`, and in the end says that no more come.
fn read(mut octets: impl Read, source: &AppSrc) {
    let mut parser = Parser::new(LONGEST);
    let mut piece = [0; 4096];
    loop {
        let length = match octets.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                let words = gst::error_msg!(gst::ResourceError::Read, ("it cannot be read: {error}"));
                source.post_error_message(words);
                return;
            }
        };
        let mut refused = false;
        parser.push(&piece[..length], |command, _| {
            if let Some(octets) = octets_of(&command) {
                // The time is that of the call.
                refused |= source.push_buffer(gst::Buffer::from_slice(octets)).is_err();
            }
        });
        // The pipeline is being stopped.
        if refused {
            return;
        }
    }
    // A source that has been stopped knows.
    let _ = source.end_of_stream();
}

/// A message as it stands on a cable; none for the parts of a System Exclusive that is too long.
fn octets_of(command: &Command<'_>) -> Option<Vec<u8>> {
    match command {
        Command::System(System::SysEx(segment)) => match segment.part {
            Part::Whole(End::Eox) => Some([&[0xF0], segment.data, &[0xF7]].concat()),
            // Another status ended it, which is written as one that means nothing.
            Part::Whole(End::Dropped) => Some([&[0xF0], segment.data, &[0xF5]].concat()),
            _ => None,
        },
        command => {
            let mut octets = Vec::new();
            command.encode(&mut octets);
            Some(octets)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elements;
    use gst_app::AppSink;

    #[test]
    fn a_title_says_whence_where_that_is_known() {
        let inputs = [Input::Stdin, Input::Alsa(String::new()), Input::Alsa("Piano:0".into())];
        assert_eq!(inputs.map(|input| input.title()), ["Live", "Live", "Live from Piano:0"]);
    }

    /// What comes out of a pipeline that reads these octets.
    fn heard(octets: &[u8]) -> Vec<Vec<u8>> {
        gst::init().unwrap();
        let Ok(Intake::Stdin(source)) = Input::Stdin.intake() else { panic!("it is an appsrc") };
        let (pipeline, sink) = (gst::Pipeline::new(), AppSink::builder().sync(false).build());
        elements::chain(&pipeline, &[source.upcast_ref(), sink.upcast_ref()]).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let reader = {
            let octets = octets.to_vec();
            std::thread::spawn(move || read(&octets[..], &source))
        };
        let mut messages = Vec::new();
        while let Ok(sample) = sink.pull_sample() {
            messages.push(sample.buffer().unwrap().map_readable().unwrap().to_vec());
        }
        reader.join().unwrap();
        pipeline.set_state(gst::State::Null).unwrap();
        messages
    }

    #[test]
    fn octets_become_messages_with_a_status_each() {
        let octets = [0x12, 0x90, 60, 100, 62, 0xF8, 101, 0xF0, 1, 0xFE, 2, 0xF7, 0xC0, 5, 0xB0, 7];
        let messages: [&[u8]; 6] =
            [&[0x90, 60, 100], &[0xF8], &[0x90, 62, 101], &[0xFE], &[0xF0, 1, 2, 0xF7], &[0xC0, 5]];
        assert_eq!(heard(&octets), messages);
    }

    #[test]
    fn long_input_is_taken_at_the_pace_of_the_pipeline_but_no_system_exclusive_beyond_the_limit() {
        let long =
            [&[0xF0][..], &vec![1; 100_000], &[0xF7], &[0xF0], &vec![2; LONGEST + 1], &[0xF7], &[0xF0, 3]].concat();
        let notes: Vec<u8> = (0..3000_u16).flat_map(|note| [0x90, note as u8 & 0x7F, 1]).collect();
        let messages = heard(&[long, notes].concat());
        assert_eq!((messages.len(), messages[0].len(), &messages[1][..]), (3002, 100_002, &[0xF0, 3, 0xF5][..]));
    }
}
