//! Real pipelines and real datagrams over loopback, from and to hosts that are named; groups have their tests beside the
//! program, which has networks of its own.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use gst::prelude::*;
use kit::{INPUT, OUTPUT, Player, free_port, other};

/// A source that hears the hosts `peers`, and the socket that plays to it.
fn source(peers: &str, properties: &str) -> (Player, UdpSocket) {
    let port = free_port();
    let player = Player::start(&format!("ipmidisrc name=midi base-port={port} peers={peers} {properties} ! {OUTPUT}"));
    let socket = other();
    socket.connect(("127.0.0.1", port)).unwrap();
    (player, socket)
}

/// A sink, and the socket that hears it.
fn sink(properties: &str) -> (Player, UdpSocket) {
    let socket = other();
    let port = socket.local_addr().unwrap().port();
    let sink = format!("{INPUT} ! ipmidisink name=midi base-port={port} peers=127.0.0.1 {properties}");
    (Player::start(&sink), socket)
}

fn send(socket: &UdpSocket, datagrams: &[&[u8]]) {
    for datagram in datagrams {
        socket.send(datagram).unwrap();
    }
}

#[track_caller]
fn received(socket: &UdpSocket, datagrams: &[&[u8]]) {
    let mut octets = [0; 2000];
    for datagram in datagrams {
        let length = socket.recv(&mut octets).expect("nothing comes");
        assert_eq!(octets[..length], **datagram);
    }
}

#[test]
fn each_message_is_a_datagram_with_its_status() {
    let (player, socket) = sink("mtu=600");
    let long = [&[0xF0][..], &[1; 1000], &[0xF7]].concat();
    let messages: [&[u8]; 6] = [&[0x90, 60, 100], &[0x90, 64, 100], &[0xF8], &[0xF0, 1, 2, 0xF7], &[0xF2, 1, 2], &long];
    player.play(&messages);
    received(&socket, &messages[..5]);
    received(&socket, &[&long[..600], &long[600..]]);
    // What is no message, and what nobody knows, stays here.
    player.play(&[&[60, 100], &[0xF9], &[0xC0, 5]]);
    received(&socket, &[&[0xC0, 5]]);
    let stats = player.stats();
    let count = |name: &str| stats.get::<u64>(name).unwrap();
    assert_eq!((count("messages"), count("datagrams"), count("stray"), count("failed")), (7, 8, 2, 0));
}

#[test]
fn all_that_others_send_comes_out_as_messages() {
    let (player, socket) = source("127.0.0.1", "");
    send(&socket, &[&[0x90, 60, 100, 64, 100, 0xC1, 5], &[6], &[0xF0, 1], &[0xF8], &[2, 0xF7], &[0xF3, 1]]);
    player.hears(&[
        &[0x90, 60, 100],
        &[0x90, 64, 100],
        &[0xC1, 5],
        &[0xC1, 6],
        &[0xF8],
        &[0xF0, 1, 2, 0xF7],
        &[0xF3, 1],
    ]);
}

#[test]
fn a_long_system_exclusive_goes_from_end_to_end() {
    let port = free_port();
    let source = Player::start(&format!("ipmidisrc hear-own=true base-port={port} peers=127.0.0.1 ! {OUTPUT}"));
    let sink = Player::start(&format!("{INPUT} ! ipmidisink base-port={port} peers=127.0.0.1"));
    let dump = [&[0xF0][..], &(0..200_000).map(|number| number as u8 & 0x7F).collect::<Vec<_>>(), &[0xF7]].concat();
    sink.play(&[&dump, &[0xFA]]);
    source.hears(&[&dump, &[0xFA]]);
}

#[test]
fn a_system_exclusive_is_paced_and_cut_short_by_a_stop() {
    let (player, socket) = sink("mtu=100 sysex-rate=20000");
    let started = Instant::now();
    let dump = [&[0xF0][..], &[1; 1998], &[0xF7]].concat();
    player.play(&[&dump]);
    received(&socket, &dump.chunks(100).collect::<Vec<_>>());
    // 19 datagrams of 5 ms each.
    assert!(started.elapsed() > Duration::from_millis(90), "{:?}", started.elapsed());
    let (player, socket) = sink("mtu=100 sysex-rate=100");
    player.play(&[&dump]);
    received(&socket, &[&dump[..100]]);
    drop(player);
    received(&socket, &[&[0xF7]]);
}

#[test]
fn nobody_else_is_heard() {
    let (player, socket) = source("127.0.0.2", "");
    send(&socket, &[&[0x90, 60, 100]]);
    let friend = UdpSocket::bind("127.0.0.2:0").unwrap();
    friend.send_to(&[0x90, 61, 100], socket.peer_addr().unwrap()).unwrap();
    player.hears(&[&[0x90, 61, 100]]);
    assert_eq!(player.stats().get::<u64>("refused"), Ok(1));
}

#[test]
fn what_sinks_of_this_process_send_is_not_heard_unless_that_is_wished() {
    let (player, socket) = source("127.0.0.1", "");
    let port = socket.peer_addr().unwrap().port();
    let sink = Player::start(&format!("{INPUT} ! ipmidisink name=midi base-port={port} peers=127.0.0.1"));
    sink.play(&[&[0x90, 60, 100]]);
    player.wait_for("own", 1);
    send(&socket, &[&[0x90, 60, 100]]);
    player.hears(&[&[0x90, 60, 100]]);
    drop(player);
    let hears = format!("ipmidisrc name=midi hear-own=true base-port={port} peers=127.0.0.1 ! {OUTPUT}");
    let player = Player::start(&hears);
    sink.play(&[&[0x90, 61, 100]]);
    player.hears(&[&[0x90, 61, 100]]);
}

#[test]
fn a_sender_that_is_gone_leaves_nothing_sounding() {
    let (player, socket) = source("127.0.0.1", "silence-timeout=300000000");
    let sensing = other();
    sensing.connect(socket.peer_addr().unwrap()).unwrap();
    send(&sensing, &[&[0xFE], &[0x90, 60, 100]]);
    player.hears(&[&[0xFE], &[0x90, 60, 100], &[0x80, 60, 64]]);
    // It says no more that it is there, but has become silent all the same.
    send(&socket, &[&[0x91, 61, 100]]);
    player.hears(&[&[0x91, 61, 100], &[0x81, 61, 64]]);
    player.wait_for("lost", 2);
}

#[test]
fn timestamps_tell_when_a_datagram_came_though_nobody_took_it() {
    let port = free_port();
    // The sink takes the next message a second later at the earliest.
    let player = Player::start(&format!(
        "ipmidisrc name=midi base-port={port} peers=127.0.0.1 ! identity sleep-time=1000000 ! {OUTPUT}"
    ));
    let socket = other();
    socket.connect(("127.0.0.1", port)).unwrap();
    send(&socket, &[&[0xFA], &[0xFC]]);
    let heard = player.heard(2);
    let apart = heard[1].0 - heard[0].0;
    assert!(apart < gst::ClockTime::from_mseconds(500), "{apart}");
}

#[test]
fn pauses_stops_and_the_end_let_go_what_sounds() {
    let (player, socket) = sink("");
    player.play(&[&[0x90, 60, 100], &[0xB0, 64, 127]]);
    received(&socket, &[&[0x90, 60, 100], &[0xB0, 64, 127]]);
    player.pipeline.set_state(gst::State::Paused).unwrap();
    received(&socket, &[&[0xB0, 64, 0], &[0x80, 60, 64]]);
    player.pipeline.set_state(gst::State::Playing).unwrap();
    player.play(&[&[0x90, 61, 100]]);
    received(&socket, &[&[0x90, 61, 100]]);
    drop(player);
    received(&socket, &[&[0x80, 61, 64]]);
    let (player, socket) = sink("");
    player.play(&[&[0x90, 62, 100]]);
    player.element("in").downcast::<gst_app::AppSrc>().unwrap().end_of_stream().unwrap();
    received(&socket, &[&[0x90, 62, 100], &[0x80, 62, 64]]);

    let (player, socket) = source("127.0.0.1", "");
    send(&socket, &[&[0x90, 60, 100]]);
    player.hears(&[&[0x90, 60, 100]]);
    player.pipeline.set_state(gst::State::Paused).unwrap();
    send(&socket, &[&[0x90, 61, 100]]);
    player.wait_for("datagrams", 2);
    player.pipeline.set_state(gst::State::Playing).unwrap();
    player.hears(&[&[0x80, 60, 64]]);
    send(&socket, &[&[0x90, 62, 100]]);
    player.hears(&[&[0x90, 62, 100]]);
    player.element("midi").send_event(gst::event::Eos::new());
    player.hears(&[&[0x80, 62, 64]]);
    assert_eq!(player.next(), None);
}

#[test]
fn a_source_that_is_stopped_alone_lets_go_what_sounds() {
    let (player, socket) = source("127.0.0.1", "");
    send(&socket, &[&[0x90, 60, 100]]);
    player.hears(&[&[0x90, 60, 100]]);
    player.wait_until_it_plays();
    player.element("midi").set_state(gst::State::Ready).unwrap();
    player.hears(&[&[0x80, 60, 64]]);
}

#[test]
fn messages_go_out_when_it_is_their_time() {
    let (player, socket) = sink("");
    let started = Instant::now();
    player.play_at(&[(Duration::from_millis(150), [0x90, 60, 100])]);
    received(&socket, &[&[0x90, 60, 100]]);
    assert!(started.elapsed() >= Duration::from_millis(140), "{:?}", started.elapsed());
}

#[test]
fn who_cannot_be_heard_or_reached_is_told_with_what_to_do() {
    let taken = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let words = Player::new(&format!("ipmidisrc base-port={port} peers=127.0.0.1 ! fakesink")).refused();
    assert!(words.starts_with(&format!("Cannot listen on UDP port {port}: ")), "{words}");
    assert!(words.contains(&format!("ss -ulpn 'sport = :{port}'")), "{words}");
    let words = Player::new("ipmidisrc group=ff12::37 ! fakesink").refused();
    assert!(words.contains("interface says which, of "), "{words}");
    let words = Player::new("ipmidisrc sources=piano ! fakesink").refused();
    assert_eq!(words, "sources: piano is no IP address");
    let words = Player::new(&format!("{INPUT} ! ipmidisink interface=nowhere0")).refused();
    assert!(words.starts_with("there is no network interface nowhere0; this machine has "), "{words}");
}
