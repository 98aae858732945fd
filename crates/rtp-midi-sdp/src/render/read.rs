//! [`Parameters`] to [`Renderers`]: lenient about form, not about what contradicts itself (RFC 6295, C.6).
//!
//! Letter case, quotes, Base64 padding and the order of what belongs to one renderer are read as they come. An order
//! in which nobody can tell what belongs to what is an error, and so is a value that says nothing.

use rtp_midi::Format;

use super::value::{self, Place};
use super::{Content, ContentId, Data, MediaType, Render, Renderer, Renderers, SmfInfo, Source};
use crate::audio_specific_config::octets;
use crate::{Error, Parameter, Parameters, Stream};

impl Stream {
    /// What is to become of the stream; see [`Renderers::parse`].
    pub fn renderers(&self) -> Result<Renderers, Error> {
        Renderers::parse(&self.parameters, self.format)
    }
}

impl Renderers {
    /// Parses the parameters of a stream. Where they name no renderer, the list has the default one.
    pub fn parse(parameters: &Parameters, format: Format) -> Result<Self, Error> {
        let mut reading = Reading::default();
        for parameter in parameters {
            reading.take(parameter)?;
        }
        let mut renderers = reading.finish()?;
        renderers.take_config(parameters, format)?;
        renderers.check(format)?;
        Ok(renderers)
    }

    /// What stands in `config` (6.2), and in its place where a stream is native.
    fn take_config(&mut self, parameters: &Parameters, format: Format) -> Result<(), Error> {
        if format == Format::Native {
            if self.list.is_empty() {
                self.list.push(Renderer::new(Render::Unknown));
            }
            return Ok(());
        }
        super::rules::check_mpeg4(parameters)?;
        let config = value::unquoted(parameters.last("config").unwrap_or_default());
        if config.is_empty() {
            return Ok(());
        }
        if !self.list.is_empty() {
            return Err(Error::Rule {
                name: "config",
                rule: "must be \"\" where render describes the renderer (C.6.5)",
            });
        }
        let data = Data::asc_octets(octets(config)?);
        self.list.push(Renderer { data: vec![data], ..Renderer::new(Render::Synthetic) });
        Ok(())
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    renderers: Renderers,
    /// Whether the renderer that is being read has its `subrender`.
    has_subrender: bool,
    /// An `rinit` that waits for the place of its object.
    rinit: Option<MediaType>,
    /// Whether the parameter before was one that a `smf_cid` can belong to.
    behind_file: bool,
}

impl Reading {
    fn take(&mut self, parameter: &Parameter) -> Result<(), Error> {
        let text = parameter.value.as_str();
        let behind_file = std::mem::take(&mut self.behind_file);
        match parameter.name.to_ascii_lowercase().as_str() {
            "multimode" => self.renderers.multimode = value::multimode(text)?,
            "render" => {
                self.finish_object()?;
                self.renderers.list.push(Renderer::new(value::token("render", text)?.into()));
                self.has_subrender = false;
            }
            "subrender" => {
                self.renderer("subrender")?.subrender = value::subrender(text)?;
                if std::mem::replace(&mut self.has_subrender, true) {
                    return Err(Error::Rule { name: "subrender", rule: "stands twice for one render (C.6.2)" });
                }
            }
            "rinit" => {
                self.finish_object()?;
                self.renderer("rinit")?;
                self.rinit = Some(value::media_type(text)?);
            }
            "inline" => self.object("inline", value::inline("inline", text)?)?,
            "url" => self.object("url", value::url("url", text)?)?,
            "cid" => self.object("cid", Place::Id(value::id("cid", text)?))?,
            "smf_inline" => self.file("smf_inline", value::inline("smf_inline", text)?)?,
            "smf_url" => self.file("smf_url", value::url("smf_url", text)?)?,
            "smf_cid" => self.file_id(value::id("smf_cid", text)?, behind_file)?,
            "smf_info" => self.renderer("smf_info")?.smf_info = SmfInfo::from(value::token("smf_info", text)?),
            "chanmask" => {
                let mask = value::mask(text)?;
                self.renderer("chanmask")?.chanmask = Some(mask);
            }
            name => self.extra(name, parameter),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Renderers, Error> {
        self.finish_object()?;
        Ok(self.renderers)
    }

    /// The renderer that `name` belongs to.
    fn renderer(&mut self, name: &'static str) -> Result<&mut Renderer, Error> {
        let rule = "stands before the render it belongs to (C.6)";
        self.renderers.list.last_mut().ok_or(Error::Rule { name, rule })
    }

    /// An `rinit` must have had its object, unless there is nothing to initialize.
    fn finish_object(&mut self) -> Result<(), Error> {
        let is_needed = self.rinit.take().is_some()
            && self.renderers.list.last().is_some_and(|last| !matches!(last.render, Render::Null | Render::Unknown));
        let rule = "is not followed by inline, url or cid (C.6.3)";
        if is_needed { Err(Error::Rule { name: "rinit", rule }) } else { Ok(()) }
    }

    /// A place for the object of the last `rinit`, or an identifier for one that has its place.
    fn object(&mut self, name: &'static str, place: Place) -> Result<(), Error> {
        let rinit = self.rinit.take();
        let data = &mut self.renderer(name)?.data;
        if let Some(media_type) = rinit {
            data.push(Data { content: Content::Object(media_type), source: place.into() });
            return Ok(());
        }
        let last = data.iter_mut().rfind(|data| data.content != Content::StandardMidiFile);
        match (last.map(|data| &mut data.source), place) {
            (Some(Source::Inline { id: id @ None, .. } | Source::Url { id: id @ None, .. }), Place::Id(given)) => {
                *id = Some(given);
                Ok(())
            }
            (None, _) => Err(Error::Rule { name, rule: "stands before any rinit (C.6.3)" }),
            (Some(_), _) => Err(Error::Rule { name, rule: "is a second place or name of one object (C.6.3)" }),
        }
    }

    fn file(&mut self, name: &'static str, place: Place) -> Result<(), Error> {
        let file = Data { content: Content::StandardMidiFile, source: place.into() };
        self.renderer(name)?.data.push(file);
        self.behind_file = true;
        Ok(())
    }

    /// The identifier of the file right before it, else a file of its own.
    fn file_id(&mut self, given: ContentId, behind_file: bool) -> Result<(), Error> {
        let data = &mut self.renderer("smf_cid")?.data;
        match data.last_mut().map(|last| &mut last.source) {
            Some(Source::Inline { id, .. } | Source::Url { id, .. }) if behind_file => *id = Some(given),
            _ => data.push(Data { content: Content::StandardMidiFile, source: Source::Catalog(given) }),
        }
        Ok(())
    }

    /// Keeps a parameter that the registration of the subrender defines: `foo_bar` for `foo`.
    fn extra(&mut self, name: &str, parameter: &Parameter) {
        if let Some(renderer) = self.renderers.list.last_mut()
            && let Some(subrender) = &renderer.subrender
            && super::rules::is_extra(name, subrender)
        {
            renderer.extras.push(&parameter.name, &parameter.value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ChannelMask, Multimode, Token};
    use super::*;
    use crate::audio_specific_config::ObjectType;

    const GM: &str = "egoAAAAaTVRoZAAAAAYAAAABAGBNVHJrAAAABgD/LwAA";

    fn native(text: &str) -> Result<Renderers, Error> {
        Renderers::parse(&Parameters::parse(text), Format::Native)
    }

    /// With the four parameters that must be there.
    fn mpeg4(text: &str) -> Result<Renderers, Error> {
        let text = format!("streamtype=5; mode=rtp-midi; profile-level-id=12; config=\"\"; {text}");
        Renderers::parse(&Parameters::parse(&text), Format::Mpeg4Generic)
    }

    fn words<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
        result.unwrap_err().to_string()
    }

    /// The sources of the only renderer, in a few words.
    fn sources(text: &str) -> Vec<String> {
        let [renderer] = &native(text).unwrap().list[..] else { panic!("one renderer") };
        let name = |source: &Source| source.id().map_or(String::new(), |id| format!(" as {id}"));
        renderer.data.iter().map(|data| format!("{}{}", data.source, name(&data.source))).collect()
    }

    fn id(text: &str) -> Option<ContentId> {
        ContentId::new(text)
    }

    #[test]
    fn without_render_the_kind_of_stream_decides() {
        assert_eq!(native("j_sec=none"), Ok(Renderer::new(Render::Unknown).into()));
        let config = "7A0A0000001A4D546864000000060000000100604D54726B0000000600FF2F000";
        let minimal = mpeg4(&format!("config={config}")).unwrap();
        assert_eq!(minimal, mpeg4(&format!("render=synthetic; rinit=audio/asc; inline=\"{GM}\"")).unwrap());
        assert_eq!(minimal.list[0].smf_info, SmfInfo::Ignore);
        let described = minimal.list[0].audio_specific_config().unwrap().unwrap();
        assert_eq!(described.object_type(), ObjectType::GeneralMidi);
        assert_eq!(mpeg4("musicport=5"), Ok(Renderers::default()));
    }

    #[test]
    fn each_render_begins_a_renderer_and_takes_what_follows() {
        let text = "multimode=all; render=synthetic; subrender=foo; foo_bar=1; baz_bar=2; chanmask=0111111111111111; \
                    render=api; smf_info=identity; render=foo; render=null; render=unknown; guardtime=5";
        let renderers = native(text).unwrap();
        assert_eq!(renderers.multimode, Multimode::All);
        let kinds: Vec<String> = renderers.list.iter().map(|one| one.render.to_string()).collect();
        assert_eq!(kinds, ["synthetic", "api", "foo", "null", "unknown"]);
        let [synthetic, api, ..] = &renderers.list[..] else { panic!("five renderers") };
        assert_eq!(synthetic.subrender, Token::new("FOO"));
        assert_eq!(synthetic.extras.to_string(), "foo_bar=1");
        assert_eq!(synthetic.chanmask, ChannelMask::parse("0111111111111111"));
        assert_eq!((api.smf_info.clone(), api.chanmask.clone()), (SmfInfo::Identity, None));
    }

    #[test]
    fn the_default_subrender_is_the_same_as_none() {
        assert_eq!(native("render=synthetic; subrender=Default"), native("render=synthetic"));
        assert_eq!(native("RENDER=Synthetic; smf_info=IGNORE; multimode=ONE"), native("render=synthetic"));
    }

    #[test]
    fn an_object_is_inline_or_at_a_url_or_in_a_catalog() {
        let head = "render=synthetic; rinit=application/x-foo";
        assert_eq!(sources(&format!("{head}; inline=\"TVRoZA==\"")), ["4 octets inline"]);
        assert_eq!(sources(&format!("{head}; inline=\"TVRoZA==\"; cid=\"a;b\"")), ["4 octets inline as a;b"]);
        assert_eq!(sources(&format!("{head}; url=\"https://example.net/a;b\"")), ["https://example.net/a;b"]);
        assert_eq!(sources(&format!("{head}; url=\"http://example.net/\"; cid=\"x\"")), ["http://example.net/ as x"]);
        assert_eq!(sources(&format!("{head}; cid=\"x\"")), ["catalog entry x as x"]);
        let two = format!("{head}; cid=\"x\"; rinit=audio/y; inline=\"\"");
        assert_eq!(sources(&two), ["catalog entry x as x", "0 octets inline"]);
    }

    #[test]
    fn quotes_may_be_too_many_or_too_few() {
        let quoted = mpeg4("render=synthetic; rinit=\"audio/asc\"; url=\"http://example.net/sa.asc\"; cid=\"xjfl\"");
        assert_eq!(quoted, mpeg4("render=synthetic; rinit=audio/asc; url=http://example.net/sa.asc; cid=xjfl"));
        assert!(quoted.is_ok());
    }

    #[test]
    fn a_name_behind_a_file_is_that_of_the_file() {
        let text = "render=unknown; smf_inline=\"TVRoZA\"; smf_cid=\"a\"; smf_cid=\"b\"; smf_url=\"http://x/\"; \
                    smf_info=identity; smf_cid=\"c\"";
        assert_eq!(
            sources(text),
            ["4 octets inline as a", "catalog entry b as b", "http://x/", "catalog entry c as c"]
        );
    }

    #[test]
    fn what_stands_before_any_render_belongs_to_nothing() {
        for text in [
            "smf_info=ignore",
            "smf_url=\"http://x/\"",
            "smf_inline=\"\"",
            "smf_cid=\"x\"",
            "chanmask=1111111111111111",
        ] {
            let name = text.split('=').next().unwrap();
            let rule = format!("{name} stands before the render it belongs to (C.6)");
            assert_eq!(words(native(text)), rule);
            assert_eq!(words(native(&format!("{text}; render=unknown"))), rule);
        }
        assert!(native("subrender=foo; render=unknown").is_err() && native("rinit=audio/x; render=unknown").is_err());
    }

    #[test]
    fn objects_without_a_place_or_with_two_are_refused() {
        let words = |rest: &str| words(native(&format!("render=synthetic; {rest}")));
        let no_place = "rinit is not followed by inline, url or cid (C.6.3)";
        assert_eq!(words("rinit=audio/x"), no_place);
        assert_eq!(words("rinit=audio/x; render=api"), no_place);
        assert_eq!(words("rinit=audio/x; rinit=audio/y; cid=\"z\""), no_place);
        let second = " is a second place or name of one object (C.6.3)";
        assert_eq!(words("rinit=audio/x; url=\"http://x/\"; inline=\"\""), format!("inline{second}"));
        assert_eq!(words("rinit=audio/x; inline=\"\"; url=\"http://x/\""), format!("url{second}"));
        assert_eq!(words("rinit=audio/x; inline=\"\"; cid=\"x\"; cid=\"y\""), format!("cid{second}"));
        assert_eq!(words("inline=\"\""), "inline stands before any rinit (C.6.3)");
        assert_eq!(words("subrender=foo; subrender=default"), "subrender stands twice for one render (C.6.2)");
    }

    #[test]
    fn values_that_say_nothing_are_named() {
        let words = |rest: &str| words(native(&format!("render=synthetic; rinit=audio/x; {rest}")));
        assert_eq!(
            words("url=\"ftp://example.net/x\""),
            "url=\"ftp://example.net/x\" is not a value of url, which is a URL in quotes that begins with http:// or \
             https://"
        );
        let long = words(&format!("inline=\"{}!\"", "A".repeat(4000)));
        assert!(long.len() < 120 && long.contains("…") && long.ends_with("which is Base64 in quotes"), "{long}");
        assert!(words("cid=\"a b\"").contains("an identifier in quotes"));
        assert!(words("chanmask=111").contains("16 digits 0 or 1"));
        assert!(words("cid=\"x\"; rinit=video/x").contains("a media type such as audio/asc"));
        assert!(words("multimode=some").contains("one or all"));
        assert!(words("cid=x; render=").contains("a word without blanks"));
        assert!(words("smf_info=a/b").contains("a word without blanks"));
    }

    #[test]
    fn null_and_unknown_renderers_need_no_object() {
        for text in ["render=null", "render=null; rinit=audio/asc", "render=unknown", "render=unknown; rinit=audio/asc"]
        {
            assert!(mpeg4(text).unwrap().list[0].data.is_empty(), "{text}");
        }
        let kept = mpeg4(&format!("render=null; rinit=audio/asc; inline=\"{GM}\"; cid=\"x\"")).unwrap();
        assert_eq!(kept.list[0].data[0].source.id(), id("x").as_ref());
    }
}
