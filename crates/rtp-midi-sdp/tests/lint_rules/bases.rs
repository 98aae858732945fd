//! Descriptions without a fault, from which the variants are made.

/// A session with nothing but its own part.
macro_rules! session {
    ($($line:literal)*) => {
        concat!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Duet\r\nt=0 0\r\n", $($line, "\r\n",)*)
    };
}

pub(crate) const NATIVE: &str = session!(
    "m=audio 5004 RTP/AVP 96" "c=IN IP4 192.0.2.94" "a=rtpmap:96 rtp-midi/44100"
    "a=fmtp:96 cm_unused=M; j_update=anchor; ch_never=M; guardtime=44100"
);

/// Timestamps that follow one clock, and others that keep another.
pub(crate) const CLOCKED: &str = session!(
    "m=audio 5004 RTP/AVP 96" "c=IN IP4 192.0.2.94" "a=rtpmap:96 rtp-midi/44100"
    "a=ts-refclk:ntp=203.0.113.10:123" "a=mediaclk:direct=963214424"
    "m=audio 5006 RTP/AVP 97" "c=IN IP4 192.0.2.94" "a=rtpmap:97 rtp-midi/44100"
    "a=ts-refclk:ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:37" "a=mediaclk:sender"
);

pub(crate) const WITH_AUDIO: &str = session!(
    "m=audio 5004 RTP/AVP 96" "c=IN IP4 192.0.2.94" "a=rtpmap:96 rtp-midi/44100"
    "m=audio 5006 RTP/AVP 97" "c=IN IP4 192.0.2.94" "a=rtpmap:97 L16/44100/2"
);

pub(crate) const TCP: &str = session!(
    "m=audio 5004 TCP/RTP/AVP 96" "c=IN IP4 192.0.2.94" "a=setup:active" "a=connection:new"
    "a=rtpmap:96 rtp-midi/44100"
);

pub(crate) const MPEG4: &str = session!(
    "m=audio 5004 RTP/AVP 96" "c=IN IP4 192.0.2.94" "a=rtpmap:96 mpeg4-generic/44100"
    "a=fmtp:96 streamtype=5; mode=rtp-midi; profile-level-id=12; config=7A0A0000000000; j_update=anchor"
);

pub(crate) const MPEG4_RENDERED: &str = session!(
    "m=audio 5004 RTP/AVP 96" "c=IN IP4 192.0.2.94" "a=rtpmap:96 mpeg4-generic/44100"
    "a=fmtp:96 streamtype=5; mode=rtp-midi; profile-level-id=12; config=\"\"; render=synthetic; rinit=audio/asc; \
     inline=\"egoAAAAAAA==\""
);

pub(crate) const RENDERED: &str = session!(
    "m=audio 5004 RTP/AVP 96" "c=IN IP4 192.0.2.94" "a=rtpmap:96 rtp-midi/44100"
    "a=fmtp:96 render=synthetic; rinit=application/x-bank; url=\"https://example.net/bank\"; smf_info=ignore"
);

pub(crate) const PAIR: &str = session!(
    "a=group:FID 1 2"
    "m=audio 5004 RTP/AVP 96" "c=IN IP4 192.0.2.94" "a=mid:1" "a=rtpmap:96 rtp-midi/44100" "a=fmtp:96 musicport=1"
    "m=audio 5006 RTP/AVP 97" "c=IN IP4 192.0.2.94" "a=mid:2" "a=rtpmap:97 rtp-midi/44100" "a=fmtp:97 musicport=1"
);

pub(crate) const MPEG4_PAIR: &str = session!(
    "a=group:FID 1 2"
    "m=audio 5004 RTP/AVP 96" "c=IN IP4 192.0.2.94" "a=mid:1" "a=rtpmap:96 mpeg4-generic/44100"
    "a=fmtp:96 streamtype=5; mode=rtp-midi; profile-level-id=12; config=7A0A0000000000; musicport=1"
    "m=audio 5006 RTP/AVP 97" "c=IN IP4 192.0.2.94" "a=mid:2" "a=rtpmap:97 mpeg4-generic/44100"
    "a=fmtp:97 streamtype=5; mode=rtp-midi; profile-level-id=12; config=\"\"; musicport=1"
);

/// Two players with a channel each of one renderer.
pub(crate) const PLAYERS: &str = session!(
    "a=group:FID 1 2"
    "m=audio 5004 RTP/AVP 96" "c=IN IP4 192.0.2.94" "a=mid:1" "a=sendonly" "a=rtpmap:96 rtp-midi/44100"
    "a=fmtp:96 cm_unused=NX; cm_used=1N; rtp_ptime=0; rtp_maxptime=0; guardtime=44100; musicport=1; render=api"
    "m=audio 5006 RTP/AVP 97" "c=IN IP4 192.0.2.94" "a=mid:2" "a=recvonly" "a=rtpmap:97 rtp-midi/44100"
    "a=fmtp:97 cm_unused=NX; cm_used=2N; rtp_ptime=0; rtp_maxptime=0; guardtime=44100; musicport=1; render=api"
);

/// What a server of content answers to DESCRIBE.
pub(crate) const REFERENCE: &str = session!(
    "m=audio 0 RTP/AVP 96" "c=IN IP4 0.0.0.0" "a=rtpmap:96 mpeg4-generic/44100"
    "a=fmtp:96 streamtype=5; mode=rtp-midi; profile-level-id=12; config=7A0A0000000000; cm_unused=AX; rtp_ptime=441; \
     rtp_maxptime=4410"
    "a=control:stream=0"
);

/// An offer to play together, or its answer.
pub(crate) const PERFORMANCE: &str = session!(
    "m=audio 5004 RTP/AVP 96" "c=IN IP4 192.0.2.94" "a=rtpmap:96 rtp-midi/44100"
    "a=fmtp:96 cm_unused=X; cm_used=X0-16; rtp_ptime=0; rtp_maxptime=0; guardtime=44100; render=synthetic; \
     rinit=application/x-bank; url=\"https://example.net/bank\""
);
