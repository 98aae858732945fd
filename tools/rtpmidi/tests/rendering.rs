//! What a description says about its sound, and what the listener makes of it (RFC 6295, C.6).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rtp_midi::Format;
use rtp_midi_sdp::audio_specific_config::{AudioSpecificConfig, Chunk, ObjectType};
use rtp_midi_sdp::render::{ChannelMask, Content, Data, Render, Renderer, Renderers, SmfInfo, Source};

use kit::{Ended, Folder, PATIENCE, Program, argument, description, free_port, song, wait_for_listener};

/// A second of a note on channel 0.
const NOTE: [(u16, &[u8]); 2] = [(0, &[0x90, 60, 120]), (500, &[0x80, 60, 64])];

/// A second in which nothing sounds.
const SILENCE: [(u16, &[u8]); 2] = [(0, &[0xB1, 7, 90]), (500, &[0xB1, 7, 100])];

/// A listener to a stream with these parameters that renders it, and what `messages` become there.
fn render(name: &str, fmtp: &str, messages: &[(u16, &[u8])], options: &[&str]) -> (Ended, Option<Vec<i16>>) {
    render_by(Program::start, name, fmtp, messages, options)
}

/// The same, where the program is started in this way.
fn render_by(
    start: impl Fn(&[&str]) -> Program,
    name: &str,
    fmtp: &str,
    messages: &[(u16, &[u8])],
    options: &[&str],
) -> (Ended, Option<Vec<i16>>) {
    let (folder, port) = (Folder::new(name), free_port());
    let encoding = if fmtp.contains("mode=") { "mpeg4-generic" } else { "rtp-midi" };
    let text = description(port).replace("j_update=anchor", &format!("j_update=anchor; {fmtp}"));
    let text = text.replace("rtp-midi/", &format!("{encoding}/"));
    let (sdp, wav) = (folder.write("x.sdp", text.as_bytes()), folder.path("x.wav"));
    let file = folder.write("x.mid", &song(messages));
    let arguments = ["listen", argument(&sdp), "--json", "--wav", argument(&wav)];
    let listener = start(&[&arguments, options].concat());
    wait_for_listener(port + 1);
    let to = format!("udp://127.0.0.1:{port}");
    let sender = Program::start(&["broadcast", argument(&file), "--to", &to, "--no-scan", "--json"]).finish();
    assert_eq!(sender.code, Some(0), "{sender:?}");
    let listener = listener.finish();
    assert_eq!(listener.code, Some(0), "{listener:?}");
    (listener, samples(&wav))
}

fn samples(wav: &PathBuf) -> Option<Vec<i16>> {
    let octets = fs::read(wav).ok()?;
    Some(octets[44..].chunks_exact(2).map(|sample| i16::from_le_bytes([sample[0], sample[1]])).collect())
}

fn is_loud(samples: &[i16]) -> bool {
    samples.iter().any(|sample| sample.unsigned_abs() > 500)
}

/// The first sample that is loud, in seconds.
fn onset(samples: &[i16]) -> f64 {
    let first = samples.iter().position(|sample| sample.unsigned_abs() > 500).unwrap();
    first as f64 / 2.0 / 44_100.0
}

/// The parameters of a synthesiser that has a file for something, and hears some channels.
fn with_file(file: &[u8], smf_info: SmfInfo, channels: u16) -> String {
    let source = Source::Inline { octets: file.to_vec(), id: None };
    let renderer = Renderer {
        data: vec![Data { content: Content::StandardMidiFile, source }],
        smf_info,
        chanmask: Some(ChannelMask::new(channels)),
        ..Renderer::new(Render::Synthetic)
    };
    Renderers::from(renderer).print(Format::Native).unwrap().to_string()
}

/// A chunk of a RIFF file.
fn chunk(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [name, &(body.len() as u32).to_le_bytes()[..], &body].concat()
}

fn list(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    chunk(b"LIST", &[name, &parts.concat()])
}

/// Little-endian numbers of 16 or 32 bits.
fn numbers(numbers: &[(u32, usize)]) -> Vec<u8> {
    numbers.iter().flat_map(|(number, octets)| number.to_le_bytes()[..*octets].to_vec()).collect()
}

/// A DLS file whose program 0 is a square wave, so loud.
fn dls(loudness: u8) -> Vec<u8> {
    const SAMPLES: u32 = 2000;
    let square: Vec<u8> =
        (0..SAMPLES).flat_map(|at| if at % 100 < 50 { [0, loudness] } else { [0, loudness.wrapping_neg()] }).collect();
    let format = chunk(b"fmt ", &[&numbers(&[(1, 2), (1, 2), (44_100, 4), (88_200, 4), (2, 2), (16, 2)])]);
    let forever = [(20, 4), (69, 2), (0, 2), (0, 4), (0, 4), (1, 4), (16, 4), (0, 4), (0, 4), (SAMPLES, 4)];
    let sample = chunk(b"wsmp", &[&numbers(&forever)]);
    let wave = list(b"wave", &[&format, &sample, &chunk(b"data", &[&square])]);
    let keys = chunk(b"rgnh", &[&numbers(&[(0, 2), (127, 2), (0, 2), (127, 2), (0, 2), (0, 2)])]);
    let link = chunk(b"wlnk", &[&numbers(&[(0, 2), (0, 2), (1, 4), (0, 4)])]);
    let region = list(b"rgn ", &[&keys, &sample, &link]);
    let head = chunk(b"insh", &[&numbers(&[(1, 4), (0, 4), (0, 4)])]);
    let instrument = list(b"ins ", &[&head, &list(b"lrgn", &[&region])]);
    let (count, pool) = (numbers(&[(1, 4)]), numbers(&[(8, 4), (1, 4), (0, 4)]));
    let parts =
        [chunk(b"colh", &[&count]), list(b"lins", &[&instrument]), chunk(b"ptbl", &[&pool]), list(b"wvpl", &[&wave])];
    chunk(b"RIFF", &[b"DLS ", &parts.concat()])
}

#[test]
fn channels_that_the_mask_hides_are_silent() {
    let (_, open) = render("mask-open", "render=synthetic; chanmask=1000000000000000", &NOTE, &[]);
    assert!(is_loud(&open.unwrap()));
    let (listener, hidden) = render("mask-hidden", "render=synthetic; chanmask=0111111111111111", &NOTE, &["--print"]);
    assert!(!is_loud(&hidden.unwrap()));
    assert_eq!(listener.summary()["events"], 2, "the stream itself is received");
}

#[test]
fn a_file_in_the_description_is_played_from_the_start_if_it_is_to_be() {
    let with = |info| with_file(&song(&NOTE), info, u16::MAX);
    let (_, played) = render("smf-start", &with(SmfInfo::SdpStart), &SILENCE, &[]);
    let played = played.unwrap();
    assert!(onset(&played) < 0.5, "{}", onset(&played));
    for info in [SmfInfo::Ignore, SmfInfo::Identity] {
        let (_, silent) = render(&format!("smf-{info}"), &with(info.clone()), &SILENCE, &[]);
        assert!(!is_loud(&silent.unwrap()), "{info}");
    }
}

#[test]
fn a_file_in_the_description_is_masked_and_ends_with_the_stream() {
    let long: Vec<(u16, &[u8])> = (0..40).flat_map(|_| NOTE).collect();
    let with = |channels| with_file(&song(&long), SmfInfo::SdpStart, channels);
    let (_, played) = render("smf-long", &with(u16::MAX), &SILENCE, &[]);
    let seconds = played.unwrap().len() as f64 / 2.0 / 44_100.0;
    assert!(seconds < 20.0, "{seconds} of 40 s");
    let (_, masked) = render("smf-masked", &with(!1), &SILENCE, &[]);
    assert!(!is_loud(&masked.unwrap()));
}

#[test]
fn a_stream_that_is_to_be_discarded_makes_no_sound() {
    let (listener, wav) = render("null", "render=null", &NOTE, &["--print"]);
    assert_eq!((listener.objects("event").len(), wav), (2, None));
    assert_eq!(
        listener.stderr.lines().next(),
        Some("warning: no sound: the description wants the stream discarded (render=null)")
    );
}

/// The address of a server that has `octets`, and how often it was asked.
fn server(octets: Vec<u8>) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let asked = Arc::<AtomicU32>::default();
    let count = asked.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 1000]);
            let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", octets.len()).as_bytes());
            let _ = stream.write_all(&octets);
        }
    });
    (address, asked)
}

#[test]
fn instruments_at_a_url_are_fetched_only_when_that_is_allowed() {
    let (url, asked) = server(fs::read("/usr/share/sounds/sf2/TimGM6mb.sf2").unwrap());
    let fmtp = format!("render=synthetic; rinit=audio/x-soundfont; url=\"{url}\"");
    let (listener, wav) = render("fetch-not", &fmtp, &NOTE, &["--print"]);
    assert_eq!((wav, asked.load(Ordering::SeqCst)), (None, 0));
    assert!(listener.stderr.starts_with(&format!("warning: no sound: its data are not in the description: {url}")));
    let (_, wav) = render("fetch", &fmtp, &NOTE, &["--allow-remote-instruments"]);
    assert!(is_loud(&wav.unwrap()));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn instruments_come_over_tls_from_whom_an_authority_that_is_trusted_vouches_for() {
    let folder = Folder::new("fetch-tls");
    fs::copy("/usr/share/sounds/sf2/TimGM6mb.sf2", folder.path("x.sf2")).unwrap();
    let port = free_port();
    let line = format!(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=Authority -keyout ca.key -out ca.pem && \
         openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -CA ca.pem -CAkey ca.key \
         -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE -keyout key -out cert && \
         exec openssl s_server -quiet -WWW -accept 127.0.0.1:{port} -cert cert -key key"
    );
    let server = Program::shell(&line, &folder);
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed() < PATIENCE, "no server: {:?}", server.finish());
        std::thread::sleep(Duration::from_millis(20));
    }
    let fmtp = format!("render=synthetic; rinit=audio/x-soundfont; url=\"https://localhost:{port}/x.sf2\"");
    let options = ["--allow-remote-instruments", "--print"];
    let (stranger, silent) = render("fetch-tls-not", &fmtp, &NOTE, &options);
    assert!(silent.is_none() && stranger.stderr.contains("cannot be fetched"), "{stranger:?}");
    let authority = folder.path("ca.pem");
    let (_, wav) = render("fetch-tls-ca", &fmtp, &NOTE, &[&options[..], &["--tls-ca", argument(&authority)]].concat());
    assert!(is_loud(&wav.unwrap()));
    server.kill();
}

#[test]
fn of_an_object_that_has_a_name_a_copy_is_kept() {
    let (url, asked) = server(fs::read("/usr/share/sounds/sf2/TimGM6mb.sf2").unwrap());
    let caches = Folder::new("fetch-cid-cache");
    let fmtp = |id: &str| format!("render=synthetic; rinit=audio/x-soundfont; url=\"{url}\"{id}");
    let listen = |name: &str, id: &str| {
        let line = |arguments: &[&str]| format!("XDG_CACHE_HOME=$PWD exec rtpmidi {}", arguments.join(" "));
        let start = |arguments: &[&str]| Program::shell(&line(arguments), &caches);
        let (_, wav) = render_by(start, name, &fmtp(id), &NOTE, &["--allow-remote-instruments"]);
        assert!(is_loud(&wav.unwrap()));
        asked.load(Ordering::SeqCst)
    };
    assert_eq!(listen("fetch-cid", "; cid=\"x@example.net\""), 1);
    assert_eq!(listen("fetch-cid-again", "; cid=\"x@example.net\""), 1, "the copy plays");
    assert_eq!(listen("fetch-no-cid", ""), 2, "what has no name may have changed");
}

#[test]
fn wavetable_synthesis_plays_the_instruments_that_it_brings() {
    let chunks = vec![Chunk::SampleBank(dls(0x40))];
    let config = AudioSpecificConfig::new(ObjectType::Wavetable, 44_100, 1, chunks).unwrap().print();
    let fmtp = format!("streamtype=5; mode=rtp-midi; profile-level-id=13; config={config}");
    let (_, loud) = render("dls", &fmtp, &NOTE, &[]);
    assert!(is_loud(&loud.unwrap()));
    // Whatever is installed would be heard.
    let fmtp = format!("render=synthetic; rinit=audio/dls; url=\"{}\"", server(dls(0)).0);
    let (_, silent) = render("dls-silent", &fmtp, &NOTE, &["--allow-remote-instruments"]);
    assert!(!is_loud(&silent.unwrap()));
}

#[test]
fn what_comes_from_a_url_is_no_soundfont_because_it_says_so() {
    let (folder, port) = (Folder::new("fetch-junk"), free_port());
    let fmtp = format!("render=synthetic; rinit=audio/x-soundfont; url=\"{}\"", server(b"<html>".to_vec()).0);
    let sdp = folder.write("x.sdp", description(port).replace("j_update=anchor", &fmtp).as_bytes());
    let refused = Program::start(&["listen", argument(&sdp), "--play", "--allow-remote-instruments"]).finish();
    refused.failed_with("what the description brings is neither a soundfont nor a DLS file");
    let unasked = Program::start(&["listen", argument(&sdp), "--play"]).finish();
    assert!(unasked.stderr.contains("hint: --allow-remote-instruments"), "{unasked:?}");
}

#[test]
fn a_renderer_that_nobody_knows_is_refused_with_the_reason() {
    let (folder, port) = (Folder::new("refused"), free_port());
    let text = description(port).replace("j_update=anchor", "render=synthetic; subrender=theremin");
    let sdp = folder.write("x.sdp", text.as_bytes());
    let refused = Program::start(&["listen", argument(&sdp), "--play"]).finish();
    refused.failed_with("x.sdp: no sound: subrender=theremin is not known");
    let wrong = folder.write("x.sdp", text.replace("subrender=theremin", "smf_url=\"ftp://x/\"").as_bytes());
    Program::start(&["listen", argument(&wrong)])
        .finish()
        .failed_with("smf_url=\"ftp://x/\" is not a value of smf_url");
}
