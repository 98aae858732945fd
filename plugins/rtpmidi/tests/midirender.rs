//! `midirender`: sound comes out, plugs itself in, and says clearly what is missing.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod smf;

use gst::prelude::*;
use smf::{Passed, TempFile, init, made_song, pipeline, play, watch};

/// Root mean square of the samples behind `description`, and how many frames there are.
fn loudness(description: &str) -> (f64, usize) {
    let pipeline = pipeline(&format!("{description} ! audio/x-raw,format=F32LE ! fakesink name=sink sync=false"));
    let passed = watch(&pipeline, "sink", "sink");
    play(&pipeline).unwrap();
    let passed = passed.lock().unwrap();
    let samples = passed.iter().flat_map(|item| match item {
        Passed::Buffer(_, octets) => octets.as_chunks::<4>().0,
        Passed::Event(_) => &[],
    });
    let (sum, count) = samples.fold((0.0, 0), |(sum, count), &octets| {
        let sample = f64::from(f32::from_le_bytes(octets));
        (sum + sample * sample, count + 1)
    });
    ((sum / f64::from(count)).sqrt(), count as usize / 2)
}

fn has_soundfont() -> bool {
    let found = gstrtpmidi::midirender::find_soundfont().is_some() && {
        init();
        gst::ElementFactory::find("fluiddec").is_some()
    };
    if !found {
        println!("skipped: no soundfont or no fluiddec");
    }
    found
}

#[test]
fn a_song_is_heard_with_its_tail() {
    if !has_soundfont() {
        return;
    }
    let file = TempFile::with("heard.mid", &made_song());
    let source = format!("filesrc location={} ! smfparse", file.path());
    let (rms, frames) = loudness(&format!("{source} ! midirender tail=500000000 ! audioconvert"));
    assert!(rms > 0.001, "{rms}");
    let seconds = frames as f64 / 44_100.0;
    let expected = file.song().duration() as f64 / 1e9 + 0.5;
    assert!((seconds - expected).abs() < 0.05, "{seconds} and {expected}");
}

#[test]
fn decodebin_takes_it_rather_than_bare_fluiddec() {
    if !has_soundfont() {
        return;
    }
    let file = TempFile::with("decoded.mid", &made_song());
    let pipeline = pipeline(&format!(
        "filesrc location={} ! smfparse ! decodebin name=decode ! audioconvert ! fakesink sync=false",
        file.path()
    ));
    let plugged = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flag = std::sync::Arc::clone(&plugged);
    let decode = pipeline.by_name("decode").unwrap().downcast::<gst::Bin>().unwrap();
    decode.connect_element_added(move |_, element| {
        if element.factory().is_some_and(|factory| factory.name() == "midirender") {
            flag.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    });
    play(&pipeline).unwrap();
    assert!(plugged.load(std::sync::atomic::Ordering::Relaxed));
}

#[test]
fn a_missing_soundfont_is_an_error_that_names_the_package() {
    if !has_soundfont() {
        return;
    }
    let file = TempFile::with("mute.mid", &made_song());
    let failure = play(&pipeline(&format!(
        "filesrc location={} ! smfparse ! midirender soundfont=/no/such.sf2 ! fakesink",
        file.path()
    )))
    .unwrap_err();
    assert_eq!(failure.text, "no soundfont /no/such.sf2");
    assert!(failure.hint.contains("timgm6mb-soundfont"), "{}", failure.hint);
}
