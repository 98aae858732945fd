//! `listen` to two streams of one MIDI name space (RFC 6295, C.5): two senders, one description, one music.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::collections::HashMap;

use gst::glib;
use gst_rtsp_server::prelude::*;
use gst_rtsp_server::{RTSPMediaFactory, RTSPServer};
use kit::{Ended, Folder, Objects, PATIENCE, Program, argument, free_port, song, wait_for_listener};
use serde_json::Value;

type Message = [u8; 3];

/// Notes on a channel, and all the while values of a parameter of channel 3 that is selected once at the start.
fn part(channel: u8, fine: u8, notes: u8, values: impl Fn(u8) -> u8) -> Vec<Message> {
    let select = [[0xB2, 101, 0], [0xB2, 100, fine]];
    let note =
        |number| [[0xB2, 6, values(number)], [0x90 | channel, 40 + number, 100], [0x80 | channel, 40 + number, 64]];
    select.into_iter().chain((0..notes).flat_map(note)).collect()
}

fn file(folder: &Folder, name: &str, part: &[Message]) -> std::path::PathBuf {
    let messages: Vec<(u16, &[u8])> = part.iter().map(|message| (20, &message[..])).collect();
    folder.write(name, &song(&messages))
}

/// The part of the first sender, which is the longer one, and that of the second.
fn parts() -> [Vec<Message>; 2] {
    [part(0, 0, 30, |number| number), part(1, 1, 18, |number| 100 + number)]
}

/// A description with a line for each port.
fn description(ports: [u16; 2]) -> String {
    let line = |(number, port): (usize, u16)| {
        format!(
            "m=audio {port} RTP/AVP 96\r\na=mid:{number}\r\na=rtpmap:96 rtp-midi/44100\r\n\
             a=fmtp:96 j_update=anchor; musicport=12\r\n"
        )
    };
    let lines: String = (1..).zip(ports).map(line).collect();
    format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Both\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\na=group:FID 1 2\r\n{lines}")
}

/// What a listener to both senders prints, and its recording.
fn hear(folder: &Folder, options: &[&str]) -> (Ended, Vec<Vec<u8>>) {
    let ports = [free_port(), free_port()];
    let (sdp, smf) = (folder.write("both.sdp", description(ports).as_bytes()), folder.path("both.mid"));
    let listener = ["listen", argument(&sdp), "--json", "--print", "--smf", argument(&smf)];
    let listener = Program::start(&[&listener, options].concat());
    let send = |(part, port): (&Vec<Message>, u16)| {
        wait_for_listener(port + 1);
        let file = file(folder, &format!("{port}.mid"), part);
        Program::start(&["broadcast", argument(&file), "--to", &format!("udp://127.0.0.1:{port}")])
    };
    let senders: Vec<Program> = parts().iter().zip(ports).map(send).collect();
    for sender in senders {
        assert_eq!(sender.finish().code, Some(0));
    }
    let ended = listener.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    (ended, kit::messages(&smf))
}

/// The messages that a listener has printed.
fn printed(objects: &[Value]) -> Vec<Vec<u8>> {
    let octets = |text: &str| text.split(' ').map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect();
    objects.iter().map(|object| octets(object["octets"].as_str().unwrap())).collect()
}

/// What is set of each parameter of channel 3, as an instrument takes it.
fn values(messages: &[Vec<u8>]) -> HashMap<[u8; 2], Vec<u8>> {
    let (mut selected, mut values) = ([127; 2], HashMap::<_, Vec<u8>>::new());
    for message in messages {
        match message[..] {
            [0xB2, 101, coarse] => selected[0] = coarse,
            [0xB2, 100, fine] => selected[1] = fine,
            [0xB2, 6, value] => values.entry(selected).or_default().push(value),
            _ => {}
        }
    }
    values
}

/// Asserts that both parts are there, each whole and in order, and neither has set the parameter of the other.
fn assert_is_both(messages: &[Vec<u8>]) {
    for (part, channel) in parts().iter().zip([0, 1]) {
        let is_note = |octets: &[u8]| octets[0] & 0xE0 == 0x80 && octets[0] & 0x0F == channel;
        let sent: Vec<&[u8]> = part.iter().map(|message| &message[..]).filter(|octets| is_note(octets)).collect();
        let heard: Vec<&[u8]> = messages.iter().map(|message| &message[..]).filter(|octets| is_note(octets)).collect();
        assert_eq!(heard, sent, "channel {channel}");
    }
    let values = values(messages);
    assert_eq!(values[&[0, 0]], (0..30).collect::<Vec<u8>>());
    assert_eq!(values[&[0, 1]], (100..118).collect::<Vec<u8>>());
    assert_eq!(values.len(), 2, "{values:?}");
}

#[test]
fn both_are_printed_and_recorded_as_one_and_transactions_stay_whole() {
    let folder = Folder::new("name-space");
    let (ended, recorded) = hear(&folder, &[]);
    assert_is_both(&printed(&ended.objects("event")));
    assert_is_both(&recorded);
    let summary = ended.summary();
    assert_eq!((&summary["hanging_notes"], &summary["lost_packets"]), (&0.into(), &0.into()), "{summary}");
}

#[test]
fn what_either_loses_is_repaired_and_when_one_has_ended_the_other_plays_on() {
    let folder = Folder::new("name-space-loss");
    let (ended, recorded) = hear(&folder, &["--loss", "25:2"]);
    let summary = ended.summary();
    assert!(summary["dropped_on_purpose"].as_u64() > Some(5), "{summary}");
    assert_eq!(summary["hanging_notes"], 0, "{summary}");
    let heard = printed(&ended.objects("event"));
    assert_eq!(values(&recorded), values(&heard));
    for (parameter, last) in [([0, 0], 29), ([0, 1], 117)] {
        assert_eq!(values(&heard)[&parameter].last(), Some(&last), "{parameter:?}");
    }
}

/// A server whose one URL has both parts, each as a stream of its own.
struct Server {
    main: glib::MainLoop,
    thread: Option<std::thread::JoinHandle<()>>,
    url: String,
}

impl Server {
    fn start(folder: &Folder) -> Self {
        gst::init().unwrap();
        gstrtpmidi::plugin_register_static().unwrap();
        let context = glib::MainContext::new();
        let main = glib::MainLoop::new(Some(&context), false);
        let server = RTSPServer::new();
        server.set_address("127.0.0.1");
        server.set_service("0");
        let factory = RTSPMediaFactory::new();
        let stream = |(number, part): (usize, &Vec<Message>)| {
            let file = file(folder, &format!("{number}.mid"), part);
            let source = format!("filesrc location={} ! smfparse", file.display());
            format!("{source} ! rtpmidipay name=pay{number} pt=96 fmtp=\"musicport=12; j_update=anchor\" ")
        };
        let streams: String = parts().iter().enumerate().map(stream).collect();
        factory.set_launch(&format!("( {streams})"));
        server.mount_points().unwrap().add_factory("/both", factory);
        server.attach(Some(&context)).unwrap();
        let url = format!("rtsp://127.0.0.1:{}/both", server.bound_port());
        let running = main.clone();
        let thread = std::thread::spawn(move || {
            running.run();
            drop(server);
        });
        Self { main, thread: Some(thread), url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.main.quit();
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn both_streams_of_an_rtsp_server_are_heard() {
    let folder = Folder::new("name-space-rtsp");
    let server = Server::start(&folder);
    for transport in ["udp", "tcp"] {
        let listener = ["listen", &server.url, "--json", "--print", "--rtsp-transport", transport];
        let mut listener = Program::start_with_open_stdout(&listener);
        let objects = Objects::of(&mut listener);
        let mut heard = Vec::new();
        let last = [[0x80, 69, 64], [0x81, 57, 64]];
        while !last.iter().all(|last| heard.contains(&last.to_vec())) {
            let event = objects.wait_for("a message", PATIENCE, |object| object["type"] == "event");
            heard.extend(printed(&[event]));
        }
        assert_is_both(&heard);
    }
}
