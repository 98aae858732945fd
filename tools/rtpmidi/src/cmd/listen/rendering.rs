//! How the description wants its stream rendered, and what of that is done here (RFC 6295, C.6).

use std::fmt::Write;

use rtp_midi_sdp::render::{
    Abilities, ChannelMask, Multimode, Render, Renderer, Renderers, SmfInfo, StandardMidiFile, Verdict,
};
use smf_timeline::Song;

/// What the synthesiser is to do besides playing the stream.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Rendering {
    /// The voice channels that are heard, if not all.
    pub(super) mask: Option<ChannelMask>,
    /// A Standard MIDI File that plays from the start, together with the stream.
    pub(super) overture: Option<Vec<u8>>,
    /// What of the description is not done, each in a line.
    pub(super) left_out: Vec<String>,
}

impl Rendering {
    /// What one synthesiser for General MIDI, which has one name space, makes of these renderers; or why it is silent.
    pub(super) fn of(renderers: &Renderers) -> Result<Self, String> {
        // Another stream says how this one is rendered, and is not listened to.
        if renderers.list.is_empty() {
            return Ok(Self::default());
        }
        let [renderer, others @ ..] = &renderers.chosen(&abilities())[..] else { return Err(refusals(renderers)) };
        if renderer.render == Render::Null {
            return Err("the description wants the stream discarded (render=null)".to_owned());
        }
        let mut rendering = Self { mask: renderer.chanmask.clone(), ..Self::default() };
        if renderers.multimode == Multimode::All && !others.is_empty() {
            rendering.left_out.push(format!("{} more renderers that multimode=all asks for", others.len()));
        }
        rendering.take_files(renderer)?;
        Ok(rendering)
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
            self.left_out.push(format!("{} Standard MIDI Files for further name spaces", files.len() - 1));
        }
        Ok(())
    }
}

/// What this program can do.
fn abilities() -> Abilities {
    Abilities { smf_infos: vec![SmfInfo::SdpStart], chanmask: true, ..Abilities::general_midi() }
}

/// Why none of the renderers is taken.
fn refusals(renderers: &Renderers) -> String {
    let mut words = String::new();
    for verdict in renderers.verdicts(&abilities()) {
        if let Verdict::Refused(refusal) = verdict {
            let comma = if words.is_empty() { "" } else { ", " };
            // Writing to a string does not fail.
            let _ = write!(words, "{comma}{refusal}");
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp_midi::Format;
    use rtp_midi_sdp::Parameters;

    fn of(text: &str) -> Result<Rendering, String> {
        Rendering::of(&Renderers::parse(&Parameters::parse(text), Format::Native).unwrap())
    }

    fn in_mpeg4(text: &str) -> Result<Rendering, String> {
        let text = format!("streamtype=5; mode=rtp-midi; profile-level-id=12; config=\"\"; {text}");
        Rendering::of(&Renderers::parse(&Parameters::parse(&text), Format::Mpeg4Generic).unwrap())
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
    fn the_first_file_is_played_where_files_are_to_be_played() {
        // The file in the examples of RFC 6295, whose track says that it is longer than it is.
        let general_midi = "render=synthetic; rinit=audio/asc; inline=\"egoAAAAaTVRoZAAAAAYAAAABAGBNVHJrAAAABgD/LwAA\"";
        assert_eq!(in_mpeg4(general_midi).unwrap().overture, None);
        let start = in_mpeg4(&format!("{general_midi}; smf_info=sdp_start; smf_inline=\"\"")).unwrap();
        assert_eq!(start.overture.as_deref().map(<[u8]>::len), Some(26));
        assert_eq!(start.left_out, ["1 Standard MIDI Files for further name spaces"]);
        assert_eq!(in_mpeg4(&format!("{general_midi}; smf_info=identity")).unwrap().overture, None);
        let broken = of("render=synthetic; smf_info=sdp_start; smf_inline=\"TVRoZA==\"").unwrap_err();
        assert!(broken.starts_with("its Standard MIDI File (smf_info=sdp_start) cannot be read: "), "{broken}");
    }

    #[test]
    fn one_synthesiser_plays_one_renderer() {
        let rendering = of("multimode=all; render=synthetic; chanmask=0111111111111111; render=unknown").unwrap();
        assert_eq!(rendering.mask, ChannelMask::parse("0111111111111111"));
        assert_eq!(rendering.left_out, ["1 more renderers that multimode=all asks for"]);
    }
}
