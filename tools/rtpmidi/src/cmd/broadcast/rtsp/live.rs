//! The live channel: the packets of the broadcast itself, so that everybody hears the same moment.
//!
//! The journal of each packet has all of the stream so far (`j_update=anchor`), which sets a late listener as the others
//! are with the first packet that it gets.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst_app::{AppLeakyType, AppSrc};
use gst_rtsp_server::RTSPMedia;
use gst_rtsp_server::prelude::*;
use rtp_midi::Config;
use rtp_midi_sdp::Parameters;

use super::Form;
use super::factory::{Factory, Sharing};
use crate::elements;
use crate::failure::{Failure, Result};

/// Takes the packets of the broadcast where they leave the payloader.
pub(in crate::cmd::broadcast) struct Live {
    caps: Receiver<gst::Caps>,
    outlets: Arc<Mutex<Vec<Outlet>>>,
}

/// Where packets go into a pipeline of gst-rtsp-server. There is one for all listeners of a form.
struct Outlet {
    form: Form,
    source: glib::WeakRef<AppSrc>,
}

/// How long the first message of a file may take to come to the payloader.
const PATIENCE: Duration = Duration::from_secs(10);

/// Packets that wait at most while a listener that has asked for the channel has not yet said PLAY: the oldest go.
const WAITING: u64 = 32;

impl Live {
    /// Starts taking.
    pub(in crate::cmd::broadcast) fn on(packets: &gst::Pad) -> Self {
        let (found, caps) = channel();
        let outlets = Arc::<Mutex<Vec<Outlet>>>::default();
        let open = outlets.clone();
        packets.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            match info.event().map(|event| event.view()) {
                // Only the first ones are waited for: they do not change.
                Some(gst::EventView::Caps(caps)) => drop(found.send(caps.caps_owned())),
                Some(gst::EventView::Eos(_)) => lock(&open).iter().for_each(Outlet::end),
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
        let open = outlets.clone();
        elements::for_each_buffer(packets, move |packet| lock(&open).retain(|outlet| outlet.push(packet)));
        Self { caps, outlets }
    }

    /// A factory of the channel for each form.
    pub(super) fn factories(&self, title: &str, config: &Config) -> Result<[(Form, Factory); 2]> {
        let caps = self.caps.recv_timeout(PATIENCE).map_err(|_| Failure::new("the music does not begin"))?;
        Ok(Form::ALL.map(|form| {
            let (caps, outlets) = (form.describe(&caps, config), self.outlets.clone());
            let make = move || {
                let source = AppSrc::builder()
                    .caps(&caps)
                    .is_live(true)
                    .do_timestamp(true)
                    .format(gst::Format::Time)
                    .max_buffers(WAITING)
                    .leaky_type(AppLeakyType::Downstream)
                    .build();
                let outlet = Outlet { form, source: source.downgrade() };
                lock(&outlets).push(outlet);
                Ok(vec![source.upcast()])
            };
            let factory = Factory::new(Sharing::All, form.words(title, config), make);
            factory.connect_media_configure(|_, media| stay(media));
            (form, factory)
        }))
    }
}

/// Keeps a stream ready when its last listener has left: one that comes while it is taken down would be turned away.
fn stay(media: &RTSPMedia) {
    media.connect_prepared(|media| {
        // It is ready, so that this only counts.
        let _ = media.prepare(None);
    });
}

impl Form {
    /// The caps of such packets, where those of the broadcast are native.
    fn describe(self, native: &gst::Caps, config: &Config) -> gst::Caps {
        let mut caps = native.clone();
        if self == Self::GeneralMidi {
            let caps = caps.make_mut();
            caps.set("encoding-name", self.encoding());
            for parameter in &Parameters::of(&self.config(config)) {
                let is_there = caps.structure(0).is_some_and(|caps| caps.has_field(parameter.name.as_str()));
                if !is_there && RENDERER.contains(&parameter.name.as_str()) {
                    caps.set(parameter.name.as_str(), parameter.value.as_str());
                }
            }
        }
        caps
    }
}

/// The parameters that `mpeg4-generic` has more than `rtp-midi` (RFC 6295, 6.2).
const RENDERER: [&str; 4] = ["streamtype", "mode", "profile-level-id", "config"];

impl Outlet {
    /// Sends a packet on; false when nobody is there any more.
    fn push(&self, packet: &gst::BufferRef) -> bool {
        let Some(source) = self.source.upgrade() else { return false };
        // Without listeners the pipeline pauses: the next one is to hear what is played then.
        if source.current_state() != gst::State::Playing {
            return true;
        }
        let Ok(mut copy) = packet.copy_deep() else { return true };
        let octets = copy.make_mut();
        // The pipeline of the server has another clock time; its source gives it.
        octets.set_pts(None);
        octets.set_dts(None);
        if self.form == Form::GeneralMidi
            && let Ok(mut octets) = octets.map_writable()
            && let Some(second) = octets.get_mut(1)
        {
            // Each packet of this type is marked (RFC 6295, 2.1), those of the other only when they have commands.
            *second |= MARKER;
        }
        // A source that is being stopped refuses.
        let _ = source.push_buffer(copy);
        true
    }

    /// Says that nothing more comes.
    fn end(&self) {
        // A source that has been stopped knows.
        let _ = self.source.upgrade().map(|source| source.end_of_stream());
    }
}

/// The M bit in the second octet of an RTP header.
const MARKER: u8 = 0x80;

fn lock(outlets: &Mutex<Vec<Outlet>>) -> MutexGuard<'_, Vec<Outlet>> {
    outlets.lock().unwrap_or_else(PoisonError::into_inner)
}
