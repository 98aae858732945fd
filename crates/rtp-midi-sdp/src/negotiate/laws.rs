//! Laws of negotiation, over random capabilities: an offer of ours is accepted or refused with a reason, both ends know
//! the same afterwards, and an answer that breaks one rule is found out by it.

use std::time::Duration;

use proptest::prelude::*;
use rtp_midi::{Config, Format, Inclusion, Journal, Letters, LineRate, Numbers, Octet, Policy, Selection, Timing};

use super::testing::{party, sent};
use super::{Agreement, Capabilities, End, Limits, Pairing, RtcpUse, Ways, answer, offer, offer_again, verify};
use crate::{AES_CM_128_HMAC_SHA1_80, Crypto, Protocol, Session, Setup};

fn some_of<T: Clone + std::fmt::Debug + 'static>(all: &[T]) -> impl Strategy<Value = Vec<T>> + use<T> {
    prop::sample::subsequence(all.to_vec(), 1..=all.len()).prop_shuffle()
}

fn journals() -> Vec<Journal> {
    let policies = [Policy::ClosedLoop, Policy::Anchor, Policy::OpenLoop].map(Journal::Recovery);
    policies.into_iter().chain([Journal::None]).collect()
}

fn timings() -> impl Strategy<Value = Timing> {
    let period = prop::option::of((1_u32..9000).prop_map(|ticks| std::num::NonZeroU32::new(ticks).unwrap()));
    let octet = || prop::option::of(prop::sample::select(vec![Octet::First, Octet::Last]));
    prop_oneof![
        3 => Just(Timing::Comex),
        1 => octet().prop_map(|octet| Timing::Async { octet, line: LineRate::DIN }),
        1 => (octet(), period).prop_map(|(octet, period)| Timing::Buffer { octet, line: LineRate::DIN, period }),
    ]
}

fn selections() -> impl Strategy<Value = Selection> {
    let list = |most: u32| {
        let range = prop::option::of((0..most, 0..4_u32));
        range.prop_map(|range| Numbers::new(range.map(|(first, more)| first..=first + more)))
    };
    let letters = prop::sample::subsequence("ABCFGHMNPQTVWX".chars().collect::<Vec<_>>(), 1..5);
    (list(12), letters, list(120)).prop_map(|(channels, letters, fields)| Selection::Types {
        // Digits of X are rules of another kind.
        channels: if letters.contains(&'X') { Numbers::default() } else { channels },
        letters: Letters::of(&letters.into_iter().collect::<String>()),
        fields,
    })
}

fn configs() -> impl Strategy<Value = Config> {
    let rates = prop::sample::select(vec![44_100, 44_100, 44_100, 48_000, 48_000, 96_000, 1000]);
    let journal = prop_oneof![4 => prop::sample::select(journals()[..3].to_vec()), 1 => Just(Journal::None)];
    let formats = prop_oneof![3 => Just(Format::Native), 1 => Just(Format::Mpeg4Generic)];
    let used = prop::collection::vec((any::<bool>(), selections()), 0..4);
    let included = prop::collection::vec((0_usize..12, selections()), 0..3);
    let times = (prop::option::of(0_u32..9000), prop::option::of(0_u32..9000), prop::option::of(1_u32..500_000));
    (rates, journal, formats, used, included, timings(), times).prop_map(
        |(rate, journal, format, used, included, timing, (ptime, max_ptime, guardtime))| {
            let mut config = Config { format, timing, ptime, max_ptime, guardtime, ..Config::new(rate) };
            for (is_used, selection) in used {
                if is_used { config.commands.allow(&selection) } else { config.commands.forbid(&selection) }
            }
            for (kind, selection) in included {
                let inclusion = match kind {
                    0 => Inclusion::Never,
                    1..=3 => Inclusion::Anchor,
                    _ => Inclusion::Default,
                };
                config.chapters.assign(inclusion, &selection);
            }
            config.set_journal(journal);
            config
        },
    )
}

fn keys() -> impl Strategy<Value = Vec<Crypto>> {
    let key = |suite: &str, key: u32| Crypto::parse(&format!("1 {suite} inline:{key:030}")).unwrap();
    let both = (any::<u32>(), any::<u32>())
        .prop_map(move |(one, other)| [key(AES_CM_128_HMAC_SHA1_80, one), key("AES_CM_128_HMAC_SHA1_32", other)]);
    both.prop_flat_map(|keys| some_of(&keys))
}

fn ways() -> impl Strategy<Value = Ways> {
    let protocols = some_of(&[Protocol::Avp, Protocol::Avp, Protocol::Avpf, Protocol::Savp, Protocol::TcpAvp]);
    let rtcp = prop::sample::select(vec![RtcpUse::Separate, RtcpUse::Muxed, RtcpUse::None]);
    let setup = prop::sample::select(vec![Setup::ActPass, Setup::Active, Setup::Passive, Setup::HoldConn]);
    (protocols, any::<bool>(), rtcp, keys(), setup).prop_map(|(protocols, multicast, rtcp, crypto, setup)| Ways {
        protocols,
        multicast,
        rtcp,
        crypto,
        setup,
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    let spans = || {
        prop::sample::select(vec![
            Duration::ZERO..=Duration::MAX,
            Duration::ZERO..=Duration::from_millis(40),
            Duration::from_millis(10)..=Duration::from_secs(3),
            Duration::from_millis(700)..=Duration::from_secs(20),
        ])
    };
    let kinds = (some_of(&[Format::Native, Format::Mpeg4Generic]), some_of(&[44_100_u32, 48_000, 96_000, 1000]));
    let meanings = some_of(&[Timing::Comex, Timing::Comex, super::capabilities::ASYNC, super::capabilities::BUFFER]);
    (kinds, some_of(&journals()), prop::array::uniform3(any::<bool>()), meanings, spans(), spans()).prop_map(
        |((formats, clock_rates), journals, [lossless, enhanced, filters], timings, packet_time, guardtime)| Limits {
            formats,
            clock_rates,
            journals,
            lossless,
            enhanced,
            timings,
            filters,
            packet_time,
            guardtime,
        },
    )
}

/// An end that can do anything at all, and often what others can as well.
fn ends(id: u8) -> impl Strategy<Value = Capabilities> {
    let sides = (prop::option::weighted(0.9, configs()), prop::option::weighted(0.9, configs()), any::<bool>());
    let pairing = prop_oneof![2 => Just(Pairing::Single), 1 => (0_u32..9).prop_map(Pairing::Virtual)];
    let limits = prop_oneof![2 => Just(Limits::default()), 1 => limits()];
    let ways = prop_oneof![3 => Just(Ways::default()), 1 => ways()];
    (sides, pairing, limits, ways, any::<bool>()).prop_map(
        move |((sends, takes, is_alike), pairing, limits, ways, plain)| {
            let base = if plain { Capabilities::new(party(id)) } else { Capabilities::network_performance(party(id)) };
            let takes = if is_alike { sends.clone() } else { takes };
            let renderers = base.renderers.clone().filter(|_| {
                let of = |config: &Option<Config>| {
                    config.as_ref().is_none_or(|config| config.format == Format::Mpeg4Generic)
                };
                of(&sends) && of(&takes)
            });
            Capabilities { ways, sends, takes, pairing, limits, renderers, ..base }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn an_offer_is_accepted_or_refused_with_a_reason_and_both_ends_know_the_same(
        first in ends(1), second in prop_oneof![1 => ends(2), 1 => Just(super::testing::player(2)), 1 => Just(super::testing::end(2))],
    ) {
        let offered = sent(&offer(&first).unwrap());
        match answer(&offered, &second) {
            Ok(answered) => {
                let received = sent(&answered.session);
                agrees(&offered, &received, &answered.agreement)?;
                prop_assert!(!answered.agreement.lines.is_empty());
                for (line, flow) in answered.agreement.sent_by(End::Offerer) {
                    prop_assert!(first.sends.is_some() && second.takes.is_some());
                    let takes = &second.takes.as_ref().unwrap().commands;
                    prop_assert!(flow.config.commands.beyond(takes).is_empty(), "line {}", line.media);
                }
                prop_assert_eq!(refused_lines(&answered.session), refusals(&answered.refused, &answered.session));
            }
            Err(refusal) => {
                prop_assert!(!refusal.refused.is_empty() || offered.media.is_empty());
                prop_assert!(refusal.refused.iter().all(|refused| !refused.to_string().is_empty()));
                let session = sent(&refusal.session.unwrap());
                prop_assert_eq!(session.media.len(), offered.media.len());
                prop_assert_eq!(verify(&offered, &session).map(|agreement| agreement.lines.len()), Ok(0));
            }
        }
    }

    #[test]
    fn a_session_goes_on_as_it_is_and_its_journals_stay(
        first in ends(1), guardtime in 221_u32..200_000, journal in prop::sample::select(vec!["none", "recj"]),
    ) {
        let second = super::testing::end(2);
        let offered = offer(&first).unwrap();
        let Ok(answered) = answer(&offered, &second) else { return Ok(()) };
        let again = |offered_again: &Session| {
            super::answer_again(&offered, &answered.session, offered_again, &second)
        };
        let changes = [(0, super::Changes { guardtime: Some(guardtime), ..super::Changes::default() })].into();
        let slower = sent(&offer_again(&offered, &changes));
        let agreed = again(&slower).unwrap();
        agrees(&slower, &sent(&agreed.session), &agreed.agreement)?;
        for line in agreed.agreement.lines.iter().filter(|line| line.media == 0) {
            prop_assert!(line.flows.iter().all(|flow| flow.config.guardtime == Some(guardtime)));
        }
        let mut rewritten = slower;
        let is_tcp = rewritten.media[0].transport.protocol.is_reliable();
        let stream = &mut rewritten.media[0].streams[0];
        let was = stream.parameters.last("j_sec").map_or(!is_tcp, |value| value != "none");
        stream.parameters.push("j_sec", journal);
        prop_assert_eq!(again(&rewritten).is_ok(), was == (journal == "recj"));
    }
}

/// The offerer finds no fault, and knows what the answerer knows.
fn agrees(offered: &Session, answered: &Session, known: &Agreement) -> Result<(), TestCaseError> {
    let texts = || offered.print() + &answered.print();
    match verify(offered, answered) {
        Ok(agreement) => prop_assert!(agreement == *known, "{}", texts()),
        Err(violations) => prop_assert!(false, "{violations:?}\n{}", texts()),
    }
    Ok(())
}

fn refused_lines(session: &Session) -> Vec<usize> {
    session.media.iter().enumerate().filter(|(_, line)| line.is_refused()).map(|(index, _)| index).collect()
}

/// The lines that reasons are given for and that are switched off.
fn refusals(refused: &[super::Refused], session: &Session) -> Vec<usize> {
    let mut lines: Vec<usize> = refused.iter().filter_map(|refused| refused.media).collect();
    lines.sort_unstable();
    lines.dedup();
    lines.retain(|line| session.media[*line].is_refused());
    lines
}
