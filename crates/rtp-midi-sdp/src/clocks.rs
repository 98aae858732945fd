//! Which clock the times of a session are of, and how RTP timestamps follow it (RFC 7273).

use std::fmt;

pub use sdp_types::{
    Direct, Eui64, MediaClock, MediaClockSource, Ntp, NtpServerAddr, Ptp, PtpDomain, PtpServer, PtpVersion,
    ReferenceClock,
};

/// What a session or a media line says of clocks. What stands in the session counts for each line that says nothing
/// else; a [`Media`](crate::Media) has what counts for it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Clocks {
    /// `a=ts-refclk`, in order: clocks of which the NTP times in sender reports are, all telling the same time.
    pub references: Vec<ReferenceClock>,
    /// `a=mediaclk`: how RTP timestamps follow them.
    pub media: Option<MediaClockSource>,
}

impl Clocks {
    /// The RTP timestamp at the epoch of the reference clock, where timestamps follow that clock tick by tick.
    pub fn offset(&self) -> Option<u32> {
        match &self.media.as_ref()?.clock {
            MediaClock::Direct(Direct { offset, rate: None }) => *offset,
            _ => None,
        }
    }

    /// What is said here, and where nothing is, what `above` says.
    pub(crate) fn or(self, above: &Self) -> Self {
        Self {
            references: if self.references.is_empty() { above.references.clone() } else { self.references },
            media: self.media.or_else(|| above.media.clone()),
        }
    }

    /// The names and values of the attributes that have to stand below `above`.
    pub(crate) fn attributes(&self, above: &Self) -> impl Iterator<Item = (&'static str, &dyn fmt::Display)> {
        let references = Some(&self.references).filter(|own| **own != above.references).into_iter().flatten();
        let media = Some(&self.media).filter(|own| **own != above.media).into_iter().flatten();
        references
            .map(|clock| (REFERENCE, clock as &dyn fmt::Display))
            .chain(media.map(|clock| (MEDIA, clock as &dyn fmt::Display)))
    }
}

/// Whether an attribute is one of a clock, and understood.
pub(crate) fn is_read(attribute: &sdp_types::Attribute) -> bool {
    let value = attribute.value.as_deref().unwrap_or_default();
    match attribute.attribute.to_ascii_lowercase().as_str() {
        REFERENCE => reference(value).is_some(),
        MEDIA => media(value).is_some(),
        _ => false,
    }
}

/// The names of the attributes.
pub(crate) const REFERENCE: &str = "ts-refclk";
pub(crate) const MEDIA: &str = "mediaclk";

/// Reads what stands behind `a=ts-refclk:`.
pub(crate) fn reference(text: &str) -> Option<ReferenceClock> {
    text.trim().parse().ok()
}

/// Reads what stands behind `a=mediaclk:`.
pub(crate) fn media(text: &str) -> Option<MediaClockSource> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Session;

    fn session(of_session: &str, of_media: &str) -> Session {
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=x\r\nt=0 0\r\n{of_session}m=audio 5004 RTP/AVP 96\r\n\
             c=IN IP4 192.0.2.94\r\na=rtpmap:96 rtp-midi/44100\r\n{of_media}"
        );
        Session::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_line_has_the_clocks_of_its_session_unless_it_says_otherwise() {
        let of_session = "a=ts-refclk:ntp=/traceable/\r\na=mediaclk:direct=5\r\n";
        let inherited = session(of_session, "");
        assert_eq!(inherited.media[0].clocks, inherited.clocks);
        assert_eq!(inherited.clocks.offset(), Some(5));
        let own = session(of_session, "a=ts-refclk:ntp=192.0.2.7:1123\r\na=ts-refclk:ntp=[2001:db8::1]:123\r\n");
        let references = own.media[0].clocks.references.iter().map(ToString::to_string);
        assert_eq!(references.collect::<Vec<_>>(), ["ntp=192.0.2.7:1123", "ntp=[2001:db8::1]:123"]);
        assert_eq!(own.media[0].clocks.offset(), Some(5));
        for session in [inherited, own] {
            assert_eq!(Session::parse(session.print().as_bytes()), Ok(session));
        }
    }

    #[test]
    fn what_stands_in_the_session_is_not_repeated_in_its_lines() {
        let text = session("a=ts-refclk:local\r\na=mediaclk:sender\r\n", "").print();
        assert_eq!(text.matches("a=ts-refclk:local\r\na=mediaclk:sender\r\n").count(), 1, "{text}");
        assert!(text.find("ts-refclk") < text.find("m=audio"), "{text}");
    }

    #[test]
    fn each_kind_of_clock_is_read_and_written() {
        for clock in [
            "ntp=203.0.113.10",
            "ntp=time.example.net:1123",
            "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:37",
            "ptp=IEEE802.1AS-2011:39-A7-94-FF-FE-07-CB-D0",
            "ptp=IEEE1588-2008:traceable",
            "gps",
            "local",
            "private:traceable",
        ] {
            let session = session("", &format!("a=ts-refclk:{clock}\r\n"));
            let clocks = &session.media[0].clocks;
            assert!(matches!(&clocks.references[..], [reference] if reference.to_string() == clock), "{clock}");
        }
        for (clock, offset) in [
            ("sender", None),
            ("direct", None),
            ("direct=4294967295", Some(u32::MAX)),
            ("direct=5 rate=1000/1001", None),
            ("id=src:MDA6NjA= direct=7", Some(7)),
        ] {
            let clocks = session("", &format!("a=mediaclk:{clock}\r\n")).media[0].clocks.clone();
            assert_eq!((clocks.offset(), clocks.media.unwrap().to_string()), (offset, clock.to_owned()));
        }
    }

    #[test]
    fn a_clock_that_cannot_be_read_is_kept_and_counts_for_nothing() {
        let session = session("a=ts-refclk:ptp=IEEE1588-2008:nobody\r\n", "a=mediaclk:direct=5000000000\r\n");
        assert_eq!(session.media[0].clocks, Clocks::default());
        assert_eq!((session.attributes.len(), session.media[0].attributes.len()), (1, 1));
        assert_eq!(Session::parse(session.print().as_bytes()), Ok(session));
    }
}
