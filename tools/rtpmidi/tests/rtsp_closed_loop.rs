//! Files on demand in a closed loop: the journal follows the reports of the one client that has the stream.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod rtsp_client;

use std::sync::mpsc::channel;
use std::time::Duration;

use gst::prelude::*;
use kit::{Folder, PATIENCE};
use rtp_midi::{Journal, Policy};
use rtp_midi_sdp::Session;
use rtsp_client::{Client, Server};

/// Octets of a packet that repeats all that was set, and of one that repeats a few notes.
const LONG: usize = 180;
const SHORT: usize = 90;

/// Sixteen channels are set; then there is a note each tenth of a second.
fn start(folder: &Folder, options: &[&str]) -> Server {
    let set = (0..16).flat_map(|channel| {
        [
            vec![0xC0 | channel, 40],
            vec![0xB0 | channel, 7, 100],
            vec![0xB0 | channel, 10, 30],
            vec![0xE0 | channel, 0, 70],
        ]
    });
    let notes = (0..250).flat_map(|note| [(40, vec![0x90, 30 + note % 60, 90]), (10, vec![0x80, 30 + note % 60, 64])]);
    let music: Vec<(u16, Vec<u8>)> = set.map(|message| (0, message)).chain(notes).collect();
    let music: Vec<(u16, &[u8])> = music.iter().map(|(delta, message)| (*delta, &message[..])).collect();
    Server::start(folder, "song.mid", &music, options)
}

/// Reports in the connection that all came up to the latest packet.
fn report(client: &mut Client) {
    let (packet, latest) = (client.packets.last().unwrap(), *client.sequences.last().unwrap());
    let mut report = vec![0x81, 201, 0, 7, 0, 0, 0, 77];
    report.extend(&packet[8..12]);
    report.extend([0; 4]);
    report.extend(u32::from(latest).to_be_bytes());
    report.extend([0; 12]);
    report.extend([0x81, 202, 0, 3, 0, 0, 0, 77, 1, 2, b'a', b'b', 0, 0, 0, 0]);
    let head = [b'$', 1, 0, report.len() as u8];
    assert!(client.send(&[&head[..], &report].concat()));
}

#[test]
fn the_journal_follows_the_reports_of_a_client_and_tells_everything_to_one_that_never_reports() {
    let folder = Folder::new("rtsp-closed-loop");
    let server = start(&folder, &["--rtsp-files-journal", "closed-loop"]);
    let path = "/native/files/song.mid";
    let text = Client::new(&server).request("DESCRIBE", path, "Accept: application/sdp\r\n");
    let session = Session::parse(text.as_bytes()).unwrap();
    let (media, stream) = session.first_stream().unwrap();
    let journal = stream.config(&media.transport).unwrap().journal;
    assert_eq!(journal, Journal::Recovery(Policy::ClosedLoop), "{text}");

    let (mut reports, mut silent) = (Client::play(&server, path), Client::play(&server, path));
    for client in [&mut reports, &mut silent] {
        client.wait_for(|client| client.packets.last().is_some_and(|packet| packet.len() > LONG));
    }
    // Each report is of what has come by then.
    let mut lengths = Vec::new();
    while lengths.last().is_none_or(|length| *length > SHORT) {
        assert!(lengths.len() < 100, "{lengths:?}");
        report(&mut reports);
        let known = reports.packets.len();
        reports.wait_for(|client| client.packets.len() > known);
        lengths.push(reports.packets.last().unwrap().len());
    }
    // As many packets later it is still told everything, and that is no more than there is to tell.
    silent.wait_for(|client| client.packets.len() >= 60);
    let told: Vec<usize> = silent.packets[40..].iter().map(Vec::len).collect();
    assert!(told.iter().all(|length| (LONG..1400).contains(length)), "{told:?}");
}

#[test]
fn the_stock_client_reports_and_its_packets_become_short() {
    let folder = Folder::new("rtsp-closed-loop-stock");
    let server = start(&folder, &["--rtsp-files-journal", "closed-loop"]);
    gst::init().unwrap();
    gstrtpmidi::plugin_register_static().unwrap();
    for protocol in ["udp", "tcp"] {
        let launch = format!(
            "rtspsrc location={} protocols={protocol} latency=50 ! rtpmididepay name=depay ! fakesink",
            server.url("/files/song.mid")
        );
        let pipeline: gst::Pipeline = gst::parse::launch(&launch).unwrap().downcast().unwrap();
        let (told, lengths) = channel();
        let packets = pipeline.by_name("depay").unwrap().static_pad("sink").unwrap();
        packets.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let _ = told.send(info.buffer().unwrap().size());
            gst::PadProbeReturn::Ok
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        let until = |wanted: fn(usize) -> bool| while !wanted(lengths.recv_timeout(PATIENCE).unwrap()) {};
        until(|length| length > LONG);
        until(|length| length < SHORT);
        pipeline.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn a_file_is_anchored_unless_a_closed_loop_is_asked_for() {
    let folder = Folder::new("rtsp-anchored");
    let server = start(&folder, &[]);
    let mut client = Client::play(&server, "/files/song.mid");
    client.wait_for(|client| client.packets.len() > 5);
    for _ in 0..20 {
        report(&mut client);
        std::thread::sleep(Duration::from_millis(50));
        let known = client.packets.len();
        client.wait_for(|client| client.packets.len() > known);
        assert!(client.packets.last().unwrap().len() > LONG);
    }
}
