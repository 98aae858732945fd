//! The session descriptions that the RFCs print: every parameter reads as the type it is.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::num::NonZeroU32;

use rtp_midi::midi::{Channel, System, U7, Voice};
use rtp_midi::{Config, Journal, LineRate, Octet, Policy, Timing};
use rtp_midi_sdp::lint::Severity;
use rtp_midi_sdp::{Parameters, Session, lint};

const EXAMPLES: &str = include_str!("data/rfc-examples.txt");

/// The streams of the examples of a section.
fn examples(section: &str) -> Vec<Config> {
    let examples = EXAMPLES.split("# ").skip(1).filter_map(|example| example.split_once('\n'));
    let texts = examples.filter(|(name, _)| *name == section).map(|(_, text)| text);
    let sessions = texts.map(|text| Session::parse(text.as_bytes()).unwrap());
    let configs: Vec<Config> = sessions.flat_map(|session| configs(&session)).collect();
    assert!(!configs.is_empty(), "there is no example {section}");
    configs
}

fn configs(session: &Session) -> Vec<Config> {
    session.streams().map(|(media, stream)| stream.config(&media.transport).unwrap()).collect()
}

fn example(section: &str) -> Config {
    examples(section).remove(0)
}

fn control(number: u8) -> Voice {
    Voice::ControlChange { controller: U7::masked(number), value: U7::default() }
}

fn note() -> Voice {
    Voice::NoteOff { note: U7::masked(60), velocity: U7::default() }
}

fn parameters(config: &Config) -> String {
    Parameters::of(config).to_string()
}

const FULL_FRAME: &[u8] = &[0x7F, 0x7F, 1, 1, 0, 0, 0, 0];

#[test]
fn all_of_them_are_read_and_what_is_written_of_them_reads_the_same() {
    let (mut sessions, mut streams) = (0, 0);
    for example in EXAMPLES.split("# ").skip(1) {
        let (name, text) = example.split_once('\n').unwrap();
        let session = Session::parse(text.as_bytes()).unwrap();
        sessions += 1;
        let printed = session.print();
        assert_eq!(Session::parse(printed.as_bytes()).unwrap().print(), printed, "{name}");
        let errors: Vec<_> = lint(&printed).into_iter().filter(|found| found.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        for config in configs(&session) {
            let written = Parameters::of(&config);
            assert_eq!(written.config(config.clock_rate, config.format), Ok(config), "{name}: {written}");
            streams += 1;
        }
    }
    assert_eq!((sessions, streams), (20, 23));
}

#[test]
fn a_stream_for_clocks_has_nothing_else() {
    let config = example("RFC 6295, C.1");
    let commands = &config.commands;
    let system = [System::Clock, System::Start, System::QuarterFrame(U7::default()), System::Reset];
    assert!(system.iter().all(|system| commands.has_system(system)));
    let others = [System::TuneRequest, System::ActiveSense, System::SongSelect(U7::default()), System::F9];
    assert!(!others.iter().any(|system| commands.has_system(system)));
    assert!(
        Channel::all().all(|channel| !commands.has_voice(channel, note()) && !commands.has_voice(channel, control(7)))
    );
    assert_eq!(commands.has_sysex(FULL_FRAME, true), Some(true));
    assert_eq!(commands.has_sysex(&[0x7E, 0x7F, 9, 1], true), Some(false));
    assert_eq!(parameters(&config), "cm_unused=ACGHJKMNPTVWXYZ; cm_used=__7F_00-7F_01_01__");
}

#[test]
fn a_choice_of_commands_and_chapters_is_read_in_order() {
    let config = example("RFC 6295, C.2.3");
    assert_eq!(config.journal, Journal::Recovery(Policy::OpenLoop));
    let commands = &config.commands;
    let channel = Channel::masked(4);
    assert!(commands.has_voice(channel, note()) && commands.has_voice(channel, control(64)));
    assert!(!commands.has_voice(channel, control(8)) && !commands.has_parameter(channel, 0));
    assert_eq!(commands.has_sysex(&[0x7E, 0, 9, 2], true), Some(true));
    assert_eq!(commands.has_sysex(&[0x7E, 0, 9, 4], true), Some(false));
    assert_eq!(
        parameters(&config),
        "cm_unused=ABCFGHJKMQTVWXYZ; cm_used=__7E_00-7F_09_01-03__; cm_used=__7F_00-7F_04_01-02__; cm_used=C7.64; \
         j_update=open-loop; ch_never=ABCDEFGHJKMQTVWXYZ; ch_never=4.11-13N; ch_anchor=P; ch_anchor=C7.64; \
         ch_anchor=__7E_00-7F_09_01-03__; ch_anchor=__7F_00-7F_04_01-02__"
    );
}

#[test]
fn timestamps_are_asynchronous_or_buffered_where_they_say_so() {
    let octet = Some(Octet::First);
    assert_eq!(example("RFC 6295, C.3.2").timing, Timing::Async { octet, line: LineRate::DIN });
    let buffer = Timing::Buffer { octet: Some(Octet::Last), line: LineRate::DIN, period: NonZeroU32::new(44) };
    assert_eq!(example("RFC 6295, C.3.3").timing, buffer);
    assert_eq!(example("RFC 4696, 2, Fig 2").timing, buffer);
    assert_eq!(example("RFC 6295, 6.1").timing, Timing::Comex);
}

#[test]
fn packets_are_timed_as_they_say() {
    assert_eq!(example("RFC 6295, C.2.1").journal, Journal::None);
    let simultaneous = example("RFC 6295, C.4.1");
    assert_eq!((simultaneous.ptime, simultaneous.max_ptime, simultaneous.guardtime), (Some(0), Some(0), None));
    assert_eq!(example("RFC 6295, C.4.2").guardtime, Some(44_100));
    let [_, _, to, from] = &examples("RFC 6295, C.7.2")[..] else { panic!("an offer and an answer of two streams") };
    assert_eq!((to.max_ptime, to.guardtime), (Some(882), Some(44_100)));
    assert_eq!((from.max_ptime, from.guardtime), (Some(0), Some(88_200)));
}

#[test]
fn a_network_performance_has_the_channel_of_each_player() {
    for (config, own) in examples("RFC 6295, C.7.2").iter().zip([2, 1, 2, 1]) {
        let commands = &config.commands;
        for channel in Channel::all() {
            let is_own = channel.get() == own;
            assert_eq!(commands.has_voice(channel, note()), is_own);
            assert_eq!(commands.has_voice(channel, control(121)), is_own);
            assert_eq!(commands.has_parameter(channel, 2), is_own);
            assert!(!commands.has_voice(channel, control(6)) && !commands.has_parameter(channel, 3));
        }
        assert_eq!(commands.has_sysex(&[0; 16], true), Some(true));
        assert_eq!(commands.has_sysex(&[0; 17], false), Some(false));
        assert!(parameters(config).contains("ch_default=X0-16"));
    }
    let guide = example("RFC 4696, 2, Fig 1");
    assert!(!guide.commands.has_voice(Channel::masked(0), control(120)));
    assert!(guide.commands.has_voice(Channel::masked(0), control(119)));
}
