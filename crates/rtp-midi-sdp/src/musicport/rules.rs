//! What streams that share name spaces must not do (RFC 6295, C.5).

use rtp_midi::midi::{Channel, U7, Voice};
use rtp_midi::{Commands, Format};

use super::relation::{Known, Member};
use crate::{Direction, Media, Session, Stream, Violation};

impl Session {
    /// The rules of C.5 that the session breaks.
    pub fn relation_violations(&self) -> Vec<Violation> {
        let mut found: Vec<Violation> = self.ungrouped().into_iter().collect();
        for relation in self.relations() {
            let known: Vec<Known<'_>> = relation.members().filter_map(|member| self.known(member)).collect();
            found.extend(mixture(&known));
            found.extend(renderers(&known));
            for space in &relation.spaces {
                let known: Vec<Known<'_>> = space.members.iter().filter_map(|member| self.known(*member)).collect();
                found.extend(doubles(&known));
                found.extend(split_transactions(&known));
            }
        }
        found
    }

    /// Lines of which several use `musicport` and that no group of the kind FID has together.
    fn ungrouped(&self) -> Option<Violation> {
        let mut lines: Vec<(usize, &Media)> = Vec::new();
        for (member, line, _) in self.members().filter(|(_, _, stream)| stream.musicport().is_some()) {
            if lines.last().is_none_or(|(last, _)| *last != member.media) {
                lines.push((member.media, line));
            }
        }
        let is_grouped = |(_, line): &(usize, &Media)| {
            self.groups.iter().any(|group| {
                group.semantics.eq_ignore_ascii_case("FID")
                    && line.mid.as_ref().is_some_and(|mid| group.mids.contains(mid))
            })
        };
        let (media, _) = lines.iter().find(|line| !is_grouped(line)).filter(|_| lines.len() > 1)?;
        Some(Violation::of("SC.5-07", *media, "uses musicport as other lines do, but no a=group:FID has its a=mid"))
    }
}

impl Stream {
    /// Whether the stream says by what it is to be rendered: by `render`, or by what `config` holds.
    fn has_renderer(&self) -> bool {
        let mut renders = self.parameters.iter().filter(|parameter| parameter.name.eq_ignore_ascii_case("render"));
        renders.any(|parameter| !parameter.value.eq_ignore_ascii_case("null")) || self.has_config()
    }

    fn has_config(&self) -> bool {
        self.format == Format::Mpeg4Generic
            && self.parameters.last("config").is_some_and(|config| !config.trim_matches('"').is_empty())
    }
}

/// The parts of a relationship within which formats must be alike and one renderer is the most: those sent and those
/// received where nothing goes both ways, else all.
fn sides<'a, 'b>(known: &'b [Known<'a>]) -> Vec<Vec<&'b Known<'a>>> {
    let is = |direction| move |known: &&Known<'_>| known.1.direction == direction;
    let one_way = |known: &Known<'_>| matches!(known.1.direction, Direction::SendOnly | Direction::ReceiveOnly);
    if !known.iter().all(one_way) {
        return vec![known.iter().collect()];
    }
    [Direction::SendOnly, Direction::ReceiveOnly].map(|direction| known.iter().filter(is(direction)).collect()).into()
}

/// Native and mpeg4-generic streams in one relationship.
fn mixture(known: &[Known<'_>]) -> Option<Violation> {
    sides(known).into_iter().find_map(|side| {
        let (_, line, first) = side.first()?;
        let (member, ..) = side.iter().find(|(_, _, stream)| stream.format != first.format)?;
        let requirement = match line.direction {
            Direction::SendOnly => "SC.5-09",
            Direction::ReceiveOnly => "SC.5-10",
            _ => "SC.5-08",
        };
        Some(Violation::of(requirement, member.media, "mixes rtp-midi and mpeg4-generic in one musicport relationship"))
    })
}

/// More renderers than one, and `config` beside the tools of C.6.
fn renderers(known: &[Known<'_>]) -> Vec<Violation> {
    let tools = known.iter().any(|(_, _, stream)| stream.parameters.last("render").is_some());
    let both = known.iter().filter(|(_, _, stream)| tools && stream.has_config());
    let mut found: Vec<Violation> = both
        .map(|(member, ..)| {
            Violation::of("SC.5-15", member.media, "config is not empty though its relationship has a render parameter")
        })
        .collect();
    for side in sides(known) {
        if let Some((member, ..)) = side.into_iter().filter(|(_, _, stream)| stream.has_renderer()).nth(1) {
            found.push(Violation::of("SC.5-14", member.media, "is the second of its relationship to name a renderer"));
        }
    }
    found
}

/// Streams of one name space in one RTP session.
fn doubles(known: &[Known<'_>]) -> Option<Violation> {
    let pair = known.windows(2).find(|pair| pair[0].0.media == pair[1].0.media)?;
    let musicport = pair[1].2.musicport().unwrap_or_default();
    Some(Violation::of("SC.5-04", pair[1].0.media, format!("has two streams with musicport={musicport}")))
}

/// Controllers that select parameters in one stream and those that set them in another: no stream could carry a
/// transaction, and no journal of either would tell of it.
fn split_transactions(known: &[Known<'_>]) -> Option<Violation> {
    for direction in [Direction::SendOnly, Direction::ReceiveOnly] {
        let side = known.iter().filter(|(_, line, _)| match direction {
            Direction::SendOnly => line.direction.sends(),
            _ => line.direction.receives(),
        });
        let side: Vec<(Member, Commands)> = side
            .filter_map(|(member, line, stream)| Some((*member, stream.config(&line.transport).ok()?.commands)))
            .collect();
        for channel in Channel::all() {
            let selects =
                |commands: &Commands| SELECTORS.iter().any(|pair| pair.iter().all(|n| has(commands, channel, *n)));
            let sets = |commands: &Commands| has(commands, channel, DATA_ENTRY);
            let is_whole =
                |commands: &Commands| has_transactions(commands, channel) || selects(commands) && sets(commands);
            let whole = side.iter().any(|(_, commands)| is_whole(commands));
            let selecting = side.iter().any(|(_, commands)| selects(commands));
            let setting = side.iter().find(|(_, commands)| sets(commands));
            if let (false, true, Some((member, _))) = (whole, selecting, setting) {
                let what = format!("sets parameters on channel {} that another stream selects", channel.get());
                return Some(Violation::of("SC.5-11", member.media, what));
            }
        }
    }
    None
}

/// The controllers that select an RPN, and an NRPN.
const SELECTORS: [[u8; 2]; 2] = [[100, 101], [98, 99]];
/// The controller that sets it.
const DATA_ENTRY: u8 = 6;

fn has(commands: &Commands, channel: Channel, controller: u8) -> bool {
    let controller = U7::masked(controller);
    commands.has_voice(channel, Voice::ControlChange { controller, value: U7::default() })
}

/// Whether transactions may come in one stream: of parameters by name, or all that their controllers can do.
fn has_transactions(commands: &Commands, channel: Channel) -> bool {
    const FIRST_NRPN: u16 = 1 << 14;
    [0, FIRST_NRPN].into_iter().any(|number| commands.has_parameter(channel, number))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{HEAD, session};
    use super::*;

    fn broken(lines: &[(&str, &str)]) -> Vec<&'static str> {
        session(lines).relation_violations().iter().map(|violation| violation.requirement).collect()
    }

    const MPEG4: &str = "mode=rtp-midi; config=\"\"; musicport=1";

    #[test]
    fn streams_of_one_space_are_in_different_sessions() {
        let text = "m=audio 5004 RTP/AVP 96 97\na=rtpmap:96 rtp-midi/44100\na=rtpmap:97 rtp-midi/44100\n";
        let parse = |second: u32| {
            let text = format!("{HEAD}{text}a=fmtp:96 musicport=5\na=fmtp:97 musicport={second}\n");
            Session::parse(text.as_bytes()).unwrap().relation_violations()
        };
        assert_eq!(parse(6), []);
        assert_eq!(parse(5)[0].to_string(), "media line 1: has two streams with musicport=5 [SC.5-04]");
    }

    #[test]
    fn lines_that_share_spaces_are_grouped() {
        let mut both = session(&[("sendrecv", "musicport=1"), ("sendrecv", "musicport=7")]);
        assert_eq!(both.relation_violations(), []);
        both.groups[0].mids.pop();
        assert_eq!(both.relation_violations()[0].requirement, "SC.5-07");
        both.groups.clear();
        both.media.pop();
        assert_eq!(both.relation_violations(), []);
    }

    #[test]
    fn formats_mix_only_between_the_directions() {
        let native = "musicport=1";
        assert_eq!(broken(&[("sendonly", native), ("recvonly", MPEG4)]), Vec::<&str>::new());
        assert_eq!(broken(&[("sendrecv", native), ("sendrecv", MPEG4)]), ["SC.5-08"]);
        assert_eq!(broken(&[("sendrecv", native), ("recvonly", MPEG4)]), ["SC.5-08"]);
        assert_eq!(broken(&[("sendonly", native), ("sendonly", MPEG4)]), ["SC.5-09"]);
        assert_eq!(broken(&[("recvonly", native), ("recvonly", MPEG4)]), ["SC.5-10"]);
    }

    #[test]
    fn a_relationship_has_one_renderer() {
        let general = "mode=rtp-midi; config=7A0A; musicport=1";
        let tools = "mode=rtp-midi; config=\"\"; musicport=1; render=synthetic; rinit=audio/asc";
        assert_eq!(broken(&[("sendrecv", general), ("sendrecv", MPEG4)]), Vec::<&str>::new());
        assert_eq!(broken(&[("sendrecv", general), ("sendrecv", general)]), ["SC.5-14"]);
        assert_eq!(broken(&[("sendonly", general), ("recvonly", general)]), Vec::<&str>::new());
        assert_eq!(broken(&[("sendonly", tools), ("sendonly", tools)]), ["SC.5-14"]);
        let null = "mode=rtp-midi; config=\"\"; musicport=1; render=null";
        assert_eq!(broken(&[("sendrecv", tools), ("sendrecv", null)]), Vec::<&str>::new());
        assert_eq!(broken(&[("sendrecv", null), ("sendrecv", general)]), ["SC.5-15"]);
    }

    #[test]
    fn transactions_are_not_split_between_streams() {
        let selects = "musicport=1; cm_unused=CM; cm_used=C100.101";
        let sets = "musicport=1; cm_unused=CM; cm_used=C6.38";
        assert_eq!(broken(&[("sendrecv", selects), ("sendrecv", sets)]), ["SC.5-11"]);
        let by_channel = [("sendrecv", "musicport=1; cm_unused=1C"), ("sendrecv", "musicport=1; cm_unused=0C")];
        assert_eq!(broken(&by_channel), Vec::<&str>::new());
        assert_eq!(broken(&[("sendonly", selects), ("recvonly", sets)]), Vec::<&str>::new());
        // Controllers of parameters may be used for other things.
        assert_eq!(broken(&[("sendrecv", "musicport=1; cm_unused=M"), ("sendrecv", sets)]), Vec::<&str>::new());
    }
}
