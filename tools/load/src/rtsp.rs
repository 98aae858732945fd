//! What a listener says to the server, and what it reads in the answers (RFC 2326).

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rtp_midi::Config;
use rtp_midi_sdp::Session;
use rtsp_types::headers::{self, Transport, Transports};
use rtsp_types::{Method, Request, Response, StatusCode, Url, Version};

/// The state of a dialogue.
#[derive(Clone, Debug)]
pub(crate) struct Dialogue {
    url: Url,
    number: u32,
    session: Option<String>,
}

/// What a description says of the stream.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    /// Where it is set up.
    pub(crate) control: Url,
    pub(crate) config: Config,
}

/// Where receiver reports go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// To this port of the server.
    Port(u16),
    /// Into this channel of the connection; RTP comes in the other one.
    Channels { rtp: u8, rtcp: u8 },
}

/// What a session is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    /// RTP at this port, RTCP at the next.
    Udp(u16),
    Interleaved,
}

impl Dialogue {
    pub(crate) const fn new(url: Url) -> Self {
        Self { url, number: 0, session: None }
    }

    pub(crate) fn describe(&mut self) -> Vec<u8> {
        self.request(Method::Describe, None, &[(headers::ACCEPT, "application/sdp".to_owned())])
    }

    pub(crate) fn setup(&mut self, control: &Url, wish: Wish) -> Vec<u8> {
        let transport = match wish {
            Wish::Udp(port) => format!("RTP/AVP;unicast;client_port={port}-{}", port + 1),
            Wish::Interleaved => "RTP/AVP/TCP;unicast;interleaved=0-1".to_owned(),
        };
        self.request(Method::Setup, Some(control), &[(headers::TRANSPORT, transport)])
    }

    pub(crate) fn play(&mut self) -> Vec<u8> {
        self.request(Method::Play, None, &[])
    }

    pub(crate) fn keep_alive(&mut self) -> Vec<u8> {
        self.request(Method::GetParameter, None, &[])
    }

    pub(crate) fn teardown(&mut self) -> Vec<u8> {
        self.request(Method::Teardown, None, &[])
    }

    fn request(&mut self, method: Method, url: Option<&Url>, words: &[(headers::HeaderName, String)]) -> Vec<u8> {
        self.number += 1;
        let mut request = Request::builder(method, Version::V1_0)
            .request_uri(url.unwrap_or(&self.url).clone())
            .header(headers::CSEQ, self.number.to_string())
            .header(headers::USER_AGENT, "rtpmidi-load");
        for (name, value) in words {
            request = request.header(name.clone(), value.as_str());
        }
        if let Some(session) = &self.session {
            request = request.header(headers::SESSION, session.as_str());
        }
        let mut octets = Vec::new();
        request.empty().write(&mut octets).expect("a Vec takes all");
        octets
    }

    /// What the answer to DESCRIBE says.
    pub(crate) fn described(&self, answer: &Response<&[u8]>) -> Result<Described> {
        let session = Session::parse(answer.body()).context("the description")?;
        let (media, stream) = session.first_stream().context("the description")?;
        let mut base = match answer.header(&headers::CONTENT_BASE) {
            Some(base) => Url::parse(base.as_str()).context("Content-Base")?,
            None => self.url.clone(),
        };
        // Controls stand below the base (RFC 2326, C.1.1), whether it ends with a slash or not.
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let mut attributes = media.attributes.iter();
        let control = attributes.find(|attribute| attribute.name.eq_ignore_ascii_case("control"));
        let control = match control.and_then(|control| control.value.as_deref()) {
            Some("*") | None => self.url.clone(),
            Some(control) => base.join(control).context("a=control")?,
        };
        Ok(Described { control, config: stream.config(&media.transport).context("the description")? })
    }

    /// What the answer to SETUP says: the way of reports, and after how long a session that is silent ends.
    pub(crate) fn set_up(&mut self, answer: &Response<&[u8]>) -> Result<(Way, Duration)> {
        let session = answer.typed_header::<headers::Session>().ok().flatten().context("SETUP gave no session")?;
        let patience = Duration::from_secs(session.1.unwrap_or(SILENCE));
        self.session = Some(session.0);
        let transports = answer.typed_header::<Transports>().ok().flatten().context("SETUP gave no transport")?;
        let Some(Transport::Rtp(transport)) = transports.first() else {
            anyhow::bail!("the transport is not RTP");
        };
        let way = match (transport.params.interleaved, transport.params.server_port) {
            (Some((rtp, rtcp)), _) => Way::Channels { rtp, rtcp: rtcp.unwrap_or(rtp.wrapping_add(1)) },
            (None, Some((_, Some(rtcp)))) => Way::Port(rtcp),
            (None, _) => anyhow::bail!("SETUP gave no port for RTCP"),
        };
        Ok((way, patience))
    }
}

/// Seconds after which a session ends where the server does not say (RFC 2326, 12.37).
const SILENCE: u64 = 60;

/// Whether the answer is one of success.
pub(crate) fn succeeded(answer: &Response<&[u8]>) -> Result<()> {
    ensure!(answer.status() == StatusCode::Ok, "{} {}", u16::from(answer.status()), answer.reason_phrase());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtsp_types::Message;

    fn answer(text: &str) -> Response<&[u8]> {
        match Message::parse(text).unwrap().0 {
            Message::Response(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=audio 0 RTP/AVP 96\r\n\
                       a=rtpmap:96 rtp-midi/44100\r\na=fmtp:96 j_update=anchor\r\na=control:stream=0\r\n";

    #[test]
    fn a_stream_is_set_up_below_the_base_of_its_description() {
        let dialogue = Dialogue::new(Url::parse("rtsp://127.0.0.1:8554/live").unwrap());
        for base in
            ["", "Content-Base: rtsp://127.0.0.1:8554/live/\r\n", "Content-Base: rtsp://127.0.0.1:8554/live\r\n"]
        {
            let text = format!("RTSP/1.0 200 OK\r\nCSeq: 1\r\n{base}Content-Length: {}\r\n\r\n{SDP}", SDP.len());
            let described = dialogue.described(&answer(&text)).unwrap();
            assert_eq!(described.control.as_str(), "rtsp://127.0.0.1:8554/live/stream=0");
            assert_eq!(described.config.clock_rate, 44_100);
        }
    }

    #[test]
    fn a_session_stands_in_all_that_follows_its_setup() {
        let mut dialogue = Dialogue::new(Url::parse("rtsp://127.0.0.1/live").unwrap());
        let udp = "RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: ab;timeout=20\r\n\
                   Transport: RTP/AVP;unicast;client_port=10-11;server_port=20-21\r\n\r\n";
        assert_eq!(dialogue.set_up(&answer(udp)).unwrap(), (Way::Port(21), Duration::from_secs(20)));
        let tcp = "RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: cd\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n";
        let way = Way::Channels { rtp: 0, rtcp: 1 };
        assert_eq!(dialogue.set_up(&answer(tcp)).unwrap(), (way, Duration::from_mins(1)));
        let play = String::from_utf8(dialogue.play()).unwrap();
        assert!(play.starts_with("PLAY rtsp://127.0.0.1/live RTSP/1.0\r\n") && play.contains("\r\nSession: cd\r\n"));
    }

    #[test]
    fn a_refusal_is_named() {
        let refusal = answer("RTSP/1.0 503 Service Unavailable\r\nCSeq: 1\r\n\r\n");
        assert_eq!(succeeded(&refusal).unwrap_err().to_string(), "503 Service Unavailable");
    }
}
