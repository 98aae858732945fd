//! Packets of real senders decode to what is known of them.

use std::fmt::Write;

use super::Section;
use super::channel::Journal;
use super::system;
use crate::payload::Payload;

fn hex(text: &str) -> Vec<u8> {
    let octet = |index| u8::from_str_radix(&text[index..index + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(octet).collect()
}

fn commands(payload: &Payload<'_>) -> String {
    let mut text = String::new();
    let mut before = 0;
    for timed in payload.commands(0) {
        let timed = timed.unwrap();
        let mut octets = Vec::new();
        timed.command.encode(&mut octets);
        let separator = if text.is_empty() { "" } else { "; " };
        write!(text, "{separator}+{}", timed.time - before).unwrap();
        before = timed.time;
        match octets[..] {
            [0xF0, .., 0xF7] => write!(text, " SysEx {} data bytes, end", octets.len() - 2).unwrap(),
            _ => octets.iter().for_each(|octet| write!(text, " {octet:02x}").unwrap()),
        }
    }
    text
}

/// The letters whose bits are set, most significant first.
fn letters(letters: &str, bits: u8) -> String {
    letters.chars().enumerate().filter(|(index, _)| bits & 0x80 >> index != 0).map(|(_, letter)| letter).collect()
}

fn channel(octets: &[u8], journal: &Journal<'_>) -> String {
    let toc = letters("PCMWNETA", octets[2]);
    format!(
        "  S{} ch{} LEN{} TOC={toc}{}",
        u8::from(journal.s.bit() != 0),
        journal.channel,
        octets.len(),
        journal.describe()
    )
}

#[test]
fn every_captured_packet_decodes_to_what_is_known_of_it() {
    let blocks = include_str!("../../tests/data/packets.txt").split("\n\n");
    let mut seen = 0;
    for block in blocks {
        let mut lines = block.lines();
        let (name, octets) = (lines.next().unwrap(), hex(lines.next().unwrap()));
        let payload = Payload::decode(&octets[12..]).unwrap();
        assert_eq!(commands(&payload), lines.next().unwrap(), "{name}");
        let mut text = Vec::new();
        if let Some(octets) = payload.journal {
            let section = Section::decode(octets).unwrap();
            text.push(format!("journal S{} checkpoint {:04x}", section.s.bit() >> 7, section.checkpoint));
            if let Some(octets) = section.system {
                let system = system::Journal::decode(octets).unwrap();
                let toc = letters("DVQFX", octets[0] << 1);
                let s = u8::from(system.s.bit() != 0);
                text.push(format!("  SYS S{s} LEN{} TOC={toc}{}", octets.len(), system.describe()));
            }
            for octets in section.split_channels() {
                let octets = octets.unwrap();
                text.push(channel(octets, &Journal::decode(octets).unwrap()));
            }
        }
        assert_eq!(text, lines.collect::<Vec<_>>(), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 22);
}
