//! Behind a single loss a receiver may skip every element with S = 1: here it does not even get them.

use std::rc::Rc;

use rtp_midi::midi::{Command, End, Part, Segment};
use rtp_midi::{Commands, Config, Journal, Policy, Sender};

use crate::composer::{Composer, Style};
use crate::device::Pieces;
use crate::listener::{Demand, Listener, Sent};
use crate::random::Random;
use crate::thin::thin;
use crate::{WEATHERS, thorough};

#[test]
fn elements_with_s_1_are_not_needed_behind_single_losses() {
    for policy in [Policy::Anchor, Policy::ClosedLoop, Policy::OpenLoop] {
        let thinned: usize = (0..if thorough() { 200 } else { 20 }).map(|seed| follow(policy, seed)).sum();
        assert!(thinned > 20_000, "{policy:?}: only {thinned} octets taken out");
    }
}

/// Plays a session of single losses; returns how many octets were taken out of journals.
fn follow(policy: Policy, seed: u64) -> usize {
    let style = Style { channels: 3, notes: 6, exclusive: 20, resets: 150 };
    let config = Config { journal: Journal::Recovery(policy), commands: Commands::all(), ..Config::new(1000) };
    let mut sender = Sender::new(config.clone(), 65_500);
    let mut listener = Listener::new(config, seed, WEATHERS[0], &[]);
    (listener.complete_from, listener.pieces) = (Some(0), Pieces::Bank);
    let (mut composer, mut random) = (Composer::new(seed, style), Random::new(!seed));
    let (mut log, mut lost, mut thinned) = (Vec::new(), true, 0);
    for number in 0..400 {
        let time = 20 * number as u32;
        let commands: Vec<_> = (0..random.below(4)).flat_map(|_| composer.gesture()).collect();
        for octets in &commands {
            if octets[0] == 0xF0 {
                let data = &octets[1..octets.len() - 1];
                // In segments of one packet, which are whole again in front of the other commands.
                for segment in (Segment { part: Part::Whole(End::Eox), data }).split(1 + random.below(12) as usize) {
                    sender.queue(time, Command::from(segment)).unwrap();
                }
            } else {
                sender.queue(time, Command::decode(octets).unwrap().0).unwrap();
            }
        }
        log.push(commands);
        let mut payload = Vec::new();
        let packet = sender.packet(time, &mut payload);
        let loses = !lost && random.happens(40);
        if !loses {
            let arrives = if lost && number > 0 { thin(&payload) } else { payload.clone() };
            thinned += payload.len() - arrives.len();
            let sent =
                Sent { number, sequence: packet.sequence, timestamp: packet.timestamp, payload: Rc::from(arrives) };
            let heard = listener.hear(&sent, &log, Demand::Equal);
            heard.unwrap_or_else(|why| panic!("{policy:?}, seed {seed}: {why}"));
            if random.happens(10) {
                sender.acknowledge(1, u32::from(packet.sequence));
            }
        }
        lost = loses;
    }
    thinned
}
