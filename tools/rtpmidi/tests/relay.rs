//! `relay`: an edge between a broadcast and its listeners, which are made by hand, or the program itself.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod rtsp_client;

use std::time::{Duration, Instant};

use kit::{Folder, Objects, PATIENCE, Program, argument};
use rtp_midi_sdp::{Clocks, Session};
use rtsp_client::{Client, Server};

/// A note each tenth of a second, and a setting in front.
fn song() -> Vec<(u16, [u8; 3])> {
    let notes = (20..120).flat_map(|note| [(50, [0x90, note, 100]), (50, [0x80, note, 64])]);
    [(0, [0xB0, 7, 99])].into_iter().chain(notes).collect()
}

fn origin(folder: &Folder, address: &str) -> Server {
    origin_with(folder, address, &[])
}

fn origin_with(folder: &Folder, address: &str, options: &[&str]) -> Server {
    let song = song();
    let song: Vec<(u16, &[u8])> = song.iter().map(|(delta, message)| (*delta, &message[..])).collect();
    let song = folder.write("song.mid", &kit::song(&song));
    let broadcast = ["broadcast", argument(&song), "--rtsp", address, "--loop", "--json"];
    Server::of(Program::start_with_open_stdout(&[&broadcast[..], options].concat()))
}

fn edge(source: &str) -> Server {
    Server::of(Program::start_with_open_stdout(&["relay", source, "--rtsp", "127.0.0.1:0", "--json"]))
}

#[test]
fn packets_and_reports_come_through_an_edge_as_they_left_the_sender() {
    let folder = Folder::new("relay-same");
    let origin = origin(&folder, "127.0.0.1:0");
    let edge = edge(&origin.url("/native/live"));
    let paths = [(&origin, "/native/live"), (&edge, "/native/live"), (&edge, "/live")];
    let [mut before, mut native, mut general_midi] = paths.map(|(server, path)| Client::play(server, path));
    // Reports of a sender come each five seconds or so.
    for client in [&mut before, &mut native, &mut general_midi] {
        client.wait_for(|client| client.rtcp.len() >= 2 && client.packets.len() >= 60);
    }
    let sequence = |packet: &[u8]| [packet[2], packet[3]];
    let same = |one: &Client, other: &Client| -> Vec<(Vec<u8>, Vec<u8>)> {
        let find = |packet: &Vec<u8>| other.packets.iter().find(|it| sequence(it) == sequence(packet)).cloned();
        one.packets.iter().filter_map(|packet| Some((packet.clone(), find(packet)?))).collect()
    };
    let pairs = same(&before, &native);
    assert!(pairs.len() >= 30, "{}", pairs.len());
    assert!(pairs.iter().all(|(before, behind)| before == behind));
    let pairs = same(&native, &general_midi);
    assert!(pairs.len() >= 30, "{}", pairs.len());
    for (native, general_midi) in pairs {
        assert_eq!(general_midi[1], native[1] | 0x80);
        assert_eq!((&general_midi[..1], &general_midi[2..]), (&native[..1], &native[2..]));
    }
    assert!(native.rtcp.iter().any(|report| before.rtcp.contains(report)), "the sender's own reports");
    // What time it was when: the same for all, whoever tells them.
    let report = native.rtcp.iter().find(|report| report[1] == 200).unwrap();
    assert_eq!(report[4..8], native.packets[0][8..12], "the SSRC");
}

#[test]
fn the_clocks_of_the_sender_stand_in_the_descriptions_of_server_and_edge() {
    let folder = Folder::new("relay-clocks");
    let origin = origin_with(&folder, "127.0.0.1:0", &["--sync", "ntp-local"]);
    let edge = edge(&origin.url("/live"));
    let [at_origin, at_edge, native] = [(&origin, "/live"), (&edge, "/live"), (&edge, "/native/live")].map(clocks);
    assert_eq!(at_origin.references.len(), 1);
    assert!(at_origin.offset().is_some(), "{at_origin:?}");
    assert_eq!([&at_edge, &native], [&at_origin; 2]);
}

/// The clocks in the description at this path.
fn clocks((server, path): (&Server, &str)) -> Clocks {
    let text = Client::new(server).request("DESCRIBE", path, "Accept: application/sdp\r\n");
    Session::parse(text.as_bytes()).unwrap().media[0].clocks.clone()
}

#[test]
fn who_joins_an_edge_late_is_set_by_the_first_packet() {
    let folder = Folder::new("relay-late");
    let origin = origin(&folder, "127.0.0.1:0");
    let edge = edge(&origin.url("/live"));
    Client::play(&edge, "/live").until(&[0x90, 30, 100]);
    let url = edge.url("/native/live");
    let mut listener = Program::start_with_open_stdout(&["listen", &url, "--print", "--json"]);
    let heard = Objects::of(&mut listener);
    let first = heard.wait_for("the first message", PATIENCE, |object| object["type"] == "event");
    assert_eq!(first["octets"], "b0 07 63");
}

#[test]
fn when_the_source_is_lost_notes_end_and_when_it_is_back_its_clients_hear_it_without_asking() {
    let folder = Folder::new("relay-lost");
    let first = origin(&folder, "127.0.0.1:0");
    let (address, url) = (first.address.clone(), first.url("/live"));
    let edge = edge(&url);
    let mut client = Client::play(&edge, "/live");
    let mut listener = Program::start_with_open_stdout(&["listen", &edge.url("/live"), "--print", "--json"]);
    let heard = Objects::of(&mut listener);
    let on = heard.wait_for("a note", PATIENCE, |object| {
        object["octets"].as_str().is_some_and(|octets| octets.starts_with("90"))
    });
    first.kill();
    // The last one that was struck is let go, by the listener itself or by the sender before it went.
    let note = on["octets"].as_str().unwrap()[3..5].to_owned();
    let is_its_end = |octets: &str| octets.starts_with("80") && octets[3..5] >= *note;
    heard.wait_for("its end", PATIENCE, |object| object["octets"].as_str().is_some_and(is_its_end));
    let ssrc = |client: &Client| client.packets.last().unwrap()[8..12].to_vec();
    client.wait_for(|client| !client.packets.is_empty());
    let before = ssrc(&client);

    let _second = origin(&folder, &address);
    client.wait_for(|client| ssrc(client) != before);
    let last = client.packets.len();
    client.wait_for(|client| client.packets.len() > last + 10);
    heard.wait_for("the music again", PATIENCE, |object| {
        object["octets"].as_str().is_some_and(|octets| octets.starts_with("90"))
    });
}

#[test]
fn clients_of_a_stream_that_is_described_otherwise_now_are_sent_away_and_nothing_stays_of_it() {
    let folder = Folder::new("relay-other");
    let mut source = origin(&folder, "127.0.0.1:0");
    let (address, url) = (source.address.clone(), source.url("/live"));
    let edge = edge(&url);
    let mut client = Client::play(&edge, "/live");
    client.wait_for(|client| client.packets.len() > 5);
    let (_, before) = edge.costs();
    for ptime in ["50", "20"] {
        source.kill();
        source = origin_with(&folder, &address, &["--ptime", ptime]);
        client.wait_for(|client| client.goodbyes > 0);
        edge.objects.wait_for("the other stream", PATIENCE, |object| object["type"] == "serving");
        client = Client::play(&edge, "/live");
        client.wait_for(|client| client.packets.len() > 5);
        let began = Instant::now();
        while edge.costs().1 > before {
            assert!(began.elapsed() < PATIENCE, "{before} files before, {} now", edge.costs().1);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn an_edge_that_is_not_to_connect_again_ends_with_the_stream() {
    let folder = Folder::new("relay-lost-only");
    let origin = origin(&folder, "127.0.0.1:0");
    let url = origin.url("/live");
    let arguments = ["relay", &url, "--rtsp", "127.0.0.1:0", "--json", "--reconnect", "lost"];
    let edge = Server::of(Program::start_with_open_stdout(&arguments));
    Client::play(&edge, "/live").until(&[0x90, 30, 100]);
    origin.interrupt();
    assert_eq!(edge.end().code, Some(0));
}

#[test]
fn what_comes_over_tls_is_not_given_out_in_clear() {
    let ended = Program::start(&["relay", "rtsps://127.0.0.1:9/live", "--rtsp", "127.0.0.1:0"]).finish();
    ended.failed_with("rtsps://127.0.0.1:9/live is encrypted, and an edge would give it out in clear");
}

#[test]
fn a_stream_without_a_journal_that_a_file_describes_is_handed_on_with_a_warning() {
    let (folder, port) = (Folder::new("relay-udp"), kit::free_port());
    let song = song();
    let song: Vec<(u16, &[u8])> = song.iter().map(|(delta, message)| (*delta, &message[..])).collect();
    let (song, sdp) = (folder.write("song.mid", &kit::song(&song)), folder.path("x.sdp"));
    let to = format!("udp://127.0.0.1:{port}");
    let arguments = ["broadcast", argument(&song), "--to", &to, "--sdp", argument(&sdp), "--journal", "none", "--loop"];
    let sender = Program::start(&arguments);
    kit::wait_for(&sdp);
    let edge = edge(argument(&sdp));
    let mut client = Client::play(&edge, "/native/live");
    client.until(&[0x90, 30, 100]);
    client.until(&[0x80, 30, 64]);
    edge.interrupt();
    let ended = edge.end();
    assert!(ended.stderr.contains("warning: the stream has no journal"), "{ended:?}");
    sender.interrupted();
}

#[test]
fn a_journal_that_follows_reports_is_refused() {
    let folder = Folder::new("relay-loop");
    let sdp = folder.write("x.sdp", kit::description(kit::free_port()).replace("anchor", "closed-loop").as_bytes());
    let ended = Program::start(&["relay", argument(&sdp), "--rtsp", "127.0.0.1:0"]).finish();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("error: the journal of Test follows the reports of its receivers"), "{ended:?}");
}
