//! A live channel that goes to a server elsewhere, which is told what it is.

use gst::glib::{self, gobject_ffi};
use gst::prelude::*;
use gst_app::AppSrc;
use gst_rtsp_server::gst_sdp::SDPMessageRef;

use super::LiveChannel;
use super::factory::row;
use super::form::Form;
use super::live::Live;
use super::media::Words;
use super::outlet::Audience;
use crate::elements;
use crate::failure::Result;

/// A channel as a server is to have it.
pub(crate) struct Outgoing {
    live: Live,
    form: Form,
    /// What is pushed into `live`.
    stream: rtp_midi_sdp::Stream,
    words: Words,
}

impl Outgoing {
    /// The channel in its native form: media servers take all `mpeg4-generic` for AAC, and refuse what is none.
    pub(crate) fn of(channel: LiveChannel<'_>) -> Self {
        let form = Form::Native;
        let (title, stream) = (channel.title.to_owned(), form.of(&channel.stream));
        let words = Words { title, stream, clocks: channel.clocks, reports: None, length: None };
        Self { live: channel.live.clone(), form, stream: channel.stream, words }
    }

    /// A source of its packets.
    pub(crate) fn source(&self) -> AppSrc {
        self.live.source(&self.stream, self.form, Audience::Elsewhere)
    }

    /// What stands where a sink wants a payloader: packets go through it as they are.
    pub(crate) fn passage(&self) -> Result<gst::Element> {
        row(self.words.stream.payload_type, &[elements::make("identity")?])
    }

    /// Has `rtspclientsink` say what the stream is; by itself it would take the parameters from caps, which cannot say all
    /// of them.
    pub(crate) fn describe(&self, sink: &gst::Element) {
        let words = self.words.clone();
        sink.connect("update-sdp", false, move |values| {
            let description = values.get(1).filter(|value| value.is::<gst_rtsp_server::gst_sdp::SDPMessage>())?;
            // SAFETY: the value is of this boxed type, and the signal is there to have its content changed: the sink lends
            // it, and looks at it again only when the signal has returned.
            unsafe {
                let description = gobject_ffi::g_value_get_boxed(description.as_ptr()).cast::<SDPMessageRef>();
                words.write(description.as_mut()?);
            }
            None::<glib::Value>
        });
    }
}
