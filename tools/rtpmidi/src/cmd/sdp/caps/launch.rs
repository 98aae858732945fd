//! The two ends of a stream as lines for `gst-launch-1.0`:
//!
//! ```text
//!  UDP, closed-loop   … rtpmidipay ! rtpsink              rtpsrc ! rtpmididepay …      with RTCP reports
//!  UDP                … rtpmidipay ! udpsink              udpsrc ! rtpjitterbuffer ! rtpmididepay …
//!  SRTP               … rtpmidipay ! srtpenc ! udpsink    udpsrc ! srtpdec ! rtpjitterbuffer ! rtpmididepay …
//!  TCP                … rtpmidipay ! rtpstreampay ! tcp…  tcp… ! rtpstreamdepay ! rtpmididepay …
//! ```

use rtp_midi::{Journal, Policy};
use rtp_midi_sdp::{Direction, Host, Media, Protocol, Setup, Stream, Transport};

use super::shell::word;
use crate::caps;
use crate::srtp::Key;

/// A line for each end.
pub(super) struct Ends {
    pub(super) sender: String,
    pub(super) receiver: String,
    /// Which one has to wait for the other.
    pub(super) sender_first: bool,
}

/// The SSRC in streams whose receiver must know it beforehand: "MIDI".
const SSRC: u32 = 0x4D49_4449;

/// The lines of a stream that plays the file `midi`, and records to `smf` if it is to be recorded.
pub(super) fn ends(media: &Media, stream: &Stream, midi: &str, smf: Option<&str>) -> Result<Ends, String> {
    let transport = &media.transport;
    let host = transport.address.as_ref().map(|address| address.host.to_string()).ok_or("no address (c=)")?;
    let fmtp = (!stream.parameters.is_empty()).then(|| set("fmtp", &stream.parameters.to_string())).transpose()?;
    let encoding = caps::encoding_name(stream.format);
    let demand = format!("application/x-rtp, clock-rate=(int){}, encoding-name=(string){encoding}", stream.clock_rate);
    let mut pay = vec!["rtpmidipay".to_owned(), format!("pt={}", stream.payload_type)];
    pay.extend(fmtp.clone());
    let source = vec![vec!["filesrc".to_owned(), set("location", midi)?], vec!["smfparse".to_owned()]];
    let mut depay = vec!["rtpmididepay".to_owned()];
    depay.extend(fmtp);
    let sink: Vec<Vec<String>> = match smf {
        Some(file) => vec![elements("smfmux"), vec!["filesink".to_owned(), set("location", file)?]],
        None => ["midirender", "audioconvert", "audioresample", "autoaudiosink"].map(elements).into(),
    };

    let way = match &transport.protocol {
        Protocol::Avp | Protocol::Avpf if reports(transport, stream) => reported(transport, stream, &host),
        Protocol::Avp | Protocol::Avpf => plain(transport, stream, &host),
        Protocol::Savp | Protocol::Savpf => encrypted(transport, stream, &host, &mut pay)?,
        Protocol::TcpAvp => framed(media, stream, &host)?,
        other => return Err(format!("no line for {}: its keys are no part of the description", other.token())),
    };
    let sender = source.into_iter().chain([pay, vec![demand]]).chain(way.out).collect();
    let receiver = way.back.into_iter().chain([depay]).chain(sink).collect();
    // The end of a recording is told to the file, but not where the source has none.
    let end = if smf.is_some() && !way.is_endless { "gst-launch-1.0 -e" } else { "gst-launch-1.0" };
    Ok(Ends { sender: line("gst-launch-1.0", sender), receiver: line(end, receiver), sender_first: way.sender_listens })
}

/// What carries the packets between the two ends.
struct Way {
    out: Vec<Vec<String>>,
    back: Vec<Vec<String>>,
    sender_listens: bool,
    /// Whether the receiver's source does not end when it is told to.
    is_endless: bool,
}

/// Whether the journal depends on RTCP, and both ends have it where `rtpsink` and `rtpsrc` expect it.
fn reports(transport: &Transport, stream: &Stream) -> bool {
    let is_closed = stream.config(transport).is_ok_and(|it| it.journal == Journal::Recovery(Policy::ClosedLoop));
    let is_usual = transport.port.is_multiple_of(2) && Some(transport.rtcp_port) == transport.port.checked_add(1);
    is_closed && is_usual && !transport.is_without_rtcp()
}

fn reported(transport: &Transport, stream: &Stream, host: &str) -> Way {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let uri = format!("uri=rtp://{host}:{}", transport.port);
    let mut sink = vec!["rtpsink".to_owned(), uri.clone()];
    sink.extend(hops(transport).map(|ttl| format!("ttl-mc={ttl}")));
    let source = vec!["rtpsrc".to_owned(), uri, "latency=50".to_owned(), format!("caps={}", caps::essential(stream))];
    Way { out: vec![sink], back: vec![source], sender_listens: false, is_endless: true }
}

fn plain(transport: &Transport, stream: &Stream, host: &str) -> Way {
    let source = udp_source(transport, host, &caps::essential(stream).to_string());
    let back = vec![source, jitter_buffer()];
    Way { out: vec![udp_sink(transport, host)], back, sender_listens: false, is_endless: false }
}

fn encrypted(transport: &Transport, stream: &Stream, host: &str, pay: &mut Vec<String>) -> Result<Way, String> {
    let key = transport.crypto.iter().find_map(Key::of).ok_or("no key (a=crypto) that GStreamer can use")?;
    pay.push(format!("ssrc={SSRC}"));
    let (suite, octets) = (key.suite(), key.digits());
    let (cipher, of_rtp, of_rtcp) = (suite.cipher(), suite.authentication(), suite.rtcp_authentication());
    let encoder = vec![
        "srtpenc".to_owned(),
        format!("key={octets}"),
        format!("rtp-cipher={cipher}"),
        format!("rtp-auth={of_rtp}"),
        format!("rtcp-cipher={cipher}"),
        format!("rtcp-auth={of_rtcp}"),
    ];
    let decoder = caps::essential(stream).to_string().replacen("application/x-rtp", "application/x-srtp", 1);
    let decoder = format!(
        "{decoder}, ssrc=(uint){SSRC}, srtp-key=(buffer){octets}, srtp-cipher=(string){cipher}, \
         srtp-auth=(string){of_rtp}, srtcp-cipher=(string){cipher}, srtcp-auth=(string){of_rtcp}"
    );
    let back = vec![udp_source(transport, host, &decoder), elements("srtpdec"), jitter_buffer()];
    Ok(Way { out: vec![encoder, udp_sink(transport, host)], back, sender_listens: false, is_endless: false })
}

/// Who made the description waits for the connection, unless it says otherwise; whether it also sends, its direction
/// tells.
fn framed(media: &Media, stream: &Stream, host: &str) -> Result<Way, String> {
    let transport = &media.transport;
    let author_listens = match transport.setup {
        Some(Setup::HoldConn) => return Err("no connection is wanted for now (a=setup:holdconn)".to_owned()),
        setup => setup != Some(Setup::Active),
    };
    let sender_listens = author_listens == (media.direction != Direction::SendOnly);
    let end = |name: &str| vec![name.to_owned(), format!("host={host}"), format!("port={}", transport.port)];
    let (sink, source) = if sender_listens {
        // Who connects late gets all from the start, since there may be no journal. With burst alone the first is lost.
        let kept = ["sync-method=burst-keyframe", "burst-format=buffers", "burst-value=100000", "buffers-min=100000"];
        ([end("tcpserversink"), kept.map(str::to_owned).into()].concat(), end("tcpclientsrc"))
    } else {
        ([end("tcpclientsink"), vec!["sync=true".to_owned()]].concat(), end("tcpserversrc"))
    };
    let framed = caps::essential(stream).to_string().replacen("application/x-rtp", "application/x-rtp-stream", 1);
    Ok(Way {
        out: vec![elements("rtpstreampay"), sink],
        back: vec![source, vec![framed], elements("rtpstreamdepay")],
        sender_listens,
        is_endless: false,
    })
}

/// A property with its value, which stands in quotes of `gst-launch-1.0` where it needs them. Behind a backslash it
/// would not find the end of it, and a terminal might find something else in control characters.
fn set(property: &str, value: &str) -> Result<String, String> {
    if value.chars().any(|c| c == '\\' || c.is_control()) {
        return Err(format!("backslashes and control characters cannot be pasted: {}", value.escape_debug()));
    }
    let is_plain = value.chars().all(|c| c.is_alphanumeric() || "-_./".contains(c));
    let quoted = || format!("{property}=\"{}\"", value.replace('"', "\\\""));
    Ok(if is_plain { format!("{property}={value}") } else { quoted() })
}

fn udp_sink(transport: &Transport, host: &str) -> Vec<String> {
    let mut sink = vec!["udpsink".to_owned(), format!("host={host}"), format!("port={}", transport.port)];
    sink.extend(hops(transport).map(|ttl| format!("ttl-mc={ttl}")));
    sink
}

fn udp_source(transport: &Transport, host: &str, caps: &str) -> Vec<String> {
    let mut source = vec!["udpsrc".to_owned()];
    // The address may be one that this machine has only for others, behind a router.
    match transport.address.as_ref().map(|address| &address.host) {
        Some(Host::Ip(ip)) if ip.is_multicast() || ip.is_loopback() => source.push(format!("address={host}")),
        Some(Host::Ip(ip)) if ip.is_ipv6() => source.push("address=::".to_owned()),
        _ => {}
    }
    source.extend([format!("port={}", transport.port), format!("caps={caps}")]);
    source
}

/// How many routers packets to a group may pass.
fn hops(transport: &Transport) -> Option<u8> {
    transport.address.as_ref().and_then(|address| address.ttl)
}

fn jitter_buffer() -> Vec<String> {
    vec!["rtpjitterbuffer".to_owned(), "latency=50".to_owned()]
}

/// An element with nothing to set.
fn elements(name: &str) -> Vec<String> {
    vec![name.to_owned()]
}

fn line(program: &str, elements: Vec<Vec<String>>) -> String {
    let quoted = |element: Vec<String>| element.iter().map(|text| word(text)).collect::<Vec<_>>().join(" ");
    format!("{program} {}", elements.into_iter().map(quoted).collect::<Vec<_>>().join(" ! "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp_midi_sdp::Session;

    fn of(lines: &str, parameters: &str) -> Result<Ends, String> {
        gst::init().unwrap();
        let text = format!(
            "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\n{lines}\na=rtpmap:96 rtp-midi/44100\na=fmtp:96 {parameters}\n"
        );
        let session = Session::parse(text.as_bytes()).unwrap();
        let (media, stream) = session.first_stream().unwrap();
        ends(media, stream, "my song.mid", Some("heard.mid"))
    }

    #[test]
    fn a_broadcast_goes_to_its_group() {
        let ends = of("m=audio 5004 RTP/AVP 96\nc=IN IP4 239.1.2.3/4", "j_update=anchor; ch_never=X").unwrap();
        assert_eq!(
            ends.sender,
            "gst-launch-1.0 filesrc 'location=\"my song.mid\"' ! smfparse \
             ! rtpmidipay pt=96 'fmtp=\"j_update=anchor; ch_never=X\"' \
             ! 'application/x-rtp, clock-rate=(int)44100, encoding-name=(string)RTP-MIDI' \
             ! udpsink host=239.1.2.3 port=5004 ttl-mc=4"
        );
        assert_eq!(
            ends.receiver,
            "gst-launch-1.0 -e udpsrc address=239.1.2.3 port=5004 'caps=application/x-rtp, media=(string)audio, \
             payload=(int)96, clock-rate=(int)44100, encoding-name=(string)RTP-MIDI' ! rtpjitterbuffer latency=50 ! rtpmididepay 'fmtp=\"j_update=anchor; ch_never=X\"' \
             ! smfmux ! filesink location=heard.mid"
        );
    }

    #[test]
    fn reports_travel_where_journals_need_them() {
        let closed = of("m=audio 5004 RTP/AVP 96\nc=IN IP6 ::1", "guardtime=9").unwrap();
        assert!(closed.sender.ends_with(" ! rtpsink 'uri=rtp://[::1]:5004'"), "{}", closed.sender);
        assert!(closed.receiver.contains(" rtpsrc 'uri=rtp://[::1]:5004' "), "{}", closed.receiver);
        for (lines, parameters) in [
            ("m=audio 5004 RTP/AVP 96\nc=IN IP4 192.0.2.1", "j_sec=none"),
            ("m=audio 5005 RTP/AVP 96\nc=IN IP4 192.0.2.1", "guardtime=9"),
            ("m=audio 5004 RTP/AVP 96\nc=IN IP4 192.0.2.1\na=rtcp-mux", "guardtime=9"),
            ("m=audio 5004 RTP/AVP 96\nc=IN IP4 192.0.2.1\nb=RS:0\nb=RR:0", "guardtime=9"),
        ] {
            assert!(of(lines, parameters).unwrap().sender.contains(" udpsink "), "{lines}");
        }
    }

    #[test]
    fn the_end_that_listens_is_started_first() {
        let tcp = |more: &str| of(&format!("m=audio 5004 TCP/RTP/AVP 96\nc=IN IP4 127.0.0.1\n{more}"), "guardtime=9");
        for (more, sender_listens) in [
            ("a=setup:passive", true),
            ("a=setup:active", false),
            ("a=setup:passive\na=sendonly", false),
            ("a=setup:active\na=sendonly", true),
        ] {
            let ends = tcp(more).unwrap();
            let (out, back) =
                if sender_listens { ("tcpserversink", "tcpclientsrc") } else { ("tcpclientsink", "tcpserversrc") };
            assert!(ends.sender_first == sender_listens && ends.sender.contains(out), "{more}: {}", ends.sender);
            assert!(ends.receiver.contains(back), "{more}: {}", ends.receiver);
        }
        assert!(tcp("a=setup:holdconn").is_err());
    }

    #[test]
    fn what_cannot_be_pasted_is_refused() {
        for parameters in ["cid=\"a\\\"", "cid=\"\u{1b}[2J\""] {
            let reason = of("m=audio 5004 RTP/AVP 96\nc=IN IP4 192.0.2.1", parameters).err().unwrap();
            assert!(reason.contains("cannot be pasted"), "{reason}");
        }
    }

    #[test]
    fn what_gstreamer_cannot_do_is_said() {
        let of = |protocol: &str, more: &str| {
            of(&format!("m=audio 5004 {protocol} 96\nc=IN IP4 127.0.0.1\n{more}"), "guardtime=9").err()
        };
        assert!(of("RTP/SAVP", "").unwrap().contains("a=crypto"));
        assert!(of("RTP/SAVP", "a=crypto:1 AEAD_AES_256_GCM inline:AAAA").is_some());
        assert!(of("RTP/SAVP", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA").is_some());
        assert!(of("UDP/TLS/RTP/SAVP", "").unwrap().contains("UDP/TLS/RTP/SAVP"));
    }
}
