//! Laws of the linter: no text is too strange for it, our own writer breaks no rule, and it is as strict as the readers
//! of this crate and no stricter.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod laws;

use proptest::prelude::*;
use rtp_midi::{Config, Format, Inclusion, Journal, LineRate, Octet, Policy, Timing};
use rtp_midi_sdp::lint::Severity;
use rtp_midi_sdp::{
    Connection, Crypto, Diagnostic, Direction, Group, Language, Media, Origin, Protocol, Session, Setup, Stream,
    Transport, lint,
};

/// Where all examples stand.
const EXAMPLES: &str = include_str!("data/rfc-examples.txt");

/// The laws for any text.
fn judge(text: &str) {
    judge_octets(text.as_bytes());
}

fn judge_octets(octets: &[u8]) {
    laws::printing_is_stable(octets);
    laws::every_diagnostic_has_its_place(octets);
    laws::renderers_are_read_as_they_are_printed(octets);
    laws::offers_are_answered_or_refused_with_a_reason(octets);
}

/// The diagnostics of a native stream with these parameters.
fn of_parameters(parameters: &str) -> Vec<Diagnostic> {
    lint(&format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=x\r\nt=0 0\r\nm=audio 5004 RTP/AVP 96\r\nc=IN IP4 192.0.2.94\r\n\
         a=rtpmap:96 rtp-midi/44100\r\na=fmtp:96 {parameters}\r\n"
    ))
}

/// A session of two streams that share a name space, each in its direction.
fn session(config: &Config, host: &str, protocol: &Protocol, directions: [Direction; 2]) -> Session {
    let host: std::net::IpAddr = host.parse().unwrap();
    let mut session = Session::new("Étude");
    session.origin = Some(Origin::new(1, 1, host));
    session.groups.push(Group { semantics: "FID".to_owned(), mids: vec!["1".to_owned(), "2".to_owned()] });
    for (port, direction) in [5004, 5006].into_iter().zip(directions) {
        let mut transport = Transport { protocol: protocol.clone(), ..Transport::udp(host, port) };
        if protocol.is_reliable() {
            (transport.setup, transport.connection) = (Some(Setup::ActPass), Some(Connection::New));
        }
        let keys = protocol.has_crypto().then(|| Crypto::parse("1 AES_CM_128_HMAC_SHA1_80 inline:AAAA"));
        transport.crypto.extend(keys.flatten());
        let mut stream = Stream::of(96, config, &transport);
        stream.parameters.push("musicport", 1);
        let mut media = Media::new(transport, direction, vec![stream]);
        media.mid = Some((1 + session.media.len()).to_string());
        session.media.push(media);
    }
    session
}

fn numbers(most: u32) -> impl Strategy<Value = String> {
    let range = (0..most).prop_flat_map(move |low| (Just(low), low + 1..=most));
    let part = prop_oneof![(0..=most).prop_map(|n| n.to_string()), range.prop_map(|(a, b)| format!("{a}-{b}"))];
    prop::collection::vec(part, 0..3).prop_map(|parts| parts.join("."))
}

/// Values that a producer may write.
fn values(language: Language) -> impl Strategy<Value = String> {
    let text =
        (numbers(15), "[A-HJKMNPQTVW-Z]{1,5}", numbers(200)).prop_map(|(c, letters, f)| format!("{c}{letters}{f}"));
    let class = "__[0-7][0-9A-F](_[0-7][0-9A-F]){0,2}__".prop_map(|class| class);
    let printed =
        move |text: String| language.parse(&text).map(|selection| language.print(&selection)).unwrap_or_default();
    prop_oneof![4 => text, 1 => class].prop_map(printed).prop_filter_map("some value", |mut values| values.pop())
}

fn configs() -> impl Strategy<Value = Config> {
    let selections = |language| prop::collection::vec(values(language), 0..3);
    let journals = [Policy::Anchor, Policy::ClosedLoop].map(Journal::Recovery);
    let journal = prop::sample::select([&journals[..], &[Journal::None]].concat());
    let inclusion = prop::sample::select(vec![Inclusion::Never, Inclusion::Default, Inclusion::Anchor]);
    let chapters = prop::collection::vec((inclusion, values(Language::Chapters)), 0..3);
    let times = (prop::sample::select(vec![None, Some(Octet::First), Some(Octet::Last)]), any::<u8>());
    let packets = prop::array::uniform3(prop::option::of(1_u32..));
    let rate = prop::sample::select(vec![8000_u32, 44_100, 48_000, 176_400]);
    let commands = (selections(Language::Commands), selections(Language::Commands));
    (journal, rate, commands, chapters, times, packets, any::<bool>()).prop_map(
        |(journal, rate, (used, unused), chapters, (octet, mode), [ptime, max, guard], native)| {
            let mut config = Config::new(rate);
            config.format = if native { Format::Native } else { Format::Mpeg4Generic };
            config.set_journal(journal);
            for value in unused {
                config.commands.forbid(&Language::Commands.parse(&value).unwrap());
            }
            for value in used {
                config.commands.allow(&Language::Commands.parse(&value).unwrap());
            }
            for (inclusion, value) in chapters {
                config.chapters.assign(inclusion, &Language::Chapters.parse(&value).unwrap());
            }
            config.timing = match mode % 3 {
                0 => Timing::Comex,
                1 => Timing::Async { octet, line: LineRate::DIN },
                _ => Timing::Buffer { octet, line: LineRate::DIN, period: std::num::NonZeroU32::new(44) },
            };
            (config.ptime, config.max_ptime, config.guardtime) = (ptime.min(max), max, guard);
            config
        },
    )
}

fn worst(found: &[Diagnostic]) -> Option<Severity> {
    found.iter().map(|diagnostic| diagnostic.severity).min()
}

proptest! {
    #[test]
    fn any_text_is_judged(text in any::<String>()) {
        judge(&text);
    }

    #[test]
    fn any_lines_are_judged(lines in prop::collection::vec("[a-z]=.{0,30}|a=(rtpmap|fmtp|group|mid|crypto):.{0,20}", 0..12)) {
        judge(&lines.join("\r\n"));
    }

    #[test]
    fn any_parameters_are_judged(
        parameters in prop::collection::vec(
            (prop::sample::select(rtp_midi_sdp::NAMES.to_vec()), "[ -~]{0,20}|[0-9A-Z.-]{0,9}|__[0-9A-F._-]{0,9}__"),
            0..6,
        ),
        mpeg4 in any::<bool>(),
    ) {
        let encoding = if mpeg4 { "mpeg4-generic" } else { "rtp-midi" };
        let list: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=x\r\nt=0 0\r\nc=IN IP4 192.0.2.94\r\nm=audio 5004 RTP/AVP 96\r\n";
        judge(&format!("{head}a=rtpmap:96 {encoding}/44100\r\na=fmtp:96 {}\r\n", list.join("; ")));
    }

    #[test]
    fn an_example_that_is_damaged_is_judged(
        at in 0..EXAMPLES.len(), length in 0_usize..40, put in "[ -~\r\n]{0,5}", from in 0_usize..20,
    ) {
        let example = EXAMPLES.split("# ").nth(from + 1).and_then(|example| example.split_once('\n'));
        let (_, text) = example.unwrap();
        let at = at % text.len();
        let end = (at + length).min(text.len());
        judge(&format!("{}{put}{}", &text[..at], &text[end..]));
    }

    #[test]
    fn what_our_writer_prints_has_no_errors(
        config in configs(),
        group in any::<bool>(),
        protocol in prop::sample::select(Protocol::KNOWN.to_vec()),
        is_sent in any::<bool>(),
    ) {
        let directions = [Direction::SendOnly, Direction::ReceiveOnly];
        let directions = if is_sent { directions } else { directions.map(Direction::mirrored) };
        let host = if group { "239.1.2.3" } else { "2001:db8::1" };
        let text = session(&config, host, &protocol, directions).print();
        let found = lint(&text);
        prop_assert!(worst(&found) != Some(Severity::Error), "{found:#?} in\n{text}");
    }

    #[test]
    fn selections_are_errors_when_no_reader_understands_them_and_silent_when_a_producer_may_write_them(
        value in "[0-9.-]{0,4}[A-Za-z]{0,3}[0-9.-]{0,4}|__[0-9A-Fa-f._-]{0,7}__",
        of_chapters in any::<bool>(),
    ) {
        let (language, name) = if of_chapters { (Language::Chapters, "ch_anchor") } else { (Language::Commands, "cm_used") };
        let found = of_parameters(&format!("{name}={value}"));
        if language.parse(&value).is_err() {
            prop_assert_eq!(worst(&found), Some(Severity::Error), "{}", value);
        } else if language.parse_exact(&value).is_some() {
            // A producer may write what has no effect.
            prop_assert!(worst(&found) != Some(Severity::Error), "{} {:?}", value, found);
        } else {
            prop_assert!(!found.is_empty(), "{}", value);
        }
    }
}

/// A stranger's description may be as long as a packet of SAP or an answer of RTSP lets it be.
#[test]
fn a_description_of_many_parts_is_judged_in_no_more_than_a_moment() {
    let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=x\r\nt=0 0\r\nc=IN IP4 192.0.2.94\r\nm=audio 5004 RTP/AVP 96\r\n";
    let fill = |part: &str| part.repeat(16_384 / part.len());
    let rules: Vec<String> =
        (0..500).map(|n| format!("cm_used=__{:02X}__; ch_never=X{n}; cm_used=M{n}; ", n % 128)).collect();
    for parameters in
        [fill("c=\r\n"), fill("x=1; "), fill("rinit=a/b; inline=\"\"; "), fill("cm_unused=C0-1; "), rules.concat()]
    {
        let start = std::time::Instant::now();
        judge(&format!("{head}a=rtpmap:96 rtp-midi/44100\r\na=fmtp:96 render=api; {parameters}\r\n"));
        assert!(start.elapsed().as_secs() < 20, "{} of {parameters:.20}", start.elapsed().as_secs());
    }
    judge(&(head.to_owned() + &fill("a=rtpmap:96 rtp-midi/8000\r\n")));
}

#[test]
fn the_seeds_of_the_fuzzer_hold() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/description");
    // A package of this crate alone has none.
    for file in std::fs::read_dir(folder).into_iter().flatten() {
        judge_octets(&std::fs::read(file.unwrap().path()).unwrap());
    }
}
