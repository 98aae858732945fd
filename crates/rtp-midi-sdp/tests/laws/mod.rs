//! Laws for any text, which the property tests and the fuzz target both call.

use rtp_midi_sdp::audio_specific_config::AudioSpecificConfig;
use rtp_midi_sdp::lint::{Application, lint_for};
use rtp_midi_sdp::negotiate::{Capabilities, Party, answer, verify};
use rtp_midi_sdp::render::Renderers;
use rtp_midi_sdp::{Crypto, Host, Media, Parameters, Protocol, Session};

/// What is printed of a session that has been read can be read, and is printed alike.
pub(crate) fn printing_is_stable(octets: &[u8]) {
    if let Ok(session) = Session::parse(octets) {
        let printed = session.print();
        assert_eq!(Session::parse(printed.as_bytes()).map(|again| again.print()), Ok(printed));
    }
}

/// Renderers that have been read and can be printed are read alike, and so are those of MPEG-4.
pub(crate) fn renderers_are_read_as_they_are_printed(octets: &[u8]) {
    let Ok(session) = Session::parse(octets) else { return };
    for stream in session.media.iter().flat_map(|media| &media.streams) {
        let Ok(renderers) = stream.renderers() else { continue };
        for config in renderers.list.iter().filter_map(|renderer| renderer.audio_specific_config()?.ok()) {
            // Behind an escaped rate there may be a number or not, and strange octets can be taken for either.
            if config.sampling_rate(1) == 1 {
                continue;
            }
            assert_eq!(AudioSpecificConfig::decode(&config.encode()), Ok(config));
        }
        if let Ok(printed) = renderers.print(stream.format) {
            let parameters = Parameters::parse(&printed.to_string()).or(&stream.parameters);
            assert_eq!(Renderers::parse(&parameters, stream.format), Ok(renderers));
        }
    }
}

/// Whatever is offered, an end answers it and both ends know the same, or it says why not.
pub(crate) fn offers_are_answered_or_refused_with_a_reason(octets: &[u8]) {
    let Ok(offered) = Session::parse(octets) else { return };
    let party = || Party::new("Duet", 2, Host::Ip([192, 0, 2, 2].into()), 5004);
    let mut able = Capabilities::new(party());
    (able.ways.multicast, able.limits.lossless) = (true, true);
    able.ways.protocols = Protocol::KNOWN.to_vec();
    able.ways.crypto.extend(Crypto::parse("1 AES_CM_128_HMAC_SHA1_80 inline:x"));
    for end in [able, Capabilities::network_performance(party())] {
        match answer(&offered, &end) {
            Ok(answered) => {
                let received = Session::parse(answered.session.print().as_bytes());
                assert_eq!(received.map(|received| verify(&offered, &received)), Ok(Ok(answered.agreement)));
            }
            Err(refusal) => {
                assert!(!refusal.refused.is_empty() || offered.media.iter().all(Media::is_refused));
                assert_eq!(refusal.session.map(|session| session.media.len()), Some(offered.media.len()));
            }
        }
    }
}

/// Whatever the text, the linter says what it says of a place in it.
pub(crate) fn every_diagnostic_has_its_place(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let applications = [Application::ContentStreaming, Application::PerformanceOffer, Application::PerformanceAnswer];
    for diagnostic in lint_for(&text, applications.get(octets.len() % 4).copied()) {
        let place = &diagnostic.place;
        let line = text.strip_prefix('\u{FEFF}').unwrap_or(&text).split('\n').nth(place.line - 1);
        let length = line.map(|line| line.chars().count());
        assert!(length.is_some_and(|length| place.column + place.length <= length + 1), "{diagnostic:?} in {text:?}");
    }
}
