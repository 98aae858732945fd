//! A stream of the server with a description of its own: gst-rtsp-server's has no title, and takes the parameters from
//! caps, which cannot say all of them.

use gst::glib;
use gst_rtsp_server::RTSPMedia;
use gst_rtsp_server::gst_sdp::{SDPAttribute, SDPMessageRef};
use gst_rtsp_server::subclass::prelude::*;

use rtp_midi_sdp::Stream;

use super::gate::Gate;
use super::reports::Reports;
use crate::description::TOOL;

glib::wrapper! {
    /// The stream.
    pub(super) struct Media(ObjectSubclass<imp::Media>) @extends RTSPMedia;
}

/// What a description says.
#[derive(Clone, Debug)]
pub(super) struct Words {
    pub(super) title: String,
    pub(super) stream: Stream,
    /// Where RTCP comes from that clients hear in place of the server's.
    pub(super) reports: Option<Reports>,
}

impl Media {
    /// Says this from now on; once.
    pub(super) fn describe(&self, words: Words) {
        // A stream is described when it is made, and not again.
        let _ = self.imp().words.set(words);
    }

    /// Lets in the reports only that this gate admits; once.
    pub(super) fn guard(&self, gate: Gate) {
        let _ = self.imp().gate.set(gate);
    }
}

impl Words {
    pub(super) fn write(&self, session: &mut SDPMessageRef) {
        // A title is what stands in a file; a line break in it would begin a line of the description.
        session.set_session_name(&self.title.replace(char::is_control, " "));
        session.set_information(TOOL);
        for media in session.medias_mut() {
            let place = media.attributes().position(|attribute| attribute.key() == "fmtp");
            let value = format!("{} {}", self.stream.payload_type, self.stream.parameters);
            let fmtp = SDPAttribute::new("fmtp", Some(&value));
            // It replaces one that is there.
            let _ = place.map(|place| media.replace_attribute(place as u32, fmtp));
        }
    }
}

mod imp {
    use std::sync::OnceLock;

    use gst::glib;
    use gst_rtsp_server::RTSPMedia;
    use gst_rtsp_server::gst_sdp::SDPMessageRef;
    use gst_rtsp_server::subclass::SDPInfo;
    use gst_rtsp_server::subclass::prelude::*;

    use super::{Gate, Words};

    #[derive(Default)]
    pub(in crate::cmd::broadcast::rtsp) struct Media {
        pub(super) words: OnceLock<Words>,
        pub(super) gate: OnceLock<Gate>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Media {
        const NAME: &'static str = "RtpMidiRtspMedia";
        type Type = super::Media;
        type ParentType = RTSPMedia;
    }

    impl ObjectImpl for Media {}

    impl RTSPMediaImpl for Media {
        fn setup_rtpbin(&self, rtpbin: &gst::Element) -> Result<(), gst::LoggableError> {
            self.gate.get().into_iter().for_each(|gate| gate.guard(rtpbin));
            if let Some(reports) = self.words.get().and_then(|words| words.reports.as_ref()) {
                reports.replace(rtpbin);
            }
            self.parent_setup_rtpbin(rtpbin)
        }

        fn setup_sdp(&self, sdp: &mut SDPMessageRef, info: &SDPInfo) -> Result<(), gst::LoggableError> {
            self.parent_setup_sdp(sdp, info)?;
            self.words.get().into_iter().for_each(|words| words.write(sdp));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gst_rtsp_server::gst_sdp::{SDPMedia, SDPMessage};
    use rtp_midi_sdp::Parameters;

    #[test]
    fn a_title_is_one_line_and_the_parameters_are_all_of_them() {
        gst::init().unwrap();
        let mut media = SDPMedia::new();
        media.add_attribute("rtpmap", Some("96 rtp-midi/44100"));
        media.add_attribute("fmtp", Some("96 cm_used=C"));
        let mut session = SDPMessage::new();
        session.add_media(media);
        let fmtp = "cm_unused=A; cm_used=C";
        let stream = Stream::native(96, 44_100, Parameters::parse(fmtp));
        Words { title: "Canon\r\na=x".to_owned(), stream, reports: None }.write(&mut session);
        let text = session.as_text().unwrap();
        assert!(text.contains("s=Canon  a=x\r\n"), "{text}");
        assert!(text.contains(&format!("a=rtpmap:96 rtp-midi/44100\r\na=fmtp:96 {fmtp}\r\n")), "{text}");
    }
}
