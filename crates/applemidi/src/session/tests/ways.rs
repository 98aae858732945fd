//! How participants come, go, and come back.

use super::*;

#[test]
fn two_ends_agree_on_both_ports_and_compare_their_clocks() {
    let network = Network::open();
    assert_eq!(network.changes(0), [Change::Invited, Change::Opened, Change::Listening]);
    assert_eq!(network.changes(1), [Change::Opened, Change::Listening]);
    for (end, name) in [(0, "Host 2"), (1, "Host 1")] {
        let participant = network.ends[end].session.participant(network.only(end)).unwrap();
        assert_eq!((participant.name(), participant.is_listening()), (name, true));
        assert_eq!(participant.clock().latency(), Some(MS));
    }
}

#[test]
fn clocks_are_compared_fast_at_first_and_every_ten_seconds_then() {
    let mut network = Network::open();
    let before = network.sent.len();
    network.run(60 * SECOND, |_| true);
    // Both ends ask; each comparison has three packets.
    assert!((network.sent.len() - before).abs_diff(2 * 3 * 6) <= 6, "{}", network.sent.len() - before);
    assert_eq!(network.states(0), [State::Open]);
}

#[test]
fn an_end_that_nobody_hears_is_gone_after_ninety_seconds() {
    let mut network = Network::open();
    let cut = network.now;
    network.run(120 * SECOND, |_| false);
    for end in 0..2 {
        let (at, _, change) = *network.ends[end].changes.last().unwrap();
        assert_eq!(change, Change::Closed(Reason::Expired));
        let passed = at.saturating_sub(cut);
        assert!(passed.abs_diff(89 * SECOND) <= 2 * SECOND, "{passed:?}");
    }
    assert!(network.states(0).is_empty());
}

#[test]
fn an_end_that_answers_no_more_is_missed_within_fifteen_seconds_and_may_come_back() {
    let mut network = Network::open();
    network.run(15 * SECOND, |_| false);
    for end in 0..2 {
        assert_eq!(network.changes(end).last(), Some(&Change::Missed));
    }
    network.run(120 * SECOND, |_| true);
    assert_eq!((network.states(0), network.states(1)), (vec![State::Open], vec![State::Open]));
    let missed = network.changes(0).into_iter().filter(|change| *change == Change::Missed);
    assert_eq!(missed.count(), 1);
}

#[test]
fn an_invitation_that_nobody_answers_is_repeated_and_given_up() {
    let mut network = Network::pair();
    network.handle(0, Input::Invite(address(9, 5004)));
    network.run(60 * SECOND, |_| true);
    assert_eq!(network.changes(0), [Change::Invited, Change::Closed(Reason::Unanswered)]);
    // Twelve invitations and a goodbye.
    assert_eq!(network.sent.len(), 13);
}

#[test]
fn a_lost_answer_does_not_matter() {
    let mut network = Network::pair();
    network.handle(0, Input::Invite(address(2, 5004)));
    let mut lost = 0;
    network.run(8 * SECOND, |octets| {
        lost += u32::from(octets[2] == b'O');
        octets[2] != b'O' || ![1, 3].contains(&lost)
    });
    assert_eq!((network.states(0), network.states(1)), (vec![State::Open], vec![State::Open]));
    assert_eq!(network.changes(1), [Change::Opened, Change::Listening]);
}

#[test]
fn who_leaves_says_goodbye() {
    let mut network = Network::open();
    network.handle(1, Input::Close);
    network.run(SECOND, |_| true);
    assert_eq!(network.changes(0).last(), Some(&Change::Closed(Reason::Goodbye)));
    assert_eq!(network.changes(1).last(), Some(&Change::Closed(Reason::Left)));
}

#[test]
fn invitations_that_cross_make_one_session() {
    let mut network = Network::pair();
    network.handle(0, Input::Invite(address(2, 5004)));
    network.handle(1, Input::Invite(address(1, 5004)));
    network.run(5 * SECOND, |_| true);
    assert_eq!((network.states(0), network.states(1)), (vec![State::Open], vec![State::Open]));
    assert!(network.changes(1).contains(&Change::Closed(Reason::Crossed)));
}

#[test]
fn ends_far_away_are_not_missed() {
    for delay in [50, 100, 400] {
        let mut network = Network::pair();
        network.delay = delay * MS;
        network.handle(0, Input::Invite(address(2, 5004)));
        network.run(120 * SECOND, |_| true);
        for end in 0..2 {
            assert_eq!(network.changes(end).last(), Some(&Change::Listening), "{delay} ms");
            let participant = network.ends[end].session.participant(network.only(end)).unwrap();
            assert_eq!(participant.clock().latency(), Some(delay * MS));
        }
    }
}

#[test]
fn who_is_there_is_not_invited_again() {
    let mut network = Network::open();
    for end in [0, 1] {
        let other = network.ends[1 - end].control;
        network.handle(end, Input::Invite(other));
        network.run(200 * SECOND, |_| true);
        assert_eq!((network.states(0), network.states(1)), (vec![State::Open], vec![State::Open]));
        assert!(!network.changes(end).contains(&Change::Restarted));
    }
}

#[test]
fn both_may_invite_each_other_at_any_time_and_are_in_one_session() {
    for wait in (0..10).chain([500, 1500, 1600]) {
        for first in [0, 1] {
            let mut network = Network::pair();
            network.handle(first, Input::Invite(address(2 - first as u8, 5004)));
            network.run(wait * MS, |_| true);
            network.handle(1 - first, Input::Invite(address(1 + first as u8, 5004)));
            network.run(200 * SECOND, |_| true);
            assert_eq!(
                (network.states(0), network.states(1)),
                (vec![State::Open], vec![State::Open]),
                "{first} {wait}"
            );
            let listening =
                (0..2).all(|end| network.ends[end].session.participants().all(|(_, who)| who.is_listening()));
            assert!(listening, "{first} {wait}");
        }
    }
}

#[test]
fn an_invitation_that_crosses_one_of_somebody_who_is_not_admitted_goes_on() {
    let refuse = |config: &mut Config| config.admission = Admission::List(Vec::new());
    let mut network = Network::new(vec![end(1, 10, |_| ()), end(2, 20, refuse)]);
    network.handle(0, Input::Invite(address(2, 5004)));
    network.handle(1, Input::Invite(address(1, 5004)));
    network.run(10 * SECOND, |_| true);
    assert_eq!((network.states(0), network.states(1)), (vec![State::Open], vec![State::Open]));
}

#[test]
fn a_peer_that_starts_anew_under_its_old_name_is_taken_back() {
    let mut network = Network::open();
    network.ends[0] = end(1, 10, |_| ());
    network.handle(0, Input::Invite(address(2, 5004)));
    // Another token than before.
    network.run(SECOND, |_| true);
    assert_eq!((network.states(0), network.states(1)), (vec![State::Open], vec![State::Open]));
}

#[test]
fn a_peer_that_was_killed_and_is_back_is_invited_anew_within_half_a_minute() {
    for ssrc in [20, 21] {
        let mut network = Network::open();
        network.ends[1] = end(2, ssrc, |_| ());
        network.run(30 * SECOND, |_| true);
        assert_eq!((network.states(0), network.states(1)), (vec![State::Open], vec![State::Open]), "{ssrc}");
        let participant = network.ends[0].session.participant(network.only(0)).unwrap();
        assert_eq!((participant.ssrc(), participant.is_listening()), (Some(ssrc), true));
        assert!(network.changes(0).contains(&Change::Missed));
        // Who has the source that it had before cannot be told from one that has not been away.
        assert_eq!(network.changes(0).contains(&Change::Restarted), ssrc == 21);
    }
}

#[test]
fn another_token_restarts_and_the_same_one_does_not() {
    let mut network = Network::open();
    let token = network.ends[1].session.participant(network.only(1)).unwrap().token;
    network.deliver(address(1, 5004), address(2, 5004), &invitation(token, 10));
    assert_eq!(network.states(1), [State::Open]);
    network.deliver(address(1, 5004), address(2, 5004), &invitation(token ^ 1, 10));
    assert_eq!(network.states(1), [State::HalfOpen]);
    assert_eq!(network.changes(1).last(), Some(&Change::Restarted));
}

#[test]
fn an_invitation_is_answered_where_it_came_from_or_nowhere() {
    let mut network = Network::open();
    network.deliver(address(1, 5005), address(2, 5004), &invitation(7, 10));
    assert_eq!(network.states(1), [State::Open]);
    let (to, octets) = network.under_way.iter().map(|(_, _, to, octets)| (*to, octets)).next_back().unwrap();
    assert_eq!((to, &octets[2..4]), (address(1, 5005), &b"NO"[..]));
}

#[test]
fn a_peer_may_have_another_source_and_token_on_its_data_port() {
    let mut network = Network::pair();
    let (control, data) = (address(7, 9000), address(7, 9001));
    network.deliver(control, address(2, 5004), &invitation(1, 70));
    network.deliver(data, address(2, 5005), &invitation(1, 71));
    assert_eq!(network.states(1), [State::Open]);
    network.deliver(control, address(2, 5004), &invitation(1, 70));
    assert_eq!(network.states(1), [State::Open]);
    let answers: Vec<_> = network.under_way.iter().map(|(_, _, to, _)| *to).collect();
    assert_eq!(answers, [control, data, control]);

    let other = (address(8, 9000), address(8, 9001));
    network.deliver(other.0, address(2, 5004), &invitation(1, 80));
    network.deliver(other.1, address(2, 5005), &invitation(2, 80));
    assert_eq!(network.states(1), [State::Open, State::Open]);
}

#[test]
fn names_may_be_long_and_of_any_octets_and_ours_is_cut_between_characters() {
    let name = "Flügel, ".repeat(20);
    let ours = |config: &mut Config| config.name.clone_from(&name);
    let mut network = Network::new(vec![end(2, 20, ours)]);
    for (host, theirs) in [(50, name.as_bytes()), (51, &[0xC3; 200]), (52, "é".as_bytes()), (53, b"")] {
        let octets = Packet::Invitation(Party { token: 1, ssrc: host.into(), name: theirs }).octets();
        network.deliver(address(host, 5004), address(2, 5004), &octets);
        let (.., answer) = network.under_way.last().unwrap();
        let Ok(Packet::Acceptance(party)) = Packet::decode(answer) else { panic!("not accepted") };
        let told = std::str::from_utf8(party.name).unwrap();
        assert!(name.starts_with(told) && told.len() <= theirs.len().min(63), "{told}");
        let (_, participant) = network.ends[0].session.participants().last().unwrap();
        assert!(participant.name().chars().count() <= 63, "{}", participant.name());
    }
}
