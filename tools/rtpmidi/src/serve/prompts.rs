//! Titles, lyrics and markers for clients of the server, in the RTCP of their streams (`docs/metadata.md`).

use std::sync::Arc;
use std::time::Duration;

use gst::prelude::*;
use gst_rtsp_server::RTSPMedia;
use gst_rtsp_server::prelude::*;

use super::factory::Factory;
use super::files::{PARSE, PAY};
use crate::cmd::broadcast::metadata::Prompter;
use crate::cmd::broadcast::now_playing::NowPlaying;
use crate::cmd::broadcast::piece::Piece;
use crate::elements;

/// How often a session of the server reports: the default of RFC 3550.
const INTERVAL: Duration = Duration::from_secs(5);

/// Tells those who listen to a channel what its prompter says.
pub(super) fn of_channel(factory: &Factory, prompter: &Prompter) {
    let prompter = prompter.clone();
    factory.connect_media_configure(move |_, media| speak(media, prompter.clone()));
}

/// Tells each client what is said where it is in the file.
pub(super) fn of_file(factory: &Factory, piece: &Arc<Piece>) {
    let piece = piece.clone();
    factory.connect_media_configure(move |_, media| {
        if let Some(prompter) = prompter(media, &piece) {
            speak(media, prompter);
        }
    });
}

fn prompter(media: &RTSPMedia, piece: &Piece) -> Option<Prompter> {
    let bin = media.element().downcast::<gst::Bin>().ok()?;
    let (parse, pay, now_playing) = (bin.by_name(PARSE)?, bin.by_name(PAY)?, NowPlaying::default());
    now_playing.queue(0, piece, &elements::pad(&parse, "src").ok()?);
    now_playing.watch(&elements::pad(&pay, "sink").ok()?);
    Prompter::at(&pay, &piece.title, now_playing, INTERVAL).ok()
}

/// Lets the session of a stream speak when it is there.
fn speak(media: &RTSPMedia, prompter: Prompter) {
    media.connect_prepared(move |media| {
        // gst-rtsp-server puts it beside our elements.
        let pipeline = media.element().parent().and_then(|parent| parent.downcast::<gst::Bin>().ok());
        let is_rtpbin = |element: &gst::Element| element.factory().is_some_and(|factory| factory.name() == "rtpbin");
        if let Some(rtpbin) = pipeline.and_then(|pipeline| pipeline.children().into_iter().find(is_rtpbin)) {
            prompter.speak(&rtpbin);
        }
    });
}
