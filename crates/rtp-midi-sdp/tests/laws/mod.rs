//! Laws for any text, which the property tests and the fuzz target both call.

use rtp_midi_sdp::Session;
use rtp_midi_sdp::lint::{Application, lint_for};

/// What is printed of a session that has been read can be read, and is printed alike.
pub(crate) fn printing_is_stable(octets: &[u8]) {
    if let Ok(session) = Session::parse(octets) {
        let printed = session.print();
        assert_eq!(Session::parse(printed.as_bytes()).map(|again| again.print()), Ok(printed));
    }
}

/// Whatever the text, the linter says what it says of a place in it.
pub(crate) fn every_diagnostic_has_its_place(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let applications = [Application::ContentStreaming, Application::PerformanceOffer, Application::PerformanceAnswer];
    for diagnostic in lint_for(&text, applications.get(octets.len() % 4).copied()) {
        let place = &diagnostic.place;
        let line = text.trim_start_matches('\u{FEFF}').split('\n').nth(place.line - 1);
        let length = line.map(|line| line.chars().count());
        assert!(length.is_some_and(|length| place.column + place.length <= length + 1), "{diagnostic:?} in {text:?}");
    }
}
