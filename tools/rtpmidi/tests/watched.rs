//! `--watch`: files that come into a folder are played, and those that go no longer.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod rtsp_client;

use std::fs;

use kit::{Folder, PATIENCE, Program, argument, song};
use rtsp_client::{Client, Server};

/// A short piece that is known by its program.
fn piece(program: u8) -> Vec<u8> {
    song(&[(0, &[0xC0, program]), (0, &[0x90, 60, 1]), (100, &[0x80, 60, 64])])
}

/// Waits until the program says this of a file; returns the URL that it tells.
fn wait_for(server: &Server, file: &str, event: &str) -> String {
    let is_meant = |object: &serde_json::Value| {
        object["type"] == "file" && object["event"] == event && object["path"].as_str().unwrap().ends_with(file)
    };
    server.objects.wait_for(&format!("{file} {event}"), PATIENCE, is_meant)["url"].as_str().unwrap_or("").to_owned()
}

fn status(server: &Server, path: &str) -> u16 {
    Client::new(server).ask("DESCRIBE", path, "").0
}

#[test]
fn files_join_the_music_and_the_server_and_leave_them() {
    let folder = Folder::new("watched");
    let music = folder.path("music");
    fs::create_dir(&music).unwrap();
    fs::write(music.join("a.mid"), piece(1)).unwrap();
    let arguments = ["broadcast", argument(&music), "--watch", "--loop", "--rtsp", "127.0.0.1:0", "--json"];
    let server = Server::of(Program::start_with_open_stdout(&arguments));
    let mut live = Client::play(&server, "/live");
    live.until(&[0xC0, 1]);

    // One that uses what no file before it has used, and is written bit by bit.
    let wheel = song(&[(0, &[0xC0, 2]), (0, &[0xE0, 0, 70]), (0, &[0x90, 60, 1]), (100, &[0x80, 60, 64])]);
    fs::write(music.join("b.mid"), &wheel[..wheel.len() / 2]).unwrap();
    live.until(&[0xC0, 1]);
    fs::write(music.join("b.mid"), &wheel).unwrap();
    let url = wait_for(&server, "b.mid", "joins");
    assert_eq!(url, server.url("/files/b.mid"));
    live.until(&[0xE0, 0, 70]);
    assert_eq!((status(&server, "/files/a.mid"), status(&server, "/files/b.mid")), (200, 200));

    for name in ["a.mid", "b.mid"] {
        fs::remove_file(music.join(name)).unwrap();
        wait_for(&server, name, "leaves");
        assert_eq!(status(&server, &format!("/files/{name}")), 404);
    }
    // Nobody plays now, until there is something again.
    fs::write(music.join("c.mid"), piece(3)).unwrap();
    wait_for(&server, "c.mid", "joins");
    live.until(&[0xC0, 3]);
    live.until(&[0xC0, 3]);
    server.interrupt();
    let ended = server.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_folder_that_is_gone_for_a_while_is_played_again() {
    let folder = Folder::new("watched-gone");
    let (music, elsewhere) = (folder.path("music"), folder.path("elsewhere"));
    fs::create_dir(&music).unwrap();
    fs::write(music.join("a.mid"), piece(1)).unwrap();
    let arguments = ["broadcast", argument(&music), "--watch", "--loop", "--rtsp", "127.0.0.1:0", "--json"];
    let server = Server::of(Program::start_with_open_stdout(&arguments));
    let mut live = Client::play(&server, "/live");
    live.until(&[0xC0, 1]);
    fs::rename(&music, &elsewhere).unwrap();
    wait_for(&server, "a.mid", "leaves");
    assert_eq!(status(&server, "/files/a.mid"), 404);
    // Neither its length nor its time has changed.
    fs::rename(&elsewhere, &music).unwrap();
    wait_for(&server, "a.mid", "joins");
    live.until(&[0xC0, 1]);
    live.until(&[0xC0, 1]);
    assert_eq!(status(&server, "/files/a.mid"), 200);
}

#[test]
fn to_watch_what_is_no_folder_is_refused() {
    let folder = Folder::new("watched-file");
    let file = folder.write("a.mid", &piece(1));
    let arguments = ["broadcast", argument(&file), "--watch", "--loop", "--rtsp", "127.0.0.1:0"];
    Program::start(&arguments).finish().failed_with("--watch is for folders, and there are none");
}

#[test]
fn a_watched_programme_has_no_end() {
    let folder = Folder::new("watched-loop");
    let file = folder.write("a.mid", &piece(1));
    let arguments = ["broadcast", argument(&file), "--watch", "--rtsp", "127.0.0.1:0"];
    let ended = Program::start(&arguments).finish();
    assert!(ended.code == Some(2) && ended.stderr.contains("--loop"), "{ended:?}");
}
