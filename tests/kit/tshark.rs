//! tshark: a second opinion on what is in a packet.

use std::fs;
use std::process::{Command, Stdio};

use crate::pipeline::Folder;

/// What tshark says of one packet: for each field asked for, all of its values.
pub type Dissected = Vec<Vec<String>>;

/// Whether there is a tshark; says so when not.
pub fn is_here() -> bool {
    let here = Command::new("tshark").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !here {
        println!("skipped: no tshark; it is a package of that name");
    }
    here
}

/// The values of `fields` in each of the RTP packets; each group of packets is a stream of its own.
pub fn dissect<'a>(streams: impl IntoIterator<Item = Vec<&'a [u8]>>, fields: &[&str]) -> Vec<Dissected> {
    let folder = Folder::new("tshark");
    let file = folder.path("packets.pcap");
    fs::write(&file, capture(streams)).unwrap();
    let mut tshark = Command::new("tshark");
    tshark.arg("-n").arg("-r").arg(&file);
    tshark.args(["-d", &format!("udp.port=={PORT},rtp"), "-d", "rtp.pt==96,rtpmidi"]);
    tshark.args(["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=,"]);
    tshark.args(fields.iter().flat_map(|field| ["-e", field]));
    let output = tshark.stderr(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "tshark ended with {}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    let values = |field: &str| field.split(',').filter(|value| !value.is_empty()).map(str::to_owned).collect();
    text.lines().map(|line| line.split('\t').map(values).collect()).collect()
}

/// Not a port that another dissector owns.
const PORT: u16 = 46_004;

/// A capture file (libpcap, raw IP) of the packets in UDP.
fn capture<'a>(streams: impl IntoIterator<Item = Vec<&'a [u8]>>) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xA1B2_C3D4_u32, 2 << 16 | 4, 0, 0, 65_535, 101] {
        file.extend(word.to_be_bytes());
    }
    let mut seconds = 0_u32;
    for (stream, packets) in streams.into_iter().enumerate() {
        for packet in packets {
            seconds += 1;
            let length = packet.len() + 28;
            for word in [seconds, 0, length as u32, length as u32] {
                file.extend(word.to_be_bytes());
            }
            file.extend([0x45, 0]);
            file.extend((length as u16).to_be_bytes());
            // Time to live 64, UDP, no checksum; between 127.0.0.1 and 127.0.0.1.
            file.extend([0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
            for half in [10_000 + stream as u16, PORT, length as u16 - 20, 0] {
                file.extend(half.to_be_bytes());
            }
            file.extend(packet);
        }
    }
    file
}
