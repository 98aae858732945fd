//! [`Renderers`] to [`Parameters`]: exactly as RFC 6295, C.6 and appendix D want them.

use std::fmt::Display;

use rtp_midi::Format;

use super::{Content, Data, Multimode, Renderer, Renderers, SmfInfo, Source, base64, rules};
use crate::{Error, Parameters};

impl Renderers {
    /// The parameters for a stream of this format, which go behind those of [`Parameters::of`]; in an mpeg4-generic
    /// stream with an empty `config` to replace its own.
    ///
    /// An error if such a stream must not have such a renderer, or if the syntax has no words for it: a file in front
    /// of the first object, an identifier for what stands before.
    pub fn print(&self, format: Format) -> Result<Parameters, Error> {
        self.check(format)?;
        let mut parameters = Parameters::new();
        if format == Format::Mpeg4Generic {
            parameters.push("config", "\"\"");
        }
        if self.multimode == Multimode::All {
            parameters.push("multimode", "all");
        }
        for renderer in &self.list {
            renderer.print(&mut parameters)?;
        }
        Ok(parameters)
    }
}

impl Renderer {
    fn print(&self, parameters: &mut Parameters) -> Result<(), Error> {
        parameters.push("render", &self.render);
        if let Some(subrender) = &self.subrender {
            parameters.push("subrender", subrender);
            if self.extras.iter().any(|extra| !rules::is_extra(&extra.name, subrender)) {
                let rule = "is followed by a parameter whose name does not begin with it (C.6.2)";
                return Err(Error::Rule { name: "subrender", rule });
            }
            parameters.extend(self.extras.clone());
        }
        let is_file = |data: &Data| data.content == Content::StandardMidiFile;
        let objects = self.data.iter().take_while(|data| !is_file(data)).count();
        if objects == 0 && self.data.iter().any(|data| !is_file(data)) {
            return Err(Error::Rule {
                name: "rinit",
                rule: "must stand before smf_inline, smf_url and smf_cid (C.6.3)",
            });
        }
        for data in &self.data[..objects] {
            data.print(parameters);
        }
        if self.smf_info != SmfInfo::Ignore {
            parameters.push("smf_info", &self.smf_info);
        }
        let mut unnamed = false;
        for data in &self.data[objects..] {
            if unnamed && is_file(data) && matches!(data.source, Source::Catalog(_)) {
                return Err(Error::Rule { name: "smf_cid", rule: "would name the file before it (C.6.4.2)" });
            }
            data.print(parameters);
            unnamed = is_file(data) && data.source.id().is_none();
        }
        if let Some(mask) = &self.chanmask {
            parameters.push("chanmask", mask);
        }
        Ok(())
    }
}

impl Data {
    fn print(&self, parameters: &mut Parameters) {
        let [inline, url, cid] = match &self.content {
            Content::Object(media_type) => {
                parameters.push("rinit", media_type);
                ["inline", "url", "cid"]
            }
            Content::StandardMidiFile => ["smf_inline", "smf_url", "smf_cid"],
        };
        match &self.source {
            Source::Inline { octets, .. } => parameters.push(inline, quoted(base64::encode(octets))),
            Source::Url { url: address, .. } => parameters.push(url, quoted(address)),
            Source::Catalog(_) => {}
        }
        if let Some(id) = self.source.id() {
            parameters.push(cid, quoted(id));
        }
    }
}

fn quoted(text: impl Display) -> String {
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::super::{ChannelMask, ContentId, MediaType, Render, SmfInfo, Token, Url};
    use super::*;
    use crate::audio_specific_config::AudioSpecificConfig;
    use proptest::prelude::*;

    fn printed(renderers: &Renderers, format: Format) -> String {
        renderers.print(format).unwrap().to_string()
    }

    #[test]
    fn the_examples_of_the_rfc_are_printed_as_they_stand() {
        for text in [
            "config=\"\"; render=synthetic; rinit=audio/asc; inline=\"egoAAAAaTVRoZAAAAAYAAAABAGBNVHJrAAAABgD/LwAA\"",
            "config=\"\"; render=synthetic; rinit=audio/asc; url=\"http://example.net/oski.asc\"; \
             cid=\"xjflsoeiurvpa09itnvlduihgnvet98pa3w9utnuighbuk\"",
        ] {
            let four = format!("streamtype=5; mode=rtp-midi; profile-level-id=12; {text}");
            let renderers = Renderers::parse(&Parameters::parse(&four), Format::Mpeg4Generic).unwrap();
            assert_eq!(printed(&renderers, Format::Mpeg4Generic), text);
        }
    }

    #[test]
    fn each_parameter_stands_where_the_rfc_wants_it() {
        let scattered = "render=synthetic; chanmask=0111111111111111; rinit=audio/x; url=\"https://x/\"; cid=\"y\"; \
                         smf_info=sdp_start; smf_url=\"https://z/\"; subrender=foo; render=api; rinit=audio/x; \
                         inline=\"AA\"; subrender=foo; foo_depth=3; render=unknown; multimode=all";
        let renderers = Renderers::parse(&Parameters::parse(scattered), Format::Native).unwrap();
        assert_eq!(
            printed(&renderers, Format::Native),
            "multimode=all; render=synthetic; subrender=foo; rinit=audio/x; url=\"https://x/\"; cid=\"y\"; \
             smf_info=sdp_start; smf_url=\"https://z/\"; chanmask=0111111111111111; \
             render=api; subrender=foo; foo_depth=3; rinit=audio/x; inline=\"AA==\"; render=unknown"
        );
    }

    #[test]
    fn what_no_description_can_say_is_not_printed() {
        let words = |text: &str| {
            let renderers = Renderers::parse(&Parameters::parse(text), Format::Native).unwrap();
            renderers.print(Format::Native).unwrap_err().to_string()
        };
        assert_eq!(
            words("render=api; smf_cid=\"a\"; rinit=audio/x; cid=\"b\""),
            "rinit must stand before smf_inline, smf_url and smf_cid (C.6.3)"
        );
        assert_eq!(
            words("render=api; smf_url=\"http://x/\"; chanmask=1111111111111111; smf_cid=\"a\""),
            "smf_cid would name the file before it (C.6.4.2)"
        );
    }

    #[test]
    fn what_a_stream_must_not_have_is_not_printed() {
        let general_midi = Renderers::from(Renderer::mpeg4(&AudioSpecificConfig::general_midi(44_100, 1)));
        assert!(general_midi.print(Format::Mpeg4Generic).is_ok() && general_midi.print(Format::Native).is_err());
        let api = Renderers::from(Renderer::new(Render::Api));
        assert!(api.print(Format::Native).is_ok() && api.print(Format::Mpeg4Generic).is_err());
        let foreign = Renderer {
            subrender: Token::new("foo"),
            extras: Parameters::parse("bar_x=1"),
            ..Renderer::new(Render::Synthetic)
        };
        assert!(Renderers::from(foreign).print(Format::Native).is_err());
    }

    fn any_id() -> impl Strategy<Value = ContentId> {
        "[A-Za-z0-9@,;:/?=\\[\\]]{1,8}".prop_filter_map("an identifier", |text| ContentId::new(&text))
    }

    fn any_source() -> impl Strategy<Value = Source> {
        let id = || prop::option::of(any_id());
        let url = "https?://[a-z]{1,5}/[a-z;=?,]{0,5}".prop_filter_map("a URL", |text| Url::new(&text));
        prop_oneof![
            (any::<Vec<u8>>(), id()).prop_map(|(octets, id)| Source::Inline { octets, id }),
            (url, id()).prop_map(|(url, id)| Source::Url { url, id }),
            any_id().prop_map(Source::Catalog),
        ]
    }

    fn any_renderer() -> impl Strategy<Value = Renderer> {
        let object = ("(audio|application)/x[a-z]{0,4}", any_source())
            .prop_filter_map("an object", |(text, source)| {
                Some(Data { content: Content::Object(MediaType::new(&text)?), source })
            });
        let file = any_source().prop_map(|source| Data { content: Content::StandardMidiFile, source });
        let smf_infos = [SmfInfo::Ignore, SmfInfo::Identity, SmfInfo::SdpStart];
        let mask = (any::<u16>(), prop::collection::vec(any::<u16>(), 0..3))
            .prop_map(|(first, further)| further.into_iter().fold(ChannelMask::new(first), ChannelMask::and));
        (
            prop::sample::select(vec!["unknown", "synthetic", "api", "null", "foo"]),
            prop::option::of(Just("bar")),
            prop::collection::vec(object, 0..3),
            prop::collection::vec(file, 0..3),
            prop::sample::select(smf_infos.to_vec()),
            prop::option::of(mask),
        )
            .prop_map(|(render, subrender, objects, files, smf_info, chanmask)| Renderer {
                render: Token::new(render).unwrap().into(),
                subrender: subrender.and_then(Token::new),
                extras: subrender.map(|_| Parameters::parse("bar_x=1; bar_y=\"2;3\"")).unwrap_or_default(),
                data: objects.into_iter().chain(files).collect(),
                smf_info,
                chanmask,
            })
    }

    proptest! {
        #[test]
        fn what_is_printed_is_parsed(list in prop::collection::vec(any_renderer(), 1..4), all: bool) {
            let multimode = if all { Multimode::All } else { Multimode::One };
            let renderers = Renderers { multimode, list };
            if let Ok(parameters) = renderers.print(Format::Native) {
                let text = parameters.to_string();
                prop_assert_eq!(Renderers::parse(&Parameters::parse(&text), Format::Native), Ok(renderers));
            }
        }

        #[test]
        fn random_parameters_do_no_harm(
            parameters in prop::collection::vec(
                (
                    "multimode|(sub)?render|rinit|(smf_)?(inline|url|cid|info)|chanmask|config|mode|streamtype",
                    "all|null|foo|audio/asc|5|rtp-midi|[01]{16}|\"[A-Za-z0-9+/]{0,12}=?\"|\"https?://a\"|\\PC{0,9}",
                ),
                0..12,
            ),
        ) {
            let text: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let parameters = Parameters::parse(&text.join("; "));
            for format in [Format::Native, Format::Mpeg4Generic] {
                if let Ok(renderers) = Renderers::parse(&parameters, format) {
                    let _ = renderers.print(format);
                }
            }
        }
    }
}
