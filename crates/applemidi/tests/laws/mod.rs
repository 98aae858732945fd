//! What holds for a session whatever comes from the network; property tests and fuzzing ask the same.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use applemidi::{Admission, Config, Input, Output, Port, Session};

/// Any octets as datagrams of four hosts: nobody is sent more than has come from him, the session keeps to its limits,
/// and it can be closed.
///
/// # Panics
/// When that is not so.
pub(crate) fn any_datagrams_are_borne(octets: &[u8]) {
    let mut config = Config::new("Target", 0x7461_7267);
    (config.admission, config.participants, config.arriving) = (Admission::Everyone, 3, 2);
    // Whoever does not hear us cannot know what we draw.
    let mut number = octets.len() as u32 ^ 0x5EED_1234;
    let random = move || {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        number
    };
    let (mut session, mut now, mut rest) = (Session::new(config, random), Duration::from_secs(1), octets);
    let mut credit = Credit::new();
    while let [way, length, wait, datagram @ ..] = rest {
        let (datagram, behind) = datagram.split_at(datagram.len().min(usize::from(length % 64)));
        rest = behind;
        now += Duration::from_millis(u64::from(*wait) * 50);
        let port = if way & 1 == 0 { Port::Control } else { Port::Data };
        let from = ([192, 0, 2, way >> 6], 5004 + u16::from(way >> 1 & 1)).into();
        let prefixed = [&[0xFF, 0xFF], datagram].concat();
        let octets = if way & 4 == 0 { datagram } else { &prefixed };
        let (datagrams, sum) = credit.entry(from).or_default();
        (*datagrams, *sum) = (*datagrams + 1, *sum + octets.len());
        session.handle(now, Input::Datagram { port, from, to: None, octets });
        settle(&mut session, now, &mut credit);
        assert!(session.participants().count() <= 5, "too many participants");
    }
    let end = now + Duration::from_mins(10);
    session.handle(end, Input::Time);
    settle(&mut session, end, &mut credit);
    session.handle(end, Input::Close);
    settle(&mut session, end, &mut credit);
    assert_eq!(session.participants().count(), 0);
}

/// How many datagrams and octets each address has sent more than it was sent.
type Credit = HashMap<SocketAddr, (usize, usize)>;

fn settle(session: &mut Session<impl FnMut() -> u32>, now: Duration, credit: &mut Credit) {
    loop {
        match session.poll() {
            Output::Send { to, octets, .. } => {
                let (datagrams, sum) = credit.entry(to).or_default();
                let left = datagrams.checked_sub(1).zip(sum.checked_sub(octets.len()));
                (*datagrams, *sum) = left.unwrap_or_else(|| panic!("{to} is sent more than has come from there"));
            }
            Output::Music(id) => session.handle(now, Input::Received(id, 1)),
            Output::Change(..) => {}
            Output::Wait(_) => return,
        }
    }
}
