//! What becomes of the music: branches behind the `tee` that has it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gst::prelude::*;
use gstrtpmidi::smf_meta::{self, Told};
use rtp_midi::midi::Channel;
use rtp_midi_metadata::Kind;
use rtp_midi_sdp::render::ChannelMask;
use serde_json::json;
use smf_timeline::decode_text;

use super::describe::{describe, hex};
use super::overture::Overture;
use super::punctual;
use super::record::Recording;
use super::rendering::Rendering;
use super::soundfont::Soundfont;
use crate::description::printable;
use crate::elements::{self, chain, make, with};
use crate::failure::{Failure, Result};
use crate::report::{self, Audience};
use crate::sync::Schedule;
use crate::{alsa, backlog, ipmidi};

/// What was asked for.
#[derive(Debug)]
pub(super) struct Outputs<'a> {
    pub(super) wav: Option<&'a Path>,
    pub(super) smf: Option<&'a Path>,
    /// A folder, and how long each file in it is to be.
    pub(super) record: Option<(&'a Path, Duration)>,
    pub(super) play: bool,
    /// The ports of the ALSA sequencer, perhaps none, to which our port is connected.
    pub(super) alsa: Option<&'a str>,
    /// A port of raw multicast MIDI.
    pub(super) ipmidi: Option<&'a str>,
    /// Messages, and texts beside them.
    pub(super) print: Option<Print>,
    pub(super) texts: Option<Print>,
    /// There if `wav` or `play` is and the stream may be heard.
    pub(super) sound: Option<Sound>,
    /// When messages are played, if others play them at the same moment.
    pub(super) schedule: Option<Arc<Schedule>>,
}

/// What has to be known of the branches while the music plays.
#[derive(Default)]
pub(super) struct Attached {
    /// What plays beside the stream.
    pub(super) overtures: Vec<Overture>,
    pub(super) recording: Option<Recording>,
    /// Where instruments are.
    pub(super) outlet: Option<alsa::Outlet>,
    /// How many pieces of sound have gone to a file.
    pub(super) written: Arc<AtomicU64>,
}

/// How music becomes sound.
#[derive(Debug)]
pub(super) struct Sound {
    pub(super) soundfont: Soundfont,
    pub(super) rendering: Rendering,
    /// How long packets are waited for that are late.
    pub(super) latency: gst::ClockTime,
}

/// How messages are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Print {
    Words,
    Json,
}

/// How long notes ring out that are ended with the stream. A sender that says goodbye has left them more time: the
/// guard packets come first.
const RELEASE: gst::ClockTime = gst::ClockTime::from_mseconds(300);

impl Outputs<'_> {
    /// Adds the branches to `pipeline`, behind `tee`. `gone` becomes true when nobody reads what is printed.
    pub(super) fn attach(
        &self,
        pipeline: &gst::Pipeline,
        tee: &gst::Element,
        gone: &Arc<AtomicBool>,
    ) -> Result<Attached> {
        // Something must take the music even if it is only counted.
        let rest = with("fakesink", &[("sync", &self.schedule.is_some()), ("async", &false)])?;
        rest.set_property("processing-deadline", 0_u64);
        let printer = Arc::new(Printer { first: Mutex::new(None), gone: gone.clone() });
        if let Some(print) = self.print {
            printer.clone().print_messages(&rest, print, self.schedule.clone());
        }
        if let Some(print) = self.texts {
            printer.print_texts(&elements::pad(&rest, "sink")?, print);
        }
        branch(pipeline, tee, &[&rest])?;

        if let Some(path) = self.smf {
            branch(pipeline, tee, &[&make("smfmux")?, &file(path)?])?;
        }
        let outlet = |ports| {
            let sink = alsa::sink(ports)?;
            let queue = branch(pipeline, tee, &[&sink])?;
            // Before it waits: a note behind a long System Exclusive is played after it.
            punctual::keep(&elements::pad(&queue, "sink")?);
            backlog::limit(&queue)?;
            Ok(alsa::Outlet { queue, sink })
        };
        let outlet = self.alsa.map(outlet).transpose()?;
        if let Some(port) = self.ipmidi {
            let queue = branch(pipeline, tee, &[&ipmidi::sink(port)?])?;
            punctual::keep(&elements::pad(&queue, "sink")?);
        }
        let record = |(folder, every)| {
            let rest = with("fakesink", &[("sync", &false), ("async", &false)])?;
            branch(pipeline, tee, &[&rest])?;
            Recording::on(&elements::pad(&rest, "sink")?, folder, every)
        };
        let recording = self.record.map(record).transpose()?;
        let mut attached = Attached { recording, outlet, ..Attached::default() };
        if let Some(sound) = &self.sound {
            self.attach_sound(pipeline, tee, sound, &mut attached)?;
        }
        Ok(attached)
    }

    /// A renderer for each that is to be heard: a device cannot wait, and a file has no need to hurry.
    fn attach_sound(
        &self,
        pipeline: &gst::Pipeline,
        tee: &gst::Element,
        sound: &Sound,
        attached: &mut Attached,
    ) -> Result<()> {
        if let Some(path) = self.wav {
            let format = gst::Caps::builder("audio/x-raw").field("format", "S16LE").build();
            let format = with("capsfilter", &[("caps", &format)])?;
            let row = [&make("audioconvert")?, &format, &make("wavenc")?, &file(path)?];
            let (music, overture) = sound.render(pipeline, tee, gst::ClockTime::ZERO, &row)?;
            take_time(&music);
            let written = attached.written.clone();
            elements::for_each_buffer(&elements::pad(row[0], "sink")?, move |_| {
                written.fetch_add(1, Ordering::Relaxed);
            });
            attached.overtures.extend(overture);
        }
        if self.play {
            let row = [&make("audioconvert")?, &make("audioresample")?, &make("autoaudiosink")?];
            let (music, overture) = sound.render(pipeline, tee, sound.latency, &row)?;
            punctual::keep(&music);
            attached.overtures.extend(overture);
        }
        Ok(())
    }
}

impl Sound {
    /// Renders what `tee` has into `row`. Where the messages come to the renderer is returned, and what plays beside
    /// them, `delay` later.
    fn render(
        &self,
        pipeline: &gst::Pipeline,
        tee: &gst::Element,
        delay: gst::ClockTime,
        row: &[&gst::Element],
    ) -> Result<(gst::Pad, Option<Overture>)> {
        // Ours only wraps it, and its error would not name the package.
        make("fluiddec")?;
        let soundfont = self.soundfont.path();
        let render = with("midirender", &[("soundfont", &soundfont), ("tail", &RELEASE.nseconds())])?;
        let funnel = make("funnel")?;
        branch(pipeline, tee, &[&[&funnel, &render], row].concat())?;
        if let Some(mask) = self.rendering.mask.clone() {
            elements::keep(&elements::pad(&render, "sink")?, move |message| is_heard(message, &mask));
        }
        let play = |octets| Overture::put(pipeline, &funnel, octets, delay);
        let overture = self.rendering.overture.clone().map(play).transpose()?;
        Ok((elements::pad(&funnel, "src")?, overture))
    }
}

/// Lets what is behind `pad` go by the times of the messages alone, and not by the clock: all of them are in a file,
/// however busy the machine is.
fn take_time(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::QUERY_UPSTREAM, |_, info| {
        let Some(gst::QueryViewMut::Latency(latency)) = info.query_mut().map(|query| query.view_mut()) else {
            return gst::PadProbeReturn::Ok;
        };
        latency.set(false, gst::ClockTime::ZERO, gst::ClockTime::NONE);
        gst::PadProbeReturn::Handled
    });
}

/// Whether a message is none that the mask hides. The stream is the one name space there is.
fn is_heard(message: &gst::BufferRef, mask: &ChannelMask) -> bool {
    let message = message.map_readable().ok();
    let status = message.as_ref().and_then(|message| message.first().copied());
    status.is_none_or(|status| status >= 0xF0 || mask.hears(0, Channel::masked(status)))
}

/// A row of elements behind `tee`, with a queue without limits, which is returned, so that none waits for another: not
/// for a slow reader of what is printed, for one.
fn branch(pipeline: &gst::Pipeline, tee: &gst::Element, row: &[&gst::Element]) -> Result<gst::Element> {
    let queue = elements::queue()?;
    let row: Vec<&gst::Element> = [&queue].into_iter().chain(row.iter().copied()).collect();
    chain(pipeline, &row)?;
    elements::link(&elements::pad(tee, "src_%u")?, &elements::pad(&queue, "sink")?)?;
    Ok(queue)
}

/// A file sink; that the file can be written is found out now and not at the end of the concert.
fn file(path: &Path) -> Result<gst::Element> {
    std::fs::File::create(path).map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
    with("filesink", &[("location", &path), ("sync", &false), ("async", &false)])
}

/// Writes lines with the time since the first of what they tell.
struct Printer {
    first: Mutex<Option<gst::ClockTime>>,
    /// Nobody reads them any more.
    gone: Arc<AtomicBool>,
}

impl Printer {
    /// One line for each message that `sink` takes.
    fn print_messages(self: Arc<Self>, sink: &gst::Element, print: Print, schedule: Option<Arc<Schedule>>) {
        let line = move |sink: &gst::Element, buffer: &gst::BufferRef| {
            let Ok(message) = buffer.map_readable() else { return };
            let time = buffer.pts().unwrap_or_default();
            let seconds = self.seconds(time);
            self.print(&match print {
                Print::Words => format!("{seconds:9.3}  {}", describe(&message)),
                Print::Json => {
                    let at = schedule.as_ref().map(|it| it.played_at(sink.base_time().unwrap_or_default(), time));
                    let mut event = json!({
                        "type": "event",
                        "time_s": report::seconds(seconds),
                        "octets": hex(&message),
                        "words": describe(&message),
                    });
                    if let Some(at) = at {
                        event["at"] = json!((at * 1e6).round() / 1e6);
                    }
                    event.to_string()
                }
            });
        };
        // Behind the wait for its time, if there is one.
        sink.set_property("signal-handoffs", true);
        sink.connect("handoff", false, move |values| {
            if let (Ok(sink), Ok(buffer)) = (values.first()?.get::<gst::Element>(), values.get(1)?.get::<gst::Buffer>())
            {
                line(&sink, &buffer);
            }
            None
        });
    }

    /// One line for each text of the music.
    fn print_texts(self: Arc<Self>, pad: &gst::Pad, print: Print) {
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if let Some((kind, time, text)) = info.event().and_then(|event| caption(event.structure()?)) {
                let seconds = self.seconds(time);
                self.print(&match print {
                    Print::Words => {
                        printable(&format!("{seconds:9.3}  {:<10}  {}", kind.name(), text.trim())).replace('\n', " ")
                    }
                    Print::Json => {
                        json!({"type": kind.name(), "time_s": report::seconds(seconds), "text": text}).to_string()
                    }
                });
            }
            gst::PadProbeReturn::Ok
        });
    }

    fn seconds(&self, time: gst::ClockTime) -> f64 {
        let first = *self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(time);
        time.saturating_sub(first).seconds_f64()
    }

    fn print(&self, line: &str) {
        // Whatever the reason, there is no use in further lines.
        if !matches!(report::data(line), Ok(Audience::Listening)) {
            self.gone.store(true, Ordering::SeqCst);
        }
    }
}

/// A text of the music in the structure of an `smf-meta` event, and its time.
fn caption(structure: &gst::StructureRef) -> Option<(Kind, gst::ClockTime, String)> {
    match smf_meta::parse(structure)? {
        Told::Meta { time, kind, data } => Some((Kind::from_octet(kind)?, time?, decode_text(&data))),
        Told::Division(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_hides_voices_and_no_system_commands() {
        gst::init().unwrap();
        let mask = ChannelMask::parse("0111111111111111").unwrap();
        let is_heard = |message: &'static [u8]| super::is_heard(&gst::Buffer::from_slice(message), &mask);
        for hidden in [&[0x90, 60, 100][..], &[0xB0, 7, 1], &[0xC0, 5], &[0xE0, 0, 64]] {
            assert!(!is_heard(hidden), "{hidden:x?}");
        }
        for heard in [&[0x91, 60, 100][..], &[0x8F, 60, 0], &[0xFF], &[0xF0, 0x7E, 0x7F, 9, 1, 0xF7], &[0xF9], &[]] {
            assert!(is_heard(heard), "{heard:x?}");
        }
    }
}
