//! How the description wants its stream rendered, and what of that is done here (RFC 6295, C.6).

use std::fmt::Write;

use rtp_midi_sdp::audio_specific_config::{Chunk, ObjectType};
use rtp_midi_sdp::render::{
    Abilities, ChannelMask, Content, ContentId, MediaType, Multimode, Refusal, Render, Renderer, Renderers, SmfInfo,
    Source, StandardMidiFile, Url, Verdict,
};
use smf_timeline::Song;

use super::soundfont::starts_like_a_soundfont;

/// What the synthesiser is to do besides playing the stream.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Rendering {
    /// The voice channels that are heard, if not all.
    pub(super) mask: Option<ChannelMask>,
    /// A Standard MIDI File that plays from the start, together with the stream.
    pub(super) overture: Option<Vec<u8>>,
    /// The instruments that the description brings.
    pub(super) soundfont: Option<Vec<u8>>,
    /// What of the description is not done, each in a line.
    pub(super) left_out: Vec<String>,
}

impl Rendering {
    /// What one synthesiser for General MIDI, which has one name space, makes of these renderers; or why it is silent.
    /// What is not in the description is fetched, if that is allowed.
    pub(super) fn of(renderers: &Renderers, fetch: Option<Fetch<'_>>) -> Result<Self, String> {
        // Another stream says how this one is rendered, and is not listened to.
        if renderers.list.is_empty() {
            return Ok(Self::default());
        }
        let (renderers, failures) = &fetched(renderers.clone(), fetch);
        let chosen = renderers.chosen(&abilities());
        let [renderer, others @ ..] = &chosen[..] else { return Err(refusals(renderers, failures)) };
        if renderer.render == Render::Null {
            return Err("the description wants the stream discarded (render=null)".to_owned());
        }
        let mut rendering = Self { mask: renderer.chanmask.clone(), ..Self::default() };
        if renderers.multimode == Multimode::All && !others.is_empty() {
            rendering.left_out.push(format!("further renderers that multimode=all asks for ({})", others.len()));
        }
        rendering.take_soundfonts(renderer)?;
        rendering.take_files(renderer)?;
        Ok(rendering)
    }

    /// The instruments: a soundfont, or the DLS file of wavetable synthesis, which cannot do without.
    fn take_soundfonts(&mut self, renderer: &Renderer) -> Result<(), String> {
        let (mut banks, mut is_wavetable) = (Vec::new(), false);
        for data in &renderer.data {
            if matches!(&data.content, Content::Object(kind) if soundfonts().contains(kind)) {
                banks.extend(data.source.octets().map(<[u8]>::to_vec));
            }
            if let Some(Ok(config)) = data.audio_specific_config() {
                is_wavetable |= config.object_type() == ObjectType::Wavetable;
                banks.extend(config.chunks().iter().filter_map(|chunk| match chunk {
                    Chunk::SampleBank(octets) => Some(octets.clone()),
                    _ => None,
                }));
            }
        }
        // Memory can be read without fail.
        if !banks.iter().all(|bank| starts_like_a_soundfont(&bank[..]).unwrap_or_default()) {
            return Err("what the description brings is neither a soundfont nor a DLS file".to_owned());
        }
        if is_wavetable && banks.is_empty() {
            return Err("wavetable synthesis without a DLS file".to_owned());
        }
        let mut banks = banks.into_iter();
        self.soundfont = banks.next();
        if banks.len() > 0 {
            self.left_out.push(format!("further files with instruments ({})", banks.len()));
        }
        Ok(())
    }

    /// The first file belongs to the first name space; there are no further ones.
    fn take_files(&mut self, renderer: &Renderer) -> Result<(), String> {
        if renderer.smf_info != SmfInfo::SdpStart {
            return Ok(());
        }
        let files = renderer.files().map_err(|fault| fault.to_string())?;
        if let Some(StandardMidiFile::Octets(octets)) = files.first() {
            let unreadable = |error| format!("its Standard MIDI File (smf_info=sdp_start) cannot be read: {error}");
            Song::salvage(octets, 0).map_err(unreadable)?;
            self.overture = Some(octets.to_vec());
        }
        if files.len() > 1 {
            self.left_out.push(format!("Standard MIDI Files for further name spaces ({})", files.len() - 1));
        }
        Ok(())
    }
}

/// Whether anything is to be fetched for any of the renderers.
pub(super) fn names_urls(renderers: &Renderers) -> bool {
    let data = renderers.list.iter().flat_map(|renderer| &renderer.data);
    data.into_iter().any(|data| matches!(data.source, Source::Url { .. }))
}

/// How the object at a URL is had; under its name, if it has one, a copy may be kept.
pub(super) type Fetch<'a> = &'a dyn Fn(&Url, Option<&ContentId>) -> Result<Vec<u8>, String>;

/// Objects that could not be had, and why.
type Failures = Vec<(Source, String)>;

/// What this program can do.
pub(in crate::cmd) fn abilities() -> Abilities {
    Abilities {
        object_types: vec![ObjectType::GeneralMidi, ObjectType::Wavetable],
        media_types: soundfonts(),
        smf_infos: vec![SmfInfo::SdpStart],
        chanmask: true,
        ..Abilities::general_midi()
    }
}

/// The names under which DLS files and soundfonts are known; of those of soundfonts none is registered.
fn soundfonts() -> Vec<MediaType> {
    let registered = ["audio/dls"];
    let others = ["audio/x-soundfont", "audio/x-sf2", "audio/sf2", "audio/soundfont", "application/x-soundfont"];
    registered.into_iter().chain(others).filter_map(MediaType::new).collect()
}

/// The renderers with what has been fetched for them: only what is needed to choose the first that can be done.
fn fetched(mut renderers: Renderers, fetch: Option<Fetch<'_>>) -> (Renderers, Failures) {
    let mut failures = Failures::new();
    while let Some(fetch) = fetch
        && let Some(source @ Source::Url { url, id }) = &wanted(&renderers, &failures)
    {
        match fetch(url, id.as_ref()) {
            Ok(octets) => renderers.put(source, &octets),
            Err(reason) => failures.push((source.clone(), format!("{url} cannot be fetched: {reason}"))),
        }
    }
    (renderers, failures)
}

/// What the best renderer lacks that may be one, other than failures.
fn wanted(renderers: &Renderers, failures: &Failures) -> Option<Source> {
    let verdicts = renderers.list.iter().zip(renderers.verdicts(&abilities()));
    let plays =
        |(renderer, verdict): &(&Renderer, Verdict)| *verdict == Verdict::Chosen && renderer.render != Render::Null;
    verdicts.take_while(|one| !plays(one)).find_map(|(_, verdict)| match verdict {
        Verdict::Refused(Refusal::Elsewhere(source)) if failures.iter().all(|(failed, _)| *failed != source) => {
            Some(source)
        }
        _ => None,
    })
}

/// Why none of the renderers is taken.
fn refusals(renderers: &Renderers, failures: &Failures) -> String {
    let mut words = String::new();
    for verdict in renderers.verdicts(&abilities()) {
        let Verdict::Refused(refusal) = verdict else { continue };
        let failure = failures.iter().find(|(source, _)| refusal == Refusal::Elsewhere(source.clone()));
        let comma = if words.is_empty() { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = match failure {
            Some((_, reason)) => write!(words, "{comma}{reason}"),
            None => write!(words, "{comma}{refusal}"),
        };
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    use rtp_midi::Format;
    use rtp_midi_sdp::Parameters;
    use rtp_midi_sdp::audio_specific_config::AudioSpecificConfig;

    fn of(text: &str) -> Result<Rendering, String> {
        Rendering::of(&Renderers::parse(&Parameters::parse(text), Format::Native).unwrap(), None)
    }

    fn in_mpeg4(text: &str) -> Result<Rendering, String> {
        let text = format!("streamtype=5; mode=rtp-midi; profile-level-id=12; config=\"\"; {text}");
        Rendering::of(&Renderers::parse(&Parameters::parse(&text), Format::Mpeg4Generic).unwrap(), None)
    }

    const SOUNDFONT: &[u8] = b"RIFF\x04\0\0\0sfbkLIST";

    /// With a web that has a soundfont and nothing else; and what was asked for.
    fn with_web(text: &str) -> (Result<Rendering, String>, Vec<String>) {
        let asked = RefCell::new(Vec::new());
        let fetch = |url: &Url, _: Option<&ContentId>| {
            asked.borrow_mut().push(url.to_string());
            if url.as_str() == "http://a/b.sf2" { Ok(SOUNDFONT.to_vec()) } else { Err("no".to_owned()) }
        };
        let renderers = Renderers::parse(&Parameters::parse(text), Format::Native).unwrap();
        (Rendering::of(&renderers, Some(&fetch)), asked.take())
    }

    #[test]
    fn what_is_elsewhere_is_fetched_if_it_is_needed_and_that_is_allowed() {
        let here = "render=synthetic; rinit=audio/x-soundfont; url=\"http://a/b.sf2\"";
        assert_eq!(of(here).unwrap_err(), "its data are not in the description: http://a/b.sf2");
        let (rendering, asked) = with_web(&format!("{here}; render=unknown; rinit=audio/sf2; url=\"http://c/\""));
        assert_eq!(
            (rendering.unwrap().soundfont, asked),
            (Some(SOUNDFONT.to_vec()), vec!["http://a/b.sf2".to_owned()])
        );
        let missing = "render=synthetic; rinit=audio/sf2; url=\"https://c/\"";
        let (rendering, asked) = with_web(missing);
        assert_eq!((rendering.unwrap_err().as_str(), asked.len()), ("https://c/ cannot be fetched: no", 1));
        let (rendering, asked) = with_web(&format!("render=null; {missing}; render=unknown"));
        assert_eq!((rendering, asked.len()), (Ok(Rendering::default()), 1));
        assert_eq!(with_web("render=foo; subrender=bar; smf_url=\"http://c/\"").1.len(), 0);
    }

    #[test]
    fn without_a_word_about_it_the_stream_is_played() {
        for text in
            ["", "render=unknown", "render=synthetic; chanmask=1111111111111111", "render=foo; render=synthetic"]
        {
            assert!(of(text).unwrap().left_out.is_empty(), "{text}");
        }
        assert_eq!(in_mpeg4(""), Ok(Rendering::default()));
        assert_eq!(in_mpeg4("config=7A0A0000000000"), Ok(Rendering::default()));
    }

    #[test]
    fn what_cannot_be_rendered_has_a_reason() {
        assert_eq!(of("render=null").unwrap_err(), "the description wants the stream discarded (render=null)");
        assert_eq!(
            of("render=api; render=synthetic; subrender=foo").unwrap_err(),
            "render=api cannot be done here, subrender=foo is not known"
        );
        assert_eq!(
            in_mpeg4("config=6A0A0000000000").unwrap_err(),
            "Structured Audio (audio object type 13) cannot be rendered"
        );
        assert_eq!(
            in_mpeg4("render=synthetic; rinit=audio/asc; url=\"http://example.net/a.acn\"").unwrap_err(),
            "its data are not in the description: http://example.net/a.acn"
        );
    }

    #[test]
    fn wavetable_synthesis_brings_its_instruments() {
        let banks = |banks: &[&[u8]]| {
            let empty = Chunk::StandardMidiFile(Vec::new());
            let chunks = banks.iter().map(|bank| Chunk::SampleBank(bank.to_vec())).chain([empty]).collect();
            let config = AudioSpecificConfig::new(ObjectType::Wavetable, 44_100, 1, chunks).unwrap();
            in_mpeg4(&format!("config={}", config.print()))
        };
        let dls: &[u8] = b"RIFF\x04\0\0\0DLS ";
        assert_eq!(banks(&[dls]).unwrap().soundfont.as_deref(), Some(dls));
        assert_eq!(banks(&[dls, SOUNDFONT]).unwrap().left_out, ["further files with instruments (1)"]);
        assert_eq!(banks(&[]).unwrap_err(), "wavetable synthesis without a DLS file");
        assert!(banks(&[b"RIFF"]).unwrap_err().contains("neither a soundfont nor a DLS file"));
    }

    #[test]
    fn the_first_file_is_played_where_files_are_to_be_played() {
        // The file in the examples of RFC 6295, whose track says that it is longer than it is.
        let general_midi = "render=synthetic; rinit=audio/asc; inline=\"egoAAAAaTVRoZAAAAAYAAAABAGBNVHJrAAAABgD/LwAA\"";
        assert_eq!(in_mpeg4(general_midi).unwrap().overture, None);
        let start = in_mpeg4(&format!("{general_midi}; smf_info=sdp_start; smf_inline=\"\"")).unwrap();
        assert_eq!(start.overture.as_deref().map(<[u8]>::len), Some(26));
        assert_eq!(start.left_out, ["Standard MIDI Files for further name spaces (1)"]);
        assert_eq!(in_mpeg4(&format!("{general_midi}; smf_info=identity")).unwrap().overture, None);
        let broken = of("render=synthetic; smf_info=sdp_start; smf_inline=\"TVRoZA==\"").unwrap_err();
        assert!(broken.starts_with("its Standard MIDI File (smf_info=sdp_start) cannot be read: "), "{broken}");
    }

    #[test]
    fn one_synthesiser_plays_one_renderer() {
        let rendering = of("multimode=all; render=synthetic; chanmask=0111111111111111; render=unknown").unwrap();
        assert_eq!(rendering.mask, ChannelMask::parse("0111111111111111"));
        assert_eq!(rendering.left_out, ["further renderers that multimode=all asks for (1)"]);
    }
}
