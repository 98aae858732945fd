//! Buffers with one MIDI message each, from the commands that the receiver gives.

use rtp_midi::midi::{Command, End, Reassembler, Segment, System};

/// Makes buffers; it joins the segments of System Exclusives.
#[derive(Debug)]
pub(super) struct Messages {
    sysex: Reassembler,
    octets: Vec<u8>,
    ready: Vec<gst::Buffer>,
}

impl Messages {
    pub(super) fn new(sysex_limit: usize) -> Self {
        Self { sysex: Reassembler::new(sysex_limit), octets: Vec::new(), ready: Vec::new() }
    }

    /// Forgets a System Exclusive that has not ended.
    pub(super) fn reset(&mut self) {
        self.sysex.forget();
    }

    /// Adds the message of `command`, if it completes one.
    pub(super) fn push(&mut self, pts: gst::ClockTime, command: Command<'_>) {
        self.octets.clear();
        match command {
            Command::System(System::SysEx(segment)) => {
                let Some((data, _)) = self.sysex.push(segment) else { return };
                // A source that drops the F7 means a whole message all the same.
                let part = rtp_midi::midi::Part::Whole(End::Eox);
                Command::from(Segment { part, data }).encode(&mut self.octets);
            }
            command => {
                command.encode(&mut self.octets);
                if matches!(command, Command::System(System::F4(_) | System::F5(_))) {
                    // The F7 behind their data is one of the network.
                    self.octets.pop();
                }
            }
        }
        let mut buffer = gst::Buffer::with_size(self.octets.len()).expect("a few octets of system memory");
        let writable = buffer.make_mut();
        writable.set_pts(pts);
        writable.set_dts(pts);
        // Both are as long as the message.
        let _ = writable.copy_from_slice(0, &self.octets);
        self.ready.push(buffer);
    }

    /// The messages since the last call.
    pub(super) fn take(&mut self) -> Vec<gst::Buffer> {
        std::mem::take(&mut self.ready)
    }
}
