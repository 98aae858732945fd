//! MIDI octets in packets, cut into whole messages: `F0` and `F7` events of a file, buffers of a live stream.

/// Gathers octets until a message is whole; System Exclusives may span packets.
#[derive(Clone, Default, Debug)]
pub(crate) struct Assembler {
    pending: Vec<u8>,
}

/// What comes out of an [`Assembler`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Piece<'a> {
    /// One whole message with its status octet.
    Message(&'a [u8]),
    /// A message that ends too early; a System Exclusive lacks only its `F7`.
    Unterminated(&'a [u8]),
    /// An octet that belongs to no message.
    Stray(u8),
}

impl Assembler {
    /// Whether a System Exclusive is open.
    pub(crate) fn in_sysex(&self) -> bool {
        self.pending.first() == Some(&0xF0)
    }

    /// Octets gathered so far.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Takes one octet.
    pub(crate) fn push(&mut self, octet: u8, out: &mut impl FnMut(Piece<'_>)) {
        match octet {
            0xF8..=0xFF => out(Piece::Message(&[octet])),
            0xF7 if self.in_sysex() => self.complete(octet, out),
            0xF7 => {
                self.abandon(out);
                out(Piece::Stray(octet));
            }
            0x80..=0xF6 => {
                self.abandon(out);
                if octet != 0xF0 && message_length(octet) == 1 {
                    out(Piece::Message(&[octet]));
                } else {
                    self.pending.push(octet);
                }
            }
            _ => match self.pending.first() {
                None => out(Piece::Stray(octet)),
                Some(&status) if status != 0xF0 && self.pending.len() + 1 == message_length(status) => {
                    self.complete(octet, out);
                }
                Some(_) => self.pending.push(octet),
            },
        }
    }

    /// Ends a packet, which only a System Exclusive may outlast.
    pub(crate) fn end_packet(&mut self, out: &mut impl FnMut(Piece<'_>)) {
        if !self.in_sysex() {
            self.abandon(out);
        }
    }

    /// Lets go of an incomplete message.
    pub(crate) fn abandon(&mut self, out: &mut impl FnMut(Piece<'_>)) {
        if !self.pending.is_empty() {
            out(Piece::Unterminated(&self.pending));
            self.pending.clear();
        }
    }

    fn complete(&mut self, last: u8, out: &mut impl FnMut(Piece<'_>)) {
        self.pending.push(last);
        out(Piece::Message(&self.pending));
        self.pending.clear();
    }
}

/// Octets of a message with this status, its status included; 1 where the status does not tell (`F0`, `F4`, `F5`).
pub(crate) fn message_length(status: u8) -> usize {
    match status {
        0x80..=0xBF | 0xE0..=0xEF | 0xF2 => 3,
        0xC0..=0xDF | 0xF1 | 0xF3 => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(packets: &[&[u8]]) -> Vec<String> {
        let mut assembler = Assembler::default();
        let mut pieces = Vec::new();
        let mut out = |piece: Piece<'_>| pieces.push(format!("{piece:02X?}"));
        for packet in packets {
            packet.iter().for_each(|&octet| assembler.push(octet, &mut out));
            assembler.end_packet(&mut out);
        }
        assembler.abandon(&mut out);
        pieces
    }

    #[test]
    fn a_sysex_in_three_packets_becomes_one() {
        assert_eq!(cut(&[&[0xF0, 0x43], &[0x12], &[0x00, 0xF7]]), ["Message([F0, 43, 12, 00, F7])"]);
    }

    #[test]
    fn real_time_passes_through_an_open_sysex() {
        assert_eq!(cut(&[&[0xF0, 1], &[0xF8], &[0xF7]]), ["Message([F8])", "Message([F0, 01, F7])"]);
    }

    #[test]
    fn one_packet_holds_several_messages() {
        assert_eq!(
            cut(&[&[0xF3, 1, 0xF2, 0, 4, 0xFA]]),
            ["Message([F3, 01])", "Message([F2, 00, 04])", "Message([FA])"]
        );
    }

    #[test]
    fn what_is_cut_off_or_out_of_place_is_told() {
        assert_eq!(cut(&[&[0xF0, 1, 0x90, 2]]), ["Unterminated([F0, 01])", "Unterminated([90, 02])"]);
        assert_eq!(cut(&[&[0x05, 0xF7]]), ["Stray(05)", "Stray(F7)"]);
    }
}
