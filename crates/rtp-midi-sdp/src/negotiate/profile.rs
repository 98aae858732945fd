//! The capabilities that every party of a network performance has (RFC 6295, C.7.2), and how parties share one renderer.

use std::ops::RangeInclusive;

use rtp_midi::{Config, Format, Inclusion, Journal, Letters, Numbers, Policy, Selection};

use super::capabilities::{Capabilities, Limits, Pairing, Party};
use super::envelope::{GUARDTIME, PACKET_TIME};
use crate::audio_specific_config::{AudioSpecificConfig, ObjectType};
use crate::render::{Abilities, Renderer, Renderers};

/// Commands that musicians have no use for while they play together: no clock, no songs, no time code.
const UNUSED: &str = "BFGHJKQVXYZ";
/// The chapters of these.
const NEVER: &str = "BDFGHJKQVXYZ";
/// Data octets of the longest System Exclusive: those that control while one plays are short.
const LONGEST_SYSEX: u32 = 16;
/// Commands and chapters of a channel.
const VOICES: &str = "ACMNPTW";
const VOICE_CHAPTERS: &str = "ACEMNPTW";

/// Clock rates that every party has.
const CLOCK_RATES: [u32; 4] = [44_100, 48_000, 88_200, 96_000];

/// The lowest clock rate for what is rendered as sound (2.1).
const LOWEST_RATE: u32 = 32_000;

impl Capabilities {
    /// The core set of network musical performance: General MIDI in both directions over UDP, packets that wait for
    /// nothing, one a second in rests, a closed loop.
    pub fn network_performance(party: Party) -> Self {
        let mut config = Config { format: Format::Mpeg4Generic, ..Config::new(CLOCK_RATES[0]) };
        let lengths = Numbers::new([0..=LONGEST_SYSEX]);
        let short = Selection::Types { channels: Numbers::default(), letters: Letters::of("X"), fields: lengths };
        config.commands.forbid(&Selection::of(Letters::of(UNUSED)));
        config.commands.allow(&short);
        config.chapters.assign(Inclusion::Never, &Selection::of(Letters::of(NEVER)));
        config.chapters.assign(Inclusion::Default, &short);
        (config.ptime, config.max_ptime, config.guardtime) = (Some(0), Some(0), Some(config.clock_rate));
        let limits = Limits {
            clock_rates: CLOCK_RATES.to_vec(),
            journals: [Policy::ClosedLoop, Policy::Anchor].map(Journal::Recovery).into(),
            enhanced: false,
            packet_time: PACKET_TIME,
            guardtime: GUARDTIME,
            ..Limits::default()
        };
        Self {
            sends: Some(config.clone()),
            takes: Some(config),
            limits,
            renderers: Some(general_midi(CLOCK_RATES[0])),
            abilities: Abilities {
                object_types: vec![ObjectType::GeneralMidi],
                chanmask: true,
                ..Abilities::default()
            },
            ..Self::new(party)
        }
    }

    /// The same for players who share one renderer: a virtual sendrecv stream in which the one has these channels and
    /// the other those (C.7.2).
    #[must_use]
    pub fn sharing(mut self, sent: RangeInclusive<u8>, taken: RangeInclusive<u8>) -> Self {
        if self.pairing == Pairing::Single {
            self.pairing = Pairing::Virtual(1);
        }
        for (config, channels) in [(&mut self.sends, sent), (&mut self.takes, taken)] {
            let channels = Numbers::new([u32::from(*channels.start())..=u32::from(*channels.end())]);
            if let Some(config) = config {
                allot(config, &channels);
            }
        }
        self
    }

    /// The same beside an audio stream of this rate: at its clock rate, unless that is too low for what is rendered as
    /// sound (2.1).
    #[must_use]
    pub fn beside_audio(mut self, clock_rate: u32) -> Self {
        let clock_rate = clock_rate.max(LOWEST_RATE);
        let proposed = self.sends.as_ref().or(self.takes.as_ref()).map(|config| config.clock_rate);
        if proposed.map(general_midi) == self.renderers {
            self.renderers = Some(general_midi(clock_rate));
        }
        for config in [&mut self.sends, &mut self.takes].into_iter().flatten() {
            for ticks in [&mut config.ptime, &mut config.max_ptime, &mut config.guardtime] {
                let scaled =
                    |ticks: u32| u64::from(ticks) * u64::from(clock_rate) / u64::from(config.clock_rate.max(1));
                *ticks = ticks.map(|ticks| u32::try_from(scaled(ticks)).unwrap_or(u32::MAX));
            }
            config.clock_rate = clock_rate;
            config.fresh = clock_rate / 100;
        }
        self
    }

    /// The same proposal in another format.
    pub(super) fn in_format(mut self, format: Format) -> Self {
        for config in [&mut self.sends, &mut self.takes].into_iter().flatten() {
            config.format = format;
        }
        self
    }
}

/// General MIDI as it is described for a clock rate (E.4).
fn general_midi(clock_rate: u32) -> Renderers {
    Renderer::mpeg4(&AudioSpecificConfig::general_midi(clock_rate, 1)).into()
}

/// Keeps the voices of a configuration to these channels.
fn allot(config: &mut Config, channels: &Numbers) {
    let on = |letters| Selection::Types {
        channels: channels.clone(),
        letters: Letters::of(letters),
        fields: Numbers::default(),
    };
    config.commands.forbid(&Selection::of(Letters::of(VOICES)));
    config.commands.allow(&on(VOICES));
    config.chapters.assign(Inclusion::Never, &Selection::of(Letters::of(VOICE_CHAPTERS)));
    config.chapters.assign(Inclusion::Default, &on(VOICE_CHAPTERS));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answered, described, party, player, refused, sent};
    use super::super::{Reason, answer, offer, offers, verify};
    use super::*;
    use crate::render::{Render, Renderers};
    use crate::{Direction, Session};

    fn fmtp(session: &Session, line: usize) -> String {
        session.media[line].streams[0].parameters.to_string()
    }

    /// An offer of one General MIDI stream with these parameters at this rate.
    fn general(rate: u32, direction: &str, parameters: &str) -> Session {
        let four = "streamtype=5; mode=rtp-midi; profile-level-id=12; config=\"\"";
        let end = "render=synthetic; rinit=audio/asc; inline=\"egoAAAAaTVRoZAAAAAYAAAABAGBNVHJrAAAABgD/LwAA\"";
        let fmtp = format!("fmtp:96 {four}; {parameters}; {end}");
        described("RTP/AVP", &[format!("rtpmap:96 mpeg4-generic/{rate}"), fmtp, direction.to_owned()])
    }

    const SUBSET: &str = "cm_unused=BFGHJKQVXYZ; ch_never=BDFGHJKQVXYZ";

    #[test]
    fn players_offer_general_midi_with_a_closed_loop_and_all_of_their_timing() {
        let offered = sent(&offer(&player(1)).unwrap());
        let [line] = &offered.media[..] else { panic!("one line") };
        assert_eq!((line.direction, line.streams.len()), (Direction::SendReceive, 1));
        assert_eq!(
            fmtp(&offered, 0),
            "streamtype=5; mode=rtp-midi; profile-level-id=12; config=\"\"; cm_unused=BFGHJKQVXYZ; cm_used=X0-16; \
             ch_never=BDFGHJKQVXYZ; ch_default=X0-16; rtp_ptime=0; rtp_maxptime=0; guardtime=44100; \
             render=synthetic; rinit=audio/asc; inline=\"egoAAAAAAA==\""
        );
        let answer = answered(&player(1), &player(2)).unwrap();
        for name in ["rtp_ptime", "rtp_maxptime", "guardtime"] {
            assert!(answer.session.media[0].streams[0].parameters.last(name).is_some(), "{name}");
        }
    }

    #[test]
    fn players_take_what_every_player_can() {
        let second = player(2);
        for rate in CLOCK_RATES {
            for tsmode in ["comex", "async", "buffer; mperiod=44"] {
                let text = format!("{SUBSET}; tsmode={tsmode}");
                assert!(answer(&general(rate, "sendonly", &text), &second).is_ok(), "{rate} {tsmode}");
            }
        }
        for journal in ["anchor", "closed-loop"] {
            assert!(answer(&general(44_100, "sendrecv", &format!("j_update={journal}; {SUBSET}")), &second).is_ok());
        }
        for times in
            ["rtp_ptime=0; rtp_maxptime=4410; guardtime=221", "rtp_ptime=4410; rtp_maxptime=4410; guardtime=220500"]
        {
            let answer = answer(&general(44_100, "sendrecv", &format!("{SUBSET}; {times}")), &second).unwrap();
            assert!(fmtp(&answer.session, 0).contains(times), "{}", fmtp(&answer.session, 0));
        }
        let open = refused(
            &general(44_100, "sendrecv", &format!("j_update=open-loop; ch_anchor=ACDMPQTWX; {SUBSET}")),
            &second,
        );
        assert_eq!(open, ["media line 1, payload type 96: the journal is of a kind that we do not have"]);
        let none = refused(&general(44_100, "sendrecv", &format!("j_sec=none; {SUBSET}")), &second);
        assert_eq!(
            none,
            ["media line 1, payload type 96: j_sec=none leaves nothing that sets a loss right [SC.2.1-04]"]
        );
    }

    #[test]
    fn timing_beyond_what_every_player_can_is_moved_into_it() {
        let offered =
            general(44_100, "sendrecv", &format!("{SUBSET}; rtp_ptime=44100; rtp_maxptime=88200; guardtime=1"));
        let answer = answer(&offered, &player(2)).unwrap();
        assert!(fmtp(&answer.session, 0).contains("rtp_ptime=4410; rtp_maxptime=4410; guardtime=221"));
        assert_eq!(verify(&offered, &sent(&answer.session)), Ok(answer.agreement));
        let open = general(44_100, "sendrecv", SUBSET);
        let answer = super::super::answer(&open, &player(2)).unwrap();
        assert!(fmtp(&answer.session, 0).contains("rtp_ptime=0; rtp_maxptime=0; guardtime=44100"));
    }

    #[test]
    fn what_one_only_receives_is_offered_with_the_default_timestamps() {
        let timing = rtp_midi::Timing::Async { octet: None, line: rtp_midi::LineRate::DIN };
        let mut first = player(1).sharing(0..=3, 4..=7);
        for config in [&mut first.sends, &mut first.takes].into_iter().flatten() {
            config.timing = timing;
        }
        let offered = offer(&first).unwrap();
        assert!(fmtp(&offered, 0).contains("tsmode=async") && !fmtp(&offered, 1).contains("tsmode"));
        assert_eq!(
            (offered.media[0].direction, offered.media[1].direction),
            (Direction::SendOnly, Direction::ReceiveOnly)
        );
    }

    #[test]
    fn players_who_share_a_renderer_have_channels_of_their_own() {
        let offered = sent(&offer(&player(1).sharing(0..=1, 2..=2)).unwrap());
        assert_eq!(offered.relation_violations(), []);
        let relation = &offered.relations()[0];
        assert!(relation.spaces[0].virtual_pair(&offered).is_some());
        assert!(fmtp(&offered, 0).contains("cm_unused=ACMNPTW; cm_used=0-1ACMNPTW"), "{}", fmtp(&offered, 0));
        assert!(fmtp(&offered, 1).contains("ch_never=ACEMNPTW; ch_default=2ACEMNPTW"), "{}", fmtp(&offered, 1));
        let answer = answer(&offered, &player(2)).unwrap();
        let directions: Vec<Direction> = answer.session.media.iter().map(|line| line.direction).collect();
        assert_eq!(directions, [Direction::ReceiveOnly, Direction::SendOnly]);
        assert_eq!(answer.session.groups, offered.groups);
        let commands = |line: usize| &answer.agreement.lines[line].flows[0].config.commands;
        assert!(commands(0).beyond(commands(1)).to_string().contains("ACMNPTW"));
    }

    #[test]
    fn players_leave_out_renderers_that_say_nothing_and_null_those_not_chosen() {
        let mut first = player(1);
        let mut list = first.renderers.clone().unwrap().list;
        list.insert(0, Renderer::new(Render::Unknown));
        list.push(Renderer::new(Render::Null));
        list.push(list[1].clone());
        first.renderers = Some(Renderers { list, ..Renderers::default() });
        let offered = sent(&offer(&first).unwrap());
        let text = fmtp(&offered, 0);
        assert_eq!((text.matches("render=synthetic").count(), text.matches("render=").count()), (2, 2), "{text}");
        assert_eq!(offered.media[0].streams.len(), 1);
        let answer = answer(&offered, &player(2)).unwrap();
        let text = fmtp(&answer.session, 0);
        assert_eq!((text.matches("render=synthetic").count(), text.matches("render=null").count()), (1, 1), "{text}");
        assert!(!text.contains("unknown"));
        assert_eq!(verify(&offered, &sent(&answer.session)), Ok(answer.agreement));
    }

    #[test]
    fn formats_are_offered_one_after_the_other() {
        let mut first = player(1);
        first.renderers = None;
        let mut second = player(2);
        second.limits.formats = vec![Format::Native];
        second.abilities.renders = vec![Render::Unknown];
        let series = offers(&first);
        assert_eq!(series.len(), 2);
        let reasons = answer(&series[0], &second).unwrap_err().refused;
        assert_eq!(reasons[0].reason, Reason::Format(Format::Mpeg4Generic));
        assert!(answer(&series[1], &second).is_ok());
        assert!(series.iter().all(|offer| offer.media.iter().all(|line| line.streams.len() == 1)));
        assert_eq!(offers(&player(1)).len(), 1, "General MIDI is described in mpeg4-generic only");
    }

    #[test]
    fn a_stream_beside_audio_has_its_rate_unless_that_is_low() {
        let rate = |audio| {
            let offered = offer(&player(1).beside_audio(audio)).unwrap();
            let stream = &offered.media[0].streams[0];
            (stream.clock_rate, stream.parameters.last("guardtime").unwrap().to_owned())
        };
        assert_eq!(rate(48_000), (48_000, "48000".to_owned()));
        assert_eq!(rate(8000), (32_000, "32000".to_owned()));
        let config = Capabilities::network_performance(party(1)).beside_audio(48_000).renderers.unwrap();
        let asc = config.list[0].audio_specific_config().unwrap().unwrap();
        assert_eq!(asc, AudioSpecificConfig::general_midi(48_000, 1));
    }
}
