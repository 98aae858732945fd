//! Gathering the whole file, pushed or pulled.

use gst::prelude::*;

/// The octets of a file so far.
#[derive(Debug, Default)]
pub(super) struct Intake {
    octets: Vec<u8>,
}

/// Why a file could not be gathered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// It is larger than allowed.
    TooLarge,
    /// Upstream stopped.
    Flow(gst::FlowError),
}

impl Intake {
    /// Adds the next piece.
    pub(super) fn push(&mut self, buffer: &gst::BufferRef, max_size: u64) -> Result<(), Refusal> {
        if self.octets.len() as u64 + buffer.size() as u64 > max_size {
            return Err(Refusal::TooLarge);
        }
        let piece = buffer.map_readable().map_err(|_| Refusal::Flow(gst::FlowError::Error))?;
        self.octets.extend_from_slice(&piece);
        Ok(())
    }

    /// The whole file, once upstream said that it is.
    pub(super) fn finish(self) -> Vec<u8> {
        self.octets
    }

    /// The whole file by way of `pad`, which is active in pull mode.
    pub(super) fn pull(pad: &gst::Pad, max_size: u64) -> Result<Vec<u8>, Refusal> {
        let mut intake = Self::default();
        loop {
            match pad.pull_range(intake.octets.len() as u64, PIECE) {
                Ok(buffer) if buffer.size() == 0 => return Ok(intake.octets),
                Ok(buffer) => intake.push(&buffer, max_size)?,
                Err(gst::FlowError::Eos) => return Ok(intake.octets),
                Err(flow) => return Err(Refusal::Flow(flow)),
            }
        }
    }
}

/// Octets to pull at once.
const PIECE: u32 = 64 << 10;
