//! `rtpmidi sdp caps`: a description as GStreamer's caps, and as command lines that send and receive its streams.

mod launch;
mod shell;

use std::path::PathBuf;

use clap::ValueEnum;
use rtp_midi_sdp::{Media, Stream};

use super::session;
use crate::failure::{Failure, Result};
use crate::{caps, elements, report};
use launch::Ends;

/// Print GStreamer caps, and gst-launch-1.0 lines for sender and receiver, ready to paste.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The session description; - reads it from stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Print this alone, with no words around it
    #[arg(long, value_enum, value_name = "WHAT")]
    only: Option<Only>,

    /// Which stream, counted from 1, where there are several [default: all]
    #[arg(long, value_name = "N")]
    stream: Option<usize>,

    /// The Standard MIDI File that the sender's line plays
    #[arg(long, default_value = "song.mid", value_name = "FILE")]
    midi: String,

    /// Let the receiver's line record to this Standard MIDI File, instead of playing aloud
    #[arg(long, value_name = "FILE")]
    smf: Option<String>,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi sdp caps music.sdp
  sh -c \"$(rtpmidi sdp caps music.sdp --only receiver --smf heard.mid)\"

The lines need the plugin rtpmidi where GStreamer finds it: cargo xtask install puts it there.";

/// `--only`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Only {
    /// The caps
    Caps,
    /// The sender's line
    Sender,
    /// The receiver's line
    Receiver,
}

/// What who pastes the lines should know.
const PLUGIN: &str = "# gst-launch-1.0 needs the plugin rtpmidi, which cargo xtask install puts where it is found.";

/// Prints them.
pub(super) fn run(args: &Args) -> Result<()> {
    elements::start()?;
    let name = args.file.display();
    let wrong = |error: rtp_midi_sdp::Error| {
        Failure::new(format!("{name}: {error}")).hint(format!("rtpmidi sdp check {name} says what to do about it"))
    };
    let session = session::read(&args.file)?;
    session.first_stream().map_err(wrong)?;
    let streams: Vec<(&Media, &Stream)> = session.streams().collect();
    let wanted: Vec<(usize, &(&Media, &Stream))> =
        (1..).zip(&streams).filter(|(number, _)| args.stream.is_none_or(|wanted| wanted == *number)).collect();
    if wanted.is_empty() {
        return Err(Failure::new(format!("{name} has {}", report::plural(streams.len() as u64, "stream"))));
    }
    let mut blocks = Vec::new();
    for (number, (media, stream)) in wanted {
        stream.config(&media.transport).map_err(wrong)?;
        let ends = launch::ends(media, stream, &args.midi, args.smf.as_deref())
            .map_err(|reason| Failure::new(format!("{name}, stream {number}: {reason}")))?;
        blocks.push(match args.only {
            Some(Only::Caps) => caps::of(stream).to_string(),
            Some(Only::Sender) => ends.sender,
            Some(Only::Receiver) => ends.receiver,
            None => block(number, media, stream, &ends),
        });
    }
    if args.only.is_none() {
        blocks.insert(0, PLUGIN.to_owned());
    }
    report::data(&blocks.join(if args.only.is_some() { "\n" } else { "\n\n" })).map(|_| ())
}

fn block(number: usize, media: &Media, stream: &Stream, ends: &Ends) -> String {
    let (protocol, port) = (media.transport.protocol.token(), media.transport.port);
    let heading = format!("# Stream {number}: payload type {}, {protocol}, port {port}", stream.payload_type);
    let (sender, receiver) = if ends.sender_first { (" (start it first)", "") } else { ("", " (start it first)") };
    let caps = caps::of(stream);
    let lines = [
        format!("{heading}\n# Caps:\n{caps}"),
        format!("# Sender{sender}:\n{}", ends.sender),
        format!("# Receiver{receiver}; Ctrl-C ends it:\n{}", ends.receiver),
    ];
    lines.join("\n\n")
}
