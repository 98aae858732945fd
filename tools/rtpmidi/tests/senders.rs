//! Who is heard: senders that change, strangers, and the word goodbye, from packets made by hand.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::io::BufRead;
use std::net::UdpSocket;

use kit::{Folder, Program, argument, description, free_port, lines, wait_for_line, wait_for_listener};

/// A sender with one message in each packet and no journal.
struct Sender {
    socket: UdpSocket,
    port: u16,
    rtcp_port: u16,
    ssrc: u32,
    sequence: u16,
}

impl Sender {
    fn new(port: u16, ssrc: u32) -> Self {
        Self { socket: UdpSocket::bind("127.0.0.1:0").unwrap(), port, rtcp_port: port + 1, ssrc, sequence: 100 }
    }

    fn send(&mut self, message: [u8; 3]) {
        let mut packet = vec![0x80, 0x80 | 96];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend((u32::from(self.sequence) * 441).to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.push(3);
        packet.extend(message);
        self.sequence += 1;
        self.socket.send_to(&packet, ("127.0.0.1", self.port)).unwrap();
    }

    /// An empty receiver report and a BYE.
    fn say_goodbye(&self) {
        let mut packet = Vec::new();
        for head in [[0x80, 201, 0, 1], [0x81, 203, 0, 1]] {
            packet.extend(head);
            packet.extend(self.ssrc.to_be_bytes());
        }
        self.socket.send_to(&packet, ("127.0.0.1", self.rtcp_port)).unwrap();
    }
}

/// A listener without journal that prints, and what it prints; `more` is added to the description.
fn listener(folder: &Folder, port: u16, more: &str) -> (Program, impl BufRead) {
    let text = description(port).replace("j_update=anchor", "j_sec=none") + more;
    listener_of(folder, &text, if more.is_empty() { port + 1 } else { port })
}

/// A listener to a description, which hears at `port` once it hears.
fn listener_of(folder: &Folder, text: &str, port: u16) -> (Program, impl BufRead + use<>) {
    let sdp = folder.write("x.sdp", text.as_bytes());
    let mut program =
        Program::start_with_open_stdout(&["listen", argument(&sdp), "--print", "--json", "--timeout", "30"]);
    let printed = lines(program.stdout());
    wait_for_listener(port);
    (program, printed)
}

#[test]
fn a_sender_may_change_its_ssrc() {
    let folder = Folder::new("ssrc");
    let port = free_port();
    let (program, mut printed) = listener(&folder, port, "");
    let mut sender = Sender::new(port, 0x1111);
    sender.send([0x90, 60, 100]);
    wait_for_line(&mut printed, |line| line.contains("90 3c 64"));
    (sender.ssrc, sender.sequence) = (0x2222, 7000);
    sender.send([0x90, 62, 100]);
    wait_for_line(&mut printed, |line| line.contains("80 3c "));
    wait_for_line(&mut printed, |line| line.contains("90 3e 64"));
    sender.say_goodbye();
    wait_for_line(&mut printed, |line| line.contains("80 3e "));
    let summary = wait_for_line(&mut printed, |line| line.contains("summary"));
    assert!(summary.contains("\"events\":4,") && summary.contains("\"hanging_notes\":0,"), "{summary}");
    drop(printed);
    assert_eq!(program.finish().code, Some(0));
}

#[test]
fn strangers_are_not_heard_and_cannot_end_it() {
    let folder = Folder::new("strangers");
    let port = free_port();
    let (mut program, mut printed) = listener(&folder, port, "");
    let (mut sender, mut stranger) = (Sender::new(port, 0x1111), Sender::new(port, 0x3333));
    sender.send([0x90, 60, 100]);
    wait_for_line(&mut printed, |line| line.contains("90 3c 64"));
    stranger.send([0x90, 99, 100]);
    stranger.say_goodbye();
    for key in 61..70 {
        sender.send([0x90, key, 100]);
    }
    wait_for_line(&mut printed, |line| {
        assert!(!line.contains("90 63 64"), "{line}");
        line.contains("90 45 64")
    });
    assert!(program.is_running(), "the goodbye of a stranger means nothing");
    sender.say_goodbye();
    let summary = wait_for_line(&mut printed, |line| line.contains("summary"));
    assert!(summary.contains("\"foreign_datagrams\":1,") && summary.contains("\"packets\":10,"), "{summary}");
    assert!(summary.contains("\"hanging_notes\":0,") && summary.contains("\"notes_silenced\":10,"), "{summary}");
    drop(printed);
    assert_eq!(program.finish().code, Some(0));
}

#[test]
fn what_the_description_excludes_is_not_heard() {
    let folder = Folder::new("subset");
    let port = free_port();
    let text = description(port).replace("j_update=anchor", "j_sec=none; cm_unused=CN; cm_used=C7; cm_used=3N");
    let (program, mut printed) = listener_of(&folder, &text, port + 1);
    let mut sender = Sender::new(port, 0x1111);
    for message in [[0x90, 60, 100], [0xB0, 8, 1], [0xB0, 7, 1], [0x93, 62, 100], [0xE0, 0, 0x40]] {
        sender.send(message);
    }
    sender.say_goodbye();
    for heard in ["b0 07 01", "93 3e 64", "e0 00 40"] {
        wait_for_line(&mut printed, |line| {
            assert!(!line.contains("90 3c 64") && !line.contains("b0 08 01"), "{line}");
            line.contains(heard)
        });
    }
    // The note that was heard is ended, and only that.
    let summary = wait_for_line(&mut printed, |line| line.contains("summary"));
    assert!(summary.contains("\"events\":4,") && summary.contains("\"hanging_notes\":0,"), "{summary}");
    drop(printed);
    assert_eq!(program.finish().code, Some(0));
}

#[test]
fn rtcp_may_come_to_the_port_of_rtp() {
    let folder = Folder::new("mux");
    let port = free_port();
    let (program, mut printed) = listener(&folder, port, "a=rtcp-mux\r\n");
    let mut sender = Sender::new(port, 0x1111);
    sender.rtcp_port = port;
    sender.send([0x90, 60, 100]);
    sender.say_goodbye();
    let summary = wait_for_line(&mut printed, |line| line.contains("summary"));
    assert!(summary.contains("\"packets\":1,") && summary.contains("\"hanging_notes\":0,"), "{summary}");
    drop(printed);
    assert_eq!(program.finish().code, Some(0));
}
