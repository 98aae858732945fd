//! `rtpmidi monitor` on captures: what it finds, says and survives.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod capture;
mod kit;

use capture::{Datagram, datagram, hex, pcap, pcap_of, pcapng, rtp, stream};
use kit::{Ended, Folder, Program, argument};
use serde_json::Value;

const SONG: [&[u8]; 5] = [&[0xC0, 5], &[0x90, 60, 100], &[0x80, 60, 64], &[0xE1, 0, 0x50], &[0x90, 62, 1]];

fn song(from: u16, to: u16) -> Vec<Datagram> {
    stream(0x47D8_1096, &SONG).iter().map(|packet| datagram(from, to, packet)).collect()
}

fn monitor(name: &str, capture: &[u8], options: &[&str]) -> Ended {
    let folder = Folder::new(name);
    let file = folder.write("capture", capture);
    let mut arguments = vec!["monitor", argument(&file)];
    arguments.extend(options);
    let ended = Program::start(&arguments).finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended
}

fn packets(ended: &Ended) -> Vec<Value> {
    ended.objects("packet")
}

fn words(packet: &Value) -> Vec<&str> {
    packet["commands"].as_array().unwrap().iter().map(|command| command["words"].as_str().unwrap()).collect()
}

#[test]
fn a_packet_is_a_line_with_commands_journal_and_reasons() {
    let ended = monitor("line", &pcap(&song(5004, 5004)), &[]);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(
        lines[2],
        "    3    0.200000  47d81096 seq 12 ts 1200  NoteOff ch1 C4 v64 | J 13 octets, 2 packets back: ch1 P N | \
         checkpoint 2 behind; single-loss: ch1 N"
    );
    assert_eq!(lines.len(), 5);
    assert!(ended.stderr.contains("47d81096 is a stream from 10.0.0.1:5004 to 10.0.0.2:5004, found by its form"));
    assert!(ended.stderr.contains(": 5 packets, 5 commands, 0:00; 0 lost, "), "{}", ended.stderr);
}

#[test]
fn pcap_and_pcapng_say_the_same() {
    let song = song(5004, 5004);
    let (old, new) = (monitor("pcap", &pcap(&song), &["--json"]), monitor("pcapng", &pcapng(&song), &["--json"]));
    assert_eq!(old.stdout, new.stdout);
    assert_eq!(packets(&old)[4]["time_s"], 0.4);
}

#[test]
fn json_has_the_documented_fields() {
    let ended = monitor("schema", &pcap(&song(5004, 5004)), &["--json"]);
    let packets = packets(&ended);
    let packet = &packets[3];
    let keys: Vec<&str> = packet.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "type",
        "frame",
        "time_s",
        "from",
        "to",
        "ssrc",
        "payload_type",
        "marker",
        "sequence",
        "timestamp",
        "arrival",
        "lost",
        "commands",
        "journal",
        "repairs",
        "notes",
    ];
    assert_eq!(keys, expected);
    let page = include_str!("../../../docs/commands/monitor.md");
    assert!(keys.iter().all(|key| page.contains(&format!("`{key}`"))), "{keys:?}");
    assert_eq!(packet["commands"][0]["octets"], "e1 00 50");
    let journal = &packet["journal"];
    assert_eq!((&journal["checkpoint"], &journal["behind"]), (&10.into(), &3.into()));
    let chapters = journal["chapters"].as_array().unwrap();
    let chapters: Vec<_> =
        chapters.iter().map(|chapter| (chapter["channel"].as_u64(), chapter["chapter"].as_str().unwrap())).collect();
    assert_eq!(chapters, [(Some(1), "P"), (Some(1), "N")]);
    // S, Y, A, H, TOTCHAN, the checkpoint, then the journal of channel 1 with its header and chapters.
    let channel = &journal["fields"][6];
    assert_eq!(channel["name"], "rtpmidi.chanjour");
    let program = channel["fields"].as_array().unwrap().iter().find(|field| field["name"] == "rtpmidi.cj_chapter_p");
    assert_eq!(program.unwrap()["fields"][1]["name"], "rtpmidi.cj_chapter_p_program");
    assert_eq!(program.unwrap()["fields"][1]["value"], 5);
    let summary = ended.summary();
    assert_eq!((&summary["packets"], &summary["commands"]), (&5.into(), &5.into()));
    assert_eq!(summary["streams"][0]["ssrc"], "47d81096");
    assert_eq!(ended.objects("stream")[0]["found_by"], "form");
}

#[test]
fn every_captured_packet_of_the_test_data_is_decoded() {
    let blocks: Vec<&str> = include_str!("../../../crates/rtp-midi/tests/data/packets.txt").split("\n\n").collect();
    let datagrams: Vec<Datagram> =
        blocks.iter().map(|block| datagram(5004, 5004, &hex(block.lines().nth(1).unwrap()))).collect();
    // By form alone, and by what the user says; then none is left out, whatever stands around it.
    for options in [&["--json"][..], &["--json", "--port", "5004"], &["--json", "--pt", "97"]] {
        let ended = monitor("vectors", &pcap(&datagrams), options);
        let packets = packets(&ended);
        assert_eq!(packets.len(), blocks.len(), "{options:?}: {}", ended.stderr);
        for (block, packet) in blocks.iter().zip(&packets) {
            let commands = block.lines().nth(2).unwrap().split("; ").count();
            assert_eq!(words(packet).len(), commands, "{block}");
            assert_eq!(packet["journal"].is_object(), block.contains("\njournal "), "{block}");
            assert!(packet.get("error").is_none(), "{packet}");
        }
    }
}

#[test]
fn a_sixteen_channel_journal_and_a_delta_of_five_octets_are_shown() {
    let blocks = include_str!("../../../crates/rtp-midi/tests/data/packets.txt").split("\n\n");
    let named = |name: &str| blocks.clone().find(|block| block.starts_with(name)).unwrap();
    let packets_of = |name: &str| {
        let packet = hex(named(name).lines().nth(1).unwrap());
        packets(&monitor("special", &pcap(&[datagram(5004, 5004, &packet)]), &["--json"]))
    };
    let sixteen = packets_of("arduino-RTStart");
    let chapters = sixteen[0]["journal"]["chapters"].as_array().unwrap();
    let channels: Vec<u64> = chapters.iter().map(|chapter| chapter["channel"].as_u64().unwrap()).collect();
    assert_eq!(channels, (1..=16).flat_map(|channel| [channel, channel]).collect::<Vec<_>>());
    let five = packets_of("arduino-aaa");
    assert_eq!(five[0]["commands"][2]["delta_octets"], 5);
    assert!(five[0]["notes"].to_string().contains("five octets"));
}

#[test]
fn a_session_between_macs_is_found_by_its_exchange() {
    let lines = include_str!("../../../crates/rtp-midi/tests/data/apple-mac-to-mac.jsonl").lines().skip(1);
    let datagrams: Vec<Datagram> = lines
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let port = |index: usize| line["ports"][index].as_u64().unwrap() as u16;
            let mut datagram = datagram(port(0), port(1), &hex(line["hex"].as_str().unwrap()));
            if line["dir"] == "B>A" {
                (datagram.from, datagram.to) = (
                    std::net::SocketAddrV4::new(*datagram.to.ip(), port(0)),
                    std::net::SocketAddrV4::new(*datagram.from.ip(), port(1)),
                );
            }
            datagram
        })
        .collect();
    let ended = monitor("macs", &pcap(&datagrams), &["--json"]);
    assert_eq!(packets(&ended).len(), 42);
    assert!(packets(&ended).iter().all(|packet| packet.get("error").is_none()));
    let streams = ended.objects("stream");
    assert!(streams.len() == 1 && streams[0]["found_by"] == "applemidi", "{streams:?}");
    assert_eq!(ended.objects("session").len(), datagrams.len() - 42);
    assert_eq!(ended.summary()["lost_packets"], 0);
}

#[test]
fn a_stream_is_found_by_its_announcement() {
    let sdp = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=Duet\r\nt=0 0\r\nc=IN IP4 10.0.0.2\r\n\
        m=audio 6000 RTP/AVP 97\r\na=rtpmap:97 rtp-midi/44100\r\na=fmtp:97 j_update=anchor\r\n";
    let sap = [&[0x20, 0, 0, 1, 10, 0, 0, 1][..], b"application/sdp\0", sdp.as_bytes()].concat();
    let mut datagrams = vec![datagram(9000, 9875, &sap)];
    datagrams.extend(song(6000, 6000).into_iter().take(1));
    // Not RTP at all, but at the described place.
    datagrams.push(datagram(6000, 6000, b"hello"));
    let ended = monitor("sap", &pcap(&datagrams), &["--json"]);
    let streams = ended.objects("stream");
    assert_eq!((&streams[0]["found_by"], &streams[0]["title"]), (&"sdp".into(), &"Duet".into()));
    assert!(ended.objects("announcement")[0]["words"].as_str().unwrap().contains("port 6000, payload type 97"));
    assert!(packets(&ended)[1]["error"].as_str().unwrap().starts_with("no RTP packet: "));
}

#[test]
fn damaged_packets_are_shown_up_to_the_defect_and_end_nothing() {
    let mut datagrams = song(5004, 5004);
    let cut = datagrams[2].octets.len() - 1;
    datagrams[2].octets.truncate(cut);
    datagrams[3].octets[13] = 0xF4;
    let ended = monitor("damaged", &pcap(&datagrams), &["--json"]);
    let all = packets(&ended);
    assert_eq!(all.len(), 5);
    let errors: Vec<Option<&str>> = all.iter().map(|packet| packet.get("error").and_then(Value::as_str)).collect();
    assert!(errors[2].unwrap().starts_with("octet ") && errors[3].is_some(), "{errors:?}");
    assert!(errors[0].is_none() && errors[4].is_none(), "{errors:?}");
    assert_eq!(words(&all[2]), ["NoteOff ch1 C4 v64"], "the list is whole");
    assert_eq!(all[3]["journal"]["chapters"].as_array().unwrap().len(), 2, "the journal is whole");
    let only = monitor("errors", &pcap(&datagrams), &["--errors"]);
    assert_eq!(only.stdout.lines().count(), 2, "{}", only.stdout);
    assert!(only.stdout.lines().all(|line| line.contains("  !! octet ")), "{}", only.stdout);
}

#[test]
fn losses_are_explained() {
    let mut datagrams = song(5004, 5004);
    datagrams.remove(2);
    let again = datagrams[1].clone();
    datagrams.insert(2, again);
    let ended = monitor("loss", &pcap(&datagrams), &["--loss"]);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ended.stdout);
    assert!(lines[0].contains("has come before"), "{}", lines[0]);
    assert!(lines[1].contains("single loss before this packet: only what has S=0 matters"), "{}", lines[1]);
    assert!(lines[1].contains("a receiver makes up 1 command: NoteOff ch1 C4 v64"), "{}", lines[1]);
    assert!(ended.stderr.contains("1 lost, 0 late, 1 twice; 1 repaired"), "{}", ended.stderr);
}

#[test]
fn rtp_of_other_kinds_is_left_out() {
    let audio = (0..20_u16).map(|number| datagram(7000, 7000, &rtp(96, number, 7, &[0x55; 160])));
    let mut datagrams: Vec<Datagram> = audio.collect();
    datagrams.extend(song(5004, 5004));
    let ended = monitor("audio", &pcap(&datagrams), &["--json"]);
    assert_eq!(packets(&ended).len(), 5);
    assert_eq!(ended.summary()["foreign_datagrams"], 20);
    let told = monitor("told", &pcap(&datagrams), &["--json", "--port", "7000"]);
    assert_eq!(packets(&told).len(), 20, "the user knows better");
}

#[test]
fn rtcp_of_a_stream_is_a_line() {
    let mut datagrams = song(5004, 5004);
    let mut report = vec![0x80, 200, 0, 6];
    report.extend([0x47D8_1096_u32, 1, 2, 1400, 5, 60].into_iter().flat_map(u32::to_be_bytes));
    report.extend([0x81, 203, 0, 1]);
    report.extend(0x47D8_1096_u32.to_be_bytes());
    datagrams.push(datagram(5005, 5005, &report));
    let ended = monitor("rtcp", &pcap(&datagrams), &["--stream", "47d81096"]);
    let last = ended.stdout.lines().last().unwrap();
    assert_eq!(
        last,
        "    6    0.500000  10.0.0.1:5005 to 10.0.0.2:5005  RTCP SR 47d81096: 5 packets, 60 octets sent, rtp time 1400; BYE 47d81096"
    );
}

#[test]
fn the_tree_shows_every_field() {
    let ended = monitor("tree", &pcap(&song(5004, 5004)), &["--tree", "--count", "2"]);
    for line in [
        "    Command Section",
        "            Note: C4 (60)",
        "            Chapter P: Program Change",
        "                Chapter P Program: 5",
    ] {
        assert!(ended.stdout.lines().any(|printed| printed == line), "{line:?} is not in {}", ended.stdout);
    }
    assert_eq!(ended.stdout.lines().filter(|line| line.contains(" seq ")).count(), 2);
}

#[test]
fn frames_that_are_no_datagrams_are_counted() {
    let mut fragment = song(5004, 5004)[0].packet();
    fragment[6] = 0x20;
    let ended = monitor("skipped", &pcap_of(101, [fragment, vec![0xFF; 40]]), &[]);
    assert!(ended.stdout.is_empty());
    assert!(ended.stderr.contains("skipped   1 IP fragment, 1 other frame"), "{}", ended.stderr);
    assert!(ended.stderr.contains("no RTP MIDI stream"), "{}", ended.stderr);
}

#[test]
fn a_capture_that_breaks_off_is_shown_as_far_as_it_goes() {
    let whole = pcap(&song(5004, 5004));
    let ended = monitor("cut", &whole[..whole.len() - 3], &[]);
    assert_eq!(ended.stdout.lines().count(), 4);
    assert!(ended.stderr.contains("warning: the capture ends in the middle of frame 5"), "{}", ended.stderr);
}

#[test]
fn what_is_no_capture_is_refused() {
    let folder = Folder::new("no-capture");
    let song = folder.write("song.mid", b"MThd\0\0\0\x06\0\0\0\x01\0\x60");
    let ended = Program::start(&["monitor", argument(&song)]).finish();
    ended.failed_with("begins like neither a pcap nor a pcapng file");
    let missing = folder.path("missing.pcap");
    Program::start(&["monitor", argument(&missing)]).finish().failed_with("cannot read ");
    for wrong in [
        &["monitor"][..],
        &["monitor", "x", "--stream", "z"],
        &["monitor", "x", "--pt", "200"],
        &["monitor", "udp://x"],
    ] {
        assert_eq!(Program::start(wrong).finish().code, Some(2), "{wrong:?}");
    }
}

#[test]
fn a_crowd_of_streams_is_bounded() {
    let packets = (0..600_u32).flat_map(|ssrc| [1, 2].map(|number| rtp(97, number, ssrc, &[3, 0x90, 60, 100])));
    let datagrams: Vec<Datagram> = packets.map(|packet| datagram(5004, 5004, &packet)).collect();
    let ended = monitor("crowd", &pcap(&datagrams), &["--json"]);
    assert_eq!(ended.objects("stream").len(), 256);
    assert!(ended.stderr.contains("warning: more than 256 streams"), "{}", ended.stderr);
    assert_eq!(ended.summary()["unfollowed_packets"], 2 * (600 - 256));
}
