//! A stream of the server with a description of its own: gst-rtsp-server's has no title, and takes the parameters from
//! caps, which cannot say all of them.

use gst::glib;
use gst_rtsp_server::RTSPMedia;
use gst_rtsp_server::gst_sdp::{SDPAttribute, SDPMediaRef, SDPMessageRef};
use gst_rtsp_server::subclass::prelude::*;

use rtp_midi_sdp::{Clocks, Stream};

use super::gate::{Gate, Proof};
use super::keys::Seal;
use super::live::Live;
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
    /// What its timestamps follow, if that is known.
    pub(super) clocks: Clocks,
    /// Where RTCP comes from that clients hear in place of the server's.
    pub(super) reports: Option<Reports>,
    /// How long it is, where it can be heard from any time on.
    pub(super) length: Option<gst::ClockTime>,
}

/// The attributes that tell of clocks (RFC 7273).
const REFERENCE: &str = "ts-refclk";
const MEDIA_CLOCK: &str = "mediaclk";

impl Media {
    /// Says this from now on; once.
    pub(super) fn describe(&self, words: Words) {
        // A stream is described when it is made, and not again.
        let _ = self.imp().words.set(words);
    }

    /// Its packets are those of this channel; once.
    pub(super) fn belong(&self, live: Live) {
        let _ = self.imp().live.set(live);
    }

    /// The channel that its packets are of, if it is one.
    pub(super) fn live(&self) -> Option<&Live> {
        self.imp().live.get()
    }

    /// Has this seal all packets; once.
    pub(super) fn close(&self, seal: Seal) {
        let _ = self.imp().seal.set(seal);
    }

    /// What seals its packets, if they are sealed.
    pub(super) fn seal(&self) -> Option<&Seal> {
        self.imp().seal.get()
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
            if self.clocks != Clocks::default() {
                self.write_clocks(media);
            }
        }
    }

    /// The clocks of the sender, in place of those of the server's pipeline.
    fn write_clocks(&self, media: &mut SDPMediaRef) {
        for name in [REFERENCE, MEDIA_CLOCK] {
            while let Some(place) = media.attributes().position(|attribute| attribute.key() == name) {
                if media.remove_attribute(place as u32).is_err() {
                    break;
                }
            }
        }
        self.clocks.references.iter().for_each(|clock| media.add_attribute(REFERENCE, Some(&clock.to_string())));
        self.clocks.media.iter().for_each(|clock| media.add_attribute(MEDIA_CLOCK, Some(&clock.to_string())));
    }
}

mod imp {
    use std::sync::OnceLock;

    use gst::glib;
    use gst::prelude::*;
    use gst_rtsp_server::RTSPMedia;
    use gst_rtsp_server::gst_sdp::SDPMessageRef;
    use gst_rtsp_server::subclass::SDPInfo;
    use gst_rtsp_server::subclass::prelude::*;

    use super::{Gate, Live, Proof, Seal, Words};

    #[derive(Default)]
    pub(in crate::serve) struct Media {
        pub(super) words: OnceLock<Words>,
        pub(super) gate: OnceLock<Gate>,
        pub(super) seal: OnceLock<Seal>,
        pub(super) live: OnceLock<Live>,
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
            if let (Some(_), Some(bin)) = (self.seal.get(), rtpbin.downcast_ref::<gst::Bin>()) {
                let media = self.obj().downgrade();
                bin.connect_element_added(move |_, element| {
                    media.upgrade().iter().filter_map(|media| media.seal()).for_each(|seal| seal.meet(element));
                });
            }
            let proof = if self.seal.get().is_some() { Proof::Key } else { Proof::Address };
            self.gate.get().into_iter().for_each(|gate| gate.guard(rtpbin, proof));
            if let Some(reports) = self.words.get().and_then(|words| words.reports.as_ref()) {
                reports.replace(rtpbin);
            }
            self.parent_setup_rtpbin(rtpbin)
        }

        /// For `a=range`. The pipeline does not say it: the segment of a parser has no end, since the last messages stand
        /// at it.
        fn query_stop(&self) -> Option<gst::ClockTime> {
            self.words.get().and_then(|words| words.length).or_else(|| self.parent_query_stop())
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
        let (title, clocks) = ("Canon\r\na=x".to_owned(), Clocks::default());
        Words { title, stream, clocks, reports: None, length: None }.write(&mut session);
        let text = session.as_text().unwrap();
        assert!(text.contains("s=Canon  a=x\r\n"), "{text}");
        assert!(text.contains(&format!("a=rtpmap:96 rtp-midi/44100\r\na=fmtp:96 {fmtp}\r\n")), "{text}");
    }
}
