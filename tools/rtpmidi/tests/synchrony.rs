//! Synchrony of a sender: its reports, and timestamps that follow a clock that listeners share (RFC 3550, 6.4.1; RFC 7273).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod ntp_server;
mod rtsp_client;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gst::prelude::*;

use kit::{Folder, PATIENCE, Program, argument, free_port, song};
use ntp_server::{NtpServer, UNIX_IN_NTP};
use rtcp_types::{Compound, Packet};
use rtp_midi_sdp::Session;
use rtp_midi_sdp::lint::lint;
use rtp_types::RtpPacket;
use rtsp_client::{Client, Server};

const RATE: u64 = 44_100;

/// What a sender report says: seconds of its NTP time, and ticks.
#[derive(Clone, Copy, Debug)]
struct Report {
    ntp: f64,
    rtp: u32,
}

/// What came of a broadcast.
struct Heard {
    reports: Vec<Report>,
    /// RTP timestamps, each with the time of day at which it came.
    packets: Vec<(u32, f64)>,
    sdp: String,
}

/// Broadcasts forty notes in four seconds, with these options, and takes down what is sent.
fn broadcast(name: &str, options: &[&str]) -> Heard {
    let folder = Folder::new(name);
    let notes: Vec<[u8; 3]> = (40..80).flat_map(|key| [[0x90, key, 100], [0x80, key, 64]]).collect();
    let file = folder.write("song.mid", &song(&notes.iter().map(|note| (25, &note[..])).collect::<Vec<_>>()));
    let port = free_port();
    let sockets = [port, port + 1].map(|port| UdpSocket::bind(("127.0.0.1", port)).unwrap());
    let to = format!("udp://127.0.0.1:{port}");
    let sdp = folder.path("song.sdp");
    let arguments = ["broadcast", argument(&file), "--to", &to, "--sdp", argument(&sdp), "--rtcp-interval", "0.2"];
    let broadcast = Program::start(&[&arguments, options].concat());
    let [rtp, rtcp] = sockets;
    rtcp.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reports = Vec::new();
    let mut octets = [0; 1500];
    let mut ended = false;
    while !ended {
        let length = rtcp.recv(&mut octets).unwrap();
        for packet in Compound::parse(&octets[..length]).unwrap() {
            match packet.unwrap() {
                Packet::Sr(report) => {
                    let ntp = report.ntp_timestamp() as f64 / 2_f64.powi(32);
                    reports.push(Report { ntp, rtp: report.rtp_timestamp() });
                }
                Packet::Bye(_) => ended = true,
                _ => {}
            }
        }
    }
    rtp.set_nonblocking(true).unwrap();
    let now = time_of_day();
    let mut packets = Vec::new();
    while let Ok(length) = rtp.recv(&mut octets) {
        packets.push((RtpPacket::parse(&octets[..length]).unwrap().timestamp(), now));
    }
    let ended = broadcast.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let sdp = std::fs::read_to_string(&sdp).unwrap();
    assert_eq!(lint(&sdp), [], "{sdp}");
    assert!(reports.len() > 3 && packets.len() > 40, "{reports:?}");
    Heard { reports, packets, sdp }
}

/// Seconds since 1900 by this machine.
fn time_of_day() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() + UNIX_IN_NTP as f64
}

impl Heard {
    /// How far each report is from where the one before it leads to, in seconds.
    fn deviations(&self) -> impl Iterator<Item = f64> {
        self.reports.windows(2).map(|pair| {
            let ticks = f64::from(pair[1].rtp.wrapping_sub(pair[0].rtp) as i32);
            pair[1].ntp - pair[0].ntp - ticks / RATE as f64
        })
    }

    /// `a=mediaclk:direct`, and what the sender's clock is called.
    fn clocks(&self) -> (u32, String) {
        let session = Session::parse(self.sdp.as_bytes()).unwrap();
        let clocks = &session.media[0].clocks;
        (clocks.offset().unwrap(), clocks.references[0].to_string())
    }

    /// Asserts that all timestamps are ticks of a clock, which is `ahead` of this machine's.
    fn follows_a_clock(&self, ahead: Duration) {
        let (offset, _) = self.clocks();
        for report in &self.reports {
            // A tick is rounded in the report, and one in its conversion here.
            let expected = offset.wrapping_add((report.ntp * RATE as f64).round() as u64 as u32);
            let difference = report.rtp.wrapping_sub(expected) as i32;
            assert!(difference.abs() <= 3, "{difference} ticks: {report:?}");
            assert!((report.ntp - ahead.as_secs_f64() - time_of_day()).abs() < 60.0, "{report:?}");
        }
        for (timestamp, until) in &self.packets {
            let now = offset.wrapping_add(((until + ahead.as_secs_f64()) * RATE as f64) as u64 as u32);
            let age = f64::from(now.wrapping_sub(*timestamp) as i32) / RATE as f64;
            assert!((-0.1..60.0).contains(&age), "{timestamp} is {age} s old");
        }
    }
}

#[test]
fn reports_tell_the_time_of_day_and_agree_with_each_other() {
    let heard = broadcast("reports", &[]);
    for report in &heard.reports {
        assert!((report.ntp - time_of_day()).abs() < 60.0, "{report:?}");
    }
    // Both times are read one after the other; in between another program may run.
    let mut deviations: Vec<f64> = heard.deviations().map(f64::abs).collect();
    deviations.sort_by(f64::total_cmp);
    assert!(deviations[deviations.len() / 2] < 0.001, "{deviations:?}");
    assert!(!heard.sdp.contains("ts-refclk"), "{}", heard.sdp);
}

#[test]
fn timestamps_are_ticks_of_this_machines_clock() {
    let heard = broadcast("ntp-local", &["--sync", "ntp-local"]);
    assert_eq!(heard.clocks().1, "ntp=/traceable/");
    heard.follows_a_clock(Duration::ZERO);
}

#[test]
fn timestamps_are_ticks_of_the_clock_of_a_server() {
    let ahead = Duration::from_hours(1000);
    let server = NtpServer::start(ahead);
    let name = format!("ntp=127.0.0.1:{}", server.port());
    let heard = broadcast("ntp", &["--sync", &name]);
    assert_eq!(heard.clocks().1, name);
    heard.follows_a_clock(ahead);
}

#[test]
fn a_server_that_does_not_answer_is_named() {
    let folder = Folder::new("no-ntp");
    let file = folder.write("song.mid", &song(&[(0, &[0x90, 60, 100])]));
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let (sync, sdp) = (format!("ntp=127.0.0.1:{port}"), folder.path("song.sdp"));
    let to = format!("udp://127.0.0.1:{}", free_port());
    let arguments = ["broadcast", argument(&file), "--to", &to, "--sdp", argument(&sdp), "--sync", &sync];
    Program::start(&arguments).finish().failed_with(&format!("the NTP server 127.0.0.1, port {port}, does not tell"));
    assert!(!sdp.exists(), "nothing is promised that is not kept");
}

#[test]
fn a_stock_receiver_takes_the_time_of_a_packet_from_the_clock_and_not_from_when_it_comes() {
    gst::init().unwrap();
    let (folder, ntp) = (Folder::new("synchrony-stock"), NtpServer::start(Duration::from_secs(7)));
    let notes: Vec<[u8; 3]> = (40..80).flat_map(|key| [[0x90, key, 100], [0x80, key, 64]]).collect();
    let music: Vec<(u16, &[u8])> = notes.iter().map(|note| (25, &note[..])).collect();
    let clock = format!("ntp=127.0.0.1:{}", ntp.port());
    let server = Server::start(&folder, "song.mid", &music, &["--loop", "--sync", &clock]);
    let text = Client::new(&server).request("DESCRIBE", "/live", "Accept: application/sdp\r\n");
    let offset = Session::parse(text.as_bytes()).unwrap().media[0].clocks.offset().unwrap();
    let url = format!("rtsp://{}/live", late(&server.address));
    let source =
        format!("rtspsrc location={url} protocols=tcp latency=1000 rfc7273-sync=true ! appsink name=sink sync=false");
    let pipeline: gst::Pipeline = gst::parse::launch(&source).unwrap().downcast().unwrap();
    let sink: gst_app::AppSink = pipeline.by_name("sink").unwrap().downcast().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    // It goes by arrival until it has the time from the server.
    let began = Instant::now();
    let mut in_step = 0;
    let mut behind = f64::NAN;
    while in_step < 10 {
        assert!(began.elapsed() < PATIENCE, "{behind} s behind");
        let Some(sample) = sink.try_pull_sample(gst::ClockTime::from_seconds(1)) else { continue };
        let buffer = sample.buffer().unwrap();
        let packet = buffer.map_readable().unwrap();
        let ticks = RtpPacket::parse(&packet).unwrap().timestamp().wrapping_sub(offset);
        // The moment, in seconds of this machine, at which the receiver has the packet for due.
        let ahead =
            buffer.pts().unwrap().nseconds() as f64 - pipeline.current_running_time().unwrap().nseconds() as f64;
        let due = time_of_day() + 7.0 + ahead / 1e9;
        let cycle = 2_f64.powi(32) / RATE as f64;
        let late = (due - f64::from(ticks) / RATE as f64).rem_euclid(cycle);
        behind = if late > cycle / 2.0 { late - cycle } else { late };
        in_step = if behind.abs() < 0.02 { in_step + 1 } else { 0 };
    }
    pipeline.set_state(gst::State::Null).unwrap();
}

/// The address of somebody who hands on to a server, and its answers 200 ms late.
fn late(server: &str) -> String {
    let (listener, server) = (TcpListener::bind("127.0.0.1:0").unwrap(), server.to_owned());
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let to = TcpStream::connect(&server).unwrap();
            let hands = [(client.try_clone().unwrap(), to.try_clone().unwrap(), 0), (to, client, 200)];
            for (mut from, mut to, delay) in hands {
                let (send, receive) = std::sync::mpsc::channel::<(Instant, Vec<u8>)>();
                std::thread::spawn(move || {
                    let mut octets = [0; 4096];
                    while let Ok(length @ 1..) = from.read(&mut octets) {
                        let _ = send.send((Instant::now() + Duration::from_millis(delay), octets[..length].to_vec()));
                    }
                });
                std::thread::spawn(move || {
                    for (at, octets) in receive {
                        std::thread::sleep(at.saturating_duration_since(Instant::now()));
                        if to.write_all(&octets).is_err() {
                            break;
                        }
                    }
                });
            }
        }
    });
    address
}
