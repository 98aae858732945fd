//! Name spaces and the streams that share them (RFC 6295, C.5).

use std::collections::BTreeMap;

use crate::config::decimal;
use crate::{Direction, Media, Session, Stream};

/// Name spaces that belong together: those of one `musicport`, or of several that follow each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Relation {
    /// The name spaces in order: the channels of the n-th, counted from 0, are 16 n to 16 n + 15.
    pub spaces: Vec<Space>,
}

/// One MIDI name space of each party.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Space {
    /// The number of all its streams.
    pub musicport: u32,
    /// The streams, in order.
    pub members: Vec<Member>,
}

/// A stream by its place in the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// The media line, counted from 0.
    pub media: usize,
    /// The stream among those of its line, counted from 0.
    pub stream: usize,
}

/// A member with what it stands for.
pub(super) type Known<'a> = (Member, &'a Media, &'a Stream);

impl Session {
    /// How the RTP MIDI streams are related, by rising `musicport`. Streams without one, with one that is no number, and
    /// those of refused lines are in no relation: their name spaces are their own.
    pub fn relations(&self) -> Vec<Relation> {
        let mut spaces: BTreeMap<u32, Vec<Member>> = BTreeMap::new();
        for (member, _, stream) in self.members() {
            if let Some(musicport) = stream.musicport() {
                spaces.entry(musicport).or_default().push(member);
            }
        }
        let mut relations: Vec<Relation> = Vec::new();
        for (musicport, members) in spaces {
            let space = Space { musicport, members };
            let follows = |relation: &&mut Relation| {
                relation.spaces.last().is_some_and(|last| last.musicport.checked_add(1) == Some(musicport))
            };
            match relations.last_mut().filter(follows) {
                Some(relation) => relation.spaces.push(space),
                None => relations.push(Relation { spaces: vec![space] }),
            }
        }
        relations
    }

    pub(super) fn members(&self) -> impl Iterator<Item = Known<'_>> {
        let lines = self.media.iter().enumerate().filter(|(_, line)| line.is_usable());
        lines.flat_map(|(media, line)| {
            let streams = line.streams.iter().enumerate();
            streams.map(move |(stream, described)| (Member { media, stream }, line, described))
        })
    }

    pub(super) fn known(&self, member: Member) -> Option<Known<'_>> {
        let line = self.media.get(member.media)?;
        Some((member, line, line.streams.get(member.stream)?))
    }
}

impl Relation {
    /// The streams of all name spaces.
    pub fn members(&self) -> impl Iterator<Item = Member> {
        self.spaces.iter().flat_map(|space| space.members.iter().copied())
    }

    /// The number of channel 0 of a stream in the larger space.
    pub fn first_channel(&self, member: Member) -> Option<usize> {
        self.spaces.iter().position(|space| space.members.contains(&member)).map(|index| index * CHANNELS)
    }
}

impl Space {
    /// The stream that is sent and the one that is received, where the space is a virtual sendrecv stream.
    pub fn virtual_pair(&self, session: &Session) -> Option<(Member, Member)> {
        let [one, other] = self.members[..] else { return None };
        let direction = |member| session.known(member).map(|(_, line, _)| line.direction);
        match (direction(one)?, direction(other)?) {
            (Direction::SendOnly, Direction::ReceiveOnly) => Some((one, other)),
            (Direction::ReceiveOnly, Direction::SendOnly) => Some((other, one)),
            _ => None,
        }
    }
}

impl Stream {
    /// `musicport`, if it is there and a number of 32 bits.
    pub fn musicport(&self) -> Option<u32> {
        self.parameters.last("musicport").and_then(decimal)
    }
}

/// MIDI channels of one name space.
const CHANNELS: usize = 16;

#[cfg(test)]
mod tests {
    use super::super::testing::session;
    use super::*;

    fn spaces(session: &Session) -> Vec<Vec<(u32, Vec<usize>)>> {
        let of = |space: &Space| (space.musicport, space.members.iter().map(|member| member.media).collect());
        session.relations().iter().map(|relation| relation.spaces.iter().map(of).collect()).collect()
    }

    #[test]
    fn equal_numbers_are_one_space_and_those_in_sequence_a_larger_one() {
        let both = session(&[
            ("sendrecv", "musicport=6"),
            ("sendrecv", "musicport=5"),
            ("sendrecv", "musicport=6"),
            ("sendrecv", "musicport=9"),
            ("sendrecv", "j_sec=none"),
        ]);
        assert_eq!(spaces(&both), [vec![(5, vec![1]), (6, vec![0, 2])], vec![(9, vec![3])]]);
        let first = &both.relations()[0];
        let channel = |media| first.first_channel(Member { media, stream: 0 });
        assert_eq!([channel(0), channel(1), channel(2), channel(3)], [Some(16), Some(0), Some(16), None]);
        assert_eq!(both.relation_violations(), []);
    }

    #[test]
    fn numbers_have_32_bits() {
        let ends = session(&[("sendrecv", "musicport=0"), ("sendrecv", "musicport=4294967295")]);
        assert_eq!(spaces(&ends), [vec![(0, vec![0])], vec![(4_294_967_295, vec![1])]]);
        for wrong in ["4294967296", "007", "-1", "+1", ""] {
            assert_eq!(session(&[("sendrecv", &format!("musicport={wrong}"))]).relations(), [], "{wrong}");
        }
    }

    #[test]
    fn a_stream_in_each_direction_is_a_virtual_sendrecv_stream() {
        let pair = session(&[("sendonly", "musicport=1"), ("recvonly", "musicport=1")]);
        let space = &pair.relations()[0].spaces[0];
        let (sent, received) = space.virtual_pair(&pair).unwrap();
        assert_eq!((sent.media, received.media), (0, 1));
        let both = session(&[("sendonly", "musicport=1"), ("sendrecv", "musicport=1")]);
        assert_eq!(both.relations()[0].spaces[0].virtual_pair(&both), None);
    }
}
