//! Capture files, pcap and pcapng: frames with their times and link layers.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::time::Duration;

use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};

use super::frame::{Frame, Link};
use crate::failure::{Failure, Result};

/// The largest block that is understood; frames are smaller by far.
const LARGEST_BLOCK: usize = 1 << 20;

/// A capture that is being read.
pub(super) struct Capture {
    reader: Box<dyn PcapReaderIterator + Send>,
    interfaces: Vec<Interface>,
    frames: u64,
    damage: Option<String>,
}

/// What a capture says of where its frames come from. A pcap file has one, a pcapng file any number.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: Link,
    /// Units of time per second.
    resolution: u64,
    /// Seconds to add.
    offset: i64,
}

impl Capture {
    /// Opens the file `path`, or stdin for `-`.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let unreadable = |error: &io::Error| Failure::new(format!("cannot read {}: {error}", path.display()));
        let source: Box<dyn Read + Send> = if path.as_os_str() == "-" {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).map_err(|error| unreadable(&error))?)
        };
        Self::read(source).map_err(|error| unreadable(&error))?.ok_or_else(|| {
            Failure::new(format!("{} begins like neither a pcap nor a pcapng file", path.display()))
                .hint("record one with: tcpdump -i any -w capture.pcap udp")
        })
    }

    /// Reads from anywhere; `None` when it is no capture.
    fn read(mut source: impl Read + Send + 'static) -> io::Result<Option<Self>> {
        let head = head(&mut source)?;
        let reader = create_reader(LARGEST_BLOCK, Cursor::new(head).chain(source));
        Ok(reader.ok().map(|reader| Self { reader, interfaces: Vec::new(), frames: 0, damage: None }))
    }

    /// The next frame; `None` at the end, or where the file is damaged.
    pub(super) fn next(&mut self) -> Option<Frame> {
        loop {
            let (length, frame) = match self.reader.next() {
                Ok((length, block)) => {
                    let number = self.frames + 1;
                    (length, take(block, number, &mut self.interfaces))
                }
                Err(PcapError::Eof) => return None,
                Err(PcapError::Incomplete(_)) => {
                    if self.reader.refill().is_err() {
                        self.damage = Some(format!("the capture cannot be read behind frame {}", self.frames));
                        return None;
                    }
                    continue;
                }
                Err(PcapError::UnexpectedEof) => {
                    self.damage = Some(format!("the capture ends in the middle of frame {}", self.frames + 1));
                    return None;
                }
                Err(_) => {
                    self.damage = Some(format!("the capture is damaged behind frame {}", self.frames));
                    return None;
                }
            };
            self.reader.consume(length);
            if let Some(frame) = frame {
                self.frames += 1;
                return Some(frame);
            }
        }
    }

    /// What is wrong with the file itself, once [`Self::next`] has come to an end.
    pub(super) fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }
}

/// Takes note of what a block says, or makes a frame of it.
fn take(block: PcapBlockOwned<'_>, number: u64, interfaces: &mut Vec<Interface>) -> Option<Frame> {
    match block {
        PcapBlockOwned::LegacyHeader(header) => {
            let resolution = if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
            *interfaces = vec![Interface { link: link(header.network), resolution, offset: 0 }];
            None
        }
        PcapBlockOwned::Legacy(block) => {
            let interface = interfaces.first()?;
            let nanoseconds = u64::from(block.ts_usec) * (1_000_000_000 / interface.resolution);
            let at = Duration::from_secs(block.ts_sec.into()) + Duration::from_nanos(nanoseconds);
            Some(Frame { number, at, link: interface.link, octets: block.data.to_vec() })
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            interfaces.clear();
            None
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(block)) => {
            let resolution = block.ts_resolution().filter(|units| *units > 0).unwrap_or(1_000_000);
            interfaces.push(Interface { link: link(block.linktype), resolution, offset: block.if_tsoffset });
            None
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(block)) => {
            let interface = interfaces.get(block.if_id as usize)?;
            let at = time(u64::from(block.ts_high) << 32 | u64::from(block.ts_low), interface);
            Some(Frame { number, at, link: interface.link, octets: block.packet_data().to_vec() })
        }
        PcapBlockOwned::NG(Block::SimplePacket(block)) => {
            let interface = interfaces.first()?;
            Some(Frame { number, at: Duration::ZERO, link: interface.link, octets: block.packet_data().to_vec() })
        }
        PcapBlockOwned::NG(_) => None,
    }
}

fn time(units: u64, interface: &Interface) -> Duration {
    let (whole, part) = (units / interface.resolution, units % interface.resolution);
    let nanoseconds = u128::from(part) * 1_000_000_000 / u128::from(interface.resolution);
    let whole = whole.saturating_add_signed(interface.offset);
    Duration::new(whole, nanoseconds as u32)
}

fn link(kind: Linktype) -> Link {
    match kind.0 {
        0 | 108 => Link::Loopback,
        1 => Link::Ethernet,
        12 | 14 | 101 | 228 | 229 => Link::Ip,
        113 => Link::Cooked,
        276 => Link::CookedV2,
        other => Link::Other(other),
    }
}

/// The first block in one piece, which a pipe may bring in several: the reader looks at no more than its first read.
fn head(source: &mut impl Read) -> io::Result<Vec<u8>> {
    const PCAP_HEADER: usize = 24;
    let mut head = Vec::new();
    source.take(PCAP_HEADER as u64).read_to_end(&mut head)?;
    if let [0x0A, 0x0D, 0x0D, 0x0A, a, b, c, d, order, ..] = head[..] {
        let length = if order == 0x1A { u32::from_be_bytes([a, b, c, d]) } else { u32::from_le_bytes([a, b, c, d]) };
        let rest = (length as usize).min(LARGEST_BLOCK).saturating_sub(PCAP_HEADER);
        source.take(rest as u64).read_to_end(&mut head)?;
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A pipe that brings its octets a few at a time.
    struct Trickle(Cursor<Vec<u8>>);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(7);
            self.0.read(&mut buffer[..most])
        }
    }

    fn read(octets: &[u8]) -> Option<(Vec<Frame>, Option<String>)> {
        let mut capture = Capture::read(Trickle(Cursor::new(octets.to_vec()))).unwrap()?;
        let frames = std::iter::from_fn(|| capture.next()).collect();
        Some((frames, capture.damage))
    }

    fn words(words: &[u32], order: fn(u32) -> [u8; 4]) -> Vec<u8> {
        words.iter().flat_map(|word| order(*word)).collect()
    }

    /// A frame of three octets, a quarter of a second behind second 5.
    fn pcap(magic: u32, part: u32, order: fn(u32) -> [u8; 4]) -> Vec<u8> {
        let version = if order(1) == [0, 0, 0, 1] { 2 << 16 | 4 } else { 4 << 16 | 2 };
        [words(&[magic, version, 0, 0, 100, 1, 5, part, 3, 3], order), vec![1, 2, 3]].concat()
    }

    fn pcapng() -> Vec<u8> {
        let order = u32::to_le_bytes;
        let section = [0x0A0D_0D0A, 28, 0x1A2B_3C4D, 1, u32::MAX, u32::MAX, 28];
        let interface = [1, 20, 276, 0, 20];
        let frame = [6, 36, 0, 0, 5_250_000, 3, 3, 0x0003_0201, 36];
        [words(&section, order), words(&interface, order), words(&frame, order)].concat()
    }

    #[test]
    fn both_orders_and_both_units_of_time_are_read() {
        let frame = |link| Frame { number: 1, at: Duration::from_millis(5250), link, octets: vec![1, 2, 3] };
        for file in [
            pcap(0xA1B2_C3D4, 250_000, u32::to_be_bytes),
            pcap(0xA1B2_C3D4, 250_000, u32::to_le_bytes),
            pcap(0xA1B2_3C4D, 250_000_000, u32::to_le_bytes),
        ] {
            assert_eq!(read(&file), Some((vec![frame(Link::Ethernet)], None)));
        }
        assert_eq!(read(&pcapng()), Some((vec![frame(Link::CookedV2)], None)));
    }

    #[test]
    fn a_file_that_breaks_off_says_where() {
        let file = pcap(0xA1B2_C3D4, 0, u32::to_be_bytes);
        let (frames, damage) = read(&file[..file.len() - 1]).unwrap();
        assert_eq!((frames.len(), damage.as_deref()), (0, Some("the capture ends in the middle of frame 1")));
        assert!(read(b"").is_none() && read(b"MThd\0\0\0\x06").is_none());
    }

    proptest! {
        #[test]
        fn any_octets_come_to_an_end(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            more in prop::collection::vec(any::<u8>(), 0..100),
            is_new: bool,
        ) {
            let mut file = if is_new { pcapng() } else { pcap(0xA1B2_C3D4, 0, u32::to_be_bytes) };
            file.extend(more);
            for (index, octet) in damage {
                let index = index.index(file.len());
                file[index] = octet;
            }
            for frame in read(&file).into_iter().flat_map(|(frames, _)| frames) {
                let _ = frame.datagram();
            }
        }
    }
}
