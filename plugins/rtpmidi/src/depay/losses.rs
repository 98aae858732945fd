//! Messages about lost packets: the first at once, and then at most one a second.

/// Least running time between two messages.
const INTERVAL: gst::ClockTime = gst::ClockTime::SECOND;

/// Losses that no message has told of.
#[derive(Debug, Default)]
pub(super) struct Losses {
    lost: u64,
    repaired: u64,
    uncovered: u64,
    seqnum: u16,
    told: Option<gst::ClockTime>,
}

impl Losses {
    /// `lost` packets are missing before packet `seqnum`, its journal gave `repaired` commands, and may have left them
    /// `uncovered`.
    pub(super) fn add(&mut self, lost: u32, repaired: u32, uncovered: bool, seqnum: u16) {
        self.lost += u64::from(lost);
        self.repaired += u64::from(repaired);
        self.uncovered += u64::from(uncovered);
        self.seqnum = seqnum;
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.lost == 0
    }

    /// The message that is due at running time `now`.
    pub(super) fn due(&mut self, now: gst::ClockTime) -> Option<gst::Structure> {
        let waited = self.told.is_none_or(|told| now < told || now - told >= INTERVAL);
        if waited { self.rest(now) } else { None }
    }

    /// The message about all that is not told yet.
    pub(super) fn rest(&mut self, now: gst::ClockTime) -> Option<gst::Structure> {
        if self.is_empty() {
            return None;
        }
        let losses = std::mem::replace(self, Self { told: Some(now), ..Self::default() });
        Some(
            gst::Structure::builder(super::LOSS)
                .field("lost", losses.lost)
                .field("repaired", losses.repaired)
                .field("uncovered", losses.uncovered)
                .field("seqnum", u32::from(losses.seqnum))
                .field("running-time", now)
                .build(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(message: Option<gst::Structure>) -> Option<u64> {
        message.map(|message| message.get("lost").unwrap())
    }

    #[test]
    fn the_first_loss_is_told_at_once_and_others_are_gathered_for_a_second() {
        gst::init().unwrap();
        let ms = gst::ClockTime::from_mseconds;
        let mut losses = Losses::default();
        assert_eq!(lost(losses.due(ms(0))), None);
        losses.add(2, 1, false, 7);
        assert_eq!(lost(losses.due(ms(100))), Some(2));
        losses.add(1, 1, true, 9);
        assert_eq!(lost(losses.due(ms(200))), None);
        losses.add(3, 0, true, 13);
        let message = losses.due(ms(1100)).unwrap();
        assert_eq!((message.get("lost"), message.get("uncovered")), (Ok(4_u64), Ok(2_u64)));
        losses.add(5, 0, false, 20);
        assert_eq!(lost(losses.rest(ms(1200))), Some(5));
        assert_eq!(lost(losses.rest(ms(1200))), None);
    }
}
