//! What native and mpeg4-generic streams may have for renderers (RFC 6295, 6.2, C.6.2 and C.6.5).

use rtp_midi::Format;

use super::{Data, Render, Renderer, Renderers, Token};
use crate::audio_specific_config::ObjectType;
use crate::{Error, Parameters};

impl Renderers {
    /// Whether a stream of this format may have these renderers.
    pub(super) fn check(&self, format: Format) -> Result<(), Error> {
        match format {
            Format::Native => self.list.iter().try_for_each(check_native),
            Format::Mpeg4Generic => self.list.iter().try_for_each(check_in_mpeg4),
        }
    }
}

fn check_native(renderer: &Renderer) -> Result<(), Error> {
    let rule = "must not be audio/asc in a native stream (C.6.5)";
    if renderer.data.iter().any(Data::is_asc) { Err(Error::Rule { name: "rinit", rule }) } else { Ok(()) }
}

fn check_in_mpeg4(renderer: &Renderer) -> Result<(), Error> {
    if renderer.render == Render::Api {
        return Err(Error::Rule { name: "render", rule: "must not be api in an mpeg4-generic stream (C.6.5)" });
    }
    let is_default = renderer.render == Render::Synthetic && renderer.subrender.is_none();
    if is_default && !renderer.data.iter().any(Data::is_asc) {
        let rule = "must be audio/asc behind render=synthetic in an mpeg4-generic stream (C.6.5)";
        return Err(Error::Rule { name: "rinit", rule });
    }
    for octets in renderer.data.iter().filter(|data| data.is_asc()).filter_map(|data| data.source.octets()) {
        ObjectType::of(octets)?;
    }
    Ok(())
}

/// Whether the four parameters that every mpeg4-generic stream has are there and right (6.2).
pub(super) fn check_mpeg4(parameters: &Parameters) -> Result<(), Error> {
    let value = |name: &'static str| {
        let rule = "is missing in an mpeg4-generic stream (6.2)";
        parameters.last(name).ok_or(Error::Rule { name, rule })
    };
    let wrong = |name, value: &str, expected| Error::Value { name, value: value.to_owned(), expected };
    let (streamtype, mode, level) = (value("streamtype")?, value("mode")?, value("profile-level-id")?);
    value("config")?;
    if streamtype != "5" {
        return Err(wrong("streamtype", streamtype, "5 for sound (6.2)"));
    }
    if !mode.eq_ignore_ascii_case("rtp-midi") {
        return Err(wrong("mode", mode, "rtp-midi (6.2)"));
    }
    level.parse::<u8>().map(|_| ()).map_err(|_| wrong("profile-level-id", level, "a number such as 12 (6.2)"))
}

/// Whether the registration of `subrender` may define a parameter of this name (C.6.2).
pub(super) fn is_extra(name: &str, subrender: &Token) -> bool {
    let prefix = subrender.as_str();
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        && name[prefix.len()..].starts_with('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: &str = "streamtype=5; mode=rtp-midi; profile-level-id=12; config=\"\"";

    fn words(text: &str) -> String {
        Renderers::parse(&Parameters::parse(text), Format::Mpeg4Generic).unwrap_err().to_string()
    }

    fn rendered(text: &str) -> String {
        words(&format!("{FOUR}; {text}"))
    }

    #[test]
    fn each_of_the_four_parameters_of_mpeg4_generic_must_be_there() {
        for missing in FOUR.split("; ") {
            let name = missing.split('=').next().unwrap();
            let others: Vec<&str> = FOUR.split("; ").filter(|other| *other != missing).collect();
            assert_eq!(words(&others.join("; ")), format!("{name} is missing in an mpeg4-generic stream (6.2)"));
        }
    }

    #[test]
    fn the_four_parameters_have_their_values() {
        for (right, wrong) in [
            ("streamtype=5", "streamtype=4"),
            ("mode=rtp-midi", "mode=generic"),
            ("profile-level-id=12", "profile-level-id=high"),
        ] {
            let words = words(&FOUR.replace(right, wrong));
            assert!(words.starts_with(&format!("{wrong} is not a value of ")), "{words}");
        }
        assert_eq!(words(&FOUR.replace("\"\"", "7X")), "AudioSpecificConfig: 'X' is no hexadecimal digit");
    }

    #[test]
    fn config_is_empty_where_render_describes_the_renderer() {
        let text = format!("{}; render=unknown", FOUR.replace("\"\"", "7A0A0000000000"));
        assert_eq!(words(&text), "config must be \"\" where render describes the renderer (C.6.5)");
    }

    #[test]
    fn the_default_synthesiser_of_mpeg4_generic_is_one_of_mpeg_4() {
        let no_object = "rinit must be audio/asc behind render=synthetic in an mpeg4-generic stream (C.6.5)";
        assert_eq!(rendered("render=synthetic"), no_object);
        assert_eq!(rendered("render=synthetic; subrender=default; rinit=audio/x; inline=\"\""), no_object);
        assert_eq!(
            rendered("render=synthetic; rinit=audio/asc; inline=\"YA==\""),
            "AudioSpecificConfig: audio object type 12 takes no MIDI, 13, 14 and 15 do (RFC 6295, 6.2)"
        );
        assert_eq!(rendered("render=api"), "render must not be api in an mpeg4-generic stream (C.6.5)");
        let registered = Parameters::parse(&format!("{FOUR}; render=synthetic; subrender=foo; render=bar"));
        assert_eq!(Renderers::parse(&registered, Format::Mpeg4Generic).map(|renderers| renderers.list.len()), Ok(2));
    }

    #[test]
    fn a_native_stream_has_no_audio_specific_config() {
        let native = Parameters::parse("render=synthetic; rinit=audio/asc; cid=\"x\"");
        assert_eq!(
            Renderers::parse(&native, Format::Native).unwrap_err().to_string(),
            "rinit must not be audio/asc in a native stream (C.6.5)"
        );
    }
}
