//! What both ends remember of a stream: the session history of RFC 6295 A.1, as far as journals code it.

use super::channel;
use super::section::{self, Section};
use super::sizes::Sizes;
use super::system::{self, Effect, Missing, missing_segment};
use super::window::{Coded, Loss, Origin, S, Stamp, View};
use crate::config::{ChannelChapters, Chapters, Config, Inclusion};
use crate::midi::{Channel, Command, Part, Segment, System, U7};

/// Sixteen channels, each of which takes memory from its first command on, and the system.
#[derive(Clone, Debug)]
pub(crate) struct History {
    /// Which chapters the journals of the stream have.
    chapters: Chapters,
    /// H: some controllers have enhanced coding.
    enhanced: bool,
    system: system::History,
    channels: [Option<Box<channel::History>>; 16],
    /// Makes the history of a channel that has had no command yet.
    begin: fn(&ChannelChapters) -> channel::History,
}

/// What a journal came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Written {
    pub(crate) sizes: Sizes,
    /// Parts that had to leave something out.
    pub(crate) cut: u32,
    /// Some commands of controllers with enhanced coding had to be left out.
    pub(crate) short: bool,
}

impl History {
    /// The history of a sender.
    pub(crate) fn of_sender(config: &Config) -> Self {
        let mut chapters = config.chapters.clone();
        chapters.count_parameters(config.counted_parameters.as_ref());
        Self::new(chapters, system::History::of_sender(), channel::History::of_sender)
    }

    /// The history of a receiver.
    pub(crate) fn of_receiver(chapters: Chapters) -> Self {
        Self::new(chapters, system::History::of_receiver(), channel::History::of_receiver)
    }

    fn new(chapters: Chapters, system: system::History, begin: fn(&ChannelChapters) -> channel::History) -> Self {
        Self { enhanced: chapters.is_enhanced(), chapters, system, channels: Default::default(), begin }
    }

    /// Takes note of a command.
    #[inline]
    pub(crate) fn observe(&mut self, command: &Command<'_>, stamp: Stamp) {
        match *command {
            Command::Channel(channel, voice) => self.channel(channel).0.observe(voice, stamp, Origin::Stream),
            Command::System(system) => {
                let _ = self.observe_system(&system, stamp, Origin::Stream);
            }
        }
    }

    fn observe_system(&mut self, system: &System<'_>, stamp: Stamp, origin: Origin) -> Effect {
        let effect = self.system.observe(system, stamp, origin);
        if effect == Effect::ResetState {
            for history in self.channels.iter_mut().flatten() {
                history.reset_state();
            }
        }
        effect
    }

    /// Appends the journal section.
    pub(crate) fn encode(&mut self, view: &View, out: &mut Vec<u8>) -> Written {
        let start = out.len();
        out.extend([0; section::HEADER]);
        let system = self.system.encode(view, &self.chapters.system, out);
        let mut sizes = Sizes::of_system(out.len() - start - section::HEADER);
        let (mut s, mut cut, mut short) = (S::Unchanged, 0, false);
        let mut add = |coded: Coded| {
            s = s.and(coded.s);
            short |= coded.short;
            cut += u32::from(coded.cut);
        };
        system.into_iter().for_each(&mut add);
        let mut channels = 0;
        for (channel, history) in Channel::all().zip(&mut self.channels) {
            let rules = self.chapters.channel(channel);
            let before = out.len();
            if let Some(coded) = history.as_mut().and_then(|history| history.encode(channel, view, rules, out)) {
                add(coded);
                sizes.set_channel(channel, out.len() - before);
                channels += u8::from(out.len() > before);
            }
        }
        section::encode_header(
            s,
            self.enhanced,
            sizes.system() > 0,
            channels,
            view.checkpoint.low(),
            &mut out[start..],
        );
        Written { sizes, cut, short }
    }

    /// Compares with a journal and gives what was lost to `play`, in the order in which it must be executed.
    ///
    /// Returns how many parts of the journal could not be read; then all notes are ended, since nothing is known of
    /// them.
    pub(crate) fn repair(&mut self, journal: &Section<'_>, loss: &Loss, play: &mut impl FnMut(&Command<'_>)) -> u32 {
        if !loss.concerns(journal.s) {
            return 0;
        }
        let mut malformed = 0;
        let system = journal.system().and_then(|system| system.map_err(|_| malformed += 1).ok());
        let skip = system.is_some_and(|system| !loss.concerns(system.s));
        let mut loss = *loss;
        let mut begun = None;
        if !skip {
            let effect = self.repair_system(system.as_ref(), &loss, &mut begun, play);
            loss = if effect == Effect::ResetState { loss.total() } else { loss };
        }
        let loss = &loss;
        for theirs in journal.channels() {
            match theirs {
                Ok(theirs) if !loss.concerns(theirs.s) => {}
                Ok(theirs) => {
                    let channel = theirs.channel;
                    let (ours, rules) = self.channel(channel);
                    ours.repair(&theirs, rules, loss, &mut |voice| play(&Command::Channel(channel, voice)));
                }
                Err(_) => malformed += 1,
            }
        }
        if let Some(system) = system.filter(|_| !skip) {
            self.system.repair_time(&system, loss, play);
        }
        if let Some(begun) = begun {
            play(&Command::from(missing_segment(&begun)));
        }
        if malformed > 0 {
            self.silence(loss.stamp(), |_| true, play);
        }
        malformed
    }

    /// Resets, System Exclusives, and the other commands without a place in time; says whether state was reset.
    ///
    /// A System Exclusive that has not ended is `begun` and comes last: no other command is lost behind its beginning.
    fn repair_system(
        &mut self,
        theirs: Option<&system::Journal<'_>>,
        loss: &Loss,
        begun: &mut Option<Missing>,
        play: &mut impl FnMut(&Command<'_>),
    ) -> Effect {
        let reset = theirs.is_some_and(|theirs| self.system.lacks_reset(theirs));
        if reset {
            play(&Command::System(System::Reset));
            self.observe_system(&System::Reset, loss.stamp(), Origin::Repair);
        }
        let mut effect = if reset { Effect::ResetState } else { Effect::None };
        let mut missing = self.system.missing_sysex(theirs, loss);
        *begun = missing.pop_if(|(part, _)| *part == Part::First);
        for missing in missing {
            let segment = missing_segment(&missing);
            play(&Command::from(segment));
            if self.observe_system(&System::SysEx(segment), loss.stamp(), Origin::Repair) == Effect::ResetState {
                effect = Effect::ResetState;
            }
        }
        if let Some(theirs) = theirs {
            self.system.repair_simple(theirs, loss, play);
        }
        effect
    }

    /// Takes lasting state that it has never heard of from the journal of a packet behind which nothing is missing.
    pub(crate) fn catch_up(&mut self, journal: &Section<'_>, loss: &Loss, play: &mut impl FnMut(&Command<'_>)) {
        for theirs in journal.channels().flatten() {
            let channel = theirs.channel;
            let (ours, rules) = self.channel(channel);
            ours.catch_up(&theirs, rules, loss, &mut |voice| play(&Command::Channel(channel, voice)));
        }
        if let Some(Ok(system)) = journal.system() {
            self.system.catch_up(&system, loss, play);
        }
    }

    /// Takes from the journal of a packet behind which nothing is missing what commands alone do not tell.
    pub(crate) fn align(&mut self, journal: &Section<'_>) {
        if let Some(Ok(system)) = journal.system() {
            self.system.align(&system);
        }
        if !journal.enhanced {
            return;
        }
        for (channel, ours) in Channel::all().zip(&mut self.channels) {
            if let Some(ours) = ours.as_mut().filter(|ours| ours.is_unsure()) {
                ours.align(journal.channels().flatten().find(|theirs| theirs.channel == channel).as_ref());
            }
        }
    }

    /// Ends what would go on sounding, and a System Exclusive under way, as far as `which` journal rules are concerned.
    pub(crate) fn silence(
        &mut self,
        stamp: Stamp,
        which: impl Fn(Inclusion) -> bool,
        play: &mut impl FnMut(&Command<'_>),
    ) {
        if which(Inclusion::Default) && self.system.cancel_sysex() {
            play(&Command::from(Segment { part: Part::Cancel, data: &[] }));
        }
        for (channel, history) in Channel::all().zip(&mut self.channels) {
            let Some(history) = history else { continue };
            for voice in history.silence(self.chapters.channel(channel), &which).collect::<Vec<_>>() {
                play(&Command::Channel(channel, voice));
                history.observe(voice, stamp, Origin::Repair);
            }
        }
    }

    /// What every channel that was ever used, and the system, remember.
    #[cfg(test)]
    pub(crate) fn state(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let used = (0..).zip(&self.channels).filter_map(|(number, channel)| Some((number, channel.as_ref()?)));
        let told =
            |number: u8, channel: &channel::History| channel.state(self.chapters.channel(Channel::masked(number)));
        let blank = channel::History::default();
        let channels: Vec<(u8, _)> = used
            .map(|(number, channel)| (number, told(number, channel)))
            .filter(|(number, state)| *state != told(*number, &blank))
            .collect();
        (self.system.state(), channels)
    }

    /// Whether a note sounds.
    pub(crate) fn sounds(&self, channel: Channel, note: U7) -> bool {
        self.channels[usize::from(channel)].as_ref().is_some_and(|channel| channel.sounds(note))
    }

    /// The RTP time at which a note was struck that sounds with this velocity.
    pub(crate) fn struck(&self, channel: Channel, note: U7, velocity: U7) -> Option<u32> {
        self.channels[usize::from(channel)].as_ref()?.struck(note, velocity)
    }

    /// The number of notes that sound.
    pub(crate) fn sounding(&self) -> usize {
        self.channels.iter().flatten().map(|channel| channel.sounding()).sum()
    }

    #[inline]
    fn channel(&mut self, channel: Channel) -> (&mut channel::History, &ChannelChapters) {
        let rules = self.chapters.channel(channel);
        (self.channels[usize::from(channel)].get_or_insert_with(|| Box::new((self.begin)(rules))), rules)
    }
}
