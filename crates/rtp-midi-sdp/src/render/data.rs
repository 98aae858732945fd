//! `rinit` and `smf_*`: what a renderer is given before the first command (RFC 6295, C.6.3 and C.6.4.2).

use std::borrow::Cow;

use super::{MediaType, Source};
use crate::audio_specific_config::{AudioSpecificConfig, Fault};

/// One thing that a renderer is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Data {
    /// What it is.
    pub content: Content,
    /// Where it is.
    pub source: Source,
}

/// What a renderer can be given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// `rinit`: an initialization data object.
    Object(MediaType),
    /// `smf_inline`, `smf_url`, `smf_cid`: a Standard MIDI File.
    StandardMidiFile,
}

/// A Standard MIDI File of a renderer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StandardMidiFile<'a> {
    /// Here it is.
    Octets(Cow<'a, [u8]>),
    /// It, or the object that may contain it, must be fetched.
    Elsewhere(&'a Source),
}

impl Data {
    /// An object of the type `audio/asc`, inline.
    pub fn asc(config: &AudioSpecificConfig) -> Self {
        Self::asc_octets(config.encode())
    }

    pub(super) fn asc_octets(octets: Vec<u8>) -> Self {
        Self { content: Content::Object(MediaType::asc()), source: Source::Inline { octets, id: None } }
    }

    /// Whether it is an object of the type `audio/asc`.
    pub fn is_asc(&self) -> bool {
        matches!(&self.content, Content::Object(media_type) if media_type.is_asc())
    }

    /// The `AudioSpecificConfig`, where it is one and its octets are here.
    pub fn audio_specific_config(&self) -> Option<Result<AudioSpecificConfig, Fault>> {
        self.source.octets().filter(|_| self.is_asc()).map(AudioSpecificConfig::decode)
    }

    /// The Standard MIDI Files in it, in order.
    pub(super) fn files(&self) -> Result<Vec<StandardMidiFile<'_>>, Fault> {
        let file = |octets: &[u8]| StandardMidiFile::Octets(Cow::Owned(octets.to_vec()));
        Ok(match (&self.content, &self.source) {
            (Content::StandardMidiFile, Source::Inline { octets, .. }) => {
                vec![StandardMidiFile::Octets(octets.into())]
            }
            (Content::StandardMidiFile, source) => vec![StandardMidiFile::Elsewhere(source)],
            _ => match self.audio_specific_config() {
                Some(config) => config?.files().map(file).collect(),
                None if self.is_asc() => vec![StandardMidiFile::Elsewhere(&self.source)],
                None => Vec::new(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Render, Renderer, Renderers};
    use super::*;
    use crate::Parameters;
    use crate::audio_specific_config::{Chunk, ObjectType};
    use rtp_midi::Format;

    fn octets(file: &StandardMidiFile<'_>) -> Vec<u8> {
        match file {
            StandardMidiFile::Octets(octets) => octets.to_vec(),
            StandardMidiFile::Elsewhere(source) => source.to_string().into_bytes(),
        }
    }

    fn files(renderer: &Renderer) -> Vec<Vec<u8>> {
        renderer.files().unwrap().iter().map(octets).collect()
    }

    #[test]
    fn files_have_the_order_of_the_object_and_then_of_the_list() {
        let file = |name: &str| Chunk::StandardMidiFile(name.as_bytes().to_vec());
        let chunks = vec![file("first"), file(""), file("second")];
        let config = AudioSpecificConfig::new(ObjectType::GeneralMidi, 44_100, 1, chunks).unwrap();
        let mut renderers = Renderers::from(Renderer::mpeg4(&config));
        renderers.list[0].smf_info = super::super::SmfInfo::SdpStart;
        let text = renderers.print(Format::Mpeg4Generic).unwrap();
        let text = format!(
            "streamtype=5; mode=rtp-midi; profile-level-id=12; {text}; smf_inline=\"dGhpcmQ=\"; \
             smf_url=\"http://x/fourth\""
        );
        let renderers = Renderers::parse(&Parameters::parse(&text), Format::Mpeg4Generic).unwrap();
        let named: [&[u8]; 4] = [b"first", b"second", b"third", b"http://x/fourth"];
        assert_eq!(files(&renderers.list[0]), named);
    }

    #[test]
    fn files_are_ignored_unless_they_are_for_something() {
        let text = "render=unknown; smf_inline=\"TVRoZA==\"; smf_info=";
        let renderer = |info: &str| {
            Renderers::parse(&Parameters::parse(&format!("{text}{info}")), Format::Native).unwrap().list.remove(0)
        };
        assert!(files(&renderer("ignore")).is_empty());
        assert_eq!(files(&renderer("identity")), [b"MThd"]);
        assert!(files(&Renderer::new(Render::Unknown)).is_empty());
    }

    #[test]
    fn an_object_elsewhere_may_have_files() {
        let source = Source::Catalog(super::super::ContentId::new("x").unwrap());
        let asc = Data { content: Content::Object(MediaType::asc()), source: source.clone() };
        assert_eq!(asc.files(), Ok(vec![StandardMidiFile::Elsewhere(&source)]));
        let other = Data { content: Content::Object(MediaType::new("audio/x").unwrap()), source };
        assert_eq!(other.files(), Ok(vec![]));
    }
}
