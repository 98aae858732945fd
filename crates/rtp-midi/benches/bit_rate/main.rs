//! What real music takes on the wire, by policy, loss, and what the stream can do without: IP, UDP and RTP headers
//! counted, messages of 50 ms in a packet where nothing else is said.
//!
//! `tests/corpus` fetches the music into `target/corpus`; without it there is nothing to measure.

mod music;
#[path = "../../tests/random/mod.rs"]
mod random;
mod stream;

use std::collections::BTreeMap;

use rtp_midi::{Config, Inclusion, Journal, Letters, Policy, Repertoire, Selection};
use smf_timeline::Song;
use stream::{Link, Look, RATE, Span, Taken, send};

const ANCHOR: Journal = Journal::Recovery(Policy::Anchor);
const CLOSED_LOOP: Journal = Journal::Recovery(Policy::ClosedLoop);
const OPEN_LOOP: Journal = Journal::Recovery(Policy::OpenLoop);

/// Per cent of the packets, and of the reports, that are lost.
const LOSSES: [u64; 5] = [0, 1, 5, 20, 40];

/// Milliseconds in which messages share a packet.
const PTIMES: [u64; 4] = [10, 20, 50, 100];

const POLICIES: [(&str, Journal); 4] =
    [("none", Journal::None), ("closed loop", CLOSED_LOOP), ("open loop", OPEN_LOOP), ("anchor", ANCHOR)];

/// What is served has packets of the length that is described.
const SERVED: (&str, Journal) = ("anchor, `--rtsp` or `--publish`", ANCHOR);

/// Packets a second of the simple model that the figures are compared with.
const MODEL: f64 = 8.4;

/// Nothing is lost, and reports come as in the model.
const LOSSLESS: Link = Link { report: 3, ptime: 50, span: Span::Music, loss: 0, look: Look::Nowhere };

/// How the journal is told what to leave out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chosen {
    /// Nothing.
    All,
    /// `ch_never=E`.
    WithoutE,
    /// `cm_unused` from a scan of the song.
    Unused,
    /// `cm_unused` and `ch_never` from a scan of the song.
    Scan,
}

/// Seconds between two reports, and the rest.
const ROWS: [(&str, Journal, Chosen, u64); 11] = [
    ("none", Journal::None, Chosen::All, 3),
    ("closed loop", CLOSED_LOOP, Chosen::All, 3),
    ("closed loop, `ch_never=E`", CLOSED_LOOP, Chosen::WithoutE, 3),
    ("closed loop, scan", CLOSED_LOOP, Chosen::Scan, 3),
    ("closed loop, scan, reports 1 s apart", CLOSED_LOOP, Chosen::Scan, 1),
    ("open loop", OPEN_LOOP, Chosen::All, 3),
    ("open loop, scan", OPEN_LOOP, Chosen::Scan, 3),
    ("anchor", ANCHOR, Chosen::All, 3),
    ("anchor, `cm_unused` of a scan", ANCHOR, Chosen::Unused, 3),
    ("anchor, `ch_never=E`", ANCHOR, Chosen::WithoutE, 3),
    ("anchor, scan", ANCHOR, Chosen::Scan, 3),
];

fn main() {
    // Cargo hands the filter of `cargo bench` to every program.
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    if filter.is_some_and(|filter| !"bit_rate".contains(&filter)) {
        return;
    }
    let songs = music::songs();
    if songs.is_empty() {
        println!("no music in {}: run tests/corpus", music::folder().display());
        return;
    }
    let rates: Vec<f64> =
        songs.iter().map(|song| play(song, Journal::None, Chosen::All, LOSSLESS).packet_rate()).collect();
    policies(&songs, &sparsest(&rates));
    packets(&songs);
    parts(&songs);
    losses(&songs);
}

/// The songs with the fewest packets a second, as many as have no more than the model on average.
fn sparsest(rates: &[f64]) -> Vec<usize> {
    let mut songs: Vec<usize> = (0..rates.len()).collect();
    songs.sort_by(|a, b| rates[*a].total_cmp(&rates[*b]));
    let mut sum = 0.0;
    let all = songs.iter().enumerate().take_while(|(count, song)| {
        sum += rates[**song];
        sum / (count + 1) as f64 <= MODEL
    });
    let count = all.count();
    songs.truncate(count);
    songs
}

/// Plays a song with the journal that is chosen.
fn play(song: &Song, journal: Journal, chosen: Chosen, link: Link) -> Taken {
    let mut config = Config { journal, ..Config::new(RATE as u32) };
    let mut repertoire = Repertoire::default();
    music::commands(song).for_each(|(_, command)| repertoire.observe(&command));
    if !matches!(chosen, Chosen::All | Chosen::WithoutE) {
        config.commands = repertoire.commands();
    }
    match chosen {
        Chosen::All | Chosen::Unused => {}
        Chosen::WithoutE => config.chapters.assign(Inclusion::Never, &Selection::of(Letters::of("E"))),
        Chosen::Scan => config.chapters = repertoire.chapters(),
    }
    send(song, &config, link)
}

/// Corpus × policy: averages over songs; those of the songs that are as dense as the model's stand beside them.
fn policies(songs: &[Song], sparsest: &[usize]) {
    let (all, some, rate) = (songs.len(), sparsest.len(), MODEL);
    println!(
        "| {all} songs | octets of a packet | of the longest | packets/s | kbit/s | median | at {rate} packets/s \
         | {some} songs: packets/s | kbit/s | at {rate} packets/s |"
    );
    for (name, journal, chosen, report) in ROWS {
        let link = Link { report, ..LOSSLESS };
        let taken: Vec<Taken> = songs.iter().map(|song| play(song, journal, chosen, link)).collect();
        let all: Vec<&Taken> = taken.iter().collect();
        let some: Vec<&Taken> = sparsest.iter().map(|index| &taken[*index]).collect();
        let longest = taken.iter().map(|taken| taken.longest).max().unwrap_or_default();
        let mut rates: Vec<f64> = taken.iter().map(Taken::kilobits).collect();
        rates.sort_by(f64::total_cmp);
        println!(
            "| {name} | {:.1} | {longest} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
            mean(&all, Taken::octets_per_packet),
            mean(&all, Taken::packet_rate),
            mean(&all, Taken::kilobits),
            rates[rates.len() / 2],
            mean(&all, at_the_models_rate),
            mean(&some, Taken::packet_rate),
            mean(&some, Taken::kilobits),
            mean(&some, at_the_models_rate),
        );
    }
}

/// Policy × length of a packet: kbit/s without and with the headers of IP and UDP. A receiver reports every 5 seconds.
fn packets(songs: &[Song]) {
    println!("\n| of a scan | {} |", PTIMES.map(|ptime| format!("{ptime} ms")).join(" | "));
    let rows = POLICIES.map(|row| (row, Span::Music)).into_iter().chain([(SERVED, Span::Described)]);
    for ((name, journal), span) in rows {
        let rates = PTIMES.map(|ptime| {
            let link = Link { report: 5, ptime, span, ..LOSSLESS };
            let taken: Vec<Taken> = songs.iter().map(|song| play(song, journal, Chosen::Scan, link)).collect();
            let all: Vec<&Taken> = taken.iter().collect();
            format!("{:.1} / {:.1}", mean(&all, Taken::kilobits_of_rtp), mean(&all, Taken::kilobits))
        });
        println!("| {name} | {} |", rates.join(" | "));
    }
}

/// The bit rate, were the packets as many a second as the model's.
fn at_the_models_rate(taken: &Taken) -> f64 {
    8e-3 * taken.octets_per_packet() * MODEL
}

fn mean(taken: &[&Taken], of: impl Fn(&Taken) -> f64) -> f64 {
    taken.iter().map(|taken| of(taken)).sum::<f64>() / taken.len() as f64
}

/// Where the octets of a packet go.
fn parts(songs: &[Song]) {
    let kinds = [
        ("closed loop", CLOSED_LOOP, Chosen::All),
        ("closed loop, scan", CLOSED_LOOP, Chosen::Scan),
        ("anchor", ANCHOR, Chosen::All),
        ("anchor, scan", ANCHOR, Chosen::Scan),
    ];
    let mut table: BTreeMap<String, [f64; 4]> = BTreeMap::new();
    for (column, (_, journal, chosen)) in kinds.iter().enumerate() {
        for song in songs {
            let taken = play(song, *journal, *chosen, Link { look: Look::Inside, ..LOSSLESS });
            for (part, octets) in taken.parts {
                let share = octets as f64 / taken.packets as f64 / songs.len() as f64;
                table.entry(part).or_default()[column] += share;
            }
        }
    }
    println!("\n| octets of a packet | {} |", kinds.map(|(name, ..)| name).join(" | "));
    for (part, columns) in table {
        println!("| {part} | {} |", columns.map(|octets| format!("{octets:.1}")).join(" | "));
    }
}

/// Policy × loss: what is sent, and what repairs.
fn losses(songs: &[Song]) {
    println!("\n| of a scan | loss | {} |", LOSSES.map(|loss| format!("{loss} %")).join(" | "));
    for (name, journal) in POLICIES {
        let columns: Vec<Vec<Taken>> = LOSSES
            .iter()
            .map(|&loss| {
                let link = Link { loss, look: Look::Behind, ..LOSSLESS };
                songs.iter().map(|song| play(song, journal, Chosen::Scan, link)).collect()
            })
            .collect();
        let row =
            |of: &dyn Fn(&[Taken]) -> String| columns.iter().map(|taken| of(taken)).collect::<Vec<_>>().join(" | ");
        let average =
            |of: fn(&Taken) -> f64| row(&|taken| format!("{:.1}", mean(&taken.iter().collect::<Vec<_>>(), of)));
        let ratio = |part: fn(&Taken) -> u64, of: fn(&Taken) -> u64| {
            row(&|taken| match taken.iter().map(of).sum::<u64>() {
                0 => "–".to_owned(),
                whole => format!("{:.2}", taken.iter().map(part).sum::<u64>() as f64 / whole as f64),
            })
        };
        println!("| {name} | octets of a packet | {} |", average(Taken::octets_per_packet));
        println!("| | kbit/s | {} |", average(Taken::kilobits));
        println!("| | repairs for a lost packet | {} |", ratio(|taken| taken.repaired, |taken| taken.lost));
        println!(
            "| | µs to receive behind a loss | {} |",
            ratio(|taken| taken.nanoseconds / 1000, |taken| taken.losses)
        );
    }
}
