//! Which renderers a receiver takes from a list, and its answer (RFC 6295, C.6 to C.6.4).

use std::fmt;

use super::{
    Content, Data, MediaType, Multimode, Render, Renderer, Renderers, SmfInfo, Source, StandardMidiFile, Token,
};
use crate::audio_specific_config::{Fault, ObjectType};

/// What a receiver can do. By default it can discard streams and nothing else.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Abilities {
    /// Renderers that it has in a form of its own choice, where the description does not say which one exactly.
    pub renders: Vec<Render>,
    /// Registered ones that it knows.
    pub subrenders: Vec<(Render, Token)>,
    /// The MPEG-4 renderers that it has.
    pub object_types: Vec<ObjectType>,
    /// Initialization data, other than `audio/asc`, that it understands.
    pub media_types: Vec<MediaType>,
    /// What it can do with Standard MIDI Files, besides ignoring them and reading an identity.
    pub smf_infos: Vec<SmfInfo>,
    /// Whether it can mask channels.
    pub chanmask: bool,
}

/// What a receiver does with a renderer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It renders with it. With [`Render::Null`]: it discards the stream.
    Chosen,
    /// It has chosen another one.
    Unneeded,
    /// It cannot or must not.
    Refused(Refusal),
}

/// Why a renderer is not accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// It does not have or know this renderer.
    Render(Render),
    /// It does not know this registered renderer.
    Subrender(Token),
    /// It does not have this MPEG-4 renderer.
    ObjectType(ObjectType),
    /// The `AudioSpecificConfig` cannot be read.
    Damaged(Fault),
    /// It cannot read data of this type.
    MediaType(MediaType),
    /// The data are somewhere else. Fetch them, [put](Renderers::put) them in place, and ask again.
    Elsewhere(Source),
    /// It cannot do this with Standard MIDI Files.
    SmfInfo(SmfInfo),
    /// It cannot mask channels.
    Chanmask,
}

impl Abilities {
    /// Those of a synthesiser for General MIDI, which also plays what is left open.
    pub fn general_midi() -> Self {
        Self {
            renders: vec![Render::Unknown, Render::Synthetic],
            object_types: vec![ObjectType::GeneralMidi],
            ..Self::default()
        }
    }
}

impl Renderers {
    /// What a receiver does with each of them: with `multimode=one` the first that it can is chosen, with
    /// `multimode=all` all that it can. Discarding is the last resort, for in an answer `null` stands for what was
    /// refused.
    pub fn verdicts(&self, abilities: &Abilities) -> Vec<Verdict> {
        let mut verdicts: Vec<Verdict> = self.list.iter().map(|renderer| renderer.verdict(abilities)).collect();
        let plays =
            |(renderer, verdict): (&Renderer, &Verdict)| *verdict == Verdict::Chosen && renderer.render != Render::Null;
        let first = self.list.iter().zip(&verdicts).position(plays);
        let all = self.multimode == Multimode::All && first.is_some();
        let first = first.or_else(|| verdicts.iter().position(|verdict| *verdict == Verdict::Chosen));
        for (index, (renderer, verdict)) in self.list.iter().zip(&mut verdicts).enumerate() {
            let is_taken = Some(index) == first || all && renderer.render != Render::Null;
            if *verdict == Verdict::Chosen && !is_taken {
                *verdict = Verdict::Unneeded;
            }
        }
        verdicts
    }

    /// The renderers that a receiver takes: none if it cannot render the stream, and a null one if it is to discard
    /// it.
    pub fn chosen(&self, abilities: &Abilities) -> Vec<&Renderer> {
        let verdicts = self.verdicts(abilities);
        self.list.iter().zip(verdicts).filter(|(_, verdict)| *verdict == Verdict::Chosen).map(|(one, _)| one).collect()
    }

    /// The list as an answer has it: what is not chosen is null (C.6.1).
    #[must_use]
    pub fn answer(&self, abilities: &Abilities) -> Self {
        let answer = |(renderer, verdict): (&Renderer, Verdict)| match verdict {
            Verdict::Chosen => renderer.clone(),
            Verdict::Unneeded | Verdict::Refused(_) => Renderer::new(Render::Null),
        };
        let list = self.list.iter().zip(self.verdicts(abilities)).map(answer).collect();
        Self { multimode: self.multimode, list }
    }
}

impl Renderer {
    /// Whether a receiver could take it, were it alone.
    fn verdict(&self, abilities: &Abilities) -> Verdict {
        match self.check(abilities) {
            Ok(()) => Verdict::Chosen,
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    fn check(&self, abilities: &Abilities) -> Result<(), Refusal> {
        if self.render == Render::Null {
            return Ok(());
        }
        self.check_kind(abilities)?;
        self.data.iter().try_for_each(|data| check_object(data, abilities))?;
        self.check_files(abilities)?;
        match &self.chanmask {
            Some(mask) if !abilities.chanmask && !mask.is_all() => Err(Refusal::Chanmask),
            _ => Ok(()),
        }
    }

    fn check_kind(&self, abilities: &Abilities) -> Result<(), Refusal> {
        // The object says which MPEG-4 renderer it is.
        let is_mpeg4 = self.subrender.is_none() && self.data.iter().any(Data::is_asc);
        let is_known = match &self.subrender {
            Some(token) => abilities.subrenders.iter().any(|(render, known)| (render, known) == (&self.render, token)),
            None => is_mpeg4 && self.render == Render::Synthetic || abilities.renders.contains(&self.render),
        };
        match &self.subrender {
            _ if is_known => Ok(()),
            Some(token) => Err(Refusal::Subrender(token.clone())),
            None => Err(Refusal::Render(self.render.clone())),
        }
    }

    fn check_files(&self, abilities: &Abilities) -> Result<(), Refusal> {
        match &self.smf_info {
            SmfInfo::Ignore | SmfInfo::Identity => Ok(()),
            info if !abilities.smf_infos.contains(info) => Err(Refusal::SmfInfo(info.clone())),
            _ => match self.files().map_err(Refusal::Damaged)?.iter().find_map(elsewhere) {
                Some(source) => Err(Refusal::Elsewhere(source.clone())),
                None => Ok(()),
            },
        }
    }
}

fn check_object(data: &Data, abilities: &Abilities) -> Result<(), Refusal> {
    let Content::Object(media_type) = &data.content else { return Ok(()) };
    if !media_type.is_asc() && !abilities.media_types.contains(media_type) {
        return Err(Refusal::MediaType(media_type.clone()));
    }
    if data.source.octets().is_none() {
        return Err(Refusal::Elsewhere(data.source.clone()));
    }
    match data.audio_specific_config().transpose().map_err(Refusal::Damaged)?.map(|config| config.object_type()) {
        Some(object_type) if !abilities.object_types.contains(&object_type) => Err(Refusal::ObjectType(object_type)),
        _ => Ok(()),
    }
}

fn elsewhere<'a>(file: &StandardMidiFile<'a>) -> Option<&'a Source> {
    match file {
        StandardMidiFile::Elsewhere(source) => Some(source),
        StandardMidiFile::Octets(_) => None,
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Render(render) => write!(f, "render={render} cannot be done here"),
            Self::Subrender(token) => write!(f, "subrender={token} is not known"),
            Self::ObjectType(object_type) => write!(f, "{object_type} cannot be rendered"),
            Self::Damaged(fault) => fault.fmt(f),
            Self::MediaType(media_type) => write!(f, "initialization data of type {media_type} cannot be read"),
            Self::Elsewhere(source) => write!(f, "its data are not in the description: {source}"),
            Self::SmfInfo(info) => write!(f, "smf_info={info} cannot be done here"),
            Self::Chanmask => f.write_str("chanmask cannot be done here"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parameters;
    use rtp_midi::Format;

    fn player() -> Abilities {
        Abilities { smf_infos: vec![SmfInfo::SdpStart], chanmask: true, ..Abilities::general_midi() }
    }

    fn native(text: &str) -> Renderers {
        Renderers::parse(&Parameters::parse(text), Format::Native).unwrap()
    }

    fn mpeg4(text: &str) -> Renderers {
        let text = format!("streamtype=5; mode=rtp-midi; profile-level-id=12; config=\"\"; {text}");
        Renderers::parse(&Parameters::parse(&text), Format::Mpeg4Generic).unwrap()
    }

    /// Of each renderer: whether it is chosen, unneeded, or why it is refused.
    fn verdicts(renderers: &Renderers, abilities: &Abilities) -> Vec<String> {
        let words = |verdict| match verdict {
            Verdict::Chosen => "chosen".to_owned(),
            Verdict::Unneeded => "unneeded".to_owned(),
            Verdict::Refused(refusal) => refusal.to_string(),
        };
        renderers.verdicts(abilities).into_iter().map(words).collect()
    }

    fn refusal(renderers: &Renderers) -> String {
        let [words] = <[String; 1]>::try_from(verdicts(renderers, &player())).unwrap();
        words
    }

    #[test]
    fn the_first_renderer_that_can_be_done_is_chosen_alone() {
        let renderers = native("render=foo; render=synthetic; render=unknown; render=null");
        assert_eq!(
            verdicts(&renderers, &player()),
            ["render=foo cannot be done here", "chosen", "unneeded", "unneeded"]
        );
        assert_eq!(renderers.chosen(&player()), [&renderers.list[1]]);
    }

    #[test]
    fn all_that_can_be_done_are_chosen_where_all_are_asked_for() {
        let renderers = native("multimode=all; render=synthetic; render=api; render=unknown; render=null");
        assert_eq!(verdicts(&renderers, &player())[1], "render=api cannot be done here");
        assert_eq!(renderers.chosen(&player()), [&renderers.list[0], &renderers.list[2]]);
    }

    #[test]
    fn discarding_is_the_last_resort() {
        let answered = native("render=null; render=synthetic");
        assert_eq!(answered.chosen(&player()), [&answered.list[1]]);
        let last = native("render=api; render=null; render=null");
        assert_eq!(last.chosen(&player()), [&last.list[1]]);
        assert_eq!(native("render=api").chosen(&player()), Vec::<&Renderer>::new());
    }

    #[test]
    fn an_answer_has_null_for_what_is_not_chosen() {
        let offer = native("render=foo; subrender=x; render=synthetic; chanmask=0111111111111111; render=unknown");
        let answer = offer.answer(&player()).print(Format::Native).unwrap();
        assert_eq!(answer.to_string(), "render=null; render=synthetic; chanmask=0111111111111111; render=null");
        let refused = mpeg4("render=synthetic; subrender=foo").answer(&player());
        assert_eq!(refused.print(Format::Mpeg4Generic).unwrap().to_string(), "config=\"\"; render=null");
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert_eq!(refusal(&native("render=foo")), "render=foo cannot be done here");
        assert_eq!(refusal(&native("render=synthetic; subrender=foo")), "subrender=foo is not known");
        assert_eq!(refusal(&native("render=unknown; smf_info=foo")), "smf_info=foo cannot be done here");
        let object = native("render=synthetic; rinit=audio/x; inline=\"\"");
        assert_eq!(refusal(&object), "initialization data of type audio/x cannot be read");
        let known = Abilities {
            subrenders: vec![(Render::Synthetic, Token::new("foo").unwrap())],
            media_types: vec![MediaType::new("audio/x").unwrap()],
            ..Abilities::default()
        };
        let renderers =
            native("render=synthetic; subrender=FOO; rinit=audio/x; inline=\"\"; render=api; subrender=foo");
        assert_eq!(verdicts(&renderers, &known), ["chosen", "subrender=foo is not known"]);
    }

    #[test]
    fn of_mpeg_4_renderers_the_object_says_which_one_it_is() {
        let asc = |octets: &str| mpeg4(&format!("render=synthetic; rinit=audio/asc; inline=\"{octets}\""));
        assert_eq!(refusal(&asc("egoAAAAaTVRoZAAAAAYAAAABAGBNVHJrAAAABgD/LwAA")), "chosen");
        assert_eq!(
            refusal(&asc("cgoAAAAAAA==")),
            "DLS 2 wavetable synthesis (audio object type 14) cannot be rendered"
        );
        assert_eq!(refusal(&asc("agoAAAAAAA==")), "Structured Audio (audio object type 13) cannot be rendered");
        assert_eq!(refusal(&asc("eg==")), "AudioSpecificConfig: 4 bits needed from bit 5 on, 3 left");
        let none = Abilities { renders: vec![Render::Synthetic], ..Abilities::default() };
        assert_ne!(verdicts(&asc("egoAAAAAAA=="), &none), ["chosen"]);
    }

    #[test]
    fn an_object_must_be_fetched_before_it_is_judged() {
        let mut renderers = mpeg4("render=synthetic; rinit=audio/asc; url=\"http://example.net/oski.asc\"; cid=\"x\"");
        let [Verdict::Refused(Refusal::Elsewhere(source))] = &renderers.verdicts(&player())[..] else {
            panic!("one object elsewhere")
        };
        assert_eq!(source.to_string(), "http://example.net/oski.asc");
        let in_catalog = mpeg4("render=synthetic; rinit=audio/asc; cid=\"x\"");
        assert_eq!(refusal(&in_catalog), "its data are not in the description: catalog entry x");
        let source = source.clone();
        renderers.put(&Source::Catalog(source.id().unwrap().clone()), &[]);
        renderers.put(&source, &[0x7A, 0x0A, 0, 0, 0, 0, 0]);
        assert_eq!(refusal(&renderers), "chosen");
    }

    #[test]
    fn files_to_play_must_be_playable_and_here() {
        let start = native("render=synthetic; smf_info=sdp_start; smf_inline=\"TVRoZA==\"");
        assert_eq!(refusal(&start), "chosen");
        let silent = Abilities { smf_infos: Vec::new(), ..player() };
        assert_eq!(verdicts(&start, &silent), ["smf_info=sdp_start cannot be done here"]);
        let elsewhere = "render=synthetic; smf_url=\"http://x/y.mid\"; smf_info=";
        assert_eq!(
            refusal(&native(&format!("{elsewhere}sdp_start"))),
            "its data are not in the description: http://x/y.mid"
        );
        for info in ["ignore", "identity"] {
            assert_eq!(verdicts(&native(&format!("{elsewhere}{info}")), &silent), ["chosen"]);
        }
    }

    #[test]
    fn a_mask_that_hides_nothing_needs_no_ability() {
        let deaf = Abilities { chanmask: false, ..player() };
        let masked = |mask| native(&format!("render=synthetic; chanmask={mask}"));
        assert_eq!(verdicts(&masked("1111111111111111"), &deaf), ["chosen"]);
        assert_eq!(verdicts(&masked("1111111111111110"), &deaf), ["chanmask cannot be done here"]);
        assert_eq!(refusal(&masked("1111111111111110")), "chosen");
    }
}
