//! One payload type of an offer: what an answer repeats, what it moves, and what it cannot accept.

use rtp_midi::{Config, Format, Journal, Timing};

use super::capabilities::Capabilities;
use super::envelope::{GUARDTIME, PACKET_TIME, moved};
use super::reason::Reason;
use crate::render::{Render, Renderer, Renderers, Verdict};
use crate::{Direction, NAMES, Parameter, Parameters, Stream, Transport};

/// The stream of the answer, of which `direction` is the direction; `offered` is the way of the offer.
pub(super) fn answered(
    stream: &Stream,
    offered: &Transport,
    direction: Direction,
    capabilities: &Capabilities,
) -> Result<Stream, Reason> {
    let limits = &capabilities.limits;
    if !limits.formats.contains(&stream.format) {
        return Err(Reason::Format(stream.format));
    }
    if !limits.clock_rates.contains(&stream.clock_rate) {
        return Err(Reason::ClockRate(stream.clock_rate));
    }
    let mut config = stream.config(offered).map_err(Reason::Parameter)?;
    check_journal(&config, offered, capabilities)?;
    check_commands(&config, direction, capabilities)?;
    if !limits.timings.iter().any(|timing| is_alike(*timing, config.timing)) {
        return Err(Reason::Timing);
    }
    move_times(&mut config, capabilities, direction)?;
    let renderers = renderers(stream, direction, capabilities)?;
    Ok(repeated(stream, &config, renderers))
}

/// The names of the parameters that mpeg4-generic wants (6.2).
pub(super) const MPEG4: [&str; 4] = ["streamtype", "mode", "profile-level-id", "config"];

/// The stream in exact words, with the timing and the renderers of the answer. What is unknown is not repeated.
fn repeated(stream: &Stream, config: &Config, renderers: Option<Parameters>) -> Stream {
    let mut changed = renderers.unwrap_or_default();
    let times = [("rtp_ptime", config.ptime), ("rtp_maxptime", config.max_ptime), ("guardtime", config.guardtime)];
    for (name, ticks) in times.into_iter().filter_map(|(name, ticks)| Some((name, ticks?))) {
        changed.push(name, ticks);
    }
    let known = |parameter: &&Parameter| NAMES.contains(&parameter.name.as_str());
    let offered: Parameters = stream.parameters.strict().iter().filter(known).cloned().collect();
    Stream { parameters: changed.or(&offered), ..stream.clone() }
}

/// What may be lost is told of by a journal, and by one that we have (C.2).
fn check_journal(config: &Config, way: &Transport, capabilities: &Capabilities) -> Result<(), Reason> {
    let limits = &capabilities.limits;
    match config.journal {
        Journal::None if way.protocol.is_reliable() || limits.lossless => {}
        Journal::None => return Err(Reason::NoJournal),
        journal if !limits.journals.contains(&journal) => return Err(Reason::Journal(journal)),
        Journal::Recovery(_) => {}
    }
    if way.protocol.is_reliable() {
        return Ok(());
    }
    let (unprotected, unanchored) = (config.unprotected(), config.unanchored());
    if !unprotected.is_empty() {
        return Err(Reason::Unprotected(unprotected));
    }
    if !unanchored.is_empty() {
        return Err(Reason::Unanchored(unanchored));
    }
    if config.chapters.is_enhanced() && !limits.enhanced {
        return Err(Reason::Enhanced);
    }
    Ok(())
}

/// What we receive we take in full; what we send may come, or we leave it out.
fn check_commands(config: &Config, direction: Direction, capabilities: &Capabilities) -> Result<(), Reason> {
    if let Some(takes) = capabilities.takes.as_ref().filter(|_| direction.receives()) {
        let more = config.commands.beyond(&takes.commands);
        if !more.is_empty() {
            return Err(Reason::Taken(more));
        }
    }
    if let Some(sends) = capabilities.sends.as_ref().filter(|_| direction.sends() && !capabilities.limits.filters) {
        let more = sends.commands.beyond(&config.commands);
        if !more.is_empty() {
            return Err(Reason::Sent(more));
        }
    }
    Ok(())
}

/// Whether timestamps have the same meaning, whatever line rate and period.
pub(super) const fn is_alike(one: Timing, other: Timing) -> bool {
    matches!(
        (one, other),
        (Timing::Comex, Timing::Comex)
            | (Timing::Async { .. }, Timing::Async { .. })
            | (Timing::Buffer { .. }, Timing::Buffer { .. })
    )
}

/// Moves the timing of packets to what we can do. What an offer leaves open is as we want it, if we want something.
fn move_times(config: &mut Config, capabilities: &Capabilities, direction: Direction) -> Result<(), Reason> {
    let wants = if direction.receives() { &capabilities.takes } else { &capabilities.sends }.as_ref();
    let (limits, rate) = (&capabilities.limits, config.clock_rate);
    // Wishes are in ticks of their own clock.
    let wish = |of: fn(&Config) -> Option<u32>| {
        let wants = wants?;
        let ticks = u64::from(of(wants)?) * u64::from(rate) / u64::from(wants.clock_rate.max(1));
        u32::try_from(ticks).ok()
    };
    let times = [
        ("rtp_ptime", &mut config.ptime, wish(|wants| wants.ptime), &limits.packet_time, &PACKET_TIME),
        ("rtp_maxptime", &mut config.max_ptime, wish(|wants| wants.max_ptime), &limits.packet_time, &PACKET_TIME),
        ("guardtime", &mut config.guardtime, wish(|wants| wants.guardtime), &limits.guardtime, &GUARDTIME),
    ];
    for (name, value, wish, able, envelope) in times {
        *value = match (*value, wish) {
            (Some(offered), _) => Some(moved(offered, able, envelope, rate).ok_or(Reason::Timed(name, offered))?),
            (None, Some(wish)) => added(wish, able, envelope, rate),
            (None, None) => None,
        };
    }
    Ok(())
}

/// A value that the offer does not have, where both ends can do one.
fn added(
    wish: u32,
    able: &std::ops::RangeInclusive<std::time::Duration>,
    envelope: &std::ops::RangeInclusive<std::time::Duration>,
    rate: u32,
) -> Option<u32> {
    let everybody = super::envelope::ticks(envelope, rate);
    let nearest = wish.clamp(*everybody.start(), *everybody.end());
    moved(nearest, able, envelope, rate)
}

/// The parameters of the renderers where the offer names some: all but the chosen one are null. One who only sends has
/// no choice to make, and takes the first.
fn renderers(stream: &Stream, direction: Direction, capabilities: &Capabilities) -> Result<Option<Parameters>, Reason> {
    let renderers = stream.renderers().map_err(Reason::Parameter)?;
    let is_named = stream.parameters.last("render").is_some();
    if !direction.receives() {
        return if is_named { first(renderers, stream.format) } else { Ok(None) };
    }
    let verdicts = renderers.verdicts(&capabilities.abilities);
    let plays = |(one, verdict): (&Renderer, &Verdict)| *verdict == Verdict::Chosen && one.render != Render::Null;
    if !renderers.list.is_empty() && !renderers.list.iter().zip(&verdicts).any(plays) {
        let refusal = verdicts.into_iter().find_map(|verdict| match verdict {
            Verdict::Refused(refusal) => Some(refusal),
            Verdict::Chosen | Verdict::Unneeded => None,
        });
        return Err(refusal.map_or(Reason::NoRenderer, Reason::Renderer));
    }
    if !is_named {
        return Ok(None);
    }
    renderers.answer(&capabilities.abilities).print(stream.format).map(Some).map_err(Reason::Parameter)
}

fn first(mut renderers: Renderers, format: Format) -> Result<Option<Parameters>, Reason> {
    let chosen = renderers.list.iter().position(|one| !matches!(one.render, Render::Null | Render::Unknown));
    let chosen = chosen.ok_or(Reason::NoRenderer)?;
    for (index, renderer) in renderers.list.iter_mut().enumerate() {
        if index != chosen {
            *renderer = Renderer::new(Render::Null);
        }
    }
    renderers.print(format).map(Some).map_err(Reason::Parameter)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answered, end, native, party, refused, sent};
    use super::super::{Limits, answer, verify};
    use super::*;
    use rtp_midi::{Inclusion, Letters, Selection};

    #[test]
    fn what_would_break_the_mandate_is_refused_by_its_rule() {
        for (parameters, why) in [
            ("j_sec=none", "j_sec=none leaves nothing that sets a loss right [SC.2.1-04]"),
            ("ch_never=C", "ch_never leaves no chapter for commands C, which may come [SC.2.3-01]"),
            (
                "j_update=open-loop",
                "j_update=open-loop needs ch_anchor for commands ABCGHMPQTWX, or cm_unused [SC.2.2-01]",
            ),
            (
                "cm_unused=ABGHMPQTVWX; ch_anchor=C0-6.8-127; j_update=open-loop",
                "j_update=open-loop needs ch_anchor for commands C, or cm_unused [SC.2.2-01]",
            ),
        ] {
            assert_eq!(refused(&native(parameters), &end(2)), [format!("media line 1, payload type 96: {why}")]);
        }
        for accepted in ["cm_unused=C; ch_never=C", "j_update=open-loop; ch_anchor=ABCDGHMPQTWX"] {
            assert!(answer(&native(accepted), &end(2)).is_ok(), "{accepted}");
        }
        let mut wired = end(2);
        wired.limits.lossless = true;
        assert!(answer(&native("j_sec=none"), &wired).is_ok());
    }

    #[test]
    fn commands_that_one_end_lacks_are_named() {
        let mut small = end(2);
        let take = small.takes.as_mut().unwrap();
        take.commands.forbid(&Selection::of(Letters::of("AX")));
        assert_eq!(
            refused(&native(""), &small),
            ["media line 1, payload type 96: commands AX may come, which we do not take in full"]
        );
        assert!(answer(&native("cm_unused=AX"), &small).is_ok());
        let towards = |direction| {
            let mut offered = native("");
            offered.media[0].direction = direction;
            offered
        };
        assert_eq!(refused(&towards(Direction::SendOnly), &small).len(), 1);
        assert!(answer(&towards(Direction::ReceiveOnly), &small).is_ok(), "what we send need not be what we take");
        assert!(answer(&native("cm_unused=ANX"), &end(2)).is_ok(), "what we send is left out");
        let mut strict = end(2);
        strict.limits.filters = false;
        assert_eq!(
            refused(&native("cm_unused=ANX"), &strict),
            ["media line 1, payload type 96: commands ANX, which we send, may not come in full"]
        );
    }

    #[test]
    fn what_is_not_ours_is_refused_with_the_reason() {
        let limited = |limits: Limits| Capabilities { limits, ..Capabilities::new(party(2)) };
        let plain = |parameters: &str, limits: Limits| refused(&native(parameters), &limited(limits)).remove(0);
        let all = Limits::default;
        let head = "media line 1, payload type 96: ";
        let timings = vec![rtp_midi::Timing::Comex];
        assert_eq!(
            plain("tsmode=async", Limits { timings, ..all() }),
            format!("{head}tsmode has a value that is not done here")
        );
        let enhanced = plain("ch_default=C128", Limits { enhanced: false, ..all() });
        assert_eq!(enhanced, format!("{head}the enhanced coding of Chapter C is not done here"));
        let slow = std::time::Duration::from_secs(9)..=std::time::Duration::from_secs(10);
        let guarded = plain("guardtime=44100", Limits { guardtime: slow, ..all() });
        assert_eq!(guarded, format!("{head}guardtime=44100 cannot be kept here"));
        assert_eq!(
            plain("guardtime=0", all()),
            format!("{head}guardtime=0 is not a value of guardtime, which is a number from 1 to 4294967295")
        );
        let formats = vec![Format::Mpeg4Generic];
        assert_eq!(plain("", Limits { formats, ..all() }), format!("{head}rtp-midi is not taken here"));
    }

    #[test]
    fn any_guardtime_is_taken_unless_it_is_limited() {
        for guardtime in ["1", "4294967295"] {
            let answer = answer(&native(&format!("guardtime={guardtime}")), &end(2)).unwrap();
            assert_eq!(answer.session.media[0].streams[0].parameters.last("guardtime"), Some(guardtime));
        }
    }

    #[test]
    fn what_an_offer_says_carelessly_is_answered_exactly() {
        let careless = native("ch_never=WAP; J_SEC=RECJ;cm_unused=XWPA; future=1; cm_default=X0-16");
        let answer = answer(&careless, &end(2)).unwrap();
        assert_eq!(
            answer.session.media[0].streams[0].parameters.to_string(),
            "cm_unused=APWX; j_sec=recj; ch_never=APW; ch_default=X0-16"
        );
        assert_eq!(verify(&careless, &sent(&answer.session)), Ok(answer.agreement));
    }

    #[test]
    fn chapters_that_are_offered_come_back() {
        let mut first = end(1);
        let mut config = Config::new(44_100);
        config.commands.forbid(&Selection::of(Letters::of("N")));
        config.chapters.assign(Inclusion::Never, &Selection::of(Letters::of("EN")));
        (first.sends, first.takes) = (Some(config.clone()), Some(config));
        let answer = answered(&first, &end(2)).unwrap();
        assert_eq!(answer.session.media[0].streams[0].parameters.to_string(), "cm_unused=N; ch_never=EN");
    }
}
