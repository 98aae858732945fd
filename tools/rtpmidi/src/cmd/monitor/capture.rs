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
        let mut source: Box<dyn Read + Send> = if path.as_os_str() == "-" {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).map_err(|error| unreadable(&error))?)
        };
        let head = head(&mut source).map_err(|error| unreadable(&error))?;
        let reader = create_reader(LARGEST_BLOCK, Cursor::new(head).chain(source)).map_err(|_| {
            Failure::new(format!("{} begins like neither a pcap nor a pcapng file", path.display()))
                .hint("record one with: tcpdump -i any -w capture.pcap udp")
        })?;
        Ok(Self { reader, interfaces: Vec::new(), frames: 0, damage: None })
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
