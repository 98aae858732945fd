//! Opens packets: `srtpdec` as a function, so that who speaks is known together with the address that it spoke from.

use gst::prelude::*;

use super::genuine::Genuine;
use super::key::Key;
use super::quiet::quiet;
use super::way::Way;
use super::word;
use crate::elements;
use crate::failure::Result;

/// Opens what a key has sealed, each packet once (RFC 3711, 3.3.2), in any order within 128 packets, as long as its source
/// is among those heard last. What was recorded before the opener was made it cannot tell from the stream.
#[derive(Debug)]
pub(crate) struct Opener {
    srtpdec: gst::Element,
    rtp: Way,
    rtcp: Way,
    genuine: Genuine,
}

impl Opener {
    /// An opener for packets of up to `most` sources at a time.
    pub(crate) fn new(key: &Key, most: usize) -> Result<Self> {
        let srtpdec = elements::make("srtpdec")?;
        quiet();
        let caps = key.caps();
        srtpdec.connect("request-key", false, move |_| Some(caps.to_value()));
        let rtp = Way::through(&srtpdec, "rtp_sink", "rtp_src")?;
        let rtcp = Way::through(&srtpdec, "rtcp_sink", "rtcp_src")?;
        elements::run(&srtpdec)?;
        rtp.begin("application/x-srtp");
        rtcp.begin("application/x-srtcp");
        let genuine = Genuine::of(&srtpdec, most);
        Ok(Self { srtpdec, rtp, rtcp, genuine })
    }

    /// The RTP packet in an SRTP packet, if that is genuine and new.
    pub(crate) fn rtp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let ssrc = word(packet, 8)?;
        let opened = self.rtp.send(packet);
        self.remember(ssrc, opened)
    }

    /// The same for RTCP.
    pub(crate) fn rtcp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let ssrc = word(packet, 4)?;
        let opened = self.rtcp.send(packet);
        self.remember(ssrc, opened)
    }

    fn remember(&mut self, ssrc: u32, opened: Option<Vec<u8>>) -> Option<Vec<u8>> {
        if opened.is_some() {
            self.genuine.opened(ssrc);
        } else {
            self.genuine.failed(ssrc);
        }
        opened
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        let _ = self.srtpdec.set_state(gst::State::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp;
    use crate::srtp::speaker::{Speaker, plain, records};
    use crate::srtp::{Sealer, Suite};
    use clap::ValueEnum;

    #[test]
    fn every_suite_seals_and_opens_and_tells_its_length() {
        elements::start().unwrap();
        for suite in Suite::value_variants() {
            let key = Key::draw(*suite).unwrap();
            let (speaker, mut opener) = (Speaker::new(&key), Opener::new(&key, 4).unwrap());
            let sealed = speaker.says(1, 1);
            assert_eq!(sealed.len(), plain(1, 1).len() + suite.tag_length(), "{suite:?}");
            assert_eq!(opener.rtp(&sealed), Some(plain(1, 1)), "{suite:?}");
            let report = Sealer::new(&key).unwrap().rtcp(&rtp::goodbye(7)).unwrap();
            assert_ne!(report[8..16], rtp::goodbye(7)[8..16], "{suite:?}");
            assert_eq!(opener.rtcp(&report), Some(rtp::goodbye(7)), "{suite:?}");
        }
    }

    #[test]
    fn a_packet_is_opened_once_and_a_changed_one_never() {
        elements::start().unwrap();
        let key = Key::draw(Suite::default()).unwrap();
        let (speaker, mut opener) = (Speaker::new(&key), Opener::new(&key, 4).unwrap());
        let packets: Vec<_> = (1..9).map(|sequence| speaker.says(1, sequence)).collect();
        for at in 0..packets[0].len() {
            let mut changed = packets[0].clone();
            changed[at] ^= 1;
            assert_eq!(opener.rtp(&changed), None, "octet {at}");
        }
        for packet in packets.iter().rev() {
            assert!(opener.rtp(packet).is_some());
        }
        assert!(packets.iter().all(|packet| opener.rtp(packet).is_none()), "replayed");
        let stranger = Speaker::new(&Key::draw(Suite::default()).unwrap());
        assert_eq!(opener.rtp(&stranger.says(1, 20)), None);
        assert!(opener.rtp(&speaker.says(1, 20)).is_some());
    }

    #[test]
    fn who_comes_late_opens_what_has_another_ssrc_in_each_cycle() {
        elements::start().unwrap();
        let key = Key::draw(Suite::default()).unwrap();
        let (speaker, mut present) = (Speaker::new(&key), Opener::new(&key, 4).unwrap());
        for sequence in (0..=u16::MAX).step_by(1000).chain([u16::MAX]) {
            assert!(present.rtp(&speaker.says(1, sequence)).is_some(), "{sequence}");
        }
        let (wrapped, renamed) = (speaker.says(1, 0), speaker.says(2, 0));
        assert!(present.rtp(&wrapped).is_some() && present.rtp(&renamed).is_some());
        let mut late = Opener::new(&key, 4).unwrap();
        assert!(late.rtp(&wrapped).is_none(), "it does not know of the first cycle");
        assert!(late.rtp(&renamed).is_some());
    }

    #[test]
    fn forged_sources_leave_no_trace_and_of_genuine_ones_the_latest_stay() {
        elements::start().unwrap();
        let key = Key::draw(Suite::default()).unwrap();
        let (speaker, mut opener) = (Speaker::new(&key), Opener::new(&key, 4).unwrap());
        assert!(opener.rtp(&speaker.says(0, 1)).is_some());
        let forger = Speaker::new(&Key::draw(Suite::default()).unwrap());
        for ssrc in 0..100 {
            assert!(opener.rtp(&forger.says(ssrc, 1)).is_none());
            assert!(opener.rtcp(&rtp::goodbye(ssrc.into())).is_none());
        }
        assert_eq!(records(&opener.srtpdec), 1);
        for ssrc in 0..100 {
            assert!(opener.rtp(&speaker.says(ssrc, 2)).is_some());
        }
        assert_eq!(records(&opener.srtpdec), 4);
        for garbage in [&b""[..], b"garbage", &[0x80; 11], &[0x80; 12], &[0xFF; 1500]] {
            assert!(opener.rtp(garbage).is_none() && opener.rtcp(garbage).is_none());
        }
    }
}
