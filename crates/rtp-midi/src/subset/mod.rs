//! Keeps out the commands that a stream does not carry, at either end (RFC 6295, C.1).
//!
//! The same rules hold for what a sender is given and for what a receiver gives out. Most commands are told by
//! themselves; a controller of the parameter system by the transaction that it belongs to ([`transaction`]), a segment of
//! a System Exclusive by the whole command ([`sysex`]).

mod gate;
mod sysex;
mod transaction;

pub(crate) use gate::Gate;

use crate::config::Commands;
use crate::journal::is_reset_state;
use crate::midi::{Channel, Command, Part, Segment, System, U7, Voice};
use sysex::Progress;
use transaction::{Selected, Transaction};

/// What [`Commands`] let through.
#[derive(Clone, Debug)]
pub(crate) struct Subset {
    commands: Commands,
    /// Channels of which something is kept out, one bit a channel.
    watched: u16,
    transactions: [Pair; 16],
    sysex: Progress,
    /// Counts packets: what comes in one belongs together.
    packet: u32,
}

/// The transaction of a channel as the source has it, and as it is with what has been let through.
#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    source: Transaction,
    stream: Transaction,
}

/// What is to be done with a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It may come.
    In,
    /// It is kept out.
    Out,
    /// It is kept out, and the System Exclusive whose first segments were let through is to be called off.
    Cancel,
}

/// Calls off a System Exclusive.
pub(crate) const CANCEL: Command<'static> = Command::System(System::SysEx(Segment { part: Part::Cancel, data: &[] }));

impl Subset {
    /// The subset for a sender, which must not cancel where the stream has no cancel sublists.
    pub(crate) fn of_sender(commands: Commands) -> Self {
        let cancels = commands.cancels();
        Self::new(commands, cancels)
    }

    /// The subset for a receiver.
    pub(crate) fn of_receiver(commands: Commands) -> Self {
        Self::new(commands, true)
    }

    fn new(commands: Commands, cancels: bool) -> Self {
        let watched = Channel::all().filter(|channel| !commands.has_all_of(*channel));
        Self {
            watched: watched.fold(0, |watched, channel| watched | 1 << channel.get()),
            sysex: Progress::new(commands.class_octets(), cancels),
            commands,
            transactions: Default::default(),
            packet: 0,
        }
    }

    /// Whether a command needs no judging: it is of a channel of which nothing is kept out.
    #[inline]
    pub(crate) const fn is_free(&self, command: &Command<'_>) -> bool {
        matches!(command, Command::Channel(channel, _) if !self.watches(*channel))
    }

    /// What is to be done with the next command. Asking changes nothing: [`Subset::observe`] does.
    pub(crate) fn judge(&mut self, command: &Command<'_>) -> Verdict {
        let is_in = match command {
            Command::Channel(channel, Voice::ControlChange { controller, value }) => {
                self.has_control(*channel, *controller, *value)
            }
            Command::Channel(channel, voice) => self.commands.has_voice(*channel, *voice),
            Command::System(System::SysEx(segment)) => return self.sysex.judge(&self.commands, segment),
            Command::System(system) => self.commands.has_system(system),
        };
        if is_in { Verdict::In } else { Verdict::Out }
    }

    /// Takes note of a command of which [`Subset::judge`] has just given this verdict.
    pub(crate) fn observe(&mut self, command: &Command<'_>, verdict: Verdict) {
        match command {
            Command::Channel(channel, Voice::ControlChange { controller, value }) => {
                let Pair { source, stream } = &mut self.transactions[usize::from(*channel)];
                *source = source.after(*controller, *value, self.packet);
                if verdict == Verdict::In {
                    *stream = stream.after(*controller, *value, self.packet);
                }
            }
            Command::Channel(..) => {}
            Command::System(System::SysEx(segment)) => {
                if let Some(data) = self.sysex.observe(segment)
                    && is_reset_state(data)
                {
                    self.transactions = Default::default();
                }
            }
            Command::System(System::Reset) => self.transactions = Default::default(),
            Command::System(_) => {}
        }
    }

    /// A packet ends, and what comes next is in another.
    pub(crate) fn end_packet(&mut self) {
        self.packet = self.packet.wrapping_add(1);
    }

    /// Whether a System Exclusive may come, all of whose data octets are known. It may go out in segments then.
    pub(crate) fn admits(&mut self, segment: &Segment<'_>) -> bool {
        self.sysex.admits(&self.commands, segment)
    }

    /// Whether something of a channel is kept out.
    #[inline]
    pub(crate) const fn watches(&self, channel: Channel) -> bool {
        self.watched & 1 << channel.get() != 0
    }

    /// Whether a controller may come, by the role that its place gives it (A.3.4).
    fn has_control(&self, channel: Channel, controller: U7, value: U7) -> bool {
        let Pair { source, stream } = self.transactions[usize::from(channel)];
        let selected = source.after(controller, value, self.packet).selected();
        let alone = || self.commands.has_voice(channel, Voice::ControlChange { controller, value });
        match controller.get() {
            98..=101 => self.selects(channel, selected, controller),
            6 | 38 | 96 | 97 => match selected {
                Selected::Parameter(number) => self.commands.has_entry(channel, number, controller),
                // A transaction that was closed by what has been kept out would take it for its own.
                _ => alone() && stream.selected() == Selected::Nothing,
            },
            _ => alone(),
        }
    }

    /// Whether a number, or half of one, may be selected: if some parameter that it may lead to is allowed.
    fn selects(&self, channel: Channel, selected: Selected, controller: U7) -> bool {
        match selected {
            Selected::Parameter(number) => self.commands.has_entry(channel, number, controller),
            Selected::Msb(first) if !transaction::is_null(first | 0x7F) => {
                self.commands.has_parameter_of(channel, first..=first | 0x7F)
            }
            // Null, in part or whole, or an LSB whose MSB is still to come.
            Selected::Msb(_) | Selected::Nothing => self.commands.has_parameter_of(channel, 0..=transaction::LAST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Letters, Numbers, Selection};

    fn types(letters: &str, fields: &[u32]) -> Selection {
        let fields = Numbers::new(fields.iter().map(|number| *number..=*number));
        Selection::Types { channels: Numbers::default(), letters: Letters::of(letters), fields }
    }

    fn commands(used: &[(bool, Selection)]) -> Commands {
        let mut commands = Commands::default();
        for (used, selection) in used {
            if *used { commands.allow(selection) } else { commands.forbid(selection) }
        }
        commands
    }

    fn pass(subset: &mut Subset, octets: &[u8]) -> Verdict {
        let command = Command::decode(octets).unwrap().0;
        if subset.is_free(&command) {
            return Verdict::In;
        }
        let verdict = subset.judge(&command);
        assert_eq!(subset.judge(&command), verdict, "asking changes nothing");
        subset.observe(&command, verdict);
        verdict
    }

    /// The control changes of channel 0 that come through.
    fn through(used: &[(bool, Selection)], controls: &[(u8, u8)]) -> Vec<(u8, u8)> {
        let mut subset = Subset::of_sender(commands(used));
        let mut through = controls.to_vec();
        through.retain(|(controller, value)| pass(&mut subset, &[0xB0, *controller, *value]) == Verdict::In);
        through
    }

    #[test]
    fn a_letter_keeps_out_its_commands_and_no_others() {
        let every: [(&str, &[&[u8]]); 17] = [
            ("A", &[&[0xA0, 60, 1]]),
            ("B", &[&[0xFF]]),
            ("C", &[&[0xB0, 7, 1]]),
            ("F", &[&[0xF1, 1]]),
            ("G", &[&[0xF6]]),
            ("H", &[&[0xF3, 1]]),
            ("J", &[&[0xF4, 1, 0xF7]]),
            ("K", &[&[0xF5, 0xF7]]),
            ("N", &[&[0x90, 60, 1], &[0x80, 60, 1]]),
            ("P", &[&[0xC0, 1]]),
            ("Q", &[&[0xF2, 1, 1], &[0xF8], &[0xFA], &[0xFB], &[0xFC]]),
            ("T", &[&[0xD0, 1]]),
            ("V", &[&[0xFE]]),
            ("W", &[&[0xE0, 1, 1]]),
            ("X", &[&[0xF0, 1, 0xF7], &[0xF0, 1, 0xF0]]),
            ("Y", &[&[0xF9]]),
            ("Z", &[&[0xFD]]),
        ];
        for (letter, _) in every {
            let mut allowed = Commands::all();
            allowed.forbid(&types(letter, &[]));
            for (other, examples) in every {
                for octets in examples {
                    let verdict = pass(&mut Subset::of_sender(allowed.clone()), octets);
                    assert_eq!(verdict == Verdict::Out, letter == other, "{octets:02X?} without {letter}");
                }
            }
        }
    }

    #[test]
    fn a_transaction_of_an_excluded_parameter_is_kept_out_whole() {
        let controls =
            [(101, 0), (100, 1), (6, 2), (38, 3), (96, 0), (100, 0), (6, 12), (101, 127), (100, 127), (6, 9)];
        let without_1 = [(101, 0), (100, 0), (6, 12), (101, 127), (100, 127), (6, 9)];
        assert_eq!(through(&[(false, types("M", &[1]))], &controls), without_1);
        assert_eq!(through(&[(false, types("M", &[])), (true, types("M", &[0]))], &controls), without_1);
        assert_eq!(through(&[(false, types("M", &[0, 1]))], &controls), [(101, 0), (101, 127), (100, 127), (6, 9)]);
    }

    #[test]
    fn without_m_only_general_purpose_controllers_are_left() {
        let controls =
            [(6, 1), (101, 0), (100, 0), (6, 2), (96, 0), (101, 127), (100, 127), (6, 3), (99, 1), (121, 0), (38, 4)];
        assert_eq!(through(&[(false, types("M", &[]))], &controls), [(6, 1), (6, 3), (121, 0), (38, 4)]);
    }

    #[test]
    fn without_c_the_parameters_that_m_names_are_left() {
        let controls = [(7, 1), (6, 1), (101, 0), (100, 0), (6, 2), (98, 5), (101, 127), (100, 127), (7, 2)];
        let only_0 = [(false, types("CM", &[])), (true, types("M", &[0]))];
        assert_eq!(through(&only_0, &controls), [(101, 0), (100, 0), (6, 2), (98, 5), (101, 127), (100, 127)]);
        assert!(through(&[(false, types("C", &[]))], &controls).is_empty());
    }

    #[test]
    fn an_msb_passes_when_it_may_lead_to_an_allowed_parameter() {
        let only = |number| [(false, types("M", &[])), (true, types("M", &[number]))];
        assert_eq!(through(&only(0x205), &[(101, 3), (100, 5), (6, 1), (101, 4), (99, 4)]), [(101, 4)]);
        assert_eq!(through(&only(16_384 + 0x205), &[(101, 4), (99, 4), (98, 5), (38, 1)]), [(99, 4), (98, 5), (38, 1)]);
        // An MSB alone and a data entry are LSB 0.
        assert_eq!(through(&only(0x205), &[(101, 4), (6, 1)]), [(101, 4)]);
    }

    #[test]
    fn an_lsb_in_front_of_its_msb_is_told_with_it() {
        let controls = [(100, 0), (101, 0), (6, 2)];
        assert_eq!(through(&[(false, types("M", &[0]))], &controls), [(100, 0)]);
        assert_eq!(through(&[(false, types("M", &[1]))], &controls), controls);
    }

    #[test]
    fn an_entry_never_reaches_another_parameter_than_its_own() {
        let without_nrpn = Selection::Types {
            channels: Numbers::default(),
            letters: Letters::of("M"),
            fields: Numbers::new([16_384..=32_767]),
        };
        // The NRPN is excluded; what follows its reset is general-purpose, and an open RPN would take it.
        let controls = [(101, 0), (100, 0), (6, 2), (99, 1), (98, 1), (6, 3), (100, 4), (6, 5)];
        let mut subset = Subset::of_sender(commands(&[(false, without_nrpn)]));
        let through: Vec<_> = controls.iter().filter(|c| pass(&mut subset, &[0xB0, c.0, c.1]) == Verdict::In).collect();
        assert_eq!(through, [&(101, 0), &(100, 0), &(6, 2), &(100, 4)]);
    }

    #[test]
    fn a_reset_closes_what_was_selected() {
        for reset in [&[0xFF][..], &[0xF0, 0x7E, 0x7F, 9, 1, 0xF7]] {
            let mut subset = Subset::of_sender(commands(&[(false, types("M", &[]))]));
            assert_eq!(pass(&mut subset, &[0xB0, 99, 1]), Verdict::Out);
            assert_eq!(pass(&mut subset, &[0xB0, 6, 1]), Verdict::Out);
            assert_eq!(pass(&mut subset, reset), Verdict::In);
            assert_eq!(pass(&mut subset, &[0xB0, 6, 1]), Verdict::In, "{reset:02X?}");
        }
    }

    #[test]
    fn other_channels_go_free() {
        let channel = Selection::Types {
            channels: Numbers::new([4..=4]),
            letters: Letters::of("CN"),
            fields: Numbers::default(),
        };
        let mut subset = Subset::of_sender(commands(&[(false, channel)]));
        assert_eq!(subset.watched, 1 << 4);
        assert_eq!(pass(&mut subset, &[0x94, 60, 1]), Verdict::Out);
        assert_eq!(pass(&mut subset, &[0x95, 60, 1]), Verdict::In);
        assert_eq!(Subset::of_receiver(Commands::default()).watched, 0);
    }
}
