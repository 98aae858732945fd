//! Whole songs through the offline pipelines: a file of RTP packets holds what the Standard MIDI File holds.

mod rtp;

use rtp::*;

const STREAM: &str = "application/x-rtp-stream,media=audio,encoding-name=RTP-MIDI,clock-rate=44100,payload=96";

/// A format 0 file at 480 ticks a quarter, 120 quarters a minute: 4000 messages of every kind from 1.5 s on.
fn song() -> Vec<u8> {
    let quantity = |number: u32| -> Vec<u8> {
        let mut octets = vec![(number & 0x7F) as u8];
        let mut rest = number >> 7;
        while rest > 0 {
            octets.insert(0, 0x80 | (rest & 0x7F) as u8);
            rest >>= 7;
        }
        octets
    };
    let mut track = Vec::new();
    for n in 0..4000_u32 {
        let (channel, key) = ((n % 16) as u8, (n * 7 % 128) as u8);
        track.extend(quantity(if n == 0 { 1440 } else { n % 3 * 5 }));
        match n % 50 {
            0 => {
                let data: Vec<u8> = (0..n).map(|octet| (octet % 128) as u8).collect();
                track.push(0xF0);
                track.extend(quantity(n + 1));
                track.extend(data);
                track.push(0xF7);
            }
            1 => track.extend([0xC0 | channel, key]),
            2 => track.extend([0xD0 | channel, key]),
            3 => track.extend([0xE0 | channel, key, 64]),
            4 => track.extend([0xA0 | channel, key, 64]),
            5..9 => track.extend([0xB0 | channel, key % 64, 100]),
            n if n % 2 == 0 => track.extend([0x90 | channel, key, 100]),
            _ => track.extend([0x80 | channel, key, 64]),
        }
    }
    track.extend([0, 0xFF, 0x2F, 0]);
    let length = (track.len() as u32).to_be_bytes();
    [b"MThd\0\0\0\x06\0\0\0\x01\x01\xE0MTrk", &length[..], &track].concat()
}

#[test]
fn a_song_survives_being_recorded_as_packets() {
    let _watch = start();
    let folder = std::env::temp_dir().join(format!("rtpmidi-offline-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    std::fs::write(path("song.mid"), song()).unwrap();

    let was = run(&format!("filesrc location={} ! smfparse ! fakesink name=sink", path("song.mid")));
    run(&format!(
        "filesrc location={} ! smfparse ! rtpmidipay ! rtpstreampay ! filesink name=sink location={}",
        path("song.mid"),
        path("song.rtp")
    ));
    run(&format!(
        "filesrc location={} ! {STREAM} ! rtpstreamdepay ! rtpmididepay ! smfmux ! filesink name=sink location={}",
        path("song.rtp"),
        path("again.mid")
    ));
    let is = run(&format!("filesrc location={} ! smfparse ! fakesink name=sink", path("again.mid")));
    std::fs::remove_dir_all(&folder).unwrap();

    assert_eq!(was.len(), 4000);
    // Notes that the song leaves open have gained their ends.
    assert_eq!(octets(&is[..was.len()]), octets(&was));
    assert!(is[was.len()..].iter().all(|(_, octets)| matches!(octets[0], 0x80..=0x8F | 0xB0..=0xBF)));
    for ((is, _), (was, _)) in is.iter().zip(&was) {
        assert!(is.nseconds().abs_diff(was.nseconds()) <= 22_676, "{was} became {is}");
    }
}
