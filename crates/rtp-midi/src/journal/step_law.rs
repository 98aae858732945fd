//! The law of enhanced coding (A.3.3): commands that are steps, such as those of a rotary encoder, are executed once
//! each and in their order, whatever is lost, late or doubled on the way. A receiver that comes late executes all that
//! comes from then on, and nothing that was before.

use proptest::prelude::*;

use crate::config::{Chapters, Inclusion, Letters, Numbers, Selection};
use crate::midi::{Channel, Command, U7, Voice};
use crate::{Config, Journal, Policy, Received, Receiver, Sender};

/// Rotary encoders: one that can be data entry, two without another meaning, and one that is a pedal elsewhere.
const ENCODERS: [u8; 4] = [6, 16, 17, 64];

/// One packet: its commands, and what the network does to it.
#[derive(Clone, Debug)]
struct Step {
    commands: Vec<Voice>,
    fate: Fate,
    /// A report of what has arrived reaches the sender.
    report: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Lost,
    Arrives,
    Doubled,
    /// It arrives behind the packet after it.
    Late,
}

/// More packets than this are never lost in a row: a list has room for 63 steps of a number.
const LONGEST_LOSS: usize = 10;

fn voice() -> impl Strategy<Value = Voice> {
    let controller = prop_oneof![
        6 => prop::sample::select(ENCODERS.to_vec()),
        1 => prop::sample::select(vec![7, 66, 121, 123]),
    ];
    let change = (controller, 0..128_u8).prop_map(|(controller, value)| Voice::ControlChange {
        controller: U7::masked(controller),
        value: U7::masked(value),
    });
    let note = (60..62_u8, 0..2_u8)
        .prop_map(|(note, velocity)| Voice::NoteOn { note: U7::masked(note), velocity: U7::masked(velocity) });
    prop_oneof![8 => change, 1 => note]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    use Fate::{Arrives, Doubled, Late, Lost};
    let fate = prop::sample::select(vec![Lost, Lost, Lost, Lost, Arrives, Arrives, Arrives, Doubled, Late]);
    let step = (prop::collection::vec(voice(), 0..5), fate, prop::bool::weighted(0.3))
        .prop_map(|(commands, fate, report)| Step { commands, fate, report });
    prop::collection::vec(step, 1..60)
}

fn config(policy: Policy, inclusion: Inclusion) -> Config {
    let fields = Numbers::new(ENCODERS.map(|number| 128 + u32::from(number)).map(|field| field..=field));
    let mut chapters = Chapters::default();
    let (channels, letters) = (Numbers::default(), Letters::of("C"));
    chapters.assign(inclusion, &Selection::Types { channels, letters, fields });
    Config { journal: Journal::Recovery(policy), chapters, ..Config::new(1000) }
}

/// The values of each encoder's commands.
#[derive(Clone, Default)]
struct Steps([Vec<u8>; ENCODERS.len()]);

impl Steps {
    fn observe(&mut self, command: &Command<'_>) {
        let Command::Channel(_, Voice::ControlChange { controller, value }) = *command else { return };
        let number = controller.get();
        if let Some(index) = ENCODERS.iter().position(|encoder| *encoder == number) {
            self.0[index].push(value.get());
        }
    }
}

fn run(policy: Policy, inclusion: Inclusion, joins: usize, steps: &[Step]) -> Result<(), TestCaseError> {
    let config = config(policy, inclusion);
    let mut sender = Sender::new(config.clone(), 65_530);
    let mut receiver = Receiver::new(config);
    let (mut sent, mut heard, mut late, mut losses, mut began) = (Steps::default(), Steps::default(), None, 0, false);
    for ((index, step), time) in steps.iter().enumerate().zip((0..).step_by(7)) {
        let mut behind = sent.clone();
        for voice in &step.commands {
            let command = Command::Channel(Channel::default(), *voice);
            sender.queue(time, command).unwrap();
            behind.observe(&command);
        }
        let mut payload = Vec::new();
        let packet = sender.packet(time, &mut payload);
        if index < joins {
            // Another receiver reports; nothing of this is for ours.
            if step.report {
                sender.acknowledge(8, u32::from(packet.sequence));
            }
            continue;
        }
        sent = behind;
        losses = if matches!(step.fate, Fate::Lost | Fate::Late) { losses + 1 } else { 0 };
        let arrives = !began || losses == 0 || losses > LONGEST_LOSS;
        if !arrives {
            late = (step.fate == Fate::Late).then_some((packet, payload));
            continue;
        }
        losses = 0;
        let times = if step.fate == Fate::Doubled { 2 } else { 1 };
        let packets = std::iter::repeat_n((packet, payload), times).chain(late.take());
        for (packet, payload) in packets {
            let received = Received { sequence: packet.sequence, timestamp: packet.timestamp, payload: &payload };
            receiver.receive(received, |event| heard.observe(&event.command));
        }
        prop_assert_eq!(&heard.0, &sent.0);
        if step.report || !began {
            sender.acknowledge(7, u32::from(packet.sequence));
            sender.acknowledge(8, u32::from(packet.sequence));
        }
        began = true;
    }
    prop_assert_eq!(receiver.stats().uncovered, 0);
    Ok(())
}

proptest! {
    #[test]
    fn anchor(joins in 0..20_usize, steps in steps()) {
        run(Policy::Anchor, Inclusion::Default, joins, &steps)?;
    }

    #[test]
    fn closed_loop(joins in 0..20_usize, steps in steps()) {
        run(Policy::ClosedLoop, Inclusion::Default, joins, &steps)?;
    }

    #[test]
    fn open_loop(joins in 0..20_usize, steps in steps()) {
        run(Policy::OpenLoop, Inclusion::Default, joins, &steps)?;
    }

    #[test]
    fn anchored_in_a_closed_loop(joins in 0..20_usize, steps in steps()) {
        run(Policy::ClosedLoop, Inclusion::Anchor, joins, &steps)?;
    }
}
