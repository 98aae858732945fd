//! What a channel plays: folders and playlists, shuffled, with gaps, and with files that go.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::fs;
use std::path::{Path, PathBuf};

use kit::{Ended, Folder, Objects, PATIENCE, Program, argument, description, free_port, song, wait_for_listener};
use smf_timeline::{Body, Song};

/// A short piece that is known by its program.
fn piece(folder: &Folder, name: &str, program: u8) -> PathBuf {
    folder.write(name, &song(&[(0, &[0xC0, program]), (0, &[0x90, 60, 1]), (100, &[0x80, 60, 64])]))
}

/// Plays to a listener that records it; returns the programs in the order in which they came.
fn programs(folder: &Folder, source: &Path, options: &[&str]) -> Vec<u8> {
    let port = free_port();
    let recording = folder.path(&format!("{port}.mid"));
    let sdp = folder.write(&format!("{port}.sdp"), description(port).as_bytes());
    let listener = Program::start(&["listen", argument(&sdp), "--smf", argument(&recording)]);
    wait_for_listener(port + 1);
    let to = format!("udp://127.0.0.1:{port}");
    let broadcast =
        Program::start(&[&["broadcast", argument(source), "--to", &to, "--speed", "4"], options].concat()).finish();
    assert_eq!((broadcast.code, listener.finish().code), (Some(0), Some(0)), "{broadcast:?}");
    let song = Song::read(&fs::read(&recording).unwrap(), 0).unwrap();
    let program = |event: smf_timeline::Event<'_>| match event.body {
        Body::Message([0xC0, program]) => Some(*program),
        _ => None,
    };
    song.events().filter_map(program).collect()
}

/// Plays to nobody.
fn play(sources: &[&Path], options: &[&str]) -> Ended {
    let to = format!("udp://127.0.0.1:{}", free_port());
    let sources: Vec<&str> = sources.iter().map(|source| argument(source)).collect();
    Program::start(&[&["broadcast", "--to", &to, "--json"], &sources[..], options].concat()).finish()
}

#[test]
fn a_playlist_is_played_in_its_order() {
    let folder = Folder::new("playlist");
    for (name, program) in [("a.mid", 1), ("b.mid", 2), ("c d.mid", 3)] {
        piece(&folder, name, program);
    }
    let url = format!("file://{}", folder.path("c%20d.mid").display());
    let list =
        folder.write("list.m3u8", format!("#EXTM3U\n#EXTINF:1,The last\n{url}\nb.mid\na.mid\nb.mid\n").as_bytes());
    assert_eq!(programs(&folder, &list, &[]), [3, 2, 1, 2]);
    let sdp = folder.path("list.sdp");
    play(&[&list], &["--sdp", argument(&sdp)]);
    let text = fs::read_to_string(sdp).unwrap();
    assert!(text.contains("s=The last\r\n"), "{text}");
}

#[test]
fn shuffled_files_are_each_played_once_and_a_seed_gives_the_order_again() {
    let folder = Folder::new("shuffle");
    fs::create_dir(folder.path("music")).unwrap();
    for program in 1..9 {
        piece(&folder, &format!("music/{program}.mid"), program);
    }
    let music = folder.path("music");
    let heard = std::thread::scope(|scope| {
        let hear = |seed| programs(&folder, &music, &["--shuffle", "--shuffle-seed", seed]);
        ["4", "4", "5"].map(|seed| scope.spawn(move || hear(seed))).map(|heard| heard.join().unwrap())
    });
    assert!(heard[0] == heard[1] && heard[1] != heard[2], "{heard:?}");
    for mut heard in heard {
        heard.sort_unstable();
        assert_eq!(heard, (1..9).collect::<Vec<u8>>());
    }
}

#[test]
fn a_gap_stands_between_files() {
    let folder = Folder::new("gap");
    let file = piece(&folder, "a.mid", 1);
    let seconds = |options: &[&str]| {
        let ended = play(&[&file, &file, &file], options);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.summary()["duration_s"].as_f64().unwrap()
    };
    let (without, with) = (seconds(&[]), seconds(&["--gap", "0.5"]));
    assert!((without + 0.9..without + 1.1).contains(&with), "{with} and {without}: the times of packets");
}

#[test]
fn a_file_is_played_to_its_end_though_nothing_sounds_there() {
    let folder = Folder::new("silence");
    let file = folder.write("a.mid", &song(&[(0, &[0xC0, 1]), (1000, &[0xFF, 0x01, 1, b'x'])]));
    let short = piece(&folder, "b.mid", 1);
    let seconds = |files: &[&Path]| play(files, &[]).summary()["duration_s"].as_f64().unwrap();
    let (without, with) = (seconds(&[&short]), seconds(&[&file, &short]));
    assert!((without + 1.9..without + 2.1).contains(&with), "{with} and {without}: the times of packets");
}

#[test]
fn a_file_that_goes_is_left_out_and_without_any_the_broadcast_ends() {
    let folder = Folder::new("gone");
    let files = [piece(&folder, "a.mid", 1), piece(&folder, "b.mid", 2)];
    let to = format!("udp://127.0.0.1:{}", free_port());
    let arguments = ["broadcast", argument(&files[0]), argument(&files[1]), "--to", &to, "--loop", "--json"];
    let mut program = Program::start_with_open_stdout(&arguments);
    let objects = Objects::of(&mut program);
    objects.wait_for("the music", PATIENCE, |object| object["type"] == "progress");
    fs::remove_file(&files[0]).unwrap();
    fs::write(&files[1], "not music").unwrap();
    let ended = program.finish();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(lines[0].starts_with("warning: ") && lines[0].ends_with("; it is left out"), "{ended:?}");
    assert!(lines[1].starts_with("error: "), "{ended:?}");
    for words in [format!("cannot read {}", argument(&files[0])), "b.mid has changed since it was checked".to_owned()] {
        assert!(ended.stderr.contains(&words), "{ended:?}");
    }
}

#[test]
fn a_playlist_that_cannot_be_played_is_refused_with_its_line() {
    let folder = Folder::new("playlist-refused");
    piece(&folder, "a.mid", 1);
    for (text, words) in [
        ("a.mid\n\nnone.mid", "x.m3u, line 3: cannot read "),
        ("a.mid\nhttp://example.net/b.mid", "x.m3u, line 2: http://example.net/b.mid is not a file of this machine"),
        ("a.mid\nx.m3u", "x.m3u, line 2: a playlist in a playlist is not played"),
        ("# nothing", "x.m3u names no files"),
    ] {
        let list = folder.write("x.m3u", text.as_bytes());
        play(&[&list], &[]).failed_with(words);
    }
}
